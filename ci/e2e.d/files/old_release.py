"""A chart of the peer's name whose release has the objects of one of its eras: old_release.py 4.2|3.21|1.20 FOLDER

Names, labels, selectors and what Kubernetes does not let change are the peer's; of 4.2 they are read from the data of the upgrade test,
the others are told from them by the differences below. The values are the peer's defaults. What runs in the pods is our own agent, under
the name of the peer's image and with flags for our mounts: the peer's image is not to be had here, and an upgrade asks what becomes of
objects, rights and series, not who made the series before.
"""

import copy
import pathlib
import sys

import yaml

DATA = pathlib.Path(__file__).resolve().parents[2] / "chart.d" / "peer"
FULLNAME = "x509-x509-certificate-exporter"
CHART = "x509-certificate-exporter"
ERAS = {
    "4.2": ("4.2.0", "4.2.0", "quay.io/enix/x509-certificate-exporter:4.2.0"),
    "3.21": ("3.21.0", "3.21.0", "docker.io/enix/x509-certificate-exporter:3.21.0"),
    "1.20": ("1.20.0", "2.12.0", "docker.io/enix/x509-certificate-exporter:2.12.0"),
}
FILES = {
    "master": ["/var/lib/kubelet/pki/kubelet-client-current.pem", "/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/ca.crt"],
    "nodes": ["/var/lib/kubelet/pki/kubelet-client-current.pem", "/etc/kubernetes/pki/ca.crt"],
}
KUBECONFIGS = {"master": ["/etc/kubernetes/admin.conf"], "nodes": []}


def main(era, folder):
    version, app, image = ERAS[era]
    objects = [changed(document, era, image) for document in yaml.safe_load_all((DATA / "rendered-4.2-seed.yaml").read_text()) if document]
    objects = [o for o in objects if o["kind"] != "ConfigMap" or era == "4.2"] + list(rights())
    for o in objects:
        relabel(o, version, app)
    folder = pathlib.Path(folder)
    (folder / "templates").mkdir(parents=True)
    about = {"apiVersion": "v2", "name": CHART, "version": version, "appVersion": app}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    (folder / "values.yaml").write_text((DATA / f"values-{era}.yaml").read_text())
    text = "---\n".join(yaml.safe_dump(o, sort_keys=False) for o in objects)
    text = text.replace("$interval", "{{ .Values.prometheusServiceMonitor.scrapeInterval }}")
    text = text.replace("$timeout", "{{ .Values.prometheusServiceMonitor.scrapeTimeout }}")
    (folder / "templates" / "all.yaml").write_text(text)
    print(image)


def changed(document, era, image):
    o = copy.deepcopy(document)
    o["metadata"].pop("namespace", None)
    kind, name = o["kind"], o["metadata"]["name"].removeprefix(FULLNAME).strip("-")
    if kind in ("DaemonSet", "Deployment"):
        pod = o["spec"]["template"]
        container = pod["spec"]["containers"][0]
        container.update(image=image, args=arguments(name, era), ports=[{"name": "metrics", "containerPort": 9793}])
        if era != "1.20":  # which had no probes
            container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 3}
        if kind == "DaemonSet":
            paths = {"etc": "/etc", "var-lib": "/var/lib"}
            container["securityContext"] = {"runAsUser": 0}
            container["volumeMounts"] = [{"name": n, "mountPath": "/host" + p, "readOnly": True} for n, p in paths.items()]
            pod["spec"]["volumes"] = [{"name": n, "hostPath": {"path": p, "type": "Directory"}} for n, p in paths.items()]
        if era == "1.20":  # no label said which workload a pod is of
            for labels in (o["metadata"]["labels"], o["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]):
                del labels["app.kubernetes.io/component"]
    elif kind == "Service":
        o["spec"]["type"] = "ClusterIP"
        if era == "3.21":  # an address of its own
            del o["spec"]["clusterIP"]
        if era == "1.20":
            o["metadata"]["name"] += "-headless"
    elif kind == "ServiceMonitor":
        o["spec"]["endpoints"] = [{"port": "metrics", "interval": "$interval", "scrapeTimeout": "$timeout"}]
    elif kind == "PrometheusRule":
        o["spec"] = {"groups": [{"name": f"{CHART}.rules", "rules": [{"alert": "CertificateError", "expr": "x509_cert_error > 0", "for": "15m"}]}]}
    elif kind == "ConfigMap":
        o["data"] = {"config.yaml": "sources: []\n"}
    return o


def arguments(name, era):
    given = ["--listen-address=:9793"]
    if not name:
        return given + ["--watch-kube-secrets", "--secret-type=kubernetes.io/tls:tls.crt"]
    given += ["--host-root=/host"]
    given += [f"--watch-file={path}" for path in FILES[name]]
    return given + [f"--watch-kubeconf={path}" for path in KUBECONFIGS[name]]


def rights():
    """Named without the namespace; the nodes' role is empty."""
    read = [{"apiGroups": [""], "resources": ["namespaces", "secrets"], "verbs": ["get", "watch", "list"]}]
    for suffix, rules in (("", read), ("-node", None)):
        name = FULLNAME + suffix
        api = "rbac.authorization.k8s.io"
        labels = {"app.kubernetes.io/name": CHART, "app.kubernetes.io/instance": "x509", "app.kubernetes.io/managed-by": "Helm"}
        yield {"apiVersion": api + "/v1", "kind": "ClusterRole", "metadata": {"name": name, "labels": dict(labels)}, "rules": rules}
        yield {
            "apiVersion": api + "/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name, "labels": dict(labels)},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "{{ .Release.Namespace }}"}],
        }


def relabel(o, version, app):
    every = [o["metadata"]["labels"]]
    if o["kind"] in ("DaemonSet", "Deployment"):
        every.append(o["spec"]["template"]["metadata"]["labels"])
    for labels in every:
        labels.update({"helm.sh/chart": f"{CHART}-{version}", "app.kubernetes.io/version": app})


if __name__ == "__main__":
    main(*sys.argv[1:])
