#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""access.py MOUNT TREE_C SUBJECT...: every operation on every kind of node as these kinds of user.

What is expected is in access_rules.py. MOUNT is a fresh mount with -o export_gid=3001, TREE_C the
source's fs/tree.c: what no listing shows is looked at too.
"""
import ctypes
import errno
import hashlib
import json
import os
import re
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
import access_rules as rules
from access_rules import (AREAS, EMPTY, HIDDEN, KEY, MANAGED, OWN, OWNER, ROWS, SUBJECTS, TEAM,
                          UNUSED, Node, expected)

M = sys.argv[1]

# --- what is done, as real system calls of the subject: 0 or an errno ---


def with_open(path, flags, value=None, mode=0o666):
    fd = os.open(path, flags, mode)
    try:
        if value is not None:
            os.write(fd, value.encode())
        elif flags & os.O_ACCMODE == os.O_RDONLY:
            os.read(fd, 65536)
    finally:
        os.close(fd)


def replace(path, value):
    draft = os.path.dirname(path) + '/.access-replaces~'
    with_open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, value)
    try:
        os.rename(draft, path)
    except OSError:
        os.unlink(draft)
        raise


def make_again(path, _):
    os.unlink(path)
    with_open(path, os.O_CREAT | os.O_RDONLY)


CREATE = os.O_CREAT | os.O_WRONLY
ON_ALL = {
    'stat': lambda p, v: os.lstat(p),
    'chmod': lambda p, v: os.chmod(p, stat.S_IMODE(os.stat(p).st_mode) ^ 1),
    'chgrp': lambda p, v: os.chown(p, -1, os.getgid(), follow_symlinks=False),
    'chown': lambda p, v: os.chown(p, os.getuid(), -1, follow_symlinks=False),
    'utime': lambda p, v: os.utime(p, (1, 1), follow_symlinks=False),
    'setxattr': lambda p, v: os.setxattr(p, 'user.x', b'1', follow_symlinks=False),
    'rename': lambda p, v: os.rename(p, p + '-renamed'),
    'move': lambda p, v: os.rename(p, os.path.dirname(os.path.dirname(p)) + '/moved'),
}
ON_FILES = {
    'read': lambda p, v: with_open(p, os.O_RDONLY),
    'open to write': lambda p, v: with_open(p, os.O_WRONLY),
    'open for both': lambda p, v: with_open(p, os.O_RDWR, ''),
    'write': lambda p, v: with_open(p, os.O_WRONLY | os.O_TRUNC, v),
    'truncate': lambda p, v: os.truncate(p, 0),
    'replace': replace,
    'unlink': lambda p, v: os.unlink(p),
    'make again': make_again,
    'link': lambda p, v: os.link(p, p + '-linked', follow_symlinks=False),
}
ON_DIRS = {
    'list': lambda p, v: os.listdir(p),
    'enter': lambda p, v: os.stat(p + '/.'),
    'mkdir': lambda p, v: os.mkdir(p + '/made'),
    'create': lambda p, v: with_open(p + '/nonsense', CREATE),
    'create a draft': lambda p, v: with_open(p + '/.access~', CREATE | os.O_EXCL, 'x'),
    'drop a request': lambda p, v: with_open(p + '/fresh.csr', CREATE, v),
    'symlink': lambda p, v: os.symlink('x', p + '/symlink'),
    'mkfifo': lambda p, v: os.mkfifo(p + '/fifo'),
    'rmdir': lambda p, v: os.rmdir(p),
}
OPERATIONS = {
    **ON_ALL, **ON_FILES, **ON_DIRS,
    'make the draft': lambda p, v: with_open(p, CREATE | os.O_EXCL, 'text\n'),
}


def is_drop(node):
    return node.path.endswith(('.csr', '.crt'))


def operations_on(node):
    names = [*ON_ALL, *(ON_DIRS if node.is_dir else ON_FILES)]
    out = set()
    if not node.parent:
        out = {'rename', 'move', 'rmdir'}  # a mountpoint's name is not ours
    elif not node.parent.parent:
        out = {'move'}
    if not node.path.endswith('/enroll.d'):
        out.add('drop a request')
    if node.sort == 'link':
        out.add('chmod')  # it has no mode
    if node.sort in ('link', 'draft') or is_drop(node):
        out.add('make again')  # what would be made is something else
    return [name for name in names if name not in out]


# --- the subjects ---


class Subject:
    """A process that does what it is told as somebody."""

    def __init__(self, uid, gid, groups, own_namespace):
        told, self.tell = os.pipe()
        self.answer, answers = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.tell)
            os.close(self.answer)
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            os.umask(0)
            if own_namespace:
                become_root()
            serve(os.fdopen(told), answers)
            os._exit(0)
        os.close(told)
        os.close(answers)

    def do(self, operation, path, value):
        os.write(self.tell, (json.dumps([operation, path, value]) + '\n').encode())
        return int(os.read(self.answer, 16))



def become_root():
    """As `unshare --user --map-root-user` does."""
    libc, uid, gid = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    dumpable, new_user = 4, 0x10000000
    libc.prctl(dumpable, 1, 0, 0, 0)
    if libc.unshare(new_user):
        sys.exit(f'no user namespace: {os.strerror(ctypes.get_errno())}')
    for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1')):
        with open(f'/proc/self/{name}', 'w') as f:
            f.write(text)
    with open('/proc/self/status') as f:
        has = int(re.search(r'CapEff:\s*(\w+)', f.read())[1], 16)
    assert os.getuid() == 0 and has & 0xff == 0xff


def serve(told, answers):
    for line in told:
        operation, path, value = json.loads(line)
        try:
            OPERATIONS[operation](path, value)
            rc = 0
        except OSError as e:
            rc = e.errno
        os.write(answers, str(rc).encode())


# --- the mount as it is at first ---


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, **more).stdout


def request(cn, key=None):
    """The request, and its key."""
    key = key or run('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt',
                     'ec_paramgen_curve:P-256')
    csr = run('openssl', 'req', '-new', '-key', '/dev/stdin', '-subj', '/CN=' + cn, input=key)
    return csr.decode(), key


def put(path, text):
    with open(f'{M}/{path}', 'w') as f:
        f.write(text)


texts = {}  # what is written: of an object, by the name in FILES


def make_member(key, name):
    group = os.path.dirname(os.path.dirname(key))
    csr, old = request(name)
    put(f'{key}/enroll.d/{name}.csr', csr)
    new, _ = request(name)
    der = run('openssl', 'req', '-outform', 'DER', input=new.encode())
    texts[key, '$request'] = csr
    texts[f'{group}/members/{name}', '$renewal'] = new
    if (key, name) == ('app_connector/handed/keys/auto', 'one'):
        with open(f'{M}/{key}/key') as f:
            texts['', '$key and request'] = f.read() + csr
        texts['', '$request and proof'] = new + request(hashlib.sha256(der).hexdigest(), old)[0]


def set_managed(value):
    for area in AREAS:
        if os.path.exists(f'{M}/{area}/keys/managed'):
            put(f'{area}/keys/managed/managed', value)


def set_up():
    for area in AREAS:
        os.mkdir(f'{M}/{area}')
        for key, member in (('auto', 'one'), ('managed', 'two')):
            if area.startswith('certs') or area == EMPTY:
                continue
            path = f'{area}/keys/{key}'
            os.mkdir(f'{M}/{path}')
            put(path + '/max_uses', 'max\n')
            make_member(path, member)
        if re.fullmatch(UNUSED, area):
            put(area + '/issuer', 'self\n')
    # so that the second is named too
    put('service_edge/empty/signing_cert', 'service_edge\n')
    for area, (mode, handed) in AREAS.items():
        if handed:
            run('chown', '-R', f'{OWNER}:{TEAM}', f'{M}/{area}')
            run('chmod', '-R', 'g+rwX', f'{M}/{area}')
            continue
        for folder, _, _ in os.walk(f'{M}/{area}'):
            if os.path.basename(folder) not in ('keys', 'members', 'enroll.d', 'pending'):
                os.chown(folder, OWNER, TEAM)
                os.chmod(folder, mode)
    for folder, _, files in os.walk(f'{M}/{OWN}'):
        for name in files:
            os.chmod(f'{folder}/{name}', os.stat(f'{folder}/{name}').st_mode & 0o700)
    set_managed('1\n')


def walk(path='', parent=None):
    """All there is, also what is not listed."""
    node = Node(path, parent, True)
    yield node
    with os.scandir(f'{M}/{path}') as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            inner = f'{path}/{entry.name}'.lstrip('/')
            if entry.is_dir(follow_symlinks=False):
                yield from walk(inner, node)
                continue
            yield Node(inner, node, False)
            if entry.name in HIDDEN and node.sort == 'object':
                yield Node(f'{path}/{HIDDEN[entry.name]}', node, False)
    if re.fullmatch(f'{KEY}|{MANAGED}', path):
        yield Node(path + '/.draft', node, False)


# --- the cells ---


class Fresh:
    """Another of its kind, for what cannot be undone."""

    def __init__(self, node):
        of, group = node.object(), '/'.join(node.path.split('/')[:2])
        drop = is_drop(node)
        if drop or '/members/' in of.path:
            drops = node.parent.path if drop else group + '/keys/auto/enroll.d'
            put(f'{drops}/fresh.csr', request('fresh')[0])
            self.made = group + '/members/fresh'
            self.path = f'{drops}/fresh{node.path[-4:]}' if drop else self.made
        else:
            self.made = os.path.dirname(of.path) + '/fresh'
            os.mkdir(f'{M}/{self.made}')
            self.path = self.made + node.path[len(of.path):]
        os.chown(f'{M}/{self.made}', of.uid, of.gid)
        os.chmod(f'{M}/{self.made}', of.mode)

    def remove(self):
        if os.path.exists(f'{M}/{self.made}'):
            os.rmdir(f'{M}/{self.made}')


def needs_fresh(node, operation):
    return operation == 'rmdir' and node.sort == 'object' or \
        operation == 'unlink' and (node.sort == 'link' or is_drop(node))


def undo(node, operation, path):
    if operation in ('chmod', 'chgrp', 'chown'):
        os.chown(path, node.uid, node.gid, follow_symlinks=False)
        if node.sort != 'link':
            os.chmod(path, node.mode)
        for name in HIDDEN.values():  # it follows the directory now
            if re.match(OWN, node.path) and not rules.whole and os.path.lexists(f'{path}/{name}'):
                os.chmod(f'{path}/{name}', os.stat(f'{path}/{name}').st_mode & 0o700)
    elif operation == 'link':
        os.unlink(path + '-linked')
    elif operation == 'rename' and (node.is_dir or node.sort == 'csr'):
        os.rename(path + '-renamed', path)
    elif operation == 'rename' and node.sort != 'draft':
        os.unlink(path + '-renamed')  # it was a copy
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT))
    elif operation in ('unlink', 'make again') and node.sort != 'draft':
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT))  # it is there again
    elif operation == 'mkdir':
        os.rmdir(path + '/made')
    elif operation == 'rmdir':
        os.mkdir(path)
    elif operation == 'create a draft':
        os.unlink(path + '/.access~')
    elif operation == 'drop a request':
        os.rmdir(f'{M}/{"/".join(node.path.split("/")[:2])}/members/fresh')


def renew_draft(path, owner):
    for name in (path, path + '-renamed'):
        if os.path.exists(name):
            os.unlink(name)
    assert owner.do('make the draft', path, None) == 0


def as_modelled(node):
    st = os.lstat(f'{M}/{node.path}')
    return (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (node.mode, node.uid, node.gid)


class Matrix:
    def __init__(self, names):
        self.owner = Subject(*SUBJECTS['owner'])
        self.subjects = {name: Subject(*SUBJECTS[name]) for name in names}
        self.wrong, self.cells, self.seen = [], 0, set()

    def value(self, node, operation):
        if operation == 'drop a request':
            return request('fresh')[0]
        if node.is_dir or not (node.row.value or '').startswith('$'):
            return node.row.value or ''
        return texts[node.object().path, node.row.value]

    def cell(self, node, operation, subject):
        want = expected(node, operation, subject)
        fresh = Fresh(node) if 0 in want and needs_fresh(node, operation) else None
        path = f'{M}/{fresh.path if fresh else node.path}'
        if node.sort == 'draft':
            renew_draft(path, self.owner)
        got = self.subjects[subject].do(operation, path, self.value(node, operation))
        self.cells += 1
        self.seen.add((operation, not got))
        if got not in want:
            told = '/'.join(errno.errorcode.get(n, 'done') for n in sorted(want))
            answer = errno.errorcode.get(got, 'done')
            self.wrong.append(f'{node.path}: {operation} by {subject}: {answer}, not {told}')
        if fresh:
            fresh.remove()
        elif not got or operation == 'make again' and not rules.remove(node, operation, subject):
            try:
                undo(node, operation, path)
            except OSError as e:
                self.wrong.append(f'{node.path}: {operation} by {subject}: not undone: {e}')

    def node(self, node):
        if node.sort == 'draft':
            renew_draft(f'{M}/{node.path}', self.owner)
        if not as_modelled(node):
            self.wrong.append(f'{node.path}: not {node.mode:o} {node.uid}:{node.gid}')
        for operation in operations_on(node):
            for subject in self.subjects:
                self.cell(node, operation, subject)
        if node.sort != 'draft' and not as_modelled(node):
            self.wrong.append(f'{node.path}: changed for good')

    def all(self):
        nodes = list(walk())
        for node in nodes:
            self.node(node)
        there = {node.path for node in walk()}
        # what was exported meanwhile may be more
        self.wrong += [f'{n.path}: is gone' for n in nodes if n.path not in there]
        return len(nodes)

    def end(self):
        # those behind have the pipes of those before
        subjects = [self.owner, *self.subjects.values()]
        for subject in subjects:
            os.close(subject.tell)
        for subject in subjects:
            os.waitpid(subject.pid, 0)
        for row in ROWS[True] + ROWS[False]:
            if not row.used:
                self.wrong.append(f'there is nothing that {row.pattern.pattern} knows')
        for operation in [*ON_ALL, *ON_FILES, *ON_DIRS]:
            if (operation, False) not in self.seen:
                self.wrong.append(f'{operation} was refused to nobody')


def main():
    with open(sys.argv[2]) as f:
        marked = set(re.findall(r'\bSECRET\(\s*\d+,\s*"([^"]+)"', f.read()))
    if marked != set(HIDDEN.values()):
        sys.exit(f'hidden files: {marked}')
    matrix = Matrix(sys.argv[3:])
    set_up()
    nodes = matrix.all()
    set_managed('0\n')
    for command in (('chown', '-R', f'{OWNER}:{TEAM}'), ('chmod', '-R', 'g+rwX')):
        said = subprocess.run([*command, M], stderr=subprocess.PIPE, text=True).stderr
        assert all('/export' in line for line in said.splitlines()), said
    set_managed('1\n')
    rules.whole = True
    nodes += matrix.all()
    matrix.end()
    for line in matrix.wrong:
        print(line)
    print(f'access: {nodes:,} nodes, {len(OPERATIONS) - 1} operations, {len(matrix.subjects)} subjects: '
          f'{matrix.cells:,} cells{"" if matrix.wrong else " ok"}')
    sys.exit(bool(matrix.wrong))


main()
