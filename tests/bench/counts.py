#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""counts.py PID STORE MOUNT KEY BENCH [REQUESTS]: what one operation costs a daemon, in exact counts.

Traces the daemon PID, which serves STORE at MOUNT, while clients enroll with KEY (the directory of a
provisioning key) and read and write its files; prints the FUSE requests, the system calls, and the
writes to the write-ahead log of one operation each. BENCH is the program of tests/bench. With
REQUESTS, the file of tests/mount/requests.c, also the requests of 32 clients at the same time.

counts.py --check PID STORE MOUNT KEY BENCH < LIMITS compares instead, and fails if a figure
is above its limit or is missing. A line of LIMITS is `OPERATION | FIGURE | LIMIT`.

Ends with 77, and the reason on stdout, where nothing can be traced.

A count is the median of REPEATS windows, one operation each, which a lookup that has expired or a
checkpoint does not blur. Clients at the same time are not traced, since how often they look up names
depends on how fast the daemon answers.
"""
import collections
import itertools
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import threading

REPEATS = 50
WARM_UP = 5
CROWD = 32  # clients at the same time
CROWD_ENROLLMENTS = 640
CROWDS = 5

# of <linux/fuse.h>
OPCODES = {
    1: 'LOOKUP', 2: 'FORGET', 3: 'GETATTR', 4: 'SETATTR', 5: 'READLINK', 9: 'MKDIR', 10: 'UNLINK', 11: 'RMDIR',
    12: 'RENAME', 14: 'OPEN', 15: 'READ', 16: 'WRITE', 17: 'STATFS', 18: 'RELEASE', 20: 'FSYNC', 21: 'SETXATTR',
    22: 'GETXATTR', 23: 'LISTXATTR', 25: 'FLUSH', 26: 'INIT', 27: 'OPENDIR', 28: 'READDIR', 29: 'RELEASEDIR',
    34: 'ACCESS', 35: 'CREATE', 36: 'INTERRUPT', 39: 'IOCTL', 40: 'POLL', 42: 'BATCH_FORGET', 44: 'READDIRPLUS',
    45: 'RENAME2', 46: 'LSEEK',
}
HEADER = struct.Struct('<IIQQIIII')  # struct fuse_in_header
OUT_HEADER = struct.Struct('<IiQ')  # struct fuse_out_header
FRAME_HEADER = 24  # of a page in the write-ahead log
MARK = 'STATFS'  # between two windows; no operation sends it

WRITES = ('pwrite64', 'pwritev', 'write', 'writev')

CALL = re.compile(r'(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)')
DESCRIPTOR = re.compile(r'\d+<((?:\\x[0-9a-f]{2})*)>')
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
RESULT = re.compile(r'= (-?\d+)')


def text_bytes(escaped):
    return bytes.fromhex(escaped.replace('\\x', ''))


class Window:
    """What the daemon did between two marks."""

    def __init__(self):
        self.requests = collections.Counter()
        self.calls = collections.Counter()
        self.forgotten = 0  # inodes, of FORGET and BATCH_FORGET
        self.notifications = 0
        self.wal_bytes = 0

    def figures(self, page_size, alone):
        """alone: the window is one operation. The kernel may forget its inodes in one request or in two."""
        forgets = self.requests['FORGET'] + self.requests['BATCH_FORGET']
        return {
            'requests': sum(self.requests.values()) - (max(forgets - 1, 0) if alone else 0),
            'notifications': self.notifications,
            'system calls': sum(self.calls.values()),
            'WAL pages': self.wal_bytes // (page_size + FRAME_HEADER),
            'WAL bytes': self.wal_bytes,
            'fdatasync': self.calls['fdatasync'],
            'LOOKUP + FORGET': self.requests['LOOKUP'] + self.forgotten,
        }


class Parser:
    """Reads strace's lines. A call counts in the window in which it returns."""

    def __init__(self, wal):
        self.wal = wal.encode()
        self.windows = [Window()]
        self.begun = {}  # by thread: the file and the first part of a call that has not returned
        self.marking = set()  # threads that answer a mark

    def file(self, path):
        with open(path, encoding='ascii', errors='replace') as f:
            for line in f:
                self.line(line.rstrip('\n'))

    def line(self, line):
        match = CALL.match(line)
        if not match:
            return  # a signal, or a thread that ended
        thread, resumed, name, rest = match.groups()
        if resumed:
            file, before = self.begun.pop(thread, (b'', ''))
            rest = before + rest
        else:
            descriptor = DESCRIPTOR.match(rest)
            file = text_bytes(descriptor.group(1)) if descriptor else b''
        if rest.endswith('<unfinished ...>'):
            self.begun[thread] = file, rest
            return
        self.returned(thread, resumed or name, file, rest)

    def returned(self, thread, name, file, rest):
        result = RESULT.search(rest, rest.rfind(') '))
        result = int(result.group(1)) if result else 0
        if file == b'/dev/fuse' and name == 'read':
            self.marking.discard(thread)
            if result > 0 and self.request(text_bytes(STRING.search(rest).group(1))) == MARK:
                self.windows.append(Window())
                self.marking.add(thread)
                return
        if thread in self.marking:
            return
        window = self.windows[-1]
        window.calls[name] += 1
        if file == b'/dev/fuse' and name in ('write', 'writev'):
            header = OUT_HEADER.unpack_from(text_bytes(STRING.search(rest).group(1)))
            window.notifications += header[2] == 0
        if file == self.wal and name in WRITES:
            window.wal_bytes += max(result, 0)

    def request(self, data):
        opcode = HEADER.unpack_from(data)[1]
        name = OPCODES.get(opcode, str(opcode))
        window = self.windows[-1]
        if name != MARK:
            window.requests[name] += 1
        if name == 'FORGET':
            window.forgotten += 1
        elif name == 'BATCH_FORGET':
            window.forgotten += struct.unpack_from('<I', data, HEADER.size)[0]
        return name


class Operation:
    """What one operation costs: its figures, and its requests and system calls by name."""

    def __init__(self, windows, page_size, divisor=1):
        def middle(counts):
            return statistics.median(counts) / divisor

        figures = [w.figures(page_size, divisor == 1) for w in windows]
        self.figures = {name: middle(f[name] for f in figures) for name in figures[0]}
        self.requests = self.named([w.requests for w in windows], middle)
        self.calls = self.named([w.calls for w in windows], middle)

    @staticmethod
    def named(counters, middle):
        names = {name for counter in counters for name in counter}
        return {name: middle(counter[name] for counter in counters) for name in names}


class Tracing:
    """strace of a daemon; `with` attaches and detaches."""

    def __init__(self, pid, output, *only):
        self.command = ['strace', '-f', '-y', '-xx', '-s', str(HEADER.size + 8), *only, '-o', output, '-p', str(pid)]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        if 'attached' not in said:
            self.process.communicate()
            raise PermissionError(said.strip())
        # It says so of each thread that begins, and would wait for a reader.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Client:
    """A client of the mount, with files in a folder of its own."""

    def __init__(self, mount, key, bench, folder):
        self.key, self.bench, self.folder = os.path.abspath(key), os.path.abspath(bench), folder
        self.enroll = os.path.abspath(mount) + '/enroll'
        self.number = 1000000
        self.conversation = -1
        self.write(key + '/max_uses', b'max\n')
        with open(key + '/key', 'rb') as f:
            self.text = f.read()
        self.write(folder + '/auto.key', self.text)
        end = b'-----END CERTIFICATE REQUEST-----\n'
        with open(self.requests('alone', 4 * (WARM_UP + REPEATS)), 'rb') as f:
            self.csrs = iter([csr + end for csr in f.read().split(end)])
        self.crowds = (self.requests('crowd%d' % i, CROWD_ENROLLMENTS) for i in itertools.count())

    def requests(self, name, count):
        path = os.path.join(self.folder, name)
        self.run(self.bench, 'requests', str(count), path)
        return path

    @staticmethod
    def write(path, data):
        with open(path, 'wb') as f:
            f.write(data)

    def run(self, *command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def ask(self, fd):
        os.write(fd, self.text + next(self.csrs))
        if b'END CERTIFICATE' not in os.read(fd, 8192):
            raise OSError('no certificate')

    # The system calls of the C client of tests/bench, and no others.
    def enroll_alone(self):
        fd = os.open(self.enroll, os.O_RDWR)
        self.ask(fd)
        os.close(fd)

    # As README.md shows it.
    def enroll_shell(self):
        self.write(self.folder + '/web1.csr', next(self.csrs))
        self.run('bash', '-c', '{ cat auto.key web1.csr >&3; cat <&3; } 3<>"$1" > web1.crt', '-', self.enroll)

    def enroll_on(self):
        if self.conversation < 0:
            self.conversation = os.open(self.enroll, os.O_RDWR)
        self.ask(self.conversation)

    def enroll_crowd(self):
        self.run(self.bench, 'enroll', str(CROWD), '600', next(self.crowds), '0', self.enroll,
                 self.folder + '/auto.key')

    def close(self):
        if self.conversation >= 0:
            os.close(self.conversation)

    def copy(self):
        self.run('cat', self.key + '/key')

    def show(self):
        self.run('cat', self.key + '/max_uses')

    # A different number each time: writing the same one changes nothing.
    def edit(self):
        self.number += 1
        self.run('bash', '-c', 'echo "$1" > "$2"', '-', str(self.number), self.key + '/max_uses')

    def edit_in_c(self):
        self.number += 1
        fd = os.open(self.key + '/max_uses', os.O_WRONLY | os.O_TRUNC)
        os.write(fd, b'%d\n' % self.number)
        os.close(fd)

    def list(self):
        self.run('ls', self.key)

    def operations(self):
        """By name; each performs it once."""
        return {
            'enroll, C client': self.enroll_alone,
            'enroll, shell line': self.enroll_shell,
            'cat key': self.copy,
            'cat max_uses': self.show,
            'echo n > max_uses': self.edit,
            'max_uses, C client': self.edit_in_c,
            'ls of a key': self.list,
            # the last, since every program that a client starts would close its descriptor
            'enroll, conversation': self.enroll_on,
        }


def requests_so_far(path):
    """What tests/mount/requests.c has counted, by opcode; 0: the inodes forgotten."""
    with open(path, 'rb') as f:
        return [count for count, in struct.iter_unpack('=Q', f.read())]


def untraced(requests, operation):
    """The window of one operation, at its own speed."""
    before = requests_so_far(requests)
    operation()
    window = Window()
    for opcode, (old, new) in enumerate(zip(before, requests_so_far(requests))):
        if not opcode:
            window.forgotten = new - old
        elif new > old:
            window.requests[OPCODES.get(opcode, str(opcode))] = new - old
    return window


def crowds(client, requests):
    """Windows of CROWD_ENROLLMENTS enrollments of CROWD clients each."""
    client.enroll_crowd()
    return [untraced(requests, client.enroll_crowd) for _ in range(CROWDS)]


def waited_for(window):
    """How many requests the client waits for: the kernel sends RELEASE and FORGET after close has returned."""
    return sum(count for name, count in window.requests.items()
               if name not in ('RELEASE', 'RELEASEDIR', 'FORGET', 'BATCH_FORGET'))


def trace(pid, mount, operations, output):
    """Performs each operation WARM_UP + REPEATS times, with a mark before each and after the last."""
    with Tracing(pid, output):
        for operation in operations.values():
            for _ in range(WARM_UP + REPEATS):
                os.statvfs(mount)
                operation()
            os.statvfs(mount)


def windows_of(output, store, names):
    """The windows of each operation, without those that warm up and the one between two operations."""
    parser = Parser(os.path.realpath(store) + '-wal')
    parser.file(output)
    length = WARM_UP + REPEATS
    return {name: parser.windows[i * (length + 1) + 1:][WARM_UP:length] for i, name in enumerate(names)}


def round_trips(mount, key, bench, requests):
    """Requests that the C client waits for in one enrollment."""
    with tempfile.TemporaryDirectory() as folder:
        client = Client(mount, key, bench, folder)
        for _ in range(WARM_UP):
            client.enroll_alone()
        return statistics.median(waited_for(untraced(requests, client.enroll_alone)) for _ in range(REPEATS))


def logged(pid, store, operation):
    """What operation appends to the write-ahead log, in bytes, and how often fdatasync is called meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        with Tracing(pid, folder + '/trace', '-e', 'trace=fdatasync,' + ','.join(WRITES)):
            operation()
        parser = Parser(os.path.realpath(store) + '-wal')
        parser.file(folder + '/trace')
    window, = parser.windows
    return window.wal_bytes, window.calls['fdatasync']


def page_size_of(store):
    with open(store, 'rb') as f:
        return struct.unpack('>16xH', f.read(18))[0] or 65536


def measure(pid, store, mount, key, bench, requests=None):
    """The Operation of each name. Raises PermissionError if the daemon cannot be traced."""
    page_size = page_size_of(store)
    with tempfile.TemporaryDirectory() as folder:
        client = Client(mount, key, bench, folder)
        operations = client.operations()
        trace(pid, mount, operations, folder + '/trace')
        client.close()
        results = {name: Operation(windows, page_size)
                   for name, windows in windows_of(folder + '/trace', store, operations).items()}
        if requests:
            results['enroll, %d clients' % CROWD] = Operation(crowds(client, requests), page_size, CROWD_ENROLLMENTS)
    return results


COLUMNS = ('requests', 'notifications', 'system calls', 'WAL pages', 'WAL bytes', 'fdatasync')


def show(results):
    """Prints all figures, and below each operation what they are made of."""
    print('%-22s' % 'one operation' + ''.join('%15s' % name for name in COLUMNS))
    for name, operation in results.items():
        counted = COLUMNS if operation.calls else COLUMNS[:1]
        print('%-22s' % name + ''.join('%15.6g' % operation.figures[column] for column in counted))
        for counts in operation.requests, operation.calls:
            if counts:
                print('    ' + ', '.join('%s %.3g' % (name, count) for name, count in
                                         sorted(counts.items(), key=lambda item: -item[1]) if count >= 0.05))


def compare(results, lines):
    """Prints each figure beside its limit; true if none is above it."""
    good = True
    for line in lines:
        operation, figure, limit = (part.strip() for part in line.split('|'))
        if operation not in results:
            print('%s: MISSING' % operation)
            good = False
            continue
        count = results[operation].figures[figure]
        holds = count <= float(limit)
        good = good and holds
        print('%s: %s %.6g, limit %s%s' % (operation, figure, count, limit, '' if holds else ': ABOVE IT'))
    return good


def main():
    arguments = [a for a in sys.argv[1:] if a != '--check']
    try:
        results = measure(*arguments)
    except (PermissionError, FileNotFoundError) as e:  # strace may be missing
        print(e)
        sys.exit(77)
    if len(arguments) == len(sys.argv) - 1:
        show(results)
    elif not compare(results, sys.stdin):
        sys.exit(1)


if __name__ == '__main__':
    main()
