"""The image of a kind node, laid out as kind's own: its base files from its Go
module over Debian, the Kubernetes programs, and the control plane's images put
into containerd's store by a container of the base (as kind's own build does)."""

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from .. import store
from ..paths import HERE
from ..schedule import Step
from . import golang

NODE = HERE / "node"
BASE = "tstack-testbed/node-base"
OVEN = "tstack-testbed-oven"
ENTRYPOINT = '["/usr/local/bin/entrypoint", "/sbin/init"]'
# docker import and commit know no STOPSIGNAL, a build does
DOCKERFILE = f"FROM scratch\nADD rootfs.tar /\nENV container=docker\nSTOPSIGNAL SIGRTMIN+3\nENTRYPOINT {ENTRYPOINT}\n"
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap", "ptp")
SERVICES = ("kubelet", "containerd", "undo-mount-hacks", "address-guard")


def build(catalog, work, component):
    baked = [c for c in catalog.components if c.in_node]
    programs, name = component.table["programs"], catalog.node_image
    pause = next(c.image["name"] for c in baked if c.name == "pause")

    def action(job):
        with store.scratch(work, "node") as context:
            root = context / "rootfs"
            job.run("cp", "-a", "--reflink=auto", work.rootfs, root)
            layout(job, root, Path(golang.source(job, catalog.modules["kind"])) / "images/base/files", pause, component.version)
            for program in programs:
                shutil.copy2(work.bin / program, root / "usr/bin" / program)
            job.run("tar", "-C", root, "--numeric-owner", "-cf", context / "rootfs.tar", ".")
            store.remove(root)
            (context / "Dockerfile").write_text(DOCKERFILE)
            job.run("docker", "build", "-q", "-t", BASE, context)
        old = image_id(name)
        bake(job, work, [c.name for c in baked], name)
        # the one replaced is a gigabyte without a name; it stays while a cluster uses it
        for unwanted in (BASE, old):
            subprocess.run(["docker", "rmi", unwanted], capture_output=True, check=False)
        return {"image": image_id(name)}

    needs = ["build.rootfs", "fetch.kind", *(f"build.{p}" for p in programs), *(f"image.{c.name}" for c in baked)]
    return Step("build", component.name, "pack", action, (name, component.version, programs, NODE, Path(__file__)), needs=needs,
                still_there=lambda stamp: image_id(name) == stamp["detail"]["image"])


def image_id(name):
    """The engine's id of an image; nothing when it has none, or no engine answers."""
    if not shutil.which("docker"):
        return ""
    answer = subprocess.run(["docker", "image", "inspect", "--format", "{{.Id}}", name], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def layout(job, root, base, pause, version):
    """Lays kind's base files and ours over Debian's, and does what kind's Dockerfile does."""
    for part in ("etc", "kind", "usr"):
        shutil.copytree(base / part, root / part, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for program in (*(root / "usr/local/bin").iterdir(), *(root / "kind/bin").iterdir()):
        program.chmod(0o755)
    # containerd and its helpers where kind looks for them, runc where containerd does
    for program in ("containerd", "containerd-shim-runc-v2", "ctr"):
        link(root / "usr/local/bin" / program, f"/usr/bin/{program}")
    install(NODE / "runc-bounded", root / "usr/local/sbin/runc", 0o755)
    for plugin in CNI_PLUGINS:
        install(root / "usr/lib/cni" / plugin, root / "opt/cni/bin" / plugin, 0o755)
    install(NODE / "10-ptp.conflist", root / "etc/cni/net.d/10-ptp.conflist")
    for name in ("default-cni.yaml", "default-storage.yaml"):
        install(NODE / name, root / "kind/manifests" / name)
    install(NODE / "address-guard.service", root / "etc/systemd/system/address-guard.service")
    (root / "etc/kubernetes/manifests").mkdir(parents=True, exist_ok=True)
    (root / "kind/version").write_text(version + "\n")
    configure_containerd(job, root, pause)
    configure_systemd(root)


def configure_containerd(job, root, pause):
    config = root / "etc/containerd/config.toml"
    lines = []
    for line in config.read_text().splitlines():
        if line.strip().startswith("sandbox_image"):
            line = f'{line[:len(line) - len(line.lstrip())]}sandbox_image = "{pause}"'
        # a node without CAP_SYS_RESOURCE cannot lower a score below its own
        lines.append(line.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"))
    config.write_text("\n".join(lines) + "\n")
    spec = json.loads(job.output("chroot", root, "ctr", "oci", "spec"))
    spec.setdefault("hooks", {}).setdefault("createContainer", []).append({"path": "/kind/bin/mount-product-files.sh"})
    spec["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(spec))


def configure_systemd(root):
    """Only the services that kind wants."""
    units = root / "lib/systemd/system"
    for wants in (*(units / f"{t}.target.wants" for t in ("multi-user", "local-fs", "basic")), *(root / "etc/systemd/system").glob("*.wants")):
        for unit in wants.glob("*"):
            unit.unlink()
    for unit in (*(units / "sockets.target.wants").glob("*udev*"), *(units / "sockets.target.wants").glob("*initctl*"),
                 units / "sysinit.target.wants/systemd-tmpfiles-setup.service"):
        unit.unlink(missing_ok=True)
    for service in SERVICES:
        link(root / f"etc/systemd/system/multi-user.target.wants/{service}.service", f"/etc/systemd/system/{service}.service")
    link(root / "etc/systemd/system/systemd-binfmt.service", "/dev/null")
    link(root / "sbin/init", "/usr/lib/systemd/systemd")
    with (root / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")


def install(source, target, mode=0o644):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@contextmanager
def container(job):
    """A container of the base; also removes one that a killed run left."""
    remove = ("docker", "rm", "-f", "-v", OVEN)
    subprocess.run(remove, capture_output=True, check=False)
    try:
        job.run("docker", "run", "-d", "--name", OVEN, "--privileged", "--entrypoint", "sleep", BASE, "infinity")
        yield
    finally:
        subprocess.run(remove, capture_output=True, check=False)


def bake(job, work, images, result):
    with container(job):
        job.run("docker", "exec", "-d", OVEN, "containerd")
        job.wait_for("docker", "exec", OVEN, "ctr", "version")
        for image in images:
            import_image(job, work.images / image)
        job.run("docker", "exec", OVEN, "pkill", "-x", "containerd")
        job.wait_for("docker", "exec", OVEN, "sh", "-c", "! pgrep -x containerd")
        job.run("docker", "commit", "--change", f"ENTRYPOINT {ENTRYPOINT}", OVEN, result)


def import_image(job, layout):
    with job.start("tar", "-C", layout, "-c", ".", stdout=subprocess.PIPE) as archive:
        job.run("docker", "exec", "-i", OVEN, "ctr", "-n", "k8s.io", "images", "import", "-", stdin=archive.stdout)
