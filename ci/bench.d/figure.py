"""The words of the bench: a row of the goals' table, its figures, and how they are told."""
import math
import statistics
from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Figure:
    """One number of a row, the less the better. `limit` binds ours, `ratio` ours over a peer's, both in the long form;
    `short` binds ours in the short form, where only counts and sizes mean anything."""
    key: str
    title: str
    unit: str  # bytes, seconds, count, share, times
    limit: float | None = None
    ratio: float | None = None
    short: float | None = None


class Row:
    """A family of figures that one run of one exporter gives. `run` may leave figures out."""
    name = ""
    title = ""
    figures: tuple = ()
    # Whether it takes part in the short form, and whether a peer takes part in it.
    short = True
    peers = True
    # Whether it may run beside others in the short form: it shares nothing with them that it changes.
    beside = False
    # How often at most: a row that is dear or that varies little.
    most_runs = 100

    def run(self, exporter, context):
        """{key of a figure: value}"""
        raise NotImplementedError


def told(value, unit):
    if value is None:
        return "–"
    if unit == "bytes":
        size, name = next(((value / size, name) for size, name in ((1 << 30, "GiB"), (MIB, "MiB"), (1024, "KiB")) if value >= size), (value, "B"))
        return f"{value:.0f} B" if name == "B" else f"{digits(size)} {name}"
    if unit == "seconds":
        return f"{digits(value)} s" if value >= 1 else f"{digits(value * 1000)} ms"
    if unit == "share":
        return f"{value * 100:.3f} %"
    if unit == "times":
        return f"{value:.2f} ×"
    return f"{value:,.0f}"


def digits(value):
    """Three of them that mean something."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def told_ratio(value):
    """1/15, or 1.50 where the peer is the better."""
    if value is None:
        return "–"
    return f"1/{digits(1 / value)}" if 0 < value < 1 else digits(value)


def median(values):
    """Of what there is; a run without a value is a loss, and half of them lost have no median."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if values and 2 * len(there) > len(values) else None


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
