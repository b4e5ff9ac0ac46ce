# SPDX-License-Identifier: MIT
"""The budget under stress: many workers, other clients that hold every connection, random kills."""

import random
import time

import psycopg2
import pytest

from load import Load
from process import wait_until
from sampler import Sampler

BUDGET = 12
HOLDERS = ("select application_name, count(*) from pg_stat_activity where usename = 'sluice_worker' "
           "and backend_type = 'client backend' group by 1")


def fill(site, ledger, count):
    with Load(site.gateway.port, ledger, rate=4000, count=count, threads=16, prefix=f"fill{count}") as load:
        load.finish(120)


def refusals(workers):
    return sum(worker.metrics().get("sluice_worker_no_place_total", 0) for worker in workers if worker.alive())


@pytest.mark.quick
@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_of_twelve_workers_that_want_24_of_12_places_six_hold_one_after_10_s(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    fill(site, ledger, 4000)
    workers = [site.add_worker(WORKER_CONNECTIONS=2, WORKER_BATCH_EVENTS=5, WORKER_PREFETCH=50) for _ in range(12)]
    with Sampler(site.database) as sampler:
        begun = time.monotonic()
        for worker in workers:
            worker.start(wait=False)
        with Load(gateway.port, ledger, rate=600, count=100_000, threads=16, prefix="more"):
            time.sleep(max(0.0, begun + 10 - time.monotonic()))
            holders = dict(site.database.query(HOLDERS))
            refused = refusals(workers)
            seconds = time.monotonic() - begun
            time.sleep(10)
            later = (refusals(workers) - refused) / 10
    site.note(f"after {seconds:.0f} s {len(holders)} of 12 workers hold {sum(holders.values())} of {BUDGET} places, "
              f"most {sampler.most}; refusals {refused / seconds:.1f} a second, then {later:.1f}")
    assert len(holders) >= 6
    assert sampler.most <= BUDGET
    assert refused / seconds <= len(workers)
    assert later <= len(workers)
    site.settle(ledger, at_least=4000, limit=120)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_fifty_workers_killed_and_started_at_random_never_hold_more_than_the_budget(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    ledger = site.ledger()
    kills = 0
    with Sampler(site.database) as sampler, Load(gateway.port, ledger, rate=200, count=100_000):
        workers = [site.add_worker(WORKER_BATCH_EVENTS=20) for _ in range(50)]
        begun = time.monotonic()
        for worker in workers:
            worker.start(wait=False)
        until = time.monotonic() + 40
        while time.monotonic() < until:
            victim = rng.choice(workers)
            victim.kill()
            kills += 1
            time.sleep(rng.uniform(0, 0.3))
            victim.start(wait=False)
        refused = refusals(workers)
        seconds = time.monotonic() - begun
    site.note(f"50 workers, {kills} kills in {seconds:.0f} s; {len(sampler.samples)} samples, {sampler.most} at most, "
              f"budget {BUDGET}; refusals of those alive {refused / seconds:.1f} a second")
    assert sampler.most == BUDGET, "never above the budget; it must be used up, or the test shows nothing"
    assert refused / seconds <= len(workers)
    site.settle(ledger, at_least=2000, limit=120)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_one_worker_thirty_and_one_again_while_others_hold_every_connection(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    with Sampler(site.database) as sampler, Load(gateway.port, ledger, rate=100, count=100_000) as load:
        first, = site.start_workers(1)
        load.wait_acked(100)
        others = take_all_connections(site)
        more = [site.add_worker() for _ in range(29)]
        for worker in more:
            worker.start(wait=False)
        wait_until(lambda: sum(bool(worker.lines("standby")) for worker in more) > 20,
                   lambda: f"the surplus to stand by\n{more[0].tail()}", 40)
        load.wait_acked(200)
        idle = [worker for worker in more if worker.lines("standby") and not worker.lines("database-connected")]
        assert all(worker.metrics()['sluice_worker_held_events{cause="waiting"}'] == 0 for worker in idle)
        for one in others:
            one.close()
        for worker in more[:15]:
            worker.kill()
        for worker in more[15:]:
            worker.send(15)
        for worker in more[15:]:
            assert worker.wait(25) == 0
        rows = site.count()
        wait_until(lambda: site.count() > rows, lambda: f"the last one to go on\n{first.tail()}", 40)
    site.note(f"{len(others)} connections held by others, {len(idle)} idle on standby; {sampler.most} at most of {BUDGET}")
    assert sampler.most <= BUDGET
    site.settle(ledger, at_least=300, limit=90)
    assert site.count("webhooks_dead") == 0


def take_all_connections(site):
    """Opens connections of another role, which is not a superuser, until the server has none left."""
    site.database.query("create role greedy login password 'greedy-role'")
    taken = []
    while len(taken) < 200:
        try:
            taken.append(site.database.connect("greedy", "greedy-role"))
        except psycopg2.OperationalError:
            break
    return taken


@pytest.fixture(autouse=True)
def no_greedy_role(site):
    yield
    site.database.query("drop role if exists greedy")


@pytest.mark.quick
@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_the_places_of_killed_workers_are_free_at_once(site):
    site.start_gateway()
    workers = site.start_workers(6)
    wait_until(lambda: len(dict(site.database.query(HOLDERS))) == 6, "six holders", 20)
    for worker in workers:
        worker.kill()
    begun = time.monotonic()
    wait_until(lambda: not site.database.query(HOLDERS), "their places", 20, 0.01)
    seconds = time.monotonic() - begun
    site.note(f"free after {seconds:.2f} s")
    assert seconds < 2


@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_the_place_of_a_host_that_vanished_is_free_within_the_keepalives_of_the_role(site, links):
    gateway = site.start_gateway()
    links.start_workers(1, broker=False)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=50, count=100_000) as load:
        load.wait_acked(50)
        links.worker_database.vanish()
        site.workers[0].kill()
        begun = time.monotonic()
        assert site.database.query(HOLDERS), "the server can't know yet"
        wait_until(lambda: not site.database.query(HOLDERS), "its place", 60, 0.05)
        seconds = time.monotonic() - begun
        site.start_workers(1)
        load.wait_acked(50)
    site.note(f"free after {seconds:.1f} s (keepalives: 20)")
    assert seconds < 30
    site.settle(ledger, at_least=100)
