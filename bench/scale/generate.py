#!/usr/bin/env python3
"""Writes a stack of many small components: generate.py COUNT FOLDER.

Each component is a ConfigMap and a ServiceAccount; every tenth also a Service and a Deployment without replicas, so that there is something to
become ready.
Components stand in about as many layers as a layer is wide; each needs one to three of the layer below, one in two until it is ready, the others until it
is applied. The same count gives the same stack.
"""

import math
import pathlib
import random
import sys


def needs(count):
    """Of each component its number and what it needs."""
    random_ = random.Random(count)
    width = max(1, round(math.sqrt(count)))
    for number in range(count):
        below = range(max(0, number // width * width - width), number // width * width)
        chosen = sorted(random_.sample(below, min(len(below), random_.randint(1, 3))))
        yield number, [f"part-{one}" + random_.choice(["", ":applied"]) for one in chosen]


def objects(name, namespace, deployed):
    yield f"""apiVersion: v1
kind: ConfigMap
metadata: {{ name: {name}, namespace: {namespace} }}
data: {{ mode: test, owner: bench, text: "settings of {name}" }}
"""
    yield f"""apiVersion: v1
kind: ServiceAccount
metadata: {{ name: {name}, namespace: {namespace} }}
automountServiceAccountToken: false
"""
    if deployed:
        yield f"""apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  selector: {{ app.kubernetes.io/name: {name} }}
  ports: [{{ name: http, port: 80, targetPort: 8080 }}]
"""
        yield f"""apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  replicas: 0
  selector: {{ matchLabels: {{ app.kubernetes.io/name: {name} }} }}
  template:
    metadata: {{ labels: {{ app.kubernetes.io/name: {name} }} }}
    spec:
      containers:
        - name: main
          image: localhost/nothing:1
          resources: {{ requests: {{ cpu: 10m, memory: 16Mi }}, limits: {{ memory: 32Mi }} }}
"""


def write(count, folder):
    folder, name = pathlib.Path(folder), f"scale-{count}"
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "namespace.yaml").write_text(f"apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n")
    lines = [
        "apiVersion: tstack.dev/v1alpha1", "kind: Stack", f"metadata: {{ name: {name} }}", "components:",
        "  - name: namespace", "    manifests: { files: [namespace.yaml] }",
    ]
    for number, below in needs(count):
        part = f"part-{number}"
        (folder / f"parts/{part}.yaml").write_text("---\n".join(objects(part, name, number % 10 == 0)))
        lines += [f"  - name: {part}", f"    needs: [{', '.join(['namespace:applied', *below])}]", f"    manifests: {{ files: [parts/{part}.yaml] }}"]
    (folder / "stack.yaml").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write(int(sys.argv[1]), sys.argv[2])
