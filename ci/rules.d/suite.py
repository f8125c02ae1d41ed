"""The alerts' and the dashboards' tests."""
import concurrent.futures
import copy
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import alerts as made
import cycles
import dashboard
import helm
import inputs
import thresholds
from report import Report

HERE = pathlib.Path(__file__).resolve().parent
FILE = helm.CHART / "files" / "rules" / "x509-certificate-exporter.yaml"
SNAPSHOTS = helm.ROOT / "agent" / "tests" / "snapshots"
EXPOSITION = helm.ROOT / "agent/src/expose/metrics/snapshots/x509_certificate_exporter__expose__metrics__tests__one_whole_exposition.snap"
TUNED = helm.ROOT / "values-examples" / "prometheus-stack.yaml"
report = Report("rules")


def promtool(command, rules, test=None):
    """What promtool finds wrong with rules (a map), or with a test file, or several, that load them as rules.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, "rules.yaml")]
        paths[0].write_text(yaml.safe_dump(rules), encoding="utf-8")
        if test:
            tests = test if isinstance(test, list) else [test]
            paths = [pathlib.Path(folder, f"{index}.yaml") for index in range(len(tests))]
            for path, one in zip(paths, tests):
                path.write_text(one if isinstance(one, str) else yaml.safe_dump(one), encoding="utf-8")
        done = subprocess.run(["promtool", command, "rules", *map(str, paths)], capture_output=True, text=True, check=False)
        return [done.stdout + done.stderr] if done.returncode else []


def rendered(*values):
    found = [item for item in helm.objects(*values) if item["kind"] == "PrometheusRule"]
    return {"groups": found[0]["spec"]["groups"] if found else []}


def impersonal(rules):
    """Without the labels by which a release's own targets are told from others'; the plain file knows no release."""
    ours = f',?namespace="{helm.NAMESPACE}",pod=~"{helm.RELEASE}-[^"]*"'
    for rule in alerts(rules):
        rule["expr"] = re.sub(ours, "", rule["expr"]).replace("{}", "")
    return rules


def with_runbooks(text):
    """A test file whose alerts have the address of their runbook, which follows from their name."""
    tests = yaml.safe_load(text)
    for case in (case for test in tests["tests"] for case in test.get("alert_rule_test", [])):
        for alert in case["exp_alerts"]:
            alert["exp_annotations"]["runbook_url"] = f"{made.HOME}{case['alertname']}.md"
    return yaml.safe_dump(tests)


def alerts(rules):
    return [rule for group in rules["groups"] for rule in group["rules"]]


def current():
    if os.environ.get("UPDATE"):
        FILE.write_text(made.text(), encoding="utf-8")
    report.equal("the plain file is made of alerts.py (UPDATE=1 rewrites it)", FILE.read_text(encoding="utf-8"), made.text())


def checks(plain):
    report.check("promtool reads the plain file", promtool("check", plain))
    report.equal("the default render is the plain file", impersonal(rendered()), plain)
    for values in sorted([*(helm.ROOT / "values-examples").glob("*.yaml"), *(helm.CHART / "ci").glob("*.yaml")]):
        report.check(f"promtool reads the rules of {values.name}", promtool("check", rendered(values)))
    broken = copy.deepcopy(plain)
    alerts(broken)[0]["expr"] += " )"
    report.equal("promtool refuses a broken rule", len(promtool("check", broken)), 1)


def places(plain):
    """Where a certificate is, is told in the same words by every alert that tells it."""
    told = {rule["alert"]: re.findall(r"\{\{ with \$labels \}\}\{\{ if \.secret_name.*?\{\{ end \}\},", rule["annotations"]["description"], re.S) for rule in alerts(plain)}
    located = [rule["alert"] for rule in alerts(plain) if "filepath" in rule["expr"]]
    report.equal("alerts that tell a place", [name for name, found in told.items() if len(found) == 1], located)
    report.equal("words for a place", len({text for found in told.values() for text in found}), 1)


def tests(plain):
    """Every alert has a test that fires and one that does not, and the tests notice an alert that never fires, always does, or is hasty."""
    files = {path.name: with_runbooks(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.test.yaml"))}
    cases = [case for text in files.values() for test in yaml.safe_load(text)["tests"] for case in test.get("alert_rule_test", [])]
    for name, text in files.items():
        report.check(name, promtool("test", plain, text), len(yaml.safe_load(text)["tests"]))
    for rule in alerts(plain):
        name = rule["alert"]
        fires = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name}
        report.equal(f"{name} is tested firing and silent", fires, {True, False})
        changes = [("never fires", {"expr": f"({rule['expr']}) and vector(1) > 2"}), ("always fires", {"expr": "vector(1)"})]
        for what, change in changes + ([("is hasty", {"for": "0s"})] if "for" in rule else []):
            spoiled = {"groups": [{"name": "x", "rules": [{**rule, **change}]}]}
            report.check(f"{name} that {what} is noticed", [] if promtool("test", spoiled, [alone(text, name) for text in files.values()]) else ["no test fails"])


def alone(text, name):
    """Of a test file what tests one alert, with no other."""
    tests = yaml.safe_load(text)
    for test in tests["tests"]:
        test["alert_rule_test"] = [case for case in test.get("alert_rule_test", []) if case["alertname"] == name]
        test.pop("promql_expr_test", None)
    tests["tests"] = [test for test in tests["tests"] if test["alert_rule_test"]]
    return tests


def memories(plain):
    """What the tests of restarts and renewals notice: (what, in every expression, becomes)."""
    restarts = with_runbooks((HERE / "memory.test.yaml").read_text(encoding="utf-8"))
    for what, old, new in (("no memory", r"(or\nlast_over_time\(.*)\[7m\]\)", r"\1[1ms])"), ("a short memory", r"\[7m\]\)", "[6m])"),
                           ("a memory that is never put right", r"\nunless\ncount_over_time.*", ""), ("a source that is down for good", r" > 0\)", ")"),
                           ("a first look that was not one", r"sum_over_time\(x509", "count_over_time(x509"), ("pods that are replaced", r"\nunless on \(cluster, .*", ""),
                           ("pods of other nodes", r"cluster, node, filepath", "filepath"), ("pods that are gone", r" and on \(job, instance\) up == 0", "")):
        spoiled = copy.deepcopy(plain)
        for rule in alerts(spoiled):
            rule["expr"] = re.sub(old, new, re.sub(r"\n +", "\n", rule["expr"]))
        report.check(f"{what} is noticed", [] if promtool("test", spoiled, restarts) else ["no test fails"])


def tuned():
    """Values reach the rules: thresholds, prefix, severity, labels, annotations and `for`."""
    found = {rule["alert"]: rule for rule in alerts(rendered(TUNED))}
    renewal = found.get("X509 CertificateRenewal", {})
    report.check("tuned thresholds", [] if renewal.get("expr", "").count("+ 21 * 86400") == 13 and renewal["expr"].count("+ 7 * 86400") == 8 else [str(renewal)])
    report.equal("tuned labels", renewal.get("labels"), {"severity": "info", "team": "platform"})
    report.equal("tuned annotations", renewal.get("annotations", {}).get("runbook_url"), "https://runbooks.example.org/certificates")
    report.equal("a tuned for", found["X509 SourceDown"]["for"], "10m")
    crl = {"crlWarningDaysLeft": 2, "crlNeedsRefreshSeverity": "info", "crlStaleSeverity": "warning", "keystorePassphraseFailuresSeverity": "info"}
    found = {rule["alert"]: rule for rule in alerts(rendered({"prometheusRules": {**crl, "alertForOverrides": {"CRLStale": "1h"}, "alertExprOverrides": {"CRLNeedsRefresh": "up"}}}))}
    severities = {name: found[name]["labels"]["severity"] for name in ("CRLNeedsRefresh", "CRLStale", "KeystorePassphraseFailures")}
    report.equal("severities of lists and keystores", severities, {"CRLNeedsRefresh": "info", "CRLStale": "warning", "KeystorePassphraseFailures": "info"})
    report.equal("overrides of lists", (found["CRLStale"]["for"], found["CRLNeedsRefresh"]["expr"]), ("1h", "up"))
    limit = [rule["expr"] for rule in alerts(rendered({"prometheusRules": crl})) if "time() + 2 * 86400" in rule["expr"]]
    report.check("days left of lists", [] if len(limit) == 1 and "x509_crl_next_update" in limit[0] else limit or ["not in the rules"])
    off = {rule["alert"] for rule in alerts(rendered({"prometheusRules": {"alertOnKeystorePassphraseFailures": False}}))}
    report.check("keystores switched off", off & {"KeystorePassphraseFailures"})
    mine = rendered({"prometheusRules": {"disableBuiltinAlertGroup": True, "extraAlertGroups": [{"name": "mine", "rules": [{"alert": "A", "expr": "up == 0"}]}]}})
    report.equal("only the user's groups", [group["name"] for group in mine["groups"]], ["mine"])


def lives(plain):
    """Certificates over their whole lives, and the same walked with rules that are wrong in each way that once was right."""
    rules = [rule for rule in alerts(plain) if rule["alert"] in ("CertificateRenewal", "CertificateExpiration")]
    files = [*cycles.files(cycles.lives()), *cycles.files(cycles.renewals())]
    count = sum(len(file["tests"]) for file in files)
    report.check("lives of certificates", promtool("test", {"groups": [{"name": "x", "rules": rules}]}, files), count)
    few = cycles.files(case for case in cycles.lives() if case[1]["name"] in ("90d-object", "10y-host"))
    for what, old, new in (("a gap between the two", "7.5 / 100", "9 / 100"), ("an overlap of shares", "7.5 / 100", "6 / 100"), ("an overlap of days", "+ 14 * 86400", "+ 12 * 86400"),
                           ("shares that are passed over", "15 / 100", "100 / 100"), ("days that are passed over", "+ 28 * 86400", "+ 50 * 86400")):
        spoiled = copy.deepcopy(rules)
        spoiled[0]["expr"] = spoiled[0]["expr"].replace(old, new)
        report.check(f"{what} is noticed", [] if promtool("test", {"groups": [{"name": "x", "rules": spoiled}]}, few) else ["no test fails"])
    hasty = copy.deepcopy(rules)
    hasty[0]["expr"] = hasty[0]["expr"].replace("6 / 100", "7 / 100")
    kubekey = cycles.files(case for case in cycles.renewals() if "kubekey" in case[1]["name"])
    report.check("a line above a renewal is noticed", [] if promtool("test", {"groups": [{"name": "x", "rules": hasty}]}, kubekey) else ["no test fails"])


def shards():
    """One shard of three that is not there is an alert, however many kinds of sources the others have under the name; a restart is none."""
    rules = rendered({"secretsExporter": {"shards": 3, "configMapKeys": ["ca.crt"]}, "hostPathsExporter": {"discovery": {"enabled": False}}})
    absent = next(rule for rule in alerts(rules) if rule["alert"] == "SourceAbsent")
    name = f"{helm.RELEASE}-x509-certificate-exporter"
    values = ("1x60", "1x20 _x4 1x36", "1x30 _x20 1x10")
    series = [{"series": f'{family},namespace="{helm.NAMESPACE}",pod="{name}-{shard}",instance="{shard}:1"}}', "values": values[shard]} for shard in range(3) for family in (
        'x509_exporter_build_info{version="1"', 'x509_source_up{source_kind="kubernetes",source_name="cluster-secrets"', 'x509_source_up{source_kind="configmap",source_name="cluster-secrets"')]
    series += [{"series": 'x509_source_up{source_kind="kubernetes",source_name="cluster-secrets",namespace="exporter",pod="other-0",instance="9:1"}', "values": "1x60"}]
    fired = {"exp_labels": {"severity": "critical", "source_name": "cluster-secrets", "namespace": helm.NAMESPACE},
             "exp_annotations": {key: text.replace("{{ $labels.source_name }}", "cluster-secrets") for key, text in absent["annotations"].items()}}
    cases = [{"eval_time": time, "alertname": "SourceAbsent", "exp_alerts": found} for time, found in (("20m", []), ("36m", []), ("48m", [fired]), ("55m", []))]
    test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": cases}]}
    report.check("a shard that is not there", promtool("test", rules, test))
    absent["expr"] = absent["expr"].replace("< 3", "< 2")
    report.equal("shards that are not counted are noticed", len(promtool("test", rules, test)), 1)


def known_metrics():
    """From the agent's golden scrapes if there are any, else from the list."""
    families = re.compile(r"# TYPE (\w+) ")
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(SNAPSHOTS.rglob("*")) if path.is_file()] if SNAPSHOTS.is_dir() else []
    golden = {name for text in texts for name in families.findall(text)}
    listed = set(re.findall(r"^(\w+)$", (HERE / "metrics.txt").read_text(encoding="utf-8"), re.M))
    if any(name.startswith("x509_cert") for name in golden):
        return golden, "the agent's golden scrapes"
    return listed, "metrics.txt"


def metrics(plain):
    known, where = known_metrics()
    expressions = {f"alert {rule['alert']}": rule["expr"] for rule in alerts(plain)}
    for uid, board in dashboard.load().items():
        expressions.update({f"{uid}: panel {title} ({index})": query for index, (title, query) in enumerate(dashboard.queries(board))})
    for place, expr in expressions.items():
        # What a histogram tells of itself has the family's name and an ending.
        used = {name if name in known else re.sub(r"_(sum|count)$", "", name) for name in re.findall(r"\b((?:x509|process)_\w+)\b", expr)}
        report.check(f"{place}: metrics are in {where}", [f"{name} is not" for name in used - known] + ([] if used else ["uses none"]))


def exposition():
    """A whole scrape in the agent's golden files is text that Prometheus reads."""
    def wrong(text):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        return [done.stdout + done.stderr] if done.returncode or done.stderr else []
    golden = EXPOSITION.read_text(encoding="utf-8").split("---\n", 2)[2]
    report.check("promtool reads the golden scrape", wrong(golden))
    report.equal("promtool refuses a series that is there twice", len(wrong(golden + golden.splitlines()[-1] + "\n")), 1)


def main():
    current()
    plain = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    parts = [lambda: lives(plain), lambda: tests(plain), lambda: memories(plain), lambda: checks(plain), lambda: thresholds.checks(report, promtool, rendered), lambda: dashboard.checks(report, promtool),
             lambda: inputs.checks(report, promtool), tuned, shards, exposition, lambda: places(plain), lambda: metrics(plain)]
    # What takes time are promtool and helm, each a process of its own.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for part in [pool.submit(part) for part in parts]:
            part.result()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
