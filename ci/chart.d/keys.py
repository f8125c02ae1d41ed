"""Every key of values.yaml has an effect: changed, it changes the render or the notes, or fails by name. Nothing is silently ignored."""
import concurrent.futures
import copy
import json

import yaml

import helm

# Keys that do nothing as long as the feature that they belong to cannot be switched on; the test proves that they do nothing.
INERT = ("rbacProxy.image.", "rbacProxy.upstreamListenPort", "rbacProxy.resources", "rbacProxy.securityContext")
# Values that a rule of the schema or of Kubernetes asks for, where the type alone would give a bad one.
SPECIAL = {
    "image.digest": "sha256:" + "1" * 64,
    "extraDeploy": [{"kind": "Changed", "metadata": {"name": "changed"}}],
    "extraDeployVerbatim": [{"kind": "Changed", "metadata": {"name": "changed"}}],
    "prometheusRules.alertExprOverrides": {"SourceDown": "vector(1)"},
    "prometheusRules.alertForOverrides": {"SourceDown": "7m"},
    **{f"prometheusRules.thresholds.{kind}": {"warningDaysLeft": 77} for kind in ("files", "kubeconfigs", "secrets", "configMaps", "caBundles", "kubesphereClusters", "endpoints")},
    "prometheusRules.sourceStaleMinutes": 77,
    "prometheusRules.extraAlertGroups": [{"name": "changed", "rules": []}],
    "secretsExporter.secretTypes": [{"type": "Changed", "key": "changed"}],
    "watchSpecificExtensionDirectories": [{"directory": "/etc/changed", "extension": "changed"}],
    "extraHostDirectories": ["/srv/changed"],
    "readinessProbe": {"periodSeconds": 77}, "livenessProbe": {"periodSeconds": 77},
    "podSecurityContext": {"fsGroup": 77}, "securityContext": {"runAsUser": 77},
    "grafana.sidecarLabel": "changed",
    "pkcs12": {"tryEmptyPassphrase": True}, "jks": {"passphraseSecretRef": {"name": "changed", "key": "changed"}},
    "webConfiguration": "http_server_config: {http2: false}", "probeListenPort": 8077,
    "clusters": [{"name": "changed", "kubeconfigSecret": {"name": "changed"}}],
    "caSecret": {"name": "changed"}, "caConfigMap": {"name": "changed"}, "clientCertificateSecret": {"name": "changed"}, "proxyUrl": "http://changed:3128",
    "podListenPort": 9777, "servedExporter.port": 9777, "endpointsExporter.timeout": "7s", "servedExporter.timeout": "7s", "endpointsExporter.targets": [{"address": "changed:1"}],
    "servedExporter.targets": [{"address": "changed:1", "file": "/etc/changed"}], "servedExporter.distributions": ["k0s"],
    "installer": "project-operator", "watchDistributions": ["k0s"],
    "prometheusServiceMonitor.create": False, "prometheusRules.create": False,
    "prometheusServiceMonitor.scheme": "http", "prometheusPodMonitor.scheme": "http",
}
SKIPPED = {"servedExporter.probePort": "of use where probes have a port: endpoints.py", "endpointsExporter.restartPolicy": "only one value is legal", "servedExporter.restartPolicy": "only one value is legal",
           "rbacProxy.enabled": "takes rights to the whole cluster: modes.py", "rbacProxy.tls.existingSecretName": "of use with rbacProxy.enabled: modes.py", "hostPathsExporter.daemonSets": "its own test", "hostPathsExporter.discovery.enabled": "its own test", "hostPathsExporter.discovery.distributions": "its own test",
           "kubesphere.createDashboard": "on KubeSphere alone: kubesphere.py", "kubesphere.ruleLabels": "on KubeSphere 3.0 to 3.3 alone: kubesphere.py",
           "secretsExporter.shards": "refused beside replicas: objects.py",
           "rbac.mode": "refused beside kinds of the cluster: modes.py, objects.py",
           "secretsExporter.restartPolicy": "only one value is legal", "hostPathsExporter.restartPolicy": "only one value is legal"}


def leaves(values, schema, path=""):
    for key, value in values.items():
        node = schema["properties"][key]
        name = f"{path}{key}"
        if "properties" in node and "allOf" not in node and key != "daemonSets":
            yield from leaves(value, node, name + ".")
        else:
            yield name, value, node


def resolve(node, schema):
    for part in node.get("allOf", []):
        node = {**node, **schema["definitions"][part["$ref"].rsplit("/", 1)[1]]}
    return node


def changed(name, value, node):
    """A legal value other than the default."""
    for key in (name, name.rsplit(".", 1)[-1]):
        if key in SPECIAL:
            return SPECIAL[key]
    kind = node["type"] if isinstance(node["type"], str) else node["type"][0]
    if "enum" in node:
        return next(item for item in node["enum"] if item != value)
    if kind == "array":
        items = node.get("items", {})
        return [{"name": "changed", "mountPath": "/changed"}] if "mountPath" in items.get("required", []) else [
            {"key": "changed"} if "key" in items.get("properties", {}) else {"name": "changed"} if items.get("type") == "object" else "/etc/changed"]
    if kind in ("integer", "number"):
        return (value or 0) + 1
    return {"boolean": not value, "object": {"changed": "changed"}, "string": "77m" if "pattern" in node else "changed"}[kind]


def at(name, value, base):
    """A copy of base with value at the dotted path."""
    values = copy.deepcopy(base)
    node = values
    *keys, last = name.split(".")
    for key in keys:
        node = node.setdefault(key, {})
    node[last] = value
    return values


def problem(name, value, base, baseline):
    code, out, error = helm.template(at(name, value, base), chart=helm.chart_with_notes())
    if code:
        return f"{name} = {json.dumps(value)} fails: {error.strip().splitlines()[-1]}"
    inert = name.startswith(INERT)
    if inert != (out == baseline):
        return f"{name} = {json.dumps(value)} has {'an' if inert else 'no'} effect"
    return None


def problems():
    """(number of keys tried, sentences about those without effect)"""
    schema = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((helm.CHART / "values.yaml").read_text(encoding="utf-8"))
    base = yaml.safe_load((helm.CHART / "ci" / "full-values.yaml").read_text(encoding="utf-8"))
    tries = []
    for name, value, node in leaves(values, schema):
        if name in SKIPPED:
            continue
        node = resolve(node, schema)
        own = base
        for key in name.split("."):
            own = own.get(key) if isinstance(own, dict) else None
        tries.append((name, changed(name, value if own is None else own, node)))
        if name.startswith("hostPathsExporter."):
            tries.append((f"hostPathsExporter.daemonSets.bare.{name.split('.', 1)[1]}", changed(name, value if own is None else own, node)))
    code, baseline, error = helm.template(base, chart=helm.chart_with_notes())
    if code:
        return 1, [error]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda one: problem(*one, base, baseline), tries))
    return len(tries), [one for one in found if one]
