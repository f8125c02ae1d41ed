"""The rows of the goals' table, in its order. A row is a class of figure.Row; a family of rows is a module."""
from rows import files, image, node, rescan, scrapes, secrets, series


def every():
    return [
        node.Node(), secrets.Thousand(), files.Files(), secrets.Limited(), scrapes.Change(), scrapes.AtOnce(), rescan.Rescan(),
        secrets.TenThousand(), secrets.Requests(), secrets.HundredThousand(), image.Image(), series.Series(),
    ]
