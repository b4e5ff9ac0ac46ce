# SPDX-License-Identifier: MIT
"""`sluice status` asks all gateways and workers, names what is wrong, and with --watch shows it again and again."""

import json
import os
import pty
import signal
import subprocess

import pytest

from process import wait_until
from programs import environment
from wire import request


class Watch:
    """`sluice status --watch` in the background."""

    def __init__(self, site, *arguments, terminal=False, **settings):
        self.output = site.directory / "watch.out"
        self.errors = site.directory / "watch.err"
        master, slave = pty.openpty() if terminal else (None, None)
        self.master = master
        with open(self.output, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [site.servers.build.absolute() / "sluice", "status", "--watch", *arguments],
                env=environment(site.servers.reader_settings(**settings)), stdin=subprocess.DEVNULL,
                stdout=slave if terminal else out, stderr=errors)
        if terminal:
            os.close(slave)

    def text(self):
        return self.output.read_text(encoding="utf-8")

    def lines(self):
        return self.text().splitlines()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture(name="watch")
def fixture_watch(site):
    started = []

    def start(*arguments, **more):
        started.append(Watch(site, *arguments, **more))
        return started[-1]
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        if one.master is not None:
            os.close(one.master)


def admins(*programs):
    return ",".join(f"127.0.0.1:{program.admin_port}" for program in programs)


def looks(watch, count):
    wait_until(lambda: len(watch.lines()) >= count, lambda: f"{count} looks\n{watch.text()}{watch.errors.read_text()}", 30)
    return [json.loads(line) for line in watch.lines()]


def status(site, *arguments, returncode=0, **settings):
    done = site.servers.command("status", *arguments, **settings)
    assert done.returncode == returncode, done.stdout + done.stderr
    return done.stdout


def test_all_replicas_are_asked_and_their_numbers_are_summed_up(site):
    gateways = [site.start_gateway(), site.add_gateway().start()]
    workers = site.start_workers(2)
    for gateway in gateways:
        for number in range(3):
            assert request(gateway.port, headers={"webhook-id": f"{gateway.name}-{number}"}).status == 200
    site.wait_count(6)
    told = json.loads(status(site, "--json", GATEWAY_ADMINS=admins(*gateways), WORKER_ADMINS=admins(*workers)))
    assert [(r["program"], r["answered"], r["ready"]) for r in told["replicas"]] == \
        [("gateway", True, True)] * 2 + [("worker", True, True)] * 2
    assert (told["problems"], told["rows"], told["workers"], told["standby"]) == ([], 6, 2, 0)
    (source,) = told["sources"]
    assert (source["name"], source["accepted"], source["refused"], source["cause"]) == ("default", 6, 0, None)
    assert source["last_accepted"] > "2026" and source["last_refused"] is None


def test_a_name_stands_for_all_its_addresses(site):
    gateway = site.start_gateway(GATEWAY_ADMIN="[::]:0")
    told = json.loads(status(site, "--json", GATEWAY_ADMINS=f"localhost:{gateway.admin_port}"))
    asked = {replica["address"] for replica in told["replicas"]}
    assert f"127.0.0.1:{gateway.admin_port}" in asked
    assert all(replica["ready"] for replica in told["replicas"])


def test_a_replica_that_does_not_answer_is_named_and_all_else_is_shown(site):
    gateway = site.start_gateway()
    (worker,) = site.start_workers(1)
    text = status(site, GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS=f"127.0.0.1:1, {admins(worker)},nobody.invalid:8082")
    assert text.startswith("no problem is known\n")
    assert "workers ready                   1 of 3\n" in text
    assert "  127.0.0.1:1 doesn't answer: " in text
    assert "  nobody.invalid:8082 doesn't answer: " in text
    assert "gateways ready                  1 of 1\n" in text


def test_a_port_that_is_no_admin_port_is_named_with_its_status(site):
    text = status(site, WORKER_ADMINS=f"127.0.0.1:{site.broker.ports['management']}")
    assert f"  127.0.0.1:{site.broker.ports['management']} doesn't answer: /metrics: status 404\n" in text


def test_problems_come_first_with_their_runbooks(site):
    gateway = site.add_gateway(BROKER_URL="amqp://sluice-gateway@127.0.0.1:1/sluice").start(wait=False)
    assert site.send().status == 503
    site.database.query("insert into webhooks_dead (source, id, body, verdict, reason) values "
                        "('default', 'd', 'x', 'poison', 'a test')")
    text = status(site, GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS="127.0.0.1:1")
    first = text.splitlines()
    assert first[0] == f"problem: 1 of 1 gateways are not ready: {admins(gateway)}: broker away"
    assert first[1] == "         SluiceGatewayNotReady, docs/operations.md#gateway-not-ready"
    for words in ("none of 1 workers is ready: 127.0.0.1:1 doesn't answer", "senders get 503: source default (away, the last",
                  "events are dying: the last dead letter was written"):
        assert f"problem: {words}" in text, text


def test_a_wrong_admin_address_is_named(site):
    done = site.servers.command("status", GATEWAY_ADMINS="127.0.0.1")
    assert done.returncode == 78
    assert "127.0.0.1: not host:port" in done.stderr
    assert "webhooks.ingest" in done.stdout


def test_a_watch_shows_rates_and_follows_what_happens(site, watch):
    gateway = site.start_gateway()
    workers = site.start_workers(1)
    watching = watch("--json", "--interval", "1s", GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS=admins(*workers))
    assert looks(watching, 1)[0]["per_second"] == {"accepted": None, "refused": None, "stored": None, "dead": None}
    for number in range(5):
        site.send_ok(headers={"webhook-id": str(number)})
    site.wait_count(5)
    wait_until(lambda: sum(look["per_second"]["stored"] or 0 for look in looks(watching, 1)) > 0,
               lambda: f"a rate of stored events\n{watching.text()}", 20)
    workers[0].stop()
    wait_until(lambda: [p["name"] for p in looks(watching, 1)[-1]["problems"]] == ["SluiceNoWorkerReady"],
               lambda: f"a problem\n{watching.text()}", 20)
    assert watching.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_prints_a_block_per_interval_and_ends_with_0(site, watch, number):
    watching = watch("--interval", "1s")
    wait_until(lambda: watching.text().count("worker connections") >= 2, lambda: f"two blocks\n{watching.text()}", 20)
    assert watching.stop(number) == 0
    assert "\033" not in watching.text()
    assert watching.text().endswith("\n\n")


def test_a_watch_clears_a_terminal_before_each_block(watch):
    watching = watch("--interval", "1s", terminal=True)
    seen = b""
    while seen.count(b"\033[H\033[2J") < 2:
        seen += os.read(watching.master, 65536)
    assert watching.stop() == 0
    assert seen.startswith(b"\033[H\033[2Jno problem is known")


def test_a_watch_goes_on_while_a_server_is_away(site, watch):
    watching = watch("--json", "--interval", "1s", DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice")
    assert looks(watching, 2)[1]["budget"] is None
    assert looks(watching, 2)[1]["queues"][0]["ready"] == 0
    assert watching.stop() == 0
    assert "not reached" in watching.errors.read_text() or "refused" in watching.errors.read_text()


def test_an_interval_under_a_second_is_refused(site):
    assert site.servers.command("status", "--watch", "--interval", "999ms").returncode == 64


def test_a_watch_scans_no_table(site, watch):
    gateway = site.start_gateway()
    workers = site.start_workers(1)
    site.send_ok()
    site.wait_count(1)

    def scans():
        return site.database.query("select sum(seq_scan) from pg_stat_all_tables where relname in "
                                   "('webhooks_raw', 'webhooks_dead')")[0][0]
    before = scans()
    watching = watch("--json", "--interval", "1s", GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS=admins(*workers))
    looks(watching, 3)
    assert watching.stop() == 0
    wait_until(lambda: not site.database.query("select from pg_stat_activity where application_name = 'sluice status'"),
               "the end of its session", 10)
    assert scans() == before
    status(site)
    wait_until(lambda: scans() > before, "the scan of a single status, which counts", 10)
