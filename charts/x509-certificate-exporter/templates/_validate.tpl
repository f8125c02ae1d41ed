{{/* What the schema cannot say: every reason to refuse the values, all at once, each a sentence that names the key. */}}
{{- define "x509.validate" -}}
{{- $c := dict "found" list "root" . -}}
{{- include "x509.validate.notBuilt" $c -}}
{{- include "x509.validate.secrets" $c -}}
{{- include "x509.validate.rights" $c -}}
{{- include "x509.validate.hosts" $c -}}
{{- include "x509.validate.monitoring" $c -}}
{{- if eq false (index .Values "enabled") -}}
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
{{- if and .root.Values.secretsExporter.enabled (not .root.Values.secretsExporter.secretTypes) -}}
{{- $_ := set $c "found" (append $c.found "secretsExporter.secretTypes: names no type, so nothing would be watched; use secretsExporter.enabled: false") -}}
{{- end -}}
{{- range $i, $type := .root.Values.secretsExporter.secretTypes -}}
{{- if eq (empty .key) (empty .keyPatterns) -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.secretTypes[%d] (%s): give either key or keyPatterns" $i .type)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
