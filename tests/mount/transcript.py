#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""transcript.py [--print] [--not-run LIST] DOCUMENT... [-- SHELL...]

Runs the commands that documents show, in one shell, and compares what they print with what is shown.
SHELL reads them as a script from standard input (default: bash), all of it before the first is run.

In Markdown, commands stand in ```console blocks; in mdoc(7), in literal displays (.Bd -literal, .Dl).
A line that begins with "# " or "$ " is a command, one that begins with "> " continues it, and the
other lines of the block are its output. "..." stands for anything within a line. How ls arranges
names does not matter.

A comment `<!-- # COMMAND -->` or `.\\" # COMMAND` is run, too; readers do not see it. It has to succeed.

LIST has commands that are not run, a line each, and comments that begin with "; ". Each of them has
to be shown. With --print, the session is printed, and nothing is compared.
"""
import argparse
import re
import subprocess
import sys

# What mdoc(7) wants written for characters that formatters may change, mandoc_char(7).
ESCAPES = {r'\-': '-', r'\e': '\\', r'\(aq': "'", r'\(ga': '`', r'\(ha': '^', r'\(ti': '~',
           r'\(dq': '"', r'\&': ''}
MARK = 'end of a command, of the test'


class Command:
    """A command of a document and the output that is shown."""

    def __init__(self, text, where, hidden):
        self.text, self.where, self.hidden = text, where, hidden
        self.want = []

    def take(self, line):
        """Another line of the block that it stands in."""
        if line.startswith('> '):
            self.text += '\n' + line[2:]
        else:
            self.want.append(line)


def unescape(line, where):
    """The characters that a line of mdoc stands for."""
    def one(match):
        if match[0] not in ESCAPES:
            sys.exit(f'{where}: {match[0]}: an escape that the suite does not know')
        return ESCAPES[match[0]]
    return re.sub(r'\\(?:\(..|.)', one, line)


def markdown(lines, name):
    """(line, where, hidden) of all ```console blocks; None begins another one."""
    inside = False
    for number, line in enumerate(lines, 1):
        if line.startswith('```'):
            inside = line == '```console'
            yield None, '', False
        elif re.match(r'<!-- [#$>] .* -->$', line):
            yield line[5:-4], f'{name}:{number}', True
        elif inside:
            yield line, f'{name}:{number}', False


def mdoc(lines, name):
    """The same for literal displays."""
    inside = False
    for number, line in enumerate(lines, 1):
        where = f'{name}:{number}'
        if line.startswith('.Bd -literal'):
            inside = True
            yield None, where, False
        elif line == '.Ed':
            inside = False
        elif re.match(r'\.\\" [#$>] ', line):
            yield line[4:], where, True
        elif line.startswith('.Dl '):
            yield None, where, False
            yield unescape(line[4:], where), where, False
        elif inside and not line.startswith('.'):
            yield unescape(line, where), where, False


def commands(path):
    """The commands of a document, in order."""
    with open(path, encoding='utf-8') as file:
        lines = file.read().split('\n')
    name = '/'.join(path.split('/')[-2:])
    found, last = [], None
    for line, where, hidden in (markdown if path.endswith('.md') else mdoc)(lines, name):
        if line is None:
            last = None
        elif line[:2] in ('# ', '$ '):
            last = Command(line[2:], where, hidden)
            found.append(last)
        elif last:
            last.take(line)
    return found


def script(found):
    """What the shell is given: after each command, a line with its status."""
    parts = ['exec 2>&1']
    for command in found:
        parts.append(command.text)
        parts.append(f"printf '\\n%s %d\\n' '{MARK}' $?")
    return '\n'.join(parts) + '\n'


def run(found, shell):
    """What each of them printed, and its exit status."""
    ran = subprocess.run(shell, input=script(found), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors='replace', check=False)
    parts = re.split(rf'\n{MARK} (\d+)\n', ran.stdout)
    if len(parts) != 2 * len(found) + 1:
        sys.exit(f'{len(parts) // 2} of {len(found)} commands were run:\n{ran.stdout}')
    return list(zip(parts[0::2], map(int, parts[1::2])))


def as_expected(command, got):
    """Whether the output is what is shown."""
    want = '\n'.join(command.want).strip('\n')
    got = got.strip('\n')
    if re.match(r'ls\b', command.text):
        want, got = (' '.join(sorted(text.split())) for text in (want, got))
    pattern = re.escape(want).replace(r'\.\.\.', '.*')
    return re.fullmatch(pattern, got) is not None


def listed(path):
    """The commands that a list says are not run."""
    if not path:
        return []
    with open(path, encoding='utf-8') as file:
        return [line for line in file.read().split('\n') if line and not line.startswith('; ')]


def compare(found, session):
    """Says what is not as it is shown. Returns how many."""
    wrong = 0
    for command, (got, status) in zip(found, session):
        if command.hidden and status:
            why = f'ended with {status}'
        elif not command.hidden and not as_expected(command, got):
            why = 'prints something else than is shown'
        else:
            continue
        wrong += 1
        print(f'{command.where}: {command.text}\n{why}:\n{got}')
    return wrong


def main():
    shell = ['bash', '-c', 'exec bash -c "$(cat)"']
    own = sys.argv[1:]
    if '--' in own:
        own, shell = own[:own.index('--')], own[own.index('--') + 1:]
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--print', action='store_true')
    parser.add_argument('--not-run')
    parser.add_argument('document', nargs='+')
    options = parser.parse_args(own)

    found = [command for path in options.document for command in commands(path)]
    left_out = listed(options.not_run)
    missing = set(left_out) - {command.text for command in found}
    if missing:
        sys.exit(f'not shown, but said not to be run: {sorted(missing)}')
    found = [command for command in found if command.text not in left_out]
    session = run(found, shell)
    if options.print:
        for command, (got, _) in zip(found, session):
            print(('. ' if command.hidden else '# ') + command.text + '\n' + got.strip('\n'))
        return 0
    wrong = compare(found, session)
    print(f'{len(found) - wrong} of {len(found)} commands do what is shown')
    return 1 if wrong or not found else 0


if __name__ == '__main__':
    sys.exit(main())
