"""KubeSphere's dashboard, from the same table of queries: what its consoles can draw of it, without variables, and as ranges."""
import queries

# A line has to stay readable among others.
LINES = 10
COLOURS = "['#60acfc', '#23c2db', '#64d5b2', '#d5ec5a', '#ffb64e', '#fb816d', '#d15c7f']"
HEAD = """\
# Made by ci/boards from the table of queries that the Grafana boards are made of; do not edit.
# The spec of KubeSphere's dashboard (monitoring.kubesphere.io/v1alpha2); $critical and $warning become the values' thresholds in days.
# Only rows, graphs and singlestats: the consoles of 3.4 and 4 show any other panel as an empty card. A singlestat has to give one series, and a
# legend may only name labels that every series has, or the console writes `undefined`; without a legend it shows all labels. Queries are ranges.
title: X.509 certificates
description: Which certificate expires next, where it is, and what cannot be read.
editable: true
time:
  from: now-1h
  to: now
panels:
"""
WITHIN = "Certificates that expire within so many days, without those expired."
# (type, title, description, unit, decimals, legends of as many queries); the title finds the queries, unless it is another there.
PANELS = [
    ("singlestat", "Certificates", "Certificates in use: of objects of Kubernetes once, however many agents see them; of files once a node. Requests do not count."),
    ("singlestat", "Expired", "Certificates whose last day has passed."),
    ("singlestat", "Within $critical days", WITHIN),
    ("singlestat", "Within $warning days", WITHIN),
    ("singlestat", "Problems", "Places, with their reasons, that hold something the agents cannot read."),
    ("singlestat", "Sources down", "Sources that fail as a whole: nothing of theirs is being watched."),
    ("row", "What expires next"),
    ("graph", "Days left: files", "The ten certificates in files of nodes with the fewest days left.", "none", 1, ["{{filepath}} ({{node}})"]),
    ("graph", "Days left: kubeconfigs", "The ten certificates in kubeconfigs of nodes with the fewest days left.", "none", 1,
     ["{{filepath}} {{embedded_kind}} {{embedded_key}} ({{node}})"]),
    ("graph", "Days left: Secrets", "The ten certificates in Kubernetes Secrets with the fewest days left.", "none", 1,
     ["{{secret_namespace}}/{{secret_name}} {{secret_key}}"]),
    ("graph", "Days left: other objects", "The ten certificates in ConfigMaps, CA bundles and kubeconfigs of member clusters with the fewest days left.", "none", 1, [None]),
    ("graph", "Days left: servers", "The ten certificates that servers serve with the fewest days left, but for servers on a node's loopback.", "none", 1,
     ["{{endpoint_address}}"]),
    ("graph", "Days left of the next to expire", "Of all certificates that have not expired. A renewal is a step up.", "none", 1, ["next"]),
    ("graph", "When they expire", "How many certificates expire in which span of days.", "none", 0, list(queries.HORIZON)),
    ("row", "What cannot be read"),
    ("graph", "Problems over time", "Places that cannot be read, by the reason; `none` when there are none.", "none", 0, ["{{reason}}"]),
    ("graph", "What cannot be read", "One line for each place, with the reason; one line `none` when all is well.", "none", 0, [None]),
    ("row", "The agents"),
    ("graph", "Sources over time", "What each agent watches: 1 while that works, 0 while it fails as a whole.", "none", 0, ["{{source_name}} ({{pod}})"]),
    ("graph", "Time since the last success", "How long ago each source last read all that it should.", "seconds", 0, ["{{source_name}} ({{pod}})"]),
    ("graph", "Certificates over time", "By what holds them. Other objects are ConfigMaps, CA bundles and kubeconfigs of member clusters.", "none", 0, list(queries.KEYS)),
    ("graph", "Memory of the agents", "Resident memory of each agent.", "Byte", 1, ["{{pod}}"]),
]


def asked(title):
    title = title.replace("Days left: ", "Soonest to expire: ")
    return [queries.plain(query).replace(f"bottomk({queries.SOONEST},", f"bottomk({LINES},") for query in queries.QUERIES[title]]


def text(value):
    """A text as YAML has it in single quotes, which needs no escapes."""
    return "'" + value.replace("'", "''") + "'"


def panel(number, kind, title, description="", unit="none", decimals=0, legends=(None,)):
    yield f"  - id: {number}"
    yield f"    type: {kind}"
    yield f"    title: {text(title)}"
    if kind == "row":
        return
    yield f"    description: {text(description)}"
    if kind == "graph":
        yield from ("    lines: true", f"    colors: {COLOURS}", "    yaxes:", f"      - format: {unit}", f"        decimals: {decimals}")
    else:
        yield from (f"    format: {unit}", f"    decimals: {decimals}", "    valueName: last")
    yield "    targets:"
    for ref, (query, legend) in enumerate(zip(asked(title), legends), 1):
        yield from (f"      - refId: {ref}", "        step: 1m")
        if legend:
            yield f"        legendFormat: {text(legend)}"
        yield f"        expr: {text(query)}"


def spec():
    return HEAD + "".join(f"{line}\n" for number, one in enumerate(PANELS, 1) for line in panel(number, *one))
