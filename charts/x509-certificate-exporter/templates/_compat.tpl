{{/*
Keys and defaults of the enix charts 1.x, 3.x and 4.x that this chart has under another name or in another form: {values, x509}. What is
done about them is said in NOTES. Keys that are merely dead need nothing here: _notes.tpl names them.
*/}}
{{- define "x509.compat" -}}
{{- $v := .values -}}{{- $notes := list -}}
{{- $rules := $v.prometheusRules | default dict -}}
{{- $renamed := dict "alertOnReadErrors" "alertOnSourceErrors" "readErrorsSeverity" "sourceErrorsSeverity" -}}
{{- $_ := set $renamed "alertOnCertificateErrors" "alertOnCertificateError" -}}
{{- $_ := set $renamed "certificateErrorsSeverity" "certificateErrorSeverity" -}}
{{- range $old, $new := $renamed -}}
{{- if hasKey $rules $old -}}
{{- /* The old charts' defaults are among reused values: a new name that says something else was meant. */}}
{{- if has (index $rules $new | toString) (list "<nil>" "true" "warning") -}}
{{- $_ := set $rules $new (index $rules $old) -}}
{{- $notes = append $notes (printf "prometheusRules.%s: now %s, and counted as that" $old $new) -}}
{{- else -}}
{{- $notes = append $notes (printf "prometheusRules.%s: now %s, which is given too and counts" $old $new) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $v.kubeVersion -}}{{- $notes = append $notes "kubeVersion: the cluster is asked" -}}{{- end -}}
{{- with $v.image -}}
{{- if regexMatch "(^|/)enix/x509-certificate-exporter$" (.repository | default "") -}}
{{- $notes = append $notes (printf "image: %s is the image of another program; this chart's own is used, and tag, tagSuffix and digest of the other are not" .repository) -}}
{{- /* A mirror stays what is pulled from, with the folder that it has for the other's images. */}}
{{- $public := list "" "docker.io" "quay.io" "ghcr.io" -}}
{{- $folder := trimSuffix "enix/x509-certificate-exporter" .repository -}}
{{- $registry := .registry | default "" -}}
{{- if has (trimSuffix "/" $folder) $public -}}
{{- if has $registry $public -}}{{- $registry = "quay.io" -}}{{- $folder = "" -}}{{- end -}}
{{- if $folder -}}{{- $folder = "quay.io/" -}}{{- end -}}
{{- end -}}
{{- range $key, $value := dict "registry" $registry "repository" (printf "%sx509-certificate-exporter/x509-certificate-exporter" $folder) "tag" "" "tagSuffix" "" "digest" "" -}}
{{- $_ := set $v.image $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set .x509 "notes" $notes -}}
{{- end -}}
