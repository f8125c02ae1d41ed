{{/* What depends on the kinds that the cluster knows. Without a cluster (`helm template`) every `auto` counts as a plain cluster with the Prometheus Operator. */}}

{{/* Turns every `create` into true or false, and notes in .x509: rules, dashboard (a kind or empty), unknown (kinds), legacy (KubeSphere 3.0 to 3.3), openshift. */}}
{{- define "x509.init.kinds" -}}
{{- $v := .Values -}}{{- $apis := .Capabilities.APIVersions -}}
{{- $known := $apis.Has "v1/Pod" -}}
{{- range $part, $kind := dict "prometheusServiceMonitor" "ServiceMonitor" "prometheusPodMonitor" "PodMonitor" "prometheusRules" "PrometheusRule" -}}
{{- $create := ternary (index $v $part "create" | toString) "false" $.x509.watching -}}
{{- if eq $part "prometheusRules" -}}{{- $_ := set $.x509 "alerts" (ne $create "false") -}}{{- end -}}
{{- if and (eq $create "auto") $known (not ($apis.Has (printf "monitoring.coreos.com/v1/%s" $kind))) -}}
{{- $_ := set $.x509 "unknown" (append $.x509.unknown $kind) -}}
{{- $create = "false" -}}
{{- end -}}
{{- $_ := set (index $v $part) "create" (ne $create "false") -}}
{{- end -}}
{{- include "x509.init.kubesphere" . -}}
{{- $openshift := eq ($v.openshift.enabled | toString) "true" -}}
{{- if eq ($v.openshift.enabled | toString) "auto" -}}{{- $openshift = $apis.Has "security.openshift.io/v1/SecurityContextConstraints" -}}{{- end -}}
{{- $_ := set .x509 "openshift" $openshift -}}
{{- if $openshift -}}{{- include "x509.init.openshift" . -}}{{- end -}}
{{- end -}}

{{/* Rules and dashboard in KubeSphere's kinds where it has them, and never two kinds of rules. */}}
{{- define "x509.init.kubesphere" -}}
{{- $v := .Values -}}{{- $apis := .Capabilities.APIVersions -}}
{{- $known := $apis.Has "v1/Pod" -}}
{{- $enabled := $v.kubesphere.enabled | toString -}}
{{- $scope := ternary "Cluster" "" (and (eq $v.rbac.mode "cluster") (not (empty .x509.objects))) -}}
{{- $kinds := dict "rules" (printf "alerting.kubesphere.io/v2beta1/%sRuleGroup" $scope) "dashboard" (printf "monitoring.kubesphere.io/v1alpha2/%sDashboard" $scope) -}}
{{- range $part, $api := $kinds -}}
{{- $there := or ($apis.Has $api) (and (eq $enabled "true") (not $known)) -}}
{{- $_ := set $kinds $part (ternary (base $api) "" (and (ne $enabled "false") $there)) -}}
{{- end -}}
{{- $legacy := and (ne $enabled "false") (not $kinds.rules) ($apis.Has "installer.kubesphere.io/v1alpha1/ClusterConfiguration") -}}
{{- $plain := ternary "PrometheusRule" "" $v.prometheusRules.create -}}
{{- $_ := set .x509 "rules" (ternary ($kinds.rules | default $plain) "" .x509.alerts) -}}
{{- $_ := set $v.prometheusRules "create" (eq .x509.rules "PrometheusRule") -}}
{{- $_ := set .x509 "dashboard" (ternary $kinds.dashboard "" $v.kubesphere.createDashboard) -}}
{{- $_ := set .x509 "legacy" $legacy -}}
{{- if and $legacy (not $v.prometheusRules.namespace) (ne $v.rbac.mode "namespaced") -}}
{{- $_ := set $v.prometheusRules "namespace" "kubesphere-monitoring-system" -}}
{{- end -}}
{{- end -}}

{{/* OpenShift chooses the uid of pods that are on no node's behalf. That SELinux lets node pods read the host is x509.host.resolve's. */}}
{{- define "x509.init.openshift" -}}
{{- $v := .Values -}}
{{- range $section := list $v.secretsExporter $v.endpointsExporter -}}
{{- with $section.securityContext -}}
{{- if and (eq (int .runAsUser) 65534) (eq (int .runAsGroup) 65534) -}}
{{- $_ := set $section "securityContext" (omit . "runAsUser" "runAsGroup") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
