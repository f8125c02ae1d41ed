"""The rows of the goals' table, in its order. A row is a class of figure.Row; a family of rows is a module."""
from rows import files, image, node, rescan, scrapes, series


def every():
    return [node.Node(), files.Files(), scrapes.Change(), scrapes.AtOnce(), rescan.Rescan(), image.Image(), series.Series()]
