"""Programs of Go modules.

Each module has a folder go/NAME whose go.mod requires the source, so that its
replace directives can be repeated there (`go install pkg@version` refuses
modules that have some) and go.sum pins every byte. Builds share Go's ordinary
build cache; two programs of one module never build at once, as each would
compile the same packages."""

import functools
import json
import subprocess

from .. import store
from ..paths import HERE
from ..schedule import Step

ENV = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-buildvcs=false -mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    # The compiler's own garbage collector: memory is cheaper here than time.
    "GOGC": "400",
}


def folder(module):
    return HERE / "go" / module.name


@functools.cache
def go_version():
    return subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()


def tags(module):
    return ["-tags", ",".join(module.tags)] if module.tags else []


def fetch(catalog, module):
    """Downloads what the module's programs import, ahead of their compilation."""
    packages = [c.table["package"] for c in catalog.programs_of(module.name)]
    argv = ["go", "list", "-deps", *tags(module), *packages]
    return Step("fetch", module.name, "download", lambda job: job.run(*argv, cwd=folder(module), env=ENV), (argv, folder(module)))


def build(catalog, work, component):
    module = catalog.modules[component.table["module"]]
    define = " ".join(f"-X {k}={v}" for k, v in module.define.items())
    # Debug information is stripped by the linker: do not make it first.
    flags = ["-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", f"-s -w {define}".strip(), *tags(module)]
    package, result = component.table["package"], work.bin / component.name

    def action(job):
        with store.replacing(work, result) as temporary:
            # go's own temporary files there too: the next run clears what a killed one leaves
            job.run("go", "build", *flags, "-o", temporary, package, cwd=folder(module), env={**ENV, "GOTMPDIR": str(work.tmp)})

    return Step("build", component.name, "compile", action, (go_version(), flags, package, folder(module)),
                needs=[f"fetch.{module.name}"], outputs=[result], alone=module.name)


def source(job, module):
    """The folder of the module's source, downloaded if it is not there."""
    answer = job.output("go", "mod", "download", "-json", f"{module.source}@{module.version}", cwd=folder(module), env=ENV)
    return json.loads(answer)["Dir"]
