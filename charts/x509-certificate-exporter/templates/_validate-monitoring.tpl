{{/* Monitors and rules. */}}
{{- define "x509.validate.monitoring" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- range $key := list "prometheusServiceMonitor" "prometheusPodMonitor" -}}
{{- $monitor := index $v $key -}}
{{- $web := include "x509.web" $c.root | fromYaml -}}
{{- if and $web.auth (not $web.tokens) $monitor.create (not $monitor.basicAuth) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.basicAuth: the web configuration asks for a password; name the Secret that holds one" $key)) -}}
{{- end -}}
{{- if and $web.tokens $monitor.create (eq $key "prometheusPodMonitor") (not $monitor.basicAuth) (not $monitor.authorization) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.authorization: rbacProxy.enabled asks for a token, and a PodMonitor cannot bring Prometheus' own; name a Secret that holds one, {credentials: {name, key}}" $key)) -}}
{{- end -}}
{{- if and $monitor.basicAuth $monitor.authorization -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.authorization: beside basicAuth; a monitor may have one of the two" $key)) -}}
{{- end -}}
{{- $tls := $monitor.tlsConfig | default dict -}}
{{- if and $web.clients $monitor.create (not (or $tls.cert $tls.certFile)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.tlsConfig: the web configuration asks for a client certificate; name the Secret that holds one, cert and keySecret" $key)) -}}
{{- end -}}
{{- range $secret, $what := dict "basicAuth" "a password" "authorization" "a token" -}}
{{- if and (index $monitor $secret) (ne $monitor.scheme "https") (not $web.tls) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.%s: %s needs scheme: https" $key $secret $what)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $rules := $v.prometheusRules -}}
{{- if and $rules.disableBuiltinAlertGroup (not $rules.extraAlertGroups) -}}
{{- $_ := set $c "found" (append $c.found "prometheusRules.disableBuiltinAlertGroup: needs extraAlertGroups; for no rules at all use prometheusRules.create: false") -}}
{{- end -}}
{{- $names := include "x509.rules.names" .root | splitList " " -}}
{{- range $key := list "alertExprOverrides" "alertForOverrides" -}}
{{- range $name, $_ := index $rules $key -}}
{{- if not (has $name $names) -}}
{{- $_ := set $c "found" (append $c.found (printf "prometheusRules.%s.%s: no such alert; there are %s" $key $name (join ", " $names))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
