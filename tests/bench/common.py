# SPDX-License-Identifier: Apache-2.0
"""What all parts of scripts/bench share: programs, mounts, clients, and the rows of the result."""
import os
import shutil
import statistics
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, 'build/optimised')
rows = []  # what was measured


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def bench(*arguments):
    """Rate, p50 and p99 (microseconds) of the clients in tests/bench."""
    out = run(os.path.join(BUILD, 'bench'), *map(str, arguments)).split()
    return {'rate': float(out[2]), 'p50': float(out[3]), 'p99': float(out[4]), 'done': int(out[0])}


def timed(*command):
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def row(name, target, unit, pairs, at_most=False):
    """pairs: ours and the reference of each round, 1 if there is none. The ratio is ours / reference. target: None: none."""
    ratios = [ours / reference for ours, reference in pairs]
    middle = statistics.median(ratios)
    met = target is None or (middle <= target if at_most else middle >= target)
    rows.append({'name': name, 'unit': unit, 'target': target, 'at_most': at_most, 'met': met,
                 'ratio': middle, 'low': min(ratios), 'high': max(ratios), 'rounds': pairs})
    ours, reference = (statistics.median(side) for side in zip(*pairs))
    print('%-58s %-8s %7.4g  %-18s  %11.5g %-13s %-8s %s' % (
        name, '' if target is None else '%s %g' % ('<=' if at_most else '>=', target), middle,
        '(%.3g to %.3g)' % (min(ratios), max(ratios)), ours, '' if reference == 1 else '/ %.5g' % reference, unit,
        '' if target is None else 'holds' if met else 'missed'), flush=True)


def figure(name, most, unit, values):
    """A figure that has no reference but its limit."""
    row(name, most, unit, [(value, 1) for value in values], at_most=True)


class Mount:
    """A store in a folder of its own, mounted. environment: what the daemon gets beside ours."""

    def __init__(self, folder, environment=None):
        self.folder = folder
        self.environment = {**os.environ, **(environment or {})}
        self.store = os.path.join(folder, 'store')
        self.path = os.path.join(folder, 'm')
        os.makedirs(self.path, exist_ok=True)
        self.up()
        self.group = self.make('app_connector/bench')

    def up(self):
        began = time.monotonic()
        run(os.path.join(BUILD, 'enrollfs'), '-o', 'domain=corp.example', self.store, self.path,
            stderr=subprocess.DEVNULL, env=self.environment)
        os.stat(self.path + '/app_connector')
        return time.monotonic() - began

    def down(self):
        run('umount', self.path)
        deadline = time.monotonic() + 60
        while subprocess.run(['flock', '-n', self.store + '.lock', 'true'], check=False).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def pid(self):
        return int(run('pgrep', '-f', 'enrollfs.*' + self.store + ' ').split()[0])

    def resident(self, field='VmRSS'):
        """Resident memory of the daemon in MiB; VmHWM: its peak."""
        with open('/proc/%d/status' % self.pid(), encoding='ascii') as f:
            return next(int(line.split()[1]) for line in f if line.startswith(field + ':')) / 1024

    def make(self, name):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        return path

    def key(self, name):
        """Makes an unlimited key; its directory, and a file with its text."""
        path = self.make('app_connector/bench/keys/' + name)
        with open(path + '/max_uses', 'w', encoding='ascii') as f:
            f.write('max\n')
        copy = os.path.join(self.folder, name)
        shutil.copyfile(path + '/key', copy)
        return path, copy


class Passthrough:
    """libfuse's own example over a folder with one file, like max_uses."""

    def __init__(self, folder):
        self.source = os.path.join(folder, 'source')
        self.path = os.path.join(folder, 'p')
        program = os.path.join(folder, 'passthrough_ll')
        os.mkdir(self.source)
        os.mkdir(self.path)
        with open(self.source + '/file', 'w', encoding='ascii') as f:
            f.write('1000000\n')
        examples = '/usr/share/doc/libfuse3-dev/examples/'
        flags = run('pkg-config', '--cflags', '--libs', 'fuse3').split()
        run('gcc', '-O2', '-o', program, examples + 'passthrough_ll.c', *flags, stderr=subprocess.DEVNULL)
        run(program, '-o', 'source=' + self.source, '-o', 'cache=never', self.path)


class Requests:
    """Requests that have not been used yet, in a file."""

    def __init__(self, folder, count, name='requests'):
        self.file = os.path.join(folder, name)
        self.next = 0
        run(os.path.join(BUILD, 'bench'), 'requests', str(count), self.file)

    def enroll(self, mount, clients, seconds, keys, how='enroll'):
        """how: 'enroll' opens a file for each request, 'converse' one for all of a client's."""
        out = bench(how, clients, seconds, self.file, self.next, mount.path + '/enroll', *keys)
        self.next += out['done'] + clients
        return out
