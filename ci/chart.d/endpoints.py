"""Servers that are asked what they serve: endpointsExporter's Deployment, and servedExporter's DaemonSet beside the files of nodes."""
import yaml

import cross
import helm

FOLDER = "/etc/x509-certificate-exporter/endpoints"
ALONE = {"secretsExporter": {"enabled": False}, "hostPathsExporter": {"discovery": {"enabled": False}}}
TARGETS = [
    {"address": "shop.example", "name": "shop", "serverName": "www.example", "timeout": "2s", "module": "own"},
    {"address": "db.example:5432", "protocol": "postgres", "caSecret": {"name": "client", "key": "ca.crt"}, "clientCertificateSecret": {"name": "other"}},
    {"address": "https://pki.example/ca.crt", "protocol": "http_file", "proxyUrl": "http://proxy:3128", "caConfigMap": {"name": "trust", "key": "more.crt"}},
]
ENDPOINTS = {"enabled": True, "refreshInterval": "2m", "proxyUrl": "http://every:3128/", "caConfigMap": {"name": "trust"}, "clientCertificateSecret": {"name": "client"},
             "targets": TARGETS, "podDisruptionBudget": {"enabled": True, "minAvailable": 1}}
SERVED = {"enabled": True, "distributions": ["kubeadm"], "targets": [{"address": "127.0.0.1:8443", "file": "/opt/x/tls.crt", "name": "x"}]}
BOTH = {"endpointsExporter": ENDPOINTS, "servedExporter": SERVED, "hostPathsExporter": {"env": [{"name": "A", "value": "b"}], "daemonSets": {"a": {"watchFiles": ["/etc/a"]}, "b": {"watchFiles": ["/etc/b"]}}}}


def workload(objects, end):
    return next(item for item in cross.of(objects, *cross.WORKLOADS) if item["metadata"]["name"].endswith(f"-{end}"))


def config(objects, end):
    return yaml.safe_load(cross.config_of(objects, workload(objects, end)))


def rule(objects, alert):
    return next(one["expr"] for group in cross.of(objects, "PrometheusRule")[0]["spec"]["groups"] for one in group["rules"] if one["alert"] == alert)


def targets(report):
    """Values in the agent's words, and each Secret and ConfigMap that they name in the pod, once."""
    objects = helm.objects(BOTH)
    source, = config(objects, "endpoints")["sources"]
    client = {"certFile": f"{FOLDER}/secrets/client/tls.crt", "keyFile": f"{FOLDER}/secrets/client/tls.key"}
    other = {"certFile": f"{FOLDER}/secrets/other/tls.crt", "keyFile": f"{FOLDER}/secrets/other/tls.key"}
    report.equal("endpoints: defaults", {key: value for key, value in source.items() if key != "targets"}, {
        "kind": "endpoint", "name": "endpoints", "refreshInterval": "2m", "timeout": "10s", "proxyUrl": "http://every:3128/", "caFile": f"{FOLDER}/configmaps/trust/ca.crt", **client})
    report.equal("endpoints: targets", source["targets"], [
        TARGETS[0],
        {"address": "db.example:5432", "protocol": "postgres", "caFile": f"{FOLDER}/secrets/client/ca.crt", **other},
        {"address": "https://pki.example/ca.crt", "protocol": "http_file", "proxyUrl": "http://proxy:3128", "caFile": f"{FOLDER}/configmaps/trust/more.crt"}])
    parts = [(kind, part[kind]["name"], [item["key"] for item in part[kind]["items"]]) for part in cross.beside(workload(objects, "endpoints"))[1:] for kind in part]
    report.equal("endpoints: files", parts, [("configMap", "trust", ["ca.crt", "more.crt"]), ("secret", "client", ["ca.crt", "tls.crt", "tls.key"]), ("secret", "other", ["tls.crt", "tls.key"])])
    report.equal("endpoints: /probe by its value alone", [config(helm.objects(BOTH, {"web": {"enableProbe": on}}), end)["web"].get("enableProbe", False)
                                                          for on, end in ((True, "endpoints"), (True, "served"), (False, "endpoints"))], [True, False, False])
    report.check("both: objects fit each other", cross.everything(objects, helm.NAMESPACE), 13)
    report.equal("endpoints: its budget", [(b["metadata"]["name"], b["spec"]["minAvailable"]) for b in cross.of(objects, "PodDisruptionBudget")], [("x509-x509-certificate-exporter-endpoints", 1)])
    report.check("endpoints: SourceStale waits for it", [] if "> 900 " in rule(objects, "SourceStale") else ["not by default"])
    slow = helm.objects({"endpointsExporter": {**ENDPOINTS, "refreshInterval": "1h"}})
    report.check("endpoints: SourceStale waits for slow ones", [] if "> 10800 " in rule(slow, "SourceStale") else [rule(slow, "SourceStale")])


def alone(report):
    """Each without anything else: pods, an account without rights, alerts that count on it."""
    for section, values, end, name in (("endpointsExporter", ENDPOINTS, "endpoints", "endpoints"), ("servedExporter", SERVED, "served", "host-served"),
                                       ("servedExporter", {**SERVED, "distributions": []}, "served", "host-served-targets")):
        objects = helm.objects(ALONE, {section: values})
        report.check(f"{name} alone: objects fit each other", cross.everything(objects, helm.NAMESPACE), 13)
        report.equal(f"{name} alone: one workload", [item["metadata"]["name"] for item in cross.of(objects, *cross.WORKLOADS)], [f"x509-x509-certificate-exporter-{end}"])
        report.equal(f"{name} alone: no rights", cross.of(objects, *cross.ROLES, *cross.BINDINGS), [])
        report.equal(f"{name} alone: monitors and Service", len(cross.of(objects, "ServiceMonitor", "Service", "PrometheusRule")), 3)
        for alert in ("SourceAbsent", "ExporterAbsent"):
            report.check(f"{name} alone: {alert}", [] if f"x509-x509-certificate-exporter-{end}-[a-z0-9]+" in rule(objects, alert) else [rule(objects, alert)])
        report.check(f"{name} alone: SourceAbsent names it", [] if f'source_name="{name}"' in rule(objects, "SourceAbsent") else [rule(objects, "SourceAbsent")])
    accounts = [a["metadata"]["name"] for a in cross.of(helm.objects(ALONE, {"endpointsExporter": ENDPOINTS}), "ServiceAccount")]
    report.equal("endpoints: an account of its own", accounts, ["x509-x509-certificate-exporter-endpoints"])
    named = helm.objects(BOTH, {"rbac": {"endpointsExporter": {"serviceAccountName": "mine", "serviceAccountAnnotations": {"a": "b"}}}})
    report.equal("endpoints: a named account", (cross.pod(workload(named, "endpoints"))["serviceAccountName"], [a["metadata"]["annotations"] for a in cross.of(named, "ServiceAccount") if a["metadata"]["name"] == "mine"]), ("mine", [{"a": "b"}]))
    test = next(item for item in cross.of(helm.objects(ALONE, {"servedExporter": SERVED}), "Pod"))
    report.check("served alone: helm test asks at its port", [] if test["spec"]["containers"][0]["args"][1].endswith(":9794") else [str(test["spec"])])


def served(report):
    """Beside the files of nodes: in the host's network and at the node's address, and nothing of the others' is its."""
    objects = helm.objects(BOTH)
    found, pod = config(objects, "served"), workload(objects, "served")
    every = {"refreshInterval": "30s", "timeout": "5s"}
    report.equal("served: sources", found["sources"], [{"kind": "served", "name": "host-served", "distributions": ["kubeadm"], **every},
                                                       {"kind": "endpoint", "name": "host-served-targets", "targets": SERVED["targets"], **every}])
    report.equal("served: mounts", [v["hostPath"]["path"] for v in cross.pod(pod)["volumes"] if "hostPath" in v], ["/etc", "/opt", "/var/lib"])
    report.equal("served: variables", [one["name"] for one in cross.container(pod)["env"]], ["HOST_IP"])
    report.equal("served: a capability as on nodes", cross.container(pod)["securityContext"]["capabilities"], {"add": ["DAC_READ_SEARCH"], "drop": ["ALL"]})
    report.equal("the user's DaemonSet stays as it is", cross.pod(workload(objects, "a")), cross.pod(workload(helm.objects({"hostPathsExporter": BOTH["hostPathsExporter"]}), "a")))
    both = workload(helm.objects({"servedExporter": SERVED}), "nodes")
    report.equal("served: the built-in DaemonSet stays as it is", both, workload(helm.objects(), "nodes"))
    asked = {"webConfigurationExistingSecret": "mine", "servedExporter": {**SERVED, "port": 9800, "probePort": 9801}, "monitoring": {"scrapeAnnotations": True}}
    objects = helm.objects(asked)
    pod = workload(objects, "served")
    report.equal("served: probes have a port of the node's", ({p["name"]: p["containerPort"] for p in cross.container(pod)["ports"]}, config(objects, "served")["server"]["probeListen"]), ({"metrics": 9800, "probe": 9801}, ":9801"))
    report.check("served: with probes, objects fit each other", cross.everything(objects, helm.NAMESPACE), 13)
    report.equal("served: annotations name its port", [workload(objects, end)["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] for end in ("served", "nodes")], ["9800", "9793"])
    old = helm.objects({**BOTH, "upgradeFrom": "1.20"})
    report.equal("an upgrade of an old release: selectors of what is new", [len(workload(old, end)["spec"]["selector"]["matchLabels"]) for end in ("endpoints", "served", "a")], [3, 3, 2])
    tokens = helm.objects({**BOTH, "rbacProxy": {"enabled": True}})
    report.check("both, with tokens: objects fit each other", cross.everything(tokens, helm.NAMESPACE), 13)
    openshift = helm.objects({**BOTH, "openshift": {"enabled": True}})
    report.equal("endpoints on OpenShift: no forced uid", {"runAsUser", "runAsGroup"} & set(cross.container(workload(openshift, "endpoints"))["securityContext"]), set())


def noted(report):
    both, only = helm.notes(BOTH), helm.notes({**ALONE, "servedExporter": SERVED})
    for text, expected in (
        (both, "  what 3 servers serve, by Deployment x509-x509-certificate-exporter-endpoints"),
        (both, "  what is served beside what is on disk, on every node that tolerations admit: of kubeadm and 1 pair, by DaemonSet x509-x509-certificate-exporter-served"),
        (both, "DaemonSet served is in the host's network"), (both, "pod-security.kubernetes.io/enforce=privileged"),
        (helm.notes({"web": {"enableProbe": True}}), "web.enableProbe: it answers about endpointsExporter's targets"),
        (only, "curl -s <a node's address>:9794/metrics"),
        (helm.notes({**ALONE, "endpointsExporter": ENDPOINTS}), "port-forward deployment/x509-x509-certificate-exporter-endpoints 9793"),
    ):
        report.check(f"notes: {expected}", [] if expected in text else [text])
    report.check("notes: no port of served is forwarded", ["it is"] if "port-forward" in only else [])


def checks(report):
    for part in (targets, alone, served, noted):
        part(report)
