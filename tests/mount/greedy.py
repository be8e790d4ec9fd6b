#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""greedy.py WHAT FILE...: a client that means no good, until it is killed. With ENROLL and REQUEST:

opens    opens ENROLL 10,000 times and keeps what it gets, again and again
slow     keeps as many conversations as it gets, and writes a byte of REQUEST to each in turn
unread   enrols with REQUEST in as many conversations as it gets, and reads no answer
garbage  writes 64 KiB that are no request, in a loop
bytes    writes single bytes, in a loop
sends    sends REQUEST to ENROLL (or renew), in a loop

With other files:

reads    reads FILE from its beginning to its end, in a loop
stats    calls stat(2) for each FILE, in a loop
walks    lists FILE, a directory, with all below it, in a loop
drafts   makes as many drafts in FILE, a directory, as it gets, as long as they may be, and removes
         them, in a loop

Prints a line when it has done this once: how often it was served, and the errnos that it got.
"""
import collections
import errno
import os
import resource
import sys
import time

OPENS = 10000
errors = collections.Counter()
done = 0


def tried(call, *arguments):
    global done
    try:
        result = call(*arguments)
        done += 1
        return result
    except OSError as error:
        errors[errno.errorcode[error.errno]] += 1
        return None


def told():
    """Once."""
    global told
    print(done, *(f'{name}:{count}' for name, count in sorted(errors.items())), flush=True)
    told = int


def open_many(path, count, flags=os.O_RDWR):
    files = [tried(os.open, path, flags) for _ in range(count)]
    return [fd for fd in files if fd is not None]


def opens(enroll, _):
    while True:
        files = open_many(enroll, OPENS)
        told()
        for fd in files:
            os.close(fd)


def slow(enroll, request):
    files = open_many(enroll, 100)
    at = 0
    while True:
        for fd in files:
            tried(os.write, fd, request[at:at + 1] if at < len(request) - 1 else b'\n')
        told()
        at = min(at + 1, len(request) - 1)
        time.sleep(0.001)


def unread(enroll, request):
    while True:
        files = open_many(enroll, 100)
        for fd in files:
            tried(os.write, fd, request)
        told()
        for fd in files:
            os.close(fd)


def garbage(enroll, _):
    data = b'\xa5' * 65536
    while True:
        for fd in open_many(enroll, 1):
            tried(os.write, fd, data)
            os.close(fd)
        told()


def single_bytes(enroll, _):
    while True:
        for fd in open_many(enroll, 1):
            for _ in range(1000):
                tried(os.write, fd, b'-')
            os.close(fd)
        told()


def sends(enroll, request):
    while True:
        for fd in open_many(enroll, 1):
            tried(os.write, fd, request)
            os.close(fd)
        told()


def reads(path):
    while True:
        for fd in open_many(path, 1, os.O_RDONLY):
            while tried(os.read, fd, 131072):
                pass
            os.close(fd)
        told()


def stats(*paths):
    while True:
        for path in paths:
            tried(os.stat, path)
        told()


def drafts(folder):
    own = os.path.join(folder, f'.{os.getpid()}.')
    while True:
        for n in range(OPENS):
            fd = tried(os.open, own + str(n), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            if fd is None:
                break
            tried(os.write, fd, b'x' * 65536)
            os.close(fd)
        told()
        for n in range(n):
            tried(os.unlink, own + str(n))


def walks(top):
    while True:
        for folder, _, files in os.walk(top):
            for name in files:
                tried(os.lstat, os.path.join(folder, name))
        told()


def main():
    what, *files = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPENS + 100, OPENS + 100))
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    others = {'reads': reads, 'stats': stats, 'walks': walks, 'drafts': drafts}
    if what in others:
        others[what](*files)
        return
    request = b''
    if files[1:]:
        with open(files[1], 'rb') as f:
            request = f.read()
    {'opens': opens, 'slow': slow, 'unread': unread, 'garbage': garbage, 'bytes': single_bytes,
     'sends': sends}[what](files[0], request)


main()
