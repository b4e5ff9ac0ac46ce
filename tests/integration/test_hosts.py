# SPDX-License-Identifier: MIT
"""Several hosts in DATABASE_URL: one that is silent or refuses costs its time, and the next one is used."""

import contextlib
import socket

import pytest

from process import wait_until

SILENT = 5  # seconds that a silent host may take
MARGIN = 10  # for connecting and starting, with a sanitizer


@contextlib.contextmanager
def silent_host():
    """A port that accepts connections and never says a word, as a host behind a firewall or a frozen server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def url(user, *ports):
    return f"postgresql://{user}@" + ",".join(f"127.0.0.1:{port}" for port in ports) + "/sluice"


@pytest.mark.parametrize("before", [1, 2])
def test_a_worker_uses_the_next_host_when_others_are_silent(site, before):
    site.start_gateway()
    with contextlib.ExitStack() as hosts:
        silent = [hosts.enter_context(silent_host()) for _ in range(before)]
        worker = site.add_worker(DATABASE_URL=url("sluice_worker", *silent, site.database.port))
        worker.start(wait=False)
        sent = site.send(body=b"{}")
        assert sent.status == 200
        wait_until(lambda: worker.admin("/ready")[0] == 200, site.tails, before * SILENT + MARGIN)
        site.row(sent.json()["id"])
        away = worker.lines("database-away")
        assert [line["reason"] for line in away] == \
            [f"the database at 127.0.0.1 port {port} did not answer within {SILENT} s" for port in silent]


def test_a_command_uses_the_next_host_when_the_first_is_silent(site):
    with silent_host() as silent:
        done = site.servers.command("status", DATABASE_URL=url("sluice_reader", silent, site.database.port))
        assert "connections" in done.stdout and "silent" not in done.stderr, done.stderr
        assert done.returncode == 0, done.stderr
        done = site.servers.setup("--check", DATABASE_URL=url("sluice", silent, site.database.port))
        assert done.returncode == 0, done.stderr
        done = site.servers.command("status", DATABASE_URL=url("sluice_reader", silent))
        assert done.returncode == 69
        assert f"no connection to 127.0.0.1 port {silent} within {SILENT} s" in done.stdout + done.stderr
