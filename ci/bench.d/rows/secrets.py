"""Secrets of a real API server: memory under a real limit, what reaches us, how soon a renewal shows."""
import re
import time

import objects
import scrape
from apiserver import ApiServer
from cgroup import Cgroup
from exporters import Died, Watch
from figure import MIB, Figure, Row, median
from relay import Relay

FEW, MANY, MOST = 1_000, 10_000, 100_000
RELEASES, RELEASE = 500, 500 << 10
LIMITS = {"ours": 32 * MIB}
PEERS_LIMIT = 150 * MIB  # the default of enix's chart
PATIENCE = 60  # for a renewal to show
USER = "exporter"
PAGED = "--feature-gates=WatchList=false"


class Cluster:
    """What the API server holds. It only ever grows: the rows stand in that order."""

    def __init__(self, context):
        folder = context.scratch / "cluster"
        folder.mkdir()
        self.api = context.closing.enter_context(ApiServer(folder, USER))
        self.fill(objects.namespaces())
        self.secrets = self.releases = self.generation = 0
        self.flags = ()

    def fill(self, pairs):
        self.api.fill((key, objects.stored(thing)) for key, thing in pairs)

    def grow(self, secrets, releases=0):
        self.fill(objects.tls(self.secrets, secrets - self.secrets))
        self.fill(objects.helm(self.releases, releases - self.releases, RELEASE))
        self.secrets, self.releases = max(secrets, self.secrets), max(releases, self.releases)
        # What it reads of etcd ahead is no part of an exporter's start.
        self.api.call("GET", "/api/v1/secrets?fieldSelector=metadata.name%3Dnone")

    def restart(self, *flags):
        if flags != self.flags:
            self.api.start(*flags)
            self.flags = flags

    def watch(self, port=None):
        """All TLS Secrets, as either chart has it by default."""
        kubeconfig = str(self.api.kubeconfig(port))
        return Watch(2 * self.secrets, kubeconfig=kubeconfig, sources=[{
            "kind": "kubernetes", "name": "cluster-secrets", "kubeconfig": kubeconfig, "namespaces": {"include": ["*"]},
            "secrets": {"include": ["*"], "types": [{"type": objects.TLS, "keyPatterns": [r"^tls\.crt$"], "format": "pem"}]},
        }])

    def renew(self, number):
        """Through the API, as cert-manager does it. Gives the Secret's name, and how long the API server took."""
        self.generation += 1
        path, secret = next(objects.tls(number, 1, self.generation))
        _, space, name = path.split("/")
        for field in ("uid", "creationTimestamp", "managedFields"):
            del secret["metadata"][field]
        self.api.call("PUT", f"/api/v1/namespaces/{space}/secrets/{name}", secret)
        return name


def cluster(context, secrets, releases=0):
    if "cluster" not in context.shared:
        context.shared["cluster"] = Cluster(context)
    found = context.shared["cluster"]
    found.grow(secrets, releases)
    return found


class Secrets(Row):
    """A number of TLS Secrets, nothing limited."""
    short = False
    count = 0

    def run(self, exporter, context):
        with context.running(exporter, cluster(context, self.count).watch()) as it:
            first, answer = it.wait_complete()
            found = {"first": first, "first_cpu": scrape.cpu(it.pid), "gzip_size": answer.size, "gzip": scrapes(it, context)}
            found |= {"rss": scrape.rss(it.pid), "peak": scrape.peak(it.pid)}
            found["per_secret"] = scrape.status(it.pid, "RssAnon") / self.count
            return found | self.more(it, context)

    def more(self, it, context):
        return {}


def figures(*more, rss=None, ratio=None):
    return (
        Figure("first", "start until the first complete scrape", "seconds"),
        Figure("first_cpu", "CPU until then", "seconds"),
        Figure("rss", "RSS after the scrapes", "bytes", limit=rss, ratio=ratio),
        Figure("peak", "peak RSS from start to then", "bytes"),
        Figure("per_secret", "RSS not backed by files, for each Secret", "bytes"),
        Figure("gzip", "a scrape, gzip, median", "seconds"),
        Figure("gzip_size", "bytes of a scrape, gzip", "bytes"),
        *more,
    )


def scrapes(it, context):
    """The median's seconds."""
    answers = it.scrapes(context.scrapes)
    if len(answers) < context.scrapes:
        context.note(f"Secrets: {it.exporter.name} was asked {len(answers)} times of {context.scrapes}: slow, and left alone after a minute.")
    return median([answer.seconds for answer in answers])


class Thousand(Secrets):
    name = "secrets-1000"
    title = "1,000 TLS Secrets of a leaf and its CA"
    count = FEW
    figures = figures(rss=10 * MIB, ratio=1 / 8)


class Limited(Row):
    name = "secrets-limited"
    title = "10,000 TLS Secrets in a control group of 32 MiB; the peer in the 150 MiB that its chart gives it"
    short = False
    figures = (
        Figure("killed", "killed for want of memory, times", "count", limit=0),
        Figure("peak", "peak RSS from start to the last scrape", "bytes", limit=24 * MIB),
        Figure("charged", "most that the group was charged", "bytes"),
    )

    def run(self, exporter, context):
        watch = cluster(context, MANY).watch()
        with Cgroup("x509-bench", LIMITS.get(exporter.name, PEERS_LIMIT)) as group:
            found = {}
            try:
                with context.running(exporter, watch, group.prefix) as it:
                    it.wait_complete()
                    scrapes(it, context)
                    found["peak"] = scrape.peak(it.pid)
            except Died as error:
                if not group.kills():
                    raise
                context.note(f"{self.name}: {error}")
            return {**found, "killed": group.kills(), "charged": group.peak()}


class TenThousand(Secrets):
    name = "secrets-10000"
    title = "10,000 TLS Secrets, nothing limited"
    count = MANY
    changes = 5
    figures = figures(
        Figure("renewed", "a renewal of one until a scrape shows it", "seconds", limit=2),
        Figure("renewed_cpu", "CPU for that, that scrape among it", "seconds"),
    )

    def more(self, it, context):
        context.shared[f"per_secret {it.exporter.name}"] = scrape.status(it.pid, "RssAnon")
        seconds, cpu = [], []
        for _ in range(self.changes):
            before = end_of(it, objects.name_of(7))
            used, begun = scrape.cpu(it.pid), time.monotonic()
            name = context.shared["cluster"].renew(7)
            answers = 1
            while end_of(it, name) == before:
                answers += 1
                if time.monotonic() > begun + PATIENCE:
                    raise it.died("the renewal does not show")
            seconds.append(time.monotonic() - begun)
            cpu.append((scrape.cpu(it.pid) - used) / answers)
        return {"renewed": median(seconds), "renewed_cpu": median(cpu)}


def end_of(it, name):
    """When the leaf of that Secret ends."""
    leaf = re.compile(rb'^x509_cert_not_after\{(?=[^}]*secret_name="%b")(?=[^}]*subject_CN="service-)[^}]*\} (\S+)$' % name.encode(), re.M)
    return float(leaf.search(scrape.plain(it.scrape(keep=True).body))[1])


class Requests(Row):
    name = "requests"
    title = "10,000 TLS Secrets beside 500 releases of Helm of 500 KiB"
    short = False
    most_runs = 1
    figures = (
        Figure("start", "API requests until the first complete scrape", "count", limit=250),
        Figure("unselected", "of which for Secrets of any type", "count", limit=0),
        Figure("received", "bytes that the API server sent until then", "bytes", limit=RELEASES * RELEASE / 2),
        Figure("each", "of which for each TLS Secret", "bytes"),
        Figure("scraped", "API requests during 20 scrapes, renewed watches apart", "count", limit=0),
        Figure("paged", "API requests at the start, of a server that streams no lists", "count", limit=250),
        Figure("paged_received", "bytes that it sent until then", "bytes"),
        Figure("peak", "peak RSS, lists streamed", "bytes"),
        Figure("paged_peak", "peak RSS, lists in pages", "bytes"),
    )

    def run(self, exporter, context):
        held = cluster(context, MANY, RELEASES)
        held.restart()
        found = self.start(exporter, context, held)
        held.restart(PAGED)
        found |= {f"paged_{key}" if key != "start" else "paged": value for key, value in self.start(exporter, context, held).items()}
        held.restart()
        return {each.key: found[each.key] for each in self.figures}

    def start(self, exporter, context, held):
        before = len(held.api.requests())
        with Relay(held.api.port) as relay, context.running(exporter, held.watch(relay.port)) as it:
            self.whatever(it, context, it.wait_complete)
            started, received = held.api.requests()[before:], relay.received
            self.whatever(it, context, lambda: it.scrapes(20))
            scraped = [event for event in held.api.requests()[before + len(started):] if "resourceVersion=" not in event["requestURI"]]
            secrets = [event["requestURI"] for event in started if event.get("objectRef", {}).get("resource") == "secrets"]
            if not secrets:
                raise RuntimeError("the audit log tells of no request for Secrets")
            return {"start": len(started), "unselected": sum("fieldSelector=type%3Dkubernetes.io%2Ftls" not in uri for uri in secrets), "received": received,
                    "each": received / held.secrets, "scraped": len(scraped), "peak": scrape.peak(it.pid)}

    def whatever(self, it, context, scrape_it):
        """Requests count even if a scrape of a peer is cut off by a deadline of its own."""
        try:
            scrape_it()
        except Died as error:
            it.alive()
            if it.exporter.name in LIMITS:
                raise
            context.note(f"{self.name}: {error}")


class HundredThousand(Secrets):
    name = "secrets-100000"
    title = "100,000 TLS Secrets, nothing limited"
    count = MOST
    most_runs = 1
    figures = figures(
        Figure("flat", "memory of each Secret beyond 10,000, over that of each of those", "times", limit=1.1),
        Figure("api_server", "RSS of the API server then", "bytes"),
        Figure("etcd", "RSS of etcd then", "bytes"),
        rss=160 * MIB,
    )

    def more(self, it, context):
        memory = context.shared["cluster"].api.memory()
        found = {"api_server": memory["kube-apiserver"], "etcd": memory["etcd"]}
        few = context.shared.get(f"per_secret {it.exporter.name}")
        if few:
            found["flat"] = (scrape.status(it.pid, "RssAnon") - few) / (MOST - MANY) / (few / MANY)
        return found
