"""What is watched: folders of certificates and kubeconfigs, made once and kept in the cache, keyed by what makes them."""
import base64
import hashlib
import inspect
import os
import pathlib
import re
import shutil
import threading

import certificates as x509

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("X509_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "x509-certificate-exporter"))
SEED = ROOT / "values-examples" / "kubesphere-seed.yaml"
IN_A_FOLDER = 100
MAKING = threading.Lock()


def key_of_makers():
    """Other makers, other data: nothing old is taken for new."""
    makers = [inspect.getsource(maker) for maker in (x509, bundle, file_of, files, node)]
    return hashlib.sha256("".join([*makers, KUBECONFIG]).encode()).hexdigest()[:12]


def kept(name, make):
    """The folder `name` of the cache, made by `make(folder)` unless it is there."""
    folder = CACHE / "bench" / f"data-{key_of_makers()}" / name
    with MAKING:
        if not folder.is_dir():
            new = folder.with_name(f"{folder.name}.new-{os.getpid()}")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
            make(new)
            try:
                new.rename(folder)
            except OSError:  # another run was quicker
                shutil.rmtree(new)
    return folder


def bundle(pair):
    """What a `tls.crt` holds: the leaf, then its CA."""
    return x509.pem(pair.certificate) + x509.pem(x509.authority()[0])


def file_of(index):
    return pathlib.Path(f"{index // IN_A_FOLDER:04}", f"tls-{index:06}.crt")


def files(count):
    """So many files of a leaf and its CA each, a hundred in a folder."""
    def make(folder):
        for index, pair in enumerate(x509.leaves(count)):
            path = folder / file_of(index)
            if index % IN_A_FOLDER == 0:
                path.parent.mkdir()
            path.write_text(bundle(pair), encoding="ascii")
    return kept(f"files-{count}", make)


def patterns(folder, count):
    """What names these files, ten thousand at a time: ours takes no pattern that stands for more than 100,000 paths."""
    return [f"{folder}/{tens:02}*/*.crt" for tens in range(-(-count // 10_000))]


def renew(folder, index, generation):
    """The file gets a renewed leaf, as a renewal does it: written beside and renamed over."""
    path = folder / file_of(index)
    new = path.with_suffix(".new")
    new.write_text(bundle(next(x509.leaves(1, first=index, generation=generation))), encoding="ascii")
    new.rename(path)


def seed_paths():
    """The files and the kubeconfigs that the seed's values watch on a control plane."""
    section = SEED.read_text(encoding="utf-8").split("    master:\n")[1].split("    nodes:\n")[0]
    lists = {name: re.findall(r"- (\S+)", text) for name, text in re.findall(r"(watch\w+):\n((?: +- \S+\n)+)", section)}
    return lists["watchFiles"], lists["watchKubeconfFiles"]


def node():
    """A control plane's files as kubeadm leaves them, all that the seed's values name."""
    def make(folder):
        watched, kubeconfigs = seed_paths()
        pairs = x509.leaves(len(watched) + len(kubeconfigs), mix=("rsa",), name="kubernetes-{}")
        authority = x509.pem(x509.authority()[0])
        for path in watched:
            target, pair = folder / path[1:], next(pairs)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("-current.pem"):
                # The kubelet keeps certificate and key in one file, and a link to the newest.
                dated = target.with_name("kubelet-client-2026-01-01-00-00-00.pem")
                dated.write_text(x509.pem(pair.certificate) + x509.key_pem(pair), encoding="ascii")
                target.symlink_to(dated.name)
            else:
                target.write_text(authority if path.endswith("ca.crt") else x509.pem(pair.certificate), encoding="ascii")
        for path in kubeconfigs:
            pair = next(pairs)
            (folder / path[1:]).write_text(KUBECONFIG.format(
                ca=encoded(authority), certificate=encoded(x509.pem(pair.certificate)), key=encoded(x509.key_pem(pair))), encoding="ascii")
    return kept("node", make)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    server: https://192.0.2.1:6443
    certificate-authority-data: {ca}
contexts:
- name: kubernetes-admin@kubernetes
  context: {{cluster: kubernetes, user: kubernetes-admin}}
current-context: kubernetes-admin@kubernetes
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
"""
