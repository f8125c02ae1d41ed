{{/* The alerts of files/rules with the values' thresholds, severities and switches put in. */}}

{{/* alert → {severity: key, switch: key of its switch}, keys of prometheusRules. */}}
{{- define "x509.rules.knobs" -}}
CertificateRenewal: {severity: certificateRenewalsSeverity}
CertificateExpiration: {severity: certificateExpirationsSeverity}
CertificateError: {severity: certificateErrorSeverity, switch: alertOnCertificateError}
CertificateServedStale: {severity: certificateServedStaleSeverity, switch: alertOnCertificateServedStale}
EndpointUntrusted: {severity: endpointUntrustedSeverity, switch: alertOnEndpointUntrusted}
KeystorePassphraseFailures: {severity: keystorePassphraseFailuresSeverity, switch: alertOnKeystorePassphraseFailures}
CRLNeedsRefresh: {severity: crlNeedsRefreshSeverity}
CRLStale: {severity: crlStaleSeverity}
CertificateNotYetValid: {severity: certificateNotYetValidSeverity, switch: alertOnCertificateNotYetValid}
SourceDown: {severity: sourceDownSeverity, switch: alertOnSourceDown}
SourceStale: {severity: sourceStaleSeverity, switch: alertOnSourceStale}
SourceAbsent: {severity: sourceAbsentSeverity, switch: alertOnSourceAbsent}
ExporterAbsent: {severity: exporterAbsentSeverity, switch: alertOnExporterAbsent}
SourceErrors: {severity: sourceErrorsSeverity, switch: alertOnSourceErrors}
SourceErrorsSustained: {severity: sourceErrorsSustainedSeverity, switch: alertOnSourceErrors}
KubeTransportErrors: {severity: kubeTransportErrorsSeverity, switch: alertOnKubeTransportErrors}
KubeTransportErrorsSustained: {severity: kubeTransportErrorsSustainedSeverity, switch: alertOnKubeTransportErrors}
{{- end -}}

{{- define "x509.rules.file" -}}
{{- .Files.Get "files/rules/x509-certificate-exporter.yaml" -}}
{{- end -}}

{{- define "x509.rules.names" -}}
{{- $names := list -}}
{{- range (include "x509.rules.file" . | fromYaml).groups -}}{{- range .rules -}}{{- $names = append $names .alert -}}{{- end -}}{{- end -}}
{{- join " " $names -}}
{{- end -}}

{{- define "x509.rules.groups" -}}
{{- $values := .Values.prometheusRules -}}{{- $root := . -}}
{{- $knobs := include "x509.rules.knobs" . | fromYaml -}}
{{- $groups := list -}}
{{- range (include "x509.rules.file" . | fromYaml).groups -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- $rule := . -}}{{- $name := .alert -}}
{{- $knob := index $knobs $name -}}
{{- if and (or (not $knob.switch) (index $values ($knob.switch | default "create"))) (or (ne $name "SourceAbsent") $root.x509.watching) -}}
{{- $expr := include "x509.rules.expression" (dict "root" $root "name" $name "expr" .expr) -}}
{{- $_ := set . "expr" (index $values.alertExprOverrides $name | default $expr) -}}
{{- with index $values.alertForOverrides $name | default .for -}}{{- $_ := set $rule "for" . -}}{{- end -}}
{{- $labels := dict -}}
{{- range list $values.alertExtraLabels .labels (dict "severity" (index $values $knob.severity)) -}}
{{- range $key, $value := . -}}{{- $_ := set $labels $key ($value | toString) -}}{{- end -}}
{{- end -}}
{{- $_ := set . "labels" $labels -}}
{{- if and $root.x509.sharded (eq .alert "SourceAbsent") -}}
{{- $_ := set .annotations "description" (.annotations.description | replace "No agent tells of" "No agent, or not the agent of each shard, tells of") -}}
{{- end -}}
{{- $runbook := printf "%s/%s.md" (trimSuffix "/" $values.runbookUrl) $name -}}
{{- $_ := set . "annotations" (ternary (set .annotations "runbook_url" $runbook) (omit .annotations "runbook_url") (ne $values.runbookUrl "")) -}}
{{- $_ := set . "annotations" (merge (deepCopy $values.alertExtraAnnotations) .annotations) -}}
{{- with $values.rulePrefix -}}{{- $name = printf "%s %s" . $name -}}{{- end -}}
{{- $_ := set . "alert" $name -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- $groups = append $groups (dict "name" .name "rules" $rules) -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
