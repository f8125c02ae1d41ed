"""Passphrases, kubeconfigs, certificates of clients and authorities: every file that a configuration names is in the pod, and none of what is secret in a ConfigMap."""
import base64

import yaml

import cross

FOLDER = "/etc/x509-certificate-exporter/"
WEB = "/mnt/webconfig.yaml"


def named(node):
    """(key, path) of the files of our folder that a configuration names."""
    if isinstance(node, list):
        for item in node:
            yield from named(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("passphraseFile", "kubeconfig", "caFile", "certFile", "keyFile") and str(value).startswith(FOLDER):
                yield key, value.removeprefix(FOLDER)
            elif key == "passphrase" and value:
                yield key, None
            else:
                yield from named(value)


def everything(objects):
    secrets = {item["metadata"]["name"]: item["data"] for item in cross.of(objects, "Secret")}
    used = set()
    for item in cross.of(objects, *cross.WORKLOADS):
        what = cross.title(item)
        parts = [part[kind] for part in cross.beside(item)[1:] for kind in ("secret", "configMap") if kind in part]
        there = {entry["path"]: (part, entry["key"]) for part in parts for entry in part["items"]}
        config = yaml.safe_load(cross.config_of(objects, item) or "{}")
        web = [volume["secret"]["secretName"] for volume in cross.pod(item)["volumes"] if volume["name"] == "web"]
        if bool(web) != (config.get("server", {}).get("webConfigFile") == WEB):
            yield f"{what}: a web configuration that is not told of, or not there"
        used |= {(name, "webconfig.yaml") for name in web}
        wanted = dict((path, key) for key, path in named(config))
        if None in wanted:
            yield f"{what}: a passphrase in its ConfigMap"
        if set(there) != set(wanted) - {None}:
            yield f"{what}: files {sorted(there)}, named are {sorted(set(wanted) - {None})}"
        for path, (part, key) in there.items():
            if part["name"] in secrets:
                used.add((part["name"], key))
                if key not in secrets[part["name"]]:
                    yield f"{what}: {path} is no key of the chart's Secret"
            elif not part.get("optional"):
                yield f"{what}: keeps waiting for a missing Secret {part['name']}"
    for name, data in secrets.items():
        for key, value in data.items():
            if (name, key) not in used:
                yield f"Secret {name}: nobody reads {key}"
            plain = base64.b64decode(value).decode()
            if any(plain in text for other in cross.of(objects, "ConfigMap") for text in other["data"].values()):
                yield f"Secret {name}: {key} is in a ConfigMap too"
