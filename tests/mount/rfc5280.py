#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rfc5280.py FILE...: points of RFC 5280 that certificates and CRLs (PEM) have to keep.

A chain is given in order, leaf first; a CRL comes behind its issuer's certificate. Prints a line for
each point that is not kept, with its section, and ends with 1 if there is one. Reads DER by itself,
so that it sees what was encoded and not what a library makes of it.
"""
import base64
import re
import sys

BASIC, USAGE, PURPOSE = '551d13', '551d0f', '551d25'
SKI, AKI, SAN, CRL_NUMBER, REASON = '551d0e', '551d23', '551d11', '551d14', '551d15'
SIGNATURES = {  # with whether the parameters are NULL (RFC 4055 5) or absent (RFC 5758 3.2, 8410 3)
    '2a864886f70d01010b': True, '2a864886f70d01010c': True, '2a864886f70d01010d': True,
    '2a8648ce3d040302': False, '2a8648ce3d040303': False, '2a8648ce3d040304': False,
    '2b6570': False,
}


class Element:
    """One DER element; children are parsed when asked for."""

    def __init__(self, data, at=0):
        self.tag = data[at]
        length, head = data[at + 1], 2
        if length & 0x80:
            n = length & 0x7f
            length = int.from_bytes(data[at + 2:at + 2 + n], 'big')
            head += n
            assert n and length >= 128 and data[at + 2], 'X.690 10.1: the shortest length'
        self.body = data[at + head:at + head + length]
        self.end = at + head + length
        self.raw = data[at:self.end]
        assert len(self.body) == length, 'truncated'

    def __iter__(self):
        at = 0
        while at < len(self.body):
            child = Element(self.body, at)
            at = child.end
            yield child

    def __getitem__(self, i):
        return list(self)[i]


faults = []


def point(holds, text):
    if not holds:
        faults.append(text)


def check_integer(e, what):
    point(e.tag == 2 and len(e.body) > 0, f'{what}: an INTEGER')
    point(len(e.body) < 2 or not (e.body[0] == 0 and e.body[1] < 0x80), f'{what}: X.690 8.3.2: the shortest')


def check_serial(e):
    check_integer(e, '4.1.2.2 serial')
    point(len(e.body) <= 20 and not e.body[0] & 0x80 and any(e.body), '4.1.2.2: positive, at most 20 octets')


def check_algorithm(e):
    oid = e[0].body.hex()
    point(oid in SIGNATURES, f'4.1.1.2: signature algorithm {oid}')
    null = len(list(e)) == 2 and e[1].raw == b'\x05\x00'
    point(SIGNATURES.get(oid) == null and (null or len(list(e)) == 1), '4.1.1.2: parameters of the algorithm')


def check_time(e):
    text = e.body.decode()
    if e.tag == 0x17:
        point(re.fullmatch(r'\d{12}Z', text) and text[:2] < '50', '4.1.2.5.1: UTCTime YYMMDDHHMMSSZ until 2049')
        return ('20' + text) if text else ''
    point(e.tag == 0x18 and re.fullmatch(r'\d{14}Z', text) and text >= '2050',
          '4.1.2.5.2: GeneralizedTime YYYYMMDDHHMMSSZ from 2050')
    return text


def check_name(e, what):
    point(len(e.body) > 0, f'{what}: not empty')
    limit = {'550403': 64, '55040a': 64, '55040b': 64, '550406': 2}
    for rdn in e:
        for attribute in rdn:
            oid, value = attribute[0].body.hex(), attribute[1]
            point(value.tag in (0x0c, 0x13, 0x16), f'4.1.2.4: {what}: UTF8String or PrintableString')
            point(len(value.body.decode()) <= limit.get(oid, 256), f'A.1: {what}: upper bound')
            point(oid != '550406' or value.tag == 0x13, f'A.1: {what}: a country is a PrintableString')


def extensions(e):
    found = {}
    for extension in e[0]:
        parts = list(extension)
        oid, critical = parts[0].body.hex(), len(parts) == 3
        point(oid not in found, f'4.2: extension {oid} twice')
        point(not critical or parts[1].raw == b'\x01\x01\xff', '4.2: critical is TRUE in DER')
        found[oid] = (critical, Element(parts[-1].body))
    return found


def key_id(ext, oid):
    if oid not in ext:
        return None
    e = ext[oid][1]
    return e.body if oid == SKI else e[0].body if len(e.body) and e[0].tag == 0x80 else None


def check_bits(e, what):
    unused, octets = e.body[0], e.body[1:]
    point(e.tag == 3 and octets and octets[-1] >> unused & 1, f'{what}: X.690 11.2.2: no trailing zero bits')
    return int.from_bytes(octets, 'big') << (16 - 8 * len(octets))


def check_leaf(ext, subject):
    point(ext.get(BASIC, (0, None))[0] and not ext[BASIC][1].body, '4.2.1.9: CA:FALSE, critical, default left out')
    critical, usage = ext[USAGE]
    point(critical and check_bits(usage, '4.2.1.3') == 0x8000, '4.2.1.3: digitalSignature alone, critical')
    point(PURPOSE in ext and [x.body.hex() for x in ext[PURPOSE][1]] ==
          ['2b06010505070302', '2b06010505070301'], '4.2.1.12: clientAuth and serverAuth')
    names = [(x.tag, x.body.decode('ascii')) for x in ext[SAN][1]]
    point([t for t, _ in names] == [0x86, 0x82], '4.2.1.6: one URI and one dNSName')
    point(re.fullmatch(r'spiffe://[a-z0-9.-]+(/[A-Za-z0-9][A-Za-z0-9._-]*){3}', names[0][1]), '4.2.1.6: the URI')
    point(re.fullmatch(r'[0-9a-f]{32}\.[a-z0-9.-]+', names[1][1]), '4.2.1.6: the dNSName')
    point(len(subject.body) > 0, '4.1.2.6: subject')


def check_ca(ext, issuer_is_self):
    critical, basic = ext.get(BASIC, (False, None))
    point(critical and basic[0].raw == b'\x01\x01\xff', '4.2.1.9: CA:TRUE, critical')
    critical, usage = ext[USAGE]
    point(critical and check_bits(usage, '4.2.1.3') & 0x0600 == 0x0600, '4.2.1.3: keyCertSign and cRLSign, critical')
    point(SKI in ext, '4.2.1.2: a CA has a subjectKeyIdentifier')
    point(issuer_is_self or AKI in ext, '4.2.1.1: authorityKeyIdentifier')


def check_certificate(der):
    cert = Element(der)
    point(cert.end == len(der), 'nothing behind the certificate')
    tbs, outer, signature = cert
    fields = list(tbs)
    point(fields[0].raw == bytes.fromhex('a003020102'), '4.1.2.1: version 3')
    check_serial(fields[1])
    check_algorithm(outer)
    point(fields[2].raw == outer.raw, '4.1.1.2: both algorithms the same')
    point(signature.tag == 3 and signature.body[0] == 0, '4.1.1.3: the signature')
    issuer, validity, subject, rest = fields[3], fields[4], fields[5], fields[7:]
    check_name(issuer, '4.1.2.4 issuer')
    check_name(subject, '4.1.2.6 subject')
    point(check_time(validity[0]) < check_time(validity[1]), '4.1.2.5: notBefore before notAfter')
    point([x.tag for x in rest] == [0xa3], '4.1.2.8: no unique identifiers; 4.1.2.9: extensions')
    ext = extensions(rest[-1])
    point(not ext.get(SKI, (False,))[0] and not ext.get(AKI, (False,))[0], '4.2.1.1, 4.2.1.2: not critical')
    is_ca = len(ext[BASIC][1].body) > 0
    if is_ca:
        check_ca(ext, issuer.raw == subject.raw)
    else:
        check_leaf(ext, subject)
    return {'issuer': issuer.raw, 'subject': subject.raw, 'ext': ext, 'ca': is_ca,
            'serial': fields[1].body}


def check_link(cert, issuer):
    point(cert['issuer'] == issuer['subject'], '6.1.3 (a)(4): the issuer\'s name')
    point(issuer['ca'], '6.1.4 (k): the issuer is a CA')
    point(key_id(cert['ext'], AKI) == key_id(issuer['ext'], SKI), '4.2.1.1: the issuer\'s key identifier')


def check_crl(der, issuer):
    crl = Element(der)
    tbs, outer, _ = crl
    fields = list(tbs)
    point(fields[0].raw == b'\x02\x01\x01', '5.1.2.1: version 2')
    check_algorithm(outer)
    point(fields[1].raw == outer.raw, '5.1.1.2: both algorithms the same')
    point(fields[2].raw == issuer['subject'], '5.1.2.3: the issuer\'s name')
    point(check_time(fields[3]) < check_time(fields[4]), '5.1.2.5: nextUpdate behind thisUpdate')
    ext = extensions(fields[-1])
    point(fields[-1].tag == 0xa0 and set(ext) == {CRL_NUMBER, AKI}, '5.2: AKI and CRL number')
    point(not ext[AKI][0] and not ext[CRL_NUMBER][0], '5.2.1, 5.2.3: not critical')
    check_integer(ext[CRL_NUMBER][1], '5.2.3 CRL number')
    point(len(ext[CRL_NUMBER][1].body) <= 20, '5.2.3: at most 20 octets')
    point(key_id(ext, AKI) == key_id(issuer['ext'], SKI), '5.2.1: the issuer\'s key identifier')
    if len(fields) == 7:
        point(len(fields[5].body) > 0, '5.1.2.6: absent if there are none')
        seen = set()
        for entry in fields[5]:
            parts = list(entry)
            check_serial(parts[0])
            point(parts[0].body not in seen, '5.1.2.6: each serial once')
            seen.add(parts[0].body)
            check_time(parts[1])
            for extension in parts[2] if len(parts) == 3 else ():
                oid, value = extension[0].body.hex(), Element(extension[1].body)
                point(oid == REASON and value.tag == 0x0a, '5.3.1: reasonCode, not critical')
                point(value.body[0] in (1, 2, 3, 4, 5, 9, 10), '5.3.1: not unspecified, hold or remove')


def main():
    text = ''.join(open(name).read() for name in sys.argv[1:])
    previous, count = None, 0
    for label, body in re.findall(r'-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)-----END', text, re.S):
        der = base64.b64decode(body)
        count += 1
        try:
            if label == 'X509 CRL':
                check_crl(der, previous)
                continue
            cert = check_certificate(der)
            if previous and previous['issuer'] != previous['subject']:
                check_link(previous, cert)
            previous = cert
        except (AssertionError, KeyError, IndexError, ValueError) as e:
            faults.append(f'{label} {count}: {e!r}')
    for fault in faults:
        print(fault)
    print(f'{count} checked')
    return bool(faults) or not count


sys.exit(main())
