"""Secrets as they stand in etcd: cert-manager's, each with a leaf, its CA and its key, and Helm's, which hold releases."""
import base64
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
