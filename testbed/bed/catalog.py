"""The list: components.toml read, its placeholders filled, its mistakes named."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .errors import ListError

RECIPES = {
    "go": {"module", "package"},
    "wheel": {"package", "member", "version"},
    "debian": {"packages", "version"},
    "node": {"programs", "version"},
}
OPTIONAL = {"version", "image", "chart", "node"}
CHART_SOURCES = ("path", "folder", "kustomize")


@dataclass(frozen=True)
class Module:
    """A folder of go/: what to build from, and what the linker writes into it."""

    name: str
    source: str
    version: str
    define: dict
    tags: list


@dataclass(frozen=True)
class Component:
    name: str
    recipe: str
    version: str
    table: dict

    @property
    def image(self):
        return self.table.get("image")

    @property
    def chart(self):
        return self.table.get("chart")

    @property
    def in_node(self):
        return self.table.get("node", False)


@dataclass(frozen=True)
class Catalog:
    registry: str
    node_image: str
    modules: dict
    components: list

    def programs_of(self, module):
        return [c for c in self.components if c.recipe == "go" and c.table["module"] == module]


def fill(value, version):
    """The value with {version} and {bare} replaced in every text below it."""
    if isinstance(value, str):
        return value.replace("{version}", version).replace("{bare}", version.removeprefix("v"))
    if isinstance(value, list):
        return [fill(v, version) for v in value]
    if isinstance(value, dict):
        return {k: fill(v, version) for k, v in value.items()}
    return value


def load(path: Path) -> Catalog:
    with path.open("rb") as file:
        try:
            return parse(tomllib.load(file))
        except tomllib.TOMLDecodeError as error:
            raise ListError(f"{path}: {error}") from error


def parse(data: dict) -> Catalog:
    """The catalog of a parsed list, or a ListError that holds every mistake."""
    problems = []
    modules = {name: read_module(name, table) for name, table in data.get("module", {}).items()}
    components, seen = [], set()
    for table in data.get("component", []):
        name = table.get("name", "(no name)")
        if name in seen:
            problems.append(f"{name}: named twice")
        seen.add(name)
        mistakes = list(check(table, modules))
        problems += [f"{name}: {m}" for m in mistakes]
        if not mistakes:
            components.append(read_component(table, modules))
    programs = {c.name for c in components}
    for c in components:
        problems += [f"{c.name}: needs {p}, which is not in the list" for p in c.table.get("programs", []) if p not in programs]
    if problems:
        raise ListError("components.toml:\n  " + "\n  ".join(problems))
    return Catalog(data["bed"]["registry"], data["bed"]["node_image"], modules, components)


def read_module(name, table):
    version = table.get("version", "")
    return Module(name, table.get("source", ""), version, fill(table.get("define", {}), version), table.get("tags", []))


def read_component(table, modules):
    module = modules.get(table.get("module", ""))
    version = table.get("version") or module.version
    rest = {k: v for k, v in table.items() if k not in ("name", "recipe", "version")}
    return Component(table["name"], table["recipe"], version, fill(rest, version))


def check(table, modules):
    """Yields what is wrong with one component."""
    recipe = table.get("recipe")
    if recipe not in RECIPES:
        yield f"recipe {recipe!r} is none of {', '.join(RECIPES)}"
        return
    keys = set(table) - {"name", "recipe"}
    for key in sorted(RECIPES[recipe] - keys):
        yield f"{key} is missing"
    for key in sorted(keys - RECIPES[recipe] - OPTIONAL):
        yield f"{key} is not a key of recipe {recipe}"
    if "module" in table:
        module = modules.get(table["module"])
        if module is None:
            yield f"module {table['module']} is not in the list"
        elif not (module.version or "version" in table):
            yield "version is missing, here and in the module"
    if table.get("node") and "image" not in table:
        yield "node = true needs an image"
    if "chart" in table and sum(s in table["chart"] for s in CHART_SOURCES) != 1:
        yield f"its chart wants exactly one of {', '.join(CHART_SOURCES)}"


def check_pins(catalog: Catalog, folder: Path):
    """The list and each go.mod must state the same version of the source."""
    for m in catalog.modules.values():
        if m.source and not re.search(rf"^(require)?\s+{re.escape(m.source)} {re.escape(m.version)}$", (folder / m.name / "go.mod").read_text(), re.M):
            raise ListError(f"go/{m.name}/go.mod does not require {m.source} {m.version}, which components.toml names")
