#!/usr/bin/env python3
"""Runs rows of the goals' table, ours and peers by turns, and tells medians and ratios. Called by ci/bench, which says how."""
import argparse
import concurrent.futures
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field

sys.dont_write_bytecode = True  # the tree stays as it is

import data
import exporters
import figure
import rows

OURS = "ours"


@dataclass
class Context:
    """What a row may use besides the exporter."""
    short: bool
    scrapes: int
    scratch: pathlib.Path
    turn: int = 0
    notes: list = field(default_factory=list)
    # What rows share because it is dear, and what ends it.
    shared: dict = field(default_factory=dict)
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def running(self, exporter, watch, prefix=()):
        return exporters.running(exporter, watch, self.scratch, prefix)

    def note(self, sentence):
        """A sentence below the table, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def arguments():
    parser = argparse.ArgumentParser(prog="ci/bench", description="Measures the agent, alone or beside other exporters.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run; all of them unless named")
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--short", action="store_true", help="few certificates and no clock: what a change of the shape would break")
    parser.add_argument("--binary", help="the agent, instead of building it")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help="another exporter's binary")
    parser.add_argument("--peer-flags", action="append", default=[], metavar="NAME=FLAGS",
                        help="its flags, with {config}, {port}, {dir}, {kubeconfig}; --config={config} unless said")
    parser.add_argument("--runs", type=int, help="turns of each exporter (3; 1 in the short form)")
    parser.add_argument("--scrapes", type=int, help="scrapes before memory is looked at (100)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--svg", metavar="FILE", help="plot memory and scrapes over the number of certificates there (needs the row series)")
    return parser.parse_args()


def taking_part(options):
    flags = pairs(options.peer_flags)
    all_of_them = [exporters.Exporter(OURS, options.binary),
                   *[exporters.Exporter(name, path, flags.get(name)) for name, path in pairs(options.peer).items()]]
    for one in all_of_them:
        if not os.access(one.path, os.X_OK):
            sys.exit(f"error: {one.path} is no program")
        # A peer may be an older build of ours.
        if one.name == OURS or one.version().startswith("x509-certificate-exporter "):
            one.environment = exporters.OURS_ENVIRONMENT
    return all_of_them


def pairs(texts):
    """NAME=WHAT, each."""
    for text in texts:
        if "=" not in text or text.startswith((OURS + "=", "=")):
            sys.exit(f"error: {text} is not NAME=…, with a name of its own")
    return dict(text.split("=", 1) for text in texts)


def in_order(chosen, measured, short):
    """One after the other; in the short form, where no clock counts, all at once whose waiting is their own."""
    with concurrent.futures.ThreadPoolExecutor(len(chosen) or 1) as pool:
        begun = {row.name: pool.submit(measured, row) for row in chosen if short and row.beside}
        for row in chosen:
            yield begun[row.name].result() if row.name in begun else measured(row)


def measure(row, all_of_them, runs, context):
    """{exporter: {figure: [a value a turn]}}, A B A B."""
    say(f"==> {row.name}: {row.title}")
    values = {one.name: {each.key: [] for each in row.figures} for one in all_of_them}
    for turn in range(min(runs, row.most_runs)):
        context.turn = turn
        for one in all_of_them:
            if one.name != OURS and not row.peers:
                continue
            begun, found = time.monotonic(), {}
            try:
                found = row.run(one, context)
            except (exporters.Died, OSError) as error:
                context.note(f"{row.name}, {one.name}: {error}")
            for each in row.figures:
                values[one.name][each.key].append(found.get(each.key))
            say(f"    {row.name}, turn {turn + 1}, {one.name}: {time.monotonic() - begun:.1f} s; "
                + ", ".join(f"{each.key} {figure.told(found.get(each.key), each.unit)}" for each in row.figures if each.key in found))
    return values


def judged(row, values, short):
    """One entry for each figure: medians, ratios, and whether the goals are met (None: there is none)."""
    for each in row.figures:
        medians = {name: figure.median(of[each.key]) for name, of in values.items()}
        ratios = {name: paired(values[OURS][each.key], of[each.key]) for name, of in values.items() if name != OURS}
        limit = each.short if short else each.limit
        bound = None if short else each.ratio
        met = []
        if limit is not None:
            met.append(medians[OURS] is not None and medians[OURS] <= limit)
        if bound is not None:
            # A peer that died is no measure; ours that died has failed.
            met += [ratio <= bound for ratio in ratios.values() if ratio is not None]
            met += [False] if medians[OURS] is None else []
        there = any(value is not None for of in values.values() for value in of[each.key])
        if limit is not None or (there and not short):
            yield {"row": row.name, "key": each.key, "title": each.title, "unit": each.unit, "limit": limit, "ratio_limit": bound,
                   "values": {name: of[each.key] for name, of in values.items()}, "medians": medians, "ratios": ratios, "met": all(met) if met else None}


def paired(ours, theirs):
    """The median of each turn's own ratio: what slows the machine down slows both."""
    return figure.median([mine / other if mine is not None and other else None for mine, other in zip(ours, theirs)])


def table(entries, names):
    peers = names[1:]
    head = ["row", "figure", "ours", "goal", *[cell for name in peers for cell in (name, "ratio")], *(["goal"] if peers else []), "met"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for entry in entries:
        told = {name: figure.told(value, entry["unit"]) for name, value in entry["medians"].items()}
        cells = [entry["row"], entry["title"], told[OURS], "" if entry["limit"] is None else "≤ " + figure.told(entry["limit"], entry["unit"])]
        for name in peers:
            cells += [told[name], figure.told_ratio(entry["ratios"][name])]
        if peers:
            cells.append("" if entry["ratio_limit"] is None else "≤ " + figure.told_ratio(entry["ratio_limit"]))
        yield "| " + " | ".join([*cells, {None: "", True: "yes", False: "**no**"}[entry["met"]]]) + " |"


def machine():
    """Facts of the machine that a figure depends on."""
    model = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
    governor = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {"cores": len(os.sched_getaffinity(0)), "cpu": model[0] if model else platform.machine(), "kernel": platform.release(),
            "governor": governor.read_text(encoding="ascii").strip() if governor.exists() else "unknown", "load": round(os.getloadavg()[0], 1)}


def say(*words):
    """Progress and notes go beside the table."""
    print(*words, file=sys.stderr, flush=True)


def main():
    options = arguments()
    known = rows.every()
    if options.list:
        for row in known:
            print(f"{row.name}: {row.title}{'' if row.short else ' (not in the short form)'}")
        return 0
    unknown = set(options.rows) - {row.name for row in known}
    if unknown:
        sys.exit(f"error: no such row: {', '.join(sorted(unknown))} (ci/bench --list)")
    chosen = [row for row in known if (row.name in options.rows if options.rows else True) and (row.short or not options.short)]
    all_of_them = taking_part(options)
    runs = options.runs or (1 if options.short else 3)
    folder = data.CACHE / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    context = Context(options.short, options.scrapes or (10 if options.short else 100), scratch)
    facts = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": machine(), "runs": runs, "scrapes": context.scrapes,
             "exporters": [{"name": one.name, "version": one.version(), "bytes": one.size()} for one in all_of_them]}
    entries = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended from outside"))  # so that no exporter is left behind
    try:
        for row, values in zip(chosen, in_order(chosen, lambda row: measure(row, all_of_them, runs, context), options.short)):
            entries += judged(row, values, options.short)
    finally:
        context.closing.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return tell(options, facts, entries, context.notes, [one.name for one in all_of_them])


def tell(options, facts, entries, notes, names):
    host = facts["machine"]
    print(f"{facts['date'][:10]}; {host['cores']} cores, {host['cpu']}, Linux {host['kernel']}, governor {host['governor']}, load {host['load']} at the beginning; "
          f"medians of {facts['runs']} turns at most, {facts['scrapes']} scrapes a turn{'; short form, a tenth of the certificates' if options.short else ''}.")
    for one in facts["exporters"]:
        print(f"- {one['name']}: {one['version']}, {one['bytes']:,} bytes")
    print()
    print("\n".join(table([entry for entry in entries if entry["row"] != "series" or not options.svg], names)))
    print("".join(f"\n- {note}" for note in notes))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({**facts, "figures": entries, "notes": notes}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.svg:
        import plot
        pathlib.Path(options.svg).write_text(plot.svg(entries, names), encoding="utf-8")
    missed = [f"{entry['row']} {entry['key']}" for entry in entries if entry["met"] is False]
    met = sum(entry["met"] is True for entry in entries)
    print(f"{met} goals met, {len(missed)} missed{': ' + ', '.join(missed) if missed else ''}")
    return 1 if missed or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
