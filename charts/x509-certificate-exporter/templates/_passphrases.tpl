{{/* Passphrases and kubeconfigs: what comes of Secrets into the agent's folder of configuration, by the side of its file. */}}

{{/* A DaemonSet's keystores in the agent's configuration; takes the context of x509.host.resolve. */}}
{{- define "x509.host.keystores" -}}
{{- $made := dict -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- with index $.v $format -}}
{{- $store := omit . "passphraseSecretRef" -}}
{{- if .passphraseSecretRef -}}{{- $_ := set $store "passphrase" "of the Secret" -}}{{- end -}}
{{- $_ := set $made $format (include "x509.config.keystore" (dict "store" $store "file" $format) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- toYaml $made -}}
{{- end -}}

{{/* The literal passphrases of all values, by their key in the chart's Secret, as JSON. */}}
{{- define "x509.passphrases" -}}
{{- $found := dict -}}
{{- if has "secrets" .x509.objects -}}
{{- range $i, $type := .Values.secretsExporter.secretTypes -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- with (index $type $format | default dict).passphrase -}}{{- $_ := set $found (printf "secret-type-%d-%s" $i $format) . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $own := .Values.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $ "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- with (index $host.v $format | default dict).passphrase -}}
{{- if $host.paths -}}{{- $_ := set $found (printf "host-%s-%s" $name $format) . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Parts of the Deployment's volume besides its ConfigMap, as JSON {files}. A missing kubeconfig keeps no pod from starting: its source fails, the others do not. */}}
{{- define "x509.files.objects" -}}
{{- $files := list -}}{{- $items := list -}}
{{- range $key := include "x509.passphrases" . | fromJson | keys | sortAlpha -}}
{{- if hasPrefix "secret-type-" $key -}}{{- $items = append $items (dict "key" $key "path" (printf "passphrases/%s" $key)) -}}{{- end -}}
{{- end -}}
{{- with $items -}}{{- $files = append $files (dict "secret" (dict "name" (printf "%s-passphrases" (include "x509.fullname" $)) "items" .)) -}}{{- end -}}
{{- range .Values.clusters -}}
{{- $items := list (dict "key" (.kubeconfigSecret.key | default "kubeconfig") "path" (printf "clusters/%s/kubeconfig" .name)) -}}
{{- $files = append $files (dict "secret" (dict "name" .kubeconfigSecret.name "items" $items "optional" true)) -}}
{{- end -}}
{{- dict "files" $files | toJson -}}
{{- end -}}

{{/* The same of a DaemonSet; takes the context of x509.host.resolve. */}}
{{- define "x509.files.host" -}}
{{- $files := list -}}
{{- range $format := list "pkcs12" "jks" -}}
{{- $store := index $.v $format | default dict -}}
{{- $path := printf "passphrases/%s" $format -}}
{{- if $.paths -}}
{{- with $store.passphraseSecretRef -}}
{{- $files = append $files (dict "secret" (dict "name" .name "items" (list (dict "key" .key "path" $path)) "optional" true)) -}}
{{- end -}}
{{- if $store.passphrase -}}
{{- $secret := printf "%s-passphrases" (include "x509.fullname" $.root) -}}
{{- $files = append $files (dict "secret" (dict "name" $secret "items" (list (dict "key" (printf "host-%s-%s" $.name $format) "path" $path)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "files" $files | toJson -}}
{{- end -}}
