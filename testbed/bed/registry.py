"""The local registry: Debian's docker-registry on a loopback address.

Every image has its upstream path, with the host dropped, and its upstream tag;
a tag names an index of one platform, as upstream's tags do."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .errors import BedError, StepError
from .recipes.image import INDEX, MANIFEST
from .schedule import Step


class Registry:
    def __init__(self, work, address):
        self.work, self.address = work, address
        self.pid_file = work.root / "registry.pid"

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def answers(self):
        try:
            return self.request("GET", "/v2/").status == 200
        except OSError:
            return False

    def pid(self):
        """The process that we started, if it is alive and still a registry."""
        try:
            pid = int(self.pid_file.read_text())
            return pid if b"docker-registry" in Path(f"/proc/{pid}/cmdline").read_bytes() else None
        except (FileNotFoundError, ValueError):
            return None

    def start(self):
        if self.pid() and self.answers():
            return
        if self.answers():
            raise BedError(f"another registry answers on {self.address}: stop it first")
        config, log = self.work.root / "registry.json", self.work.logs / "registry.log"
        config.write_text(json.dumps({  # JSON is YAML
            "version": "0.1", "log": {"level": "warn"}, "http": {"addr": self.address},
            "storage": {"filesystem": {"rootdirectory": str(self.work.registry)}, "delete": {"enabled": True}},
        }))
        with log.open("ab") as out:
            process = subprocess.Popen(["docker-registry", "serve", config], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.pid_file.write_text(f"{process.pid}\n")
        end = time.monotonic() + 20
        while not self.answers():
            if process.poll() is not None or time.monotonic() > end:
                raise BedError(f"the registry does not start, see {log}")
            time.sleep(0.05)

    def stop(self):
        """Ends the registry that we started. Returns its pid, or None."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
        self.pid_file.unlink(missing_ok=True)
        return pid

    def check(self, method, path, body=None, headers=None):
        answer = self.request(method, path, body, headers)
        if answer.status >= 300:
            raise StepError(f"registry: {method} {path} was answered {answer.status}")
        return answer

    def push(self, layout, path, tag):
        """Puts an OCI layout of one image there, under a tag."""
        index = json.loads((layout / "index.json").read_text())
        blobs = layout / "blobs" / "sha256"
        for descriptor in index["manifests"]:
            manifest = (blobs / descriptor["digest"].removeprefix("sha256:")).read_bytes()
            parsed = json.loads(manifest)
            for blob in (parsed["config"], *parsed["layers"]):
                self.push_blob(path, blobs / blob["digest"].removeprefix("sha256:"), blob["digest"])
            self.check("PUT", f"/v2/{path}/manifests/{descriptor['digest']}", manifest, {"Content-Type": MANIFEST})
        self.check("PUT", f"/v2/{path}/manifests/{tag}", json.dumps(index), {"Content-Type": INDEX})

    def push_blob(self, path, file, digest):
        if self.request("HEAD", f"/v2/{path}/blobs/{digest}").status == 200:
            return
        upload = self.check("POST", f"/v2/{path}/blobs/uploads/").getheader("Location").split(self.address, 1)[1]
        with file.open("rb") as data:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
            self.check("PUT", f"{upload}{'&' if '?' in upload else '?'}digest={digest}", data, headers)

    def tag_file(self, path, tag):
        """Where the registry keeps a tag: a step's result that can be looked at."""
        return self.work.registry / "docker/registry/v2/repositories" / path / "_manifests/tags" / tag / "current/link"


def without_host(image):
    """(path, tag) of an upstream image name."""
    path, tag = image.split("/", 1)[1].rsplit(":", 1)
    return path, tag


def push_image(registry, component):
    path, tag = without_host(component.image["name"])
    return Step("push", component.name, "pack", lambda job: registry.push(registry.work.images / component.name, path, tag),
                (path, tag), needs=[f"image.{component.name}"], outputs=[registry.tag_file(path, tag)])


def push_chart(registry, component, archive):
    chart = component.chart
    folder, argv = Path(chart["name"]).parent, [registry.work.bin / "helm", "push", "--plain-http", archive]
    return Step("push-chart", component.name, "pack", lambda job: job.run(*argv, f"oci://{registry.address}/{folder}"),
                (chart["name"], chart["version"]), needs=[f"chart.{component.name}"], outputs=[registry.tag_file(chart["name"], chart["version"])])


def push_node(registry, component, image):
    path, tag = without_host(image)
    local = f"{registry.address}/{path}:{tag}"

    def action(job):
        job.run("docker", "tag", image, local)
        job.run("docker", "push", "-q", local)
        job.run("docker", "rmi", local)

    return Step("push", component.name, "pack", action, (image,), needs=[f"build.{component.name}"], outputs=[registry.tag_file(path, tag)])
