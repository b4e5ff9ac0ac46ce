# SPDX-License-Identifier: MIT
"""Mixed load for SOAK seconds (60) with a reconnect every 10 s: memory, descriptors and threads stay constant."""

import os
import pathlib
import time

import pytest

from load import Load

SOAK = float(os.environ.get("SOAK", "60"))


def figures(program):
    """(resident KiB, descriptors, threads). Who isn't root can see them only with CORE_DUMPS=on."""
    status = pathlib.Path(f"/proc/{program.pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return (int(fields["VmRSS"].split()[0]), len(os.listdir(f"/proc/{program.pid}/fd")), int(fields["Threads"]))


@pytest.mark.case(27)
def test_memory_descriptors_and_threads_stay_flat_through_load_and_reconnects(site, links):
    gateway = links.start_gateway(CORE_DUMPS="on")
    workers = links.start_workers(2, CORE_DUMPS="on")
    programs = [gateway, *workers]
    ledger = site.ledger()
    history = []
    with Load(gateway.port, ledger, rate=300, count=10_000_000, threads=16) as load:
        begun = time.monotonic()
        turn = 0
        while time.monotonic() - begun < SOAK:
            (links.gateway_broker, links.worker_broker, links.worker_database)[turn % 3].reset()
            turn += 1
            time.sleep(10)
            load.wait_acked(10)
            history.append([figures(program) for program in programs])
    site.settle(ledger, at_least=int(SOAK * 50), limit=120)
    half = len(history) // 2
    for number, program in enumerate(programs):
        early = [max(entry[number][what] for entry in history[1:half + 1]) for what in range(3)]
        late = [max(entry[number][what] for entry in history[half:]) for what in range(3)]
        site.note(f"{program.name}: KiB, descriptors, threads {early} in the first half of {SOAK:g} s, {late} in the second")
        assert late[0] <= early[0] * 1.3 + 4096, "memory grows"
        assert late[1] <= early[1] + 3, "descriptors leak"
        assert late[2] <= early[2], "threads leak"
