#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Draws the results of `make bench` as SVG: tests/bench/plot.py <build/bench.json >build/bench.svg

One panel for each figure, one line for each run: from its least to its greatest round, a dot at the median, and a bar
across where its target is."""

import json
import sys
from xml.sax.saxutils import escape

from results import short

LABELS, PLOT, RIGHT, STEP = 300, 420, 150, 22  # widths, and the height of a line
STYLE = "text{font:13px sans-serif;fill:#222}.t{font-weight:bold}.r{stroke:#4477aa;stroke-width:3}.m{fill:#4477aa}" \
        ".w{stroke:#cc3311;stroke-width:2}.a{stroke:#bbb}"


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


def draw(results):
    parts, top = [], STEP
    for figure in dict.fromkeys(row["figure"] for row in results):
        rows = [row for row in results if row["figure"] == figure]
        parts += panel(figure, rows, top)
        top += (len(rows) + 2) * STEP
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABELS + PLOT + RIGHT}" height="{top}">',
                      f"<style>{STYLE}</style>", *parts, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)["results"]))
