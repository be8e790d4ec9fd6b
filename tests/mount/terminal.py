#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py [--interrupt] COMMAND...: runs a command on a terminal, and prints what that shows.

When the command asks for a provisioning key, its standard input is typed (or Ctrl-C). Fails if the
terminal echoes while it asks, does not echo afterwards, or if the command fails unless interrupted.
"""
import fcntl
import os
import pty
import select
import signal
import sys
import termios

ASKED = b'Provisioning key: '


def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


def run(command, slave):
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    # background jobs of a shell ignore it
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.execvp(command[0], command)


def main():
    signal.alarm(60)  # a command that asks for ever ends the test
    interrupt = sys.argv[1] == '--interrupt'
    command = sys.argv[2:] if interrupt else sys.argv[1:]
    typed = b'\x03' if interrupt else sys.stdin.buffer.read()
    master, slave = pty.openpty()
    pid = run(command, slave)
    screen, status, asked, echoed = b'', None, False, False
    while status is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.05)[0]:
            screen += os.read(master, 4096)
        if not asked and ASKED in screen:
            asked, echoed = True, echoes(slave)
            os.write(master, typed)
        elif asked and interrupt and status is None:
            # a shell between fork and exec may have lost it: whoever waits presses it again
            os.write(master, typed)
        if status is None:
            done, code = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(code) if done else None
    sys.stdout.buffer.write(screen.replace(b'\r\n', b'\n'))
    if echoed or not echoes(slave):
        sys.exit('the terminal echoed the key, or was left without echo')
    if not interrupt and any(line in screen for line in typed.split() if line):
        sys.exit('the key is on the screen')
    sys.exit(0 if interrupt else status)


main()
