{{/* Part of NOTES.txt: which objects of Kubernetes are watched, a line each. */}}
{{- define "x509.notes.objects" -}}
{{- $v := .Values -}}{{- $secrets := $v.secretsExporter -}}
{{- $by := printf "by Deployment %s" (include "x509.fullname" .) -}}
{{- if .x509.sharded -}}{{- $by = printf "by StatefulSet %s, each object by one of %d shards" (include "x509.shards.name" .) (int $secrets.shards) -}}{{- end -}}
{{- range $key := .x509.objects }}
{{- $in := "" -}}
{{- if and (eq $v.rbac.mode "namespaced") (has $key (list "secrets" "certificateRequests")) -}}
{{- $in = printf " in %s" (join " " (include "x509.objects.namespaces" (dict "root" $ "key" $key) | fromJson).names) -}}
{{- end -}}
{{- if eq $key "secrets" }}
{{- with $secrets.secretTypes }}
  Secrets of type{{ range . }} {{ .type }}{{ end }}{{ $in }}, {{ $by }}
{{- end }}
{{- with $secrets.configMapKeys }}
  ConfigMaps with the key {{ join " " . }}{{ $in }}, {{ $by }}
{{- end }}
{{- else if eq $key "cabundles" }}
{{- $names := dict "mutating" "mutating webhooks" "validating" "validating webhooks" "apiservice" "API services" "crdConversion" "conversion webhooks of CRDs" -}}
{{- $kinds := list -}}
{{- range $switch, $on := $v.cabundlesExporter.resources -}}{{- if $on -}}{{- $kinds = append $kinds (index $names $switch) -}}{{- end -}}{{- end }}
  CA bundles of {{ join ", " $kinds }}, {{ $by }}
{{- else if eq $key "certificateSigningRequests" }}
  CertificateSigningRequests, out of the alerts (the cluster deletes them an hour or two after they are issued), {{ $by }}
{{- else if eq $key "certificateRequests" }}
  cert-manager's CertificateRequests{{ $in }}, out of the alerts, {{ $by }}
{{- else }}
  kubeconfigs of KubeSphere's member clusters, {{ $by }}
{{- end }}
{{- end }}
{{- range $v.clusters }}
  {{ .sources | default $.x509.objects | join ", " }} in cluster {{ .name }}, by the kubeconfig in Secret {{ .kubeconfigSecret.name }}, key {{ .kubeconfigSecret.key | default "kubeconfig" }}
{{- end }}
{{- if and (not $secrets.configMapKeys) (or $secrets.includeConfigMaps $secrets.excludeConfigMaps $secrets.includeConfigMapLabels $secrets.excludeConfigMapLabels $secrets.exposeConfigMapLabels) }}
  No ConfigMaps, as secretsExporter.configMapKeys names no key.
{{- end }}
{{- end -}}
