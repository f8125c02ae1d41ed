{{/* What a pod needs behind a door: the web configuration, a certificate, and where it has no account's token, one that may have others' reviewed. */}}

{{- define "x509.web.volumes" -}}
{{- $web := include "x509.web" .root | fromYaml -}}
{{- $volumes := list -}}
{{- with $web.secret -}}{{- $volumes = append $volumes (dict "name" "web" "secret" (dict "secretName" .)) -}}{{- end -}}
{{- with $web.certificate -}}{{- $volumes = append $volumes (dict "name" "web-tls" "secret" (dict "secretName" .)) -}}{{- end -}}
{{- if and $web.tokens (not .token) -}}
{{- $token := dict "serviceAccountToken" (dict "path" "token" "expirationSeconds" 3600) -}}
{{- $authority := dict "configMap" (dict "name" "kube-root-ca.crt" "items" (list (dict "key" "ca.crt" "path" "ca.crt"))) -}}
{{- $field := dict "path" "namespace" "fieldRef" (dict "apiVersion" "v1" "fieldPath" "metadata.namespace") -}}
{{- $volumes = append $volumes (dict "name" "token" "projected" (dict "sources" (list $token $authority (dict "downwardAPI" (dict "items" (list $field)))))) -}}
{{- end -}}
{{- with $volumes -}}{{- toYaml . -}}{{- end -}}
{{- end -}}

{{- define "x509.web.mounts" -}}
{{- $web := include "x509.web" .root | fromYaml -}}
{{- $mounts := list -}}
{{- if $web.secret -}}{{- $mounts = append $mounts (dict "name" "web" "mountPath" "/mnt" "readOnly" true) -}}{{- end -}}
{{- if $web.certificate -}}{{- $mounts = append $mounts (dict "name" "web-tls" "mountPath" "/etc/x509-web-tls" "readOnly" true) -}}{{- end -}}
{{- if and $web.tokens (not .token) -}}
{{- $mounts = append $mounts (dict "name" "token" "mountPath" "/var/run/secrets/kubernetes.io/serviceaccount" "readOnly" true) -}}
{{- end -}}
{{- with $mounts -}}{{- toYaml . -}}{{- end -}}
{{- end -}}
