#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Enrolling: ways of writing, replies, names, refusals.

load helper

key_file() {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
}

@test "every writer's way" {
	key_file
	csr bash
	bash -c '{ cat my.key bash.csr >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > bash.crt
	csr lines
	bash -c '{ printf "%s\n" "$(cat my.key)" "$(cat lines.csr)" >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > lines.crt
	csr byline
	bash -c '{ while read -r l; do printf "%s\n" "$l"; done < <(cat my.key byline.csr) >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > byline.crt
	csr parts
	bash -c '{ { cat my.key; cat parts.csr; } >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > parts.crt
	csr dash
	dash -c '{ cat my.key dash.csr >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > dash.crt
	csr busy
	busybox sh -c '{ busybox cat my.key busy.csr >&3; busybox dd <&3 2> /dev/null; } 3<> "$1"' - "$M/enroll" > busy.crt
	csr small
	bash -c '{ cat my.key small.csr | dd bs=100 status=none >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > small.crt
	csr ones
	bash -c '{ cat my.key ones.csr | dd bs=1 status=none >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > ones.crt
	csr python
	python3 - "$M/enroll" > python.crt <<'PY'
import sys
with open(sys.argv[1], 'r+b', buffering=0) as f:
    f.write(open('my.key', 'rb').read() + open('python.csr', 'rb').read())
    sys.stdout.buffer.write(f.read())
PY
	csr seek
	python3 - "$M/enroll" > seek.crt <<'PY'
import sys
with open(sys.argv[1], 'r+b', buffering=0) as f:
    f.write(open('my.key', 'rb').read() + open('seek.csr', 'rb').read())
    f.seek(0)
    for i in iter(lambda: f.read(100), b''):
        sys.stdout.buffer.write(i)
PY
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout der.pem -subj /CN=der -outform DER -out der.csr 2> /dev/null
	enroll my.key der.csr > der.crt
	openssl req -in bash.csr -text > text.csr
	enroll my.key text.csr | cmp - bash.crt
	for n in bash lines byline parts dash busy small ones python seek der; do
		cmp $n.crt "$G/members/$n/fullchain.pem"
		verifies $n.crt
	done
	is "$K/uses" 11
}

@test "writers that only write learn from cp, tee and dd what was refused" {
	csr web1
	cp web1.csr "$K/enroll"
	is "$K/uses" 1
	csr web2
	refused 'Disk quota exceeded' cp web2.csr "$K/enroll"
	sh_refused 'Disk quota exceeded' "tee $K/enroll < web2.csr"
	refused 'Disk quota exceeded' dd if=web2.csr of="$K/enroll" bs=100
	refused 'Disk quota exceeded' busybox dd if=web2.csr of="$K/enroll" bs=100
	sh_refused 'Disk quota exceeded' "printf '%s\n' \"\$(cat web2.csr)\" > $K/enroll"
	refused 'Disk quota exceeded' python3 -c "
with open('$K/enroll', 'wb', buffering=0) as f:
    f.write(open('web2.csr', 'rb').read())"
	is "$K/uses" 1
}

@test "an incomplete request spends nothing, and is told where somebody listens" {
	csr web1
	head -c 200 web1.csr > part
	refused 'Invalid argument' cp part "$K/enroll"
	sh_refused 'Invalid argument' "cat part > $K/enroll"
	sh_refused 'Invalid argument' "{ cat part >&3; cat <&3; } 3<> $K/enroll"
	bash -c "cat part 1<> $K/enroll"
	[ -z "$(cat "$K/enroll")" ]
	: > "$K/enroll"
	is "$K/uses" 0
	wait_until grep -q 'closed with an incomplete request of 200 bytes' log
}

@test "after a refusal one line says why" {
	csr web1
	echo 0 > "$K/max_uses"
	run bash -c "{ cat web1.csr >&3; cat <&3; } 3<> $K/enroll 2> /dev/null"
	[ "$output" = 'the provisioning key is used up: 0 of 0 uses; raise max_uses' ]
	sh_refused 'Disk quota exceeded' "{ cat web1.csr >&3 2> /dev/null; cat web1.csr >&3; } 3<> $K/enroll"
	grep -q 'enroll app_connector/berlin/keys/auto refused: Disk quota exceeded: the provisioning key is used up' log
}

@test "a conversation for each open" {
	csr web1
	csr web2
	echo 5 > "$K/max_uses"
	sh_refused 'Invalid argument' "{ cat web1.csr >&3; cat web2.csr >&3; } 3<> $K/enroll"
	is "$K/uses" 1
	refused 'Invalid argument' dd if=web2.csr of="$K/enroll" seek=1 bs=9 conv=notrunc
	# two at once do not touch each other
	exec 4<> "$K/enroll" 5<> "$K/enroll"
	csr web3
	head -c 100 web2.csr >&4
	head -c 100 web3.csr >&5
	tail -c +101 web2.csr >&4
	tail -c +101 web3.csr >&5
	cat <&5 | cmp - "$G/members/web3/fullchain.pem"
	cat <&4 | cmp - "$G/members/web2/fullchain.pem"
	exec 4>&- 5>&-
}

@test "key types" {
	echo max > "$K/max_uses"
	for a in 'ec -pkeyopt ec_paramgen_curve:P-384' 'ec -pkeyopt ec_paramgen_curve:P-521' ed25519 rsa:2048; do
		name=$(echo "$a" | tr -dc 'a-z0-9')
		openssl req -new -newkey $a -nodes -keyout k.pem -subj "/CN=$name" -out k.csr 2> /dev/null
		enroll_here k.csr > k.crt
		verifies k.crt
		is "$G/members/$name/state" active
	done
	for a in rsa:1024 ed448 'ec -pkeyopt ec_paramgen_curve:secp256k1' \
		'ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit'; do
		openssl req -new -newkey $a -nodes -keyout k.pem -subj /CN=bad -out k.csr 2> /dev/null
		refused 'Bad message' enroll_here k.csr
	done
	openssl req -new -newkey rsa:2048 -sha1 -nodes -keyout k.pem -subj /CN=bad -out k.csr 2> /dev/null
	refused 'Bad message' enroll_here k.csr
	[ ! -e "$G/members/bad" ]
}

@test "refusals of the request" {
	key_file
	csr web1
	sh_refused 'Bad message' "{ echo hello >&3; } 3<> $M/enroll"
	sed 's/A/B/' my.key > damaged.key
	refused 'Bad message' enroll damaged.key web1.csr
	head -c 60 my.key > short.key
	echo >> short.key
	refused 'Bad message' enroll short.key web1.csr
	echo garbage > garbage
	refused 'Bad message' enroll my.key garbage
	refused 'Bad message' enroll_here garbage
	openssl ecparam -name P-256 -genkey -noout -out other.pem
	openssl req -new -key other.pem -subj /CN=x -outform DER -out x.der
	python3 - <<'PY'
der = bytearray(open('x.der', 'rb').read())
der[-1] ^= 1
open('forged.csr', 'wb').write(der)
PY
	refused 'Key was rejected by service' enroll my.key forged.csr
	csr proof "$(printf '0%.0s' {1..64})"
	refused 'Bad message' enroll my.key proof.csr
	cp "$M/certs/connector/cert.pem" cert.csr
	refused 'Bad message' enroll my.key cert.csr
	head -c 70000 /dev/zero | tr '\0' '\n' > big
	printf -- '-----BEGIN CERTIFICATE REQUEST-----\n' > bigger
	cat big >> bigger
	refused 'File too large' enroll_here bigger
	is "$K/uses" 0
}

@test "refusals of the key" {
	key_file
	csr web1
	mkdir "$G/keys/other"
	cat "$G/keys/other/key" > other.key
	rmdir "$G/keys/other"
	refused 'Key was rejected by service' enroll other.key web1.csr
	echo 0 > "$K/enabled"
	refused 'Key has been revoked' enroll my.key web1.csr
	refused 'Key has been revoked' enroll_here web1.csr
	echo 1 > "$K/enabled"
	echo 0 > "$G/enabled"
	refused 'Key has been revoked' enroll my.key web1.csr
	echo 1 > "$G/enabled"
	echo 0 > "$M/certs/connector/enabled"
	refused 'Key has been revoked' enroll my.key web1.csr
	echo 1 > "$M/certs/connector/enabled"
	echo 1970-01-01T00:00:01Z > "$K/expires"
	refused 'Key has expired' enroll my.key web1.csr
	echo never > "$K/expires"
	echo 0 > "$K/max_uses"
	refused 'Disk quota exceeded' enroll my.key web1.csr
	echo 1 > "$K/max_uses"
	enroll my.key web1.csr > web1.crt
	is "$K/uses" 1
	mkdir "$G/keys/other"
	refused 'File exists' enroll_here web1.csr "$G/keys/other/enroll"
	rmdir "$G/members/web1"
	refused 'File exists' enroll my.key web1.csr
	is "$G/keys/other/uses" 0
}

@test "another signing certificate under the same root: the key text stays good" {
	key_file
	echo service_edge > "$K/signing_cert"
	csr web1
	enroll my.key web1.csr > web1.crt
	is "$G/members/web1/signing_cert" service_edge
	verifies web1.crt
}

@test "a member's certificate is for no host name but its own" {
	key_file
	csr www www.corp.example
	enroll my.key www.csr > www.crt
	refused 'hostname mismatch' openssl verify -CAfile "$M/certs/root/cert.pem" -untrusted www.crt \
		-verify_hostname www.corp.example www.crt
	name=$(openssl x509 -in www.crt -noout -ext subjectAltName | sed -n 's/.*DNS://p')
	openssl verify -CAfile "$M/certs/root/cert.pem" -untrusted www.crt -verify_hostname "$name" www.crt
	[ "$(openssl x509 -in www.crt -noout -subject -nameopt RFC2253)" = \
		'subject=CN=www.corp.example,OU=berlin,O=corp.example' ]
	openssl x509 -in www.crt -noout -ext subjectAltName |
		grep -q 'URI:spiffe://corp.example/app_connector/berlin/www.corp.example'
	[ "$(openssl x509 -in www.crt -noout -serial | cut -d= -f2 | tr A-F a-f)" = \
		"$(cat "$G/members/www.corp.example/serial")" ]
	[ "$(openssl x509 -in www.crt -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)" = \
		"$(cat "$G/members/www.corp.example/fingerprint")" ]
}

@test "names" {
	echo max > "$K/max_uses"
	csr a web1
	csr b web1
	csr c 'no legal name!'
	for n in a b c; do enroll_here $n.csr > $n.crt; done
	hash() { openssl pkey -in "$1.pem" -pubout -outform DER | sha256sum | cut -c1-8; }
	ls "$G/members" | sort > got
	printf '%s\n' "auto-$(hash c)" web1 "web1-$(hash b)" | sort > want
	diff want got
}

@test "whoever holds the key may enrol: no other permission is asked" {
	key_file
	chmod 644 my.key
	csr web1
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		bash -c '{ cat my.key web1.csr >&3; cat <&3; } 3<> "$1"' - "$M/enroll" > web1.crt
	verifies web1.crt
	is "$G/members/web1/enrolled_by" 65534
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups cat "$K/key"
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "echo 5 > $K/max_uses"
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups mkdir "$G/keys/mine"
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups rmdir "$K"
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups cp web1.csr "$K/enroll"
	setpriv --reuid=65534 --regid=65534 --clear-groups cat "$K/uses"
}

@test "a user has at most 64 conversations open" {
	run python3 - "$M/enroll" <<'PY'
import errno, os, sys
fds = []
try:
    for i in range(70):
        fds.append(os.open(sys.argv[1], os.O_RDWR))
except OSError as e:
    assert e.errno == errno.ENOSPC, e
assert len(fds) == 64, len(fds)
os.setuid(65534)
os.open(sys.argv[1], os.O_RDWR)
PY
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	# and they are given back
	csr web1
	enroll_here web1.csr > /dev/null
}

@test "strangers' refusals are logged once a second" {
	key_file
	sed 's/A/B/' my.key > damaged.key
	csr web1
	for _ in $(seq 20); do enroll damaged.key web1.csr 2> /dev/null || :; done
	n=$(grep -c 'enroll refused' log)
	[ "$n" -ge 1 ]
	[ "$n" -lt 15 ]
}

@test "truncating an open file forgets what was collected, until it is carried out" {
	echo max > "$K/max_uses"
	mkdir "$M/certs/moved"
	outside_ca > outside.txt
	csr web1
	csr web2
	csr web3
	cat "$K/key" > my.key
	python3 - "$K" "$M" <<'PY'
import os, sys
key, mount = sys.argv[1:]
text = lambda *names: b''.join(open(n, 'rb').read() for n in names)
def again(path, part, whole, seek):
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, part)
    os.ftruncate(fd, 0)
    if seek:
        os.lseek(fd, 0, os.SEEK_SET)
    for i in range(0, len(whole), 100):
        os.write(fd, whole[i:i + 100])
    # it has been carried out: nothing brings it back
    os.ftruncate(fd, 0)
    try:
        os.write(fd, b'more')
    except OSError:
        pass
    else:
        raise AssertionError('taken')
    answer = os.read(fd, 100000)
    os.close(fd)
    return answer
web1, web2, web3 = text('web1.csr'), text('web2.csr'), text('web3.csr')
assert again(key + '/enroll', web2[:200], web1, True).startswith(b'-----BEGIN CERT')
assert again(mount + '/enroll', text('my.key'), text('my.key', 'web2.csr'), False).startswith(b'-----BEGIN CERT')
again(key + '/enroll.d/web3.csr', web2[:300], web3, True)
again(mount + '/certs/moved/import', text('outside.pem'), text('outside.crt', 'outside.pem'), True)
PY
	[ "$(ls "$G/members" | tr '\n' ' ')" = 'web1 web2 web3 ' ]
	is "$K/uses" 3
	is "$M/certs/moved/state" active
	is "$M/certs/moved/issuer" self
}

@test "keys and requests as other programs and editors write them" {
	key_file
	echo max > "$K/max_uses"
	# put NAME: the key's text in the file `text`, then a request of that name
	put() {
		csr "$1"
		enroll text "$1.csr" > "$1.crt"
		openssl verify -CAfile "$M/certs/root/cert.pem" -untrusted "$M/certs/connector/cert.pem" "$1.crt"
	}
	{ printf '\xef\xbb\xbf'; sed 's/$/\r/' my.key; } > text
	put of-windows
	sed 's/^/ \t/; s/$/ /; 1i\ ' my.key > text
	put with-blanks
	tr -d '\n' < my.key > text
	put no-newline
	# before the request: a mark, text (RFC 7468 2); between its lines: what editors leave there
	# quoted or on several lines it is malformed, and told as that
	csr odd
	for change in 's/.*/"&"/' "s/.*/'&'/" 's/.\{64\}/&\n/' 's/=//'; do
		sed "$change" my.key > text
		refused 'Bad message' enroll text odd.csr
	done
	fold -w 64 my.key > text
	[[ $(bash -c '{ cat text >&3; cat <&3; } 3<> "$1"' - "$M/enroll" 2> /dev/null) == *'it is not on one line' ]]
	k=$(cat "$K/uses")
	as() { # NAME SED-SCRIPT
		csr "$1"
		{ printf '\xef\xbb\xbf'; sed "$2" "$1.csr"; } > changed
		enroll_here changed > reply
		openssl x509 -in reply -noout -subject -nameopt RFC2253 | grep "CN=$1,"
	}
	as m1 's/$/\r/'
	as m2 '1i Subject: CN=m2\nIssuer: none\n'
	as m3 's/$/ \t/'
	as m4 's/^/    /'
	csr m5
	openssl req -in m5.csr -outform DER > m5.der
	echo >> m5.der
	enroll_here m5.der > /dev/null
	csr m6
	openssl req -in m6.csr -text > m6.text
	cp m6.text "$K/enroll.d/m6.csr"
	is "$K/uses" $((k + 6))
	# what stands in UTF-16, and what is a private key, is told as that
	csr m7
	iconv -f ASCII -t UTF-16LE m7.csr > wide
	refused 'Bad message' enroll_here wide
	refused 'Bad message' enroll my.key wide
	iconv -f ASCII -t UTF-16 my.key > wide.key
	[[ $(bash -c '{ cat wide.key >&3; cat <&3; } 3<> "$1"' - "$M/enroll" 2> /dev/null) == 'this is UTF-16: save it as ASCII'* ]]
	grep -q 'refused: Bad message: this is UTF-16: save it as ASCII' log
	refused 'Invalid argument' enroll_here m7.pem
	refused 'Invalid argument' enroll my.key m7.pem
	refused 'Invalid argument' cp m7.pem "$K/enroll.d/m7.csr"
	refused 'Invalid argument' enroll_here my.key
	grep -q 'refused: Invalid argument: this is a private key' log
	is "$K/uses" $((k + 6))
	[ ! -e "$K/enroll.d/m7.csr" ]
	# text without a request is told at the close
	echo 'this is no request' > text
	refused 'Invalid argument' cp text "$K/enroll"
	cat m7.csr m7.csr > twice
	refused 'Bad message' enroll_here twice
}

@test "a retry is answered when the key has expired since, not when it is disabled" {
	key_file
	echo max > "$K/max_uses"
	csr web1
	csr web2
	enroll my.key web1.csr > first
	cp web2.csr "$K/enroll.d/web2.csr"
	cat "$K/enroll.d/web2.crt" > dropped
	echo 1100000000 > "$K/expires"
	is "$K/state" expired
	enroll my.key web1.csr > again
	cmp first again
	enroll_here web1.csr | cmp first
	cp web2.csr "$K/enroll.d/web2.csr"
	cmp dropped "$K/enroll.d/web2.crt"
	is "$K/uses" 2
	csr web3
	refused 'Key has expired' enroll my.key web3.csr
	refused 'Key has expired' cp web3.csr "$K/enroll.d/web3.csr"
	# what is wrong with the request itself comes first
	cat web3.pem > none.csr
	refused 'Invalid argument' enroll my.key none.csr
	echo 0 > "$K/enabled"
	refused 'Key has been revoked' enroll my.key web1.csr
	echo 1 > "$K/enabled"
	echo 0 > "$M/certs/connector/enabled"
	refused 'Key has been revoked' enroll_here web1.csr
	is "$K/uses" 2
}
