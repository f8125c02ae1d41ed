"""Each row of `kubeadm certs check-expiration` is one of `check --format=csv`: the same end, the same days."""
import csv
import datetime
import re
import sys

ROW = re.compile(r"^(\S+) +(\w{3} \d{2}, \d{4} \d{2}:\d{2} UTC) +(\d+)([a-z]) ", re.M)
# kubeadm's names that are not those of the files.
FILES = {"etcd-ca": "etcd/ca"}


def main(kubeadm, check):
    with open(kubeadm, encoding="utf-8") as text:
        rows = ROW.findall(text.read())
    with open(check, encoding="utf-8", newline="") as text:
        ours = {line["location"]: line for line in csv.DictReader(text)}
    wrong = [fault for row in rows for fault in compare(row, ours)]
    print("\n".join(wrong) or f"    ok: {len(rows)} rows of kubeadm's are ours")
    # Eleven certificates and three authorities, where etcd is the control plane's own.
    return 1 if wrong or len(rows) < 9 else 0


def compare(row, ours):
    name, expires, count, unit = row
    place = place_of(name)
    found = [line for location, line in ours.items() if location == place or location.startswith(f"{place} user ")]
    if len(found) != 1:
        yield f"{name}: {len(found)} lines for {place}"
        return
    end = datetime.datetime.strptime(expires, "%b %d, %Y %H:%M UTC").strftime("%Y-%m-%dT%H:%M")
    if not found[0]["not_after"].startswith(end):
        yield f"{name}: kubeadm says {end}, we {found[0]['not_after']}"
    days = int(found[0]["days_left"])
    # kubeadm shortens a year and more.
    if {"d": days, "y": days // 365}.get(unit) != int(count):
        yield f"{name}: kubeadm says {count}{unit}, we {days} days"


def place_of(name):
    if name.endswith(".conf"):
        return f"kubeconfig /etc/kubernetes/{name}"
    file = FILES.get(name) or re.sub(r"^etcd-", "etcd/", name)
    return f"file /etc/kubernetes/pki/{file}.crt"


sys.exit(main(*sys.argv[1:]))
