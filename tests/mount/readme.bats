#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What README shows is what happens: every command in it is run, or it is said here why not.

export NO_MOUNT=1
load helper

TOP=$BATS_TEST_DIRNAME/../..

# Runs README's console blocks in one shell beside ./mnt, and makes `session` of them: the commands
# as they stand there, each with what it said.
run_blocks() {
	sed -n '/^```console$/,/^```$/p' "$TOP/README.md" | grep -v '^```' > shown
	{
		declare -f lent can_lent_reading
		echo 'exec 2>&1'
		grep '^\$ ' shown | sed 's/^\$ //' | while IFS= read -r line; do
			printf "printf '%%s\\\\n' '\$ %s'\n" "${line//\'/\'\\\'\'}"
			printf '%s\n' "$line"
			[[ $line != 'rsync '*' backup/' ]] || echo 'lent backup'
		done
	} > script
	# the notice is for those environments alone in which `lent` does anything
	env COLUMNS=60 bash script | grep -v 'notice: without CAP_DAC_READ_SEARCH' > session
}

# An ellipsis in README stands for anything on its line; how ls arranges names does not matter.
@test "the tour" {
	M=$T/mnt
	mkdir mnt
	ln -s "$TOP/scripts" scripts
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
	# what the company's CA has signed is right for strict validators too
	mkdir mnt/app_connector/company mnt/app_connector/company/keys/k
	echo company > mnt/app_connector/company/keys/k/signing_cert
	csr strict
	enroll_here strict.csr mnt/app_connector/company/keys/k/enroll > strict.crt
	openssl verify -x509_strict -CAfile company.pem -untrusted strict.crt strict.crt
	certtool --verify --load-ca-certificate company.pem < strict.crt
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

# But for the section whose commands copy.bats runs.
list_commands() {
	awk '/^```/ {fence = !fence; next} /^#/ {out = /What copies a key/} !fence && !out' "$TOP/README.md" > prose
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
	sed -E "s,/srv/enrollfs,$M,g; s,/var/lib/enrollfs,$T/lib,g; s,/root/,$T/,g; s,/etc/enrollfs,$T/etc,g; ${2-}" \
		<<< "$1" > "$T/command"
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
	mkdir mnt backup etc
	chown backup backup
	start -o export_gid="$(id -g backup)"
	group
	list_commands | sort -u > listed
	for name in web1 gate; do csr $name; done

	(cd "$K" && tries 'echo 50 > max_uses')
	(cd "$K" && tries 'cat key') > auto.key
	(cd "$K" && tries 'cp web1.csr enroll.d/' "s,web1,$T/web1,")
	is "$K/uses" 1
	tries 'command="connector-enroll --gate /srv/enrollfs",restrict ssh-ed25519 AAAA...' 's/^command="([^"]*)".*/\1/' \
		< <(cat auto.key gate.csr) > gate.crt
	verifies gate.crt
	tries 'chgrp -R netops mnt/app_connector/berlin' 's/netops/3001/'
	tries 'chmod -R g+rwX  mnt/app_connector/berlin'
	setpriv --reuid 65534 --regid 65534 --groups 3001 bash -c "echo 51 > $K/max_uses"
	tries 'chmod 444 mnt/log; chmod 555 mnt/tables'
	setpriv --reuid 65534 --regid 65534 --clear-groups cat mnt/log mnt/tables/keys.tsv > /dev/null
	tries 'chmod 440 mnt/log mnt/log.head; chmod 550 mnt/tables'
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups cat mnt/log
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups ls mnt/tables
	outside_ca > /dev/null
	mkdir mnt/certs/moved
	tries 'cat ca.pem chain.pem ca.key > mnt/certs/<name>/import' 's/<name>/moved/; s/ca.pem chain.pem ca.key/outside.crt outside.pem/'
	is mnt/certs/moved/state active
	tries 'ln -s /srv/enrollfs/metrics /var/lib/prometheus/node-exporter/enrollfs.prom' "s,[^ ]*/node-exporter,$T,"
	grep -q '^enrollfs_keys' enrollfs.prom
	tries '*/5 * * * *  backup  rsync -a --delete /srv/enrollfs/export/ vault:enrollfs/' \
		's/^.*  backup  /setpriv --reuid backup --regid backup --clear-groups /; s/vault:enrollfs/backup/'
	[ -s backup/store.json ]
	tries 'tests/mount/guess.py times mnt 2000' "s,^,$TOP/,; s/2000/20/"
	cp mnt/log.head log.head
	stop
	tries 'install -d -m 700 -o enrollfs /var/lib/enrollfs'
	cp -p store* lib/
	tries 'fsck.enrollfs --log-head "$(cat /root/log.head)" /var/lib/enrollfs/store'
	mv lib/store.key etc/master_key
	tries 'fsck.enrollfs --master-key /etc/enrollfs/master_key /var/lib/enrollfs/store'

	# synopses
	not_run <<-'TXT'
		enrollfs [-f] [-o OPTION,...] STORE MOUNTPOINT
		fsck.enrollfs [--log-head HASH] [--master-key FILE] STORE
		mkfs.enrollfs [--domain NAME] [--user NAME] [--master-key FILE] STORE
		mkfs.enrollfs --from DIR [--master-key FILE] STORE
	TXT
	# service.bats boots a machine with this line in its fstab
	not_run <<-'TXT'
		/var/lib/enrollfs/store  /srv/enrollfs  fuse.enrollfs  domain=corp.example  0 0
	TXT
	# hidepid.bats does both in a namespace of its own
	not_run <<-'TXT'
		mount -o remount,hidepid=2,gid=GROUP /proc
		usermod -aG GROUP enrollfs
	TXT
	# what is spoken of, not told to be typed; scripts/bench measures some of it
	not_run <<-'TXT'
		cat max_uses
		echo n > max_uses
		openssl ca
		openssl ca -batch
		openssl ocsp -index
		openssl x509
		openssl x509 -req
		sqlite3 STORE 'BEGIN IMMEDIATE'
		systemd-analyze security
	TXT
	# where scripts/bench has brought it
	! type cfssl > /dev/null 2>&1 || not_run <<< 'cfssl serve'
	grep -vxFf dealt_with listed > rest || :
	while IFS= read -r text; do
		for_developers "$text" || printf '%s\n' "$text"
	done < rest > untried
	diff /dev/null untried
	[ "$(wc -l < rest)" -gt 10 ]
	not for_developers 'scripts/test build nonsense'
	not for_developers 'make nonsense'
}
