# SPDX-License-Identifier: Apache-2.0
"""Other programs that sign requests, in the same round.

cfssl is asked by wrk over 8 connections that stay open; wrk takes a few percent of a processor.
"""
import glob
import http.client
import json
import os
import re
import subprocess
import time

from common import TOP, bench, row, run

CA_CONFIG = """[ca]
default_ca = it
[it]
dir = {0}
database = {0}/index.txt
new_certs_dir = {0}/issued
certificate = {0}/ca.pem
private_key = {0}/ca.key
rand_serial = yes
default_md = sha256
default_days = 365
policy = any
unique_subject = no
[any]
commonName = supplied
"""

# Of cfssl's certdb. PostgreSQL has other names for two types.
CERTDB = """
CREATE TABLE certificates (serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob,
  status blob NOT NULL, reason int, expiry timestamp, revoked_at timestamp, pem blob NOT NULL,
  PRIMARY KEY (serial_number, authority_key_identifier));
CREATE TABLE ocsp_responses (serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, body blob NOT NULL,
  expiry timestamp, PRIMARY KEY (serial_number, authority_key_identifier),
  FOREIGN KEY (serial_number, authority_key_identifier)
  REFERENCES certificates (serial_number, authority_key_identifier));
"""


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


class Cfssl:
    """cfssl serve in the working directory. database: driver and source of its certdb, if it has one."""

    def __init__(self, port, database=None):
        self.url = 'http://127.0.0.1:%d/api/v1/cfssl/sign' % port
        self.address = ('127.0.0.1', port)
        options = []
        if database:
            write('db%d.json' % port, json.dumps(dict(zip(('driver', 'data_source'), database))))
            options = ['-db-config=db%d.json' % port]
        self.process = subprocess.Popen(
            ['cfssl', 'serve', '-address=127.0.0.1', '-port=%d' % port, '-ca=ca.pem', '-ca-key=ca.key',
             '-config=cfssl.json', *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < deadline, 'cfssl does not answer'
            time.sleep(0.1)

    def answers(self):
        try:
            connection = http.client.HTTPConnection(*self.address)
            connection.request('GET', '/')
            connection.getresponse().read()
            return True
        except OSError:
            return False

    def rate(self, seconds, connections=8):
        """Requests a second that got a certificate."""
        out = run('wrk', '-t1', '-c%d' % connections, '-d%.0fs' % max(seconds, 1), '-s', 'sign.lua', self.url)
        assert 'Non-2xx' not in out, out
        return float(re.search(r'Requests/sec: +([0-9.]+)', out).group(1))

    def down(self):
        self.process.kill()
        self.process.wait()


class Postgres:
    """A server with cfssl's tables, in the folder pg, on a socket there. It syncs each commit, as is its default."""

    def __init__(self):
        self.folder = os.path.abspath('pg')
        self.source = 'host=%s user=postgres dbname=postgres sslmode=disable' % self.folder
        os.mkdir(self.folder)
        run('chown', 'postgres', self.folder)
        self.control('initdb', '-A', 'trust', '--no-sync')
        self.control('pg_ctl', '-w', '-l', self.folder + '/log', '-o', "-k %s -h ''" % self.folder, 'start')
        tables = CERTDB.replace('blob', 'bytea').replace('timestamp', 'timestamptz')
        run('psql', '-q', '-h', self.folder, '-U', 'postgres', 'postgres', input=tables)

    def control(self, program, *arguments):
        # It must not keep our pipe open.
        subprocess.run(['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups',
                        sorted(glob.glob('/usr/lib/postgresql/*/bin/'))[-1] + program, '-D', self.folder + '/data',
                        *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stored(self):
        return int(run('psql', '-At', '-h', self.folder, '-U', 'postgres', '-c', 'SELECT count(*) FROM certificates',
                       'postgres'))

    def down(self):
        self.control('pg_ctl', '-m', 'immediate', 'stop')


def sqlite_certdb():
    # A commit is synced once with a write-ahead log, and twice or more without.
    run('sqlite3', 'certs.db', 'PRAGMA journal_mode = WAL;' + CERTDB)
    return os.path.abspath('certs.db')


def prepare(folder, requests):
    """Makes what all of them need in folder, which becomes the working directory."""
    os.makedirs(folder + '/issued')
    os.chmod(folder, 0o755)
    os.chdir(folder)
    write('ca.cnf', CA_CONFIG.format(folder))
    write('index.txt', '')
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
        '/CN=bench', '-keyout', 'ca.key', '-out', 'ca.pem', stderr=subprocess.DEVNULL)
    with open(requests.file, encoding='ascii') as f:
        request = f.read(4096).split('-----END')[0] + '-----END CERTIFICATE REQUEST-----\n'
    write('csr', request)
    write('template', 'expiration_days = 365\n')
    write('cfssl.json', json.dumps({'signing': {'default': {'expiry': '8760h', 'usages': ['client auth']}}}))
    write('sign.lua', 'wrk.method = "POST"\nwrk.body = [==[%s]==]\n' % json.dumps({'certificate_request': request}))


def easy_rsa():
    """The command that signs a request; it makes the folder pki."""
    os.environ.update(EASYRSA='/usr/share/easy-rsa', EASYRSA_BATCH='1', EASYRSA_PKI=os.path.abspath('pki'),
                      EASYRSA_ALGO='ec', EASYRSA_CURVE='prime256v1')
    for command in ['init-pki'], ['build-ca', 'nopass']:
        run('/usr/share/easy-rsa/easyrsa', *command, stderr=subprocess.DEVNULL)
    return 'cp csr pki/reqs/m$N.req && exec /usr/share/easy-rsa/easyrsa sign-req client m$N > /dev/null 2>&1'


# By name: how many at a time, and the command. Two at a time would spoil openssl ca's index.
SPAWNED = {
    'openssl ca -batch (index, no fsync)': (1, 'exec openssl ca -batch -config ca.cnf -in csr -out out.$N 2> /dev/null'),
    'openssl x509 -req (stores nothing)': (
        2, 'exec openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -days 365 -out out.$N 2> /dev/null'),
    'certtool (stores nothing)': (
        2, 'exec certtool --generate-certificate --load-request csr --load-ca-certificate ca.pem '
           '--load-ca-privkey ca.key --template template --outfile out.$N 2> /dev/null'),
}


def peers(o, folder, mount, requests):
    """All of them and 8 clients of ours. The durable ones are cfssl's with a database."""
    keys = [mount.key('peer%d' % i)[1] for i in range(8)]
    prepare(os.path.join(folder, 'peers'), requests)
    postgres = Postgres()
    spawned = {**SPAWNED, 'easy-rsa sign-req (index, no fsync)': (1, easy_rsa())}
    served = {'cfssl serve (stores nothing)': Cfssl(18888),
              'cfssl serve, SQLite': Cfssl(18889, ('sqlite3', sqlite_certdb())),
              'cfssl serve, PostgreSQL': Cfssl(18890, ('postgres', postgres.source))}
    pairs = {name: [] for name in [*spawned, *served]}
    best = []
    for _ in range(o.rounds):
        ours = requests.enroll(mount, 8, o.seconds, keys)['rate']
        rates = {name: bench('spawn', number, o.seconds, command)['rate']
                 for name, (number, command) in spawned.items()}
        rates.update((name, server.rate(o.seconds)) for name, server in served.items())
        for name, rate in rates.items():
            pairs[name].append((ours, rate))
        best.append((ours, max(rates['cfssl serve, SQLite'], rates['cfssl serve, PostgreSQL'])))
    # what they have answered is there
    assert postgres.stored() > 0 and int(run('sqlite3', 'certs.db', 'SELECT count(*) FROM certificates')) > 0
    for server in served.values():
        server.down()
    postgres.down()
    os.chdir(TOP)
    row('enrol, 8 clients / best durable packaged peer, keep-alive', 5, '1/s', best)
    for name, values in pairs.items():
        row('enrol, 8 clients / ' + name, 8 if 'openssl ca' in name else None, '1/s', values)
