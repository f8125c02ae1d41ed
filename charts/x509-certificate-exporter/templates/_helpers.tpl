{{/* Names, labels, accounts: what every object shares. */}}

{{- define "x509.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "x509.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "x509.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "x509.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Selectors hold nothing that changes with a version: {root, component?}. */}}
{{- define "x509.selectorLabels" -}}
app.kubernetes.io/name: {{ include "x509.name" .root | toYaml }}
app.kubernetes.io/instance: {{ .root.Release.Name | toYaml }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* What a workload selects its pods by; immutable, so a release of an old chart keeps its own, for what it has: {root, component}. */}}
{{- define "x509.workloadSelector" -}}
{{- include "x509.selectorLabels" (ternary (dict "root" .root) . (and (has .root.Values.upgradeFrom (list "1.20" "3.19")) (not (has .component (list "endpoints" "host-served"))))) -}}
{{- end -}}

{{/* Labels of an object: {root, component?, extra?: list of maps, the last wins}. Ours win over the user's. */}}
{{- define "x509.labels" -}}
{{- $root := .root -}}
{{- $labels := dict -}}
{{- range concat (list $root.Values.extraLabels) (.extra | default list) -}}
{{- range $key, $value := . -}}{{- $_ := set $labels $key ($value | toString) -}}{{- end -}}
{{- end -}}
{{- $_ := set $labels "helm.sh/chart" (include "x509.chart" $root) -}}
{{- $_ := set $labels "app.kubernetes.io/version" ($root.Chart.AppVersion | toString) -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- range $key, $value := include "x509.selectorLabels" . | fromYaml -}}{{- $_ := set $labels $key ($value | toString) -}}{{- end -}}
{{- toYaml $labels -}}
{{- end -}}

{{/* Name, namespace and labels of a namespaced object: {root, name?, namespace?, suffix?, component?, extra?, annotations?}. */}}
{{- define "x509.metadata" -}}
name: {{ .name | default (join "-" (compact (list (include "x509.fullname" .root) (.suffix | default "")))) | toYaml }}
namespace: {{ .namespace | default (include "x509.namespace" .root) | toYaml }}
labels:
  {{- include "x509.labels" . | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Of the pod that helm test runs: not those by which Service and monitors find the agents. */}}
{{- define "x509.testLabels" -}}
app.kubernetes.io/component: test
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end -}}

{{- define "x509.serviceAccount.secrets" -}}
{{- $account := and .Values.rbac.create .Values.rbac.createServiceAccounts | ternary (include "x509.fullname" .) "default" -}}
{{- .Values.rbac.secretsExporter.serviceAccountName | default $account -}}
{{- end -}}

{{- define "x509.serviceAccount.node" -}}
{{- $account := and .Values.rbac.create .Values.rbac.createServiceAccounts | ternary (printf "%s-node" (include "x509.fullname" .)) "default" -}}
{{- .Values.rbac.hostPathsExporter.serviceAccountName | default $account -}}
{{- end -}}

{{/* The name of roles and bindings. Those in the cluster or in other namespaces carry ours, so that two projects may both have a release of this name. */}}
{{- define "x509.clusterName" -}}
{{- printf "%s:%s" (include "x509.namespace" .) (include "x509.fullname" .) -}}
{{- end -}}
