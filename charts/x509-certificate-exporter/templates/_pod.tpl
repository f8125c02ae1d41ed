{{/*
The pod template of both workloads. Takes
  root, component, v (secretsExporter or a DaemonSet's settings), config (text), configMap, account, token (mounted?),
  args, capability (one to add, or empty), mounts (of host directories), hostNetwork
*/}}
{{- define "x509.pod" -}}
{{- $root := .root -}}{{- $v := .v -}}
metadata:
  labels:
    {{- include "x509.labels" (dict "root" $root "component" .component "extra" (list $root.Values.podExtraLabels $v.podExtraLabels)) | nindent 4 }}
  annotations:
    {{- $annotations := dict -}}
    {{- range list $root.Values.podAnnotations $v.podAnnotations (dict "checksum/config" (sha256sum .config)) -}}
    {{- range $key, $value := . -}}{{- $_ := set $annotations $key ($value | toString) -}}{{- end -}}
    {{- end -}}
    {{- toYaml $annotations | nindent 4 }}
spec:
  serviceAccountName: {{ .account }}
  automountServiceAccountToken: {{ .token }}
  enableServiceLinks: false
  {{- if .hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- with $v.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $v.priorityClassName | default $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- $parts := dict "imagePullSecrets" $root.Values.imagePullSecrets "securityContext" $v.podSecurityContext -}}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" -}}{{- $_ := set $parts $key (index $v $key) -}}{{- end -}}
  {{- range $key, $value := $parts }}
  {{- with $value }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - {{ include "x509.container" . | nindent 6 | trim }}
  volumes:
    - name: config
      configMap:
        name: {{ .configMap }}
    {{- range .mounts }}
    - name: {{ .volume }}
      hostPath:
        path: {{ .path | quote }}
        {{- with $.hostPathType }}
        type: {{ . }}
        {{- end }}
    {{- end }}
    {{- with concat ($root.Values.extraVolumes | default list) ($v.extraVolumes | default list) }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
{{- end -}}
