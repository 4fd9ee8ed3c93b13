"""A Debian root file system: the base of the node, and source of shared libraries."""

from .. import host, store
from ..schedule import Step


def build(work, component):
    suite, packages = component.version, component.table["packages"]

    def action(job):
        with store.replacing(work, work.rootfs) as temporary:
            job.run("debootstrap", "--variant=minbase", "--include=" + ",".join(packages), suite, temporary, *host.debian_mirror(job, suite))
            for folder in ("doc", "man", "locale"):
                store.remove(temporary / "usr/share" / folder)
            for package in (temporary / "var/cache/apt/archives").glob("*.deb"):
                package.unlink()

    return Step("build", component.name, "pack", action, (suite, packages), outputs=[work.rootfs])
