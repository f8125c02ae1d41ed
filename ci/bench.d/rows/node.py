"""A pod on a node."""
import data
import scrape
from exporters import Watch
from figure import MIB, Figure, Row


def seed():
    """A control plane's files, watched as the seed's values say."""
    folder = data.node()
    files, kubeconfigs = ([folder / path[1:] for path in paths] for paths in data.seed_paths())
    # Each kubeconfig has the certificates of a cluster and of a user.
    return Watch(len(files) + 2 * len(kubeconfigs), files, kubeconfigs, folder=str(folder / "etc/kubernetes/pki"))


class Node(Row):
    name = "node"
    title = "a node's pod with the seed's values: 6 files, 3 kubeconfigs"
    beside = True
    figures = (
        Figure("rss", "RSS after the scrapes", "bytes", limit=6 * MIB, ratio=1 / 5),
        Figure("anon", "of which not backed by files", "bytes", short=4 * MIB),
        Figure("gzip", "a scrape, gzip, median", "seconds"),
    )

    def run(self, exporter, context):
        with context.running(exporter, seed()) as it:
            it.wait_complete()
            seconds = [it.scrape().seconds for _ in range(context.scrapes)]
            return {"rss": scrape.rss(it.pid), "anon": scrape.status(it.pid, "RssAnon"), "gzip": sorted(seconds)[len(seconds) // 2]}
