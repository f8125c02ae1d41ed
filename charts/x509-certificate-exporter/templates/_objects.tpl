{{/* Sources of Kubernetes objects: which there are, and the agent's configuration of each. All are watched by the one Deployment, or shared out among the pods of a StatefulSet. */}}

{{/* What `clusters[].sources` may name, each with its kind and its name in the agent's configuration; its values are those of <key>Exporter. */}}
{{- define "x509.objects.known" -}}
secrets: {kind: kubernetes, name: cluster-secrets}
cabundles: {kind: cabundle, name: cluster-cabundles}
certificateSigningRequests: {kind: csr, name: cluster-csrs}
certificateRequests: {kind: certificaterequest, name: cluster-certificaterequests}
kubesphereClusters: {kind: kubesphere, name: cluster-kubesphere}
{{- end -}}

{{/* Notes in .x509.objects the keys of those that are enabled, in the order in which they are told. */}}
{{- define "x509.init.objects" -}}
{{- $enabled := list -}}
{{- range $key := list "secrets" "cabundles" "certificateSigningRequests" "certificateRequests" "kubesphereClusters" -}}
{{- if (index $.Values (printf "%sExporter" $key)).enabled -}}{{- $enabled = append $enabled $key -}}{{- end -}}
{{- end -}}
{{- $_ := set .x509 "objects" $enabled -}}
{{- $_ := set .x509 "sharded" (gt (int .Values.secretsExporter.shards) 1) -}}
{{- end -}}

{{/* The StatefulSet's name: Kubernetes makes a label of it and eleven characters more, which has room for 63. */}}
{{- define "x509.shards.name" -}}
{{- include "x509.fullname" . | trunc 52 | trimAll "-." -}}
{{- end -}}

{{/* The section whose keys for namespaces count for a source: {root, key}. */}}
{{- define "x509.objects.namespaced" -}}
{{- $own := .root.Values.certificateRequestsExporter -}}
{{- $set := or $own.includeNamespaces $own.excludeNamespaces $own.includeNamespaceLabels $own.excludeNamespaceLabels -}}
{{- ternary "certificateRequestsExporter" "secretsExporter" (and (eq .key "certificateRequests") (not (empty $set))) -}}
{{- end -}}

{{/* The namespaces that a source is to watch in this cluster, as JSON {names}; without cluster rights the release's own if none is named: {root, key}. */}}
{{- define "x509.objects.namespaces" -}}
{{- $v := .root.Values -}}
{{- $own := ternary (list (include "x509.namespace" .root)) list (eq $v.rbac.mode "namespaced") -}}
{{- dict "names" ((index $v (include "x509.objects.namespaced" .)).includeNamespaces | default $own) | toJson -}}
{{- end -}}

{{/* A source: {root, key, member?: one of `clusters`}. */}}
{{- define "x509.objects.source" -}}
{{- $v := .root.Values -}}{{- $known := index (include "x509.objects.known" . | fromYaml) .key -}}
{{- $own := index $v (printf "%sExporter" .key) -}}
{{- $source := dict "kind" $known.kind "name" $known.name -}}
{{- with $v.clusterName -}}{{- $_ := set $source "cluster" . -}}{{- end -}}
{{- with .member -}}
{{- $_ := set $source "cluster" .name -}}
{{- $_ := set $source "name" (printf "%s-%s" $known.name .name) -}}
{{- $_ := set $source "kubeconfig" (printf "/etc/x509-certificate-exporter/clusters/%s/kubeconfig" .name) -}}
{{- end -}}
{{- with $v.secretsExporter.listPageSize -}}{{- $_ := set $source "listPageSize" (min 1000 (int .)) -}}{{- end -}}
{{- with $v.secretsExporter.kubeApiRateLimits -}}
{{- if .enabled -}}{{- $_ := set $source "rateLimit" (dict "qps" .queriesPerSecond "burst" (int .burstQueries)) -}}{{- end -}}
{{- end -}}
{{- if has .key (list "secrets" "certificateRequests") -}}
{{- $from := index $v (include "x509.objects.namespaced" .) -}}
{{- $names := ternary $from.includeNamespaces (include "x509.objects.namespaces" . | fromJson).names (not (empty .member)) | default list -}}
{{- $namespaces := dict "include" $names "exclude" ($from.excludeNamespaces | default list) -}}
{{- $_ := set $namespaces "includeLabels" ($from.includeNamespaceLabels | default list) -}}
{{- $_ := set $namespaces "excludeLabels" ($from.excludeNamespaceLabels | default list) -}}
{{- $_ := set $source "namespaces" $namespaces -}}
{{- end -}}
{{- if eq .key "secrets" -}}
{{- $source = merge $source (include "x509.config.secrets" .root | fromYaml) -}}
{{- else -}}
{{- $filter := dict "include" ($own.includeNames | default list) "exclude" ($own.excludeNames | default list) -}}
{{- range $key := list "includeLabels" "excludeLabels" "exposeLabels" -}}{{- $_ := set $filter $key (index $own $key | default list) -}}{{- end -}}
{{- if eq .key "cabundles" -}}{{- $filter = dict "cabundles" (set $filter "resources" $own.resources) -}}{{- end -}}
{{- with $own.signers -}}{{- $_ := set $filter "signers" . -}}{{- end -}}
{{- $source = merge $source $filter -}}
{{- end -}}
{{- toYaml $source -}}
{{- end -}}
