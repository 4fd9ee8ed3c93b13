"""What the machine itself must have: Debian packages, Go, a Docker engine."""

import os
import shutil
import subprocess

from .errors import BedError
from .paths import ENGINE_SCRIPT

# program that is looked for -> Debian package that has it
PACKAGES = {"debootstrap": "debootstrap", "docker-registry": "docker-registry", "tar": "tar"}


def prepare():
    """Makes the machine ready, or says what a person has to do."""
    if not shutil.which("go"):
        raise BedError("Go is not installed (1.26 or newer, https://go.dev/dl)")
    if os.geteuid():
        raise BedError("the test bed makes a Debian root file system, which needs root: run it as root")
    install_packages()
    code = subprocess.run([ENGINE_SCRIPT], check=False).returncode
    if code:
        raise BedError(f"no Docker engine ({ENGINE_SCRIPT} ended with {code})")


def install_packages():
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise BedError("install these first: " + " ".join(missing))
    print(f"installing {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    # lists may be missing or old: update only when needed
    for argv in (install, ["apt-get", "update", "-q"], install):
        answer = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
        if argv is install and not answer.returncode:
            # the package starts a registry of its own where there is an init
            return
    raise BedError(f"apt-get install {' '.join(missing)}:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")


def debian_mirror(job, suite):
    """The mirror that apt itself uses for the suite, if it uses one."""
    answer = job.output("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", f"Codename: {suite}")
    return answer.splitlines()[:1]
