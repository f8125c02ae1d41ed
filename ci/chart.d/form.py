"""What KubeSphere's console asks before an install, put into values.schema.json.

Its form shows a property with `form: true` by `type` and `title`, inside objects whose `type` is object, each under its own title and description. The
console of 4.1 does that even for an object without any question, unless it is hidden: where the path `hidden.value` leads in the values there has to be
`hidden.condition`, and a path that leads nowhere counts as null.
"""
NEVER = {"value": "none", "condition": None}


def ask(root, definitions, questions):
    """questions: dotted path → title, of values and of the objects that they are in."""
    for path, title in questions.items():
        node = root
        for key in path.split("."):
            node = node.get("properties", {}).get(key)
            if node is None:
                raise SystemExit(f"form: values.yaml has no {path}")
        node["title"] = title
        if "properties" not in node:
            for part in node.get("allOf", []):
                node.setdefault("type", definitions[part["$ref"].rsplit("/", 1)[-1]]["type"])
            node["form"] = True
    hide(root)


def hide(node):
    """Whether there is a question in it; objects without are hidden."""
    asked = node.get("form", False)
    for child in node.get("properties", {}).values():
        if hide(child):
            asked = True
        elif "properties" in child:
            child["hidden"] = NEVER
    return asked
