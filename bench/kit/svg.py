"""Just enough SVG for the plots of the documents: bars with a dot for each run, and lines. No library, the same bytes for the same figures."""

from xml.sax.saxutils import escape

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 13px } .small { font-size: 11px; fill: #59636e }
.end { text-anchor: end } .mid { text-anchor: middle } .grid { stroke: #d1d9e0; stroke-width: 1 } .other { fill: #afb8c1 } .ours { fill: #2f81f7 }
.dot { fill: #1f2328; fill-opacity: .55 } .line { fill: none; stroke: #2f81f7; stroke-width: 2 } .goal { stroke: #cf222e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d } .other { fill: #656c76 } .dot { fill: #e6edf3 } }
"""


class Svg:
    def __init__(self, width, height, title):
        self.width, self.height, self.title, self.parts = width, height, title, []

    def text(self, x, y, text, look=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{look}">{escape(text)}</text>')

    def rect(self, x, y, width, height, look):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" rx="2" class="{look}"/>')

    def dot(self, x, y, look="dot", radius=2.5):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{look}"/>')

    def line(self, points, look):
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{way}" class="{look}"/>')

    def write(self, path):
        body = "\n".join(self.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" role="img">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n")


def steps(most, count=4):
    """Round figures from nought to about `most`."""
    size = 10 ** len(str(int(most or 1))) / 100
    width = next(size * factor for factor in (1, 2, 2.5, 5, 10, 20, 25, 50, 100, 200) if size * factor * count >= most)
    return [width * number for number in range(count + 1)]


def short(value):
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(svg, x, y, width, rows, label_width, title, unit, bar=16, gap=10):
    """Rows of (label, values, ours): a bar of the median, a dot for each value. Gives the y below it."""
    svg.text(x, y + 12, title, "title")
    top, left, room = y + 24, x + label_width, width - label_width - 62
    most = max(max(values) for _, values, _ in rows)
    marks = steps(most)
    scale = room / marks[-1]
    bottom = top + len(rows) * (bar + gap)
    for mark in marks:
        at = left + mark * scale
        svg.line([(at, top - 2), (at, bottom)], "grid")
        svg.text(at, bottom + 13, short(mark) if mark else "0", "small mid")
    svg.text(left + room + 26, bottom + 13, unit, "small")
    for number, (label, values, ours) in enumerate(rows):
        at = top + number * (bar + gap)
        middle = sorted(values)[len(values) // 2] if len(values) % 2 else sum(sorted(values)[len(values) // 2 - 1:len(values) // 2 + 1]) / 2
        svg.text(left - 8, at + bar - 4, label, "end")
        svg.rect(left, at, middle * scale, bar, "ours" if ours else "other")
        for value in values:
            svg.dot(left + value * scale, at + bar / 2)
        svg.text(left + max(max(values), middle) * scale + 6, at + bar - 4, short(middle))
    return bottom + 30


def curve(svg, x, y, width, height, points, title, unit, goal=None):
    """Points of (place, values) on a place axis of their order: a line through the medians, a dot for each value."""
    svg.text(x, y + 12, title, "title")
    left, top, bottom = x + 44, y + 26, y + height - 22
    most = max([max(values) for _, values in points] + ([goal] if goal else []))
    marks = steps(most)
    up = (bottom - top) / marks[-1]
    largest = max(place for place, _ in points)
    at = {place: left + (width - 64) * place / largest for place, _ in points}
    for mark in marks:
        svg.line([(left, bottom - mark * up), (x + width - 12, bottom - mark * up)], "grid")
        svg.text(left - 6, bottom - mark * up + 4, short(mark) if mark else "0", "small end")
    svg.text(x + width - 12, y + 12, unit, "small end")
    if goal:
        svg.line([(left, bottom - goal * up), (x + width - 12, bottom - goal * up)], "goal")
    line = []
    for place, values in points:
        svg.text(at[place], bottom + 16, str(place), "small mid")
        for value in values:
            svg.dot(at[place], bottom - value * up)
        ordered = sorted(values)
        line.append((at[place], bottom - ordered[len(ordered) // 2] * up))
    svg.line(line, "line")
    return y + height
