#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mkfs.enrollfs and fsck.enrollfs: each invariant is broken by hand, and found.

load helper

fsck() { tool fsck "$@"; }

# Something of everything; then the mount ends, and whole.* is a copy of the store.
fill() {
	echo 5 > "$K/max_uses"
	mkdir "$G/keys/other" "$M/service_edge/eu" "$M/service_edge/eu/keys/k" "$M/certs/own" "$M/certs/waits" "$M/certs/gone"
	echo self > "$M/certs/own/issuer"
	echo root > "$M/certs/gone/issuer"
	rmdir "$M/certs/gone"
	cat "$K/key" > /dev/null
	for m in web1 web2 web3; do
		csr "$m"
		enroll_here "$m.csr" > /dev/null
	done
	for n in a b c; do
		csr "$n"
		enroll_here "$n.csr" "$G/members/web1/renew" > /dev/null
	done
	rmdir "$G/members/web2"
	echo superseded > "$G/members/web3/revocation"
	echo 0 > "$G/keys/other/exportable"
	chmod 600 "$K/max_uses"
	chown 65534 "$G/members/web1/description" "$M/certs/own/enabled" "$M/domain"
	cat "$M/log.head" > ./head
	stop
	cp store whole
}

# finds TEXT SQL: after that change fsck says so, and ends with 4.
finds() {
	not_restored 'it is damaged on purpose'
	cp whole store
	sqlite3 store "PRAGMA foreign_keys = OFF; $2"
	run fsck "${@:3}" store
	if [ "$status" != 4 ] || [[ $output != *"$1"* ]]; then
		echo "after '$2' it ended with $status and said: $output" >&2
		return 1
	fi
}

@test "a sound store is sound, and what fsck leaves is the same" {
	fill
	sha256sum store > sum
	run fsck store
	[ "$status" = 0 ]
	[ "$output" = "$T/store: sound" ]
	fsck -n --log-head "$(cat head)" --master-key store.key store
	sha256sum -c sum
	start
	is "$K/uses" 3
}

@test "a count that is not that of the certificates" {
	fill
	finds 'keys/auto: 4 uses, but 3 certificates' 'UPDATE prov_key SET uses = 4 WHERE uses = 3'
	finds 'keys/auto: 3 uses, but 2 certificates' 'UPDATE issued SET first = 0 WHERE id = 1'
	finds 'members/web1: enrolled 0 times' 'UPDATE issued SET first = 0 WHERE id = 1'
	finds 'certs/connector: issued says 7, but it issued 6' "UPDATE cert SET issued = issued + 1 WHERE name = 'connector'"
	finds 'certs/root: revoked says 0, but it is 1' "UPDATE cert SET revoked = 0 WHERE name = 'root'"
	finds 'valid certificates' "UPDATE issued SET revoked = NULL, reason = NULL"
}

@test "lists of a member's certificates, and names that were left" {
	echo max > "$K/max_uses"
	csr web0
	enroll_here web0.csr > /dev/null
	mv "$G/members/web0" "$G/members/web"
	fill
	finds 'members/web1: its certificates are not those from 2 to 6' 'UPDATE member SET newest = 6 WHERE id = 2'
	finds 'members/web1: its certificates are not those from 7 to 7' 'UPDATE member SET oldest = NULL WHERE id = 2'
	finds 'certificate 6: is not the next of its member behind 2' 'UPDATE issued SET previous = 2 WHERE id = 6'
	finds 'certificate 7: is not the next of its member behind 0' 'UPDATE issued SET previous = NULL WHERE id = 7'
	finds 'certs/connector: what it issued ends at 0, not at 1' "UPDATE cert SET issued_until = 1 WHERE name = 'connector'"
	finds 'certificate 1: the name web0 in it would be given again' 'DELETE FROM former'
	finds 'the name web0 in it would be given again' 'UPDATE former SET id = 2'
}

@test "a certificate that does not fit" {
	fill
	other="(SELECT der FROM issued WHERE id = 2)"
	finds 'has another serial number' "UPDATE issued SET der = $other WHERE id = 1"
	finds 'is damaged' "UPDATE issued SET der = x'3000' WHERE id = 1"
	finds 'was not signed by its signing certificate' \
		"UPDATE issued SET cert = (SELECT id FROM cert WHERE name = 'root') WHERE id = 1"
	finds 'another public key than its hash says' "UPDATE issued SET spki_hash = randomblob(32) WHERE id = 1"
	finds 'has other dates' 'UPDATE issued SET not_after = not_after + 1 WHERE id = 1'
	finds 'has another name' "UPDATE issued SET names = names || 'x' WHERE id = 1"
	finds 'does not fit its request' 'UPDATE issued SET csr = (SELECT csr FROM issued WHERE id = 2) WHERE id = 1'
	finds 'certs/own: its certificate or chain does not fit its key' \
		"UPDATE cert SET der = (SELECT der FROM cert WHERE name = 'root') WHERE name = 'own'"
}

@test "references that lead nowhere" {
	fill
	finds 'of issued names a missing one of member' 'DELETE FROM member WHERE id = 2'
	finds 'of member names a missing one of prov_key' 'UPDATE member SET prov_key = 99 WHERE id = 1'
	finds 'its key belongs to another group' 'UPDATE member SET grp = 2 WHERE id = 1'
	finds 'its group has been deleted' 'UPDATE grp SET removed = 1 WHERE id = 1'
	finds 'its signing certificate has been deleted' "UPDATE cert SET removed = 1 WHERE name = 'connector'"
	finds 'what it belongs to is gone' 'UPDATE file_owner SET object = 77 WHERE kind = 3'
	finds 'what it belongs to is gone' "UPDATE member SET removed = 1 WHERE name = 'web1'"
	finds 'what is said of owners of its files is not what is stored' 'DELETE FROM file_owner WHERE kind = 3'
	finds 'is not what is stored' 'UPDATE member SET owned = 4 WHERE id = 3'
	finds 'is not what is stored' 'UPDATE prov_key SET owned = 0'
}

@test "secrets that do not open" {
	fill
	finds 'keys/auto: its secret does not open' "UPDATE prov_key SET sealed_secret = zeroblob(80) WHERE id = 1"
	finds 'its secret does not open' 'UPDATE prov_key SET sealed_secret = (SELECT sealed_secret FROM prov_key WHERE id = 1) WHERE id = 3'
	finds 'keys/auto: its secret is another one' 'UPDATE prov_key SET secret_hash = randomblob(32) WHERE id = 1'
	finds 'keys/other: the hash of its secret is missing' 'UPDATE prov_key SET secret_hash = NULL WHERE id = 2'
	finds 'certs/own: its private key does not open' "UPDATE cert SET sealed_key = zeroblob(200) WHERE name = 'own'"
	finds 'certs/waits: its private key does not open' "UPDATE cert SET sealed_key = NULL WHERE name = 'waits'"
	finds 'certs/waits: its private key is another one' "UPDATE cert SET spki_hash = randomblob(32) WHERE name = 'waits'"
}

@test "an audit trail that was cut or edited" {
	fill
	finds 'log: line 6 does not follow from the one before' 'UPDATE event SET uid = 1 WHERE line = 5'
	finds 'log: line 6 follows line 4' 'DELETE FROM event WHERE line = 5'
	finds 'log: line 2 follows line 0' 'DELETE FROM event WHERE line = 1'
	finds 'does not stand where it ends' 'UPDATE event SET line_ends = line_ends + 1000000 WHERE line = (SELECT max(line) FROM event)'
	finds 'lines were written, and the last is 8' 'DELETE FROM event WHERE line > 8'
	finds 'lines were written, and the last is 0' 'DELETE FROM event'
	finds 'records were written, and the last is' 'DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)'
	# only who kept the head can tell that the end is missing, if that was hidden
	cp whole store
	hide="UPDATE setting SET value = CAST(replace(CAST(value AS TEXT), ' ' || (SELECT max(line) FROM event) || ' ', ' 8 ') AS BLOB)
			WHERE name = 'mounted';
		CREATE TEMP TABLE l AS SELECT seq, line_ends - (SELECT line_ends FROM event p WHERE p.line = e.line - 1) - 1 + 7 AS n
			FROM event e WHERE line > 8;
		UPDATE event SET ends = ends - coalesce((SELECT sum(n) FROM l WHERE l.seq <= event.seq), 0);
		UPDATE event SET line = NULL, line_ends = NULL, comm = NULL, action = NULL, object = NULL, more = NULL, result = NULL,
			reason = NULL, prev = NULL WHERE line > 8;"
	sqlite3 store "PRAGMA foreign_keys = OFF; $hide"
	fsck store
	finds 'its end was cut off or changed' "$hide" --log-head "$(cat head)"
}

@test "a journal that is not what happened: a restore would not be, either" {
	fill
	finds 'export: record 20 does not stand where it should' 'UPDATE event SET ends = ends + 1 WHERE seq = 20'
	finds 'does not stand where it should' 'DELETE FROM event WHERE seq = 20'
	finds 'does not stand where it should' 'DELETE FROM event WHERE seq = 1'
	finds 'does not stand where it should' "UPDATE event SET data = data || ' ' WHERE seq = 3"
	finds 'does not stand where it should' "UPDATE member SET name = 'another' WHERE id = 1; UPDATE member SET origin = NULL"
	finds 'certificates' "UPDATE event SET issued = NULL WHERE issued = 2"
	finds '4 records of 5 revocations' "UPDATE issued SET revoked = 1, reason = 'unspecified' WHERE id = 5"
	finds 'a restore was not finished' "INSERT INTO setting VALUES ('restoring', x'')"
}

@test "lists, signing certificates, names and what was deleted" {
	fill
	finds 'certs/connector: its revocation list is damaged' "UPDATE crl SET der = x'00'"
	finds 'its revocation list has another number' 'UPDATE crl SET number = 1'
	finds 'its revocation list has other dates' 'UPDATE crl SET next_update = next_update + 1'
	finds 'its revocation list covers more than was revoked' 'UPDATE crl SET covers = covers + 50'
	finds 'its revocation list was not signed by it' "UPDATE crl SET cert = (SELECT id FROM cert WHERE name = 'own') WHERE cert = 2"
	finds 'certs/own: its certificate says something else' "UPDATE cert SET not_after = not_after + 1 WHERE name = 'own'"
	finds 'certs/own: its certificate says something else' "UPDATE cert SET serial = x'01' WHERE name = 'own'"
	finds 'certs/own: its certificate says something else' "UPDATE cert SET subject = 'CN=x' WHERE name = 'own'"
	finds 'certs/own: its request is another one' "UPDATE cert SET csr = x'00' WHERE name = 'own'"
	finds 'certs/connector: its chain' "UPDATE cert SET issuer = NULL WHERE name = 'connector'"
	finds 'its secret is still there' 'UPDATE prov_key SET removed = 1 WHERE id = 2'
	finds 'its private key is still there' "UPDATE cert SET removed = 1 WHERE name = 'waits'"
	finds 'one that it issued was still valid' "UPDATE cert SET removed = 1, sealed_key = NULL WHERE name = 'connector'"
	finds 'its signing certificate waits' "UPDATE grp SET signing_cert = (SELECT id FROM cert WHERE name = 'waits') WHERE id = 1"
	finds 'is of another key' 'UPDATE issued SET prov_key = 3 WHERE id = 4'
	finds 'came before the first' 'UPDATE issued SET first = (id = 4) WHERE member = 1'
	finds 'revoked for boredom' "UPDATE issued SET reason = 'boredom' WHERE reason = 'superseded'"
	finds 'is called ../x' "UPDATE member SET name = '../x' WHERE id = 1"
	finds 'stands nowhere' 'UPDATE grp SET place = 4 WHERE id = 2'
	finds 'fixed directories: 3 of 4' 'DELETE FROM place WHERE id = 4'
	finds 'ids of deleted rows would be given again' "INSERT INTO setting VALUES ('last_id', CAST('1x' AS BLOB))"
}

@test "a database that has lost what keeps it sound" {
	fill
	finds 'the table crl is missing' 'DROP TABLE crl'
	for table in event setting place prov_key vacated file_owner; do
		finds "the table $table is missing" "DROP TABLE $table"
	done
	finds 'the index member_name is missing' 'DROP INDEX member_name'
	finds 'the index cert_name is missing or another one' 'DROP INDEX cert_name; CREATE INDEX cert_name ON cert (name)'
}

@test "a damaged database" {
	not_restored 'it is damaged on purpose'
	fill
	cp whole store
	page=$(sqlite3 store "SELECT rootpage FROM sqlite_schema WHERE name = 'member_name'")
	dd if=/dev/urandom of=store bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
	run fsck store
	[ "$status" = 4 ] || [ "$status" = 8 ]
	[[ $output == *database:* || $output == *malformed* ]]
}

@test "what cannot be checked" {
	run fsck store
	[ "$status" = 8 ] # mounted
	[[ $output == *'another enrollfs has it mounted'* ]]
	stop
	run fsck
	[ "$status" = 16 ]
	run fsck -x store
	[ "$status" = 16 ]
	run fsck nowhere
	[ "$status" = 8 ]
	[ ! -e nowhere ]
	[ ! -e nowhere.lock ]
	run fsck --log-head nonsense store
	[ "$status" = 16 ]
	mv store.key kept
	run fsck store
	[ "$status" = 8 ]
	fsck --master-key kept store
	echo text > text
	run fsck text
	[ "$status" = 8 ]
	fsck --version
	fsck --help > /dev/null
	mv kept store.key
}

@test "after kill -9 in the middle it is sound" {
	echo max > "$K/max_uses"
	for i in 1 2 3 4; do
		(for j in $(seq 20); do
			csr "m$i.$j" && enroll_here "m$i.$j.csr" > /dev/null 2>&1 || break
		done) 3>&- &
	done
	wait_until [ -e "$G/members/m1.3" ]
	kill -9 "$PID"
	wait || :
	wait_until not mountpoint -q "$M"
	PID=
	fsck store
}

@test "mkfs makes what the first mount would, and overwrites nothing" {
	stop
	mkdir new
	tool mkfs --domain other.example new/store
	[ "$(stat -c %a new/store new/store.key | tr '\n' ' ')" = '600 600 ' ]
	fsck new/store
	run tool mkfs new/store
	[ "$status" = 1 ]
	[[ $output == *'File exists'* ]]
	run tool mkfs --domain 'Not A Name' new/bad
	[ "$status" = 1 ]
	[ "$(ls -A new | grep -v -e -wal -e -shm | tr '\n' ' ')" = 'store store.key store.lock ' ]
	run tool mkfs
	[ "$status" = 2 ]
	run tool mkfs new/nowhere/store
	[ "$status" = 1 ]
	tool mkfs --version
	# one that is being mounted meanwhile is left alone
	install -o enrollfs -m 600 /dev/null new/busy.lock
	(flock 9 && touch locked && wait_until [ -e go ]) 9> new/busy.lock 3>&- &
	wait_until [ -e locked ]
	run tool mkfs --domain a.example new/busy
	touch go
	wait $!
	[ "$status" = 1 ]
	[[ $output == *'another enrollfs has it mounted'* ]]
	rm new/busy.lock
	mv new/store new/store.key .
	"$ENROLLFS" -f "$T/store" "$M" 2>> log 3>&- &
	PID=$!
	wait_until answers
	is "$M/domain" other.example
}
