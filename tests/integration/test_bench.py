# SPDX-License-Identifier: MIT
"""The benchmarks themselves. No servers."""

import pathlib
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"


@pytest.mark.parametrize("program", ["bench.py", "expiry", "workers"])
def test_each_program_of_the_benchmarks_starts(program):
    done = subprocess.run([sys.executable, "-B", BENCH / program, "--help"], capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr
