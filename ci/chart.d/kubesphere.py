"""What KubeSphere needs of the chart: the kinds for each of its versions and installers, what they hold, the form, the package.

kubesphere.py SCHEMAS     these checks alone; SCHEMAS as ci/chart makes them
"""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import helm
import kubesphere_objects as ks
import kubesphere_rules
from report import Report

CLUSTER = ["v1/Pod", *(f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"))]
ALERTING = [f"alerting.kubesphere.io/v2beta1/{kind}" for kind in ("RuleGroup", "ClusterRuleGroup", "GlobalRuleGroup")]
BOARDS = [f"monitoring.kubesphere.io/v1alpha2/{kind}" for kind in ("Dashboard", "ClusterDashboard")]
LEGACY = [*CLUSTER, "installer.kubesphere.io/v1alpha1/ClusterConfiguration"]
KS34 = [*LEGACY, *ALERTING, *BOARDS]
EXISTING = {"rbac": {"mode": "namespaced", "create": False}}
NAMESPACED, ADMIN, OPERATOR = {"rbac": {"mode": "namespaced"}}, {"installer": "project-admin"}, {"installer": "project-operator"}
EXAMPLES = sorted((helm.ROOT / "values-examples").glob("kubesphere-*.yaml"))
FULL = helm.CHART / "ci" / "full-values.yaml"
OURS = {"PrometheusRule", *ks.GROUPS, *ks.DASHBOARDS}
# What the cluster knows, what is asked for → what of rules and dashboards there is.
KINDS = (
    ("no cluster", [], {}, {"PrometheusRule"}),
    ("no operator, no KubeSphere", ["v1/Pod"], {}, set()),
    ("3.1", LEGACY, {}, {"PrometheusRule"}),
    ("3.2, with dashboards", [*LEGACY, *BOARDS], {}, {"PrometheusRule", "ClusterDashboard"}),
    ("3.4", KS34, {}, {"ClusterRuleGroup", "ClusterDashboard"}),
    ("4 without monitoring", ["v1/Pod", *ALERTING], {}, {"ClusterRuleGroup"}),
    ("3.4, nodes alone", KS34, {"secretsExporter": {"enabled": False}}, {"RuleGroup", "Dashboard"}),
    ("3.4, CA bundles alone", KS34, {"secretsExporter": {"enabled": False}, "cabundlesExporter": {"enabled": True}}, {"ClusterRuleGroup", "ClusterDashboard"}),
    ("3.4, namespaced", KS34, NAMESPACED, {"RuleGroup", "Dashboard"}),
    ("3.4, project admin", KS34, ADMIN, {"RuleGroup", "Dashboard"}),
    ("3.4, project operator", KS34, OPERATOR, set()),
    ("3.4, switched off", KS34, {"kubesphere": {"enabled": False}}, {"PrometheusRule"}),
    ("3.4, no dashboard", KS34, {"kubesphere": {"createDashboard": False}}, {"ClusterRuleGroup"}),
    ("3.4, no rules", KS34, {"prometheusRules": {"create": False}}, {"ClusterDashboard"}),
    ("3.4, rules always", KS34, {"prometheusRules": {"create": True}}, {"ClusterRuleGroup", "ClusterDashboard"}),
    ("no cluster, switched on", [], {"kubesphere": {"enabled": True}}, {"ClusterRuleGroup", "ClusterDashboard"}),
    ("no cluster, switched on, namespaced", [], {"kubesphere": {"enabled": True}, **NAMESPACED}, {"RuleGroup", "Dashboard"}),
    ("3.1, switched on", LEGACY, {"kubesphere": {"enabled": True}}, {"PrometheusRule"}),
)
# Who may create what on KubeSphere 4, where the installer's own rights count.
WORKLOADS = {"Deployment", "DaemonSet", "Service", "ConfigMap", "Secret", "ServiceAccount", "Pod"}
ALLOWED = {"project-operator": WORKLOADS, "project-admin": WORKLOADS | {"Role", "RoleBinding", "ServiceMonitor", "PodMonitor", "PrometheusRule", "RuleGroup", "Dashboard"}}
# A panel of KubeSphere's that has another title in Grafana.
TITLES = {"Within 14 days": "Within $critical days", "Within 28 days": "Within $warning days"}


def kinds(report):
    for name, apis, values, expected in KINDS:
        objects = helm.objects(values, apis=apis)
        found = {item["kind"] for item in objects} & OURS
        report.equal(f"KubeSphere {name}: kinds", found, expected)
        report.check(f"KubeSphere {name}: rules once", ["PrometheusRule and rule group"] if len(found - set(ks.DASHBOARDS)) > 1 else [])
        allowed = ALLOWED.get(values.get("installer"))
        report.check(f"KubeSphere {name}: may be created", {item["kind"] for item in objects} - allowed if allowed else [])
        ids = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects]
        report.equal(f"KubeSphere {name}: no object twice", len(set(ids)), len(ids))
    old = ks.of(helm.objects(apis=LEGACY), "PrometheusRule")[0]["metadata"]
    report.equal("KubeSphere 3.1: where its Prometheus looks", (old["namespace"], old["labels"].get("prometheus"), old["labels"].get("role")), ("kubesphere-monitoring-system", "k8s", "alert-rules"))
    labels = {"kubesphere": {"ruleLabels": {"prometheus": "other"}}}
    report.equal("KubeSphere 3.1: other labels", ks.of(helm.objects(labels, apis=LEGACY), "PrometheusRule")[0]["metadata"]["labels"]["prometheus"], "other")
    report.equal("KubeSphere 3.1: a project's rules stay in it", ks.of(helm.objects(ADMIN, apis=LEGACY), "PrometheusRule")[0]["metadata"]["namespace"], helm.NAMESPACE)
    spaces = {item["metadata"].get("namespace") for item in helm.objects(apis=KS34, namespace="blue")}
    report.equal("all in the project, or in none", spaces, {"blue", None})
    labels = {"monitoring": {"labels": {"team": "a"}}, "prometheusRules": {"extraLabels": {"tier": "b"}}, "extraLabels": {"all": "c"}}
    for item in ks.of(helm.objects(labels, apis=KS34), *OURS):
        found = {key: value for key, value in item["metadata"]["labels"].items() if key in ("team", "tier", "all")}
        report.equal(f"labels of {item['kind']}", found, {"team": "a", "all": "c", **({"tier": "b"} if item["kind"] in ks.GROUPS else {})})


def contents(report, schemas):
    """Every render on KubeSphere is one that it takes, and none of the checks is a rubber stamp."""
    for name, values in [("default", []), *((path.stem, [path]) for path in [FULL, *EXAMPLES])]:
        for mode in ({}, EXISTING):
            objects = ks.of(helm.objects(*values, mode, apis=KS34), *OURS)
            report.check(f"KubeSphere: {name} {mode}", ks.everything(objects, helm.NAMESPACE), 5)
            report.check(f"KubeSphere: {name} {mode}: kubeconform", conformity(objects, schemas))
    long = {"namespace": "a" * 63, "release": "b" * 53}
    report.check("KubeSphere: long names", ks.everything(ks.of(helm.objects(apis=KS34, **long), *OURS), long["namespace"]))
    good = ks.of(helm.objects(apis=KS34), *OURS)
    for what, spoil in kubesphere_rules.SPOILED.items():
        bad = copy.deepcopy(good)
        spoil(*(ks.of(bad, kind)[0] for kind in ("ClusterRuleGroup", "ClusterDashboard")))
        report.check(f"KubeSphere: {what} is noticed", [] if [*ks.everything(bad, helm.NAMESPACE), *conformity(bad, schemas)] else ["it is not"])


def conformity(objects, schemas):
    newest = max(path for path in pathlib.Path(schemas).iterdir() if path.name[0].isdigit())
    command = ["kubeconform", "-strict", "-output", "json", "-schema-location", f"{newest}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
    done = subprocess.run(command, input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False)
    return [f"{r['kind']} {r['name']}: {r['msg']}" for r in json.loads(done.stdout)["resources"] or []]


def unchosen(query):
    """A query of Grafana's as KubeSphere has it: no variables, fewer lines."""
    query = re.sub(r',\w+=~"\$\w+\|?"', "", query).replace("$critical", "14").replace("$warning", "28").replace("bottomk(50,", "bottomk(10,")
    return re.sub(r'\{\w+=~"\$\w+\|?"\}', "", query)


def dashboards(report):
    """One set of queries for all dashboards, without the choices that Grafana offers, and thresholds of the values put in."""
    theirs = {}
    for path in sorted((helm.CHART / "files" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            theirs[panel["title"]] = [unchosen(target["expr"]) for target in panel.get("targets", [])]
    ours = ks.of(helm.objects(apis=KS34), "ClusterDashboard")[0]["spec"]["panels"]
    for panel in ours:
        if panel["type"] != "row":
            title = TITLES.get(panel["title"], panel["title"]).replace("Days left: ", "Soonest to expire: ")
            found = [target["expr"] for target in panel["targets"]]
            report.equal(f"KubeSphere's panel {panel['title']}", found, theirs.get(title, [])[: len(found)])
    report.equal("KubeSphere's panels, by type", {kind: sum(p["type"] == kind for p in ours) for kind in sorted(ks.PANELS)}, {"graph": 13, "row": 3, "singlestat": 6})
    tuned = ks.of(helm.objects({"prometheusRules": {"warningDaysLeft": 60, "criticalDaysLeft": 20}}, apis=KS34), "ClusterDashboard")[0]
    report.equal("its thresholds", [title for title in (p["title"] for p in tuned["spec"]["panels"]) if title.startswith("Within")], ["Within 20 days", "Within 60 days"])


def questions(node, path=(), parents=()):
    """(dotted path, property, the objects around it) of what the console asks."""
    if node.get("form"):
        yield ".".join(path), node, parents
    for key, child in node.get("properties", {}).items():
        yield from questions(child, (*path, key), (*parents, node))


def form(report):
    schema = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((helm.CHART / "values.yaml").read_text(encoding="utf-8"))
    report.equal("the schema's draft", schema["$schema"], "http://json-schema.org/draft-07/schema#")
    found = list(questions(schema))
    report.check("at least eight questions", [] if len(found) >= 8 else [f"{len(found)}"])
    for path, node, parents in found:
        value = values
        for key in path.split("."):
            value = value[key]
        report.equal(f"form, {path}: its type", node["type"], {bool: "boolean", int: "integer", str: "string"}.get(type(value)))
        report.check(f"form, {path}: shown", [f"no {key}" for key in ("title", "description") if not node.get(key)])
        report.equal(f"form, {path}: reached", ({parent["type"] for parent in parents}, any("hidden" in parent for parent in parents)), ({"object"}, False))
    report.check("groups without a question are hidden", [path for path, node in empty_groups(schema) if node.get("hidden") != {"value": "none", "condition": None}])
    report.equal("the path that hides leads nowhere", "none" in values, False)
    report.equal("the whole values.yaml, as the console sends it", helm.text(values, apis=KS34), helm.text(apis=KS34))
    answers = {"hostPathsExporter": {"discovery": {"enabled": False}}, "secretsExporter": {"enabled": False}, "prometheusRules": {"warningDaysLeft": 30}}
    code, _, error = helm.template({**values, **{key: {**values[key], **own} for key, own in answers.items()}}, apis=KS34)
    report.equal("and with answers", (code, error), (0, ""))


def empty_groups(node, path=""):
    for key, child in node.get("properties", {}).items():
        if "properties" in child and child.get("type") == "object":
            if any(questions(child)):
                yield from empty_groups(child, f"{path}{key}.")
            else:
                yield f"{path}{key}", child


def package(report):
    """What an app store reads, and that the package goes into KubeSphere's one ConfigMap and Helm's one Secret."""
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    report.check("Chart.yaml", [f"no {key}" for key in ("icon", "home", "description", "maintainers", "sources", "keywords", "kubeVersion") if not chart.get(key)])
    report.check("a version that names objects", [] if re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", chart["version"]) else [chart["version"]])
    icon = re.fullmatch(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/main/(.+\.svg)", chart["icon"])
    report.check("the icon is at its address", [] if icon and (helm.ROOT / icon.group(1)).is_file() else [chart["icon"]])
    report.check("addresses", [chart["home"]] if not {chart["home"], *chart["sources"]} == {chart["home"]} or not chart["home"].startswith("https://") else [])
    named = {one["image"] for one in yaml.safe_load(chart["annotations"]["artifacthub.io/images"])}
    report.equal("the images named", named, set(re.findall(r"image: \"?([^\s\"]+)", helm.text())))
    report.equal("its oldest Kubernetes", [helm.template(kubernetes=version)[0] for version in ("1.18.20", "1.19.0", "1.34.0")], [1, 0, 0])
    report.equal("APIs that 1.19 has", {item["apiVersion"] for item in helm.objects(kubernetes="1.19.0", apis=LEGACY)},
                 {"v1", "apps/v1", "rbac.authorization.k8s.io/v1", "monitoring.coreos.com/v1"})
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["helm", "package", str(helm.CHART), "--destination", folder], capture_output=True, check=True)
        size = next(pathlib.Path(folder).iterdir()).stat().st_size + (helm.CHART / "values.yaml").stat().st_size
    report.check("chart and values in a ConfigMap", [f"{size} bytes"] if size * 4 / 3 > 2 ** 20 / 2 else [])


def checks(report, schemas=None):
    schemas = schemas or sys.argv[1]
    kinds(report)
    contents(report, schemas)
    kubesphere_rules.checks(report, KS34)
    dashboards(report)
    form(report)
    package(report)


if __name__ == "__main__":
    alone = Report("KubeSphere")
    checks(alone)
    sys.exit(alone.end())
