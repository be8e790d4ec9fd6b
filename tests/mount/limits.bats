#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits of groups and keys: what a request may ask for, at enrolling, at renewing and afterwards.

load helper

netops() { setpriv --reuid=2001 --regid=2001 --groups=3001 "$@"; }
other() { setpriv --reuid=2002 --regid=2002 --groups=3002 "$@"; }

# asks NAME SAN [EKU]: a request that asks for these names and usages, either may be empty; NAME.pem stays
# if it is there.
asks() {
	local extensions=()
	[ -z "$2" ] || extensions+=(-addext "subjectAltName=$2")
	[ -z "${3-}" ] || extensions+=(-addext "extendedKeyUsage=$3")
	[ -e "$1.pem" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.pem"
	openssl req -new -key "$1.pem" -subj "/CN=${CN-$1}" "${extensions[@]}" -out "$1.csr"
}

# proof OLD NEW: by OLD's key.
proof() {
	openssl req -new -key "$1.pem" -subj "/CN=$(openssl req -in "$2.csr" -outform DER | sha256sum | cut -d' ' -f1)"
}

# renew OLD NEW: NEW.csr by proof of OLD's key.
renew() {
	proof "$1" "$2" > proof.csr
	enroll "$2.csr" proof.csr "$M/renew"
}

# names CERT: but for ours, sorted.
names() {
	openssl x509 -in "$1" -noout -ext subjectAltName | tail -n +2 | tr , '\n' | tr -d ' ' |
		grep -v -e '^URI:spiffe:' -e '^DNS:[0-9a-f]\{32\}\.corp\.example$' | sort | paste -sd' '
}

usages() { openssl x509 -in "$1" -noout -ext extendedKeyUsage | tail -n +2 | tr -d ' '; }

# denied ERRNO REASON COMMAND...: refused, and `why` has that reason.
denied() {
	refused "$1" "${@:3}"
	sed -n 2p "$M/why" | grep -qF -- "$2" || { echo "the reason is: $(sed -n 2p "$M/why")" >&2; return 1; }
}
EPERM='Operation not permitted'
EEXIST='File exists'

# empty FILE: the release, which does it, comes a moment after the close.
empty() {
	: > "$1"
	wait_until test ! -s "$1"
}

lifetime() { # of a certificate, from now, in seconds
	echo $(($(date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)" +%s) - $(date +%s)))
}

@test "a list of names allows these, all or nothing" {
	echo max > "$K/max_uses"
	# an empty list: none, and what is asked for is ignored
	asks a DNS:web.corp.example,email:x@y.example codeSigning
	enroll_here a.csr > a.crt
	[ -z "$(names a.crt)" ]
	[ "$(usages a.crt)" = TLSWebClientAuthentication,TLSWebServerAuthentication ]
	printf '%s\n' web.corp.example '*.one.example' .any.example '\*.wild.example' %m.m.example 10.0.0.0/8 \
		2001:db8::/32 > "$G/allowed_names"
	[ "$(wc -l < "$G/allowed_names")" = 7 ]
	asks b DNS:web.corp.example,DNS:x.one.example,DNS:x.y.any.example,DNS:*.wild.example,DNS:b.m.example,IP:10.1.2.3,IP:2001:db8::5
	enroll_here b.csr > b.crt
	verifies b.crt
	[ "$(names b.crt)" = 'DNS:*.wild.example DNS:b.m.example DNS:web.corp.example DNS:x.one.example DNS:x.y.any.example IPAddress:10.1.2.3 IPAddress:2001:DB8:0:0:0:0:0:5' ]
	local bad uses
	uses=$(cat "$K/uses")
	for bad in DNS:any.example DNS:x.y.one.example DNS:c.wild.example DNS:b.m.example DNS:other.example \
		DNS:WEB2.one.example IP:11.0.0.1 IP:::ffff:10.0.0.1 email:x@y.example URI:https://x.example dirName:d \
		DNS:x_y.one.example DNS:x.one.example. DNS:10.0.0.1 DNS:0123456789abcdef0123456789abcdef.corp.example; do
		[ "$bad" = dirName:d ] && bad='otherName:1.2.3.4;UTF8:x'
		rm -f c.pem
		asks c "DNS:fine.one.example,$bad"
		refused "$EPERM" enroll_here c.csr
		refused "$EPERM" enroll <(cat "$K/key") c.csr
		refused "$EPERM" cp c.csr "$K/enroll.d/c.csr"
	done
	is "$K/uses" "$uses"
	[ ! -e "$G/members/c" ]
	asks c DNS:other.example
	denied "$EPERM" other.example enroll_here c.csr
	sed -n 2p "$M/why" | grep -q "group's allowed_names"
	asks c "$(seq -f 'DNS:n%g.one.example' -s , 1 101)"
	denied "$EPERM" 'more than 100 names' enroll_here c.csr
	# ours are never another's
	dns=$(openssl x509 -in b.crt -noout -ext subjectAltName | grep -o '[0-9a-f]\{32\}\.corp\.example')
	echo .corp.example >> "$G/allowed_names"
	[ "$(wc -l < "$G/allowed_names")" = 8 ]
	[ "$(tail -n 1 "$G/allowed_names")" = .corp.example ]
	asks c "DNS:$dns"
	refused "$EPERM" enroll_here c.csr
}

@test "a key's list takes away from its group's, and gives nothing" {
	echo max > "$K/max_uses"
	echo .any.example > "$K/allowed_names"
	asks a DNS:a.any.example
	denied "$EPERM" "group's allowed_names" enroll_here a.csr
	printf '.any.example\nb.example\n' > "$G/allowed_names"
	enroll_here a.csr > a.crt
	[ "$(names a.crt)" = DNS:a.any.example ]
	asks b DNS:b.example
	denied "$EPERM" "key's allowed_names" enroll_here b.csr
	empty "$K/allowed_names"
	enroll_here b.csr > b.crt
	[ "$(names b.crt)" = DNS:b.example ]
}

@test "a name is one member's alone, unless its line is shared" {
	echo max > "$K/max_uses"
	printf 'alone.example\nshared both.example\n' > "$G/allowed_names"
	asks a DNS:alone.example,DNS:both.example
	enroll_here a.csr > a.crt
	asks b DNS:both.example
	enroll_here b.csr > /dev/null
	asks c DNS:alone.example
	denied "$EEXIST" alone.example enroll_here c.csr
	# a name of its own member stays its own
	asks a2 DNS:alone.example,DNS:both.example
	renew a a2 > a2.crt
	[ "$(names a2.crt)" = 'DNS:alone.example DNS:both.example' ]
	stop
	start
	refused "$EEXIST" enroll_here c.csr
	# both lists have to share it
	printf 'both.example\n' > "$K/allowed_names"
	asks d DNS:both.example
	refused "$EEXIST" enroll_here d.csr
	empty "$K/allowed_names"
	enroll_here d.csr > /dev/null
	# it is free when no valid certificate has it
	echo superseded > "$G/members/a/revocation"
	enroll_here c.csr > c.crt
	[ "$(names c.crt)" = DNS:alone.example ]
}

@test "of many that ask for one name at once, one gets it" {
	echo max > "$K/max_uses"
	echo one.example > "$G/allowed_names"
	local i
	for i in 1 2 3 4 5 6 7 8; do asks "m$i" DNS:one.example; done
	for i in 1 2 3 4 5 6 7 8; do { enroll_here "m$i.csr" > "m$i.crt" 2> /dev/null || rm "m$i.crt"; } & done
	wait_for_jobs || :
	[ "$(ls m?.crt | wc -l)" = 1 ]
	is "$K/uses" 1
}

@test "names of members" {
	echo max > "$K/max_uses"
	printf 'web-*\nauto-????????\n' > "$G/member_names"
	csr web-1
	enroll_here web-1.csr > /dev/null
	csr db-1
	denied "$EPERM" '"db-1" is not in the group' enroll_here db-1.csr
	refused "$EPERM" cp db-1.csr "$K/enroll.d/db-1.csr"
	[ ! -e "$K/enroll.d/db-1.csr" ]
	cp db-1.csr "$K/enroll.d/web-2.csr"
	# generated: behind a name that is taken, and of the key
	csr x web-1
	enroll_here x.csr > /dev/null
	csr y 'no name'
	enroll_here y.csr > /dev/null
	ls "$G/members" | grep -q '^auto-[0-9a-f]\{8\}$'
	printf 'web-?\n' > "$K/member_names"
	csr z web-1
	refused "$EPERM" enroll_here z.csr
	# moving
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	denied_to_netops() { refused "$EPERM" netops "$@"; }
	denied_to_netops mv "$G/members/web-1" "$G/members/db-1"
	netops mv "$G/members/web-1" "$G/members/web-9"
	mv "$G/members/web-9" "$G/members/db-1"
	# a name that is not allowed is not renewed
	csr new
	refused "$EPERM" renew web-1 new
	mv "$G/members/db-1" "$G/members/web-1"
	renew web-1 new > /dev/null
}

@test "types of keys, lifetime, usages" {
	echo max > "$K/max_uses"
	printf 'ed25519\nrsa>=3072\n' > "$G/key_types"
	csr a
	denied "$EPERM" 'ec-p256 is not in the group' enroll_here a.csr
	openssl req -new -newkey rsa:2048 -nodes -keyout r.pem -subj /CN=r -out r.csr 2> /dev/null
	refused "$EPERM" enroll_here r.csr
	openssl req -new -newkey ed25519 -nodes -keyout e.pem -subj /CN=e -out e.csr 2> /dev/null
	enroll_here e.csr > e.crt
	echo ec-p256 > "$G/key_types"
	csr new
	renew e new > /dev/null
	enroll_here a.csr > a.crt
	[ "$(lifetime a.crt)" -gt 31000000 ]
	echo 30d > "$G/validity"
	echo 12h > "$K/validity"
	is "$K/validity" 12h
	csr b
	enroll_here b.csr > b.crt
	local s
	s=$(lifetime b.crt)
	[ "$s" -gt 43000 ] && [ "$s" -le 43200 ]
	echo > "$K/validity"
	csr c
	enroll_here c.csr > c.crt
	s=$(lifetime c.crt)
	[ "$s" -gt 2591000 ] && [ "$s" -le 2592000 ]
	# not beyond the signing certificate's
	echo 1 > "$M/certs/connector/validity_days"
	csr d
	enroll_here d.csr > d.crt
	[ "$(lifetime d.crt)" -le 86400 ]
	echo client > "$G/usages"
	asks f '' serverAuth
	denied "$EPERM" "serverAuth is not in the group's usages" enroll_here f.csr
	asks f '' codeSigning
	refused "$EPERM" enroll_here f.csr
	asks f ''
	enroll_here f.csr > f.crt
	[ "$(usages f.crt)" = TLSWebClientAuthentication ]
	echo 'client server' > "$G/usages"
	asks g '' serverAuth
	enroll_here g.csr > g.crt
	[ "$(usages g.crt)" = TLSWebServerAuthentication ]
	echo client > "$K/usages"
	echo server > "$G/usages"
	asks h ''
	refused "$EPERM" enroll_here h.csr
}

@test "limits come behind the key's expiry, before the uses" {
	echo web > "$G/member_names"
	echo 0 > "$K/max_uses"
	csr a
	refused "$EPERM" enroll_here a.csr
	csr web
	refused 'Disk quota exceeded' enroll_here web.csr
	echo 2020-01-01 > "$K/expires"
	refused 'Key has expired' enroll_here a.csr
}

@test "another request with a public key that has its certificate" {
	echo max > "$K/max_uses"
	echo .any.example > "$G/allowed_names"
	asks a DNS:a.any.example
	enroll_here a.csr > a.crt
	enroll_here a.csr | cmp - a.crt
	asks a DNS:b.any.example
	denied "$EEXIST" 'other names or usages' enroll_here a.csr
	asks a DNS:a.any.example,DNS:b.any.example
	refused "$EEXIST" enroll <(cat "$K/key") a.csr
	asks a ''
	enroll_here a.csr | cmp - a.crt
	echo client > "$G/usages"
	asks a DNS:a.any.example clientAuth
	refused "$EEXIST" enroll_here a.csr
	# lists that are empty: ignored
	empty "$G/usages"
	empty "$G/allowed_names"
	asks a DNS:b.any.example
	enroll_here a.csr | cmp - a.crt
	is "$K/uses" 1
}

@test "a renewal keeps names, or asks anew, by the limits of today" {
	echo .any.example > "$G/allowed_names"
	asks a DNS:a.any.example,DNS:b.any.example
	enroll_here a.csr > a.crt
	csr a2
	renew a a2 > a2.crt
	[ "$(names a2.crt)" = 'DNS:a.any.example DNS:b.any.example' ]
	# with all that the certificate has, ours too
	local ours
	ours=$(openssl x509 -in a2.crt -noout -ext subjectAltName | tail -n +2 | tr -d ' ')
	asks a3 "$ours"
	renew a2 a3 > a3.crt
	[ "$(names a3.crt)" = 'DNS:a.any.example DNS:b.any.example' ]
	[ "$(openssl x509 -in a3.crt -noout -ext subjectAltName | grep -o 'DNS' | wc -l)" = 3 ]
	renew a2 a3 | cmp - a3.crt
	asks a3 DNS:c.any.example
	refused "$EEXIST" renew a2 a3
	asks a3 "$ours"
	asks a4 DNS:c.other.example
	denied "$EPERM" c.other.example renew a3 a4
	# narrowed: what it keeps is no longer allowed, fewer are
	echo a.any.example > "$G/allowed_names"
	csr a5
	denied "$EPERM" b.any.example renew a3 a5
	refused "$EPERM" enroll_here a5.csr "$G/members/a/renew"
	asks a6 DNS:a.any.example
	renew a3 a6 > a6.crt
	[ "$(names a6.crt)" = DNS:a.any.example ]
	# a deleted key's limits stay
	echo nothing.example > "$K/allowed_names"
	rmdir "$K"
	csr a7
	denied "$EPERM" "key's allowed_names" renew a6 a7
}

valid_of() { sql "SELECT count(*) FROM issued i JOIN member m ON m.id = i.member WHERE m.name = '$1' AND revoked IS NULL"; }

@test "what is wider ends with the next proof by the narrower one" {
	echo max > "$K/max_uses"
	csr a
	enroll_here a.csr > a.crt
	csr a2
	renew a a2 > a2.crt
	[ "$(valid_of a)" = 2 ]
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 0 ]
	echo client > "$G/usages"
	csr a3
	renew a2 a3 > a3.crt
	[ "$(usages a3.crt)" = TLSWebClientAuthentication ]
	[ "$(valid_of a)" = 2 ]
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 1 ]
	stop
	check_store
	start
	# a renewal that is refused was proof, too
	openssl req -new -newkey ed25519 -nodes -keyout e.pem -subj /CN=e -out e.csr 2> /dev/null
	echo ec-p256 > "$G/key_types"
	refused "$EPERM" renew a3 e
	[ "$(valid_of a)" = 1 ]
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 0 ]
	grep -q '"action":"revoke","object":"app_connector/berlin/members/a","reason":"superseded"' "$M/log"
	is "$G/members/a/state" active
	# lifetime
	echo 10d > "$G/validity"
	csr a4
	renew a3 a4 > /dev/null
	[ "$(valid_of a)" = 2 ]
	csr a5
	renew a4 a5 > /dev/null
	[ "$(valid_of a)" = 2 ]
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 0 ]
}

@test "what is wider ends after a day, also across a restart" {
	use_clock
	stop
	start
	csr a
	enroll_here a.csr > a.crt
	echo 30d > "$G/validity"
	csr a2
	renew a a2 > a2.crt
	kill -9 "$PID"
	wait "$PID" || :
	umount -l "$M" 2> /dev/null || :
	check_store
	set_clock $((23 * 3600))
	start
	stop
	[ "$(valid_of a)" = 2 ]
	set_clock $((25 * 3600))
	start
	one_left() { [ "$(valid_of a)" = 1 ]; }
	wait_until one_left
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 0 ]
}

@test "malformed limits" {
	local bad f=$G/allowed_names
	for bad in '*' . x..y 10.0.0.1/8 UPPER.example 'two words' web.example. x_y.example 300.0.0.1 ::ffff:10.0.0.1; do
		refused 'Invalid argument' bash -c 'echo "$1" > "$2"' - "$bad" "$f"
	done
	is "$f" ''
	sh_refused 'Invalid argument' "echo 'a/b' > $G/member_names"
	sh_refused 'Invalid argument' "echo 9m > $G/validity"
	sh_refused 'Invalid argument' "echo 12 > $G/validity"
	sh_refused 'Invalid argument' "echo ec-p224 > $G/key_types"
	sh_refused 'Invalid argument' "echo codeSigning > $K/usages"
	# a later line is refused: what stood before is back
	echo kept.example > "$f"
	sh_refused 'Invalid argument' "printf 'a.example\n' > part; (cat part; sleep 0; echo '*') | dd bs=10 iflag=fullblock of=$f conv=notrunc"
	is "$f" kept.example
	refused 'File too large' dd if=/dev/zero of="$f" bs=5000 count=1 conv=notrunc
	grep -q '"action":"set","object":"app_connector/berlin/allowed_names","value":"kept.example"' "$M/log"
}

@test "whose files they are" {
	local f
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	for f in allowed_names member_names validity key_types usages; do
		[ "$(stat -c '%u %a' "$G/$f")" = "$(stat -c '%u %a' "$G/signing_cert")" ]
		refused 'Permission denied' netops bash -c "echo > $G/$f"
		netops cat "$G/$f" > /dev/null
		refused 'Permission denied' other bash -c "echo > $K/$f"
	done
	netops bash -c "echo client > $K/usages"
	is "$K/usages" client
	echo 1 > "$K/managed"
	for f in allowed_names:x.example member_names:x validity:1d key_types:ed25519 usages:client; do
		sh_refused "$EPERM" "echo ${f#*:} > $K/${f%:*}"
	done
	echo 0 > "$K/managed"
	stop
	start -o ro
	sh_refused 'Read-only file system' "echo client > $G/usages"
	is "$K/usages" client
}

@test "a team cannot leave its group's limits" {
	echo max > "$K/max_uses"
	printf 'web-*\n' > "$G/member_names"
	printf 'web.example\n' > "$G/allowed_names"
	echo client > "$G/usages"
	echo 30d > "$G/validity"
	echo ec-p256 > "$G/key_types"
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	chmod 777 .
	# no key of its own is wider
	netops mkdir "$G/keys/own"
	netops bash -c "cd $G/keys/own && echo max > max_uses && echo .example > allowed_names && echo '*' > member_names &&
		echo 3650d > validity && echo 'client server' > usages && echo 'ed25519 ec-p256 rsa>=2048' > key_types"
	asks web-1 DNS:web.example
	netops bash -c '{ cat "$1" >&3 && cat <&3; } 3<> "$2"' - web-1.csr "$G/keys/own/enroll" > web-1.crt
	[ "$(names web-1.crt)" = DNS:web.example ]
	[ "$(usages web-1.crt)" = TLSWebClientAuthentication ]
	[ "$(lifetime web-1.crt)" -le 2592000 ]
	as_team() { netops bash -c '{ cat "$1" >&3 && cat <&3; } 3<> "$2"' - "$1" "$2"; }
	asks web-2 DNS:admin.example
	refused "$EPERM" as_team web-2.csr "$G/keys/own/enroll"
	asks db ''
	refused "$EPERM" as_team db.csr "$G/keys/own/enroll"
	refused "$EPERM" netops cp db.csr "$G/keys/own/enroll.d/db.csr"
	# mv: of a member, a key, the group, and drafts over the limits
	refused "$EPERM" netops mv "$G/members/web-1" "$G/members/db"
	netops mv "$G/keys/own" "$G/keys/mine"
	refused "$EPERM" as_team db.csr "$G/keys/mine/enroll"
	local f
	for f in allowed_names member_names validity key_types usages; do
		refused ermi netops bash -c "echo > $G/.$f.new && mv $G/.$f.new $G/$f"
		refused ermi netops ln "$G/$f" "$G/$f~"
		refused ermi netops mv "$G/$f" "$G/$f~"
		refused ermi netops rm -f "$G/$f"
		refused ermi netops chmod 666 "$G/$f"
		refused ermi netops chgrp 3001 "$G/$f"
		refused ermi netops truncate -s 0 "$G/$f"
	done
	# renewing
	asks n DNS:admin.example
	refused "$EPERM" as_team n.csr "$G/members/web-1/renew"
	asks n '' serverAuth
	refused "$EPERM" as_team n.csr "$G/members/web-1/renew"
	openssl req -new -newkey ed25519 -nodes -keyout e.pem -subj /CN=e -out e.csr 2> /dev/null
	refused "$EPERM" as_team e.csr "$G/members/web-1/renew"
	asks n ''
	as_team n.csr "$G/members/web-1/renew" > n.crt
	[ "$(names n.crt)" = DNS:web.example ]
	[ "$(usages n.crt)" = TLSWebClientAuthentication ]
	# rm: a deleted key's limits stay with its members, the group's with it
	netops bash -c "echo x.example > $G/keys/mine/allowed_names"
	netops rmdir "$G/keys/mine"
	netops mkdir "$G/keys/mine"
	asks n2 ''
	refused "$EPERM" as_team n2.csr "$G/members/web-1/renew"
	refused ermi netops rmdir "$G"
	refused ermi netops mkdir "$M/app_connector/another"
	refused ermi netops mv "$G" "$M/app_connector/another"
}

@test "an export has the limits" {
	echo max > "$K/max_uses"
	printf 'a.example\nshared b.example\n' > "$G/allowed_names"
	printf 'a.example\n' > "$K/allowed_names"
	printf 'web-*' > "$G/member_names"
	echo 30d > "$K/validity"
	echo ec-p256 > "$G/key_types"
	echo 'client server' > "$G/usages"
	asks web-1 DNS:a.example
	enroll_here web-1.csr > /dev/null
	echo client > "$G/usages"
	csr new
	renew web-1 new > /dev/null
	cp -a "$M/export" copy
	stop
	check_store
	restore_store copy
	check_store
	start
	[ "$(cat "$G/allowed_names")" = $'a.example\nshared b.example' ]
	is "$K/allowed_names" a.example
	[ "$(od -An -c "$G/member_names" | tr -d ' \n')" = 'web-*' ]
	is "$K/validity" 30d
	is "$G/key_types" ec-p256
	is "$G/usages" client
	# names that are taken, and what is to end, are as before
	asks web-2 DNS:a.example
	refused "$EEXIST" enroll_here web-2.csr
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 1 ]
	csr last
	renew new last > /dev/null
	[ "$(sql 'SELECT count(*) FROM narrowed')" = 0 ]
}

@test "fsck finds limits and names that are damaged" {
	echo a.example > "$G/allowed_names"
	asks web DNS:a.example
	enroll_here web.csr > /dev/null
	stop
	check_store
	sql "UPDATE prov_key SET usages = 'all'"
	sql "DELETE FROM alt_name"
	run check_store
	[ "$status" = 4 ]
	[[ $output == *'app_connector/berlin/keys/auto: a limit is damaged'* ]]
	[[ $output == *'the name a.example in it would be given to others'* ]]
	not_restored 'its store is damaged'
}
