{{/*
The pod template of every workload. Takes
  root, component, v (secretsExporter, endpointsExporter or a DaemonSet's settings), config (text), configMap, files (of Secrets, beside it), account, token (mounted?),
  args, capability (one to add, or empty), mounts (of host directories), hostNetwork
*/}}
{{- define "x509.pod" -}}
{{- $root := .root -}}{{- $v := .v -}}
metadata:
  labels:
    {{- include "x509.labels" (dict "root" $root "component" .component "extra" (list $root.Values.podExtraLabels $v.podExtraLabels)) | nindent 4 }}
  annotations:
    {{- $annotations := dict -}}
    {{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/path" "/metrics" "prometheus.io/port" (include "x509.ports" (dict "root" $root "served" $v.served) | fromYaml).metrics -}}
    {{- if (include "x509.web" $root | fromYaml).tls -}}{{- $_ := set $scrape "prometheus.io/scheme" "https" -}}{{- end -}}
    {{- range list ($root.Values.monitoring.scrapeAnnotations | ternary $scrape dict) $root.Values.podAnnotations $v.podAnnotations (dict "checksum/config" (sha256sum .config)) -}}
    {{- range $key, $value := . -}}{{- $_ := set $annotations $key ($value | toString) -}}{{- end -}}
    {{- end -}}
    {{- toYaml $annotations | nindent 4 }}
spec:
  serviceAccountName: {{ .account | toYaml }}
  automountServiceAccountToken: {{ .token }}
  enableServiceLinks: false
  {{- if .hostNetwork }}
  hostNetwork: true
  {{- if $v.served }}
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- end }}
  {{- with $v.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $v.priorityClassName | default $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with include "x509.pullSecrets" $root }}
  imagePullSecrets:
    {{- . | nindent 4 }}
  {{- end }}
  {{- $spread := list -}}
  {{- range $v.topologySpreadConstraints -}}
  {{- $spread = append $spread (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" (include "x509.selectorLabels" $ | fromYaml)))) -}}
  {{- end -}}
  {{- $parts := dict "securityContext" $v.podSecurityContext "topologySpreadConstraints" $spread -}}
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
      {{- if .files }}
      projected:
        sources:
          - configMap:
              name: {{ .configMap | toYaml }}
          {{- toYaml .files | nindent 10 }}
      {{- else }}
      configMap:
        name: {{ .configMap | toYaml }}
      {{- end }}
    {{- with include "x509.web.volumes" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- range .mounts }}
    - name: {{ .volume }}
      hostPath:
        path: {{ .path | quote }}
        {{- /* Talos' kubelet cannot see /system, so it would never find the type. */}}
        {{- if and $.hostPathType (not (hasPrefix "/system/" (printf "%s/" .path))) }}
        type: {{ $.hostPathType }}
        {{- end }}
    {{- end }}
    {{- with concat ($root.Values.extraVolumes | default list) ($v.extraVolumes | default list) }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
{{- end -}}
