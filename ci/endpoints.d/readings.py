"""What the agent, openssl and blackbox_exporter say of a server, in the same words."""
import json
import re
import subprocess
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from servers import until

LOOK = 30  # seconds for one run of openssl or of the prober

# openssl's number of an error, and our word. More than one may be found at a server.
ERRORS = {7: "bad_signature", 9: "not_yet_valid", 10: "expired", 18: "self_signed", 19: "unknown_issuer", 20: "unknown_issuer", 21: "unknown_issuer",
          26: "wrong_purpose", 62: "wrong_host", 64: "wrong_host"}


@dataclass
class Case:
    """A target, as it stands in the agent's configuration, and what others need to know of it."""
    name: str
    address: str
    protocol: str = "tls"
    settings: dict = field(default_factory=dict)
    reason: str = ""  # that it cannot be read
    verification: str = ""  # of a server that has a file
    prober: bool = True  # whether blackbox_exporter has a way to look at it

    @property
    def server_name(self):
        return self.settings.get("serverName") or self.address.rsplit(":", 1)[0].strip("[]")

    def target(self):
        return {"address": self.address, "name": self.name, "protocol": self.protocol, **self.settings}


@dataclass
class Reading:
    """Of one server, by one of the three; None where that one does not tell."""
    certificates: dict = None  # serial number and common name: not_after
    verification: set = None
    verified: int = None
    version: str = None
    ocsp: str = None
    reason: str = None
    earliest: int = None
    success: bool = None


# --- the exposition

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """(family, labels, value) of every line."""
    for line in text.splitlines():
        if found := SAMPLE.match(line):
            yield found[1], dict(LABEL.findall(found[2] or "")), float(found[3])


def get(url, patience=10):
    with urllib.request.urlopen(url, timeout=patience) as answer:
        return answer.read().decode()


# --- the agent

class Agent:
    """Serves the cases, on loopback; `metrics` is its last answer."""

    def __init__(self, servers, binary, sources, port, name="agent", **more):
        self.url = f"http://127.0.0.1:{port}"
        settings = servers.folder / f"{name}.json"  # JSON is YAML
        settings.write_text(json.dumps({"sources": sources, **more}))
        self.process = servers.start(name, binary, "serve", "--config", settings, "--listen-address", f"127.0.0.1:{port}", ports=[port])

    def poll(self):
        self.metrics = list(samples(get(f"{self.url}/metrics")))
        return self.metrics

    def complete(self, names, patience=60):
        """Until each of them has been read, or could not be."""
        told = ("x509_cert_not_after", "x509_cert_error")
        until(lambda: names <= {labels.get("endpoint_name") for family, labels, _ in self.poll() if family in told},
              "every endpoint is told", patience=patience)

    def reading(self, case):
        of = [(family, labels, value) for family, labels, value in self.metrics if labels.get("endpoint_name") == case.name]
        one = {family: (labels, value) for family, labels, value in of}
        info = one.get("x509_endpoint_info", ({}, 0))[0]
        certificates = {(labels["serial_number"], labels.get("subject_CN", "")): int(value) for family, labels, value in of if family == "x509_cert_not_after"}
        verified = one.get("x509_endpoint_verified_not_after")
        return Reading(
            certificates=certificates, version=info.get("tls_version"), ocsp=info.get("ocsp_status"),
            verification={info["verification"]} if "verification" in info else None,
            verified=int(verified[1]) if verified else None, reason=one["x509_cert_error"][0]["reason"] if "x509_cert_error" in one else None,
            earliest=min(certificates.values(), default=None), success=info.get("verification") == "ok")


# --- openssl

STARTTLS = ("smtp", "imap", "pop3", "ftp", "postgres")
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.S)


def openssl(case, made):
    """What `openssl s_client` sees, and its own reading of each certificate."""
    settings = case.settings
    arguments = ["-connect", case.address, "-showcerts", "-status", "-CAfile", settings.get("caFile", made.path("root.pem")),
                 "-verifyCAfile", settings.get("caFile", made.path("root.pem"))]
    literal = re.fullmatch(r"[0-9.]+|.*:.*", case.server_name)
    arguments += ["-verify_ip", case.server_name, "-noservername"] if literal else ["-verify_hostname", case.server_name, "-servername", case.server_name]
    if case.protocol in STARTTLS:
        arguments += ["-starttls", case.protocol]
    if "certFile" in settings:
        arguments += ["-cert", settings["certFile"], "-key", settings["keyFile"]]
    if "proxyUrl" in settings:
        arguments += ["-proxy", settings["proxyUrl"].removeprefix("http://")]
    try:
        done = subprocess.run(["openssl", "s_client", *map(str, arguments)], input="", capture_output=True, text=True, errors="replace", timeout=LOOK, check=False)
    except subprocess.TimeoutExpired:
        return Reading(certificates={}, success=False)
    text = done.stdout
    certificates, chain = facts(BLOCK.findall(text)), re.findall(r"^depth=(\d+) .*CN = (\S+)$", done.stderr, re.M)
    errors = {int(number) for number in re.findall(r"^verify error:num=(\d+):", done.stderr, re.M)}
    version, status = re.search(r"^New, (TLSv[\d.]+),", text, re.M), re.search(r"Cert Status: (\w+)", text)
    verification = {ERRORS.get(number, f"openssl's {number}") for number in errors} if errors else {"ok"}
    by_name = {name: not_after for (_, name), not_after in certificates.items()} | {"root": made.not_after[made.serial("root.pem")]}
    if "crossed" in by_name:  # two authorities of one name were shown, and one of them has expired
        by_name["long-intermediate"] = made.not_after[made.serial("long-intermediate.pem")]
    verified = min((by_name[name] for _, name in chain if name in by_name), default=None) if verification == {"ok"} and chain else None
    return Reading(certificates=certificates, verification=verification if certificates else None, verified=verified,
                   version=version[1].removeprefix("TLSv") if version else None, ocsp=status[1] if status else None,
                   earliest=min(certificates.values(), default=None), success=bool(certificates) and verification == {"ok"})


def facts(blocks):
    """Serial number, common name and not_after of each, by openssl."""
    found = {}
    for block in blocks:
        done = subprocess.run(["openssl", "x509", "-noout", "-serial", "-subject", "-enddate", "-dateopt", "iso_8601"], input=block,
                              capture_output=True, text=True, timeout=LOOK, check=False)
        serial, name = re.search(r"^serial=(\w+)", done.stdout, re.M), re.search(r"^subject=.*CN = (\S+)", done.stdout, re.M)
        end = re.search(r"^notAfter=(.*)Z$", done.stdout, re.M)
        found[str(int(serial[1], 16)), name[1]] = seconds(end[1])
    return found


def seconds(text):
    import datetime
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


# --- blackbox_exporter

CONVERSATIONS = {
    "smtp": [("expect", "^220[ -]"), ("send", "EHLO prober\r"), ("expect", "^250-STARTTLS"), ("send", "STARTTLS\r"), ("expect", "^220 "), ("starttls", True)],
    "imap": [("expect", "^\\* OK"), ("send", "a STARTTLS\r"), ("expect", "^a OK"), ("starttls", True)],
    "pop3": [("expect", "^\\+OK"), ("send", "STLS\r"), ("expect", "^\\+OK"), ("starttls", True)],
    "ftp": [("expect", "^220 "), ("send", "AUTH TLS\r"), ("expect", "^234"), ("starttls", True)],
}


class Prober:
    """blackbox_exporter with two modules for each case: one that verifies, and one that does not but tells what it sees."""

    def __init__(self, servers, made, cases, port):
        self.url = f"http://127.0.0.1:{port}"
        modules = {}
        for case in cases:
            if case.prober:
                modules[f"{case.name}-verified"] = self.module(case, made, False)
                modules[f"{case.name}-seen"] = self.module(case, made, True)
        settings = servers.folder / "blackbox.json"
        settings.write_text(json.dumps({"modules": modules}))
        servers.start("blackbox", "/usr/bin/prometheus-blackbox-exporter", f"--config.file={settings}", f"--web.listen-address=127.0.0.1:{port}", ports=[port])

    @staticmethod
    def module(case, made, insecure):
        settings = case.settings
        tls = {"insecure_skip_verify": insecure, "server_name": case.server_name, "ca_file": str(settings.get("caFile", made.path("root.pem")))}
        if "certFile" in settings:
            tls |= {"cert_file": str(settings["certFile"]), "key_file": str(settings["keyFile"])}
        if case.protocol == "https":
            http = {"tls_config": tls, "fail_if_not_ssl": True, "preferred_ip_protocol": "ip4", "valid_status_codes": [200, 403, 404], "headers": {"Host": case.server_name}}
            return {"prober": "http", "timeout": "2s", "http": http | ({"proxy_url": settings["proxyUrl"]} if "proxyUrl" in settings else {})}
        tcp = {"tls_config": tls, "preferred_ip_protocol": "ip4", "tls": case.protocol == "tls"}
        if case.protocol in CONVERSATIONS:
            tcp["query_response"] = [dict([step]) for step in CONVERSATIONS[case.protocol]]
        return {"prober": "tcp", "timeout": "2s", "tcp": tcp}

    def probe(self, case, kind):
        target = f"https://{case.address}/" if case.protocol == "https" else case.address
        query = urllib.parse.urlencode({"module": f"{case.name}-{kind}", "target": target})
        return {family: (labels, value) for family, labels, value in samples(get(f"{self.url}/probe?{query}", LOOK))}

    def reading(self, case):
        seen, verified = self.probe(case, "seen"), self.probe(case, "verified")
        last, earliest = (probe.get(family) for probe, family in (
            (verified, "probe_ssl_last_chain_expiry_timestamp_seconds"), (seen, "probe_ssl_earliest_cert_expiry")))
        success = bool(verified["probe_success"][1])
        version = seen.get("probe_tls_version_info", ({}, 0))[0].get("version")
        return Reading(success=success, verified=int(last[1]) if last and success else None, earliest=int(earliest[1]) if earliest else None,
                       version=version.removeprefix("TLS ") if version else None)
