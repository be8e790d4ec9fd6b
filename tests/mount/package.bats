#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Debian packages, with systemd and dpkg on a machine of the test's own (systemd.sh).

load helper
load machine

DEBS=$TOP/build/deb

setup_file() {
	local missing
	missing=$(dpkg-checkbuilddeps "$TOP/scripts/debian/control" 2>&1) || skip "no package can be built here: $missing"
	env -u MAKEFLAGS make -s -C "$TOP" deb > "$BATS_FILE_TMPDIR/make" 2>&1 || { cat "$BATS_FILE_TMPDIR/make"; return 1; }
}

setup() {
	NO_MOUNT=yes set_up_mount
	D=$(mktemp -d -p /dev/shm)
	mkdir -p "$D/files/root"
	cp "$DEBS"/enrollfs_*.deb "$D/files/root/enrollfs.deb"
	cp "$DEBS"/enrollfs-connector_*.deb "$D/files/root/connector.deb"
	boot_clean
	# containers have one that forbids packages to restart what they replace
	inside rm -f /usr/sbin/policy-rc.d
}

teardown() { take_down_machine; }

installs() { inside dpkg -i "/root/$1.deb" > dpkg 2>&1 || { cat dpkg; return 1; }; }

# older PACKAGE: the package made one of an older version.
older() {
	dpkg-deb -R "$D/files/root/$1.deb" older
	sed -i 's/^\(Version: .*\)/\1~older/' older/DEBIAN/control
	dpkg-deb -b older "$D/root.deb" > /dev/null
	inside_sh 'cat > /root/older.deb' < "$D/root.deb"
	rm -r older
}

# As an administrator does it: one edit, one command.
served() {
	inside_sh "sed -i 's/^DOMAIN=.*/DOMAIN=corp.example/' /etc/default/enrollfs; systemctl enable --now enrollfs"
	has_a_key
}

# What no package may touch.
kept() { inside_sh 'cd /; sha256sum var/lib/enrollfs/* etc/enrollfs/*; stat -c "%n %U %a" var/lib/enrollfs var/lib/enrollfs/* etc/enrollfs etc/enrollfs/*'; }

@test "installed it waits for a domain; one edit and one command later it is mounted" {
	installs enrollfs
	grep -Fx 'Set DOMAIN in /etc/default/enrollfs, then: systemctl enable --now enrollfs' dpkg
	[ "$(show ActiveState) $(show UnitFileState)" = 'inactive disabled' ]
	[ "$(inside stat -c '%U %a %s' /etc/enrollfs/master_key)" = 'root 600 65' ]
	not inside systemctl start enrollfs
	inside journalctl -q -o cat -u enrollfs | grep 'set DOMAIN in /etc/default/enrollfs'
	not inside test -e /var/lib/enrollfs/store
	served
	is_now ActiveState active
	[ "$(inside cat $MNT/domain)" = corp.example ]
	inside_sh 'systemctl stop enrollfs; fsck.enrollfs --master-key /etc/enrollfs/master_key /var/lib/enrollfs/store'
	halt
	boot
	serves_the_same
}

@test "upgraded while mounted: the new daemon serves the same store; settings and key are kept" {
	older enrollfs
	installs older
	served
	pid=$(show MainPID)
	kept > before
	installs enrollfs
	grep -F 'Preparing to unpack' dpkg
	[ "$(show MainPID)" != "$pid" ]
	is_now ActiveState active
	is_now NRestarts 0
	[ "$(show UnitFileState)" = enabled ]
	serves_the_same
	grep -F etc/enrollfs/master_key before > was
	kept | grep -F etc/enrollfs/master_key | diff was -
	inside grep -x DOMAIN=corp.example /etc/default/enrollfs
	# one that is not running is not started
	inside systemctl stop enrollfs
	installs enrollfs
	is_now ActiveState inactive
}

@test "installed over make install: that goes on until it is uninstalled" {
	install -D -t "$D/install/usr/local/sbin" "$ENROLLFS"
	install -D -t "$D/install/usr/local/lib/enrollfs" "$TOP/scripts/enrollfs-serve"
	install -D -m 644 -t "$D/install/usr/local/lib/systemd/system" "$TOP/scripts/enrollfs.service"
	tar -C "$D/install" -c . | inside tar -C / --no-overwrite-dir -x
	inside_sh "useradd --system enrollfs 2> /dev/null || :; install -d -m 700 /etc/enrollfs
		(umask 077; openssl rand -hex 32 > /etc/enrollfs/master_key)
		echo DOMAIN=corp.example > /etc/default/enrollfs; systemctl daemon-reload; systemctl start enrollfs"
	has_a_key
	pid=$(show MainPID)
	inside cat /etc/enrollfs/master_key > master_key
	inside dpkg --force-confold -i /root/enrollfs.deb > dpkg 2>&1
	grep -F "/usr/local/lib/systemd/system/enrollfs.service is used instead of the package's unit" dpkg
	serves_the_same
	inside_sh 'cd /usr/local; rm -r lib/enrollfs lib/systemd/system/enrollfs.service sbin/enrollfs
		systemctl daemon-reload; systemctl restart enrollfs'
	serves_the_same
	[ "$(inside readlink "/proc/$(show MainPID)/exe")" = /usr/sbin/enrollfs ]
	inside cat /etc/enrollfs/master_key | cmp master_key
}

@test "removed it is unmounted, purged its store and master key are kept, installed again it serves them" {
	installs enrollfs
	served
	inside dpkg -r enrollfs > dpkg
	not inside mountpoint -q $MNT
	not inside pgrep -x enrollfs
	kept > before
	[ "$(wc -l < before)" -ge 6 ]
	inside dpkg -P enrollfs > dpkg
	grep -Fx 'kept: /var/lib/enrollfs' dpkg
	grep -Fx 'kept: /etc/enrollfs' dpkg
	kept | diff before -
	not inside_sh 'ls -d /etc/default/enrollfs /srv/enrollfs /usr/sbin/*enrollfs /etc/systemd/system/*/enrollfs.service 2> /dev/null | grep .'
	installs enrollfs
	kept | diff before -
	inside systemctl enable --now enrollfs
	serves_the_same
}

@test "purged, what the unit has not mounted stays; a store without its master key gets no other" {
	installs enrollfs
	inside_sh 'mkdir -p /var/lib/by-hand /srv/enrollfs/theirs
		enrollfs -o domain=corp.example /var/lib/by-hand/store /mnt'
	inside dpkg -P enrollfs > dpkg
	[ "$(inside cat /mnt/domain)" = corp.example ]
	inside test -d /srv/enrollfs/theirs
	inside umount /mnt
	inside_sh 'mkdir -p /var/lib/enrollfs; touch /var/lib/enrollfs/store; rm -r /etc/enrollfs'
	installs enrollfs
	not inside test -e /etc/enrollfs/master_key
}

@test "the connector's package: one command enrolls and keeps the certificate valid; removed it stops" {
	installs enrollfs
	served
	installs connector
	[ "$(dpkg-deb -f "$D/files/root/connector.deb" Depends)" = openssl ]
	[ "$(show UnitFileState connector-enroll.timer) $(show ActiveState connector-enroll.timer)" = 'disabled inactive' ]
	inside_sh "cat $MNT/app_connector/berlin/keys/auto/key > /root/auto.key; cd /root
		connector-enroll --setup -k auto.key $MNT/enroll" > said 2>&1
	grep '^notice:Enrolled as ' said
	[ "$(show UnitFileState connector-enroll.timer) $(show ActiveState connector-enroll.timer)" = 'enabled active' ]
	[ "$(inside stat -c '%U %a' /var/lib/connector-enroll/provision_key)" = 'connector-enroll 600' ]
	[ "$(inside cat $MNT/app_connector/berlin/keys/auto/uses)" = 1 ]
	# again, with another key, from standard input
	inside_sh "mkdir $MNT/app_connector/berlin/keys/new; cat $MNT/app_connector/berlin/keys/new/key |
		connector-enroll --setup -k - $MNT/enroll" > said 2>&1
	grep '^notice:Certificate valid until ' said
	inside_sh "cat $MNT/app_connector/berlin/keys/new/key | cmp /var/lib/connector-enroll/provision_key"
	inside systemctl start connector-enroll
	[ "$(show Result connector-enroll)" = success ]
	inside dpkg -r enrollfs-connector > dpkg
	not inside systemctl --quiet is-active connector-enroll.timer
	inside dpkg -P enrollfs-connector > dpkg
	inside openssl verify -CAfile /var/lib/connector-enroll/chain.pem /var/lib/connector-enroll/cert.pem
}

@test "the connector's set-up refuses what it cannot use, and changes nothing then" {
	installs connector
	refuses() {
		local text=$1
		shift
		run inside connector-enroll --setup "$@"
		[ "$status" != 0 ]
		[[ $output = *"$text"* ]]
	}
	inside_sh 'echo rubbish > /root/auto.key'
	refuses 'Cannot read the provisioning key /root/none' -k /root/none $MNT/enroll
	refuses 'not a provisioning key' -k /root/auto.key $MNT/enroll
	refuses 'one TARGET is needed' -k /root/auto.key
	not inside_sh 'ls /etc/default/connector-enroll /var/lib/connector-enroll/provision_key 2> /dev/null | grep .'
	[ "$(show ActiveState connector-enroll.timer)" = inactive ]
	run inside setpriv --reuid=65534 --regid=65534 --clear-groups connector-enroll --setup -k /root/auto.key $MNT/enroll
	[ "$status" = 2 ]
	[[ $output = *'has to be run as root'* ]]
}

@test "over ssh: the set-up makes the ssh key and prints the line that lets it in" {
	installs enrollfs
	served
	installs connector
	inside_sh "mkdir -p -m 700 /run/sshd /root/.ssh; cd /root
		printf 'Port 22\nHostKey /root/host_key\nPidFile none\nStrictModes no\n' > sshd.conf
		ssh-keygen -q -t ed25519 -N '' -f host_key
		printf 'localhost %s\n' \"\$(cat host_key.pub)\" > .ssh/known_hosts
		ip link set lo up 2> /dev/null || :
		systemd-run --quiet --unit=test-sshd /usr/sbin/sshd -D -f /root/sshd.conf
		cat $MNT/app_connector/berlin/keys/auto/key > auto.key"
	wait_until inside bash -c ': < /dev/tcp/127.0.0.1/22' 2> /dev/null
	rc=0
	inside connector-enroll --setup -k /root/auto.key "ssh:root@localhost:$MNT/enroll" > line 2> said || rc=$?
	[ $rc = 3 ]
	grep "^command=\"connector-enroll --gate $MNT\",restrict ssh-ed25519 " line
	grep 'Permission denied (publickey' said
	inside_sh 'cat > /root/.ssh/authorized_keys' < line
	inside systemctl start connector-enroll
	[ "$(show Result connector-enroll)" = success ]
	inside openssl verify -CAfile /var/lib/connector-enroll/chain.pem /var/lib/connector-enroll/cert.pem
	[ "$(inside cat $MNT/app_connector/berlin/keys/auto/uses)" = 1 ]
	inside connector-enroll --setup "ssh:root@localhost:$MNT/enroll" > line
	[ ! -s line ]
}
