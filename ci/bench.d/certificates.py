"""Certificates, quickly made: thousands a second, each valid, with a key and a signature of its own.

Keys and nonces of ECDSA are consecutive numbers, so the next public key is the last one plus the generator: no
scalar multiplication for each. Secret they are not, and need not be. RSA keys are pairs out of a small pool of primes.
"""
import base64
import functools
import hashlib
import itertools
import random
from typing import NamedTuple

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
CA_KEY, FIRST_KEY, FIRST_NONCE = 2**128 + 1, 2**192 + 1, 2**224 + 1
# So many keys and nonces are one generation's.
GENERATION = 2**40
SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
POOL = 12


class Pair(NamedTuple):
    """A leaf and its private key, both DER; the key is PKCS#1 or SEC 1, as `kind` says."""
    certificate: bytes
    key: bytes
    kind: str


def leaves(count, mix=("ec", "rsa"), first=0, generation=0, name="service-{:06}"):
    """Distinct leaves of one CA with two alternative names each. Another generation is a renewal: the same names, other keys and days."""
    offset = generation * GENERATION + first
    public, nonces = points(FIRST_KEY + offset), points(FIRST_NONCE + offset)
    for index in range(first, first + count):
        point, (x, _) = next(public), next(nonces)
        number = FIRST_KEY + generation * GENERATION + index
        kind = mix[index % len(mix)]
        spki, key = (rsa_key(index + generation) if kind == "rsa" else ec_key(number, point))
        common = name.format(index)
        extensions = [
            (b"\x55\x1d\x0f", True, tlv(3, b"\x05\xa0")),
            (b"\x55\x1d\x25", False, seq(oid(b"\x2b\x06\x01\x05\x05\x07\x03\x01"))),
            (b"\x55\x1d\x13", True, seq()),
            (b"\x55\x1d\x23", False, seq(tlv(0x80, authority()[1]))),
            (b"\x55\x1d\x11", False, seq(*[tlv(0x82, f"{common}{tail}".encode()) for tail in (".example.org", ".apps.svc.cluster.local")])),
        ]
        serial = int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:16], "big") | 1 << 126
        body = certificate(serial, subject("Bench", common), 2031 + (index + generation) % 18, index, spki, extensions)
        yield Pair(signed(body, FIRST_NONCE + generation * GENERATION + index, x), key, kind)


@functools.cache
def authority():
    """The CA that signed them all: its certificate, and its key's identifier."""
    point = multiply(CA_KEY)
    spki, _ = ec_key(CA_KEY, point)
    identifier = hashlib.sha1(encoded(point)).digest()
    extensions = [
        (b"\x55\x1d\x0f", True, tlv(3, b"\x02\xa4")),
        (b"\x55\x1d\x13", True, seq(tlv(1, b"\xff"))),
        (b"\x55\x1d\x0e", False, tlv(4, identifier)),
    ]
    body = certificate(2**119 + 1, subject("Bench", "bench issuing CA"), 2049, 0, spki, extensions)
    return signed(body, FIRST_NONCE - 1, multiply(FIRST_NONCE - 1)[0]), identifier


def pem(der, label="CERTIFICATE"):
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def key_pem(pair):
    return pem(pair.key, {"rsa": "RSA PRIVATE KEY", "ec": "EC PRIVATE KEY"}[pair.kind])


# DER

def tlv(tag, body):
    size = len(body)
    if size < 128:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def seq(*parts):
    return tlv(0x30, b"".join(parts))


def oid(body):
    return tlv(6, body)


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bits(body):
    return tlv(3, b"\0" + body)


def subject(organisation, common):
    return seq(*[tlv(0x31, seq(oid(b"\x55\x04" + bytes((arc,))), tlv(0x0c, text.encode()))) for arc, text in ((10, organisation), (3, common))])


ISSUER = subject("Bench", "bench issuing CA")
ECDSA_SHA256 = seq(oid(b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))
EC_P256 = seq(oid(b"\x2a\x86\x48\xce\x3d\x02\x01"), oid(b"\x2a\x86\x48\xce\x3d\x03\x01\x07"))
RSA = seq(oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), tlv(5, b""))


def certificate(serial, name, year, index, spki, extensions):
    """A TBSCertificate. Each index has a second of its own, as certificates of a real cluster have."""
    seconds = index % 2_000_000
    day, rest = divmod(seconds, 86400)
    clock = f"{day % 28 + 1:02}{rest // 3600:02}{rest // 60 % 60:02}{rest % 60:02}Z"
    validity = seq(*[tlv(0x17, f"{year_ % 100:02}{index % 12 + 1:02}{clock}".encode()) for year_ in (2024, year)])
    listed = [seq(oid(kind), *([tlv(1, b"\xff")] if critical else []), tlv(4, value)) for kind, critical, value in extensions]
    return seq(tlv(0xa0, integer(2)), integer(serial), ECDSA_SHA256, ISSUER, validity, name, spki, tlv(0xa3, seq(*listed)))


def signed(body, nonce, x):
    digest = int.from_bytes(hashlib.sha256(body).digest(), "big")
    r = x % ORDER
    s = pow(nonce, -1, ORDER) * (digest + r * CA_KEY) % ORDER
    return seq(body, ECDSA_SHA256, bits(seq(integer(r), integer(s))))


# Keys

def ec_key(number, point):
    private = seq(integer(1), tlv(4, number.to_bytes(32, "big")), tlv(0xa0, oid(b"\x2a\x86\x48\xce\x3d\x03\x01\x07")), tlv(0xa1, bits(encoded(point))))
    return seq(EC_P256, bits(encoded(point))), private


@functools.lru_cache(maxsize=POOL * POOL)
def rsa_of(number):
    p, q = primes()[number]
    n, e = p * q, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    private = seq(*map(integer, (0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
    return seq(RSA, bits(seq(integer(n), integer(e)))), private


def rsa_key(index):
    return rsa_of(index // 2 % len(primes()))


@functools.cache
def primes():
    """All pairs out of a pool of primes of 1,024 bits."""
    source, pool = random.Random(2048), []
    while len(pool) < POOL:
        candidate = source.getrandbits(1024) | 3 << 1022 | 1
        # The exponent of all keys must have an inverse; four rounds of Fermat are plenty for keys that guard nothing.
        if candidate % 65537 != 1 and all(candidate % small for small in SMALL_PRIMES) and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7)):
            pool.append(candidate)
    return list(itertools.combinations(pool, 2))


# The curve P-256, in affine coordinates: one inversion for each addition.

def plus(left, right):
    (x1, y1), (x2, y2) = left, right
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if left == right else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(scalar):
    total, power = None, G
    while scalar:
        if scalar & 1:
            total = plus(total, power) if total else power
        power, scalar = plus(power, power), scalar >> 1
    return total


def points(first):
    """The public keys of first, first + 1, …"""
    point = multiply(first)
    while True:
        yield point
        point = plus(point, G)


def encoded(point):
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
