"""The chart's tests. UPDATE=1 rewrites the golden renders and the schema; X509_AGENT=path lets that binary judge every rendered configuration."""
import concurrent.futures
import copy
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import compat
import cross
import cross_red
import docs
import endpoints
import functions
import helm
import keys
import kubesphere
import modes
import objects
import schema
from report import Report

HERE = pathlib.Path(__file__).resolve().parent
TESTS = helm.CHART / "tests"
EXAMPLES = sorted((helm.ROOT / "values-examples").glob("*.yaml"))
CASES = {"default": [], **{path.stem: [path] for path in [*EXAMPLES, *sorted((helm.CHART / "ci").glob("*.yaml"))]}}
SEED = helm.ROOT / "values-examples" / "kubesphere-seed.yaml"
SHARDS = helm.ROOT / "values-examples" / "very-large-cluster.yaml"
IMPURE = re.compile(r"\b(lookup|rand[A-Z]\w*|shuffle|now|date\w*|ago|uuidv4|gen[A-Z]\w*|bcrypt|htpasswd|getHostByName|env|expandenv)\b")
report = Report("chart")


def same(found, expected, name):
    return list(difflib.unified_diff(expected.splitlines(), found.splitlines(), f"{name} as kept", f"{name} as rendered", lineterm="", n=1))


def kept(path, found):
    """A file that the tests keep: rewritten on demand, else compared."""
    if os.environ.get("UPDATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8")
    difference = same(found, path.read_text(encoding="utf-8") if path.exists() else "", path.name)
    report.check(f"{path.name} (UPDATE=1 rewrites it)", ["\n  ".join(difference)] if difference else [])


def sources():
    for path in sorted(p for p in (helm.CHART / "templates").rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8")
        report.check(path.name, [f"{text.count(chr(10))} lines, more than 80"] if text.count("\n") > 80 else [])
        actions = re.sub(r"\{\{-?\s*/\*.*?\*/", "", "".join(re.findall(r"\{\{.*?\}\}", text, re.S)), flags=re.S)
        actions = re.sub(r'"[^"]*"|\.\w+', "", actions)
        report.check(path.name, [f"{found}: a render must depend on values alone" for found in IMPURE.findall(actions)])
    report.check("templates use what Helm 3.5 has", functions.problems())
    report.check("and newer functions are noticed", [] if functions.red() else ["they are not"])
    for path in EXAMPLES:
        report.check(path.name, [] if path.read_text(encoding="utf-8").startswith("# For ") else ["its first comment does not say who it is for"])
    values, types = helm.CHART / "values.yaml", HERE / "schema-types.yaml"
    made = schema.make(values.read_text(encoding="utf-8"), yaml.safe_load(types.read_text(encoding="utf-8")))
    kept(helm.CHART / "values.schema.json", json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    kept(helm.CHART / "files" / "defaults.yaml", schema.plain_values(values.read_text(encoding="utf-8")))
    for path, made_text in docs.files():
        kept(path, made_text)
    kept_schema = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    legacy = set(yaml.safe_load(types.read_text(encoding="utf-8"))["legacy"])
    report.check("values.yaml and its schema have the same keys", different_keys(yaml.safe_load(values.read_text(encoding="utf-8")), kept_schema, legacy))


def different_keys(values, node, legacy, path="values"):
    properties = {key for key in node["properties"] if f"{path}.{key}".removeprefix("values.") not in legacy | {"enabled"}}
    for key in set(values) ^ properties:
        yield f"{path}.{key} is not in both"
    if node["additionalProperties"] is not False and path != "values.global":
        yield f"{path} is open"
    for key in set(values) & properties:
        if "properties" in node["properties"][key]:
            yield from different_keys(values[key], node["properties"][key], legacy, f"{path}.{key}")


def renders():
    for name, values in CASES.items():
        text = helm.text(*values)
        objects = [item for item in yaml.safe_load_all(text) if item]
        report.check(f"{name}: objects fit each other", cross.everything([o for o in objects if not o["metadata"]["name"].endswith("-extra")], helm.NAMESPACE), 13)
        report.equal(f"{name}: a second render is the same", helm.text(*values), text)
        report.check(f"{name}: nodeSelector and tolerations as typed", typed(values, objects))
        lint = subprocess.run(["helm", "lint", "--strict", str(helm.CHART), *[f"--values={v}" for v in values]], capture_output=True, text=True, check=False)
        report.check(f"{name}: helm lint", [lint.stdout] if lint.returncode else [])
        agent_accepts(name, objects)
    for name in ("default", "kubesphere-seed"):
        kept(TESTS / "golden" / f"{name}.yaml", helm.text(*CASES[name]))


def typed(values, objects):
    merged = yaml.safe_load(values[0].read_text(encoding="utf-8")) if values else {}
    host = merged.get("hostPathsExporter", {})
    rendered = {item["metadata"]["name"].removeprefix("x509-x509-certificate-exporter-"): item for item in cross.of(objects, "DaemonSet")}
    named = host.get("daemonSets", {})
    if not named and host.get("discovery", {}).get("enabled", True) and not merged.get("upgradeFrom"):
        named = {"nodes": {"nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"operator": "Exists"}]}}
    if merged.get("servedExporter", {}).get("enabled"):
        served = merged["servedExporter"]
        named = {**named, "served": {"nodeSelector": {**served.get("nodeSelector", {}), "kubernetes.io/os": "linux"}, "tolerations": served.get("tolerations", [{"operator": "Exists"}]),
                                     "affinity": served.get("affinity")}}
    if set(rendered) != set(named):
        yield f"DaemonSets {sorted(rendered)}"
    for name, own in named.items():
        for key in ("nodeSelector", "tolerations", "affinity"):
            expected = own.get(key, host.get(key)) or None
            if cross.pod(rendered[name]).get(key) != expected:
                yield f"{name}: {key} is {cross.pod(rendered[name]).get(key)}, typed was {expected}"


def agent_accepts(name, objects):
    agent = os.environ.get("X509_AGENT")
    for item in cross.of(objects, "ConfigMap") if agent else []:
        if "config.yaml" in item["data"]:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(item["data"]["config.yaml"])
                file.flush()
                pod = {**os.environ, "POD_NAME": "x509-0"}
                done = subprocess.run([agent, "config", "--config", file.name], capture_output=True, text=True, check=False, env=pod)
            report.check(f"{name}: the agent accepts {cross.title(item)}", [done.stderr] if done.returncode else [])


def seed():
    """What the seed's listing shows, and what a release of the peer's 4.2 has, so that an upgrade is in place."""
    objects = [item for item in helm.objects(SEED) if "helm.sh/hook" not in item["metadata"].get("annotations", {})]
    sets = {item["metadata"]["name"]: cross.pod(item).get("nodeSelector") for item in cross.of(objects, "DaemonSet")}
    report.equal("the seed's DaemonSets", sets, {"x509-x509-certificate-exporter-master": {"node-role.kubernetes.io/master": ""}, "x509-x509-certificate-exporter-nodes": None})
    report.equal("the seed's ServiceMonitor", [m["metadata"]["name"] for m in cross.of(objects, "ServiceMonitor")], ["x509-x509-certificate-exporter"])
    peer = [item for item in yaml.safe_load_all((HERE / "peer" / "rendered-4.2-seed.yaml").read_text(encoding="utf-8")) if item]
    ours = {cross.title(item): item for item in objects if item["kind"] not in cross.CLUSTER}
    report.equal("the peer's namespaced objects", sorted(ours), sorted(cross.title(item) for item in peer))
    for item in peer:
        report.check(f"as the peer's {cross.title(item)}", unlike(item, ours.get(cross.title(item), {})))


def unlike(expected, found, path=""):
    """What of the expected is not in the found; versions may differ."""
    if path.rsplit(".", 1)[-1] in ("helm*sh/chart", "app*kubernetes*io/version"):
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        extra = set(found) - set(expected) if path.endswith(("labels", "matchLabels")) or path == ".spec.selector" else set()
        for key in extra:
            yield f"{path}.{key} is new"
        for key, value in expected.items():
            yield from unlike(value, found.get(key), f"{path}.{key.replace('.', '*')}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, value in enumerate(expected):
            yield from unlike(value, found[index], f"{path}[{index}]")
    elif expected != found:
        yield f"{path} is {found!r}, was {expected!r}"


def invalid():
    for path in sorted((TESTS / "invalid").glob("*.yaml")):
        expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# expects: ")
        code, _, error = helm.template(path)
        report.check(f"invalid/{path.name}", [] if code and expected in error else [f"exit {code}, {error.strip() or 'rendered'}; expected: {expected}"])


def surroundings():
    """Other Kubernetes versions, other releases, a parent chart."""
    for version, there in (("1.23.0", False), ("1.29.9", False), ("1.30.0", True), ("1.34.0", True)):
        report.equal(f"recursiveReadOnly on {version}", "recursiveReadOnly" in helm.text(SEED, kubernetes=version), there)
    clusters = [{cross.title(o) for o in helm.objects(namespace=space) if o["kind"] in cross.CLUSTER} for space in ("blue", "green")]
    report.equal("cluster-scoped objects of two releases of one name", clusters[0] & clusters[1], set())
    report.equal("no cluster-scoped object without Secrets", cross.of(helm.objects(SEED, {"secretsExporter": {"enabled": False}}), *cross.CLUSTER), [])
    limits = helm.text({"prometheusRules": {"warningDaysLeft": 14, "criticalDaysLeft": 28}})
    report.check("swapped thresholds", [] if (limits.count("+ 28 * 86400"), limits.count("+ 14 * 86400")) == (21, 13) else ["not in the rules"])
    made = cross.of(helm.objects({"grafana": {"createDashboard": True}}), "ConfigMap")
    boards = {o["metadata"]["name"]: o["data"] for o in made if o["metadata"]["labels"].get("grafana_dashboard") == "1"}
    files = {path.stem: path for path in (helm.CHART / "files" / "dashboards").glob("*.json")}
    report.equal("a ConfigMap for each dashboard, the first under the name that the peer's has", {name: list(data) for name, data in boards.items()},
                 {f"x509-x509-certificate-exporter-dashboard{stem.removeprefix('x509-certificate-exporter')}": [files[stem].name] for stem in files})
    for data in boards.values():
        (name, text), = data.items()
        report.equal(f"{name} survives its ConfigMap", json.loads(text), json.loads(files[name.removesuffix('.json')].read_text(encoding="utf-8")))
        # `kubectl apply` keeps the object in an annotation, of which there may be 256 KiB.
        report.check(f"{name} can be applied", [f"{len(json.dumps(data))} bytes"] if len(json.dumps(data)) > 200_000 else [])
    with tempfile.TemporaryDirectory() as scratch:
        parent = pathlib.Path(scratch, "parent")
        (parent / "charts").mkdir(parents=True)
        subprocess.run(["cp", "-r", str(helm.CHART), str(parent / "charts")], check=True)
        (parent / "Chart.yaml").write_text("{apiVersion: v2, name: parent, version: 1.0.0, dependencies: [{name: x509-certificate-exporter, version: 0.x.x, "
                                           "condition: x509-certificate-exporter.enabled}]}", encoding="utf-8")
        values = {"global": {"imageRegistry": "registry.example.org", "ours": 1}, "x509-certificate-exporter": {"enabled": True}}
        images = [cross.container(o)["image"] for o in cross.of(helm.objects(values, chart=parent), "Deployment")]
        report.check("as a subchart", [] if images and images[0].startswith("registry.example.org/") else [f"images {images}"])
        values["x509-certificate-exporter"]["enabled"] = False
        report.equal("as a subchart switched off", helm.objects(values, chart=parent), [])


def notes():
    for values, expected in (
        ([SEED], "6 paths and 3 kubeconfigs on nodes with node-role.kubernetes.io/master="),
        ([{"secretsExporter": {"enabled": False}, "hostPathsExporter": {"discovery": {"enabled": False}}}], "nothing: secretsExporter and"),
        ([], "what is there of kubeadm, KubeKey"),
        ([], "pod-security.kubernetes.io/enforce=privileged"),
        ([], "--set monitoring.labels.release="),
        ([SEED], "WARNING: DaemonSet master selects nodes by the label node-role.kubernetes.io/master"),
        ([{"secretsExporter": {"cache": {"maxDuration": 60}}}], "secretsExporter.cache: Secrets are watched"),
        ([{"migration": {"image": {"tag": "v1"}}}], "migration: an upgrade needs no job"),
        ([SEED, {"hostPathsExporter": {"hostPathVolumeType": ""}}], "hostPathsExporter.hostPathVolumeType (master)"),
        ([SEED, {"hostNetwork": True}], "hostNetwork: pods of two DaemonSets on one node"),
        ([{"service": {"create": False}}], "The ServiceMonitor has no Service to go by"),
        ([{"prometheusRules": {"warningDaysLeft": 60}}], "warningDaysLeft and criticalDaysLeft are upper bounds"),
    ):
        found = helm.notes(*values)
        report.check(f"notes: {expected}", [] if expected in found else [found])


def conformity(schemas):
    """kubeconform, strict, over every render for the oldest and the newest Kubernetes; and it is no rubber stamp."""
    def problems(version, text):
        command = ["kubeconform", "-strict", "-output", "json", "-verbose", "-schema-location", f"{schemas}/{version}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        results = json.loads(done.stdout)["resources"]
        return len(results), [f"{r['kind']} {r['name']}: {r['msg']}" for r in results if r["status"] != "statusValid"]
    versions = sorted(path.name for path in pathlib.Path(schemas).iterdir() if path.name[0].isdigit())
    claimed = yaml.safe_load((helm.CHART / "Chart.yaml").read_text(encoding="utf-8"))["kubeVersion"]
    report.equal("the oldest and the newest Kubernetes, and what Chart.yaml claims", (len(versions), claimed), (2, f">={versions[0].rpartition('.')[0]}.0-0"))
    tries = [(version, name) for version in versions for name in CASES]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda one: problems(one[0], helm.text(*CASES[one[1]], kubernetes=one[0])), tries)
        for (version, name), (count, sentences) in zip(tries, found):
            report.check(f"{name}: kubeconform for {version}", sentences, count)
    for version in versions:
        for kind, spoil in (("DaemonSet", lambda o: cross.pod(o).update(toleration=[])), ("ServiceMonitor", lambda o: o["spec"].update(endpoint=[])), ("Service", lambda o: o["spec"].update(type=None))):
            objects = helm.objects(SEED, kubernetes=version)
            spoil(cross.of(objects, kind)[0])
            report.equal(f"kubeconform for {version} refuses a spoiled {kind}", len(problems(version, yaml.safe_dump_all(objects))[1]), 1)
    report.check("kubeconform for the oldest knows what came later", [] if problems(versions[0], helm.text(SEED, kubernetes=versions[-1]))[1] else ["recursiveReadOnly passes"])


def spoiled():
    seed_objects = helm.objects(SEED)
    full = [item for item in helm.objects(helm.CHART / "ci" / "full-values.yaml") if not item["metadata"]["name"].endswith("-extra")]
    shards = helm.objects(SHARDS)
    found = cross_red.unfound(*(lambda good=good: copy.deepcopy(good) for good in (seed_objects, full, shards, helm.objects(endpoints.BOTH))), helm.NAMESPACE)
    report.check("spoiled renders that no check notices", found, sum(map(len, (cross_red.SPOILED, cross_red.SPOILED_OBJECTS, cross_red.SPOILED_SHARDS, cross_red.SPOILED_ENDPOINTS))))


def every_key():
    count, found = keys.problems()
    report.check("keys of values.yaml", found, count)


def run(parts):
    """Two at a time: most of each is Helm's own time."""
    helm.chart_with_notes()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(part) for part in parts]:
            done.result()
    return report.end()


def main():
    schemas = sys.argv[1]
    if sys.argv[2:] == ["keys"]:
        return run([every_key, lambda: compat.keys_of(report)])
    sources()
    return run([lambda: compat.checks(report), lambda: kubesphere.checks(report, schemas), renders, lambda: conformity(schemas), lambda: modes.checks(report), lambda: objects.checks(report), lambda: endpoints.checks(report),
                lambda: docs.checks(report), seed, invalid, surroundings, notes, spoiled])


if __name__ == "__main__":
    sys.exit(main())
