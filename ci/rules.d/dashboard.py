"""The dashboard as data: its panels and queries, and what is wrong with its shape."""
import json
import re

MODERN = {"stat", "table", "timeseries", "bargauge", "gauge", "piechart", "row", "text"}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def variables(board):
    """Variable → its current value; the data source has none."""
    return {v["name"]: v["current"].get("value") for v in board["templating"]["list"] if v["type"] == "custom"}


def queries(board):
    """(panel, query with the variables put in)"""
    values = variables(board)
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found.group(1), found.group(0)), target["expr"])


def shape(board, text):
    if text != json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n":
        yield "its keys are not sorted, or it is not indented by two"
    if board["schemaVersion"] < 39 or board.get("id"):
        yield "an old schema, or an id of its own"
    if [v["query"] for v in board["templating"]["list"] if v["type"] == "datasource"] != ["prometheus"]:
        yield "no data source variable"
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        yield "an id twice"
    titles = [panel["title"] for panel in board["panels"]]
    if len(set(titles)) != len(titles):
        yield "a title twice"
    taken = set()
    for panel in board["panels"]:
        name, grid = panel["title"], panel["gridPos"]
        if panel["type"] not in MODERN:
            yield f"{name}: {panel['type']} is no modern panel"
        if not panel.get("description"):
            yield f"{name}: no description"
        if {source["uid"] for source in (panel["datasource"], *[t["datasource"] for t in panel["targets"]])} != {"${datasource}"}:
            yield f"{name}: its data source is not the variable"
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        if cells & taken or grid["x"] + grid["w"] > 24:
            yield f"{name}: lies over another panel or past the edge"
        taken |= cells
