{{/*
One rule as KubeSphere has it: {root, group, rule, seen}. Its webhook lets some of what it cannot evaluate pass, and the API server drops fields that
it does not know, so what has no place there is refused here, by name. `seen` counts alerts of one name, whose ids have to differ.
*/}}
{{- define "x509.kubesphere.rule" -}}
{{- $rule := .rule -}}{{- $group := .group.name -}}
{{- $bad := "" -}}
{{- $unknown := keys (omit $rule "alert" "expr" "for" "labels" "annotations") | sortAlpha | join ", " -}}
{{- $foreign := keys (omit .group "name" "interval" "rules" "suffix") | sortAlpha | join ", " -}}
{{- if $rule.record -}}
{{- $bad = printf "records %v, and KubeSphere's rule groups hold alerts alone" $rule.record -}}
{{- else if $foreign -}}
{{- $bad = printf "has the setting %s, which KubeSphere's rule groups have not" $foreign -}}
{{- else if or (not $rule.alert) (not ($rule.expr | toString | trim)) (kindIs "invalid" $rule.expr) -}}
{{- $bad = printf "has a rule without alert or expr (%v)" ($rule.alert | default "no name") -}}
{{- else if $unknown -}}
{{- $bad = printf "has %s in alert %v, which KubeSphere's rules have not" $unknown $rule.alert -}}
{{- else if not (regexMatch "^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$" ($rule.for | default "0" | toString)) -}}
{{- $bad = printf "has `for: %v` in alert %v; KubeSphere takes whole units, such as 90m" $rule.for $rule.alert -}}
{{- end -}}
{{- if $bad -}}
{{- fail (printf "\n\nprometheusRules: group %s %s. Leave it out, or set kubesphere.enabled: false to get a PrometheusRule.\n" $group $bad) -}}
{{- end -}}
{{- $labels := dict -}}
{{- range $key, $value := $rule.labels -}}{{- $_ := set $labels $key ($value | toString) -}}{{- end -}}
{{- $made := dict "alert" $rule.alert "expr" ($rule.expr | toString) -}}
{{- with $rule.for -}}{{- $_ := set $made "for" (. | toString) -}}{{- end -}}
{{- with $labels.severity -}}{{- $_ := set $made "severity" . -}}{{- end -}}
{{- $count := add1 (index .seen $rule.alert | default 0) -}}
{{- $_ := set .seen $rule.alert $count -}}
{{- $place := printf "%s/%s/%s/%s" (include "x509.namespace" .root) (include "x509.fullname" .root) $group $rule.alert -}}
{{- $id := sha256sum (ternary $place (printf "%s/%d" $place $count) (eq (int $count) 1)) | trunc 16 -}}
{{- $_ := set $made "labels" (merge (omit $labels "severity") (dict "rule_id" $id)) -}}
{{- $notes := dict -}}
{{- range $key, $value := $rule.annotations -}}{{- $_ := set $notes $key ($value | toString) -}}{{- end -}}
{{- with $notes -}}{{- $_ := set $made "annotations" . -}}{{- end -}}
{{- toYaml $made -}}
{{- end -}}
