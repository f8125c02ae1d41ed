"""Files that openssl makes, watched by the agent itself: each figure of the boards is the number that openssl gives for them."""
import base64
import contextlib
import datetime
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import dashboard
import helm

sys.path.insert(0, str(helm.ROOT / "ci" / "boards.d"))

import counted  # noqa: E402

# Days from now to the end of each certificate: on both sides of each limit.
ENDS = (-300, -1, 0, 6, 7, 13, 14, 27, 28, 59, 60, 89, 90, 364, 365, 4000)
CONFIG = "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\nunique_subject=no\npolicy=p\n[p]\ncommonName=supplied\n"


def made(folder, name, days):
    """A certificate of a name that ends in so many days and an hour."""
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = now - datetime.timedelta(days=400), now + datetime.timedelta(days=days, hours=1)
    where = {"cwd": folder, "capture_output": True, "check": True}
    subprocess.run(["openssl", "req", "-new", "-key", "key.pem", "-subj", f"/CN={name}", "-out", "request.pem", "-config", os.devnull], **where)
    subprocess.run(["openssl", "ca", "-batch", "-config", "ca.cnf", "-selfsign", "-keyfile", "key.pem", "-in", "request.pem", "-notext", "-out", "made.pem",
                    "-startdate", begin.strftime("%Y%m%d%H%M%SZ"), "-enddate", end.strftime("%Y%m%d%H%M%SZ")], **where)
    return (folder / "made.pem").read_text(encoding="utf-8")


def inputs(folder):
    """The files, and what they are."""
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(folder / "key.pem")], capture_output=True, check=True)
    for name, text in {"ca.cnf": CONFIG, "index": "", "serial": "01"}.items():
        (folder / name).write_text(text, encoding="utf-8")
    texts = {f"{days}.pem": made(folder, f"ends in {days}", days) for days in ENDS}
    texts["bundle.pem"] = texts["7.pem"] + texts["60.pem"] + texts["7.pem"]
    watched = folder / "watched"
    watched.mkdir()
    for name, text in texts.items():
        (watched / name).write_text(text, encoding="utf-8")
    (watched / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", encoding="utf-8")
    entries = {"certificate-authority": texts["365.pem"], "client-certificate": texts["6.pem"]}
    data = {kind: base64.b64encode(text.encode()).decode() for kind, text in entries.items()}
    (folder / "admin.conf").write_text(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: 'https://a', certificate-authority-data: %s}\n"
        "users:\n- name: a\n  user: {client-certificate-data: %s}\n" % tuple(data.values()), encoding="utf-8")
    return [*(("files", name, text) for name, text in texts.items()), *(("kubeconfigs", kind, text) for kind, text in entries.items())]


@contextlib.contextmanager
def agent(*flags):
    """The agent's address, once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen([os.environ["X509_AGENT"], "serve", "--listen-address", address, *flags], stderr=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    urllib.request.urlopen(f"http://{address}/readyz", timeout=5).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
            yield address
        finally:
            running.terminate()


def scraped(flags, **target):
    """Series of one agent, as Prometheus keeps them, for promtool."""
    with agent(*flags) as address, urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    labels = ",".join(f'{key}="{value}"' for key, value in {"job": "x", **target}.items())
    for line in lines:
        name, inner, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups() if line.startswith("x509_") else ("", "", "")
        if re.match("x509_(cert|crl|read|source|exporter)_", name):
            yield {"series": f"{name}{{{f'{inner},' if inner else ''}{labels}}}", "values": f"{value}x20"}


def checks(report, promtool):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        found = counted.certificates(inputs(folder))
        files = ["--watch-dir", str(folder / "watched"), "--watch-file", str(folder / "missing.pem")]
        # Two agents that see the same on one node, as two DaemonSets would.
        series = [*scraped([*files, "--watch-kubeconf", str(folder / "admin.conf")], node="a", instance="a:1", pod="a"), *scraped(files, node="a", instance="a:2", pod="b")]
    expected = counted.numbers(found, Problems=2)
    now = int(time.time())
    tests, told = [], set()
    for uid, board in dashboard.load().items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                key = (panel["title"], target.get("legendFormat", ""))
                if key in expected:
                    told.add(key)
                    query = dashboard.asked(target["expr"], dashboard.chosen(board))
                    tests.append({**dashboard.case(f"{uid}: {' '.join(key)}, of openssl's files", series, (query, expected[key])), "start_timestamp": str(now - 600)})
    report.equal("figures that openssl gives", told, set(expected))
    report.check("figures are those of openssl", dashboard.run(promtool, tests), len(tests))
    report.equal("an expired, an ending and a far one at least", min(expected["When they expire", legend] for legend in ("expired", "0-7 days", "> 365 days")) > 0, True)
