#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What README shows is what happens: every command in it is run, or it is said here why not.

export NO_MOUNT=1
load helper

TOP=$BATS_TEST_DIRNAME/../..

# An ellipsis in README stands for anything on its line; how ls arranges names does not matter. A notice
# says where `lent` does something.
@test "the tour" {
	M=$T/mnt
	mkdir mnt
	for name in scripts README.md; do ln -s "$TOP/$name" .; done
	ln -s "$(dirname "$ENROLLFS")" build
	install -d -o enrollfs data
	ln -s ../store.key data/enrollfs.db.key
	start
	rsync() { command rsync "$@" && lent backup; }
	export -f rsync lent can_lent_reading
	export ANSIBLE_HOME=$T/ansible ANSIBLE_LOCAL_TEMP=$T/ansible/tmp ANSIBLE_NOCOLOR=1 COLUMNS=60
	export ANSIBLE_PYTHON_INTERPRETER=auto_silent # later releases warn of the one that they find
	"$BATS_TEST_DIRNAME/transcript.py" README.md -- bash -c \
		'set -o pipefail; bash -c "$(cat)" | grep -v "notice: without CAP_DAC_READ_SEARCH"' 3>&-
}

@test "README is short: 170 lines of at most 100 columns" {
	[ "$(wc -l < "$TOP/README.md")" -le 170 ]
	for document in README.md store/backup/FORMAT.md tests/RESULTS.md tests/README.md; do
		not env LC_ALL=C.UTF-8 grep -nE '^.{101,}' "$TOP/$document"
	done
}

# --- what is not in a console block: indented lines, and commands in backquotes ---

# A script of ours, or a program that is here with an argument (with options alone it is just spoken of).
is_command() {
	local text
	text=$(sed -E 's/^([A-Z_]+=[^ ]* )*//' <<< "$1")
	case $text in
	scripts/*) return 0 ;;
	*enrollfs\ * | connector-enroll\ * | tests/*\ *) return 0 ;;
	[a-z]*\ [!-]*) type "${text%% *}" > /dev/null 2>&1 ;;
	*) return 1 ;;
	esac
}

list_commands() {
	awk '/^```/ {fence = !fence; next} !fence && !/^<!--/' "$TOP/README.md" > prose
	sed -n 's/^    //p' prose
	grep -v '^    ' prose | tr '\n' ' ' | grep -oE '`[^`]+`' | tr -d '`' | while IFS= read -r text; do
		! is_command "$text" || printf '%s\n' "$text"
	done
}

# shown TEXT: README shows this command; it is dealt with.
shown() {
	grep -Fxq -- "$1" "$T/listed" || { echo "README does not show: $1" >&2; return 1; }
	printf '%s\n' "$1" >> "$T/dealt_with"
}

# tries TEXT [EDIT]: runs it as it stands there, but for the paths of an installed system and the edit.
tries() {
	shown "$1" || return 1
	sed -E "s,/srv/enrollfs,$M,g; ${2-}" <<< "$1" > "$T/command"
	PATH=$TOP/scripts:${ENROLLFS%/*}:$PATH bash -eo pipefail "$T/command" 3>&-
}

# for_developers TEXT: the script, the target of make or the test that it names is there; scripts/check
# runs them, and start.bats scripts/start.
for_developers() {
	local name text
	text=$(sed -E 's/^([A-Z_]+=[^ ]* )*//; s/ *#.*//' <<< "$1")
	case $text in
	'make '*)
		for name in ${text#make }; do
			[[ $name = *=* ]] || grep -q "^$name:" "$TOP/Makefile" || return 1
		done
		;;
	'scripts/test build '*)
		for name in ${text#scripts/test build }; do
			[ "$name" = units ] || [ -e "$BATS_TEST_DIRNAME/$name.bats" ] || return 1
		done
		;;
	scripts/*) [ -x "$TOP/${text%% *}" ] ;;
	*) return 1 ;;
	esac
}

# not_run: what README shows beside that, on stdin.
not_run() {
	local text
	while IFS= read -r text; do
		shown "$text" || return 1
	done
}

@test "every other command in README" {
	M=$T/mnt
	mkdir mnt
	start
	group
	list_commands | sort -u > listed
	csr gate

	(cd "$K" && tries 'echo 50 > max_uses')
	(cd "$K" && tries 'cat key') > auto.key
	tries 'command="connector-enroll --gate /srv/enrollfs",restrict ssh-ed25519 AAAA...' 's/^command="([^"]*)".*/\1/' \
		< <(cat auto.key gate.csr) > gate.crt
	verifies gate.crt

	# what tests/RESULTS.md tells to do beside a mount
	grep -q '`tests/mount/guess.py times mnt 2000`' "$TOP/tests/RESULTS.md"
	"$TOP/tests/mount/guess.py" times mnt 20

	# what is spoken of, not told to be typed; scripts/bench measures it
	not_run <<< 'openssl ca -batch'
	# package.bats does both on a machine with systemd
	not_run <<-'TXT'
		systemctl enable --now enrollfs
		connector-enroll --setup TARGET
	TXT
	grep -vxFf dealt_with listed > rest || :
	while IFS= read -r text; do
		for_developers "$text" || printf '%s\n' "$text"
	done < rest > untried
	diff /dev/null untried
	[ "$(wc -l < rest)" -gt 3 ]
	not for_developers 'scripts/test build nonsense'
	not for_developers 'make nonsense'
}

@test "what tests/README.md and tests/RESULTS.md tell to run is there" {
	local text
	sed -n 's/^    \(ENROLLFS=[^ ]* \)\?//p' "$TOP/tests/README.md" | grep -vE '^(bats|build/)' > told
	grep -ohE '`([A-Z_]+=[^ ]* )?(scripts/[a-z-]+( [^`]*)?|make( [^`]*)?)`' "$TOP/tests/README.md" "$TOP/tests/RESULTS.md" |
		tr -d '`' >> told
	while IFS= read -r text; do
		[[ $text = *'[A-Z]'* ]] || for_developers "$text" || { echo "no such thing: $text"; return 1; }
	done < <(grep -vxE 'make|.* [A-Z]+' told)
	[ "$(wc -l < told)" -gt 20 ]
}
