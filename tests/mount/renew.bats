#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Renewing: by proof of the present key, and through the member's own file.

load helper

# member NAME: enrolled, NAME.pem NAME.csr NAME.crt.
member() {
	csr "$1"
	enroll_here "$1.csr" > "$1.crt"
}

# proof KEY CSR: the second request, on stdout.
proof() {
	openssl req -new -key "$1" -subj "/CN=$(openssl req -in "$2" -outform DER | sha256sum | cut -d' ' -f1)"
}

# renew NEW OLD [FILE]: NEW.csr, with OLD.pem as the present key.
renew() {
	proof "$2.pem" "$1.csr" > proof.csr
	enroll "$1.csr" proof.csr "${3-$M/renew}"
}

valid() { sql "SELECT count(*) FROM issued WHERE revoked IS NULL"; }

@test "a machine renews: same member, new certificate, no use" {
	member web1
	csr new
	renew new web1 > new.crt
	verifies new.crt
	cmp new.crt "$G/members/web1/fullchain.pem"
	[ "$(openssl x509 -in new.crt -noout -subject -nameopt RFC2253)" = 'subject=CN=web1,OU=berlin,O=corp.example' ]
	[ "$(openssl x509 -in new.crt -noout -pubkey)" = "$(openssl pkey -in new.pem -pubout)" ]
	openssl req -in new.csr -outform DER | cmp - <(openssl req -in "$G/members/web1/csr.pem" -outform DER)
	is "$K/uses" 1
	is "$M/certs/connector/issued" 2
	[ "$(ls "$G/members")" = web1 ]
	# the first one is still good, and the same request has the same answer
	renew new web1 | cmp - new.crt
	is "$M/certs/connector/issued" 2
	is "$G/members/web1/revocation" none
	# what was dropped at the key stays what it was
	cmp web1.crt "$K/enroll.d/web1.crt"
	openssl req -in web1.csr -outform DER | cmp - <(openssl req -in "$K/enroll.d/web1.csr" -outform DER)
	cp web1.csr "$K/enroll.d/web1.csr"
	enroll_here web1.csr | cmp - web1.crt
	is "$K/uses" 1
	grep -q '"action":"renew","object":"app_connector/berlin/members/web1","serial":"' "$M/log"
}

@test "at most two are valid: a third revokes the oldest" {
	member web1
	csr two
	renew two web1 > two.crt
	csr three
	renew three two > three.crt
	is "$M/certs/connector/revoked" 1
	[ "$(valid)" = 2 ]
	is "$G/members/web1/state" active
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text > text
	[ "$(grep -c 'Serial Number' text)" = 1 ]
	grep -q "$(openssl x509 -in web1.crt -noout -serial | cut -d= -f2)" text
	grep -q Superseded text
	# its key opens nothing any more
	csr four
	refused 'Key has been revoked' renew four web1
	# the one before fetches what was renewed with it, if the answer was lost, and nothing else
	renew three two | cmp - three.crt
	refused 'Key was rejected by service' renew four two
	renew four three > four.crt
	[ "$(valid)" = 2 ]
	is "$K/uses" 1
	# all that are left go with the member
	echo keyCompromise > "$G/members/web1/revocation"
	[ "$(valid)" = 0 ]
	is "$M/certs/connector/revoked" 4
}

@test "who may write to the member renews it without a proof" {
	member web1
	csr new
	enroll_here new.csr "$G/members/web1/renew" > new.crt
	cmp new.crt "$G/members/web1/fullchain.pem"
	enroll_here new.csr "$G/members/web1/renew" | cmp - new.crt
	[ "$(valid)" = 2 ]
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups \
		cp new.csr "$G/members/web1/renew"
	[ "$(stat -c %a "$G/members/web1/renew")" = 600 ]
	[ "$(stat -c %a "$M/renew")" = 666 ]
	refused 'File exists' enroll_here web1.csr "$G/members/web1/renew"
	# anybody who has the key
	csr other
	proof new.pem other.csr > proof.csr
	setpriv --reuid 65534 --regid 65534 --clear-groups bash -c \
		'{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - other.csr proof.csr "$M/renew" > other.crt
	verifies other.crt
}

@test "every way of writing, every type of key" {
	echo max > "$K/max_uses"
	n=0
	for key in 'ec -pkeyopt ec_paramgen_curve:P-256' 'ec -pkeyopt ec_paramgen_curve:P-521' ed25519 rsa:2048; do
		n=$((n + 1))
		openssl req -new -newkey $key -nodes -keyout "m$n.pem" -subj "/CN=m$n" -out "m$n.csr" 2> /dev/null
		enroll_here "m$n.csr" > /dev/null
		csr "n$n"
		renew "n$n" "m$n" > "n$n.crt"
		verifies "n$n.crt"
	done
	csr der
	proof n1.pem der.csr | openssl req -outform DER -out proof.der
	openssl req -in der.csr -outform DER -out der.der
	enroll der.der proof.der "$M/renew" > der.crt
	cmp der.crt "$G/members/m1/fullchain.pem"
	csr lines
	proof n2.pem lines.csr > proof.csr
	bash -c '{ while read -r l; do printf "%s\n" "$l"; done < <(cat lines.csr proof.csr) >&3; cat <&3; } 3<> "$1"' - "$M/renew" > lines.crt
	cmp lines.crt "$G/members/m2/fullchain.pem"
	csr parts
	proof n3.pem parts.csr > proof.csr
	bash -c '{ { cat parts.csr; cat proof.csr; } >&3; cat <&3; } 3<> "$1"' - "$M/renew" > parts.crt
	cmp parts.crt "$G/members/m3/fullchain.pem"
	refused 'Invalid argument' cp parts.csr "$M/renew"
}

@test "refusals" {
	echo max > "$K/max_uses"
	member web1
	member web2
	csr new
	csr other
	openssl req -new -sha1 -key web1.pem -subj "/CN=$(openssl req -in new.csr -outform DER | sha256sum | cut -d' ' -f1)" -out weak.csr
	refused 'Bad message' enroll new.csr weak.csr "$M/renew"
	# a proof that names another request, or is used with another
	proof web1.pem new.csr > proof.csr
	refused 'Key was rejected by service' enroll other.csr proof.csr "$M/renew"
	openssl req -new -key web1.pem -subj /CN=web1 -out plain.csr
	refused 'Key was rejected by service' enroll new.csr plain.csr "$M/renew"
	# somebody else's key, and one that nobody has
	refused 'File exists' renew web2 web1
	csr stranger
	refused 'Key was rejected by service' renew new stranger
	# a proof whose signature is not its key's
	openssl req -in proof.csr -outform DER | python3 -c "
import sys
der = bytearray(sys.stdin.buffer.read())
der[-1] ^= 1
sys.stdout.buffer.write(der)" > forged.der
	refused 'Key was rejected by service' enroll new.csr forged.der "$M/renew"
	# a proof is no request, and what is no request is told at once
	proof web1.pem proof.csr > proof2.csr
	refused 'Bad message' enroll proof.csr proof2.csr "$M/renew"
	refused 'Bad message' enroll_here proof.csr
	sh_refused 'Bad message' "echo hello > $M/renew"
	sh_refused 'Bad message' "{ cat new.csr; echo hello; } > $M/renew"
	refused 'File exists' renew web1 web1
	cat "$M/certs/connector/csr.pem" > ca.csr
	refused 'File exists' renew ca web1
	# disabled: the group, the signing certificate; the key does not matter any more
	echo 0 > "$K/enabled"
	echo 1970-01-01T00:00:01Z > "$K/expires"
	echo 0 > "$G/enabled"
	refused 'Key has been revoked' renew new web1
	echo 1 > "$G/enabled"
	echo 0 > "$M/certs/connector/enabled"
	refused 'Key has been revoked' renew new web1
	echo 1 > "$M/certs/connector/enabled"
	is "$M/certs/connector/issued" 2
	renew new web1 > new.crt
	# revoked, and gone
	echo superseded > "$G/members/web2/revocation"
	refused 'Key has been revoked' renew other web2
	refused 'Key has been revoked' enroll_here other.csr "$G/members/web2/renew"
	rmdir "$G/members/web1"
	refused 'Key has been revoked' renew other new
	refused 'Key has been revoked' renew new web1
	grep -q 'renew app_connector/berlin/members/web2 refused: Key has been revoked' log
	is "$K/uses" 2
}

@test "expired ones are not renewed" {
	member web1
	stop
	not_restored 'the database is edited'
	sql "UPDATE issued SET not_after = $(date +%s) - 5"
	start
	csr new
	refused 'Key has expired' renew new web1
	refused 'Key has expired' enroll_here new.csr "$G/members/web1/renew"
	sh_refused 'Key has expired' "echo superseded > $G/members/web1/revocation"
}

@test "an older certificate that outlives the present one is revoked all the same" {
	member web1
	echo 1 > "$M/certs/connector/validity_days"
	csr new
	renew new web1 > new.crt
	stop
	not_restored 'the database is edited'
	sql "UPDATE issued SET not_after = $(date +%s) - 5 WHERE first = 0"
	start
	is "$G/members/web1/state" expired
	echo keyCompromise > "$G/members/web1/revocation"
	[ "$(valid)" = 1 ]
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text |
		grep -q "$(openssl x509 -in web1.crt -noout -serial | cut -d= -f2)"
}

@test "under its present names, by the key's present signing certificate, also without the key" {
	member web1
	mv "$G/members/web1" "$G/members/db1"
	mkdir "$M/certs/next"
	echo root > "$M/certs/next/issuer"
	echo next > "$K/signing_cert"
	csr two
	renew two web1 > two.crt
	verifies two.crt
	is "$G/members/db1/signing_cert" next
	openssl x509 -in two.crt -noout -ext subjectAltName | grep -q 'spiffe://corp.example/app_connector/berlin/db1'
	# the name that it had is free, and the URI with it once its certificate is gone
	csr web1b web1
	echo max > "$K/max_uses"
	enroll_here web1b.csr > /dev/null
	[ ! -e "$G/members/web1" ]
	ls "$G/members" | grep -q '^web1-'
	# without its key
	rmdir "$K"
	echo 0 > "$M/certs/connector/enabled"
	csr three
	renew three two > three.crt
	is "$G/members/db1/signing_cert" next
	is "$G/members/db1/provisioning_key" auto
}

@test "a name that another's certificate carries" {
	member web1
	mv "$G/members/web1" "$G/members/old"
	rmdir "$K"
	mkdir "$K"
	member old2
	mv "$G/members/old2" "$G/members/gone"
	csr a
	renew a web1 > a.crt # carries old now
	mv "$G/members/old" "$G/members/x"
	mv "$G/members/gone" "$G/members/old"
	csr b
	refused 'File exists' renew b old2
}

@test "read-only, and many at once" {
	echo max > "$K/max_uses"
	for i in 1 2 3 4 5 6 7 8; do
		member "m$i"
		csr "n$i"
		proof "m$i.pem" "n$i.csr" > "p$i.csr"
	done
	for i in 1 2 3 4 5 6 7 8; do
		for k in 1 2 3; do
			enroll "n$i.csr" "p$i.csr" "$M/renew" > "n$i.$k.crt" 3>&- &
		done
	done
	wait_for_jobs
	for i in 1 2 3 4 5 6 7 8; do
		for k in 1 2 3; do cmp "n$i.$k.crt" "$G/members/m$i/fullchain.pem"; done
	done
	is "$M/certs/connector/issued" 16
	is "$K/uses" 8
	stop
	start -o ro
	csr late
	refused 'Read-only file system' renew late m1
}

@test "one member's renewals are bounded" {
	sqlite_only 'rows are put into the file'
	member web1
	csr one
	renew one web1 > /dev/null
	stop
	not_restored 'its certificates are made up in the database'
	python3 - <<-'PY'
		import os, sqlite3
		db = sqlite3.connect('store')
		columns = [c[1] for c in db.execute('PRAGMA table_info(issued)')]
		first = dict(zip(columns, db.execute('SELECT * FROM issued WHERE id = 1').fetchone()))
		db.execute('DELETE FROM issued WHERE id = 2')
		for i in range(2, 1000):
		    row = dict(first, id=i, first=0, previous=i - 1, serial=b'\x01' + os.urandom(15), spki_hash=os.urandom(32),
		               revoked=first['created'], reason='superseded')
		    db.execute(f"INSERT INTO issued ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))
		db.execute("UPDATE issued SET revoked = NULL, reason = NULL, spki_hash = (SELECT spki_hash FROM issued WHERE id = 1) WHERE id = 999")
		db.execute('UPDATE member SET oldest = 1, newest = 999')
		db.commit()
	PY
	start
	csr last
	renew last web1 > last.crt
	csr more
	refused 'No space left on device' renew more last
	grep -q 'this member had 1000 certificates within a day' log
	# what it has it may fetch again
	renew last last | cmp - last.crt
}
