"""What one value, or what the cluster knows, makes of a render: who installs, where rights are, which kinds there are, whose cluster it is."""
import re

import yaml

import cross
import helm

SEED = helm.ROOT / "values-examples" / "kubesphere-seed.yaml"
OPERATOR = [f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")]
CLUSTER = ["v1/Pod"]  # what only a real cluster says
SCC = "security.openshift.io/v1/SecurityContextConstraints"
CLUSTER_KINDS = {"ClusterRole", "ClusterRoleBinding", "ClusterRuleGroup", "ClusterDashboard"}
MASTER, CONTROL = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"


def kinds(objects):
    return {item["kind"] for item in objects}


def daemon_set(objects, name):
    return next((item for item in cross.of(objects, "DaemonSet") if item["metadata"]["name"].endswith(f"-{name}")), None)


def config(objects, name):
    return yaml.safe_load(cross.config_of(objects, daemon_set(objects, name)))


def discovery(report):
    """The built-in DaemonSet is there exactly while nobody named one."""
    sources = config(helm.objects(), "nodes")["sources"]
    report.equal("the built-in watch", [(s["kind"], s["name"], s["distributions"]) for s in sources], [("discovery", "host-discovery-nodes", ["auto"])])
    report.equal("what it mounts", sorted(v["hostPath"]["path"] for v in cross.pod(daemon_set(helm.objects(), "nodes"))["volumes"] if "hostPath" in v), ["/etc", "/var"])
    asked = {"upgradeFrom": "3.21", "hostPathsExporter": {"daemonSets": {"nodes": {"watchDistributions": ["auto"]}}}}
    report.equal("an upgrade that asks for it", [s["kind"] for s in config(helm.objects(asked), "nodes")["sources"]], ["discovery"])
    report.check("an upgrade that does not is told how", [] if "because of upgradeFrom" in helm.notes({"upgradeFrom": "3.21"}) else ["silent"])
    empty = {"hostPathsExporter": {"refreshInterval": "1.5h", "daemonSets": {"a": {"watchFiles": ["/etc/a"], "tolerations": None, "nodeSelector": None, "refreshInterval": None, "securityContext": None, "dacReadSearch": None}}}}
    found = helm.objects(empty)
    report.equal("an empty key is no override", (config(found, "a")["cache"]["filePoll"]["interval"], cross.container(daemon_set(found, "a"))["securityContext"]), ("1.5h", {"capabilities": {"add": ["DAC_READ_SEARCH"]}}))
    for what, values in (("switched off", {"hostPathsExporter": {"discovery": {"enabled": False}}}), ("an upgrade", {"upgradeFrom": "4.2"})):
        report.equal(f"no built-in watch: {what}", cross.of(helm.objects(values), "DaemonSet"), [])
    preset = {"hostPathsExporter": {"discovery": {"distributions": ["k3s", "talos"]}, "tolerations": [{"key": "x", "operator": "Exists"}], "nodeSelector": {"pool": "a"}}}
    nodes = daemon_set(helm.objects(preset), "nodes")
    report.equal("a preset's mounts", sorted(v["hostPath"]["path"] for v in cross.pod(nodes)["volumes"] if "hostPath" in v), ["/etc", "/system", "/var/lib"])
    report.equal("which of them has to be there", sorted(v["hostPath"]["path"] for v in cross.pod(nodes)["volumes"] if "type" in v.get("hostPath", {})), ["/etc", "/var/lib"])
    report.equal("its node selector", cross.pod(nodes)["nodeSelector"], {"pool": "a", "kubernetes.io/os": "linux"})
    report.equal("its tolerations", cross.pod(nodes)["tolerations"], [{"key": "x", "operator": "Exists"}])
    own = {"hostPathsExporter": {"hostMounts": "exact", "daemonSets": {"edge": {"watchDistributions": ["rke2"], "watchFiles": ["/etc/a.crt"]}}}}
    report.equal("distributions beside paths", [s["kind"] for s in config(helm.objects(own), "edge")["sources"]], ["file", "discovery"])


def masters(report):
    """A selector for the old label stays as typed, or becomes an affinity for either; NOTES warns where the label is gone."""
    either = daemon_set(helm.objects(SEED, {"hostPathsExporter": {"legacyMasterSelector": "either"}}), "master")
    pod = cross.pod(either)
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    report.equal("either: affinity", [[e["key"] for e in term["matchExpressions"]] for term in terms], [[MASTER], [CONTROL]])
    report.equal("either: no selector", pod.get("nodeSelector"), None)
    report.equal("either: tolerations", [(t["key"], t["effect"]) for t in pod["tolerations"]], [(MASTER, "NoSchedule"), (CONTROL, "NoSchedule")])
    zones = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [z]}]} for z in "ab"]}}
    mixed = {"hostPathsExporter": {"legacyMasterSelector": "either", "daemonSets": {"master": {"nodeSelector": {MASTER: "", "disk": "ssd"}, "affinity": {"nodeAffinity": zones}}}}}
    pod = cross.pod(daemon_set(helm.objects(SEED, mixed), "master"))
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    report.equal("either: with the user's affinity", [[e["key"] for e in term["matchExpressions"]] for term in terms], [["zone", MASTER]] * 2 + [["zone", CONTROL]] * 2)
    report.equal("either: the rest of the selector", pod["nodeSelector"], {"disk": "ssd"})
    report.equal("either: other DaemonSets as typed", "affinity" in cross.pod(daemon_set(helm.objects(SEED, {"hostPathsExporter": {"legacyMasterSelector": "either"}}), "nodes")), False)
    for version, values, there in (("1.23.4", {}, False), ("1.24.0", {}, True), ("1.34.0", {"hostPathsExporter": {"legacyMasterSelector": "either"}}, False)):
        report.equal(f"the warning on {version} {values}", "WARNING: DaemonSet master" in helm.notes(SEED, values, kubernetes=version), there)


def rights(report):
    """Each installer gets what he may create; a namespaced install has Roles in the named namespaces alone."""
    found = kinds(helm.objects(SEED, {"installer": "project-operator"}))
    report.equal("a project operator's kinds", found, {"ConfigMap", "DaemonSet", "Service", "Pod"})
    own = helm.objects({"installer": "project-operator", "rbac": {"secretsExporter": {"serviceAccountName": "reader"}}})
    asked = yaml.safe_load(cross.config_of(own, cross.of(own, "Deployment")[0]))["sources"][0]["namespaces"]["include"]
    report.equal("asks for his own namespace", asked, ["exporter"])
    report.equal("a project operator with an account", (kinds(own), cross.pod(cross.of(own, "Deployment")[0])["serviceAccountName"]), ({"ConfigMap", "DaemonSet", "Service", "Pod", "Deployment"}, "reader"))
    admin = helm.objects({"installer": "project-admin"})
    report.equal("a project admin's cluster kinds", kinds(admin) & CLUSTER_KINDS, set())
    report.equal("his own namespace's role", [cross.place(r) for r in cross.of(admin, "Role")], ["exporter"])
    two = helm.objects({"rbac": {"mode": "namespaced"}, "secretsExporter": {"includeNamespaces": ["shop", "bank"]}})
    report.equal("roles in the named namespaces", sorted((r["kind"], cross.place(r)) for r in cross.of(two, "Role", "RoleBinding")), [("Role", "bank"), ("Role", "shop"), ("RoleBinding", "bank"), ("RoleBinding", "shop")])
    report.equal("and no cluster kind", kinds(two) & CLUSTER_KINDS, set())
    secrets = yaml.safe_load(cross.config_of(two, cross.of(two, "Deployment")[0]))["sources"][0]
    report.equal("the agent asks for them alone", secrets["namespaces"]["include"], ["shop", "bank"])
    report.equal("a node-only install has no right", kinds(helm.objects({"secretsExporter": {"enabled": False}})) & {"Role", "RoleBinding", *CLUSTER_KINDS}, set())
    accounts = {"rbac": {"createServiceAccounts": False, "secretsExporter": {"serviceAccountName": "reader"}}}
    report.equal("existing accounts get the role", [b["subjects"][0]["name"] for b in cross.of(helm.objects(accounts), "ClusterRoleBinding")], ["reader"])
    report.equal("and are not made", cross.of(helm.objects(accounts), "ServiceAccount"), [])


def capabilities(report):
    """auto goes by what the cluster knows; true always renders."""
    monitors = {"ServiceMonitor", "PrometheusRule"}
    report.equal("without a cluster", kinds(helm.objects()) & monitors, monitors)
    report.equal("a cluster with the operator", kinds(helm.objects(apis=CLUSTER + OPERATOR)) & monitors, monitors)
    report.equal("a cluster without it", kinds(helm.objects(apis=CLUSTER)) & monitors, set())
    report.check("NOTES says so", [] if "does not know the kind PrometheusRule, ServiceMonitor" in helm.notes(apis=CLUSTER) else ["silent"])
    always = {"prometheusServiceMonitor": {"create": True}, "prometheusRules": {"create": True}, "prometheusPodMonitor": {"create": True}}
    report.equal("create: true", kinds(helm.objects(always, apis=CLUSTER)) & (monitors | {"PodMonitor"}), monitors | {"PodMonitor"})
    labels = {"monitoring": {"labels": {"release": "stack"}}, "prometheusPodMonitor": {"create": "auto"}, "grafana": {"createDashboard": True}}
    labelled = {item["kind"] for item in helm.objects(labels) if item["metadata"]["labels"].get("release") == "stack"}
    report.equal("one value labels monitors, rules and dashboards", labelled, {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap"})
    elsewhere = [cross.of(helm.objects({"prometheusRules": {"namespace": "rules"}}, namespace=space), "PrometheusRule")[0] for space in ("blue", "green")]
    report.equal("rules elsewhere", [cross.place(r) for r in elsewhere], ["rules", "rules"])
    report.equal("under the names of two releases", len({r["metadata"]["name"] for r in elsewhere}), 2)
    annotated = helm.objects({"monitoring": {"scrapeAnnotations": True}, "podListenPort": 9000})
    for item in cross.of(annotated, *cross.WORKLOADS):
        notes = item["spec"]["template"]["metadata"]["annotations"]
        report.equal(f"scrape annotations of {item['kind']}", {k: v for k, v in notes.items() if "prometheus.io" in k}, {"prometheus.io/scrape": "true", "prometheus.io/path": "/metrics", "prometheus.io/port": "9000"})


def absent(report):
    """The alert names each promised source, with what tells this release's targets from others'."""
    def expression(*values):
        rules = cross.of(helm.objects(*values), "PrometheusRule")[0]["spec"]["groups"][0]["rules"]
        return next((rule["expr"] for rule in rules if rule["alert"] == "SourceAbsent"), "")
    report.equal("the seed's sources", re.findall(r'source_name="([^"]+)"', expression(SEED)), ["cluster-secrets", "host-paths-master", "host-paths-nodes"])
    report.equal("kubeconfigs alone", re.findall(r'source_name="(host[^"]+)"', expression({"hostPathsExporter": {"daemonSets": {"k": {"watchKubeconfFiles": ["/etc/k.conf"]}}}})), ["host-kubeconfigs-k"])
    report.check("namespace", [] if expression().count('namespace="exporter",pod=~') == 3 else [expression()])
    for release, name in (("x509", "nodes"), ("r" * 40, "nodes"), ("r" * 53, "n" * 58)):
        # Kubernetes makes a pod's name from its owner's, cut to 58 characters, and five more.
        full = f"{release}-x509-certificate-exporter"[:63].rstrip("-")
        pods = {"cluster-secrets": f"{full}-5d9f7c6b8d-"[:58] + "x7k2p", f"host-discovery-{name}": f"{full}-{name}-"[:58] + "q9z4m"}
        values = {"hostPathsExporter": {"daemonSets": {name: {"watchDistributions": ["auto"]}}}}
        rules = cross.of(helm.objects(values, release=release), "PrometheusRule")[0]["spec"]["groups"][0]["rules"]
        text = next(rule["expr"] for rule in rules if rule["alert"] == "SourceAbsent")
        for source, pod in pods.items():
            pattern = re.search(rf'source_name="{source}",namespace="exporter",pod=~"([^"]+)"', text).group(1)
            everyone = re.search(r'build_info\{namespace="exporter",pod=~"([^"]+)"', text).group(1)
            report.check(f"the pod of {source} of {release}", [] if re.fullmatch(pattern, pod) and re.fullmatch(everyone, pod) else [f"{pattern}: {pod}"])
            report.check(f"a sister release's pod is not that of {source}", [pattern] if len(full) < 40 and re.fullmatch(pattern, pod.replace(full, full + "-staging")) else [])
    sharded = expression({"secretsExporter": {"shards": 3}})
    counted = 'count by (source_name, namespace) (max by (source_name, namespace, instance) (x509_source_up{source_name="cluster-secrets",namespace="exporter",pod=~"%s-[0-9]+"})) < 3'
    report.check("each shard counts", [] if counted % "x509-x509-certificate-exporter" in sharded else [sharded])
    long = cross.of(helm.objects({"secretsExporter": {"shards": 3}}, release="r" * 53), "PrometheusRule")[0]["spec"]["groups"][0]["rules"]
    report.check("the pods of a long name", [] if any(counted % ("r" * 52) in rule["expr"] for rule in long) else ["not in the rules"])
    plain = expression({"prometheusServiceMonitor": {"create": False}})
    report.check("nothing of the kind without a monitor", [plain] if "namespace" in plain else [])
    nothing = {"secretsExporter": {"enabled": False}, "hostPathsExporter": {"discovery": {"enabled": False}}}
    report.equal("nothing watched: no monitor, rule or test", kinds(helm.objects(nothing)), {"Service"})


def openshift(report):
    for what, options in (("auto", {"apis": [SCC]}), ("true", {})):
        values = {} if options else {"openshift": {"enabled": True}}
        objects = helm.objects(values, **options)
        report.equal(f"OpenShift ({what}): no forced uid", {"runAsUser", "runAsGroup"} & set(cross.container(cross.of(objects, "Deployment")[0])["securityContext"]), set())
        report.equal(f"OpenShift ({what}): spc_t", cross.pod(daemon_set(objects, "nodes"))["securityContext"]["seLinuxOptions"], {"type": "spc_t"})
        report.equal(f"OpenShift ({what}): constraint", [b["roleRef"]["name"] for b in cross.of(objects, "RoleBinding")], ["system:openshift:scc:privileged"])
    for own in ({}, None, {"fsGroup": 1}):
        bare = {"openshift": {"enabled": True}, "hostPathsExporter": {"podSecurityContext": own, "daemonSets": {"a": {"watchFiles": ["/etc/a"]}, "b": {"watchFiles": ["/etc/a"], "podSecurityContext": own}}}}
        contexts = [cross.pod(item)["securityContext"] for item in cross.of(helm.objects(bare), "DaemonSet")]
        report.equal(f"OpenShift: spc_t with podSecurityContext {own}", [c.get("seLinuxOptions") for c in contexts], [{"type": "spc_t"}] * 2)
    report.equal("elsewhere: none of it", [b for b in cross.of(helm.objects(), "RoleBinding")], [])
    uid = {"openshift": {"enabled": True}, "secretsExporter": {"securityContext": {"runAsUser": 1000}}}
    report.equal("a uid of the user's own stays", cross.container(cross.of(helm.objects(uid), "Deployment")[0])["securityContext"]["runAsUser"], 1000)
    cleared = {"secretsExporter": {"securityContext": {"runAsUser": None}, "readinessProbe": None}}
    container = cross.container(cross.of(helm.objects(cleared), "Deployment")[0])
    report.equal("null takes a default away", ("runAsUser" in container["securityContext"], "readinessProbe" in container), (False, False))


def web(report):
    """A web configuration, and what follows of it: a Secret, probes, monitors, the pod of helm test."""
    tls = {"webConfiguration": "tls_server_config: {cert_file: a, key_file: b}"}
    found = helm.objects(tls)
    endpoint = cross.of(found, "ServiceMonitor")[0]["spec"]["endpoints"][0]
    report.equal("TLS asked for: https", (endpoint["scheme"], endpoint["tlsConfig"]), ("https", {"insecureSkipVerify": True}))
    for workload in cross.of(found, "Deployment", "DaemonSet"):
        container = cross.container(workload)
        server = yaml.safe_load(cross.config_of(found, workload))["server"]
        report.equal("the agent is told", server, {"listen": ":9793", "webConfigFile": "/mnt/webconfig.yaml"})
        report.equal("and finds it", [v["secret"]["secretName"] for v in cross.pod(workload)["volumes"] if v["name"] == "web"], ["x509-x509-certificate-exporter-webconf"])
        probes = [container[key]["httpGet"] for key in ("readinessProbe", "livenessProbe")]
        report.equal("probes follow", [(p["port"], p["scheme"]) for p in probes], [("metrics", "HTTPS")] * 2)
    report.equal("so does helm test", [arg for arg in cross.container({"spec": {"template": {"spec": cross.of(found, "Pod")[0]["spec"]}}})["args"] if arg.startswith("https://")] != [], True)
    given = {"prometheusServiceMonitor": {"basicAuth": {"username": {"name": "s", "key": "u"}, "password": {"name": "s", "key": "p"}}}}
    auth = {"webConfiguration": "tls_server_config: {cert_file: a}\nbasic_auth_users: {p: hash}"}
    endpoint = cross.of(helm.objects(auth, given), "ServiceMonitor")[0]["spec"]["endpoints"][0]
    report.equal("with a password: basic auth over https", (endpoint["scheme"], "basicAuth" in endpoint), ("https", True))
    strict = {"webConfiguration": "tls_server_config: {client_auth_type: RequireAndVerifyClientCert}", "prometheusServiceMonitor": {"tlsConfig": {"certFile": "/c", "keyFile": "/k"}}}
    for what, values, port in (("a kubelet has no client certificate", strict, 8080), ("nor is it known what a Secret asks for", {"webConfigurationExistingSecret": "mine"}, 8080), ("a port for probes", {"probeListenPort": 9000}, 9000)):
        found = helm.objects(values)
        deployment = cross.of(found, "Deployment")[0]
        container = cross.container(deployment)
        listen = yaml.safe_load(cross.config_of(found, deployment))["server"]["probeListen"]
        asked = container["readinessProbe"]["httpGet"]
        report.equal(what, (listen, [p["containerPort"] for p in container["ports"] if p["name"] == "probe"], asked["port"], asked.get("scheme")), (f":{port}", [port], "probe", None))
        report.equal(f"{what}: helm test", len(cross.of(found, "Pod")), int(port == 9000))
    both = {"webConfigurationExistingSecret": "mine", "webConfiguration": "rate_limit: {interval: 1s}"}
    report.check("of two the existing Secret counts, and it is said", [] if "webConfigurationExistingSecret is given too" in helm.notes(both) else ["silent"])
    report.equal("and the other is not made", [s for s in cross.of(helm.objects(both), "Secret")], [])


def tokens(report):
    """Bearer tokens: TLS, the right to have them reviewed for each pod that asks, and a token on the nodes that may do just that."""
    found = helm.objects({"rbacProxy": {"enabled": True, "tls": {"existingSecretName": "mine"}}})
    binding = next(item for item in cross.of(found, "ClusterRoleBinding") if item["metadata"]["name"].endswith("-reviews"))
    report.equal("who may ask", (binding["roleRef"]["name"], [s["name"] for s in binding["subjects"]]), ("system:auth-delegator", ["x509-x509-certificate-exporter", "x509-x509-certificate-exporter-node"]))
    for workload in cross.of(found, "Deployment", "DaemonSet"):
        pod, server = cross.pod(workload), yaml.safe_load(cross.config_of(found, workload))["server"]
        report.equal("the agent is told", (server["tokenReview"], server["webConfigFile"]), ({}, "/mnt/webconfig.yaml"))
        report.equal("a token, once", (pod["automountServiceAccountToken"], [v["name"] for v in pod["volumes"] if v["name"] == "token"]), (workload["kind"] == "Deployment", [] if workload["kind"] == "Deployment" else ["token"]))
    endpoint = cross.of(found, "ServiceMonitor")[0]["spec"]["endpoints"][0]
    report.equal("Prometheus brings its own", (endpoint["scheme"], endpoint["bearerTokenFile"]), ("https", "/var/run/secrets/kubernetes.io/serviceaccount/token"))
    authorization = {"credentials": {"name": "s", "key": "token"}}
    given = {"create": True, "authorization": authorization}
    found = helm.objects({"rbacProxy": {"enabled": True, "tls": {"existingSecretName": "mine"}}, "prometheusServiceMonitor": given, "prometheusPodMonitor": given})
    for kind, key in (("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")):
        endpoint = cross.of(found, kind)[0]["spec"][key][0]
        report.equal(f"{kind}: one way to show who comes", (endpoint["scheme"], endpoint["authorization"], "bearerTokenFile" in endpoint), ("https", authorization, False))


def labels(report):
    """The list of labels that 1.x and 3.x took: names of attributes for the agent, and everything else stays."""
    for listed, subject, issuer in ((["filepath", "subject_CN", "subject_O", "issuer_CN"], ["O", "CN"], ["CN"]), (["serial_number", "issuer_C"], ["none"], ["C"]), ([], None, None), (None, None, None)):
        found = config(helm.objects({"metricLabelsFilterList": listed}), "nodes")["metrics"]
        report.equal(f"labels kept of {listed}", (found.get("exposeSubjectFields"), found.get("exposeIssuerFields")), (subject, issuer))


def checks(report):
    for part in (labels, tokens, discovery, masters, rights, capabilities, absent, openshift, web):
        part(report)
