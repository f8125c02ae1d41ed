#!/usr/bin/env python3
"""Packs files into an image from scratch, as a docker-archive: the same input gives the same bytes.

pack.py --output img.tar --tag NAME:TAG --entrypoint /x --file /x=path/to/x [--user U:G] [--env K=V]… [--label K=V]…
"""

import argparse
import hashlib
import io
import json
import os
import tarfile
import time

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main():
    args = arguments()
    layer = tar(root_entries(dict(item.split("=", 1) for item in args.file)))
    config = json.dumps(image_config(args, layer), sort_keys=True, separators=(",", ":")).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": args.tag, "Layers": ["layer.tar"]}]
    archive = tar([
        (config_name, 0o644, config),
        ("layer.tar", 0o644, layer),
        ("manifest.json", 0o644, json.dumps(manifest).encode()),
    ])
    scratch = f"{args.output}.{os.getpid()}"
    with open(scratch, "wb") as out:
        out.write(archive)
    os.replace(scratch, args.output)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True)
    parser.add_argument("--tag", action="append", required=True, help="the image's name; may be given again")
    parser.add_argument("--file", action="append", required=True, metavar="/IN/IMAGE=PATH")
    parser.add_argument("--entrypoint", help="without one, the pod names its command")
    parser.add_argument("--machine", default=os.uname().machine, choices=ARCHITECTURES, help="that the files are for")
    parser.add_argument("--user", default="")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--label", action="append", default=[])
    return parser.parse_args()


def root_entries(files):
    """The files, all executable, and the folders that lead to them."""
    entries, folders = [], set()
    for name, source in sorted(files.items()):
        parts = name.strip("/").split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in folders:
                folders.add(folder)
                entries.append((folder, 0o755, None))
        with open(source, "rb") as content:
            entries.append(("/".join(parts), 0o755, content.read()))
    return entries


def tar(entries):
    """A tar whose bytes depend on names, modes and contents alone."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, mode, content in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, EPOCH
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def image_config(args, layer):
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))
    config = {"Env": ["PATH=/bin:/", *args.env], "WorkingDir": "/"}
    if args.entrypoint:
        config["Entrypoint"] = [args.entrypoint]
    if args.user:
        config["User"] = args.user
    if args.label:
        config["Labels"] = dict(item.split("=", 1) for item in args.label)
    return {
        "architecture": ARCHITECTURES[args.machine],
        "os": "linux",
        "created": created,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": created, "created_by": "ci/image"}],
    }


if __name__ == "__main__":
    main()
