"""An image of a program: one layer, written as an OCI layout without any engine.

The layer holds the program, the shared libraries it names (Debian's, from the
root file system, so the host's do not matter), CA certificates and a passwd."""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from pathlib import Path

from .. import store
from ..schedule import Step

PASSWD = "root:x:0:0::/:\nnonroot:x:65532:65532::/home:\n"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def build(work, component):
    image, result = component.image, work.images / component.name

    def action(job):
        with store.replacing(work, result) as layout:
            write_layout(layout, image, files(job, work, image, work.bin / component.name))

    return Step("image", component.name, "pack", action, (image, Path(__file__)),
                needs=[f"build.{component.name}", "build.rootfs"], outputs=[result])


def files(job, work, image, program):
    """{path in the image: file, text or link target}, all below the root."""
    debian = image.get("debian", {})
    content = {
        image["program"].lstrip("/"): program,
        CERTIFICATES: inside(work.rootfs, CERTIFICATES),
        "etc/passwd": PASSWD,
        "etc/nsswitch.conf": "hosts: files dns\n",
    }
    wanted = libraries(job.output("ldd", program)) if is_dynamic(program) else set()
    for name in debian.get("files", []):
        wanted.add(name)
        if not name.startswith("lib"):
            wanted |= libraries(job.output("chroot", work.rootfs, "ldd", f"/{name}"))
    for name in debian.get("trees", []):
        wanted |= {str(p.relative_to(work.rootfs)) for p in (work.rootfs / name).rglob("*") if p.is_file()}
    content |= {name: inside(work.rootfs, name) for name in wanted}
    return content | {name: Link(target) for name, target in debian.get("links", {}).items()}


class Link(str):
    """The target of a symbolic link."""


def inside(root, name):
    """The file itself, with symbolic links read as the root file system means them."""
    path = root
    parts = Path(name).parts
    for i, part in enumerate(parts):
        if (path / part).is_symlink():
            target = (path / part).readlink()
            start = target.relative_to("/") if target.is_absolute() else path.relative_to(root) / target
            return inside(root, os.path.normpath(Path(start, *parts[i + 1:])))
        path /= part
    return path


def is_dynamic(program) -> bool:
    """Whether an ELF program names an interpreter (in its first page, always)."""
    with program.open("rb") as file:
        return b"/ld-linux" in file.read(4096)


def libraries(ldd: str) -> set:
    return {path.lstrip("/") for path in re.findall(r"/\S*lib\S+", ldd) if ".so" in path}


def write_layout(layout, image, content):
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    layer, diff_id = write_layer(blobs, content)
    config = write_blob(blobs, CONFIG, {
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": [image["program"]], "User": image.get("user", "65532"), "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": "tstack test bed"}],
    })
    manifest = write_blob(blobs, MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
    manifest |= {"platform": {"architecture": "amd64", "os": "linux"}, "annotations": {"io.containerd.image.name": image["name"]}}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]}))


def write_blob(blobs, kind, value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


class Hashing(io.RawIOBase):
    """A writer that passes on what it is given, and hashes it."""

    def __init__(self, target):
        self.target, self.hash, self.size = target, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        self.target.write(data)
        return len(data)


def write_layer(blobs, content):
    """The layer's descriptor and its diff id. Times and owners are zero: same bytes each time."""
    with (blobs / "layer").open("wb") as file:
        packed = Hashing(file)
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as compressor:
            plain = Hashing(compressor)
            with tarfile.open(fileobj=plain, mode="w|") as archive:
                add_all(archive, content)
    digest = packed.hash.hexdigest()
    (blobs / "layer").rename(blobs / digest)
    return {"mediaType": LAYER, "digest": f"sha256:{digest}", "size": packed.size}, f"sha256:{plain.hash.hexdigest()}"


def add_all(archive, content):
    folders = {"tmp", "home", "var/lib", "run"} | {str(p) for name in content for p in Path(name).parents}
    folders |= {str(p) for name in list(folders) for p in Path(name).parents}
    for name in sorted(folders - {"."}):
        add(archive, name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755)
    for name, value in sorted(content.items()):
        if isinstance(value, Link):
            add(archive, name, tarfile.SYMTYPE, 0o777, link=value)
        elif isinstance(value, str):
            add(archive, name, tarfile.REGTYPE, 0o644, io.BytesIO(value.encode()), len(value))
        else:
            with value.open("rb") as file:
                add(archive, name, tarfile.REGTYPE, 0o755, file, value.stat().st_size)


def add(archive, name, kind, mode, file=None, size=0, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    archive.addfile(info, file)
