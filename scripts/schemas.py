#!/usr/bin/env python3
"""Extracts what each kind of object may hold into schemas/, stripped of all prose.

Reads the Go module cache of a machine with the test bed (`go mod download <module>@<version>` puts a missing module there) and needs
PyYAML. Writes one file a kind and version, and index.tsv. Run it from anywhere: scripts/schemas.py
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

GATEWAY = "github.com/envoyproxy/gateway@v1.9.1"
KEDA = "github.com/kedacore/keda/v2@v2.21.0"
CERT_MANAGER = "github.com/cert-manager/cert-manager@v1.21.2"
KUBERNETES = "k8s.io/kubernetes@v1.34.4"

# where custom resource definitions lie: module, files, name of the source
CRDS = [
    (GATEWAY, "charts/gateway-helm/charts/crds/crds/gatewayapi-crds.yaml", "Gateway API 1.6.1"),
    (GATEWAY, "charts/gateway-helm/charts/crds/crds/generated/*.yaml", "Envoy Gateway 1.9.1"),
    (KEDA, "config/crd/bases/*.yaml", "KEDA 2.21.0"),
    (CERT_MANAGER, "deploy/crds/*.yaml", "cert-manager 1.21.2"),
]
BUILT_IN = "Kubernetes 1.34"
GROUPS = [
    ("core", "v1", "api__v1"),
    ("admissionregistration.k8s.io", "v1", None),
    ("apiextensions.k8s.io", "v1", None),
    ("apiregistration.k8s.io", "v1", None),
    ("apps", "v1", None),
    ("autoscaling", "v1", None),
    ("autoscaling", "v2", None),
    ("batch", "v1", None),
    ("coordination.k8s.io", "v1", None),
    ("discovery.k8s.io", "v1", None),
    ("networking.k8s.io", "v1", None),
    ("policy", "v1", None),
    ("rbac.authorization.k8s.io", "v1", None),
    ("scheduling.k8s.io", "v1", None),
    ("storage.k8s.io", "v1", None),
]

KEPT = {
    "type", "enum", "default", "format", "pattern", "required", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
}  # fmt: skip
RULE_KEYS = {"rule", "message"}
DROPPED = {
    "description", "example", "title", "externalDocs", "x-kubernetes-map-type",
    "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key", "x-kubernetes-group-version-kind", "x-kubernetes-unions",
}  # fmt: skip

# fields that the published OpenAPI calls required and the API server does not ask for: their zero value is valid, or it has a default
NOT_REQUIRED = {
    "HTTPHeader": {"value"}, "Sysctl": {"value"}, "RoleRef": {"apiGroup"}, "ControllerRevision": {"revision"},
    "EndpointSlice": {"endpoints"}, "PriorityClass": {"value"}, "Event": {"metadata"}, "LimitRangeSpec": {"limits"},
    "ISCSIVolumeSource": {"lun"}, "ISCSIPersistentVolumeSource": {"lun"}, "CSINodeSpec": {"drivers"}, "CSIDriver": {"spec"},
    "CustomResourceDefinitionVersion": {"served", "storage"}, "CustomResourceConversion": {"strategy"},
    "PersistentVolumeClaimTemplate": {"spec"}, "PreferredSchedulingTerm": {"preference"},
}  # fmt: skip


def strip(schema):
    """The schema without prose; any key that is not known here ends the run, so that none is lost unseen."""
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: strip(inner) for name, inner in value.items()}
        elif key in ("items", "not") or (key == "additionalProperties" and isinstance(value, dict)):
            out[key] = strip(value)
        elif key in ("allOf", "anyOf", "oneOf"):
            out[key] = [strip(inner) for inner in value]
        elif key == "x-kubernetes-validations":
            if any(set(rule) - RULE_KEYS for rule in value):
                sys.exit(f"a rule with keys that are not known: {value}")
            out[key] = value
        elif key == "$ref":
            out[key] = "#/$defs/" + value.rsplit("/", 1)[1]
        elif key in KEPT:
            out[key] = value
        elif key not in DROPPED:
            sys.exit(f"unknown key in a schema: {key}")
    if out.get("x-kubernetes-int-or-string"):
        for key in ("anyOf", "type"):  # says the same again
            out.pop(key, None)
    return out


def built_in(schema):
    """A built-in schema in the words of custom ones: plain references, IntOrString and Quantity marked as such."""
    if isinstance(schema, list):
        return [built_in(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: built_in(value) for key, value in schema.items()}
    all_of = out.get("allOf")
    if isinstance(all_of, list) and len(all_of) == 1 and "$ref" in all_of[0]:
        out = {"$ref": all_of[0]["$ref"]}
    if out.get("format") == "int-or-string":
        out = {"x-kubernetes-int-or-string": True}
    if out.get("default") in ({}, ""):
        del out["default"]
    if set(out) <= {"type", "default"} and out.get("type", "object") == "object":
        out["x-kubernetes-preserve-unknown-fields"] = True
    return out


def definition(name, schema):
    """One definition of the published OpenAPI in our words."""
    kind = name.rsplit(".", 1)[1]
    if kind == "Quantity":
        return {"x-kubernetes-int-or-string": True, "format": "quantity"}
    out = built_in(strip(schema))
    required = [field for field in out.get("required", []) if field not in NOT_REQUIRED.get(kind, ())]
    if "required" in out:
        out["required"] = required
    return out


def object_meta(cache):
    """What every object's metadata may hold, and what that refers to."""
    text = (cache / KUBERNETES / "api/openapi-spec/v3/api__v1_openapi.json").read_text()
    home = "io.k8s.apimachinery.pkg.apis.meta.v1."
    names = ("ObjectMeta", "ManagedFieldsEntry", "OwnerReference", "Time", "FieldsV1")
    schemas = json.loads(text)["components"]["schemas"]
    found = json.dumps({short(home + name): definition(home + name, schemas[home + name]) for name in names})
    return json.loads(found.replace(f"$defs/{home}", f"$defs/{short(home)}"))


def enums(module):
    """The values of enumerated fields, which the published OpenAPI leaves out: {definition: {field: [values]}}."""
    found, definition, field = {}, None, None
    source = module / "pkg/generated/openapi/zz_generated.openapi.go"
    for line in source.read_text().splitlines():
        if match := re.match(r"^func schema_(\w+)\(", line):
            definition, field = match[1], None
        elif match := re.match(r'^\t{5}"(\w+)": \{$', line):
            field = match[1]
        elif match := re.match(r"^\t+Enum:\s+\[\]interface\{\}\{(.*)\},$", line):
            found.setdefault(definition, {})[field] = json.loads(f"[{match[1]}]")
    return found


def definition_key(name):
    """io.k8s.api.core.v1.ServiceSpec as the generated Go code calls it."""
    home, version, kind = name.rsplit(".", 2)
    home = home.removeprefix("io.k8s.api.")
    if home.startswith("io.k8s."):
        return None
    return f"k8sio_api_{home}_{version}_{kind}"


def references(schema, found):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            found.add(schema["$ref"].rsplit("/", 1)[1])
        for value in schema.values():
            references(value, found)
    elif isinstance(schema, list):
        for value in schema:
            references(value, found)
    return found


def short(name):
    return name.removeprefix("io.k8s.api.").removeprefix("io.k8s.apimachinery.pkg.").replace("io.k8s.", "")


def write_built_in(cache, out, index):
    module = cache / KUBERNETES
    values = enums(module)
    used = set()
    for group, version, file in GROUPS:
        file = file or f"apis__{group}__{version}"
        spec = json.loads((module / f"api/openapi-spec/v3/{file}_openapi.json").read_text())
        all_schemas = spec["components"]["schemas"]
        home = f"/apis/{group}/{version}/" if group != "core" else "/api/v1/"
        for path, verbs in spec["paths"].items():
            post = verbs.get("post", {}).get("x-kubernetes-group-version-kind")
            rest = path.removeprefix(home)
            rest = rest.removeprefix("namespaces/{namespace}/")
            if not post or "/" in rest or "{" in rest or post["kind"] in ("Binding",):
                continue
            kind, namespaced = post["kind"], "namespaces/{namespace}/" in path
            if any(row[:3] == (group, version, kind) for row in index):
                continue
            wanted = {"group": "" if group == "core" else group, "version": version, "kind": kind}
            [root] = [n for n, s in all_schemas.items() if s.get("x-kubernetes-group-version-kind") == [wanted]]
            todo, defs = [root], {}
            while todo:
                name = todo.pop()
                if name in defs:
                    continue
                schema = definition(name, all_schemas[name])
                for field, choices in values.get(definition_key(name) or "", {}).items():
                    used.add((name, field))
                    place = schema["properties"][field]
                    (place["items"] if place.get("type") == "array" else place)["enum"] = choices
                defs[name] = schema
                todo += references(schema, set())
            text = json.dumps(defs[root] | {"$defs": {n: s for n, s in sorted(defs.items()) if n != root}})
            for name in defs:
                text = text.replace(f'"{name}"', f'"{short(name)}"').replace(f'defs/{name}"', f'defs/{short(name)}"')
            schema = json.loads(text)
            if not schema["$defs"]:
                del schema["$defs"]
            write(out, group, version, kind, schema)
            status = "status" if "status" in schema.get("properties", {}) else ""
            index.append((group, version, kind, rest, "Namespaced" if namespaced else "Cluster", BUILT_IN, "storage", status))
    print(f"{len(used)} enumerated fields of built-in kinds")


def write_crds(cache, out, index):
    meta = object_meta(cache)
    for module, pattern, source in CRDS:
        for file in sorted((cache / module).glob(pattern)):
            for crd in yaml.load_all(file.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                if not crd or crd.get("kind") != "CustomResourceDefinition":
                    continue
                spec = crd["spec"]
                for version in spec["versions"]:
                    if not version["served"]:
                        continue
                    schema = strip(version["schema"]["openAPIV3Schema"])
                    # a definition may narrow metadata, never widen it
                    schema["properties"]["metadata"] = {"$ref": "#/$defs/apis.meta.v1.ObjectMeta"} | schema["properties"]["metadata"]
                    write(out, spec["group"], version["name"], spec["names"]["kind"], schema | {"$defs": meta})
                    stored = "storage" if version["storage"] else "deprecated" if version.get("deprecated") else "served"
                    status = "status" if "status" in version.get("subresources", {}) else ""
                    names = spec["names"]
                    row = (spec["group"], version["name"], names["kind"], names["plural"], spec["scope"], source, stored, status)
                    index.append(row)


def write(out, group, version, kind, schema):
    path = out / group / version / f"{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


def main():
    go = shutil.which("go") or "/usr/local/go/bin/go"
    cache = os.environ.get("GOMODCACHE") or subprocess.run([go, "env", "GOMODCACHE"], check=True, capture_output=True, text=True).stdout
    cache = pathlib.Path(cache.strip())
    missing = [m for m in (GATEWAY, KEDA, CERT_MANAGER, KUBERNETES) if not (cache / m).is_dir()]
    if missing:
        sys.exit("not in the Go module cache; fetch with: " + "; ".join(f"go mod download {m}" for m in missing))
    out = pathlib.Path(__file__).resolve().parent.parent / "schemas"
    for folder in out.glob("*/"):
        shutil.rmtree(folder)
    index = []
    write_crds(cache, out, index)
    write_built_in(cache, out, index)
    rows = ["\t".join(("# group", "version", "kind", "plural", "scope", "source", "state", "status"))]
    rows += ["\t".join(row) for row in sorted(index)]
    (out / "index.tsv").write_text("\n".join(rows) + "\n")
    print(f"{len(index)} kinds")


main()
