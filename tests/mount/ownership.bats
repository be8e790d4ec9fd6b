#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# chmod, chown, chgrp: kept, enforced, and seen at once.

load helper

# Members of the group netops (3001) and of none that matters.
netops() { setpriv --reuid=2001 --regid=2001 --groups=3001 "$@"; }
other() { setpriv --reuid=2002 --regid=2002 --groups=3002 "$@"; }
mode() { stat -c '%a %u:%g' "$1"; }

delegate() {
	chgrp -R 3001 "$1"
	chmod -R g+rwX "$1"
}

@test "what is set is kept, also over a remount" {
	chmod 750 "$K"
	chown 2001:3001 "$K"
	[ "$(mode "$K")" = '750 2001:3001' ]
	[ "$(mode "$K/max_uses")" = '640 2001:3001' ]
	[ "$(mode "$K/.key")" = '400 2001:3001' ]
	chmod 600 "$K/uses"
	chown 2002 "$K/state"
	chmod 700 "$G/keys"
	chmod 711 "$M/app_connector" "$M"
	stop
	start
	[ "$(mode "$K")" = '750 2001:3001' ]
	[ "$(mode "$K/uses")" = '600 2001:3001' ]
	[ "$(mode "$K/state")" = '440 2002:3001' ]
	[ "$(mode "$G/keys")" = '700 0:0' ]
	[ "$(mode "$M/app_connector")" = '711 0:0' ]
	[ "$(mode "$M")" = '711 0:0' ]
	# what was set stays when the directory changes; what was set back follows again
	chmod 770 "$K"
	[ "$(mode "$K/uses")" = '600 2001:3001' ]
	chmod 440 "$K/uses"
	chmod 755 "$K"
	[ "$(mode "$K/uses")" = '444 2001:3001' ]
	stop
	[ "$(sql 'SELECT count(*) FROM file_owner')" = 2 ]
	start
	rm -r "$K"
	stop
	[ "$(sql 'SELECT count(*) FROM file_owner')" = 1 ]
}

@test "a group handed to netops is theirs to run, and nothing else is" {
	mkdir "$M/app_connector/munich" "$M/app_connector/munich/keys/k"
	delegate "$G"
	# make, edit, copy, enrol, rename, delete
	netops mkdir "$G/keys/new"
	[ "$(mode "$G/keys/new")" = '775 2001:3001' ]
	netops bash -c "echo 5 > $G/keys/new/max_uses; echo 6 > $K/max_uses; echo text > $G/description"
	is "$K/max_uses" 6
	netops cat "$K/key" > my.key
	netops cat "$G/keys/new/key" > /dev/null
	csr web1
	netops cp web1.csr "$K/enroll"
	is "$G/members/web1/enrolled_by" 2001
	netops bash -c "echo Rack > $G/members/web1/description"
	netops mv "$G/keys/new" "$G/keys/newer"
	netops rm -r "$G/keys/newer" "$G/members/web1"
	# another CA they cannot pick, whatever the modes say
	[ "$(stat -c %A "$K/signing_cert" | cut -c6)" = w ]
	refused 'Permission denied' netops bash -c "echo service_edge > $K/signing_cert"
	refused 'Permission denied' netops bash -c "echo service_edge > $G/signing_cert"
	is "$K/signing_cert" connector
	# nowhere else
	for d in "$M/app_connector/munich" "$M/app_connector/munich/keys/k" "$M/certs/root"; do
		refused 'Permission denied' netops bash -c "echo 0 > $d/enabled"
		refused 'ermi' netops rm -r "$d"
	done
	refused 'Permission denied' netops cat "$M/app_connector/munich/keys/k/key"
	refused 'Permission denied' netops cp web1.csr "$M/app_connector/munich/keys/k/enroll"
	refused 'Permission denied' netops mkdir "$M/app_connector/mine"
	refused 'Permission denied' netops mkdir "$M/app_connector/munich/keys/mine"
	refused 'Permission denied' netops mv "$G" "$M/app_connector/mine"
	refused 'Operation not permitted' netops chmod 777 "$M/app_connector/munich"
	refused 'Operation not permitted' netops chgrp 3001 "$M/app_connector/munich"
}

@test "two teams do not reach each other: every operation, both ways" {
	mkdir "$M/app_connector/a" "$M/app_connector/b"
	for t in a b; do
		mkdir "$M/app_connector/$t/keys/k"
		csr m$t
		enroll_here m$t.csr "$M/app_connector/$t/keys/k/enroll" > /dev/null
	done
	chgrp -R 3001 "$M/app_connector/a"
	chgrp -R 3002 "$M/app_connector/b"
	chmod -R u=rwX,g=rwX,o= "$M/app_connector/a" "$M/app_connector/b"
	csr x
	chmod 644 x.csr
	for pair in 'netops a ma b mb' 'other b mb a ma'; do
		set -- $pair
		own=$M/app_connector/$2 theirs=$M/app_connector/$4
		$1 ls "$own" "$own/keys/k" "$own/members/$3" > /dev/null
		$1 cat "$own/members/$3/cert.pem" "$own/keys/k/uses" > /dev/null
		$1 bash -c "echo +5 > $own/keys/k/max_uses"
		$1 cat "$own/keys/k/key" > /dev/null
		refused 'Permission denied' $1 ls "$theirs"
		for d in "$theirs" "$theirs/keys" "$theirs/keys/k" "$theirs/members" "$theirs/members/$5"; do
			refused 'Permission denied' $1 ls "$d/"
			refused 'Permission denied' $1 mkdir "$d/new"
			refused 'ermi' $1 rmdir "$d"
			refused 'ermi' $1 rm -r "$d"
			refused 'ermi' $1 mv "$d" "$d-x"
			refused 'erm' $1 chmod 777 "$d"
			refused 'erm' $1 chgrp 3001 "$d"
		done
		for f in description enabled signing_cert keys/k/max_uses keys/k/enabled keys/k/expires \
			keys/k/exportable keys/k/description keys/k/enroll keys/k/managed keys/k/signing_cert \
			keys/k/enroll.d/new.csr members/$5/description; do
			refused 'Permission denied' $1 bash -c "echo 1 > $theirs/$f"
			refused 'Permission denied' $1 cat "$theirs/$f"
			refused 'Permission denied' $1 rm -f "$theirs/$f"
			refused 'Permission denied' $1 sed -i s/1/2/ "$theirs/$f"
			refused 'erm' $1 chmod 666 "$theirs/$f"
			refused 'erm' $1 chgrp 3001 "$theirs/$f"
		done
		refused 'Permission denied' $1 cat "$theirs/keys/k/key"
		refused 'Permission denied' $1 cat "$theirs/keys/k/.key"
		refused 'Permission denied' $1 cat "$theirs/members/$5/cert.pem"
		refused 'Permission denied' $1 cp x.csr "$theirs/keys/k/enroll"
		refused 'Permission denied' $1 cp x.csr "$theirs/keys/k/enroll.d/x.csr"
		refused 'Permission denied' $1 cat "$theirs/keys/k/enroll.d/$5.crt"
		refused 'Permission denied' $1 ls "$theirs/keys/k/enroll.d"
		refused 'Permission denied' $1 bash -c "set -C; echo 1 > $theirs/keys/k/.draft"
	done
	[ ! -e "$M/app_connector/a/members/x" ]
}

@test "new objects: the caller's, the parent's group, the mode cut to the parent's" {
	chgrp 3001 "$G" "$G/keys"
	chmod 2770 "$G"
	mkdir "$G/keys/by-root"
	[ "$(mode "$G/keys/by-root")" = '770 0:3001' ]
	netops mkdir "$G/keys/theirs"
	[ "$(mode "$G/keys/theirs")" = '770 2001:3001' ]
	netops mkdir -m 700 "$G/keys/private"
	[ "$(mode "$G/keys/private")" = '700 2001:3001' ]
	(umask 077 && netops mkdir "$G/keys/umask")
	[ "$(mode "$G/keys/umask")" = '770 2001:3001' ]
	netops chmod 750 "$G/keys/theirs"
	[ "$(mode "$G/keys/theirs")" = '750 2001:3001' ]
	csr web1
	enroll_here web1.csr "$G/keys/theirs/enroll" > /dev/null
	[ "$(mode "$G/members/web1")" = '770 0:3001' ]
}

@test "a change is seen at once by another process: 300 times each" {
	seq 300 | xargs -P 4 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout /dev/null -subj /CN=c{} -out n{}.csr 2> /dev/null
	python3 - "$G" "$K" <<'PY'
import os, subprocess, sys
group, key = sys.argv[1:]
# another process that looks, so that nothing of ours is in the way
looker = subprocess.Popen([sys.executable, '-c', '''
import os, sys
for line in sys.stdin:
    try:
        st = os.lstat(line.rstrip("\\n"))
        print(oct(st.st_mode & 0o7777), st.st_gid, st.st_size, flush=True)
    except OSError as e:
        print(e.errno, flush=True)
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

def look(path):
    looker.stdin.write(path + '\n')
    looker.stdin.flush()
    return looker.stdout.readline().split()

stale = 0
for i in range(300):
    look(key + '/max_uses'), look(key + '/enabled'), look(group + '/keys'), look(key + '/.key')
    os.chmod(key, 0o770 if i % 2 else 0o755)
    stale += look(key + '/max_uses')[0] != ('0o660' if i % 2 else '0o644')
    stale += look(key + '/.key')[0] != ('0o440' if i % 2 else '0o400')
    os.chown(key, -1, 3001 + i % 2)
    stale += look(key + '/enabled')[1] != str(3001 + i % 2)
    os.chmod(group, 0o770 if i % 2 else 0o755)
    stale += look(group + '/keys')[0] != ('0o770' if i % 2 else '0o755')
    name = key + '-x'
    os.rename(key, name)
    stale += look(key) != ['2']
    stale += len(look(name)) != 3
    os.rename(name, key)
    open(key + '/max_uses', 'w').write('9' * (1 + i % 9) + '\n')
    stale += look(key + '/max_uses')[2] != str(2 + i % 9)
    stale += look(key + '/remaining')[2] != str(2 + i % 9)
assert not stale, stale
for i in range(300):
    k = '%s/keys/e%d' % (group, i)
    os.mkdir(k)
    assert len(look(k + '/key')) == 3
    open(k + '/exportable', 'w').write('0\n')
    stale += look(k + '/key') != ['2']
    os.rmdir(k)
assert not stale, stale
open(key + '/max_uses', 'w').write('max\n')
for i in range(300):
    with open(key + '/enroll', 'wb', buffering=0) as f:
        f.write(open('n%d.csr' % (i + 1), 'rb').read())
    stale += look(key + '/uses')[2] != str(len(str(i + 1)) + 1)
    stale += len(look(group + '/members/c%d' % (i + 1))) != 3
    stale += len(look(key + '/enroll.d/c%d.crt' % (i + 1))) != 3
assert not stale, stale
looker.stdin.close()
looker.wait()
PY
}

@test "the mount's root has an owner, and that owner picks signing certificates" {
	chown 2001 "$M"
	delegate "$G"
	netops bash -c "echo service_edge > $K/signing_cert"
	is "$K/signing_cert" service_edge
	[ "$(stat -c %u "$M/app_connector")" = 0 ]
}

@test "a managed object is read-only, and goes on working" {
	echo max > "$K/max_uses"
	for d in "$K" "$M/certs/service_edge"; do
		echo 1 > "$d/managed"
		is "$d/managed" 1
		sh_refused 'Operation not permitted' "echo 0 > $d/enabled"
		refused 'Operation not permitted' mv "$d" "$d-x"
		refused 'Operation not permitted' rmdir "$d"
		refused 'Operation not permitted' rm -r "$d"
		refused 'Operation not permitted' rm "$d/enabled"
		refused 'Operation not permitted' chmod 700 "$d"
		refused 'Operation not permitted' chmod 600 "$d/enabled"
		refused 'Operation not permitted' chown 2001 "$d/state"
		[ "$(ls "$d" | grep -c enabled)" = 1 ]
	done
	refused 'Operation not permitted' rm -r "$G"
	sh_refused 'Operation not permitted' "echo 5 > $K/max_uses"
	sh_refused 'Operation not permitted' "echo service_edge > $K/signing_cert"
	is "$K/max_uses" max
	cat "$K/key" > /dev/null
	is "$K/copies" 1
	csr web1
	enroll_here web1.csr > /dev/null
	is "$K/uses" 1
	# by the owner of the mount's root only
	chown 2001 "$G"
	refused 'Permission denied' netops bash -c "echo 0 > $K/managed"
	sh_refused 'Invalid argument' "echo 2 > $K/managed"
	stop
	start
	is "$K/managed" 1
	echo 0 > "$K/managed"
	echo 5 > "$K/max_uses"
	rm -r "$K"
}

@test "no way round a file's mode: hiding and making again, renaming over" {
	delegate "$G"
	chmod 400 "$K/.key"
	chmod 444 "$K/max_uses"
	chmod 600 "$K/enroll" "$K/enabled"
	chown root:root "$K/max_uses" "$K/enabled"
	refused 'Permission denied' netops cat "$K/.key"
	refused 'Permission denied' netops /usr/bin/python3 -c "
import os
os.unlink('$K/.key')
print(os.read(os.open('$K/.key', os.O_RDONLY | os.O_CREAT), 200))"
	for f in max_uses enabled; do
		refused 'Permission denied' netops bash -c "rm -f $K/$f && echo 9 > $K/$f"
		refused 'Permission denied' netops bash -c "rm -f $K/$f && echo 9 >> $K/$f"
	done
	refused 'Permission denied' netops /usr/bin/python3 -c "
import os
os.unlink('$K/enroll')
os.open('$K/enroll', os.O_RDWR | os.O_CREAT)"
	back() { [ -e "$K/max_uses" ] && [ -e "$K/enabled" ]; }
	wait_until back
	refused 'Permission denied' netops sed -i s/1/77/ "$K/max_uses"
	is "$K/max_uses" 1
	# what is his own directory's file he may write so
	netops bash -c "rm $K/description && echo mine > $K/description"
	is "$K/description" mine
	# hiding is for who may delete
	chmod 755 "$G/keys"
	refused 'Permission denied' netops rm -f "$K/managed"
	[ -e "$K/managed" ]
}

@test "temporary files are nobody else's" {
	python3 -c "
import os
fd = os.open('$K/.x', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
os.write(fd, b'5\n')"
	[ "$(mode "$K/.x")" = '640 0:0' ]
	refused 'Permission denied' other bash -c "echo 999999 > $K/.x"
	printf '7\n' > "$K/.x"
	mv "$K/.x" "$K/max_uses"
	is "$K/max_uses" 7
	# opened again, it is emptied first
	python3 -c "
import os
open('$K/.y', 'x').write('100\n')
open('$K/.y', 'w').write('5')
os.rename('$K/.y', '$K/max_uses')"
	is "$K/max_uses" 5
}

@test "what keys/ itself was given is inherited below it" {
	chgrp 3001 "$G/keys"
	chmod 2770 "$G/keys"
	mkdir "$G/keys/a"
	[ "$(mode "$G/keys/a")" = '770 0:3001' ]
}

@test "a former owner changes nothing any more, by path or by an open descriptor" {
	python3 - "$G" "$K" <<'PY'
import errno, os, stat, subprocess, sys
group, key = sys.argv[1:]
files = ['.key', 'enroll', 'max_uses', 'id', 'enroll.d', '']
paths = [os.path.join(key, f) for f in files] + [group + '/keys']

def as_user(uid, f, *args):
    os.seteuid(uid)
    try:
        f(*args)
        return 0
    except OSError as e:
        return e.errno
    finally:
        os.seteuid(0)

def look():
    return [(s.st_uid, stat.S_IMODE(s.st_mode)) for s in map(os.lstat, paths)]

subprocess.run(['chown', '-R', '2001', group], check=True)
os.seteuid(2001)
opened = [os.open(p, os.O_RDONLY) for p in paths]
for p in paths:  # the kernel knows its owner
    os.chmod(p, os.lstat(p).st_mode)
os.seteuid(0)
subprocess.run(['chown', '-R', '2002', group], check=True)
for fd, path in zip(opened, paths):
    assert as_user(2001, os.fchmod, fd, 0o666) == errno.EPERM, path
    assert as_user(2001, os.fchown, fd, -1, os.getgid()) == errno.EPERM, path
    assert as_user(2001, os.chmod, path, 0o666) == errno.EPERM, path
assert {uid for uid, mode in look()} == {2002}, look()
assert 0o666 not in {mode for uid, mode in look()}, look()
# the new owner may at once, also of what follows the directory and has been looked at before
key = group + '/keys/two'
os.mkdir(key)
os.chown(key, 2002, -1)
paths = [os.path.join(key, f) for f in files]
for owner in (2003, 2004):
    followed = look()
    os.chown(key, owner, -1)
    for (_, mode), path in list(zip(followed, paths))[:5]:
        assert as_user(owner, os.chmod, path, 0o600) == 0, (owner, path)
        assert as_user(owner - 1, os.chmod, path, 0o666) == errno.EPERM, (owner, path)
        os.chmod(path, mode)  # and follows again
    assert {uid for uid, mode in look()} == {owner}
PY
	grep -q '"action":"chown","object":"app_connector/berlin/keys/auto/.key","result":"EPERM","reason":"only root and its owner' "$M/log"
}

@test "set-user-ID goes when somebody else truncates the file, or it is given away" {
	delegate "$G"
	chmod 6775 "$K/description"
	netops truncate -s 0 "$K/description"
	[ "$(mode "$K/description")" = '775 0:3001' ]
	chmod 4755 "$K/uses"
	chown 2001:3002 "$K/uses"
	[ "$(mode "$K/uses")" = '755 2001:3002' ]
}

@test "chown and chmod at the same time: both count, 60 times each" {
	python3 - "$G" "$K" <<'PY'
import os, stat, sys, threading
group, key = sys.argv[1:]

def race(path, i):
    start = threading.Barrier(2)
    mode, gid = (0o640, 0o600)[i % 2], 3001 + i % 2
    def chmod():
        start.wait()
        os.chmod(path, mode)
    other = threading.Thread(target=chmod)
    other.start()
    start.wait()
    os.chown(path, 2001 + i % 3, gid)
    other.join()
    st = os.lstat(path)
    return (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 2001 + i % 3, gid)

open(key + '/.draft', 'x').close()
for path in [key + '/' + f for f in ('enroll', '.key', 'max_uses', 'uses', 'enroll.d', '.draft', '')] + [
        group, group + '/keys']:
    lost = sum(not race(path, i) for i in range(60))
    assert not lost, (path, lost)
PY
}

@test "what no listing shows follows a change of its whole tree" {
	chown 2001:3001 "$K/.key"
	chmod 440 "$K/.key"
	chown 2001:3001 "$M/certs/root/index.txt.attr"
	[ "$(mode "$K/.key")" = '440 2001:3001' ]
	chown -R 2002:3002 "$K" "$M/certs/root"
	[ "$(mode "$K/.key")" = '400 2002:3002' ]
	[ "$(stat -c %u:%g "$M/certs/root/index.txt.attr")" = 2002:3002 ]
	chmod 444 "$K/.key"
	chmod -R g+rwX "$K"
	[ "$(mode "$K/.key")" = '440 2002:3002' ]
	# also where the directory is that already
	chown 2001 "$K/.key"
	chown -R 2002 "$K"
	[ "$(mode "$K/.key")" = '440 2002:3002' ]
	# and what a listing shows stays what it was given
	chown 2001 "$K/uses"
	chmod 775 "$K"
	[ "$(stat -c %u "$K/uses")" = 2001 ]
	stop
	check_store
	[ "$(sql 'SELECT count(*) FROM file_owner WHERE kind = 3 AND (ino >> 48 & 255) = 2')" = 0 ]
}

# newer NAME...: of the group, exactly these have a ctime later than `since`.
newer() {
	(cd "$G" && find . -cnewer "$T/since") | sort > newer
	printf '%s\n' "$@" | sed '/^$/d' | sort | diff - newer
}
# Now, or the latest ctime: what a file shows may be ahead of the clock.
since() {
	touch -d "@$( (date +%s.%N; find "$G" -printf '%C@\n') | sort -n | tail -n 1)" "$T/since"
}

@test "ctime moves with mode, owner and name, and with nothing else" {
	since
	newer
	chmod 640 "$K/max_uses"
	chown 2001 "$K/enroll"
	newer ./keys/auto/max_uses ./keys/auto/enroll
	stop
	start
	newer ./keys/auto/max_uses ./keys/auto/enroll
	since
	chmod 640 "$K/max_uses"
	chown 2001 "$K/enroll"
	chgrp 0 "$G"
	touch "$K/max_uses"
	newer
	# the files that follow a directory change with it, and what does not follow does not
	ls -lR "$G" > listing
	chmod 750 "$K"
	(cd "$G" && find keys/auto ! -path '*/enroll' ! -path '*/max_uses' ! -path '*/pending' -printf './%p\n') > follow
	mapfile -t follow < follow
	newer "${follow[@]}"
	since
	ls -lR "$G" > listing
	mv "$K" "$K-2"
	K=$K-2
	find "$G" -path "$K" -cnewer since | grep -q .
	find "$G" -path "$K/uses" -cnewer since | grep -q .
	since
	chmod 600 "$K/max_uses"
	newer ./keys/auto-2/max_uses
	# also after two edits within a second, which show a later one
	echo 5 > "$K/max_uses"
	echo 6 > "$K/max_uses"
	since
	chmod 604 "$K/max_uses" "$K/uses"
	newer ./keys/auto-2/max_uses ./keys/auto-2/uses
	# a change of content is one of state
	echo 7 > "$K/max_uses"
	find "$M" -printf '%T@ %C@ %p\n' | awk '$2 < $1 {print; bad = 1} END {exit bad}'
}

@test "an incremental tar takes what was chmodded, and that alone" {
	tar --listed-incremental=snap -C "$G" -cf all.tar .
	tar --listed-incremental=snap -C "$G" -cvf none.tar . | grep -v '/$' | not grep .
	chmod 600 "$K/max_uses"
	tar --listed-incremental=snap -C "$G" -cvf one.tar . | grep -v '/$' > taken
	[ "$(cat taken)" = ./keys/auto/max_uses ]
	[ "$(tar -tvf one.tar ./keys/auto/max_uses | cut -c1-10)" = -rw------- ]
}
