# SPDX-License-Identifier: MIT
"""The database is stopped, stalls or terminates the workers' sessions: the gateway still answers 200, no event becomes
a dead letter, and the backlog shrinks soon after the database's return."""

import contextlib
import os
import random
import signal
import time

import pytest

from links import DATABASE_BACK, backlog_falls
from load import Load
from process import wait_until
from proxy import DIRECTIONS
from sampler import Sampler

BACKENDS = ("select pid from pg_stat_activity where usename = 'sluice_worker' and backend_type = 'client backend'")


@pytest.mark.quick
@pytest.mark.case(16)
@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_database_that_restarts_again_and_again_costs_nothing_but_time(site, how):
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=200, count=100_000) as load:
        for _ in range(3):
            load.wait_acked(100)
            if how == "kill":
                site.database.kill()
            else:
                site.database.stop(how)
            load.wait_acked(200)
            site.database.start()
            backlog_falls(site, time.monotonic())
        load.wait_acked(100)
    assert load.statuses.keys() == {200}
    site.settle(ledger, at_least=800)
    assert site.count("webhooks_dead") == 0


@pytest.mark.quick
@pytest.mark.case(17)
def test_workers_thrown_out_by_the_database_in_a_loop_lose_nothing_and_keep_to_the_budget(site):
    gateway = site.start_gateway()
    budget = site.database.query("select rolconnlimit from pg_roles where rolname = 'sluice_worker'")[0][0]
    site.start_workers(4, WORKER_CONNECTIONS=4, WORKER_BATCH_EVENTS=20)
    ledger = site.ledger()
    thrown = 0
    with Sampler(site.database) as sampler, Load(gateway.port, ledger, rate=500, count=100_000) as load:
        until = time.monotonic() + 15
        while time.monotonic() < until:
            thrown += len(site.database.query(BACKENDS.replace("select pid", "select pg_terminate_backend(pid)")))
            time.sleep(0.25)
        rows = site.count()
        wait_until(lambda: site.count() > rows, lambda: f"rows again\n{site.tails()}", 20)
        load.wait_acked(max(200, 2000 - ledger.counts["acked"]), limit=60)
    site.settle(ledger, at_least=2000, limit=60)
    site.note(f"{thrown} backends terminated; {sampler.most} connections at most, budget {budget}")
    assert thrown > 30
    assert sampler.most <= budget
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() == {200}


@pytest.mark.case(18)
@pytest.mark.usefixtures("delivery_limit")
@pytest.mark.delivery_limit(20)
def test_thirty_outages_of_the_database_use_up_no_delivery_limit_of_20(site):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=100, count=100_000) as load:
        for _ in range(30):
            load.wait_acked(20)
            site.database.stop("fast")
            wait_until(lambda: any(worker.metrics()['sluice_worker_held_events{cause="waiting"}'] > 0
                                   for worker in workers),
                       "workers to hold events", 15)
            site.database.start()
        backlog_falls(site, time.monotonic())
    site.settle(ledger, at_least=500)
    assert site.count("webhooks_dead") == 0
    redelivered = sum(worker.metrics()["sluice_worker_redeliveries_total"] for worker in workers)
    site.note(f"30 outages, {redelivered:.0f} redeliveries")
    assert redelivered == 0, "an outage of the database must not cause redeliveries"


@pytest.mark.case(19)
def test_a_black_hole_to_the_database_is_given_up_at_the_deadline_while_heartbeats_go_on(site, links):
    gateway = site.start_gateway()
    worker, = links.start_workers(1, broker=False)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=50, count=100_000) as load:
        load.wait_acked(100)
        links.worker_database.black_hole()
        begun = time.monotonic()
        wait_until(lambda: worker.lines("database-away"), lambda: f"it to be given up\n{worker.tail()}", 90, 0.2)
        given_up = time.monotonic() - begun
        worker.wait_ready(False)
        time.sleep(5)
        assert worker.metrics()["sluice_worker_connections"] == 0, "closed before its slot is used again"
        assert not worker.lines("broker-away"), "heartbeats went on"
        assert worker.admin("/health")[0] == 200
        links.worker_database.heal()
        backlog_falls(site, time.monotonic())
    site.note(f"given up after {given_up:.0f} s (deadline 60)")
    assert load.statuses.keys() == {200}
    site.settle(ledger, at_least=1000)
    assert site.count("webhooks_dead") == 0
    assert worker.metrics()["sluice_worker_redeliveries_total"] == 0


@pytest.mark.case(19)
def test_a_backend_that_stands_still_for_two_minutes_holds_up_its_own_batch_only(site):
    """The worker has two connections; the other one continues to store."""
    gateway = site.start_gateway()
    worker, = site.start_workers(1, WORKER_BATCH_EVENTS=20)
    ledger = site.ledger()
    with Sampler(site.database) as sampler, Load(gateway.port, ledger, rate=50, count=100_000) as load:
        load.wait_acked(100)
        (pid,), *_ = site.database.query(BACKENDS)
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        try:
            rows = site.count()
            wait_until(lambda: site.count() > rows + 20, lambda: f"the other slot to store\n{site.tails()}", 20)
            wait_until(lambda: worker.lines("database-away") or worker.lines("not-stored"),
                       lambda: f"the batch to be given up\n{site.tails()}", 90, 0.2)
            given_up = time.monotonic() - begun
            load.wait_acked(100)
            while time.monotonic() - begun < 120:
                time.sleep(1)
                assert worker.alive()
        finally:
            os.kill(pid, signal.SIGCONT)
        load.wait_acked(100)
    site.note(f"given up after {given_up:.0f} s; {sampler.most} connections at most")
    assert not worker.lines("broker-away")
    site.settle(ledger, at_least=2000)
    assert site.count("webhooks_dead") == 0


@pytest.mark.quick
@pytest.mark.case(10)
@pytest.mark.parametrize("fault", ["reset", "cut", "half-close", "stop in a message", "slow", "sliced"])
def test_whatever_happens_to_the_link_to_the_database_nothing_is_lost_and_it_recovers(site, links, fault, seed):
    rng = random.Random(f"{seed}/{fault}")
    gateway = site.start_gateway()
    links.start_workers(2, broker=False, WORKER_BATCH_EVENTS=20)
    ledger = site.ledger()
    proxy = links.worker_database
    inflict = {"reset": proxy.reset, "cut": proxy.cut, "slow": lambda: proxy.delay(rng.randint(20, 200)),
               "half-close": lambda: proxy.half_close(rng.choice(DIRECTIONS)), "sliced": proxy.slice,
               "stop in a message": lambda: proxy.stop_after(rng.randint(1, 5000), rng.choice(DIRECTIONS))}[fault]
    with Load(gateway.port, ledger, rate=100, count=100_000) as load:
        load.wait_acked(100)
        for _ in range(3):
            inflict()
            time.sleep(rng.uniform(0.3, 1.5))
            proxy.heal()
            backlog_falls(site, time.monotonic(), DATABASE_BACK)
            load.wait_acked(50)
    assert load.statuses.keys() == {200}
    site.settle(ledger, at_least=220, limit=120)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(22)
def test_a_row_that_somebody_locks_for_30_s_and_overlapping_ids_make_no_deadlock(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    ledger = site.ledger()
    ids = [f"shared-{n}" for n in range(150)]
    with Load(gateway.port, ledger, rate=200, count=100_000) as load:
        load.wait_acked(100)
        site.start_workers(2, WORKER_BATCH_EVENTS=60, WORKER_PREFETCH=400)
        overlap(site, ledger, ids, rng, rounds=4)
        with contextlib.closing(site.database.connect()) as lock, lock.cursor() as cursor:
            lock.autocommit = False
            wait_until(lambda: site.rows("id = 'shared-7'"), lambda: f"the row to be locked\n{site.tails()}", 30)
            cursor.execute("select from webhooks_raw where id = 'shared-7' for update")
            overlap(site, ledger, ids, rng, rounds=4)
            begun = time.monotonic()
            while time.monotonic() - begun < 30:
                assert load.statuses.keys() == {200}
                time.sleep(1)
        backlog_falls(site, time.monotonic(), 10)
    site.settle(ledger, at_least=150, limit=120)
    assert "deadlock detected" not in site.database.child.output()
    assert site.count("webhooks_dead") == 0


def overlap(site, ledger, ids, rng, rounds):
    """The same ids again and again in shuffled order, each time with another body."""
    port = site.gateway.port
    for number in range(rounds):
        rng.shuffle(ids)
        load = Load(port, ledger, rate=2000, count=0)  # used only for its send()
        connection = None
        for event_id in ids:
            connection, status = load.send(connection, event_id, b"%d" % rng.getrandbits(40))
            assert status == 200, f"round {number}: {status}"


@pytest.mark.case(23)
def test_after_a_long_repair_the_backlog_falls_as_soon_as_after_an_outage(site):
    """The wait between two attempts stays below the target, however long the repair took."""
    gateway = site.start_gateway()
    site.start_workers(1)
    ledger = site.ledger()
    slowest = 0.0
    with Load(gateway.port, ledger, rate=50, count=100_000) as load:
        for _ in range(4):
            load.wait_acked(50)
            site.database.query("alter table webhooks_raw rename to elsewhere")
            try:
                time.sleep(12)  # until the waits have grown to their maximum
            finally:
                site.database.query("alter table elsewhere rename to webhooks_raw")
            slowest = max(slowest, backlog_falls(site, time.monotonic()))
    assert load.statuses.keys() == {200}
    site.settle(ledger, at_least=1500)
    assert site.count("webhooks_dead") == 0
    assert slowest < DATABASE_BACK + 1
