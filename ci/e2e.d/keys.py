"""Whether private keys are in a process's memory: as DER, PEM, base64 of the DER, and base64 of the PEM at its three alignments.

keys.py control FOLDER             makes control.key, and prints texts that hold it in each form: planted, they must be found
keys.py search PID KEY…            searches for keys (PEM files); the last one is the control
keys.py core FILE KEY…             the same in a core dump that the kernel wrote
keys.py text FILE KEY…             the same in a file, a log say
"""
import base64
import collections
import os
import pathlib
import re
import secrets
import signal
import string
import struct
import sys
from typing import NamedTuple

WINDOW, WORD = 24, 8  # whatever holds 24 bytes of a form holds a whole word at an address that is a multiple of 8
WIDTH = 64
CORE, LOAD = 4, 1  # of ELF: the type of file, the type of segment
NOT_MEMORY = {"[vvar]", "[vvar_vclock]", "[vsyscall]"}


class Found(NamedTuple):
    """A run of a key's bytes in memory."""
    key: str
    form: str
    length: int
    address: int
    mapping: str


# --- keys and their forms


def private_parts(der):
    """Where the private numbers are in PKCS#8, PKCS#1, SEC 1: ranges of bytes. Public numbers and headers are left out."""
    start, end = tlv(der, 0)[1:]
    parts = list(children(der, start, end))
    tags = [tag for tag, *_ in parts]
    if tags[:3] == [2, 0x30, 4]:  # PKCS#8
        inner_start, inner_end = parts[2][1:]
        if der[inner_start] == 4:  # Ed25519
            return [tlv(der, inner_start)[1:]]
        return [(first + inner_start, last + inner_start) for first, last in private_parts(der[inner_start:inner_end])]
    if tags[:9] == [2] * 9:  # PKCS#1: d, p, q and what is computed from them
        return [(first, last) for _, first, last in parts[3:9]]
    if tags[:2] == [2, 4]:  # SEC 1
        return [parts[1][1:]]
    raise ValueError("no private key")


def tlv(der, at):
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at:at + size], "big"), at + size
    return tag, at, at + length


def children(der, at, end):
    while at < end:
        tag, start, at = tlv(der, at)
        yield tag, start, at


def forms(pem):
    """Pairs of a form and a run of bytes that tell of the private numbers alone."""
    block = re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s(.*?)-----END", pem, re.S)
    body = block[1].split()
    der = base64.b64decode(b"".join(body))
    for first, last in private_parts(der):
        yield "DER", der[first:last]
        start, end = sextets(first, last)
        yield "base64", b"".join(body)[start:end]
        # The same letters in the text, where line ends stand between them.
        place = lambda letter: block.start(1) + letter + letter // len(body[0])
        start, end = place(start), place(end - 1) + 1
        yield "PEM", pem[start:end]
        for shift in range(3):
            letters = sextets(start + shift, end + shift)
            yield f"base64 of PEM at {shift}", base64.b64encode(b"\0" * shift + pem)[slice(*letters)]


def sextets(first, last):
    """The letters of base64 that these bytes alone decide."""
    return -(-first * 8 // 6), last * 8 // 6


# --- memory


def memory(pid):
    """Every readable mapping, of the process standing still: its name, its address, its bytes. A core dump has less."""
    os.kill(pid, signal.SIGSTOP)
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
            for line in maps:
                span, rights, *rest = line.split(maxsplit=5)
                name = rest[3].strip() if len(rest) > 3 else "anonymous"
                if rights[0] != "r" or name in NOT_MEMORY:
                    continue
                start, end = (int(number, 16) for number in span.split("-"))
                mem.seek(start)
                yield name, start, read(mem, end - start)
    finally:
        os.kill(pid, signal.SIGCONT)


def core(path):
    """What of the memory a core dump (ELF, 64 bit) has: each loaded segment, by its address."""
    content = memoryview(pathlib.Path(path).read_bytes())
    if bytes(content[:6]) != b"\x7fELF\x02\x01" or struct.unpack_from("<H", content, 16)[0] != CORE:
        sys.exit(f"error: {path} is no core dump")
    table, size, count = struct.unpack_from("<Q14xHH", content, 32)
    for at in range(table, table + size * count, size):
        kind, _, place, address, _, length = struct.unpack_from("<IIQQQQ", content, at)
        if kind == LOAD and length:
            if place + length > len(content):
                sys.exit(f"error: {path} was cut")
            yield "core", address, bytes(content[place:place + length])


def text(path):
    yield "text", 0, pathlib.Path(path).read_bytes()


def read(mem, size):
    parts = []
    while size and (part := mem.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def search(mappings, keys):
    """Every run of at least a window of any form of the keys, a mapping of names to PEM."""
    runs = [(name, form, run) for name, pem in keys.items() for form, run in forms(pem) if len(run) >= WINDOW]
    index = collections.defaultdict(list)
    for number, (_, _, run) in enumerate(runs):
        for offset in range(len(run) - WORD + 1):
            index[int.from_bytes(run[offset:offset + WORD], sys.byteorder)].append((number, offset))
    found = set()
    for mapping, start, content in mappings:
        words = memoryview(content)[:len(content) // WORD * WORD].cast("Q")
        common = index.keys() & set(words)
        for position in [place for place, word in enumerate(words) if word in common] if common else []:
            for number, offset in index[words[position]]:
                name, form, run = runs[number]
                first, length = extent(content, position * WORD, run, offset)
                if length >= WINDOW:
                    found.add(Found(name, form, length, start + first, mapping))
    return sorted(found)


def extent(content, at, run, offset):
    """The longest common stretch around a common word: where it begins, how long it is."""
    before = 0
    while before < min(at, offset) and content[at - before - 1] == run[offset - before - 1]:
        before += 1
    after = WORD
    while at + after < len(content) and offset + after < len(run) and content[at + after] == run[offset + after]:
        after += 1
    return at - before, before + after


# --- the control


def control():
    """A key of letters and digits whose every form can stand in a certificate's subject; and those texts by form."""
    while True:
        scalar = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32)).encode()
        der = bytes.fromhex("3031020101 0420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
        body = base64.b64encode(der).decode()
        lines = [body[at:at + WIDTH] for at in range(0, len(body), WIDTH)]
        pem = "\n".join(["-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----", ""]).encode()
        texts = {form: run.split(b"\n")[0].decode() for form, run in forms(pem)}
        if all(len(text) >= WINDOW and not set(text) & set("/+=") for text in texts.values()):
            return pem, {form: text[:WIDTH] for form, text in texts.items()}


def report(mappings, paths):
    """Searches, prints what is there, and answers whether the control was found in each form and nothing else at all."""
    keys = {path.name: path.read_bytes() for path in paths}
    planted = paths[-1].name
    sizes = []
    found = search(counted(mappings, sizes), keys)
    seen = {one.form for one in found if one.key == planted}
    wanted = {form for form, _ in forms(keys[planted])}
    leaks = [one for one in found if one.key != planted]
    print(f"    {len(keys) - 1} keys, {sum(sizes) >> 10} KiB in {len(sizes)} mappings: the control is there in {len(seen)} of {len(wanted)} forms; "
          f"of the keys there are {len(leaks)} runs of {len({one.key for one in leaks})} keys")
    for (form, mapping, kind), count in sorted(collections.Counter((one.form, one.mapping, one.key.split("-")[0]) for one in leaks).items()):
        print(f"        {count} of {kind} as {form} in {mapping}")
    for form in sorted(wanted - seen):
        print(f"        the control was not found as {form}: this search proves nothing")
    return not leaks and seen == wanted


def counted(mappings, sizes):
    for mapping in mappings:
        sizes.append(len(mapping[2]))
        yield mapping


def main(command, *arguments):
    if command == "control":
        pem, texts = control()
        pathlib.Path(arguments[0], "control.key").write_bytes(pem)
        print("\n".join(texts.values()))
        return 0
    mappings = {"search": lambda pid: memory(int(pid)), "core": core, "text": text}[command](arguments[0])
    return 0 if report(mappings, [pathlib.Path(name) for name in arguments[1:]]) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
