# SPDX-License-Identifier: MIT
"""What the rounds of a benchmark showed: one table, one JSON file."""

import collections
import json
import statistics

Target = collections.namedtuple("Target", "least most", defaults=(None, None))

# (run, of what, figure): the goals for two cores with everything on them.
TARGETS = {
    ("row", "512 B, 64 connections", "of bare"): Target(least=0.65),
    ("row", "512 B, 256 connections", "of bare"): Target(least=0.70),
    ("row", "512 B, 64 connections, bundles", "of bare"): Target(least=1.0),
    ("row", "512 B, 256 connections, bundles", "of bare"): Target(least=1.1),
    ("row", "512 B, 64 connections", "gateway, us of CPU"): Target(most=30),
    ("row", "512 B, 64 connections", "worker, us of CPU"): Target(most=6),
    ("row", "512 B, half load", "received to committed, p99 ms"): Target(most=50),
    ("accept", "256 connections", "of bare"): Target(least=0.65),
    ("accept", "256 connections, bundles", "of bare"): Target(least=1.0),
    ("drain", "one worker", "of bare"): Target(least=0.95),
}


def verdict(target, value):
    """(what is wanted, whether it is so) in words; empty without a target."""
    if target is None:
        return "", ""
    if target.least is not None:
        return f">= {target.least:g}", "met" if value >= target.least else "missed"
    return f"<= {target.most:g}", "met" if value <= target.most else "missed"


class Results:
    def __init__(self):
        self.seen = {}  # (run, of, figure): values

    def add(self, run, of, figures):
        """One round's figures: {name: value}."""
        for name, value in figures.items():
            self.seen.setdefault((run, of, name), []).append(value)

    def median(self, run, of, figure):
        return statistics.median(self.seen[run, of, figure])

    def rows(self):
        """Ordered by when something was first measured of it."""
        order = list(dict.fromkeys(key[:2] for key in self.seen))
        for (run, of, figure), values in sorted(self.seen.items(), key=lambda item: order.index(item[0][:2])):
            median = statistics.median(values)
            wanted, so = verdict(TARGETS.get((run, of, figure)), median)
            yield {"run": run, "of": of, "figure": figure, "rounds": values, "median": median, "least": min(values),
                   "most": max(values), "target": wanted, "verdict": so}

    def table(self):
        lines = ["| run | of | figure | median | least-most | target | |", "|---|---|---|---|---|---|---|"]
        for row in self.rows():
            lines.append(f"| {row['run']} | {row['of']} | {row['figure']} | {short(row['median'])} | {short(row['least'])}-"
                         f"{short(row['most'])} | {row['target']} | {row['verdict']} |")
        return "\n".join(lines)

    def write(self, path, about):
        path.write_text(json.dumps({**about, "results": list(self.rows())}, indent=1) + "\n", encoding="ascii")


def short(value):
    """Three digits, and no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
