{{/* The endpoint of a ServiceMonitor or PodMonitor; takes its values. */}}
{{- define "x509.monitor.endpoint" -}}
- port: metrics
  interval: {{ .scrapeInterval }}
  scrapeTimeout: {{ .scrapeTimeout }}
  scheme: {{ .scheme }}
  {{- $monitor := . -}}
  {{- range $key := list "basicAuth" "tlsConfig" "relabelings" "metricRelabelings" }}
  {{- with index $monitor $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}
