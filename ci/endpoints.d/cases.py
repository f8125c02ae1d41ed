"""The servers of the story and what is configured for each."""
import scripted
from readings import Case

SHORT = {"timeout": "2s"}
PROXY, REFUSING, WEB, PLAIN = 21080, 21081, 21443, 21090


class Ports:
    def __init__(self, first):
        self.last = first - 1

    def next(self):
        self.last += 1
        return self.last


PORTS = Ports(22000)


def real(servers, made):
    """Servers of openssl: what a handshake shows and how it verifies."""
    cases = []

    def s_server(name, *more, certificate=None, host=None, bind="127.0.0.1", settings=None, chain=None):
        port, certificate = PORTS.next(), certificate or name
        servers.s_server(port, certificate, *more, chain=chain, host=bind)
        cases.append(Case(name, f"{host or certificate + '.example'}:{port}", settings=settings or {}))

    for name in ("valid", "rsa", "expired", "future", "self-signed", "unknown", "wrong-host", "purpose", "below-expired", "crossed", "authority"):
        s_server(name)
    s_server("forged", host="valid.example")
    s_server("leaf-alone", certificate="valid", chain="leaf-alone")
    s_server("long-chain", certificate="valid", chain="many")
    s_server("tls13-only", "-tls1_3", certificate="valid")
    s_server("tls12-only", "-tls1_2", certificate="valid")
    s_server("tls12-rsa", "-tls1_2", certificate="rsa")
    s_server("address", certificate="valid", host="127.0.0.1")
    s_server("address-v6", certificate="valid", host="[::1]", bind="[::1]")
    s_server("other-name", certificate="valid", host="rsa.example", settings={"serverName": "valid.example"})
    s_server("other-ca", certificate="unknown", settings={"caFile": str(made.path("other-root.pem"))})
    shown = {"certFile": str(made.path("client.chain")), "keyFile": str(made.path("client.key"))}
    wants = ("-Verify", "3", "-CAfile", made.path("root.pem"), "-verify_return_error")
    for version in ("tls1_2", "tls1_3"):
        s_server(f"client-shown-{version}", f"-{version}", *wants, certificate="valid", settings=shown)
        s_server(f"client-missing-{version}", f"-{version}", *wants, certificate="valid")
    for status in ("good", "revoked", "unknown"):
        s_server(f"staple-{status}", "-status_file", made.path(f"staple-{status}.ocsp"))
    s_server("staple-other", "-status_file", made.path("staple-good.ocsp"), certificate="valid")
    return cases


def programs(servers):
    """Servers as they are in the world."""
    ports = [PORTS.next() for _ in range(7)]
    smtp, imap, imaps, pop3, ftp, postgres, spare = ports
    servers.exim(smtp, "rsa")
    servers.dovecot("valid", imap, imaps, pop3)
    servers.vsftpd(ftp, "rsa")
    servers.postgres(postgres, "valid")
    servers.nginx(WEB, PLAIN)
    servers.tinyproxy("tinyproxy", PROXY, [WEB])
    servers.tinyproxy("refusing", REFUSING, [spare])
    through = {"proxyUrl": f"http://127.0.0.1:{PROXY}"}
    return [
        Case("exim", f"rsa.example:{smtp}", "smtp"),
        Case("dovecot-imap", f"valid.example:{imap}", "imap"),
        Case("dovecot-imaps", f"valid.example:{imaps}"),
        Case("dovecot-pop3", f"valid.example:{pop3}", "pop3"),
        Case("vsftpd", f"rsa.example:{ftp}", "ftp"),
        Case("postgresql", f"valid.example:{postgres}", "postgres", prober=False),
        Case("nginx-one", f"nginx-one.example:{WEB}", "https"),
        Case("nginx-two", f"nginx-two.example:{WEB}", "https"),
        Case("nginx-unnamed", f"valid.example:{WEB}", "https"),
        Case("through-a-proxy", f"nginx-two.example:{WEB}", "https", through),
        Case("tls-through-a-proxy", f"nginx-one.example:{WEB}", "tls", through, prober=False),
    ]


def files(made):
    """Remote files, and the file that each of them is; None where nothing can be read of it, for a reason."""
    trusting = {"caFile": str(made.path("root.pem"))}
    plain, secure = f"http://nginx-one.example:{PLAIN}", f"https://nginx-one.example:{WEB}"
    endless, headers, slow = (PORTS.next() for _ in range(3))
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-pem-file\r\n"
    floods = {
        "endless-body": scripted.Scripted(endless, scripted.flood(b"x" * 65536, answer + b"\r\n")),
        "endless-headers": scripted.Scripted(headers, scripted.flood(b"X-A: b\r\n" * 4096, answer)),
    }
    scripted.Scripted(slow, scripted.says_then(answer + b"Content-Length: 9999\r\n\r\n-----BEGIN", scripted.hang))
    return floods, [
        (Case("file-pem", f"{plain}/crossed.chain", "http_file"), "crossed.chain"),
        (Case("file-pem-https", f"{secure}/crossed.chain", "http_file", trusting, verification="ok"), "crossed.chain"),
        (Case("file-der", f"{plain}/valid.der", "http_file"), "valid.der"),
        (Case("file-pkcs7", f"{secure}/crossed.p7b", "http_file", trusting, verification="ok"), "crossed.p7b"),
        (Case("file-through-a-proxy", f"{secure}/valid.der", "http_file", trusting | {"proxyUrl": f"http://127.0.0.1:{PROXY}"}, verification="ok"), "valid.der"),
        (Case("file-missing", f"{plain}/nothing.pem", "http_file", reason="not_found"), None),
        (Case("file-moved", f"{plain}/moved", "http_file", reason="read_failed"), None),
        (Case("file-text", f"{plain}/text.txt", "http_file", reason="no_certificate_found"), None),
        (Case("file-unknown-issuer", f"https://nginx-one.example:{WEB}/valid.der", "http_file", {"caFile": str(made.path("other-root.pem"))}, verification="unknown_issuer"), "valid.der"),
        (Case("endless-body", f"http://127.0.0.1:{endless}/a.pem", "http_file", SHORT, reason="too_large"), None),
        (Case("endless-headers", f"http://127.0.0.1:{headers}/a.pem", "http_file", SHORT, reason="read_failed"), None),
        (Case("slow-body", f"http://127.0.0.1:{slow}/a.pem", "http_file", SHORT, reason="timeout"), None),
    ]


SMTP = [b"220 mail ESMTP\r\n", None, b"250-mail\r\n250 STARTTLS\r\n", None]
GREETED = {  # what each protocol says before TLS
    "smtp": [*SMTP, b"220 go\r\n"],
    "imap": [b"* OK ready\r\n", None, b"a OK go\r\n"],
    "pop3": [b"+OK ready\r\n", None, b"+OK go\r\n"],
    "ftp": [b"220 ready\r\n", None, b"234 go\r\n"],
}


def bad(made):
    """Servers that cannot be read: (their cases, the servers by name)."""
    pair = (made.path("valid.chain"), made.path("valid.key"))
    half, hang = scripted.half_then, scripted.hang
    behaviours = [
        # (name, protocol, what it does, reason)
        *[(f"silent-{protocol}", protocol, hang, "timeout") for protocol in ("tls", "https", "smtp", "imap", "pop3", "ftp", "postgres")],
        ("silent-http", "http_file", hang, "timeout"),
        ("after-greeting", "smtp", scripted.after(SMTP[:1], hang), "timeout"),
        ("after-hello", "smtp", scripted.after(SMTP, hang), "timeout"),
        *[(f"after-starttls-{protocol}", protocol, scripted.after(lines, hang), "timeout") for protocol, lines in GREETED.items()],
        ("mid-handshake", "tls", scripted.handshake(*pair, half(hang)), "timeout"),
        ("byte-a-second", "tls", scripted.handshake(*pair, scripted.drip), "timeout"),
        ("byte-a-second-smtp", "smtp", scripted.dripping(b"220 " + b"mail " * 90), "timeout"),
        ("closes-at-once", "tls", scripted.close, "handshake_failed"),
        ("closes-mid-handshake", "tls", scripted.handshake(*pair, half(lambda *_: None)), "handshake_failed"),
        ("resets", "tls", scripted.reset, "handshake_failed"),
        ("speaks-http", "tls", scripted.says(b"HTTP/1.0 400 Bad Request\r\n\r\n"), "handshake_failed"),
        ("speaks-smtp-to-imap", "imap", scripted.after(SMTP[:1], hang), "handshake_failed"),
        ("no-starttls", "smtp", scripted.after([*SMTP[:2], b"250 mail\r\n", None, b"502 no\r\n"], hang), "handshake_failed"),
        ("refuses-starttls", "smtp", scripted.after([*SMTP, b"454 not now\r\n"], hang), "handshake_failed"),
        ("refuses-service", "smtp", scripted.after([b"554 go away\r\n"], hang), "handshake_failed"),
        ("postgres-without", "postgres", scripted.says(b"N"), "handshake_failed"),
        ("speaks-before-tls", "smtp", scripted.after([*SMTP, b"220 go\r\n250 injected\r\n"], hang), "handshake_failed"),
        ("endless-greeting", "smtp", scripted.flood(b"220-and more\r\n" * 1000, wait=False), "handshake_failed"),
        ("endless-line", "smtp", scripted.flood(b"220 " + b"x" * 65536, wait=False), "handshake_failed"),
        ("endless-ftp", "ftp", scripted.flood(b"220-and more\r\n" * 1000, wait=False), "handshake_failed"),
        ("endless-imap", "imap", scripted.flood(b"* OK and more\r\n" * 1000, wait=False), "handshake_failed"),
        ("endless-certificate", "tls", scripted.handshake(*pair, scripted.endless_certificate), "handshake_failed"),
        ("endless-requests", "tls", scripted.handshake(*pair, scripted.hello_then(scripted.HELLO_REQUESTS)), "handshake_failed"),
        ("endless-empty-records", "tls", scripted.handshake(*pair, scripted.hello_then(scripted.EMPTY_RECORDS)), "handshake_failed"),
    ]
    cases, running = [], {}
    for name, protocol, behaviour, reason in behaviours:
        port = PORTS.next()
        running[name] = scripted.Scripted(port, behaviour)
        address = f"http://127.0.0.1:{port}/a.pem" if protocol == "http_file" else f"127.0.0.1:{port}"
        cases.append(Case(name, address, protocol, SHORT | {"serverName": "valid.example"} if protocol != "http_file" else SHORT, reason, prober=protocol not in ("http_file", "postgres")))
    cases += [
        Case("closed-port", f"127.0.0.1:{PORTS.next()}", reason="unreachable"),
        Case("no-such-name", "nowhere.example:443", reason="unreachable"),
        Case("name-server-hangs", "hang.example:443", settings=SHORT, reason="timeout"),
        Case("proxy-refuses", f"nginx-one.example:{WEB}", "https", {"proxyUrl": f"http://127.0.0.1:{REFUSING}"}, reason="unreachable"),
        Case("proxy-closed", f"nginx-two.example:{WEB}", "https", {"proxyUrl": f"http://127.0.0.1:{PORTS.next()}"}, reason="unreachable"),
    ]
    return cases, running
