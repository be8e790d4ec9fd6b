#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Names, modes, sizes, times, making, removing, renaming.

load helper

@test "every file is where the documentation says" {
	csr web1
	enroll_here web1.csr > /dev/null
	# enrollfs(5) has a paragraph for each; manual.bats compares
	ls -1 "$M" | tr '\n' ' ' | grep -qx 'app_connector certs domain enroll export log log.head metrics renew service_edge tables version whois why '
	ls -1 "$G" | tr '\n' ' ' |
		grep -qx 'allowed_names approval created description enabled expire_after key_types keys member_names members modified revocation signing_cert usages validity '
	ls -1 "$K" | tr '\n' ' ' | grep -qx 'allowed_names approval copies created description enabled enroll enroll.d expires exportable id key key_types last_copied last_used managed max_uses member_names modified modified_by pending remaining revocation secret signing_cert state usages uses validity '
	ls -1 "$G/members/web1" | tr '\n' ' ' | grep -qx 'cert.pem chain.pem csr.pem description enrolled enrolled_by fingerprint fullchain.pem not_after not_before provisioning_key renew revocation serial signing_cert state '
	ls -1 "$M/certs" | tr '\n' ' ' | grep -qx 'connector root service_edge '
	ls -1 "$M/certs/root" | tr '\n' ' ' | grep -qx 'algorithm ca_validity_days cert.pem chain.pem created crl.der crl.pem crl_days crl_url cross cross.pem csr.pem enabled fingerprint import index.txt index.txt.attr issued issuer issuer_url managed modified not_after not_before revocation revoked serial state subject validity_days '
}

@test "sizes are exactly what a read returns" {
	csr web1
	enroll_here web1.csr > /dev/null
	printf 'no newline' > "$K/description"
	find "$M" -type f ! -name enroll ! -name renew > files
	[ "$(wc -l < files)" -gt 90 ]
	while read -r f; do
		[ "$(stat -c %s "$f")" -eq "$(cat "$f" | wc -c)" ] || { echo "$f"; return 1; }
	done < files
	[ "$(stat -c %s "$K/.key")" -eq "$(cat "$K/key" | wc -c)" ] || [ "$(cat "$K/state")" = exhausted ]
	echo 9 > "$K/max_uses"
	[ "$(stat -c %s "$K/.key")" -eq "$(cat "$K/key" | wc -c)" ]
}

@test "listings and stat show the same inode numbers" {
	python3 -c "
import os
for top, dirs, files in os.walk('$M'):
    for e in os.scandir(top):
        assert e.inode() == os.lstat(e.path).st_ino == os.lstat(e.path).st_ino, e.path"
	[ "$(stat -c %i "$M/enroll")" = "$(stat -c %i "$M/enroll")" ]
}

@test "what walks trees reads everything but the secret, and stumbles nowhere" {
	csr web1
	enroll_here web1.csr > /dev/null
	mkdir "$G/keys/expired" "$G/keys/fresh" "$G/keys/off"
	echo 1970-01-01T00:00:01Z > "$G/keys/expired/expires"
	echo 0 > "$G/keys/off/enabled"
	is "$K/state" exhausted
	is "$G/keys/expired/state" expired
	mkdir copy
	rsync -a "$M/" copy/
	diff -r --no-dereference -x metrics "$M" copy
	rsync -ai --exclude=/metrics "$M/" copy/ > again
	cat again
	[ ! -s again ]
	rm -rf copy
	cp -a "$M" copy
	[ -L copy/app_connector/berlin/keys/auto/key ]
	tar cf all.tar "$M"
	not grep -q -a 'corp.example|' all.tar
	not grep -r -q 'corp.example|' "$M"
	find "$M" -type f -exec cat {} + > all
	find "$M" -ls > /dev/null
	du -s "$M" > /dev/null
	python3 -c "import shutil; shutil.copytree('$M', 'again.d', symlinks=True)"
	not grep -q 'corp.example|' all
	for k in auto expired fresh off; do is "$G/keys/$k/copies" 0; done
	for c in 'rsync -a' 'cp -a' 'tar c' 'grep -r' 'find -exec cat' du shutil.copytree; do
		printf 'whole tree: %-16s ok\n' "$c"
	done
}

@test "modes follow the directory" {
	[ "$(stat -c %a "$K")" = 755 ]
	[ "$(stat -c %a "$K/max_uses")" = 644 ]
	[ "$(stat -c %a "$K/uses")" = 444 ]
	[ "$(stat -c %a "$K/.key")" = 400 ]
	[ "$(stat -c %a "$K/enroll")" = 600 ]
	[ "$(stat -c %a "$K/signing_cert")" = 644 ]
	[ "$(stat -c %a "$M/enroll")" = 666 ]
	mkdir -m 700 "$G/keys/mine"
	[ "$(stat -c %a "$G/keys/mine")" = 700 ]
	[ "$(stat -c %a "$G/keys/mine/max_uses")" = 600 ]
	[ "$(stat -c %a "$G/keys/mine/signing_cert")" = 644 ]
	(umask 077 && mkdir "$G/keys/umask")
	[ "$(stat -c %a "$G/keys/umask")" = 755 ]
}

@test "directories are made where objects are, and nowhere else" {
	for d in "$M" "$G" "$G/members" "$K" "$M/certs/root"; do
		refused 'Operation not permitted' mkdir "$d/new"
	done
	refused 'File exists' mkdir "$G"
	refused 'File exists' mkdir "$G/keys"
	for name in .hidden -dash _low 'a b' 'ä'; do
		refused 'Invalid argument' mkdir -- "$M/app_connector/$name"
	done
	mkdir "$M/app_connector/$(printf 'x%.0s' {1..64})" "$M/app_connector/0.a_B-c"
}

@test "there are no links, pipes, sockets or devices to be made" {
	refused 'Operation not permitted' ln -s description "$G/link"
	refused 'Operation not permitted' ln "$G/description" "$G/link"
	refused 'Operation not permitted' mkfifo "$G/pipe"
	refused 'Operation not permitted' mknod "$G/null" c 1 3
	refused 'Operation not permitted' python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$G/socket')"
	[ ! -e "$G/link" ] && [ ! -e "$G/pipe" ] && [ ! -e "$G/null" ] && [ ! -e "$G/socket" ]
}

@test "an unknown name is a typo" {
	sh_refused 'Operation not permitted' "echo 5 > $K/max_use"
	refused 'Operation not permitted' touch "$G/new"
	refused 'Operation not permitted' ln -s key "$K/other"
	refused 'Operation not permitted' ln "$K/uses" "$K/other"
	refused 'Operation not permitted' mkfifo "$K/fifo"
}

@test "renaming keeps everything" {
	echo 7 > "$K/max_uses"
	cat "$K/key" > before
	id=$(cat "$K/id")
	mv "$K" "$G/keys/web"
	K=$G/keys/web
	is "$K/id" "$id"
	is "$K/max_uses" 7
	cat "$K/key" | cmp - before
	[ ! -e "$G/keys/auto" ]
	mv "$G" "$M/app_connector/munich"
	G=$M/app_connector/munich
	is "$G/keys/web/id" "$id"
	mv "$M/certs/connector" "$M/certs/edge1"
	is "$G/keys/web/signing_cert" edge1
	is "$G/signing_cert" edge1
	csr web1
	enroll_here web1.csr "$G/keys/web/enroll" > /dev/null
	mv "$G/members/web1" "$G/members/old"
	is "$G/members/old/state" active
	[ "$(openssl x509 -in "$G/members/old/cert.pem" -noout -subject -nameopt RFC2253)" = \
		'subject=CN=web1,OU=munich,O=corp.example' ]
}

@test "renaming is refused where it would not be in place" {
	mkdir "$M/app_connector/munich" "$G/keys/other"
	refused 'Operation not permitted' mv "$K" "$M/app_connector/munich/keys/"
	refused 'Operation not permitted' mv "$G" "$M/service_edge/"
	refused 'Operation not permitted' mv "$K/max_uses" "$K/min_uses"
	refused 'Operation not permitted' mv "$G/keys" "$G/locks"
	refused 'Invalid argument' python3 -c "import os; os.rename('$K', '$G/keys/.auto')"
	refused 'File exists' python3 -c "import os; os.rename('$K', '$G/keys/other')"
	refused 'Invalid argument' python3 -c "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.renameat2(-100, b'$K', -100, b'$G/keys/other', 2):
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))"
}

@test "certificates in use stay" {
	refused 'Device or resource busy' rmdir "$M/certs/root"
	refused 'Device or resource busy' rmdir "$M/certs/connector"
	rmdir "$M/certs/service_edge"
	refused 'No such file or directory' mkdir "$M/service_edge/new"
}

@test "what is open of a deleted object is stale, and its name can be taken again at once" {
	exec 4< "$K/uses" 5< "$K"
	rmdir "$K"
	refused 'Stale file handle' python3 -c "import os; os.stat('/proc/self/fd/5')"
	exec 4<&- 5<&-
	for i in $(seq 100); do
		mkdir "$K"
		[ "$(cat "$K/max_uses")" = 1 ]
		echo "$i" > "$K/max_uses"
		rmdir "$K"
	done
}

@test "extended attributes are not there, and the kernel stops asking" {
	stop
	start -d # every request is in the log
	expect_log 'error: -[0-9]+ '
	refused 'Operation not supported' python3 -c "import os; os.getxattr('$K/uses', 'user.x')"
	refused 'Operation not supported' python3 -c "import os; os.getxattr('$K/id', 'user.x')"
	ls -l "$K" "$G" > /dev/null
	[ "$(grep -c 'opcode: GETXATTR' log)" = 1 ]
}

@test "times move with what a file says" {
	before=$(stat -c %.Y "$K/uses")
	csr web1
	enroll_here web1.csr > /dev/null
	[ "$(stat -c %.Y "$K/uses")" != "$before" ]
	before=$(stat -c %.Y "$K/max_uses")
	echo 5 > "$K/max_uses"
	[ "$(stat -c %.Y "$K/max_uses")" != "$before" ]
	before=$(stat -c %.Y "$G/members")
	csr web2
	enroll_here web2.csr > /dev/null
	[ "$(stat -c %.Y "$G/members")" != "$before" ]
	before=$(stat -c %.Y "$G/keys")
	mkdir "$G/keys/b"
	[ "$(stat -c %.Y "$G/keys")" != "$before" ]
	before=$(stat -c %.Y "$K/state")
	echo 0 > "$G/enabled"
	[ "$(stat -c %.Y "$K/state")" != "$before" ]
	is "$K/state" disabled
	touch "$K/uses"
}

@test "nothing stale: what one file changes, others show at once" {
	for i in $(seq 50); do
		echo "$i" > "$K/max_uses"
		[ "$(cat "$K/remaining")" = "$i" ]
		[ "$(stat -c %s "$K/remaining")" = $((${#i} + 1)) ]
		echo $((i % 2)) > "$K/enabled"
		if [ $((i % 2)) = 1 ]; then is "$K/state" active; else is "$K/state" disabled; fi
	done
}

@test "long lists are whole" {
	(cd "$M/app_connector" && seq -f 'g%04g' 1 3000 | xargs mkdir)
	[ "$(ls -f "$M/app_connector" | sort -u | wc -l)" = 3003 ]
	[ "$(ls -l "$M/app_connector" | grep -c ' g')" = 3000 ]
	(cd "$M/app_connector" && ls | grep '^g[0-9]*[13579]$' | xargs rmdir)
	[ "$(ls "$M/app_connector" | wc -l)" = 1501 ]
}

@test "sizes can be set to nothing, to what they are, and to nothing else" {
	truncate -s 0 "$K/max_uses"
	is "$K/max_uses" 1
	truncate -s 2 "$K/max_uses"
	is "$K/max_uses" 1
	refused 'Invalid argument' truncate -s 1 "$K/max_uses"
	
}
