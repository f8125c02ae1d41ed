{{/* A DaemonSet's settings, paths and mounts. */}}

{{/*
Fills a context {root, name, own} with
  v            the settings: the defaults of hostPathsExporter, each replaced by the DaemonSet's own if it has one (variables are added)
  paths        files, globs and directories to watch, host paths as typed
  kubeconfigs  the same for kubeconfigs
  mounts       what to mount: [{path, volume, live}]
*/}}
{{- define "x509.host.resolve" -}}
{{- $defaults := .root.Values.hostPathsExporter -}}
{{- $v := dict -}}
{{- range $key, $value := omit $defaults "daemonSets" -}}{{- $_ := set $v $key $value -}}{{- end -}}
{{- range $key, $value := .own -}}{{- $_ := set $v $key $value -}}{{- end -}}
{{- $_ := set $v "env" (concat ($defaults.env | default list) (.own.env | default list)) -}}
{{- $paths := concat ($v.watchFiles | default list) ($v.watchDirectories | default list) -}}
{{- $directories := list -}}
{{- range concat ($v.watchFiles | default list) ($v.watchKubeconfFiles | default list) -}}
{{- $directories = append $directories (include "x509.host.directory" (dict "path" . "file" true)) -}}
{{- end -}}
{{- range concat ($v.watchDirectories | default list) ($v.extraHostDirectories | default list) -}}
{{- $directories = append $directories (include "x509.host.directory" (dict "path" .)) -}}
{{- end -}}
{{- range $v.watchSpecificExtensionDirectories -}}
{{- $paths = append $paths (printf "%s/*.%s" (trimSuffix "/" .directory) (trimPrefix "." .extension)) -}}
{{- $directories = append $directories (include "x509.host.directory" (dict "path" .directory)) -}}
{{- end -}}
{{- $_ := set . "v" $v -}}
{{- $_ := set . "paths" (uniq $paths) -}}
{{- $_ := set . "kubeconfigs" (uniq ($v.watchKubeconfFiles | default list)) -}}
{{- include "x509.host.mounts" (dict "context" . "directories" $directories) -}}
{{- end -}}
