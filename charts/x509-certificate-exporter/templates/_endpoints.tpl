{{/* The Deployment that looks at servers: its configuration, and the files of Secrets and ConfigMaps that this names. */}}

{{- define "x509.serviceAccount.endpoints" -}}
{{- $account := and .Values.rbac.create .Values.rbac.createServiceAccounts | ternary (printf "%s-endpoints" (include "x509.fullname" .)) "default" -}}
{{- .Values.rbac.endpointsExporter.serviceAccountName | default $account -}}
{{- end -}}

{{/* A target, or the defaults of all, in the agent's words: {of}. */}}
{{- define "x509.endpoints.trust" -}}
{{- $made := dict -}}{{- $folder := "/etc/x509-certificate-exporter/endpoints" -}}
{{- with .of.caSecret -}}{{- $_ := set $made "caFile" (printf "%s/secrets/%s/%s" $folder .name (.key | default "ca.crt")) -}}{{- end -}}
{{- with .of.caConfigMap -}}{{- $_ := set $made "caFile" (printf "%s/configmaps/%s/%s" $folder .name (.key | default "ca.crt")) -}}{{- end -}}
{{- with .of.clientCertificateSecret -}}
{{- $_ := set $made "certFile" (printf "%s/secrets/%s/tls.crt" $folder .name) -}}
{{- $_ := set $made "keyFile" (printf "%s/secrets/%s/tls.key" $folder .name) -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}

{{- define "x509.config.endpoints" -}}
{{- $v := .Values.endpointsExporter -}}
{{- $targets := list -}}
{{- range $v.targets -}}
{{- $own := include "x509.endpoints.trust" (dict "of" .) | fromYaml -}}
{{- $targets = append $targets (merge (omit . "caSecret" "caConfigMap" "clientCertificateSecret") $own) -}}
{{- end -}}
{{- $source := dict "kind" "endpoint" "name" "endpoints" "refreshInterval" $v.refreshInterval "timeout" $v.timeout "targets" $targets -}}
{{- $source = merge $source (include "x509.endpoints.trust" (dict "of" $v) | fromYaml) -}}
{{- with $v.proxyUrl -}}{{- $_ := set $source "proxyUrl" . -}}{{- end -}}
{{- $config := include "x509.config.common" (dict "root" . "debug" $v.debugMode) | fromYaml -}}
{{- if .Values.web.enableProbe -}}{{- $_ := set $config.web "enableProbe" true -}}{{- end -}}
{{- toYaml (set $config "sources" (list $source)) -}}
{{- end -}}

{{/* Parts of its volume besides the ConfigMap, as JSON {files}: of each Secret and ConfigMap the keys that are named. One that is missing keeps no pod from starting. */}}
{{- define "x509.files.endpoints" -}}
{{- $secrets := dict -}}{{- $maps := dict -}}
{{- range concat (list .Values.endpointsExporter) .Values.endpointsExporter.targets -}}
{{- with .caSecret -}}{{- $_ := set $secrets .name (append (index $secrets .name | default list) (.key | default "ca.crt")) -}}{{- end -}}
{{- with .caConfigMap -}}{{- $_ := set $maps .name (append (index $maps .name | default list) (.key | default "ca.crt")) -}}{{- end -}}
{{- with .clientCertificateSecret -}}{{- $_ := set $secrets .name (concat (index $secrets .name | default list) (list "tls.crt" "tls.key")) -}}{{- end -}}
{{- end -}}
{{- $files := list -}}
{{- range $kind, $named := dict "configMap" $maps "secret" $secrets -}}
{{- range $name, $keys := $named -}}
{{- $items := list -}}
{{- range $key := uniq $keys | sortAlpha -}}{{- $items = append $items (dict "key" $key "path" (printf "endpoints/%ss/%s/%s" (lower $kind) $name $key)) -}}{{- end -}}
{{- $files = append $files (dict $kind (dict "name" $name "items" $items "optional" true)) -}}
{{- end -}}
{{- end -}}
{{- dict "files" $files | toJson -}}
{{- end -}}

{{- define "x509.pod.endpoints" -}}
{{- $v := .Values.endpointsExporter -}}
{{- $pod := dict "root" . "component" "endpoints" "v" $v "args" $v.extraArgs "token" false "linger" 10 -}}
{{- $_ := set $pod "config" (include "x509.config.endpoints" .) -}}
{{- $_ := set $pod "configMap" (printf "%s-endpoints" (include "x509.fullname" .)) -}}
{{- $_ := set $pod "files" (include "x509.files.endpoints" . | fromJson).files -}}
{{- $_ := set $pod "account" (include "x509.serviceAccount.endpoints" .) -}}
{{- include "x509.pod" $pod -}}
{{- end -}}
