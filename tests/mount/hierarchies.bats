#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Four hierarchies: the default one, a second root made here, an intermediate that an outside
# `openssl ca` signed, and a CA that was imported with its chain. In each: enrol, renew, revoke, check
# the lists, and TLS between machines of both kinds; with OpenSSL, GnuTLS and our own list of points.

load helper

# A company's CA with a database, as openssl-ca(1) has it.
company() {
	mkdir -p company/certs
	: > company/index.txt
	echo 01 > company/serial
	cat > company/ca.conf <<-END
		[ca]
		default_ca = company
		[company]
		dir = $T/company
		database = \$dir/index.txt
		serial = \$dir/serial
		new_certs_dir = \$dir/certs
		certificate = \$dir/root.pem
		private_key = \$dir/root.key
		default_md = sha256
		default_days = 400
		policy = any
		unique_subject = no
		[any]
		organizationName = optional
		commonName = supplied
		[req]
		distinguished_name = dn
		[dn]
		[root_ca]
		basicConstraints = critical, CA:TRUE
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash
		[sub_ca]
		basicConstraints = critical, CA:TRUE, pathlen:$1
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid:always
		crlDistributionPoints = URI:http://pki.example/company.crl
	END
	openssl req -x509 -config company/ca.conf -extensions root_ca -newkey rsa:2048 -nodes \
		-keyout company/root.key -subj '/O=Company/CN=Company Root' -days 3650 -out company/root.pem 2> /dev/null
}

# company_signs CSR OUT: with the text that openssl-ca(1) writes before the PEM.
company_signs() {
	openssl ca -batch -config company/ca.conf -extensions sub_ca -in "$1" -out "$2" 2> /dev/null
}

# proof KEY CSR
proof() {
	openssl req -new -key "$1" -subj "/CN=$(openssl req -in "$2" -outform DER | sha256sum | cut -d' ' -f1)"
}

# What is under a root: groups of both kinds that use CERT, and a machine in each.
machines() {
	local cert=$1 kind
	for kind in app_connector service_edge; do
		D=$M/$kind/of-$cert
		mkdir "$D" "$D/keys/k"
		echo "$cert" > "$D/signing_cert"
		echo "$cert" > "$D/keys/k/signing_cert"
		echo 2 > "$D/keys/k/max_uses"
		csr "$kind"
		enroll "$D/keys/k/key" "$kind.csr" > "$kind.crt"
	done
}

# lists DIR...: the revocation lists of certificates here, and of the company where it is above.
lists() {
	local c
	for c; do cat "$M/certs/$c/crl.pem"; done
	[ ! -e company ] || openssl ca -config company/ca.conf -gencrl -crldays 7 2> /dev/null
}

# accepts CRT ROOT: by OpenSSL with every list, by GnuTLS, and by our own points.
accepts() {
	openssl verify -x509_strict -crl_check_all -CAfile "$2" -CRLfile crls.pem -untrusted "$1" "$1" || return 1
	certtool --verify-chain --verify-profile=medium < "$1" > gnutls.out || { cat gnutls.out; return 1; }
	grep -q 'Chain verification output: Verified' gnutls.out
	python3 "$BATS_TEST_DIRNAME/rfc5280.py" "$1"
}

# handshake SERVER CLIENT ROOT: between two machines; each checks the other, and the lists.
handshake() {
	cat "$3" crls.pem > trust.pem
	python3 "$BATS_TEST_DIRNAME/handshake.py" "$1" "$2" trust.pem \
		"$(openssl x509 -in "$1.crt" -noout -ext subjectAltName | sed -n 's/.*DNS://p')"
}

# lives CERT ROOT ABOVE...: all of it, for what CERT signs under the root's file; ABOVE: the
# certificates here between.
lives() {
	local below=${BELOW-0}
	local cert=$1 root=$2
	shift 2
	machines "$cert"
	lists "$cert" "$@" > crls.pem
	accepts app_connector.crt "$root"
	accepts service_edge.crt "$root"
	handshake service_edge app_connector "$root"
	handshake app_connector service_edge "$root"
	# renewed: the new one and the one before
	csr renewed
	proof app_connector.pem renewed.csr > proof.csr
	enroll renewed.csr proof.csr "$M/renew" > renewed.crt
	accepts renewed.crt "$root"
	handshake service_edge renewed "$root"
	# revoked: both of them, and nobody else
	D=$M/app_connector/of-$cert/members/app_connector
	echo keyCompromise > "$D/revocation"
	lists "$cert" "$@" > crls.pem
	for c in app_connector renewed; do
		[[ $(accepts $c.crt "$root" 2>&1) == *'certificate revoked'* ]]
		not handshake service_edge $c "$root"
		grep -q 'certificate revoked' server.err
		not handshake $c service_edge "$root"
		grep -q 'certificate revoked' client.err
	done
	accepts service_edge.crt "$root"
	# the lists themselves
	for c in "$cert" "$@"; do
		cat "$M/certs/$c/crl.pem" > list.pem
		cat "$M/certs/$c/cert.pem" "$M/certs/$c/chain.pem" > issuer.pem
		cat "$M/certs/$c/cert.pem" list.pem > lint.pem
		python3 "$BATS_TEST_DIRNAME/rfc5280.py" lint.pem
		certtool --verify-crl --load-ca-certificate issuer.pem --infile list.pem > gnutls.out
		grep -q 'Verification output: Verified' gnutls.out
	done
	is "$M/certs/$cert/issued" "$((3 + below))"
	is "$M/certs/$cert/revoked" 2
	is "$M/app_connector/of-$cert/keys/k/uses" 1
	# the machine comes back with another key pair
	csr again app_connector
	enroll "$M/app_connector/of-$cert/keys/k/key" again.csr > again.crt
	accepts again.crt "$root"
}

@test "the default hierarchy" {
	cat "$M/certs/root/cert.pem" > root.pem
	lives connector root.pem root
}

@test "a second root, made here" {
	mkdir "$M/certs/corp_root" "$M/certs/corp_ca"
	echo ec-p384 > "$M/certs/corp_root/algorithm"
	echo 'CN=Corp Root,O=Müller & Söhne,C=DE' > "$M/certs/corp_root/subject"
	echo self > "$M/certs/corp_root/issuer"
	echo ed25519 > "$M/certs/corp_ca/algorithm"
	echo corp_root > "$M/certs/corp_ca/issuer"
	cat "$M/certs/corp_root/cert.pem" > root.pem
	lives corp_ca root.pem corp_root
}

@test "an intermediate signed by an outside openssl ca" {
	company 0
	mkdir "$M/certs/ext"
	echo rsa-3072 > "$M/certs/ext/algorithm"
	company_signs "$M/certs/ext/csr.pem" ext.pem
	cat ext.pem company/root.pem > "$M/certs/ext/cert.pem"
	is "$M/certs/ext/issuer" external
	mkdir "$M/certs/below"
	sh_refused 'Invalid argument' "echo ext > $M/certs/below/issuer" # pathlen:0
	lives ext company/root.pem
}

@test "an imported CA with its chain, and one here below it" {
	company 1
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout old.key \
		-subj '/O=Company/CN=Old Enrollment CA' -out old.csr 2> /dev/null
	company_signs old.csr old.pem
	# as it comes from a PKCS #12 file
	openssl pkcs12 -export -in old.pem -inkey old.key -certfile company/root.pem -passout pass:x -out old.p12
	openssl pkcs12 -in old.p12 -passin pass:x -nodes -out old.txt
	mkdir "$M/certs/imported" "$M/certs/issuing"
	cat old.txt > "$M/certs/imported/import"
	is "$M/certs/imported/issuer" external
	is "$M/certs/imported/subject" 'CN=Old Enrollment CA,O=Company'
	echo imported > "$M/certs/issuing/issuer"
	BELOW=1 lives imported company/root.pem
	rm -r "$M/app_connector/of-imported" "$M/service_edge/of-imported"
	lives issuing company/root.pem imported
}

@test "the points of RFC 5280 are really looked at" {
	lint() { python3 "$BATS_TEST_DIRNAME/rfc5280.py" "$@"; }
	cat "$M/certs/root/cert.pem" > root.pem
	lint root.pem
	bad() {
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -subj /CN=x "$@" -out bad.pem 2> /dev/null
		run lint bad.pem
		[ "$status" = 1 ]
	}
	bad -addext 'keyUsage=critical,keyCertSign,cRLSign' -addext 'basicConstraints=CA:TRUE' -days 10
	[[ $output == *'4.2.1.9'* ]]
	bad -addext 'basicConstraints=critical,CA:TRUE' -days 10
	[[ $output == *'KeyError'* ]]
	openssl req -x509 -newkey rsa:2048 -sha1 -nodes -keyout k.pem -subj /CN=x -addext 'keyUsage=critical,keyCertSign,cRLSign' -out bad.pem 2> /dev/null
	run lint bad.pem
	[[ $output == *'4.1.1.2'* ]]
	# another issuer's
	cat "$M/certs/connector/cert.pem" bad.pem > mixed.pem
	run lint mixed.pem
	[[ $output == *'4.2.1.1'* ]]
	: > empty
	not lint empty
}
