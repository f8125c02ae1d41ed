{{/* What is served beside what is on disk: a DaemonSet like those of hostPathsExporter, in the host's network. */}}

{{/*
Adds it to the DaemonSets of hostPathsExporter, whose mounts, account and alerts it has; its key `served` holds its section, and tells it from the
others. It listens at the node's own address, which may be one of IPv6.
*/}}
{{- define "x509.init.served" -}}
{{- $served := .Values.servedExporter -}}
{{- if $served.enabled -}}
{{- $sets := .Values.hostPathsExporter.daemonSets -}}
{{- $set := omit $served "enabled" "distributions" "targets" "timeout" "port" "probePort" -}}
{{- $_ := set $set "served" $served -}}
{{- $_ := set $set "watchDistributions" $served.distributions -}}
{{- $_ := set $set "nodeSelector" (merge (deepCopy $served.nodeSelector) (dict "kubernetes.io/os" "linux")) -}}
{{- $_ := set $set "tolerations" ($served.tolerations | default (list (dict "operator" "Exists"))) -}}
{{- range $key := list "watchFiles" "watchDirectories" "watchSpecificExtensionDirectories" "watchKubeconfFiles" -}}{{- $_ := set $set $key list -}}{{- end -}}
{{- range $key := list "pkcs12" "jks" -}}{{- $_ := set $set $key dict -}}{{- end -}}
{{- $directories := $served.extraHostDirectories | default list -}}
{{- range $served.targets -}}{{- $directories = append $directories (dir .file) -}}{{- end -}}
{{- $_ := set $set "extraHostDirectories" (uniq $directories) -}}
{{- $address := dict "name" "HOST_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.hostIP")) -}}
{{- $_ := set $set "env" (prepend ($served.env | default list) $address) -}}
{{- $flags := list (printf "--listen-address=[$(HOST_IP)]:%d" (int $served.port)) -}}
{{- if int (include "x509.web" . | fromYaml).probe -}}{{- $flags = append $flags (printf "--probe.listen-address=[$(HOST_IP)]:%d" (int $served.probePort)) -}}{{- end -}}
{{- $_ := set $set "extraArgs" (concat $flags ($served.extraArgs | default list)) -}}
{{- $_ := set $sets "served" $set -}}
{{- end -}}
{{- end -}}

{{/* The ports of a pod, {metrics, probe}: {root, served?: the section}. */}}
{{- define "x509.ports" -}}
{{- $web := include "x509.web" .root | fromYaml -}}
{{- $ports := dict "metrics" (int .root.Values.podListenPort) "probe" (int $web.probe) -}}
{{- with .served -}}
{{- $_ := set $ports "metrics" (int .port) -}}
{{- if int $web.probe -}}{{- $_ := set $ports "probe" (int .probePort) -}}{{- end -}}
{{- end -}}
{{- toYaml $ports -}}
{{- end -}}

{{/* Its sources; takes the context of x509.host.resolve. */}}
{{- define "x509.served.sources" -}}
{{- $served := .v.served -}}{{- $sources := list -}}
{{- $every := dict "refreshInterval" $served.refreshInterval "timeout" $served.timeout -}}
{{- with .known -}}{{- $sources = append $sources (merge (dict "kind" "served" "name" "host-served" "distributions" .) (deepCopy $every)) -}}{{- end -}}
{{- with $served.targets -}}{{- $sources = append $sources (merge (dict "kind" "endpoint" "name" "host-served-targets" "targets" .) (deepCopy $every)) -}}{{- end -}}
{{- dict "sources" $sources | toYaml -}}
{{- end -}}
