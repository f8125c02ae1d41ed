# shellcheck shell=bash
# An object of each kind that can be watched, for the story of privileges. To be sourced after objects.sh.

CERT_MANAGER=$("$ROOT/ci/tools/build" --dir github.com/cert-manager/cert-manager)/deploy/crds/cert-manager.io_certificaterequests.yaml
KUBESPHERE=$FILES/kubesphere-clusters.yaml
CRD=e2eprivileges.e2e-privileges.example.com
API_SERVICE=v1.e2e-privileges.example.com

# source_of RESOURCE: the kind of the source that reads it.
source_of() {
    case $1 in
    secrets) echo kubernetes ;;
    configmaps) echo configmap ;;
    *webhookconfigurations | apiservices | customresourcedefinitions) echo cabundle ;;
    certificatesigningrequests) echo csr ;;
    certificaterequests | namespaces) echo certificaterequest ;; # its namespaces are told apart by labels
    clusters) echo kubesphere ;;
    *) die "no source is known to read $1" ;;
    esac
}

objects() {
    local kind
    for kind in "$CERT_MANAGER" "$KUBESPHERE"; do k apply --server-side -f "$kind" >/dev/null; done
    wait_until 60 "the kinds are served" k wait --for=condition=Established --timeout=10s crd/certificaterequests.cert-manager.io crd/clusters.cluster.kubesphere.io
    certificates roots hook request
    kubeconfig privileges-member 48h
    kn create configmap roots --from-file=ca.crt="$WORK/roots.crt" >/dev/null
    openssl req -new -key "$WORK/request.key" -subj /O=e2e/CN=e2e-privileges -out "$WORK/csr" 2>/dev/null
    for kind in Validating Mutating; do
        put <<END
{apiVersion: admissionregistration.k8s.io/v1, kind: ${kind}WebhookConfiguration, metadata: {name: e2e-privileges}, webhooks: [
  {name: first.e2e.example.com, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, rules: [],
   clientConfig: {url: 'https://nobody.example', caBundle: $(base64_pem hook)}}]}
END
    done
    put <<END
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: $API_SERVICE}, spec: {group: ${API_SERVICE#v1.}, version: v1,
 groupPriorityMinimum: 10, versionPriority: 10, service: {namespace: $NAMESPACE, name: nobody}, caBundle: $(base64_pem hook)}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: $CRD}, spec: {group: ${CRD#*.}, scope: Namespaced,
 names: {kind: E2ePrivilege, plural: ${CRD%%.*}}, versions: [{name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}],
 conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {namespace: $NAMESPACE, name: nobody}, caBundle: $(base64_pem hook)}}}}}
---
{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {name: e2e-privileges},
 spec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: $(base64 -w0 "$WORK/csr")}}
---
{apiVersion: cert-manager.io/v1, kind: CertificateRequest, metadata: {name: request, namespace: $NAMESPACE},
 spec: {issuerRef: {name: nobody}, request: $(base64 -w0 "$WORK/csr")}}
---
{apiVersion: cluster.kubesphere.io/v1alpha1, kind: Cluster, metadata: {name: member},
 spec: {connection: {type: direct, kubeconfig: $(base64 -w0 "$WORK/privileges-member.conf")}}}
END
    k certificate approve e2e-privileges >/dev/null
    kn patch certificaterequest request --subresource=status --type=merge -p "{\"status\": {\"certificate\": \"$(base64_pem request)\",
        \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\", \"reason\": \"Issued\"}]}}" >/dev/null
}

# Certificates of every kind of source, and of each of four kinds of CA bundles.
all_there() {
    local label
    for label in secret_name configmap_name csr_name certificaterequest_name kubesphere_cluster; do [[ -n $(series "$label=") ]] || return 1; done
    [[ $(series cabundle_resource_name= | wc -l) == 4 && -z $(lines x509_source_up | grep ' 0$') ]]
}

clear_away() {
    if node node0 grep -q WatchList=false "$MANIFEST"; then streams true; fi
    node node0 rm -rf "$FOLDER"
    k delete csr/e2e-privileges {validating,mutating}webhookconfiguration/e2e-privileges "apiservice/$API_SERVICE" "crd/$CRD" --ignore-not-found >/dev/null
    k delete -f "$CERT_MANAGER" -f "$KUBESPHERE" --ignore-not-found --wait >/dev/null
}
