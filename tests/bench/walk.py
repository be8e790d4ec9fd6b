#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""walk.py memory PID MEMBERS READERS | walk.py walks MEMBERS REFERENCE

memory: READERS processes read the files of all members of a folder at once: each lists it with its
attributes and reads `state` and `cert.pem` of its share. Prints the resident memory of process PID in
KiB: before, the peak, and after it has been idle for a minute.
walks: prints the seconds of `du -s`, `tree` and `cat */state` in the folder, first and again, and in
REFERENCE, a copy of it on tmpfs.
"""
import os
import subprocess
import sys
import time


def resident(pid, what='VmRSS'):
    with open('/proc/%s/status' % pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what))


def read_share(members, names):
    for entry in os.scandir(members):
        entry.stat()
    for name in names:
        for file in 'state', 'cert.pem':
            with open(os.path.join(members, name, file), 'rb') as f:
                f.read()


def memory(pid, members, readers):
    readers = int(readers)
    print(resident(pid), flush=True)
    with open('/proc/%s/clear_refs' % pid, 'w', encoding='ascii') as f:
        f.write('5')
    names = sorted(os.listdir(members))
    children = []
    for i in range(readers):
        child = os.fork()
        if not child:
            read_share(members, names[i::readers])
            os._exit(0)
        children.append(child)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    print(resident(pid, 'VmHWM'), flush=True)
    time.sleep(60)
    print(resident(pid), flush=True)
    return failed


def timed(command, folder):
    began = time.monotonic()
    subprocess.run(command, check=True, shell=True, cwd=folder, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


WALKS = ('du -s .', 'tree .', "printf '%s\\0' */state | xargs -0 cat")


def walks(members, reference):
    for command in WALKS:
        times = [timed(command, folder) for folder in (members, members, reference, reference)]
        print('%-40s %7.3f %7.3f %7.3f' % (command, *times[:2], min(times[2:])), flush=True)


sys.exit({'memory': memory, 'walks': walks}[sys.argv[1]](*sys.argv[2:]))
