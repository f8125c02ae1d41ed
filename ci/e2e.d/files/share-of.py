#!/usr/bin/env python3
"""Which share a thing is in, as docs/sharding.md has it, written without a look at the agent: things on the standard input, share and thing on the output.

share-of.py TOTAL
"""
import hashlib
import sys


def share_of(thing, total):
    number = int(hashlib.sha256(thing.encode()).hexdigest()[:16], 16)
    share = 0
    while True:
        number = (number * 2862933555777941757 + 1) % 2**64
        following = (share + 1) * 2**31 // (number // 2**33 + 1)
        if following >= total:
            return share
        share = following


for line in sys.stdin.read().split():
    print(share_of(line, int(sys.argv[1])), line)
