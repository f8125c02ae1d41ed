#!/usr/bin/env python3
"""One image of several architectures, as an OCI layout, from docker-archives: the same input gives the same bytes.

oci.py --output FOLDER ARCHIVE…     prints the digest of the index (crane push --index FOLDER IMAGE publishes it)
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import shutil
import tarfile

MEDIA = "application/vnd.oci.image."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("archive", nargs="+")
    args = parser.parse_args()
    shutil.rmtree(args.output, ignore_errors=True)
    blobs = args.output / "blobs/sha256"
    blobs.mkdir(parents=True)
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}index.v1+json", "manifests": [image(path, blobs) for path in args.archive]}
    (args.output / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="ascii")
    (args.output / "index.json").write_bytes(written(index))
    print("sha256:" + hashlib.sha256(written(index)).hexdigest())


def image(path, blobs):
    """Writes an archive's blobs; the entry of the index."""
    with tarfile.open(path) as archive:
        read = lambda name: archive.extractfile(name).read()
        told = json.loads(read("manifest.json"))[0]
        config, layers = read(told["Config"]), [gzip.compress(read(name), compresslevel=9, mtime=0) for name in told["Layers"]]
    manifest = written({
        "schemaVersion": 2, "mediaType": f"{MEDIA}manifest.v1+json",
        "config": blob(config, "config.v1+json", blobs),
        "layers": [blob(layer, "layer.v1.tar+gzip", blobs) for layer in layers],
        "annotations": json.loads(config)["config"].get("Labels", {}),
    })
    about = json.loads(config)
    return {**blob(manifest, "manifest.v1+json", blobs), "platform": {"architecture": about["architecture"], "os": about["os"]}}


def blob(content, kind, blobs):
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest}", "size": len(content)}


def written(thing):
    return json.dumps(thing, sort_keys=True, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
