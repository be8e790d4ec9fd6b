# SPDX-License-Identifier: Apache-2.0
"""A long run of everything at once: what the daemon takes does not grow, and the store is sound then."""
import os
import signal
import subprocess
import sys
import time

from common import BUILD, TOP, Mount, figure, row, run
from fairness import REMOVES, STRANGER, VICTIM, Stage, become

# An administrator who makes keys, sets values, edits in place, copies keys, takes backups, and removes.
ADMINISTERS = """
cd "$1" && while :; do
  mkdir app_connector/bench/keys/soak && echo 10 > app_connector/bench/keys/soak/max_uses &&
  sed -i s/10/20/ app_connector/bench/keys/soak/max_uses && cat app_connector/bench/keys/soak/key certs/*/crl.pem \
    tables/*.html metrics log.head > /dev/null && rsync -a --delete export/ "$2" &&
  rmdir app_connector/bench/keys/soak || exit
  sleep 0.5
done
"""
SAMPLE_SECONDS = 5
WAL = 'write-ahead log'


class Load:
    """Programs that are started again when they end, until the end."""

    def __init__(self, stage):
        m, greedy = stage.mount.path, [sys.executable, TOP + '/tests/mount/greedy.py']
        self.commands = [
            greedy + ['reads', m + '/log'], greedy + ['reads', m + '/tables/members.tsv'],
            greedy + ['stats', m + '/certs/connector/index.txt', m + '/certs/connector/crl.der'],
            greedy + ['bytes', m + '/enroll'], greedy + ['sends', m + '/renew', stage.pair],
            greedy + ['walks', m + '/certs'], greedy + ['drafts', m + '/service_edge/strange'],
            greedy + ['opens', m + '/enroll', '/dev/null'],
            [sys.executable, '-c', REMOVES, stage.mount.group + '/members'],
            ['sh', '-c', ADMINISTERS, '-', m, stage.mount.folder + '/copy'],
        ]
        self.programs = [self.start(command) for command in self.commands]

    @staticmethod
    def start(command):
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def keep_up(self):
        for i, program in enumerate(self.programs):
            if program.poll() is not None:
                self.programs[i] = self.start(self.commands[i])

    def end(self):
        for program in self.programs:
            os.killpg(program.pid, signal.SIGKILL)
        for program in self.programs:
            program.wait()


def sample(mount):
    process = '/proc/%d' % mount.pid()
    with open(process + '/status', encoding='ascii') as f:
        threads = next(int(line.split()[1]) for line in f if line.startswith('Threads:'))
    return {'resident memory': mount.resident(), 'threads': threads,
            'descriptors': len(os.listdir(process + '/fd')),
            WAL: os.path.getsize(mount.store + '-wal') / 2**20}


def enroll_some(stage):
    done = run(*become(VICTIM), BUILD + '/bench', 'enroll', '2', '0.2', stage.requests.file, str(stage.requests.next),
               stage.mount.path + '/enroll', stage.text).split()[0]
    stage.requests.next += int(done) + 2
    return int(done)


def soak(o, folder, requests):
    """The last third of the run is compared with the second: once everything has been used, nothing grows."""
    stage = Stage(folder, requests, Mount(os.path.join(folder, 'soak')))
    requests.enroll(stage.mount, 8, 2, [stage.text])
    load, samples, enrolled = Load(stage), [], 0
    end = time.monotonic() + o.soak
    while time.monotonic() < end:
        until = time.monotonic() + SAMPLE_SECONDS
        while time.monotonic() < until:
            enrolled += enroll_some(stage)
            load.keep_up()
            time.sleep(1)
        samples.append(sample(stage.mount))
    load.end()
    print('%d enrollments, %d samples in %d s' % (enrolled, len(samples), o.soak))
    third = len(samples) // 3
    figure(WAL + ', peak', 16, 'MiB', [max(s.pop(WAL) for s in samples)])
    for what in samples[0]:
        middle, last = (max(s[what] for s in part) for part in (samples[third:2 * third], samples[2 * third:]))
        row('%s, peak of the last third / of the second' % what, 1.25, '', [(last, middle)], at_most=True)
    figure('memory, peak of it all', 64, 'MiB', [stage.mount.resident('VmHWM')])
    time.sleep(60)  # it is the daemon's idle time that is measured
    figure('memory, a minute later', 32, 'MiB', [stage.mount.resident()])
    stage.mount.down()
    fsck = subprocess.run([BUILD + '/fsck.enrollfs', stage.mount.store], check=False)
    figure('exit status of fsck', 0, '', [fsck.returncode])
