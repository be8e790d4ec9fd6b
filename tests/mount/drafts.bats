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
	[ "$(ls -A "$K" | wc -l)" = 29 ] || { ls -A "$K"; return 1; }
	printf '%-28s ok\n' "$name"
}

# fails NAME TEXT COMMAND...: the client fails with this text, and the limit stays 5.
fails() {
	local name=$1 want=$2
	shift 2
	echo 5 > "$K/max_uses"
	refused "$want" "$@"
	is "$K/max_uses" 5
	[ "$(ls -A "$K" | wc -l)" = 29 ] || { ls -A "$K"; return 1; }
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
import os, pty, re, select, sys
pid, fd = pty.fork()
if not pid:
    os.environ['TERM'] = 'xterm'
    os.execlp('nano', 'nano', '-I', '$K/max_uses')
def until(text):
    seen = b''
    while not re.search(text, seen):
        assert select.select([fd], [], [], 20)[0], seen
        seen += os.read(fd, 4096)
until(b'24')
os.write(fd, b'\x0b25\n\x0f')
until(b'File Name to Write|Write to File') # up to version 7, from version 8
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

@test "what keeps a backup first can, and the backup is a draft" {
	echo 5 > "$K/max_uses"
	ls -l --time-style=full-iso -d "$K" > before
	try 'sed -i.bak' 6 sed -i.bak s/5/6/ "$K/max_uses"
	is "$K/max_uses.bak" 5
	try 'sed -i.bak again' 7 sed -i.bak s/6/7/ "$K/max_uses"
	is "$K/max_uses.bak" 6
	try 'busybox sed -i.old' 8 busybox sed -i.old s/7/8/ "$K/max_uses"
	try 'perl -i.orig' 9 perl -i.orig -pe s/8/9/ "$K/max_uses"
	is "$K/max_uses.orig" 8
	n=9
	while read -r command; do
		n=$((n + 1))
		echo $n > file
		try "$command" $n $command file "$K/max_uses"
	done <<-'TXT'
		cp -b
		cp --backup=numbered
		cp --backup=simple --suffix=.old
		mv -b
		mv --backup=t
		install -b -m 644
		cp --remove-destination
	TXT
	mkdir from
	for option in -b '-b --suffix=.bak' '-b --inplace' "-b --backup-dir=$T/kept"; do
		n=$((n + 1))
		echo $n > from/max_uses
		touch -d "$n hours ago" from/max_uses
		try "rsync $option" $n rsync $option from/max_uses "$K/"
	done
	is "$T/kept/max_uses" 19
	try 'vim, backup by renaming' 21 vim -u NONE -N -es -c 'set backup writebackup backupcopy=no backupext=.vimbak backupskip=' -c 's/20/21/' -c wq "$K/max_uses"
	is "$K/max_uses.vimbak" 20
	try 'python fileinput' 22 python3 -c "
import fileinput
for line in fileinput.input('$K/max_uses', inplace=True, backup='.pybak'):
    print(22)"
	is "$K/max_uses.pybak" 21
	try 'link, then rename' 23 bash -c "ln $K/max_uses $K/max_uses.cf-before-edit && echo 23 > $K/max_uses.cf-after-edit && mv $K/max_uses.cf-after-edit $K/max_uses"
	is "$K/max_uses.cf-before-edit" 22
	try 'RCS: NAME,v' 24 bash -c "cp $K/max_uses $K/max_uses,v && echo 24 > $K/max_uses"
	try 'a lock file' 25 python3 -c "
import os
fd = os.open('$K/max_uses.lock', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
os.write(fd, b'25\n')
os.close(fd)
os.rename('$K/max_uses.lock', '$K/max_uses')"
	try 'Puppet' 26 python3 -c "
import os
name = '$K/max_uses20261127-5868-1xyz'
os.mkdir(name + '.lock')
fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
os.rmdir(name + '.lock')
os.write(fd, b'26\n')
os.close(fd)
os.chmod(name, 0o644)
os.rename(name, '$K/max_uses')"
	try 'Emacs' 27 python3 -c "
import os
open('$K/#max_uses#', 'x').write('27\n')
os.rename('$K/max_uses', '$K/max_uses~')
open('$K/max_uses', 'x').write('27\n')
os.unlink('$K/#max_uses#')"
	ls -l --time-style=full-iso -d "$K" | diff before -
}

# gone NAME...: no such draft in the key's directory.
gone_draft() { [ ! -e "$K/$1" ]; }

@test "cp and mv number their backups, which are gone when the directory is listed" {
	for command in 'cp --backup=numbered' 'mv --backup=t' 'install --backup=numbered' 'mv --backup=t'; do
		echo $((n += 1)) > file
		timeout 10 $command file "$K/max_uses"
		is "$K/max_uses" "$n"
	done
	is "$K/max_uses.~1~" 3
	[ "$(cd "$K" && echo max_uses*)" = max_uses ]
	[ ! -e "$K/max_uses.~1~" ]
	# other backups stay, and what is open can be read to its end
	echo 5 > file
	cp --backup=simple --suffix=.bak file "$K/max_uses"
	mv --backup=t file "$K/max_uses"
	exec 4< "$K/max_uses.~1~"
	ls "$K" > listed
	[ "$(cat <&4)" = 5 ]
	exec 4<&-
	is "$K/max_uses.bak" 4
	# where members are listed
	echo max > "$K/max_uses"
	csr a
	cp a.csr "$K/enroll.d/a.csr"
	for _ in 1 2 3; do
		cp a.csr again
		timeout 10 mv --backup=t again "$K/enroll.d/a.csr"
	done
	[ "$(cd "$K/enroll.d" && echo *)" = 'a.crt a.csr' ]
	rm -r "$K"
}

@test "a file renamed away comes back, and its backup is nothing but a copy" {
	echo 5 > "$K/max_uses"
	mv "$K/max_uses" "$K/max_uses.bak"
	[ ! -e "$K/max_uses" ]
	not grep -x max_uses <(ls "$K")
	# what is done to the copy is not done to the value
	is "$K/max_uses.bak" 5
	echo 7 > "$K/max_uses.bak"
	chmod 600 "$K/max_uses.bak"
	back() { [ -e "$K/max_uses" ]; }
	wait_until back
	is "$K/max_uses" 5
	[ "$(stat -c %a "$K/max_uses")" = 644 ]
	is "$K/max_uses.bak" 7
	# and what is done to the value is not done to the copy
	mv "$K/max_uses" "$K/max_uses.old"
	echo 9 > "$K/max_uses"
	is "$K/max_uses.old" 5
	mv "$K/max_uses.old" "$K/max_uses"
	is "$K/max_uses" 5
	gone_draft max_uses.old
	ln "$K/max_uses" "$K/max_uses.ln"
	echo 6 > "$K/max_uses"
	is "$K/max_uses.ln" 5
	refused 'File exists' ln "$K/max_uses" "$K/max_uses.ln"
	# whoever has it open goes on
	exec 7< "$K/max_uses" 8<> "$K/max_uses"
	mv "$K/max_uses" "$K/max_uses~"
	is /dev/fd/7 6 <&7
	echo 8 > "$K/max_uses"
	echo 9 >&8
	exec 7<&- 8>&-
	is "$K/max_uses" 9
	is "$K/max_uses~" 6
	# without its newline too
	printf 4 > "$K/max_uses"
	ln "$K/max_uses" "$K/max_uses.bare"
	[ "$(stat -c %s "$K/max_uses.bare")" = 1 ]
}

@test "a request that was dropped is replaced with a backup too" {
	D=$K/enroll.d
	csr web1
	csr web2
	echo 5 > "$K/max_uses"
	python3 - "$D" web1.csr <<'PY'
import os, sys
d, csr = sys.argv[1], open(sys.argv[2]).read()
name = d + '/web1.csr20261127-77-abc'
os.mkdir(name + '.lock')
os.rmdir(name + '.lock')
fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
os.write(fd, csr.encode())
os.close(fd)
os.rename(name, d + '/web1.csr')
PY
	is "$K/uses" 1
	ln "$D/web1.csr" "$D/web1.csr.ln"
	cmp web1.csr "$D/web1.csr.ln"
	mv "$D/web1.csr" "$D/web1.csr.bak"
	[ ! -e "$D/web1.csr" ]
	cmp "$G/members/web1/csr.pem" "$D/web1.csr.bak"
	mv "$D/web1.csr.bak" "$D/web1.csr"
	cmp "$G/members/web1/csr.pem" "$D/web1.csr"
	cp -b web1.csr "$D/"
	is "$K/uses" 1
	refused 'File exists' cp -b web2.csr "$D/web1.csr"
	[ "$(ls -A "$D" | tr '\n' ' ')" = 'web1.crt web1.csr ' ]
	refused 'Permission denied' mv "$D/web1.crt" "$D/web1.csr.crt.bak"
	# what ends in .csr is a request, whatever stands before
	cp web2.csr "$D/web1.csr.old.csr"
	[ -e "$D/web1.csr.old.crt" ]
	is "$K/uses" 2
}

@test "a certificate that is in use is edited by renaming its files away" {
	C=$M/certs/connector
	refused 'Device or resource busy' rm "$C/crl_days"
	sed -i.bak s/7/9/ "$C/crl_days"
	is "$C/crl_days" 9
	is "$C/crl_days.bak" 7
	perl -i.orig -pe s/9/11/ "$C/crl_days"
	is "$C/crl_days" 11
	mv "$C/enabled" "$C/enabled~"
	back() { [ -e "$C/enabled" ]; }
	wait_until back
	is "$C/enabled" 1
	is "$C/state" active
}

@test "who may keep a copy, and of what" {
	csr web1
	enroll_here web1.csr > /dev/null
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	mkdir "$G/keys/managed"
	echo 1 > "$G/keys/managed/managed"
	as() { setpriv --reuid="$1" --regid="$1" --groups="$2" "${@:3}"; }
	keeps() {
		# the kernel may have refused it already (fs.protected_hardlinks)
		case ${4-} in
		'') refused "$1" ln "$2" "$3" ;;
		*) refused '' "${@:4}" ln "$2" "$3" ;;
		esac
		refused "$1" "${@:4}" mv "$2" "$3"
		[ ! -e "$3" ]
	}
	E='Operation not permitted'
	# never a secret, a conversation, or what has no value
	for f in key .key enroll; do keeps "$E" "$K/$f" "$K/$f.bak"; done
	for f in import crl.pem; do keeps "$E" "$M/certs/root/$f" "$M/certs/root/$f.bak"; done
	for f in "$M/domain" "$M/log" "$M/enroll" "$M/tables/keys.tsv" "$M/export/store.json"; do keeps "$E" "$f" "$f.bak"; done
	keeps "$E" "$G/members/web1/renew" "$G/members/web1/renew.bak"
	# nor what cannot be written
	keeps 'Permission denied' "$K/uses" "$K/uses.bak"
	keeps 'Permission denied' "$G/members/web1/cert.pem" "$G/members/web1/cert.pem.bak"
	# nothing of what is managed
	for f in max_uses description signing_cert managed; do keeps "$E" "$G/keys/managed/$f" "$G/keys/managed/$f.bak"; done
	# what belongs to the root's owner, by nobody else
	keeps "$E" "$K/signing_cert" "$K/signing_cert.bak" as 2001 3001
	keeps "$E" "$K/managed" "$K/managed.bak" as 2001 3001
	sed -i.bak s/connector/service_edge/ "$K/signing_cert"
	is "$K/signing_cert" service_edge
	# a team edits what it may; a file of somebody's own it does not
	as 2001 3001 sed -i.bak s/1/3/ "$K/max_uses"
	is "$K/max_uses" 3
	as 2001 3001 cat "$K/max_uses.bak"
	refused 'Permission denied' as 2002 2002 cat "$K/max_uses.bak"
	chmod 600 "$K/expires"
	keeps 'Permission denied' "$K/expires" "$K/expires.bak" as 2001 3001
	chmod 640 "$K/expires"
	keeps 'Permission denied' "$K/expires" "$K/expires.bak" as 2001 3001
	keeps 'Permission denied' "$K/expires" "$K/expires.bak" as 2002 2002
	# the reason is in the log
	grep -q 'rename app_connector/berlin/keys/auto/key refused: Operation not permitted: it has no value' log
	grep -q 'link app_connector/berlin/keys/managed/max_uses refused: Operation not permitted: it is managed' log
	# another directory is none, and a typo is told
	mkdir "$G/keys/other"
	for f in "$G/keys/other/max_uses.bak" "$G/keys/other/max_uses" "$K/maxuses" "$K/max_uses2" "$K/max_use" "$K/x.bak" "$K/uses" "$K/enroll.d/max_uses.bak" "$G/max_uses.bak"; do
		refused '' ln "$K/max_uses" "$f"
		refused '' mv --no-copy "$K/max_uses" "$f" || refused '' python3 -c "import os; os.rename('$K/max_uses', '$f')"
	done
	is "$K/max_uses" 3
	refused "$E" python3 -c "import os; os.link('$K/max_uses', '$K/max_use')"
	refused "$E" python3 -c "import os; os.rename('$K/max_uses', '$K/max_use')"
	refused "$E" python3 -c "import os; os.link('$K/max_uses.bak', '$K/max_uses.bak2')"
}

@test "a draft's name, however it is made, and a directory that stays empty" {
	python3 - "$K" "$M" <<'PY'
import errno, os, sys
key, mount = sys.argv[1:]
def refused(error, f, *args):
    try:
        f(*args)
    except OSError as e:
        assert e.errno == error, (args, e)
    else:
        raise AssertionError(f'not refused: {args}')
def write(name, text):
    with open(f'{key}/{name}', 'w') as f:
        f.write(text)
good = ['max_uses.bak', 'max_uses~', 'max_uses#', 'max_uses,v', 'max_uses-old', '#max_uses#', '.max_uses.x',
        'max_uses20261127-1-x', 'expires.cf-after-edit']
listed = sorted(os.listdir(key))
for name in good:
    write(name, 'one'); write(name, 'two')
    assert open(f'{key}/{name}').read() == 'two'
    os.unlink(f'{key}/{name}')
    os.mkdir(f'{key}/{name}')
    refused(errno.EEXIST, os.mkdir, f'{key}/{name}')
    assert os.listdir(f'{key}/{name}') == []
    st, parent = os.stat(f'{key}/{name}'), os.stat(f'{key}/{name}/..')
    assert os.path.isdir(f'{key}/{name}') and parent.st_ino == os.stat(key).st_ino
    for f in (lambda: os.mkdir(f'{key}/{name}/x'), lambda: open(f'{key}/{name}/max_uses.bak', 'w'),
              lambda: open(f'{key}/{name}/.x', 'x'), lambda: os.rename(f'{key}/max_uses', f'{key}/{name}/max_uses.bak')):
        refused(errno.EPERM, f)
    refused(errno.ENOENT, os.stat, f'{key}/{name}/x')
    refused(errno.ENOTDIR, os.rename, f'{key}/{name}', f'{key}/max_uses')
    refused(errno.EPERM, os.rename, f'{key}/{name}', f'{key}/{name}.moved')
    refused(errno.EISDIR, os.unlink, f'{key}/{name}')
    os.chmod(f'{key}/{name}', 0o700)
    assert os.stat(f'{key}/{name}').st_mode == 0o40700
    os.rmdir(f'{key}/{name}')
    refused(errno.ENOENT, os.stat, f'{key}/{name}')
assert sorted(os.listdir(key)) == listed
for name in ('max_use', 'max_uses2', 'max_uses1234567', 'imprt', 'max_usesx', 'x.max_uses', 'state_', 'lock'):
    refused(errno.EPERM, write, name, 'x')
    refused(errno.EPERM, os.mkdir, f'{key}/{name}')
# only beside files that could be replaced
for path in ('/domain.bak', '/app_connector/x.bak', '/tables/keys.tsv.bak', '/export/store.json.bak', '/app_connector/berlin/keys/x~'):
    refused(errno.EPERM, lambda: open(mount + path, 'w'))
# a name that mkdir has only under the second rule
for name in ('.x', 'x~', '4913', '#x'):
    refused(errno.EPERM, os.mkdir, f'{key}/{name}')
    os.close(os.open(f'{key}/{name}', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(f'{key}/{name}')
# directories count among the 64
for i in range(32):
    os.mkdir(f'{key}/max_uses.{i}'); write(f'uses.{i}', '')
refused(errno.ENOSPC, os.mkdir, f'{key}/max_uses.more')
refused(errno.ENOSPC, write, 'max_uses.more', '')
refused(errno.ENOSPC, os.link, f'{key}/max_uses', f'{key}/max_uses.more')
refused(errno.ENOSPC, os.rename, f'{key}/max_uses', f'{key}/max_uses.more')
assert open(f'{key}/max_uses').read() == '1\n'
for i in range(32):
    os.rmdir(f'{key}/max_uses.{i}'); os.unlink(f'{key}/uses.{i}')
PY
}
