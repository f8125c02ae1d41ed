"""Panels of Grafana, by kind: what differs from panel to panel is said in the tables of the boards, the rest here."""
import queries

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
VERSION = "11.1.0"
# Value from which on → colour. Days as the alerts have them by default; shares as they have them for objects.
DAYS = {None: "red", 14: "orange", 28: "green"}
SHARE = {None: "red", 7.5: "orange", 15: "green"}
AGE = {None: "green", 900: "red"}
GOOD_AT_NONE = {None: "green", 1: "red"}
REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
HORIZON_COLOURS = dict(zip(queries.HORIZON, ("dark-red", "red", "red", "orange", "yellow", "green", "green", "blue")))
HEADERS = {
    "kind": "Kind", "cluster": "Cluster", "object_namespace": "Namespace", "name": "Name", "key": "Key", "embedded_kind": "Part", "embedded_key": "Entry",
    "node": "Node", "subject_CN": "Subject", "issuer_CN": "Issuer", "serial_number": "Serial number", "ca": "CA", "reason": "Reason",
    "secret_namespace": "Namespace", "secret_name": "Secret", "secret_key": "Key", "configmap_namespace": "Namespace", "configmap_name": "ConfigMap",
    "configmap_key": "Key", "cabundle_resource_kind": "Resource", "cabundle_resource_name": "CA bundle", "cabundle_entry": "Webhook",
    "kubesphere_cluster": "Member cluster", "filepath": "Path", "pod": "Pod", "instance": "Instance", "source_kind": "Reads", "source_name": "Source",
    "endpoint_name": "Server", "endpoint_address": "Address", "protocol": "Protocol", "tls_version": "TLS", "verification": "Verification", "ocsp_status": "OCSP",
}


def thresholds(steps):
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps.items()]}


def override(name, **properties):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]}


def targets(title, legends=(), **how):
    asked = queries.QUERIES[title]
    told = legends or [None] * len(asked)
    return [{"datasource": SOURCE, "editorMode": "code", "expr": query, "refId": chr(ord("A") + index), **how, **({"legendFormat": legend} if legend else {})}
            for index, (query, legend) in enumerate(zip(asked, told, strict=True))]


def panel(kind, title, description, defaults, options, asked, overrides=(), **more):
    return {"datasource": SOURCE, "description": description, "fieldConfig": {"defaults": {"mappings": [], **defaults}, "overrides": list(overrides)},
            "options": options, "pluginVersion": VERSION, "targets": asked, "title": title, "type": kind, **more}


def stat(title, description, steps=None, unit="none", decimals=0):
    defaults = {"color": {"mode": "thresholds"}, "decimals": decimals, "thresholds": thresholds(steps or {None: "blue"}), "unit": unit}
    options = {"colorMode": "background", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "reduceOptions": REDUCED,
               "showPercentChange": False, "textMode": "value", "wideLayout": True}
    return panel("stat", title, description, defaults, options, targets(title, instant=True, range=False))


def bars(title, description, legends, steps=None, colours=None, orientation="horizontal"):
    defaults = {"color": {"mode": "thresholds"}, "decimals": 0, "min": 0, "thresholds": thresholds(steps or {None: "blue"}), "unit": "none"}
    options = {"displayMode": "basic", "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False}, "maxVizHeight": 300,
               "minVizHeight": 16, "minVizWidth": 8, "namePlacement": "auto", "orientation": orientation, "reduceOptions": REDUCED, "showUnfilled": True,
               "sizing": "auto", "valueMode": "color"}
    fixed = [override(name, color={"fixedColor": colour, "mode": "fixed"}) for name, colour in (colours or {}).items()]
    return panel("bargauge", title, description, defaults, options, targets(title, legends, instant=True, range=False), fixed)


def lines(title, description, legends, unit="none", decimals=0, steps=None):
    defaults = {"color": {"mode": "palette-classic"}, "decimals": decimals, "thresholds": thresholds(steps or {None: "text"}), "unit": unit, "custom": {
        "axisPlacement": "auto", "drawStyle": "line", "fillOpacity": 0, "lineInterpolation": "stepAfter" if unit == "none" else "linear", "lineWidth": 1,
        "showPoints": "never", "spanNulls": False, "thresholdsStyle": {"mode": "line" if steps else "off"}}}
    options = {"legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, defaults, options, targets(title, legends, instant=False, range=True))


def states(title, description, legend):
    mappings = [{"type": "value", "options": {"0": {"color": "red", "index": 1, "text": "down"}, "1": {"color": "green", "index": 0, "text": "up"}}}]
    defaults = {"color": {"mode": "thresholds"}, "mappings": mappings, "thresholds": thresholds({None: "red", 1: "green"}), "unit": "none",
                "custom": {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False}}
    options = {"alignValue": "left", "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False}, "mergeValues": True, "rowHeight": 0.9,
               "showValue": "never", "tooltip": {"mode": "single", "sort": "none"}}
    return panel("state-timeline", title, description, defaults, options, targets(title, [legend], instant=False, range=True))


def number_column(name, steps, unit="none", decimals=1, **more):
    return override(name, custom__cellOptions={"type": "color-text"}, custom__width=120, decimals=decimals, thresholds=thresholds(steps), unit=unit, **more)


# The values of a table's queries, in their order.
DAYS_LEFT = number_column("Days left", DAYS)
SHARE_LEFT = number_column("Lifetime left", SHARE, unit="percent")
LIFETIME = number_column("Lifetime", {None: "text"}, unit="d", decimals=0)
UP = override("State", custom__cellOptions={"type": "color-text"}, custom__width=90, thresholds=thresholds({None: "red", 1: "green"}), mappings=[
    {"type": "value", "options": {"0": {"color": "red", "index": 1, "text": "down"}, "1": {"color": "green", "index": 0, "text": "up"}}}])
LOADED = override("Serves", custom__cellOptions={"type": "color-text"}, custom__width=110, thresholds=thresholds({None: "green", 1: "red"}), mappings=[
    {"type": "value", "options": {"0": {"color": "green", "index": 0, "text": "the file's"}, "1": {"color": "red", "index": 1, "text": "an older one"}}}])
LAST_SUCCESS = number_column("Last success", AGE, unit="s", decimals=0)
PLACES = number_column("Places", {None: "text"}, decimals=0)


def table(title, description, labels, values=(), sort=None, hidden=(), link=None):
    """`values` are the columns of the queries' values; without any, the value says nothing and is left out."""
    asked = targets(title, format="table", instant=True, range=False)
    named = [value["matcher"]["options"] for value in values]
    raw = [f"Value #{target['refId']}" for target in asked] if len(asked) > 1 else ["Value"]
    headers = {**{label: HEADERS[label] for label in labels}, **dict(zip(raw, named))}
    leave_out = {"Time": True, **{label: True for label in hidden}, **({} if named else {"Value": True})}
    order = {column: index for index, column in enumerate([*dict(zip(raw, named)), *labels])}
    organize = {"id": "organize", "options": {"excludeByName": leave_out, "includeByName": {}, "indexByName": order, "renameByName": headers}}
    overrides = [*values, *([override(link[0], links=[link[1]])] if link else [])]
    defaults = {"color": {"mode": "thresholds"}, "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False},
                "thresholds": thresholds({None: "text"})}
    options = {"cellHeight": "sm", "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False}, "showHeader": True,
               "sortBy": [{"desc": sort[1], "displayName": sort[0]}] if sort else []}
    merge = [{"id": "merge", "options": {}}] if len(asked) > 1 else []
    return panel("table", title, description, defaults, options, asked, overrides, transformations=[*merge, organize])


def row(title):
    return {"collapsed": False, "panels": [], "title": title, "type": "row"}
