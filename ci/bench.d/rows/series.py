"""The same work over a growing number of certificates: what the plot shows."""
import scrape
from exporters import Died
from figure import Figure, Row, median
from rows import files

COUNTS = (100, 1_000, 10_000, 100_000)


class Series(Row):
    name = "series"
    title = "memory and scrapes over 100 to 100,000 files"
    figures = tuple(Figure(f"{key}_{count}", f"{title}, {count:,} files", unit)
                    for count in COUNTS for key, title, unit in (("rss", "RSS after the scrapes", "bytes"), ("gzip", "a scrape, gzip, median", "seconds"), ("first", "start until the first complete scrape", "seconds")))
    most_runs = 1
    short = False

    def run(self, exporter, context):
        found = {}
        for count in COUNTS:
            try:
                with context.running(exporter, files.watch(count)) as it:
                    found[f"first_{count}"], _ = it.wait_complete()
                    seconds = [answer.seconds for answer in it.scrapes(context.scrapes)]
                    found |= {f"rss_{count}": scrape.rss(it.pid), f"gzip_{count}": median(seconds)}
            except Died as error:
                context.note(f"series, {exporter.name}, {count:,} files: {error}")
        return found
