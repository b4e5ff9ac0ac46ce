# SPDX-License-Identifier: MIT
"""What the rounds of a benchmark showed: one table, one JSON file."""

import collections
import json
import os
import platform
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
    **{(f"workers, {how}{budget}", "50", "rows/s, of the best number's"): Target(least=0.9)
       for how in ("drain", "HTTP to row") for budget in ("", ", budget for all")},
    **{(f"table, {how}", "10,000,000", figure): target
       for how in ("ids close together", "ids at random", "ids at random, after a checkpoint")
       for figure, target in (("worker and Postgres, us of CPU, of 10,000 rows'", Target(most=1.3)),
                              ("rows/s, of 10,000 rows'", Target(least=1 / 1.3)))},
}


def verdict(target, value):
    """(what is wanted, whether it is so) in words; empty without a target."""
    if target is None:
        return "", ""
    if target.least is not None:
        return f">= {target.least:.3g}", "met" if value >= target.least else "missed"
    return f"<= {target.most:.3g}", "met" if value <= target.most else "missed"


class Results:
    def __init__(self):
        self.seen = {}  # (run, of, figure): values
        self.places = {}  # (run, of): where it is on the axis of the run's curve

    def add(self, run, of, figures, at=None):
        """One round's figures: {name: value}. at: if the run is a curve, the number that `of` stands for."""
        if at is not None:
            self.places[run, of] = at
        for name, value in figures.items():
            self.seen.setdefault((run, of, name), []).append(value)

    def median(self, run, of, figure):
        return statistics.median(self.seen[run, of, figure])

    def compare(self, runs, base, figure, name):
        """Adds to each point of these runs what its figure is of that of `base`, a (run, of), in the same round, by this name."""
        for run, of, _ in [key for key in self.seen if key[0] in runs and key[2] == figure]:
            for value, one in zip(self.seen[run, of, figure], self.seen[(*base, figure)], strict=True):
                self.add(run, of, {name: value / one})

    def best(self, runs, figure):
        """The (run, of) of these runs whose median is greatest."""
        points = [key[:2] for key in self.seen if key[0] in runs and key[2] == figure]
        return max(points, key=lambda point: self.median(*point, figure))

    def rows(self):
        """Run by run, each ordered by when something was first measured of it, but a curve by its axis."""
        runs = list(dict.fromkeys(run for run, _, _ in self.seen))
        order = list(dict.fromkeys(key[:2] for key in self.seen))

        def rank(item):
            run, of, _ = item[0]
            return runs.index(run), self.places.get((run, of), 0), order.index((run, of))

        for (run, of, figure), values in sorted(self.seen.items(), key=rank):
            median = statistics.median(values)
            wanted, so = verdict(TARGETS.get((run, of, figure)), median)
            place = {"at": self.places[run, of]} if (run, of) in self.places else {}
            yield {"run": run, "of": of, **place, "figure": figure, "rounds": values, "median": median, "least": min(values),
                   "most": max(values), "target": wanted, "verdict": so}

    def table(self):
        lines = ["| run | of | figure | median | least-most | target | |", "|---|---|---|---|---|---|---|"]
        for row in self.rows():
            lines.append(f"| {row['run']} | {row['of']} | {row['figure']} | {short(row['median'])} | {short(row['least'])}-"
                         f"{short(row['most'])} | {row['target']} | {row['verdict']} |")
        return "\n".join(lines)

    def write(self, options):
        """All rounds, into options.json. options: argparse's."""
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({
            **machine(), "options": {name: str(value) for name, value in vars(options).items()}, "results": list(self.rows())},
            indent=1) + "\n", encoding="ascii")

    def finish(self, options):
        """Writes all rounds, and prints the table."""
        self.write(options)
        told = machine()
        print(f"\n{told['system']}, {told['cores']} cores; every round is in {options.json}\n\n{self.table()}")


def machine():
    return {"cores": os.cpu_count(), "system": platform.freedesktop_os_release()["PRETTY_NAME"], "kernel": platform.release()}


def short(value):
    """Three digits, and no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
