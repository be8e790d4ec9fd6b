#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What others learn: where a certificate's revocation list and issuer are found.

load helper

C=
setup() {
	set_up_mount
	C=$M/certs/connector
}

teardown() {
	[ ! -e "${T-}/nginx.pid" ] || kill "$(cat "$T/nginx.pid")"
	take_down_mount
}

# member NAME: enrolled, NAME.pem NAME.csr NAME.crt.
member() {
	csr "$1"
	enroll_here "$1.csr" > "$1.crt"
}

# proof KEY CSR: the second request of a renewal, on stdout.
proof() {
	openssl req -new -key "$1" -subj "/CN=$(openssl req -in "$2" -outform DER | sha256sum | cut -d' ' -f1)"
}

# renew NEW OLD: NEW.csr, with OLD.pem as the present key.
renew() {
	proof "$2.pem" "$1.csr" > proof.csr
	enroll "$1.csr" proof.csr "$M/renew"
}

# extension NAME CERT: as openssl prints it, without blanks.
extension() { openssl x509 -in "$2" -noout -ext "$1" 2>&1 | tr -d ' \n'; }

without_urls() {
	[ "$(extension crlDistributionPoints,authorityInfoAccess "$1")" = Noextensionsincertificate ]
}

is_empty() { [ "$(stat -c %s "$1")" = 0 ] && [ -z "$(cat "$1")" ]; }

TWO_POINTS="X509v3CRLDistributionPoints:FullName:URI:http://pki.example/c.crlURI:ldap://dir.example/cn=c,o=x?certificateRevocationList;binary"
ISSUERS=AuthorityInformationAccess:CAIssuers-URI:http://pki.example/c.cer

@test "URLs of a certificate stand in what it issues from then on, and in no other" {
	echo max > "$K/max_uses"
	member before
	without_urls before.crt
	is_empty "$C/crl_url"
	printf 'http://pki.example/c.crl\nldap://dir.example/cn=c,o=x?certificateRevocationList;binary\n' > "$C/crl_url"
	member web1
	[ "$(extension crlDistributionPoints web1.crt)" = "$TWO_POINTS" ]
	[ "$(openssl x509 -in web1.crt -noout -text | grep -c 'Full Name')" = 1 ]
	echo http://pki.example/c.cer > "$C/issuer_url"
	csr web2
	cp web2.csr "$K/enroll.d/web2.csr"
	[ "$(extension crlDistributionPoints,authorityInfoAccess "$K/enroll.d/web2.crt")" = "$TWO_POINTS$ISSUERS" ]
	verifies "$K/enroll.d/web2.crt"
	# a renewal has them, also of what enrolled before
	csr after
	renew after before > after.crt
	[ "$(extension crlDistributionPoints,authorityInfoAccess after.crt)" = "$TWO_POINTS$ISSUERS" ]
	verifies after.crt
	without_urls before.crt
	without_urls "$C/cert.pem"
	: > "$C/crl_url"
	wait_until is_empty "$C/crl_url"
	member web3
	[ "$(extension crlDistributionPoints,authorityInfoAccess web3.crt)" = "$ISSUERS" ]
	verifies web3.crt
}

@test "so they do in the certificates of CAs, but not in a root's" {
	echo http://pki.example/root.crl > "$M/certs/root/crl_url"
	echo http://pki.example/root.cer > "$M/certs/root/issuer_url"
	mkdir "$M/certs/sub" "$M/certs/new"
	echo http://pki.example/new.crl > "$M/certs/new/crl_url"
	echo root > "$M/certs/sub/issuer"
	echo self > "$M/certs/new/issuer"
	without_urls "$M/certs/new/cert.pem"
	[ "$(extension crlDistributionPoints,authorityInfoAccess "$M/certs/sub/cert.pem")" = \
		'X509v3CRLDistributionPoints:FullName:URI:http://pki.example/root.crlAuthorityInformationAccess:CAIssuers-URI:http://pki.example/root.cer' ]
	openssl verify -x509_strict -CAfile "$M/certs/root/cert.pem" "$M/certs/sub/cert.pem"
}

@test "a list is written as a whole, or appended to" {
	echo http://a.example/1 > "$C/crl_url"
	echo http://a.example/2 >> "$C/crl_url"
	cmp "$C/crl_url" <(printf 'http://a.example/1\nhttp://a.example/2\n')
	sh_refused 'Invalid argument' "echo ftp://a.example/3 >> $C/crl_url"
	cmp "$C/crl_url" <(printf 'http://a.example/1\nhttp://a.example/2\n')
	# an open of its own each time, as long as they last
	bash -c 'exec 4>>"$1"; echo http://a.example/3 >> "$1"; echo http://a.example/4 >&4' - "$C/crl_url"
	[ "$(wc -l < "$C/crl_url")" = 4 ]
	tail -n 1 "$C/crl_url" | grep -qx http://a.example/4
	: > "$C/crl_url"
	wait_until is_empty "$C/crl_url"
	echo http://a.example/1 >> "$C/crl_url"
	is "$C/crl_url" http://a.example/1
	printf 'http://a.example/bare' > "$C/crl_url"
	[ "$(wc -l < "$C/crl_url")" = 0 ]
	sed -i s/bare/edited/ "$C/crl_url"
	is "$C/crl_url" http://a.example/edited
	grep -q '"action":"set","object":"certs/connector/crl_url","value":"http://a.example/1\\u000ahttp://a.example/2"' "$M/log"
}

# urls COUNT: so many lines.
urls() { seq -f 'http://a.example/%.0f' "$1"; }

@test "each thing that is no URL to be told is refused" {
	local wrong
	echo http://a.example/1 > "$C/crl_url"
	for wrong in https://a.example/c.crl ldaps://a.example/o=x?c ftp://a.example/c file:///c a.example/c \
		http:a.example http:// http:///c http://:80/c 'http://a.example/a b' http://a.example/ä http://a.example/%4 \
		http://a.example/%zz 'http://a.example/#top' 'http://u:p@a.example/c' 'http://a.example/"' \
		ldap://a.example ldap://a.example/ ldap://a.example/o=x 'ldap://a.example/?c' 'ldap://a.example/o=x?' \
		'ldap://a.example/o=x?a,b' $'http://a.example/1\n\nhttp://a.example/2' $'http://a.example/1\thttp://a.example/2'; do
		printf '%s\n' "$wrong" > wrong
		for file in crl_url issuer_url; do
			sh_refused 'Invalid argument' "cat wrong > $C/$file"
		done
	done
	is "$C/crl_url" http://a.example/1
	is_empty "$C/issuer_url"
	urls 8 > "$C/issuer_url"
	urls 9 > nine
	sh_refused 'Invalid argument' "cat nine > $C/issuer_url"
	cmp "$C/issuer_url" <(urls 8)
	printf 'http://a.example/%0495d\n' 0 > "$C/issuer_url"
	sh_refused 'Invalid argument' "printf 'http://a.example/%0496d\n' 0 > $C/issuer_url"
	printf '%05000d' 0 > wrong
	sh_refused 'File too large' "dd if=wrong of=$C/issuer_url bs=8k"
	sh_refused 'Invalid argument' "printf 'http://a.example/1\\0\n' > $C/issuer_url"
	wait_until grep -q '"object":"certs/connector/crl_url","result":"EINVAL","reason":"[^"]*RFC 5280 8' "$M/log"
	# nothing refused has changed what is issued
	member web1
	[ "$(extension crlDistributionPoints web1.crt)" = X509v3CRLDistributionPoints:FullName:URI:http://a.example/1 ]
	printf 'http://b.example/%%7Ec?x=1&y=(2)\nHTTP://[2001:db8::1]:8080/c\nldap:///cn=c?crl;binary\n' > "$C/crl_url"
	[ "$(wc -l < "$C/crl_url")" = 3 ]
}

refused_twice() { [ "$(grep -c '"object":"certs/connector/crl_url","result":"EPERM"' "$M/log")" = 2 ]; }

@test "managed and read-only stores keep them as they are; a restore and a restart bring them back" {
	urls 3 > "$C/crl_url"
	echo http://a.example/c > "$C/issuer_url"
	echo 1 > "$C/managed"
	sh_refused 'Operation not permitted' "echo http://b.example/ > $C/crl_url"
	sh_refused 'Operation not permitted' "echo http://b.example/ >> $C/issuer_url"
	: > "$C/crl_url"
	wait_until refused_twice
	echo 0 > "$C/managed"
	cmp "$C/crl_url" <(urls 3)
	cp -r "$M/export" copy
	grep -q '"crl_url":"http://a.example/1\\u000ahttp://a.example/2\|"crl_url":"http://a.example/1\\n' copy/certs/connector.json
	stop
	start -o ro
	sh_refused 'Read-only file system' "echo http://b.example/ > $C/crl_url"
	stop
	restore_store copy
	check_store
	start
	cmp "$C/crl_url" <(urls 3)
	is "$C/issuer_url" http://a.example/c
	member web1
	[ "$(extension authorityInfoAccess web1.crt)" = AuthorityInformationAccess:CAIssuers-URI:http://a.example/c ]
}

@test "fsck accepts what was issued before and after, and finds what are no URLs" {
	echo max > "$K/max_uses"
	member web1
	urls 2 > "$C/crl_url"
	member web2
	: > "$C/crl_url"
	wait_until is_empty "$C/crl_url"
	member web3
	stop
	check_store
	sql "UPDATE cert SET issuer_url = 'nowhere' WHERE name = 'connector'"
	run check_store
	[ "$status" = 4 ]
	[[ $output = *"certs/connector: crl_url or issuer_url"* ]]
	sql "UPDATE cert SET issuer_url = '' WHERE name = 'connector'"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The list that the certificate's URL leads to.
fetch_list() {
	curl -sSf "$(openssl x509 -in "$1" -noout -ext crlDistributionPoints | sed -n 's/^ *URI://p')" |
		openssl crl -inform DER
}

# serve NAME: nginx, with the configuration on stdin.
serve() {
	{
		echo "pid $T/nginx.pid; error_log $T/nginx.log; user root; worker_processes 1; events { worker_connections 64; }"
		echo "http { access_log off; client_body_temp_path $T/ngx; proxy_temp_path $T/ngx; fastcgi_temp_path $T/ngx;"
		echo "uwsgi_temp_path $T/ngx; scgi_temp_path $T/ngx;"
		cat
		echo '}'
	} > nginx.conf
	nginx -p "$T" -c "$T/nginx.conf" 3>&-
}

can_nginx_and_curl() { nginx -v && curl --version; }

# status NAME: of nginx's answer to that client.
status() {
	curl -s -o /dev/null -w '%{http_code}' --cacert "$M/certs/root/cert.pem" --cert "$1.crt" --key "$1.pem" \
		--connect-to "::127.0.0.1:$TLS" "https://$(openssl x509 -in server.crt -noout -ext subjectAltName | sed -n 's/.*DNS:\([^,]*\).*/\1/p'):$TLS/"
}

refuses() { [ "$(status "$1")" = 400 ]; }
accepts() { [ "$(status "$1")" = 200 ]; }

@test "nginx refuses a revoked client by the lists that the certificates' URLs lead to" {
	needs nginx_and_curl
	local plain
	plain=$(free_port)
	echo "http://127.0.0.1:$plain/root/crl.der" > "$M/certs/root/crl_url"
	echo "http://127.0.0.1:$plain/root/cert.pem" > "$M/certs/root/issuer_url"
	mkdir "$M/certs/sub"
	echo root > "$M/certs/sub/issuer"
	echo "http://127.0.0.1:$plain/sub/crl.der" > "$M/certs/sub/crl_url"
	echo sub > "$K/signing_cert"
	echo max > "$K/max_uses"
	member server
	member good
	member bad
	serve <<-END
		server { listen 127.0.0.1:$plain; location / { alias $M/certs/; } }
	END
	echo keyCompromise > "$G/members/bad/revocation"
	cat > revoked.sh <<-END
		$(declare -f fetch_list)
		{ fetch_list good.crt && fetch_list "$M/certs/sub/cert.pem"; } > lists.pem
		openssl crl -in lists.pem -noout -text | grep -qi "\$(cat "$G/members/bad/serial")"
	END
	wait_until bash revoked.sh
	kill "$(cat nginx.pid)"
	wait_until test ! -e nginx.pid
	TLS=$(free_port)
	serve <<-END
		server {
			listen 127.0.0.1:$TLS ssl;
			ssl_certificate $T/server.crt;
			ssl_certificate_key $T/server.pem;
			ssl_client_certificate $M/certs/root/cert.pem;
			ssl_crl $T/lists.pem;
			ssl_verify_client on;
			ssl_verify_depth 3;
			location / { return 200 in; }
		}
	END
	accepts good
	refuses bad
}

# --- what does not verify ---

# flipping: the daemon again, whose signatures are wrong as long as T/flip is there.
flipping() {
	cc -shared -fPIC -o flip.so "$BATS_TEST_DIRNAME/flip.c" -ldl
	stop
	# shellcheck disable=SC2034 # start uses it
	CLOCKED=("FLIP=$T/flip" "LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/flip.so")
	start
}

@test "a signature that does not verify is never stored, whatever the key" {
	local algorithm lines
	flipping
	expect_log 'a signature that was just made does not verify|refused: Input/output error'
	echo max > "$K/max_uses"
	for algorithm in ec-p256 ec-p384 ed25519 rsa-2048; do
		mkdir "$M/certs/$algorithm" "$M/certs/below-$algorithm"
		echo "$algorithm" > "$M/certs/$algorithm/algorithm"
		echo self > "$M/certs/$algorithm/issuer"
		echo "$algorithm" > "$K/signing_cert"
		csr "$algorithm"
		member "old-$algorithm"
		csr "new-$algorithm"
		touch flip
		sh_refused 'Input/output error' "cp $algorithm.csr $K/enroll.d/$algorithm.csr"
		proof "old-$algorithm.pem" "new-$algorithm.csr" > proof.csr
		refused 'Input/output error' enroll "new-$algorithm.csr" proof.csr "$M/renew"
		sh_refused 'Input/output error' "echo $algorithm > $M/certs/below-$algorithm/issuer"
		[ ! -e "$G/members/$algorithm" ]
		is "$M/certs/below-$algorithm/state" pending
		is "$M/certs/$algorithm/issued" 1
		rm flip
		cp "$algorithm.csr" "$K/enroll.d/$algorithm.csr"
		openssl verify -CAfile "$M/certs/$algorithm/cert.pem" "$G/members/$algorithm/cert.pem"
		enroll "new-$algorithm.csr" proof.csr "$M/renew" > /dev/null
		echo "$algorithm" > "$M/certs/below-$algorithm/issuer"
		openssl verify -CAfile "$M/certs/$algorithm/cert.pem" "$M/certs/below-$algorithm/cert.pem"
	done
	is "$K/uses" 8
}

@test "nor is a revocation list with such a signature read" {
	flipping
	expect_log 'a signature that was just made does not verify|refused: Input/output error|revocation list'
	member web1
	openssl crl -in "$C/crl.pem" -noout
	touch flip
	echo keyCompromise > "$G/members/web1/revocation"
	refused 'Input/output error' cat "$C/crl.pem"
	rm flip
	wait_until lists_it
}

lists_it() {
	openssl crl -in "$C/crl.pem" -noout -text | grep -qi "$(cat "$G/members/web1/serial")"
}

# company NAME EXTENSION...: a CA NAME below a root of its own, imported as certs/NAME.
company() {
	local name=$1
	shift
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout top.pem -out top.crt \
		-days "${TOP_DAYS-3000}" -subj "/CN=$name Top" -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout below.pem -out below.csr \
		-subj "/CN=$name" 2> /dev/null
	printf '%s\n' 'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign' \
		'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid' "$@" > below.ext
	openssl x509 -req -in below.csr -CA top.crt -CAkey top.pem -set_serial 77 -days 2000 -extfile below.ext \
		-out below.crt 2> /dev/null
	mkdir "$M/certs/$name"
	cat below.crt top.crt below.pem > bundle
	cat bundle > "$M/certs/$name/import"
	is "$M/certs/$name/state" active
}

@test "a name that the chain's constraints exclude is refused, and the certificate named" {
	company strict 'nameConstraints=critical,excluded;dirName:berlin,excluded;DNS:secret.corp.example' '[berlin]' \
		O=corp.example OU=berlin
	echo max > "$K/max_uses"
	member web1
	echo strict > "$K/signing_cert"
	csr web2
	refused 'Operation not permitted' enroll_here web2.csr
	wait_until grep -q '"action":"enroll","object":"app_connector/berlin/keys/auto","result":"EPERM","reason":"[^"]*certs/strict[^"]*excluded subtree violation' "$M/log"
	csr new
	proof web1.pem new.csr > proof.csr
	refused 'Operation not permitted' enroll new.csr proof.csr "$M/renew"
	is "$K/uses" 1
	is "$M/certs/strict/issued" 0
	# other names are none of its business
	mkdir -p "$M/app_connector/paris/keys/k"
	echo strict > "$M/app_connector/paris/keys/k/signing_cert"
	enroll_here web2.csr "$M/app_connector/paris/keys/k/enroll" > web2.crt
	openssl verify -x509_strict -purpose sslclient -CAfile top.crt -untrusted below.crt web2.crt
	mkdir "$M/certs/sub"
	echo 'CN=sub,OU=berlin,O=corp.example' > "$M/certs/sub/subject"
	sh_refused 'Operation not permitted' "echo strict > $M/certs/sub/issuer"
	is "$M/certs/sub/state" pending
	echo 'CN=sub,OU=paris,O=corp.example' > "$M/certs/sub/subject"
	echo strict > "$M/certs/sub/issuer"
	# the constraints bind what that CA issues, too
	echo sub > "$K/signing_cert"
	csr web3
	refused 'Operation not permitted' enroll_here web3.csr
}

@test "a chain with an expired certificate signs nothing" {
	use_clock
	stop
	start
	TOP_DAYS=3 company short
	echo max > "$K/max_uses"
	echo short > "$K/signing_cert"
	member web1
	stop
	set_clock $((4 * 86400))
	start
	is "$M/certs/short/state" active
	csr web2
	refused 'Key has expired' enroll_here web2.csr
	wait_until grep -q '"result":"EKEYEXPIRED","reason":"[^"]*certs/short[^"]*chain has expired' "$M/log"
	is "$K/uses" 1
}

# --- a machine that leaves ---

# leave KEY [PROOF [CN]]: the request to leave, made with KEY, and the proof with another; the reply.
leave() {
	openssl req -new -key "$1.pem" -subj "/CN=${3-cessationOfOperation}" -out leave.csr
	proof "${2-$1}.pem" leave.csr > proof.csr
	enroll leave.csr proof.csr "$M/renew"
}

revoked_count() { sql "SELECT count(*) FROM issued WHERE revoked IS NOT NULL AND reason = 'cessationOfOperation'"; }

@test "a machine that leaves has all its certificates revoked, and nobody else's" {
	echo max > "$K/max_uses"
	member web1
	member other
	csr new
	renew new web1 > new.crt
	[ "$(leave new)" = revoked ]
	is "$G/members/web1/revocation" cessationOfOperation
	is "$G/members/web1/state" revoked
	is "$G/members/other/state" active
	[ "$(revoked_count)" = 2 ]
	grep -q '"action":"revoke","object":"app_connector/berlin/members/web1","revocation":"cessationOfOperation","result":"ok"' "$M/log"
	# again: the same answer, also with the first key, and no other line
	[ "$(leave new)" = revoked ]
	[ "$(leave web1)" = revoked ]
	[ "$(grep -c '"action":"revoke"' "$M/log")" = 1 ]
	[ "$(revoked_count)" = 2 ]
	openssl crl -in "$C/crl.pem" -noout -text | grep -c 'Cessation Of Operation' | grep -qx 2
	# a disabled group, key and certificate keep no machine from leaving; a deleted member has left
	echo 0 > "$C/enabled"
	echo 0 > "$G/enabled"
	[ "$(leave other)" = revoked ]
	rmdir "$G/members/other"
	[ "$(leave other)" = revoked ]
}

@test "nothing else can be revoked so" {
	echo max > "$K/max_uses"
	member web1
	member web2
	csr new
	csr stranger
	refused 'Key was rejected by service' leave stranger
	# another's key in either part
	refused 'File exists' leave web1 web2
	refused 'Key was rejected by service' leave web1 stranger
	# another reason is no reason
	refused 'File exists' leave web1 web1 keyCompromise
	# a proof of another request
	openssl req -new -key web1.pem -subj /CN=cessationOfOperation -out leave.csr
	proof web1.pem new.csr > proof.csr
	refused 'Key was rejected by service' enroll leave.csr proof.csr "$M/renew"
	# a proof that somebody saw, with a request of their own
	proof web1.pem leave.csr > proof.csr
	openssl req -new -key stranger.pem -subj /CN=cessationOfOperation -out theirs.csr
	refused 'Key was rejected by service' enroll theirs.csr proof.csr "$M/renew"
	# a signature that is none
	openssl req -in leave.csr -outform DER -out leave.der
	python3 - <<-'PY'
		data = bytearray(open('leave.der', 'rb').read())
		data[-1] ^= 1
		open('leave.der', 'wb').write(data)
	PY
	openssl req -inform DER -in leave.der -out broken.csr
	proof web1.pem broken.csr > proof.csr
	refused 'Key was rejected by service' enroll broken.csr proof.csr "$M/renew"
	[ "$(sql 'SELECT count(*) FROM issued WHERE revoked IS NOT NULL')" = 0 ]
	# a key that was replaced, as long as the member is valid
	renew new web1 > new.crt
	refused 'Key was rejected by service' leave web1
	csr newer
	renew newer new > newer.crt
	[ "$(sql 'SELECT count(*) FROM issued WHERE revoked IS NOT NULL')" = 1 ]
	refused 'Key was rejected by service' leave web1
	is "$G/members/web1/state" active
	# the enroll files know no such request
	refused 'File exists' enroll_here leave.csr
	stop
	start -o ro
	refused 'Read-only file system' leave newer
	stop
	[ "$(revoked_count)" = 0 ]
}

@test "an expired certificate needs no revocation" {
	use_clock
	stop
	start
	member web1
	stop
	set_clock $((400 * 86400))
	start
	refused 'Key has expired' leave web1
	is "$G/members/web1/revocation" none
}

# ce [OPTION...]: the machine's program.
ce() { sh "$BATS_TEST_DIRNAME/../../scripts/connector-enroll" "$@"; }

# machine: enrolled in d, as member NAME.
machine() {
	mkdir d
	echo max > "$K/max_uses"
	(umask 077 && cat "$K/key" > d/provision_key)
	ce -d d "$M/enroll" 2> /dev/null
	NAME=$(openssl x509 -in d/cert.pem -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')
}

@test "connector-enroll --revoke, and again, in every shell" {
	local shell
	for shell in dash bash 'busybox sh' mksh ksh93; do
		command -v "${shell%% *}" > /dev/null || continue
		machine
		$shell "$BATS_TEST_DIRNAME/../../scripts/connector-enroll" --revoke -d d "$M/enroll" 2> said
		diff said - <<-END
			notice:Checking Enrollment
			notice:Revoke: Connecting to corp.example via $M/enroll
			notice:All certificates of $NAME are revoked; key.pem, cert.pem, chain.pem and provision_key are removed from d
		END
		is "$G/members/$NAME/revocation" cessationOfOperation
		[ "$(ls -A d)" = lock ]
		ce --revoke -d d "$M/enroll" 2> said
		diff said - <<-END
			notice:Checking Enrollment
			notice:No certificate in d: nothing to revoke
		END
		# no later run enrolls
		run ce -d d "$M/enroll"
		[ "$status" = 2 ]
		rm -r d
	done
}

@test "connector-enroll --revoke is finished by another run, and follows a renewal whose answer was lost" {
	machine
	cp -r d kept
	ce --revoke -d d "$M/enroll"
	# the run died before it removed the files
	ce --revoke -d kept "$M/enroll"
	[ "$(ls -A kept)" = lock ]
	rm -r d
	machine
	mkdir d/new
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out d/new/key.pem 2> /dev/null
	cp d/new/key.pem lost.pem
	cp d/key.pem now.pem
	openssl req -new -key lost.pem -subj /CN=lost -out lost.csr
	renew lost now > /dev/null
	ce --revoke -d d "$M/enroll"
	is "$G/members/$NAME/revocation" cessationOfOperation
	[ "$(ls -A d)" = lock ]
}

@test "connector-enroll --revoke over ssh, through the gate, and its exit statuses" {
	machine
	cat > ssh <<-'END'
		#!/bin/bash
		SSH_ORIGINAL_COMMAND=${!#} exec sh "$CE" --gate "$GATED"
	END
	chmod 755 ssh
	export CONNECTOR_SSH=$T/ssh GATED=$M CE=$BATS_TEST_DIRNAME/../../scripts/connector-enroll
	run ce --revoke -k d/provision_key -d d "$M/enroll"
	[ "$status" = 2 ]
	run ce --revoke -d d
	[ "$status" = 2 ]
	run ce --revoke -d d "$T/no/enroll"
	[ "$status" = 3 ]
	stop
	start -o ro
	run ce --revoke -d d ssh:far:"$M/enroll"
	[ "$status" = 1 ]
	[[ $output = *'status(503)'*'Certificate revocation failed.' ]]
	[ -s d/key.pem ] && [ -s d/cert.pem ] && [ -s d/provision_key ]
	stop
	start
	ce --revoke -d d ssh:far:"$M/enroll"
	is "$G/members/$NAME/revocation" cessationOfOperation
	[ "$(ls -A d)" = lock ]
}

# --- who it was ---

can_set_loginuid() { bash -c 'echo 4711 > /proc/self/loginuid && [ "$(cat /proc/self/loginuid)" = 4711 ]'; }

# as_login SCRIPT: by a process of a session of the user 4711; its number is in the file session.
as_login() {
	bash -c 'echo 4711 > /proc/self/loginuid && cat /proc/self/sessionid > "$T/session" && eval "$1"' - "$1"
}

# line ACTION OBJECT: the last such line of the log, as JSON.
line() { grep "\"action\":\"$1\",\"object\":\"$2\"" "$M/log" | tail -n 1; }

# by_login ACTION OBJECT: the line says whose session it was.
by_login() {
	line "$1" "$2" > line
	python3 - "$(cat session)" <<-'PY'
		import json, sys
		line = json.load(open('line'))
		assert line['loginuid'] == 4711 and line['session'] == int(sys.argv[1]) and line['uid'] == 0, line
	PY
}

by_nobody() {
	line "$1" "$2" > line
	python3 -c 'import json; line = json.load(open("line")); assert not {"loginuid", "session"} & set(line), line'
}

@test "the trail says who had logged in: what operators do, and what they are refused" {
	needs set_loginuid
	export T M G K
	local key=app_connector/berlin/keys/auto
	as_login 'mkdir $G/keys/new'
	by_login mkdir app_connector/berlin/keys/new
	as_login 'echo 5 > $K/max_uses'
	by_login set $key/max_uses
	as_login 'cat $K/key > /dev/null'
	by_login copy $key
	as_login 'mv $G/keys/new $G/keys/newer'
	by_login rename app_connector/berlin/keys/new
	as_login 'chmod 600 $K/description'
	grep '"action":"ch[a-z]*"' "$M/log" | tail -n 1 | grep -q '"loginuid":4711'
	as_login 'rmdir $G/keys/newer'
	by_login rmdir app_connector/berlin/keys/newer
	! as_login 'echo nonsense > $K/max_uses' || return 1
	wait_until grep -q '"loginuid":4711.*"result":"EINVAL"' "$M/log"
	# without a login nothing is said, and a conversation is not asked
	bash -c '[ "$(cat /proc/self/loginuid)" != 4294967295 ] || echo 6 > "$1"' - "$K/max_uses"
	[ "$(cat /proc/self/loginuid)" != 4294967295 ] || by_nobody set $key/max_uses
	csr web1
	as_login 'bash -c "{ cat web1.csr >&3; cat <&3 > web1.crt; } 3<> $K/enroll"'
	by_nobody enroll app_connector/berlin/members/web1
	csr web2
	as_login 'cp web2.csr $K/enroll.d/web2.csr'
	by_login enroll app_connector/berlin/members/web2
	line enroll app_connector/berlin/members/web2 | grep -q '"key_id":1,"loginuid":4711,"session":'
	# the export has it, and a restore
	cp -r "$M/export" copy
	grep '"loginuid":4711' "$M/log" > was
	stop
	restore_store copy
	check_store
	start
	grep '"loginuid":4711' "$M/log" | cmp was -
}
