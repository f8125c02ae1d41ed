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
    "secretsExporter.excludeNamespaces",
    "secretsExporter.configMapKeys", "cabundlesExporter.enabled", "clusters",
    "hostPathsExporter.discovery.enabled", "hostPathsExporter.discovery.distributions", "hostPathsExporter.daemonSets",
    "hostPathsExporter.watchFiles", "hostPathsExporter.watchKubeconfFiles", "hostPathsExporter.hostMounts", "hostPathsExporter.dacReadSearch", "rbac.mode",
    "prometheusServiceMonitor.create", "prometheusRules.create", "prometheusRules.warningDaysLeft", "prometheusRules.criticalDaysLeft",
    "grafana.createDashboard", "kubesphere.enabled", "openshift.enabled", "networkPolicy.enabled", "global.imageRegistry", "image.digest",
)
TITLES = {
    "": "General", "global": "Shared with a parent chart", "image": "Image", "log": "Logs", "web": "Web", "secretsExporter": "Secrets and ConfigMaps",
    "cabundlesExporter": "CA bundles", "certificateSigningRequestsExporter": "CertificateSigningRequests",
    "certificateRequestsExporter": "CertificateRequests of cert-manager", "kubesphereClustersExporter": "Member clusters of KubeSphere",
    "hostPathsExporter": "Files of the nodes", "endpointsExporter": "Servers, and files at URLs", "servedExporter": "Served beside on disk", "service": "Service", "monitoring": "Monitoring in general",
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


def known(name, made):
    """Whether a dotted name, perhaps one of a DaemonSet or with .* at its end, is a value."""
    node = made
    for part in name.removesuffix(".*").split("."):
        node = resolved(node, made)
        if not isinstance(node.get("additionalProperties", False), bool):
            node = node["additionalProperties"]  # the name is the user's own
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        elif node.get("additionalProperties") is True or node.get("type") not in ("object", None):
            return node is not made
        else:
            return False
    return True


def prose(text):
    """Without blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        local = re.sub(f"^{re.escape(REPOSITORY.rsplit('/blob', 1)[0])}/(blob|tree)/main/", "", target)
        if local != target:
            found = helm.ROOT / local
        elif "://" in target:
            continue
        elif path.parent == helm.CHART:
            yield f"{target}: an app page knows no relative link"
            continue
        else:
            found = path.parent / target.split("#")[0]
        if not found.exists():
            yield f"{target}: there is no such file"


def keys_in(text, made):
    for name in sorted(set(re.findall(r"`([A-Za-z]+(?:\.[A-Za-z]+)+(?:\.\*)?)(?:: [^`]*)?`", prose(text)))):
        if name.split(".")[0] in made["properties"] and not known(name, made):
            yield f"{name}: there is no such value"


def checks(report):
    """What is written about the chart is about this chart."""
    _, _, made, _ = sources()
    app_page = helm.CHART / "README.md"
    for path in [app_page, *sorted((helm.ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        report.check(f"{path.name}: links", links(path, text))
        report.check(f"{path.name}: values", keys_in(text, made))
    text = app_page.read_text(encoding="utf-8")
    report.check("README.md: plain Markdown", re.findall(r"<[A-Za-z!/][^>]*>", re.sub(r"`[^`]*`", "", prose(text))))
    table = text.partition("\n## Objects\n")[2].partition("\n## ")[0]
    full = helm.objects(helm.CHART / "ci" / "full-values.yaml") + helm.objects({"rbac": {"mode": "namespaced"}, "openshift": {"enabled": True}})
    kinds = {item["kind"] for item in full if not item["metadata"]["name"].endswith("-extra")}
    report.check("README.md: a line for each object", [one for one in sorted(kinds) if not re.search(rf"\b{one}\b", table) and f"{one.removesuffix('Binding')} and its binding" not in table], len(kinds))


if __name__ == "__main__":
    for path, made_text in files():
        path.write_text(made_text, encoding="utf-8")
