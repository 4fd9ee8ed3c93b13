"""Charts, packed by helm: the source's own, ours, or a kustomization made one."""

import shutil
import sys
from pathlib import Path

from .. import store
from ..paths import HERE
from ..schedule import Step
from . import golang


def archive(work, chart):
    return work.charts / f"{Path(chart['name']).name}-{chart['version']}.tgz"


def build(catalog, work, component):
    chart, module, result = component.chart, catalog.modules[component.table["module"]], archive(work, component.chart)

    def action(job):
        # helm wants the folder to have the chart's name
        with store.scratch(work, f"chart.{component.name}") as parent:
            folder = parent / Path(chart["name"]).name
            write(job, work, chart, module, folder)
            helm = [work.bin / "helm", "package", folder, "--version", chart["version"], "--app-version", chart["app"]]
            job.run(*helm, "--destination", parent)
            (parent / result.name).replace(result)

    ours = [HERE / chart[k] for k in ("folder", "wrap") if k in chart]
    needs = ["build.helm", f"fetch.{module.name}"] + (["build.kubectl"] if "kustomize" in chart else [])
    return Step("chart", component.name, "pack", action, (chart, module.version, Path(__file__), *ours), needs=needs, outputs=[result])


def write(job, work, chart, module, folder):
    """Puts the unpacked chart into folder."""
    if "folder" in chart:
        shutil.copytree(HERE / chart["folder"], folder)
    elif "path" in chart:
        # copyfile: the module cache is read-only, the copy must not be
        shutil.copytree(Path(golang.source(job, module)) / chart["path"], folder, copy_function=shutil.copyfile)
        folder.chmod(0o755)
        for path in folder.rglob("*/"):
            path.chmod(0o755)
        if "fill" in chart:
            fill(folder, chart["fill"])
    else:
        folder.mkdir(parents=True)
        rendered = job.output(work.bin / "kubectl", "kustomize", Path(golang.source(job, module)) / chart["kustomize"])
        (folder / "rendered.yaml").write_text(rendered)
        job.run(sys.executable, HERE / chart["wrap"] / "wrap.py", folder, chart["version"])


def fill(folder, words):
    """Writes values.yaml from the source's template of it."""
    text = (folder / "values.tmpl.yaml").read_text()
    for placeholder, value in words.items():
        text = text.replace(placeholder, value)
    (folder / "values.yaml").write_text(text)
    (folder / "values.tmpl.yaml").unlink()
