# SPDX-License-Identifier: MIT
"""Names of servers while the resolver is silent or slow: nothing waits for it that must go on."""

import contextlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from process import wait_until
from programs import run_command

# Seconds. The system's resolver is told to wait 30 s; a stop has the drain's own waits in it.
STOP = 8
SOON = 5
NAME = "server.example"


class Resolver:
    """A server of names that never answers or, with a delay, says 127.0.0.1 to everything."""

    def __init__(self, delay=None):
        self.delay = delay
        self.asked = threading.Event()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
        self.sock.bind((self.address, 53))
        self.timers = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.sock.recvfrom(2048)
                self.asked.set()
                if self.delay is not None:
                    timer = threading.Timer(self.delay, self._answer, (query, client))
                    self.timers.append(timer)
                    timer.start()

    def _answer(self, query, client):
        end = query.index(b"\0", 12) + 5
        is_ipv4 = query[end - 4:end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 1, 4) + socket.inet_aton("127.0.0.1") if is_ipv4 else b""
        head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_ipv4 else b"\0\0") + b"\0\0\0\0"
        with contextlib.suppress(OSError):
            self.sock.sendto(head + query[12:end] + record, client)

    def close(self):
        for timer in self.timers:
            timer.cancel()
        self.sock.close()


class World:
    """resolv.conf and hosts of their own, for whoever is started by `before`."""

    def __init__(self, directory, resolver):
        self.resolver = resolver
        self.hosts = directory / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n", encoding="ascii")
        conf = directory / "resolv.conf"
        conf.write_text(f"nameserver {resolver.address}\noptions timeout:15 attempts:2\n", encoding="ascii")
        self.before = ["unshare", "--mount", "sh", "-c", f"mount --bind {conf} /etc/resolv.conf && "
                       f"mount --bind {self.hosts} /etc/hosts && exec \"$@\"", "sh"]

    def knows(self, *names):
        """In hosts, and nobody else."""
        with open(self.hosts, "r+", encoding="ascii") as file:  # the same file: it is mounted
            file.truncate()
            file.write("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))


def can_have_a_world():
    done = subprocess.run(["unshare", "--mount", "mount", "--bind", "/etc/hosts", "/etc/hosts"], capture_output=True, check=False)
    return done.returncode == 0 and os.geteuid() == 0


pytestmark = pytest.mark.skipif(not can_have_a_world(), reason="root alone may mount a resolv.conf of its own")


@pytest.fixture
def silent(tmp_path):
    resolver = Resolver()
    yield World(tmp_path, resolver)
    resolver.close()


@pytest.fixture
def slow(tmp_path):
    """It answers after 4 s: later than a worker waits for a name of the database."""
    resolver = Resolver(4)
    yield World(tmp_path, resolver)
    resolver.close()


def named(url):
    return url.replace("127.0.0.1", NAME)


def start(program, world, wait=False):
    program.before = world.before
    return program.start(wait=wait)


def stop(site, program):
    """It ends in time, whatever it waits for."""
    begun = time.monotonic()
    assert program.stop() == 0
    took = time.monotonic() - begun
    site.note(f"{program.name} ended {took:.2f} s after SIGTERM")
    assert took < STOP


def test_a_gateway_whose_brokers_name_is_being_looked_up_answers_and_stops(site, silent):
    settings = site.servers.gateway_settings(BROKER_URL=named(site.broker.url("sluice-gateway")))
    gateway = start(site.add_gateway(**settings), silent)
    wait_until(silent.resolver.asked.is_set, "a question to the resolver")
    begun = time.monotonic()
    assert site.send(body=b"x").status == 503
    assert gateway.admin("/ready")[0] == 503
    assert time.monotonic() - begun < 1
    stop(site, gateway)


def test_a_gateway_says_that_the_name_was_not_resolved(site, silent):
    settings = site.servers.gateway_settings(BROKER_URL=named(site.broker.url("sluice-gateway")))
    gateway = start(site.add_gateway(**settings), silent)
    lines = wait_until(lambda: gateway.lines("broker-away"), "a line", 20)
    assert f"the name {NAME}: the resolver did not answer within 10 s" in lines[0]["reason"]


def test_a_worker_whose_brokers_name_is_being_looked_up_goes_on_and_stops(site, silent):
    settings = site.servers.worker_settings(BROKER_URL=named(site.broker.url("sluice-worker")))
    worker = start(site.add_worker(**settings), silent)
    wait_until(silent.resolver.asked.is_set, "a question to the resolver")
    wait_until(lambda: worker.lines("database-connected"), lambda: f"the database\n{worker.tail()}", SOON)
    stop(site, worker)


def test_a_worker_whose_databases_name_is_being_looked_up_goes_on_and_stops(site, silent):
    settings = site.servers.worker_settings(DATABASE_URL=named(site.database.url("sluice_worker")))
    worker = start(site.add_worker(**settings), silent)
    wait_until(lambda: worker.lines("broker-connected"), lambda: f"the broker\n{worker.tail()}", SOON)
    away = wait_until(lambda: worker.lines("database-away"), lambda: f"a reason\n{worker.tail()}", SOON)
    assert away[0]["reason"] == f"the name {NAME}: the resolver did not answer within 2500 ms"
    stop(site, worker)


def test_while_the_way_of_retries_is_being_looked_up_all_others_are_stored(site, silent):
    """The first retry comes when the name of the broker is forgotten: its connection must be made anew."""
    silent.knows(NAME)
    site.start_gateway()
    settings = site.servers.worker_settings(BROKER_URL=named(site.broker.url("sluice-worker")))
    worker = start(site.add_worker(**settings), silent, wait=True)
    site.database.query("create table parent (id text primary key);"
                        "create function sluice.refuse() returns trigger language plpgsql as $$ begin "
                        "if convert_from(new.body, 'UTF8') = 'child' then raise exception 'not yet'; end if; return new; end $$;"
                        "create trigger refuse before insert on sluice.webhooks_raw for each row execute function sluice.refuse()")
    try:
        silent.knows()
        site.send_ok(body=b"child")
        wait_until(silent.resolver.asked.is_set, "a question to the resolver")
        begun = time.monotonic()
        for number in range(20):
            site.send_ok(body=b"other", headers={"webhook-id": f"other-{number}"})
        wait_until(lambda: site.database.query("select count(*) from sluice.webhooks_raw")[0][0] == 20,
                   lambda: f"the others to be stored\n{worker.tail()}", SOON)
        assert time.monotonic() - begun < SOON
        stop(site, worker)
    finally:
        site.database.query("drop trigger refuse on sluice.webhooks_raw; drop function sluice.refuse(); drop table parent")


def test_a_stop_is_not_held_up_by_a_reload_that_asks_for_a_new_delay(site, silent, tmp_path):
    routes = tmp_path / "routes.json"

    def write(delay):
        routes.write_text(json.dumps({"sources": [{"name": "a", "path": "/a", "verify": {"scheme": "none"}, "delay": delay}]}),
                          encoding="ascii")
    write("0s")
    silent.knows(NAME)
    settings = site.servers.gateway_settings(BROKER_URL=named(site.broker.url("sluice-gateway")), GATEWAY_ROUTES=routes)
    gateway = start(site.add_gateway(**settings), silent, wait=True)
    silent.knows()
    write("10s")
    gateway.send(signal.SIGHUP)
    wait_until(silent.resolver.asked.is_set, "a question to the resolver")
    assert site.send(target="/a", body=b"x").status == 200
    stop(site, gateway)
    assert "a stop came first" in gateway.lines("not-reloaded")[0]["reason"]


def test_an_answer_that_came_too_late_for_one_attempt_is_there_for_the_next(site, slow):
    settings = site.servers.worker_settings(DATABASE_URL=named(site.database.url("sluice_worker")))
    worker = start(site.add_worker(**settings), slow)
    wait_until(lambda: worker.lines("database-away"), lambda: f"a reason\n{worker.tail()}", SOON)
    wait_until(lambda: worker.lines("database-connected"), lambda: f"the database\n{worker.tail()}", 20)


@pytest.mark.parametrize("other", [NAME, "no-such-host.invalid"])
def test_of_several_hosts_one_that_nobody_knows_costs_only_its_time(site, silent, other):
    url = site.database.url("sluice_worker").replace("127.0.0.1:", f"{other}:1,127.0.0.1:")
    worker = start(site.add_worker(**site.servers.worker_settings(DATABASE_URL=url)), silent)
    wait_until(lambda: worker.lines("database-connected"), lambda: f"the database\n{worker.tail()}", 2 * SOON)


def test_a_command_says_within_seconds_which_name_it_waited_for(site, silent):
    database, broker = site.database.url("sluice_reader"), site.broker.url("sluice-setup")
    for settings in ({"DATABASE_URL": named(database)}, {"BROKER_URL": named(broker)},
                     {"BROKER_MANAGEMENT_URL": named(site.broker.management_url())}):
        begun = time.monotonic()
        done = run_command(site.servers.build, ["status"], site.servers.reader_settings(**settings), before=silent.before)
        assert time.monotonic() - begun < 15
        assert NAME in done.stderr or "Resolving timed out" in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.fixture
def dumb():
    """A server that takes connections and never says a word: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_broker_that_says_nothing_holds_up_neither_the_loop_nor_a_stop(site, authority, dumb, scheme):
    for program, settings in ((site.add_gateway, site.servers.gateway_settings()), (site.add_worker, site.servers.worker_settings())):
        user = settings["BROKER_URL"].split("/")[2].split("@")[0]
        settings.update(BROKER_URL=f"{scheme}://{user}@localhost:{dumb}/sluice",
                        BROKER_CA=authority.certificate if scheme == "amqps" else None)
        begun = time.monotonic()
        program = program(**settings).start(wait=False)
        if program.binary == "sluice-worker":
            wait_until(lambda: program.lines("database-connected"), program.tail, 2)
        stop(site, program)
        assert time.monotonic() - begun < SOON
