# SPDX-License-Identifier: MIT
"""What the benchmarks tell is what was measured: their arithmetic, their files and pictures. No servers."""

import argparse
import json
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"
sys.path.append(str(BENCH))

# pylint: disable=wrong-import-position
import bodies  # noqa: E402
import curves  # noqa: E402
import meter  # noqa: E402
import plot  # noqa: E402
from results import TARGETS, Results, Target, short, verdict  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results():
    """Two points of a curve, measured in different orders, and a run that is none."""
    seen = Results()
    for count, rate in ((50, 900), (2, 1000), (2, 500), (50, 600)):
        seen.add("workers, drain", f"{count}", {"rows/s": rate}, count)
    seen.add("log", "off", {"rows/s": 700})
    return seen


def test_each_figure_has_its_median_least_and_most_round(results):
    row = next(row for row in results.rows() if row["of"] == "2")
    assert (row["median"], row["least"], row["most"], row["rounds"]) == (750, 500, 1000, [1000, 500])


def test_a_curve_is_listed_along_its_axis_whatever_the_order_of_its_rounds(results):
    assert [(row["of"], row.get("at")) for row in results.rows()] == [("2", 2), ("50", 50), ("off", None)]


def test_a_comparison_is_made_within_each_round(results):
    """Of these medians the ratio would be 1: the machine was slower in the second round."""
    results.compare(("workers, drain",), ("workers, drain", "2"), "rows/s", "of 2")
    assert results.seen["workers, drain", "50", "of 2"] == [0.9, 1.2]
    assert results.seen["workers, drain", "2", "of 2"] == [1, 1]
    assert ("log", "off", "of 2") not in results.seen


def test_rounds_that_lack_a_twin_are_not_compared(results):
    results.add("workers, drain", "50", {"rows/s": 1})
    with pytest.raises(ValueError):
        results.compare(("workers, drain",), ("workers, drain", "2"), "rows/s", "of 2")


def test_the_best_point_is_that_of_the_greatest_median_in_all_runs_named(results):
    results.add("workers, drain, budget for all", "32", {"rows/s": 800}, 32)
    runs = ("workers, drain", "workers, drain, budget for all")
    assert results.best(runs, "rows/s") == ("workers, drain, budget for all", "32")


@pytest.mark.parametrize("target, value, said", [
    (Target(least=0.9), 0.9, (">= 0.9", "met")), (Target(least=0.9), 0.899, (">= 0.9", "missed")),
    (Target(most=1.3), 1.3, ("<= 1.3", "met")), (Target(most=1.3), 1.301, ("<= 1.3", "missed")),
    (Target(least=1 / 1.3), 0.7693, (">= 0.769", "met")), (None, 5, ("", ""))])
def test_a_target_is_met_or_missed(target, value, said):
    assert verdict(target, value) == said


def test_the_targets_of_the_curves_are_figures_that_the_curves_make():
    """A target for a misspelt point would never be missed."""
    counts = {f"{count}" for count, _ in curves.WORKERS}
    sizes = {f"{size:,}" for size in curves.SIZES}
    ours = {key: key[1] for key in TARGETS if key[0].startswith(("workers, ", "table, "))}
    assert len(ours) == 10
    assert all(of in (counts if run.startswith("workers") else sizes) for run, of, _ in ours)


def test_the_file_of_results_says_where_they_are_from(results, tmp_path, capsys):
    results.finish(argparse.Namespace(json=tmp_path / "build" / "curves.json", rounds=2))
    told = json.loads((tmp_path / "build" / "curves.json").read_text(encoding="ascii"))
    assert told["options"]["rounds"] == "2" and told["cores"] >= 1 and told["system"] in capsys.readouterr().out
    assert [row["rounds"] for row in told["results"]] == [[1000, 500], [900, 600], [700]]


def test_the_table_has_a_verdict_for_a_target(results):
    results.compare(("workers, drain",), ("workers, drain", "2"), "rows/s", "rows/s, of the best number's")
    assert "| workers, drain | 50 | rows/s, of the best number's | 1.05 | 0.90-1.20 | >= 0.9 | met |" in results.table()


@pytest.mark.parametrize("value, said", [(0.123, "0.12"), (9.996, "10.00"), (12.34, "12.3"), (123.4, "123"), (15_432, "15,432"),
                                         (-12.34, "-12.3")])
def test_three_digits_are_told(value, said):
    assert short(value) == said


def test_a_curve_is_drawn_with_a_dot_for_each_point_at_its_height(results):
    results.add("workers, drain", "8", {"rows/s": 1500}, 8)
    picture = ElementTree.fromstring(plot.draw(list(results.rows())))
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in picture.iter(f"{SVG}circle") if dot.get("r") == "4"]
    assert len(dots) == 3 and [dot[0] for dot in dots] == sorted(dot[0] for dot in dots)
    assert dots[1][1] < dots[0][1] == dots[2][1]  # 750, 1500, 750
    assert [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "t"] == ["rows/s", "workers, drain"]


def test_a_run_that_is_no_curve_is_drawn_as_a_line_even_below_zero():
    """Verification may seem to cost less than nothing."""
    seen = Results()
    for added in (-3, -1):
        seen.add("verify", "1024 B, github", {"added us of CPU": added})
    picture = ElementTree.fromstring(plot.draw(list(seen.rows())))
    line, = (line for line in picture.iter(f"{SVG}line") if line.get("class") == "r")
    assert plot.LABELS <= float(line.get("x1")) < float(line.get("x2")) < plot.LABELS + plot.PLOT


def test_what_is_not_accepted_is_told_with_each_round():
    line = curves.told({"rows/s": 1234.0, "gateway, us of CPU": 30.0, "refused, % of replies": 12.5})
    assert line == "rows/s 1,234, refused, % of replies 12.5; us of CPU: gateway 30.0"


def test_the_cpu_of_a_process_is_its_clocks():
    """The program itself says how much it has used, and sleeps until we have looked."""
    program = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        own = float(child.stdout.readline())
        seen = meter.cpu_seconds(child.pid)
        child.communicate("\n", 10)
    assert own <= seen < own + 0.1


def test_the_cpu_of_a_server_has_that_of_its_children_also_when_they_have_ended():
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    program = (f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)\n"
               f"child = subprocess.Popen([sys.executable, '-c', {burn + 'print(flush=True); input()'!r}], stdin=subprocess.PIPE,"
               "stdout=subprocess.PIPE)\nchild.stdout.readline()\nprint(flush=True)\ninput()\nchild.communicate(b'\\n')")
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        server.stdout.readline()
        own, whole = meter.cpu_seconds(server.pid), meter.server_seconds(server.pid)
        server.communicate("\n", 10)
    assert whole - own >= 0.38


def test_the_peak_of_memory_counts_from_when_it_was_forgotten():
    program = "print(len(b'x' * (64 << 20)), flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        before = meter.peak_mb(child.pid)
        meter.forget_peak(child.pid)
        after = meter.peak_mb(child.pid)
        child.communicate("\n", 10)
    assert before > 64 > after


def test_halted_programs_go_on_also_after_a_failure():
    class Program:
        def __init__(self):
            self.signals = []

        def send(self, number):
            self.signals.append(number.name)

    program = Program()
    with pytest.raises(KeyError), curves.halted([program]):
        raise KeyError
    assert program.signals == ["SIGSTOP", "SIGCONT"]


def test_workers_that_were_halted_for_too_long_are_not_measured(monkeypatch):
    monkeypatch.setattr(curves, "HALT_MOST_S", -1)
    with pytest.raises(SystemExit, match="fewer --events"), curves.halted([]):
        pass


@pytest.mark.parametrize("make", [bodies.fill, bodies.noise])
@pytest.mark.parametrize("size", [11, 100, 1000, 1 << 20])
def test_a_body_is_json_of_the_size_that_was_asked_for(make, size, tmp_path):
    body, = make(tmp_path / "bodies", size).read_bytes().splitlines()
    assert len(body) == size and list(json.loads(body)) == ["fill"]


@pytest.mark.parametrize("program", ["bench.py", "broker", "curves.py", "expiry", "workers"])
def test_each_program_of_the_benchmarks_starts(program):
    done = subprocess.run([sys.executable, "-B", BENCH / program, "--help"], capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr
