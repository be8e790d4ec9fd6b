#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""hostile.py FOLDER: makes requests that mean no good. Each is called by the errno that refuses it, or
`ok` where nothing that it asks for counts, and by what is wrong with it."""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

FOLDER = sys.argv[1]
WORK = tempfile.mkdtemp()


def run(*command, data=None):
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def tlv(tag, *parts):
    body = b''.join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    size = (n.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + n.to_bytes(size, 'big') + body


def seq(*parts):
    return tlv(0x30, *parts)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big', signed=True))


def oid(text):
    first, second, *rest = map(int, text.split('.'))
    out = bytes([first * 40 + second])
    for n in rest:
        part = [n & 127]
        while n > 127:
            n >>= 7
            part.insert(0, n & 127 | 128)
        out += bytes(part)
    return tlv(6, out)


def bits(data, unused=0):
    return tlv(3, bytes([unused]), data)


NULL = b'\x05\x00'
CN, O, EC, RSA = '2.5.4.3', '2.5.4.10', '1.2.840.10045.2.1', '1.2.840.113549.1.1.1'
CURVE = {'p256': '1.2.840.10045.3.1.7', 'k1': '1.3.132.0.10', 'p224': '1.3.132.0.33', 'p192': '1.2.840.10045.3.1.1'}
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
ECDSA_SHA256 = seq(oid('1.2.840.10045.4.3.2'))


def new_key(name, *how):
    path = os.path.join(WORK, name)
    if not os.path.exists(path):
        run('openssl', 'genpkey', '-out', path, *how)
    return path


def ec_key(curve='P-256'):
    """Another one each time: a public key enrols once."""
    ec_key.count += 1
    return new_key(f'ec{ec_key.count}', '-algorithm', 'EC', '-pkeyopt', f'ec_paramgen_curve:{curve}')


ec_key.count = 0


def rsa_key(size):
    return new_key(f'rsa{size}', '-algorithm', 'RSA', '-pkeyopt', f'rsa_keygen_bits:{size}')


def spki(path):
    return run('openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER')


def sign(path, data, digest='sha256'):
    return run('openssl', 'dgst', f'-{digest}', '-sign', path, data=data)


def name(*pairs, tag=12):
    return seq(*[tlv(0x31, seq(oid(kind), tlv(tag, text if isinstance(text, bytes) else text.encode())))
                 for kind, text in pairs])


def info(public, subject=None, attributes=b'', version=0):
    return seq(integer(version), subject if subject is not None else name((CN, 'machine')), public,
               tlv(0xa0, attributes))


def request(key=None, subject=None, attributes=b'', public=None, version=0, digest='sha256',
            algorithm=ECDSA_SHA256, signature=None, unused=0):
    key = key or ec_key()
    tbs = info(public or spki(key), subject, attributes, version)
    if signature is None:
        signature = sign(key, tbs, digest)
    return seq(tbs, algorithm, bits(signature, unused))


def save(expected, what, data):
    with open(os.path.join(FOLDER, f'{expected}.{what}'), 'wb') as f:
        f.write(data)


def pem(der, label='CERTIFICATE REQUEST', head=''):
    text = base64.encodebytes(der).decode()
    return f'-----BEGIN {label}-----\n{head}{text}-----END {label}-----\n'.encode()


def extensions(*list_of):
    """extensionRequest (RFC 2985 5.4.2)."""
    return seq(oid('1.2.840.113549.1.9.14'), tlv(0x31, seq(*list_of)))


def extension(kind, value):
    return seq(oid(kind), tlv(4, value))


def ec_public(point, curve=CURVE['p256']):
    return seq(seq(oid(EC), oid(curve)), bits(point))


def rsa_public(n, e):
    return seq(seq(oid(RSA), NULL), bits(seq(integer(n), integer(e))))


def rsa_request(n, e, length=256):
    return request(public=rsa_public(n, e), algorithm=seq(oid('1.2.840.113549.1.1.11'), NULL), signature=bytes(length))


def signatures():
    rsa = rsa_key(2048)
    for digest, arc, says in (('md5', 4, 'EBADMSG'), ('sha1', 5, 'EBADMSG'), ('sha224', 14, 'EBADMSG')):
        save(says, f'rsa-signed-with-{digest}',
             request(rsa, digest=digest, algorithm=seq(oid(f'1.2.840.113549.1.1.{arc}'), NULL)))
    save('EBADMSG', 'ecdsa-signed-with-sha1', request(digest='sha1', algorithm=seq(oid('1.2.840.10045.4.1'))))
    good = request()
    save('EKEYREJECTED', 'signature-with-a-flipped-bit', good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
    key, other = ec_key(), ec_key()
    save('EKEYREJECTED', 'signed-by-another-key', request(other, public=spki(key)))
    save('EKEYREJECTED', 'signature-empty', request(signature=b''))
    save('EKEYREJECTED', 'signature-of-zeros', request(signature=seq(integer(0), integer(0))))
    save('EKEYREJECTED', 'signature-negative', request(signature=seq(integer(-5), integer(7))))
    save('EKEYREJECTED', 'signature-of-64-kilobytes-of-r', request(signature=seq(integer(1 << 400000), integer(7))))
    tbs = info(spki(key))
    save('EKEYREJECTED', 'signature-with-bytes-behind', seq(tbs, ECDSA_SHA256, bits(sign(key, tbs) + b'xx')))
    save('EKEYREJECTED', 'algorithm-of-another-key-type',
         request(algorithm=seq(oid('1.2.840.113549.1.1.11'), NULL)))
    save('EKEYREJECTED', 'algorithm-unknown', request(algorithm=seq(oid('1.3.9999.1'))))
    save('EKEYREJECTED', 'algorithm-is-hmac', request(algorithm=seq(oid('1.2.840.113549.2.9'))))
    save('EKEYREJECTED', 'signed-over-something-else', request(signature=sign(key, b'something')))


def public_keys():
    prime = (1 << 2047) + 1235
    for size in (512, 1024, 1536):
        save('EBADMSG', f'rsa-of-{size}-bits',
             request(rsa_key(size), algorithm=seq(oid('1.2.840.113549.1.1.11'), NULL)))
    for what, n, e in (('exponent-0', prime, 0), ('exponent-1', prime, 1), ('exponent-even', prime, 65536),
                       ('exponent-of-65-bits', prime, (1 << 64) + 1), ('exponent-of-4096-bits', prime, (1 << 4095) + 1),
                       ('exponent-negative', prime, -3), ('modulus-0', 0, 65537), ('modulus-1', 1, 65537),
                       ('modulus-negative', -prime, 65537), ('modulus-even', prime - 1, 65537),
                       ('modulus-of-16385-bits', (1 << 16384) + 1, 65537),
                       ('modulus-of-200000-bits', (1 << 199999) + 1, 65537),
                       ('modulus-and-exponent-of-100000-bits', (1 << 99999) + 1, (1 << 99998) + 1)):
        save('EKEYREJECTED', f'rsa-{what}', rsa_request(n, e))
    point = b'\0'
    while not point[-1] & 7:
        point = spki(ec_key())[-65:]
    for what, data in (('not-on-the-curve', point[:-1] + bytes([point[-1] ^ 1])), ('of-zeros', b'\4' + bytes(64)), ('beyond-the-prime', b'\4' + b'\xff' * 64),
                       ('too-short', point[:-1]), ('too-long', point + b'x'), ('empty', b'')):
        save('EBADMSG', f'point-{what}', request(public=ec_public(data)))
    # with this one anybody can sign: r is the x of the generator, s is what is signed
    tbs = info(ec_public(b'\0'))
    r = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296
    s = int.from_bytes(hashlib.sha256(tbs).digest(), 'big')
    save('EBADMSG', 'point-at-infinity', seq(tbs, ECDSA_SHA256, bits(seq(integer(r), integer(s % P256_ORDER)))))
    key = ec_key()
    whole = spki(key)[-65:]
    save('EBADMSG', 'point-compressed', request(key, public=ec_public(bytes([2 + whole[-1] % 2]) + whole[1:33])))
    key = ec_key()
    whole = spki(key)[-65:]
    save('EBADMSG', 'point-hybrid', request(key, public=ec_public(bytes([6 + whole[-1] % 2]) + whole[1:])))
    for curve, openssl in (('k1', 'secp256k1'), ('p224', 'P-224'), ('p192', 'P-192')):
        save('EBADMSG', f'curve-{curve}', request(ec_key(openssl)))
    explicit = new_key('explicit', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt',
                       'ec_param_enc:explicit')
    save('EBADMSG', 'curve-with-explicit-parameters', request(explicit))
    save('EBADMSG', 'curve-missing', request(public=seq(seq(oid(EC)), bits(point))))
    save('EBADMSG', 'key-type-unknown', request(public=seq(seq(oid('1.3.9999.2')), bits(point))))
    save('EKEYREJECTED', 'key-of-x25519', request(public=spki(new_key('x25519', '-algorithm', 'X25519'))))
    save('EBADMSG', 'key-of-ed448', run('openssl', 'req', '-new', '-key', new_key('ed448', '-algorithm', 'ED448'), '-subj',
                                        '/CN=machine', '-outform', 'DER'))
    save('EBADMSG', 'ed25519-with-31-bytes', request(public=seq(seq(oid('1.3.101.112')), bits(bytes(31)))))
    save('EBADMSG', 'key-with-bytes-behind', request(public=seq(seq(oid(EC), oid(CURVE['p256'])), bits(point), NULL)))
    save('EBADMSG', 'key-with-unused-bits',
         request(public=seq(seq(oid(EC), oid(CURVE['p256'])), bits(point, 3))))


def structures():
    good = request()
    save('EBADMSG', 'sequence-empty', b'\x30\x00')
    save('EFBIG', 'length-of-4-gigabytes', b'\x30\x84\xff\xff\xff\xff' + bytes(70000))
    save('EBADMSG', 'length-indefinite', b'\x30\x80' + good[4:] + b'\0\0')
    save('EBADMSG', 'bytes-behind', good + b'\0\0\0\0')
    save('EBADMSG', 'two-requests-der', good + request())
    save('EBADMSG', 'pem-twice', pem(good) + pem(request()))
    save('EBADMSG', 'pem-of-a-certificate', pem(good, 'CERTIFICATE'))
    save('EBADMSG', 'pem-with-bad-base64', pem(good).replace(b'M', b'*', 3))
    save('EBADMSG', 'pem-encrypted', pem(good, head='Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n'))
    save('EBADMSG', 'pem-empty', b'-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n')
    save('EBADMSG', 'version-of-zero-bytes', seq(seq(tlv(2), name((CN, 'x')), spki(ec_key()), tlv(0xa0)), ECDSA_SHA256, bits(b'x')))
    nested = b''
    for _ in range(3000):
        nested = seq(nested)
    save('EBADMSG', 'sequences-3000-deep', nested)
    save('EBADMSG', 'set-instead-of-sequence', seq(tlv(0x31, good[4:60]), ECDSA_SHA256, bits(b'x')))
    save('EBADMSG', 'random-behind-a-header', b'\x30\x82\x04\x00' + bytes((i * 197 + 13) % 256 for i in range(1024)))
    save('EBADMSG', 'no-public-key', seq(seq(integer(0), name((CN, 'x')), seq(), tlv(0xa0)), ECDSA_SHA256, bits(b'x')))
    save('EFBIG', 'garbage-of-70000-bytes', b'\x30\x83\x02\x00\x00' + b'A' * 70000)
    save('EFBIG', 'ten-thousand-extensions',
         request(attributes=extensions(*[extension('1.3.9999.%d' % i, b'x') for i in range(10000)])))


def nothing_counts():
    """What it asks for is left out; what it is called is no name."""
    for what, text in (('dot-dot', '../../etc/passwd'), ('slash', 'a/b'), ('nul', b'web\0evil'), ('newline', 'a\n{"seq":1}'),
                       ('quotes', '","result":"ok'), ('dash', '-rf'), ('dot', '.hidden'), ('65-letters', 'a' * 65),
                       ('shell', '$(reboot)'), ('escape', '\x1b[2J'), ('fullwidth', '\uff57eb'), ('right-to-left', '\u202etxt.exe'),
                       ('space', 'a b')):
        save('ok', f'cn-{what}', request(subject=name((CN, text))))
    # no UTF-8: the request itself is malformed
    save('EBADMSG', 'cn-invalid-utf8', request(subject=name((CN, b'\xff\xfe'))))
    save('EBADMSG', 'cn-overlong-slash', request(subject=name((CN, b'..\xc0\xaf'))))
    save('ok', 'cn-twice', request(subject=name((CN, 'one'), (CN, 'two'))))
    save('ok', 'cn-bmp-string', request(subject=name((CN, 'web'.encode('utf-16-be')), tag=30)))
    save('ok', 'subject-empty', request(subject=seq()))
    save('ok', 'subject-of-500-parts', request(subject=name(*[(O, 'x%d' % i) for i in range(500)])))
    save('ok', 'subject-of-another', request(subject=name((O, 'corp.example'), ('2.5.4.11', 'root'), (CN, 'Root CA'))))
    ca = extension('2.5.29.19', seq(tlv(1, b'\xff')))
    save('ok', 'asks-to-be-a-ca', request(attributes=extensions(ca)))
    save('ok', 'asks-to-sign', request(attributes=extensions(ca, extension('2.5.29.15', b'\x03\x02\x01\x06'))))
    save('ok', 'asks-for-a-host', request(attributes=extensions(extension('2.5.29.17', seq(tlv(0x82, b'bank.example'))))))
    save('ok', 'asks-for-a-uri', request(attributes=extensions(
        extension('2.5.29.17', seq(tlv(0x86, b'spiffe://corp.example/app_connector/other/admin'))))))
    save('ok', 'asks-twice', request(attributes=extensions(ca) + extensions(ca)))
    save('ok', 'two-thousand-extensions',
         request(attributes=extensions(*[extension('1.3.9999.%d' % i, b'x') for i in range(2000)])))
    save('ok', 'challenge-password', request(attributes=seq(oid('1.2.840.113549.1.9.7'), tlv(0x31, tlv(12, b'secret')))))
    save('EBADMSG', 'cn-of-a-renewal', request(subject=name((CN, 'ab' * 32))))


for make in (signatures, public_keys, structures, nothing_counts):
    make()
print(len(os.listdir(FOLDER)), 'requests')
