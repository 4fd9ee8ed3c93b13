"""The stack's own file, for those who do not have tstack: what serial.sh and helmfile install is what it names.

YAML is read by helm, which takes part anyway: a chart of one template prints its values as JSON.
"""

import json
import pathlib
import re
import subprocess
import tempfile

from .machine import ROOT

STACK = ROOT / "stacks/task-api"


def read_yaml(path):
    with tempfile.TemporaryDirectory() as folder:
        chart = pathlib.Path(folder)
        (chart / "templates").mkdir()
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: reader\nversion: 0.0.1\n")
        (chart / "templates/all.yaml").write_text("all: {{ .Values | toJson }}\n")
        done = subprocess.run(["helm", "template", "reader", folder, "--values", str(path)], capture_output=True, text=True, check=True)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("all: "))[5:])


class Stack:
    """The Task API stack with parameters of one's own."""

    def __init__(self, parameters, config):
        self.file = read_yaml(STACK / "stack.yaml")
        self.parameters = {**self.file["parameters"], **parameters}
        settings = read_yaml(config) if config and pathlib.Path(config).exists() else {}
        self.mirrors = settings.get("mirrors") or {}
        self.node_image = (settings.get("set") or {}).get("cluster.image") or self.file["cluster"]["image"]
        self.components = {one["name"]: one for one in self.file["components"]}

    def images(self):
        """What the engine holds and the node needs, but for the Task API's own."""
        return [image for one in self.components.values() for image in one.get("images") or []]

    def charts(self):
        """Of each component with a chart: name, release, namespace, address, version, and whether it is fetched without TLS."""
        for name, one in self.components.items():
            if helm := one.get("helm"):
                host, path = helm["chart"].removeprefix("oci://").split("/", 1)
                mirror = self.mirrors.get(host) or self.mirrors.get("*") or f"https://{host}"
                where = re.sub(r"^https?://", "", mirror).rstrip("/")
                yield {
                    "component": name, "release": helm.get("release", name), "namespace": helm["namespace"], "version": helm["version"],
                    "chart": f"oci://{where}/{path}", "plainHttp": mirror.startswith("http://"), "values": helm.get("values") or {},
                }

    def manifest(self, name, image):
        """A manifest file with the parameters' values and the tag of the Task API's image."""
        text = (STACK / "manifests" / name).read_text()
        # `"${x}"` is a value of x's type as well; a text stays one
        text = re.sub(r'"?\$\{(\w+)\}"?', lambda found: json.dumps(self.parameters[found.group(1)]), text)
        return re.sub(r"^(\s*image:) localhost/task-api\b.*$", rf"\1 {image}", text, flags=re.M)
