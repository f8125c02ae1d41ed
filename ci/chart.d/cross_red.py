"""Spoils a good render in one way at a time: the checks of cross.py have to find each."""
import hashlib

import cross


def named(objects, kind, end=""):
    return next(item for item in objects if item["kind"] == kind and item["metadata"]["name"].endswith(end))


def put(*path):
    """put('Deployment', 'spec', 'replicas', None): sets the value at that path of the first object of the kind."""
    kind, *keys, last, value = path

    def spoil(objects):
        node = named(objects, kind)
        for key in keys:
            node = node[key]
        node[last] = value
    return spoil


TEMPLATE = ("spec", "template", "spec")
CONTAINER = (*TEMPLATE, "containers", 0)
SPOILED = {
    "a null": put("Deployment", "spec", "replicas", None),
    "an empty map": put("DaemonSet", *TEMPLATE, "nodeSelector", {}),
    "an object twice": lambda objects: objects.append(named(objects, "Service")),
    "a bad name": put("ConfigMap", "metadata", "name", "x_y"),
    "a bad label": put("Service", "metadata", "labels", "team", "a b"),
    "another namespace": put("Service", "metadata", "namespace", "default"),
    "a cluster role without the namespace": put("ClusterRole", "metadata", "name", "x509"),
    "an unknown account": put("Deployment", *TEMPLATE, "serviceAccountName", "other"),
    "a binding to another account": put("ClusterRoleBinding", "subjects", 0, "name", "other"),
    "a binding to another role": put("ClusterRoleBinding", "roleRef", "name", "other"),
    "a test pod that counts as an agent": put("Pod", "metadata", "labels", {"app.kubernetes.io/name": "x509-certificate-exporter", "app.kubernetes.io/instance": "x509"}),
    "a test pod of another image": put("Pod", "spec", "containers", 0, "image", "busybox"),
    "a node's name on everything": put("ServiceMonitor", "spec", "endpoints", 0, "relabelings", 0, "regex", ".+;(.+)"),
    "no node's name": put("ServiceMonitor", "spec", "endpoints", 0, "relabelings", 0, "targetLabel", "host"),
    "a role without a binding": lambda objects: objects.remove(named(objects, "ClusterRoleBinding")),
    "a right to write": put("ClusterRole", "rules", 0, "verbs", ["list", "watch", "update"]),
    "a right too many": put("ClusterRole", "rules", 0, "resources", ["secrets", "pods"]),
    "a capability": put("Deployment", *CONTAINER, "securityContext", "capabilities", {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}),
    "a capability on nodes": put("DaemonSet", *CONTAINER, "securityContext", "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "a writable root": put("DaemonSet", *CONTAINER, "securityContext", "readOnlyRootFilesystem", False),
    "no seccomp": put("Deployment", *TEMPLATE, "securityContext", "seccompProfile", {"type": "Unconfined"}),
    "a token on nodes": put("DaemonSet", *TEMPLATE, "automountServiceAccountToken", True),
    "a root Deployment": put("Deployment", *TEMPLATE, "securityContext", "runAsNonRoot", False),
    "a version in a selector": put("Deployment", "spec", "selector", "matchLabels", "helm.sh/chart", "x"),
    "a selector for two": put("DaemonSet", "spec", "selector", "matchLabels", "app.kubernetes.io/component", "secrets"),
    "a Service for others": put("Service", "spec", "selector", "app.kubernetes.io/instance", "other"),
    "a monitor for others": put("ServiceMonitor", "spec", "selector", "matchLabels", "app.kubernetes.io/instance", "other"),
    "a monitored port that is not": put("ServiceMonitor", "spec", "endpoints", 0, "port", "http"),
    "a target port that is not": put("Service", "spec", "ports", 0, "targetPort", "http"),
    "another port": put("Deployment", *CONTAINER, "ports", 0, "containerPort", 1),
    "a readiness probe that lies": put("Deployment", *CONTAINER, "readinessProbe", "httpGet", "path", "/healthz"),
    "a writable mount": put("DaemonSet", *CONTAINER, "volumeMounts", 1, "readOnly", False),
    "a mount elsewhere": put("DaemonSet", *CONTAINER, "volumeMounts", 1, "mountPath", "/host/x"),
    "a volume that is not": put("DaemonSet", *CONTAINER, "volumeMounts", 1, "name", "other"),
    "a folder inside another": put("DaemonSet", *TEMPLATE, "volumes", 1, "hostPath", "path", "/var/lib/kubelet"),
    "both propagation and recursion": put("DaemonSet", *CONTAINER, "volumeMounts", 1, "mountPropagation", "HostToContainer"),
    "a ConfigMap that is not": lambda objects: objects.remove(named(objects, "ConfigMap", "-secrets")),
    "a path without a mount": lambda objects: spoil_config(objects, "/etc/kubernetes/pki/ca.crt", "/srv/ca.crt"),
    "no host root": lambda objects: spoil_config(objects, "hostRoot: /host", "hostRoot: /"),
    "an old checksum": lambda objects: spoil_config(objects, "level: info", "level: debug"),
}


# The same for a render in which every source of objects is enabled, with keystores and another cluster.
SOURCES = (*TEMPLATE, "volumes", 0, "projected", "sources")
SPOILED_OBJECTS = {
    "a source without its right": lambda objects: named(objects, "ClusterRole")["rules"].pop(),
    "a right without its source": lambda objects: spoil_config(objects, "kind: csr", "kind: kubesphere", "-secrets"),
    "CA bundles without their right": lambda objects: spoil_config(objects, "apiservice: false", "apiservice: true", "-secrets"),
    "ConfigMaps without their right": put("ClusterRole", "rules", 0, "resources", ["secrets"]),
    "labels of namespaces without their right": lambda objects: spoil_config(objects, "  includeLabels: []\n  rateLimit", "  includeLabels: [a]\n  rateLimit", "-secrets"),
    "a right by name that nobody needs": lambda objects: named(objects, "ClusterRole")["rules"].append(
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["list", "watch"]}),
    "a passphrase in clear": lambda objects: spoil_config(objects, "passphraseFile: ", "passphrase: ", "-secrets"),
    "a passphrase in clear elsewhere": put("ConfigMap", "data", "note", "changeit"),
    "a passphrase that is not mounted": lambda objects: spoil_config(objects, "secret-type-1-pkcs12", "secret-type-2-pkcs12", "-secrets"),
    "a passphrase that is not kept": put("Secret", "data", {"host-own-pkcs12": "YQ=="}),
    "a passphrase that nobody reads": put("Secret", "data", "more", "YQ=="),
    "a kubeconfig that is not mounted": lambda objects: spoil_config(objects, "clusters/there", "clusters/elsewhere", "-secrets"),
    "a pod that waits for a kubeconfig": lambda objects: named(objects, "Deployment", "exporter")["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"][2]["secret"].update(optional=False),
}


# The same where objects are shared out.
SPOILED_SHARDS = {
    "a shard too many": put("StatefulSet", "spec", "replicas", 4),
    "a Deployment with a share": put("StatefulSet", "kind", "Deployment"),
    "no share": lambda objects: spoil_config(objects, "shard:\n  total: 3\n", "", "-secrets"),
    "a name without room": put("StatefulSet", "metadata", "name", "x" * 53),
    "a Deployment besides": lambda objects: objects.append({**named(objects, "StatefulSet"), "kind": "Deployment"}),
    "a budget for others": put("PodDisruptionBudget", "spec", "selector", "matchLabels", "app.kubernetes.io/component", "host-nodes"),
}


# The same where servers are asked, on nodes too.
SPOILED_ENDPOINTS = {
    "a Deployment in the host's network": lambda objects: named(objects, "Deployment", "-endpoints")["spec"]["template"]["spec"].update(hostNetwork=True),
    "other node pods in the host's network": lambda objects: named(objects, "DaemonSet", "-a")["spec"]["template"]["spec"].update(hostNetwork=True),
    "served in a network of its own": lambda objects: named(objects, "DaemonSet", "-served")["spec"]["template"]["spec"].pop("hostNetwork"),
    "served at every address": lambda objects: named(objects, "DaemonSet", "-served")["spec"]["template"]["spec"]["containers"][0]["args"].pop(),
    "a token for endpoints": lambda objects: named(objects, "Deployment", "-endpoints")["spec"]["template"]["spec"].update(automountServiceAccountToken=True),
    "a CA that is not mounted": lambda objects: spoil_config(objects, "configmaps/trust", "configmaps/other", "-endpoints"),
    "a file of a pair that is not mounted": lambda objects: spoil_config(objects, "/opt/x/tls.crt", "/srv/x/tls.crt", "-served"),
    "a budget for others": put("PodDisruptionBudget", "spec", "selector", "matchLabels", "app.kubernetes.io/component", "secrets"),
}


def spoil_config(objects, old, new, end="-master"):
    data = named(objects, "ConfigMap", end)["data"]
    assert old in data["config.yaml"]
    data["config.yaml"] = data["config.yaml"].replace(old, new)
    # With its checksum, so that it is not that which is noticed.
    for item in cross.of(objects, *cross.WORKLOADS) if end != "-master" else []:
        notes = item["spec"]["template"]["metadata"]["annotations"]
        notes["checksum/config"] = hashlib.sha256(cross.config_of(objects, item).rstrip("\n").encode()).hexdigest()


def unfound(seed, full, shards, servers, namespace):
    """Spoilings that no check noticed; `seed`, `full`, `shards` and `servers` give a fresh good render each time."""
    for render, spoilings in ((seed, SPOILED), (full, SPOILED_OBJECTS), (shards, SPOILED_SHARDS), (servers, SPOILED_ENDPOINTS)):
        if found := list(cross.everything(render(), namespace)):
            yield f"a good render is bad: {found}"
        for what, spoil in spoilings.items():
            objects = render()
            spoil(objects)
            if not list(cross.everything(objects, namespace)):
                yield what
