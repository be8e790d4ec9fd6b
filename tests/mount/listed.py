#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""listed.py GROUP KEY REQUESTS TRIES: changes members while others list and open their files.

After each change, another process asks for the attributes of all files of the member as any program
does, and once more with AT_STATX_FORCE_SYNC, which the kernel does not answer from its cache. All the
time, a third one compares what fstat says of an open file with what it reads. Prints how often they
differed, and exits with 1 if they ever did.
"""
import ctypes
import os
import sys

GROUP, KEY, REQUESTS, TRIES = sys.argv[1:4] + [int(sys.argv[4])]
MEMBERS = GROUP + '/members/'
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, NOFOLLOW, FORCE_SYNC, BASIC = -100, 0x100, 0x2000, 0x7ff
SHOWN = 'cert.pem', 'fullchain.pem', 'csr.pem', 'serial', 'provisioning_key', 'state'
FILES = SHOWN + ('description', 'chain.pem', 'fingerprint', 'not_before', 'not_after', 'signing_cert', 'enrolled',
                 'enrolled_by', 'revocation')
GONE = 2, 116  # ENOENT, ESTALE


def statx(path, flags=0):
    buffer = ctypes.create_string_buffer(256)
    if LIBC.statx(AT_FDCWD, path.encode(), NOFOLLOW | flags, BASIC, buffer):
        raise OSError(ctypes.get_errno(), path)
    # all but the attributes of the mount, and the time of access
    return buffer.raw[16:64] + buffer.raw[96:128]


def list_all(folder):
    for entry in os.scandir(folder):
        entry.stat(follow_symlinks=False)


def background(work):
    """Does some work all the time, whatever is renamed meanwhile; the pid, and a pipe that says how often it failed
    once its other end is closed."""
    (go, stop), (read, say) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(go)
        os.close(say)
        return stop, os.fdopen(read)
    os.close(stop)
    os.set_blocking(go, False)
    failed = done = 0
    while True:
        for name in os.listdir(MEMBERS):
            try:
                failed += work(MEMBERS + name) or 0
                done += 1
            except OSError as e:
                if e.errno not in GONE:
                    raise
        try:
            os.read(go, 1)
            break
        except BlockingIOError:
            pass
    os.write(say, b'%d %d\n' % (failed, done))
    os._exit(0)


def opened(member):
    """How many open files have another size than what is read from them."""
    wrong = 0
    for name in SHOWN:
        fd = os.open(member + '/' + name, os.O_RDONLY)
        size = os.fstat(fd).st_size
        length = len(os.read(fd, 65536))
        if size != length:
            print('%s/%s: %d bytes, fstat says %d' % (member, name, length, size), flush=True)
            wrong += 1
        os.close(fd)
    return wrong


class Other:
    """Another process, which asks and answers a line each."""

    def __init__(self, ask):
        (read, self.write), (self.read, write) = os.pipe(), os.pipe()
        if not os.fork():
            os.close(self.write)
            for line in os.fdopen(read):
                os.write(write, b'%d\n' % ask(line.rstrip('\n')))
            os._exit(0)
        os.close(read)
        self.answers = os.fdopen(self.read)

    def ask(self, path):
        os.write(self.write, path.encode() + b'\n')
        return int(self.answers.readline())


def stale_files(member):
    """How many files of a member are cached otherwise than they are. Lists it last: a listing would refresh them."""
    cached = [statx(member + '/' + name) for name in FILES]
    true = [statx(member + '/' + name, FORCE_SYNC) for name in FILES]
    for name, a, b in zip(FILES, cached, true):
        if a != b:
            print('%s/%s: cached %s, is %s' % (member, name, a.hex(), b.hex()), flush=True)
    list_all(member)
    return sum(a != b for a, b in zip(cached, true))


def chmod_as_owner(question):
    """The new owner may set the mode of a file at once, without looking at it before. It stays as it was, so that the
    files follow the member's directory from then on too."""
    member, owner = question.rsplit('?', 1)
    mode = os.stat(member).st_mode & 0o444
    os.seteuid(int(owner))
    failed = 0
    for name in 'cert.pem', 'state', 'serial':
        try:
            os.chmod(member + '/' + name, mode)
        except PermissionError:
            failed += 1
    os.seteuid(0)
    list_all(member)
    return failed


def write(path, data):
    with open(path, 'wb', buffering=0) as f:
        f.write(data)


def enroll(path, request):
    fd = os.open(path, os.O_RDWR)
    os.write(fd, request)
    assert b'CERTIFICATE' in os.read(fd, 65536)
    os.close(fd)


class Changes:
    """What is changed, and how often somebody saw what was before."""

    def __init__(self, requests):
        self.requests, self.key, self.stale = iter(requests), KEY, {}
        self.looker, self.owner = Other(stale_files), Other(chmod_as_owner)

    def check(self, what, question, other=None):
        self.stale[what] = self.stale.get(what, 0) + (other or self.looker).ask(question)

    def of_member(self, member, i):
        write(member + '/description', b'x' * (1 + i % 50) + b'\n')
        self.check('description', member)
        os.chmod(member, 0o770 if i % 2 else 0o755)
        self.check('mode', member)
        enroll(member + '/renew', next(self.requests))
        self.check('renewal', member)
        os.rename(member, member + '-x')
        self.check('rename', member + '-x')
        os.rename(member + '-x', member)
        os.chown(member, 3001 + i % 3, -1)
        self.check('owner', '%s?%d' % (member, 3001 + i % 3), self.owner)
        self.check('attributes of the owner', member)

    def of_others(self, member, i):
        other = KEY + '-x' * (1 + i % 2)
        os.rename(self.key, other)
        self.key = other
        self.check('name of the key', member)

    def revoked(self, member):
        write(member + '/revocation', b'keyCompromise\n')
        self.check('revocation', member)


def main():
    with open(REQUESTS, encoding='ascii') as f:
        end = '-----END CERTIFICATE REQUEST-----\n'
        requests = [(r + end).encode() for r in f.read().split(end)[:-1]]
    write(KEY + '/max_uses', b'max\n')
    for request in requests[:30]:
        enroll(KEY + '/enroll', request)
    members = [MEMBERS + name for name in sorted(os.listdir(MEMBERS))]
    changes = Changes(requests[30:])
    for member in members:
        changes.looker.ask(member)
    others = [background(list_all), background(list_all), background(opened)]
    for i in range(TRIES):
        changes.of_member(members[i % 20], i)
        changes.of_others(members[(i + 9) % 20], i)
        if i % 16 == 0 and i // 16 < 10:
            changes.revoked(members[20 + i // 16])
    for stop, _ in others:
        os.close(stop)
    results = [[int(n) for n in answer.readline().split()] for _, answer in others]
    assert all(done > 0 for _, done in results)
    wrong = results[2][0]
    print('after %d changes of each kind, stale: %s; open files with a wrong size: %d of %d' %
          (TRIES, changes.stale, wrong, results[2][1] * len(SHOWN)))
    return wrong > 0 or any(changes.stale.values())


sys.exit(main())
