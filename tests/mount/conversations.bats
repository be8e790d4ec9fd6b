#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One request after another through the same descriptor: offsets, sharing, refusals, limits.

load helper

# Python with the mount's paths and these functions; the script is on stdin.
talk() {
	cat - > script.py
	/usr/bin/python3 - "$M" "$K" <<-'PY'
		import errno, os, subprocess, sys
		M, K = sys.argv[1:]
		G = os.path.dirname(os.path.dirname(K))
		BEGIN, END = b'-----BEGIN CERTIFICATE-----', b'-----END CERTIFICATE-----\n'
		def text(*names): return b''.join(open(n, 'rb').read() for n in names)
		def uses(): return int(text(K + '/uses'))
		def chain(member): return text(f'{G}/members/{member}/fullchain.pem')
		def fails(error, call, *arguments):
		    try:
		        call(*arguments)
		    except OSError as e:
		        assert e.errno == error, e
		        return
		    raise AssertionError(f'not refused: {arguments}')
		exec(compile(open('script.py').read(), 'script.py', 'exec'))
	PY
}

machines() {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	for n in "$@"; do csr "$n"; done
}

@test "many certificates through one descriptor" {
	machines a b c d
	talk <<-'PY'
		for path, key in (M + '/enroll', ['my.key']), (K + '/enroll', []):
		    fd = os.open(path, os.O_RDWR)
		    for name in 'abcd':
		        os.write(fd, text(*key, name + '.csr'))
		        # to the last byte, and no further
		        want = chain(name)
		        assert os.read(fd, len(want)) == want
		    for name in 'abcd':
		        os.write(fd, text(*key, name + '.csr'))
		        # to the end of the file
		        assert os.read(fd, 65536) == chain(name)
		        assert os.read(fd, 65536) == b''
		    for name in 'ab':
		        os.write(fd, text(*key, name + '.csr'))
		        got = b''
		        while byte := os.read(fd, 1):
		            fails(errno.EINVAL, os.write, fd, b'x') if len(got) + 2 < len(chain(name)) else None
		            got += byte
		        assert got == chain(name)
		    os.close(fd)
		assert uses() == 4
	PY
	not grep -q 'closed with an incomplete request' log
}

@test "the shell's way" {
	machines a b
	bash -c 'exec 3<> "$1"
		cat my.key a.csr >&3; cat <&3 > a.crt
		cat my.key b.csr >&3; cat <&3 > b.crt
		{ cat my.key; echo; cat a.csr; echo; } >&3; cat <&3 > again.crt' - "$M/enroll"
	cmp a.crt "$G/members/a/fullchain.pem"
	cmp b.crt "$G/members/b/fullchain.pem"
	cmp a.crt again.crt
	is "$K/uses" 2
}

@test "renewals" {
	machines a b c
	talk <<-'PY'
		import hashlib
		fd = os.open(K + '/enroll', os.O_RDWR)
		os.write(fd, text('a.csr'))
		os.read(fd, 65536)
		def der(name):
		    return subprocess.run(['openssl', 'req', '-in', name, '-outform', 'DER'], stdout=subprocess.PIPE, check=True).stdout
		def proof(old, new):
		    subprocess.run(['openssl', 'req', '-new', '-key', old + '.pem', '-subj',
		                    '/CN=' + hashlib.sha256(der(new + '.csr')).hexdigest(), '-out', 'proof.csr'], check=True)
		    return text(new + '.csr', 'proof.csr')
		fd = os.open(M + '/renew', os.O_RDWR)
		for old, new in ('a', 'b'), ('b', 'c'):
		    os.write(fd, proof(old, new))
		    assert os.read(fd, 65536) == chain('a')
		# a key that was replaced
		fails(errno.EKEYREVOKED, os.write, fd, proof('a', 'b'))
	PY
	is "$K/uses" 1
}

@test "a request begins where it is written" {
	machines a b c
	talk <<-'PY'
		fd = os.open(K + '/enroll', os.O_RDWR)
		os.pwrite(fd, text('a.csr'), 0)
		assert os.pread(fd, 65536, 12345) == chain('a')
		assert os.pread(fd, 100, 12345) == chain('a')[:100]
		# in parts, and not in order
		request = text('b.csr')
		os.pwrite(fd, request[:50], 77)
		fails(errno.EINVAL, os.pread, fd, 10, 77)
		fails(errno.EINVAL, os.pwrite, fd, b'x', 76)
		fails(errno.EINVAL, os.pwrite, fd, b'x', 77 + 51)
		os.pwrite(fd, b'?' * 20, 77 + 30)
		os.pwrite(fd, request[30:], 77 + 30)
		assert os.pread(fd, 65536, 3) == chain('b')
		# what is before the end is not the end
		os.pwrite(fd, b' \n', 500)
		assert os.pread(fd, 65536, 3) == chain('b')
		os.pwrite(fd, b'\n' + text('c.csr'), 0)
		assert os.pread(fd, 65536, 1 << 40) == chain('c')
		assert uses() == 3
		# a truncation changes nothing between two requests
		os.ftruncate(fd, 0)
		assert os.pread(fd, 65536, 1 << 40) == chain('c')
		os.pwrite(fd, text('a.csr')[:99], 5)
		os.ftruncate(fd, 0)
		os.pwrite(fd, text('b.csr'), 9)
		assert os.pread(fd, 65536, 0) == chain('b')
		assert uses() == 3
	PY
}

@test "conversations that take turns, and one that is shared" {
	machines a b c d e f
	talk <<-'PY'
		one, two = (os.open(K + '/enroll', os.O_RDWR) for _ in range(2))
		for first, second in ('a', 'b'), ('c', 'd'):
		    x, y = text(first + '.csr'), text(second + '.csr')
		    os.write(one, x[:100])
		    os.write(two, y[:200])
		    os.write(one, x[100:])
		    os.write(two, y[200:])
		    assert os.read(two, 65536) == chain(second)
		    assert os.read(one, 65536) == chain(first)
		# a copy of the descriptor, and a child's
		copy = os.dup(one)
		os.write(copy, text('e.csr')[:120])
		os.close(copy)
		if not (child := os.fork()):
		    os.write(one, text('e.csr')[120:])
		    os._exit(os.read(one, 65536) != chain('e'))
		assert os.waitpid(child, 0)[1] == 0
		# it has read it
		assert os.read(one, 65536) == b''
		os.write(one, text('f.csr'))
		if not (child := os.fork()):
		    try:
		        os.write(one, text('a.csr'))
		    except OSError as e:
		        os._exit(e.errno != errno.EINVAL)
		    os._exit(9)
		assert os.waitpid(child, 0)[1] == 0
		assert os.read(one, 65536) == chain('f')
		assert uses() == 6
	PY
}

@test "the caller is the opener" {
	machines a b
	chmod 644 ./*.csr my.key
	bash -c 'exec 3<> "$1"
		for n in a b; do
			setpriv --reuid 65534 --regid 65534 --clear-groups cat my.key $n.csr >&3
			cat <&3 > $n.crt
		done' - "$M/enroll"
	is "$G/members/a/enrolled_by" 0
	is "$G/members/b/enrolled_by" 0
	verifies b.crt
}

@test "a refusal ends one request" {
	machines a b c
	echo 1 > "$K/max_uses"
	talk <<-'PY'
		fd = os.open(K + '/enroll', os.O_RDWR)
		os.write(fd, text('a.csr'))
		assert os.read(fd, 65536) == chain('a')
		for _ in range(2):
		    fails(errno.EDQUOT, os.write, fd, text('b.csr'))
		    # until the line with the reason was read
		    fails(errno.EDQUOT, os.write, fd, text('a.csr'))
		    assert os.read(fd, 65536) == b'the provisioning key is used up: 1 of 1 uses; raise max_uses\n'
		    os.write(fd, b'\n')
		os.write(fd, text('a.csr'))
		assert os.read(fd, 65536) == chain('a')
		open(K + '/max_uses', 'w').write('2\n')
		os.write(fd, text('b.csr'))
		assert os.read(fd, 65536) == chain('b')
		# too long, malformed, and not whole
		fails(errno.EFBIG, os.write, fd, b'-----BEGIN CERTIFICATE REQUEST-----\n' + b'\n' * 65536)
		assert b'at most 65536 bytes' in os.read(fd, 65536)
		fails(errno.EBADMSG, os.write, fd, text('c.csr').replace(b'M', b'N', 3))
		assert os.read(fd, 65536).endswith(b'\n')
		os.write(fd, text('b.csr')[:123])
		fails(errno.EINVAL, os.read, fd, 100)
		os.close(fd)
		assert uses() == 2
	PY
	wait_until grep -q 'closed with an incomplete request of 123 bytes' log
	[ "$(grep -c 'refused: Disk quota exceeded' log)" = 2 ]
}

@test "what ends the key ends the conversation" {
	machines a b c
	talk <<-'PY'
		fd = os.open(K + '/enroll', os.O_RDWR)
		def enroll(name):
		    os.write(fd, text(name + '.csr'))
		    assert os.read(fd, 65536) == chain(name)
		enroll('a')
		open(K + '/enabled', 'w').write('0\n')
		fails(errno.EKEYREVOKED, os.write, fd, text('b.csr'))
		assert b'disabled' in os.read(fd, 65536)
		open(K + '/enabled', 'w').write('1\n')
		enroll('b')
		os.rename(K, G + '/keys/other')
		os.write(fd, text('c.csr'))
		assert os.read(fd, 65536) == chain('c')
		os.rmdir(G + '/keys/other')
		try:
		    os.write(fd, text('a.csr'))
		except OSError as e:
		    assert e.errno in (errno.ENOENT, errno.ESTALE, errno.EKEYREJECTED), e
		else:
		    raise AssertionError('a key that is gone')
	PY
	[ "$(ls "$G/members" | tr '\n' ' ')" = 'a b c ' ]
}

@test "each request takes a place among a user's 64" {
	machines a b
	chmod 755 "$K"
	chmod 644 ./*.csr my.key
	talk <<-'PY'
		os.setgroups([])
		os.setresgid(65534, 65534, 65534)
		os.setresuid(65534, 65534, 65534)
		request = text('my.key', 'a.csr')
		going = [os.open(M + '/enroll', os.O_RDWR) for _ in range(64)]
		fails(errno.ENOSPC, os.open, M + '/enroll', os.O_RDWR)
		for fd in going:
		    os.write(fd, request)
		    reply = os.read(fd, 65536)
		    assert reply.startswith(BEGIN)
		# these have their answers: there is room for as many again
		more = [os.open(M + '/enroll', os.O_RDWR) for _ in range(64)]
		fails(errno.ENOSPC, os.open, M + '/enroll', os.O_RDWR)
		for fd in going[:3]:
		    fails(errno.ENOSPC, os.write, fd, request)
		    # nothing has begun: the reply is still there
		    os.write(fd, b'\n')
		    assert os.pread(fd, 65536, len(request)) == reply
		os.write(more[0], request)
		os.write(going[0], request)
		assert os.read(going[0], 65536) == reply
		# begun, and not complete: it holds its place
		os.write(going[1], request[:100])
		fails(errno.ENOSPC, os.write, going[2], request)
		os.close(going[1])
	PY
	is "$K/uses" 1
}

@test "drafts, certificates and values are no conversations" {
	machines a b
	mkdir "$M/certs/moved"
	outside_ca > outside.txt
	talk <<-'PY'
		fd = os.open(K + '/enroll.d/a.csr', os.O_RDWR | os.O_CREAT, 0o644)
		os.write(fd, text('a.csr'))
		assert os.read(fd, 65536) == chain('a')
		fails(errno.EINVAL, os.write, fd, text('b.csr'))
		os.close(fd)
		fd = os.open(M + '/certs/moved/import', os.O_RDWR)
		os.write(fd, text('outside.txt'))
		assert os.read(fd, 65536) == b''
		fails(errno.EINVAL, os.write, fd, text('outside.txt'))
		assert uses() == 1
	PY
}

@test "a change of owner or mode counts at once, whatever the kernel has cached" {
	machines a
	chmod 777 "$K"
	talk <<-'PY'
		path = K + '/enroll'
		numbers, before = [], None
		def changes(*change):
		    # each has another inode number, since the ones before stay open
		    global before
		    numbers.extend((os.open(path, os.O_PATH), os.open(path, os.O_RDWR)))
		    os.chmod(*change)
		    modes = {os.fstat(fd).st_mode for fd in numbers}
		    assert modes == {os.stat(path).st_mode} != before, modes
		    before = modes
		for i in range(25):
		    # of the directory, which the file follows
		    changes(K, 0o750 if i % 2 else 0o770)
		for mode in 0o600, 0o660, 0o640:
		    changes(path, mode)
		os.chown(path, 65534, 65534)
		held = os.open(path, os.O_PATH)
		os.chown(path, 0, 0)
		os.setgroups([])
		os.setresgid(65534, 65534, 65534)
		os.setresuid(65534, 65534, 65534)
		fails(errno.EACCES, os.open, f'/proc/self/fd/{held}', os.O_RDWR)
	PY
}
