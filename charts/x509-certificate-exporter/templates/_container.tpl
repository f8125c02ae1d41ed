{{/* The container of both workloads; takes the context of x509.pod. */}}
{{- define "x509.container" -}}
{{- $root := .root -}}{{- $v := .v -}}
{{- $ports := include "x509.ports" (dict "root" $root "served" $v.served) | fromYaml -}}
name: x509-certificate-exporter
image: {{ include "x509.image" $root | quote }}
{{- with $root.Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
args:
  {{- toYaml (concat (list "--config=/etc/x509-certificate-exporter/config.yaml") (.args | default list)) | nindent 2 }}
{{- with $v.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and .linger (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ .linger }}
{{- end }}
ports:
  - name: metrics
    containerPort: {{ $ports.metrics }}
{{- with int $ports.probe }}
  - name: probe
    containerPort: {{ . }}
{{- end }}
{{- include "x509.probe" (dict "root" $root "name" "readinessProbe" "path" "/readyz" "probe" $v.readinessProbe) }}
{{- include "x509.probe" (dict "root" $root "name" "livenessProbe" "path" "/healthz" "probe" $v.livenessProbe) }}
{{- with $v.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $context := deepCopy ($v.securityContext | default dict) -}}
{{- with .capability -}}
{{- $capabilities := $context.capabilities | default dict -}}
{{- $_ := set $capabilities "add" (append ($capabilities.add | default list) . | uniq) -}}
{{- $_ := set $context "capabilities" $capabilities -}}
{{- end }}
{{- with $context }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/x509-certificate-exporter
    readOnly: true
  {{- with include "x509.web.mounts" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- range .mounts }}
  - name: {{ .volume }}
    mountPath: {{ printf "/host%s" .path | quote }}
    readOnly: true
    {{- if .live }}
    mountPropagation: HostToContainer
    {{- else if semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version }}
    recursiveReadOnly: IfPossible
    {{- end }}
  {{- end }}
  {{- with concat ($root.Values.extraVolumeMounts | default list) ($v.extraVolumeMounts | default list) }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
{{- end -}}
