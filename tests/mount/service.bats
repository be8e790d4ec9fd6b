#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The units, with systemd on a machine of the test's own (systemd.sh).

load helper
load machine

setup() {
	NO_MOUNT=yes set_up_mount
	D=$(mktemp -d -p /dev/shm)
	install -D -t "$D/files/usr/local/sbin" "$ENROLLFS" "${ENROLLFS%/*}/fsck.enrollfs"
	install -D -t "$D/files/usr/local/lib/enrollfs" "$TOP/scripts/enrollfs-serve"
	install -D "$TOP/scripts/connector-enroll" "$D/files/usr/local/bin/connector-enroll"
	install -D -m 644 -t "$D/files/usr/local/lib/systemd/system" "$TOP"/scripts/*.service "$TOP"/scripts/*.timer
	install -D -m 644 "$TOP/scripts/enrollfs.sysusers" "$D/files/usr/local/lib/sysusers.d/enrollfs.conf"
	# ptrace(2), which it needs to look for leaks, is none of the unit's system calls
	printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' |
		install -D -m 644 /dev/stdin "$D/files/etc/systemd/system/enrollfs.service.d/sanitizer.conf"
	boot_clean
}

teardown() { take_down_machine; }

# What the first lines of a unit say is done.
as_it_says() {
	sed -n 's/^#   //p' "$TOP/scripts/$1" > says
	[ -s says ]
	sed -i '1icd /root' says
	inside bash -eux < says
}

served() {
	as_it_says enrollfs.service
	has_a_key
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

@test "without a domain, no store is created, and the journal says which file to edit; a store has one" {
	as_it_says enrollfs.service
	inside_sh 'systemctl stop enrollfs; rm -r /var/lib/enrollfs/* /etc/default/enrollfs'
	for settings in '' 'DOMAIN=' 'OPTIONS="-o allow_other"' 'OPTIONS="-o nodomain=x"'; do
		inside_sh "echo '$settings' > /etc/default/enrollfs"
		not inside systemctl start enrollfs
		[ "$(show ExecMainStatus) $(show NRestarts)" = '78 0' ]
		[ -z "$(inside ls /var/lib/enrollfs)" ]
	done
	inside journalctl -q -o cat -u enrollfs > journal
	[ "$(grep -c '^enrollfs: error: no DOMAIN is set.*set DOMAIN in /etc/default/enrollfs' journal)" = 4 ]
	inside_sh "echo 'OPTIONS=\"-o ro -o domain=other.example\"' > /etc/default/enrollfs"
	not inside systemctl start enrollfs
	inside_sh "echo 'OPTIONS=\"-o allow_other,domain=other.example\"' > /etc/default/enrollfs; systemctl reset-failed enrollfs; systemctl start enrollfs"
	[ "$(inside cat $MNT/domain)" = other.example ]
	inside_sh 'rm /etc/default/enrollfs; systemctl restart enrollfs'
	[ "$(inside cat $MNT/domain)" = other.example ]
	# another one than the store's is refused
	inside_sh 'systemctl stop enrollfs; echo DOMAIN=corp.example > /etc/default/enrollfs'
	not inside systemctl start enrollfs
	inside journalctl -q -o cat -u enrollfs | grep 'its domain is other.example and cannot be changed to corp.example'
	expect_log 'No such file or directory'
	expect_log 'cannot be changed to corp.example'
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
	has_a_key
	shut_down
	boot
	serves_the_same
	# not just switched off
	inside grep -w unmount $MNT/log
}
