{{/*
The values as the templates see them. Every template calls x509.init first; only the first call does anything. It makes `.Values` a copy
with every key of this chart in it (values of another chart of this name have none of ours: --reuse-values, KubeSphere's console), old
keys under their new names, and what follows from one value for others. Nothing here is random or asks the cluster.
*/}}
{{- define "x509.init" -}}
{{- if not (hasKey . "x509") -}}
{{- $values := deepCopy .Values -}}
{{- $foreign := not (and (hasKey $values "installer") (hasKey $values "monitoring") (hasKey $values "kubesphere") (hasKey $values "openshift")) -}}
{{- $silent := and $foreign (not (dig "discovery" false ($values.hostPathsExporter | default dict))) -}}
{{- $_ := set . "x509" (dict "foreign" $foreign "notes" list "unknown" list) -}}
{{- include "x509.compat" (dict "values" $values "x509" .x509) -}}
{{- include "x509.fill" (dict "to" $values "from" (.Files.Get "files/defaults.yaml" | fromYaml) "all" $foreign) -}}
{{- if or $silent (and $values.upgradeFrom (not $foreign)) -}}{{- $_ := set $values.hostPathsExporter.discovery "enabled" false -}}{{- end -}}
{{- $_ := set . "Values" $values -}}
{{- include "x509.init.installer" . -}}
{{- include "x509.init.objects" . -}}
{{- include "x509.init.hosts" . -}}
{{- include "x509.init.kinds" . -}}
{{- end -}}
{{- end -}}

{{/*
Puts in what is missing: {to, from, all}. A key that was set to null counts as missing, but for those where null is how one takes a default
away; in values of another chart those are missing too.
*/}}
{{- define "x509.fill" -}}
{{- $to := .to -}}{{- $all := .all -}}
{{- $own := list "securityContext" "podSecurityContext" "readinessProbe" "livenessProbe" "hostPathVolumeType" -}}
{{- range $key, $default := .from -}}
{{- $there := index $to $key -}}
{{- if kindIs "invalid" $there -}}
{{- if and (or $all (not (has $key $own))) (not (kindIs "invalid" $default)) -}}{{- $_ := set $to $key (deepCopy $default) -}}{{- end -}}
{{- else if and (kindIs "map" $default) (kindIs "map" $there) (not (has $key $own)) -}}
{{- include "x509.fill" (dict "to" $there "from" $default "all" $all) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What an installer without all rights may not create is not rendered. */}}
{{- define "x509.init.installer" -}}
{{- $v := .Values -}}
{{- if not $v.rbac.mode -}}{{- $_ := set $v.rbac "mode" (ternary "cluster" "namespaced" (eq $v.installer "cluster-admin")) -}}{{- end -}}
{{- if eq $v.installer "project-operator" -}}
{{- range $part := list $v.rbac $v.prometheusServiceMonitor $v.prometheusPodMonitor $v.prometheusRules -}}{{- $_ := set $part "create" false -}}{{- end -}}
{{- $_ := set $v.kubesphere "createDashboard" false -}}
{{- $_ := set $v.openshift "scc" "" -}}
{{- if not $v.rbac.secretsExporter.serviceAccountName -}}{{- $_ := set $v.secretsExporter "enabled" false -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The DaemonSets that are rendered: the user's, or the built-in one, and that of servedExporter. */}}
{{- define "x509.init.hosts" -}}
{{- $host := .Values.hostPathsExporter -}}
{{- $sets := dict -}}
{{- range $name, $own := $host.daemonSets -}}
{{- if not (kindIs "invalid" $own) -}}{{- $_ := set $sets $name $own -}}{{- end -}}
{{- end -}}
{{- if and (not $sets) $host.discovery.enabled -}}
{{- $nodes := dict "watchDistributions" $host.discovery.distributions -}}
{{- $_ := set $nodes "nodeSelector" (merge (deepCopy $host.nodeSelector) (dict "kubernetes.io/os" "linux")) -}}
{{- $_ := set $nodes "tolerations" ($host.tolerations | default (list (dict "operator" "Exists"))) -}}
{{- $_ := set $sets "nodes" $nodes -}}
{{- $_ := set .x509 "builtin" true -}}
{{- end -}}
{{- $_ := set $host "daemonSets" $sets -}}
{{- $_ := set .x509 "hosts" (keys $sets | sortAlpha) -}}
{{- include "x509.init.served" . -}}
{{- $_ := set .x509 "endpoints" .Values.endpointsExporter.enabled -}}
{{- $_ := set .x509 "watching" (not (and (empty .x509.objects) (empty $sets) (not .x509.endpoints))) -}}
{{- end -}}
