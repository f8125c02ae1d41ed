{{/* The agent's configuration, built as data and printed once, so that no value can break its YAML. */}}

{{/* What every agent shares: {root, debug}. */}}
{{- define "x509.config.common" -}}
{{- $values := .root.Values -}}
{{- $metrics := dict "exposeRelative" $values.exposeRelativeMetrics "exposePerCertError" $values.exposePerCertificateErrorMetrics -}}
{{- $_ := set $metrics "exposeNotBefore" $values.exposeNotBeforeMetric -}}
{{- $_ := set $metrics "exposeExpired" $values.exposeExpiredMetric -}}
{{- if $values.exposeInfoMetric -}}{{- $_ := set $metrics "exposeInfo" true -}}{{- end -}}
{{- with $values.metricLabelsFilterList -}}
{{- $listed := . -}}
{{- range $prefix, $key := dict "subject_" "exposeSubjectFields" "issuer_" "exposeIssuerFields" -}}
{{- $fields := list -}}
{{- range $field := list "C" "ST" "L" "O" "OU" "CN" -}}
{{- if has (print $prefix $field) $listed -}}{{- $fields = append $fields $field -}}{{- end -}}
{{- end -}}
{{- $_ := set $metrics $key ($fields | default (list "none")) -}}
{{- end -}}
{{- end -}}
{{- $config := dict "metrics" $metrics "web" (dict "enableStats" $values.web.enableStats) -}}
{{- $_ := set $config "server" (include "x509.web.server" .root | fromYaml) -}}
{{- $_ := set $config "log" (dict "level" (.debug | ternary "debug" "info") "format" $values.log.format) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* That of the pods that watch objects: each source of objects in this cluster, then in each of the others. */}}
{{- define "x509.config.objects" -}}
{{- $sources := list -}}
{{- range $key := .x509.objects -}}
{{- $sources = append $sources (include "x509.objects.source" (dict "root" $ "key" $key) | fromYaml) -}}
{{- end -}}
{{- range $member := .Values.clusters -}}
{{- range $key := $.x509.objects -}}
{{- if has $key ($member.sources | default $.x509.objects) -}}
{{- $sources = append $sources (include "x509.objects.source" (dict "root" $ "key" $key "member" $member) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $config := include "x509.config.common" (dict "root" . "debug" .Values.secretsExporter.debugMode) | fromYaml -}}
{{- if .x509.sharded -}}{{- $_ := set $config "shard" (dict "total" (int .Values.secretsExporter.shards)) -}}{{- end -}}
{{- toYaml (set $config "sources" $sources) -}}
{{- end -}}

{{/* A DaemonSet's: files and kubeconfigs, or what is served, host paths as typed. Takes the context of x509.host.resolve. */}}
{{- define "x509.config.host" -}}
{{- $sources := list -}}
{{- $keys := ternary (dict "comparePrivateKeys" true) dict (eq true .v.comparePrivateKeys) -}}
{{- with .paths -}}
{{- $source := dict "kind" "file" "name" (printf "host-paths-%s" $.name) "paths" . "followSymlinks" (not $.v.skipSymlinks) -}}
{{- $sources = append $sources (merge $source $keys (include "x509.host.keystores" $ | fromYaml)) -}}
{{- end -}}
{{- with .kubeconfigs -}}
{{- $sources = append $sources (merge (dict "kind" "kubeconfig" "name" (printf "host-kubeconfigs-%s" $.name) "paths" .) $keys) -}}
{{- end -}}
{{- if .v.served -}}
{{- $sources = (include "x509.served.sources" . | fromYaml).sources -}}
{{- else if .known -}}
{{- $source := dict "kind" "discovery" "name" (printf "host-discovery-%s" $.name) "distributions" .known "followSymlinks" (not $.v.skipSymlinks) -}}
{{- $sources = append $sources (merge $source $keys) -}}
{{- end -}}
{{- $config := include "x509.config.common" (dict "root" .root "debug" .v.debugMode) | fromYaml -}}
{{- $_ := set $config "hostRoot" "/host" -}}
{{- if .v.served -}}
{{- $ports := include "x509.ports" (dict "root" .root "served" .v.served) | fromYaml -}}
{{- $_ := set $config.server "listen" (printf ":%d" (int $ports.metrics)) -}}
{{- with int $ports.probe -}}{{- $_ := set $config.server "probeListen" (printf ":%d" .) -}}{{- end -}}
{{- else -}}
{{- $_ := set $config "cache" (dict "filePoll" (dict "interval" .v.refreshInterval)) -}}
{{- end -}}
{{- toYaml (set $config "sources" $sources) -}}
{{- end -}}
