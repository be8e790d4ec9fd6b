#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# certs/*/cross: an older root vouches for a new one while machines move to it.

load helper

NEW=$BATS_TEST_DIRNAME/../../scripts/connector-enroll
OLD=$BATS_TEST_DIRNAME/../stores/0.1.0/connector-enroll

LATER_BY=()
# connect SCRIPT DIR [OPTION...]: as over ssh, where only a root that is known is trusted.
connect() {
	printf '%s\n' '#!/bin/bash' 'exec sh -c "${!#}"' > ssh
	chmod 755 ssh
	"${LATER_BY[@]}" env CONNECTOR_SSH="$T/ssh" sh "$1" -d "$T/$2" "${@:3}" "ssh:far:$M/enroll" < "${KEY_FROM-/dev/null}" 2> "$T/said.$2"
}

renews() {
	local LATER_BY=(later 49)
	connect "$@" && grep -q 'notice:Renewed as' "said.$2"
}
# A new root `new` and its `conn`, which the group and its key use from here on; keys of before in old.key.
roll() {
	echo max > "$K/max_uses"
	cat "$K/key" > old.key
	mkdir "$M/certs/new" "$M/certs/conn"
	echo "CN=New Root,O=corp.example" > "$M/certs/new/subject"
	echo self > "$M/certs/new/issuer"
	echo new > "$M/certs/conn/issuer"
}

use() {
	echo conn > "$G/signing_cert"
	echo conn > "$K/signing_cert"
	cat "$K/key" > new.key
}

pem() { cat "$M/certs/$1/cert.pem"; }

# verifies_by ROOT FILE: as a TLS client that trusts that certificate alone.
verifies_by() {
	pem "$1" > trusted.pem
	sed '1,/^-----END/d' "$2" > rest.pem
	openssl verify -x509_strict -no-CApath -no-CAstore -CAfile trusted.pem -untrusted rest.pem "$2" > /dev/null
}

certs_in() { grep -c BEGIN "$1"; }

@test "while it stands, replies and chains are good for both roots, in this order" {
	roll
	cd "$M/certs/new"
	is cross none
	is cross.pem ''
	echo root > cross
	is cross root
	openssl x509 -in cross.pem -noout -text > "$T/text"
	cd "$T"
	grep -q 'Issuer:.*CN *= *root' text
	grep -q 'Subject:.*CN *= *New Root' text
	grep -q 'CA:TRUE' text
	[ "$(openssl x509 -in "$M/certs/new/cross.pem" -noout -pubkey)" = "$(openssl x509 -in "$M/certs/new/cert.pem" -noout -pubkey)" ]
	for extension in subjectKeyIdentifier keyUsage; do
		diff <(openssl x509 -in "$M/certs/new/cross.pem" -noout -ext $extension) \
			<(openssl x509 -in "$M/certs/new/cert.pem" -noout -ext $extension)
	done
	[ "$(openssl x509 -in "$M/certs/new/cross.pem" -noout -enddate)" = "$(openssl x509 -in "$M/certs/new/cert.pem" -noout -enddate)" ]
	openssl verify -x509_strict -CAfile "$M/certs/root/cert.pem" "$M/certs/new/cross.pem"
	use
	csr web1
	csr web2
	enroll new.key web1.csr > web1.crt
	enroll old.key web2.csr > web2.crt
	# whoever names the new root gets what leads there
	diff <(sed '1,/^-----END/d' web1.crt) <(cat "$M/certs/conn/cert.pem" "$M/certs/new/cert.pem")
	verifies_by new web1.crt
	not verifies_by root web1.crt
	# everybody else both
	{ pem conn; cat "$M/certs/new/cross.pem"; pem new; pem root; } > both
	diff <(sed '1,/^-----END/d' web2.crt) both
	verifies_by root web2.crt
	verifies_by new web2.crt
	diff "$G/members/web1/chain.pem" both
	diff "$G/members/web2/fullchain.pem" web2.crt
	diff "$M/certs/conn/chain.pem" <(tail -n "+$(($(pem conn | wc -l) + 1))" both)
	is "$M/certs/new/chain.pem" ''
	[ "$(stat -c %s "$G/members/web1/chain.pem")" = "$(wc -c < both)" ]
	csr web3
	cp web3.csr "$K/enroll.d/web3.csr"
	diff <(sed '1,/^-----END/d' "$K/enroll.d/web3.crt") both
	csr next
	enroll_here next.csr "$G/members/web1/renew" > next.crt
	diff <(sed '1,/^-----END/d' next.crt) both
	# a retry too
	enroll old.key web2.csr | cmp - web2.crt
	enroll new.key web2.csr > again.crt
	verifies_by new again.crt
	[ "$(certs_in again.crt)" = 3 ]
	# both ways of openssl's clients and servers
	openssl verify -partial_chain -CAfile "$M/certs/new/cross.pem" -untrusted <(pem conn) web1.crt
	cp "$M/log" said
	grep '"object":"certs/new/cross"' said | grep -q '"value":"root"'
}

@test "when it ends, only the new root's way is there, and the old key text is refused" {
	roll
	echo root > "$M/certs/new/cross"
	use
	csr web1
	enroll old.key web1.csr > web1.crt
	before=$(stat -c %Y "$G/members/web1/chain.pem")
	cat "$G/members/web1/chain.pem" > /dev/null
	echo none > "$M/certs/new/cross"
	is "$M/certs/new/cross" none
	is "$M/certs/new/cross.pem" ''
	diff "$G/members/web1/chain.pem" <(pem conn; pem new)
	[ "$(stat -c %s "$G/members/web1/chain.pem")" = "$(cat "$G/members/web1/chain.pem" | wc -c)" ]
	[ "$(stat -c %Y "$G/members/web1/chain.pem")" -gt "$before" ]
	csr web2
	refused 'Key was rejected by service' enroll old.key web2.csr
	enroll new.key web2.csr > web2.crt
	[ "$(certs_in web2.crt)" = 3 ]
	# without it was refused before, too
	stop
	start
	is "$M/certs/new/cross" none
	diff "$G/members/web1/chain.pem" <(pem conn; pem new)
}

@test "what is refused" {
	roll
	cd "$M/certs"
	mkdir waits other
	echo self > other/issuer
	sh_refused 'No such file or directory' 'echo nobody > new/cross'
	sh_refused 'No such file or directory' 'echo waits > new/cross'
	sh_refused 'No such file or directory' 'echo "not a name" > new/cross'
	echo 0 > other/enabled
	sh_refused 'No such file or directory' 'echo other > new/cross'
	echo 1 > other/enabled
	sh_refused 'Invalid argument' 'echo conn > new/cross'
	sh_refused 'Invalid argument' 'echo root > conn/cross'
	sh_refused 'Invalid argument' 'echo root > waits/cross'
	echo none > waits/cross
	sh_refused 'Device or resource busy' 'echo new > new/cross'
	echo root > new/cross
	sh_refused 'Device or resource busy' 'echo new > root/cross'
	echo new > other/cross
	sh_refused 'Device or resource busy' 'echo other > root/cross'
	sh_refused 'Permission denied' 'echo x > new/cross.pem'
	# it is there as long as something needs it
	echo none > other/cross
	echo other > new/cross
	refused 'Device or resource busy' rmdir other
	mv other another
	is new/cross another
	echo none > new/cross
	rmdir another
	echo 1 > new/managed
	sh_refused 'Operation not permitted' 'echo root > new/cross'
	echo 0 > new/managed
	chown 65534 new
	# only the owner of the mount's root
	refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c 'echo root > new/cross'
	[ "$(stat -c '%a %u' new/cross)" = '644 0' ]
	cd "$T"
	stop
	start -o ro
	sh_refused 'Read-only file system' "echo root > $M/certs/new/cross"
}

@test "a path length that forbids it" {
	roll
	for limit in 0 1; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "root$limit.pem" -out "root$limit.crt" \
			-days 3000 -subj "/CN=Root $limit" -addext basicConstraints=critical,CA:true,pathlen:$limit \
			-addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
		mkdir "$M/certs/root$limit"
		cat "root$limit.crt" "root$limit.pem" > "$M/certs/root$limit/import"
	done
	sh_refused 'Invalid argument' "echo root0 > $M/certs/new/cross"
	# room for the new root, but not for what stands below it
	sh_refused 'Invalid argument' "echo root1 > $M/certs/new/cross"
	mkdir "$M/certs/alone"
	echo self > "$M/certs/alone/issuer"
	sh_refused 'Invalid argument' "echo root0 > $M/certs/alone/cross"
	echo root1 > "$M/certs/alone/cross"
	openssl x509 -in "$M/certs/alone/cross.pem" -noout -ext basicConstraints | grep -q 'pathlen:0'
	# not longer than the older root
	[ "$(openssl x509 -in "$M/certs/alone/cross.pem" -noout -enddate)" = "$(openssl x509 -in root1.crt -noout -enddate)" ]
	mkdir "$M/certs/below"
	sh_refused 'Invalid argument' "echo alone > $M/certs/below/issuer"
	echo alone > "$G/signing_cert"
	echo alone > "$K/signing_cert"
	csr web1
	enroll "$K/key" web1.csr > web1.crt
	verifies_by alone web1.crt
	{ openssl x509 -in web1.crt; cat "$G/members/web1/chain.pem"; } > both.crt
	verifies_by root1 both.crt
	echo none > "$M/certs/alone/cross"
	echo alone > "$M/certs/below/issuer"
}

@test "each algorithm vouches for each" {
	n=0
	for old in ec-p384 ed25519 rsa-2048; do
		mkdir "$M/certs/$old"
		echo $old > "$M/certs/$old/algorithm"
		echo self > "$M/certs/$old/issuer"
		for new in ec-p256 ed25519 rsa-2048; do
			n=$((n + 1))
			mkdir "$M/certs/new$n"
			echo $new > "$M/certs/new$n/algorithm"
			echo self > "$M/certs/new$n/issuer"
			echo $old > "$M/certs/new$n/cross"
			openssl verify -x509_strict -CAfile "$M/certs/$old/cert.pem" "$M/certs/new$n/cross.pem"
		done
	done
}

@test "export, restore, fsck" {
	roll
	echo root > "$M/certs/new/cross"
	use
	csr web1
	enroll old.key web1.csr > web1.crt
	cp "$M/certs/new/cross.pem" cross.pem
	cp -r "$M/export" copy
	stop
	check_store
	restore_store copy
	start
	is "$M/certs/new/cross" root
	cmp "$M/certs/new/cross.pem" cross.pem
	diff "$G/members/web1/fullchain.pem" web1.crt
	stop
	if [ -z "${STORE-}" ]; then
		for change in "cross_der = der" "cross_der = NULL" "cross_by = 0" "cross_by = 99" \
			"cross_der = (SELECT der FROM cert WHERE name = 'connector')"; do
			cat store > whole
			sqlite3 store "UPDATE cert SET $change WHERE name = 'new'"
			refused 'certs/new: what an older root has signed' check_store
			cat whole > store
		done
	fi
	"${ENROLLFS%/*}/rekey.enrollfs" "${TOOL_OPTIONS[@]}" "$S" new.master
	start
	cmp "$M/certs/new/cross.pem" cross.pem
}

@test "once the older root has ended, it vouches for nobody" {
	roll
	mkdir "$M/certs/brief"
	echo 1 > "$M/certs/brief/ca_validity_days"
	echo self > "$M/certs/brief/issuer"
	stop
	use_clock
	start
	echo brief > "$M/certs/new/cross"
	echo brief > "$K/signing_cert"
	cat "$K/key" > brief.key
	use
	csr web1
	enroll brief.key web1.csr > web1.crt
	verifies_by brief web1.crt
	[ "$(grep -c BEGIN "$G/members/web1/chain.pem")" = 4 ]
	before=$(stat -c %Y "$G/members/web1/chain.pem")
	set_clock $((2 * 86400))
	diff "$G/members/web1/chain.pem" <(pem conn; pem new)
	# the kernel keeps what it was told for a second
	shows_the_end() {
		[ "$(stat -c %Y "$G/members/web1/chain.pem")" -gt "$before" ] &&
			[ "$(stat -c %s "$G/members/web1/chain.pem")" = "$( (pem conn; pem new) | wc -c)" ]
	}
	wait_until shows_the_end
	csr web2
	refused 'Key was rejected by service' enroll brief.key web2.csr
	sh_refused 'Key has expired' "echo brief > $M/certs/conn/../new/cross"
	enroll new.key web2.csr > web2.crt
	diff <(sed '1,/^-----END/d' web2.crt) <(pem conn; pem new)
}

@test "connectors survive a root that is replaced: that of 0.1.0 to the end, this one for good" {
	roll
	echo 3 > "$M/certs/connector/validity_days"
	echo 3 > "$M/certs/conn/validity_days"
	for dir in old new late; do
		mkdir $dir
		cp old.key $dir/provision_key
		chmod 600 $dir/provision_key
	done
	connect "$OLD" old
	connect "$NEW" new
	[ ! -e new/roots.pem ]
	echo root > "$M/certs/new/cross"
	use
	# renewed below the new root, and both verify it by the old one
	renews "$OLD" old
	renews "$NEW" new
	for dir in old new; do
		cat $dir/cert.pem $dir/chain.pem > full.pem
		verifies_by root full.pem
		verifies_by new full.pem
	done
	grep -q "notice:From here on a root with the SHA-256 $(cat "$M/certs/new/fingerprint") is trusted, too" said.new
	cmp new/roots.pem "$M/certs/new/cert.pem"
	[ "$(stat -c %a new/roots.pem)" = 644 ]
	# with a key of before
	connect "$OLD" late
	# and again, as long as the old root stands
	renews "$OLD" old
	renews "$NEW" new
	not grep -q 'trusted, too' said.new
	echo none > "$M/certs/new/cross"
	renews "$NEW" new
	diff new/chain.pem <(pem conn; pem new)
	[ ! -e new/roots.pem ]
	rm new/provision_key
	renews "$NEW" new
	not renews "$OLD" old
	grep -q 'its chain ends in a root that is not known here' said.old
	# nothing is lost: the key's new text says it
	KEY_FROM=new.key
	renews "$OLD" old -k -
}

@test "a connector pins no root that the trusted one does not vouch for" {
	roll
	echo 3 > "$M/certs/connector/validity_days"
	mkdir new stranger
	cp old.key new/provision_key
	connect "$NEW" new
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.pem -out stranger.crt -days 9 \
		-subj "/CN=Stranger" 2> /dev/null
	# the same name as a CA that is verified, with another key
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout twin.pem -out twin.crt -days 9 \
		-subj "/O=corp.example/CN=connector" 2> /dev/null
	# the same name and key, but the trusted root has signed no such certificate
	openssl x509 -in stranger.crt -signkey stranger.pem -days 8 -out again.crt 2> /dev/null
	cat > ssh.evil <<-END
		#!/bin/bash
		sh -c "\${!#}" > reply || exit
		awk '/BEGIN/ {i++} i == 3 && !done {system("cat stranger.crt twin.crt again.crt"); done = 1} {print}' reply
	END
	chmod 755 ssh.evil
	later 49 env CONNECTOR_SSH="$T/ssh.evil" sh "$NEW" -d new "ssh:far:$M/enroll" 2> said
	grep -q 'notice:Renewed as' said
	[ "$(grep -c BEGIN new/chain.pem)" = 5 ]
	[ ! -e new/roots.pem ]
}
