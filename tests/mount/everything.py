# SPDX-License-Identifier: Apache-2.0
"""everything.py run MOUNT REQUESTS FIRST ACKS: sixteen clients of a mount do everything at once, until it
goes away; what was answered is written to ACKS. everything.py check STORE ACKS [UNTIL]: what was answered until
then (CLOCK_MONOTONIC, nanoseconds) is in the store."""
import base64
import errno
import hashlib
import os
import random
import re
import sqlite3
import sys
import threading
import time

CLIENTS = 16
END = '-----END CERTIFICATE REQUEST-----\n'


class Client:
    def __init__(self, number, mount, requests, acks):
        self.number = number
        self.group = f'{mount}/app_connector/berlin'
        self.key = f'{self.group}/keys/c{number}'
        self.mount = mount
        self.requests = requests
        self.acks = os.open(f'{acks}.{number}', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.random = random.Random(f'{number} {requests[0][:200]}')
        # goes on where an earlier round ended
        self.count = max([0] + [int(line[1]) for line in read(acks, number) if line[0] == 'trying'])

    def ack(self, *words):
        os.write(self.acks, (' '.join(map(str, (time.monotonic_ns(),) + words)) + '\n').encode())

    def write(self, path, text):
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def converse(self, path, text):
        fd = os.open(path, os.O_RDWR)
        try:
            os.write(fd, text.encode())
            reply = os.read(fd, 65536).decode()
        finally:
            os.close(fd)
        pem = re.search('-----BEGIN CERTIFICATE-----(.*?)-----END', reply, re.S)
        return hashlib.sha256(base64.b64decode(pem[1])).hexdigest()

    def enroll(self):
        request = self.requests.pop()
        try:
            self.ack('cert', self.converse(self.key + '/enroll', request))
        except OSError as e:
            # used up, or enrolled in an earlier round with another key
            if e.errno not in (errno.EDQUOT, errno.EEXIST):
                raise

    def renew(self):
        members = os.listdir(self.group + '/members')
        name = self.random.choice(members or ['none'])
        try:
            self.ack('cert', self.converse(f'{self.group}/members/{name}/renew', self.requests.pop()))
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.EEXIST, errno.EKEYREVOKED):
                raise

    def revoke(self):
        members = os.listdir(self.group + '/members')
        name = self.random.choice(members or ['none'])
        try:
            with open(f'{self.group}/members/{name}/fingerprint', encoding='ascii') as f:
                fingerprint = f.read().strip()
            self.write(f'{self.group}/members/{name}/revocation', 'superseded\n')
            self.ack('revoked', fingerprint)
        except (FileNotFoundError, FileExistsError):
            pass

    def describe(self):
        self.count += 1
        self.ack('trying', self.count)
        self.write(self.key + '/description', f'{self.count}\n')
        self.ack('described', self.count)

    def copy(self):
        self.ack('copying')
        try:
            with open(self.key + '/key', encoding='ascii') as f:
                assert f.read().startswith('1|')
            self.ack('copied')
        except OSError as e:
            if e.errno != errno.EDQUOT:
                raise

    def more(self):
        self.ack('raising')
        self.write(self.key + '/max_uses', '+1\n')
        self.ack('raised')

    def folders(self):
        name = f'{self.mount}/service_edge/g{self.number}'
        if os.path.isdir(name):
            os.rmdir(name)
            self.ack('folder', 0)
        else:
            os.mkdir(name)
            self.ack('folder', 1)

    def run(self):
        work = [self.enroll] * 4 + [self.renew, self.revoke, self.describe, self.copy, self.more, self.folders]
        try:
            while True:
                self.random.choice(work)()
        except OSError as e:
            # what is left when it has gone
            if e.errno not in (errno.ENOENT, errno.ECONNABORTED, errno.ENOTCONN):
                self.ack('error', errno.errorcode[e.errno], e.filename)
        except IndexError:
            pass


def run(mount, requests, first, acks):
    with open(requests, encoding='ascii') as f:
        all_requests = [r + END for r in f.read().split(END) if r]
    each = 60
    first = int(first)
    clients = []
    for i in range(CLIENTS):
        at = (first + i * each) % (len(all_requests) - each)
        clients.append(Client(i, mount, all_requests[at:at + each], acks))
    threads = [threading.Thread(target=c.run) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


# What is written before something is tried: it may have happened without an answer.
TRIED = ('trying', 'copying', 'raising')


def read(acks, number, until=None):
    try:
        with open(f'{acks}.{number}', encoding='ascii') as f:
            lines = [line.split() for line in f]
        return [line[1:] for line in lines if until is None or int(line[0]) <= until or line[1] in TRIED]
    except FileNotFoundError:
        return []


def check(store, acks, until=None):
    db = sqlite3.connect(f'file:{store}?mode=ro', uri=True)
    issued = {hashlib.sha256(der).hexdigest(): revoked for der, revoked in db.execute('SELECT der, revoked FROM issued')}
    answered = 0
    for number in range(CLIENTS):
        lines = read(acks, number, until and int(until))
        errors = [line for line in lines if line[0] == 'error']
        assert not errors, errors
        for line in lines:
            if line[0] in ('cert', 'revoked'):
                assert line[1] in issued, f'client {number}: a certificate that was answered is not there'
                answered += 1
            if line[0] == 'revoked':
                assert issued[line[1]] is not None, f'client {number}: not revoked'
        described = [0] + [int(line[1]) for line in lines if line[0] == 'described']
        tried = [0] + [int(line[1]) for line in lines if line[0] == 'trying']
        count = {word: sum(line[0] == word for line in lines) for word in ('copying', 'copied', 'raising', 'raised')}
        description, copies, limit, uses = db.execute(
            "SELECT description, copies, max_uses, uses FROM prov_key WHERE name = ?", (f'c{number}',)).fetchone()
        assert described[-1] <= int(description or 0) <= tried[-1], (number, description, described[-1], tried[-1])
        assert count['copied'] <= copies <= count['copying'], (number, copies, count)
        assert 5 + count['raised'] <= limit <= 5 + count['raising'], (number, limit, count)
        assert uses <= limit, (number, uses, limit)
    print(answered)


if sys.argv[1] == 'run':
    run(*sys.argv[2:6])
else:
    check(*sys.argv[2:5])
