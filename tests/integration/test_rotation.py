# SPDX-License-Identifier: MIT
"""Passwords are read again at each connection: a new one on the server and in the file needs no restart, and a file that
can't be read leaves the last one in force."""

import secrets

import psycopg2
import pytest

from process import Child, wait_until
from programs import environment, fields
from wire import request

SLOW = 60
NAMES = ("broker-gateway", "broker-worker", "database-worker", "database-reader")


@pytest.fixture(name="rotate")
def fixture_rotate(site):
    """Gives the four passwords new values, in their files and by setup on the servers, as the runbook says; the old ones
    come back at the end."""
    servers = site.servers
    old = {name: servers.secret(name) for name in NAMES}

    def write(values):
        for name, value in values.items():
            servers.write_secret(name, value)
        done = servers.setup()
        assert done.returncode == 0, done.stderr

    yield lambda: write({name: secrets.token_urlsafe(24) for name in NAMES})
    write(old)


def cut(site):
    """Ends all connections of Sluice's programs, on both servers."""
    site.broker.control("close_all_connections", "--vhost", "sluice", "a test")
    site.database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename ~ '^sluice_'")


def changed(program):
    return sorted(line["setting"] for line in program.lines("secret-changed"))


def works(site, gateway, worker, connects):
    """Both have connected once more, and an event goes through them."""
    wait_until(lambda: len(gateway.lines("broker-connected")) > connects[0] and
               len(worker.lines("broker-connected")) > connects[1], site.tails, SLOW)
    for program in (gateway, worker):
        program.wait_ready(limit=SLOW)
    event = site.send_ok(body=b"{}")
    wait_until(lambda: site.rows("id = %s", (event,)), site.tails, SLOW)


def test_gateway_and_worker_connect_with_new_passwords_and_keep_them_when_the_files_are_unreadable(site, rotate):
    servers = site.servers
    gateway = site.start_gateway(GATEWAY_PUBLISHERS=1)
    worker, = site.start_workers(1)
    old = servers.secret("database-worker")

    def connects():
        return len(gateway.lines("broker-connected")), len(worker.lines("broker-connected"))

    rotate()
    before = connects()
    cut(site)
    works(site, gateway, worker, before)
    assert changed(gateway) == ["BROKER_PASSWORD"]
    assert changed(worker) == ["BROKER_PASSWORD", "DATABASE_PASSWORD"]
    with pytest.raises(psycopg2.OperationalError):
        site.database.connect("sluice_worker", old)
    new = {name: servers.secret(name) for name in NAMES}
    for name in NAMES:
        servers.write_secret(name, "")
    try:
        before = connects()
        cut(site)
        works(site, gateway, worker, before)
    finally:
        for name, value in new.items():
            servers.write_secret(name, value)
    told = gateway.lines("secret-not-read") + worker.lines("secret-not-read")
    assert {line["setting"] for line in told} <= {"BROKER_PASSWORD", "DATABASE_PASSWORD"} and len(told) >= 2
    assert all("broker-" in line["reason"] or "database-worker" in line["reason"] for line in told)
    logs = gateway.output() + worker.output()
    assert not [name for name, value in {**new, "old": old}.items() if value in logs]


def test_a_console_reads_with_the_new_passwords(site, rotate):
    console = site.start_console()
    site.insert(1, id="'before-the-rotation'")

    def events():
        return request(console.port, "GET", "/events", timeout=30).body.decode()

    wait_until(lambda: "before-the-rotation" in events(), events, SLOW)
    rotate()
    site.insert(1, id="'after-the-rotation'")
    cut(site)
    wait_until(lambda: "after-the-rotation" in events(), lambda: events() + console.tail(), SLOW)
    wait_until(lambda: "DATABASE_PASSWORD" in changed(console), console.tail)


def test_prune_that_runs_for_ever_logs_in_with_the_new_password(site):
    servers = site.servers
    site.database.query("create role rotated superuser login password 'first-password'")
    file = servers.write_secret("rotated", "first-password")
    child = Child("prune", site.directory / "prune.log")
    try:
        child.start([(servers.build / "sluice").absolute(), "prune", "--older-than", "9999d", "--every", "1s"],
                    environment(servers.setup_settings(SETUP_DATABASE_URL=site.database.url("rotated"),
                                                       SETUP_DATABASE_PASSWORD_FILE=file)))
        wait_until(lambda: child.output().count("pruned"), child.tail, SLOW)
        site.database.query("alter role rotated password 'second-password'")
        servers.write_secret("rotated", "second-password")

        def changes():
            return [line for line in map(fields, child.output().splitlines()) if line.get("event") == "secret-changed"]
        wait_until(changes, child.tail, SLOW)
        before = child.output().count("pruned")
        wait_until(lambda: child.output().count("pruned") > before, child.tail, SLOW)
        assert "second-password" not in child.output()
    finally:
        child.terminate()
        site.database.query("drop role rotated")
