#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Values: what is taken, what is refused, and how writers write.

load helper

@test "limits" {
	for v in 0 5 max 9223372036854775807; do
		echo "$v" > "$K/max_uses"
		is "$K/max_uses" "$v"
		is "$K/remaining" "$v"
	done
	echo 5 > "$K/max_uses"
	echo +3 > "$K/max_uses"
	is "$K/max_uses" 8
	echo -8 > "$K/max_uses"
	is "$K/max_uses" 0
	is "$K/state" exhausted
	sh_refused 'Numerical result out of range' "echo -1 > $K/max_uses"
	sh_refused 'Numerical result out of range' "echo 9223372036854775808 > $K/max_uses"
	for v in '' ' 5' '5 ' 0x10 5.0 five +-1 '+ 1' -- +; do
		sh_refused 'Invalid argument' "echo '$v' > $K/max_uses"
	done
	sh_refused 'Invalid argument' "env printf '5\n6\n' > $K/max_uses"
	sh_refused 'Invalid argument' "printf '5\000' > $K/max_uses"
	sh_refused 'File too large' "printf '%0100d' 5 > $K/max_uses"
	echo max > "$K/max_uses"
	sh_refused 'Invalid argument' "echo +1 > $K/max_uses"
	is "$K/max_uses" max
}

@test "a relative limit counts once for each open" {
	bash -c "{ printf +5; printf '\n'; } > $K/max_uses"
	is "$K/max_uses" 6
	sh_refused 'Invalid argument' "{ printf +5; printf 0; } > $K/max_uses"
	is "$K/max_uses" 6
	for _ in 1 2 3 4 5 6 7 8; do
		for _ in 1 2 3 4 5; do echo +1 > "$K/max_uses"; done &
	done
	wait_for_jobs
	is "$K/max_uses" 46
}

@test "switches" {
	for v in 1 yes on true y t True YES On T; do
		echo 0 > "$K/enabled"
		echo $v > "$K/enabled"
		is "$K/enabled" 1
	done
	for v in 0 no off false n f False NO Off F; do
		echo 1 > "$K/enabled"
		echo $v > "$K/enabled"
		is "$K/enabled" 0
	done
	for v in '' 2 ye 'yes ' enabled 01; do sh_refused 'Invalid argument' "echo '$v' > $K/enabled"; done
}

@test "times" {
	echo 2030-01-02T03:04:05Z > "$K/expires"
	is "$K/expires" 2030-01-02T03:04:05Z
	echo 1900000000 > "$K/expires"
	is "$K/expires" 2030-03-17T17:46:40Z
	echo +2h > "$K/expires"
	[ $(($(date -d "$(cat "$K/expires")" +%s) - $(date +%s))) -ge 7190 ]
	for u in s m h d w; do echo "+1000$u" > "$K/expires"; done
	is "$K/state" active
	echo 1970-01-01T00:00:00Z > "$K/expires"
	is "$K/expires" 1970-01-01T00:00:00Z
	is "$K/state" expired
	echo 2030-12-31 > "$K/expires"
	is "$K/expires" 2030-12-31T23:59:59Z
	cat "$K/expires" > again
	cat again > "$K/expires"
	is "$K/expires" 2030-12-31T23:59:59Z
	for v in 2030-01-01T02:00:00+02:00 2029-12-31T19:00:00-05:00 2030-01-01t00:00:00z \
		2030-01-01T00:00:00.123456+00:00 "$(date -u -Is -d @1893456000)" \
		"$(TZ=Asia/Tokyo date --rfc-3339=seconds -d @1893456000)" "$(date -u +%s -d 2030-01-01)"; do
		echo "$v" > "$K/expires"
		is "$K/expires" 2030-01-01T00:00:00Z
		echo never > "$K/expires"
	done
	echo 30d > "$K/expires"
	left=$(($(date -d "$(cat "$K/expires")" +%s) - $(date +%s)))
	[ $left -ge $((30 * 86400 - 10)) ] && [ $left -le $((30 * 86400)) ]
	echo never > "$K/expires"
	is "$K/expires" never
	for v in '' tomorrow 2030-02-30T00:00:00Z 2030-02-30 '2030-01-01 00:00:00' +5 +5y 5y -1 2030-01-01T00:00:00+24:00; do
		sh_refused 'Invalid argument' "echo '$v' > $K/expires"
	done
	for v in 0 30 2026 20261231 999999999; do
		sh_refused 'Invalid argument' "echo '$v' > $K/expires"
	done
	grep -q 'keys/auto/expires refused: Invalid argument: seconds since the epoch have ten digits: .* 30d' log
	sh_refused 'Numerical result out of range' "echo 999999999999 > $K/expires"
	sh_refused 'Numerical result out of range' "echo +99999999999w > $K/expires"
	is "$K/expires" never
}

@test "descriptions" {
	echo 'Zürich, 2. Stock' > "$G/description"
	is "$G/description" 'Zürich, 2. Stock'
	echo > "$G/description"
	is "$G/description" ''
	head -c 1024 /dev/zero | tr '\0' x > "$G/description"
	[ "$(wc -c < "$G/description")" = 1024 ]
	sh_refused 'File too large' "head -c 1025 /dev/zero | tr '\0' x > $G/description"
	sh_refused 'File too large' "head -c 4096 /dev/zero | tr '\0' x > $G/description"
	sh_refused 'Invalid argument' "env printf 'a\nb\n' > $G/description"
	sh_refused 'Invalid argument' "printf 'a\001\n' > $G/description"
	sh_refused 'Invalid argument' "printf 'a\377\n' > $G/description"
	[ "$(wc -c < "$G/description")" = 1024 ]
}

@test "signing certificates" {
	echo service_edge > "$K/signing_cert"
	is "$K/signing_cert" service_edge
	sh_refused 'No such file or directory' "echo nobody > $K/signing_cert"
	echo 0 > "$M/certs/root/enabled"
	sh_refused 'No such file or directory' "echo root > $K/signing_cert"
	is "$K/signing_cert" service_edge
}

@test "days" {
	echo 30 > "$M/certs/connector/validity_days"
	is "$M/certs/connector/validity_days" 30
	sh_refused 'Invalid argument' "echo 0 > $M/certs/connector/validity_days"
	sh_refused 'Numerical result out of range' "echo 100000 > $M/certs/connector/validity_days"
	csr web1
	enroll_here web1.csr > web1.crt
	not openssl x509 -in web1.crt -noout -checkend $((30 * 86400 + 60))
	openssl x509 -in web1.crt -noout -checkend $((30 * 86400 - 60))
}

@test "read-only files cannot be opened for writing" {
	for f in uses remaining state id copies last_copied created modified .key; do
		sh_refused 'Permission denied' "echo 1 > $K/$f"
	done
	sh_refused 'Permission denied' "echo x > $M/domain"
	sh_refused 'Permission denied' "echo x > $M/certs/root/serial"
}

@test "a value without its newline reads back without it until it is written again" {
	printf 5 > "$K/max_uses"
	[ "$(od -An -c "$K/max_uses" | tr -d ' ')" = 5 ]
	[ "$(stat -c %s "$K/max_uses")" = 1 ]
	echo 6 > "$K/enabled" 2> /dev/null || :
	[ "$(stat -c %s "$K/max_uses")" = 1 ]
	stop
	start
	[ "$(stat -c %s "$K/max_uses")" = 1 ]
	echo 5 > "$K/max_uses"
	[ "$(stat -c %s "$K/max_uses")" = 2 ]
}

@test "nothing written changes nothing" {
	echo 5 > "$K/max_uses"
	: > "$K/max_uses"
	true > "$K/max_uses"
	truncate -s 0 "$K/max_uses"
	exec 4<> "$K/max_uses"
	exec 4>&-
	is "$K/max_uses" 5
}

@test "a refused value leaves the one that was" {
	echo 5 > "$K/max_uses"
	sh_refused 'Invalid argument' "printf 'oops\n' > $K/max_uses"
	is "$K/max_uses" 5
	grep -q 'set app_connector/berlin/keys/auto/max_uses refused: Invalid argument: not a number' log
}

@test "every writer's way" {
	bash -c "echo 11 > $K/max_uses"
	is "$K/max_uses" 11
	dash -c "echo 12 > $K/max_uses"
	is "$K/max_uses" 12
	busybox sh -c "echo 13 > $K/max_uses"
	is "$K/max_uses" 13
	printf '%s\n' 14 > "$K/max_uses"
	is "$K/max_uses" 14
	echo 15 > value
	cat value > "$K/max_uses"
	is "$K/max_uses" 15
	echo 16 > value
	cp value "$K/max_uses"
	is "$K/max_uses" 16
	echo 17 | tee "$K/max_uses" > /dev/null
	is "$K/max_uses" 17
	echo 18 | dd of="$K/max_uses" bs=100 status=none
	is "$K/max_uses" 18
	echo 19 | dd of="$K/max_uses" bs=1 status=none
	is "$K/max_uses" 19
	python3 -c "open('$K/max_uses', 'w').write('20\n')"
	is "$K/max_uses" 20
	python3 -c "
with open('$K/max_uses', 'r+') as f:
    f.write('21\n')"
	is "$K/max_uses" 21
	echo 22 >> "$K/max_uses"
	is "$K/max_uses" 22
	python3 -c "
import os
fd = os.open('$K/max_uses', os.O_WRONLY)
os.pwrite(fd, b'23\n', 0)
try:
    os.pwrite(fd, b'4\n', 10)
    raise SystemExit('a hole was taken')
except OSError as e:
    assert e.errno == 22, e"
	is "$K/max_uses" 22
	python3 -c "
import fcntl, os
with open('$K/max_uses', 'r+') as f:
    f.write('500\n')
    f.flush()
    f.seek(0)
    f.truncate()
    f.write('24\n')
fd = os.open('$K/description', os.O_WRONLY)
fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
os.write(fd, b'a')
os.write(fd, b'b\n')"
	is "$K/max_uses" 24
	is "$K/description" ab
}

@test "what is open is as long as what it reads, whatever happens meanwhile" {
	python3 - "$K" <<-'PY'
		import os, subprocess, sys
		k = sys.argv[1]
		size = lambda path: int(subprocess.check_output(['stat', '-c', '%s', path]))
		for path, change in ((f'{k}/state', lambda: open(f'{k}/enabled', 'w').write('0')),
		                     (f'{k}/../../../../export/app_connector/berlin/keys/auto.json', lambda: open(f'{k}/description', 'w').write('x' * 1000)),
		                     (f'{k}/../../../../tables/keys.tsv', lambda: os.mkdir(f'{k}2'))):
		    fd = os.open(path, os.O_RDONLY)
		    before = os.fstat(fd).st_size
		    change()
		    assert os.fstat(fd).st_size == before == len(os.read(fd, 100000)), path
		    assert 'tables' in path or size(path) != before, path
		    os.close(fd)
		    assert os.stat(path).st_size == len(open(path, 'rb').read())
	PY
}

# half VALUE FILE SCRIPT [ERROR]: the script's first write is stored and a later one refused; the
# value is what it was. (bash's printf sends a line a write.)
half() {
	echo "$1" > "$2"
	sh_refused "${4-Invalid argument}" "$3"
	is "$2" "$1" || { echo "after: $3"; return 1; }
}

@test "a value of which a later part is refused is what it was before" {
	C=$M/certs/connector
	csr web1
	enroll_here web1.csr > /dev/null
	mkdir "$M/certs/waiting"
	half 5 "$K/max_uses" "printf '7\n8\n' > $K/max_uses"
	# the trail has both edits and the refusal
	trail() { grep '"object":"app_connector/berlin/keys/auto/max_uses"' "$M/log" | tail -n 3; }
	told() { trail | grep -q '"result":"EINVAL","reason":"a value is one line; what stood before is back"'; }
	wait_until told
	[ "$(trail | grep -o '"value":"[0-9]*"' | tr '\n' ' ')" = '"value":"7" "value":"5" ' ]
	half 5 "$K/max_uses" "printf '7\n8\n' >> $K/max_uses"
	half 5 "$K/max_uses" "printf 'x\n8\n' > $K/max_uses"
	half 5 "$K/max_uses" "printf '7\nx\n9\n' > $K/max_uses"
	half 5 "$K/max_uses" "env printf '7\n8\n' > $K/max_uses"
	half 5 "$K/max_uses" "{ printf 7; printf x; printf '\n'; } > $K/max_uses"
	half 5 "$K/max_uses" "{ echo 7; echo 8; echo 9; } >> $K/max_uses"
	half 5 "$K/max_uses" "printf '+7\n8\n' > $K/max_uses"
	half 5 "$K/max_uses" "printf 'max\n8\n' > $K/max_uses"
	half max "$K/max_uses" "printf '7\n8\n' > $K/max_uses"
	half 5 "$K/max_uses" "{ printf 7; printf %040d 0; } > $K/max_uses" 'File too large'
	half 5 "$K/max_uses" "printf '5\n5\n' > $K/max_uses"
	half 1 "$K/enabled" "printf '0\n1\n' > $K/enabled"
	half 0 "$G/enabled" "printf '1\n0\n' > $G/enabled"
	half 1 "$C/enabled" "printf '0\n1\n' > $C/enabled"
	half 0 "$K/managed" "printf '1\n0\n' > $K/managed"
	half never "$K/expires" "printf '30d\n30d\n' > $K/expires"
	half 2030-12-31T23:59:59Z "$K/expires" "printf 'never\n30d\n' > $K/expires"
	half connector "$K/signing_cert" "printf 'root\nservice_edge\n' > $K/signing_cert"
	half connector "$G/signing_cert" "printf 'root\nroot\n' > $G/signing_cert"
	half before "$K/description" "printf 'a\nb\n' > $K/description"
	half before "$G/description" "printf 'a\nb\n' > $G/description"
	half before "$G/members/web1/description" "printf 'a\nb\n' > $G/members/web1/description"
	half before "$K/description" "for i in {1..100}; do printf '%020d' \$i; done > $K/description" 'File too large'
	half 300 "$C/validity_days" "printf '7\n8\n' > $C/validity_days"
	half 9 "$C/crl_days" "printf '7\n8\n' > $C/crl_days"
	half 900 "$M/certs/waiting/ca_validity_days" "printf '7\n8\n' > $M/certs/waiting/ca_validity_days"
	half CN=before "$M/certs/waiting/subject" "printf 'CN=a\nCN=b\n' > $M/certs/waiting/subject"
	openssl req -in "$M/certs/waiting/csr.pem" -noout -verify -subject -nameopt RFC2253 | grep -x 'subject=CN=before'
	# without its newline
	printf 5 > "$K/max_uses"
	sh_refused 'Invalid argument' "printf '7\n8\n' > $K/max_uses"
	[ "$(stat -c %s "$K/max_uses")" = 1 ]
	# a certificate that has been disabled since
	echo 0 > "$C/enabled"
	sh_refused 'Invalid argument' "printf 'root\nroot\n' > $K/signing_cert"
	is "$K/signing_cert" connector
}

@test "what somebody else has changed since is not put back" {
	python3 - "$K" <<'PY'
import os, sys
key = sys.argv[1]
path = key + '/max_uses'
def refused(fd, text):
    try:
        os.write(fd, text)
    except OSError as e:
        assert e.errno == 22, e
    else:
        raise AssertionError('taken')
def set_to(path, text):
    with open(path, 'w') as f:
        f.write(text)
def value():
    return open(path).read()
def begin(text):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text)
    return fd
# another value; the same one again; one and back; a relative one
for others, stays in ((['9\n'], '9\n'), (['7\n'], '7\n'), (['9\n', '7\n'], '7\n'), (['+1\n'], '8\n')):
    set_to(path, '5\n')
    fd = begin(b'7\n')
    for text in others:
        set_to(path, text)
    refused(fd, b'8\n')
    assert value() == stays, (others, value())
    os.close(fd)
# of two that write, the later one puts back what it found
set_to(path, '5\n')
a = begin(b'6\n'); b = begin(b'7\n')
refused(a, b'x'); assert value() == '7\n'
refused(b, b'x'); assert value() == '6\n'
os.close(a); os.close(b)
# another's between two parts is what stood before the second
set_to(path, '5\n')
fd = begin(b'7')
set_to(path, '9\n')
os.write(fd, b'\n'); assert value() == '7\n'
refused(fd, b'x'); assert value() == '9\n'
# nothing more is taken, until it is truncated
refused(fd, b'1\n'); os.lseek(fd, 0, 0); refused(fd, b'1\n')
os.ftruncate(fd, 0)
os.write(fd, b'4\n'); assert value() == '4\n'
refused(fd, b'x'); assert value() == '9\n'
os.close(fd)
# other values of the object do not count
set_to(path, '5\n')
fd = begin(b'7\n')
set_to(key + '/description', 'x\n'); set_to(key + '/enabled', '0\n'); set_to(key + '/enabled', '1\n')
refused(fd, b'8\n'); assert value() == '5\n'
os.close(fd)
# nor does it change any more when it is managed
fd = begin(b'7\n')
set_to(key + '/managed', '1\n')
try:
    os.write(fd, b'8\n')
except OSError:
    pass
assert value() == '7\n'
PY
}

@test "what cannot be undone stays, and the refusal says so" {
	echo max > "$K/max_uses"
	csr web1
	enroll_here web1.csr > /dev/null
	mkdir "$M/certs/a"
	sh_refused 'Invalid argument' "printf 'keyCompromise\nsuperseded\n' > $G/members/web1/revocation"
	is "$G/members/web1/revocation" keyCompromise
	sh_refused 'Invalid argument' "printf '0\n1\n' > $K/exportable"
	is "$K/exportable" 0
	sh_refused 'Invalid argument' "printf 'rsa-2048\nec-p256\n' > $M/certs/a/algorithm"
	is "$M/certs/a/algorithm" rsa-2048
	sh_refused 'Invalid argument' "printf 'self\nroot\n' > $M/certs/a/issuer"
	is "$M/certs/a/issuer" self
	told() { [ "$(grep -c '; what stands there stays"' "$M/log")" = 4 ]; }
	wait_until told
	# in one write it is refused whole
	mkdir "$G/keys/b" "$M/certs/b"
	sh_refused 'Invalid argument' "env printf '0\n1\n' > $G/keys/b/exportable"
	is "$G/keys/b/exportable" 1
	sh_refused 'Invalid argument' "env printf 'self\nself\n' > $M/certs/b/issuer"
	is "$M/certs/b/issuer" none
}

@test "what is mapped or sent by a new open is never older than that" {
	echo 1000 > "$K/max_uses"
	python3 - "$K" <<'PY'
import errno, mmap, os, sys, threading
path = sys.argv[1] + '/max_uses'
def shared():
    with open(path) as f:
        try:
            mmap.mmap(f.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ).close()
            return mmap.MAP_SHARED
        except OSError as e:
            assert e.errno == errno.ENODEV, e
            return None
kinds = [k for k in (mmap.MAP_PRIVATE, shared()) if k is not None]
print('shared mappings:', len(kinds) == 2)
current, stop, wrong = 1000, False, []
def mapped(fd, kind):
    with mmap.mmap(fd, 5, kind, mmap.PROT_READ) as m:
        return m[:]
def sent(fd):
    r, w = os.pipe()
    try:
        os.sendfile(w, fd, 0, 100)
        return os.read(r, 100)
    finally:
        os.close(r); os.close(w)
def reader(kind):
    """What was opened long ago is looked at again and again, which fills pages."""
    old = [os.open(path, os.O_RDONLY) for _ in range(4)]
    while not stop:
        for fd in old:
            mapped(fd, kind)
            os.pread(fd, 100, 0)
    for fd in old:
        os.close(fd)
def check(what, text, least):
    if len(text) != 5 or text[4:] != b'\n' or int(text) < least:
        wrong.append((what, text, least))
def fresh():
    while not stop:
        least = current
        fd = os.open(path, os.O_RDONLY)
        for kind in kinds:
            check('mmap', mapped(fd, kind), least)
        check('sendfile', sent(fd), least)
        check('read', os.pread(fd, 100, 0), least)
        os.close(fd)
threads = [threading.Thread(target=reader, args=(k,)) for k in kinds] + [threading.Thread(target=fresh) for _ in range(2)]
for t in threads:
    t.start()
for n in range(1001, 2500):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, b'%d\n' % n)
    os.close(fd)
    current = n
stop = True
for t in threads:
    t.join()
assert not wrong, wrong[:5]
PY
}

@test "what is mapped is what is read" {
	echo 5 > "$K/max_uses"
	csr web1
	enroll_here web1.csr > /dev/null
	python3 - "$M" <<'PY'
import errno, mmap, os, sys
mount, key = sys.argv[1], 'app_connector/berlin/keys/auto/'
for name in (key + 'max_uses', key + 'state', key + 'key', key + 'enroll.d/web1.crt', 'log', 'tables/keys.tsv',
             'certs/root/cert.pem', 'certs/connector/crl.pem', 'certs/connector/index.txt', 'export/store.json'):
    with open(f'{mount}/{name}', 'rb') as f:
        text = os.pread(f.fileno(), 1 << 20, 0)
        for kind in ({'flags': mmap.MAP_PRIVATE, 'prot': mmap.PROT_READ}, {'access': mmap.ACCESS_COPY},
                     {'flags': mmap.MAP_SHARED, 'prot': mmap.PROT_READ}):
            try:
                with mmap.mmap(f.fileno(), 0, **kind) as m:
                    assert m[:] == text, name
            except OSError as e:
                assert e.errno == errno.ENODEV and kind.get('flags') == mmap.MAP_SHARED, (name, e)
PY
	# what changes is what the next one maps
	mapped() { python3 -c "
import mmap, sys
with open(sys.argv[1]) as f: print(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)[:].decode(), end='')" "$1"; }
	exec 7< "$K/description"
	for text in one three seventeen ''; do
		echo "$text" > "$K/description"
		[ "$(mapped "$K/description")" = "$text" ]
	done
	exec 7<&-
}
