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
