{{/* A DaemonSet's settings, paths and mounts. */}}

{{/*
Fills a context {root, name, own} with
  v            the settings: the defaults of hostPathsExporter, each replaced by the DaemonSet's own if it has one (variables are added)
  paths        files, globs and directories to watch, host paths as typed
  kubeconfigs  the same for kubeconfigs
  known        distributions whose paths are watched where they exist
  mounts       what to mount: [{path, volume, live}]
*/}}
{{- define "x509.host.resolve" -}}
{{- $defaults := .root.Values.hostPathsExporter -}}
{{- $v := dict -}}
{{- range $key, $value := omit $defaults "daemonSets" "discovery" -}}{{- $_ := set $v $key $value -}}{{- end -}}
{{- range $key, $value := .own -}}
{{- if or (not (kindIs "invalid" $value)) (has $key (list "securityContext" "podSecurityContext" "hostPathVolumeType" "revisionHistoryLimit")) -}}{{- $_ := set $v $key $value -}}{{- end -}}
{{- end -}}
{{- $_ := set $v "env" (concat (hasKey .own "served" | ternary list ($defaults.env | default list)) (.own.env | default list)) -}}
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
{{- range $v.watchDistributions -}}
{{- $directories = concat $directories (index (include "x509.host.known" $ | fromYaml) .) -}}
{{- end -}}
{{- if eq ($v.legacyMasterSelector | default "keep") "either" -}}{{- include "x509.host.either" $v -}}{{- end -}}
{{- if .root.x509.openshift -}}{{- $_ := set $v "podSecurityContext" (merge (dict) ($v.podSecurityContext | default dict) (dict "seLinuxOptions" (dict "type" "spc_t"))) -}}{{- end -}}
{{- $_ := set . "v" $v -}}
{{- $_ := set . "known" ($v.watchDistributions | default list) -}}
{{- $_ := set . "paths" (uniq $paths) -}}
{{- $_ := set . "kubeconfigs" (uniq ($v.watchKubeconfFiles | default list)) -}}
{{- include "x509.host.mounts" (dict "context" . "directories" $directories) -}}
{{- end -}}

{{/* Distribution → the directories of the host where the agent looks for its certificates (agent/src/discover.rs). /etc and /var are on every node. */}}
{{- define "x509.host.known" -}}
auto: [/etc, /var]
kubeadm: [/etc/kubernetes, /var/lib/kubelet]
kubekey: [/etc/kubernetes, /etc/ssl/etcd, /var/lib/kubelet]
kubespray: [/etc/kubernetes, /etc/ssl/etcd, /var/lib/kubelet]
k3s: [/etc/rancher/k3s, /var/lib/rancher/k3s]
rke2: [/etc/rancher/rke2, /var/lib/rancher/rke2]
k0s: [/var/lib/k0s]
microk8s: [/var/snap/microk8s]
openshift: [/etc/kubernetes, /var/lib/kubelet]
talos: [/etc/kubernetes, /system/secrets, /var/lib/kubelet]
{{- end -}}

{{/* legacyMasterSelector: either. Changes the settings: the selector for master becomes an affinity for either label, with both tolerations. */}}
{{- define "x509.host.either" -}}
{{- $master := "node-role.kubernetes.io/master" -}}
{{- if hasKey (.nodeSelector | default dict) $master -}}
{{- $affinity := deepCopy (.affinity | default dict) -}}
{{- $node := $affinity.nodeAffinity | default dict -}}
{{- $required := $node.requiredDuringSchedulingIgnoredDuringExecution | default dict -}}
{{- $terms := list -}}{{- $tolerations := .tolerations | default list -}}
{{- range $key := list $master "node-role.kubernetes.io/control-plane" -}}
{{- range $required.nodeSelectorTerms | default (list dict) -}}
{{- $terms = append $terms (merge (dict "matchExpressions" (append (.matchExpressions | default list) (dict "key" $key "operator" "Exists"))) .) -}}
{{- end -}}
{{- $tolerations = append $tolerations (dict "key" $key "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- $_ := set $node "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" $terms) -}}
{{- $_ := set $affinity "nodeAffinity" $node -}}
{{- $_ := set . "affinity" $affinity -}}
{{- $_ := set . "nodeSelector" (omit .nodeSelector $master) -}}
{{- $_ := set . "tolerations" (uniq $tolerations) -}}
{{- end -}}
{{- end -}}
