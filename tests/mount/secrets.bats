#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A secret that goes to the wrong file is refused there, and is nowhere afterwards: check_secrets
# looks at the end of each test.

load helper

# The key's text, its base64 and a private key in files of the test's folder, where check_secrets
# finds what must not be shown.
secret_files() {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	cut -d'|' -f3 my.key > base64
	fold -w 40 base64 > folded
	tr -d '\n=' < base64 > short
	sed 's/.*/found "&" on the stick/' base64 > around
	sed 's/^1|corp/ 1 | corp/' my.key > spaced
	csr web1
	cp web1.pem pem
	tr '\n' ' ' < web1.pem > pem.line
	cat my.key my.key > twice
}

# nowhere FILE...: none of the texts' parts is in the store, the trail, the messages, the export.
nowhere() {
	stop
	cut -c 20-60 base64 > patterns
	sed -n 2p web1.pem | cut -c 20-60 >> patterns
	dump_store dump
	not grep -aqF -f patterns dump log
	start
	find "$M/log" "$M/metrics" "$M/tables" "$M/export" -type f -exec cat {} + > said
	not grep -aqF -f patterns said
}

@test "no value takes a provisioning key or a private key" {
	secret_files
	mkdir "$M/certs/waits"
	enroll my.key web1.csr > /dev/null
	for file in my.key base64 folded short around spaced pem pem.line twice; do
		for attr in "$G/description" "$K/description" "$G/members/web1/description" "$K/max_uses" \
			"$K/expires" "$K/enabled" "$K/signing_cert" "$K/managed" "$K/exportable" "$G/signing_cert" \
			"$G/members/web1/revocation" "$M/certs/waits/subject" "$M/certs/waits/issuer" \
			"$M/certs/waits/algorithm" "$M/certs/waits/validity_days"; do
			before=$(cat "$attr")
			refused 'Invalid argument' cp "$file" "$attr"
			is "$attr" "$before"
		done
		refused 'Invalid argument' rsync --inplace --no-times "$file" "$K/description"
		# by a temporary file that is renamed
		cp "$file" description
		refused 'Invalid argument' rsync --no-times description "$K/"
		refused '' cp "$file" "$M/certs/waits/cert.pem"
	done
	grep -q 'set app_connector/berlin/description refused: Invalid argument: it holds a provisioning key or a private key' log
	# as a name in a distinguished name, with escapes; in a certificate request's attribute
	sh_refused 'Invalid argument' "sed 's/.*/O=\"&\",CN=x/; s/|/\\\\\\\\|/g' my.key > $M/certs/waits/subject"
	printf '%s\n' '[req]' distinguished_name=d prompt=no attributes=a '[d]' CN=web2 '[a]' "challengePassword=$(cat base64)" > req.conf
	sed -i 's/=$/\\=/' req.conf
	openssl req -new -config req.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web2.pem -out web2.csr 2> /dev/null
	openssl req -in web2.csr -noout -text | grep -q challengePassword
	refused 'Invalid argument' enroll my.key web2.csr
	refused 'Invalid argument' cp web2.csr "$K/enroll.d/web2.csr"
	refused 'Invalid argument' enroll_here web2.csr "$G/members/web1/renew"
	nowhere
	# what only looks like one is a description as any other
	head -c 80 /dev/zero | base64 -w 0 > "$K/description"
	echo '1|corp.example|' > "$K/description"
	echo '-----BEGIN PUBLIC KEY-----' > "$K/description"
}

@test "no name is one, and what was to be one is not repeated" {
	secret_files
	# a name has no slash: a key of this domain whose base64 has none, of no store
	key=$(python3 -c "
import base64, hashlib, os
while True:
    body = b'\\0' * 7 + os.urandom(65)
    text = base64.b64encode(body + hashlib.sha256(b'1|corp.example|' + body).digest()[:8]).decode()
    if '/' not in text:
        break
print('1|corp.example|' + text)")
	echo "$key" > my.key
	cut -d'|' -f3 my.key > base64
	# most are too long for a name, which a lookup tells before anybody asks what they are
	for name in "$key" "${key##*|}" "$(head -n 1 web1.pem)"; do
		errno='File name too long'
		[ ${#name} -gt 64 ] || errno='Invalid argument'
		refused "$errno" mkdir "$M/certs/$name"
		refused "$errno" mkdir "$G/keys/$name"
		refused "$errno" mkdir "$M/$name"
		refused "$errno" python3 -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$K" "$G/keys/$name"
		refused '' cp web1.csr "$K/enroll.d/$name.csr"
		refused '' python3 -c 'import os, sys; os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_RDWR)' "$K/.$name"
		refused '' ln -s -- "$name" "$K/$name"
		refused '' mkfifo "$K/$name"
	done
	# cut off it is a secret still: what cannot be a name is not repeated
	for name in "$(cut -c -64 my.key)" "$(cut -c -60 my.key)" "${key:0:107}"; do
		refused '' mkdir "$M/certs/$name"
		refused '' mkdir "$M/$name"
		refused '' cp web1.csr "$K/$name"
	done
	grep -q 'refused: Invalid argument: it holds a provisioning key or a private key' log
	nowhere
}

@test "what is asked for is taken, and what is written to enroll is not kept" {
	secret_files
	enroll my.key web1.csr > /dev/null
	refused 'Invalid argument' enroll_here my.key
	refused 'Invalid argument' enroll my.key web1.pem
	refused 'Bad message' enroll web1.pem web1.csr
	refused 'Bad message' enroll base64 web1.csr
	cat my.key web1.pem > parts
	refused 'Invalid argument' cp parts "$M/renew"
	csr web3
	cat web3.csr web1.pem > parts
	refused 'Invalid argument' enroll_here parts "$M/renew"
	outside_ca > all.pem
	mkdir "$M/certs/imp"
	cat my.key all.pem > parts
	refused 'Invalid argument' cp parts "$M/certs/imp/import"
	cp all.pem "$M/certs/imp/import"
	nowhere
}
