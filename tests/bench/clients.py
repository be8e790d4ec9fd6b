# SPDX-License-Identifier: Apache-2.0
"""Enrollments and small operations of clients, beside what the machine can do."""
import concurrent.futures
import json
import os
import subprocess
import sys

import counts
from common import BUILD, TOP, Mount, bench, figure, row, rows, run


# Counted, not timed: (operation, figure, at most).
COUNTED = [
    ('enroll, C client', 'requests', 5),
    ('enroll, shell line', 'requests', 8),
    ('enroll, conversation', 'requests', 2),
    ('enroll, 32 clients', 'LOOKUP + FORGET', 4),
    ('cat max_uses', 'requests', 5),
    ('max_uses, C client', 'requests', 3),
    ('enroll, C client', 'system calls', 45),
    ('enroll, conversation', 'system calls', 36),
    ('cat key', 'system calls', 40),
    ('cat max_uses', 'system calls', 8),
    ('echo n > max_uses', 'system calls', 32),
]


def counted_mount(folder, name):
    """A mount whose daemon counts its requests, and the file in which it does."""
    preload, requests = folder + '/requests.so', folder + '/' + name + '.counted'
    run('gcc', '-O2', '-shared', '-fPIC', '-o', preload, TOP + '/tests/mount/requests.c')
    open(requests, 'wb').close()
    return Mount(os.path.join(folder, name), {'LD_PRELOAD': preload, 'REQUESTS': requests}), requests


def counting(folder):
    """Prints what one operation costs, and its rows."""
    mount, requests = counted_mount(folder, 'counts')
    key = mount.key('counted')[0]
    try:
        results = counts.measure(mount.pid(), mount.store, mount.path, key, BUILD + '/bench', requests)
        counts.show(results)
        for operation, name, most in COUNTED:
            if operation in results:
                figure('%s: %s' % (operation, name), most, '', [results[operation].figures[name]])
    except PermissionError as e:
        print('counts: not measured: %s' % e)
    mount.down()


def round_trips(folder):
    mount, requests = counted_mount(folder, 'trips')
    trips = counts.round_trips(mount.path, mount.key('trips')[0], BUILD + '/bench', requests)
    mount.down()
    return trips


def enrolling(o, folder, mount, requests, through):
    keys = [mount.key('k%d' % i)[1] for i in range(32)]
    trips = round_trips(folder)
    issue, many, on, hot, one = [], [], [], [], []
    for _ in range(o.rounds):
        sign = bench('sign', 1, o.seconds)
        issue.append((bench('issue', 1, o.seconds, requests.file)['rate'], sign['rate']))
        both = bench('issue', 2, o.seconds, requests.file)['rate']
        spread = requests.enroll(mount, 32, o.seconds, keys)['rate']
        many.append((spread, both))
        on.append((requests.enroll(mount, 32, o.seconds, keys, 'converse')['rate'], both))
        hot.append((requests.enroll(mount, 32, o.seconds, keys[:1])['rate'], spread))
        commit = bench('commit', 1, o.seconds, folder + '/raw.db', 1, 1000)
        trip = bench('stat', 1, o.seconds / 2, through.path + '/file')['p50'] / 2
        alone = requests.enroll(mount, 1, o.seconds, keys)
        one.append((alone['p50'], commit['p50'] + sign['p50'] + trips * trip))
    row('verify CSR + issue, EC P-256, in process / bare ECDSA', 0.8, '1/s', issue)
    row('enrol, 32 clients / in-process issue on two threads', 0.35, '1/s', many)
    row('enrol, 32 clients going on / in-process issue on two threads', 0.5, '1/s', on)
    row('enrol, 1 client, p50 / commit + ECDSA + %g round trips' % trips, 2, 'us', one, at_most=True)
    row('enrol, 32 clients on one key / on 32 keys', 0.8, '1/s', hot)
    size(mount)


def small_operations(o, folder, mount, through):
    paths = [mount.key('small%d' % i)[0] for i in range(8)]
    copies, reads, writes = [], [], []
    for _ in range(o.rounds):
        group = bench('commit', 1, o.seconds, folder + '/raw.db', 8, 130)['rate']
        copies.append((bench('read', 8, o.seconds, *[p + '/key' for p in paths])['rate'], group))
        writes.append((bench('write', 8, o.seconds, *[p + '/max_uses' for p in paths])['rate'], group))
        reads.append((bench('read', 1, o.seconds, paths[0] + '/max_uses')['rate'],
                      bench('read', 1, o.seconds, through.path + '/file')['rate']))
    row('cat key, 8 clients / raw group commit at batch 8', 0.35, '1/s', copies)
    row('echo n > max_uses, 8 clients / raw group commit at batch 8', 0.35, '1/s', writes)
    row('cat max_uses / cat on passthrough_ll cache=never', 0.7, '1/s', reads)


def beside_greedy(o, folder, mount, requests):
    """What one machine's enrolment takes beside a client that takes all it can get."""
    key = mount.key('greedy')[1]
    request = os.path.join(folder, 'greedy.request')
    csr = run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
              '-subj', '/CN=greedy', '-keyout', request + '.pem', stderr=subprocess.DEVNULL)
    with open(key, encoding='ascii') as text, open(request, 'w', encoding='ascii') as f:
        f.write(text.read() + csr)
    for what in ('opens', 'slow', 'unread', 'garbage'):
        pairs = []
        for _ in range(o.rounds):
            alone = requests.enroll(mount, 1, o.seconds, [key])['p50']
            greedy = subprocess.Popen([sys.executable, os.path.join(TOP, 'tests/mount/greedy.py'), what,
                                       mount.path + '/enroll', request], stdout=subprocess.PIPE, text=True)
            greedy.stdout.readline()
            pairs.append((requests.enroll(mount, 1, o.seconds, [key])['p50'], alone))
            greedy.kill()
            greedy.wait()
        row('enrol beside a greedy client (%s) / alone, p50' % what, 2, 'us', pairs, at_most=True)
    print('peak of resident memory so far: %.0f MiB' % mount.resident('VmHWM'))


def size(mount):
    mount.down()
    held = int(run('sqlite3', mount.store, 'SELECT sum(length(der) + length(csr)) FROM issued'))
    row('store / certificates and requests in it', 1.6, 'bytes', [(os.path.getsize(mount.store), held)], at_most=True)
    mount.up()


def pages(o, folder):
    """tables/keys.html with 10,000 keys, in a browser: all from opening it, the slowest sort and filter."""
    mount = Mount(os.path.join(folder, 'pages'))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: os.mkdir('%s/keys/k%d' % (mount.group, i)), range(10000)))
    pairs = {'ready': [], 'sort': [], 'filter': []}
    try:
        for _ in range(o.rounds):
            times = json.loads(run('/usr/bin/python3', os.path.join(TOP, 'tests/mount/page.py'), 'times', mount.path,
                                   'keys.html', stderr=subprocess.DEVNULL))
            for what, most in ('ready', 1000), ('sort', 200), ('filter', 200):
                pairs[what].append((times[what], most))
        for what, values in pairs.items():
            row('page of 10,000 keys in a browser, %s / at most' % what, 1, 'ms', values, at_most=True)
    except subprocess.CalledProcessError:
        print('page of 10,000 keys: not measured, the browser does not start here')
    mount.down()


def slow_disk(o, folder, requests):
    """A disk whose fsync takes 10 ms, simulated: how many enrol then."""
    source = os.path.join(folder, 'slow.c')
    with open(source, 'w', encoding='ascii') as f:
        f.write('#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\nint fdatasync(int fd)\n{\n'
                '\tint (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");\n\tusleep(10000);\n\treturn real(fd);\n}\n')
    run('gcc', '-shared', '-fPIC', '-o', folder + '/slow.so', source)
    os.environ['LD_PRELOAD'] = folder + '/slow.so'
    mount = Mount(os.path.join(folder, 'slow'))
    del os.environ['LD_PRELOAD']
    key = mount.key('k')[1]
    print('with an fsync of 10 ms (not compared):')
    for clients in (1, 8, 32):
        out = requests.enroll(mount, clients, o.seconds, [key])
        rows.append({'name': 'enrol, %d clients, fsync of 10 ms' % clients, 'rate': out['rate'], 'p50': out['p50']})
        print('    %2d clients: %.0f enrolments a second, p50 %.1f ms' % (clients, out['rate'], out['p50'] / 1000))
    mount.down()
