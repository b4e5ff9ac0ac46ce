#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Draws the results of `make bench` or `make curves` as SVG: tests/bench/plot.py <build/bench.json >build/bench.svg

One panel for each figure, one line for each run: from its least to its greatest round, a dot at the median, and a bar
across where its target is. A curve has a chart for each figure instead: the medians over a logarithmic axis, a bar from the
least to the greatest round."""

import json
import math
import sys
from xml.sax.saxutils import escape

from results import short

LABELS, PLOT, RIGHT, STEP = 300, 420, 150, 22  # widths, and the height of a line
ACROSS, CHART, HEIGHT, MARGIN = 3, 300, 150, 60  # charts side by side; the width and the height of one, and what is around it
STYLE = "text{font:13px sans-serif;fill:#222}.t{font-weight:bold}.n{font-size:10px}.r{stroke:#4477aa;stroke-width:3}" \
        ".m{fill:#4477aa}.w{stroke:#cc3311;stroke-width:2}.a{stroke:#bbb}.c{stroke:#4477aa;fill:none}"


def wanted(row):
    """Where the target is; None without one."""
    return float(row["target"].split()[1]) if row["target"] else None


def panel(figure, rows, top):
    """The lines of one figure, whose axis has 0; all have the same unit."""
    begin = min([0] + [row["least"] for row in rows])
    end = max([row["most"] for row in rows] + [wanted(row) or 0 for row in rows] + [0])

    def x(value):
        return LABELS + PLOT * (value - begin) / ((end - begin) or 1)

    yield f'<text class="t" x="8" y="{top}">{escape(figure)}</text>'
    for number, row in enumerate(rows, 1):
        y = top + number * STEP
        yield f'<text x="20" y="{y}">{escape(row["run"])}: {escape(row["of"])}</text>'
        yield f'<line class="a" x1="{LABELS}" x2="{LABELS + PLOT}" y1="{y - 4}" y2="{y - 4}"/>'
        yield f'<line class="r" x1="{x(row["least"]):.1f}" x2="{x(row["most"]):.1f}" y1="{y - 4}" y2="{y - 4}"/>'
        yield f'<circle class="m" r="5" cx="{x(row["median"]):.1f}" cy="{y - 4}"/>'
        told = short(row["median"])
        if row["target"]:
            told += f" (target {row['target']})"
            yield f'<line class="w" x1="{x(wanted(row)):.1f}" x2="{x(wanted(row)):.1f}" y1="{y - 12}" y2="{y + 4}"/>'
        yield f'<text x="{LABELS + PLOT + 10}" y="{y}">{escape(told)}</text>'


def chart(figure, rows, left, top):
    """One figure of a curve, whose upper left corner is there. The lower axis begins at the first point, the other one at 0."""
    rows = sorted(rows, key=lambda row: row["at"])
    first, last = math.log(rows[0]["at"]), math.log(rows[-1]["at"])
    end = max([row["most"] for row in rows] + [wanted(row) or 0 for row in rows]) or 1
    bottom = top + HEIGHT

    def x(row):
        return left + (CHART * (math.log(row["at"]) - first) / (last - first) if last > first else CHART / 2)

    def y(value):
        return bottom - (HEIGHT - 34) * value / end

    yield f'<text x="{left}" y="{top}">{escape(figure)}</text>'
    yield f'<line class="a" x1="{left}" x2="{left + CHART}" y1="{bottom}" y2="{bottom}"/>'
    points = " ".join(f"{x(row):.1f},{y(row['median']):.1f}" for row in rows)
    yield f'<polyline class="c" points="{points}"/>'
    for row in rows:
        yield f'<line class="r" x1="{x(row):.1f}" x2="{x(row):.1f}" y1="{y(row["least"]):.1f}" y2="{y(row["most"]):.1f}"/>'
        yield f'<circle class="m" r="4" cx="{x(row):.1f}" cy="{y(row["median"]):.1f}"/>'
        yield f'<text class="n" text-anchor="middle" x="{x(row):.1f}" y="{y(row["most"]) - 8:.1f}">{short(row["median"])}</text>'
        yield f'<text class="n" text-anchor="middle" x="{x(row):.1f}" y="{bottom + 14}">{escape(row["of"])}</text>'
        if row["target"]:
            at = y(wanted(row))
            yield f'<line class="w" x1="{x(row) - 12:.1f}" x2="{x(row) + 12:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'


def draw(results):
    parts, top = [], STEP
    lines, curves = ([row for row in results if ("at" in row) == is_curve] for is_curve in (False, True))
    for figure in dict.fromkeys(row["figure"] for row in lines):
        rows = [row for row in lines if row["figure"] == figure]
        parts += panel(figure, rows, top)
        top += (len(rows) + 2) * STEP
    for run in dict.fromkeys(row["run"] for row in curves):
        parts.append(f'<text class="t" x="8" y="{top}">{escape(run)}</text>')
        figures = list(dict.fromkeys(row["figure"] for row in curves if row["run"] == run))
        for number, figure in enumerate(figures):
            down, across = divmod(number, ACROSS)
            parts += chart(figure, [row for row in curves if (row["run"], row["figure"]) == (run, figure)],
                           MARGIN + across * (CHART + MARGIN), top + STEP + down * (HEIGHT + MARGIN))
        top += 2 * STEP + -(-len(figures) // ACROSS) * (HEIGHT + MARGIN)
    width = max(LABELS + PLOT + RIGHT, MARGIN + ACROSS * (CHART + MARGIN) if curves else 0)
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}">',
                      f"<style>{STYLE}</style>", *parts, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)["results"]))
