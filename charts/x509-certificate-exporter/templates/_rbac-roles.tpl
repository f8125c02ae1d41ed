{{/* Which roles there are, and how they are called. */}}

{{/* Secrets with passphrases of keystores in namespaces that are not watched, as JSON: namespace → names. */}}
{{- define "x509.rbac.passphrases" -}}
{{- $found := dict -}}
{{- if has "secrets" .x509.objects -}}
{{- $watched := (include "x509.objects.namespaces" (dict "root" . "key" "secrets") | fromJson).names -}}
{{- range $type := .Values.secretsExporter.secretTypes -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- with (index $type $format | default dict).passphraseSecretRef -}}
{{- if not (has (.namespace | default "") (append $watched "")) -}}
{{- $_ := set $found .namespace (append (index $found .namespace | default list) .name | uniq) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The namespaces of roles, as JSON {names}. */}}
{{- define "x509.rbac.namespaces" -}}
{{- $names := include "x509.rbac.passphrases" . | fromJson | keys | sortAlpha -}}
{{- range $key := list "certificateRequests" "secrets" -}}
{{- if has $key $.x509.objects -}}
{{- $names = concat (include "x509.objects.namespaces" (dict "root" $ "key" $key) | fromJson).names $names -}}
{{- end -}}
{{- end -}}
{{- dict "names" (uniq $names) | toJson -}}
{{- end -}}

{{/* Whether a role is to be made, and for the cluster or for namespaces: {root, mode}. */}}
{{- define "x509.rbac.wanted" -}}
{{- $v := .root.Values -}}
{{- if and $v.rbac.create .root.x509.objects (eq $v.rbac.mode .mode) -}}true{{- end -}}
{{- end -}}

{{/* Name, labels and annotations of a role or binding: {root, namespace?, annotations}. */}}
{{- define "x509.rbac.metadata" -}}
name: {{ include "x509.clusterName" .root | toYaml }}
{{- with .namespace }}
namespace: {{ . | toYaml }}
{{- end }}
labels:
  {{- include "x509.labels" (dict "root" .root) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
