"""Finishes the SBOM that cargo-cyclonedx wrote: what the linker added, whose image it is, no path or time of the machine that made it.

cargo tree … | sbom.py SBOM --machine M --image NAME:TAG --program PATH     prints the finished one, or what it lacks
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid

# Of Debian: what of it is linked into the program, which package that comes from, and under which licence it is.
LINKED = [
    ("glibc", "libc.a", "libc6-dev", "LGPL-2.1-or-later"),
    ("libgcc", "libgcc_eh.a", "libgcc-12-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"),
]
OWN = "x509-certificate-exporter"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sbom", type=pathlib.Path)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    args = parser.parse_args()
    sbom = json.loads(args.sbom.read_text(encoding="utf-8"))
    described(sbom, args)
    sbom["components"] += [library(*one, args.machine) for one in LINKED] + [standard_library(args.machine)]
    sbom["components"].sort(key=lambda one: one["bom-ref"])
    for entry in sbom["dependencies"]:
        if entry["ref"] == sbom["metadata"]["component"]["bom-ref"]:
            entry["dependsOn"] = sorted([*entry.get("dependsOn", []), *(one["bom-ref"] for one in sbom["components"] if not one["purl"].startswith("pkg:cargo/"))])
    lacks = list(lacking(sbom, crates(sys.stdin)))
    if lacks:
        sys.exit("\n".join(["error: the SBOM is not whole:", *lacks]))
    print(json.dumps(sbom, indent=1, sort_keys=True))


def described(sbom, args):
    """The image is described, by its program; a second run gives the same bytes."""
    program = args.program.read_bytes()
    digest = hashlib.sha256(program).hexdigest()
    component = sbom["metadata"]["component"]
    own, version = component["bom-ref"], component["version"]
    reference = f"pkg:cargo/{OWN}@{version}"
    renamed = json.loads(json.dumps(sbom).replace(json.dumps(own)[1:-1], reference))
    sbom.clear()
    sbom.update(renamed)
    component = sbom["metadata"]["component"]
    for name in ("components", "cpe"):
        component.pop(name, None)  # paths of the source
    component.update({"type": "application", "purl": reference, "bom-ref": reference, "hashes": [{"alg": "SHA-256", "content": digest}]})
    component["properties"] = [{"name": "image", "value": args.image}, {"name": "target", "value": f"{args.machine}-unknown-linux-gnu"}]
    sbom["metadata"]["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    sbom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}"


def library(name, file, package, licence, machine):
    compiler = f"{machine}-linux-gnu-gcc"
    path = pathlib.Path(told(compiler, f"-print-file-name={file}"))
    # Debian's packages of a foreign architecture's libraries have names and versions of their own.
    package, version = told("dpkg-query", "--showformat", "${Package} ${Version}", "--show", told("dpkg", "--search", str(path.resolve())).split(": ")[0].split(",")[0]).split()
    purl = f"pkg:deb/debian/{package}@{version}?arch={ {'x86_64': 'amd64', 'aarch64': 'arm64'}[machine] }"
    return component_of(name, version, purl, licence, path)


def standard_library(machine):
    version = told("rustc", "--version").split()[1]
    folder = pathlib.Path(told("rustc", "--print", "sysroot"), "lib/rustlib", f"{machine}-unknown-linux-gnu", "lib")
    return component_of("rust-std", version, f"pkg:generic/rust-std@{version}", "MIT OR Apache-2.0", next(folder.glob("libstd-*.rlib")))


def component_of(name, version, purl, licence, path):
    return {
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "scope": "required",
        "licenses": [{"expression": licence}], "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
    }


def told(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def crates(lines):
    """Names and versions of what cargo links: `name v1.2.3 (proc-macro)`."""
    words = [line.split() for line in lines if line.strip()]
    return {(name, version.lstrip("v")) for name, version, *_ in words if name != OWN}


def lacking(sbom, wanted):
    there = {(one["name"], one["version"]): one for one in sbom["components"]}
    for name, version in sorted(wanted):
        if (name, version) not in there:
            yield f"the crate {name} {version} is linked and not named"
    for one in sbom["components"]:
        for needed in ("version", "licenses", "hashes", "purl"):
            if not one.get(needed):
                yield f"{one['name']} has no {needed}"
    if not wanted:
        yield "cargo tree told of no crate"
    if any(word in json.dumps(sbom) for word in ("file://", os.getcwd(), os.environ.get("HOME", "/nowhere"))):
        yield "it tells a path of this machine"


if __name__ == "__main__":
    main()
