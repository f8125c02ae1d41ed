{{/*
What the port asks of whoever comes: {secret, tls, auth, clients, probe}. A web configuration in an existing Secret cannot be looked into: scheme,
tlsConfig and basicAuth of monitors are then the user's to set, and probes have a port of their own. So they do where a client certificate is required,
which a kubelet cannot show. Tokens take TLS: the agent makes a certificate where it is given none.
*/}}
{{- define "x509.web" -}}
{{- $v := .Values -}}
{{- $hidden := $v.webConfigurationExistingSecret | default "" -}}
{{- $tokens := eq true $v.rbacProxy.enabled -}}
{{- $web := ternary "" (include "x509.web.text" .) (ne $hidden "") | fromYaml -}}
{{- $tls := $web.tls_server_config | default dict -}}
{{- $clients := has ($tls.client_auth_type | default "") (list "RequireAnyClientCert" "RequireClientCert" "RequireAndVerifyClientCert") -}}
{{- $made := dict "tls" (or $tokens (not (empty $tls))) "auth" (not (empty $web.basic_auth_users)) "clients" $clients -}}
{{- $_ := set $made "tokens" $tokens -}}
{{- if and $tokens $v.rbacProxy.tls.existingSecretName -}}{{- $_ := set $made "certificate" $v.rbacProxy.tls.existingSecretName -}}{{- end -}}
{{- if or $hidden (include "x509.web.text" .) -}}
{{- $_ := set $made "secret" ($hidden | default (printf "%s-webconf" (include "x509.fullname" .))) -}}
{{- end -}}
{{- $_ := set $made "probe" (int $v.probeListenPort) -}}
{{- if and (not $v.probeListenPort) (or $hidden $clients) -}}{{- $_ := set $made "probe" 8080 -}}{{- end -}}
{{- /* Whether a pod of helm test gets through the door as far as it has to. */}}
{{- $_ := set $made "testable" (not (or $hidden $clients)) -}}
{{- toYaml $made -}}
{{- end -}}

{{/* The text of the chart's web configuration: the user's, or one for the certificate that rbacProxy names. */}}
{{- define "x509.web.text" -}}
{{- $v := .Values -}}
{{- $proxy := and (eq true $v.rbacProxy.enabled) $v.rbacProxy.tls.existingSecretName -}}
{{- $certificate := dict "cert_file" "/etc/x509-web-tls/tls.crt" "key_file" "/etc/x509-web-tls/tls.key" -}}
{{- if $v.webConfiguration -}}{{- $v.webConfiguration -}}
{{- else if $proxy -}}{{- dict "tls_server_config" $certificate | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The same in the agent's configuration. */}}
{{- define "x509.web.server" -}}
{{- $web := include "x509.web" . | fromYaml -}}
{{- $server := dict "listen" (printf ":%d" (int .Values.podListenPort)) -}}
{{- if $web.secret -}}{{- $_ := set $server "webConfigFile" "/mnt/webconfig.yaml" -}}{{- end -}}
{{- with int $web.probe -}}{{- $_ := set $server "probeListen" (printf ":%d" .) -}}{{- end -}}
{{- if $web.tokens -}}{{- $_ := set $server "tokenReview" dict -}}{{- end -}}
{{- toYaml $server -}}
{{- end -}}

{{/* A probe: the user's numbers, our path and port: {root, name, path, probe}. */}}
{{- define "x509.probe" -}}
{{- with .probe }}
{{ $.name }}:
  {{- $web := include "x509.web" $.root | fromYaml -}}
  {{- $get := dict "path" $.path "port" (ternary "probe" "metrics" (gt (int $web.probe) 0)) -}}
  {{- if and $web.tls (not (int $web.probe)) -}}{{- $_ := set $get "scheme" "HTTPS" -}}{{- end -}}
  {{- toYaml (merge (dict "httpGet" (merge $get (.httpGet | default dict))) (omit . "httpGet")) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What there is to refuse. */}}
{{- define "x509.validate.web" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- $web := include "x509.web" .root | fromYaml -}}
{{- $file := $v.webConfiguration | default "" | fromYaml -}}
{{- with $file.Error -}}
{{- $_ := set $c "found" (append $c.found "webConfiguration: is no YAML with keys; its keys are those of Prometheus' exporter-toolkit, docs/doors.md") -}}
{{- else -}}
{{- range $key := omit $file "tls_server_config" "http_server_config" "basic_auth_users" "rate_limit" | keys | sortAlpha -}}
{{- $_ := set $c "found" (append $c.found (printf "webConfiguration: %s is none of tls_server_config, http_server_config, basic_auth_users, rate_limit" $key)) -}}
{{- end -}}
{{- end -}}
{{- if $web.tokens -}}
{{- if or (ne $v.rbac.mode "cluster") (not $v.rbac.create) -}}
{{- $_ := set $c "found" (append $c.found "rbacProxy.enabled: takes the right to have tokens reviewed by the cluster, which comes with rbac.create and rbac.mode: cluster alone") -}}
{{- end -}}
{{- end -}}
{{- if eq (int $web.probe) (int $v.podListenPort) -}}
{{- $_ := set $c "found" (append $c.found (printf "probeListenPort: %d is podListenPort; probes have a port of their own, or 0" (int $web.probe))) -}}
{{- end -}}
{{- end -}}
