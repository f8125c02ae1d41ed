"""The dashboards as data: their shape, the linter's rules, and what each panel's query says of sample data."""
import json
import pathlib
import re

import yaml

import helm

FOLDER = helm.CHART / "files" / "dashboards"
SAMPLE = pathlib.Path(__file__).resolve().parent / "healthy.txt"
MODERN = {"stat", "table", "timeseries", "state-timeline", "bargauge", "row"}
LIFETIME = 90 * 86400
ENTRY = ("embedded_kind", "embedded_key")
OVERVIEW, DETAIL = "x509-certificate-exporter", "x509-certificate-exporter-detail"


def load():
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def chosen(board, **choice):
    """Variable → its value, as Grafana puts it into a query: what is chosen, or everything."""
    values = {"__rate_interval": "4m"}
    for variable in board["templating"]["list"]:
        value = variable["current"].get("value", "")
        values[variable["name"]] = choice.get(variable["name"], variable["allValue"] if variable.get("includeAll") else value)
    return values


def asked(text, values):
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found.group(1), found.group(0)), text)


def queries(board, **choice):
    """(panel, query with the variables put in)"""
    values = chosen(board, **choice)
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], asked(target["expr"], values)


def variable_queries(board):
    """(variable, the PromQL of its query)"""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            function, inner = re.fullmatch(r"(label_values|query_result)\((.*)\)", variable["query"]["query"]).groups()
            yield variable["name"], inner if function == "query_result" else "count by ({1}) ({0})".format(*re.fullmatch(r"(.*), (\w+)", inner).groups())


def shape(path, board):
    if path.read_text(encoding="utf-8") != json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n":
        yield "its keys are not sorted, or it is not indented by two"
    if board["schemaVersion"] < 39 or board.get("id"):
        yield "an old schema, or an id of its own"
    if board["uid"] != path.stem or len(board["uid"]) > 40:
        yield "its uid is not its file's name, or too long for Grafana"
    panels, variables = board["panels"], {one["name"] for one in board["templating"]["list"]}
    for key in ("id", "title"):
        if len({panel[key] for panel in panels}) != len(panels):
            yield f"an {key} twice"
    if not {"datasource", "cluster", "namespace", "node"} <= variables:
        yield "a variable is missing"
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([panels, board["templating"]]))) - {"__rate_interval", "__url_time_range", "__data", "__all"}
    if used != variables:
        yield f"variables used: {sorted(used)}, there are: {sorted(variables)}"
    taken = set()
    for panel in panels:
        name, grid = panel["title"], panel["gridPos"]
        if panel["type"] not in MODERN:
            yield f"{name}: {panel['type']} is no modern panel"
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        if cells & taken or grid["x"] + grid["w"] > 24:
            yield f"{name}: lies over another panel or past the edge"
        taken |= cells
        yield from (f"{name}: a link leads to {link}, where no board is" for link in links(panel) if not any(link.startswith(f"/d/{uid}?") for uid in (OVERVIEW, DETAIL)))
        if panel["type"] != "row" and any("or vector(" in target["expr"] for target in panel["targets"]):
            yield f"{name}: a number that nobody said"


def links(panel):
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        for found in override["properties"]:
            yield from (link["url"] for link in found["value"]) if found["id"] == "links" else ()


def lint(board):
    """(rule of grafana/dashboard-linter, what it would say); its rules on Loki have no object here."""
    variables = board["templating"]["list"]
    if [(one["query"], one["name"], one["label"]) for one in variables if one["type"] == "datasource"] != [("prometheus", "datasource", "Data source")]:
        yield "template-datasource-rule", "no variable for one data source of Prometheus' kind, with the name that all boards have"
    for name in ("job", "instance"):
        if name not in {one["name"] for one in variables}:
            yield f"template-{name}-rule", f"no variable {name}"
    if any(one["refresh"] != 2 for one in variables if one["type"] == "query"):
        yield "template-on-time-change-reload-rule", "a variable is not asked for anew when the time changes"
    if board["editable"]:
        yield "uneditable-dashboard", "it says that it can be edited, and what provisions it says it cannot"
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        name, shown = panel["title"], panel["fieldConfig"]["defaults"]
        if {source["uid"] for source in (panel["datasource"], *[t["datasource"] for t in panel["targets"]])} != {"${datasource}"}:
            yield "panel-datasource-rule", f"{name}: its data source is not the variable"
        if not name or not panel["description"]:
            yield "panel-title-description-rule", f"{name}: no title or no description"
        if not panel["targets"]:
            yield "panel-no-targets-rule", f"{name}: no query"
        if panel["type"] != "table" and not shown.get("unit"):
            yield "panel-units-rule", f"{name}: no unit"
        for target in panel["targets"]:
            if re.search(r"\[(?=[\d$])(?!\$__rate_interval\])", target["expr"]):
                yield "target-rate-interval-rule", f"{name}: a span that does not follow the scrape interval"
            if re.search(r"(?<!rate\()\b\w+_total\b", target["expr"]):
                yield "target-counter-agg-rule", f"{name}: a bare counter"
            yield from ((f"target-{label}-rule", f"{name}: no {label}") for label in ("job", "instance") if f'{label}=~"${label}"' not in target["expr"])


def sample():
    """The series of healthy.txt, as promtool has them."""
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, begin, step = re.fullmatch(r"(\w+\{.*\}) (\d+)(?:\+(\d+))?", line).groups()
        yield {"series": name, "values": f"{begin}+{step or 0}x20"}
        if name.startswith("x509_cert_not_after"):
            yield {"series": name.replace("not_after", "not_before"), "values": f"{int(begin) - LIFETIME}+0x20"}


BROKEN = [
    'x509_cert_error{filepath="/etc/a.crt",filename="a.crt",reason="not_found",node="a",instance="n:1",pod="n1",job="x"}',
    'x509_cert_error{filepath="/etc/a.crt",filename="a.crt",reason="not_found",node="a",instance="n:2",pod="n2",job="x"}',
    'x509_cert_error{secret_namespace="shop",secret_name="bad",secret_key="tls.crt",reason="bad_pem",instance="s:1",pod="s1",job="x"}',
    'x509_cert_error{secret_namespace="shop",secret_name="bad",secret_key="tls.crt",reason="bad_pem",instance="s:2",pod="s2",job="x"}',
    'x509_cert_error{secret_namespace="shop",secret_name="worse",secret_key="tls.crt",reason="bad_pem",instance="s:1",pod="s1",job="x"}',
    'x509_cert_error{csr_name="kubelet-1",csr_signer="a",reason="bad_der",instance="s:1",pod="s1",job="x"}',
    'x509_cert_warning{secret_namespace="shop",secret_name="web",secret_key="tls.crt",reason="outlives_issuer",instance="s:1",pod="s1",job="x"}',
    'x509_cert_error{endpoint_address="gone.example:443",reason="timeout",instance="e:1",pod="e1",job="x"}',
    'x509_cert_error{endpoint_address="127.0.0.1:2379",reason="handshake_failed",node="a",instance="n:9794",pod="h1",job="x"}',
    'x509_cert_error{endpoint_address="127.0.0.1:2379",reason="handshake_failed",node="b",instance="m:9794",pod="h2",job="x"}',
    'x509_cert_served_stale{endpoint_name="etcd",endpoint_address="127.0.0.1:2379",filepath="/etc/kubernetes/pki/etcd/server.crt",node="b",instance="m:9794",pod="h2",job="x"}',
    'x509_crl_stale{configmap_namespace="shop",configmap_name="lists",configmap_key="ca.crl",issuer_CN="ca",instance="s:1",pod="s1",job="x"}',
]
HEALTHY_FIGURES = {"Not yet served": 0, "Certificates": 10, "Expired": 1, "Within $critical days": 2, "Within $warning days": 3, "Problems": 0, "Sources down": 0, "Stale revocation lists": 0}
BROKEN_FIGURES = {**HEALTHY_FIGURES, "Problems": 7, "Stale revocation lists": 1, "Not yet served": 1}
HORIZON = [1, 1, 1, 1, 1, 0, 4, 1]
# What is chosen above a board → how many certificates are left of the ten. What is in no namespace, on no node or in no cluster has the empty one.
CHOICES = [({}, 10), ({"namespace": "shop"}, 3), ({"namespace": "shop", "cluster": "eu"}, 1), ({"node": "a"}, 4), ({"node": "v:1"}, 1), ({"namespace": ""}, 7),
           ({"namespace": "", "node": "", "cluster": ""}, 2), ({"node": "(a|v:1)"}, 5)]
# One row's link: what it chooses on the detail board → how many certificates that board then has in all its tables.
LINKED = [({"cluster": "", "namespace": "shop", "node": "", "place": "web"}, 1), ({"cluster": "eu", "namespace": "shop", "node": "", "place": "trust"}, 1),
          ({"cluster": "", "namespace": "", "node": "a", "place": "/etc/kubernetes/admin.conf"}, 2), ({"cluster": "", "namespace": "", "node": "v:1", "place": "/srv/web.pem"}, 1),
          ({"cluster": "", "namespace": "", "node": "", "place": "shop.example:443"}, 1)]
# A table that lists places → the labels of its series; two that differ in one of them alone are two rows.
SECRET, CONFIGMAP = (("cluster", *(f"{kind}_{part}" for part in ("namespace", "name", "key")), *ENTRY) for kind in ("secret", "configmap"))
OTHERS = [CONFIGMAP, ("cluster", "kubesphere_cluster", *ENTRY), ("cluster", "cabundle_resource_kind", "cabundle_resource_name", "cabundle_entry")]
REQUESTS = [("cluster", "csr_name"), ("cluster", "certificaterequest_namespace", "certificaterequest_name")]
FILE = ("node", "filepath", *ENTRY)
SERVER = ("cluster", "endpoint_name", "endpoint_address")
TABLES = [
    ("not_after", DETAIL, "Soonest to expire: Secrets", [SECRET]), ("not_after", DETAIL, "Soonest to expire: other objects", OTHERS),
    ("not_after", DETAIL, "Soonest to expire: kubeconfigs", [FILE]), ("not_after", DETAIL, "Soonest to expire: files", [FILE[:2]]),
    ("not_after", DETAIL, "Soonest to expire: servers", [SERVER]),
    ("not_after", OVERVIEW, "Soonest to expire", [SECRET, *OTHERS, FILE, SERVER]), ("error", OVERVIEW, "What cannot be read", [SECRET, *OTHERS, FILE, *REQUESTS, SERVER]),
]


def case(name, series, *expected):
    """Queries on series, and the value of each, ten minutes in."""
    tests = [{"expr": query, "eval_time": "10m", "exp_samples": [{"labels": labels, "value": value} for labels, value in (
        samples if isinstance(samples, list) else [("{}", samples)])]} for query, samples in expected]
    return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": tests}


def cases(boards):
    healthy = list(sample())
    broken = [*healthy, *({"series": name, "values": "1x20"} for name in BROKEN)]
    for uid, board in boards.items():
        asking = [*queries(board), *((f"${name}", query) for name, query in variable_queries(board))]
        yield from (case(f"{uid}: {title} has rows while all is well", healthy, (f"count({query}) > bool 0", 1)) for title, query in asking)
        stats = {panel["title"] for panel in board["panels"] if panel["type"] == "stat"}
        for what, series, figures in (("healthy", healthy, HEALTHY_FIGURES), ("broken", broken, BROKEN_FIGURES)):
            yield from (case(f"{uid}: {title}, {what}", series, (query, figures[title])) for title, query in queries(board) if title in stats)
    overview, detail = boards[OVERVIEW], boards[DETAIL]
    found = dict(queries(overview))
    horizon = [query for title, query in queries(overview) if title == "When they expire"]
    yield case("the horizon", healthy, *zip(horizon, HORIZON, strict=True))
    yield case("reasons", broken, (found["Problems by reason"], [('{reason="bad_pem"}', 2), ('{reason="not_found"}', 1), ('{reason="bad_der"}', 1), ('{reason="timeout"}', 1), ('{reason="handshake_failed"}', 2)]))
    yield case("no reason", healthy, (found["Problems by reason"], [('{reason="none"}', 0)]))
    yield case("places with problems", broken, (f"count({found['What cannot be read']})", 7), (f"count({dict(queries(detail))['What is odd']})", 1))
    days, share = [query for title, query in queries(overview) if title == "Soonest to expire"]
    yield case("rows of what expires next", healthy, (f"count({days})", 10), (f"count(({share}) > 11.10 < 11.11)", 1), (f"min({days})", -540 / 86400))
    for choice, number in CHOICES:
        yield case(f"chosen: {choice}", healthy, (dict(queries(overview, **choice))["Certificates"], number))
    for choice, number in LINKED:
        tables = [query for title, query in queries(detail, **choice) if title.startswith("Soonest to expire: ")][::3]
        yield case(f"linked: {choice}", healthy, (f"sum({' or '.join(f'label_replace(count({query}), {chr(34)}t{chr(34)}, {chr(34)}{n}{chr(34)}, {chr(34)}{chr(34)}, {chr(34)}{chr(34)})' for n, query in enumerate(tables))})", number))


def apart(boards):
    """Each place has a row of its own."""
    for family, uid, title, places in TABLES:
        query = next(query for name, query in queries(boards[uid]) if name == title)
        for labels in places:
            for one in labels:
                series = [",".join(f'{label}="{other if label == one else "same"}"' for label in labels) for other in ("a", "b")]
                yield case(f"{title}: {one} of {labels[-1]} tells two places apart",
                           [{"series": f"x509_cert_{family}{{{place}}}", "values": "900x20"} for place in series], (f"count({query})", 2))


def checks(report, promtool):
    boards = load()
    report.equal("the dashboards", sorted(boards), [OVERVIEW, DETAIL])
    excused = yaml.safe_load((FOLDER / ".lint").read_text(encoding="utf-8"))["exclusions"]
    said = set()
    for uid, board in boards.items():
        report.check(f"{uid}: its shape", shape(FOLDER / f"{uid}.json", board))
        found = list(lint(board))
        said |= {rule for rule, _ in found}
        report.check(f"{uid}: the linter's rules", [f"{rule}: {text}" for rule, text in found if rule not in excused])
    report.equal("rules of the linter that are excused, each for a reason", {rule for rule, why in excused.items() if why.get("reason")}, said & set(excused))
    titles = [panel["title"] for board in boards.values() for panel in board["panels"] if panel["type"] == "stat"]
    report.equal("figures", sorted(titles), sorted(HEALTHY_FIGURES))
    # Few runs: promtool takes longer to start than to answer.
    tests = [*cases(boards), *apart(boards)]
    report.check("panels on sample data", run(promtool, tests), len(tests))
    wrong = case("a wrong figure", list(sample()), (dict(queries(boards[OVERVIEW]))["Expired"], 2))
    report.equal("a wrong figure is noticed", len(run(promtool, [wrong])), 1)


def run(promtool, tests):
    return promtool("test", {"groups": []}, {"rule_files": [], "tests": tests})
