# SPDX-License-Identifier: MIT
"""Several hosts in DATABASE_URL, BROKER_URL and BROKER_MANAGEMENT_URL: one that is silent or refuses costs its time, and
the next one is used."""

import contextlib
import socket

import pytest

from process import wait_until
from programs import run_command

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


def nodes(address, *ports):
    """The URL with only these ports in place of its own."""
    before, _, after = address.rpartition("@")
    rest = after.partition("/")[2]
    return f"{before}@" + ",".join(f"127.0.0.1:{port}" for port in ports) + (f"/{rest}" if rest else "")


def refusing_port():
    """A port on which nobody listens; it stays bound, so that nobody else gets it."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    return server


def test_gateway_and_worker_use_the_next_node_when_others_refuse_or_are_silent(site):
    with silent_host() as silent, refusing_port() as refusing:
        ports = (refusing.getsockname()[1], silent, site.broker.port)
        gateway = site.add_gateway(BROKER_URL=nodes(site.broker.url("sluice-gateway"), *ports), GATEWAY_PUBLISHERS=4)
        worker = site.add_worker(BROKER_URL=nodes(site.broker.url("sluice-worker"), *ports))
        gateway.start(wait=False)
        worker.start(wait=False)
        wait_until(lambda: len(gateway.lines("broker-connected")) == 4, site.tails, SILENT + MARGIN)
        sent = site.send(body=b"{}")
        assert sent.status == 200, sent
        wait_until(lambda: worker.admin("/ready")[0] == 200, site.tails, SILENT + MARGIN)
        site.row(sent.json()["id"])
    connected = gateway.lines("broker-connected") + worker.lines("broker-connected")
    assert {line["node"] for line in connected} == {f"127.0.0.1:{site.broker.port} (127.0.0.1)"}


def test_when_no_node_can_be_reached_the_reason_names_one_and_how_many_there_are(site):
    with refusing_port() as one, refusing_port() as other:
        ports = (one.getsockname()[1], other.getsockname()[1])
        gateway = site.add_gateway(BROKER_URL=nodes(site.broker.url("sluice-gateway"), *ports), GATEWAY_PUBLISHERS=1)
        gateway.start(wait=False)
        lines = wait_until(lambda: gateway.lines("broker-away"), gateway.tail, MARGIN)
    port = lines[0]["reason"].split()[1].removeprefix("127.0.0.1:")
    assert int(port) in ports
    assert lines[0]["reason"] == f"broker 127.0.0.1:{port} not reached: Connection refused; it was the last of 2 " \
        "tries, at all 2 servers"


def test_commands_use_the_next_node_of_the_broker_and_of_its_management_api(site):
    with refusing_port() as refusing:
        port = refusing.getsockname()[1]
        urls = {"BROKER_URL": nodes(site.broker.url("sluice-setup"), port, site.broker.port),
                "BROKER_MANAGEMENT_URL": nodes(site.broker.management_url("sluice-setup"), port,
                                               site.broker.ports["management"])}
        for _ in range(4):  # a random node is first
            done = site.servers.command("status", **urls)
            assert done.returncode == 0, done.stderr
            assert "webhooks.ingest" in done.stdout and "unknown" not in done.stdout
        done = site.servers.setup("--check", **urls)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("listed, complaint", [
    (["127.0.0.1:5672", "127.0.0.1:x"], "is not of the form"),
    (["127.0.0.1:5672", ""], "is not of the form"),
    ([f"127.0.0.{n}" for n in range(1, 10)], "names 9 servers, and may name 8"),
])
def test_a_list_of_nodes_that_is_understood_in_part_only_is_refused_by_name(build, listed, complaint):
    done = run_command(build, [], {"BROKER_URL": f"amqp://sluice-gateway@{','.join(listed)}/sluice",
                                   "BROKER_PASSWORD": "x"}, program="sluice-gateway")
    assert done.returncode == 78
    assert complaint in done.stderr
