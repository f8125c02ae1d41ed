#!/usr/bin/env python3
"""Makes the folder of hostile files on a node. Arguments: the folder; `hang` goes on holding the FUSE
mount open, whose one file answers nobody, until this process ends."""
import ctypes
import os
import pathlib
import signal
import stat
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1])


def certificate(name):
    """A self-signed certificate and its key, as PEM."""
    key, crt = FOLDER / ".key", FOLDER / ".crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
         "-subj", f"/CN={name}", "-keyout", key, "-out", crt], check=True, capture_output=True)
    texts = crt.read_text(), key.read_text()
    key.unlink(), crt.unlink()
    return texts


def make():
    FOLDER.mkdir(parents=True, exist_ok=True)
    good, key = certificate("good")
    write = lambda name, text: (FOLDER / name).write_text(text)
    write("good.pem", good)
    write("key-and-certificate.pem", key + certificate("beside-a-key")[0])
    write("empty.pem", "")
    write("garbage.pem", "\x00\x01garbage\xff" * 100)
    write("truncated.pem", certificate("before-the-cut")[0] + good[: len(good) // 2])
    write("key-only.pem", key)
    request = subprocess.run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=request"], input=key,
                             capture_output=True, text=True, check=True).stdout
    write("request.pem", request)
    write("bad-block.pem", certificate("first")[0] + "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n" + certificate("third")[0])
    write("hundred.pem", "".join(certificate(f"hundred-{number:02}")[0] for number in range(100)))
    write("duplicates.pem", certificate("twice")[0] * 2)
    body = "".join(certificate("wide")[0].splitlines()[1:-1])
    wide = "\n".join(body[at:at + 76] for at in range(0, len(body), 76))
    write("wide.pem", f"-----BEGIN CERTIFICATE-----\n{wide}\n-----END CERTIFICATE-----\n")
    write("bom.pem", "\ufeff" + certificate("bom")[0])
    der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=certificate("der")[0].encode(), capture_output=True, check=True)
    (FOLDER / "binary.der").write_bytes(der.stdout + b"\n")
    with open(FOLDER / "sparse.pem", "wb") as sparse:
        sparse.truncate(200 * 1024 * 1024)
    write("unreadable.pem", good)
    os.chown(FOLDER / "unreadable.pem", 998, 998)
    os.chmod(FOLDER / "unreadable.pem", 0)
    os.symlink("nowhere.pem", FOLDER / "dangling.pem")
    os.symlink("loop.pem", FOLDER / "loop.pem")
    os.mkfifo(FOLDER / "fifo.pem")
    os.symlink("/../../proc/self/environ", FOLDER / "environ.pem")
    os.symlink("/../../../../etc/x509-certificate-exporter/config.yaml", FOLDER / "configuration.pem")
    os.symlink("/proc/1/root/etc/x509-certificate-exporter/config.yaml", FOLDER / "root.pem")
    (FOLDER / "hung.pem").touch()


def hang():
    """Mounts a FUSE file system whose root is a file and whose daemon, this process, never answers."""
    fuse = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fuse},rootmode={stat.S_IFREG:o},user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"hang", str(FOLDER / "hung.pem").encode(), b"fuse", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    print("hanging", flush=True)
    signal.pause()


make()
if sys.argv[2:] == ["hang"]:
    hang()
