{{/* An alert's expression with what the values say put into the plain file's: {root, name, expr}. */}}
{{- define "x509.rules.expression" -}}
{{- $root := .root -}}{{- $v := .root.Values -}}{{- $rules := $v.prometheusRules -}}
{{- $muted := "" -}}
{{- with $rules.muteLabel -}}{{- $muted = printf `,secret_label_%s!="off"` (regexReplaceAll "[^a-zA-Z0-9_]" . "_") -}}{{- end -}}
{{- $expr := .expr | replace `,secret_label_x509_certificate_exporter_alerts!="off"` $muted -}}
{{- if has .name (list "CertificateRenewal" "CertificateExpiration") -}}
{{- $expr = include "x509.rules.thresholds" (dict "rules" $rules "expr" $expr) -}}
{{- else if eq .name "CRLNeedsRefresh" -}}
{{- $expr = $expr | replace "7 * 86400" (printf "%d * 86400" (int $rules.crlWarningDaysLeft)) -}}
{{- else if eq .name "SourceStale" -}}
{{- $expr = $expr | replace "900" (include "x509.rules.stale" $root) -}}
{{- else if has .name (list "SourceAbsent" "ExporterAbsent") -}}
{{- $expr = include "x509.rules.absent" (dict "root" $root "sources" (eq .name "SourceAbsent")) -}}
{{- end -}}
{{- $expr -}}
{{- end -}}

{{/*
Thresholds: {rules: the values, expr}. The expression has a branch for objects, two for hosts, and one for servers on nodes, whose certificates are
those of files; a kind of source with thresholds of its own gets a copy of its branch, and is taken out of the others'.
*/}}
{{- define "x509.rules.thresholds" -}}
{{- $rules := .rules -}}{{- $made := list -}}
{{- $objects := dict "secrets" "secret_name" "configMaps" "configmap_name" "caBundles" "cabundle_resource_name" "kubesphereClusters" "kubesphere_cluster" "endpoints" "endpoint_address" -}}
{{- range $branch := splitList "\nor\n" .expr -}}
{{- $local := contains `endpoint_address=~` $branch -}}
{{- $host := contains `filepath!=""` $branch -}}
{{- $limits := dict "warningDaysLeft" $rules.warningDaysLeft "criticalDaysLeft" $rules.criticalDaysLeft -}}
{{- $_ := set $limits "warningLifetimePercent" (ternary $rules.hostWarningLifetimePercent $rules.warningLifetimePercent $host) -}}
{{- $_ := set $limits "criticalLifetimePercent" (ternary $rules.hostCriticalLifetimePercent $rules.criticalLifetimePercent $host) -}}
{{- $others := "" -}}
{{- $kinds := ternary (dict "files" "embedded_kind" "kubeconfigs" "embedded_kind") $objects $host -}}
{{- if $local -}}
{{- $kinds = dict -}}
{{- range $key, $limit := $rules.thresholds.files -}}{{- if not (kindIs "invalid" $limit) -}}{{- $_ := set $limits $key $limit -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $kind, $label := $kinds -}}
{{- with index $rules.thresholds $kind -}}
{{- $is := ternary "=" "!=" (eq $kind "files") -}}{{- $not := ternary "!=" "=" (eq $kind "files") -}}
{{- $own := deepCopy $limits -}}
{{- range $key, $limit := . -}}{{- if not (kindIs "invalid" $limit) -}}{{- $_ := set $own $key $limit -}}{{- end -}}{{- end -}}
{{- $made = append $made (include "x509.rules.branch" (dict "text" $branch "limits" $own "host" $host "matchers" (printf `,%s%s""` $label $is))) -}}
{{- $others = printf `%s,%s%s""` $others $label $not -}}
{{- end -}}
{{- end -}}
{{- if or $local (not (and $rules.thresholds.files $rules.thresholds.kubeconfigs $host)) -}}
{{- $made = append $made (include "x509.rules.branch" (dict "text" $branch "limits" $limits "host" $host "matchers" $others)) -}}
{{- end -}}
{{- end -}}
{{- join "\nor\n" $made -}}
{{- end -}}

{{/* A branch with other limits and for fewer series: {text, limits, host, matchers}. First marks, then numbers: one limit may be another's default. */}}
{{- define "x509.rules.branch" -}}
{{- $text := .text -}}{{- $limits := .limits -}}
{{- range $key, $default := dict "warningDaysLeft" "28 * 86400" "criticalDaysLeft" "14 * 86400" "warningLifetimePercent" (ternary "6 / 100" "15 / 100" .host) "criticalLifetimePercent" (ternary "3 / 100" "7.5 / 100" .host) -}}
{{- $text = replace $default (printf "<%s>" $key) $text -}}
{{- end -}}
{{- range $key, $limit := $limits -}}
{{- /* A share of the whole lifetime leaves the days alone to count. */}}
{{- $number := hasSuffix "Percent" $key | ternary (printf "%v / 100" ($limit | default 100)) (printf "%d * 86400" (int $limit)) -}}
{{- $text = replace (printf "<%s>" $key) $number $text -}}
{{- end -}}
{{- range $selector := list `filepath=""` `filepath!=""` -}}{{- $text = replace $selector (printf "%s%s" $selector $.matchers) $text -}}{{- end -}}
{{- $text -}}
{{- end -}}
