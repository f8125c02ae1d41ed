"""Who is in the host's network, where it listens, and that no port there is taken twice."""
import cross


def everything(objects):
    """Served alone is there, unless all node pods are; each port of it is taken once, and served listens at the node's address."""
    there = {cross.component(w): w for w in cross.of(objects, *cross.WORKLOADS) if cross.pod(w).get("hostNetwork")}
    if any(not name.startswith("host-") for name in there):
        yield f"{sorted(there)} are in the host's network"
    sets = [w for w in cross.of(objects, "DaemonSet") if cross.component(w) != "host-served"]
    if set(there) - {"host-served"} not in (set(), {cross.component(w) for w in sets}):
        yield f"of the node pods {sorted(there)} alone are in the host's network"
    served = there.get("host-served")
    if "host-served" in map(cross.component, cross.of(objects, "DaemonSet")) and not served:
        yield "what is served is asked for from a network of the pod's own"
    for item in [served] if served else []:
        ports = {p["name"]: p["containerPort"] for p in cross.container(item)["ports"]}
        wanted = [f"--listen-address=[$(HOST_IP)]:{ports['metrics']}"] + ([f"--probe.listen-address=[$(HOST_IP)]:{ports['probe']}"] if "probe" in ports else [])
        if cross.container(item)["args"][1:len(wanted) + 1] != wanted or "HOST_IP" not in [e["name"] for e in cross.container(item)["env"]]:
            yield f"{cross.title(item)}: listens elsewhere than at its node's address: {cross.container(item)['args']}"
        taken = [p["containerPort"] for w in there.values() if w is not item for p in cross.container(w)["ports"]]
        if set(ports.values()) & set(taken) or cross.pod(item).get("dnsPolicy") != "ClusterFirstWithHostNet":
            yield f"{cross.title(item)}: a port that others have, or names of the cluster that it cannot look up"
