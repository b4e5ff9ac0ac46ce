# SPDX-License-Identifier: MIT
"""The programs as processes: their signals."""

import pathlib
import signal

import pytest

from process import wait_until
from programs import Gateway, Worker

TAKEN = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def daemons(site):
    return ((Gateway, site.servers.gateway_settings()), (Worker, site.servers.worker_settings()))


def blocked(pid):
    """For each thread of the process: its name, and which of the signals that we take are blocked."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text(encoding="ascii").splitlines())
        mask = int(status["SigBlk"], 16) | int(status["SigIgn"], 16)
        found.append((status["Name"], {number for number in TAKEN if mask >> (number - 1) & 1}))
    return found


@pytest.mark.gateway
def test_no_thread_of_a_library_can_be_interrupted_by_a_signal(site):
    gateway = site.start_gateway()
    worker, = site.start_workers(1)
    site.row(site.send_ok(body=b"{}"))
    for program, least in ((gateway, 10), (worker, 3)):
        threads = blocked(program.pid)
        assert len(threads) >= least
        assert all(numbers == TAKEN for _, numbers in threads), threads


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_the_parent_ignored_still_stops_a_program(site, number):
    """As with nohup, or a job in the background of a script."""
    for kind, settings in daemons(site):
        program = (site.add_gateway if kind is Gateway else site.add_worker)(**settings)
        program.before = ["env", "--ignore-signal=TERM,INT,HUP"]
        program.start()
        program.send(number)
        wait_until(lambda program=program: not program.alive(), lambda program=program: f"its end\n{program.tail()}")
        assert program.process.returncode == 0
