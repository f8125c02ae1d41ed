{{/* The agent's configuration of Secrets and ConfigMaps: {secrets?, configMaps?}. */}}
{{- define "x509.config.secrets" -}}
{{- $watch := .Values.secretsExporter -}}{{- $made := dict -}}
{{- $types := list -}}
{{- range $i, $type := $watch.secretTypes -}}
{{- $types = append $types (include "x509.config.secretType" (dict "type" $type "index" $i "from" $.Values.upgradeFrom) | fromYaml) -}}
{{- end -}}
{{- if $types -}}
{{- $secrets := dict "types" $types "include" ($watch.includeSecrets | default list) "exclude" ($watch.excludeSecrets | default list) -}}
{{- range $key := list "includeLabels" "excludeLabels" -}}{{- $_ := set $secrets $key (index $watch $key | default list) -}}{{- end -}}
{{- $_ := set $secrets "exposeLabels" (concat ($watch.exposeSecretLabels | default list) (list .Values.prometheusRules.muteLabel) | compact | uniq) -}}
{{- if $watch.comparePrivateKeys -}}{{- $_ := set $secrets "comparePrivateKeys" true -}}{{- end -}}
{{- $_ := set $made "secrets" $secrets -}}
{{- end -}}
{{- if $watch.configMapKeys -}}
{{- $patterns := list -}}
{{- range $watch.configMapKeys -}}{{- $patterns = append $patterns (include "x509.config.key" .) -}}{{- end -}}
{{- $maps := dict "keyPatterns" $patterns "include" ($watch.includeConfigMaps | default list) "exclude" ($watch.excludeConfigMaps | default list) -}}
{{- range $key := list "include" "exclude" -}}
{{- $_ := set $maps (printf "%sLabels" $key) (index $watch (printf "%sConfigMapLabels" $key) | default list) -}}
{{- end -}}
{{- $_ := set $made "configMaps" (set $maps "exposeLabels" ($watch.exposeConfigMapLabels | default list)) -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}

{{/*
A type of Secrets: {type, index, from}. `key` is literal, but for characters that no key can have: 4.x took it for an anchored expression
whose dots are plain, 3.x for an expression that may match anywhere.
*/}}
{{- define "x509.config.secretType" -}}
{{- $made := omit .type "pkcs12" "jks" -}}
{{- if .type.key -}}
{{- if has .from (list "3.19" "3.21") -}}
{{- $made = set (omit $made "key") "keyPatterns" (list .type.key) -}}
{{- else if not (regexMatch "^[-._a-zA-Z0-9]*$" .type.key) -}}
{{- $made = set (omit $made "key") "keyPatterns" (list (include "x509.config.key" .type.key)) -}}
{{- end -}}
{{- end -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- with index $.type $format -}}
{{- $_ := set $made $format (include "x509.config.keystore" (dict "store" . "file" (printf "secret-type-%d-%s" $.index $format)) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}

{{/* A literal key as an expression. */}}
{{- define "x509.config.key" -}}
{{- printf "^%s$" (replace "." "\\." .) -}}
{{- end -}}

{{/* How keystores are opened: {store, file}. A literal passphrase is a file from the chart's Secret: a ConfigMap is no place for it. */}}
{{- define "x509.config.keystore" -}}
{{- $made := omit .store "passphrase" -}}
{{- if .store.passphrase -}}{{- $_ := set $made "passphraseFile" (printf "/etc/x509-certificate-exporter/passphrases/%s" .file) -}}{{- end -}}
{{- toYaml $made -}}
{{- end -}}
