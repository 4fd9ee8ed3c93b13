#!/usr/bin/env python3
"""Makes a chart of `kubectl kustomize config/default` of KEDA, with the value
names of KEDA's published chart.

usage: wrap.py FOLDER VERSION      FOLDER holds rendered.yaml and gets the chart"""

import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).parent
# Deployment name -> (key of its image, of its probes, of its resources)
KEYS = {
    "keda-operator": ("keda", "operator", "operator"),
    "keda-metrics-apiserver": ("metricsApiServer", "metricsServer", "metricServer"),
    "keda-admission": ("webhooks", "webhooks", "webhooks"),
}


def deployment(text):
    """The Deployment with image, probes and resources taken from the values."""
    image, probes, resources = KEYS[re.search(r"^  name: (\S+)", text, re.M).group(1)]
    i = f".Values.image.{image}"
    name = "{{ %s.registry }}/{{ %s.repository }}:{{ %s.tag | default .Chart.AppVersion }}" % (i, i, i)
    text = re.sub(r"image: \S+", lambda _: f"image: '{name}'", text)
    text = re.sub(r"imagePullPolicy: \S+", "imagePullPolicy: '{{ .Values.image.pullPolicy }}'", text)
    for kind in ("liveness", "readiness"):
        value = f".Values.{probes}.{kind}Probe"
        delay = r"\1initialDelaySeconds: {{ %s.initialDelaySeconds }}" % value
        if kind == "readiness":
            delay += r"\n          periodSeconds: {{ %s.periodSeconds }}" % value
        text = re.sub(r"(%sProbe:\n(?:          .*\n)*?          )initialDelaySeconds: \d+" % kind, delay, text)
    limits = "        resources: {{ toJson .Values.resources.%s }}\n" % resources
    return re.sub(r"        resources:\n(?:          .*\n)+", lambda _: limits, text)


def template(doc, kind):
    """One manifest as a template: its braces are text, its namespace the release's."""
    doc = doc.replace("{{", "\0").replace("\0", '{{ "{{" }}').rstrip("\n") + "\n"
    if kind == "Deployment":
        doc = deployment(doc)
    return doc.replace("namespace: keda\n", "namespace: {{ .Release.Namespace }}\n")


def main(folder, version):
    chart = pathlib.Path(folder)
    definitions, rest = [], []
    for doc in re.split(r"^---\n", (chart / "rendered.yaml").read_text(), flags=re.M):
        kind = re.search(r"^kind: (\S+)", doc, re.M)
        if kind and kind.group(1) != "Namespace":
            crd = kind.group(1) == "CustomResourceDefinition"
            (definitions if crd else rest).append(template(doc, kind.group(1)))
    (chart / "rendered.yaml").unlink()
    (chart / "templates").mkdir()
    (chart / "templates/crds.yaml").write_text("{{- if .Values.crds.install }}\n---\n" + "---\n".join(definitions) + "{{- end }}\n")
    (chart / "templates/keda.yaml").write_text("---\n".join(rest))
    (chart / "Chart.yaml").write_text(
        "apiVersion: v2\nname: keda\ndescription: KEDA's own manifests as a chart\n"
        f"version: {version}\nappVersion: {version}\nkubeVersion: '>=1.23.0-0'\n"
    )
    shutil.copy(HERE / "values.yaml", chart / "values.yaml")


main(*sys.argv[1:])
