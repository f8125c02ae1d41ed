"""What openssl finds in inputs, and the numbers that the boards are to show of them. An input is (kind of place, place, PEM)."""
import datetime
import re
import subprocess
import time

import queries

BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)
CRITICAL, WARNING = 14, 28


def certificates(inputs):
    """{(kind, place, fingerprint): end}: what stands twice in one place is one certificate."""
    found = {}
    for kind, place, pem in inputs:
        for block in BLOCK.findall(pem):
            done = subprocess.run(["openssl", "x509", "-noout", "-sha256", "-fingerprint", "-enddate"], input=block, capture_output=True, text=True, check=True)
            told = dict(line.split("=", 1) for line in done.stdout.splitlines())
            (fingerprint,) = (value for key, value in told.items() if "ingerprint" in key)
            end = datetime.datetime.strptime(told["notAfter"], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=datetime.timezone.utc)
            found[kind, place, fingerprint] = end.timestamp()
    return found


def numbers(found, now=None, **others):
    """{(title of a panel, legend): number}"""
    now = now or time.time()
    spans = {"Expired": (None, 0), "Within $critical days": (0, CRITICAL), "Within $warning days": (0, WARNING)}
    kinds = [kind for kind, _, _ in found]

    def ending(low, high):
        return sum((low is None or end - now >= low * queries.DAY) and (high is None or end - now < high * queries.DAY) for end in found.values())
    return {
        ("Certificates", ""): len(found), ("Problems", ""): 0, ("Sources down", ""): 0, ("Stale revocation lists", ""): 0,
        **{(title, ""): ending(*span) for title, span in spans.items()},
        **{("When they expire", legend): ending(*span) for legend, span in queries.HORIZON.items()},
        **{(title, kind): kinds.count(kind) for title in ("Where they are", "Certificates over time") for kind in queries.KEYS},
        **{(title, ""): number for title, number in others.items()},
    }
