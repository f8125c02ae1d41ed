{{/* Parts of NOTES.txt: servers that are named, and what nodes serve. */}}

{{- define "x509.notes.known" -}}
{{- without . "auto" | join ", " | default "kubeadm, KubeKey, kubespray, k3s, RKE2, k0s, MicroK8s or OpenShift" -}}
{{- end -}}

{{- define "x509.notes.endpoints" -}}
{{- $full := include "x509.fullname" . -}}
{{- with .Values.endpointsExporter }}
{{- if .enabled }}
  what {{ len .targets }} {{ len .targets | plural "server serves" "servers serve" }}, by Deployment {{ $full }}-endpoints
{{- end }}
{{- end }}
{{- with .Values.servedExporter }}
{{- if .enabled }}
  what is served beside what is on disk, on every node that tolerations admit:
  {{- with .distributions }} of {{ include "x509.notes.known" . }}{{ end }}
  {{- with .targets }}{{ if $.Values.servedExporter.distributions }} and{{ end }} {{ len . }} {{ len . | plural "pair" "pairs" }}{{ end }}, by DaemonSet {{ $full }}-served
{{- end }}
{{- end }}
{{- end -}}

{{- define "x509.notes.served" -}}
{{- with .Values.servedExporter }}
{{- if .enabled }}

DaemonSet served is in the host's network, as the servers that it asks listen on loopback addresses (no other pod of ours is there because of it). Its metrics
are at port {{ .port }} of each node's own address: a firewall has to let Prometheus there, and no NetworkPolicy holds for it.
{{- end }}
{{- end }}
{{- end -}}
