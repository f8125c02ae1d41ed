"""Values that change the certificates' alerts, judged by what fires: {subject: severity} at one moment."""
import helm

DAY = 86400
# subject → labels of a certificate that lives 90 days and has 10 left.
KINDS = {
    "files": 'filepath="/etc/a.crt",node="n"', "nodeless": 'filepath="/etc/a.crt"', "kubeconfigs": 'filepath="/etc/a.conf",embedded_kind="user",node="n"',
    "secrets": 'secret_namespace="s",secret_name="a",secret_key="k"', "configMaps": 'configmap_namespace="s",configmap_name="a",configmap_key="k"',
    "caBundles": 'cabundle_resource_kind="APIService",cabundle_resource_name="a"', "kubesphereClusters": 'kubesphere_cluster="a",embedded_kind="user"',
    "endpoints": 'endpoint_address="a.example:443"', "local": 'endpoint_address="127.0.0.1:6443",node="n"',
    "muted": 'secret_namespace="s",secret_name="b",secret_key="k",secret_label_x509_certificate_exporter_alerts="off"',
    "quiet": 'secret_namespace="s",secret_name="c",secret_key="k",secret_label_example_org_quiet="off"',
}
# By default: 15 % of 90 days are 13.5, 7.5 % are 6.75, 6 % are 5.4.
OBJECTS = {kind: "CertificateRenewal" for kind in ("secrets", "configMaps", "caBundles", "kubesphereClusters", "endpoints", "quiet")}
ALL = [*(kind for kind in KINDS if kind != "muted")]
DAYS_ALONE = {"warningLifetimePercent": 0, "criticalLifetimePercent": 0}
# what → (prometheusRules, what fires)
CASES = {
    "the defaults": ({}, OBJECTS),
    "days alone": ({**DAYS_ALONE, "hostWarningLifetimePercent": 0, "hostCriticalLifetimePercent": 0}, {kind: "CertificateExpiration" for kind in ALL}),
    "swapped": ({"warningDaysLeft": 14, "criticalDaysLeft": 28, "criticalLifetimePercent": 15}, {kind: "CertificateExpiration" for kind in OBJECTS}),
    "other shares, and a default of one as the other": ({"warningLifetimePercent": 7.5, "criticalLifetimePercent": 3, "hostWarningLifetimePercent": 12.5},
                                                       {kind: "CertificateRenewal" for kind in ("files", "nodeless", "kubeconfigs", "local")}),
    "thresholds of one kind each": ({"rulePrefix": "X509", "warningDaysLeft": 9, "thresholds": {
        "files": {"warningLifetimePercent": 50, "warningDaysLeft": 28}, "kubeconfigs": {**DAYS_ALONE, "criticalDaysLeft": 11}, "secrets": {"criticalLifetimePercent": 12},
        "configMaps": {"warningDaysLeft": 11}, "caBundles": {}, "endpoints": {"criticalLifetimePercent": 13}}},
        {"files": "X509 CertificateRenewal", "nodeless": "X509 CertificateRenewal", "local": "X509 CertificateRenewal", "endpoints": "X509 CertificateExpiration", "kubeconfigs": "X509 CertificateExpiration",
         "secrets": "X509 CertificateExpiration", "quiet": "X509 CertificateExpiration", "configMaps": "X509 CertificateRenewal"}),
    "another label that mutes": ({"muteLabel": "example.org/quiet"}, {"muted": "CertificateRenewal", **{kind: name for kind, name in OBJECTS.items() if kind != "quiet"}}),
    "no label that mutes": ({"muteLabel": ""}, {"muted": "CertificateRenewal", **OBJECTS}),
}


def checks(report, promtool, rendered):
    series = [{"series": f'x509_cert_not_{end}{{{labels},subject_CN="{kind}",job="x",instance="i"}}', "values": f"{value}x3"}
              for kind, labels in KINDS.items() for end, value in (("after", 10 * DAY + 60), ("before", -80 * DAY))]
    for what, (values, expected) in CASES.items():
        samples = [{"labels": f'{{alertname="{name}",subject_CN="{kind}"}}', "value": 1} for kind, name in expected.items()]
        test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [
            {"expr": 'sum by (alertname, subject_CN) (ALERTS{subject_CN!=""})', "eval_time": "1m", "exp_samples": samples}]}]}
        report.check(f"thresholds: {what}", promtool("test", rendered({"prometheusRules": values}), test))
    stale = {"hostPathsExporter": {"refreshInterval": "1m", "daemonSets": {"a": {"watchFiles": ["/etc/a"], "refreshInterval": "1h30m10s"}, "b": {"watchFiles": ["/etc/b"]}}}}
    for values, seconds in (({}, 900), ({"prometheusRules": {"sourceStaleMinutes": 20}}, 1200), (stale, 16230)):
        found = [rule["expr"] for group in rendered(values)["groups"] for rule in group["rules"] if rule["alert"] == "SourceStale"]
        report.equal("seconds until SourceStale", [expr.split(" > ")[1].split()[0] for expr in found], [str(seconds)])
    for url, expected in (("", None), ("https://example.org/runbooks", "https://example.org/runbooks/SourceDown.md")):
        found = [rule for group in rendered({"prometheusRules": {"runbookUrl": url}})["groups"] for rule in group["rules"] if rule["alert"] == "SourceDown"]
        report.equal(f"runbooks at {url or 'nowhere'}", [rule["annotations"].get("runbook_url") for rule in found], [expected])
    labels = [source["secrets"]["exposeLabels"] for values in ({}, {"prometheusRules": {"muteLabel": "a"}, "secretsExporter": {"exposeSecretLabels": ["b", "a"]}}, {"prometheusRules": {"muteLabel": ""}})
              for item in helm.objects(values) if item["kind"] == "ConfigMap" and "secrets:" in item["data"].get("config.yaml", "")
              for source in helm.yaml.safe_load(item["data"]["config.yaml"])["sources"]]
    report.equal("the agent shows the label that mutes", labels, [["x509-certificate-exporter/alerts"], ["b", "a"], []])
