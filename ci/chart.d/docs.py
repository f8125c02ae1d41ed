"""The reference of the chart's values, made from values.yaml's comments and its schema: docs/values.md whole, in the chart's README the everyday ones.

docs.py          rewrites both
"""
import json
import re

import yaml

import helm
import schema

REPOSITORY = "https://github.com/x509-certificate-exporter/x509-certificate-exporter/blob/main"
# What most users set, in the order in which they meet it.
EVERYDAY = (
    "installer", "upgradeFrom", "monitoring.labels", "secretsExporter.enabled", "secretsExporter.secretTypes", "secretsExporter.includeNamespaces",
    "secretsExporter.excludeNamespaces", "hostPathsExporter.discovery.enabled", "hostPathsExporter.discovery.distributions", "hostPathsExporter.daemonSets",
    "hostPathsExporter.watchFiles", "hostPathsExporter.watchKubeconfFiles", "hostPathsExporter.hostMounts", "hostPathsExporter.dacReadSearch", "rbac.mode",
    "prometheusServiceMonitor.create", "prometheusRules.create", "prometheusRules.warningDaysLeft", "prometheusRules.criticalDaysLeft",
    "grafana.createDashboard", "kubesphere.enabled", "openshift.enabled", "networkPolicy.enabled", "global.imageRegistry", "image.digest",
)
TITLES = {
    "": "General", "global": "Shared with a parent chart", "image": "Image", "log": "Logs", "web": "Web", "secretsExporter": "Secrets",
    "cabundlesExporter": "CA bundles", "hostPathsExporter": "Files of the nodes", "service": "Service", "monitoring": "Monitoring in general",
    "networkPolicy": "Network policy", "prometheusServiceMonitor": "ServiceMonitor", "prometheusPodMonitor": "PodMonitor", "prometheusRules": "Alerts",
    "grafana": "Grafana", "kubesphere": "KubeSphere", "openshift": "OpenShift", "tests": "Tests", "rbac": "Rights and accounts", "psp": "Pod security policies",
    "rbacProxy": "Authenticating sidecar", "migration": "Migration job",
}
HEAD = "| Key | Type | Default | Description |\n|---|---|---|---|\n"


def sources():
    text = (helm.CHART / "values.yaml").read_text(encoding="utf-8")
    types = yaml.safe_load((helm.ROOT / "ci" / "chart.d" / "schema-types.yaml").read_text(encoding="utf-8"))
    return yaml.safe_load(text), schema.comments(text), schema.make(text, types), types["legacy"]


def resolved(node, made):
    for ref in [part["$ref"] for part in node.get("allOf", [])] + ([node["$ref"]] if "$ref" in node else []):
        node = {**made["definitions"][ref.rsplit("/", 1)[-1]], **node}
    return node


def kind(node):
    if "enum" in node and set(node["enum"]) != {True, False}:
        return ", ".join(f"`{json.dumps(item) if not isinstance(item, str) or not item else item}`" for item in node["enum"])
    names = {"array": "list", "object": "map", "null": "`null`"}
    kinds = node.get("type", "map")
    return " or ".join(names.get(one, one) for one in ([kinds] if isinstance(kinds, str) else kinds))


def cell(text):
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def row(name, value, node):
    return f"| `{name}` | {cell(kind(node))} | `{cell(json.dumps(value, ensure_ascii=False))}` | {cell(node.get('description', ''))} |\n"


def rows(values, made):
    """(dotted name, its row) of every value, in the order of values.yaml."""
    def walk(values, node, path):
        for key, value in values.items():
            own = node["properties"][key]
            name = f"{path}{key}"
            if "properties" in own and "allOf" not in own and key != "daemonSets":
                yield from walk(value, own, name + ".")
            else:
                yield name, row(name, value, resolved(own, made))
    return dict(walk(values, made, ""))


def reference():
    values, comments, made, legacy = sources()
    lines = rows(values, made)
    parts = {"": [key for key, value in values.items() if "." not in key and key in lines]}
    for key in values:
        if key not in lines:
            parts[key] = [name for name in lines if name.startswith(f"{key}.")]
    text = ("# Values\n\nMade from the comments of [values.yaml](../charts/x509-certificate-exporter/values.yaml); `UPDATE=1 ci/chart` rewrites it. A key that is not here is an "
            "error that names it. Each key of `hostPathsExporter` but `discovery` and `daemonSets` may be set again in `hostPathsExporter.daemonSets.<name>`.\n")
    for part, names in parts.items():
        about = f"{comments[part]}\n\n" if comments.get(part) and part in values else ""
        text += f"\n## {TITLES[part]}\n\n{about}{HEAD}{''.join(lines[name] for name in names)}"
    text += ("\n## Keys of older charts\n\nCharts of the 1.x and 3.x lines of enix have these; they are accepted and count as told here ([migrating](migrating.md)).\n\n"
             "| Key | Type | Description |\n|---|---|---|\n")
    for name, node in legacy.items():
        node = schema.refs(node)
        text += f"| `{name}` | {cell(kind(resolved(node, made)))} | {cell(node.get('description', ''))} |\n"
    return text


def readme():
    """The chart's README with a fresh table below its heading Values."""
    text = (helm.CHART / "README.md").read_text(encoding="utf-8")
    before, heading, rest = text.partition("\n## Values\n")
    if not heading:
        raise SystemExit("the chart's README has no heading `## Values`")
    following = rest.find("\n## ")
    values, _, made, _ = sources()
    lines = rows(values, made)
    table = (f"\nWhat most users set; [all {len(lines)} values]({REPOSITORY}/docs/values.md). A typo anywhere is an error that names the key.\n\n"
             f"{HEAD}{''.join(lines[name] for name in EVERYDAY)}")
    return before + heading + table + (rest[following:] if following >= 0 else "")


def files():
    """(path, text) of what this file keeps."""
    yield helm.ROOT / "docs" / "values.md", reference()
    yield helm.CHART / "README.md", readme()


if __name__ == "__main__":
    for path, made_text in files():
        path.write_text(made_text, encoding="utf-8")
