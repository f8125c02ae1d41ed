{{/* The rules as KubeSphere's rule groups hold them: alerts alone, 40 a group, the severity a field of its own, each with an id that stays. */}}

{{/* The name of a cluster-scoped object holds the namespace, and a dot, which no namespace has, parts the two: {root, cluster, suffix?}. */}}
{{- define "x509.kubesphere.name" -}}
{{- $own := include "x509.fullname" .root -}}
{{- $name := join "." (compact (list (ternary (include "x509.namespace" .root) "" .cluster) $own (.suffix | default ""))) -}}
{{- if and (le (len $name) 63) (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $name) -}}
{{- $name -}}
{{- else -}}
{{- $plain := regexReplaceAll "[^a-z0-9]+" (lower $name) "-" | trunc 54 | trimAll "-" -}}
{{- printf "%s-%s" $plain (sha256sum $name | trunc 8) -}}
{{- end -}}
{{- end -}}

{{/* {root, cluster, suffix?, extra, annotations} */}}
{{- define "x509.kubesphere.metadata" -}}
name: {{ include "x509.kubesphere.name" . }}
{{- if not .cluster }}
namespace: {{ include "x509.namespace" .root }}
{{- end }}
labels:
  {{- include "x509.labels" . | nindent 2 }}
annotations:
  {{- toYaml .annotations | nindent 2 }}
{{- end -}}

{{/* {groups: [{name, suffix, interval, rules}]}: the built-in alerts with KubeSphere's texts, then the user's groups. */}}
{{- define "x509.kubesphere.groups" -}}
{{- $root := . -}}{{- $values := .Values.prometheusRules -}}
{{- $texts := .Files.Get "files/kubesphere/alerts.yaml" | fromYaml -}}
{{- $all := list -}}
{{- range ternary list (include "x509.rules.groups" . | fromYamlArray) $values.disableBuiltinAlertGroup -}}
{{- range .rules -}}
{{- $text := index $texts (trimPrefix (printf "%s " $values.rulePrefix) .alert) -}}
{{- $said := ternary .annotations (omit .annotations "description") (hasKey $values.alertExtraAnnotations "description") -}}
{{- $_ := set . "annotations" (merge (deepCopy $said) ($text | default dict)) -}}
{{- end -}}
{{- $all = append $all (set . "suffix" (trimPrefix "x509-certificate-exporter." .name | trimSuffix "rules")) -}}
{{- end -}}
{{- with $values.extraAlertGroups -}}
{{- range tpl (toYaml .) $root | fromYamlArray -}}
{{- if not (kindIs "map" .) -}}{{- fail (printf "prometheusRules.extraAlertGroups: not a list of groups once its templates are filled in: %v" .) -}}{{- end -}}
{{- if not .name -}}{{- fail "prometheusRules.extraAlertGroups: a group has no name" -}}{{- end -}}
{{- $all = append $all (set . "suffix" .name) -}}
{{- end -}}
{{- end -}}
{{- $groups := list -}}{{- $names := list -}}
{{- range $group := $all -}}
{{- if has .name $names -}}{{- fail (printf "prometheusRules.extraAlertGroups: two groups have the name %s" .name) -}}{{- end -}}
{{- $names = append $names .name -}}
{{- $seen := dict -}}{{- $rules := list -}}
{{- range .rules -}}
{{- $rules = append $rules (include "x509.kubesphere.rule" (dict "root" $root "group" $group "rule" . "seen" $seen) | fromYaml) -}}
{{- end -}}
{{- range $i, $part := chunk 40 $rules -}}
{{- $suffix := ternary $group.suffix (printf "%s-%d" ($group.suffix | default "rules") (add1 $i)) (eq $i 0) -}}
{{- $groups = append $groups (dict "name" $group.name "suffix" $suffix "interval" ($group.interval | default "1m") "rules" $part) -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "groups" $groups) -}}
{{- end -}}
