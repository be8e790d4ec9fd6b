#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""paragraphs.py TOP [MOUNT]

Compares enrollfs(5) in TOP with the attribute table in fs/tree.c, and with a mount that has the group
app_connector/berlin, its key auto, a request that waits in it and its member web1: each file has its paragraph, in the section of
its directory, which says who reads and writes it; and each paragraph has its file.
"""
import glob
import os
import re
import sys

# The section of each table, and where such a directory is on the mount.
GROUP = 'app_connector/berlin'
SECTIONS = {
    'THE ROOT': (['root_attr', 'root_dir'], ''),
    'A GROUP': (['group_attr', 'group_dir'], GROUP),
    'A PROVISIONING KEY': (['key_attr', 'key_dir'], f'{GROUP}/keys/auto'),
    'A DROPPED REQUEST': (['drop_attr'], f'{GROUP}/keys/auto/enroll.d'),
    'A PENDING REQUEST': (['pending_attr'], f'{GROUP}/keys/auto/pending/*'),
    'A MEMBER': (['member_attr'], f'{GROUP}/members/web1'),
    'A SIGNING CERTIFICATE': (['cert_attr'], 'certs/root'),
    'TABLES': (['table_attr'], 'tables'),
    'EXPORT': (['export_store_attr', 'export_dir', 'export_group_attr', 'export_group_dir', 'export_attr',
                'segment_attr'], None),
}

# What the paragraph says of an attribute that is made with this constructor.
ACCESS = {
    'VALUE': 'rw', 'SHARED_VALUE': 'rw', 'AWAITED': 'rw', 'LINES': 'rw', 'ORDER': 'rw', 'COMMAND': 'w',
    'ROOT_VALUE': "rw, root's owner", 'ROOT_LINES': "rw, root's owner", 'ROOT_CONVERSATION': "rw, root's owner",
    'COLLECTED': 'rw', 'DROP': 'rw', 'CONVERSATION': 'rw', 'INPUT': 'w', 'WRITTEN': 'w',
    'READ_ONLY': 'r', 'SIZED': 'r', 'CONSTANT': 'r', 'MEASURED': 'r',
    'DOCUMENT': 'r', 'FIXED_DOCUMENT': 'r', 'STREAM': 'r', 'LIST': 'r', 'LINK': 'r', 'SECRET': 'r',
    'EXPORT': 'r', 'REPORT': 'r', 'RENEWED': 'r', 'RENEWED_SIZED': 'r', 'RENEWED_DOCUMENT': 'r',
    'CHAIN': 'r', 'RENEWED_CHAIN': 'r',
}


def table(top):
    """{array: {name: access}} of fs/tree.c; a directory's access is '/'."""
    with open(f'{top}/fs/tree.c', encoding='utf-8') as file:
        text = file.read()
    arrays = {}
    for name, body in re.findall(r'static const struct \w+ (\w+)\[\] = \{\n(.*?)\n\};', text, re.S):
        rows = re.findall(r'(\w+)\(\s*\d+,\s*"([^"]+)"', body)
        arrays[name] = {file: ACCESS[maker] for maker, file in rows}
        arrays[name].update((directory, '/') for directory in re.findall(r'\{"([^"]+)", KIND_', body))
    return arrays


def paragraphs(top):
    """{section: {name: access}} of enrollfs(5)."""
    sections, section = {}, None
    with open(f'{top}/fs/enrollfs.5', encoding='utf-8') as file:
        for line in file.read().split('\n'):
            if line.startswith('.Sh '):
                section = sections.setdefault(line[4:], {})
            elif section is not None and line.startswith('.It Pa '):
                names, _, access = line[7:].partition(' Pq ')
                for name in names.split(' , '):
                    section[name.rstrip('/')] = '/' if name.endswith('/') else access
    return sections


def listed(mount, where, section):
    """What a directory of the mount lists, as sections name it."""
    names = os.listdir(glob.glob(os.path.join(mount, where))[0])
    if section == 'A DROPPED REQUEST':
        names = [os.path.splitext(name)[1] for name in names]
    return set(names)


def exported(mount):
    """The same for all of export/."""
    names = set()
    for where, directories, files in os.walk(f'{mount}/export'):
        fixed = where.count('/') - mount.count('/') != 2 or where.endswith('/trail')
        names |= {name for name in directories if fixed or name == 'keys'}
        names |= {name if name in ('store.json', 'group.json') else os.path.splitext(name)[1] for name in files}
    return names - {'berlin'}


def differ(section, kind, want, got):
    """Says what is in one of two sets only."""
    wrong = [f'{section}: {name}: in {kind}, and has no paragraph' for name in sorted(want - got)]
    return wrong + [f'{section}: {name}: has a paragraph, and is not in {kind}' for name in sorted(got - want)]


def main():
    top, *mount = sys.argv[1:]
    arrays, pages = table(top), paragraphs(top)
    wrong = []
    for section, (names, where) in SECTIONS.items():
        want = {}
        for name in names:
            want.update(arrays.pop(name))
        got = pages.get(section, {})
        wrong += differ(section, 'the table', set(want), set(got))
        wrong += [f'{section}: {name}: ({got[name]}), and is ({want[name]})' for name in want
                  if name in got and got[name] != want[name]]
        if mount:
            there = exported(mount[0]) if where is None else listed(mount[0], where, section)
            hidden = {name for name in got if name == '.key'}
            wrong += differ(section, 'the mount', there, set(got) - hidden)
    wrong += [f'{name}: a table that belongs to no section' for name, rows in arrays.items() if rows]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
