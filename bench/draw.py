#!/usr/bin/env python3
"""Draws the plots of docs/benchmarks.md and writes its tables, from the newest raw results alone: text and figures cannot drift apart.

    draw.py            docs/img/bench-*.svg, and what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`
"""

import contextlib
import importlib.util
import io
import pathlib
import re
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kit import machine, results, svg  # noqa: E402

IMAGES = machine.ROOT / "docs/img"
PAGE = machine.ROOT / "docs/benchmarks.md"


def part(name):
    """A measurement's own module; each shows its figures in its own way."""
    sys.path.insert(0, str(HERE / name))
    spec = importlib.util.spec_from_file_location(f"bench_{name}", HERE / name / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.pop(0)
    return module


def shown(module, data):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        module.show(data)
    return text.getvalue().strip()


def where(data):
    return "\n".join(f"> {line}" for line in machine.told(data["machine"]).splitlines()) + f"\n> {data['when']}, load average {data['loadBefore'][0]:.1f} before, {data['loadAfter'][0]:.1f} after"


def draw_up(data, module):
    good = module.figures(data)
    rows = [(what, [one["seconds"] for one in good[letter]], what.startswith("tstack ")) for letter, (what, *_) in module.SUBJECTS.items() if good[letter]]
    again = [(f"after {what}", [one["noop"] for one in good[letter] if "noop" in one], what.startswith("tstack ")) for letter, (what, *_) in module.SUBJECTS.items()]
    again = [row for row in again if row[1]]
    down = [(what, [one["down"] for one in good[letter] if "down" in one], what.startswith("tstack ")) for letter, (what, *_) in module.SUBJECTS.items() if letter in "acd"]
    down = [row for row in down if row[1]]
    height = 60 + sum(54 + 26 * len(group) for group in (rows, again, down) if group)
    plot = svg.Svg(780, height, "From no cluster to all checks passed")
    y = svg.bars(plot, 10, 6, 760, rows, 270, "From no cluster to all checks passed", "s")
    if again:
        y = svg.bars(plot, 10, y, 760, again, 270, "Once more, with nothing to do (helmfile sync, tstack up)", "s")
    if down:
        svg.bars(plot, 10, y, 760, down, 270, "All gone again (kind delete cluster, tstack down)", "s")
    plot.write(IMAGES / "bench-up.svg")


def draw_path(data, module):
    names = [name for name in module.PATHS if any(one["path"] == name for one in data["rounds"])]
    plots = [("sixteen", "perSecond", "Requests a second, 16 kept-alive connections", "/s"), ("new", "perSecond", "New connections a second", "/s"),
             ("sixteen", "p99ms", "Slowest of a hundred answers, 16 connections", "ms"), ("large", "mibPerSecond", "Answers of 600 KB, 4 connections", "MiB/s")]
    groups = []
    for load, key, title, unit in plots:
        rows = [(module.PATHS[name], [one[load][key] for one in data["rounds"] if one["path"] == name and load in one], name in ("mapped", "forwarder")) for name in names]
        groups.append(([row for row in rows if row[1]], title, unit))
    groups = [group for group in groups if group[0]]
    plot, y = svg.Svg(780, 20 + sum(54 + 26 * len(rows) for rows, *_ in groups), "The path from localhost"), 6
    for rows, title, unit in groups:
        y = svg.bars(plot, 10, y, 760, rows, 270, title, unit)
    plot.write(IMAGES / "bench-path.svg")


def draw_scale(data, _):
    sizes = sorted({one["size"] for one in data["rounds"]})
    plot = svg.Svg(780, 420, "Cost by the number of components")
    plots = [("up", 1, "up", "s", None), ("noop", 1, "up with nothing to do", "s", None), ("decided", 1000, "deciding the plan", "ms", 50), ("upPeakMiB", 1, "most memory in up", "MiB", 50)]
    for number, (key, factor, title, unit, goal) in enumerate(plots):
        points = [(size, [(one[key] or 0) * factor for one in data["rounds"] if one["size"] == size]) for size in sizes]
        svg.curve(plot, 10 + 385 * (number % 2), 6 + 210 * (number // 2), 375, 200, points, title, unit, goal)
    plot.write(IMAGES / "bench-scale.svg")


def draw_start(data, _):
    ms = sorted(data["version"]["ms"])
    plot = svg.Svg(780, 84, "Start of tstack")
    svg.bars(plot, 10, 6, 760, [("tstack --version", [statistics.median(ms), ms[0], ms[int(len(ms) * 0.95)]], True)], 270, "Start (median; dots: fastest, median, 95 %)", "ms")
    plot.write(IMAGES / "bench-start.svg")


def main():
    page = PAGE.read_text()
    for name, draw in {"up": draw_up, "path": draw_path, "start": draw_start, "scale": draw_scale}.items():
        data = results.latest(name)
        if not data:
            continue
        module = part(name)
        draw(data, module)
        text = f"<!-- bench:{name} -->\n{where(data)}\n\n{shown(module, data)}\n<!-- /bench:{name} -->"
        page, count = re.subn(rf"<!-- bench:{name} -->.*?<!-- /bench:{name} -->", lambda _: text, page, flags=re.S)
        if not count:
            raise SystemExit(f"{PAGE} has no place for bench:{name}")
        print(f"docs/img/bench-{name}.svg and its table, from {data['when']}")
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
