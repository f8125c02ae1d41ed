{{/*
What these values promise and no agent tells of: {root, sources}. The operator's monitors give each target its namespace and pod, which keep
two releases apart; without a monitor there is no telling how targets are labelled.
*/}}
{{- define "x509.rules.absent" -}}
{{- $root := .root -}}{{- $v := .root.Values -}}{{- $full := include "x509.fullname" .root -}}
{{- $pods := dict -}}{{- $shared := "" -}}
{{- with first $root.x509.objects -}}
{{- $name := (index (include "x509.objects.known" $root | fromYaml) .).name -}}
{{- $_ := set $pods $name (include "x509.rules.pods" (dict "base" $full "hash" true)) -}}
{{- if $root.x509.sharded -}}{{- $shared = $name -}}{{- $_ := set $pods $name (printf "%s-[0-9]+" (include "x509.shards.name" $root)) -}}{{- end -}}
{{- end -}}
{{- range $name, $own := $v.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $root "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- $kind := ternary "host-paths" (ternary "host-kubeconfigs" "host-discovery" (not (empty $host.kubeconfigs))) (not (empty $host.paths)) -}}
{{- $source := printf "%s-%s" $kind $name -}}
{{- if $host.v.served -}}{{- $source = ternary "host-served-targets" "host-served" (empty $host.known) -}}{{- end -}}
{{- $_ := set $pods $source (include "x509.rules.pods" (dict "base" (printf "%s-%s" $full $name))) -}}
{{- end -}}
{{- if $root.x509.endpoints -}}{{- $_ := set $pods "endpoints" (include "x509.rules.pods" (dict "base" (printf "%s-endpoints" $full) "hash" true)) -}}{{- end -}}
{{- $monitored := or $v.prometheusServiceMonitor.create $v.prometheusPodMonitor.create -}}
{{- $namespace := printf "namespace=%q" (include "x509.namespace" $root) -}}
{{- $all := values $pods | sortAlpha | uniq | join "|" -}}
{{- $exporter := printf "absent(x509_exporter_build_info%s)" (ternary (printf "{%s,pod=~%q}" $namespace $all) "" $monitored) -}}
{{- if not .sources -}}
{{- $exporter -}}
{{- else -}}
{{- $absent := list -}}
{{- range $source := keys $pods | sortAlpha -}}
{{- $ours := ternary (list $namespace (printf "pod=~%q" (index $pods $source))) list $monitored -}}
{{- $up := printf "x509_source_up{%s}" (concat (list (printf "source_name=%q" $source)) $ours | join ",") -}}
{{- $absent = append $absent (printf "absent(%s)" $up) -}}
{{- if eq $source $shared -}}
{{- $absent = append $absent (printf "count by (source_name, namespace) (max by (source_name, namespace, instance) (%s)) < %d" $up (int $v.secretsExporter.shards)) -}}
{{- end -}}
{{- end -}}
{{- printf "(\n  %s\n) unless on () %s" (join "\n  or\n  " $absent) $exporter -}}
{{- end -}}
{{- end -}}

{{/* An expression for the names of a workload's pods: {base, hash?: of a Deployment}. Kubernetes cuts what it makes a name from to 58 characters. */}}
{{- define "x509.rules.pods" -}}
{{- $long := gt (add (len .base) (ternary 12 1 (default false .hash))) 58 -}}
{{- if $long -}}{{- printf "%s.*" (printf "%s-" .base | trunc 58) -}}{{- else -}}{{- printf "%s-%s[a-z0-9]+" .base (ternary "[a-z0-9]+-" "" (default false .hash)) -}}{{- end -}}
{{- end -}}

{{/* Seconds without a success after which a source that claims to work is stale: three looks of the slowest, at least the minutes of the values. */}}
{{- define "x509.rules.stale" -}}
{{- $root := . -}}{{- $most := mul 60 .Values.prometheusRules.sourceStaleMinutes -}}
{{- range $name, $own := .Values.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $root "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- $most = max $most (include "x509.seconds" $host.v.refreshInterval | mulf 3 | ceil | int) -}}
{{- end -}}
{{- if .x509.endpoints -}}{{- $most = max $most (include "x509.seconds" .Values.endpointsExporter.refreshInterval | mulf 3 | ceil | int) -}}{{- end -}}
{{- $most -}}
{{- end -}}

{{/* A duration, as the agent takes them, in seconds. */}}
{{- define "x509.seconds" -}}
{{- $text := . -}}{{- $sum := 0.0 -}}
{{- range $unit, $seconds := dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 -}}
{{- $sum = addf $sum (mulf $seconds (regexFind (printf "[0-9.]+%s([0-9]|$)" $unit) $text | regexFind "^[0-9.]+" | float64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
