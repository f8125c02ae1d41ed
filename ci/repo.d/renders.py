"""renders.py CHART VALUES…: the Helms that users have give the same objects. Needs all of them on the PATH, no cluster.

Helm 3.5 is asked, too, whether the list in ci/chart.d/functions.py is true, and whether it is as old as it should be.
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

import yaml

import functions
from report import Report

OLD, OTHERS = "helm-3.5", ("helm", "helm-3", "helm-4")
# Helm 3.5 cannot be told a version of Kubernetes; this is what it takes.
KUBERNETES = "1.20.0"
APIS = {
    "no other API": [],
    "Prometheus Operator": ["monitoring.coreos.com/v1", *(f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"))],
    "KubeSphere": ["monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule",
                   "alerting.kubesphere.io/v2beta1", "alerting.kubesphere.io/v2beta1/RuleGroup", "alerting.kubesphere.io/v2beta1/ClusterRuleGroup",
                   "monitoring.kubesphere.io/v1alpha2", "monitoring.kubesphere.io/v1alpha2/Dashboard", "monitoring.kubesphere.io/v1alpha2/ClusterDashboard"],
    "OpenShift": ["security.openshift.io/v1", "security.openshift.io/v1/SecurityContextConstraints", "route.openshift.io/v1"],
}
# Refused by templates of Go 1.15 and of no later one; functions.py cannot see these two.
EAGER = {"`and` reads all it is given": '{{ and .Values.none .Values.none.more }}', "nil is compared with nothing": '{{ eq .Values.none "a" }}'}
report = Report("renders")


def template(helm, chart, *values, apis=()):
    command = [helm, "template", "x509", chart, "--namespace", "exporter", *(f"--values={path}" for path in values), *(f"--api-versions={api}" for api in apis)]
    if helm != OLD:
        command.append(f"--kube-version={KUBERNETES}")
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def objects(helm, *arguments, **options):
    """Every object as text, without who manages it, in no order; or why there is none."""
    done = template(helm, *arguments, **options)
    if done.returncode:
        return f"{helm}: {done.stderr.strip().splitlines()[0]}"
    return sorted(yaml.safe_dump(without_manager(item)) for item in yaml.safe_load_all(done.stdout) if item)


def without_manager(node):
    if isinstance(node, dict):
        return {key: without_manager(value) for key, value in node.items() if key != "app.kubernetes.io/managed-by"}
    return [without_manager(item) for item in node] if isinstance(node, list) else node


def differences(old, new):
    if isinstance(new, str):
        return [new]
    lost, added = [one for one in old if one not in new], [one for one in new if one not in old]
    return [f"{len(old)} and {len(new)} objects; only one has\n{one}" for one in lost + added]


def agreement(chart, files):
    cases = [(f"{path.stem if path else 'default'}, {what}", [path] if path else [], apis) for path in [None, *files] for what, apis in APIS.items()]
    told = set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, values, apis in cases:
            old, *others = pool.map(lambda helm: objects(helm, chart, *values, apis=apis), (OLD, *OTHERS))
            report.check(f"{name}: {OLD} renders something", [] if isinstance(old, list) and old else ["as above" if str(old) in told else old])
            told.add(str(old))
            for helm, found in zip(OTHERS, others) if isinstance(old, list) else []:
                report.check(f"{name}: {OLD} and {helm}", differences(old, found)[:3])


def refusals(chart):
    """Values that must be refused are by the old one, too: its JSON schema library is another one."""
    for path in sorted((pathlib.Path(chart) / "tests" / "invalid").glob("*.yaml")):
        report.equal(f"{OLD} refuses invalid/{path.name}", template(OLD, chart, path).returncode != 0, True)


def scratch_chart(folder, text):
    chart = pathlib.Path(folder, "scratch")
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: scratch, version: 1.0.0}", encoding="utf-8")
    (chart / "templates" / "a.yaml").write_text(f"# {text}", encoding="utf-8")
    return chart


def old_templates():
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(functions.FUNCTIONS):
            done = template(OLD, scratch_chart(folder, f"{{{{ if false }}}}{{{{ {name} }}}}{{{{ end }}}}"))
            report.check(f"{OLD} has {name}", [done.stderr] if done.returncode else [])
        for what, text in {**functions.NEWER, **EAGER}.items():
            done = template(OLD, scratch_chart(folder, text))
            report.equal(f"{OLD} refuses {what}", done.returncode != 0, True)
            if what not in ("env", "Subcharts", "mustToYaml"):
                report.check(f"helm-4 takes {what}", [done.stderr] if (done := template("helm-4", scratch_chart(folder, text))).returncode else [])


def main(chart, *files):
    agreement(chart, list(map(pathlib.Path, files)))
    refusals(chart)
    old_templates()
    return report.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
