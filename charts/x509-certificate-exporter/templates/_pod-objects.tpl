{{/* The pod that watches objects, of Deployment and StatefulSet alike: {root, linger?}. */}}
{{- define "x509.pod.objects" -}}
{{- $v := .root.Values.secretsExporter -}}
{{- $pod := dict "root" .root "component" "secrets" "v" $v "args" $v.extraArgs "token" true "linger" .linger -}}
{{- $_ := set $pod "config" (include "x509.config.objects" .root) -}}
{{- $_ := set $pod "configMap" (printf "%s-secrets" (include "x509.fullname" .root)) -}}
{{- $_ := set $pod "files" (include "x509.files.objects" .root | fromJson).files -}}
{{- $_ := set $pod "account" (include "x509.serviceAccount.secrets" .root) -}}
{{- include "x509.pod" $pod -}}
{{- end -}}
