# SPDX-License-Identifier: MIT
"""The benchmarks themselves. No servers."""

import pathlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"
sys.path.append(str(BENCH))

# pylint: disable=wrong-import-position
import meter  # noqa: E402
import plot  # noqa: E402
from results import Results, short  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("value, said", [(0.123, "0.12"), (9.996, "10.00"), (12.34, "12.3"), (123.4, "123"), (15_432, "15,432"),
                                         (-12.34, "-12.3")])
def test_three_digits_are_told(value, said):
    assert short(value) == said


def test_a_run_that_is_no_curve_is_drawn_as_a_line_even_below_zero():
    """Verification may seem to cost less than nothing."""
    seen = Results()
    for added in (-3, -1):
        seen.add("verify", "1024 B, github", {"added us of CPU": added})
    picture = ElementTree.fromstring(plot.draw(list(seen.rows())))
    line, = (line for line in picture.iter(f"{SVG}line") if line.get("class") == "r")
    assert plot.LABELS <= float(line.get("x1")) < float(line.get("x2")) < plot.LABELS + plot.PLOT


def test_the_cpu_of_a_process_is_its_clocks():
    """The program itself says how much it has used, and sleeps until we have looked."""
    program = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        own = float(child.stdout.readline())
        seen = meter.cpu_seconds(child.pid)
        child.communicate("\n", 10)
    assert own <= seen < own + 0.1


@pytest.mark.parametrize("program", ["bench.py", "expiry", "workers"])
def test_each_program_of_the_benchmarks_starts(program):
    done = subprocess.run([sys.executable, "-B", BENCH / program, "--help"], capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr
