"""The one table of queries that both kinds of boards ask: Grafana's and KubeSphere's.

A selector holds Grafana's variables as matchers of their own ($cluster, $namespace, $node, $place), all of which let everything
through unless chosen; `plain` takes them out again, for KubeSphere has none. What is in no namespace, or on no node, is shown as long as
none is chosen. Nothing here writes `$1`: label_join copies a label without it.
"""
import re

# By these labels Prometheus tells its targets apart; several of them may see one certificate.
TARGET = "container, endpoint, instance, job, namespace, pod, service"
# An agent carries a cluster only where Prometheus, or who collects for it, says so of all targets.
AGENT = '{cluster=~"$cluster|",node=~"$node"}'
SHOWN = {name: f"{name}{AGENT}" for name in ("x509_source_up", "x509_source_last_success_timestamp_seconds", "x509_source_bundles", "x509_exporter_build_info")}
DAY = 86400
ENTRY = ("embedded_kind", "embedded_key")
NAMES = ("subject_CN", "issuer_CN", "serial_number")
# Servers on a node's loopback, as the alerts know them: what they serve counts as the file that it is from, and what is wrong with them is of their node.
LOOPBACK = '"(127[.]|localhost:|[[]::1).*"'
LOCAL, ELSEWHERE = f"endpoint_address=~{LOOPBACK}", f"endpoint_address!~{LOOPBACK}"
# Kind of place → (matchers that choose it, label that `$namespace` is asked of, label that `$place` is asked of).
OBJECTS = {
    "secrets": ('secret_name!=""', "secret_namespace", "secret_name"),
    "configmaps": ('configmap_name!=""', "configmap_namespace", "configmap_name"),
    "cabundles": ('cabundle_resource_name!=""', "secret_namespace", "cabundle_resource_name"),
    "clusters": ('kubesphere_cluster!=""', "secret_namespace", "kubesphere_cluster"),
    "servers": (f'endpoint_address!="",{ELSEWHERE}', "secret_namespace", "endpoint_address"),
}
REQUESTS = ('certificaterequest_name!=""', "certificaterequest_namespace", "certificaterequest_name")
NO_REQUESTS = 'certificaterequest_name="",csr_name=""'


def plain(query, keep=()):
    """Without the matchers of variables that a board does not have."""
    query = re.sub(r',?\w+=~"\$(\w+)\|?"', lambda found: found.group() if found.group(1) in keep else "", query)
    return query.replace("{,", "{").replace("{}", "")


def selector(family, matchers, namespace, place=None, node="node"):
    chosen = {"cluster": "cluster", node: "node", namespace: "namespace", **({place: "place"} if place else {})}
    asked = [f'{label}=~"${variable}"' for label, variable in chosen.items()]
    return f"{family}{{{','.join([matchers, *asked])}}}"


def once(vector, *more):
    """Each certificate once, however many agents see it."""
    return f"max without ({', '.join([TARGET, *more])}) ({vector})"


def files(family, matchers='filepath!=""', place=False):
    """Of files, once a node; where nobody says which node, the instance stands for it."""
    place = "filepath" if place else None
    told = selector(family, f'{matchers},node!=""', "secret_namespace", place)
    untold = selector(family, f'{matchers},node=""', "secret_namespace", place, node="instance")
    return once(f'{told} or label_join({untold}, "node", "", "instance")')


def objects(family, *kinds, place=False):
    """Of objects of Kubernetes, whichever agent sees them."""
    return once(" or ".join(selector(family, matchers, space, name if place else None) for matchers, space, name in map(OBJECTS.get, kinds)), "node")


def everything(family, place=False):
    """What is in use, wherever it is; requests only record what was issued."""
    if place:
        return f"({objects(family, *OBJECTS, place=True)} or {files(family, place=True)})"
    matchers, space, _ = OBJECTS["configmaps"]
    others = selector(family, f'filepath="",configmap_name="",{ELSEWHERE},{NO_REQUESTS}', "secret_namespace")
    return f"({once(f'{others} or {selector(family, matchers, space)}', 'node')} or {files(family)})"


def troubles(family):
    """Places with something to say of them, requests too."""
    parts = [selector(family, f'filepath="",configmap_name="",{ELSEWHERE},certificaterequest_name=""', "secret_namespace")]
    parts += [selector(family, matchers, space) for matchers, space, _ in (OBJECTS["configmaps"], REQUESTS)]
    return f"({once(' or '.join(parts), 'node')} or {files(family)} or {files(family, LOCAL)})"


def left(place=False):
    """Seconds until the end of each."""
    return f"({everything('x509_cert_not_after', place)} - time())"


def within(days, place=False):
    """How many end before so many days are over, those expired too."""
    return f"sum({left(place)} < bool ({days} * {DAY}))" if days else f"sum({left(place)} < bool 0)"


def between(low, high):
    """How many end in so many days; without `low` those expired, without `high` the rest."""
    if low is None:
        return within(0)
    if high is None:
        return f"sum({left()} >= bool ({low} * {DAY}))"
    return f"{within(high)} - {within(low)}"


def or_none(query, label, families):
    """A row that says `none` as long as there are agents and all is well."""
    return f'{query} or label_replace(0 * count({SHOWN["x509_source_up"]}) unless on () {families}, "{label}", "none", "", "")'


def number(query):
    """How many there are: 0 is said by agents that are there, not by nobody."""
    return f"count({query}) or 0 * count({SHOWN['x509_source_up']})"


# Columns of a place in any kind of object → the labels of which one has a value.
PLACE = {
    "object_namespace": ("secret_namespace", "configmap_namespace", "certificaterequest_namespace"),
    "name": ("secret_name", "configmap_name", "cabundle_resource_name", "kubesphere_cluster", "csr_name", "certificaterequest_name", "filepath", "endpoint_address"),
    "key": ("secret_key", "configmap_key", "cabundle_entry", "endpoint_name"),
}
# What a place is called, by a label that it has; the later ones win.
CALLED = {"filepath": "file", "embedded_kind": "kubeconfig", "secret_name": "Secret", "configmap_name": "ConfigMap", "kubesphere_cluster": "Cluster",
          "endpoint_address": "server", "csr_name": "CertificateSigningRequest", "certificaterequest_name": "CertificateRequest"}
COLUMNS = ("kind", "cluster", *PLACE, *ENTRY, "node")


def tidy(vector, *more):
    """The labels of a place, which differ from kind to kind, as columns that all have."""
    vector = f'label_join({vector}, "kind", "", "cabundle_resource_kind")'
    for label, called in CALLED.items():
        vector = f'label_replace({vector}, "kind", "{called}", "{label}", ".+")'
    for column, labels in PLACE.items():
        vector = f'label_join({vector}, "{column}", "", {", ".join(f"{chr(34)}{label}{chr(34)}" for label in labels)})'
    return f"max by ({', '.join([*COLUMNS, *more])}) ({vector})"


SOONEST = 50
CERTIFICATE = (*NAMES, "ca")


def soonest(place=False):
    """Days left and share of the lifetime left, of those that end first."""
    first = f"bottomk({SOONEST}, {left(place)})"
    lifetime = f"({everything('x509_cert_not_after', place)} - {everything('x509_cert_not_before', place)})"
    return [f"{tidy(first, *CERTIFICATE)} / {DAY}", tidy(f"100 * {first} / {lifetime}", *CERTIFICATE)]


def soonest_of(labels, after, before):
    """Days left, share of the lifetime left and days of the lifetime, of one kind of place."""
    by = f"min by ({', '.join(labels)})"
    days = f"bottomk({SOONEST}, ({by} ({after}) - time()) / {DAY})"
    lifetime = f"{by} ({after} - {before})"
    return [days, f"100 * {DAY} * {days} / ({lifetime})", f"{lifetime} / {DAY} and {days}"]


KEYS = {
    "Secrets": ("cluster", "secret_namespace", "secret_name", "secret_key", *ENTRY, *NAMES),
    "other objects": ("cluster", "configmap_namespace", "configmap_name", "configmap_key", "cabundle_resource_kind", "cabundle_resource_name",
                      "cabundle_entry", "kubesphere_cluster", *ENTRY, *NAMES),
    "files": ("cluster", "node", "filepath", *NAMES),
    "kubeconfigs": ("cluster", "node", "filepath", *ENTRY, *NAMES),
    "servers": ("cluster", "endpoint_name", "endpoint_address", *NAMES),
}
SERIES = {
    "Secrets": lambda family: objects(family, "secrets", place=True),
    "other objects": lambda family: objects(family, "configmaps", "cabundles", "clusters", place=True),
    "files": lambda family: files(family, 'filepath!="",embedded_kind=""', place=True),
    "kubeconfigs": lambda family: files(family, 'filepath!="",embedded_kind!=""', place=True),
    "servers": lambda family: objects(family, "servers", place=True),
}
PAIR = ("cluster", "node", "endpoint_name", "endpoint_address", "filepath")
SHOWS = ("protocol", "tls_version", "verification", "ocsp_status")
STALE, SERVED = (f"min by ({', '.join(PAIR)}) ({files(f'x509_cert_served_{what}', place=True)})" for what in ("stale", "not_after"))
BY_SOURCE = "by (cluster, node, pod, instance, source_kind, source_name)"
REASONS = troubles("x509_cert_error")
ODD = troubles("x509_cert_warning")
HORIZON = {"expired": (None, 0), "0-7 days": (0, 7), "7-14 days": (7, 14), "14-28 days": (14, 28), "28-60 days": (28, 60), "60-90 days": (60, 90),
           "90-365 days": (90, 365), "> 365 days": (365, None)}


def process(metric):
    """Of our own processes alone."""
    return f"{metric} and on (job, instance) x509_exporter_build_info"


def rate(counter):
    return f"rate({counter}{AGENT}[$__rate_interval])"


COUNTS = [number(SERIES[what]("x509_cert_not_after")) for what in SERIES]
# Title of a panel → its queries. A board shows some of them; a title is the same thing on each.
QUERIES = {
    "Certificates": [f"count({everything('x509_cert_not_after')})"],
    "Expired": [within(0)],
    "Within $critical days": [f"{within('$critical')} - {within(0)}"],
    "Within $warning days": [f"{within('$warning')} - {within(0)}"],
    "Problems": [number(REASONS)],
    "Sources down": [f"sum({SHOWN['x509_source_up']} == bool 0)"],
    "Stale revocation lists": [number(f"{everything('x509_crl_stale')} == 1")],
    "Soonest to expire": soonest(),
    **{f"Soonest to expire: {what}": soonest_of(KEYS[what], *map(SERIES[what], ("x509_cert_not_after", "x509_cert_not_before"))) for what in KEYS},
    "When they expire": [between(*span) for span in HORIZON.values()],
    "Days left of the next to expire": [f"min({left(place=True)} > 0) / {DAY}"],
    "Where they are": COUNTS,
    "Certificates over time": COUNTS,
    "Issuers": [f"sort_desc(topk(10, count by (issuer_CN) ({everything('x509_cert_not_after')})))"],
    "Problems by reason": [or_none(f"count by (reason) ({REASONS})", "reason", REASONS)],
    "Problems over time": [or_none(f"count by (reason) ({REASONS})", "reason", REASONS)],
    "What cannot be read": [or_none(tidy(REASONS, "reason"), "reason", REASONS)],
    "What is odd": [or_none(tidy(ODD, "reason"), "reason", ODD)],
    "Not yet served": [number(f"{STALE} == 1")],
    "Served beside on disk": [STALE, f"({SERVED} - time()) / {DAY}"],
    "What servers show": [f"max by (cluster, endpoint_name, endpoint_address, {', '.join(SHOWS)}) ({objects('x509_endpoint_info', 'servers', place=True)})"],
    "Sources": [f"min {BY_SOURCE} ({SHOWN['x509_source_up']})", f"max {BY_SOURCE} (time() - {SHOWN['x509_source_last_success_timestamp_seconds']})",
                f"max {BY_SOURCE} ({SHOWN['x509_source_bundles']})"],
    "Sources over time": [f"min {BY_SOURCE} ({SHOWN['x509_source_up']})"],
    "Time since the last success": [f"max {BY_SOURCE} (time() - {SHOWN['x509_source_last_success_timestamp_seconds']})"],
    "Agents": [f"count by (version) ({SHOWN['x509_exporter_build_info']})"],
    "Memory of the agents": [process(f"process_resident_memory_bytes{AGENT}")],
    "CPU of the agents": [process(rate("process_cpu_seconds_total"))],
    "Time to answer a scrape": [f"{rate('x509_scrape_duration_seconds_sum')} / {rate('x509_scrape_duration_seconds_count')}"],
    "Failed operations": [f"sum by (source_name) ({rate('x509_source_errors_total')})"],
}
