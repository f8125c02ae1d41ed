"""Runs the commands of the runbooks as they are written, and compares what they print with what is shown.

    python3 runbooks.py SETTINGS [PAGE…]     SETTINGS: the values that the pages leave open, as the shell reads them

A block ```sh run=PLACE``` runs whole; its PLACE is a control-plane node, a worker, or where kubectl is. Of a block ```text```
right behind it, each line is found among those printed; `…` stands for anything.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "runbooks"
BLOCK = re.compile(r"^( *)```(sh run=\w+|promql run)\n(.*?)^ *```$(?:\n+^ *```text\n(.*?)^ *```$)?", re.M | re.S)
CLUSTER, MONITORING = str(ROOT / "ci" / "cluster"), str(ROOT / "ci" / "monitoring")
PLACES = {"node": [CLUSTER, "exec", "node0"], "worker": [CLUSTER, "exec", "node2"], "kubectl": [CLUSTER, "in"]}
# The longest waits of the pages are two minutes.
LONGEST = 300


def main():
    settings, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    pages = [PAGES / name for name in names] or sorted(PAGES.glob("*.md"))
    ran = 0
    for page in pages:
        count = 0
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            fault = outcome(found, settings)
            if fault:
                print(f"{page.name}, line {line_of(found)}:\n{found[3]}\n{fault}")
                return 1
            count += 1
        print(f"    ok: {page.name}: {count} blocks", flush=True)
        ran += count
    print(f"    ok: {ran} blocks of {len(pages)} pages ran as written")
    return 0 if ran else 1


def outcome(found, settings):
    """What is wrong with the block, or None."""
    margin, kind, body, shown = found.groups()
    body = re.sub(f"^{margin}", "", body, flags=re.M)
    command = [MONITORING, "query", body] if kind == "promql run" else shell(kind, body, settings)
    try:
        run = subprocess.run(command, cwd=settings.parent, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return f"did not end within {LONGEST} seconds"
    said = run.stdout + run.stderr
    if "PRIVATE KEY" in said or "client-key-data: LS0" in said:
        return "printed a private key"
    if run.returncode:
        return f"ended with {run.returncode}:\n{said}"
    if kind == "promql run":
        return None if json.loads(run.stdout)["status"] == "success" else said
    missing = [line for line in (shown or "").splitlines() if not is_there(line, said)]
    return f"did not print {missing}, but:\n{said}" if missing else None


def shell(kind, body, settings):
    place = kind.removeprefix("sh run=")
    # As somebody types them: what fails within a pipe is seen at its end.
    script = f"set -eu; PLACE={place}; . {settings}; cd {settings.parent}; {body}"
    return [*PLACES[place], "bash", "-c", script]


def is_there(line, said):
    """White space is no matter: columns are as wide as what stands in them."""
    squeezed = lambda text: re.sub(r"\s+", "", text)
    pattern = ".*".join(re.escape(squeezed(part)) for part in line.split("…"))
    return any(re.fullmatch(pattern, squeezed(each)) for each in said.splitlines())


def line_of(found):
    return found.string[: found.start()].count("\n") + 1


sys.exit(main())
