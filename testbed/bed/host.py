"""What the machine itself must have: Debian packages, Go, a Docker engine."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from .errors import BedError
from .paths import ENGINE_SCRIPT

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Debian package -> whether what we want of it is there
PACKAGES = {
    "debootstrap": lambda: shutil.which("debootstrap"),
    "debian-archive-keyring": KEYRING.exists,
    "docker-registry": lambda: shutil.which("docker-registry"),
    "python3-pip": lambda: importlib.util.find_spec("pip"),
}


def prepare():
    """Makes the machine ready, or says what a person has to do."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if not shutil.which("go"):
        raise BedError("Go is not installed (1.26.7 or newer, https://go.dev/dl)")
    if os.geteuid():
        raise BedError("the test bed makes a Debian root file system, which needs root: run it as root")
    install([package for package, present in PACKAGES.items() if not present()])
    code = subprocess.run([ENGINE_SCRIPT], check=False).returncode
    if code:
        raise BedError(f"no Docker engine ({ENGINE_SCRIPT} ended with {code})")


def install(packages):
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise BedError("install these first: " + " ".join(packages))
    print(f"installing {' '.join(packages)}", flush=True)
    # the lists may be missing or old: update them only when needed
    if apt("install", *packages).returncode:
        apt("update")
        answer = apt("install", *packages)
        if answer.returncode:
            raise BedError(f"apt-get install {' '.join(packages)}:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")
    if "docker-registry" in packages and Path("/run/systemd/system").exists():
        # the package starts one of its own, at the address of ours
        subprocess.run(["systemctl", "disable", "--now", "docker-registry"], check=False)


def apt(verb, *packages):
    argv = ["apt-get", verb, "-y", "-q", *(["--no-install-recommends", *packages] if packages else [])]
    return subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)


def debian_mirror(job, suite):
    """The mirror that apt itself uses for the suite, if it uses one."""
    if not shutil.which("apt-get"):
        return []
    return job.output("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", f"Codename: {suite}").splitlines()[:1]
