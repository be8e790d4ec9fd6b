#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""hold.py FILE read|write FIRST_UID USERS: each of so many users opens FILE until that is refused, and
keeps what it got until this program's input ends. With 0 for the first all of them are root.

Prints a line when all of them have done it: how many each has, and the errnos that they got.
"""
import errno
import os
import resource
import sys

path, how, first, users = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
flags = os.O_RDONLY if how == 'read' else os.O_RDWR
resource.setrlimit(resource.RLIMIT_NOFILE, (10000, 10000))


def hold(uid, told, end):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    count = 0
    try:
        while True:
            os.open(path, flags)
            count += 1
    except OSError as error:
        os.write(told, f'{count} {errno.errorcode[error.errno]}\n'.encode())
    os.close(told)
    os.read(end, 1)
    os._exit(0)


told, tell = os.pipe()
end, keep = os.pipe()
for uid in range(first, first + users) if first else [0] * users:
    if os.fork() == 0:
        os.close(keep)
        os.close(told)
        hold(uid, tell, end)
os.close(tell)
with os.fdopen(told) as answers:
    lines = [line.split() for line in answers]
print(*(count for count, _ in lines), *sorted({name for _, name in lines}), flush=True)
sys.stdin.read()
os.close(keep)
for _ in range(users):
    os.wait()
