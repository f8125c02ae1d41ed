"""Makes values.schema.json: types and defaults from values.yaml, descriptions from its comments, the rest from schema-types.yaml.

schema.py VALUES TYPES          prints the schema
"""
import copy
import json
import re
import sys

import yaml

import form

KEY = re.compile(r"^( *)([A-Za-z][A-Za-z0-9]*):(?: |$)")


def comments(text):
    """Dotted path of a key → the comment lines right above it."""
    found, above, stack = {}, [], []
    for line in text.splitlines():
        stripped = line.strip()
        key = KEY.match(line)
        if stripped.startswith("#"):
            above.append(stripped.lstrip("# ").strip())
        elif key:
            depth = len(key.group(1)) // 2
            stack = stack[:depth] + [key.group(2)]
            found[".".join(stack)] = " ".join(above)
            above = []
        else:
            above = []
    return found


class Maker:
    def __init__(self, types, descriptions):
        self.types, self.definitions, self.descriptions = types["types"], types["definitions"], descriptions
        self.used = set()

    def override(self, path):
        for key in (path, "*." + path.rsplit(".", 1)[-1]):
            if key in self.types:
                self.used.add(key)
                return self.types[key]
        return None

    def schema(self, path, default):
        override = self.override(path)
        made = {}
        if self.descriptions.get(path):
            made["description"] = self.descriptions[path]
        if override and "$ref" in override:
            made["allOf"] = [{"$ref": "#/definitions/" + override["$ref"]}]
        elif isinstance(default, dict) and (default or override is None) and "properties" not in (override or {}) and (override or {}).get("type") is None:
            if not default:
                raise SystemExit(f"{path}: an empty map; name it in schema-types.yaml")
            made["type"] = "object"
            made["properties"] = {key: self.schema(f"{path}.{key}".lstrip("."), value) for key, value in default.items()}
            made["additionalProperties"] = False
            made.update(override or {})
        else:
            made.update(self.plain(path, default, override))
        if not isinstance(default, dict):
            made["default"] = default
        return made

    @staticmethod
    def plain(path, default, override):
        kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
        if type(default) in kinds:
            return {"type": kinds[type(default)], **(override or {})}
        if not override or "type" not in override:
            raise SystemExit(f"{path}: its default has no type; name it in schema-types.yaml")
        return override


def refs(node):
    """{$ref: name} in schema-types.yaml → the full reference."""
    if isinstance(node, dict):
        return {k: "#/definitions/" + v if k == "$ref" and not v.startswith("#") else refs(v) for k, v in node.items()}
    return [refs(item) for item in node] if isinstance(node, list) else node


def plain_values(values_text):
    """files/defaults.yaml: what values.yaml says without its comments, for templates, which cannot read values.yaml."""
    return "# The defaults of values.yaml; made by UPDATE=1 ci/chart.\n" + yaml.safe_dump(yaml.safe_load(values_text), sort_keys=False, width=1000)


def make(values_text, types):
    values = yaml.safe_load(values_text)
    maker = Maker(types, comments(values_text))
    root = maker.schema("", values)
    root.pop("description", None)
    daemon_set = copy.deepcopy(root["properties"]["hostPathsExporter"])
    for key in ("daemonSets", "discovery"):
        del daemon_set["properties"][key]
    for key, node in daemon_set["properties"].items():
        node.pop("default", None)
        # An empty key is no override, as in the charts that this one follows.
        told = {"description": node.pop("description")} if "description" in node else {}
        daemon_set["properties"][key] = {**told, "anyOf": [node, {"type": "null"}]}
    daemon_set.update(type=["object", "null"], description="Settings of one DaemonSet, over the defaults of hostPathsExporter. null leaves it out.")
    for path, node in types["legacy"].items():
        *above, key = path.split(".")
        place = root
        for part in above:
            place = place["properties"][part]
        place["properties"][key] = node
    root["properties"]["enabled"] = {"type": "boolean", "description": "The condition of a parent chart; not used by this one."}
    form.ask(root, types["definitions"], types["form"])
    unused = set(maker.types) - maker.used
    if unused:
        raise SystemExit(f"schema-types.yaml names keys that values.yaml has not: {sorted(unused)}")
    missing = [path for path, text in maker.descriptions.items() if not text and leaf(values, path)]
    if missing:
        raise SystemExit(f"values.yaml: no comment above {missing}")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **refs(root),
        "definitions": refs({**maker.definitions, "daemonSet": daemon_set}),
    }


def leaf(values, path):
    """Whether a path is a value of its own: not a map with keys, nor inside a value that is one as a whole."""
    node = values
    for part in path.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    inside = re.search(r"(securityContext|SecurityContext|Probe|ruleLabels)\.", path)
    return not inside and not (isinstance(node, dict) and node)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file, open(sys.argv[2], encoding="utf-8") as other:
        print(json.dumps(make(file.read(), yaml.safe_load(other)), indent=2, ensure_ascii=False))
