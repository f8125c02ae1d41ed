"""Grafana's two boards as tables: what expires next and what is wrong, and the details of what was chosen there."""
import queries
from panels import (DAYS, DAYS_LEFT, GOOD_AT_NONE, HORIZON_COLOURS, LAST_SUCCESS, LIFETIME, LOADED, PLACES, SHARE_LEFT, SOURCE, UP, bars, lines, row, stat, states, table)

OVERVIEW, DETAIL = "x509-certificate-exporter", "x509-certificate-exporter-detail"
# Of the overview's row, to the detail board: what is empty there is empty in the series, too.
TO_DETAIL = {"title": "Details", "url": f"/d/{DETAIL}?${{datasource:queryparam}}&${{__url_time_range}}" + "".join(
    f"&var-{name}=${{__data.fields.{field}:percentencode}}" for name, field in
    {"cluster": "Cluster", "namespace": "Namespace", "node": "Node", "place": "Name"}.items())}
# Namespaces of whatever is in one, by one query: label_values would ask for one label alone.
NAMESPACES = 'query_result(count by (object_namespace) (label_join({__name__=~"x509_cert_(not_after|error)",filepath=""}, "object_namespace", "", %s)))' % ", ".join(
    f'"{label}"' for label in queries.PLACE["object_namespace"])
CLUSTERS = 'label_values(x509_cert_not_after, cluster)'
ALL_OF = "{} in use, wherever they are: of objects of Kubernetes once, however many agents see them; of files once a node. Requests do not count."
WHERE = [*queries.COLUMNS[:5], "embedded_kind", "embedded_key", "node"]
AGENT = "{{node}} {{pod}}"


def variable(name, label, query, regex=""):
    return {"allValue": ".*", "allowCustomValue": True, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "datasource": SOURCE, "definition": query,
            "hide": 0, "includeAll": True, "label": label, "multi": True, "name": name, "options": [], "query": {"query": query, "refId": name},
            "refresh": 2, "regex": regex, "skipUrlSync": False, "sort": 1, "type": "query"}


def days(name, label, chosen, *offered):
    options = [{"selected": day == chosen, "text": str(day), "value": str(day)} for day in offered]
    return {"current": {"selected": True, "text": str(chosen), "value": str(chosen)}, "hide": 0, "includeAll": False, "label": label, "multi": False, "name": name,
            "options": options, "query": ",".join(map(str, offered)), "skipUrlSync": False, "type": "custom"}


DATASOURCE = {"current": {}, "hide": 0, "includeAll": False, "label": "Data source", "multi": False, "name": "datasource", "options": [], "query": "prometheus",
              "refresh": 1, "regex": "", "skipUrlSync": False, "type": "datasource"}
PLACE = {"current": {"selected": True, "text": ".*", "value": ".*"}, "hide": 0, "label": "Name or path", "name": "place",
         "options": [{"selected": True, "text": ".*", "value": ".*"}], "query": ".*", "skipUrlSync": False, "type": "textbox"}
CHOICES = [DATASOURCE, variable("cluster", "Cluster", CLUSTERS), variable("namespace", "Namespace", NAMESPACES, '/object_namespace="([^"]+)"/'),
           variable("node", "Node", "label_values(x509_source_up, node)")]

# (panel, width, height), from left to right and from top to bottom.
OVERVIEW_PANELS = [
    (stat("Certificates", ALL_OF.format("Certificates")), 4, 4),
    (stat("Expired", "Certificates whose last day has passed.", GOOD_AT_NONE), 4, 4),
    (stat("Within $critical days", "Certificates that expire within the critical number of days, without those expired.", GOOD_AT_NONE), 4, 4),
    (stat("Within $warning days", "Certificates that expire within the warning number of days, without those expired.", {None: "green", 1: "orange"}), 4, 4),
    (stat("Problems", "Places, with their reasons, that hold something the agents cannot read.", {None: "green", 1: "orange"}), 4, 4),
    (stat("Sources down", "Sources that fail as a whole: nothing of theirs is being watched.", GOOD_AT_NONE), 4, 4),
    (table("Soonest to expire", "The 50 certificates with the fewest days left, whatever holds them. Lifetime left is the share of the validity that remains: short-lived "
           "certificates have few days left all their life, and are renewed with a third of it left. A name leads to its details.",
           [*WHERE, *queries.CERTIFICATE], [DAYS_LEFT, SHARE_LEFT], ("Days left", False), hidden=["serial_number"], link=("Name", TO_DETAIL)), 24, 11),
    (bars("When they expire", "How many certificates expire in which span of days. A day belongs to the span that it begins.", list(queries.HORIZON),
          colours=HORIZON_COLOURS, orientation="vertical"), 10, 8),
    (bars("Problems by reason", "Places that cannot be read, by the reason; `none` when there are none.", ["{{reason}}"], {None: "green", 1: "orange"}), 7, 8),
    (bars("Where they are", "Certificates by what holds them. Other objects are ConfigMaps, CA bundles and kubeconfigs of member clusters.", list(queries.KEYS)), 7, 8),
    (table("What cannot be read", "A line for each place and reason; one line `none` when all is well.", ["reason", *WHERE], link=("Name", TO_DETAIL)), 24, 7),
    (table("Sources", "What each agent watches, whether that works now, when it last did, and how many places it holds.",
           ["source_name", "source_kind", "cluster", "node", "pod", "instance"], [UP, LAST_SUCCESS, PLACES], ("State", False)), 17, 8),
    (bars("Issuers", "The ten issuers with the most certificates.", ["{{issuer_CN}}"]), 7, 8),
]
DETAIL_PANELS = [
    *((table(f"Soonest to expire: {what}", f"The 50 certificates in {text} with the fewest days left, among those chosen above.", labels,
             [DAYS_LEFT, SHARE_LEFT, LIFETIME], ("Days left", False)), 24, 8)
      for (what, labels), text in zip(queries.KEYS.items(), ("Kubernetes Secrets", "ConfigMaps, CA bundles and kubeconfigs of member clusters", "files of nodes",
                                                             "kubeconfigs of nodes", "what servers serve, but for those on a node's loopback,"), strict=True)),
    (lines("Days left of the next to expire", "Of all certificates chosen above that have not expired. A renewal is a step up.", ["next"], decimals=1, steps=DAYS), 12, 8),
    (lines("Certificates over time", "By what holds them; those chosen above.", list(queries.KEYS)), 12, 8),
    (row("Servers"), 24, 1),
    (table("What servers show", "How each server was spoken to, whether its certificate verifies, and the revocation status that it sent along.",
           ["cluster", "endpoint_name", "endpoint_address", *queries.SHOWS]), 24, 7),
    (stat("Not yet served", "Servers that show an older certificate than their file holds: it was renewed and not loaded.", GOOD_AT_NONE), 4, 7),
    (table("Served beside on disk", "Servers that are compared with their file; days left are those of what is served.", queries.PAIR, [LOADED, DAYS_LEFT], ("Serves", True)), 20, 7),
    (row("Problems"), 24, 1),
    (lines("Problems over time", "Places that cannot be read, by the reason; `none` when there are none.", ["{{reason}}"]), 12, 8),
    (table("What is odd", "Certificates that are read well, and yet will fail somebody: they outlive their issuer, stand out of order, or another's key is beside them. "
           "One line `none` when all is well.", ["reason", *WHERE]), 12, 8),
    (row("Sources and agents"), 24, 1),
    (states("Sources over time", "Whether each source of each agent works.", "{{source_name}} {{node}} {{pod}}"), 12, 8),
    (lines("Time since the last success", "How long ago each source last read all that it should. Beyond 15 minutes it is stale.", ["{{source_name}} {{node}} {{pod}}"],
           unit="s"), 12, 8),
    (stat("Stale revocation lists", "Revocation lists whose next edition should have come by now.", GOOD_AT_NONE), 4, 8),
    (bars("Agents", "Agents that are scraped, by version.", ["{{version}}"]), 4, 8),
    (lines("Failed operations", "Operations that failed, a second, by source: reading a file, asking the API server.", ["{{source_name}}"], unit="ops", decimals=2), 16, 8),
    (row("What the agents cost"), 24, 1),
    (lines("Memory of the agents", "Resident memory of each agent.", [AGENT], unit="bytes", decimals=1), 8, 8),
    (lines("CPU of the agents", "Share of one core that each agent takes.", [AGENT], unit="percentunit", decimals=2), 8, 8),
    (lines("Time to answer a scrape", "Of each agent, the mean.", [AGENT], unit="s", decimals=2), 8, 8),
]


def laid_out(panels, names):
    """Panels with their numbers and places, and without the matchers of variables that the board does not have."""
    left, top, lowest = 0, 0, 0
    for number, (panel, width, height) in enumerate(panels, 1):
        if left + width > 24:
            left, top = 0, lowest
        asked = [{**target, "expr": queries.plain(target["expr"], names)} for target in panel.get("targets", [])]
        yield {**panel, **({"targets": asked} if asked else {}), "gridPos": {"h": height, "w": width, "x": left, "y": top}, "id": number}
        left, lowest = left + width, max(lowest, top + height)


def board(uid, title, description, variables, panels, to):
    names = [one["name"] for one in variables]
    other = {"asDropdown": False, "icon": "dashboard", "includeVars": True, "keepTime": True, "tags": [], "targetBlank": False, "title": to[0], "tooltip": "",
             "type": "link", "url": f"/d/{to[1]}"}
    return {"annotations": {"list": []}, "description": description, "editable": False, "fiscalYearStartMonth": 0, "graphTooltip": 1, "links": [other],
            "panels": list(laid_out(panels, names)), "refresh": "1m", "schemaVersion": 39, "tags": ["certificates", "tls", "x509"], "templating": {"list": variables},
            "time": {"from": "now-6h", "to": "now"}, "timepicker": {}, "timezone": "browser", "title": title, "uid": uid, "version": 1, "weekStart": ""}


BOARDS = [
    board(OVERVIEW, "X.509 certificates", "Which certificate expires next, where it is, and what cannot be read.",
          [*CHOICES, days("critical", "Critical days", 14, 7, 14, 21, 30), days("warning", "Warning days", 28, 14, 28, 30, 60, 90, 180)], OVERVIEW_PANELS,
          ("Details", DETAIL)),
    board(DETAIL, "X.509 certificates: details", "The certificates of a cluster, namespace, node or place, their history, the sources, and what the agents cost.",
          [*CHOICES, PLACE], DETAIL_PANELS, ("Overview", OVERVIEW)),
]
