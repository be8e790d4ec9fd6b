# SPDX-License-Identifier: Apache-2.0
"""Who may do what in the tree: what the contract says, as tables and rules. access.py holds the
program against them.

Nothing here asks a mount. A node that no row knows is a fault, and so is a row that knows no node.
"""
import errno
import re
import sys

OWNER, MEMBER, STRANGER, TEAM = 2001, 2002, 2003, 3001
# name: uid, gid, other groups, root of a user namespace of its own. The last may do what the third
# may: what it is capable of counts in its own namespace.
SUBJECTS = {
    'owner': (OWNER, OWNER, [], False),
    'group member': (MEMBER, MEMBER, [TEAM], False),
    'stranger': (STRANGER, STRANGER, [], False),
    'root in a user namespace': (STRANGER, STRANGER, [], True),
}

# --- what there is ---

GROUP, EMPTY = '(app_connector|service_edge)/(handed|follows|closed|own)', 'service_edge/empty'
ANY = f'({GROUP}|{EMPTY})'
KEY, MANAGED = GROUP + '/keys/auto', GROUP + '/keys/managed'
USED = 'certs/(root|connector|service_edge)'
UNUSED, PENDING = 'certs/(handed|closed)', 'certs/waiting'
JUNK = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

LIMITS = (('allowed_names', 'x.example\n'), ('member_names', '*\n'), ('validity', '365d\n'),
          ('key_types', 'ec-p256 ed25519\n'), ('usages', 'client server\n'))

# Sorts of files: ro (nobody writes it), rw, ca (the root's owner writes it), talk (a conversation,
# as the directory permits), public (one for everybody), mine (one for the root's owner), command (read
# as nothing), secret, link, csr (a drop: writing it again
# changes nothing), draft, export. Then what is written, $ for a request, and what who may write it
# is told.
FILES = [
    ('', 'enroll', 'public', '$key and request', 0),
    ('', 'renew', 'public', '$request and proof', 0),
    ('', 'log log.head metrics domain version why', 'ro'),
    ('tables', 'keys.tsv members.tsv keys.html members.html', 'ro'),
    (ANY, 'created modified', 'ro'),
    ('', 'whois', 'mine', 'no key\n', errno.EBADMSG),
    (ANY, 'description', 'rw', 'text\n', 0),
    (ANY, 'expire_after', 'rw', 'never\n', 0),
    (ANY, 'revocation', 'rw', 'no reason\n', errno.EINVAL),
    (ANY, 'enabled', 'rw', '1\n', 0),
    (ANY, 'signing_cert', 'ca', 'connector\n', 0),
    (ANY, 'approval', 'ca', '0\n', 0),
    (GROUP + '/members/[^/]+', 'cert.pem chain.pem fullchain.pem csr.pem serial fingerprint '
     'not_before not_after provisioning_key signing_cert state enrolled enrolled_by', 'ro'),
    (GROUP + '/members/[^/]+', 'description', 'rw', 'text\n', 0),
    (GROUP + '/members/[^/]+', 'revocation', 'rw', 'no reason\n', errno.EINVAL),
    (GROUP + '/members/[^/]+', 'renew', 'talk', '$renewal', 0),
    ('export', r'store\.json', 'export'),
    ('export/' + ANY, r'group\.json', 'export'),
    ('export/' + GROUP + '/keys', r'(auto|managed)\.json', 'export'),
    ('export/certs', r'[a-z_]+\.json', 'export'),
    ('export/trail', r'[a-z0-9-]+\.jsonl', 'export'),
]
FILES += [(ANY, name, 'ca', text, 0) for name, text in LIMITS]
for key, refused in ((KEY, 0), (MANAGED, errno.EPERM)):
    FILES += [
        (key, 'uses remaining state id copies last_copied last_used created modified modified_by',
         'ro'),
        (key, 'key', 'link'),
        (key, r'\.key', 'secret'),
        (key, 'max_uses', 'rw', 'max\n', refused),
        (key, 'enabled exportable', 'rw', '1\n', refused),
        (key, 'approval', 'rw', '0\n', refused),
        (key, 'revocation', 'rw', 'no reason\n', errno.EINVAL),
        (key, 'secret', 'command', 'old\n', errno.EINVAL),
        (key, 'expires', 'rw', 'never\n', refused),
        (key, 'description', 'rw', 'text\n', refused),
        (key, 'signing_cert', 'ca', 'connector\n', refused),
        (key, 'managed', 'ca', '1\n' if refused else '0\n', 0),
        (key, 'enroll', 'talk', '$request', 0),
        (key + r'/enroll\.d', r'[a-z]+\.csr', 'csr', '$request', 0),
        (key + r'/enroll\.d', r'[a-z]+\.crt', 'ro'),
        (key, r'\.draft', 'draft', 'text\n', 0),
    ]
    FILES += [(key, name, 'rw', text, refused) for name, text in LIMITS]
for cert in (USED, UNUSED, PENDING):
    waits, done = cert == PENDING, 0 if cert == PENDING else errno.EBUSY
    FILES += [
        (cert, 'chain.pem csr.pem state serial fingerprint not_before not_after issued revoked '
         'created modified crl.pem crl.der index.txt index.txt.attr', 'ro'),
        (cert, 'cert.pem import', 'rw', JUNK, errno.EBADMSG if waits else errno.EBUSY),
        (cert, 'issuer', 'rw', 'nobody\n' if waits else 'self\n',
         errno.ENOENT if waits else errno.EBUSY),
        (cert, 'algorithm', 'rw', 'ec-p256\n', done),
        (cert, 'subject', 'rw', 'CN=waiting\n', done),
        (cert, 'ca_validity_days', 'rw', '3650\n', done),
        (cert, 'enabled', 'rw', '1\n', 0),
        (cert, 'validity_days', 'rw', '365\n', 0),
        (cert, 'crl_days', 'rw', '7\n', 0),
        (cert, 'crl_url issuer_url', 'rw', 'http://pki.example/\n', 0),
        (cert, 'revocation', 'rw', 'no reason\n', errno.EINVAL),
        (cert, 'cross', 'ca', 'none\n', 0),
        (cert, r'cross\.pem', 'ro'),
        (cert, 'managed', 'ca', '0\n', 0),
    ]

# Sorts of directories: place (always there), object, fixed (of an object), rooted (the same, but the
# root's owner has it until it is given away), export. Then whether
# objects can be made in it, whether drafts can, and what who may remove it is told.
DIRS = [
    ('', 'place', False, False, errno.EPERM),
    ('app_connector|service_edge|certs', 'place', True, False, errno.EPERM),
    ('tables', 'place', False, False, errno.EPERM),
    (GROUP, 'object', False, True, errno.ENOTEMPTY),
    (EMPTY, 'object', False, True, 0),
    (EMPTY + '/keys', 'fixed', True, False, 0),
    (EMPTY + '/members', 'fixed', False, False, 0),
    (GROUP + '/keys', 'fixed', True, False, errno.ENOTEMPTY),
    (GROUP + '/members', 'fixed', False, False, errno.ENOTEMPTY),
    (GROUP + '/members/[^/]+', 'object', False, True, 0),
    (KEY, 'object', False, True, 0),
    (MANAGED, 'object', False, True, errno.EPERM),
    (KEY + r'/enroll\.d', 'fixed', False, True, 0),
    (MANAGED + r'/enroll\.d', 'fixed', False, True, errno.EPERM),
    (KEY + '/pending', 'rooted', False, False, 0),
    (MANAGED + '/pending', 'rooted', False, False, errno.EPERM),
    (USED, 'object', False, True, errno.EBUSY),
    (f'{UNUSED}|{PENDING}', 'object', False, True, 0),
    ('export', 'export', False, False, errno.EPERM),
    ('export/(app_connector|service_edge|certs|trail)', 'export', False, False, errno.EPERM),
    ('export/' + ANY, 'export', False, False, errno.EPERM),
    ('export/' + ANY + '/keys', 'export', False, False, errno.EPERM),
]
# What says something of every group: for its owner and a group alone.
AUDIT = re.compile(r'(log|log\.head|tables(/.*)?)$')
# What no listing shows; the marked ones in fs/tree.c, and drafts.
HIDDEN = {'key': '.key'}


class Row:
    def __init__(self, pattern, sort, value=None, answer=None, made=False, drafts=False):
        self.pattern, self.sort, self.value, self.answer = re.compile(pattern), sort, value, answer
        self.made, self.drafts, self.used = made, drafts, 0


def rows_of_files():
    for folder, names, sort, *value in FILES:
        for name in names.split(' '):
            yield Row(f'(?:{folder})/{name}' if folder else name, sort, *value)


ROWS = {
    True: [Row(p, sort, None, gone, made, drafts) for p, sort, made, drafts, gone in DIRS],
    False: list(rows_of_files()),
}

# What was handed to OWNER and TEAM: the mode of its directories, and whether with chown -R and
# chmod -R g+rwX or only the directories. The rest is root's, 0755, until all of it is handed over.
OWN = 'app_connector/own'  # whose files are their owner's alone
AREAS = {
    'app_connector/handed': (0o775, True),
    'app_connector/follows': (0o775, False),
    'app_connector/closed': (0o750, False),
    OWN: (0o775, True),
    'service_edge/handed': (0o775, True),
    'service_edge/empty': (0o775, True),
    'certs/handed': (0o775, True),
    'certs/waiting': (0o775, True),
    'certs/closed': (0o750, False),
}
whole = False  # whether the mount itself was handed over too


class Node:
    """What the contract says of one: whose it is, and its mode."""

    def __init__(self, path, parent, is_dir):
        self.path, self.parent, self.is_dir = path, parent, is_dir
        found = [row for row in ROWS[is_dir] if row.pattern.fullmatch(path)]
        if len(found) != 1:
            sys.exit(f'{path or "the root"}: {len(found)} rows know it')
        self.row, self.sort = found[0], found[0].sort
        self.row.used += 1
        # a temporary file is no part of the object
        self.managed = bool(re.match(MANAGED, path)) and self.sort != 'draft'
        self.set_owner()

    def set_owner(self):
        area = '/'.join(self.path.split('/')[:2])
        root = (OWNER, TEAM) if whole else (0, 0)
        folder, handed = AREAS.get(area, (0o550 if AUDIT.match(self.path) else 0o755, False))
        self.uid, self.gid = (OWNER, TEAM) if area in AREAS or whole else (0, 0)
        if whole:
            folder, handed = folder | 0o070, True
        self.mode = folder if self.is_dir else self.file_mode(folder)
        if self.sort in ('ca', 'mine', 'rooted') and not handed:
            self.uid, self.gid = root
        if self.sort == 'rooted':
            self.mode = 0o770 if handed else 0o750
        if self.sort == 'draft':
            self.uid = OWNER
        elif self.sort == 'export':
            self.uid, self.gid, self.mode = root[0], TEAM, 0o550 if self.is_dir else 0o440
        elif handed and not self.is_dir and self.sort != 'link':
            self.mode |= 0o060 if self.listed() else 0
            if area == OWN and not whole:
                self.mode &= 0o700
            elif area == OWN and self.listed():  # what is not follows its directory again
                self.mode &= 0o760

    def listed(self):
        """Whether chmod -R finds it."""
        return self.path.split('/')[-1] not in HIDDEN.values()

    def file_mode(self, folder):
        read, write = folder & 0o444, folder & 0o220
        return {'ro': read, 'rw': read | write, 'csr': read | write, 'ca': 0o644, 'mine': 0o600, 'command': read | write,
                'talk': write | write << 1, 'public': 0o666, 'link': 0o777, 'export': 0o440,
                'secret': 0o400 | (folder & 0o020) << 1, 'draft': folder & 0o660}[self.sort]

    def lets(self, subject, wanted):
        uid, gid, groups, _ = SUBJECTS[subject]
        shift = 6 if uid == self.uid else 3 if self.gid in [gid, *groups] else 0
        return self.mode >> shift & wanted == wanted

    def reached(self, subject):
        return not self.parent or (self.parent.lets(subject, 1) and self.parent.reached(subject))

    def changed_by(self, subject):
        """Whether he may make, remove and rename in it."""
        return self.lets(subject, 3) and self.reached(subject)

    def object(self):
        own = self.is_dir and self.sort in ('object', 'place', 'export')
        return self if own else self.parent.object()


# --- what is expected ---

NEVER = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}  # refused to all, whoever says so first


def mark(node, operation, subject):
    """Changing what is said of it: by its owner."""
    if SUBJECTS[subject][0] != node.uid:
        return errno.EPERM
    # taking what one has already changes nothing, and times are set to no effect
    changes = operation not in ('utime', 'chown')
    return errno.EPERM if changes and (node.sort == 'export' or node.managed) else 0


def rename(node, operation, subject):
    over = node.parent.parent if operation == 'move' else node.parent
    if not over or not node.parent.changed_by(subject) or not over.changed_by(subject):
        return errno.EACCES
    # a directory's own `..` would change
    if operation == 'move' and node.is_dir and not node.lets(subject, 2):
        return errno.EACCES
    if operation == 'move' or node.managed:
        return errno.EPERM
    if node.is_dir or node.sort == 'draft':
        return 0 if node.sort in ('object', 'draft') else errno.EPERM
    return keep(node, subject)


def keep(node, subject):
    """A copy of a file beside it, by link(2) or by renaming it away; whoever may write to both."""
    if not node.parent.row.drafts or node.managed or node.sort not in ('rw', 'csr', 'ca', 'ro'):
        return errno.EPERM
    if re.search(r'/(import|crl\.(pem|der)|index\.txt|[^/]+\.crt)$', node.path):
        return errno.EPERM
    if node.sort == 'ca' and SUBJECTS[subject][0] != (OWNER if whole else 0):
        return errno.EPERM
    return 0 if node.sort != 'ro' and node.lets(subject, 6) else errno.EACCES


def link(node, subject):
    if node.is_dir:
        return NEVER
    if not node.parent.changed_by(subject):
        return {errno.EACCES, errno.EPERM}
    # the kernel may say it first (fs.protected_hardlinks)
    told = keep(node, subject)
    return {told, errno.EPERM} if told else {0}


def remove(node, operation, subject):
    if not node.parent.changed_by(subject):
        return errno.EACCES
    if node.sort == 'draft':
        return 0
    of = node.object()
    if of.sort in ('place', 'export') or of.managed:
        return errno.EPERM
    if node is of:
        return of.row.answer
    # hiding what belongs to an object begins deleting that
    if of.row.answer == errno.EBUSY:
        return errno.EBUSY
    if not of.parent.changed_by(subject):
        return errno.EACCES
    return node.row.answer if node.is_dir else 0


def write(node, operation, subject):
    """Once its mode has let him open it."""
    if node.sort in ('ro', 'export', 'secret', 'link'):
        return errno.EACCES
    root = OWNER if whole else 0
    if node.sort in ('ca', 'mine') and SUBJECTS[subject][0] != root:
        return errno.EACCES
    return 0 if operation.startswith('open') else node.row.answer


def replaced(node, subject):
    if not node.parent.changed_by(subject):
        return errno.EACCES
    if not node.parent.row.drafts or node.sort in ('ro', 'talk', 'mine', 'secret', 'link'):
        return errno.EPERM
    # over a request's name it is a drop: who may write the directory may
    if node.sort in ('draft', 'csr'):
        return 0
    return write(node, 'write', subject) if node.lets(subject, 2) else errno.EACCES


def of_file(node, operation, subject):
    if operation == 'replace':
        return replaced(node, subject)
    if operation == 'unlink':
        return remove(node, operation, subject)
    if operation == 'make again':
        return remove(node, operation, subject) or (0 if node.lets(subject, 4) else errno.EACCES)
    wanted = {'read': 4, 'open for both': 6}.get(operation, 2)
    opened = Node(node.parent.path + '/.key', node.parent, False) if node.sort == 'link' else node
    if not opened.lets(subject, wanted):
        return errno.EACCES
    # to nothing is how a value begins: nothing changes yet
    return 0 if operation in ('read', 'truncate') else write(node, operation, subject)


def of_dir(node, operation, subject):
    if operation == 'rmdir':
        return remove(node, operation, subject)
    if operation in ('list', 'enter'):
        return 0 if node.lets(subject, 4 if operation == 'list' else 1) else errno.EACCES
    if not node.changed_by(subject):
        return errno.EACCES
    may = {'mkdir': node.row.made, 'create a draft': node.row.drafts, 'drop a request': True}
    return 0 if may.get(operation) else errno.EPERM


def expected(node, operation, subject):
    if not node.reached(subject):
        return NEVER if operation in ('setxattr', 'link') else {errno.EACCES}
    if operation == 'stat':
        return {0}
    if operation == 'setxattr':
        return NEVER
    if operation == 'link':
        return link(node, subject)
    if operation in ('chmod', 'chgrp', 'chown', 'utime'):
        return {mark(node, operation, subject)}
    if operation in ('rename', 'move'):
        return {rename(node, operation, subject)}
    return {(of_dir if node.is_dir else of_file)(node, operation, subject)}
