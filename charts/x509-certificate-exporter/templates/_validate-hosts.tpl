{{/* DaemonSets: names that fit, something to watch, absolute paths. */}}
{{- define "x509.validate.hosts" -}}
{{- $c := . -}}
{{- range $name, $own := .root.Values.hostPathsExporter.daemonSets -}}
{{- $ours := hasKey $own "served" -}}
{{- $key := ternary "servedExporter" (printf "hostPathsExporter.daemonSets.%s" $name) $ours -}}
{{- if or (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $name)) (gt (len $name) 58) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: a name of at most 58 lower-case letters, digits and hyphens is needed, as it becomes part of objects' names" $key)) -}}
{{- else if has $name (concat (list "secrets" "dashboard" "dashboard-detail") (ternary (list "endpoints") list $c.root.x509.endpoints)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: this name is taken by a ConfigMap of the chart; choose another" $key)) -}}
{{- end -}}
{{- include "x509.validate.paths" (dict "c" $c "key" $key "host" (dict "root" $c.root "name" $name "own" $own)) -}}
{{- end -}}
{{- end -}}

{{/* Paths are absolute and something is watched: {c, key, host}. */}}
{{- define "x509.validate.paths" -}}
{{- $c := .c -}}{{- $key := .key -}}{{- $host := .host -}}
{{- include "x509.host.resolve" $host -}}
{{- if and .host.v.served (not (concat .host.known ((.host.v.served | default dict).targets | default list))) -}}
{{- $_ := set $c "found" (append $c.found "servedExporter.distributions: names none, and there are no targets, so nothing would be watched; use servedExporter.enabled: false") -}}
{{- else if and (not .host.v.served) (not (concat .host.paths .host.kubeconfigs .host.known)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: watches nothing; give it watchFiles, watchDirectories, watchKubeconfFiles or watchDistributions" $key)) -}}
{{- end -}}
{{- $interval := .host.v.refreshInterval -}}
{{- if .host.v.served -}}
{{- /* x509.validate.served says it. */}}
{{- else if or (regexMatch "^([0.]+[a-z]+)*([0-9.]+ms)?$" $interval) (regexMatch "^(([3-9][0-9]|2[5-9]|[0-9]{3,})[.0-9]*h|[0-9]{5,}[.0-9]*m|[0-9]{6,}[.0-9]*s|([89][0-9]{4})[.0-9]*s)" $interval) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: refreshInterval %s is not between a second and a day" $key $interval)) -}}
{{- end -}}
{{- range concat .host.paths .host.kubeconfigs (.host.v.extraHostDirectories | default list) | uniq -}}
{{- if or (not (hasPrefix "/" .)) (has ".." (splitList "/" .)) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: %q is not an absolute path without .." $key .)) -}}
{{- end -}}
{{- end -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- $store := index $host.v $format | default dict -}}
{{- if and $store.passphrase $store.passphraseSecretRef -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: %s: give either passphrase or passphraseSecretRef" $key $format)) -}}
{{- end -}}
{{- end -}}
{{- range .host.mounts -}}
{{- if has .path (list "/" ".") -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: a path needs a folder of / without glob characters (* ? [ {), as the whole root of a node is never mounted" $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
