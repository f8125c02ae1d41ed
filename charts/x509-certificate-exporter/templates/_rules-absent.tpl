{{/*
What these values promise and no agent tells of: {root, sources}. The operator's monitors give each target its namespace and pod, which keep
two releases apart; without a monitor there is no telling how targets are labelled.
*/}}
{{- define "x509.rules.absent" -}}
{{- $root := .root -}}{{- $v := .root.Values -}}
{{- $ours := "" -}}
{{- if or $v.prometheusServiceMonitor.create $v.prometheusPodMonitor.create -}}
{{- $ours = printf "namespace=%q,pod=~%q" (include "x509.namespace" $root) (printf "%s-.*" (include "x509.fullname" $root)) -}}
{{- end -}}
{{- $exporter := printf "absent(x509_exporter_build_info%s)" (ternary (printf "{%s}" $ours) "" (ne $ours "")) -}}
{{- if not .sources -}}
{{- $exporter -}}
{{- else -}}
{{- $names := list -}}
{{- if $v.secretsExporter.enabled -}}{{- $names = append $names "cluster-secrets" -}}{{- end -}}
{{- range $name, $own := $v.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $root "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- $kind := ternary "host-paths" (ternary "host-kubeconfigs" "host-discovery" (not (empty $host.kubeconfigs))) (not (empty $host.paths)) -}}
{{- $names = append $names (printf "%s-%s" $kind $name) -}}
{{- end -}}
{{- $absent := list -}}
{{- range $names -}}
{{- $absent = append $absent (printf "absent(x509_source_up{%s})" (join "," (compact (list (printf "source_name=%q" .) $ours)))) -}}
{{- end -}}
{{- printf "(\n  %s\n) unless on () %s" (join "\n  or\n  " $absent) $exporter -}}
{{- end -}}
{{- end -}}
