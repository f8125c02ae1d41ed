{{/* Servers that are named, and what is served on nodes. Takes the context of x509.validate. */}}
{{- define "x509.validate.endpoints" -}}
{{- $c := . -}}{{- $v := .root.Values.endpointsExporter -}}
{{- if $v.enabled -}}
{{- if not $v.targets -}}
{{- $_ := set $c "found" (append $c.found "endpointsExporter.targets: names no server, so nothing would be watched; use endpointsExporter.enabled: false") -}}
{{- end -}}
{{- include "x509.validate.intervals" (dict "c" $c "key" "endpointsExporter" "of" $v) -}}
{{- include "x509.validate.authority" (dict "c" $c "key" "endpointsExporter" "of" $v) -}}
{{- include "x509.validate.targets" (dict "c" $c "key" "endpointsExporter" "targets" $v.targets) -}}
{{- if .root.Values.web.enableProbe -}}{{- include "x509.validate.probed" (dict "c" $c "targets" $v.targets) -}}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "x509.validate.served" -}}
{{- $c := . -}}{{- $v := .root.Values.servedExporter -}}
{{- if $v.enabled -}}
{{- include "x509.validate.intervals" (dict "c" $c "key" "servedExporter" "of" $v) -}}
{{- include "x509.validate.targets" (dict "c" $c "key" "servedExporter" "targets" $v.targets) -}}
{{- if has "served" .root.x509.hosts -}}
{{- $_ := set $c "found" (append $c.found "hostPathsExporter.daemonSets.served: this name is taken by the DaemonSet of servedExporter; choose another") -}}
{{- end -}}
{{- if eq (int $v.port) (int $v.probePort) -}}
{{- $_ := set $c "found" (append $c.found (printf "servedExporter.probePort: %d is servedExporter.port; probes have a port of their own" (int $v.port))) -}}
{{- end -}}
{{- $others := list (int .root.Values.podListenPort) (int (include "x509.web" .root | fromYaml).probe) -}}
{{- range $key := list "port" "probePort" -}}
{{- if and $c.root.Values.hostNetwork (has (int (index $v $key)) $others) -}}
{{- $_ := set $c "found" (append $c.found (printf "servedExporter.%s: with hostNetwork the other pods have port %d of the node; choose another" $key (int (index $v $key)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Times that the agent takes: {c, key, of: what has refreshInterval or timeout}. */}}
{{- define "x509.validate.intervals" -}}
{{- $c := .c -}}
{{- range $name, $limits := dict "refreshInterval" (list 1.0 86400.0 "a second and a day") "timeout" (list 0.1 60.0 "100ms and 60s") -}}
{{- with index $.of $name -}}
{{- $seconds := include "x509.seconds" . | float64 -}}
{{- if or (lt $seconds (index $limits 0)) (gt $seconds (index $limits 1)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.%s: %s is not between %s" $.key $name . (index $limits 2))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* One place for whom to trust: {c, key, of}. */}}
{{- define "x509.validate.authority" -}}
{{- if and .of.caSecret .of.caConfigMap -}}
{{- $_ := set .c "found" (append .c.found (printf "%s.caSecret: beside caConfigMap; give one of the two" .key)) -}}
{{- end -}}
{{- end -}}

{{/* Each once, URLs where they belong and nowhere else: {c, key, targets}. */}}
{{- define "x509.validate.targets" -}}
{{- $c := .c -}}{{- $seen := list -}}
{{- range $i, $target := .targets -}}
{{- $key := printf "%s.targets[%d] (%s)" $.key $i .address -}}
{{- $one := printf "%s %s" (.name | default "") .address -}}
{{- if has $one $seen -}}{{- $_ := set $c "found" (append $c.found (printf "%s: two targets have this address and the same name" $key)) -}}{{- end -}}
{{- $seen = append $seen $one -}}
{{- $url := regexMatch "^https?://[^/@?#]+(/|$)" .address -}}
{{- if and (eq (.protocol | default "tls") "http_file") (not $url) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: with protocol http_file the address is a URL, http(s)://HOST[:PORT]/PATH without a user" $key)) -}}
{{- else if and (ne (.protocol | default "tls") "http_file") (contains "/" .address) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: the address is HOST:PORT or HOST; a URL goes with protocol: http_file" $key)) -}}
{{- end -}}
{{- if has ".." (.file | default "" | splitList "/") -}}{{- $_ := set $c "found" (append $c.found (printf "%s: %q is not an absolute path without .." $key .file)) -}}{{- end -}}
{{- include "x509.validate.intervals" (dict "c" $c "key" $key "of" (pick . "timeout")) -}}
{{- include "x509.validate.authority" (dict "c" $c "key" $key "of" .) -}}
{{- end -}}
{{- end -}}
