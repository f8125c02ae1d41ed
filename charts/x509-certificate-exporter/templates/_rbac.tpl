{{/* What the Secrets pod may do: read, and only what a value asks for. */}}
{{- define "x509.rbac.rules" -}}
{{- $resources := list "secrets" -}}
{{- if or .Values.secretsExporter.includeNamespaceLabels .Values.secretsExporter.excludeNamespaceLabels -}}
{{- $resources = append $resources "namespaces" -}}
{{- end -}}
- apiGroups: [""]
  resources: [{{ join ", " $resources }}]
  verbs: [get, list, watch]
{{- end -}}

{{/* The namespaces that the Secrets pod is to watch, as JSON {names}; without cluster rights the release's own if none is named. */}}
{{- define "x509.rbac.namespaces" -}}
{{- $own := ternary (list (include "x509.namespace" .)) list (eq .Values.rbac.mode "namespaced") -}}
{{- dict "names" (.Values.secretsExporter.includeNamespaces | default $own) | toJson -}}
{{- end -}}

{{/* Whether a role is to be made, and for the cluster or for namespaces: {root, mode}. */}}
{{- define "x509.rbac.wanted" -}}
{{- $v := .root.Values -}}
{{- if and $v.rbac.create $v.secretsExporter.enabled (eq $v.rbac.mode .mode) -}}true{{- end -}}
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
