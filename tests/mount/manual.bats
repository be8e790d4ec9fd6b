#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The manual pages: each file of the tree has its paragraph in enrollfs(5), and each command that the
# pages show does what they show, or it is said here why it is not run.

load helper

TOP=$BATS_TEST_DIRNAME/../..

setup() {
	if [[ $BATS_TEST_DESCRIPTION = 'a paragraph'* ]]; then
		set_up_mount
	else
		NO_MOUNT=yes set_up_mount
	fi
}

teardown() {
	rm -rf "${H-}"
	take_down_mount
}

can_pid_namespaces() { unshare --mount --pid --fork --mount-proc true; }

# shows PAGE... < LIST: their commands, but for those in the list, print what the pages show.
shows() {
	cat > not_run
	needs mount_namespaces pid_namespaces
	H=$(mktemp -d -p /dev/shm)
	chmod 755 "$H"
	"$BATS_TEST_DIRNAME/transcript.py" --not-run not_run "${@/#/$TOP/}" -- \
		"$BATS_TEST_DIRNAME/host.sh" "$H" "${ENROLLFS%/*}" 3>&-
}

@test "a paragraph for each file of the tree, and no other" {
	csr web1
	enroll_here web1.csr > /dev/null
	echo 2 > "$K/max_uses"
	echo 1 > "$K/approval"
	csr web2
	refused 'Operation now in progress' enroll_here web2.csr
	"$BATS_TEST_DIRNAME/paragraphs.py" "$TOP" "$M"
}

@test "without a paragraph, or with one too many, it would fail" {
	mkdir top top/fs
	cp "$TOP/fs/tree.c" top/fs
	for edit in '/^.It Pa max_uses Pq/d' 's/^.It Pa copies Pq r$/&w/' '/^.It Pa copies Pq/i .It Pa copied Pq r' \
		'/^.It Pa enroll.d/d' 's/^.Sh A MEMBER/.Sh MEMBERS/'; do
		sed "$edit" "$TOP/fs/enrollfs.5" > top/fs/enrollfs.5
		not cmp -s top/fs/enrollfs.5 "$TOP/fs/enrollfs.5"
		not "$BATS_TEST_DIRNAME/paragraphs.py" top
	done
	cp "$TOP/fs/enrollfs.5" top/fs
	"$BATS_TEST_DIRNAME/paragraphs.py" top
}

@test "the commands of enrollfs(5)" {
	shows fs/enrollfs.5 < /dev/null
}

@test "the commands of enrollfs(7), the runbook" {
	shows fs/enrollfs.7 <<-'TXT'
		; check-install does, where it changes nothing of this machine
		make install
	TXT
}

@test "the commands of enrollfs(8)" {
	shows fs/enrollfs.8 <<-'TXT'
		; hidepid.bats does both in a namespace of its own
		usermod -aG netops enrollfs
		mount -o remount,hidepid=2,gid=netops /proc
		; service.bats does, where systemd runs
		systemd-sysusers
	TXT
}

@test "the commands of mkfs.enrollfs(8), fsck.enrollfs(8) and rekey.enrollfs(8)" {
	shows store/tools/mkfs.enrollfs.8 store/tools/fsck.enrollfs.8 store/tools/rekey.enrollfs.8 < /dev/null
}

@test "the commands of trim.enrollfs(8)" {
	shows store/tools/trim.enrollfs.8 < /dev/null
}

@test "the commands of connector-enroll(1)" {
	shows scripts/connector-enroll.1 <<-'TXT'
		; connector.bats does over an sshd of its own
		connector-enroll ssh:enroll@vault.corp.example:/srv/enrollfs/enroll
		; service.bats does, as the unit's first lines say
		connector-enroll --setup -k auto.key /srv/enrollfs/enroll
	TXT
}

@test "the commands of the export's format" {
	/usr/bin/python3 -c 'import cryptography' 2> /dev/null || skip 'no cryptography for Python here'
	shows store/backup/FORMAT.md < /dev/null
}

pages() { (cd "$TOP" && ls fs/*.[1-9] store/tools/*.[1-9] scripts/*.[1-9]); }

# Displays that do not begin with a prompt, and commands with an argument within sentences.
without_prompt() {
	local page
	for page in $(pages); do
		awk '/^\.Bd -literal/ {fresh = 1; next} fresh && !/^\.\\"/ {fresh = 0; if (!/^[#$] /) print}' "$TOP/$page"
	done | sed 's/\\-/-/g'
}
within_sentences() {
	local page text
	for page in $(pages); do
		sed -nE 's/^\.(Pq )?Ql ([a-z][a-z0-9]* [^ ].*)/\2/p' "$TOP/$page"
	done | sed -E "s/ [.,;:]$//; s/\\\\\(aq/'/g" | grep ' ' | while IFS= read -r text; do
		! type "${text%% *}" > /dev/null 2>&1 || printf '%s\n' "$text"
	done
}

# now SCRIPT: runs it in the key's directory, and says it.
now() { (cd "$K" && PATH=$TOP/scripts:$PATH bash -eo pipefail -c "${2-$1}") && printf '%s\n' "$1"; }

@test "commands that the pages show in another way" {
	csr web1
	csr gate
	mkdir new
	echo 7 > new/max_uses
	start
	group
	{
		now 'echo 50 > max_uses'
		now 'cp web1.csr enroll.d/' "cp $T/web1.csr enroll.d/; [ -s enroll.d/web1.crt ]"
		now 'df -i' 'df -i . > /dev/null'
		cat <<-'TXT'
			cp STORE
			systemctl stop enrollfs
			umount /srv/enrollfs
		TXT
		# disks.bats
		echo "sqlite3 STORE 'BEGIN IMMEDIATE'"
		rsync -aI --delay-updates new/ "$K/" 2> said
		grep -q 'Unable to create' said
		not rsync -aI --backup --backup-dir=old new/ "$K/" 2> /dev/null
		is "$K/max_uses" 50
		printf '%s\n' 'rsync --backup-dir' 'rsync --delay-updates'
		# copy.bats, removal.bats, drafts.bats, log.bats
		printf '%s\n' 'chmod o= GROUP' 'chmod o+r key' 'ls -l log' # access.bats, old_store.bats
		printf '%s\n' 'chown -R' 'rsync -aL' 'rm -r' 'sed -i' 'sed -i' 'sed -i' 'tail -f'
		# spoken of, not told to be typed
		printf '%s\n' 'set -e' 'set mkdir rmdir rename chown copy enroll renew revoke revoked' 'ssh -p 2222 -i FILE'
	} | sort > known
	within_sentences | sort | diff known -

	cat "$K/key" gate.csr > request
	{
		now 'command="connector-enroll --gate /srv/enrollfs",restrict ssh-ed25519 AAAA...' \
			"connector-enroll --gate $M < $T/request > $T/gate.crt"
		verifies gate.crt
		# export.bats does, as a user of that group
		echo '*/5 * * * * backup rsync -a --delete /srv/enrollfs/export/ vault:enrollfs/'
		# of the script before it, which trim.bats and this file try in parts
		echo '0 4 2 1 * root /usr/local/sbin/trim-enrollfs'
		# service.bats boots a machine with this line in its fstab
		echo '/var/lib/enrollfs/store  /srv/enrollfs  fuse.enrollfs  domain=corp.example  0 0'
		# copy.bats runs what is in these
		printf '%s\n' 'cat *' 'ls -lL'
		# one URI of several lines, and the files of units, of which standby.bats installs two
		printf '%s\n' 'postgresql://pg1,pg2/enrollfs' '[Mount]' '[Service]' '[Unit]'
		# of nginx, which the suite does not run
		echo 'location /enrollment/ {'
		# the tree
		echo MOUNT/
	} | sort > known
	without_prompt | sort | diff known -
}

@test "the pages are found by man(1) where they are" {
	command -v man > /dev/null || skip 'no man here'
	for page in fs/enrollfs.5 fs/enrollfs.7 fs/enrollfs-hosts.7 fs/enrollfs.8 store/tools/mkfs.enrollfs.8 store/tools/fsck.enrollfs.8 \
		store/tools/trim.enrollfs.8 scripts/connector-enroll.1; do
		(cd "$TOP" && LC_ALL=C.UTF-8 MANWIDTH=80 man "./$page") > page 2> said
		[ ! -s said ]
		grep -q '^NAME' page
	done
}
