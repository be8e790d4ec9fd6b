#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""handshake.py SERVER CLIENT TRUST HOST: TLS 1.3 with client authentication between `openssl s_server`
with SERVER.crt and SERVER.pem and `openssl s_client` with CLIENT's; both check the other, with the
certificates and CRLs in TRUST, and the client the name HOST. Ends with 0 if the client got what the
server says once it has accepted him. What they had to say is in server.err and client.err.
"""
import subprocess
import sys
import time

server_name, client_name, trust, host = sys.argv[1:]


def end(name):
    check = ['-CAfile', trust, '-crl_check_all', '-verify_return_error', '-tls1_3', '-quiet']
    return check + ['-cert', name + '.crt', '-cert_chain', name + '.crt', '-key', name + '.pem']


def listening():
    """The port that the server has been given, once it listens."""
    for line in open('server.out'):
        if line.startswith('ACCEPT '):
            return line.rsplit(':', 1)[1].split()[0]
    return None


def accepted():
    return 'from the server' in open('client.out').read()


def until(condition):
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    return condition()


server = subprocess.Popen(
    ['openssl', 's_server', '-accept', '127.0.0.1:0', '-Verify', '5', '-naccept', '1'] +
    [x for x in end(server_name) if x != '-quiet'],
    stdin=subprocess.PIPE, stdout=open('server.out', 'w'), stderr=open('server.err', 'w'))
server.stdin.write(b'from the server\n')
server.stdin.flush()
port = until(lambda: listening() or server.poll())
client = subprocess.Popen(
    ['openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-verify_hostname', host] + end(client_name),
    stdin=subprocess.PIPE, stdout=open('client.out', 'w'), stderr=open('client.err', 'w'))
until(lambda: accepted() or client.poll() is not None)
# when the server refuses, it may still have to say so
until(lambda: accepted() or server.poll() is not None or 'error' in open('server.err').read())
for process in (client, server):
    process.kill()
    process.wait()
sys.exit(not accepted())
