"""proofs.py CHART: what ci/repo promises, tried with copies of the chart. Needs helm on the PATH, no cluster and no network."""
import copy
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

import publish
from report import Report

REPO = pathlib.Path(__file__).resolve().parents[1] / "repo"
COMPLETE = {"icon": "https://example.org/icon.svg", "home": "https://example.org", "maintainers": [{"name": "Some One (Company, Ltd.)"}]}
report = Report("repository")


def variant(folder, **keys):
    """A copy of the chart in the folder, its Chart.yaml changed; times and modes are others than the chart's."""
    shutil.copytree(CHART, folder)
    path = folder / "Chart.yaml"
    chart = {**COMPLETE, **yaml.safe_load(path.read_text(encoding="utf-8")), **keys}
    path.write_text(yaml.safe_dump({key: value for key, value in chart.items() if value is not None}), encoding="utf-8")
    for file in folder.rglob("*.yaml"):
        file.chmod(0o600)
        os.utime(file, (0, len(str(folder))))
    return folder


def repo(chart, *arguments):
    done = subprocess.run([REPO, *arguments], env={**os.environ, "X509_CHART": str(chart)}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def publishes(what, chart, *arguments):
    code, said = repo(chart, *arguments)
    report.check(what, [said] if code else [])


def refuses(what, expected, chart, folder):
    """With that reason, and the folder is as it was."""
    before = snapshot(folder)
    code, said = repo(chart, "--out", str(folder))
    report.check(what, [said or "no error"] if not code or expected not in said else [])
    report.equal(f"{what}: nothing changed", snapshot(folder), before)


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def entries(folder):
    return read(folder)["entries"]["x509-certificate-exporter"]


def read(folder):
    return yaml.load((folder / "index.yaml").read_text(encoding="utf-8"), publish.Loader)


def helm(*arguments):
    done = subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, check=False)
    return (done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stdout}{done.stderr}").replace("\r", "")


def package(work):
    """The package: the same bytes from the same content, and one that Helm takes."""
    first, second = work / "first", work / "a-longer-name"
    for folder in (first, second):
        publishes(f"a copy is published into {folder.name}", variant(folder / "chart", version="1.2.3"), "--out", str(folder / "out"))
    name = "x509-certificate-exporter-1.2.3.tgz"
    packages = [folder / "out" / name for folder in (first, second)]
    report.equal("two copies give the same bytes", packages[0].read_bytes() == packages[1].read_bytes(), True)
    files = {path.split("/", 1)[1] for path in publish.content(packages[0])}
    report.equal("files that the package must have and has not", {"Chart.yaml", "values.yaml", "values.schema.json", "templates/NOTES.txt", "README.md"} - files, set())
    report.equal("files for tests alone", {path for path in files if path.startswith(("ci/", "tests/"))}, set())
    report.equal("helm show chart", yaml.safe_load(helm("show", "chart", packages[0]))["version"], "1.2.3")
    report.equal("helm show values", helm("show", "values", packages[0]).strip(), (CHART / "values.yaml").read_text(encoding="utf-8").strip())
    report.check("helm lint", [] if "0 chart(s) failed" in (lint := helm("lint", "--strict", packages[0])) else [lint])
    report.equal("helm template, as from the folder", helm("template", "x", packages[0]), helm("template", "x", first / "chart"))
    return first


def index(first):
    """The index, and what is published staying as it is."""
    out, chart = first / "out", first / "chart"
    entry = entries(out)[0]
    report.equal("apiVersion", read(out)["apiVersion"], "v1")
    report.equal("urls", entry["urls"], ["x509-certificate-exporter-1.2.3.tgz"])
    report.equal("digest", entry["digest"], hashlib.sha256((out / entry["urls"][0]).read_bytes()).hexdigest())
    report.equal("keys that KubeSphere shows", {key for key in (*publish.NEEDED, "created") if not entry.get(key)}, set())
    report.equal("Helm's own index says the same", own_index(out), {key: value for key, value in entry.items() if key != "created"})
    before = snapshot(out)
    publishes("the same content again", chart, "--out", str(out))
    report.equal("the same content again changes nothing", snapshot(out), before)
    publishes("with a base", chart, "--out", str(first / "base"), "--url", "https://example.org/charts/")
    report.equal("urls with a base", entries(first / "base")[0]["urls"], ["https://example.org/charts/x509-certificate-exporter-1.2.3.tgz"])
    report.check("an address without TLS", [] if "no https address" in (said := repo(chart, "--out", str(first / "plain"), "--url", "http://example.org")[1]) else [said])
    for version in ("1.10.0", "1.10.0-rc.1", "1.9.0"):
        publishes(f"{version} beside it", variant(first / version, version=version), "--out", str(out))
    report.equal("newest first", [one["version"] for one in entries(out)], ["1.10.0", "1.10.0-rc.1", "1.9.0", "1.2.3"])
    report.equal("the first version is as it was", entries(out)[-1], entry)


def own_index(folder):
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.glob("*.tgz"):
            shutil.copy(path, scratch)
        helm("repo", "index", scratch)
        return {key: value for key, value in entries(pathlib.Path(scratch))[0].items() if key != "created"}


def refusals(work, first):
    out = first / "out"
    changed = variant(work / "changed", version="1.2.3")
    (changed / "templates" / "NOTES.txt").write_text("Another one.\n", encoding="utf-8")
    refuses("another content under a published version", "is published once", changed, out)
    refuses("another description under a published version", "is published once", variant(work / "described", version="1.2.3", description="Another."), out)
    gone = work / "gone"
    shutil.copytree(out, gone)
    (gone / "x509-certificate-exporter-1.2.3.tgz").unlink()
    refuses("another content under a version of the index alone", "is published once", changed, gone)
    spoiled = work / "spoiled"
    shutil.copytree(out, spoiled)
    (spoiled / "index.yaml").write_text((out / "index.yaml").read_text(encoding="utf-8").replace(entries(out)[-1]["digest"], "0" * 64), encoding="utf-8")
    refuses("an index with another digest", "another digest", first / "chart", spoiled)
    old = work / "old"
    shutil.copytree(out, old)
    (old / "index.yaml").write_text("entries: {}\n", encoding="utf-8")
    refuses("an index without apiVersion", "is not the index", first / "chart", old)
    refuses("a version with build metadata", "DNS-1123", variant(work / "plus", version="1.2.4+build.5"), work / "none")
    large = variant(work / "large", version="1.2.5")
    (large / "files" / "large.bin").write_bytes(os.urandom(publish.LIMIT))
    refuses("a large package", "the limit is", large, work / "none")
    refuses("no icon", "Chart.yaml has no icon", variant(work / "bare", icon=None), work / "none")
    good = publish.chart_of(out / "x509-certificate-exporter-1.2.3.tgz")
    report.check("the good chart", publish.problems(good, 1000))
    for key in publish.NEEDED:
        report.equal(f"Chart.yaml without {key} is refused", bool(list(publish.problems({**good, key: None}, 1000))), True)
    for key, value in {"version": "1.2.3-RC.1", "icon": "icon.svg", "home": "http://example.org", "maintainers": [{"email": "a@example.org"}]}.items():
        spoilt = {**copy.deepcopy(good), key: value}
        report.equal(f"{key} {value} is refused", len(list(publish.problems(spoilt, 1000))), 1)


def main():
    with tempfile.TemporaryDirectory(prefix="x509-repository-") as scratch:
        work = pathlib.Path(scratch)
        publishes("the chart itself", CHART, "--out", str(work / "itself"))
        first = package(work)
        index(first)
        refusals(work, first)
    return report.end()


CHART = pathlib.Path(sys.argv[1])
sys.exit(main())
