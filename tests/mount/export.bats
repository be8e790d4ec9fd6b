#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# export/: what a backup copies.

load helper

transferred() { rsync -ai "$M/export/" copy/ | sed -n 's/^>f[^ ]* //p' | tr '\n' ' '; }

TRAIL=trail/00000001.jsonl

@test "every group, key and certificate has a file, with all its values and no secret" {
	mkdir "$G/keys/off" "$M/service_edge/eu" "$M/certs/own"
	echo self > "$M/certs/own/issuer"
	echo 0 > "$G/keys/off/enabled"
	printf 'Straße "x" \\ y' > "$G/description"
	chmod 600 "$K/max_uses"
	(cd "$M/export" && find . -type f | sort) > files
	diff - files <<-END
		./app_connector/berlin/group.json
		./app_connector/berlin/keys/auto.json
		./app_connector/berlin/keys/off.json
		./certs/connector.json
		./certs/own.json
		./certs/root.json
		./certs/service_edge.json
		./service_edge/eu/group.json
		./store.json
		./trail/00000001.jsonl
	END
	python3 - "$M/export" <<-'PY'
		import json, os, sys
		store = None
		for top, dirs, files in os.walk(sys.argv[1]):
		    for f in files:
		        path = os.path.join(top, f)
		        data = open(path, 'rb').read()
		        assert len(data) == os.stat(path).st_size and data.endswith(b'\n'), path
		        for n, line in enumerate(data.splitlines(), 1):
		            o = json.loads(line)
		            assert o['path'] == os.path.relpath(path, sys.argv[1]), o
		            assert len(o['mac']) == 64
		            assert o['seq'] == n if 'trail' in path else o['format'] == 1
		            store = store or o['store']
		            assert o['store'] == store
		load = lambda p: json.load(open(f'{sys.argv[1]}/{p}.json'))
		g, k, off = load('app_connector/berlin/group'), load('app_connector/berlin/keys/auto'), load('app_connector/berlin/keys/off')
		assert g['description'] == 'Straße "x" \\ y' and g['bare'] != 0, g
		assert (k['max_uses'], k['uses'], k['enabled'], off['enabled']) == (1, 0, 1, 0)
		assert k['grp'] == g['id'] and len(k['secret_hash']) == 64 and len(k['sealed_secret']) > 64
		assert len(k['files']) == 1 and k['files'][0][3] == 0o600, k['files']
		own = load('certs/own')
		assert bytes.fromhex(own['der'])[0] == 0x30 and own['name'] == 'own'
	PY
	cat "$K/key" | cut -d'|' -f3 | cut -c 12-50 > secret
	not grep -r -F -f secret "$M/export"
	openssl x509 -inform DER -in <(python3 -c "
import json, sys
sys.stdout.buffer.write(bytes.fromhex(json.load(open('$M/export/certs/own.json'))['der']))") | cmp - "$M/certs/own/cert.pem"
}

@test "rsync copies what has changed and nothing else, whatever state the keys are in" {
	mkdir "$G/keys/off" "$G/keys/old" "$G/keys/plain"
	echo 0 > "$G/keys/off/enabled"
	echo 1970-01-01T00:00:01Z > "$G/keys/old/expires"
	echo 0 > "$G/keys/plain/exportable"
	csr web1
	enroll_here web1.csr > /dev/null
	is "$K/state" exhausted
	rsync -a "$M/export/" copy/
	diff -r "$M/export" copy
	ls -lR "$M" > /dev/null
	transferred > /dev/null
	[ "$(transferred)" = "" ]
	csr web2
	echo 2 > "$K/max_uses"
	[ "$(transferred)" = "store.json app_connector/berlin/keys/auto.json $TRAIL " ]
	enroll_here web2.csr > /dev/null
	[ "$(transferred)" = "store.json app_connector/berlin/keys/auto.json $TRAIL " ]
	# a copy of the key changes its file; whoever only looks changes nothing
	echo 3 > "$K/max_uses"
	transferred > /dev/null
	cat "$K/key" > /dev/null
	[ "$(transferred)" = "store.json app_connector/berlin/keys/auto.json $TRAIL " ]
	cat "$K/uses" "$M/tables/keys.tsv" > /dev/null
	ls -lR "$M" > /dev/null
	[ "$(transferred)" = "" ]
	mv "$K" "$G/keys/new"
	rsync -a --delete "$M/export/" copy/
	diff -r "$M/export" copy
	# each mount is a line of the audit trail
	stop
	start
	[ "$(transferred)" = "store.json $TRAIL " ]
	[ "$(transferred)" = "" ]
}

@test "segments have 1,000 records, only grow, and can be read from anywhere" {
	echo max > "$K/max_uses"
	for i in $(seq 520); do echo $i > "$K/description"; done
	ls "$M/export/trail" | diff - <(printf '%s\n' 00000001.jsonl 00000002.jsonl)
	[ "$(wc -l < "$M/export/trail/00000001.jsonl")" = 1000 ]
	rsync -a "$M/export/" copy/
	csr web1
	enroll_here web1.csr > /dev/null
	[ "$(transferred)" = "store.json app_connector/berlin/keys/auto.json trail/00000002.jsonl " ]
	cp copy/trail/00000002.jsonl before
	echo x > "$K/description"
	cmp -n "$(stat -c %s before)" before "$M/export/trail/00000002.jsonl"
	[ "$(stat -c %s "$M/export/trail/00000002.jsonl")" -gt "$(stat -c %s before)" ]
	for f in 1 2; do
		cat "$M/export/trail/0000000$f.jsonl" > whole
		[ "$(stat -c %s whole)" = "$(stat -c %s "$M/export/trail/0000000$f.jsonl")" ]
		for bs in 1 100 1000 4097 100000; do
			for skip in 0 1 7; do
				dd if="$M/export/trail/0000000$f.jsonl" bs=$bs skip=$skip count=3 2> /dev/null |
					cmp - <(dd if=whole bs=$bs skip=$skip count=3 2> /dev/null)
			done
		done
		tail -n 3 "$M/export/trail/0000000$f.jsonl" | cmp - <(tail -n 3 whole)
	done
	for n in 00000000.jsonl 00000003.jsonl 1.jsonl 00000001 0000000a.jsonl; do
		not [ -e "$M/export/trail/$n" ]
	done
}

@test "what was a secret once is nowhere in the trail" {
	python3 -c "
import json
print(json.load(open('$M/export/app_connector/berlin/keys/auto.json'))['sealed_secret'])
print(json.load(open('$M/export/certs/root.json'))['sealed_key'])" > sealed
	[ "$(wc -l < sealed)" = 2 ]
	grep -r -q -F -f sealed "$M/export/app_connector" "$M/export/certs"
	echo 0 > "$K/exportable"
	not grep -r -F -f <(head -n 1 sealed) "$M/export"
	not grep -F -f sealed "$M"/export/trail/*
}

@test "no change is missed, also of equal length within one second" {
	rsync -a "$M/export/" copy/
	for i in $(seq 50); do
		echo $((i % 2 + 1)) > "$K/max_uses"
		rsync -a "$M/export/" copy/
		cmp "$M/export/app_connector/berlin/keys/auto.json" copy/app_connector/berlin/keys/auto.json
		printf 'description %02d\n' "$i" > "$G/description"
		rsync -a "$M/export/" copy/
		cmp "$M/export/app_connector/berlin/group.json" copy/app_connector/berlin/group.json
		chown "$i" "$M/certs" "$M/certs/root/enabled"
		rsync -a "$M/export/" copy/
		diff -r "$M/export" copy
	done
}

@test "no change is missed, also where another object takes a path within one second" {
	for i in $(seq 20); do
		rsync -a --delete "$M/export/" copy/
		mv "$K" "$G/keys/was"
		mkdir "$K"
		rmdir "$G/keys/was"
		mv "$G" "$M/app_connector/was"
		mkdir "$G" "$K"
		rm -r "$M/app_connector/was"
		mkdir "$M/certs/x"
		rsync -a --delete "$M/export/" copy/
		diff -r "$M/export" copy
		rmdir "$M/certs/x"
		mkdir "$M/certs/x"
		rsync -a --delete "$M/export/" copy/
		diff -r "$M/export" copy
		rmdir "$M/certs/x"
	done
}

@test "who belongs to the group reads it, and nobody else; nothing can be changed there" {
	stop
	start -o export_gid=backup
	backup=$(getent group backup | cut -d: -f3)
	[ "$(stat -c '%a %g' "$M/export")" = "550 $backup" ]
	[ "$(stat -c '%a %g' "$M/export/certs/root.json")" = "440 $backup" ]
	mkdir copy
	chown "65534:$backup" copy
	setpriv --reuid 65534 --regid "$backup" --clear-groups rsync -a "$M/export/" copy/
	diff -r "$M/export" copy
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups ls "$M/export"
	refused 'Permission denied' setpriv --reuid 65534 --regid "$backup" --clear-groups cat "$K/key"
	for c in "mkdir $M/export/app_connector/x" "mkdir $M/export/certs/x" "rmdir $M/export/app_connector/berlin" \
		"rm $M/export/certs/root.json" "rm -r $M/export/app_connector/berlin/keys" "touch $M/export/x.json" \
		"chmod 777 $M/export" "chown 1 $M/export/store.json" \
		"python3 -c \"import os; os.rename('$M/export/certs/root.json', '$M/export/certs/x.json')\"" \
		"python3 -c \"import os; os.rename('$M/export/app_connector/berlin', '$M/export/app_connector/x')\""; do
		sh_refused 'Operation not permitted' "$c"
	done
	sh_refused 'Permission denied' "echo x > $M/export/store.json"
	is "$K/state" active
	stop
	run "$ENROLLFS" -o export_gid=no_such_group store "$M" 3>&-
	[ "$status" = 2 ]
	[[ $output == *'there is no group no_such_group'* ]]
	start -o export_gid=7
	[ "$(stat -c %g "$M/export")" = 7 ]
}
