# SPDX-License-Identifier: Apache-2.0
"""One user's machine beside another user that takes all it can get, and beside as many programs that only
burn CPU time. What is written after revocations, with somebody who looks at the lists and without."""
import os
import signal
import subprocess
import sys
import time

from common import BUILD, TOP, Mount, Requests, figure, row, run
from large import populated

MEMBERS, LOG = 40000, 50000000
STRANGER, VICTIM = 65534, 7001
READ, ENROLL = 'cat max_uses', 'enroll'
STATS = 'stat of lists, with deletions'
# An administrator who removes a hundred members a second, so that lists change.
REMOVES = '''
import os, sys, time
for name in os.listdir(sys.argv[1])[1:]:
    os.rmdir(os.path.join(sys.argv[1], name))
    time.sleep(0.01)
'''


def become(uid):
    return ['setpriv', '--reuid', str(uid), '--regid', str(uid), '--clear-groups']


class Stage:
    """What a stranger may read and use of a mount."""

    def __init__(self, folder, requests, mount):
        self.mount = mount
        self.requests = requests
        self.key, self.text = self.mount.key('fair')
        os.chmod(self.text, 0o644)
        m = self.mount.path
        os.chmod(m + '/log', 0o644)
        os.chmod(m + '/tables', 0o755)
        os.chmod(m + '/tables/members.tsv', 0o644)
        os.chown(self.mount.make('service_edge/strange'), STRANGER, STRANGER)
        self.pair = self.rsa_pair(folder)

    @staticmethod
    def rsa_pair(folder):
        """Two requests of 8,192 bits, as a renewal has them."""
        pair = folder + '/pair'
        with open(pair, 'w', encoding='ascii') as f:
            for name in 'new', 'old':
                f.write(run('openssl', 'req', '-new', '-newkey', 'rsa:8192', '-nodes', '-subj', '/CN=' + name,
                            '-keyout', '%s/%s.pem' % (folder, name), stderr=subprocess.DEVNULL))
        return pair

    def greedy(self):
        """(name, how many, what greedy.py is told)"""
        m = self.mount.path
        lists = [m + '/certs/connector/index.txt', m + '/certs/connector/crl.der']
        for n in 64, 200:
            yield 'readers of log', n, ['reads', m + '/log']
            yield 'readers of members.tsv', n, ['reads', m + '/tables/members.tsv']
            yield STATS, n, ['stats'] + lists
        yield 'writers of single bytes', 64, ['bytes', m + '/enroll']
        yield 'RSA-8192 on renew', 64, ['sends', m + '/renew', self.pair]
        yield 'ls -lR', 8, ['walks', m]
        yield 'writers of drafts', 8, ['drafts', m + '/service_edge/strange']
        yield 'openers of enroll', 8, ['opens', m + '/enroll', '/dev/null']

    def victim(self, seconds):
        """Microseconds: p50 and p99 of each."""
        read = run(*become(VICTIM), BUILD + '/bench', 'read', '1', str(seconds), self.key + '/max_uses').split()
        enroll = run(*become(VICTIM), BUILD + '/bench', 'enroll', '1', str(seconds), self.requests.file,
                     str(self.requests.next), self.mount.path + '/enroll', self.text).split()
        self.requests.next += int(enroll[0]) + 1
        return {READ: (float(read[3]), float(read[4])), ENROLL: (float(enroll[3]), float(enroll[4]))}

    def beside(self, n, command, seconds, deletes=False):
        commands = [command] * n
        if deletes:
            commands.append([sys.executable, '-c', REMOVES, self.mount.group + '/members'])
        others = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True) for command in commands]
        time.sleep(1)  # all of them have begun
        result = self.victim(seconds)
        for other in others:
            os.killpg(other.pid, signal.SIGKILL)
        for other in others:
            other.wait()
        return result


def fairness(o, folder, requests):
    stage = Stage(folder, requests, populated(folder, 'fair', MEMBERS, LOG)[0])
    burn = {}
    seconds = 2 * o.seconds
    for name, n, what in stage.greedy():
        pairs = {}
        for _ in range(o.rounds):
            burn = stage.beside(n, become(STRANGER) + ['sh', '-c', 'while :; do :; done'], seconds, name == STATS)
            ours = stage.beside(n, [sys.executable, TOP + '/tests/mount/greedy.py'] + what, seconds, name == STATS)
            for operation in READ, ENROLL:
                for i, percentile in enumerate(('p50', 'p99')):
                    pairs.setdefault((operation, percentile), []).append((ours[operation][i], burn[operation][i]))
        for (operation, percentile), values in pairs.items():
            row('%s %s beside %d %s / CPU burners' % (operation, percentile, n, name), 3, 'us', values, at_most=True)
    figure('memory, peak of it all', 64, 'MiB', [stage.mount.resident('VmHWM')])
    time.sleep(60)
    figure('memory, a minute later', 32, 'MiB', [stage.mount.resident()])
    stage.mount.down()


REVOKED, DELETED = 34000, 1000
REVOKE = """
UPDATE issued SET revoked = created, reason = 'superseded' WHERE id IN
  (SELECT newest FROM member WHERE name LIKE 'n%' ORDER BY id LIMIT {0});
UPDATE cert SET revoked = (SELECT count(*) FROM issued WHERE cert = cert.id AND revoked IS NOT NULL);
"""


def many_revoked(folder, members):
    mount, _ = populated(folder, 'revoked', members)
    mount.down()
    subprocess.run(['sqlite3', mount.store], input=REVOKE.format(REVOKED), text=True, check=True)
    mount.up()
    with open(mount.path + '/certs/connector/crl.der', 'rb') as f:
        f.read()
    return mount


def written(mount):
    """MB that the daemon has written so far."""
    with open('/proc/%d/io' % mount.pid(), encoding='ascii') as f:
        return int(dict(line.split(': ') for line in f)['write_bytes']) / 1e6


def delete(mount, names, last):
    """MB that deleting these members writes, until the lists have all."""
    before = written(mount)
    for name in names:
        os.rmdir('%s/members/%s' % (mount.group, name))
    fd = os.open('%s/members/%s/revocation' % (mount.group, last), os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    return written(mount) - before


def revocations(o, folder):
    """Deleting members while thousands are revoked, beside 8 that stat the lists."""
    members = REVOKED + (2 * o.rounds + 2) * DELETED
    mount = many_revoked(folder, members)
    lists = [mount.path + '/certs/connector/' + name for name in ('index.txt', 'crl.der', 'crl.pem')]
    names = ['n%d' % i for i in range(members, REVOKED + DELETED, -1)]
    pairs, times = [], []
    for _ in range(o.rounds):
        alone = delete(mount, [names.pop() for _ in range(DELETED)], names[0])
        others = [subprocess.Popen(become(STRANGER) + [sys.executable, TOP + '/tests/mount/greedy.py', 'stats'] + lists,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(8)]
        began = time.monotonic()
        pairs.append((delete(mount, [names.pop() for _ in range(DELETED)], names[0]), alone))
        times.append(time.monotonic() - began)
        for other in others:
            other.kill()
            other.wait()
    row('written by %d deletions beside stat of lists / alone' % DELETED, 2, 'MB', pairs, at_most=True)
    figure('these deletions with stat, until the list has them', None, 's', times)
    mount.down()


STOPPED = 20000
# 100 of them, as openssl sees them.
VERIFY = """
cd "$1" && cat certs/root/cert.pem certs/connector/cert.pem > "$2" && cat certs/connector/crl.pem > "$2.crl" &&
grep -l "^k0$" app_connector/bench/members/*/provisioning_key | shuf -n 100 | while read -r file; do
  openssl verify -crl_check -CAfile "$2" -CRLfile "$2.crl" "${file%/*}/cert.pem" 2>&1
done | grep -c 'certificate revoked'
"""


def stop_key(mount, meanwhile):
    """What `meanwhile` returns beside the revocation of all that enrolled with a key, and how long that took."""
    path = mount.group + '/keys/k0/revocation'
    began = time.monotonic()
    order = subprocess.Popen(['sh', '-c', 'echo keyCompromise > "$1"', '-', path])
    result = meanwhile()
    assert order.poll() is None, 'it ended before the clients did'
    assert order.wait() == 0
    took = time.monotonic() - began
    run('sync', path)
    return result, took


def stopping(o, folder, requests):
    """Revoking a key with 20,000 certificates, while 8 clients enroll with another."""
    pairs, times = [], []
    for i in range(o.rounds):
        name = 'stopped%d' % i
        mount = Mount(os.path.join(folder, name))
        Requests(folder, STOPPED, name + '.requests').enroll(mount, 8, 600, [mount.key('k0')[1]])
        key = mount.key('other')[1]
        alone = requests.enroll(mount, 8, o.seconds, [key])['p99']
        beside, took = stop_key(mount, lambda m=mount, k=key: requests.enroll(m, 8, o.seconds, [k])['p99'])
        pairs.append((beside, alone))
        times.append(took)
        assert run('sh', '-c', VERIFY, '-', mount.path, folder + '/cas.pem').strip() == '100'
        mount.down()
    row('p99 of 8 that enroll beside revoking %d / alone' % STOPPED, 2, 'us', pairs, at_most=True)
    figure('until these are revoked', None, 's', times)
