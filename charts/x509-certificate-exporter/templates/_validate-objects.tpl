{{/* Sources of Kubernetes objects: something to watch, one way to open a keystore. */}}
{{- define "x509.validate.secrets" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- if and $v.secretsExporter.enabled (not $v.secretsExporter.secretTypes) (not $v.secretsExporter.configMapKeys) -}}
{{- $_ := set $c "found" (append $c.found "secretsExporter.secretTypes: names no type, so nothing would be watched; use secretsExporter.enabled: false") -}}
{{- end -}}
{{- range $i, $type := $v.secretsExporter.secretTypes -}}
{{- $key := printf "secretsExporter.secretTypes[%d] (%s)" $i .type -}}
{{- if eq (empty .key) (empty .keyPatterns) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: give either key or keyPatterns" $key)) -}}
{{- end -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- $store := index $type $format | default dict -}}
{{- if and $store.passphrase $store.passphraseFile -}}
{{- $_ := set $c "found" (append $c.found (printf "%s: %s: give either passphrase or passphraseFile" $key $format)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.cabundlesExporter.enabled (not (has true (values $v.cabundlesExporter.resources))) -}}
{{- $_ := set $c "found" (append $c.found "cabundlesExporter.resources: names no kind, so nothing would be watched; use cabundlesExporter.enabled: false") -}}
{{- end -}}
{{- end -}}

{{/* Other clusters: each once, and something to watch there. */}}
{{- define "x509.validate.clusters" -}}
{{- $c := . -}}{{- $objects := .root.x509.objects -}}{{- $names := list .root.Values.clusterName -}}
{{- range $i, $member := .root.Values.clusters -}}
{{- if has .name $names -}}
{{- $_ := set $c "found" (append $c.found (printf "clusters[%d]: two clusters have the name %s" $i .name)) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- range $key := .sources -}}
{{- if not (has $key $objects) -}}
{{- $_ := set $c "found" (append $c.found (printf "clusters[%d] (%s): sources: %sExporter is not enabled" $i $member.name $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .root.Values.clusters (not $objects) -}}
{{- $_ := set $c "found" (append $c.found "clusters: no source of objects is enabled, so nothing would be watched there") -}}
{{- end -}}
{{- end -}}

{{/* Shards: one pod each, numbered by the StatefulSet. */}}
{{- define "x509.validate.shards" -}}
{{- $c := . -}}{{- $v := .root.Values.secretsExporter -}}
{{- if .root.x509.sharded -}}
{{- if gt (int $v.replicas) 1 -}}
{{- $_ := set $c "found" (append $c.found "secretsExporter.replicas: with secretsExporter.shards, each shard is one pod; leave it at 1") -}}
{{- end -}}
{{- if $v.strategy -}}
{{- $_ := set $c "found" (append $c.found "secretsExporter.strategy: is a Deployment's; with secretsExporter.shards, pods are replaced one after the other; leave it out") -}}
{{- end -}}
{{- range $v.extraArgs -}}
{{- if regexMatch "^--(total-shards|shard)(=|$)" . -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.extraArgs: %s: secretsExporter.shards says it; leave it out" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
