#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# trim.enrollfs: what has expired goes, old lines of the trail go to a file, and nothing else changes.

bats_require_minimum_version 1.5.0
load helper

DAY=86400

# With a server the clock of jobs is the server's; what is asked of it here are dates in certificates.
setup() {
	set_up_mount
	stop
	cc -shared -fPIC -o clock.so "$BATS_TEST_DIRNAME/clock.c"
	head -c 8 /dev/zero > clock
	CLOCKED=("CLOCK=$T/clock"
		"LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/clock.so")
	start
	echo max > "$K/max_uses"
	# beside a store that is a file
	MOVED=$T FOLDER=()
	[ -z "${STORE-}" ] || install -d -o enrollfs moved
	[ -z "${STORE-}" ] || MOVED=moved FOLDER=(--trail moved)
}

# at DAYS: mounted again, so many days from now.
at() {
	stop_if_running
	set_clock $(($1 * DAY))
	start
}

trim() { tool trim "${TOOL_OPTIONS[@]}" "${FOLDER[@]}" "$@" "$S"; }

# enrolled NAME [KEY]: with a certificate in NAME.crt.
enrolled() {
	csr "$1"
	enroll_here "$1.csr" "${2:-$K}/enroll" > "$1.crt"
}

day() { date -u -d "@$(($(date +%s) + $1 * DAY))" +%F; }

sound() {
	run check_store
	[ "$output" = "$S: sound" ] || { echo "$output"; return 1; }
}

rows() { sql "SELECT count(*) FROM $1"; }

# Whether this name's serial number is on the list of the connector's certificate.
listed() {
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text |
		grep -qi "$(openssl x509 -in "$1.crt" -noout -serial | cut -d= -f2)"
}

# Its lines follow each other, and the first one follows the hash.
is_chained() {
	/usr/bin/python3 - "$1" "$2" <<-'PY'
	import hashlib, json, sys
	prev, n = sys.argv[2], None
	for line in open(sys.argv[1], 'rb'):
	    entry = json.loads(line)
	    assert entry['prev'] == prev, line
	    assert n is None or entry['seq'] == n + 1, line
	    n, prev = entry['seq'], hashlib.sha256(line[:-1]).hexdigest()
	PY
}

# What look says, but for the log, in which the mount has added to what was copied.
without_log() { grep -vE '(^|/)log( |$|\.head)'; }

# A copy that has all of the export already. The daemon signs lists meanwhile.
copied() { [ -z "$(rsync -ai "$M/export/" "$1/")" ]; }

ZEROS=0000000000000000000000000000000000000000000000000000000000000000

@test "members whose certificates have expired go, others stay as they are" {
	enrolled old1
	enrolled old2
	enrolled gone
	rmdir "$G/members/gone"
	at 300
	enrolled young
	# two lists behind the one that was revoked
	at 372
	at 380
	stop
	run -0 trim --expired 10
	[[ $output == *'removed 3 members, 3 certificates, 0 other objects' ]]
	sound
	[ "$(rows member) $(rows issued) $(rows former)" = '1 1 0' ]
	start
	[ "$(ls "$G/members")" = young ]
	cmp "$G/members/young/fullchain.pem" young.crt
	is "$K/uses" 4
	is "$M/certs/connector/issued" 4
	is "$M/certs/connector/revoked" 1
	# each of those that could still be seen has a line; what was removed before has its own
	[ "$(grep -c '"action":"rmdir","object":"app_connector/berlin/members/' "$M/log")" = 3 ]
	grep -q '"comm":"trim.enrollfs","action":"trim".*"value":"members 3, certificates 3, others 0"' "$M/log"
	# and a name is free again
	enrolled old1
}

@test "of a member that stays, its first and newest certificate stay" {
	enrolled web
	serials=$(openssl x509 -in web.crt -noout -serial)
	for i in 1 2 3; do
		at $((i * 300))
		csr "web$i" web
		enroll_here "web$i.csr" "$G/members/web/renew" > "web$i.crt"
	done
	[ "$(rows issued)" = 4 ]
	at 1000
	stop
	run -0 trim --expired 1
	[[ $output == *'removed 0 members, 2 certificates, 0 other objects' ]]
	sound
	start
	cmp "$G/members/web/fullchain.pem" web3.crt
	cmp "$K/enroll.d/web.csr" web.csr
	is "$M/certs/connector/issued" 4
	# it goes on to be renewed
	csr web4 web
	enroll_here web4.csr "$G/members/web/renew" > web4.crt
	cmp "$G/members/web/fullchain.pem" web4.crt
	[ -n "$serials" ]
}

@test "what is on a revocation list stays until it is on none" {
	enrolled web
	echo keyCompromise > "$G/members/web/revocation"
	listed web
	# it expires; the list is the one of before, and has it
	stop
	set_clock $((366 * DAY))
	run -0 trim --expired 0
	[[ $output == *'removed 0 members, 0 certificates, 0 other objects' ]]
	# the first list behind that has it too (RFC 5280 3.3), the second has not
	at 366
	listed web
	stop
	run -0 trim --expired 0
	[[ $output == *'removed 0 members, 0 certificates, 0 other objects' ]]
	at 372
	not listed web
	stop
	run -0 trim --expired 0
	[[ $output == *'removed 1 members, 1 certificates, 0 other objects' ]]
	sound
	start
	is "$M/certs/connector/revoked" 1
	not listed web
}

@test "groups, keys and certificates that were removed go with the last that names them" {
	sqlite_only "the server's clock counts, which cannot be set here"
	mkdir "$M/certs/own" "$M/certs/below" "$M/app_connector/munich" "$M/app_connector/munich/keys/k"
	echo root > "$M/certs/own/issuer"
	echo own > "$M/certs/below/issuer"
	echo own > "$M/app_connector/munich/keys/k/signing_cert"
	enrolled web "$M/app_connector/munich/keys/k"
	rmdir "$M/app_connector/munich/members/web" "$M/app_connector/munich/keys/k" "$M/app_connector/munich"
	at 366
	rmdir "$M/certs/below" "$M/certs/own"
	[ "$(rows cert)" = 5 ]
	at 380
	stop
	# the certificates were removed and are on root's list
	run -0 trim --expired 10
	[[ $output == *'removed 1 members, 1 certificates, 2 other objects' ]]
	[ "$(rows grp) $(rows prov_key) $(rows cert)" = '1 1 5' ]
	# root's second list behind the end of what was revoked
	at 5600
	at 5610
	stop
	run -0 trim --expired 10
	[[ $output == *'removed 0 members, 0 certificates, 2 other objects' ]]
	[ "$(rows cert) $(sql 'SELECT count(*) FROM crl WHERE cert > 3')" = '3 0' ]
	sound
	start
	is "$M/certs/root/issued" 3
	is "$M/certs/root/revoked" 1
}

@test "what waits, what was compromised and the names of others come through, also with another master key" {
	echo .corp.example > "$G/allowed_names"
	for m in gone kept; do
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $m.pem -subj /CN=$m \
			-addext "subjectAltName=DNS:$m.corp.example" -out $m.csr 2> /dev/null
	done
	enroll_here gone.csr > gone.crt
	echo keyCompromise > "$G/members/gone/revocation"
	at 366
	at 372
	at 380
	enroll_here kept.csr > kept.crt
	mkdir "$G/keys/asks"
	echo 1 > "$G/keys/asks/approval"
	csr later
	refused 'Operation now in progress' enroll_here later.csr "$G/keys/asks/enroll"
	stop
	run -0 trim --expired 10 --before "$(day 379)"
	[[ $output == *'removed 1 members, 1 certificates, 0 other objects'* ]]
	sound
	start
	refused 'File exists' enroll_here gone.csr
	[ "$(ls "$G/keys/asks/pending" | wc -l)" = 1 ]
	rsync -a "$M/export/" copy/
	stop
	if [ -z "${STORE-}" ]; then
		tool rekey store new.key
		sound
		start
		refused 'File exists' enroll_here gone.csr
		stop
		cp store.key.old-* store.key # of the copy
	fi
	# and a restore knows all of it
	restore_store copy
	sound
	start
	refused 'File exists' enroll_here gone.csr
	code=$(ls "$G/keys/asks/pending")
	echo "$code" > "$G/keys/asks/pending/$code/approve"
	enroll_here later.csr "$G/keys/asks/enroll" > later.crt
	openssl x509 -in later.crt -noout -subject | grep -q later
}

@test "an id is never given again, also not after a restore" {
	mkdir "$G/keys/last"
	enrolled web "$G/keys/last"
	id=$(cat "$G/keys/last/id")
	rmdir "$G/members/web" "$G/keys/last"
	at 372
	at 380
	stop
	trim --expired 10
	[ "$(rows member) $(rows issued)" = '0 0' ]
	start
	mkdir "$G/keys/next"
	[ "$(cat "$G/keys/next/id")" -gt "$id" ]
	rmdir "$G/keys/next"
	id=$((id + 1))
	cp -r "$M/export" copy
	stop
	restore_store copy
	start
	mkdir "$G/keys/next"
	[ "$(cat "$G/keys/next/id")" -gt "$id" ]
}

@test "the trail before a date is a file beside the store, and the log goes on behind it" {
	enrolled web1
	at 10
	enrolled web2
	cp "$M/log" all
	inode=$(stat -c %i "$M/log")
	[ "$(ls -i "$M" | awk '$2 == "log" {print $1}')" = "$inode" ]
	stop
	install -d -o enrollfs moved
	run -0 trim --before "$(day 5)" --trail moved
	file=$(echo moved/*.trail-1-*.jsonl)
	[[ $output == "$file: "*' lines'* ]]
	sound
	n=$(wc -l < "$file")
	head -n "$n" all | cmp - "$file"
	[ "$(stat -c %a "$file")" = 440 ]
	is_chained "$file" $ZEROS
	# it begins where the file ends, with the same numbers
	start
	hash=$(tail -n 1 "$file" | tr -d '\n' | sha256sum | cut -d' ' -f1)
	is_chained "$M/log" "$hash"
	tail -n "+$((n + 1))" all | cmp - <(head -n "$(($(wc -l < all) - n))" "$M/log")
	[ "$(stat -c %i "$M/log")" != "$inode" ]
	[ "$(ls -i "$M" | awk '$2 == "log" {print $1}')" = "$(stat -c %i "$M/log")" ]
	[ "$(stat -c %s "$M/log")" = "$(wc -c < "$M/log")" ]
	# what was enrolled before is there
	cmp "$G/members/web1/fullchain.pem" web1.crt
	# fsck takes the hash of the last line that was moved, and of later ones, and no other
	cp "$M/log.head" head
	stop
	tool fsck "${TOOL_OPTIONS[@]}" --log-head "$hash" "$S"
	tool fsck "${TOOL_OPTIONS[@]}" --log-head "$(cat head)" "$S"
	run -4 tool fsck "${TOOL_OPTIONS[@]}" --log-head "$(head -n 1 all | tr -d '\n' | sha256sum | cut -d' ' -f1)" "$S"
	# a second one finds nothing
	run -0 trim --before "$(day 5)" --trail moved
	[ "$(ls moved)" = "${file#moved/}" ]
	# and the next one follows
	at 20
	stop
	trim --before "$(day 15)"
	next=$(echo "$MOVED"/*.trail-$((n + 1))-*.jsonl)
	is_chained "$next" "$hash"
	sound
}

# In SQL: a column of bytes as text; a text as bytes.
text() { if [ -n "${STORE-}" ]; then echo "convert_from($1, 'UTF8')"; else echo "CAST($1 AS TEXT)"; fi; }
blob() { if [ -n "${STORE-}" ]; then echo "convert_to('$1', 'UTF8')"; else echo "CAST('$1' AS BLOB)"; fi; }

@test "fsck finds an anchor that was changed, and one that is missing" {
	at 10
	stop
	trim --before "$(day 5)"
	sound
	anchor=$(sql "SELECT $(text value) FROM setting WHERE name = 'anchor'" | tr -d '\n')
	[[ $anchor == *'"anchor":{"records":1000,"line":'* ]]
	sql "UPDATE setting SET value = $(blob "${anchor/records\":1000/records\":2000}") WHERE name = 'anchor'"
	run -4 check_store
	[[ $output == *'log: where it begins, since it was trimmed, was changed'* ]]
	refused 'where its trail begins was changed' env "${CLOCKED[@]}" "$ENROLLFS" -f "${OF_STORE[@]}" "$S" "$M"
	sql "DELETE FROM setting WHERE name = 'anchor'"
	run -4 check_store
	[[ $output == *'record 1001 does not stand where it should'* ]]
	sql "INSERT INTO setting VALUES ('anchor', $(blob "$anchor"))"
	sound
}

@test "copies of export/ from before, from behind, and with files of both" {
	for i in 1 2 3; do enrolled web$i; done
	rmdir "$G/members/web3"
	cp -r "$M/export" before
	cp -r "$M/export" both
	at 380
	enrolled young
	rsync -a "$M/export/" both/
	old=$(cat both/store.json)
	stop
	trim --expired 10 --before "$(day 5)"
	start
	look > was
	rsync -a "$M/export/" behind/
	rsync -a "$M/export/" both/
	[ "$(ls behind/trail)" = 00000002.jsonl ]
	[ "$(ls both/trail | tr '\n' ' ')" = '00000001.jsonl 00000002.jsonl ' ]
	wait_until copied behind
	stop
	# both: what is of before the trim is left out
	run -0 restore_store both
	[[ $output == *'1 files are of before the store was trimmed, and left out'* ]]
	start
	diff <(without_log < was) <(look | without_log)
	stop
	restore_store behind
	start
	[ "$(ls "$G/members")" = young ]
	stop
	# the store.json of before, with the trail of behind
	echo "$old" > both/store.json
	run -1 restore_store both
	[[ $output == *'trail/00000001.jsonl is cut off'* ]]
	rm both/trail/00000001.jsonl
	run -1 restore_store both
	[[ $output == *'trail/00000001.jsonl is missing'* ]]
	# a copy of before is what was
	restore_store before
	set_clock 0
	start
	[ "$(ls "$G/members" | tr '\n' ' ')" = 'web1 web2 ' ]
	not_restored 'it has been restored'
}

@test "it refuses what is mounted, missing, somebody else's, or not asked for properly" {
	run -1 trim --expired 0
	[[ $output == *'has it mounted'* ]] || [[ $output == *'is mounted, here or by another host'* ]]
	stop
	run -2 tool trim "${TOOL_OPTIONS[@]}" "$S"
	[[ $output == *'--before or --expired is missing'* ]]
	for date in 2026-02-30 2026-1-1 26-01-01 tomorrow 2026-01-01T00:00:00 "$(day 2)" 1969-01-01 ''; do
		run -2 trim --before "$date"
		[[ $output == *"--before=$date: has to be a date that is past"* ]] || [[ $output == *'lacks its value'* ]]
	done
	for days in -1 1.5 99999 30d; do
		run -2 trim --expired "$days"
		[[ $output == *"--expired=$days: has to be a number of days"* ]]
	done
	run -2 tool trim --expired 1
	run -2 trim --expired 1 --unknown
	run -0 trim --help
	[[ $output == 'usage: trim.enrollfs '* ]]
	run -0 trim --version
	[[ $output == "trim.enrollfs $(cat "$BATS_TEST_DIRNAME/../../Makefile" | sed -n 's/^VERSION := //p')" ]]
	# nothing has changed
	sound
	[ "$(sql "SELECT count(*) FROM setting WHERE name = 'anchor'")" = 0 ]
	sqlite_only 'there, all of this needs the server'
	run -1 tool trim --expired 1 "$T/none"
	[[ $output == *'No such file or directory'* ]]
	[ ! -e none ]
	cp store.key another.key
	tr 0-9 1-90 < store.key > another.key
	run -1 tool trim --expired 1 --master-key "$T/another.key" "$S"
	[[ $output == *'this is not the master key it was made with'* ]]
	# another user can neither read the key nor the store
	run -1 setpriv --reuid=65534 --regid=65534 --clear-groups "${ENROLLFS%/*}/trim.enrollfs" --expired 0 "$S"
	[[ $output == *'Permission denied'* ]]
	# as the store's owner it does what root does; its files are the owner's
	run -0 setpriv --reuid=enrollfs --regid=enrollfs --init-groups env "${CLOCKED[@]}" \
		"${ENROLLFS%/*}/trim.enrollfs" --before "$(day 0)" "$S"
	set_clock $((2 * DAY))
	trim --before "$(day 1)"
	[ "$(stat -c '%U %a' store.trail-1-*.jsonl)" = 'enrollfs 440' ]
}

@test "a file that is in the way of the lines is left alone" {
	sqlite_only 'the rule is the same, and the file is elsewhere'
	at 10
	stop
	n=$(sql "SELECT max(line) FROM event WHERE at < $(date -d "$(day 5)" +%s)000000000")
	echo mine > "store.trail-1-$n.jsonl"
	run -1 trim --before "$(day 5)"
	[[ $output == *"store.trail-1-$n.jsonl: File exists"* ]]
	is "store.trail-1-$n.jsonl" mine
	[ -z "$(find . -name '.store.trail*')" ]
	sound
	[ "$(sql "SELECT min(line) FROM event")" = 1 ]
	# nor is a folder that is missing, or that the owner may not write to
	run -1 trim --before "$(day 5)" --trail none
	[[ $output == *'none: No such file or directory'* ]]
	mkdir closed
	run -1 trim --before "$(day 5)" --trail closed
	[[ $output == *'Permission denied'* ]]
	sound
}

# size: of all that is in the store's files.
size() { cat store store-wal 2> /dev/null | wc -c; }

# filled COUNT: so many have enrolled and were removed.
filled() {
	"${ENROLLFS%/*}/bench" requests "$1" requests
	cat "$K/key" > my.key
	"${ENROLLFS%/*}/bench" enroll 4 600 requests 0 "$M/enroll" my.key > /dev/null
	find "$G/members" -mindepth 1 -maxdepth 1 -exec rmdir {} +
	stop
}

@test "a store shrinks to what is alive" {
	sqlite_only 'the size of files'
	stop
	empty=$(size)
	start
	filled "${TRIM_MEMBERS:-2000}"
	full=$(size)
	at 372
	at 380
	enrolled young
	stop
	trim --expired 10 --before "$(day 379)"
	sound
	# what stays is larger than what was new by a few records
	echo "$empty $full $(size)"
	[ "$(size)" -lt $((empty + 100000)) ]
	[ "$full" -gt $((empty + 3000000)) ]
	start
	is "$K/uses" "$((${TRIM_MEMBERS:-2000} + 1))"
	is "$M/certs/connector/revoked" "${TRIM_MEMBERS:-2000}"
	[ "$(ls "$G/members")" = young ]
}

# killed POINT: a copy of the store in ./before is trimmed, and killed there. 1: it was not.
killed() {
	rm -f store store-wal store-shm store.trail-* .store.trail-*
	cp -p before/* .
	env "${CLOCKED[@]:0:1}" "${CLOCKED[1]}:$T/kill_at.so" KILL_AT="$1" \
		"${ENROLLFS%/*}/trim.enrollfs" --expired 10 --before "$(day 379)" "$S" > said 2>&1 && return 1
	[ "$?" = 137 ] || { cat said; return 2; }
}

# What a trim that was killed has left: all of it or nothing, and complete lines. sqlite3 would take the
# write-ahead log away: it looks at a copy.
left_whole() {
	sound || return 1
	local members lines file
	rm -rf seen
	mkdir seen
	cp store seen
	[ ! -e store-wal ] || cp store-wal seen
	members=$(sqlite3 seen/store 'SELECT count(*) FROM member')
	lines=$(sqlite3 seen/store 'SELECT min(line) FROM event')
	[ "$members $lines" = "31 1" ] || [ "$members $lines" = "1 $first" ] || { echo "left: $members $lines"; return 1; }
	for file in store.trail-*; do
		[ -e "$file" ] || continue
		is_chained "$file" $ZEROS && [ "$(wc -l < "$file")" = $((first - 1)) ] || return 1
	done
	[ "$lines" = 1 ] || [ -e "store.trail-1-$((first - 1)).jsonl" ]
}

@test "killed at any moment, it leaves a sound store, and a second one finishes" {
	sqlite_only 'a transaction of the server is whole'
	cc -shared -fPIC -o kill_at.so "$BATS_TEST_DIRNAME/kill_at.c" -ldl
	filled 30
	at 372
	at 380
	enrolled young
	stop
	mkdir before
	cp -p store* before
	trim --expired 10 --before "$(day 379)"
	first=$(sql 'SELECT min(line) FROM event')
	rounds=0
	for point in before-commit after-commit within-write; do
		many=1
		while killed "$point:$many"; do
			left_whole || { echo "$point:$many"; return 1; }
			trim --expired 10 --before "$(day 379)" > /dev/null
			left_whole
			[ "$(rows member)" = 1 ]
			[ -z "$(find . -maxdepth 1 -name '.store.trail*')" ]
			rounds=$((rounds + 1)) many=$((many + 1 + many / 4))
		done
	done
	echo "$rounds rounds"
	[ $rounds -gt 15 ]
}
