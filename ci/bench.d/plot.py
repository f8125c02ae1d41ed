"""The row `series` as an SVG: memory and scrape time over the number of certificates, both axes logarithmic."""
import html
import math

import figure

WIDTH, HEIGHT = 880, 380
LEFT, TOP, PANEL, TALL = 74, 56, 340, 250
GAP = 100
# Told apart by lightness too, and readable on white and on a dark page: the picture has its own ground.
COLOURS = ("#0b6e4f", "#c1440e", "#3454a4", "#8a6d00")
PANELS = (("rss", "RSS after the scrapes", "bytes"), ("gzip", "a scrape, gzip, median", "seconds"))
MARKS = {"bytes": [(factor * unit, f"{factor:g} {name}") for unit, name in ((1 << 20, "MiB"), (1 << 30, "GiB")) for factor in (1, 3, 10, 30, 100, 300)],
         "seconds": [(factor * unit, f"{factor:g} {name}") for unit, name in ((1e-6, "µs"), (1e-3, "ms"), (1, "s")) for factor in (1, 10, 100)]}


def svg(entries, names):
    points = {name: {} for name, _, _ in PANELS}
    for entry in entries:
        key, _, count = entry["key"].rpartition("_")
        if entry["row"] == "series" and key in points:
            for name, value in entry["medians"].items():
                if value:
                    points[key].setdefault(name, []).append((int(count), value))
    if not any(points.values()):
        raise SystemExit("error: nothing to plot: the row series did not run")
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">',
             "<title>Memory and scrape time over the number of files</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for number, (key, title, unit) in enumerate(PANELS):
        parts += panel(LEFT + number * (PANEL + GAP), title, unit, points[key], names)
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(left, title, unit, series, names):
    counts = sorted({count for of in series.values() for count, _ in of})
    values = [value for of in series.values() for _, value in of]
    # From the mark below the least to the one above the greatest.
    first = sum(mark <= min(values) for mark, _ in MARKS[unit]) - 1
    last = sum(mark < max(values) for mark, _ in MARKS[unit])
    marks = MARKS[unit][max(first, 0):last + 1]
    low, high = marks[0][0], max(marks[-1][0], max(values))

    def x(count):
        return left + PANEL * scaled(count, counts[0], counts[-1])

    def y(value):
        return TOP + TALL * (1 - scaled(value, low, high))

    yield f'<text x="{left}" y="{TOP - 24}" font-size="14" font-weight="bold">{html.escape(title)}</text>'
    for value, label in marks:
        yield f'<path d="M{left} {y(value):.1f}h{PANEL}" stroke="#ddd"/><text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>'
    for count in counts:
        yield f'<path d="M{x(count):.1f} {TOP}v{TALL}" stroke="#eee"/><text x="{x(count):.1f}" y="{TOP + TALL + 18}" text-anchor="middle">{count:,}</text>'
    yield f'<text x="{left + PANEL / 2}" y="{TOP + TALL + 38}" text-anchor="middle">files, each of a leaf and its CA</text>'
    for name in (name for name in names if name in series):
        colour = COLOURS[names.index(name) % len(COLOURS)]
        line = [(x(count), y(value), value) for count, value in sorted(series[name])]
        yield f'<polyline points="{" ".join(f"{at:.1f},{up:.1f}" for at, up, _ in line)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield "".join(f'<circle cx="{at:.1f}" cy="{up:.1f}" r="3.5" fill="{colour}"><title>{figure.told(value, unit)}</title></circle>' for at, up, value in line)
        at, up, value = line[-1]
        lost = " and ".join(f"{count:,}" for count in counts if count > max(series[name])[0])
        label = f"{name} {figure.told(value, unit)}{', none at ' if lost else ''}{lost}"
        yield f'<text x="{at - 4:.1f}" y="{up - 9:.1f}" text-anchor="end" fill="{colour}" font-weight="bold">{html.escape(label)}</text>'


def scaled(value, low, high):
    return math.log(value / low) / math.log(high / low) if high > low else 0.5
