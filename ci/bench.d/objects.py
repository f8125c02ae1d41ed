"""Secrets as they stand in etcd: cert-manager's, each with a leaf, its CA and its key, and Helm's, which hold releases."""
import base64
import json
import os
import uuid

import certificates as x509
import data

TLS, HELM = "kubernetes.io/tls", "helm.sh/release.v1"
NAMESPACES = 50
BORN = "2026-01-01T00:00:00Z"


def name_of(number):
    return f"host-{number:06}"


def namespace(number):
    return f"team-{number % NAMESPACES:02}"


def namespaces():
    for number in range(NAMESPACES):
        name = namespace(number)
        yield f"namespaces/{name}", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name),
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }


def tls(first, count, generation=0):
    """Pairs of key and object. Another generation is a renewal."""
    for number, pair in enumerate(x509.leaves(count, first=first, generation=generation), first):
        name, space = name_of(number), namespace(number)
        annotations = {
            "cert-manager.io/alt-names": f"{name}.example.org", "cert-manager.io/certificate-name": name, "cert-manager.io/common-name": name,
            "cert-manager.io/issuer-group": "cert-manager.io", "cert-manager.io/issuer-kind": "ClusterIssuer", "cert-manager.io/issuer-name": "bench",
        }
        fields = {
            "f:data": {".": {}, "f:tls.crt": {}, "f:tls.key": {}}, "f:type": {},
            "f:metadata": {"f:annotations": {".": {}, **{f"f:{annotation}": {} for annotation in annotations}}},
        }
        managed = {"manager": "cert-manager-certificates-issuing", "operation": "Apply", "apiVersion": "v1", "time": BORN, "fieldsType": "FieldsV1", "fieldsV1": fields}
        yield f"secrets/{space}/{name}", {
            "apiVersion": "v1", "kind": "Secret", "type": TLS,
            "metadata": metadata(name, space, annotations=annotations, managedFields=[managed]),
            "data": {"tls.crt": encoded(data.bundle(pair).encode()), "tls.key": encoded(x509.key_pem(pair).encode())},
        }


def helm(first, count, size):
    """Secrets of releases, of so many bytes each before JSON makes them a third longer."""
    release = encoded(base64.b64encode(os.urandom(size // 4 * 3)))
    for number in range(first, first + count):
        name, space = f"sh.helm.release.v1.app-{number:04}.v1", namespace(number)
        yield f"secrets/{space}/{name}", {
            "apiVersion": "v1", "kind": "Secret", "type": HELM,
            "metadata": metadata(name, space, labels={"owner": "helm", "status": "deployed"}),
            "data": {"release": release},
        }


def metadata(name, space=None, **more):
    named = {"name": name, "namespace": space} if space else {"name": name}
    return {**named, "uid": str(uuid.uuid4()), "creationTimestamp": BORN, **more}


def encoded(value):
    return base64.b64encode(value).decode()


def stored(thing):
    """The bytes that the API server would store: protobuf, whose messages and numbers are those of Kubernetes' generated.proto."""
    meta, born = thing["metadata"], message({1: 1767225600})
    more = {12: entries(meta.get("annotations")), 11: entries(meta.get("labels")), 17: [
        message({1: entry["manager"], 2: entry["operation"], 3: entry["apiVersion"], 4: born, 6: entry["fieldsType"], 7: message({1: json.dumps(entry["fieldsV1"])})})
        for entry in meta.get("managedFields", [])]}
    metadata_ = message({1: meta["name"], 3: meta.get("namespace", ""), 5: meta["uid"], 8: born, **more})
    if thing["kind"] == "Namespace":
        raw = message({1: metadata_, 2: message({1: thing["spec"]["finalizers"]}), 3: message({1: thing["status"]["phase"]})})
    else:
        raw = message({1: metadata_, 2: entries({name: base64.b64decode(value) for name, value in thing["data"].items()}), 3: thing["type"]})
    return b"k8s\0" + message({1: message({1: thing["apiVersion"], 2: thing["kind"]}), 2: raw})


def entries(members):
    return [message({1: name, 2: value}) for name, value in (members or {}).items()]


def message(fields):
    """A protobuf message: numbers are varints, all else has its length before it; a list is a repeated field."""
    found = bytearray()
    for number, values in sorted(fields.items()):
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                found += varint(number << 3) + varint(value)
            elif value:
                value = value.encode() if isinstance(value, str) else value
                found += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(found)


def varint(value):
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
