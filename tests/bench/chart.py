"""Chart: bars in panels, as an SVG that reads well on light and on dark pages and needs nothing from elsewhere."""

from dataclasses import dataclass
from html import escape

WIDTH, MARGIN, GAP = 880, 24, 32
PANEL = (WIDTH - 2 * MARGIN - GAP) / 2
LABEL, FIGURE = 122, 68  # beside a bar: its name at the left, its figure at the right
TOP, HEAD, ROW, BAR, BELOW, FOOT = 64, 46, 22, 14, 28, 32
DIGIT = 8  # no figure is wider for each of its characters

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .page { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-size: 18px; font-weight: 600 }
  .head { font-size: 14px; font-weight: 600 }
  .soft { fill: #59636e; font-size: 12px }
  .own { font-weight: 600 }
  .bar { fill: #aeb8c2 }
  .bar.own { fill: #0969da }
  .axis { stroke: #d1d9e0 }
  .ideal { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .page { fill: #0d1117; stroke: #3d444d }
    .soft { fill: #9198a1 }
    .bar { fill: #565f6b }
    .bar.own { fill: #4493f8 }
    .axis { stroke: #3d444d }
    .ideal { stroke: #9198a1 }
  }
"""


@dataclass
class Row:
    label: str
    value: float  # below 0: beyond what was measured, the bar goes to the end
    text: str
    is_own: bool


@dataclass
class Panel:
    title: str
    what: str
    rows: list  # in the order in which they are drawn
    unit: str
    ideal: float = None  # marked with a line


def text(x, y, words, style="", anchor="start"):
    classes = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{classes}>{escape(words)}</text>'


def draw_panel(panel, x, y):
    yield text(x, y + 14, panel.title, "head")
    yield text(x, y + 32, f"{panel.what}; {panel.unit}", "soft")
    longest = max([row.value for row in panel.rows] + [panel.ideal or 0, 1e-9])
    left, top, room = x + LABEL, y + HEAD, PANEL - LABEL - FIGURE
    ideal = left + room * panel.ideal / longest if panel.ideal else 0
    for index, row in enumerate(panel.rows):
        middle = top + index * ROW + ROW / 2
        width = room if row.value < 0 else max(1.0, room * row.value / longest)
        own = " own" if row.is_own else ""
        yield text(left - 8, middle + 4.5, row.label, own.strip(), "end")
        yield f'<rect class="bar{own}" x="{left:.1f}" y="{middle - BAR / 2:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        end = left + width
        if end < ideal < end + 6 + DIGIT * len(row.text):
            end = ideal  # the line would go through the figure
        yield text(end + 6, middle + 4.5, row.text, own.strip())
    bottom = top + len(panel.rows) * ROW
    yield f'<line class="axis" x1="{left:.1f}" y1="{top}" x2="{left:.1f}" y2="{bottom}"/>'
    if panel.ideal:
        yield f'<line class="ideal" x1="{ideal:.1f}" y1="{top}" x2="{ideal:.1f}" y2="{bottom + 4}"/>'
        yield text(ideal, bottom + 17, f"ideal {panel.ideal:,.0f}", "soft", "middle")


def draw(panels, what, source):
    """Two panels beside each other, as many such lines as it takes; source is where the figures come from. Returns: the SVG."""
    body, y = [], TOP
    for first in range(0, len(panels), 2):
        pair = panels[first : first + 2]
        for column, panel in enumerate(pair):
            body += draw_panel(panel, MARGIN + column * (PANEL + GAP), y)
        y += HEAD + ROW * max(len(panel.rows) for panel in pair) + BELOW
    body.append(text(MARGIN, y + 14, source, "soft"))
    y += FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">',
        "<title>Requests per second, path by path</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{y - 1}" rx="6"/>',
        text(MARGIN, 34, "Requests per second", "title"),
        text(WIDTH - MARGIN, 34, what, "soft", "end"),
        *body,
        "</svg>",
        "",
    ])  # fmt: skip
