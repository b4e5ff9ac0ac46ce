# SPDX-License-Identifier: MIT
"""Servers are stopped and programs killed under load: no event with a 2xx is lost, and nothing hangs."""

import random
import time

import pytest

from load import Load
from process import wait_until
from wire import Wire, encode, request

AT_ONCE = 0.5  # maximum seconds for a 503 that waits for nothing


def refused_before_its_body(gateway):
    """Neither does the sender of a large body send it, nor is there memory for it."""
    with Wire(gateway.port) as wire:
        wire.send(encode("POST", "/large", b"", {"Expect": "100-continue", "Content-Length": 1 << 20}, length=False))
        reply = wire.reply()
        assert (reply.status, reply.headers["connection"]) == (503, "close")


def refused_at_once(reply):
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.seconds < AT_ONCE
    return True


def wait_accepted(site, limit):
    """Waits until the gateway answers 200 again; returns the seconds. Every answer until then must be 503."""
    begun = time.monotonic()

    def accepted():
        reply = site.send(body=b"{}")
        assert reply.status in (200, 503)
        return reply.status == 200
    wait_until(accepted, lambda: f"200 again\n{site.tails()}", limit, 0.1)
    return time.monotonic() - begun


@pytest.mark.gateway
def test_without_a_broker_a_gateway_starts_is_not_ready_and_says_503_until_it_is_there(site):
    gateway = site.add_gateway(BROKER_URL="amqp://sluice-gateway@127.0.0.1:1/sluice")
    gateway.start(wait=False)
    refused_at_once(site.send(body=b"x"))
    assert gateway.admin("/health")[0] == 200
    assert gateway.admin("/ready")[0] == 503


@pytest.mark.case(7)
def test_broker_away_means_503_with_retry_after_at_once_and_200_after_its_return(site):
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=150) as load:
        load.wait_acked(200)
        site.broker.stop()
        gateway.wait_ready(False)
        time.sleep(1)  # a 503 must come at once, after the first second
        assert all(refused_at_once(site.send(body=b"x", headers={"webhook-id": f"away-{n}"})) for n in range(20))
        assert gateway.admin("/health")[0] == 200
        site.broker.start()
        back = time.monotonic()
        again = load.wait_accepted(back, limit=20)
        site.note(f"2xx again {again:.1f} s after its return, slowest reply {load.slowest:.1f} s")
        assert load.slowest < 5
        load.wait_acked(200)
    balance = settle_with_away(site, ledger)
    assert balance.counts["unknown"] > 0
    assert site.count("webhooks_dead") == 0


def settle_with_away(site, ledger):
    """Settles, with the 20 events that were refused on purpose: they are in no ledger, and none may be stored."""
    assert not site.rows("id like 'away-%'")
    return site.settle(ledger, at_least=320)


@pytest.mark.case(8)
def test_a_killed_broker_loses_nothing_that_was_acked(site):
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=500) as load:
        load.wait_acked(500)
        site.broker.kill()
        wait_until(lambda: 503 in load.statuses, "a 503", 20)
        site.broker.start()
        load.wait_acked(300, limit=30)
    site.settle(ledger, at_least=640)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(13)
def test_a_blocked_broker_means_503_at_once_and_200_when_it_is_released(site):
    gateway = site.start_gateway()
    site.start_workers(1)
    ledger = site.ledger()
    try:
        with Load(gateway.port, ledger, rate=100) as load:
            load.wait_acked(100)
            site.broker.set_alarm()
            gateway.wait_ready(False, limit=15)
            time.sleep(1)
            assert all(refused_at_once(site.send(body=b"x")) for _ in range(10))
            refused_before_its_body(gateway)
            site.broker.clear_alarm()
            released = time.monotonic()
            again = load.wait_accepted(released, limit=15)
            site.note(f"2xx again {again:.1f} s after it, slowest reply {load.slowest:.1f} s")
            load.wait_acked(50, limit=15)
            assert load.slowest < 5
    finally:
        site.broker.clear_alarm()
    site.settle(ledger, at_least=120)


@pytest.mark.gateway
@pytest.mark.case(11)
def test_a_missing_binding_means_503_never_200(site):
    site.start_gateway()
    site.send_ok(body=b"x")
    with site.unbound("webhooks.ingest", "webhooks", "#"):
        reply = site.send(body=b"unroutable")
        assert reply.status == 503
        assert "retry-after" in reply.headers
    wait_accepted(site, 5)


@pytest.mark.case(12)
def test_a_full_queue_means_503_and_200_when_it_is_drained(site):
    assert site.servers.setup(QUEUE_MAX_BYTES="1MiB").returncode == 0
    try:
        site.start_gateway()
        ledger = site.ledger()

        def send(number):
            body = bytes([number]) * 100_000
            entry = ledger.sent(f"full-{number}", body)
            reply = site.send(body=body, headers={"webhook-id": f"full-{number}"})
            ledger.replied(entry, reply.status)
            return reply
        replies = [send(number) for number in range(30)]
        assert {reply.status for reply in replies} == {200, 503}
        assert all("retry-after" in reply.headers for reply in replies if reply.status == 503)
        site.start_workers(1)
        wait_accepted(site, 15)
    finally:
        assert site.servers.setup_afresh().returncode == 0
    site.wait_drained()
    assert ledger.missing(site.database) == 0


@pytest.mark.case(16)
@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_database_away_200_goes_on_and_rows_follow_after_its_return(site, how):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=300) as load:
        load.wait_acked(300)
        if how == "kill":
            site.database.kill()
        else:
            site.database.stop(how)
        load.wait_acked(600)
        assert gateway.is_ready()
        for worker in workers:
            worker.wait_ready(False)
        assert load.statuses.keys() == {200}
        site.database.start()
        for worker in workers:
            worker.wait_ready(limit=40)
        load.wait_acked(100)
    site.settle(ledger, at_least=800)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(23)
def test_a_missing_table_pauses_the_workers_and_makes_no_dead_letter(site):
    gateway = site.start_gateway()
    worker, = site.start_workers(1)
    ledger = site.ledger()
    site.database.query("alter table webhooks_raw rename to elsewhere")
    try:
        with Load(gateway.port, ledger, rate=200, count=200) as load:
            load.finish()
            worker.wait_ready(False)
    finally:
        site.database.query("alter table elsewhere rename to webhooks_raw")
    site.settle(ledger, at_least=100)
    worker.wait_ready(limit=40)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(3)
def test_killed_workers_lose_nothing_and_the_others_go_on(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    site.start_workers(3, WORKER_BATCH_EVENTS=50)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=700) as load:
        for _ in range(5):
            load.wait_acked(rng.randrange(100, 400))
            victim = rng.choice([worker for worker in site.workers if worker.alive()])
            victim.kill()
            site.start_workers(1, WORKER_BATCH_EVENTS=50)
        load.wait_acked(300)
    site.settle(ledger, at_least=640)
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() == {200}


@pytest.mark.case(1)
def test_a_killed_gateway_loses_nothing_that_it_acked(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=700) as load:
        for _ in range(5):
            load.wait_acked(rng.randrange(100, 400))
            gateway.kill()
            begun = time.monotonic()
            gateway.start()
            assert time.monotonic() - begun < 2 * slowness(site), "ready within 2 s of being started again"
            load.port = gateway.port
        load.wait_acked(200)
    site.settle(ledger, at_least=560)


def slowness(site):
    """How many times as long a sanitizer build may take."""
    return 10 if {"asan", "tsan"} & set(site.servers.build.parts) else 1


@pytest.mark.case(2)
def test_a_gateway_told_to_stop_under_load_gives_true_answers_and_exits_0(site):
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=700, threads=16) as load:
        load.wait_acked(500)
        assert gateway.stop(limit=25) == 0
        gateway.start()
        load.port = gateway.port
        load.wait_acked(300)
    assert load.statuses.keys() <= {200, 503, None}
    site.settle(ledger, at_least=640)


@pytest.mark.gateway
@pytest.mark.case(2)
def test_a_request_that_has_begun_when_the_gateway_is_told_to_stop_still_gets_its_reply(site):
    gateway = site.start_gateway()
    with Wire(gateway.port) as wire:
        wire.send(encode("POST", "/slow", b"", {"webhook-id": "slow", "Content-Length": 10}, length=False) + b"12345")
        wait_until(lambda: request(gateway.port).status == 200, "the gateway to serve others in the meantime")
        gateway.send(15)
        gateway.wait_ready(False, limit=5)
        wire.send(b"67890")
        reply = wire.reply()
    assert reply.status == 200
    assert gateway.wait(25) == 0
    channel = site.channel()
    bodies = [body for _, _, body in iter(lambda: channel.basic_get("webhooks.ingest", auto_ack=True), (None,) * 3)]
    channel.connection.close()
    assert b"1234567890" in bodies


def test_workers_told_to_stop_under_load_store_what_they_began_and_exit_0(site):
    gateway = site.start_gateway()
    workers = site.start_workers(3, WORKER_BATCH_EVENTS=50)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=700) as load:
        load.wait_acked(500)
        for worker in workers[:2]:
            assert worker.stop(limit=25) == 0
        load.wait_acked(300)
        assert workers[2].stop(limit=25) == 0
        load.wait_acked(100)
        site.start_workers(1)
    site.settle(ledger, at_least=720)
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() == {200}


@pytest.mark.case(17)
def test_workers_whose_connections_are_cut_again_and_again_lose_nothing(site):
    gateway = site.start_gateway()
    site.start_workers(2, WORKER_BATCH_EVENTS=50)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=500) as load:
        for _ in range(8):
            load.wait_acked(100)
            site.database.query("select pg_terminate_backend(pid) from pg_stat_activity "
                                "where usename = 'sluice_worker'")
    site.settle(ledger, at_least=640)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(22)
def test_overlapping_ids_in_two_workers_never_deadlock(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=2000, count=3000, repeats=0.8) as load:
        load.finish()
    site.start_workers(3, WORKER_BATCH_EVENTS=100, WORKER_PREFETCH=400)
    site.settle(ledger, at_least=240)
    assert "deadlock detected" not in site.database.child.output()
