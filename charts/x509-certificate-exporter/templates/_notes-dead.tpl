{{/* Part of NOTES.txt: values that have no effect any more, or that count under another name. */}}

{{- define "x509.notes.dead" -}}
{{- $values := .Values -}}
{{- $dead := .x509.notes -}}
{{- if $values.psp.create -}}
{{- $dead = append $dead "psp.create: pod security policies are gone since Kubernetes 1.25; none is made" -}}
{{- end -}}
{{- if not $values.exposePerCertificateErrorMetrics -}}
{{- $dead = append $dead "exposePerCertificateErrorMetrics: x509_cert_error is always exposed" -}}
{{- end -}}
{{- if and $values.web.enableProbe (not .x509.endpoints) -}}
{{- $dead = append $dead "web.enableProbe: it answers about endpointsExporter's targets, and endpointsExporter is off" -}}
{{- end -}}
{{- if $values.exposeDiagnosticMetrics -}}
{{- $dead = append $dead "exposeDiagnosticMetrics: the agent's own metrics are always exposed, see docs/metrics.md" -}}
{{- end -}}
{{- if ne (toJson $values.secretsExporter.cache) (toJson (dict "enabled" true "maxDuration" 300)) -}}
{{- $dead = append $dead "secretsExporter.cache: Secrets are watched, there is no cache to tune" -}}
{{- end -}}
{{- if not (and $values.prometheusRules.alertOnCertificateCollision (eq $values.prometheusRules.certificateCollisionSeverity "warning")) -}}
{{- $dead = append $dead "prometheusRules.*CertificateCollision, certificateCollisionSeverity: no certificate is dropped for looking like another" -}}
{{- end -}}
{{- with $values.rbac.hostPathsExporter -}}
{{- if or .clusterRoleAnnotations .clusterRoleBindingAnnotations -}}
{{- $dead = append $dead "rbac.hostPathsExporter.clusterRole*Annotations: node pods have no role" -}}
{{- end -}}
{{- end -}}
{{- with $values.migration -}}
{{- $image := dict "digest" "" "pullPolicy" "IfNotPresent" "registry" "registry.k8s.io" "repository" "kubectl" "tag" "" -}}
{{- if or .annotations .extraLabels .resources .podSecurityContext .securityContext (ne (toJson .image) (toJson $image)) -}}
{{- $dead = append $dead "migration: an upgrade needs no job" -}}
{{- end -}}
{{- end -}}
{{- range $name, $own := $values.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $ "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- if and (ne $host.v.hostMounts "exact") (ne ($host.v.hostPathVolumeType | default "") "Directory") -}}
{{- $dead = append $dead (printf "hostPathsExporter.hostPathVolumeType (%s): it counts with hostMounts: exact; system folders are always there" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.prometheusRules.namespace (hasSuffix "RuleGroup" .x509.rules) -}}
{{- $dead = append $dead (printf "prometheusRules.namespace: alerts are a %s here, which has no namespace to choose" .x509.rules) -}}
{{- end -}}
{{- if and $values.webConfiguration $values.webConfigurationExistingSecret -}}
{{- $dead = append $dead "webConfiguration: webConfigurationExistingSecret is given too, and counts" -}}
{{- end -}}
{{- with $dead }}

Values that count otherwise than written, or not at all:
{{- range . }}
  {{ . }}
{{- end }}
{{- end }}
{{- end -}}
