"""Makes kubeconform's JSON schemas, strict: no field that the API does not know, no null.

k8s_schemas.py SWAGGER CRDS OUT     SWAGGER: api/openapi-spec/swagger.json of Kubernetes; CRDS: a folder of CustomResourceDefinitions
"""
import json
import pathlib
import sys

import yaml

PREFIX = "#/definitions/"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
WANTED = {"Pod", "Deployment", "StatefulSet", "DaemonSet", "Service", "ServiceAccount", "ConfigMap", "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
          "NetworkPolicy", "PodDisruptionBudget", "Namespace", "Job"}


def strict(node):
    """A copy that refuses unknown fields and accepts numbers where Kubernetes does."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: strict(value) for key, value in node.items() if not key.startswith("x-kubernetes-") and key not in ("description", "format", "default")}
    if isinstance(node.get("properties"), dict):
        made["properties"] = {key: strict(value) for key, value in node["properties"].items()}
        if "additionalProperties" not in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    return made


def closure(name, definitions):
    """The definitions that one of them refers to, itself included."""
    found, open_names = {}, [name]
    while open_names:
        name = open_names.pop()
        if name not in found:
            found[name] = definitions[name]
            open_names += [ref[len(PREFIX):] for ref in references(definitions[name])]
    return found


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def file_name(kind, group, version):
    """The name that kubeconform's {{.ResourceKind}}{{.KindSuffix}} gives."""
    return "-".join(filter(None, (kind.lower(), group.split(".")[0], version))) + ".json"


def from_swagger(path, out):
    definitions = json.loads(path.read_text(encoding="utf-8"))["definitions"]
    kinds = [(kind, name) for name, node in definitions.items() for kind in node.get("x-kubernetes-group-version-kind", []) if kind["kind"] in WANTED]
    made = {name: strict(node) for name, node in definitions.items()}
    made[QUANTITY] = {"type": ["number", "string"]}
    for kind, name in kinds:
        schema = {**made[name], "required": ["apiVersion", "kind", "metadata"], "definitions": closure(name, made)}
        (out / file_name(kind["kind"], kind["group"], kind["version"])).write_text(json.dumps(schema), encoding="utf-8")
    return len(kinds)


def from_crds(folder, out):
    count = 0
    for path in sorted(folder.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in crd["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            (out / file_name(crd["names"]["kind"], crd["group"], version["name"])).write_text(json.dumps(schema), encoding="utf-8")
            count += 1
    return count


if __name__ == "__main__":
    swagger, crds, target = map(pathlib.Path, sys.argv[1:4])
    target.mkdir(parents=True, exist_ok=True)
    print(f"{from_swagger(swagger, target)} kinds of Kubernetes, {from_crds(crds, target)} of the CRDs")
