{{/* The one image, and what it takes to pull it. */}}

{{- define "x509.image" -}}
{{- $image := .Values.image -}}
{{- $registry := (.Values.global | default dict).imageRegistry | default $image.registry -}}
{{- $version := printf ":%s%s" ($image.tag | default .Chart.AppVersion | toString) ($image.tagSuffix | default "") -}}
{{- with $image.digest -}}{{- $version = printf "@%s" . -}}{{- end -}}
{{- with $registry -}}{{ . }}/{{- end -}}{{ $image.repository }}{{ $version }}
{{- end -}}

{{/* Pull secrets of this chart and of the parent, each once; nothing if there are none. */}}
{{- define "x509.pullSecrets" -}}
{{- $secrets := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $secrets -}}{{- toYaml . -}}{{- end -}}
{{- end -}}
