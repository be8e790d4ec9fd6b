#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A store that is a file, and two hosts that reach its disk: two machines of the test's own with systemd,
# as enrollfs-hosts(7) sets them up. The disk is a file that each has as a device of its own.

load helper
load machine

PAGE=$BATS_TEST_DIRNAME/../../fs/enrollfs-hosts.7

setup() {
	NO_MOUNT=yes set_up_mount
	needs loops
	local n
	MACHINES=() FIRSTS=() DS=() LOOPS=()
	truncate -s 64M disk
	openssl rand -hex 32 > master_key
	for n in 1 2; do
		D=$(mktemp -d -p /dev/shm)
		DS[n]=$D
		install -D -t "$D/files/usr/local/sbin" "$ENROLLFS" "${ENROLLFS%/*}/fsck.enrollfs"
		install -D -t "$D/files/usr/local/lib/enrollfs" "$TOP/scripts/enrollfs-serve"
		install -D -m 644 -t "$D/files/usr/local/lib/systemd/system" "$TOP/scripts/enrollfs.service"
		install -D -m 644 "$TOP/scripts/enrollfs.sysusers" "$D/files/usr/local/lib/sysusers.d/enrollfs.conf"
		block_of_page Mount | install -D -m 644 /dev/stdin "$D/files/etc/systemd/system/var-lib-enrollfs.mount"
		block_of_page Unit | install -D -m 644 /dev/stdin "$D/files/etc/systemd/system/enrollfs.service.d/shared.conf"
		power_on $n _clean
	done
	on 1
	has_device
	as_the_page_says 'mkfs.ext4 -O mmp /dev/drbd0'
	for n in 1 2; do
		on $n
		inside_sh "systemd-sysusers; mkdir -p $MNT; install -d -m 700 /etc/enrollfs; echo DOMAIN=corp.example > /etc/default/enrollfs"
		inside_sh 'umask 077; cat > /etc/enrollfs/master_key' < master_key
	done
}

teardown() {
	[ -n "${T-}" ] || return 0
	local n
	for n in "${!DS[@]}"; do
		on "$n"
		[ -z "${MACHINE-}" ] || halt
		rm -rf "${DS[n]}"
		[ -z "${LOOPS[n]-}" ] || losetup -d "${LOOPS[n]}"
	done
	take_down_mount
}

can_loops() {
	local loop
	loop=$(losetup -f) && [ -b "$loop" ]
}

# What the page has for a unit's section [$1].
block_of_page() {
	awk -v "section=[$1]" '$0 == section {on = 1} /^\.Ed/ {on = 0} on' "$PAGE" > block
	[ -s block ] || return 1
	cat block
}

# The page has this command; it is run on the machine.
as_the_page_says() {
	grep -qxF "# $1" "$PAGE" || { echo "not in the page: $1" >&2; return 1; }
	inside_sh "$1"
}

# on N: what follows is about that machine.
on() { D=${DS[$1]} MACHINE=${MACHINES[$1]-} FIRST=${FIRSTS[$1]-}; HERE=$1; }

# power_on N [CLEAN]
power_on() {
	on "$1"
	"boot${2-}"
	MACHINES[$1]=$MACHINE FIRSTS[$1]=$FIRST
}

# It sees the disk as the page's device.
has_device() {
	LOOPS[HERE]=$(losetup -f --show disk)
	inside mknod /dev/drbd0 b "0x$(stat -c %t "${LOOPS[HERE]}")" "0x$(stat -c %T "${LOOPS[HERE]}")"
}

power_off() {
	on "$1"
	halt
	MACHINES[$1]='' FIRSTS[$1]=''
	losetup -d "${LOOPS[$1]}"
	LOOPS[$1]=''
}

enroll_inside() {
	csr "$1"
	cat auto.key "$1.csr" | inside bash -c "{ cat >&3 && cat <&3; } 3<> $MNT/enroll" > "$1.crt"
	grep -q 'BEGIN CERT' "$1.crt"
}

# Each certificate that was handed out is there, with its use.
all_is_there() {
	local n
	[ "$(inside cat $MNT/app_connector/berlin/keys/auto/uses)" = $# ]
	for n; do
		[ "$(openssl x509 -in "$n.crt" -noout -fingerprint -sha256 | tr -d : | cut -d= -f2)" = \
			"$(inside cat "$MNT/app_connector/berlin/members/$n/fingerprint" | tr a-f A-F)" ]
	done
}

@test "one host serves, the other is refused the disk, and takes over when the first is off or hands over" {
	not_restored 'the store is on a disk of the machines'
	on 1
	as_the_page_says 'systemctl start enrollfs'
	has_a_key
	inside_sh "echo 10 > $MNT/app_connector/berlin/keys/auto/max_uses"
	inside cat "$MNT/app_connector/berlin/keys/auto/key" > auto.key
	enroll_inside one
	enroll_inside two

	# while the first serves, and nobody has been fenced
	on 2
	has_device
	not inside systemctl start enrollfs
	[ "$(show Result var-lib-enrollfs.mount)" != success ]
	not inside mountpoint -q $MNT

	# its power fails
	power_off 1
	on 2
	inside_sh 'systemctl reset-failed'
	as_the_page_says 'systemctl start enrollfs'
	serves_the_same
	all_is_there one two
	# the machine that was not answered tries again
	cp one.crt answered
	cat auto.key one.csr | inside bash -c "{ cat >&3 && cat <&3; } 3<> $MNT/enroll" > one.crt
	cmp one.crt answered
	enroll_inside three

	# and back, without a failure
	power_on 1
	has_device
	on 2
	as_the_page_says 'systemctl stop enrollfs var-lib-enrollfs.mount'
	on 1
	as_the_page_says 'systemctl start enrollfs'
	all_is_there one two three
	inside_sh 'systemctl stop enrollfs; fsck.enrollfs --master-key /etc/enrollfs/master_key /var/lib/enrollfs/store'
}
