#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# /proc mounted with hidepid: the daemon sees no process of another user, and not what groups a caller
# is in. Each test runs in a pid namespace of its own, with a /proc of its own.

export NO_MOUNT=1
load helper

setup() {
	set_up_mount
	D=$T/d
	mkdir "$D"
	export ASAN_OPTIONS=${ASAN_OPTIONS/$T/$D} UBSAN_OPTIONS=${UBSAN_OPTIONS/$T/$D}
	unshare --mount --pid --fork --mount-proc true 2> /dev/null ||
		skip 'no namespaces can be made here'
}

# hidden [OPTION] < SCRIPT: the script where /proc has hidepid=2 and this option; it fails as a test
# does.
hidden() {
	{
		cat <<'EOS'
set -eE
. "$BATS_TEST_DIRNAME/helper.bash"
run() { status=0; output=$("$@" 2>&1) || status=$?; }
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
trap 'umount -l "$M" 2> /dev/null || :' EXIT
netops() { setpriv --reuid=2001 --regid=2001 --groups=3001 "$@"; }
other() { setpriv --reuid=2002 --regid=2002 --groups=3002 "$@"; }
mount -t proc -o "remount,hidepid=2${1-}" proc /proc
serve() {
	"$ENROLLFS" -f -o domain=corp.example "$D/store" "$M" 2>> "$T/log" &
	PID=$!
	wait_until answers
	group
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
}
EOS
		cat
		echo 'umount "$M"; wait "$PID"'
	} > script
	export T M D ENROLLFS BATS_TEST_DIRNAME
	unshare --mount --pid --fork --mount-proc --kill-child bash script "$@" 3>&-
}

@test "a team edits and deletes as it may, where its groups are unknown; it is told at the mount" {
	hidden <<'EOS'
serve
grep -q 'notice: /proc hides the processes of other users (hidepid).*mount it with gid=GROUP' "$T/log"
netops bash -c "echo 5 > $K/max_uses"
netops sed -i s/5/6/ "$K/max_uses"
is "$K/max_uses" 6
netops perl -i -pe s/6/7/ "$K/max_uses"
is "$K/max_uses" 7
netops bash -c "rm $K/description && echo mine > $K/description"
is "$K/description" mine
netops mkdir "$G/keys/new"
netops mv "$G/keys/new" "$G/keys/newer"
netops rm -r "$G/keys/newer"
netops rm -r "$K"
[ ! -e "$K" ]
# the owner of an object that is not in the group of its parent
mkdir "$G/keys/mine"
chown -R 2001:2001 "$G/keys/mine"
netops rm -r "$G/keys/mine"
# the trail has no command, and says who it was
grep '"uid":2001,' "$M/log" | grep -q '"comm":"","action":"rmdir"'
EOS
}

@test "nothing else is opened by what is unknown" {
	hidden <<'EOS'
serve
for f in .key max_uses enroll; do
	[ $f = max_uses ] || refused 'ermi' other cat "$K/$f"
	refused 'ermi' other rm -f "$K/$f"
	refused 'ermi' other sed -i s/1/2/ "$K/$f"
done
# files with an owner of their own, which whoever may write to the directory may not touch
chown root:3001 "$K/.key" "$K/max_uses"
chmod 400 "$K/.key"
chmod 444 "$K/max_uses"
chown root:3003 "$K/enabled" "$K/enroll"
chmod 660 "$K/enabled" "$K/enroll"
refused 'Permission denied' netops sed -i s/1/77/ "$K/max_uses"
for f in .key enabled enroll; do
	refused 'Permission denied' netops /usr/bin/python3 -c "
import os
os.unlink('$K/$f')
os.open('$K/$f', os.O_RDWR | os.O_CREAT)"
	[[ $output = *'line 4'* ]]
done
refused 'Permission denied' netops sed -i s/connector/root/ "$K/signing_cert"
back() { [ -e "$K/enabled" ] && [ -e "$K/enroll" ]; }
wait_until back
refused 'Permission denied' netops sed -i s/1/0/ "$K/enabled"
is "$K/max_uses" 1
is "$K/enabled" 1
is "$K/copies" 0
grep '"uid":2001,' "$M/log" |
	grep -q '"result":"EACCES","reason":"the caller.s groups are unknown, since /proc hides its process"'
# a chgrp to a group that is the owner's own, which the kernel knows
chown -R 2001 "$K"
netops chgrp 2001 "$K"
refused 'not permitted' netops chgrp 3002 "$K"
EOS
}

@test "with gid= of a group that the daemon's user is in, nothing is hidden from it" {
	needs memory_of_others # to see the groups of a process that /proc hides
	id enrollfs > /dev/null || skip 'there is no user enrollfs'
	cp /etc/group group
	echo 'seeing:x:3009:enrollfs' >> group
	hidden ,gid=3009 <<'EOS'
mount --bind "$T/group" /etc/group
serve
! grep 'hides the processes' "$T/log" || exit 1
[ "$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$PID/status" | tr -d ' ')" = 3009 ]
netops sed -i s/1/6/ "$K/max_uses"
is "$K/max_uses" 6
grep '"uid":2001,' "$M/log" | grep -q '"comm":"sed","action":"set"'
EOS
}
