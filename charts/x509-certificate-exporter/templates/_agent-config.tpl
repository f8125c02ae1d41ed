{{/* The agent's configuration, built as data and printed once, so that no value can break its YAML. */}}

{{/* What every agent shares: {root, debug}. */}}
{{- define "x509.config.common" -}}
{{- $values := .root.Values -}}
{{- $metrics := dict "exposeRelative" $values.exposeRelativeMetrics "exposePerCertError" $values.exposePerCertificateErrorMetrics -}}
{{- $_ := set $metrics "exposeNotBefore" $values.exposeNotBeforeMetric -}}
{{- $_ := set $metrics "exposeExpired" $values.exposeExpiredMetric -}}
{{- $config := dict "metrics" $metrics "web" (dict "enableStats" $values.web.enableStats) -}}
{{- $_ := set $config "server" (dict "listen" (printf ":%d" (int $values.podListenPort))) -}}
{{- $_ := set $config "log" (dict "level" (.debug | ternary "debug" "info") "format" $values.log.format) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The Deployment's: Secrets. */}}
{{- define "x509.config.secrets" -}}
{{- $watch := .Values.secretsExporter -}}
{{- $types := list -}}
{{- range $watch.secretTypes -}}{{- $types = append $types (include "x509.config.secretType" (dict "type" . "from" $.Values.upgradeFrom) | fromYaml) -}}{{- end -}}
{{- $namespaces := dict "include" (include "x509.rbac.namespaces" . | fromJson).names "exclude" ($watch.excludeNamespaces | default list) -}}
{{- $_ := set $namespaces "includeLabels" ($watch.includeNamespaceLabels | default list) -}}
{{- $_ := set $namespaces "excludeLabels" ($watch.excludeNamespaceLabels | default list) -}}
{{- $secrets := dict "types" $types "include" ($watch.includeSecrets | default list) "exclude" ($watch.excludeSecrets | default list) -}}
{{- range $key := list "includeLabels" "excludeLabels" -}}{{- $_ := set $secrets $key (index $watch $key | default list) -}}{{- end -}}
{{- $_ := set $secrets "exposeLabels" ($watch.exposeSecretLabels | default list) -}}
{{- $source := dict "kind" "kubernetes" "name" "cluster-secrets" "namespaces" $namespaces "secrets" $secrets -}}
{{- with $watch.listPageSize -}}{{- $_ := set $source "listPageSize" (min 1000 (int .)) -}}{{- end -}}
{{- if $watch.kubeApiRateLimits.enabled -}}
{{- $_ := set $source "rateLimit" (dict "qps" $watch.kubeApiRateLimits.queriesPerSecond "burst" (int $watch.kubeApiRateLimits.burstQueries)) -}}
{{- end -}}
{{- $config := include "x509.config.common" (dict "root" . "debug" $watch.debugMode) | fromYaml -}}
{{- toYaml (set $config "sources" (list $source)) -}}
{{- end -}}

{{/* A DaemonSet's: files and kubeconfigs, host paths as typed. Takes the context of x509.host.resolve. */}}
{{- define "x509.config.host" -}}
{{- $sources := list -}}
{{- with .paths -}}
{{- $sources = append $sources (dict "kind" "file" "name" (printf "host-paths-%s" $.name) "paths" . "followSymlinks" (not $.v.skipSymlinks)) -}}
{{- end -}}
{{- with .kubeconfigs -}}
{{- $sources = append $sources (dict "kind" "kubeconfig" "name" (printf "host-kubeconfigs-%s" $.name) "paths" .) -}}
{{- end -}}
{{- with .known -}}
{{- $sources = append $sources (dict "kind" "discovery" "name" (printf "host-discovery-%s" $.name) "distributions" . "followSymlinks" (not $.v.skipSymlinks)) -}}
{{- end -}}
{{- $config := include "x509.config.common" (dict "root" .root "debug" .v.debugMode) | fromYaml -}}
{{- $_ := set $config "hostRoot" "/host" -}}
{{- $_ := set $config "cache" (dict "filePoll" (dict "interval" .v.refreshInterval)) -}}
{{- toYaml (set $config "sources" $sources) -}}
{{- end -}}

{{/*
A type of Secrets: {type, from}. `key` is literal, but for characters that no key can have: 4.x took it for an anchored expression whose
dots are plain, 3.x for an expression that may match anywhere.
*/}}
{{- define "x509.config.secretType" -}}
{{- $type := pick .type "type" "key" "keyPatterns" -}}
{{- $key := .type.key | default "" -}}
{{- if has .from (list "3.19" "3.21") -}}
{{- $type = dict "type" .type.type "keyPatterns" (list $key) -}}
{{- else if not (regexMatch "^[-._a-zA-Z0-9]*$" $key) -}}
{{- $type = dict "type" .type.type "keyPatterns" (list (printf "^%s$" (replace "." "\\." $key))) -}}
{{- end -}}
{{- toYaml $type -}}
{{- end -}}
