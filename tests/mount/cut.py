#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cut.py SOCKET SERVER-SOCKET COUNTS: passes connections on to a PostgreSQL server, and cuts each fourth
COMMIT: before the server has it, when it has it and before the client has the answer, or after half of
the answer. COUNTS has the number of each kind."""
import os
import random
import select
import socket
import sys
import threading

here, server, counts_file = sys.argv[1:]
counts = {'before': 0, 'in': 0, 'after': 0}
commits = 0
lock = threading.Lock()


def how():
    """What to do with a COMMIT: None to pass it on."""
    global commits
    with lock:
        commits += 1
        if commits % 4:
            return None
        kind = random.choice(list(counts))
        counts[kind] += 1
        with open(counts_file + '.new', 'w') as f:
            f.write(' '.join(f'{n} {k}' for k, n in counts.items()) + '\n')
        os.rename(counts_file + '.new', counts_file)
        return kind


def serve(client):
    up = socket.socket(socket.AF_UNIX)
    up.connect(server)
    cut = None
    while True:
        for s in select.select([client, up], [], [])[0]:
            data = s.recv(65536)
            if not data:
                return client.close(), up.close()
            if s is client:
                # a simple query, as the engine sends it alone
                if data[:1] == b'Q' and data[5:] == b'COMMIT\0':
                    cut = how()
                if cut == 'before':
                    return client.close(), up.close()
                up.sendall(data)
            elif cut == 'in':
                return client.close(), up.close()
            elif cut == 'after':
                client.sendall(data[:len(data) // 2])
                return client.close(), up.close()
            else:
                client.sendall(data)


def guarded(client):
    try:
        serve(client)
    except OSError:
        client.close()


listener = socket.socket(socket.AF_UNIX)
listener.bind(here)
os.chmod(here, 0o777)
listener.listen(64)
print('ready', flush=True)
while True:
    threading.Thread(target=guarded, args=(listener.accept()[0],), daemon=True).start()
