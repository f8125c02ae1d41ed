{{/* What the schema cannot say: every reason to refuse the values, all at once, each a sentence that names the key. */}}
{{- define "x509.validate" -}}
{{- $c := dict "found" list "root" . -}}
{{- include "x509.validate.secrets" $c -}}
{{- include "x509.validate.clusters" $c -}}
{{- include "x509.validate.shards" $c -}}
{{- include "x509.validate.rights" $c -}}
{{- include "x509.validate.flags" $c -}}
{{- include "x509.validate.hosts" $c -}}
{{- include "x509.validate.endpoints" $c -}}
{{- include "x509.validate.served" $c -}}
{{- include "x509.validate.monitoring" $c -}}
{{- include "x509.validate.web" $c -}}
{{- if eq "false" (index .Values "enabled" | toString) -}}
{{- $_ := set $c "found" (append $c.found "enabled: false means something only as the condition of a parent chart; to watch nothing, do not install") -}}
{{- end -}}
{{- with $c.found -}}{{- fail (printf "\n\n%s\n" (join "\n" .)) -}}{{- end -}}
{{- end -}}

{{/* Flags of 3.x that the agent has not, and would not start with. */}}
{{- define "x509.validate.flags" -}}
{{- $c := . -}}
{{- range $flag := .root.Values.secretsExporter.extraArgs -}}
{{- $name := regexFind "^--?[^= ]+" $flag -}}
{{- if has $name (list "--expose-labels" "-l" "--profile" "--web.systemd-socket") -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.extraArgs: %s: not built yet in this version of the chart; leave it out" $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
