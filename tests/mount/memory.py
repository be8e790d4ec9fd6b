# SPDX-License-Identifier: Apache-2.0
"""memory.py MOUNT CONTROL REQUESTS CA [OPERATION...]: each operation, with each of its first DEPTH
(1000) allocations failing in turn, and beyond those in steps of 5 %. It has to fail with ENOMEM, or to
have happened; and without the fault it works again."""
import errno
import mmap
import os
import struct
import sys

import operations

mount, control, requests, ca = sys.argv[1:5]
only = sys.argv[5:]
with open(control, 'r+b') as f:
    memory = mmap.mmap(f.fileno(), 16)
operations.begin(mount, requests, ca)


def arm(after):
    memory[:] = struct.pack('=iiii', 0, after, 0, 0)
    memory[:4] = struct.pack('=i', 1)


def disarm():
    memory[:4] = struct.pack('=i', 0)
    return struct.unpack('=iiii', memory[:])[2]


DEPTH = int(os.environ.get('DEPTH', 1000))

# Thousands in OpenSSL, making and importing key pairs; and what is longer each time.
LONG = ('make_cert', 'import_ca', 'sign_ca', 'rekey', 'changed')

tried = 0
for operation in operations.CHANGES + operations.READS:
    name = operation.__name__
    if only and name not in only:
        continue
    exhaustive = min(DEPTH, 100) if name.startswith(LONG) else DEPTH
    after = missed = 0
    while missed < 2:
        what, do, happened = operations.prepare(operation)
        arm(after)
        refused = operations.attempt(do, what)
        hit = disarm()
        where = f'{name}, allocation {after}'
        if refused is None:
            assert happened(what), f'{where}: answered, and has not happened'
        else:
            assert refused == errno.ENOMEM, f'{where}: {errno.errorcode[refused]}'
            if not name.startswith(('reading', 'changed', 'copy')):
                assert not happened(what), f'{where}: refused ({errno.errorcode[refused]}), and has happened'
            do(what)
            assert happened(what), f'{where}: does not work again'
        missed = 0 if hit else missed + 1
        tried += hit
        after += 1 if after < exhaustive else after // 20
    print(f'{name}: up to {after}', file=sys.stderr)
print(tried)
