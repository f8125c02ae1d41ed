"""Sources of Kubernetes objects: what values make of the agent's configuration, of rights, and of what comes beside the configuration."""
import base64

import yaml

import cross
import helm

ALL = ("cabundlesExporter", "certificateSigningRequestsExporter", "certificateRequestsExporter", "kubesphereClustersExporter")
ON = {section: {"enabled": True} for section in ALL}
ALONE = {"secretsExporter": {"enabled": False}, "hostPathsExporter": {"discovery": {"enabled": False}}}


def config(objects):
    return yaml.safe_load(cross.config_of(objects, cross.watchers(objects)[0]))


def sources(*values):
    return config(helm.objects(*values))["sources"]


def rules(objects, kind="ClusterRole", place=""):
    role = next(r for r in cross.of(objects, kind) if cross.place(r) == place)
    return sorted((group, resource, *rule.get("resourceNames", [])) for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"])


def alone(report):
    """Each source without the others: the Deployment is there, with its right and no other, and the alerts count on it."""
    for section, kind, name, right in (
        ("cabundlesExporter", "cabundle", "cluster-cabundles", ("admissionregistration.k8s.io", "mutatingwebhookconfigurations")),
        ("certificateSigningRequestsExporter", "csr", "cluster-csrs", ("certificates.k8s.io", "certificatesigningrequests")),
        ("certificateRequestsExporter", "certificaterequest", "cluster-certificaterequests", ("cert-manager.io", "certificaterequests")),
        ("kubesphereClustersExporter", "kubesphere", "cluster-kubesphere", ("cluster.kubesphere.io", "clusters")),
    ):
        objects = helm.objects(ALONE, {section: {"enabled": True}})
        report.equal(f"{section} alone: source", [(s["kind"], s["name"]) for s in config(objects)["sources"]], [(kind, name)])
        report.equal(f"{section} alone: right", rules(objects)[0], right)
        report.equal(f"{section} alone: no Secrets", [one for one in rules(objects) if one[0] == ""], [])
        alert = [r["expr"] for r in cross.of(objects, "PrometheusRule")[0]["spec"]["groups"][0]["rules"] if r["alert"] == "SourceAbsent"]
        report.check(f"{section} alone: SourceAbsent", [] if alert and f'source_name="{name}"' in alert[0] else alert or ["no alert"])
        report.check(f"{section} alone: objects fit each other", cross.everything(objects, helm.NAMESPACE), 13)
    maps = helm.objects({"secretsExporter": {"secretTypes": [], "configMapKeys": ["a.b"]}})
    report.equal("ConfigMaps alone", [{key: s[key] for key in ("secrets", "configMaps") if key in s}.keys() for s in config(maps)["sources"]], [{"configMaps"}])
    report.equal("ConfigMaps alone: right", rules(maps), [("", "configmaps")])
    every = helm.objects(ON, {"cabundlesExporter": {"resources": {"apiservice": True, "crdConversion": True}}})
    groups = sorted({one[0] for one in rules(every)})
    report.equal("all: groups", groups, ["", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "cert-manager.io", "certificates.k8s.io", "cluster.kubesphere.io"])


def written(report):
    """Values in the agent's words."""
    typed = {"type": "Opaque", "keyPatterns": ["^a$"], "format": "argocd", "includeLabels": ["a=b"], "excludeLabels": ["c"], "jks": {"passphraseKey": "k", "tryEmptyPassphrase": True}}
    secrets = sources({"secretsExporter": {"secretTypes": [typed], "comparePrivateKeys": True}})[0]["secrets"]
    report.equal("a type as typed", (secrets["types"], secrets["comparePrivateKeys"]), ([typed], True))
    maps = sources({"secretsExporter": {"configMapKeys": ["ca.crt", ".*"], "includeConfigMaps": ["a"], "excludeConfigMaps": ["b"], "includeConfigMapLabels": ["c"],
                                        "excludeConfigMapLabels": ["d"], "exposeConfigMapLabels": ["e"]}})[0]["configMaps"]
    report.equal("ConfigMaps", maps, {"keyPatterns": [r"^ca\.crt$", r"^\.*$"], "include": ["a"], "exclude": ["b"], "includeLabels": ["c"], "excludeLabels": ["d"], "exposeLabels": ["e"]})
    names = {"enabled": True, "includeNames": ["a"], "excludeNames": ["b"], "includeLabels": ["c"], "excludeLabels": ["d"], "exposeLabels": ["e"]}
    words = {"include": ["a"], "exclude": ["b"], "includeLabels": ["c"], "excludeLabels": ["d"], "exposeLabels": ["e"]}
    found = sources(ALONE, {section: names for section in ALL}, {"certificateSigningRequestsExporter": {"signers": ["s/*"]}, "certificateRequestsExporter": {"includeNamespaces": ["bank"]}})
    resources = {"mutating": True, "validating": True, "apiservice": False, "crdConversion": False}
    report.equal("names and labels", [{key: value for key, value in s.items() if key not in ("kind", "name")} for s in found], [
        {"cabundles": {**words, "resources": resources}}, {**words, "signers": ["s/*"]},
        {**words, "namespaces": {"include": ["bank"], "exclude": [], "includeLabels": [], "excludeLabels": []}}, words])
    asked = {"secretsExporter": {"includeNamespaces": ["shop"], "excludeNamespaces": ["x"]}, "certificateRequestsExporter": {"enabled": True}}
    report.equal("requests in the namespaces of Secrets", [s["namespaces"]["include"] for s in sources(asked)], [["shop"], ["shop"]])
    asked["certificateRequestsExporter"]["excludeNamespaces"] = ["sandbox"]
    report.equal("requests in their own", [(s["namespaces"]["include"], s["namespaces"]["exclude"]) for s in sources(asked)], [(["shop"], ["x"]), ([], ["sandbox"])])
    report.equal("facts", [config(helm.objects({"exposeInfoMetric": on}))["metrics"].get("exposeInfo", False) for on in (True, False)], [True, False])
    nodes = {"daemonSets": {"a": {"watchFiles": ["/etc/a"], "watchKubeconfFiles": ["/etc/b"], "watchDistributions": ["auto"]}}}
    for asked in (True, False):
        found = helm.objects({"hostPathsExporter": {**nodes, "comparePrivateKeys": asked}})
        kinds = {s["kind"]: s.get("comparePrivateKeys", False) for s in yaml.safe_load(cross.config_of(found, cross.of(found, "DaemonSet")[0]))["sources"]}
        report.equal(f"keys of nodes compared: {asked}", kinds, {"file": asked, "kubeconfig": asked, "discovery": asked})
    old = {"upgradeFrom": "3.21", "secretsExporter": {"secretTypes": [{"type": "a", "key": "k", "format": "jks"}, {"type": "b", "keyPatterns": ["p"]}]}}
    report.equal("3.x's expressions", sources(old)[0]["secrets"]["types"], [{"type": "a", "keyPatterns": ["k"], "format": "jks"}, {"type": "b", "keyPatterns": ["p"]}])


def members(report):
    """Other clusters: every enabled source once more, by their kubeconfig, under their name."""
    values = {**ON, "clusterName": "hub", "rbac": {"mode": "cluster"}, "clusters": [
        {"name": "eu.1", "kubeconfigSecret": {"name": "eu"}}, {"name": "us", "kubeconfigSecret": {"name": "us", "key": "value"}, "sources": ["cabundles"]}]}
    objects = helm.objects(values)
    found = config(objects)["sources"]
    report.equal("names are unique", len({s["name"] for s in found}), len(found))
    report.equal("clusters", [s["cluster"] for s in found], ["hub"] * 5 + ["eu.1"] * 5 + ["us"])
    report.equal("kubeconfigs", [s.get("kubeconfig") for s in found[4:6]], [None, "/etc/x509-certificate-exporter/clusters/eu.1/kubeconfig"])
    parts = [part["secret"] for part in cross.beside(cross.of(objects, "Deployment")[0]) if "secret" in part]
    report.equal("their Secrets", [(p["name"], p["items"][0]["key"], p["optional"]) for p in parts], [("eu", "kubeconfig", True), ("us", "value", True)])
    report.equal("no right of ours for theirs", rules(objects), rules(helm.objects(ON)))
    away = {"rbac": {"mode": "namespaced"}, "clusters": values["clusters"][:1]}
    report.equal("their namespaces are not ours", [s["namespaces"]["include"] for s in sources(away)], [["exporter"], []])
    report.equal("one cluster has no label", [s.get("cluster") for s in sources()], [None])


def namespaced(report):
    """Roles for what is asked in each namespace, for a passphrase elsewhere by its name alone."""
    ref = {"type": "Opaque", "key": "a.p12", "pkcs12": {"passphraseSecretRef": {"namespace": "vault", "name": "pass", "key": "k"}}}
    values = {"rbac": {"mode": "namespaced"}, "secretsExporter": {"includeNamespaces": ["shop"], "secretTypes": [ref], "configMapKeys": ["ca.crt"]},
              "certificateRequestsExporter": {"enabled": True, "includeNamespaces": ["bank", "shop"]}}
    objects = helm.objects(values)
    found = {cross.place(r): rules(objects, "Role", cross.place(r)) for r in cross.of(objects, "Role")}
    report.equal("roles", found, {"bank": [("cert-manager.io", "certificaterequests")], "vault": [("", "secrets", "pass")],
                                  "shop": [("", "configmaps"), ("", "secrets"), ("cert-manager.io", "certificaterequests")]})
    report.check("they fit", cross.everything(objects, helm.NAMESPACE), 13)
    ref["pkcs12"]["passphraseSecretRef"]["namespace"] = "shop"
    report.equal("no role for what may be read anyway", {cross.place(r) for r in cross.of(helm.objects(values), "Role")}, {"bank", "shop"})
    reader = {"secretsExporter": {"serviceAccountName": "reader"}}
    for what, given in (("no rights of ours", {"create": False, **reader}), ("an account that exists", {"createServiceAccounts": False, **reader})):
        kinds = [s["kind"] for s in sources(ON, {"rbac": {"mode": "namespaced", **given}})]
        report.equal(f"kinds of the cluster with {what}", kinds, ["kubernetes", "cabundle", "csr", "certificaterequest", "kubesphere"])
    operator = {"installer": "project-operator", "rbac": reader, **ON}
    report.equal("a project operator with an account", len(sources(operator)), 5)


def passphrases(report):
    """A passphrase in the values is in one Secret, and every form of it in the configuration is a file."""
    typed = [{"type": "Opaque", "key": "a.p12", "pkcs12": {"passphrase": "geheim-1"}}, {"type": "Opaque", "key": "a.jks", "jks": {"passphrase": "geheim-2", "tryEmptyPassphrase": True}}]
    host = {"pkcs12": {"passphrase": "geheim-3"}, "daemonSets": {"a": {"watchFiles": ["/etc/a"], "jks": {"passphraseSecretRef": {"name": "own", "key": "k"}}}, "b": {"watchKubeconfFiles": ["/etc/b"]}}}
    objects = helm.objects({"secretsExporter": {"secretTypes": typed}, "hostPathsExporter": host})
    secret = cross.of(objects, "Secret")
    kept = {key: base64.b64decode(value).decode() for one in secret for key, value in one["data"].items()}
    report.equal("kept", ([one["metadata"]["name"] for one in secret], kept),
                 (["x509-x509-certificate-exporter-passphrases"], {"secret-type-0-pkcs12": "geheim-1", "secret-type-1-jks": "geheim-2", "host-a-pkcs12": "geheim-3"}))
    text = yaml.safe_dump([item for item in objects if item["kind"] != "Secret"])
    report.equal("in nothing else", [value for value in kept.values() if value in text], [])
    folder = "/etc/x509-certificate-exporter/passphrases"
    types = config(objects)["sources"][0]["secrets"]["types"]
    report.equal("of Secrets", (types[0]["pkcs12"], types[1]["jks"]), ({"passphraseFile": f"{folder}/secret-type-0-pkcs12"}, {"passphraseFile": f"{folder}/secret-type-1-jks", "tryEmptyPassphrase": True}))
    node = yaml.safe_load(cross.config_of(objects, next(d for d in cross.of(objects, "DaemonSet") if d["metadata"]["name"].endswith("-a"))))["sources"][0]
    report.equal("of files", (node["pkcs12"], node["jks"]), ({"passphraseFile": f"{folder}/pkcs12"}, {"passphraseFile": f"{folder}/jks"}))
    report.equal("none without one", cross.of(helm.objects(), "Secret"), [])


def shards(report):
    """More than one: a StatefulSet in the Deployment's place, beside which nothing else changes but what has to."""
    three = {"secretsExporter": {"shards": 3, "minReadySeconds": 20, "revisionHistoryLimit": 2, "podDisruptionBudget": {"enabled": True}}, "podListenPort": 9000}
    one = {**three, "secretsExporter": {**three["secretsExporter"], "shards": 1}}
    before, after = helm.objects(one), helm.objects(three)
    made, replaced = cross.of(after, "StatefulSet")[0]["spec"], cross.of(before, "Deployment")[0]["spec"]
    report.equal("three shards", {key: value for key, value in made.items() if key not in ("selector", "template")},
                 {"replicas": 3, "serviceName": "x509-x509-certificate-exporter", "podManagementPolicy": "Parallel", "minReadySeconds": 20, "revisionHistoryLimit": 2})
    report.equal("the same pods", (made["selector"], made["template"]["metadata"]["labels"]), (replaced["selector"], replaced["template"]["metadata"]["labels"]))
    pods = [cross.container({"spec": spec}) for spec in (made, replaced)]
    report.equal("but that they do not linger", (pods[0], pods[1].pop("lifecycle")["preStop"]["sleep"]), (pods[1], {"seconds": 10}))
    report.equal("three thirds", (config(after).pop("shard"), {**config(after), "shard": None}), ({"total": 3}, {**config(before), "shard": None}))
    differ = {cross.title(item) for item in after if item not in before}
    report.equal("what else differs", differ, {f"{kind} x509-x509-certificate-exporter{end}" for kind, end in (("StatefulSet", ""), ("ConfigMap", "-secrets"), ("PrometheusRule", ""))})
    report.equal("minReadySeconds where Kubernetes has it", ["minReadySeconds" in cross.of(helm.objects(three, kubernetes=v), "StatefulSet")[0]["spec"] for v in ("1.24.9", "1.25.0")], [False, True])
    long = cross.of(helm.objects(three, release="r" * 53), "StatefulSet")[0]["metadata"]["name"]
    report.equal("a long name", long, "r" * 52)
    found = helm.notes(three)
    for expected in ("by StatefulSet x509-x509-certificate-exporter, each object by one of 3 shards", "port-forward statefulset/x509-x509-certificate-exporter 9000"):
        report.check(f"notes: {expected}", [] if expected in found else [found])


def noted(report):
    for values, expected in (
        ([{"secretsExporter": {"configMapKeys": ["ca.crt", "b"]}}], "  ConfigMaps with the key ca.crt b, by Deployment"),
        ([{"secretsExporter": {"includeConfigMaps": ["a"]}}], "No ConfigMaps, as secretsExporter.configMapKeys names no key"),
        ([ON], "  CA bundles of mutating webhooks, validating webhooks, by"),
        ([ON], "  CertificateSigningRequests, out of the alerts"),
        ([{"rbac": {"mode": "namespaced"}, "certificateRequestsExporter": {"enabled": True}}], "  cert-manager's CertificateRequests in exporter, out of the alerts"),
        ([ON], "  kubeconfigs of KubeSphere's member clusters, by"),
        ([{"cabundlesExporter": {"enabled": True}, "clusters": [{"name": "us", "kubeconfigSecret": {"name": "k"}, "sources": ["cabundles"]}, {"name": "eu", "kubeconfigSecret": {"name": "k"}}]}],
         "  cabundles in cluster us, by the kubeconfig in Secret k, key kubeconfig\n  secrets, cabundles in cluster eu, by the kubeconfig in Secret k, key kubeconfig"),
        ([{"installer": "project-operator", "secretsExporter": {"enabled": False}, "cabundlesExporter": {"enabled": True}, "rbac": {"secretsExporter": {"serviceAccountName": "reader"}}}],
         "monitors, rules or dashboards. For the rest"),
        ([ALONE, {"cabundlesExporter": {"enabled": True}}], "port-forward deployment/x509-x509-certificate-exporter"),
    ):
        found = helm.notes(*values)
        report.check(f"notes: {expected}", [] if expected in found else [found])


def checks(report):
    for part in (alone, written, members, namespaced, passphrases, shards, noted):
        part(report)
