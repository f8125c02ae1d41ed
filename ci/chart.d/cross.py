"""Checks over everything that one render gives: do the objects fit each other? Each check yields sentences, none when all is well."""
import hashlib
import re

import yaml

import host_network
import pod_files
import rights

WATCHERS = ("Deployment", "StatefulSet")
WORKLOADS = (*WATCHERS, "DaemonSet")
CLUSTER = ("ClusterRole", "ClusterRoleBinding", "ClusterRuleGroup", "ClusterDashboard")
ROLES, BINDINGS = ("ClusterRole", "Role"), ("ClusterRoleBinding", "RoleBinding")
LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


def of(objects, *kinds):
    return [item for item in objects if item["kind"] in kinds]


def title(item):
    return f"{item['kind']} {item['metadata']['name']}"


def place(item):
    return item["metadata"].get("namespace", "")


def pod(item):
    return item["spec"]["template"]["spec"]


def component(item):
    return item["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]


def watchers(objects):
    """Who watches objects; a release has one at most."""
    return [item for item in of(objects, *WATCHERS) if component(item) == "secrets"]


def container(item):
    return pod(item)["containers"][0]


def beside(workload):
    """The parts of the volume in which a pod's configuration is: [{configMap or secret: …}]."""
    volume = next(v for v in pod(workload)["volumes"] if v["name"] == "config")
    return volume["projected"]["sources"] if "projected" in volume else [{"configMap": volume["configMap"]}]


def config_of(objects, workload):
    name = next(part["configMap"]["name"] for part in beside(workload) if "configMap" in part)
    return next((c["data"]["config.yaml"] for c in of(objects, "ConfigMap") if c["metadata"]["name"] == name), None)


def no_empty_values(objects):
    def walk(node, path):
        if node is None or node == {} or node == []:
            yield f"{path} is {node!r}"
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from walk(value, f"{path}.{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from walk(value, f"{path}[{index}]")
    for item in objects:
        yield from walk(item, title(item))


def unique_names(objects):
    seen = set()
    for item in objects:
        if (title(item), place(item)) in seen:
            yield f"{title(item)} twice"
        seen.add((title(item), place(item)))


def valid_names(objects):
    for item in objects:
        pattern = r"^[a-z0-9:.-]+$" if item["kind"] in ROLES + BINDINGS else r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
        if not re.match(pattern, item["metadata"]["name"]) or len(item["metadata"]["name"]) > 253:
            yield f"{title(item)}: not a valid name"
        for key, value in item["metadata"]["labels"].items():
            if not re.match(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$", value):
                yield f"{title(item)}: label {key}={value} is not valid"


def namespaces(objects, namespace):
    for item in objects:
        shared = item["kind"] in CLUSTER or item["kind"] in ROLES + BINDINGS and place(item) != namespace
        if shared and namespace not in re.split("[:.-]", item["metadata"]["name"]):
            yield f"{title(item)}: two namespaces with a release of one name would share it"
        if not shared and place(item) != namespace and item["kind"] != "PrometheusRule":
            yield f"{title(item)}: not in {namespace}"


def accounts(objects):
    known = {a["metadata"]["name"] for a in of(objects, "ServiceAccount")}
    used = {pod(w)["serviceAccountName"] for w in of(objects, *WORKLOADS)}
    for name in known - used:
        yield f"service account {name}: no pod has it"
    for name in used - known if known else ():
        yield f"service account {name}: not rendered"


def bindings(objects, namespace):
    roles = {(r["kind"], place(r), r["metadata"]["name"]) for r in of(objects, *ROLES)}
    pods = {pod(w)["serviceAccountName"] for w in watchers(objects)}
    bound = set()
    for binding in of(objects, *BINDINGS):
        role = binding["roleRef"]
        bound.add((role["kind"], place(binding), role["name"]))
        subjects = {(s["name"], s["namespace"]) for s in binding["subjects"]}
        if role["name"].startswith("system:openshift:scc:"):
            bound.discard((role["kind"], place(binding), role["name"]))
        elif role["name"] == "system:auth-delegator":
            bound.discard((role["kind"], place(binding), role["name"]))
            if subjects != {(pod(w)["serviceAccountName"], namespace) for w in of(objects, *WORKLOADS)}:
                yield f"{title(binding)}: binds others than all pods"
        elif subjects != {(name, namespace) for name in pods}:
            yield f"{title(binding)}: binds another account than the Secrets pod's"
    if roles != bound:
        yield f"roles and bindings differ: {sorted(roles ^ bound)}"
    if pods & {a["metadata"]["name"] for a in of(objects, "ServiceAccount")} and not roles:
        yield "the Secrets pod has no right"
    if roles and not pods:
        yield "rights without a Secrets pod"


def least_privilege(objects):
    for item in of(objects, *WORKLOADS):
        context, node = container(item)["securityContext"], item["kind"] == "DaemonSet"
        if context["capabilities"]["drop"] != ["ALL"] or context["capabilities"].get("add", []) not in ([], ["DAC_READ_SEARCH"] if node else []):
            yield f"{title(item)}: capabilities {context['capabilities']}"
        if not context["readOnlyRootFilesystem"] or context["allowPrivilegeEscalation"]:
            yield f"{title(item)}: writable root or privilege escalation"
        if pod(item)["securityContext"]["seccompProfile"]["type"] != "RuntimeDefault":
            yield f"{title(item)}: seccomp"
        if node and pod(item)["automountServiceAccountToken"]:
            yield f"{title(item)}: a token on the node"
        if pod(item)["automountServiceAccountToken"] and item not in watchers(objects):
            yield f"{title(item)}: a token"
        if not node and (not pod(item)["securityContext"].get("runAsNonRoot") or any("hostPath" in v for v in pod(item)["volumes"])):
            yield f"{title(item)}: not Pod Security restricted"


def selectors(objects):
    def matches(selector, labels):
        return selector.items() <= labels.items()
    workloads = of(objects, *WORKLOADS)
    for item in workloads:
        selector = item["spec"]["selector"]["matchLabels"]
        if set(selector) != {f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")}:
            yield f"{title(item)}: selects by {sorted(selector)}"
        selected = [w for w in workloads if matches(selector, w["spec"]["template"]["metadata"]["labels"])]
        if selected != [item]:
            yield f"{title(item)}: its selector takes the pods of {[title(w) for w in selected]}"
    targets = [("Service", s, s["spec"]["selector"]) for s in of(objects, "Service")]
    targets += [("PodMonitor", s, s["spec"]["selector"]["matchLabels"]) for s in of(objects, "PodMonitor")]
    for kind, item, selector in targets:
        if not all(matches(selector, w["spec"]["template"]["metadata"]["labels"]) for w in workloads):
            yield f"{kind} {item['metadata']['name']}: misses pods"
    for item in of(objects, "Pod"):
        if any(matches(selector, item["metadata"]["labels"]) for _, _, selector in targets):
            yield f"{title(item)}: counts as an agent"
        if {c["image"] for c in item["spec"]["containers"]} != {container(w)["image"] for w in workloads}:
            yield f"{title(item)}: another image"
    for item in of(objects, "PodDisruptionBudget", "NetworkPolicy"):
        selector = item["spec"].get("selector", item["spec"].get("podSelector"))["matchLabels"]
        chosen = [w for w in workloads if matches(selector, w["spec"]["template"]["metadata"]["labels"])]
        own = [w for w in of(objects, *WATCHERS) if component(w) == item["metadata"]["labels"].get("app.kubernetes.io/component")]
        if chosen != (own if item["kind"] == "PodDisruptionBudget" else workloads):
            yield f"{title(item)}: selects {[title(w) for w in chosen]}"
    for item in workloads:
        for spread in pod(item).get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"]["matchLabels"], item["spec"]["template"]["metadata"]["labels"]):
                yield f"{title(item)}: spreads other pods"
    for item in of(objects, "ServiceMonitor"):
        if not any(matches(item["spec"]["selector"]["matchLabels"], s["metadata"]["labels"]) for s in of(objects, "Service")):
            yield f"{title(item)}: no Service matches"


def ports(objects):
    for item in of(objects, *WORKLOADS):
        declared = {p["name"]: p["containerPort"] for p in container(item)["ports"]}
        listen = yaml.safe_load(config_of(objects, item) or "{server: {listen: ':0'}}")["server"]["listen"]
        if listen != f":{declared['metrics']}":
            yield f"{title(item)}: the agent listens on {listen}, the port is {declared['metrics']}"
        for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            get = container(item)[probe]["httpGet"]
            if get["port"] not in declared or get["path"] != path:
                yield f"{title(item)}: {probe} asks {get}"
        for service in of(objects, "Service"):
            if any(p["targetPort"] not in declared for p in service["spec"]["ports"]):
                yield f"{title(service)}: no such port in {title(item)}"
        for monitor in of(objects, "PodMonitor"):
            if any(e["port"] not in declared for e in monitor["spec"]["podMetricsEndpoints"]):
                yield f"{title(monitor)}: no such port in {title(item)}"
    offered = {p["name"] for s in of(objects, "Service") for p in s["spec"]["ports"]}
    for monitor in of(objects, "ServiceMonitor"):
        if any(e["port"] not in offered for e in monitor["spec"]["endpoints"]):
            yield f"{title(monitor)}: no such port"


def volumes(objects):
    for item in of(objects, *WORKLOADS):
        named = {v["name"]: v for v in pod(item)["volumes"]}
        mounts = container(item)["volumeMounts"]
        if len(named) != len(pod(item)["volumes"]) or len({m["mountPath"] for m in mounts}) != len(mounts):
            yield f"{title(item)}: a volume or mount path twice"
        if set(named) != {m["name"] for m in mounts}:
            yield f"{title(item)}: volumes and mounts differ"
        if config_of(objects, item) is None:
            yield f"{title(item)}: its ConfigMap is not rendered"
        paths = [v["hostPath"]["path"] for v in named.values() if "hostPath" in v]
        for path in paths:
            if any(other != path and (path + "/").startswith(other + "/") for other in paths):
                yield f"{title(item)}: {path} is mounted twice"
        for mount in mounts:
            volume = named.get(mount["name"], {})
            if not LABEL.match(mount["name"]) or len(mount["name"]) > 63:
                yield f"{title(item)}: volume name {mount['name']}"
            if not mount.get("readOnly") and ("hostPath" in volume or "configMap" in volume or "projected" in volume):
                yield f"{title(item)}: {mount['mountPath']} is writable"
            if "hostPath" in volume and mount["mountPath"] != "/host" + volume["hostPath"]["path"]:
                yield f"{title(item)}: {mount} is not where the agent looks"
            if "hostPath" in volume and ("mountPropagation" in mount) == ("recursiveReadOnly" in mount):
                yield f"{title(item)}: {mount} needs one of propagation and recursive read-only"


def watched_is_mounted(objects):
    for item in of(objects, "DaemonSet"):
        config = yaml.safe_load(config_of(objects, item) or "{sources: []}")
        mounted = [m["mountPath"] + "/" for m in container(item)["volumeMounts"]]
        if config.get("hostRoot") != "/host" or not config["sources"]:
            yield f"{title(item)}: no host root, or no source"
        named = [target["file"] for source in config["sources"] for target in source.get("targets", [])]
        for path in [*named, *(path for source in config["sources"] for path in source.get("paths", []))]:
            static = re.match(r"[^*?\[]*", path).group(0)
            if not any(("/host" + static + "/").startswith(mount) for mount in mounted):
                yield f"{title(item)}: {path} is not mounted"


def node_label(objects):
    """The series of node pods get the node's name, those of the Secrets pod none."""
    for monitor in of(objects, "ServiceMonitor", "PodMonitor"):
        for endpoint in monitor["spec"].get("endpoints", monitor["spec"].get("podMetricsEndpoints")):
            rules = [r for r in endpoint.get("relabelings", []) if r["targetLabel"] == "node" and len(r["sourceLabels"]) == 2]
            found = {}
            for item in of(objects, *WORKLOADS):
                component = item["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
                value = f"{component};node7"
                match = rules and re.fullmatch(rules[0]["regex"], value)
                found[item["kind"]] = match.expand(rules[0]["replacement"].replace("$", "\\")) if match else None
            for kind, value in found.items():
                if value != ("node7" if kind == "DaemonSet" else None):
                    yield f"{title(monitor)}: the series of a {kind} get node={value}"


def shares(objects):
    """Whoever watches objects has them all, or as many shares as pods, whose names fit and end in a number."""
    found = watchers(objects)
    if len(found) > 1:
        yield f"{[title(w) for w in found]} watch the same objects"
    for item in found:
        shard = yaml.safe_load(config_of(objects, item) or "{}").get("shard")
        if shard != (None if item["kind"] == "Deployment" else {"total": item["spec"]["replicas"]}):
            yield f"{title(item)}: {item['spec']['replicas']} pods have {shard} as their share"
        if item["kind"] == "StatefulSet" and len(item["metadata"]["name"]) > 52:
            yield f"{title(item)}: Kubernetes could not make its pods, their label would be too long"


def checksums(objects):
    for item in of(objects, *WORKLOADS):
        config = config_of(objects, item) or ""
        expected = hashlib.sha256(config.rstrip("\n").encode()).hexdigest()
        if item["spec"]["template"]["metadata"]["annotations"].get("checksum/config") != expected:
            yield f"{title(item)}: a changed configuration would not restart its pods"


def everything(objects, namespace):
    yield from namespaces(objects, namespace)
    yield from bindings(objects, namespace)
    checks = (no_empty_values, unique_names, valid_names, accounts, rights.everything, least_privilege, selectors, ports, host_network.everything, volumes, watched_is_mounted,
              pod_files.everything, node_label, shares, checksums)
    for check in checks:
        yield from check(objects)
