#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Revoking all that a key or a group has enrolled.

bats_require_minimum_version 1.5.0
load helper

# enrolled NAME...: machines that enroll with the key K.
enrolled() {
	echo max > "$K/max_uses"
	for m; do
		csr "$m"
		enroll_here "$m.csr" > "$m.crt"
	done
}

# renewed NAME [TIMES]: the machine gets another certificate, NAME.crt, and keeps the one before as NAME.old.
renewed() {
	csr "$1.new"
	openssl req -new -key "$1.pem" -out "$1.proof" -subj "/CN=$(openssl req -in "$1.new.csr" -outform DER |
		sha256sum | cut -c 1-64)" 2> /dev/null
	bash -c '{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - "$1.new.csr" "$1.proof" "$M/renew" > "$1.new.crt" || return
	mv "$1.crt" "$1.old"
	mv "$1.new.crt" "$1.crt"
	mv "$1.new.pem" "$1.pem"
}

# checks CRT: openssl's verdict with the present list of the certificate that signed.
checks() {
	openssl verify -x509_strict -crl_check -CAfile "$M/certs/root/cert.pem" -CRLfile "$M/certs/connector/crl.pem" \
		-untrusted "$1" "$1" 2>&1
}
revoked() { [[ $(checks "$1") == *'certificate revoked'* ]]; }

# another_key NAME: a key of another group, which any number may use; its text is NAME.key.
another_key() {
	mkdir -p "$M/app_connector/other" "$M/app_connector/other/keys/$1"
	echo max > "$M/app_connector/other/keys/$1/max_uses"
	cat "$M/app_connector/other/keys/$1/key" > "$1.key"
}

# A few thousand members; a server on the same machine takes longer.
MANY=4000
[ -z "${STORE-}" ] || MANY=800

# fleet COUNT: so many machines enroll with the key K, quickly.
fleet() {
	local before
	not_restored 'it would read thousands of members; smaller stores are'
	before=$(cat "$K/uses")
	echo max > "$K/max_uses"
	cat "$K/key" > fleet.key
	echo $((before + $1)) > "$K/max_uses"
	# this client frees nothing at its end
	ASAN_OPTIONS=detect_leaks=0 "${ENROLLFS%/*}/bench" requests "$1" fleet
	ASAN_OPTIONS=detect_leaks=0 "${ENROLLFS%/*}/bench" enroll 8 600 fleet 0 "$M/enroll" fleet.key > /dev/null
	is "$K/remaining" 0
	echo max > "$K/max_uses"
}

# How many certificates of the key K's members are not revoked. A store that was left open is looked at in
# a copy: sqlite3 would take its write-ahead log away.
valid() {
	local T=$T
	[ -n "${STORE-}" ] || answers || { rm -rf left && mkdir left && cp store* left && T=$T/left; }
	sql "SELECT count(*) FROM issued i JOIN prov_key k ON k.id = i.prov_key
	     WHERE k.name = '${K##*/}' AND i.revoked IS NULL"
}

goes_on() { [[ $(cat "$1/revocation") == *' left' ]]; }
has_ended() { [[ $(cat "$1/revocation") != *' left' ]]; }

metric() { awk -v name="$1" '$1 == name {print $2}' "$M/metrics"; }

@test "a key's members are revoked, with all their certificates, and nobody else's" {
	enrolled web1 web2 gone
	renewed web2
	mkdir "$G/keys/second"
	echo max > "$G/keys/second/max_uses"
	csr other
	enroll_here other.csr "$G/keys/second/enroll" > other.crt
	rmdir "$G/members/gone"
	is "$K/revocation" none
	[ "$(stat -c %s "$K/revocation")" = 5 ]
	echo keycompromise > "$K/revocation"
	is "$K/revocation" keyCompromise
	[ "$(stat -c %s "$K/revocation")" = 14 ]
	is "$K/enabled" 0
	is "$K/state" disabled
	is "$G/enabled" 1
	is "$G/members/web1/revocation" keyCompromise
	is "$G/members/web2/state" revoked
	is "$G/members/other/state" active
	is "$M/certs/connector/revoked" 4
	revoked web1.crt
	revoked web2.crt
	revoked web2.old
	revoked gone.crt
	checks other.crt
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text > text
	[ "$(grep -c 'Key Compromise' text)" = 3 ]
	grep -q '"action":"set","object":"app_connector/berlin/keys/auto/revocation","value":"keycompromise"' "$M/log"
	grep -q '"action":"revoked","object":"app_connector/berlin/keys/auto/revocation","certificates":"3","result":"ok"' "$M/log"
	# nobody comes in, and nobody comes back
	csr late
	refused 'Key has been revoked' enroll_here late.csr
	refused 'Key has been revoked' enroll_here web1.csr
	refused 'Key has been revoked' renewed web2
	echo 1 > "$K/enabled"
	refused 'File exists' enroll_here web1.csr
	enroll_here late.csr > late.crt
	checks late.crt
	# another order is about those who have come since
	echo superseded > "$K/revocation"
	is "$K/revocation" superseded
	is "$K/enabled" 0
	revoked late.crt
	is "$G/members/late/revocation" superseded
	is "$G/members/web1/revocation" keyCompromise
	grep -q '"action":"revoked",.*"certificates":"1"' "$M/log"
	rmdir "$K"
}

@test "a group's members are revoked, whatever their key, also one that is deleted" {
	enrolled web1
	mkdir "$G/keys/second"
	echo max > "$G/keys/second/max_uses"
	csr web2
	enroll_here web2.csr "$G/keys/second/enroll" > web2.crt
	another_key apart
	csr apart
	enroll apart.key apart.csr > apart.crt
	cat "$G/keys/second/key" > second.key
	rmdir "$G/keys/second"
	is "$G/revocation" none
	echo cessationOfOperation > "$G/revocation"
	is "$G/revocation" cessationOfOperation
	is "$G/enabled" 0
	is "$K/revocation" none
	is "$K/enabled" 1
	is "$K/state" disabled
	revoked web1.crt
	revoked web2.crt
	checks apart.crt
	csr late
	refused 'Key has been revoked' enroll_here late.csr
	grep -q '"action":"revoked","object":"app_connector/berlin/revocation","certificates":"2"' "$M/log"
	echo 1 > "$G/enabled"
	enroll_here late.csr > late.crt
	checks late.crt
}

@test "what is no reason, and who may not" {
	enrolled web1
	for value in none stolen certificateHold removeFromCRL 'superseded 2 left' ''; do
		sh_refused 'Invalid argument' "echo '$value' > $K/revocation"
		sh_refused 'Invalid argument' "echo '$value' > $G/revocation"
	done
	is "$K/revocation" none
	is "$K/enabled" 1
	is "$G/members/web1/state" active
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c "echo superseded > $K/revocation"
	# a write in parts is one order
	bash -c '{ printf superseded; echo; } > "$1"' - "$K/revocation"
	is "$K/revocation" superseded
	[ "$(grep -c '"action":"revoked"' "$M/log")" = 1 ]
	# an order for nobody
	mkdir "$G/keys/unused"
	echo unspecified > "$G/keys/unused/revocation"
	is "$G/keys/unused/revocation" unspecified
	grep -q '"certificates":"0"' "$M/log"
	# rm -r does not stumble over it
	rm -r "$G/keys/unused"
	stop
	start -o ro
	is "$K/revocation" superseded
	sh_refused 'Read-only file system' "echo superseded > $G/revocation"
}

@test "under managed it is for the owner of the mount's root" {
	enrolled web1
	chown 65534 "$K" "$K/revocation"
	echo 1 > "$K/managed"
	as_owner() { setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "$1"; }
	refused 'Operation not permitted' as_owner "echo superseded > $K/revocation"
	as_owner "cat $M/why" | grep -q "it is managed: only the owner of the mount's root may revoke"
	is "$G/members/web1/state" active
	sh_refused 'Operation not permitted' "echo 1 > $K/enabled"
	echo superseded > "$K/revocation"
	is "$K/enabled" 0
	is "$G/members/web1/state" revoked
	is "$K/managed" 1
}

@test "an order of thousands: what it says meanwhile, what waits for its end, and what does not" {
	fleet $((2 * MANY))
	another_key apart
	csr web1
	echo keyCompromise > "$K/revocation" &
	writer=$!
	wait_until goes_on "$K"
	left=$(cat "$K/revocation")
	# the writer still waits, and no thread is held: others are served
	enroll apart.key web1.csr > web1.crt
	[ "$(metric enrollfs_revocations_unfinished)" = 1 ]
	kill -0 $writer
	is "$K/enabled" 0
	[[ $left =~ ^keyCompromise\ ([0-9]+)\ left$ ]]
	[ "${BASH_REMATCH[1]}" -le $((2 * MANY)) ]
	refused 'Device or resource busy' rmdir "$K"
	sh_refused 'Device or resource busy' "echo 1 > $K/enabled"
	refused 'Device or resource busy' rm -r "$K"
	wait $writer
	is "$K/revocation" keyCompromise
	[ "$(valid)" = 0 ]
	checks web1.crt
	is "$M/certs/connector/revoked" $((2 * MANY))
	sync "$K/revocation"
	[ "$(grep -c ^R "$M/certs/connector/index.txt")" = $((2 * MANY)) ]
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text | grep -c 'Serial Number' > count
	is count $((2 * MANY))
	grep -q "\"action\":\"revoked\",.*\"certificates\":\"$((2 * MANY))\"" "$M/log"
	rmdir "$K"
}

@test "a signal ends the wait, not the order" {
	fleet $MANY
	python3 - "$K/revocation" > said <<'PYTHON'
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, True)
fd = os.open(sys.argv[1], os.O_WRONLY)
signal.setitimer(signal.ITIMER_REAL, 0.05)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
n = libc.write(fd, b'superseded\n', 11)
print(n, os.strerror(ctypes.get_errno()))
PYTHON
	is said '-1 Interrupted system call'
	goes_on "$K"
	wait_until has_ended "$K"
	is "$K/revocation" superseded
	[ "$(valid)" = 0 ]
	grep -q "\"certificates\":\"$MANY\"" "$M/log"
	not grep -q EINTR "$M/log"
}

@test "a mount that goes away answers who waits; the order goes on with the next one" {
	fleet $MANY
	echo keyCompromise > "$K/revocation" 2> said &
	writer=$!
	wait_until goes_on "$K"
	kill "$PID"
	rc=0
	wait $writer || rc=$?
	[ $rc = 1 ]
	wait "$PID"
	PID=
	[ "$(valid)" -gt 0 ]
	start
	wait_until has_ended "$K"
	is "$K/revocation" keyCompromise
	[ "$(valid)" = 0 ]
	# a lazy unmount while somebody waits
	mkdir "$G/keys/second"
	K=$G/keys/second
	fleet $MANY
	echo superseded > "$K/revocation" 2> said &
	writer=$!
	wait_until goes_on "$K"
	umount -l "$M"
	wait $writer
	wait "$PID"
	PID=
	[ "$(valid)" = 0 ]
	start
	is "$K/revocation" superseded
}

@test "killed in the middle: the next daemon goes on, while eight clients enroll" {
	fleet $MANY
	another_key apart
	echo keyCompromise > "$K/revocation" &
	wait_until goes_on "$K"
	kill -9 "$PID"
	wait "$PID" || :
	expect_log 'enrollfs: error: .*(fuse|unmount|session)'
	wait_until not mountpoint -q "$M"
	check_store
	[ "$(valid)" -gt 0 ]
	start
	"${ENROLLFS%/*}/bench" requests 400 other
	ASAN_OPTIONS=detect_leaks=0 "${ENROLLFS%/*}/bench" enroll 8 600 other 0 "$M/enroll" apart.key > /dev/null
	wait_until has_ended "$K"
	is "$K/revocation" keyCompromise
	is "$K/enabled" 0
	[ "$(valid)" = 0 ]
	[ "$(sql "SELECT count(*) FROM issued WHERE revoked IS NULL")" = 400 ]
	grep -q "\"certificates\":\"$MANY\"" "$M/log"
	# openssl agrees, for one in a hundred of them
	sync "$K/revocation"
	cat "$M/certs/root/cert.pem" "$M/certs/connector/cert.pem" > cas.pem
	cat "$M/certs/connector/crl.pem" > crl.pem
	ls "$G/members" | awk -v "every=$((MANY / 40))" 'NR % every == 1' > some
	[ "$(wc -l < some)" = 40 ]
	while read -r member; do
		run openssl verify -crl_check -CAfile cas.pem -CRLfile crl.pem "$G/members/$member/cert.pem"
		[[ $output == *'certificate revoked'* ]]
	done < some
	for member in $(ls "$M/app_connector/other/members" | head -n 10); do
		openssl verify -crl_check -CAfile cas.pem -CRLfile crl.pem "$M/app_connector/other/members/$member/cert.pem"
	done
}

@test "a renewal while the order is carried out does not slip past it" {
	enrolled first
	fleet $((MANY / 2))
	enrolled last1 last2 last3
	# these renew as often as they can, until they may not
	for m in first last1 last2 last3; do
		(
			rc=0
			while [ $rc = 0 ]; do renewed "$m" 2> "$m.said" || rc=$?; done
		) &
		sleep 0.02
	done
	wait_until test -e last3.old
	# in a shell of its own: one of whose children ends waits no longer
	bash -c 'echo keyCompromise > "$1"' - "$K/revocation"
	[ "$(valid)" = 0 ]
	wait_for_jobs
	[ "$(valid)" = 0 ]
	sync "$K/revocation"
	for m in first last1 last2 last3; do
		grep -q 'Key has been revoked' "$m.said"
		revoked "$m.old"
	done
}

@test "a copy that was taken in the middle goes on with it" {
	fleet $MANY
	echo keyCompromise > "$K/revocation" &
	wait_until goes_on "$K"
	rsync -a "$M/export/" copy || [ $? = 24 ]
	wait_for_jobs
	stop
	restore_store copy
	start
	wait_until has_ended "$K"
	is "$K/revocation" keyCompromise
	is "$K/enabled" 0
	[ "$(valid)" = 0 ]
	stop
	check_store
}

@test "fsck knows what an order has to hold to" {
	enrolled web1 web2
	stop
	sql "UPDATE prov_key SET stop_last = 2, stop_done = 1, stop_reason = 'superseded'"
	run -4 check_store
	[[ $output == *'berlin/keys/auto: is enabled, and its order to revoke has not ended'* ]]
	[[ $output == *'berlin/members/web1: an order to revoke has left it out'* ]]
	sql "UPDATE prov_key SET stop_last = 0, stop_reason = 'weather'"
	run -4 check_store
	[[ $output == *'berlin/keys/auto: its members are revoked for weather'* ]]
	sql "UPDATE prov_key SET stop_reason = ''"
	check_store
}

# --- another secret ---

@test "a secret is replaced: the new text enrolls, the old one gets what it has had, and nothing else" {
	echo max > "$K/max_uses"
	cat "$K/key" > old.key
	csr web1
	csr web2
	csr web3
	enroll old.key web1.csr > web1.crt
	[ "$(cat "$K/secret" | wc -c)" = 0 ]
	[ "$(stat -c %s "$K/secret")" = 0 ]
	echo new > "$K/secret"
	cat "$K/key" > new.key
	not cmp -s old.key new.key
	refused 'Key was rejected' enroll old.key web2.csr
	grep -q 'this provisioning key has been replaced; copy the key again' "$M/why"
	enroll new.key web2.csr > web2.crt
	# a retry, with either
	enroll old.key web1.csr | cmp - web1.crt
	enroll new.key web1.csr | cmp - web1.crt
	enroll old.key web2.csr | cmp - web2.crt
	is "$K/uses" 2
	# a second time: the first text is unknown now
	bash -c '{ printf new; echo; } > "$1"' - "$K/secret"
	cat "$K/key" > newer.key
	refused 'Key was rejected' enroll old.key web1.csr
	enroll new.key web1.csr | cmp - web1.crt
	refused 'Key was rejected' enroll new.key web3.csr
	enroll newer.key web3.csr > web3.crt
	[ "$(grep -c '"object":"app_connector/berlin/keys/auto/secret","value":"new"' "$M/log")" = 2 ]
	stop
	start
	refused 'Key was rejected' enroll old.key web1.csr
	enroll new.key web1.csr | cmp - web1.crt
	not grep -qF "$(cut -d'|' -f3 old.key | cut -c 13-50)" "$T/log" "$M/log"
}

@test "the old text enrolls for a while" {
	use_clock
	stop
	start
	echo max > "$K/max_uses"
	cat "$K/key" > old.key
	csr web1
	csr web2
	csr web3
	echo 'new +1h' > "$K/secret"
	cat "$K/key" > new.key
	enroll old.key web1.csr > web1.crt
	enroll new.key web2.csr > web2.crt
	is "$K/uses" 2
	grep -q '"value":"new, the one before until 20' "$M/log"
	set_clock 3700
	refused 'Key was rejected' enroll old.key web3.csr
	enroll old.key web1.csr | cmp - web1.crt
	enroll new.key web3.csr > web3.crt
}

@test "what is no new secret, and who may not" {
	for value in '' old new1 'new 1h' 'new +' 'new +1' 'new +1y' 'new +1h ' 'NEW'; do
		sh_refused 'Invalid argument' "echo '$value' > $K/secret" || { echo "$value"; return 1; }
	done
	cat "$K/key" > old.key
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c "echo new > $K/secret"
	sh_refused 'Operation not permitted' "ln $K/secret $K/secret.bak"
	echo 1 > "$K/managed"
	sh_refused 'Operation not permitted' "echo new > $K/secret"
	echo 0 > "$K/managed"
	stop
	start -o ro
	sh_refused 'Read-only file system' "echo new > $K/secret"
	stop
	start
	echo max > "$K/max_uses"
	cat "$K/key" | cmp - old.key
	# whoever may read .key
	chgrp -R 65534 "$K"
	chmod -R g+rwX "$K"
	setpriv --reuid 65533 --regid 65534 --clear-groups bash -c "echo new > $K/secret"
	not cmp -s "$K/key" old.key
	echo 0 > "$K/exportable"
	sh_refused 'Operation not permitted' "echo new > $K/secret"
}

@test "the old secret is not in the store any more, and a copy restores which is which" {
	echo max > "$K/max_uses"
	cat "$K/key" > old.key
	csr web1
	enroll old.key web1.csr > web1.crt
	rsync -a "$M/export/" before
	before=$(sql "SELECT sealed_secret FROM prov_key" | od -An -v -tx1 | tr -d ' \n' | head -c 40)
	echo 'new +1d' > "$K/secret"
	cat "$K/key" > new.key
	stop
	dump_store bytes
	[ -n "$before" ]
	not grep -q "$before" <(od -An -v -tx1 bytes | tr -d ' \n')
	start
	rsync -a "$M/export/" after
	# the files are of before, and the trail of after: nothing may bring the old secret back
	cp -r before mixed
	rm -r mixed/trail
	cp -r after/trail mixed/trail
	stop
	run restore_store mixed
	[ "$status" != 0 ]
	[[ $output == *'keys/auto.json is missing'* ]]
	restore_store after
	start
	csr web2
	csr web3
	enroll old.key web1.csr | cmp - web1.crt
	enroll old.key web2.csr > web2.crt
	enroll new.key web3.csr > web3.crt
	cat "$K/key" | cmp - new.key
}

# whose KEYFILE: what whois says to it.
whose() { bash -c '{ cat "$1" >&3 && cat <&3; } 3<> "$2"' - "$1" "$M/whois"; }

@test "whois says whose a text is, and when it was replaced or deleted" {
	[ "$(stat -c '%a %u' "$M/whois")" = '600 0' ]
	cat "$K/key" > first.key
	another_key apart
	whose first.key > said
	is said app_connector/berlin/keys/auto
	whose apart.key > said
	is said app_connector/other/keys/apart
	echo new > "$K/secret"
	cat "$K/key" > second.key
	whose first.key > said
	[[ $(cat said) =~ ^app_connector/berlin/keys/auto\ replaced\ 20..-..-..T..:..:..Z$ ]]
	echo 'new +1h' > "$K/secret"
	cat "$K/key" > third.key
	[[ $(whose first.key) == 'app_connector/berlin/keys/auto replaced 20'* ]]
	[[ $(whose second.key) == 'app_connector/berlin/keys/auto replaced 20'* ]]
	whose third.key > said
	is said app_connector/berlin/keys/auto
	mv "$K" "$G/keys/renamed"
	whose third.key > said
	is said app_connector/berlin/keys/renamed
	rmdir "$G/keys/renamed"
	for text in first second third; do
		[[ $(whose $text.key) =~ ^app_connector/berlin/keys/renamed\ deleted\ 20..-..-..T..:..:..Z$ ]]
	done
	csr web1
	refused 'Key was rejected' enroll third.key web1.csr
	# a name that is used again is another key
	mkdir "$K"
	[[ $(whose first.key) == *deleted* ]]
	rsync -a "$M/export/" copy
	stop
	restore_store copy
	start
	[[ $(whose first.key) == 'app_connector/berlin/keys/renamed deleted 20'* ]]
	whose apart.key > said
	is said app_connector/other/keys/apart
	stop
	start -o ro
	refused 'Read-only file system' whose apart.key
}

@test "whois tells strangers nothing, and is told nothing that stays" {
	cat "$K/key" > my.key
	{ cut -c 1-30 my.key | tr -d '\n'; cut -c 31-50 my.key | tr 'A-Za-z' 'B-ZAb-za' | tr -d '\n'; cut -c 51- my.key; } > mistyped.key
	refused 'Bad message' whose mistyped.key
	# well formed, and nobody's
	python3 - my.key > nobody.key <<'PYTHON'
import base64, hashlib, os, sys
one, domain, text = open(sys.argv[1]).read().strip().split('|')
raw = base64.b64decode(text)
body = raw[:8] + os.urandom(32) + raw[40:72]
print('|'.join((one, domain, base64.b64encode(body + hashlib.sha256(b'1|' + domain.encode() + b'|' + body).digest()[:8]).decode())))
PYTHON
	refused 'Key was rejected' whose nobody.key
	cat my.key my.key > two.key
	refused 'Bad message' whose two.key
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c "cat my.key > $M/whois"
	# in parts, and again in the same conversation
	bash -c '{ head -c 40 "$1" >&3; tail -c +41 "$1" >&3; cat <&3; cat "$1" >&3; cat <&3; } 3<> "$2"' - my.key "$M/whois" > said
	[ "$(sort -u said)" = app_connector/berlin/keys/auto ]
	[ "$(wc -l < said)" = 2 ]
	for file in my nobody mistyped; do
		not grep -qF "$(cut -d'|' -f3 $file.key | cut -c 13-50)" "$M/log" "$T/log"
	done
}

@test "a compromised public key never enrolls again, whatever is deleted meanwhile" {
	enrolled web1 web2 web3 web4
	echo keyCompromise > "$G/members/web1/revocation"
	echo superseded > "$G/members/web2/revocation"
	rmdir "$G/members/web1" "$G/members/web2"
	refused 'File exists' enroll_here web1.csr
	refused 'File exists' enroll_here web2.csr
	[ "$(sql 'SELECT count(*) FROM compromised')" = 1 ]
	rsync -a "$M/export/" copy
	stop
	restore_store copy
	[ "$(sql 'SELECT count(*) FROM compromised')" = 1 ]
	start
	# all that enrolled with a key
	echo keyCompromise > "$K/revocation"
	stop
	[ "$(sql 'SELECT count(*) FROM compromised')" = 3 ]
	check_store
	sql 'DELETE FROM compromised WHERE id = (SELECT max(id) FROM compromised)'
	run -4 check_store
	[[ $output == *'its public key was compromised, and could enroll again'* ]]
	not_restored 'a row is deleted'
}

@test "a public key stays compromised when its certificate is not in the store any more" {
	csr web1
	csr web2
	enrolled web3
	stop
	hash=$(openssl req -in web1.csr -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-32)
	if [ -n "${STORE-}" ]; then
		sql "INSERT INTO compromised VALUES (1000, decode('$hash', 'hex'))"
	else
		sql "INSERT INTO compromised VALUES (1000, x'$hash')"
	fi
	not_restored 'a row is added'
	start
	refused 'File exists' enroll_here web1.csr
	grep -q 'this public key has been compromised; make a new key pair' "$M/why"
	cp web1.csr web3.new.csr
	openssl req -new -key web3.pem -out web3.proof -subj "/CN=$(openssl req -in web1.csr -outform DER | sha256sum | cut -c 1-64)" 2> /dev/null
	refused 'File exists' bash -c '{ cat web1.csr web3.proof >&3 && cat <&3; } 3<> "$1"' - "$M/renew"
	is "$K/uses" 1
	enroll_here web2.csr > web2.crt
}

# --- signing certificates ---

@test "a signing certificate is revoked: on its issuer's list, disabled, and its own list goes on" {
	enrolled web1 web2
	mkdir "$M/certs/below"
	is "$M/certs/below/revocation" none
	echo root > "$M/certs/below/issuer"
	echo below > "$G/signing_cert"
	mkdir "$G/keys/second"
	K=$G/keys/second
	enrolled web3 web4
	echo cACompromise > "$M/certs/below/revocation"
	is "$M/certs/below/revocation" cACompromise
	is "$M/certs/below/enabled" 0
	is "$M/certs/below/state" disabled
	is "$M/certs/root/revoked" 1
	sync "$M/certs/below/revocation"
	openssl crl -in "$M/certs/root/crl.pem" -noout -text > text
	grep -q 'CA Compromise' text
	grep -q "$(tr a-f A-F < "$M/certs/below/serial")" text
	grep -q "^R.*,cACompromise	$(tr a-f A-F < "$M/certs/below/serial")" "$M/certs/root/index.txt"
	cat "$M/certs/root/crl.pem" "$M/certs/below/crl.pem" > crls.pem
	run openssl verify -crl_check_all -CAfile "$M/certs/root/cert.pem" -CRLfile crls.pem -untrusted web3.crt web3.crt
	[[ $output == *'certificate revoked'* ]]
	# not recursive, and others are as they were
	is "$G/members/web3/state" active
	checks web1.crt
	csr late
	refused 'Key has been revoked' enroll_here late.csr
	refused 'Key has been revoked' renewed web3
	grep -q '"action":"set","object":"certs/below/revocation","value":"cACompromise"' "$M/log"
	# its own list is still signed
	echo keyCompromise > "$G/members/web4/revocation"
	sync "$G/members/web4/revocation"
	openssl crl -in "$M/certs/below/crl.pem" -noout -text | grep -q 'Key Compromise'
	openssl crl -in "$M/certs/below/crl.pem" -CAfile "$M/certs/below/cert.pem" -noout
	# for good
	sh_refused 'File exists' "echo superseded > $M/certs/below/revocation"
	sh_refused 'Operation not permitted' "echo 1 > $M/certs/below/enabled"
	sh_refused 'Invalid argument' "echo none > $M/certs/below/revocation"
	is "$M/certs/below/enabled" 0
	rsync -a "$M/export/" copy
	stop
	check_store
	restore_store copy
	start
	is "$M/certs/below/revocation" cACompromise
	is "$M/certs/root/revoked" 1
	openssl crl -in "$M/certs/root/crl.pem" -noout -text | grep -q 'CA Compromise'
}

@test "a revoked signing certificate that is deleted is on the list once, for the reason it was revoked for" {
	mkdir "$M/certs/below"
	echo root > "$M/certs/below/issuer"
	serial=$(tr a-f A-F < "$M/certs/below/serial")
	echo affiliationChanged > "$M/certs/below/revocation"
	rmdir "$M/certs/below"
	is "$M/certs/root/revoked" 1
	sync "$M/certs/root/revocation"
	openssl crl -in "$M/certs/root/crl.pem" -noout -text > text
	[ "$(grep -c "Serial Number: $serial" text)" = 1 ]
	grep -q 'Affiliation Changed' text
	not grep -q 'Cessation' text
	stop
	check_store
}

@test "what no list here can have is not revoked: a root, an outside CA's, one that waits" {
	mkdir "$M/certs/waits" "$M/certs/outside"
	outside_ca > "$M/certs/outside/import"
	for name in root outside waits; do
		sh_refused 'Operation not permitted' "echo superseded > $M/certs/$name/revocation"
		is "$M/certs/$name/revocation" none
	done
	grep -q 'it is self-signed, so that no list can have it: write 0 to enabled' "$M/why"
	is "$M/certs/root/enabled" 1
	sh_refused 'Invalid argument' "echo stolen > $M/certs/connector/revocation"
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c "echo superseded > $M/certs/connector/revocation"
	echo 1 > "$M/certs/service_edge/managed"
	echo superseded > "$M/certs/service_edge/revocation"
	is "$M/certs/service_edge/enabled" 0
	stop
	sql "UPDATE cert SET enabled = 1 WHERE name = 'service_edge'"
	run -4 check_store
	[[ $output == *'certs/service_edge: is revoked, and enabled or on no list'* ]]
	sql "UPDATE cert SET enabled = 0 WHERE name = 'service_edge'"
	start -o ro
	sh_refused 'Read-only file system' "echo superseded > $M/certs/connector/revocation"
}
