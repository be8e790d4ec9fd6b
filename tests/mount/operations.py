# SPDX-License-Identifier: Apache-2.0
"""What is done to a mount while something fails. Each operation is prepared while nothing does, and
answers what it needs, how it is done, and how one sees whether it has happened."""
import errno
import glob
import os
import re
import time

END = '-----END CERTIFICATE REQUEST-----\n'
mount = group = bundle = ''
pool = []
counter = 0


def begin(mounted, requests, ca):
    """Requests and a CA's certificate with its key come from these files."""
    global mount, group, bundle
    mount, group = mounted, mounted + '/app_connector/berlin'
    with open(requests, encoding='ascii') as f:
        pool.extend(r + END for r in f.read().split(END) if r)
    with open(ca, encoding='ascii') as f:
        bundle = f.read()
    drop(fresh('known'), 'known', pool.pop())


def attempt(do, what):
    """None, or the errno that it was refused with."""
    try:
        do(what)
        return None
    except OSError as e:
        return e.errno


def prepare(operation):
    global counter
    counter += 1
    return operation()


def close(fd):
    try:
        os.close(fd)
    except OSError as e:  # libfuse had no memory for the flush; the write has had its answer
        assert e.errno == errno.ENOMEM


def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text.encode())
    finally:
        close(fd)


def read(path):
    with open(path, 'rb', buffering=0) as f:
        return f.readall().decode()


def converse(path, text):
    fd = os.open(path, os.O_RDWR)
    try:
        os.write(fd, text.encode())
        try:
            reply = os.read(fd, 65536)
        except OSError:  # it is the write that counts, and its reply can be read again
            reply = os.read(fd, 65536)
        assert reply.startswith(b'-----BEGIN')
    finally:
        close(fd)


def fresh(name):
    path = f'{group}/keys/{name}{counter}'
    os.mkdir(path)
    return path


def member():
    path = fresh('m')
    name = f'member{counter}'
    drop(path, name, pool.pop())
    return f'{group}/members/{name}'


def drop(key, name, request):
    fd = os.open(f'{key}/enroll.d/{name}.csr', os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(fd, request.encode())
    finally:
        close(fd)


def spent(path):
    return read(path + '/uses') == '1\n'


def make_group():
    return f'{mount}/service_edge/g{counter}', os.mkdir, os.path.isdir


def make_key():
    return f'{group}/keys/made{counter}', os.mkdir, os.path.isdir


def make_cert():
    return f'{mount}/certs/c{counter}', os.mkdir, os.path.isdir


def edit():
    return fresh('edited'), lambda path: write(path + '/max_uses', '77\n'), \
        lambda path: read(path + '/max_uses') == '77\n'


def describe():
    return fresh('described'), lambda path: write(path + '/description', 'ä' * 100), \
        lambda path: read(path + '/description') == 'ä' * 100


def chmod():
    return fresh('mode'), lambda path: os.chmod(path, 0o750), \
        lambda path: os.stat(path).st_mode & 0o777 == 0o750


def copy():
    path = fresh('copied')

    def open_and_read(_):
        with open(path + '/key', 'rb', buffering=0) as f:
            try:
                f.readall()
            except OSError:  # it is the open that counts, and what it has got can be read again
                f.seek(0)
                assert f.readall().startswith(b'1|')
                raise
    return path, open_and_read, lambda _: read(path + '/copies') != '0\n'


def enroll():
    path, request = fresh('e'), pool.pop()
    text = read(path + '/key') + request
    return path, lambda _: converse(mount + '/enroll', text), spent


def enroll_here():
    path, request = fresh('h'), pool.pop()
    return path, lambda _: converse(path + '/enroll', request), spent


def enroll_drop():
    path, request = fresh('d'), pool.pop()
    return path, lambda _: drop(path, f'dropped{counter}', request), spent


def waiting(asked):
    """A key that wants approval; asked: and a request that waits. What waited before is rejected: a
    user has few places."""
    for entry in glob.glob(f'{group}/keys/w*/pending/*'):
        os.rmdir(entry)
    path, request = fresh('w'), pool.pop()
    write(path + '/approval', '1\n')
    if asked:
        ask_for(path, request)
    return path, request


def ask_for(path, request):
    try:
        converse(path + '/enroll', request)
    except OSError as e:
        if e.errno != errno.EINPROGRESS:
            raise


def pending(path):
    return os.listdir(path + '/pending')


def ask():
    path, request = waiting(False)
    return path, lambda _: ask_for(path, request), pending


def approve():
    path, _ = waiting(True)
    code, = pending(path)
    return path, lambda _: write(f'{path}/pending/{code}/approve', code + '\n'), spent


def reject():
    path, _ = waiting(True)
    code, = pending(path)
    return path, lambda _: os.rmdir(f'{path}/pending/{code}'), lambda _: not pending(path)


def renew():
    path, request = member(), pool.pop()
    before = read(path + '/serial')
    return path, lambda _: converse(path + '/renew', request), lambda _: read(path + '/serial') != before


def revoke():
    return member(), lambda path: write(path + '/revocation', 'superseded\n'), \
        lambda path: read(path + '/state') == 'revoked\n'


def remove_key():
    return fresh('gone'), os.rmdir, lambda path: not os.path.isdir(path)


def remove_member():
    return member(), os.rmdir, lambda path: not os.path.isdir(path)


def rename():
    return fresh('named'), lambda path: os.rename(path, path + 'x'), lambda path: os.path.isdir(path + 'x')


def rename_draft():
    path = fresh('draft')

    def edit_in_place(_):
        draft = path + '/.sed'
        try:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(fd, b'55\n')
            finally:
                close(fd)
            os.rename(draft, path + '/max_uses')
        except OSError:
            if os.path.lexists(draft):
                os.unlink(draft)
            raise
    return path, edit_in_place, lambda _: read(path + '/max_uses') == '55\n'


def lose_secret():
    return fresh('sealed'), lambda path: write(path + '/exportable', '0\n'), \
        lambda path: not os.path.lexists(path + '/key')


def import_ca():
    path = mount + '/certs/imported'
    if os.path.isdir(path):  # a key is there once
        os.rmdir(path)
    os.mkdir(path)
    return path, lambda _: write(path + '/import', bundle), lambda _: read(path + '/issuer') != 'none\n'


def sign_ca():
    path = f'{mount}/certs/s{counter}'
    os.mkdir(path)
    return path, lambda _: write(path + '/issuer', 'root\n'), lambda _: read(path + '/issuer') == 'root\n'


def rekey():
    path = f'{mount}/certs/r{counter}'
    os.mkdir(path)
    return path, lambda _: write(path + '/algorithm', 'ec-p384\n'), \
        lambda _: read(path + '/algorithm') == 'ec-p384\n'


def reading(what):
    """What is read with a fault is the whole of it, or an error."""
    def prepare():
        what()
        got = []
        return got, lambda got: got.append(what()), lambda got: got.pop() == what()
    prepare.__name__ = 'reading ' + what.__name__
    return prepare


def a_listing():
    return sorted(os.listdir(group + '/keys'))


def a_long_listing():
    with os.scandir(group) as entries:
        return sorted((e.name, e.stat(follow_symlinks=False).st_ino) for e in entries)


def a_log():
    with open(mount + '/log', 'rb', buffering=0) as f:
        return f.read(4096)


def a_head():
    """Whether it is one: a refusal, for want of memory too, makes another."""
    return re.fullmatch('[0-9a-f]{64}\n', read(mount + '/log.head')) is not None


def an_export():
    """The first segment of the trail, authenticated line by line."""
    folder = mount + '/export/trail'
    with open(f'{folder}/{min(os.listdir(folder))}', 'rb', buffering=0) as f:
        return f.read(4096)


def of(path):
    def read_it():
        return read(mount + '/' + path)
    read_it.__name__ = path
    return read_it


def of_changed(path):
    """The same of what is made anew after a change."""
    def prepare():
        os.mkdir(f'{mount}/certs/t{counter}')
        drop(fresh('t'), f't{counter}', pool.pop())
        write(f'{group}/members/t{counter}/revocation', 'superseded\n')
        what = '-----BEGIN' if path.endswith('.pem') else '_total' if path == 'metrics' else f't{counter}'

        # tables may be a little old: ten times as long as it takes to make one
        def comes(_):
            until = time.monotonic() + 30
            while time.monotonic() < until:
                if what in read(f'{mount}/{path}'):
                    return True
            return False
        return path, lambda _: read(f'{mount}/{path}'), comes
    prepare.__name__ = 'changed ' + path
    return prepare


CHANGES = [make_group, make_key, make_cert, edit, describe, chmod, copy, enroll, enroll_here, enroll_drop,
           ask, approve, reject, renew, revoke, remove_key, remove_member, rename, rename_draft, lose_secret, import_ca,
           sign_ca, rekey]
READS = [reading(what) for what in (a_listing, a_long_listing, a_log, a_head,
                                    of('certs/connector/chain.pem'), of('certs/connector/csr.pem'),
                                    of('certs/connector/crl.pem'),
                                    of('export/certs/connector.json'), an_export,
                                    of('app_connector/berlin/members/known/fullchain.pem'),
                                    of('app_connector/berlin/members/known/csr.pem'))] + \
    [of_changed(path) for path in ('metrics', 'tables/keys.tsv', 'tables/members.tsv', 'tables/keys.html',
                                   'certs/connector/crl.pem', 'certs/connector/index.txt')]
