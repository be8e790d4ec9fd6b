#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The units, with systemd on a machine of the test's own (systemd.sh).

load helper

TOP=$BATS_TEST_DIRNAME/../..

setup() {
	NO_MOUNT=yes set_up_mount
	D=$(mktemp -d -p /dev/shm)
	install -D -t "$D/files/usr/local/sbin" "$ENROLLFS" "${ENROLLFS%/*}/fsck.enrollfs"
	install -D "$TOP/scripts/connector-enroll" "$D/files/usr/local/bin/connector-enroll"
	install -D -m 644 -t "$D/files/usr/local/lib/systemd/system" "$TOP"/scripts/*.service "$TOP"/scripts/*.timer
	install -D -m 644 "$TOP/scripts/enrollfs.sysusers" "$D/files/usr/local/lib/sysusers.d/enrollfs.conf"
	# ptrace(2), which it needs to look for leaks, is none of the unit's system calls
	printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' |
		install -D -m 644 /dev/stdin "$D/files/etc/systemd/system/enrollfs.service.d/sanitizer.conf"
	MNT=/srv/enrollfs
	boot
	# what this machine itself may have of it
	inside_sh 'rm -rf /etc/enrollfs /etc/default/enrollfs /etc/default/connector-enroll /srv/enrollfs \
		/var/lib/enrollfs /var/lib/connector-enroll
		! id connector-enroll > /dev/null 2>&1 || userdel connector-enroll'
}

teardown() {
	# of all its boots; mount(8) is who starts what is in fstab
	[ -z "${FIRST-}" ] || inside journalctl -q -o cat -t enrollfs -t mount >> "$T/log" || :
	halt
	rm -rf "$D"
	not grep -q Sanitizer "$T/log" || return 1
	take_down_mount
}

made_or_not() { [ -e "$D/made" ] || gone "$MACHINE"; }
first_is_systemd() {
	local unshare
	unshare=$(pgrep -P "$MACHINE") && FIRST=$(pgrep -P "$unshare") && [ "$(cat "/proc/$FIRST/comm")" = systemd ]
}
is_up() { inside systemctl is-system-running > /dev/null 2>&1; }

boot() {
	local rc=0
	setpriv --pdeathsig TERM "$BATS_TEST_DIRNAME/systemd.sh" "$D" 2> said 3>&- &
	MACHINE=$!
	wait_until made_or_not
	if ! [ -e "$D/made" ]; then
		wait "$MACHINE" || rc=$?
		[ $rc != 77 ] || skip "no machine can be made here: $(tail -n 1 said)"
		cat said
		return 1
	fi
	wait_until first_is_systemd
	wait_until is_up
}

# Its power is taken away: all that runs there is killed.
halt() {
	kill "$MACHINE" 2> /dev/null || :
	wait "$MACHINE" || :
	FIRST=
}

shut_down() {
	inside systemctl poweroff
	wait "$MACHINE" || :
	FIRST=
}

inside() { nsenter --target "$FIRST" --all --root --wd -- "$@" 3>&-; }
inside_sh() { inside bash -euc "$1"; }

# What the first lines of a unit say is done.
as_it_says() {
	sed -n 's/^#   //p' "$TOP/scripts/$1" > says
	[ -s says ]
	sed -i '1icd /root' says
	inside bash -eux < says
}

show() { inside systemctl show --property "$1" --value "${2-enrollfs}"; }
is_now() { [ "$(show "$1")" = "$2" ]; }

served() {
	as_it_says enrollfs.service
	inside_sh "mkdir -p $MNT/app_connector/berlin/keys/auto; echo 3 > $MNT/app_connector/berlin/keys/auto/max_uses"
	inside cat $MNT/app_connector/berlin/keys/auto/key > auto.key
}

# The key that was copied is the key still.
serves_the_same() {
	inside cat $MNT/app_connector/berlin/keys/auto/key > again
	cmp auto.key again
}

@test "as the unit's first lines say: it serves, as its user, with the master key that it was loaded" {
	served
	is_now ActiveState active
	[ "$(inside systemctl is-enabled enrollfs)" = enabled ]
	pid=$(show MainPID)
	inside_sh "[ \$(stat -c %U /proc/$pid) = enrollfs ]; grep -q '^CapEff:[[:space:]]*0*\$' /proc/$pid/status"
	inside findmnt -n -t fuse.enrollfs $MNT
	# the credential, none of its own
	inside journalctl -q -u enrollfs > journal
	grep -q 'notice: mounted' journal
	not grep 'made the master key' journal
	not inside test -e /var/lib/enrollfs/store.key
	inside systemctl stop enrollfs
	inside_sh "cd /var/lib/enrollfs; fsck.enrollfs --master-key /etc/enrollfs/master_key store"
}

@test "started is mounted; however its daemon ends, it is there again; and after a boot" {
	served
	inside_sh "systemctl restart enrollfs; mountpoint -q $MNT"
	serves_the_same
	inside kill -9 "$(show MainPID)"
	wait_until is_now NRestarts 1
	wait_until serves_the_same
	# with the process that unmounts
	inside systemctl kill -s KILL enrollfs
	wait_until is_now NRestarts 2
	wait_until serves_the_same
	halt
	boot
	is_now ActiveState active
	serves_the_same
}

@test "unmounted it has ended well; stopped it is unmounted" {
	served
	inside umount $MNT
	wait_until is_now ActiveState inactive
	is_now Result success
	inside_sh "systemctl start enrollfs; mountpoint -q $MNT; systemctl stop enrollfs"
	not inside mountpoint -q $MNT
	is_now Result success
}

@test "without the master key it does not start, and makes none" {
	served
	inside systemctl stop enrollfs
	inside mv /etc/enrollfs/master_key /etc/enrollfs/away
	not inside systemctl start enrollfs
	is_now Result exit-code
	not inside mountpoint -q $MNT
	not inside_sh 'ls /run/credentials/enrollfs.service/* /etc/enrollfs/master_key /var/lib/enrollfs/store.key 2> /dev/null | grep .'
	inside_sh 'mv /etc/enrollfs/away /etc/enrollfs/master_key; systemctl reset-failed enrollfs; systemctl start enrollfs'
	serves_the_same
}

@test "a connector's unit enrols on the mount, and its timer keeps the certificate valid" {
	served
	inside_sh "cat $MNT/app_connector/berlin/keys/auto/key > /root/auto.key"
	as_it_says connector-enroll.service
	[ "$(show Result connector-enroll)" = success ]
	inside_sh "openssl verify -CAfile /var/lib/connector-enroll/chain.pem /var/lib/connector-enroll/cert.pem"
	[ "$(show ActiveState connector-enroll.timer)" = active ]
	inside systemctl start connector-enroll
	[ "$(inside cat $MNT/app_connector/berlin/keys/auto/uses)" = 1 ]
}

@test "in fstab, as enrollfs(8) says: mounted at boot, and unmounted when the machine is shut down" {
	inside_sh "systemd-sysusers; install -d -m 700 -o enrollfs /var/lib/enrollfs; mkdir -p $MNT"
	grep '^/var/lib/enrollfs/store  */srv/enrollfs ' "$TOP/fs/enrollfs.8" | inside tee /etc/fstab
	[ -s "$D/files/etc/fstab" ]
	shut_down
	boot
	inside findmnt -n -t fuse.enrollfs $MNT
	inside mkdir -p $MNT/app_connector/berlin/keys/auto
	inside cat $MNT/app_connector/berlin/keys/auto/key > auto.key
	shut_down
	boot
	serves_the_same
	# not just switched off
	inside grep -w unmount $MNT/log
}
