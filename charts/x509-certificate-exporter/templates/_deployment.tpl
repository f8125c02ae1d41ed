{{/*
A Deployment: {root, suffix?, component, v: its section, pod: its template}. A pod that is replaced answers until Prometheus no longer asks it: a failed
scrape would end its series before the next pod's begin.
*/}}
{{- define "x509.deployment" -}}
{{- $v := .v }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "x509.metadata" (dict "root" .root "suffix" .suffix "component" .component "annotations" $v.annotations) | nindent 2 }}
spec:
  replicas: {{ $v.replicas }}
  {{- with $v.minReadySeconds }}
  minReadySeconds: {{ . }}
  {{- end }}
  {{- if not (kindIs "invalid" $v.revisionHistoryLimit) }}
  revisionHistoryLimit: {{ $v.revisionHistoryLimit }}
  {{- end }}
  {{- with $v.strategy }}
  strategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "x509.workloadSelector" (dict "root" .root "component" .component) | nindent 6 }}
  template:
    {{- .pod | nindent 4 }}
{{- end -}}
