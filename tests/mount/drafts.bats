#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that write a temporary file and rename it over: editors, sed -i, rsync, Ansible.

load helper

# try NAME EXPECTED COMMAND...: the client leaves this limit, and nothing beside it.
try() {
	local name=$1 want=$2
	shift 2
	"$@" > out 2>&1 < /dev/null || { cat out; echo "$name failed"; return 1; }
	is "$K/max_uses" "$want" || { cat out; return 1; }
	[ "$(ls -A "$K" | wc -l)" = 20 ] || { ls -A "$K"; return 1; }
	printf '%-28s ok\n' "$name"
}

# fails NAME TEXT COMMAND...: the client fails with this text, and the limit stays 5.
fails() {
	local name=$1 want=$2
	shift 2
	echo 5 > "$K/max_uses"
	refused "$want" "$@"
	is "$K/max_uses" 5
	[ "$(ls -A "$K" | wc -l)" = 20 ] || { ls -A "$K"; return 1; }
	printf '%-28s refused, value kept\n' "$name"
}

@test "every client's edit is stored" {
	echo 5 > "$K/max_uses"
	ls -l --time-style=full-iso -d "$K" > before
	try 'sed -i' 6 sed -i s/5/6/ "$K/max_uses"
	try 'busybox sed -i' 7 busybox sed -i s/6/7/ "$K/max_uses"
	try 'perl -i' 8 perl -i -pe s/7/8/ "$K/max_uses"
	echo 9 > file
	try cp 9 cp file "$K/max_uses"
	echo 10 > file
	try 'cp -p' 10 cp -p file "$K/max_uses"
	echo 11 > file
	try install 11 install -m 644 file "$K/max_uses"
	mkdir from
	echo 12 > from/max_uses
	touch -d "1 hour ago" from/max_uses # rsync looks at size and second first
	try 'rsync' 12 rsync from/max_uses "$K/"
	echo 13 > from/max_uses
	touch -d "13 hours ago" from/max_uses
	try 'rsync -a' 13 rsync -a from/ "$K/"
	echo 14 > from/max_uses
	touch -d "14 hours ago" from/max_uses
	try 'rsync --inplace' 14 rsync --inplace from/max_uses "$K/"
	try 'tee -a' 15 bash -c "echo 15 | tee -a $K/max_uses"
	try 'truncate, then echo' 16 bash -c "truncate -s 0 $K/max_uses; echo 16 > $K/max_uses"
	echo 17 > file
	try 'busybox cp' 17 busybox cp file "$K/max_uses"
	try 'bash >|, noclobber' 18 bash -c "set -C; echo 18 >| $K/max_uses"
	try dash 19 dash -c "echo 19 > $K/max_uses"
	try zsh 20 zsh -c "echo 20 >| $K/max_uses"
	try 'vim' 21 vim -u NONE -N -es -c 's/20/21/' -c wq "$K/max_uses"
	try 'vim, backup' 22 vim -u NONE -N -es -c 'set backup writebackup backupcopy=auto' -c 's/21/22/' -c wq "$K/max_uses"
	try 'vim, swap file' 23 vim -u NONE -N -es -c 'set directory=. swapfile' -c 'edit' -c 's/22/23/' -c wq "$K/max_uses"
	try 'python tempfile + replace' 24 python3 -c "
import os, tempfile
fd, name = tempfile.mkstemp(dir='$K')
os.write(fd, b'24\n')
os.close(fd)
os.replace(name, '$K/max_uses')"
	# no temporary file has touched the directory's times
	ls -l --time-style=full-iso -d "$K" | diff before -
}

@test "nano's edit is stored" {
	needs terminals
	echo 24 > "$K/max_uses"
	try nano 25 python3 -c "
import os, pty, select, sys, time
pid, fd = pty.fork()
if not pid:
    os.environ['TERM'] = 'xterm'
    os.execlp('nano', 'nano', '-I', '$K/max_uses')
def until(text):
    seen = b''
    while text not in seen:
        assert select.select([fd], [], [], 20)[0], seen
        seen += os.read(fd, 4096)
until(b'24')
os.write(fd, b'\x0b25\n\x0f')
until(b'File Name to Write')
os.write(fd, b'\r')
until(b'Wrote')
os.write(fd, b'\x18')
while True:
    try:
        if not os.read(fd, 4096):
            break
    except OSError:
        break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
}

@test "a refused value fails the client and stays what it was" {
	fails 'sed -i' 'Invalid argument' sed -i s/5/five/ "$K/max_uses"
	fails 'perl -i' 'Invalid argument' perl -i -pe s/5/five/ "$K/max_uses"
	echo five > file
	fails 'cp' 'Invalid argument' cp file "$K/max_uses"
	mkdir from
	cp file from/max_uses
	fails rsync 'Invalid argument' rsync from/max_uses "$K/"
	fails python 'Invalid argument' python3 -c "
import os, tempfile
fd, name = tempfile.mkstemp(dir='$K')
try:
    os.write(fd, b'five\n')
    os.replace(name, '$K/max_uses')
finally:
    os.unlink(name)"
	fails 'vim' '' vim -u NONE -N -es -c 's/5/five/' -c 'wq' -c 'cquit' "$K/max_uses"
	fails 'over a read-only file' 'Operation not permitted' sed -i s/0/1/ "$K/uses"
	is "$K/uses" 0
}

@test "what looks like a temporary file is one; everything else is a typo" {
	python3 - "$K" <<'PY'
import errno, os, sys, tempfile
key = sys.argv[1]
def create(name, flags=os.O_WRONLY | os.O_EXCL, mode=0o644):
    return os.open(os.path.join(key, name), os.O_CREAT | flags, mode)
def refused(error, f, *args, **more):
    try:
        f(*args, **more)
    except OSError as e:
        assert e.errno == error, e
    else:
        raise AssertionError('not refused')
for name in ('.x', 'x~', '4913'):
    os.close(create(name))
    refused(errno.EEXIST, create, name)
os.close(create('tmpAbC', os.O_RDWR | os.O_EXCL, 0o600))
refused(errno.EPERM, create, 'max_use')
refused(errno.EPERM, create, '.y', os.O_WRONLY)
refused(errno.EPERM, create, 'tmpAbC2', os.O_RDWR | os.O_EXCL, 0o644)
# not listed, but there
assert not set(os.listdir(key)) & {'.x', 'x~', '4913', 'tmpAbC'}
st = os.stat(key + '/.x')
assert st.st_size == 0 and st.st_mode & 0o777 == 0o640
os.chmod(key + '/.x', 0o600); os.utime(key + '/.x', (1, 2)); os.chown(key + '/.x', 5, 6)
st = os.stat(key + '/.x')
assert (st.st_mode & 0o777, st.st_mtime, st.st_uid, st.st_gid) == (0o600, 2, 5, 6)
with open(key + '/.x', 'r+b') as f:
    f.write(b'a' * 65536); f.flush()
    refused(errno.EFBIG, f.raw.write, b'b')
    assert os.fstat(f.fileno()).st_size == 65536
    f.truncate(3)
    f.seek(0)
    assert f.read() == b'aaa'
    # unlinked, it goes on for who has it open
    os.unlink(key + '/.x')
    refused(errno.ENOENT, os.stat, key + '/.x')
    f.seek(0)
    assert f.read() == b'aaa'
for name in ('max_use', 'keys', 'uses', 'id'):
    refused(errno.EPERM, os.rename, key + '/x~', key + '/' + name)
os.rename(key + '/x~', key + '/.w')
os.unlink(key + '/.w'); os.unlink(key + '/4913'); os.unlink(key + '/tmpAbC')
# at most 64 in a directory
names = ['.n%d' % i for i in range(64)]
for name in names:
    os.close(create(name))
refused(errno.ENOSPC, create, '.one-more')
for name in names:
    os.unlink(os.path.join(key, name))
os.close(create('.one-more'))
# none where nothing could be replaced
refused(errno.EPERM, os.open, os.path.dirname(key) + '/.x', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
PY
}

@test "a signing certificate is not picked by a rename either" {
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	refused 'Permission denied' setpriv --reuid=2001 --regid=2001 --groups=3001 \
		sed -i s/connector/service_edge/ "$K/signing_cert"
	is "$K/signing_cert" connector
	setpriv --reuid=2001 --regid=2001 --groups=3001 sed -i s/1/3/ "$K/max_uses"
	is "$K/max_uses" 3
	sed -i s/connector/service_edge/ "$K/signing_cert"
	is "$K/signing_cert" service_edge
}

@test "a draft is never for others, whatever is asked for" {
	chgrp 3001 "$M/certs/root" "$K" "$K/enroll.d"
	chmod 777 "$K" "$K/enroll.d"
	openssl genpkey -algorithm ed25519 -out ca.pem
	chmod 666 ca.pem
	(set -C; umask 0; cat ca.pem > "$M/certs/root/.ca.pem"; cat ca.pem > "$K/.ca.pem")
	[ "$(stat -c '%a %u:%g' "$M/certs/root/.ca.pem")" = '640 0:3001' ]
	[ "$(stat -c '%a %u:%g' "$K/.ca.pem")" = '660 0:3001' ]
	(set -C; umask 077; cat ca.pem > "$K/.mine")
	[ "$(stat -c %a "$K/.mine")" = 600 ]
	(set -C; umask 0; cat ca.pem > "$K/enroll.d/.drop")
	[ "$(stat -c '%a %u:%g' "$K/enroll.d/.drop")" = '660 0:3001' ]
	for f in "$K/.ca.pem" "$K/enroll.d/.drop"; do
		chmod 6777 "$f"
		[ "$(stat -c %a "$f")" = 770 ]
		refused 'Permission denied' setpriv --reuid=2002 --regid=2002 --clear-groups cat "$f"
	done
	# by rsync and cp -p, which set the mode of the file that they copy
	python3 - "$K/.by-others" <<'PY'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
os.fchmod(fd, 0o777)
assert os.fstat(fd).st_mode & 0o7777 == 0o770
os.fchown(fd, 2001, -1)
os.seteuid(2002)
try:
    os.fchmod(fd, 0o700)
except OSError as e:
    assert e.errno == errno.EPERM
else:
    raise AssertionError('another user has changed it')
PY
}
