"""Rules on KubeSphere: the same as elsewhere, ids that stay, texts that fit, refusals by name, queries that survive a forced namespace."""
import pathlib
import re
import subprocess
import tempfile

import yaml

import helm
import kubesphere_objects as ks

FULL = helm.CHART / "ci" / "full-values.yaml"
TUNED = helm.ROOT / "values-examples" / "prometheus-stack.yaml"
NAMES = [rule["alert"] for group in yaml.safe_load((helm.CHART / "files/rules/x509-certificate-exporter.yaml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
# Each is to be noticed: by the checks, by Prometheus' parser or by the CRDs' schemas. (rule group, dashboard) → spoiled.
SPOILED = {
    "a group that is not enabled": lambda g, d: g["metadata"]["labels"].pop("alerting.kubesphere.io/enable"),
    "a 41st rule": lambda g, d: g["spec"].update(rules=[rule(g, n, rule_id=str(n)) for n in range(41)]),
    "bad PromQL": lambda g, d: g["spec"]["rules"][0].update(expr="up )"),
    "an unknown template function": lambda g, d: g["spec"]["rules"][0]["annotations"].update(message="{{ nothing $value }}"),
    "an empty expression": lambda g, d: g["spec"]["rules"][0].update(expr=" "),
    "no expression": lambda g, d: g["spec"]["rules"][0].pop("expr"),
    "a recording rule": lambda g, d: g["spec"]["rules"].append({"record": "a:b", "expr": "up"}),
    "keep_firing_for": lambda g, d: g["spec"]["rules"][0].update(keep_firing_for="5m"),
    "for in parts of units": lambda g, d: g["spec"]["rules"][0].update({"for": "1.5h"}),
    "a number as label": lambda g, d: g["spec"]["rules"][0]["labels"].update(tier=1),
    "a label with a dash": lambda g, d: g["spec"]["rules"][0]["labels"].update({"a-b": "c"}),
    "no rule_id": lambda g, d: g["spec"]["rules"][0]["labels"].pop("rule_id"),
    "one rule_id twice": lambda g, d: g["spec"]["rules"][0].update(labels=g["spec"]["rules"][1]["labels"]),
    "an unknown severity": lambda g, d: g["spec"]["rules"][0].update(severity="page"),
    "a long name": lambda g, d: g["spec"]["rules"][0].update(alert="A" * 64),
    "a long summary": lambda g, d: g["spec"]["rules"][0]["annotations"].update(summary="a" * 64),
    "a long message": lambda g, d: g["spec"]["rules"][0]["annotations"].update(message="a" * 257),
    "a colon in the name": lambda g, d: g["metadata"].update(name="exporter:x509"),
    "a name without the namespace": lambda g, d: g["metadata"].update(name="x509"),
    "a text as refId": lambda g, d: d["spec"]["panels"][0]["targets"][0].update(refId="A"),
    "a number as step": lambda g, d: d["spec"]["panels"][0]["targets"][0].update(step=60),
    "half a decimal": lambda g, d: d["spec"]["panels"][0].update(decimals=0.5),
    "a field of Grafana's": lambda g, d: d["spec"]["panels"][0].update(gridPos={"h": 1}),
    "a panel of Grafana's": lambda g, d: d["spec"]["panels"][0].update(type="stat"),
    "a panel id twice": lambda g, d: d["spec"]["panels"][0].update(id=2),
    "bad PromQL in a panel": lambda g, d: d["spec"]["panels"][0]["targets"][0].update(expr="sum("),
    "a variable of Grafana's": lambda g, d: d["spec"]["panels"][0]["targets"][0].update(expr="up < $critical"),
    "a legend of what is not there": lambda g, d: d["spec"]["panels"][7]["targets"][0].update(legendFormat="{{secret_name}}"),
}
# prometheusRules → what the refusal says.
REFUSED = {
    "group mine records a:b": {"extraAlertGroups": [{"name": "mine", "rules": [{"record": "a:b", "expr": "up"}]}]},
    "group mine has keep_firing_for in alert A": {"extraAlertGroups": [{"name": "mine", "rules": [{"alert": "A", "expr": "up", "keep_firing_for": "5m"}]}]},
    "group mine has the setting limit": {"extraAlertGroups": [{"name": "mine", "limit": 3, "rules": [{"alert": "A", "expr": "up"}]}]},
    "group mine has a rule without alert or expr (A)": {"extraAlertGroups": [{"name": "mine", "rules": [{"alert": "A"}]}]},
    "group mine has `for: 1.5h` in alert A": {"extraAlertGroups": [{"name": "mine", "rules": [{"alert": "A", "expr": "up", "for": "1.5h"}]}]},
    "a group has no name": {"extraAlertGroups": [{"rules": [{"alert": "A", "expr": "up"}]}]},
    "not a list of groups once its templates are filled in": {"extraAlertGroups": [{"name": '{{ printf "%c" 39 }}'}]},
    "two groups have the name mine": {"extraAlertGroups": [{"name": "mine", "rules": []}, {"name": "mine", "rules": []}]},
    "has `for: 1.5h` in alert SourceDown": {"alertForOverrides": {"SourceDown": "1.5h"}},
}
SECRET = {"secret_namespace": "customer-portal-production", "secret_name": "wildcard-portal-example-org-tls", "secret_key": "tls.crt", "pod": "x509-x509-certificate-exporter-5d8c7b9f6-abcde"}
KUBECONFIG = {"filepath": "/etc/kubernetes/controller-manager.conf", "embedded_kind": "user", "embedded_key": "system:kube-controller-manager", "node": "control-plane-01.k8s.example.org"}
CONFIGMAP = {"cluster": "europe-west-1", "configmap_namespace": SECRET["secret_namespace"], "configmap_name": SECRET["secret_name"], "configmap_key": "ca-bundle.crt"}
COMMON = {"subject_CN": "wildcard.portal.customers.example.org", "instance": "10.233.64.17:9793", "source_name": "host-kubeconfigs-control-plane", "reason": "unsupported_format"}


def rule(group, number, **labels):
    one = group["spec"]["rules"][0]
    return {**one, "alert": f"A{number}", "labels": labels}


def groups(*values, **options):
    return ks.groups_of(helm.objects(*values, **options))


def same(report, apis):
    """Nothing that a PrometheusRule would say is lost or changed."""
    for name, values in (("default", []), ("full", [FULL]), ("tuned", [TUNED]), ("switched off", [{"prometheusRules": {"alertOnSourceDown": False, "alertOnCertificateError": False}}])):
        alone = {"kubesphere": {"enabled": False}, "prometheusRules": {"create": True}}
        plain = [one for item in ks.of(helm.objects(*values, alone, apis=apis), "PrometheusRule") for group in item["spec"]["groups"] for one in group["rules"]]
        ours = ks.rules_of(helm.objects(*values, apis=apis))
        report.equal(f"rules, {name}", [(one["alert"], one["expr"], one.get("for"), one["severity"], {k: v for k, v in one["labels"].items() if k != "rule_id"}) for one in ours],
                     [(one["alert"], one["expr"], one.get("for"), one["labels"]["severity"], {k: v for k, v in one["labels"].items() if k != "severity"}) for one in plain])
        for one, other in zip(ours, plain):
            lost = set(other.get("annotations", {}).items()) - set(one.get("annotations", {}).items())
            report.check(f"annotations of {name} {one['alert']}", [f"{key} is lost" for key, _ in lost if key != "description"])
    report.check("texts of every alert", ks.builtin(helm.objects(apis=apis), NAMES), len(NAMES))
    report.check("texts with a prefix", ks.builtin(helm.objects({"prometheusRules": {"rulePrefix": "X509"}}, apis=apis), [f"X509 {name}" for name in NAMES]))
    own = {"prometheusRules": {"alertExtraAnnotations": {"message": "mine", "runbook_url": "https://example.org/a"}}}
    report.equal("annotations of the user's own win", {(one["annotations"]["message"], one["annotations"]["runbook_url"]) for one in ks.rules_of(helm.objects(own, apis=apis))},
                 {("mine", "https://example.org/a")})
    report.equal("only the user's", [group["metadata"]["name"] for group in groups({"prometheusRules": {"disableBuiltinAlertGroup": True, "extraAlertGroups": [
        {"name": "mine", "interval": "5m", "rules": [{"alert": "A", "expr": "up == 0"}]}]}}, apis=apis)], ["exporter.x509-x509-certificate-exporter.mine"])


def ids(report, apis):
    def found(*values, **options):
        return {one["alert"]: one["labels"]["rule_id"] for one in ks.rules_of(helm.objects(*values, apis=apis, **options))}
    first = found()
    report.equal("ids of a second render", found(), first)
    report.equal("ids after a change of values", found({"prometheusRules": {"warningDaysLeft": 60, "alertForOverrides": {"SourceDown": "7m"}}}), first)
    for what, options in (("another release", {"release": "other"}), ("another project", {"namespace": "other"})):
        report.equal(f"ids of {what}", set(found(**options).values()) & set(first.values()), set())
        both = [{item["metadata"]["name"] for item in ks.of(helm.objects(apis=apis, **one), "ClusterRuleGroup", "ClusterDashboard")} for one in ({}, options)]
        report.equal(f"names of {what}", both[0] & both[1], set())
    twins = [{"alert": "A", "expr": f"up < {n}", "labels": {"severity": "warning"}} for n in range(81)]
    many = groups({"prometheusRules": {"extraAlertGroups": [{"name": "mine", "rules": twins}, {"name": "证书", "rules": twins[:1]}]}}, apis=apis)
    report.equal("a group of 81 rules", [len(group["spec"]["rules"]) for group in many[1:]], [40, 40, 1, 1])
    report.check("and its ids", ks.groups(many, helm.NAMESPACE))
    kept = {"prometheusRules": {"alertExtraLabels": {"rule_id": "mine"}}}
    report.equal("an id of the user's own", set(found(kept).values()), {"mine"})


def refusals(report, apis):
    for expected, values in REFUSED.items():
        code, _, error = helm.template({"prometheusRules": values}, apis=apis)
        report.check(f"refused: {expected}", [] if code and expected in error else [error or "rendered"])


def messages(report, apis):
    """The messages with long labels filled in, by Prometheus itself: a test that expects no alert prints what there was."""
    rules = ks.plain(helm.objects(apis=apis))
    for one in rules["groups"][0]["rules"]:
        one.update(expr="sample", **{"for": "0s"})
    for place in (SECRET, KUBECONFIG, CONFIGMAP):
        series = ",".join(f'{key}="{value}"' for key, value in {**COMMON, **place}.items())
        for value in (12345678, -12345678):
            test = {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": [{"series": f"sample{{{series}}}", "values": f"{value}x3"}],
                    "alert_rule_test": [{"alertname": name, "eval_time": "2m", "exp_alerts": []} for name in NAMES]}]}
            texts = re.findall(r'message="((?:[^"\\]|\\.)*)"', "".join(ks.promtool("test", {"test.yaml": test, "rules.yaml": rules})))
            report.equal("messages filled in", len(texts), len(NAMES))
            report.check("messages filled in", [f"{len(text)} characters: {text}" for text in texts if len(text) > ks.LONG or "no value" in text], len(texts))


def forced(expr, namespace):
    """What KubeSphere makes of an expression in a RuleGroup: every selector asks for the group's namespace."""
    return re.sub(r"\b(x509_\w+)(?:\{(.*?)\})?", lambda found: f'{found.group(1)}{{{",".join(filter(None, (found.group(2), f"namespace={namespace!r}")))}}}', expr)


def project(report, apis):
    """A project's own rules fire with the namespace forced on them, and are silent for another project's series."""
    rules = ks.plain(helm.objects({"installer": "project-admin"}, apis=apis))
    for one in rules["groups"][0]["rules"]:
        one["expr"] = forced(one["expr"], helm.NAMESPACE)
    # The agents of one namespace: one certificate 10 days from its end at 0, one source down; then no agent at all.
    for namespace, expected in ((helm.NAMESPACE, {"CertificateExpiration", "SourceDown"}), ("other", {"ExporterAbsent"})):
        pods = {pod: f'namespace="{namespace}",pod="x509-x509-certificate-exporter-{pod}",instance="{pod}"' for pod in ("5d8c7b9f6-abcde", "nodes-abcde")}
        secrets, node = pods.values()
        series = [{"series": f"{name}{{{labels}{place}}}", "values": f"{value}x60"} for name, labels, place, value in (
            ("x509_cert_not_after", 'filepath="/a",', node, 864000), ("x509_source_up", 'source_name="cluster-secrets",', secrets, 0),
            ("x509_source_up", 'source_name="host-discovery-nodes",', node, 1), ("x509_exporter_build_info", "", secrets, 1))]
        test = {"rule_files": ["rules.yaml"], "tests": [{"interval": "1m", "input_series": series,
                "alert_rule_test": [{"alertname": name, "eval_time": "45m", "exp_alerts": []} for name in NAMES]}]}
        said = "".join(ks.promtool("test", {"test.yaml": test, "rules.yaml": rules}))
        report.equal(f"a project's alerts, agents in {namespace}", set(re.findall(r"alertname: (\w+),", said)), expected)


def checks(report, apis):
    for part in (same, ids, refusals, messages, project):
        part(report, apis)
