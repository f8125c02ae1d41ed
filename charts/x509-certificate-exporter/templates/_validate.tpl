{{/* What the schema cannot say: every reason to refuse the values, all at once, each a sentence that names the key. */}}
{{- define "x509.validate" -}}
{{- $c := dict "found" list "root" . -}}
{{- include "x509.validate.notBuilt" $c -}}
{{- include "x509.validate.secrets" $c -}}
{{- include "x509.validate.hosts" $c -}}
{{- include "x509.validate.monitoring" $c -}}
{{- if eq false (dig "enabled" true .Values.AsMap) -}}
{{- $_ := set $c "found" (append $c.found "enabled: false means something only as the condition of a parent chart; to watch nothing, do not install") -}}
{{- end -}}
{{- with $c.found -}}{{- fail (printf "\n\n%s\n" (join "\n" .)) -}}{{- end -}}
{{- end -}}

{{/* Keys whose feature is not built yet: [key, whether it is used]. A feature that gets built leaves this list. */}}
{{- define "x509.validate.notBuilt" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- $keystores := list -}}
{{- range $v.secretsExporter.secretTypes -}}
{{- if or .pkcs12 .jks (has .format (list "pkcs12" "jks")) -}}{{- $keystores = append $keystores .type -}}{{- end -}}
{{- end -}}
{{- range list
  (list "secretsExporter.secretTypes: format pkcs12 and jks" $keystores)
  (list "secretsExporter.configMapKeys" $v.secretsExporter.configMapKeys)
  (list "secretsExporter.includeConfigMaps" $v.secretsExporter.includeConfigMaps)
  (list "secretsExporter.excludeConfigMaps" $v.secretsExporter.excludeConfigMaps)
  (list "secretsExporter.exposeConfigMapLabels" $v.secretsExporter.exposeConfigMapLabels)
  (list "cabundlesExporter.enabled" $v.cabundlesExporter.enabled)
  (list "webConfiguration" $v.webConfiguration)
  (list "webConfigurationExistingSecret" $v.webConfigurationExistingSecret)
  (list "probeListenPort" $v.probeListenPort)
  (list "rbacProxy.enabled" $v.rbacProxy.enabled)
  (list "psp.create" $v.psp.create)
  (list "exposeDiagnosticMetrics" $v.exposeDiagnosticMetrics)
  (list "metricLabelsFilterList" $v.metricLabelsFilterList)
  (list "prometheusRules.keystorePassphraseFailuresSeverity" (ne $v.prometheusRules.keystorePassphraseFailuresSeverity "warning"))
  (list "prometheusRules.crlWarningDaysLeft" (ne (int $v.prometheusRules.crlWarningDaysLeft) 7))
  (list "prometheusRules.crlNeedsRefreshSeverity" (ne $v.prometheusRules.crlNeedsRefreshSeverity "warning"))
  (list "prometheusRules.crlStaleSeverity" (ne $v.prometheusRules.crlStaleSeverity "critical"))
-}}
{{- if index . 1 -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: not built yet in this version of the chart; leave it at its default" (index . 0))) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "x509.validate.secrets" -}}
{{- $c := . -}}
{{- range $i, $type := .root.Values.secretsExporter.secretTypes -}}
{{- if eq (empty .key) (empty .keyPatterns) -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.secretTypes[%d] (%s): give either key or keyPatterns" $i .type)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "x509.validate.hosts" -}}
{{- $c := . -}}
{{- range $name, $own := .root.Values.hostPathsExporter.daemonSets -}}
{{- if not (kindIs "invalid" $own) -}}
{{- $key := printf "hostPathsExporter.daemonSets.%s" $name -}}
{{- if or (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $name)) (gt (len $name) 58) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: a name of at most 58 lower-case letters, digits and hyphens is needed, as it becomes part of objects' names" $key)) -}}
{{- else if has $name (list "secrets" "dashboard") -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: this name is taken by a ConfigMap of the chart; choose another" $key)) -}}
{{- end -}}
{{- include "x509.validate.paths" (dict "c" $c "key" $key "host" (dict "root" $c.root "name" $name "own" $own)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Paths are absolute and something is watched: {c, key, host}. */}}
{{- define "x509.validate.paths" -}}
{{- $c := .c -}}{{- $key := .key -}}
{{- include "x509.host.resolve" .host -}}
{{- if not (concat .host.paths .host.kubeconfigs) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: watches nothing; give it watchFiles, watchDirectories or watchKubeconfFiles" $key)) -}}
{{- end -}}
{{- range concat .host.paths .host.kubeconfigs (.host.v.extraHostDirectories | default list) | uniq -}}
{{- if or (not (hasPrefix "/" .)) (has ".." (splitList "/" .)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: %q is not an absolute path without .." $key .)) -}}
{{- end -}}
{{- end -}}
{{- range .host.mounts -}}
{{- if has .path (list "/" ".") -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: a path needs a folder of / without glob characters, as the whole root of a node is never mounted" $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "x509.validate.monitoring" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- range $key := list "prometheusServiceMonitor" "prometheusPodMonitor" -}}
{{- $monitor := index $v $key -}}
{{- if and $monitor.basicAuth (ne $monitor.scheme "https") -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.basicAuth: a password needs scheme: https" $key)) -}}
{{- end -}}
{{- end -}}
{{- $rules := $v.prometheusRules -}}
{{- if and $rules.disableBuiltinAlertGroup (not $rules.extraAlertGroups) -}}
{{- $_ := set $c "found" (append $c.found "prometheusRules.disableBuiltinAlertGroup: needs extraAlertGroups; for no rules at all use prometheusRules.create: false") -}}
{{- end -}}
{{- $names := include "x509.rules.names" .root | splitList " " -}}
{{- range $key := list "alertExprOverrides" "alertForOverrides" -}}
{{- range $name, $_ := index $rules $key -}}
{{- if not (has $name $names) -}}
{{- $_ := set $c "found" (append $c.found (printf "prometheusRules.%s.%s: no such alert; there are %s" $key $name (join ", " $names))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
