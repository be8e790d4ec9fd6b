#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tables of all keys and all members.

load helper

teardown() {
	if mountpoint -q "$T/small"; then
		stop_if_running
		umount "$T/small"
	fi
	take_down_mount
}

@test "a row for each key and member, with what its files say" {
	mkdir "$G/keys/off" "$G/keys/old" "$G/keys/free" "$M/service_edge/eu" "$M/service_edge/eu/keys/k"
	echo 0 > "$G/keys/off/enabled"
	echo 1970-01-01T00:16:40Z > "$G/keys/old/expires"
	echo max > "$G/keys/free/max_uses"
	echo 0 > "$G/keys/free/exportable"
	for m in web1 web2; do
		csr "$m"
		enroll_here "$m.csr" "$G/keys/free/enroll" > /dev/null
	done
	csr edge
	enroll_here edge.csr "$M/service_edge/eu/keys/k/enroll" > /dev/null
	echo superseded > "$G/members/web2/revocation"
	cat "$K/key" "$K/key" > /dev/null
	echo 'racks 4 to 9' > "$G/keys/off/description"
	head -n 1 "$M/tables/keys.tsv" | tr '\t' ' ' | grep -qx 'kind group name state max_uses uses signing_cert expires enabled exportable managed created last_used id copies last_copied modified modified_by description'
	head -n 1 "$M/tables/members.tsv" | tr '\t' ' ' | grep -qx 'kind group name state serial not_after signing_cert provisioning_key enrolled key_id fingerprint'
	[ "$(wc -l < "$M/tables/keys.tsv")" = 6 ]
	[ "$(wc -l < "$M/tables/members.tsv")" = 4 ]
	rows() { # TABLE DIRECTORY: each value is that of the file with the column's name
		python3 - "$M" "$1" "$2" <<-'PY'
			import csv, sys
			mount, table, folder = sys.argv[1:]
			for row in csv.DictReader(open(f'{mount}/tables/{table}.tsv'), delimiter='\t', quoting=csv.QUOTE_NONE):
			    for column, value in row.items():
			        if column in ('kind', 'group', 'name'):
			            continue
			        path = f"{mount}/{row['kind']}/{row['group']}/{folder}/{row['name']}/{column}"
			        if column == 'key_id':
			            path = f"{mount}/{row['kind']}/{row['group']}/keys/{row['provisioning_key']}/id"
			        assert open(path).read() == value + '\n', (path, value)
		PY
	}
	rows keys keys
	rows members members
	[ "$(stat -c %s "$M/tables/keys.tsv")" = "$(cat "$M/tables/keys.tsv" | wc -c)" ]
	grep -q '	racks 4 to 9$' "$M/tables/keys.tsv"
	# a key is told from a later one of its name
	id=$(cat "$G/keys/free/id")
	rmdir "$G/keys/free"
	mkdir "$G/keys/free"
	has() { [ "$(grep -c "$1" "$M/tables/members.tsv")" = "$2" ]; }
	wait_until has "	free	.*	$id	" 2
	# a description may have tabs, a column none
	printf 'a\tb\t\n' > "$K/description"
	is "$K/description" $'a\tb\t'
	last() { cut -f19- "$M/tables/keys.tsv" | grep -qx "$1"; }
	wait_until last 'a b '
	sh_refused 'Permission denied' "echo x > $M/tables/keys.tsv"
	refused 'Operation not permitted' mkdir "$M/tables/x"
	refused 'Operation not permitted' rm "$M/tables/keys.tsv"
}

@test "a table follows what changes, and is the same while nothing does" {
	has() { grep -q "$1" "$M/tables/$2.tsv"; }
	wait_until has '	auto	active	1	0	' keys
	stat -c '%s %.Y' "$M/tables/keys.tsv" > before
	cat "$M/tables/keys.tsv" > /dev/null
	stat -c '%s %.Y' "$M/tables/keys.tsv" | cmp - before
	echo 7 > "$K/max_uses"
	wait_until has '	auto	active	7	0	' keys
	[ "$(stat -c '%s %.Y' "$M/tables/keys.tsv")" != "$(cat before)" ]
	csr web1
	enroll_here web1.csr > /dev/null
	wait_until has '	auto	active	7	1	' keys
	wait_until has '	web1	active	' members
	# what expires by itself
	echo +1s > "$K/expires"
	wait_until has '	auto	expired	7	1	' keys
	# several lookups while others write: each read is whole
	for i in $(seq 50); do
		echo "$i" > "$K/max_uses"
		[ "$(stat -c %s "$M/tables/keys.tsv")" = "$(cat "$M/tables/keys.tsv" | wc -c)" ]
		[ "$(awk -F'\t' 'NF != 19' "$M/tables/keys.tsv")" = '' ]
	done
}

@test "on a full disk they are made in memory" {
	sqlite_only 'its disk is not here'
	stop
	mkdir small
	mount -t tmpfs -o size=4m tmpfs small
	mv store store.key small/
	ln -s small/store store
	start
	for i in $(seq 30); do mkdir "$G/keys/$i"; done
	dd if=/dev/zero of=small/fill bs=4096 2> /dev/null || :
	[ "$(df --output=avail small | tail -n 1)" -eq 0 ]
	expect_log 'disk full'
	# the log that is there may have room
	made=30
	while mkdir "$G/keys/more$made" 2> refusal; do
		made=$((made + 1))
		[ $made -lt 1000 ]
	done
	grep -q 'No space left' refusal
	[ "$(wc -l < "$M/tables/keys.tsv")" = $((made + 2)) ]
	[ "$(wc -l < "$M/tables/members.tsv")" = 1 ]
	rm small/fill
	mkdir "$G/keys/last"
	[ "$(wc -l < "$M/tables/keys.tsv")" = $((made + 3)) ]
}
