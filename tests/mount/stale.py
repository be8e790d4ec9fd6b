# SPDX-License-Identifier: Apache-2.0
"""stale.py MOUNT ROUNDS: writers change values, names and switches through one file; they and readers read them
through others. What was answered is what everybody reads from then on. Prints how many reads there were, and fails
if one of them had an older value."""
import multiprocessing
import os
import sys

mount, rounds = sys.argv[1], int(sys.argv[2])
group = mount + '/app_connector/stale'
certs = mount + '/certs/'


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read().strip()


def write(path, value):
    with open(path, 'w', encoding='ascii') as f:
        f.write(f'{value}\n')


def limit(n):
    write(f'{group}/keys/k0/max_uses', n)


def rename(n):
    os.rename(f'{certs}n{n - 1}', f'{certs}n{n}')


def switch(n):
    write(f'{group}/enabled', n % 2)


def allow(n):
    os.chmod(f'{group}/keys/k2', 0o700 + n % 2 * 0o040)


# what changes, and where it is read as a number; of what goes up and down, only the writer knows what it has to be
CHANGES = [
    (limit, lambda: int(read(f'{group}/keys/k0/max_uses'))),
    (rename, lambda: int(read(f'{group}/keys/k1/signing_cert')[1:])),
    (rename, lambda: int(read(f'{group}/signing_cert')[1:])),
    (switch, lambda: int(read(f'{group}/keys/k2/state') == 'active')),
    (allow, lambda: int(os.stat(f'{group}/keys/k2/max_uses').st_mode & 0o040 != 0)),
]


def writer(work, answered, stale, reads):
    for n in range(1, rounds + 1):
        work(n)
        for i, (change, value) in enumerate(CHANGES):
            if change is not work:
                continue
            stale.value += value() != (n if work in (limit, rename) else n % 2)
            reads.value += 1
            answered[i] = n


def reader(answered, writing, stale, reads):
    while writing.value:
        for i, (change, value) in enumerate(CHANGES):
            least = answered[i]
            got = value()
            stale.value += change in (limit, rename) and got < least
            reads.value += 1


def main():
    os.mkdir(group)
    os.mkdir(certs + 'n0')
    write(certs + 'n0/issuer', 'root')
    write(group + '/signing_cert', 'n0')
    for k in range(3):
        os.mkdir(f'{group}/keys/k{k}')
    limit(0)
    answered = multiprocessing.Array('q', len(CHANGES))
    writing = multiprocessing.Value('i', 1)
    counts = []

    def start(target, *args):
        counts.append((multiprocessing.Value('q', 0), multiprocessing.Value('q', 0)))
        process = multiprocessing.Process(target=target, args=(*args, *counts[-1]))
        process.start()
        return process

    readers = [start(reader, answered, writing) for _ in range(4)]
    writers = [start(writer, work, answered) for work in (limit, rename, switch, allow)]
    for process in writers:
        process.join()
    writing.value = 0
    for process in readers:
        process.join()
    assert all(p.exitcode == 0 for p in writers + readers)
    stale, reads = (sum(c[i].value for c in counts) for i in (0, 1))
    print(f'{reads} reads, {stale} of them of an older value')
    assert not stale


main()
