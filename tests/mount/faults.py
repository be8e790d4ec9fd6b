# SPDX-License-Identifier: Apache-2.0
"""faults.py MOUNT CONTROL REQUESTS: each operation, with each of its writes to the disk failing in turn.
It has to fail with a clear errno, or to have happened; and without the fault it works again."""
import errno
import mmap
import os
import struct
import sys

mount, control, requests = sys.argv[1:]
END = '-----END CERTIFICATE REQUEST-----\n'
with open(requests, encoding='ascii') as f:
    pool = [r + END for r in f.read().split(END) if r]
with open(control, 'r+b') as f:
    memory = mmap.mmap(f.fileno(), 16)
group = mount + '/app_connector/berlin'
counter = 0


def arm(after, count, error):
    memory[:] = struct.pack('=iiii', after, count, error, 0)


def hits():
    return struct.unpack('=iiii', memory[:])[3]


def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read()


def converse(path, text):
    fd = os.open(path, os.O_RDWR)
    try:
        os.write(fd, text.encode())
        assert os.read(fd, 65536).startswith(b'-----BEGIN')
    finally:
        os.close(fd)


def fresh(name):
    """A key with a member."""
    os.mkdir(f'{group}/keys/{name}')
    write(f'{group}/keys/{name}/max_uses', 'max\n')
    return f'{group}/keys/{name}'


# Each: prepare -> what it needs; do; whether it has happened.
def make():
    return f'{group}/keys/made{counter}', os.mkdir, os.path.isdir


def remove():
    return fresh(f'gone{counter}'), os.rmdir, lambda path: not os.path.isdir(path)


def edit():
    return fresh(f'edited{counter}'), lambda path: write(path + '/max_uses', '77\n'), \
        lambda path: read(path + '/max_uses') == '77\n'


def copy():
    path = fresh(f'copied{counter}')
    return path, lambda _: read(path + '/key'), lambda _: read(path + '/copies') == '1\n'


def enroll():
    path, request = fresh(f'enrolled{counter}'), pool.pop()
    return path, lambda _: converse(path + '/enroll', request), lambda _: read(path + '/uses') == '1\n'


def member():
    converse(fresh(f'm{counter}') + '/enroll', pool.pop())
    return max((f'{group}/members/{m}' for m in os.listdir(group + '/members')), key=lambda m: os.stat(m).st_ino)


def renew():
    path, request = member(), pool.pop()
    before = read(path + '/serial')
    return path, lambda _: converse(path + '/renew', request), lambda _: read(path + '/serial') != before


def revoke():
    return member(), lambda path: write(path + '/revocation', 'superseded\n'), \
        lambda path: read(path + '/state') == 'revoked\n'


def rename():
    path = fresh(f'named{counter}')
    return path, lambda _: os.rename(path, path + 'x'), lambda _: os.path.isdir(path + 'x')


def lose_secret():
    return fresh(f'sealed{counter}'), lambda path: write(path + '/exportable', '0\n'), \
        lambda path: not os.path.lexists(path + '/key')


tried = 0
for operation in (make, remove, edit, copy, enroll, renew, revoke, rename, lose_secret):
    for error, count in ((errno.ENOSPC, 1), (errno.EIO, 1), (errno.EROFS, 1), (errno.ENOSPC, 1000)):
        after = 0
        while True:
            counter += 1
            what, do, happened = operation()
            arm(after, count, error)
            refused = None
            try:
                do(what)
            except OSError as e:
                refused = e.errno
            hit = hits()
            arm(0, 0, 0)
            where = f'{operation.__name__}, {errno.errorcode[error]} at write {after}'
            if refused is None:
                assert happened(what), f'{where}: answered, and has not happened'
            else:
                assert refused in (errno.ENOSPC, errno.EIO), f'{where}: {errno.errorcode[refused]}'
                assert not happened(what), f'{where}: refused, and has happened'
                do(what)
                assert happened(what), f'{where}: does not work again'
            if not hit:
                break
            tried += 1
            after += 1 if after < 6 or count == 1 else 7
print(tried)
