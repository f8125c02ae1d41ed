"""Whole lives of certificates: from before the warning line until after the end exactly one severity fires at every evaluation, and what renews itself is never told.

The numbers that are expected are counted here, from the thresholds as docs/alerts.md has them, not by PromQL.
"""
import math

HOUR, DAY = 3600, 86400
YEAR = 365 * DAY
DAYS = {"warning": 28 * DAY, "critical": 14 * DAY}
SHARES = {"object": {"warning": 0.15, "critical": 0.075}, "host": {"warning": 0.06, "critical": 0.03}}
PLACE = {"object": 'secret_namespace="s",secret_key="tls.crt",secret_name="{0}"', "host": 'filepath="/etc/{0}.crt",node="n"'}
ALERT = {"warning": "CertificateRenewal", "critical": "CertificateExpiration"}
LIVES = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY, "47d": 47 * DAY, "90d": 90 * DAY, "1y": YEAR, "10y": 10 * YEAR}
# (name, kind, lifetime, part of it after which it is renewed)
RENEWED = [
    ("cert-manager-90d", "object", 90 * DAY, 2 / 3),
    ("cert-manager-1h", "object", HOUR, 2 / 3),
    ("acme-47d", "object", 47 * DAY, 2 / 3),
    ("acme-90d-file", "host", 90 * DAY, 2 / 3),
    ("kubelet-70", "host", YEAR, 0.7),
    ("kubelet-90", "host", YEAR, 0.9),
    ("kubelet-90-24h", "host", DAY, 0.9),
    ("kubekey-23d", "host", YEAR, 1 - 23 / 365),
    ("openshift-20", "object", 30 * DAY, 0.8),
    ("openshift-20-file", "host", 30 * DAY, 0.8),
]


def step_of(seconds):
    """A whole number of minutes that parts so much time in some 40 steps."""
    return max(60, math.ceil(seconds / 40 / 60) * 60)


def limits(kind, life, dated):
    return {severity: min(days, SHARES[kind][severity] * life) if dated else days for severity, days in DAYS.items()}


def lives():
    """(evaluation step, test) for certificates that are not renewed: around the lines, two of them whole, one of these minute by minute, and without not_before."""
    for text, life in LIVES.items():
        for kind in SHARES:
            yield life_of(f"{text}-{kind}", kind, life)
    yield life_of("1h-minutes", "object", HOUR, left=HOUR, step=60)
    yield life_of("24h-whole", "host", DAY, left=DAY, step=300)
    for kind in SHARES:
        yield life_of(f"{kind}-undated", kind, DAY, dated=False)


def life_of(name, kind, life, dated=True, left=None, step=None):
    limit = limits(kind, life, dated)
    # The clock of the test begins at 0, a little before the warning line; no evaluation is on a line.
    left = int(left or limit["warning"] * 1.3) // 60 * 60 + 31
    step = step or step_of(left)
    steps = math.ceil(left / step) + 10
    labels = f'{PLACE[kind].format(name)},subject_CN="{name}",job="x",instance="i:1",pod="p"'
    series = [{"series": f"x509_cert_not_after{{{labels}}}", "values": f"{int(left)}x{steps}"}]
    if dated:
        series.append({"series": f"x509_cert_not_before{{{labels}}}", "values": f"{int(left) - life}x{steps}"})
    remaining = [int(left) - step * index for index in range(steps)]
    counts = {"warning": sum(limit["critical"] <= one < limit["warning"] for one in remaining), "critical": sum(one < limit["critical"] for one in remaining)}
    window, last = f"[{steps * step}s:{step}s]", f"{(steps - 1) * step}s"
    expected = {f'alertname="{ALERT[severity]}"': count for severity, count in counts.items()}
    expected['state="expired"'] = sum(one < 0 for one in remaining)
    exprs = [{"expr": f'sum(count_over_time(ALERTS{{alertstate="firing",{matcher}}}{window}))', "eval_time": last, "exp_samples": [{"labels": "{}", "value": count}]}
             for matcher, count in expected.items()]
    # Both counts are right and there are never two: so there is never none.
    exprs.append({"expr": f"max_over_time(count(ALERTS){window})", "eval_time": last, "exp_samples": [{"labels": "{}", "value": 1}]})
    return step, {"name": name, "interval": f"{step}s", "input_series": series, "promql_expr_test": exprs}


def renewals():
    """Three certificates one after the other at one place, each renewed when its issuer's client does: never an alert, not even while both are there."""
    for name, kind, life, part in RENEWED:
        step = int(part * life / 30)
        series = [{"series": 'x509_source_up{source_name="s",job="x",instance="i:1",pod="p"}', "values": "1x90"}]
        for number in range(3):
            begins = number * 30 * step
            labels = f'{PLACE[kind].format(name)},subject_CN="{name}",serial_number="{number}",job="x",instance="i:1",pod="p"'
            for family, value in (("not_before", begins), ("not_after", begins + life)):
                before = f"_x{number * 30} " if number else ""
                series.append({"series": f"x509_cert_{family}{{{labels}}}", "values": f"{before}{value}x30 stale"})
        last = f"{90 * step}s"
        yield step, {"name": f"renewed: {name}", "interval": f"{step}s", "input_series": series, "promql_expr_test": [
            {"expr": f"sum(count_over_time(ALERTS[{last}:{step}s]))", "eval_time": last, "exp_samples": []},
            # And it is a life that was looked at: the youngest is known at the end.
            {"expr": 'count(x509_cert_not_after{serial_number="2"})', "eval_time": last, "exp_samples": [{"labels": "{}", "value": 1}]}]}


def files(cases):
    """Test files by step: an evaluation interval holds for a file."""
    steps = {}
    for step, test in cases:
        steps.setdefault(step, []).append(test)
    return [{"rule_files": ["rules.yaml"], "evaluation_interval": f"{step}s", "tests": tests} for step, tests in sorted(steps.items())]
