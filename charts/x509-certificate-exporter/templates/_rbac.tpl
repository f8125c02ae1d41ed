{{/* What the Deployment may do in this cluster: read, and only what a value asks for. */}}

{{/* The resources that each source reads, by API group: {root, namespace?}; with a namespace, what it reads there. */}}
{{- define "x509.rbac.resources" -}}
{{- $v := .root.Values -}}{{- $context := . -}}{{- $found := list -}}{{- $filtered := false -}}
{{- range $key := .root.x509.objects -}}
{{- $at := dict "root" $context.root "key" $key -}}
{{- $space := has $key (list "secrets" "certificateRequests") -}}
{{- $here := ternary $space true (hasKey $context "namespace") -}}
{{- if and $here $context.namespace -}}{{- $here = has $context.namespace (include "x509.objects.namespaces" $at | fromJson).names -}}{{- end -}}
{{- if $here -}}
{{- if $space -}}
{{- $from := index $v (include "x509.objects.namespaced" $at) -}}
{{- $filtered = or $filtered (not (empty $from.includeNamespaceLabels)) (not (empty $from.excludeNamespaceLabels)) -}}
{{- end -}}
{{- if eq $key "secrets" -}}
{{- if $v.secretsExporter.secretTypes -}}{{- $found = append $found "secrets" -}}{{- end -}}
{{- if $v.secretsExporter.configMapKeys -}}{{- $found = append $found "configmaps" -}}{{- end -}}
{{- else if eq $key "cabundles" -}}
{{- $kinds := dict "mutating" "mutatingwebhookconfigurations" "validating" "validatingwebhookconfigurations" "apiservice" "apiservices" "crdConversion" "customresourcedefinitions" -}}
{{- range $switch, $kind := $kinds -}}{{- if index $v.cabundlesExporter.resources $switch -}}{{- $found = append $found $kind -}}{{- end -}}{{- end -}}
{{- else -}}
{{- $found = append $found (index (dict "certificateSigningRequests" "certificatesigningrequests" "certificateRequests" "certificaterequests" "kubesphereClusters" "clusters") $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $filtered -}}{{- $found = append $found "namespaces" -}}{{- end -}}
{{- dict "names" $found | toJson -}}
{{- end -}}

{{/* The rules of a role: {root, namespace?}. */}}
{{- define "x509.rbac.rules" -}}
{{- $rules := list -}}{{- $names := (include "x509.rbac.resources" . | fromJson).names -}}
{{- $groups := dict "" (list "secrets" "configmaps" "namespaces") "admissionregistration.k8s.io" (list "mutatingwebhookconfigurations" "validatingwebhookconfigurations") -}}
{{- $_ := set $groups "apiregistration.k8s.io" (list "apiservices") -}}
{{- $_ := set $groups "apiextensions.k8s.io" (list "customresourcedefinitions") -}}
{{- $_ := set $groups "certificates.k8s.io" (list "certificatesigningrequests") -}}
{{- $_ := set $groups "cert-manager.io" (list "certificaterequests") -}}
{{- $_ := set $groups "cluster.kubesphere.io" (list "clusters") -}}
{{- range $group, $resources := $groups -}}
{{- $wanted := list -}}
{{- range $resources -}}{{- if has . $names -}}{{- $wanted = append $wanted . -}}{{- end -}}{{- end -}}
{{- with $wanted -}}{{- $rules = append $rules (dict "apiGroups" (list $group) "resources" . "verbs" (list "list" "watch")) -}}{{- end -}}
{{- end -}}
{{- with .namespace -}}
{{- with index (include "x509.rbac.passphrases" $.root | fromJson) . -}}
{{- $rules = append $rules (dict "apiGroups" (list "") "resources" (list "secrets") "resourceNames" . "verbs" (list "list" "watch")) -}}
{{- end -}}
{{- end -}}
{{- with $rules -}}{{- toYaml . -}}{{- end -}}
{{- end -}}
