{{/* Parts of NOTES.txt: what is watched, and what node pods ask of their namespace and of the nodes. */}}

{{- define "x509.notes.watched" -}}
{{- $v := .Values -}}{{- $full := include "x509.fullname" . -}}
{{- range $name, $own := $v.hostPathsExporter.daemonSets }}
{{- $host := dict "root" $ "name" $name "own" $own }}
{{- include "x509.host.resolve" $host }}
{{- if not $host.v.served }}
  {{ with $host.known }}what is there of {{ include "x509.notes.known" $host.known }}
  {{- if or $host.paths $host.kubeconfigs }}, {{ end }}{{ end }}
  {{- if or $host.paths $host.kubeconfigs }}{{ len $host.paths }} paths and {{ len $host.kubeconfigs }} kubeconfigs{{ end }} on
  {{- with $host.v.nodeSelector }} nodes with{{ range $key, $value := . }} {{ $key }}={{ $value }}{{ end }}{{ else }} every node{{ end }} that tolerations
  {{- if $host.v.affinity }} and affinity{{ end }} admit, by DaemonSet {{ $full }}-{{ $name }}
{{- end }}
{{- end }}
{{- include "x509.notes.endpoints" . }}
{{- if not .x509.watching }}
  nothing: secretsExporter and hostPathsExporter.discovery are off and hostPathsExporter.daemonSets is empty.
{{- end }}
{{- if and $v.upgradeFrom (not .x509.hosts) }}
  nothing on the nodes, because of upgradeFrom. To watch what is there: --set 'hostPathsExporter.daemonSets.nodes.watchDistributions={auto}'
{{- end }}
{{- end -}}

{{- define "x509.notes.nodes" -}}
{{- $v := .Values -}}{{- $namespace := include "x509.namespace" . -}}
{{- if $v.hostPathsExporter.daemonSets }}

Pods on nodes run as uid 0 with no capability{{ if $v.hostPathsExporter.dacReadSearch }} but DAC_READ_SEARCH{{ end }}, no token and no right in the cluster, and see folders of the host read-only. Where
Pod Security is enforced, their namespace has to admit that, else they do not start:
  kubectl label namespace {{ $namespace }} pod-security.kubernetes.io/enforce=privileged
{{- if .x509.builtin }}
To have none: hostPathsExporter.discovery.enabled: false.
{{- end }}
{{- end }}
{{- $old := list -}}
{{- range $name, $own := $v.hostPathsExporter.daemonSets -}}
{{- $host := dict "root" $ "name" $name "own" $own -}}
{{- include "x509.host.resolve" $host -}}
{{- if hasKey ($host.v.nodeSelector | default dict) "node-role.kubernetes.io/master" -}}{{- $old = append $old $name -}}{{- end -}}
{{- end -}}
{{- if and $old (semverCompare ">=1.24-0" .Capabilities.KubeVersion.Version) }}

WARNING: DaemonSet {{ join ", " $old }} selects nodes by the label node-role.kubernetes.io/master, which Kubernetes no longer sets since 1.24: on a cluster
made by that version or a later one it gets no pod at all{{ if and .x509.rules $v.prometheusRules.alertOnSourceAbsent }} (the alert SourceAbsent says so){{ end }}. Two ways out:
  --set hostPathsExporter.legacyMasterSelector=either            (nodes with that label or with node-role.kubernetes.io/control-plane)
  nodeSelector and toleration node-role.kubernetes.io/control-plane in place of …/master in your values
See which nodes have it: kubectl get nodes -l node-role.kubernetes.io/master
{{- end }}
{{- if and $v.hostNetwork (gt (len .x509.hosts) 1) }}

hostNetwork: pods of two DaemonSets on one node cannot both have port {{ $v.podListenPort }}; the second stays Pending.
{{- end }}
{{- end -}}

{{- define "x509.notes.installer" -}}
{{- $v := .Values -}}
{{- if eq $v.installer "project-operator" }}

installer: project-operator: no service account of ours, no rights, monitors, rules or dashboards
{{- if not (or $v.secretsExporter.enabled $v.rbac.secretsExporter.serviceAccountName) }}; Secrets are not watched (that takes an account with the right to read them:
rbac.secretsExporter.serviceAccountName){{ end }}. For the rest, ask an administrator of the project to apply, once:
  helm template {{ .Release.Name }} <this chart> -n {{ include "x509.namespace" . }} -f <these values> --set installer=project-admin -s templates/servicemonitor.yaml
{{- end }}
{{- if and .x509.openshift $v.hostPathsExporter.daemonSets }}

OpenShift: node pods have SELinux type spc_t{{ with $v.openshift.scc }} and their account the security context constraint {{ . }}{{ end }}.
{{- end }}
{{- end -}}
