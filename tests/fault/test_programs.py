# SPDX-License-Identifier: MIT
"""Programs are killed, stopped and frozen at the worst moments under load."""

import contextlib
import random
import signal
import time

import pytest

from links import accepted_again
from load import Load
from process import wait_until
from proxy import UP


@pytest.mark.case(1)
def test_a_gateway_killed_again_and_again_loses_nothing_and_is_ready_within_2_s(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    slowest = 0.0
    with Load(gateway.port, ledger, rate=700, threads=16, count=100_000) as load:
        load.wait_acked(300)
        for _ in range(15):
            time.sleep(rng.uniform(0.05, 0.6))
            gateway.kill()
            begun = time.monotonic()
            gateway.start()
            slowest = max(slowest, time.monotonic() - begun)
            load.port = gateway.port
            load.wait_acked(50)
        load.wait_acked(300)
    site.note(f"15 kills; ready again after {slowest:.2f} s at most (target 2)")
    site.settle(ledger, at_least=1000)
    assert slowest < 6
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(3)
def test_workers_killed_in_the_middle_of_batches_lose_nothing_and_dead_letter_nobody(site, links, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    links.worker_database.delay(5)  # a batch takes a while, so that a kill meets one
    settings = {"broker": False, "WORKER_BATCH_EVENTS": 50}
    alive = links.start_workers(3, **settings)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=500, count=100_000) as load:
        load.wait_acked(300)
        for _ in range(15):
            time.sleep(rng.uniform(0.05, 0.5))
            alive.pop(rng.randrange(len(alive))).kill()
            rows = site.count()
            wait_until(lambda: site.count() > rows, lambda: f"the others to go on\n{site.tails()}", 20)
            alive += links.start_workers(1, **settings)
        load.wait_acked(300)
    site.settle(ledger, at_least=1000, limit=120)
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() == {200}
    redelivered = sum(worker.metrics().get("sluice_worker_redeliveries_total", 0) for worker in alive)
    site.note(f"15 kills; the last three workers saw {redelivered:.0f} redeliveries")


@pytest.mark.quick
@pytest.mark.case(3)
def test_a_worker_killed_while_its_batch_is_under_way_has_acked_nothing_of_it(site, links):
    site.start_gateway()
    first, = links.start_workers(1, broker=False)
    site.row(site.send_ok(body=b"before"))
    links.worker_database.hold(UP)
    for number in range(20):
        site.send_ok(body=b"x", headers={"webhook-id": f"under-way-{number}"})
    wait_until(lambda: first.metrics().get("sluice_worker_deliveries_total") == 21, "all to be delivered", 10)
    time.sleep(0.5)  # enough time for an ack, which must not be sent
    first.kill()
    links.worker_database.reset()
    assert site.count() == 1
    site.start_workers(1)
    site.wait_count(21)
    site.wait_drained()
    assert site.count("webhooks_dead") == 0


@pytest.mark.quick
@pytest.mark.case(15)
def test_a_worker_that_meets_what_a_crash_gave_back_takes_one_message_at_a_time(site):
    """A message that kills its worker then costs few others a delivery. An open transaction that has inserted the same
    rows makes every batch wait."""
    site.start_gateway()
    with contextlib.closing(site.database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("insert into webhooks_raw (source, id, method, path, query, headers, body, received_at, "
                       "first_received_at) select 'default', 'crash-' || n, '', '', '', '{}', '', now(), now() "
                       "from generate_series(0, 39) n")
        first, = site.start_workers(1)
        for number in range(40):
            site.send_ok(body=b"x", headers={"webhook-id": f"crash-{number}"})
        wait_until(lambda: first.metrics().get("sluice_worker_deliveries_total") == 40, "all to be delivered", 10)
        first.kill()
        second, = site.start_workers(1)
        wait_until(lambda: second.metrics().get("sluice_worker_deliveries_total", 0) > 0, "a redelivery", 10)
        time.sleep(1)  # enough time for deliveries that must not come
        assert second.metrics()["sluice_worker_deliveries_total"] == 1
    site.wait_count(40)
    site.wait_drained()
    assert site.count("webhooks_dead") == 0


@pytest.mark.quick
@pytest.mark.case(4)
def test_a_worker_killed_between_commit_and_ack_is_followed_by_a_redelivery_that_changes_nothing(site, links):
    site.start_gateway()
    first, = links.start_workers(1, database=False)
    before = [site.send_ok(headers={"webhook-id": f"before-{n}"}) for n in range(20)]
    wait_until(lambda: first.metrics().get("sluice_worker_acked_total") == 20, "the acks of all of them")
    links.worker_broker.hold(UP)
    held = [site.send_ok(body=b"held", headers={"webhook-id": f"held-{n}"}) for n in range(20)]
    site.wait_count(40)  # committed; the acks are held in the proxy
    rows = site.rows()
    first.kill()
    second, = site.start_workers(1)
    wait_until(lambda: len(second.lines("unchanged")) == 20, lambda: f"20 redeliveries\n{second.tail()}", 30)
    site.wait_drained()
    assert {line["id"] for line in second.lines("unchanged")} == set(held)
    assert not {line.get("id") for line in second.lines()} & set(before)
    assert site.rows() == rows
    assert site.count("webhooks_dead") == 0
    site.note("20 rows committed, killed before their acks: 20 redelivered, 0 changed")


@pytest.mark.case(6)
def test_a_worker_frozen_beyond_the_heartbeat_finds_its_channel_dead_and_reconnects(site):
    gateway = site.start_gateway()
    frozen, other = site.start_workers(2, WORKER_PREFETCH=50)
    ledger = site.ledger()

    def consumers():
        return site.broker.queue("webhooks.ingest").get("consumers")
    wait_until(lambda: consumers() == 2, "two consumers", 15)
    with Load(gateway.port, ledger, rate=100, count=100_000) as load:
        load.wait_acked(200)
        frozen.send(signal.SIGSTOP)
        begun = time.monotonic()
        try:
            wait_until(lambda: consumers() == 1, lambda: f"the broker to give it up\n{site.tails()}", 90, 0.5)
            gone = time.monotonic() - begun
            load.wait_acked(100)
        finally:
            frozen.send(signal.SIGCONT)
        thawed = time.monotonic()
        wait_until(lambda: frozen.lines("broker-away"), lambda: f"it to notice\n{frozen.tail()}", 15)
        wait_until(lambda: consumers() == 2, lambda: f"it to consume again\n{frozen.tail()}", 30)
        site.note(f"given up by the broker after {gone:.0f} s; consuming {time.monotonic() - thawed:.1f} s after SIGCONT")
        load.wait_acked(200)
    site.settle(ledger, at_least=500, limit=120)
    assert other.alive()
    assert frozen.alive()
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() == {200}


@pytest.mark.quick
@pytest.mark.case(2)
def test_a_gateway_told_to_stop_is_first_seen_as_not_ready_and_then_exits_0(site, links):
    gateway = links.start_gateway(GATEWAY_CONFIRM_TIMEOUT="10s")
    site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=200, count=100_000) as load:
        load.wait_acked(100)
        links.gateway_broker.delay(300)  # requests are under way when the signal comes
        load.wait_acked(20)
        seen = len(load.acks)
        gateway.send(signal.SIGTERM)
        gateway.wait_ready(False, limit=2)
        assert gateway.alive(), "it reported not ready before it ended"
        assert gateway.wait(25) == 0
        assert len(load.acks) > seen, "requests that were under way got their 200"
        links.gateway_broker.heal()
        begun = time.monotonic()
        gateway.start()
        load.port = gateway.port
        accepted_again(site, load, begun, 2)
        load.wait_acked(100)
    site.settle(ledger, at_least=200)
