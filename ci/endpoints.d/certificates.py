"""Authorities and certificates for the servers, made by openssl; each is found again by its common name."""
import datetime
import pathlib
import subprocess

DAY = datetime.timedelta(days=1)


def openssl(*arguments, stdin=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=30)
    if done.returncode:
        raise SystemExit(f"openssl {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout


class Certificates:
    """A folder of NAME.pem and NAME.key, and what follows from them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.not_after = {}

    def path(self, name):
        return self.folder / name

    def make(self, name, signer=None, begins=-1, ends=90, extensions=(), key=None, kind="EC"):
        """NAME, signed by SIGNER or by itself; `begins` and `ends` are days from now."""
        key = key or f"{name}.key"
        if not self.path(key).exists():
            kinds = {"EC": ("ec_paramgen_curve:P-256",), "RSA": ("rsa_keygen_bits:2048",)}
            options = [word for option in kinds[kind] for word in ("-pkeyopt", option)]
            openssl("genpkey", "-algorithm", kind, *options, "-out", self.path(key))
            self.path(key).chmod(0o644)  # for servers that give up being root
        openssl("req", "-new", "-key", self.path(key), "-subj", f"/O=Endpoints/CN={name}", "-out", self.path(f"{name}.csr"))
        database = self.path(f"{name}.database")
        database.write_text("")
        settings = self.path(f"{name}.cnf")
        settings.write_text("\n".join([
            "[ca]", "default_ca = d", "[d]", f"database = {database}", f"new_certs_dir = {self.folder}", "rand_serial = yes",
            "default_md = sha256", "policy = p", "x509_extensions = e", "unique_subject = no",
            "[p]", "organizationName = optional", "commonName = supplied", "[e]", *extensions, ""]))
        begin, end = (self.now + DAY * days for days in (begins, ends))
        stamp = "%Y%m%d%H%M%SZ"
        signed = ("-selfsign", "-keyfile", self.path(key)) if signer is None else (
            "-cert", self.path(f"{signer}.pem"), "-keyfile", self.path(f"{signer}.key"))
        openssl("ca", "-batch", "-notext", "-config", settings, "-in", self.path(f"{name}.csr"), "-out", self.path(f"{name}.pem"),
                "-startdate", begin.strftime(stamp), "-enddate", end.strftime(stamp), *signed)
        # The serial number tells two of one name apart.
        self.not_after[self.serial(f"{name}.pem")] = int(end.timestamp())
        return name

    def authority(self, name, signer=None, **more):
        return self.make(name, signer, extensions=("basicConstraints = critical,CA:TRUE", "keyUsage = keyCertSign,cRLSign,digitalSignature",
                                                   "subjectKeyIdentifier = hash"), **more)

    def server(self, name, signer, host=None, purpose="serverAuth", **more):
        return self.make(name, signer, extensions=("basicConstraints = CA:FALSE", f"extendedKeyUsage = {purpose}",
                                                   f"subjectAltName = DNS:{host or name + '.example'},DNS:localhost,IP:127.0.0.1,IP:::1"), **more)

    def serial(self, file):
        return int(openssl("x509", "-in", self.path(file), "-noout", "-serial").decode().split("=")[1], 16)

    def bundle(self, file, *names):
        self.path(file).write_text("".join(self.path(f"{name}.pem").read_text() for name in names))
        return self.path(file)

    def staple(self, name, signer, status):
        """A stored OCSP response about NAME."""
        index, response = self.path(f"{name}.index"), self.path(f"{name}.ocsp")
        serial = f"{self.serial(f'{name}.pem'):X}"
        serial = serial if len(serial) % 2 == 0 else f"0{serial}"
        end = (self.now + DAY * 90).strftime("%y%m%d%H%M%SZ")
        revoked = (self.now - DAY).strftime("%y%m%d%H%M%SZ") if status == "revoked" else ""
        line = f"{'R' if revoked else 'V'}\t{end}\t{revoked}\t{serial}\tunknown\t/CN={name}\n"
        index.write_text("" if status == "unknown" else line)
        authority = self.path(f"{signer}.pem")
        openssl("ocsp", "-issuer", authority, "-cert", self.path(f"{name}.pem"), "-reqout", self.path(f"{name}.request"))
        openssl("ocsp", "-index", index, "-rsigner", authority, "-rkey", self.path(f"{signer}.key"), "-CA", authority, "-ndays", "7",
                "-reqin", self.path(f"{name}.request"), "-respout", response)
        return response


def everything(folder):
    """All that the servers show."""
    made = Certificates(folder)
    made.authority("root", ends=3650)
    made.authority("other-root", ends=3650)
    made.authority("intermediate", "root", ends=60)  # before the leaves
    made.authority("long-intermediate", "root", ends=1800)
    made.authority("expired-intermediate", "root", begins=-90, ends=-3)
    # The same authority by another one that has expired meanwhile, as public ones had it in 2021.
    made.authority("old-root", begins=-900, ends=800)
    made.path("cross.key").write_bytes(made.path("long-intermediate.key").read_bytes())
    crossed(made)
    made.server("valid", "intermediate")
    made.server("rsa", "long-intermediate", kind="RSA")
    made.server("crossed", "long-intermediate")
    made.server("expired", "intermediate", begins=-90, ends=-2)
    made.server("future", "intermediate", begins=2, ends=80)
    made.make("wrong-host", "intermediate", extensions=("basicConstraints = CA:FALSE", "subjectAltName = DNS:elsewhere.invalid"))
    made.server("unknown", "other-root")
    made.server("below-expired", "expired-intermediate")
    made.server("purpose", "intermediate", purpose="clientAuth")
    made.server("client", "intermediate", purpose="clientAuth")
    made.server("self-signed", None)
    made.make("authority", "root", extensions=("basicConstraints = critical,CA:TRUE", "subjectAltName = DNS:authority.example"))
    for status in ("good", "revoked", "unknown"):
        made.server(f"staple-{status}", "intermediate")
        made.staple(f"staple-{status}", "intermediate", status)
    for name in ("nginx-one", "nginx-two"):
        made.server(name, "long-intermediate")
    forged(made, "forged", "valid")
    for name in ("valid", "expired", "future", "wrong-host", "purpose", "forged", "client", "staple-good", "staple-revoked", "staple-unknown"):
        made.bundle(f"{name}.chain", name, "intermediate")
    for name in ("rsa", "nginx-one", "nginx-two"):
        made.bundle(f"{name}.chain", name, "long-intermediate")
    made.bundle("below-expired.chain", "below-expired", "expired-intermediate")
    made.bundle("crossed.chain", "crossed", "long-intermediate", "cross")
    for name in ("unknown", "self-signed"):
        made.bundle(f"{name}.chain", name)
    made.bundle("leaf-alone.chain", "valid")
    made.bundle("authority.chain", "authority")
    made.bundle("many.chain", "valid", *["intermediate"] * 90)
    openssl("x509", "-in", made.path("valid.pem"), "-outform", "DER", "-out", made.path("valid.der"))
    openssl("crl2pkcs7", "-nocrl", "-certfile", made.path("crossed.chain"), "-out", made.path("crossed.p7b"))
    return made


def crossed(made):
    """`cross`: the subject and key of long-intermediate, by old-root; it has expired."""
    made.path("cross.csr").write_bytes(made.path("long-intermediate.csr").read_bytes())
    made.make("cross-request", "old-root")
    settings = made.path("cross-request.cnf")
    settings.write_text(settings.read_text() + "basicConstraints = critical,CA:TRUE\nsubjectKeyIdentifier = hash\n")
    stamp = "%Y%m%d%H%M%SZ"
    begin, end = made.now - DAY * 400, made.now - DAY * 5
    openssl("ca", "-batch", "-notext", "-config", settings, "-in", made.path("cross.csr"), "-out", made.path("cross.pem"),
            "-cert", made.path("old-root.pem"), "-keyfile", made.path("old-root.key"),
            "-startdate", begin.strftime(stamp), "-enddate", end.strftime(stamp))
    made.not_after[made.serial("cross.pem")] = int(end.timestamp())


def forged(made, name, of):
    """NAME: the certificate of OF, with a signature that is another one."""
    der = bytearray(openssl("x509", "-in", made.path(f"{of}.pem"), "-outform", "DER"))
    der[-1] ^= 1
    made.path(f"{name}.pem").write_bytes(openssl("x509", "-inform", "DER", stdin=bytes(der)))
    made.path(f"{name}.key").write_bytes(made.path(f"{of}.key").read_bytes())
