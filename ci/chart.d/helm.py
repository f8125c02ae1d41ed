"""Renders the chart."""
import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "x509-certificate-exporter"
RELEASE, NAMESPACE, KUBERNETES = "x509", "exporter", "1.34.0"


def template(*values, chart=CHART, kubernetes=KUBERNETES, release=RELEASE, namespace=NAMESPACE, apis=()):
    """(exit code, stdout, stderr) of `helm template`; values are files or maps, apis what a cluster would say that it has."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["helm", "template", release, str(chart), "--namespace", namespace, "--kube-version", kubernetes]
        for api in apis:
            command += ["--api-versions", api]
        for index, value in enumerate(values):
            if isinstance(value, dict):
                path = pathlib.Path(scratch, f"{index}.yaml")
                path.write_text(yaml.safe_dump(value), encoding="utf-8")
                value = path
            command += ["--values", str(value)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


def text(*values, **options):
    code, out, error = template(*values, **options)
    if code:
        raise RuntimeError(error)
    return out


def objects(*values, **options):
    return [item for item in yaml.safe_load_all(text(*values, **options)) if item]


@functools.lru_cache(maxsize=None)
def chart_with_notes():
    """A copy of the chart whose render holds NOTES.txt as one more object, which `helm template` leaves out."""
    folder = tempfile.mkdtemp(prefix="x509-chart-")
    atexit.register(shutil.rmtree, folder)
    copy = pathlib.Path(folder, "chart")
    shutil.copytree(CHART, copy)
    (copy / "templates" / "NOTES.txt").rename(copy / "notes.txt")
    (copy / "templates" / "zz-notes.yaml").write_text('kind: Notes\nmetadata: {name: notes}\ntext: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n', encoding="utf-8")
    return copy


def notes(*values, **options):
    return next(item["text"] for item in objects(*values, chart=chart_with_notes(), **options) if item["kind"] == "Notes")
