#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""guess.py answers MOUNT: what who has no provisioning key learns from `enroll` of which there are.

guess.py times MOUNT COUNT: how long each kind takes to be refused, in turn: medians. By hand:
    mkdir /tmp/m && build/enrollfs /tmp/store /tmp/m && tests/mount/guess.py times /tmp/m 2000

Both make the keys they need in MOUNT, which is a fresh one.
"""
import base64
import errno
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time

M = sys.argv[2]
KEYS = M + '/app_connector/guessed/keys'
# one key of each, and what it is given
KNOWN = {
    'known': {}, 'used-up': {'max_uses': '0'}, 'disabled': {'enabled': '0'},
    'expired': {'expires': '1970-01-01T00:00:01Z'}, 'secret': {'exportable': '0'}, 'managed': {'managed': '1'},
}


def put(path, text):
    with open(path, 'w') as f:
        f.write(text + '\n')


def get(path):
    with open(path) as f:
        return f.read()


def request():
    return subprocess.run(
        ['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
         '-keyout', '/dev/null', '-subj', '/CN=guess'], check=True, capture_output=True,
        text=True).stdout


class Guesses:
    """Key texts that are well formed, and whose secret is not the key's."""

    def __init__(self):
        if not os.path.exists(KEYS):
            os.mkdir(os.path.dirname(KEYS))
            for name in ('removed', *KNOWN):
                os.mkdir(f'{KEYS}/{name}')
        _, self.domain, text = get(KEYS + '/known/key').split('|')
        raw = base64.b64decode(text)
        self.root = raw[40:72]
        ids = {name: int(get(f'{KEYS}/{name}/id')) for name in os.listdir(KEYS)}
        last = max(ids.values())
        if 'removed' in ids:
            os.rmdir(KEYS + '/removed')
        for name, values in KNOWN.items():
            for attribute, value in values.items():
                put(f'{KEYS}/{name}/{attribute}', value)
        self.ids = {'removed': min(ids.values()), 'zero': 0, 'next': last + 1, 'largest': 2**63 - 1,
                    **ids}

    def text(self, case, root=None):
        body = self.ids[case].to_bytes(8, 'big') + os.urandom(32) + (root or self.root)
        head = f'1|{self.domain}|'
        check = hashlib.sha256(head.encode() + body).digest()[:8]
        return head + base64.b64encode(body + check).decode() + '\n'


def guess(text):
    """The errno and the reason."""
    fd = os.open(M + '/enroll', os.O_RDWR)
    try:
        os.write(fd, text.encode())
        return 'accepted', ''
    except OSError as e:
        return errno.errorcode[e.errno], os.read(fd, 4096).decode()
    finally:
        os.close(fd)


def as_user(uid, text):
    """As somebody of whom nothing was logged in this second."""
    told, answer = os.pipe()
    if not os.fork():
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(answer, json.dumps(guess(text)).encode())
        os._exit(0)
    os.wait()
    os.close(answer)
    with os.fdopen(told) as f:
        return tuple(json.loads(f.read()))


def refusals():
    """By errno. What is shown may be a moment old."""
    lines = [line for line in get(M + '/metrics').splitlines() if 'refusals_total{' in line]
    return {name: int(value) for name, value in (line.rsplit(' ', 1) for line in lines)}


def logged(uid):
    lines = [json.loads(line) for line in get(M + '/log').splitlines()]
    return [[line[name] for name in ('comm', 'action', 'object', 'result', 'reason')]
            for line in lines if line['uid'] == uid]


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def answers():
    guesses, csr = Guesses(), request()
    none = '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'
    known = request()
    put(KEYS + '/known/enroll', known)
    # what could be looked at too early: another root, a request that is none, one that has enrolled
    variants = ((None, csr), (bytes(32), csr), (None, none), (None, known))
    seen, uid = {}, 5000
    for case in guesses.ids:
        for number, (root, body) in enumerate(variants):
            uid += 1
            before = refusals()
            answer = as_user(uid, guesses.text(case, root) + body)
            wait_for(lambda: refusals() != before and logged(uid))
            moved = {name: n - before.get(name, 0) for name, n in refusals().items()
                     if n != before.get(name)}
            seen[case, number] = json.dumps([answer, moved, logged(uid)])
    for told in sorted(set(seen.values())):
        print(told, len([name for name in seen if seen[name] == told]))
    assert len(set(seen.values())) == 1 and json.loads(told)[0][0] == 'EKEYREJECTED'
    print(f'guesses: {len(seen)} kinds, one answer ok')


def times():
    guesses, csr, count = Guesses(), request(), int(sys.argv[3])
    taken = {case: [] for case in guesses.ids}
    for i in range(count + 50):
        # in another order each time: nobody comes behind the same one always
        for case in sorted(taken, key=lambda c: hashlib.sha256(f'{i}{c}'.encode()).digest()):
            text = (guesses.text(case) + csr).encode()
            fd = os.open(M + '/enroll', os.O_RDWR)
            began = time.perf_counter_ns()
            try:
                os.write(fd, text)
            except OSError as e:
                ended, refused = time.perf_counter_ns(), e.errno
            assert refused == errno.EKEYREJECTED
            os.close(fd)
            if i >= 50:
                taken[case].append((ended - began) / 1000)
    for case, values in taken.items():
        q = statistics.quantiles(values, n=4)
        print(f'{case:10} median {q[1]:7.2f}  quartiles {q[0]:7.2f} {q[2]:7.2f} us')


{'answers': answers, 'times': times}[sys.argv[1]]()
