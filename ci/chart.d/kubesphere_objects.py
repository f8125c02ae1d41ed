"""What KubeSphere does not take, or what its console does not show, in rendered rule groups and dashboards. Its admission webhook and its API server
see only a part of this: limits that are theirs are the smaller part."""
import pathlib
import re
import subprocess
import tempfile

import yaml

GROUPS, DASHBOARDS = ("ClusterRuleGroup", "RuleGroup"), ("ClusterDashboard", "Dashboard")
RULE_KEYS = {"alert", "expr", "for", "severity", "labels", "annotations", "disable"}
SEVERITIES = {"info", "warning", "error", "critical"}
# Of the webhook: as many rules. Of the console's forms: a name, a summary; a message, a description.
RULES, SHORT, LONG = 40, 63, 256
UNITS = re.compile(r"0|(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# Types that the consoles of 3.4 and 4 draw; table, bargauge and text are legal, and an empty card.
PANELS = {"row", "graph", "singlestat"}
UNITS_SHOWN = {"none", "seconds", "Byte"}


def of(objects, *kinds):
    return [item for item in objects if item["kind"] in kinds]


def groups_of(objects):
    return of(objects, *GROUPS)


def rules_of(objects):
    return [rule for group in groups_of(objects) for rule in group["spec"]["rules"]]


def identity(item, namespace):
    """Names: unique among all projects' releases, and of the form that Kubernetes takes."""
    name, scoped = item["metadata"]["name"], item["kind"].startswith("Cluster")
    if not SUBDOMAIN.fullmatch(name) or len(name) > SHORT:
        yield f"{name} is no short DNS-1123 subdomain"
    if scoped and (not name.startswith(namespace[:8]) or "namespace" in item["metadata"]):
        yield f"{name}: cluster-scoped, and does not hold its namespace"
    if not scoped and item["metadata"].get("namespace") != namespace:
        yield f"{name}: not in {namespace}"
    for key, limit in (("kubesphere.io/alias-name", SHORT), ("kubesphere.io/description", LONG)):
        if len(item["metadata"].get("annotations", {}).get(key, "")) > limit:
            yield f"{name}: {key} is longer than {limit}"


def groups(objects, namespace):
    ids = [rule.get("labels", {}).get("rule_id") for rule in rules_of(objects)]
    if None in ids or len(set(ids)) != len(ids):
        yield f"rule ids {ids}: one is missing or there twice"
    for group in groups_of(objects):
        yield from identity(group, namespace)
        name, spec = group["metadata"]["name"], group["spec"]
        if group["metadata"]["labels"].get("alerting.kubesphere.io/enable") != "true":
            yield f"{name}: not enabled, and so ignored"
        if not 1 <= len(spec["rules"]) <= RULES:
            yield f"{name}: {len(spec['rules'])} rules"
        if not UNITS.fullmatch(spec.get("interval", "")):
            yield f"{name}: interval {spec.get('interval')}"
        for one in spec["rules"]:
            yield from (f"{name}, {one.get('alert')}: {problem}" for problem in rule(one))


def rule(one):
    if set(one) - RULE_KEYS:
        yield f"unknown fields {set(one) - RULE_KEYS}"
    if not isinstance(one.get("expr"), str) or not one["expr"].strip():
        yield "no expression"
    if not one.get("alert") or len(one["alert"]) > SHORT:
        yield "its name is empty or too long for the console"
    if not UNITS.fullmatch(str(one.get("for", "0"))):
        yield f"for {one['for']}: no whole units"
    if one.get("severity") not in SEVERITIES:
        yield f"severity {one.get('severity')}"
    for key, value in one.get("labels", {}).items():
        if not re.fullmatch(r"[a-zA-Z_]\w*", key) or not isinstance(value, str) or key == "severity":
            yield f"label {key}: {value!r}"
    notes = one.get("annotations", {})
    for key, limit in (("summary", SHORT), ("summaryCn", SHORT), ("message", LONG)):
        if len(str(notes.get(key, ""))) > limit:
            yield f"{key} is longer than {limit}"
    yield from (f"annotation {key}: {value!r}" for key, value in notes.items() if not isinstance(value, str))


def builtin(objects, names):
    """Every alert of the chart's own has the texts that KubeSphere shows."""
    found = {one["alert"]: one.get("annotations", {}) for one in rules_of(objects)}
    for name in names:
        notes = found.get(name, {})
        for key in ("summary", "message", "summaryCn"):
            if not notes.get(key):
                yield f"{name} has no {key}"
        if not re.search("[\u4e00-\u9fff]", notes.get("summaryCn", "")):
            yield f"{name}: summaryCn is not Chinese"
        if "description" in notes:
            yield f"{name}: a description that notifications print besides the message"


def dashboards(objects, namespace):
    for board in of(objects, *DASHBOARDS):
        yield from identity(board, namespace)
        panels = board["spec"]["panels"]
        ids = [panel.get("id") for panel in panels]
        if len(set(ids)) != len(ids) or not all(isinstance(one, int) and one > 0 for one in ids):
            yield f"panel ids {ids}"
        for one in panels:
            yield from (f"panel {one.get('title')}: {problem}" for problem in panel(one))


def panel(one):
    if one["type"] not in PANELS:
        yield f"type {one['type']} is not drawn"
    if not one.get("title"):
        yield "no title"
    if "$" in str(one):
        yield "a variable, of which KubeSphere has none"
    if one["type"] == "row":
        return
    if not one.get("description") or not one.get("targets"):
        yield "no description or no query"
    if one["type"] == "singlestat" and (one.get("valueName") != "last" or len(one["targets"]) != 1):
        yield "not the last value of one query"
    if one["type"] == "graph" and not (one.get("lines") and one.get("colors") and one.get("yaxes")):
        yield "a graph without lines, colours or axis"
    for axis in [*one.get("yaxes", []), *([one] if one["type"] == "singlestat" else [])]:
        if axis.get("format") not in UNITS_SHOWN or not whole(axis.get("decimals")):
            yield f"unit {axis.get('format')}, decimals {axis.get('decimals')!r}"
    for target in one.get("targets", []):
        if not whole(target.get("refId")) or not re.fullmatch(r"\d+[smhd]", str(target.get("step"))):
            yield f"refId {target.get('refId')!r}, step {target.get('step')!r}"
        by, shown = re.search(r"\bby \(([^)]*)\)", target["expr"]), re.findall(r"\{\{(.*?)\}\}", target.get("legendFormat", ""))
        if by and set(shown) - set(by.group(1).split(", ")):
            yield f"legend {target['legendFormat']}: not all of it is in the result"


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def promtool(command, text):
    """What promtool says of a file; a refusal has a text."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in text.items():
            pathlib.Path(folder, name).write_text(yaml.safe_dump(content), encoding="utf-8")
        done = subprocess.run(["promtool", command, "rules", str(pathlib.Path(folder, next(iter(text))))], capture_output=True, text=True, check=False)
        return [done.stdout + done.stderr] if done.returncode else []


def plain(objects):
    """The groups as a rules file of Prometheus, which is how KubeSphere's controllers hand them on."""
    def back(one):
        labels = {**one.get("labels", {}), "severity": one.get("severity", "")}
        return {**{key: one[key] for key in ("alert", "expr", "for", "annotations") if key in one}, "labels": labels}
    return {"groups": [{"name": group["metadata"]["name"], "interval": group["spec"]["interval"], "rules": [back(one) for one in group["spec"]["rules"]]}
                       for group in groups_of(objects)]}


def parsed(objects):
    """Prometheus' own parser reads every rule and every panel's query."""
    queries = [target["expr"] for board in of(objects, *DASHBOARDS) for one in board["spec"]["panels"] for target in one.get("targets", [])]
    records = {"groups": [{"name": "panels", "rules": [{"record": f"panel:{index}", "expr": query} for index, query in enumerate(queries)]}]}
    return promtool("check", {"rules.yaml": plain(objects)}) + promtool("check", {"rules.yaml": records})


def everything(objects, namespace):
    return [*groups(objects, namespace), *dashboards(objects, namespace), *parsed(objects)]
