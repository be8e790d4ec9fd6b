# SPDX-License-Identifier: Apache-2.0
"""Stores on a PostgreSQL server, on one host and on two, beside the bare claim and insert of that server."""
import contextlib
import os
import signal
import subprocess

from common import BUILD, TOP, Mount, bench, row, run

# One use of a key and one row of a kilobyte, as one transaction.
CLAIM = """WITH claim AS (UPDATE bare_key SET uses = uses + 1 WHERE id = 1 AND uses < 1000000000 RETURNING id)
INSERT INTO bare_issued (prov_key, der) SELECT id, decode(repeat('aa', 1000), 'hex') FROM claim;
"""


class Shared(Mount):
    """A store at a URI; one that another host has made has its group already."""

    def __init__(self, folder, uri, key):
        self.key_file = key
        self.folder, self.store = folder, uri
        self.environment = dict(os.environ)
        self.path = os.path.join(folder, 'm')
        os.makedirs(self.path, exist_ok=True)
        self.up()
        group = os.path.join(self.path, 'app_connector/bench')
        self.group = group if os.path.exists(group) else self.make('app_connector/bench')

    def up(self):
        run(os.path.join(BUILD, 'enrollfs'), '-o', 'domain=corp.example,master_key=' + self.key_file, self.store,
            self.path, stderr=subprocess.DEVNULL, env=self.environment)

    def down(self):
        run('umount', self.path)


class Server:
    def __init__(self, folder):
        self.script = os.path.join(TOP, 'tests/mount/postgres')
        self.folder = folder
        self.uri = run(self.script, 'start', folder).strip()
        self.claim = folder + '.claim'
        with open(self.claim, 'w', encoding='ascii') as f:
            f.write(CLAIM)
        run('psql', '-qX', self.uri, '-c', 'CREATE TABLE bare_key (id int PRIMARY KEY, uses bigint) WITH (fillfactor = 10)',
            '-c', 'INSERT INTO bare_key VALUES (1, 0)',
            '-c', 'CREATE TABLE bare_issued (id bigserial PRIMARY KEY, prov_key int, der bytea)')

    def bare(self, clients, seconds):
        """Transactions a second."""
        out = run('pgbench', '-n', '-M', 'prepared', '-c', str(clients), '-j', '2', '-T', str(max(1, round(seconds))),
                  '-f', self.claim, self.uri, stderr=subprocess.DEVNULL)
        return float(next(line.split()[2] for line in out.split('\n') if line.startswith('tps')))

    def stop(self):
        run(self.script, 'stop', self.folder)


def server(o, folder, main, requests):
    """main: the same on SQLite."""
    postgres = Server(os.path.join(folder, 'postgres'))
    for host in 'one', 'two':
        os.makedirs(os.path.join(folder, host))
    key = os.path.join(folder, 'server.key')
    with open(key, 'w', encoding='ascii') as f:
        f.write(os.urandom(32).hex() + '\n')
    os.chmod(key, 0o600)
    run('chown', 'enrollfs', key)
    one = Shared(os.path.join(folder, 'one'), postgres.uri, key)
    two = Shared(os.path.join(folder, 'two'), postgres.uri, key)
    keys = [one.key('s%d' % i)[1] for i in range(32)]
    value, local = one.group + '/keys/s0/max_uses', main.key('beside')[0] + '/max_uses'
    rates, reads = {n: [] for n in (1, 8, 32)}, []
    both, dumped = [], []
    for _ in range(o.rounds):
        for clients in rates:
            bare = postgres.bare(clients, o.seconds)
            rates[clients].append((requests.enroll(one, clients, o.seconds, keys)['rate'], bare))
        both.append((at_once(one, two, requests, o.seconds, keys), bare))
        with dumping(postgres.uri):
            dumped.append((requests.enroll(one, 32, o.seconds, keys)['rate'], rates[32][-1][0]))
        reads.append((bench('read', 1, o.seconds, value)['p50'], bench('read', 1, o.seconds, local)['p50']))
    for clients, pairs in rates.items():
        row('PostgreSQL: enrol, %d clients / bare claim and insert' % clients, 0.5 if clients == 32 else None, '1/s', pairs)
    row('PostgreSQL: enrol, 16 clients on each of 2 hosts / the same of 32', None, '1/s', both)
    row('PostgreSQL: enrol, 32 clients, beside pg_dump in a loop / alone', None, '1/s', dumped)
    row('PostgreSQL: cat max_uses, p50 / the same with SQLite', 1.5, 'us', reads, at_most=True)
    one.down()
    two.down()
    postgres.stop()


@contextlib.contextmanager
def dumping(uri):
    """Somebody takes backups, one after the other: each holds a snapshot as long as it lasts."""
    loop = subprocess.Popen(['sh', '-c', 'while :; do pg_dump "$1" > /dev/null || exit; done', '-', uri],
                            start_new_session=True)
    yield
    os.killpg(loop.pid, signal.SIGKILL)
    loop.wait()


def at_once(one, two, requests, seconds, keys):
    """The sum of both hosts' rates."""
    at, running = requests.next, []
    for i, mount in enumerate((one, two)):
        running.append(subprocess.Popen([os.path.join(BUILD, 'bench'), 'enroll', '16', str(seconds), requests.file,
                                         str(at + i * 20000), mount.path + '/enroll', *keys],
                                        stdout=subprocess.PIPE, text=True))
    out = [p.communicate()[0].split() for p in running]
    requests.next = at + 40000
    return sum(float(words[2]) for words in out)
