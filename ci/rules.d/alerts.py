"""The alerts, from which the plain rules file is made: expressions and places are told once here and repeated there. UPDATE=1 ci/rules writes the file."""
import textwrap

HEAD = """\
# The alerts, with the default thresholds; promtool reads this file as it is. Made by UPDATE=1 ci/rules from ci/rules.d/alerts.py; docs/alerts.md explains them.
# The chart puts in severities, switches, the release's sources, and thresholds: it knows CertificateRenewal's and CertificateExpiration's by their writing
# (`28 * 86400`, `14 * 86400`, `15 / 100`, `7.5 / 100`, of hosts `6 / 100`, `3 / 100`), CRLNeedsRefresh's by `7 * 86400`, SourceStale's by `900`.
"""
HOME = "https://github.com/x509-certificate-exporter/x509-certificate-exporter/blob/main/docs/runbooks/"
# An agent that is restarted for five minutes is last scraped a minute before and first scraped a minute after.
MEMORY = "7m"
# Requests record what was issued, not what is used; a Secret is muted by its label.
QUIET = 'csr_name="",certificaterequest_name="",secret_label_x509_certificate_exporter_alerts!="off"'
# Who was scraped, which tells nothing of the certificate. The namespace stays: routes go by it.
TARGET = ["container", "endpoint", "instance", "job", "node", "pod", "service"]
# Servers on a node's loopback, which are others on the next node; every other server is one, whoever asks it.
LOOPBACK = '"(127[.]|localhost:|[[]::1).*"'
# What may see one certificate: (selector, labels that do not tell it from others, place).
OBJECTS = (f'filepath="",endpoint_address!~{LOOPBACK}', TARGET, "endpoint_name, endpoint_address, cluster, secret_namespace, secret_name, secret_key, configmap_namespace, configmap_name, configmap_key, "
           "cabundle_resource_kind, cabundle_resource_name, cabundle_entry, kubesphere_cluster")
FILES = 'filepath!=""'
NODES = (f'{FILES},node!=""', [label for label in TARGET if label != "node"], "cluster, node, filepath")
NUMBERED = f'{FILES},serial_number!=""'
# Without the label node, the instance has to do.
HOSTS = (f'{FILES},node=""', ["container", "endpoint", "job", "service"], None)
# In the host's network an instance is a node.
LOCAL = (f'endpoint_address=~{LOOPBACK}', ["container", "endpoint", "job", "pod", "service"], "cluster, node, instance, endpoint_name, endpoint_address")
REMOTE = (f'endpoint_address!~{LOOPBACK}', [*TARGET, "protocol", "tls_version"], "endpoint_name, endpoint_address")
# A server and its file, wherever it listens.
PAIRS = ('endpoint_address!=""', LOCAL[1], None)
SEEN, SERVED = (OBJECTS, NODES, HOSTS), (OBJECTS, NODES, HOSTS, LOCAL)
# Of each agent: how often it was scraped of late with its sources at work. What was told less often was over before the agent went, or had just begun.
SCRAPES = f"min by (job, instance) (sum_over_time(x509_source_up[{MEMORY}]) > 0)"

PLACE = """\
{{ with $labels }}{{ if .secret_name }}Secret `{{ .secret_namespace }}/{{ .secret_name }}`, key `{{ .secret_key }}`
{{- else if .configmap_name }}ConfigMap `{{ .configmap_namespace }}/{{ .configmap_name }}`, key `{{ .configmap_key }}`
{{- else if .cabundle_resource_name }}{{ .cabundle_resource_kind }} `{{ .cabundle_resource_name }}`{{ with .cabundle_entry }}, webhook `{{ . }}`{{ end }}
{{- else if .kubesphere_cluster }}KubeSphere's Cluster `{{ .kubesphere_cluster }}`
{{- else if .endpoint_address }}what endpoint {{ with .endpoint_name }}`{{ . }}`, {{ end }}`{{ .endpoint_address }}` serves
{{- else }}{{ if .embedded_kind }}kubeconfig{{ else }}file{{ end }} `{{ .filepath }}`{{ end }}
{{- with .embedded_kind }} ({{ . }}{{ with $labels.embedded_key }} `{{ . }}`{{ end }}){{ end }}
{{- if or .filepath .instance }} on {{ if .node }}node `{{ .node }}`{{ else }}the node of {{ with .pod }}pod `{{ . }}`, {{ end }}instance `{{ .instance }}`{{ end }}{{ end }}
{{- with .cluster }}, cluster `{{ . }}`{{ end }}{{ end }},"""
CERTIFICATE = "The {{ if $labels.ca }}CA {{ end }}certificate {{ with $labels.subject_CN }}of `{{ . }}` {{ end }}in\n" + PLACE
LIST = "The revocation list {{ with $labels.issuer_CN }}of `{{ . }}` {{ end }}in\n" + PLACE
AGENT = "{{ with $labels.pod }}pod `{{ . }}`, {{ end }}instance `{{ $labels.instance }}`"
SOURCE = f"Source `{{{{ $labels.source_name }}}}` ({{{{ $labels.source_kind }}}}) of {AGENT}"


def lasting(sign=""):
    """A duration of which the two largest units are said."""
    return f'{{{{ humanizeDuration $value{sign} | reReplaceAll "(d [0-9]+h|h [0-9]+m) .*" "$1" }}}}'


AGO = lasting(' | reReplaceAll "^-" ""')
ENDPOINT = "Endpoint {{ with $labels.endpoint_name }}`{{ . }}`, {{ end }}`{{ $labels.endpoint_address }}`"
NODE = "{{ with $labels.node }}node `{{ . }}`{{ else }}the node of instance `{{ $labels.instance }}`{{ end }}"
LEFT = f"{{{{ if lt $value 0.0 }}}}expired {AGO} ago{{{{ else }}}}expires in {lasting()}{{{{ end }}}}"


def block(text, by=2):
    return textwrap.indent(text, " " * by)


def family(name, *matchers):
    return f'{name}{{{",".join(filter(None, matchers))}}}'


def told(name, seen, condition, *matchers, newer=False):
    """What is told now, and what an agent told last that is not there or has not had its first look: a restart ends no alert. The condition comes first: what is
    left to match is little."""
    selector, _, place = seen
    one = family(name, selector, *((QUIET if "crl" not in name else QUIET.split(",", 2)[2],) if seen is OBJECTS else ()), *matchers)
    newest = f"\nunless on ({place}) {family(name, selector)}" if newer and place else ""
    return (f"{one} {condition}\nor\nlast_over_time({one}[{MEMORY}]) {condition}{newest}\n"
            f"unless\ncount_over_time({family(name, selector)}[{MEMORY}]) < on (job, instance) group_left () {SCRAPES}")


def merged(seen, text, function="max"):
    return f"{function} without ({', '.join(seen[1])}) (\n{block(text)}\n)"


def everywhere(name, condition, *matchers, value="", places=SEEN):
    """A family's series of every place, each once, under a condition."""
    return "\nor\n".join(merged(seen, told(name, seen, condition, *matchers)) + value for seen in places)


def below(days):
    return f"< time() + {days} * 86400"


def early(seen, days, percent):
    """Those below the days that have this share of their lifetime left; there are none without not_before: the days alone count."""
    after, before = (f"last_over_time({family(f'x509_cert_not_{end}', seen[0])}[{MEMORY}])" for end in ("after", "before"))
    return f"({after} {below(days)}) * (1 - {percent} / 100) + {before} * {percent} / 100 > time()"


def remaining(*limits):
    """What certificates below the first limit, and not below the second, have left, of every place, each once."""
    branches = []
    for seen in SERVED:
        host = seen is not OBJECTS
        (days, shares), *others = limits
        text = f"(\n{block(told('x509_cert_not_after', seen, below(days), newer=True))}\n)\nunless\n{early(seen, days, shares[host])}"
        for days, shares in others:
            after = f"last_over_time({family('x509_cert_not_after', seen[0])}[{MEMORY}])"
            text += f"\nunless (\n  {after} {below(days)}\n  unless\n{block(early(seen, days, shares[host]))}\n)"
        if seen is LOCAL:
            # What a file of the node holds too is told by that.
            text += f"\nunless on (cluster, node, issuer_CN, serial_number) last_over_time({family('x509_cert_not_after', NUMBERED)}[{MEMORY}]) {below(limits[0][0])}"
        branches.append(f"{merged(seen, text, 'min')} - time()")
    return "\nor\n".join(branches)


def untrusted(matcher):
    """Endpoints by what their handshake showed, without those that are measured by a file."""
    return (f"(\n{block(told('x509_endpoint_info', REMOTE, '== 1', matcher, newer=True))}\n)\n"
            f"unless on (job, instance, endpoint_name, endpoint_address) last_over_time(x509_cert_served_not_after[{MEMORY}])")


# Days, and percent of the lifetime: of objects, of hosts.
WARNING, CRITICAL = (28, ("15", "6")), (14, ("7.5", "3"))

# (alert, severity, for, summary, description, expression, further labels)
ALERTS = [
    ("CertificateRenewal", "warning", None, "A certificate should be renewed",
     f"{CERTIFICATE}\nexpires in {lasting()}. Renew it, or find out why what renews it has not.",
     remaining(WARNING, CRITICAL), {}),
    ("CertificateExpiration", "critical", None, "A certificate is about to expire or has expired",
     f"{CERTIFICATE}\n{LEFT}.\n"
     "Renew it now, and reload or restart what uses it.",
     remaining(CRITICAL), {"state": "{{ if lt $value 0.0 }}expired{{ else }}expiring{{ end }}"}),
    ("CertificateNotYetValid", "warning", "15m", "A certificate is not valid yet",
     f"{CERTIFICATE}\nbecomes valid in {lasting()}: it was issued for later, or a clock is wrong.",
     everywhere("x509_cert_not_before", "> time()", value=" - time()", places=SERVED), {}),
    ("CertificateError", "warning", "15m", "A certificate cannot be read",
     f"Something in\n{PLACE}\ncannot be read, reason `{{{{ $labels.reason }}}}`. What it holds is not watched. Mend it, or stop watching it.",
     everywhere("x509_cert_error", "> 0", 'reason!="bad_passphrase"', places=SERVED), {}),
    ("CertificateServedStale", "warning", "10m", "A renewed certificate is not served yet",
     f"{ENDPOINT} on {NODE}\nserves an older certificate than the first in file `{{{{ $labels.filepath }}}}`. What it serves\n{LEFT}. Restart it, or have it reload: the runbook says how.",
     f"min without ({', '.join(PAIRS[1])}) (\n  last_over_time({family('x509_cert_served_not_after', PAIRS[0])}[{MEMORY}])\n  and (\n"
     f"{block(told('x509_cert_served_stale', PAIRS, '== 1'), 4)}\n  )\n) - time()", {}),
    ("EndpointUntrusted", "warning", "15m", "A server shows a certificate that is not trusted",
     f"{ENDPOINT}{{{{ with $labels.cluster }}}}, cluster `{{{{ . }}}}`{{{{ end }}}} shows a certificate that\n"
     '{{ if eq $labels.ocsp_status "revoked" }}its issuer has revoked{{ else }}does not verify, `{{ $labels.verification }}`{{ end }}: whoever checks it goes away.\n'
     "Have it replaced; one of an authority of your own needs that authority in the target's settings.",
     "\nor\n".join(merged(REMOTE, untrusted(matcher)) for matcher in ('verification!~"|ok|expired|not_yet_valid"', 'ocsp_status="revoked"')), {}),
    ("KeystorePassphraseFailures", "warning", "15m", "A keystore cannot be opened",
     f"No passphrase that is known opens\n{PLACE}\n"
     "so a PKCS#12 there is not watched; the certificates of a Java keystore are, as they stand in clear. Look at the passphrase that is configured for it.",
     everywhere("x509_cert_error", "> 0", 'reason="bad_passphrase"'), {}),
    ("CRLNeedsRefresh", "warning", "15m", "A certificate revocation list should be renewed",
     f"{LIST}\nis stale in {lasting()}, when its successor is due. Have it issued and put there.",
     everywhere("x509_crl_next_update", "< time() + 7 * 86400 >= time()", value=" - time()"), {}),
    ("CRLStale", "critical", "15m", "A certificate revocation list is stale",
     f"{LIST}\nhas been stale for {AGO}: its successor is overdue, and who checks it may refuse every certificate. Have it issued and put there.",
     everywhere("x509_crl_next_update", "< time()", value=" - time()"), {}),
    ("SourceDown", "critical", "5m", "A source of certificates is down",
     f"{SOURCE}\nfails as a whole. Its certificates are not being watched; the last known dates stay in the metrics. Its log says why.",
     f"x509_source_up == 0\nor\nlast_over_time(x509_source_up[{MEMORY}]) == 0 and on (job, instance) up == 0", {}),
    ("SourceStale", "warning", "5m", "A source of certificates has fallen silent",
     f"{SOURCE}\nsays that it works, and last did {lasting()} ago: a look at its files or its watch hangs. Restart the pod, and look at the file systems of the node.",
     "time() - x509_source_last_success_timestamp_seconds > 900 and x509_source_up == 1", {}),
    ("SourceAbsent", "critical", "10m", "A source of certificates is not there",
     "No agent tells of source `{{ $labels.source_name }}`, which the release is to watch: its workload has no pod, or none that is scraped. A DaemonSet\n"
     "without pods has a node selector that no node answers to, or a namespace that does not admit its pods.",
     '(\n  absent(x509_source_up{source_name="cluster-secrets"})\n  or\n  absent(x509_source_up{source_name="host-discovery-nodes"})\n'
     ") unless on () absent(x509_exporter_build_info)", {}),
    ("ExporterAbsent", "critical", "10m", "No certificate is being watched",
     "Prometheus scrapes no agent of x509-certificate-exporter: no certificate that expires would be noticed. Look at its pods, and at the monitor or\n"
     "annotations by which Prometheus finds them.",
     "absent(x509_exporter_build_info)", {}),
    ("SourceErrors", "warning", "5m", "A source of certificates meets errors",
     f"{SOURCE}\nmet {{{{ printf \"%.0f\" $value }}}} errors in 15 minutes; `x509_source_errors_total` has them by reason.",
     "sum without (reason) (increase(x509_source_errors_total[15m])) > 5", {}),
    ("SourceErrorsSustained", "critical", "30m", "A source of certificates has met errors for half an hour",
     f"{SOURCE}\nhas kept meeting errors for 30 minutes; `x509_source_errors_total` has them by reason.",
     "sum without (reason) (increase(x509_source_errors_total[15m])) > 5", {}),
    ("KubeTransportErrors", "warning", "5m", "Requests to the Kubernetes API fail",
     f"Source `{{{{ $labels.source_name }}}}` of {AGENT}\n"
     "had {{ printf \"%.0f\" $value }} failed requests to the Kubernetes API in 15 minutes. What it shows may be old.",
     "sum without (resource, reason) (increase(x509_kube_transport_errors_total[15m])) > 5", {}),
    ("KubeTransportErrorsSustained", "critical", "30m", "Requests to the Kubernetes API have failed for half an hour",
     f"Source `{{{{ $labels.source_name }}}}` of {AGENT}\n"
     "has had failing requests to the Kubernetes API for 30 minutes. What it shows may be old; look at the network, the account's rights and the API server.",
     "sum without (resource, reason) (increase(x509_kube_transport_errors_total[15m])) > 5", {}),
]


def rule(alert, severity, lasts, summary, description, expression, labels):
    lines = [f"- alert: {alert}"]
    lines += ["  expr: |-", block(expression, 4)] if "\n" in expression else [f"  expr: {expression}"]
    lines += [f"  for: {lasts}"] if lasts else []
    lines += ["  labels:", f"    severity: {severity}", *(f"    {key}: '{value}'" for key, value in labels.items())]
    lines += ["  annotations:", f"    summary: {summary}", "    description: >-", block(description, 6), f"    runbook_url: {HOME}{alert}.md"]
    return "\n".join(lines)


def text():
    rules = "\n".join(rule(*one) for one in ALERTS)
    return f"{HEAD}groups:\n  - name: x509-certificate-exporter.rules\n    rules:\n{block(rules, 6)}\n"
