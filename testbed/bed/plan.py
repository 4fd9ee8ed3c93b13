"""The graph of steps of a catalog, and the hash of what each depends on."""

from .inputs import digest
from .recipes import chart, debian, golang, image, node, wheel
from .registry import push_chart, push_image, push_node
from .schedule import order


def steps(catalog, work, registry):
    """Every step, in the list's order as far as needs allow."""
    result = [golang.fetch(catalog, m) for m in catalog.modules.values()]
    for component in catalog.components:
        result += of_component(catalog, work, registry, component)
    return order(result)


def of_component(catalog, work, registry, component):
    match component.recipe:
        case "go":
            yield golang.build(catalog, work, component)
        case "wheel":
            yield wheel.build(work, component)
        case "debian":
            yield debian.build(work, component)
        case "node":
            yield node.build(catalog, work, component)
            yield push_node(registry, component, catalog.node_image)
    if component.image:
        yield image.build(work, component)
        yield push_image(registry, component)
    if component.chart:
        yield chart.build(catalog, work, component)
        yield push_chart(registry, component, chart.archive(work, component.chart))


def hashes(ordered):
    """{id: hash}: of a step's own inputs and, through its needs, of theirs."""
    result = {}
    for step in ordered:
        result[step.id] = digest(step.id, *step.parts, {n: result[n] for n in step.needs})
    return result
