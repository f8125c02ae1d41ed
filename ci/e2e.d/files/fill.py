#!/usr/bin/env python3
"""Makes TLS Secrets through the API, eight at a time: those of ci/bench, each with a leaf of its own, their common CA and a key.

fill.py KUBECONFIG NAMESPACE COUNT
"""
import base64
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench.d"))
import objects  # noqa: E402

AT_ONCE = 8


def main():
    kubeconfig, namespace, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    connect = connector(kubeconfig)
    secrets, taking, failures = objects.tls(0, count), threading.Lock(), []

    def work():
        try:
            api = connect()
            while True:
                with taking:
                    _, secret = next(secrets, (None, None))
                if secret is None:
                    return
                secret["metadata"] = {"name": secret["metadata"]["name"], "annotations": secret["metadata"]["annotations"]}
                api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", json.dumps(secret), {"Content-Type": "application/json"})
                answer = api.getresponse()
                body = answer.read()
                if answer.status != 201:
                    raise RuntimeError(f"{secret['metadata']['name']}: {answer.status} {body[:200]!r}")
        except Exception as error:  # every worker's end is told below
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        sys.exit(f"error: {failures[0]}")


def connector(kubeconfig):
    """What opens a connection to the kubeconfig's server as its user."""
    view = subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, "config", "view", "--raw", "--minify", "-o", "json"], check=True, capture_output=True, text=True)
    view = json.loads(view.stdout)
    server, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
    address = urllib.parse.urlsplit(server["server"])
    context = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as identity:
        identity.write(base64.b64decode(user["client-key-data"]) + base64.b64decode(user["client-certificate-data"]))
        identity.flush()
        context.load_cert_chain(identity.name)
    return lambda: http.client.HTTPSConnection(address.hostname, address.port, context=context, timeout=60)


main()
