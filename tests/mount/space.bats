#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What stat and statfs say of space, and how long names may be.

load helper

used() { df --output=iused "$M" | tail -n 1 | tr -d ' '; }
listed() { find "$M" | wc -l; }

@test "a file takes the blocks that its size needs" {
	csr web1
	enroll_here web1.csr > /dev/null
	python3 - "$M" "$K" <<'PY'
import os, sys
mount, key = sys.argv[1:]
draft = os.open(key + '/.draft', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
os.write(draft, b'x' * 513)
paths = [os.path.join(d, f) for d, dirs, files in os.walk(mount) for f in dirs + files]
paths += [mount, key + '/.key', key + '/.draft']
for path in paths:
    st = os.lstat(path)
    assert st.st_blocks == (st.st_size + 511) // 512, (path, st)
assert os.fstat(draft).st_blocks == 2
with open(mount + '/log') as f:
    os.mkdir(key + '-2')
    st = os.fstat(f.fileno())
    assert st.st_blocks == (st.st_size + 511) // 512, st
PY
	[ "$(ls -s "$K/max_uses" | cut -d' ' -f1)" = 1 ]
	[ "$(du -k "$M/certs/root/cert.pem" | cut -f1)" -ge 1 ]
	[ "$(du -sk "$M/export" | cut -f1)" -ge 5 ]
}

@test "copies by tools that keep holes are whole, and one restores" {
	csr web1
	enroll_here web1.csr > /dev/null
	cp -a "$M/export" plain
	tar -cSf sparse.tar -C "$M/export" .
	mkdir tar
	tar -xf sparse.tar -C tar
	rsync -a --sparse "$M/export/" rsync
	for how in auto always; do cp -a --sparse=$how "$M/export" "cp-$how"; done
	for copy in tar rsync cp-auto cp-always; do
		diff -r plain "$copy"
	done
	stop
	mkdir new
	cp store.key new/store.key
	tool mkfs --from tar new/store
	tool fsck new/store
}

@test "statfs tells the space of the store's disk and the number of files" {
	csr web1
	enroll_here web1.csr > /dev/null
	python3 - "$M" "$T" <<'PY'
import os, sys
ours, disk = map(os.statvfs, sys.argv[1:])
for field in ('f_bsize', 'f_frsize', 'f_blocks'):
    assert getattr(ours, field) == getattr(disk, field), (field, ours, disk)
assert abs(ours.f_bavail - disk.f_bavail) * disk.f_frsize < 1 << 30, (ours, disk)
assert ours.f_blocks and ours.f_namemax == 64, ours
PY
	[ "$(used)" = "$(listed)" ]
	mkdir "$K-2" "$M/certs/other"
	[ "$(used)" = "$(listed)" ]
	echo 0 > "$K-2/exportable"
	csr web2
	enroll_here web2.csr "$K-2/enroll" > /dev/null
	[ "$(used)" = "$(listed)" ]
	# the members of a key that is gone are in no list of it
	rm -r "$K"
	[ -e "$G/members/web1" ]
	[ "$(used)" = "$(listed)" ]
	# also when the store has been moved away, and on a read-only mount
	stop
	start -o ro
	[ "$(used)" = "$(listed)" ]
	mkdir elsewhere
	mv store elsewhere
	mv store-wal store-shm elsewhere 2> /dev/null || : # a read-only mount has neither
	[ "$(df --output=size "$M" | tail -n 1)" = "$(df --output=size "$T" | tail -n 1)" ]
	mv elsewhere/* .
}

@test "names of objects have at most 64 bytes" {
	long=$(printf 'x%.0s' {1..65})
	most=$(printf 'y%.0s' {1..64})
	[ "$(getconf NAME_MAX "$M")" = 64 ]
	for d in "$M/app_connector" "$M/certs" "$G/keys" "$G/members" "$M"; do
		refused 'File name too long' mkdir "$d/$long"
		refused 'File name too long' stat "$d/$long"
		sh_refused 'File name too long' "echo > $d/$long"
	done
	refused 'File name too long' mv "$K" "$G/keys/$long"
	refused 'File name too long' mv "$G" "$M/app_connector/$long"
	sh_refused 'File name too long' "echo > $K/$long"
	refused 'File name too long' stat "$K/$(printf 'x%.0s' {1..256})"
	refused 'No such file' stat "$G/keys/$most"
	mkdir "$G/keys/$most"
	mv "$K" "$G/keys/${most/y/z}"
	K=$G/keys/${most/y/z}
	# a member of such a name, its files, and what tools write beside them
	csr machine "$most"
	cp machine.csr "$K/enroll.d/$most.csr"
	[ -s "$K/enroll.d/$most.crt" ]
	[ -d "$G/members/$most" ]
	[ -s "$M/export/certs/root.json" ]
	mv "$M/certs/service_edge" "$M/certs/$most"
	[ -s "$M/export/certs/$most.json" ]
	rsync -a machine.csr "$K/enroll.d/$most.csr"
	sed -i s/1/2/ "$K/max_uses"
	python3 - "$K" "$most" <<'PY'
import errno, os, sys
key, name = sys.argv[1:]
for draft in ('.%s.csr.AbCdEf' % name, '.' + 'x' * 254, '.ansible_tmpabcdefgh%s.csr' % name, name + '.csr~'):
    for d in (key, key + '/enroll.d'):
        os.close(os.open(d + '/' + draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(d + '/' + draft)
for bad in (name + 'y.csr', name + 'y.crt'):
    try:
        os.open(key + '/enroll.d/' + bad, os.O_CREAT | os.O_WRONLY)
    except OSError as e:
        assert e.errno == errno.ENAMETOOLONG, e
    else:
        raise AssertionError(bad)
PY
	grep -q '"action":"create".*"result":"ENAMETOOLONG","reason":"a name has at most 64 bytes"' "$M/log"
}
