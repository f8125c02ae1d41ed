"""Certificates a second and core: our decoder's, and OpenSSL's at the same work."""
import os
import resource
import subprocess
import sys

import certificates
import data
from figure import Figure, Row

SOURCE = data.ROOT / "ci" / "bench.d" / "decoder.c"
# The one beside the file that is measured: what a start costs.
FEW = 1
# Of several runs, the least is the one that was disturbed least.
RUNS = 5


class Decoder(Row):
    name = "decoder"
    title = "certificates a second and core, out of one file of 4,000 in PEM; the least CPU of several runs"
    figures = (
        Figure("ratio", "CPU for each, ours over OpenSSL's", "times", limit=1),
        Figure("ours", "ours a second, by `check`: read, decoded, kept, told in a table", "count"),
        Figure("openssl", "OpenSSL's library: read, decoded, told as text", "count"),
        Figure("bare", "the same: read, decoded, and nothing asked", "count"),
    )
    short = False
    peers = False

    def run(self, exporter, context):
        many = 4_000  # more than 6 MiB of one file are not read
        files = {count: data.kept(f"decoder-{count}", maker(count)) / "all.pem" for count in (FEW, many)}
        theirs = built(context.scratch)
        cost = {}
        for name, command in (("ours", [exporter.path, "check", "{}"]), ("openssl", [theirs, "{}"]), ("bare", [theirs, "{}", "bare"])):
            few, all_of_them = (least(command, files[count], exporter.environment) for count in (FEW, many))
            cost[name] = (all_of_them - few) / (many - FEW)
        context.note("decoder: OpenSSL 3 makes an object of every certificate's public key as it reads; nothing turns that off")
        return {"ratio": cost["ours"] / cost["openssl"]} | {name: 1 / seconds for name, seconds in cost.items()}


def maker(count):
    def make(folder):
        pems = (certificates.pem(pair.certificate) for pair in certificates.leaves(count))
        (folder / "all.pem").write_text("".join(pems), encoding="ascii")
    return make


def built(scratch):
    """The program beside ours, built here: it is no part of anything."""
    program = scratch / "decoder"
    try:
        done = subprocess.run(["cc", "-O2", "-o", program, SOURCE, "-lcrypto"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("error: cc is missing (apt-get install gcc libssl-dev): it builds what the decoder is measured against")
    if done.returncode != 0:
        sys.exit(f"error: {SOURCE.name} does not build (apt-get install libssl-dev):\n{done.stderr}")
    return program


def least(command, file, environment):
    command = [str(word).format(file) for word in command]
    return min(cpu(command, environment) for _ in range(RUNS))


def cpu(command, environment):
    """Seconds of CPU of one run, by the kernel's account of children that have ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, env={**os.environ, **environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"error: {command[0]} ends with {done.returncode}: {done.stderr.decode(errors='replace').strip()[:300]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
