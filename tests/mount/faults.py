# SPDX-License-Identifier: Apache-2.0
"""faults.py MOUNT CONTROL REQUESTS CA: each operation, with each of its writes to the disk failing in turn.
It has to fail with a clear errno, or to have happened; and without the fault it works again."""
import errno
import mmap
import struct
import sys

import operations

mount, control, requests, ca = sys.argv[1:]
with open(control, 'r+b') as f:
    memory = mmap.mmap(f.fileno(), 16)
operations.begin(mount, requests, ca)


def arm(after, count, error):
    memory[:] = struct.pack('=iiii', after, count, error, 0)


def hits():
    return struct.unpack('=iiii', memory[:])[3]


tried = 0
for operation in operations.CHANGES:
    for error, count in ((errno.ENOSPC, 1), (errno.EIO, 1), (errno.EROFS, 1), (errno.ENOSPC, 1000),
                         (-errno.ENOSPC, 1), (-errno.EIO, 1), (-errno.ENOSPC, 1000)):
        after = 0
        while True:
            what, do, happened = operations.prepare(operation)
            arm(after, count, error)
            refused = operations.attempt(do, what)
            hit = hits()
            arm(0, 0, 0)
            half = ' in the middle' if error < 0 else ''
            where = f'{operation.__name__}, {errno.errorcode[abs(error)]} at write {after}{half}'
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
