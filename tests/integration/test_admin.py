# SPDX-License-Identifier: MIT
"""The admin listener of both programs answers health, readiness and metrics, also in a crowd of connections."""

import contextlib
import resource
import socket
import time

import pytest

CROWD = 1000
PROMISED_MS = 100
BOUND_MS = 1000  # for a machine that is busy with other tests


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def crowd(port):
    """Opens connections that alternately are silent and have sent half a request."""
    with contextlib.ExitStack() as sockets:
        for number in range(CROWD):
            sock = sockets.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            if number % 2:
                with contextlib.suppress(OSError):  # the connection is already closed
                    sock.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n")
        yield


def test_a_thousand_idle_connections_to_the_admin_ports_hold_up_no_health_check(site):
    programs = [site.start_gateway(), *site.start_workers(1)]
    for program in programs:
        with crowd(program.admin_port):
            slowest = 0
            for path in ("/health", "/healthz", "/livez", "/ready", "/readyz", "/metrics") * 3:
                begun = time.monotonic()
                status, _ = program.admin(path)
                slowest = max(slowest, (time.monotonic() - begun) * 1000)
                assert status == 200, (program.name, path)
            begun = time.monotonic()
            done = site.servers.command("ready", f"http://127.0.0.1:{program.admin_port}/ready")
            command = (time.monotonic() - begun) * 1000
            assert done.returncode == 0, done.stderr
            assert slowest < BOUND_MS and command < 2 * BOUND_MS
            assert program.metrics()["sluice_admin_evicted_total"] >= CROWD - 100
            site.note(f"{program.name}: the slowest of 18 answers beside {CROWD} idle connections took {slowest:.1f} ms "
                      f"({PROMISED_MS} promised); `sluice ready`, with its start, {command:.0f} ms")
