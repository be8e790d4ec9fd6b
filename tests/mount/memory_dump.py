#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""memory_dump.py PID FILE...: no secret of these files is in the memory of a process, but in pages
that are locked and left out of core dumps. A file has a provisioning key's text, a private key in
PEM, or a master key's hex digits. Each is looked for as text and as bytes, in both orders: numbers
lie in memory with their lowest byte first. Prints how much was read; says what was found, and where.
"""
import base64
import re
import subprocess
import sys

LARGEST = 1 << 30  # a sanitizer reserves more than there is


def mappings(pid):
    """(start, end, line, flags) of each."""
    found = []
    with open(f'/proc/{pid}/smaps') as smaps:
        for line in smaps:
            if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
                start, end = (int(x, 16) for x in line.split()[0].split('-'))
                found.append([start, end, line.strip(), set()])
            elif line.startswith('VmFlags:'):
                found[-1][3] = set(line.split()[1:])
    return found


def private_numbers(path):
    """The private numbers of a key in PEM, as openssl prints them."""
    text = subprocess.run(['openssl', 'pkey', '-in', path, '-noout', '-text'],
                          check=True, capture_output=True, text=True).stdout
    for name, digits in re.findall(r'^(\w[\w ]*):\s*\n((?:    [0-9a-f:]+\n)+)', text, re.M):
        if name in ('priv', 'privateExponent', 'prime1', 'prime2', 'exponent1', 'exponent2'):
            yield name, bytes.fromhex(re.sub(r'[^0-9a-f]', '', digits)).lstrip(b'\0')


def secrets(path):
    """(what it is, its bytes)"""
    with open(path) as file:
        text = file.read()
    if 'PRIVATE KEY' in text:
        for line in text.splitlines()[1:-1]:
            if len(line) > 40:
                yield 'a line of PEM', line.encode()
        for name, number in private_numbers(path):
            yield name, number
            yield name + ', reversed', number[::-1]
    elif text.startswith('1|'):
        encoded = text.strip().split('|')[2]
        yield 'key text', encoded[12:52].encode()
        raw = base64.b64decode(encoded)[8:40]
        yield 'secret', raw
        yield 'secret in hex', raw.hex().encode()
    else:
        yield 'master key in hex', text.strip().encode()
        yield 'master key', bytes.fromhex(text.strip())


def main():
    pid, files = sys.argv[1], sys.argv[2:]
    wanted = [(path, what, data) for path in files for what, data in secrets(path)]
    read, locked, found = 0, 0, []
    with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for start, end, line, flags in mappings(pid):
            if {'lo', 'dd'} <= flags:
                locked += end - start
                continue
            if 'rd' not in flags or end - start > LARGEST or '[vvar' in line:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:
                continue
            read += len(data)
            found += [f'{path}: {what}: at {start + data.find(secret):x} in {line}'
                      for path, what, secret in wanted if secret in data]
    print(f'{len(wanted)} secrets, {read >> 10} KiB read, {locked >> 10} KiB locked')
    print('\n'.join(found))
    sys.exit(1 if found or not wanted or not locked else 0)


main()
