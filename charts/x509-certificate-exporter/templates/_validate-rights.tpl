{{/* Rights: what cannot be had without the cluster's, and accounts that exist. */}}
{{- define "x509.validate.rights" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- if and (eq $v.installer "project-admin") (eq $v.rbac.mode "cluster") -}}
{{- $_ := set $c "found" (append $c.found "rbac.mode: cluster cannot be had with installer: project-admin, who may not create a ClusterRole") -}}
{{- end -}}
{{- if and (eq $v.installer "project-operator") (not $v.rbac.secretsExporter.serviceAccountName) -}}
{{- range .root.x509.objects -}}
{{- $_ := set $c "found" (append $c.found (printf "%sExporter.enabled: takes rights, which installer: project-operator does not give; name an account that has them, rbac.secretsExporter.serviceAccountName" .)) -}}
{{- end -}}
{{- else if eq $v.rbac.mode "namespaced" -}}
{{- include "x509.validate.namespaced" $c -}}
{{- end -}}
{{- if and $v.rbac.create (not $v.rbac.createServiceAccounts) -}}
{{- if and .root.x509.openshift $v.openshift.scc $v.hostPathsExporter.daemonSets (not $v.rbac.hostPathsExporter.serviceAccountName) -}}
{{- $_ := set $c "found" (append $c.found "rbac.hostPathsExporter.serviceAccountName: name the account that gets openshift.scc, as rbac.createServiceAccounts is false; it must not be the namespace's default") -}}
{{- end -}}
{{- if and .root.x509.objects (not $v.rbac.secretsExporter.serviceAccountName) -}}
{{- $_ := set $c "found" (append $c.found "rbac.secretsExporter.serviceAccountName: name the account that gets the role, as rbac.createServiceAccounts is false") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* rbac.mode: namespaced. Who brings an account with rights of its own may have what no Role gives. */}}
{{- define "x509.validate.namespaced" -}}
{{- $c := . -}}{{- $v := .root.Values -}}
{{- $ours := and $v.rbac.create $v.rbac.createServiceAccounts -}}
{{- range $key := .root.x509.objects -}}
{{- $section := printf "%sExporter" $key -}}
{{- if has $key (list "secrets" "certificateRequests") -}}
{{- $from := index $v (include "x509.objects.namespaced" (dict "root" $c.root "key" $key)) -}}
{{- range $from.includeNamespaces -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.includeNamespaces: %q is no literal name, which rbac.mode: namespaced needs to make a Role there" $section .)) -}}
{{- end -}}
{{- end -}}
{{- range $list := list "includeNamespaceLabels" "excludeNamespaceLabels" -}}
{{- if index $from $list -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.%s: takes the right to read all Namespaces, which rbac.mode: namespaced does not give" $section $list)) -}}
{{- end -}}
{{- end -}}
{{- else if $ours -}}
{{- $_ := set $c "found" (append $c.found (printf "%s.enabled: takes the right to read objects of the whole cluster, which rbac.mode: namespaced does not give; name an account that has it (rbac.secretsExporter.serviceAccountName, rbac.createServiceAccounts: false)" $section)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
