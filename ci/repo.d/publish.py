"""A chart repository is a folder: packages and an index.yaml. What is published stays as it is.

publish.py pack PACKAGE FOLDER        writes the package anew, so that its bytes depend on its content alone, and prints its path;
                                      refuses a chart that cannot be published
publish.py index PACKAGE FOLDER BASE  puts the package into the folder and its index; BASE is empty or a URL
publish.py same PACKAGE OTHER         exit status 0 if both have the same content
"""
import datetime
import gzip
import hashlib
import io
import os
import pathlib
import re
import sys
import tarfile

import yaml

NEEDED = ("name", "version", "description", "icon", "home", "maintainers", "keywords")
# KubeSphere keeps chart and values in one ConfigMap, and Helm every release in one Secret, of 1 MiB at most.
LIMIT = 256 * 1024
# KubeSphere names its objects after a version; one that is no DNS-1123 name would be hashed beyond recognition.
VERSION = re.compile(r"\d+\.\d+\.\d+(-[a-z0-9]+([.-][a-z0-9]+)*)?")
MTIME = 315532800  # 1980: tar warns of 1970


class Refused(Exception):
    pass


class Loader(yaml.SafeLoader):
    """Leaves times as they are written."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def content(package):
    """{name: bytes} of a package."""
    with tarfile.open(package, "r:gz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def chart_of(package):
    """What Chart.yaml says."""
    files = content(package)
    name = next((name for name in files if re.fullmatch(r"[^/]+/Chart\.yaml", name)), None)
    if name is None:
        raise Refused(f"{package} has no Chart.yaml")
    return yaml.load(files[name], Loader)


def pack(package, folder):
    """Helm's own package with the times, modes and owners of its files made equal, Chart.yaml first, as Helm has it."""
    files, chart = content(package), chart_of(package)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files, key=lambda name: (not re.fullmatch(r"[^/]+/Chart\.yaml", name), name)):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(files[name]), 0o644, MTIME
            archive.addfile(info, io.BytesIO(files[name]))
    packed = pathlib.Path(folder, f"{chart['name']}-{chart['version']}.tgz")
    packed.write_bytes(gzip.compress(tar.getvalue(), 9, mtime=0))
    if found := list(problems(chart, packed.stat().st_size)):
        raise Refused("; ".join(found))
    return packed


def problems(chart, size):
    """Sentences about what keeps a chart from being published."""
    for key in NEEDED:
        if not chart.get(key):
            yield f"Chart.yaml has no {key}"
    for key in ("icon", "home"):
        if chart.get(key) and not str(chart[key]).startswith("https://"):
            yield f"{key} is no https address: {chart[key]}"
    if any(not (isinstance(one, dict) and one.get("name")) for one in chart.get("maintainers") or []):
        yield "a maintainer has no name"
    if not VERSION.fullmatch(str(chart.get("version"))) or len(str(chart["version"])) > 63:
        yield f"version {chart.get('version')} is not semantic and a DNS-1123 name at once (no +, no capitals)"
    if size >= LIMIT:
        yield f"the package has {size} bytes, the limit is {LIMIT}"


def order(version):
    """Semantic versions in their order, a pre-release before its release."""
    core, _, pre = str(version).lstrip("v").split("+")[0].partition("-")
    numbers = [int(part) for part in re.findall(r"\d+", core)]
    return numbers, not pre, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_index(path):
    index = yaml.load(path.read_text(encoding="utf-8"), Loader) if path.exists() else {"apiVersion": "v1", "entries": {}}
    if not isinstance(index, dict) or index.get("apiVersion") != "v1" or not isinstance(index.get("entries"), dict):
        raise Refused(f"{path} is not the index of a chart repository")
    return index


def enter(package, folder, base):
    """Publishes the package; says what it did."""
    package, folder = pathlib.Path(package), pathlib.Path(folder)
    chart, index = chart_of(package), read_index(folder / "index.yaml")
    if base and not base.startswith("https://"):
        raise Refused(f"{base} is no https address")
    name, version = chart["name"], chart["version"]
    entries = index["entries"].setdefault(name, [])
    entry = next((entry for entry in entries if entry.get("version") == version), None)
    kept = folder / package.name
    if kept.exists() and content(kept) != content(package) or not kept.exists() and entry and entry.get("digest") != digest(package):
        raise Refused(f"{folder} has {name} {version} with another content; a version is published once: give the changed chart another one")
    if entry:
        if kept.exists() and entry.get("digest") != digest(kept):
            raise Refused(f"{folder / 'index.yaml'} has another digest of {name} {version} than {kept.name}")
        return f"{name} {version} is published already"
    folder.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        replace(kept, package.read_bytes())
    now = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries.append({**chart, "created": now, "digest": digest(kept), "urls": [f"{base.rstrip('/')}/{kept.name}" if base else kept.name]})
    entries.sort(key=lambda entry: order(entry["version"]), reverse=True)
    index["generated"] = now
    replace(folder / "index.yaml", yaml.safe_dump(index, allow_unicode=True).encode())
    return f"published {kept}: {kept.stat().st_size} bytes, sha256 {digest(kept)}"


def replace(path, data):
    """Whole or not at all; the folder may be served meanwhile."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(data)
    os.replace(scratch, path)


def main(command, *rest):
    try:
        if command == "same":
            return 0 if content(rest[0]) == content(rest[1]) else 1
        print({"pack": pack, "index": enter}[command](*rest))
        return 0
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
