"""Real servers, each started in the foreground, waited for, and ended by its process."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

DEADLINE = 20
NOBODY = pwd.getpwnam("nobody")


class Servers:
    """What has been started, in a folder of its own."""

    def __init__(self, made, folder):
        self.made = made
        self.folder = pathlib.Path(folder)
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name, *command, ports=()):
        """Starts it, and waits until every port of it accepts."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        self.running.append(process)
        for port in ports:
            until(lambda port=port: accepts(port), f"{name} listens at {port}",
                  lambda: process.poll() is None or ended(f"{name} has ended: {log.read_text(errors='replace')}"))
        return process

    def stop(self, process):
        process.terminate()
        process.wait(DEADLINE)
        self.running.remove(process)

    def s_server(self, port, certificate, *more, chain=None, host="127.0.0.1"):
        """openssl's own server, with NAME.pem, NAME.key, and what follows the first in CHAIN.chain."""
        made = self.made
        _, *others = made.path(f"{chain or certificate}.chain").read_text().split("-----BEGIN")[1:]
        if others:
            rest = self.folder / f"{port}.rest"
            rest.write_text("".join(f"-----BEGIN{one}" for one in others))
            more = ("-cert_chain", rest, *more)
        return self.start(f"s_server-{port}", "openssl", "s_server", "-quiet", "-accept", f"{host}:{port}", "-naccept", "100000",
                          "-cert", made.path(f"{certificate}.pem"), "-key", made.path(f"{certificate}.key"), *more, ports=[(host.strip("[]"), port)])

    def nginx(self, port, plain):
        """Two names at one port, files over https and over http, one that wants a client's certificate, one of TLS 1.2 alone."""
        made, www = self.made, self.folder / "www"
        www.mkdir()
        for file in ("crossed.chain", "valid.der", "crossed.p7b"):
            (www / file).write_bytes(made.path(file).read_bytes())
        (www / "text.txt").write_text("No certificate here.\n")
        server = """server {{ listen 127.0.0.1:{port} ssl{default}; server_name {name}.example;
            ssl_certificate {folder}/{name}.chain; ssl_certificate_key {folder}/{name}.key; root {www};
            location /moved {{ return 302 /crossed.chain; }} }}"""
        names = [server.format(port=port, name=name, folder=made.folder, www=www, default=default)
                 for name, default in (("nginx-one", " default_server"), ("nginx-two", ""))]
        settings = self.folder / "nginx.conf"
        settings.write_text(f"""
            daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log stderr; user nobody nogroup;
            events {{ worker_connections 512; }}
            http {{
                access_log off; ssl_protocols TLSv1.2 TLSv1.3;
                {self.temporary_folders("client_body", "proxy", "fastcgi", "uwsgi", "scgi")}
                {names[0]} {names[1]}
                server {{ listen 127.0.0.1:{plain}; root {www}; location /moved {{ return 302 /crossed.chain; }} }}
            }}""")
        self.readable(www)
        return self.start("nginx", "/usr/sbin/nginx", "-c", settings, "-e", "stderr", ports=[port, plain])

    def temporary_folders(self, *names):
        return " ".join(f"{name}_temp_path {self.folder}/{name};" for name in names)

    def exim(self, port, certificate):
        own, settings = self.folder / "exim", self.folder / "exim.conf"
        own.mkdir()
        shutil.chown(own, "Debian-exim", "Debian-exim")
        settings.write_text(f"""
spool_directory = {own}
log_file_path = {own}/%slog
pid_file_path = {own}/pid
keep_environment =
primary_hostname = mail.example
host_lookup =
tls_advertise_hosts = *
tls_certificate = {self.made.path(certificate + ".chain")}
tls_privatekey = {self.made.path(certificate + ".key")}
begin acl
begin routers
begin transports
begin retry
begin rewrite
begin authenticators
""")
        settings.chmod(0o644)
        return self.start("exim", "/usr/sbin/exim4", "-C", settings, "-bdf", "-oX", f"127.0.0.1.{port}", ports=[port])

    def dovecot(self, certificate, imap, imaps, pop3):
        def listener(name, port, ssl):
            return f"  inet_listener {name} {{\n    port = {port}\n    ssl = {ssl}\n  }}"

        settings = self.folder / "dovecot.conf"
        settings.write_text(f"""
base_dir = {self.folder}/dovecot
state_dir = {self.folder}/dovecot-state
auth_mechanisms = plain
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
log_path = /dev/stderr
ssl = yes
ssl_cert = <{self.made.path(certificate + ".chain")}
ssl_key = <{self.made.path(certificate + ".key")}
ssl_dh =
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service imap-login {{
  chroot =
{listener("imap", imap, "no")}
{listener("imaps", imaps, "yes")}
}}
service pop3-login {{
  chroot =
{listener("pop3", pop3, "no")}
{listener("pop3s", 0, "yes")}
}}
""")
        return self.start("dovecot", "/usr/sbin/dovecot", "-F", "-c", settings, ports=[imap, imaps, pop3])

    def vsftpd(self, port, certificate):
        (self.folder / "empty").mkdir()
        settings = self.folder / "vsftpd.conf"
        settings.write_text("\n".join([
            "listen=YES", "listen_address=127.0.0.1", f"listen_port={port}", "background=NO", "anonymous_enable=YES", "ftp_username=nobody",
            "ssl_enable=YES", "allow_anon_ssl=YES", "ssl_ciphers=HIGH", "seccomp_sandbox=NO", "run_as_launching_user=YES",
            f"secure_chroot_dir={self.folder}/empty", f"rsa_cert_file={self.made.path(certificate + '.chain')}",
            f"rsa_private_key_file={self.made.path(certificate + '.key')}", ""]))
        return self.start("vsftpd", "/usr/sbin/vsftpd", settings, ports=[port])

    def postgres(self, port, certificate):
        """Which refuses to run as root."""
        data, tools = self.folder / "postgres", pathlib.Path("/usr/lib/postgresql/15/bin")
        data.mkdir()
        for kind in ("chain", "key"):
            copy = self.folder / f"postgres.{kind}"
            copy.write_bytes(self.made.path(f"{certificate}.{kind}").read_bytes())
            copy.chmod(0o600)
            os.chown(copy, NOBODY.pw_uid, NOBODY.pw_gid)
        os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
        drop = ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")
        made = subprocess.run([*drop, tools / "initdb", "--no-sync", "--locale=C", "--auth=reject", data],
                              capture_output=True, text=True, check=False, timeout=120, cwd="/")
        if made.returncode:
            ended(f"initdb: {made.stdout}{made.stderr}")
        settings = {"ssl": "on", "ssl_cert_file": self.folder / "postgres.chain", "ssl_key_file": self.folder / "postgres.key",
                    "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        return self.start("postgres", *drop, tools / "postgres", "-D", data, *[word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
                          ports=[port])

    def tinyproxy(self, name, port, allowed):
        """A proxy that connects to these ports alone."""
        settings = self.folder / f"{name}.conf"
        settings.write_text("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 50", *[f"ConnectPort {port}" for port in allowed], ""]))
        return self.start(name, "/usr/bin/tinyproxy", "-d", "-c", settings, ports=[port])

    def readable(self, path):
        subprocess.run(["chmod", "-R", "a+rX", path], check=True)


def accepts(port):
    host, port = port if isinstance(port, tuple) else ("127.0.0.1", port)
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def until(what, title, meanwhile=lambda: True, patience=DEADLINE):
    """Polls until it is so, and gives what it gives; fails when the time is over."""
    deadline = time.monotonic() + patience
    while not (answer := what()):
        meanwhile()
        if time.monotonic() > deadline:
            ended(f"waited in vain until {title}")
        time.sleep(0.05)
    return answer


def ended(why):
    raise SystemExit(f"error: {why}")
