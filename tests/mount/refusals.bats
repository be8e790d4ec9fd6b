#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every refusal of ours has an errno, a reason, and a line in the audit trail and in the messages.

load helper

# line ERRNO ACTION OBJECT COMMAND...: it fails, and its line says what, where and why.
line() {
	local errno=$1 action=$2 object=$3
	shift 3
	run "$@"
	[ "$status" -ne 0 ] || { echo "taken: $*"; return 1; }
	wait_until grep -q "\"action\":\"$action\",\"object\":\"$object\",\"result\":\"$errno\",\"reason\":\"..*\"" "$M/log" ||
		{ echo "no line of: $*"; tail -n 2 "$M/log"; return 1; }
	grep -q "$action $object refused: ..*: ..* (uid" log
}

py() { python3 -c "import os, sys
p = sys.argv[1:]
$1" "${@:2}"; }

@test "what the tree has no place for" {
	csr web1
	enroll_here web1.csr > /dev/null
	B=app_connector/berlin
	line EPERM mkdir zz mkdir "$M/zz"
	line EPERM mkdir yy mkdir "$M/tables/yy"
	line EPERM mkdir $B/zz mkdir "$G/zz"
	line EPERM mkdir $B/keys/auto/zz mkdir "$K/zz"
	line EPERM mkdir $B/members/web1/zz mkdir "$G/members/web1/zz"
	line EPERM mkdir $B/yy mkdir "$G/members/yy"
	line EPERM mkdir certs/root/zz mkdir "$M/certs/root/zz"
	line EPERM symlink $B/link ln -s x "$G/link"
	line EPERM symlink link ln -s x "$M/link"
	line EPERM mknod $B/keys/auto/fifo mkfifo "$K/fifo"
	line EPERM link $B/keys/auto/uses ln "$K/uses" "$K/linked"
	line EPERM create $B/keys/auto/max_use bash -c "echo 1 > $K/max_use"
	line EPERM rename certs mv "$M/certs" "$M/c"
	line EPERM rename $B/keys mv "$G/keys" "$G/k"
	line EPERM rename $B/keys/auto/uses mv "$K/uses" "$K/used"
	line EINVAL rename $B/keys py 'import ctypes
if ctypes.CDLL(None).renameat2(-100, p[0].encode(), -100, p[1].encode(), 2): sys.exit(1)' "$G/keys" "$G/members"
}

@test "what is fixed, full or read-only" {
	csr web1
	enroll_here web1.csr > /dev/null
	B=app_connector/berlin
	line ENOTEMPTY rmdir $B/keys rmdir "$G/keys"
	line EPERM rmdir certs rmdir "$M/certs"
	line EPERM unlink log rm -f "$M/log"
	line EINVAL truncate $B/keys/auto/max_uses truncate -s 5 "$K/max_uses"
	line EINVAL truncate $B/description truncate -s 100000 "$G/description"
	line EACCES open $B/keys/auto/uses bash -c "echo 1 > $K/uses"
	line EACCES open domain bash -c "echo 1 > $M/domain"
	line EPERM unlink $B/auto.json rm -f "$M/export/$B/keys/auto.json"
	line EPERM create "[^\"]*new" bash -c "echo 1 > $M/export/new"
	line EPERM mkdir "[^\"]*new" mkdir "$M/export/certs/new"
	line EPERM rmdir "[^\"]*certs" rmdir "$M/export/certs"
	line EFBIG write draft py 'os.write(os.open(p[0], os.O_CREAT | os.O_EXCL | os.O_WRONLY), b"x" * 100000)' "$K/.draft"
	line EFBIG truncate draft py 'os.ftruncate(os.open(p[0], os.O_CREAT | os.O_EXCL | os.O_WRONLY), 100000)' "$K/.other"
	line ENOSPC create "$B/keys/auto/.[0-9]*" py 'for i in range(100): os.open(p[0] + "/.%d" % i, os.O_CREAT | os.O_EXCL | os.O_WRONLY)' "$K"
}

@test "conversations" {
	csr web1
	csr web2
	B=app_connector/berlin
	cat web1.csr web2.csr > both
	line EINVAL request $B/keys/auto/enroll py 'fd = os.open(p[0], os.O_RDWR); os.write(fd, open(p[1], "rb").read()); os.write(fd, b"more")' "$K/enroll" web1.csr
	line EINVAL request $B/keys/auto/enroll py 'fd = os.open(p[0], os.O_RDWR); os.write(fd, b"-----BEGIN "); os.read(fd, 10)' "$K/enroll"
	wait_until grep -q 'reason":"read before the request was complete"' "$M/log"
	line EINVAL request $B/keys/auto/enroll py 'fd = os.open(p[0], os.O_WRONLY); os.pwrite(fd, b"x", 10)' "$K/enroll"
	wait_until grep -q 'reason":"a request has no holes"' "$M/log"
	# what is written on after a refusal is refused again, and has its line
	n=$(grep -c '"action":"enroll"' "$M/log")
	py 'fd = os.open(p[0], os.O_RDWR)
for i in range(5):
    try: os.write(fd, b"garbage\n")
    except OSError: pass' "$K/enroll"
	wait_until bash -c "[ \$(grep -c '\"action\":\"enroll\"' $M/log) -gt $n ]"
	stop
	start
	[ "$(grep -c '"action":"enroll"' "$M/log")" = $((n + 1)) ]
}

@test "an import that cannot be kept says why" {
	mkdir "$M/certs/odd"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout odd.key -subj /CN=odd -out odd.crt \
		-addext keyUsage=critical,keyCertSign,cRLSign -addext "subjectKeyIdentifier=$(printf '41%.0s' {1..65})" 2> /dev/null
	cat odd.crt odd.key > all.pem
	line EBADMSG set certs/odd/import cp all.pem "$M/certs/odd/import"
	grep -q "the certificate's subjectKeyIdentifier has more than 64 bytes" "$M/log"
	is "$M/certs/odd/state" pending
}

# why [PREFIX...]: what the caller was refused, without the times.
why() { "$@" tail -n +2 "$M/why"; }

@test "why tells each user what it was refused last" {
	local nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	is "$M/why" "# refusals of uid 0 within 10 minutes, the newest first; what the kernel refuses by owner and mode is not here"
	[ "$(stat -c %a "$M/why")" = 444 ]
	sh_refused 'Invalid argument' "echo many > $K/max_uses"
	refused 'Operation not permitted' mkdir "$M/zz"
	[ "$(stat -c %s "$M/why")" = "$(wc -c < "$M/why")" ]
	why > said
	[ "$(wc -l < said)" = 2 ]
	grep -nP "^\d{4}-\d\d-\d\dT[\d:]+Z\t\d+\tmkdir\tmkdir zz\tEPERM\t\S.*" said | grep -q ^1:
	grep -nP "^\S+\t\d+\tbash\tset app_connector/berlin/keys/auto/max_uses\tEINVAL\t\S.*" said | grep -q ^2:
	# each sees its own
	[ -z "$(why "${nobody[@]}")" ]
	chmod 666 "$M/renew"
	csr a
	refused 'rejected' "${nobody[@]}" bash -c "exec 3<> $M/renew; cat a.csr a.csr >&3 && cat <&3"
	why "${nobody[@]}" | grep -qP "\trenew\tEKEYREJECTED\t"
	[ "$(why | wc -l)" = 2 ]
	# never the value, and no more than eight
	key=$(cat "$K/key")
	sh_refused 'Invalid argument' "echo '$key' > $G/description"
	[[ $(why) != *"$key"* ]]
	[[ $(why) != *"${key: -60}"* ]]
	for i in $(seq 9); do refused 'Operation not permitted' mkdir "$M/z$i"; done
	why | cut -f4 | diff - <(for i in $(seq 9 -1 2); do echo "mkdir z$i"; done)
	# a program's name cannot make a line
	refused 'Operation not permitted' bash -c 'exec -a x python3 -c "
import os, sys
open(\"/proc/self/comm\", \"w\").write(\"a\n\tb\")
os.mkdir(sys.argv[1])" '"$M/zz"
	why | head -n 1 | grep -qP "^\S+\t\d+\ta\?\?b\tmkdir zz\tEPERM\t"
	# read-only, too
	stop
	start -o ro
	refused 'Read-only file system' cat "$K/key"
	why | grep -qP "\tEROFS\t"
}
