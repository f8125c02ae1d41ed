{{/* From paths on a host to the mounts of a pod. */}}

{{/* The directory to mount for a path: its part before the first glob character, without the file's name: {path, file?}. */}}
{{- define "x509.host.directory" -}}
{{- $static := regexFind "^[^*?[{]*" .path -}}
{{- if ne $static .path -}}
{{- dir (printf "%sx" $static) -}}
{{- else -}}
{{- .file | default false | ternary (dir $static) (clean $static) -}}
{{- end -}}
{{- end -}}

{{/* Directories to mounts: those inside another are left out: {context, directories}. */}}
{{- define "x509.host.mounts" -}}
{{- $wanted := .directories -}}
{{- if ne (.context.v.hostMounts | default "system") "exact" -}}
{{- $wanted = list "/etc" "/var/lib" -}}
{{- range .directories -}}
{{- if not (hasPrefix "/var/lib/" (printf "%s/" .)) -}}{{- $wanted = append $wanted (regexFind "^/[^/]*" .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $kept := list -}}
{{- $mounts := list -}}
{{- range $path := $wanted | uniq | sortAlpha -}}
{{- $inside := false -}}
{{- range $kept -}}{{- $inside = or $inside (hasPrefix (printf "%s/" .) (printf "%s/" $path)) -}}{{- end -}}
{{- if not $inside -}}
{{- $kept = append $kept $path -}}
{{- $mounts = append $mounts (dict "path" $path "volume" (include "x509.host.volume" $path) "live" (eq "true" (include "x509.host.live" $path))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .context "mounts" $mounts -}}
{{- end -}}

{{/* A volume's name: the path itself, and a hash where that could mean two paths or be too long. */}}
{{- define "x509.host.volume" -}}
{{- $slug := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" | trunc 40 | trimSuffix "-" -}}
{{- $plain := and (regexMatch "^(/[a-z0-9]+)+$" .) (lt (len .) 41) -}}
{{- printf "host-%s" ($plain | ternary $slug (printf "%s-%s" $slug (sha1sum . | trunc 8) | trimPrefix "-")) -}}
{{- end -}}

{{/* Whether other pods' volumes may be mounted in, above or below a directory: then our mount has to follow the host's. */}}
{{- define "x509.host.live" -}}
{{- $quiet := list "/etc" "/usr" "/opt" "/srv" "/home" "/root" "/boot" -}}
{{- $volumes := list "/var/lib/kubelet/pods" "/var/lib/kubelet/plugins" "/var/lib/docker" "/var/lib/containerd" "/var/lib/containers" -}}
{{- $volumes = concat $volumes (list "/var/lib/rancher/k3s/agent/containerd" "/var/lib/rancher/rke2/agent/containerd") -}}
{{- $volumes = concat $volumes (list "/var/lib/k0s/kubelet" "/var/lib/k0s/containerd" "/var/snap/microk8s/common") -}}
{{- $live := and (regexMatch "^/[^/]+$" .) (not (has . $quiet)) -}}
{{- $path := printf "%s/" . -}}
{{- range $volumes -}}
{{- $live = or $live (hasPrefix $path (printf "%s/" .)) (hasPrefix (printf "%s/" .) $path) -}}
{{- end -}}
{{- $live -}}
{{- end -}}

{{/* The type of hostPath volumes: system folders exist on every node, so that nothing is created and no pod waits. */}}
{{- define "x509.host.type" -}}
{{- eq (.hostMounts | default "system") "exact" | ternary .hostPathVolumeType "Directory" | default "" -}}
{{- end -}}
