"""A Java keystore with one trusted certificate, by the format's own rules: keytool would start Java for each.

make-jks.py CERTIFICATE.pem PASSPHRASE >STORE
"""
import base64
import hashlib
import pathlib
import re
import struct
import sys

MAGIC, VERSION, TRUSTED = 0xFEEDFEED, 2, 2
WHITENER = b"Mighty Aphrodite"


def text(value):
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def main(path, passphrase):
    block = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pathlib.Path(path).read_text(encoding="ascii"), re.S)
    der = base64.b64decode(block[1])
    entry = struct.pack(">I", TRUSTED) + text("one") + struct.pack(">Q", 0) + text("X.509") + struct.pack(">I", len(der)) + der
    store = struct.pack(">III", MAGIC, VERSION, 1) + entry
    digest = hashlib.sha1(passphrase.encode("utf-16-be") + WHITENER + store).digest()
    sys.stdout.buffer.write(store + digest)


main(*sys.argv[1:])
