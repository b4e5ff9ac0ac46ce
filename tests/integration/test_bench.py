# SPDX-License-Identifier: MIT
"""The benchmarks themselves. No servers."""

import pathlib
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"
sys.path.append(str(BENCH))

import meter  # noqa: E402  pylint: disable=wrong-import-position


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
