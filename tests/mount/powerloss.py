# SPDX-License-Identifier: Apache-2.0
"""powerloss.py STORE WAL TRACE ACKS ROUNDS SEED FSCK: what is on the disk when the power goes.

From the files as they were when TRACE began, and the trace: at so many moments, what had been synced
then, and of what had not, nothing, everything, or what chance leaves of it: some of the writes, some of
those in part. fsck has to find that sound, and all that had been answered is there.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile

RECORD = struct.Struct('=qIIQQ')
SECTOR = 512


def read_trace(path):
    with open(path, 'rb') as f:
        data = f.read()
    at, records = 0, []
    while at + RECORD.size <= len(data):
        time, what, which, offset, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + length > len(data):
            break
        records.append((time, chr(what), which, offset, data[at:at + length]))
        at += length
    return records


def apply(image, what, offset, data):
    if what == 'T':
        del image[offset:]
        image.extend(bytes(offset - len(image)))
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset:offset + len(data)] = data


def lose(image, pending, chance):
    """What is left of the file when these were not synced."""
    image = bytearray(image)
    luck = chance.choice(('nothing', 'everything', 'some', 'some', 'torn', 'torn'))
    if luck == 'nothing':
        return image
    if luck in ('some', 'torn'):
        pending = [p for p in pending if chance.random() < 0.6]
        chance.shuffle(pending)
    for what, offset, data in pending:
        if luck == 'torn' and what == 'W' and chance.random() < 0.3:
            first = chance.randrange(0, len(data) + 1, SECTOR)
            last = chance.randrange(first, len(data) + SECTOR, SECTOR)
            offset, data = offset + first, data[first:last]
        apply(image, what, offset, data)
    return image


def main():
    store, wal, trace, acks, rounds, seed, fsck = sys.argv[1:8]
    chance = random.Random(int(seed))
    records = read_trace(trace)
    images = []
    for name in (store, wal):
        with open(name, 'rb') as f:
            images.append(bytearray(f.read()))
    pending = [[], []]
    # half of them right behind a sync or right before: there it is decided
    syncs = [i for i, r in enumerate(records) if r[1] == 'S']
    there = sorted({max(0, i - before) for i in syncs for before in (0, 1)})
    moments = set(chance.sample(range(len(records)), int(rounds) // 2))
    moments |= set(chance.sample(there, min(len(there), int(rounds) // 2)))
    everything = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'everything.py')
    answered = 0
    for i, (time, what, which, offset, data) in enumerate(records):
        if what == 'S':
            for p in pending[which]:
                apply(images[which], *p)
            pending[which] = []
        else:
            pending[which].append((what, offset, data))
        if i not in moments:
            continue
        with tempfile.TemporaryDirectory(dir='.') as folder:
            for name, image, lost in (('store', images[0], pending[0]), ('store-wal', images[1], pending[1])):
                with open(os.path.join(folder, name), 'wb') as f:
                    f.write(lose(image, lost, chance))
            os.link(store + '.key', os.path.join(folder, 'store.key'))
            path = os.path.join(folder, 'store')
            out = subprocess.run([fsck, path], check=False, capture_output=True, text=True)
            if out.returncode:
                sys.exit(f'moment {i} of {len(records)}, seed {seed}: {out.stdout}{out.stderr}')
            out = subprocess.run([sys.executable, everything, 'check', path, acks, str(time)], check=False,
                                 capture_output=True, text=True)
            if out.returncode:
                sys.exit(f'moment {i} of {len(records)}, seed {seed}: {out.stderr}')
            answered = int(out.stdout)
    print(f'{len(moments)} moments of {len(records)}, at last {answered} certificates answered')


main()
