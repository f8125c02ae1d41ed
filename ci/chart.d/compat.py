"""Values of the enix charts of three eras: whole, as the old defaults below a user's values, and key by key. Nothing of them is silently ignored."""
import atexit
import concurrent.futures
import functools
import itertools
import json
import pathlib
import re
import shutil
import tempfile

import yaml

import cross
import helm
import keys

HERE = pathlib.Path(__file__).resolve().parent
ERAS = ("1.20", "3.21", "4.2")
SEED = helm.ROOT / "values-examples" / "kubesphere-seed.yaml"
IMAGE = "x509-certificate-exporter/x509-certificate-exporter"
VERSION = yaml.safe_load((helm.CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
# Legal values that keys.py has not, as the keys are not ours.
CHANGED = {"prometheusRules.certificateErrorsSeverity": "info", "prometheusRules.readErrorsSeverity": "info"}
# What each era's objects hold that Kubernetes does not let change: Service's suffix, whether it says that it has no address, component in the selectors.
OBJECTS = {"1.20": ("-headless", True, False), "3.19": ("", False, False), "3.21": ("", False, True), "4.2": ("", True, True)}


def file(era):
    return HERE / "peer" / f"values-{era}.yaml"


def defaults(era):
    return yaml.safe_load(file(era).read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=None)
def foreign(era):
    """Our chart as --reuse-values and KubeSphere's console give it: the old chart's values are the defaults, no key of ours among them."""
    folder = tempfile.mkdtemp(prefix="x509-foreign-")
    atexit.register(shutil.rmtree, folder)
    chart = pathlib.Path(folder, "chart")
    shutil.copytree(helm.chart_with_notes(), chart)
    shutil.copy(file(era), chart / "values.yaml")
    return chart


def plain(objects):
    return [item for item in objects if item["kind"] != "Notes" and "helm.sh/hook" not in item["metadata"].get("annotations", {})]


def images(objects):
    pods = [cross.pod(item) for item in cross.of(objects, *cross.WORKLOADS)] + [item["spec"] for item in cross.of(objects, "Pod")]
    return {container["image"] for pod in pods for container in pod["containers"]}


def whole(report):
    """Each era's values with -f, and as the defaults."""
    ours = {f"quay.io/{IMAGE}:{VERSION}"}
    seed = {cross.title(item): item for item in plain(helm.objects(SEED))}
    for era in ERAS:
        given = helm.objects(file(era))
        report.check(f"{era} with -f: objects fit each other", cross.everything(given, helm.NAMESPACE), 13)
        report.equal(f"{era} with -f: the image", images(given), ours)
        text = helm.text(chart=foreign(era))
        report.equal(f"{era} as defaults: a second render is the same", helm.text(chart=foreign(era)), text)
        objects = [item for item in yaml.safe_load_all(text) if item]
        report.equal(f"{era} as defaults: the image", images(objects), ours)
        bare = [cross.title(item) for item in cross.of(objects, *cross.WORKLOADS) if not {"readinessProbe", "livenessProbe"} <= set(cross.container(item))]
        report.equal(f"{era} as defaults: probes, though 1.x had none", bare, [])
        report.equal(f"{era} as defaults: no DaemonSet that the values do not name", cross.of(objects, "DaemonSet"), [])
        found = {cross.title(item): item for item in plain(helm.objects(SEED, chart=foreign(era)))}
        report.equal(f"{era} as defaults, the seed's values: the seed's objects", sorted(found), sorted(seed))
        for name in (name for name in seed if name.startswith("DaemonSet ")):
            parts = ("nodeSelector", "tolerations", "volumes")
            report.equal(f"{era} as defaults, the seed's values: {name}", *([cross.pod(of[name]).get(part) for part in parts] if name in of else None for of in (found, seed)))


def leaves(values, schema, path=""):
    """(name, default, its schema or None if the chart does not know the key)"""
    for key, value in values.items():
        node = schema["properties"].get(key)
        if node and "properties" in node and "allOf" not in node and key != "daemonSets":
            yield from leaves(value, node, f"{path}{key}.")
        else:
            yield f"{path}{key}", value, node


def over(base, values):
    merged = dict(base)
    for key, value in values.items():
        merged[key] = over(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
    return merged


def told(name, notes):
    """Whether NOTES names the key among those that count otherwise than written."""
    lines = notes.partition("Values that count otherwise than written")[2].splitlines()
    heads = [line.strip().split(":")[0].split(" ")[0] for line in lines if ": " in line]
    if name in ("image.tag", "image.tagSuffix", "image.digest"):
        return any(line.strip().startswith("image: ") and name.split(".")[1] in line for line in lines)
    return any(name == head or name.startswith(f"{head}.") for head in heads if head != "image")


def one(era, name, value):
    """A key changed below a user's values, over the era's defaults: an effect, or a note."""
    base, baseline = below(era, name.startswith("grafana.") and name != "grafana.createDashboard")
    code, out, error = helm.template(keys.at(name, value, base), chart=foreign(era))
    if code:
        return f"{era}: {name} = {json.dumps(value)} fails: {error.strip().splitlines()[-1]}"
    if name.startswith(keys.INERT):
        return None
    notes = next(item["text"] for item in yaml.safe_load_all(out) if item and item["kind"] == "Notes")
    return None if out != baseline or told(name, notes) else f"{era}: {name} = {json.dumps(value)} has no effect, and NOTES does not name it"


@functools.lru_cache(maxsize=None)
def below(era, dashboard):
    """A user's values with what other keys depend on, few objects otherwise, and what they render over the era's defaults."""
    values = yaml.safe_load((helm.CHART / "ci" / "full-values.yaml").read_text(encoding="utf-8"))
    del values["extraDeploy"], values["hostPathsExporter"]["daemonSets"]["own"]
    values["grafana"]["createDashboard"] = dashboard
    return values, helm.text(values, chart=foreign(era))


def keys_of(report):
    schema = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    tried = set()
    for era in reversed(ERAS):
        values = over(defaults(era), below(era, False)[0])
        tries, everything = [], values
        for name, default, node in leaves(defaults(era), schema):
            if node is None:
                report.check(f"{era}: every key is known", [f"{name} is not"])
                continue
            if name in keys.SKIPPED:
                continue
            current = functools.reduce(lambda at, key: at.get(key) if isinstance(at, dict) else None, name.split("."), values)
            value = CHANGED[name] if name in CHANGED else keys.changed(name, default if current is None else current, keys.resolve(node, schema))
            everything = keys.at(name, value, everything)
            # A key with the same default in a later era was tried there; x509.fill treats both alike.
            if (same := f"{name} {default!r}") not in tried:
                tried.add(same)
                tries.append((era, name, value))
        below(era, True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            report.check(f"{era} as defaults: keys", filter(None, pool.map(lambda args: one(*args), tries)), len(tries))
        # All at once, the old names among them, as one who keeps a whole file of the old chart has them.
        everything = over(everything, {part: {"scheme": "https"} for part in ("prometheusServiceMonitor", "prometheusPodMonitor")})
        for what, chart in (("with -f", helm.chart_with_notes()), ("as defaults", foreign(era))):
            code, _, error = helm.template(everything, chart=chart)
            report.check(f"{era} {what}: all keys changed at once", [error] if code else [])


def old_names(report):
    """The old names of alerts' values do what the new ones do, whatever the era's defaults are."""
    for old, new, value in (("alertOnReadErrors", "alertOnSourceErrors", False), ("readErrorsSeverity", "sourceErrorsSeverity", "critical"),
                            ("alertOnCertificateErrors", "alertOnCertificateError", False), ("certificateErrorsSeverity", "certificateErrorSeverity", "critical")):
        report.equal(f"prometheusRules.{old} is {new}", helm.text({"prometheusRules": {old: value}}), helm.text({"prometheusRules": {new: value}}))
        newer = {"prometheusRules": {new: value}}
        report.equal(f"{new} counts over the defaults of 3.21", helm.text(newer, chart=foreign("3.21")) == helm.text(chart=foreign("3.21")), False)
        report.equal(f"{new} counts over {old}", helm.text({"prometheusRules": {old: "info" if value else True}}, newer), helm.text(newer))
        report.equal(f"prometheusRules.{old} has an effect", helm.text({"prometheusRules": {old: value}}) == helm.text(), False)


def proxy(report):
    """The sidecar's values alone give what they gave: https with a certificate that is made, a token, and a monitor that brings both."""
    asked = {"rbacProxy": {"enabled": True}}
    for era in ERAS:
        for what, values, chart in ((f"{era} with -f", (file(era), asked), helm.CHART), (f"{era} as defaults", (asked,), foreign(era))):
            found = helm.objects(*values, chart=chart)
            servers = [yaml.safe_load(cross.config_of(found, workload))["server"] for workload in cross.of(found, "Deployment", "DaemonSet")]
            report.equal(f"{what}: tokens are reviewed behind a certificate that is made", [(s["tokenReview"], "webConfigFile" in s) for s in servers], [({}, False)] * len(servers))
            endpoint = cross.of(found, "ServiceMonitor")[0]["spec"]["endpoints"][0]
            report.equal(f"{what}: it is scraped by https, unchecked", (endpoint["scheme"], endpoint["tlsConfig"], "bearerTokenFile" in endpoint), ("https", {"insecureSkipVerify": True}, True))


def image(report):
    """Whatever of the other program's image is named, ours is used; a mirror stays the registry, with the folder that the other image had there."""
    parts = itertools.product(("docker.io", "quay.io", "ghcr.io", "", "mirror.example.org"), (None, "3.21.0"), ("", "-busybox"), ("", "sha256:" + "1" * 64))
    cases = [({"registry": registry, "repository": "enix/x509-certificate-exporter", "tag": tag, "tagSuffix": suffix, "digest": digest},
              f"{'mirror.example.org' if registry.startswith('mirror') else 'quay.io'}/{IMAGE}:{VERSION}") for registry, tag, suffix, digest in parts]
    for registry, repository, expected in (
        ("", "quay.io/enix/x509-certificate-exporter", f"quay.io/{IMAGE}"),
        ("docker.io", "docker.io/enix/x509-certificate-exporter", f"quay.io/{IMAGE}"),
        ("", "mirror.example.org:5000/enix/x509-certificate-exporter", f"mirror.example.org:5000/{IMAGE}"),
        ("mirror.example.org", "proxy/hub/enix/x509-certificate-exporter", f"mirror.example.org/proxy/hub/{IMAGE}"),
        ("mirror.example.org", "docker.io/enix/x509-certificate-exporter", f"mirror.example.org/quay.io/{IMAGE}"),
        ("mirror.example.org", "ours/x509-certificate-exporter", "mirror.example.org/ours/x509-certificate-exporter"),
    ):
        cases.append(({"registry": registry, "repository": repository}, f"{expected}:{VERSION}"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (values, expected), objects in zip(cases, pool.map(lambda case: helm.objects({"image": case[0]}), cases)):
            report.equal(f"image {values}", images(objects), {expected})
    for era in ERAS:
        mirrored = helm.objects({"image": {"registry": "mirror.example.org"}}, chart=foreign(era))
        report.equal(f"{era} as defaults: a mirror", images(mirrored), {f"mirror.example.org/{IMAGE}:{VERSION}"})
        shared = helm.objects({"global": {"imageRegistry": "mirror.example.org"}}, chart=foreign(era))
        report.equal(f"{era} as defaults: the parent's registry", images(shared), {f"mirror.example.org/{IMAGE}:{VERSION}"})


def selectors(report):
    """upgradeFrom: what Kubernetes does not let change is as that era's chart made it."""
    names = {"app.kubernetes.io/name": "x509-certificate-exporter", "app.kubernetes.io/instance": helm.RELEASE}
    for era, (suffix, bare, component) in OBJECTS.items():
        for chart in {helm.CHART, foreign(era) if era in ERAS else helm.CHART}:
            objects = helm.objects(SEED, {"upgradeFrom": era}, chart=chart)
            service = cross.of(objects, "Service")[0]
            said = (service["metadata"]["name"], service["spec"].get("clusterIP"), service["spec"]["selector"])
            report.equal(f"upgradeFrom {era}: Service", said, (f"x509-x509-certificate-exporter{suffix}", "None" if bare else None, names))
            for item in cross.of(objects, *cross.WORKLOADS):
                part = "secrets" if item["kind"] in cross.WATCHERS else f"host-{item['metadata']['name'].removeprefix('x509-x509-certificate-exporter-')}"
                expected = {**names, "app.kubernetes.io/component": part} if component else names
                report.equal(f"upgradeFrom {era}: {cross.title(item)} selects", item["spec"]["selector"]["matchLabels"], expected)
        report.equal(f"upgradeFrom {era}: no built-in DaemonSet", cross.of(helm.objects({"upgradeFrom": era}), "DaemonSet"), [])
        asked = {"upgradeFrom": era, "hostPathsExporter": {"daemonSets": {"all": {"watchDistributions": ["auto"]}}}}
        report.equal(f"upgradeFrom {era}: asked for by name", len(cross.of(helm.objects(asked), "DaemonSet")), 1)


def documented(report):
    """Every old key either counts as values.yaml describes it, or docs/migrating.md names it."""
    schema = json.loads((helm.CHART / "values.schema.json").read_text(encoding="utf-8"))
    words = set(re.findall(r"`([A-Za-z]+(?:\.[A-Za-z]+)*(?:\.\*)?)`", (helm.ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")))
    legacy = set(yaml.safe_load((HERE / "schema-types.yaml").read_text(encoding="utf-8"))["legacy"])
    for era in ERAS:
        found, count = [], 0
        for name, _, node in leaves(defaults(era), schema):
            count += 1
            dead = name in legacy or re.search("no longer used|Used only with", (node or {}).get("description", ""), re.I)
            if (node is None or dead) and name not in words and not any(name.startswith(word[:-1]) for word in words if word.endswith(".*")):
                found.append(name)
        report.check(f"{era}: docs/migrating.md names what changes", found, count)


def checks(report):
    for part in (whole, old_names, proxy, image, selectors, documented):
        part(report)
