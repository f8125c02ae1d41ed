{{/*
The endpoint of a ServiceMonitor or PodMonitor: {root, monitor, file?}. One way to show who comes is all that an endpoint may have, and a PodMonitor may name
no file of Prometheus' own.
*/}}
{{- define "x509.monitor.endpoint" -}}
{{- $m := deepCopy .monitor -}}{{- $web := include "x509.web" .root | fromYaml -}}
{{- if and $web.tls (eq $m.scheme "http") -}}
{{- $_ := set $m "scheme" "https" -}}
{{- if not $m.tlsConfig -}}{{- $_ := set $m "tlsConfig" (dict "insecureSkipVerify" true) -}}{{- end -}}
{{- end -}}
{{- if and $web.tokens (not $m.basicAuth) (not $m.authorization) .file -}}{{- $_ := set $m "bearerTokenFile" .file -}}{{- end -}}
{{- if .root.Values.monitoring.nodeLabel -}}{{- $_ := set $m "relabelings" (concat (include "x509.monitor.node" . | fromYaml).relabelings ($m.relabelings | default list)) -}}{{- end -}}
- port: metrics
  {{- with $m.scrapeInterval }}
  interval: {{ . }}
  {{- end }}
  {{- with $m.scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  scheme: {{ $m.scheme }}
  {{- with $m.bearerTokenFile }}
  bearerTokenFile: {{ . }}
  {{- end }}
  {{- range $key := list "basicAuth" "authorization" "tlsConfig" "relabelings" "metricRelabelings" }}
  {{- with index $m $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* `node` on the series of node pods alone: what the Secrets pod sees is nobody's node. */}}
{{- define "x509.monitor.node" -}}
relabelings:
  - sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_component, __meta_kubernetes_pod_node_name]
    regex: host-.+;(.+)
    targetLabel: node
    replacement: $1
{{- end -}}
