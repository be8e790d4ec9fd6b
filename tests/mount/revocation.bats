#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Revoking, revocation lists, the index, and what other programs make of them.

load helper

C=

setup_members() {
	C=$M/certs/connector
	echo max > "$K/max_uses"
	for m in "$@"; do
		csr "$m"
		enroll_here "$m.csr" > "$m.crt"
	done
}

# checks CRT: openssl's verdict with the present CRLs.
checks() {
	cat "$M/certs/connector/crl.pem" "$M/certs/root/crl.pem" > crls.pem
	openssl verify -x509_strict -crl_check_all -CAfile "$M/certs/root/cert.pem" -CRLfile crls.pem \
		-untrusted "$1" "$1" 2>&1
}

# The same with the list of the certificate that signed alone.
checks_here() {
	openssl verify -x509_strict -crl_check -CAfile "$M/certs/root/cert.pem" -CRLfile "$C/crl.pem" \
		-untrusted "$1" "$1" 2>&1
}

crl_number() { openssl crl -in "$1" -noout -crlnumber | sed 's/.*=0x//'; }

@test "a revoked certificate is refused by who looks at the list, the others are not" {
	setup_members web1 web2 web3
	checks web1.crt
	is "$G/members/web1/revocation" none
	echo keyCompromise > "$G/members/web1/revocation"
	is "$G/members/web1/revocation" keyCompromise
	is "$G/members/web1/state" revoked
	is "$C/revoked" 1
	[[ $(checks web1.crt) == *'certificate revoked'* ]]
	checks web2.crt
	rmdir "$G/members/web2"
	[[ $(checks web2.crt) == *'certificate revoked'* ]]
	checks web3.crt
	openssl crl -in "$C/crl.pem" -noout -text > text
	[ "$(grep -c 'Serial Number' text)" = 2 ]
	grep -q 'Key Compromise' text
	grep -q 'Cessation Of Operation' text
	grep -q '"action":"set".*members/web1/revocation.*keyCompromise' "$M/log"
}

@test "revoking is for good, and only for what can be revoked" {
	setup_members web1 web2
	sh_refused 'Invalid argument' "echo stolen > $G/members/web1/revocation"
	sh_refused 'Invalid argument' "echo none > $G/members/web1/revocation"
	sh_refused 'Invalid argument' "echo certificateHold > $G/members/web1/revocation"
	sh_refused 'Invalid argument' "echo removeFromCRL > $G/members/web1/revocation"
	is "$G/members/web1/state" active
	bash -c '{ printf superseded; echo; } > "$1"' - "$G/members/web1/revocation"
	is "$G/members/web1/revocation" superseded
	sh_refused 'File exists' "echo keyCompromise > $G/members/web1/revocation"
	sh_refused 'File exists' "echo superseded > $G/members/web1/revocation"
	is "$G/members/web1/revocation" superseded
	refused 'File exists' enroll_here web1.csr
	sed -i 's/none/unspecified/' "$G/members/web2/revocation"
	is "$G/members/web2/revocation" unspecified
	# unspecified is left out of the list (RFC 5280 5.3.1)
	openssl crl -in "$C/crl.pem" -noout -text > text
	[ "$(grep -c 'Reason Code' text)" = 1 ]
	is "$C/revoked" 2
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c "echo superseded > $G/members/web1/revocation"
}

@test "every reason" {
	reasons='unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn aACompromise'
	setup_members $reasons
	for r in $reasons; do
		echo "$r" > "$G/members/$r/revocation"
		is "$G/members/$r/revocation" "$r"
	done
	openssl crl -in "$C/crl.pem" -noout -text > text
	[ "$(grep -c 'Serial Number' text)" = 8 ]
	[ "$(grep -c 'Reason Code' text)" = 7 ]
	[ "$(grep -c ^R "$C/index.txt")" = 8 ]
}

@test "the list: version 2, rising number, AKI, next update, and the same while nothing changes" {
	setup_members web1
	openssl crl -in "$C/crl.pem" -noout -text > text
	grep -q 'Version 2' text
	grep -q 'No Revoked Certificates' text
	openssl x509 -in "$C/cert.pem" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' \n' > ski
	grep -A1 'Authority Key' text | tail -n 1 | tr -d ' \n' | cmp - ski
	cat "$C/crl.pem" > first.pem
	first=$(crl_number "$C/crl.pem")
	stat -c '%s %.Y' "$C/crl.pem" > before
	cmp first.pem "$C/crl.pem"
	openssl crl -in "$C/crl.pem" -outform DER | cmp - "$C/crl.der"
	openssl crl -in "$C/crl.pem" -CAfile "$C/cert.pem" -noout
	echo superseded > "$G/members/web1/revocation"
	second=$(crl_number "$C/crl.pem")
	[ $((16#$second)) -gt $((16#$first)) ]
	[ "$(stat -c %s "$C/crl.pem")" = "$(cat "$C/crl.pem" | wc -c)" ]
	[ "$(stat -c '%s %.Y' "$C/crl.pem")" != "$(cat before)" ]
	# how long it holds is what crl_days says
	lifetime() {
		echo $(($(date -d "$(openssl crl -in "$C/crl.pem" -noout -nextupdate | cut -d= -f2)" +%s) -
			$(date -d "$(openssl crl -in "$C/crl.pem" -noout -lastupdate | cut -d= -f2)" +%s)))
	}
	[ "$(lifetime)" = $((7 * 86400)) ]
	echo 30 > "$C/crl_days"
	[ "$(lifetime)" = $((30 * 86400)) ]
	third=$(crl_number "$C/crl.pem")
	[ $((16#$third)) -gt $((16#$second)) ]
	# the list and its number outlive the daemon
	cat "$C/crl.der" > third.der
	stat -c '%s %.Y' "$C/crl.der" > before
	stop
	start
	cmp third.der "$C/crl.der"
	[ "$(stat -c '%s %.Y' "$C/crl.der")" = "$(cat before)" ]
	stop
	start -o ro
	cmp third.der "$C/crl.der"
	[ ! -s "$M/certs/service_edge/crl.pem" ]
}

@test "what was revoked last is on the list of a store that is mounted read-only next" {
	setup_members web1 web2
	openssl crl -in "$C/crl.pem" -noout
	echo keyCompromise > "$G/members/web1/revocation"
	stop
	start -o ro
	[[ $(checks_here web1.crt) == *'certificate revoked'* ]]
	checks_here web2.crt
	stop
	start
	echo keyCompromise > "$G/members/web2/revocation"
	kill -9 "$PID"
	wait "$PID" || :
	wait_until not mountpoint -q "$M"
	start -o ro
	expect_log 'warning: certs/connector: its revocation list lacks 1 that were revoked since'
	grep -q 'lacks 1 that were revoked' log
}

@test "the lists of seventy roots are settled, not of the first few" {
	for i in $(seq 70); do
		mkdir "$M/certs/root$i" "$M/certs/sub$i"
		echo self > "$M/certs/root$i/issuer"
		echo "root$i" > "$M/certs/sub$i/issuer"
		rmdir "$M/certs/sub$i"
	done
	stop
	start -o ro
	for i in $(seq 70); do
		[ "$(openssl crl -in "$M/certs/root$i/crl.pem" -noout -text | grep -c 'Serial Number')" = 1 ]
	done
}

@test "a list from a clock that was wrong takes nobody off the next, and is not served" {
	setup_members web1
	echo superseded > "$G/members/web1/revocation"
	openssl crl -in "$C/crl.pem" -noout
	stop
	sql "UPDATE crl SET this_update = this_update + 40000000, next_update = next_update + 40000000,
		number = number + 40000000"
	number=$(sql 'SELECT number FROM crl')
	start
	[[ $(checks_here web1.crt) == *'certificate revoked'* ]]
	[ $((16#$(crl_number "$C/crl.pem"))) -gt "$number" ]
	[ "$(date -d "$(openssl crl -in "$C/crl.pem" -noout -lastupdate | cut -d= -f2)" +%s)" -le "$(date +%s)" ]
}

@test "reading the lists while the certificate goes harms nobody" {
	for i in 1 2 3 4; do
		(while [ ! -e ./done ]; do cat "$M/certs/x/crl.pem" "$M/certs/x/index.txt" > /dev/null 2>&1; done) 3>&- &
	done
	for i in $(seq 100); do
		mkdir "$M/certs/x"
		echo self > "$M/certs/x/issuer"
		rmdir "$M/certs/x"
	done
	touch ./done
	wait_for_jobs || : # the last looks found nothing
	is "$K/uses" 0
}

@test "lists that are kept open while they change cost no more than a few files" {
	setup_members web1
	python3 - "$C/index.txt" "$M" <<-'PY'
		import subprocess, sys, time
		index, mount = sys.argv[1:]
		held = []
		def list_with(lines):
		    """The list is costly by then: it is made again after a moment."""
		    until = time.monotonic() + 20
		    while time.monotonic() < until:
		        f = open(f'{mount}/certs/root/index.txt', 'rb', buffering=0)
		        if f.read().count(b'\n') == lines:
		            f.seek(0)
		            return f
		        f.close()
		    raise SystemExit(f'no list with {lines} lines')
		for i in range(90):
		    subprocess.run(['sh', '-c', f'mkdir {mount}/certs/t{i} && echo root > {mount}/certs/t{i}/issuer'], check=True)
		    held.append(list_with(i + 3))
		# the present one, and the 64 before it
		assert [f.read().count(b'\n') for f in held[25:]] == list(range(28, 93))
		try:
		    held[0].read()
		    raise SystemExit('the oldest is still there')
		except OSError as e:
		    assert e.errno == 116, e
	PY
	[ "$(ls "/proc/$PID/fd" | wc -l)" -lt 400 ]
}

@test "a list that is half through its time is made anew, and an expired certificate leaves it in time" {
	setup_members web1 web2
	echo superseded > "$G/members/web1/revocation"
	cat "$C/crl.pem" > first.pem
	number=$(crl_number first.pem)
	stop
	# as if its time had come: four days later, of seven
	sql "UPDATE crl SET this_update = this_update - 345600, next_update = next_update - 345600"
	start
	[ $((16#$(crl_number "$C/crl.pem"))) -gt $((16#$number)) ]
	stop
	# expired since the last list: on one more, then no longer (RFC 5280 3.3)
	not_restored 'the database is edited'
	sql "UPDATE issued SET not_after = $(date +%s) - 60 WHERE revoked IS NOT NULL;
		UPDATE crl SET this_update = this_update - 400000, next_update = next_update - 400000"
	start
	[ "$(openssl crl -in "$C/crl.pem" -noout -text | grep -c 'Serial Number')" = 1 ]
	echo 8 > "$C/crl_days"
	[ "$(openssl crl -in "$C/crl.pem" -noout -text | grep -c 'Serial Number')" = 0 ]
	is "$C/revoked" 1
}

@test "a deleted signing certificate is on its issuer's list" {
	mkdir "$M/certs/sub"
	echo root > "$M/certs/sub/issuer"
	cat "$M/certs/sub/cert.pem" > sub.pem
	openssl verify -crl_check -CAfile "$M/certs/root/cert.pem" -CRLfile "$M/certs/root/crl.pem" sub.pem
	rm -r "$M/certs/sub"
	[[ $(openssl verify -crl_check -CAfile "$M/certs/root/cert.pem" -CRLfile "$M/certs/root/crl.pem" sub.pem 2>&1) == *revoked* ]]
	[ "$(cut -f1,5,6 "$M/certs/root/index.txt")" = "$(printf 'V\tunknown\t/O=corp.example/CN=connector\nV\tunknown\t/O=corp.example/CN=service_edge\nR\tunknown\t/O=corp.example/CN=sub')" ]
}

@test "index.txt is the database of openssl ca, and an OCSP responder answers with it" {
	setup_members web1 web2
	echo keyCompromise > "$G/members/web1/revocation"
	serial=$(openssl x509 -in web2.crt -noout -serial | cut -d= -f2)
	grep -q "^V	[0-9]*Z		$serial	unknown	/O=corp.example/OU=berlin/CN=web2$" "$C/index.txt"
	grep -q '^R	[0-9]*Z	[0-9]*Z,keyCompromise	[0-9A-F]*	unknown	/O=corp.example/OU=berlin/CN=web1$' "$C/index.txt"
	[ "$(stat -c %s "$C/index.txt")" = "$(cat "$C/index.txt" | wc -c)" ]
	# one that has renewed is there twice
	csr new
	enroll_here new.csr "$G/members/web2/renew" > /dev/null
	[ "$(grep -c '/CN=web2$' "$C/index.txt")" = 2 ]
	cat "$C/index.txt.attr" > index.txt.attr
	cat "$C/index.txt" > index.txt
	# openssl-ca(1) itself reads it
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ndefault_md=sha256\n' "$T/index.txt" > ca.conf
	[[ $(openssl ca -config ca.conf -status "$serial" 2>&1) == *"$serial=Valid"* ]]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ocsp.key -subj /CN=ocsp -out ocsp.pem 2> /dev/null
	port=$((20000 + RANDOM % 20000))
	openssl ocsp -index "$C/index.txt" -port $port -CA "$C/cert.pem" -rsigner ocsp.pem -rkey ocsp.key -nrequest 3 > ocsp.log 2>&1 3>&- &
	ocsp=$!
	asks() {
		timeout 20 openssl ocsp -url "http://127.0.0.1:$port" -issuer "$C/cert.pem" -cert "$1" -VAfile ocsp.pem 2>&1
	}
	wait_until grep -q 'waiting for OCSP client' ocsp.log
	[[ $(asks web2.crt) == *'web2.crt: good'* ]]
	run asks web1.crt
	kill $ocsp 2> /dev/null || :
	wait $ocsp || :
	[[ $output == *'web1.crt: revoked'* ]]
	[[ $output == *'keyCompromise'* ]]
}

@test "whoever may read the directory reads the lists, also while they are made" {
	setup_members web1
	setpriv --reuid 65534 --regid 65534 --clear-groups cat "$C/crl.pem" "$C/index.txt" > /dev/null
	for i in $(seq 30); do
		csr "m$i"
		enroll_here "m$i.csr" > /dev/null
	done
	for i in $(seq 8); do
		(while [ ! -e ./done ]; do
			openssl crl -in "$C/crl.pem" -CAfile "$C/cert.pem" -noout 2>&1
			[ "$(awk -F'\t' 'NF != 6' "$C/index.txt")" = '' ] || echo torn
		done > "said.$i") 3>&- &
	done
	for i in $(seq 30); do
		rmdir "$G/members/m$i"
		[ "$(openssl crl -in "$C/crl.pem" -noout -text | grep -c 'Serial Number')" = "$i" ]
	done
	touch ./done
	wait_for_jobs
	not grep -v 'verify OK' said.*
}

# 100,000 that were revoked, put into the store as if they had enrolled.
many() {
	sqlite_only 'rows are put into the file'
	not_restored 'its certificates are made up in the database'
	python3 - "$1" <<-'PY'
		import os, sqlite3, sys
		db = sqlite3.connect('store')
		member = db.execute('SELECT * FROM member').fetchone()
		issued = db.execute('SELECT * FROM issued').fetchone()
		columns = [c[1] for c in db.execute('PRAGMA table_info(issued)')]
		row = dict(zip(columns, issued))
		names = [c[1] for c in db.execute('PRAGMA table_info(member)')]
		one = dict(zip(names, member))
		def put(table, values):
		    db.execute(f"INSERT INTO {table} ({','.join(values)}) VALUES ({','.join('?' * len(values))})",
		               list(values.values()))
		last = db.execute('SELECT max(id) FROM member').fetchone()[0]
		for i in range(last, last + int(sys.argv[1])):
		    put('member', dict(one, id=one['id'] + i, name=f'm{i}', newest=row['id'] + i))
		    put('issued', dict(row, id=row['id'] + i, member=one['id'] + i, serial=b'\x01' + os.urandom(15),
		                       spki_hash=os.urandom(32), names=f"{row['names']}{i}",
		                       revoked=row['created'], reason='superseded'))
		db.execute('UPDATE cert SET revoked = revoked + ?, issued = issued + ? WHERE id = ?',
		           (int(sys.argv[1]), int(sys.argv[1]), row['cert']))
		db.commit()
	PY
}

signed() { grep -rhc '"kind":"crl"' "$M/export/" | awk '{n += $1} END {print n}'; }

@test "a list is signed after a revocation though nobody opens it" {
	setup_members web1 web2
	cat "$C/crl.der" > /dev/null
	for member in web1 web2; do
		before=$(stat -c '%s %.Y' "$C/crl.der")
		echo superseded > "$G/members/$member/revocation"
		wait_until eval '[ "$(stat -c "%s %.Y" "$C/crl.der")" != "$before" ]'
	done
	openssl crl -inform DER -in "$C/crl.der" -noout -text > text
	[ "$(grep -c 'Serial Number' text)" = 2 ]
}

@test "who looks at a long list has it signed no more often" {
	setup_members web1 $(seq -f 'n%g' 60)
	stop
	many 34000
	start
	cat "$C/crl.der" > /dev/null
	before=$(signed)
	for i in 1 2 3 4; do
		(while [ ! -e ./done ]; do
			stat "$C/crl.pem" "$C/crl.der" "$C/index.txt"
			cat "$C/crl.pem"
		done > /dev/null) 3>&- &
	done
	began=$EPOCHREALTIME
	for i in $(seq 60); do rmdir "$G/members/n$i"; done
	took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
	touch ./done
	wait_for_jobs
	lists=$(($(signed) - before))
	echo "$lists lists in $took ms, 60 revocations"
	# each takes more than 10 ms
	[ $lists -le $((took / 100 + 2)) ]
	# and the last revocation is on one
	wait_until eval 'openssl crl -in "$C/crl.pem" -noout -text | grep "Serial Number" | wc -l | grep -qx 34060'
}

entries() { openssl crl -in "$1" -noout -text | grep -c 'Serial Number'; }

@test "fsync of a revocation returns when the lists have it" {
	sqlite_only 'it looks into the file'
	setup_members web1 web2 web3
	stop
	# a reader of the stored list, which no open has had signed
	stored() { sqlite3 store 'SELECT covers FROM crl WHERE cert = (SELECT id FROM cert WHERE name = "connector")'; }
	start
	echo superseded | dd of="$G/members/web1/revocation" conv=fsync,notrunc 2> /dev/null
	[ "$(stored)" = 1 ]
	# by name, also when it is there already, and of one that is not revoked
	echo superseded > "$G/members/web2/revocation"
	sync "$G/members/web2/revocation"
	[ "$(stored)" = 2 ]
	sync "$G/members/web2/revocation" "$G/members/web3/revocation"
	[ "$(stored)" = 2 ]
	[ "$(entries "$C/crl.pem")" = 2 ]
	# nothing is awaited elsewhere
	sync "$G/members" "$G/members/web1/state" "$K/max_uses"
}

@test "fsync of a revocation on the list of each certificate that issued one" {
	sqlite_only 'it looks into the file'
	setup_members web1
	mkdir "$M/certs/second"
	echo root > "$M/certs/second/issuer"
	echo second > "$K/signing_cert"
	csr renewed
	enroll_here renewed.csr "$G/members/web1/renew" > /dev/null
	echo keyCompromise > "$G/members/web1/revocation"
	sync "$G/members/web1/revocation"
	[ "$(sqlite3 store 'SELECT sum(covers) FROM crl')" = 2 ]
	[ "$(entries "$C/crl.pem") $(entries "$M/certs/second/crl.pem")" = '1 1' ]
}

@test "on a read-only mount fsync of what is on no list is refused" {
	setup_members web1
	cat "$C/crl.pem" > /dev/null
	sync "$G/members/web1/revocation"
	echo superseded > "$G/members/web1/revocation"
	kill -9 "$PID"
	wait "$PID" || :
	wait_until not mountpoint -q "$M"
	start -o ro
	expect_log 'lacks 1 that were revoked since'
	refused 'Read-only file system' sync "$G/members/web1/revocation"
}

@test "a long list has a revocation after crl_delay, with 0 when it is opened" {
	setup_members web1 web2 web3 web4 web5
	stop
	many 34000
	start -o crl_delay=0
	for i in 1 2 3; do
		echo superseded > "$G/members/web$i/revocation"
		[ "$(entries "$C/crl.pem")" = $((34000 + i)) ]
	done
	openssl crl -in "$C/crl.pem" -CAfile "$C/cert.pem" -noout
	[[ $(checks web3.crt) == *'certificate revoked'* ]]
	checks web4.crt
	stop
	start -o crl_delay=2
	cat "$C/crl.der" > /dev/null
	for i in 4 5; do
		before=$EPOCHREALTIME
		echo superseded > "$G/members/web$i/revocation"
		sync "$G/members/web$i/revocation"
		took=$(((${EPOCHREALTIME/./} - ${before/./}) / 1000))
		echo "listed in $took ms"
		[ "$(sqlite3 store 'SELECT max(covers) FROM crl')" = $((34000 + i)) ]
	done
	[[ $(checks web5.crt) == *'certificate revoked'* ]]
}

@test "a long list that follows another writes what is new, and not all" {
	setup_members web1 web2 web3
	stop
	many 34000
	start -o crl_delay=0
	written() { sed -n 's/^write_bytes: //p' "/proc/$PID/io"; }
	for i in 1 2 3; do
		before=$(written)
		echo superseded > "$G/members/web$i/revocation"
		[ "$(entries "$C/crl.der")" = $((34000 + i)) ]
		bytes=$(($(written) - before))
		echo "list $i: $bytes bytes"
		openssl crl -in "$C/crl.der" -CAfile "$C/cert.pem" -noout
	done
	size=$(stat -c %s "$C/crl.der")
	[ "$bytes" -lt $((size / 4)) ]
	# as it is stored, also for who opens it next
	cat "$C/crl.der" > crl.der
	stop
	start -o ro
	cmp crl.der "$C/crl.der"
	[ "$(openssl crl -in crl.der -outform DER | wc -c)" = "$size" ]
	openssl crl -in "$C/crl.pem" -outform DER | cmp - crl.der
}

@test "who looks at a long index has it made a moment later, not at once" {
	setup_members web1 web2
	stop
	many 34000
	start
	look_at() { stat -c '%s %.Y' "$C/index.txt"; }
	revoked() { [ "$(cut -f1 "$C/index.txt" | grep -c R)" = "$1" ]; }
	look_at > before
	revoked 34000
	echo superseded > "$G/members/web1/revocation"
	# what a look says is what is read then
	look_at | cmp - before
	[ "$(cut -d' ' -f1 before)" = "$(cat "$C/index.txt" | wc -c)" ]
	revoked 34000
	wait_until revoked 34001
	[ "$(look_at)" != "$(cat before)" ]
	[ "$(stat -c %s "$C/index.txt")" = "$(cat "$C/index.txt" | wc -c)" ]
}

@test "a wait for a list can be interrupted while none can be signed" {
	sqlite_only 'it looks into the file'
	setup_members web1 web2 web3 web4 web5
	expect_log 'another program holds a lock on it|DB_|list'
	python3 - "$G/members" <<-'PY'
		import signal, sqlite3, subprocess, sys, time
		other = sqlite3.connect('store', isolation_level=None)
		def covered():
		    return other.execute('SELECT coalesce(max(covers), 0) FROM crl').fetchone()[0]
		for i in range(1, 6):
		    path = f'{sys.argv[1]}/web{i}/revocation'
		    with open(path, 'w') as f:
		        f.write('superseded\n')
		    other.execute('BEGIN IMMEDIATE') # nobody else can write
		    if covered() < i:
		        break
		    other.execute('ROLLBACK') # it was signed already
		else:
		    raise SystemExit('each was signed at once')
		waits = subprocess.Popen(['sync', path])
		def in_fsync():
		    with open(f'/proc/{waits.pid}/syscall') as f:
		        return f.read().startswith('74 ') # x86-64
		while not in_fsync():
		    assert waits.poll() is None
		    time.sleep(0.001)
		waits.send_signal(signal.SIGTERM)
		assert waits.wait(timeout=10) == -signal.SIGTERM
		assert covered() < i
		other.execute('ROLLBACK')
		subprocess.run(['sync', path], check=True)
		assert covered() == i
	PY
}

@test "a list of 100,000 is whole, and the mount goes on while it is made" {
	setup_members web1
	stop
	many 100000
	start
	(while [ ! -e ./done ]; do
		cat "$K/uses" > /dev/null
		echo
	done > rounds) 3>&- &
	loop=$!
	wait_until [ -s rounds ]
	before=$(wc -l < rounds)
	stat -c %s "$C/crl.pem" "$C/index.txt" > sizes
	after=$(wc -l < rounds)
	touch ./done
	wait $loop
	echo "others read $((after - before)) times while the lists were made"
	[ "$after" -gt "$before" ]
	cat "$C/crl.pem" > crl.pem
	cat "$C/index.txt" > index.txt
	[ "$(stat -c %s crl.pem index.txt)" = "$(cat sizes)" ]
	[ "$(grep -c ^R index.txt)" = 100000 ]
	openssl crl -in crl.pem -CAfile "$C/cert.pem" -noout
	[ "$(openssl crl -in crl.pem -noout -text | grep -c 'Serial Number')" = 100000 ]
	checks web1.crt
	# however many read it: the file is one, and in no one's memory
	rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status"; }
	small=$(rss)
	python3 - "$C/crl.pem" <<-'PY'
		import sys
		files = [open(sys.argv[1], 'rb') for i in range(200)]
		assert len({f.read(1 << 16) for f in files}) == 1
	PY
	[ $(($(rss) - small)) -lt 100000 ]
}
