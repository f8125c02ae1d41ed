"""The rights of the Deployment's account are those that its configuration asks for, no fewer and no more."""
import yaml

import cross

VERBS = {"list", "watch"}
CA_BUNDLES = {
    "mutating": ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"), "validating": ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    "apiservice": ("apiregistration.k8s.io", "apiservices"), "crdConversion": ("apiextensions.k8s.io", "customresourcedefinitions"),
}
OBJECTS = {"csr": ("certificates.k8s.io", "certificatesigningrequests"), "certificaterequest": ("cert-manager.io", "certificaterequests"), "kubesphere": ("cluster.kubesphere.io", "clusters")}
NAMESPACED = {"kubernetes", "certificaterequest"}


def asked(source):
    """(group, resource) of what a source reads."""
    namespaces = source.get("namespaces", {})
    if namespaces.get("includeLabels") or namespaces.get("excludeLabels"):
        yield "", "namespaces"
    if source["kind"] == "kubernetes":
        yield from (("", kind.lower()) for kind in ("secrets", "configMaps") if kind in source)
    elif source["kind"] == "cabundle":
        yield from (CA_BUNDLES[kind] for kind, wanted in source["cabundles"]["resources"].items() if wanted)
    else:
        yield OBJECTS[source["kind"]]


def passphrases(sources):
    """(namespace, name) of the Secrets that keystores' passphrases are read from by name."""
    for source in sources:
        for one in source.get("secrets", {}).get("types", []):
            for store in ("pkcs12", "jks"):
                ref = one.get(store, {}).get("passphraseSecretRef", {})
                if ref.get("namespace"):
                    yield ref["namespace"], ref["name"]


def everything(objects):
    roles = cross.of(objects, *cross.ROLES)
    workloads = cross.watchers(objects) if roles else []
    sources = [source for item in workloads for source in yaml.safe_load(cross.config_of(objects, item) or "{sources: []}")["sources"] if "kubeconfig" not in source]
    places = {cross.place(role) for role in roles}
    if "" not in places:
        for source in sources:
            if source["kind"] in NAMESPACED and set(source["namespaces"]["include"]) - places:
                yield f"source {source['name']}: no role in {sorted(set(source['namespaces']['include']) - places)}"
    for role in roles:
        place, given, named = cross.place(role), set(), set()
        for rule in role["rules"]:
            if set(rule["verbs"]) != VERBS:
                yield f"{cross.title(role)}: {rule}"
            kinds = {(group, resource) for group in rule["apiGroups"] for resource in rule["resources"]}
            if "resourceNames" in rule:
                named |= {(place, name) for name in rule["resourceNames"] if kinds == {("", "secrets")}}
            else:
                given |= kinds
        here = [source for source in sources if not place or source["kind"] in NAMESPACED and place in source["namespaces"]["include"]]
        wanted = {one for source in here for one in asked(source)}
        if given != wanted:
            yield f"{cross.title(role)} in {place or 'the cluster'}: {sorted(given - wanted)} is not needed, {sorted(wanted - given)} is missing"
        elsewhere = {one for one in passphrases(sources) if one[0] == place and ("", "secrets") not in given}
        if named != elsewhere:
            yield f"{cross.title(role)} in {place}: by name {sorted(named)}, needed {sorted(elsewhere)}"
