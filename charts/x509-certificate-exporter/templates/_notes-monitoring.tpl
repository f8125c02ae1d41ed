{{/* Part of NOTES.txt: who will find the pods and evaluate the rules, and what may keep them from it. */}}
{{- define "x509.notes.monitoring" -}}
{{- $v := .Values -}}
{{- $stack := or (hasKey $v.monitoring.labels "release") (hasKey $v.prometheusServiceMonitor.extraLabels "release") (hasKey $v.prometheusRules.extraLabels "release") -}}
{{- $kinds := list -}}
{{- $unknown := .x509.unknown -}}
{{- if .x509.rules -}}{{- $unknown = without $unknown "PrometheusRule" -}}{{- end -}}
{{- with $unknown }}

The cluster does not know the kind {{ join ", " . }}, so there is none (create: auto).
{{- end }}
{{- if and (eq ($v.kubesphere.enabled | toString) "true") (eq .x509.rules "PrometheusRule") }}

kubesphere.enabled is true, but the cluster has no rule groups of KubeSphere: alerts are a PrometheusRule.
{{- end }}
{{- if $v.prometheusServiceMonitor.create -}}{{- $kinds = append $kinds "ServiceMonitor" -}}{{- end -}}
{{- if $v.prometheusPodMonitor.create -}}{{- $kinds = append $kinds "PodMonitor" -}}{{- end -}}
{{- if eq .x509.rules "PrometheusRule" -}}{{- $kinds = append $kinds "PrometheusRule" -}}{{- end -}}
{{- with $kinds }}

{{ join ", " . }}:
{{- if hasSuffix "RuleGroup" $.x509.rules }}
  KubeSphere's Prometheus takes every monitor.
{{- else if $stack }}
  kube-prometheus-stack takes them where their label release is the name of its own release.
{{- else }}
  kube-prometheus-stack takes only what carries its release's name: --set monitoring.labels.release=<name>
  What your Prometheus selects: kubectl get prometheus -A -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.spec.serviceMonitorSelector}{" "}{.spec.ruleSelector}{"\n"}{end}'
{{- end }}
{{- end }}
{{- if .x509.legacy }}
  KubeSphere 3.0 to 3.3: its Prometheus takes every monitor, and rules with the labels{{ range $key, $value := $v.kubesphere.ruleLabels }} {{ $key }}={{ $value }}{{ end }}
  {{- if $v.prometheusRules.namespace }} in {{ $v.prometheusRules.namespace }}{{ else }}; up to 3.2 only in kubesphere-monitoring-system, which takes a cluster admin: prometheusRules.namespace{{ end }}.
{{- end }}
{{- if eq .x509.rules "ClusterRuleGroup" }}

Alerts: ClusterRuleGroup, evaluated by KubeSphere for the cluster: Monitoring & Alerting > Rule Groups. No PrometheusRule is made, so no alert comes twice.
{{- else if eq .x509.rules "RuleGroup" }}

Alerts: RuleGroup, evaluated by KubeSphere for this project and its own metrics alone. No PrometheusRule is made, so no alert comes twice.
{{- end }}
{{- if and .x509.rules (or (gt (int $v.prometheusRules.warningDaysLeft) 28) (gt (int $v.prometheusRules.criticalDaysLeft) 14)) }}

prometheusRules: warningDaysLeft and criticalDaysLeft are upper bounds; where a share of the lifetime is less, that counts. For days alone: docs/alerts.md.
{{- end }}
{{- if and $v.prometheusServiceMonitor.create (not $v.service.create) }}

The ServiceMonitor has no Service to go by: set service.create, or use prometheusPodMonitor.
{{- end }}
{{- if and $v.prometheusServiceMonitor.create $v.prometheusPodMonitor.create }}

ServiceMonitor and PodMonitor are both on: every pod is scraped twice.
{{- end }}
{{- if not (or $v.prometheusServiceMonitor.create $v.prometheusPodMonitor.create $v.monitoring.scrapeAnnotations) }}

Nothing tells a Prometheus of these pods: set prometheusServiceMonitor.create, prometheusPodMonitor.create or monitoring.scrapeAnnotations, or name the Service
to it: {{ include "x509.fullname" . }}.{{ include "x509.namespace" . }}.svc:{{ $v.service.port }}.
{{- end }}
{{- if $v.webConfigurationExistingSecret }}

webConfigurationExistingSecret: this chart cannot look into it; if it asks for TLS or a password, set scheme, tlsConfig and basicAuth of the monitor.
{{- end }}
{{- end -}}
