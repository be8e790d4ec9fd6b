# SPDX-License-Identifier: Apache-2.0
"""Stores of a hundred thousand members and of a million."""
import json
import os
import shutil
import sqlite3
import subprocess
import time

import counts
from common import Mount, Requests, bench, figure, row, run, timed


# Members as if they had enrolled, of one that has: with keys and numbers of their own.
POPULATE = """
PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;
CREATE TEMP TABLE one AS SELECT i.*, m.grp, m.uid, m.gid, m.mode FROM issued i JOIN member m ON m.id = i.member LIMIT 1;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT (SELECT max(id) FROM member) + 1 UNION ALL SELECT i + 1 FROM n
  WHERE i < {0}) SELECT i FROM n;
INSERT INTO member (id, name, uid, gid, mode, created, modified, modified_by, grp, prov_key, enrolled_by, newest)
  SELECT i, 'n' || i, uid, gid, mode, created, created, 0, {1}, prov_key, 0, i FROM n, one;
INSERT INTO issued (id, member, prov_key, cert, first, serial, spki_hash, names, created, not_before, not_after, der, csr)
  SELECT i, i, prov_key, cert, 1, randomblob(16), randomblob(16), '2/bench/n' || i, created, not_before, not_after, der, csr
  FROM n, one;
UPDATE prov_key SET uses = uses + (SELECT count(*) FROM n) WHERE id = (SELECT prov_key FROM one);
UPDATE cert SET issued = (SELECT count(*) FROM issued WHERE id <= (SELECT max(id) / 32 * 32 FROM issued)),
  issued_until = (SELECT max(not_after) FROM issued) WHERE id = (SELECT cert FROM one);
COMMIT; PRAGMA wal_checkpoint(TRUNCATE);
"""


# In the order of store/db/columns.h.
ISSUED = 'id member prov_key cert first serial spki_hash names created not_before not_after der csr'.split()
MEMBER = 'id name uid gid mode grp prov_key created enrolled_by'.split()


def fields(row):
    return json.dumps({k: row[k].hex().upper() if isinstance(row[k], bytes) else row[k] for k in row},
                      separators=(',', ':'))


class Trail:
    """Events that enrolling would have written; their lines do not chain."""

    def __init__(self, db):
        self.db = db
        self.seq, self.ends = db.execute('SELECT seq, ends FROM event ORDER BY seq DESC LIMIT 1').fetchone()
        self.line, self.line_ends = db.execute('SELECT line, line_ends FROM event WHERE line IS NOT NULL '
                                               'ORDER BY seq DESC LIMIT 1').fetchone()

    def add(self, at, action, place, issued=None, parts=''):
        """parts: what the record has behind the line."""
        self.seq, self.line = self.seq + 1, self.line + 1
        text = '{"seq":%d,"time":"%s","uid":0,"gid":0,"pid":1,"comm":"bench","action":"%s","object":"%s",' \
            '"result":"ok","prev":"%s"}' % (self.line, time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at // 10**9)),
                                            action, place, '0' * 64)
        self.line_ends += len(text) + 1
        self.ends += len('"seq":%d,"at":%d,"log":%s%s' % (self.seq, at, text, parts))
        self.db.execute('INSERT INTO event (seq, at, ends, issued, line, line_ends, uid, gid, pid, comm, action, '
                        "object, prev) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 1, 'bench', ?, ?, zeroblob(32))",
                        (self.seq, at, self.ends, issued, self.line, self.line_ends, action, place))


def note(db, length):
    """The members' enrollments; then others until the log has this length in bytes."""
    trail = Trail(db)
    wanted = 'WHERE id > (SELECT max(issued) FROM event) ORDER BY id'
    at = 0
    for issued in db.execute('SELECT %s FROM issued %s' % (', '.join(ISSUED), wanted)).fetchall():
        issued = dict(zip(ISSUED, issued))
        member = dict(zip(MEMBER, db.execute('SELECT %s FROM member WHERE id = ?' % ', '.join(MEMBER),
                                             (issued['member'],)).fetchone()))
        at = issued['created']
        trail.add(at, 'enroll', 'app_connector/bench/members/' + member['name'], issued['id'],
                  ',"issued":%s,"member":%s' % (fields(issued), fields(member)))
    while trail.line_ends < length:
        trail.add(at, 'copy', 'app_connector/bench/keys/k0')


def populate(mount, members, log=0):
    mount.down()
    group = run('sqlite3', mount.store, "SELECT id FROM grp WHERE name = 'bench'").strip()
    subprocess.run(['sqlite3', mount.store], input=POPULATE.format(members, group), text=True, check=True,
                   stdout=subprocess.DEVNULL)
    with sqlite3.connect(mount.store) as db:
        note(db, log)
    db.close()
    mount.up()


def populated(folder, name, members, log=0):
    """A mount with so many members, a log of so many bytes or more, and the text of a key of it."""
    mount = Mount(os.path.join(folder, name))
    key = mount.key('k0')[1]
    Requests(folder, 1, name + '.first').enroll(mount, 1, 600, [key])
    populate(mount, members, log)
    return mount, key


WALKS = {'du -s': 'du -s "$1"', 'tree': 'tree "$1"', 'cat */state': 'cd "$1" && cat */state'}
CROWD = """cd "$1" && ls | xargs -n 100 -P 200 sh -c 'ls -l . && for m; do cat "$m"/*; done' - > /dev/null"""


def hundred(o, folder, requests):
    mount, key = populated(folder, 'hundred', o.listed)
    listing(o, folder, mount)
    backup(o, folder, mount, requests, key)
    logging(folder, mount, key)
    mount.down()


def listing(o, folder, mount):
    """ls -l of 100,000 members, nothing in any cache, beside tmpfs."""
    tmpfs = os.path.join(folder, 'tmpfs')
    os.mkdir(tmpfs)
    run('mount', '-t', 'tmpfs', 'tmpfs', tmpfs)
    names = os.listdir(mount.group + '/members')
    for name in names:
        os.mkdir(os.path.join(tmpfs, name))
    pairs = []
    for _ in range(o.rounds):
        mount.down()
        mount.up()
        pairs.append((timed('ls', '-l', mount.group + '/members'), timed('ls', '-l', tmpfs)))
    run('umount', tmpfs)
    row('ls -l of %d members, cold / tmpfs' % len(names), 1.5, 's', pairs, at_most=True)


def walking(o, folder):
    """Programs that look at each file of each member, just after mounting and again, beside a copy in tmpfs."""
    mount = populated(folder, 'walked', o.walked)[0]
    tmpfs = os.path.join(folder, 'tmpfs')
    os.makedirs(tmpfs, exist_ok=True)
    run('mount', '-t', 'tmpfs', 'tmpfs', tmpfs)
    members, copy = mount.group + '/members', tmpfs + '/members'
    run('cp', '-r', members, copy)
    for name, script in WALKS.items():
        cold, warm = [], []
        for _ in range((o.rounds + 1) // 2):
            mount.down()
            mount.up()
            there = timed('sh', '-c', script, '-', copy)
            cold.append((timed('sh', '-c', script, '-', members), there))
            warm.append((timed('sh', '-c', script, '-', members), timed('sh', '-c', script, '-', copy)))
        row('%s of %d members, cold / tmpfs' % (name, o.walked), 8, 's', cold, at_most=True)
        row('%s of %d members, warm / tmpfs' % (name, o.walked), 2, 's', warm, at_most=True)
    run('umount', tmpfs)
    mount.down()
    mount.up()
    crowded(o, mount, members)
    mount.down()


def crowded(o, mount, members):
    """Memory after 200 programs at the same time have listed all members and read the files of some."""
    fresh = mount.resident()
    run('sh', '-c', CROWD, '-', members)
    after = mount.resident()
    print('resident memory: %.1f MiB fresh, %.1f MiB at its peak' % (fresh, mount.resident('VmHWM')))
    figure('memory after 200 parallel readers of %d members' % o.walked, 48, 'MiB', [after])
    time.sleep(60)  # it is the daemon's idle time that is measured
    figure('memory a minute after them', 24, 'MiB', [mount.resident()])


def logging(folder, mount, key, enrollments=2000):
    """What one commit after another appends to the write-ahead log."""
    requests = Requests(folder, enrollments, 'logged')
    try:
        written, commits = counts.logged(mount.pid(), mount.store, lambda: requests.enroll(mount, 1, 600, [key]))
    except PermissionError as e:
        print('log of one enrolment: not measured: %s' % e)
        return
    assert commits >= enrollments, 'strace has seen %d commits' % commits
    written /= enrollments
    page = counts.page_size_of(mount.store) + counts.FRAME_HEADER
    figure('log of one enrolment, mean of %d' % enrollments, 10, 'pages', [written / page])
    figure('log of one enrolment, mean of %d' % enrollments, 45000, 'bytes', [written])


def backup(o, folder, mount, requests, key):
    source, copy, other = (os.path.join(folder, n) for n in ('ext4', 'copy', 'other'))
    export = mount.path + '/export/'
    run('rsync', '-a', export, copy)
    run('cp', '-a', copy, source)
    run('rsync', '-a', source + '/', other)
    pairs = [(timed('rsync', '-a', export, copy), timed('rsync', '-a', source + '/', other)) for _ in range(o.rounds)]
    row('rsync -a of the export, no change / the same files on ext4', 1.5, 's', pairs, at_most=True)
    moved = []
    for _ in range(o.rounds):
        requests.enroll(mount, 1, 0.000001, [key])
        moved.append(run('rsync', '-ai', export, copy).count('>f'))
    figure('files of the export that one enrolment moves', 3, 'files', moved)


def operations(mount, requests, key, seconds):
    """p50 of what one does with one object, in microseconds."""
    member = sorted(os.listdir(mount.group + '/members'))[0]
    member = os.path.join(mount.group, 'members', member)
    return {
        'cat state of a member': bench('read', 1, seconds, member + '/state')['p50'],
        'cat cert.pem of a member': bench('read', 1, seconds, member + '/cert.pem')['p50'],
        'stat of a member': bench('stat', 1, seconds, member)['p50'],
        'cat key': bench('read', 1, seconds, mount.group + '/keys/k0/key')['p50'],
        'echo n > max_uses': bench('write', 1, seconds, mount.group + '/keys/k1/max_uses')['p50'],
        'enrol': requests.enroll(mount, 1, seconds, [key])['p50'],
    }


def growth(o, folder, requests):
    """The same with a thousand members and with a million, in turns."""
    mounts = []
    for members in (1000, o.members):
        mount = Mount(os.path.join(folder, 'members%d' % members))
        keys = [mount.key('k%d' % i)[1] for i in range(3)]
        Requests(folder, 1, 'first').enroll(mount, 1, 600, keys[:1])
        populate(mount, members)
        mounts.append((mount, keys[2]))
    pairs = {}
    for _ in range(o.rounds):
        few, many = (operations(mount, requests, key, o.seconds / 2) for mount, key in mounts)
        for name in few:
            pairs.setdefault(name, []).append((many[name], few[name]))
    for name, values in pairs.items():
        row('%s, %d members / 1,000' % (name, o.members), 1.2, 'us', values, at_most=True)
    mount = mounts[1][0]
    subprocess.run(['ls', '-l', mount.group + '/members'], stdout=subprocess.DEVNULL, check=True)
    figure('resident memory, %d members listed' % o.members, 32, 'MiB', [mount.resident()])
    starts = []
    for _ in range(o.rounds):
        mount.down()
        starts.append(mount.up())
    figure('mount with %d members, to its first answer' % o.members, 1, 's', starts)
    for mount, _ in mounts:
        mount.down()
        shutil.rmtree(mount.folder)
