#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Signing certificates of one's own: under themselves, under one that is here, under an outside CA,
# imported.

load helper

# A company's CA outside: ca/root.pem, and ca/issuing.pem under it, both signing with `openssl`.
outside_ca() {
	mkdir -p ca
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca/root.key \
		-subj '/O=Company/CN=Company Root' -days 3650 -out ca/root.pem \
		-addext 'basicConstraints=critical,CA:TRUE' \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2> /dev/null
	openssl req -new -newkey rsa:2048 -nodes -keyout ca/issuing.key \
		-subj '/O=Company/CN=Company Issuing' -out ca/issuing.csr 2> /dev/null
	outside_sign ca/issuing.csr root ca/issuing.pem "$ca_extensions"
}

ca_extensions='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid'

# outside_sign CSR BY OUT [EXTENSIONS] [DAYS]
outside_sign() {
	openssl x509 -req -in "$1" -CA "ca/$2.pem" -CAkey "ca/$2.key" -days "${5-400}" \
		-extfile <(printf '%s\n' "${4-$ca_extensions}") -out "$3" 2> /dev/null
}

# enrols CERT: a group and key that name it, one member, whose certificate verifies under ROOT.
enrols() {
	mkdir "$M/app_connector/$1" "$M/app_connector/$1/keys/k"
	echo "$1" > "$M/app_connector/$1/keys/k/signing_cert"
	csr "of-$1"
	enroll "$M/app_connector/$1/keys/k/key" "of-$1.csr" > "of-$1.crt"
	openssl verify -x509_strict -CAfile "$2" -untrusted "of-$1.crt" "of-$1.crt"
}

@test "a new certificate waits" {
	mkdir "$M/certs/own"
	C=$M/certs/own
	is "$C/state" pending
	is "$C/issuer" none
	is "$C/algorithm" ec-p256
	is "$C/subject" 'CN=own,O=corp.example'
	is "$C/ca_validity_days" 3650
	for f in cert.pem chain.pem serial fingerprint not_before not_after import; do
		[ "$(stat -c %s "$C/$f")" = 0 ]
		[ ! -s "$C/$f" ]
		cat "$C/$f"
	done
	openssl req -in "$C/csr.pem" -noout -verify
	[ "$(openssl req -in "$C/csr.pem" -noout -subject -nameopt RFC2253)" = 'subject=CN=own,O=corp.example' ]
	mkdir copy
	rsync -a "$C/" copy/
	refused 'No such file or directory' bash -c "echo own > $K/signing_cert"
	rm -r "$C"
	[ ! -e "$C" ]
	for name in self none external; do
		refused 'Invalid argument' mkdir "$M/certs/$name"
		refused 'Invalid argument' python3 -c "import os; os.rename('$M/certs/root', '$M/certs/$name')"
	done
}

@test "algorithm, subject and lifetime can be chosen while it waits, and not afterwards" {
	mkdir "$M/certs/own"
	C=$M/certs/own
	cat "$C/csr.pem" > first.csr
	for a in ec-p384 ed25519 rsa-2048 ec-p256; do
		echo "$a" > "$C/algorithm"
		is "$C/algorithm" "$a"
		openssl req -in "$C/csr.pem" -noout -verify
		not cmp -s "$C/csr.pem" first.csr
	done
	sh_refused 'Invalid argument' "echo dsa-1024 > $C/algorithm"
	echo 'CN=Enrollment CA,OU=Netz\, Süd,L=Köln,O=Example GmbH,C=DE' > "$C/subject"
	is "$C/subject" 'CN=Enrollment CA,OU=Netz\, Süd,L=Köln,O=Example GmbH,C=DE'
	echo ' cn = a\2Cb\20 + OU=c , o=d ' > "$C/subject"
	is "$C/subject" 'CN=a\,b\ +OU=c,O=d'
	echo 'CN=Enrollment CA,OU=Netz\, Süd,L=Köln,O=Example GmbH,C=DE' > "$C/subject"
	for s in 'Enrollment CA' 'CN=' 'CN=a,' 'X=y' 'CN="a"' 'C=Germany' 'CN=a;O=b' "CN=$(printf 'x%.0s' {1..65})"; do
		sh_refused 'Invalid argument' "echo '$s' > $C/subject"
	done
	echo 100 > "$C/ca_validity_days"
	sh_refused 'Invalid argument' "echo 0 > $C/ca_validity_days"
	sh_refused 'Numerical result out of range' "echo 40000 > $C/ca_validity_days"
	echo self > "$C/issuer"
	is "$C/state" active
	is "$C/issuer" self
	[ ! -s "$C/chain.pem" ]
	openssl x509 -in "$C/cert.pem" -noout -subject -nameopt RFC2253,utf8,-esc_msb |
		grep -qx 'subject=CN=Enrollment CA,OU=Netz\\, Süd,L=Köln,O=Example GmbH,C=DE'
	openssl x509 -in "$C/cert.pem" -noout -checkend $((99 * 86400))
	not openssl x509 -in "$C/cert.pem" -noout -checkend $((101 * 86400))
	openssl verify -x509_strict -CAfile "$C/cert.pem" "$C/cert.pem"
	for w in 'rsa-2048 algorithm' 'CN=x subject' '5 ca_validity_days' 'self issuer' 'root issuer'; do
		sh_refused 'Device or resource busy' "echo ${w% *} > $C/${w#* }"
	done
	refused 'Device or resource busy' cp "$M/certs/root/cert.pem" "$C/cert.pem"
	outside_ca
	sh_refused 'Device or resource busy' "cat ca/root.pem ca/root.key > $C/import"
	is "$M/certs/root/issued" 2
	enrols own "$C/cert.pem"
	is "$C/issued" 1
}

@test "one that is here signs it, within its path length and lifetime" {
	mkdir "$M/certs/top" "$M/certs/mid" "$M/certs/low"
	sh_refused 'No such file or directory' "echo nobody > $M/certs/mid/issuer"
	sh_refused 'No such file or directory' "echo top > $M/certs/mid/issuer" # it waits itself
	sh_refused 'Invalid argument' "echo connector > $M/certs/mid/issuer"    # path length 0
	is "$M/certs/mid/state" pending
	echo 50 > "$M/certs/top/ca_validity_days"
	echo self > "$M/certs/top/issuer"
	echo 0 > "$M/certs/top/enabled"
	sh_refused 'No such file or directory' "echo top > $M/certs/mid/issuer"
	echo 1 > "$M/certs/top/enabled"
	echo top > "$M/certs/mid/issuer"
	echo mid > "$M/certs/low/issuer"
	is "$M/certs/mid/issuer" top
	is "$M/certs/top/issued" 1
	is "$M/certs/mid/not_after" "$(cat "$M/certs/top/not_after")"
	cat "$M/certs/mid/cert.pem" "$M/certs/top/cert.pem" | cmp - "$M/certs/low/chain.pem"
	enrols low "$M/certs/top/cert.pem"
	# what is used stays; what is not goes, from the leaves up
	refused 'Device or resource busy' rmdir "$M/certs/mid"
	refused 'Device or resource busy' rmdir "$M/certs/low"
	mkdir "$M/certs/spare"
	echo top > "$M/certs/spare/issuer"
	is "$M/certs/top/revoked" 0
	rm -r "$M/certs/spare"
	is "$M/certs/top/revoked" 1
	mkdir "$M/certs/old"
	echo root > "$M/certs/old/issuer"
	rmdir "$M/certs/old"
}

@test "an outside CA signs it" {
	outside_ca
	mkdir "$M/certs/ext"
	C=$M/certs/ext
	echo rsa-2048 > "$C/algorithm"
	outside_sign "$C/csr.pem" issuing ext.pem
	cat ext.pem ca/issuing.pem ca/root.pem > answer.pem
	openssl verify -CAfile ca/root.pem -untrusted ca/issuing.pem ext.pem
	# what is missing is told at the close; what is wrong at once
	refused 'Invalid argument' cp ext.pem "$C/cert.pem"
	sh_refused 'Bad message' "cat ca/issuing.pem > $C/cert.pem"
	sh_refused 'Bad message' "cat ext.pem ca/root.pem > $C/cert.pem"
	sh_refused 'Bad message' "echo garbage > $C/cert.pem"
	sh_refused 'Invalid argument' "cat ext.pem ca/issuing.key > $C/cert.pem"
	sh_refused 'Bad message' "cat $M/certs/root/cert.pem > $C/cert.pem"
	openssl x509 -in ext.pem -outform DER | python3 -c "
import sys
der = bytearray(sys.stdin.buffer.read())
der[-1] ^= 1
sys.stdout.buffer.write(der)" | openssl x509 -inform DER -out damaged.pem
	sh_refused 'Bad message' "cat damaged.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	outside_sign "$C/csr.pem" issuing leaf.pem 'basicConstraints=critical,CA:FALSE'
	sh_refused 'Bad message' "cat leaf.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	outside_sign "$C/csr.pem" issuing nocrl.pem $'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign'
	sh_refused 'Bad message' "cat nocrl.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	outside_sign "$C/csr.pem" issuing names.pem "$ca_extensions"$'\nnameConstraints=critical,permitted;DNS:other.example'
	sh_refused 'Bad message' "cat names.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	is "$C/state" pending
	grep -q 'request certs/ext/cert.pem refused: Invalid argument: closed with an incomplete request of [0-9]* bytes: the chain ends before a self-signed certificate' log
	outside_sign "$C/csr.pem" issuing client.pem "$ca_extensions"$'\nextendedKeyUsage=clientAuth'
	sh_refused 'Bad message' "cat client.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	openssl x509 -in ext.pem -outform DER -out ext.der
	sh_refused 'Bad message' "cat ext.der > $C/cert.pem"
	grep -q 'this is DER' log
	grep -q 'set certs/ext/cert.pem refused: Bad message: the first certificate is for another key' log
	grep -q 'permitted subtree violation' log
	# a line at a time, as bash writes
	bash -c 'while read -r l; do printf "%s\n" "$l"; done < answer.pem > "$1"' - "$C/cert.pem"
	is "$C/state" active
	is "$C/issuer" external
	is "$C/not_after" "$(date -u -d "$(openssl x509 -in ext.pem -noout -enddate | cut -d= -f2)" +%FT%TZ)"
	is "$C/serial" "$(openssl x509 -in ext.pem -noout -serial | cut -d= -f2 | tr A-F a-f)"
	is "$C/fingerprint" "$(openssl x509 -in ext.pem -outform DER | sha256sum | cut -d' ' -f1)"
	cmp ext.pem "$C/cert.pem"
	cat ca/issuing.pem ca/root.pem | cmp - "$C/chain.pem"
	enrols ext ca/root.pem
	[ "$(stat -c %s "$C/chain.pem")" = "$(cat "$C/chain.pem" | wc -c)" ]
	# the same again changes nothing: playbooks come twice; another one is refused
	cp answer.pem "$C/cert.pem"
	cmp ext.pem "$C/cert.pem"
	outside_sign "$C/csr.pem" issuing other.pem
	sh_refused 'Device or resource busy' "cat other.pem ca/issuing.pem ca/root.pem > $C/cert.pem"
	# and it signs one here
	mkdir "$M/certs/below"
	echo ext > "$M/certs/below/issuer"
	enrols below ca/root.pem
	stop
	start
	is "$C/issuer" external
	cat ca/issuing.pem ca/root.pem | cmp - "$C/chain.pem"
}

@test "the answer comes in parts, by rename, or with text around it" {
	outside_ca
	mkdir "$M/certs/a" "$M/certs/b" "$M/certs/c"
	for c in a b c; do outside_sign "$M/certs/$c/csr.pem" root $c.pem; done
	# several commands through one open file: the close between says what is missing, and nothing is lost
	bash -c '{ cat a.pem 2> /dev/null; cat ca/root.pem; } > "$1"' - "$M/certs/a/cert.pem"
	is "$M/certs/a/state" active
	cat b.pem ca/root.pem > whole.pem
	rsync --no-times whole.pem "$M/certs/b/cert.pem"
	is "$M/certs/b/state" active
	refused 'Device or resource busy' rsync -I --no-times a.pem "$M/certs/b/cert.pem"
	{ openssl x509 -in c.pem -text; openssl x509 -in ca/root.pem -text; } > "$M/certs/c/cert.pem"
	is "$M/certs/c/state" active
	mkdir "$M/certs/d"
	refused 'Bad message' rsync --no-times c.pem "$M/certs/d/cert.pem"
}

@test "import brings certificate, chain and private key" {
	outside_ca
	openssl genpkey -algorithm ed25519 -out imp.key
	openssl req -new -key imp.key -subj '/C=DE/O=Imported/CN=Imported CA' -out imp.csr
	outside_sign imp.csr issuing imp.pem
	mkdir "$M/certs/imp" "$M/certs/again"
	C=$M/certs/imp
	cat imp.pem ca/issuing.pem ca/root.pem imp.key > all.pem
	cat imp.pem ca/issuing.pem ca/root.pem ca/issuing.key > foreign.pem
	sh_refused 'Bad message' "cat foreign.pem > $C/import"
	openssl pkey -in imp.key -aes256 -passout pass:x -out secret.key
	sh_refused 'Bad message' "cat imp.pem secret.key > $C/import"
	grep -q 'the private key is encrypted' log
	sh_refused 'Bad message' "cat imp.key $M/certs/root/cert.pem > $C/import"
	refused 'Invalid argument' cp imp.pem "$C/import"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout none.key -subj / -out none.pem \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2> /dev/null
	sh_refused 'Bad message' "cat none.pem none.key > $C/import"
	grep -q 'a certificate has no subject' log
	# not valid now
	later -48 openssl x509 -req -in imp.csr -CA ca/root.pem -CAkey ca/root.key -days 1 \
		-extfile <(printf '%s\n' "$ca_extensions") -out late.pem 2> /dev/null
	sh_refused 'Key has expired' "cat late.pem ca/root.pem imp.key > $C/import"
	# what would not do as a signing certificate here
	unfit() { # REASON OPTION...
		openssl req -x509 -nodes -keyout unfit.key -out unfit.pem \
			-addext 'keyUsage=critical,keyCertSign,cRLSign' "${@:2}" 2> /dev/null
		sh_refused 'Bad message' "cat unfit.pem unfit.key > $C/import"
		tail -n 1 log | grep -q "$1"
	}
	unfit 'the key has to be RSA of 2048' -subj /CN=x -newkey rsa:1024
	unfit 'its serial number is not positive' -subj /CN=x -newkey ed25519 -set_serial -5
	unfit 'its subject has more than 1024 bytes' -newkey ed25519 \
		-subj "$(printf '/O=%060d' {1..18})"
	sh_refused 'File too large' "head -c 70000 /dev/zero | tr '\0' '\n' > $C/import"
	is "$C/state" pending
	cp all.pem "$C/import"
	is "$C/state" active
	is "$C/issuer" external
	is "$C/algorithm" ed25519
	is "$C/subject" 'CN=Imported CA,O=Imported,C=DE'
	[ ! -s "$C/import" ]
	openssl req -in "$C/csr.pem" -noout -verify
	enrols imp ca/root.pem
	refused 'File exists' cp all.pem "$M/certs/again/import"
	# a root of one's own
	cat ca/root.key ca/root.pem > "$M/certs/again/import"
	is "$M/certs/again/issuer" self
	is "$M/certs/again/algorithm" ec-p384
	enrols again ca/root.pem
	not grep -q -e 'PRIVATE' log
	refused 'File exists' bash -c "mkdir $M/certs/x && cat ca/root.key ca/root.pem > $M/certs/x/import"
}

@test "who may make one, and what follows its owner" {
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups mkdir "$M/certs/x"
	mkdir "$M/certs/x"
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "echo self > $M/certs/x/issuer"
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "cat /dev/null > $M/certs/x/import"
	echo 1 > "$M/certs/x/managed"
	sh_refused 'Operation not permitted' "echo self > $M/certs/x/issuer"
	sh_refused 'Operation not permitted' "echo ed25519 > $M/certs/x/algorithm"
	echo 0 > "$M/certs/x/managed"
	chown 65534 "$M/certs/x"
	# a CA of one's own, not one under the company's root
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "echo root > $M/certs/x/issuer"
	setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "echo self > $M/certs/x/issuer"
	is "$M/certs/x/state" active
	mkdir "$M/certs/y"
	chown 65534 "$M/certs/y"
	setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "echo x > $M/certs/y/issuer"
	is "$M/certs/y/issuer" x
	# a group begins with the one named after its kind, also while that is disabled
	echo 0 > "$M/certs/service_edge/enabled"
	mkdir "$M/service_edge/g"
	is "$M/service_edge/g/signing_cert" service_edge
}

# Roots of old companies: a negative serial number, no keyUsage, basicConstraints that is not critical.
@test "an old root above is taken as it is" {
	mkdir -p ca
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca/root.key -subj '/CN=Old Root' -days 3650 \
		-set_serial -5 -out ca/root.pem 2> /dev/null
	mkdir "$M/certs/ext"
	outside_sign "$M/certs/ext/csr.pem" root ext.pem
	cat ext.pem ca/root.pem > "$M/certs/ext/cert.pem"
	cat ca/root.pem | cmp - "$M/certs/ext/chain.pem"
	mkdir "$M/app_connector/g" "$M/app_connector/g/keys/k"
	echo ext > "$M/app_connector/g/keys/k/signing_cert"
	mkdir d
	cat "$M/app_connector/g/keys/k/key" > d/provision_key
	"$BATS_TEST_DIRNAME/../../scripts/connector-enroll" -d d "$M/enroll"
	openssl verify -CAfile ca/root.pem -untrusted d/chain.pem d/cert.pem
	openssl crl -in "$M/certs/ext/crl.pem" -CAfile "$M/certs/ext/cert.pem" -noout
}

@test "a hierarchy has a bottom" {
	mkdir "$M/certs/d0"
	echo self > "$M/certs/d0/issuer"
	for i in $(seq 15); do
		mkdir "$M/certs/d$i"
		echo "d$((i - 1))" > "$M/certs/d$i/issuer"
	done
	[ "$(grep -c BEGIN "$M/certs/d15/chain.pem")" = 15 ]
	mkdir "$M/certs/d16"
	sh_refused 'Invalid argument' "echo d15 > $M/certs/d16/issuer"
	is "$M/certs/d16/state" pending
}

@test "every algorithm signs every kind of request" {
	echo max > "$K/max_uses"
	n=0
	for ca in ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096; do
		mkdir "$M/certs/$ca"
		echo "$ca" > "$M/certs/$ca/algorithm"
		echo self > "$M/certs/$ca/issuer"
		echo "$ca" > "$K/signing_cert"
		for key in 'ec -pkeyopt ec_paramgen_curve:P-256' 'ec -pkeyopt ec_paramgen_curve:P-384' \
			'ec -pkeyopt ec_paramgen_curve:P-521' ed25519 rsa:2048 rsa:3072; do
			n=$((n + 1))
			openssl req -new -newkey $key -nodes -keyout k.pem -subj "/CN=m$n" -out k.csr 2> /dev/null
			enroll_here k.csr > k.crt
			openssl verify -x509_strict -CAfile "$M/certs/$ca/cert.pem" k.crt > /dev/null
			[ "$(openssl x509 -in k.crt -noout -pubkey)" = "$(openssl pkey -in k.pem -pubout)" ]
		done
	done
	[ "$n" = 36 ]
}

@test "PKCS #7 is taken, PKCS #12 and DER are told how they are converted" {
	outside_ca
	mkdir "$M"/certs/{pem,der,odd,imp,p12}
	for c in pem der odd; do
		outside_sign "$M/certs/$c/csr.pem" issuing $c.pem
		cat ca/root.pem ca/issuing.pem $c.pem > $c.chain
	done
	openssl crl2pkcs7 -nocrl -certfile pem.chain > "$M/certs/pem/cert.pem"
	openssl crl2pkcs7 -nocrl -certfile der.chain -outform DER -out p7b
	dd if=p7b of="$M/certs/der/cert.pem" bs=100 2> /dev/null
	# with a label that it should not have, behind text, with the line ends of Windows
	openssl crl2pkcs7 -nocrl -certfile odd.chain | sed 's/PKCS7/CERTIFICATE/; 1i Your answer:' | sed 's/$/\r/' > "$M/certs/odd/cert.pem"
	for c in pem der odd; do
		is "$M/certs/$c/state" active
		cmp $c.pem "$M/certs/$c/cert.pem"
		cat ca/issuing.pem ca/root.pem | cmp - "$M/certs/$c/chain.pem"
	done
	enrols odd ca/root.pem
	openssl genpkey -algorithm ed25519 -out imp.key
	openssl req -new -key imp.key -subj '/CN=Imported CA' -out imp.csr
	outside_sign imp.csr issuing imp.pem
	cat imp.pem ca/issuing.pem ca/root.pem > imp.chain
	openssl pkcs12 -export -in imp.chain -inkey imp.key -passout pass:x -out imp.p12
	sh_refused 'Bad message' "cat imp.p12 > $M/certs/imp/import"
	grep -q 'set certs/imp/import refused: Bad message: this is PKCS #12: convert it to PEM with `openssl pkcs12' log
	sh_refused 'Bad message' "cat imp.p12 > $M/certs/imp/cert.pem"
	openssl pkey -in imp.key -aes256 -passout pass:x -out secret.key
	sh_refused 'Bad message' "cat secret.key imp.pem > $M/certs/imp/import"
	grep -q 'the private key is encrypted: decrypt it first, with `openssl pkey -in FILE`' log
	openssl crl2pkcs7 -nocrl -certfile imp.chain -out imp.p7
	cat imp.key imp.p7 > all.pem
	cp all.pem "$M/certs/imp/import"
	is "$M/certs/imp/state" active
	cat ca/issuing.pem ca/root.pem | cmp - "$M/certs/imp/chain.pem"
	# what the command makes of it, with its attributes between
	openssl genpkey -algorithm ed25519 -out imp.key
	openssl req -new -key imp.key -subj '/CN=Another CA' -out imp.csr
	outside_sign imp.csr issuing imp.pem
	cat imp.pem ca/issuing.pem ca/root.pem > imp.chain
	openssl pkcs12 -export -in imp.chain -inkey imp.key -passout pass:x -out imp.p12
	openssl pkcs12 -in imp.p12 -passin pass:x -nodes -out all.pem
	cp all.pem "$M/certs/p12/import"
	is "$M/certs/p12/state" active
}

@test "not_before is what the certificate says, also before 1970" {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -subj /CN=old -out old.csr 2> /dev/null
	printf '%s\n' '[ca]' default_ca=d '[d]' database=index serial=serial new_certs_dir=. default_md=sha256 policy=p \
		x509_extensions=e unique_subject=no '[p]' commonName=supplied '[e]' basicConstraints=critical,CA:TRUE \
		keyUsage=critical,keyCertSign,cRLSign subjectKeyIdentifier=hash > ca.conf
	: > index
	echo 01 > serial
	for date in 500101000000Z:1950-01-01T00:00:00Z 691231235959Z:1969-12-31T23:59:59Z \
		19010203040506Z:1901-02-03T04:05:06Z 691231235958Z:1969-12-31T23:59:58Z; do
		name=c${date%%:*}
		openssl ca -config ca.conf -batch -notext -selfsign -keyfile old.key -in old.csr \
			-startdate "${date%%:*}" -enddate 20550101000000Z -out old.pem 2> /dev/null
		mkdir "$M/certs/$name"
		cat old.pem old.key > all.pem
		cp all.pem "$M/certs/$name/import"
		is "$M/certs/$name/not_before" "${date#*:}"
		is "$M/certs/$name/not_after" 2055-01-01T00:00:00Z
		# one key is here once
		rmdir "$M/certs/$name"
	done
}

@test "a copy of certs/ has what openssl wants beside index.txt" {
	ls "$M/certs/root" | grep -qx index.txt.attr
	rsync -a "$M/certs/" copy/
	printf 'unique_subject = no\n' | cmp - copy/connector/index.txt.attr
	not rm -r "$M/certs/root" 2> /dev/null
	mkdir "$M/certs/mine"
	rm -r "$M/certs/mine"
	[ ! -e "$M/certs/mine" ]
}
