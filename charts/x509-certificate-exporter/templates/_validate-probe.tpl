{{/* /probe tells targets apart by module and address, so the agent takes no two with the same: {c, targets}. */}}
{{- define "x509.validate.probed" -}}
{{- $c := .c -}}{{- $seen := list -}}
{{- range $i, $target := .targets -}}
{{- $protocol := .protocol | default "tls" -}}
{{- $usual := get (dict "tls" "tcp" "https" "https" "http_file" "http_file") $protocol | default (printf "%s_starttls" $protocol) -}}
{{- $module := .module | default $usual -}}
{{- $one := printf "%s %s" $module .address -}}
{{- if has $one $seen -}}
{{- $_ := set $c "found" (append $c.found (printf "endpointsExporter.targets[%d] (%s): /probe cannot tell it from another one of module %s; give one of them a module" $i .address $module)) -}}
{{- end -}}
{{- $seen = append $seen $one -}}
{{- end -}}
{{- end -}}
