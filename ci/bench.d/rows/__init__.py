"""The rows of the goals' table. A row is a class of figure.Row; a family of rows is a module."""
from rows import decoder, files, image, node, rescan, scrapes, secrets, series


def every():
    # Those about Secrets last: an API server that holds 100,000 of them is no quiet neighbour.
    return [
        node.Node(), files.Files(), scrapes.Change(), scrapes.AtOnce(), rescan.Rescan(), image.Image(), decoder.Decoder(), series.Series(),
        secrets.Thousand(), secrets.Limited(), secrets.TenThousand(), secrets.Requests(), secrets.HundredThousand(),
    ]
