{{/* Rights: what cannot be had without the cluster's, and accounts that exist. */}}
{{- define "x509.validate.rights" -}}
{{- $c := . -}}{{- $v := .root.Values -}}{{- $secrets := $v.secretsExporter -}}
{{- if and (eq $v.installer "project-admin") (eq $v.rbac.mode "cluster") -}}
{{- $_ := set $c "found" (append $c.found "rbac.mode: cluster cannot be had with installer: project-admin, who may not create a ClusterRole") -}}
{{- end -}}
{{- if and $secrets.enabled (eq $v.rbac.mode "namespaced") -}}
{{- range $secrets.includeNamespaces -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.includeNamespaces: %q is no literal name, which rbac.mode: namespaced needs to make a Role there" .)) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "includeNamespaceLabels" "excludeNamespaceLabels" -}}
{{- if index $secrets $key -}}
{{- $_ := set $c "found" (append $c.found (printf "secretsExporter.%s: takes the right to read all Namespaces, which rbac.mode: namespaced does not give" $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.rbac.create (not $v.rbac.createServiceAccounts) -}}
{{- if and .root.x509.openshift $v.openshift.scc $v.hostPathsExporter.daemonSets (not $v.rbac.hostPathsExporter.serviceAccountName) -}}
{{- $_ := set $c "found" (append $c.found "rbac.hostPathsExporter.serviceAccountName: name the account that gets openshift.scc, as rbac.createServiceAccounts is false; it must not be the namespace's default") -}}
{{- end -}}
{{- if and $secrets.enabled (not $v.rbac.secretsExporter.serviceAccountName) -}}
{{- $_ := set $c "found" (append $c.found "rbac.secretsExporter.serviceAccountName: name the account that gets the role, as rbac.createServiceAccounts is false") -}}
{{- end -}}
{{- end -}}
{{- end -}}
