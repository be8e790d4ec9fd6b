#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What README shows is what happens.

NO_MOUNT=1
load helper

# Runs README's console blocks in one shell beside ./mnt, and makes `session` of them: the commands
# as they stand there, each with what it said.
run_blocks() {
	sed -n '/^```console$/,/^```$/p' "$BATS_TEST_DIRNAME/../../README.md" | grep -v '^```' > shown
	{
		declare -f lent can_lent_reading
		echo 'exec 2>&1'
		grep '^\$ ' shown | sed 's/^\$ //' | while IFS= read -r line; do
			printf "printf '%%s\\\\n' '\$ %s'\n" "${line//\'/\'\\\'\'}"
			printf '%s\n' "$line"
			[[ $line != 'rsync '*' backup/' ]] || echo 'lent backup'
		done
	} > script
	env COLUMNS=60 bash script > session
}

# An ellipsis in README stands for anything on its line; how ls arranges names does not matter.
@test "the tour" {
	M=$T/mnt
	mkdir mnt
	ln -s "$BATS_TEST_DIRNAME/../../scripts" scripts
	ln -s "$(dirname "$ENROLLFS")" build
	install -d -o enrollfs data
	ln -s ../store.key data/enrollfs.db.key
	start
	run_blocks
	python3 - <<'PY'
import re

def blocks(name):
    out, current = [], None
    for line in open(name):
        line = line.rstrip('\n')
        if line.startswith('$ '):
            current = []
            out.append((line, current))
        else:
            current.append(line)
    return out

shown, session = blocks('shown'), blocks('session')
assert len(shown) == len(session) > 30, (len(shown), len(session))
for (command, want), (ran, got) in zip(shown, session):
    assert command == ran, (command, ran)
    if re.match(r'\$ ls\b', command):
        want, got = [sorted(' '.join(x).split()) for x in (want, got)]
    pattern = '\n'.join(re.escape(w).replace(r'\.\.\.', '.*') for w in want)
    assert re.fullmatch(pattern, '\n'.join(got)), (command, want, got)
PY
}
