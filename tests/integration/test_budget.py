# SPDX-License-Identifier: MIT
"""All workers together stay within the connection budget."""

import contextlib

import pytest

from load import Load
from process import wait_until
from sampler import Sampler

BUDGET = 10


@pytest.mark.case(21)
@pytest.mark.usefixtures("small_budget")
def test_twelve_workers_of_four_slots_never_hold_more_than_the_budget_of_ten(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=2000, count=4000) as load:
        load.finish()
    consumers = 0
    channel = site.channel()
    with contextlib.closing(channel.connection), Sampler(site.database) as sampler:
        workers = [site.add_worker(WORKER_CONNECTIONS=4, WORKER_BATCH_EVENTS=20, WORKER_PREFETCH=100)
                   for _ in range(12)]
        for worker in workers:
            worker.start(wait=False)
        for worker in workers:
            worker.wait_ready(limit=40)
        with Load(gateway.port, ledger, rate=800, count=4000, prefix="more") as load:
            while load.begun <= 4000:
                now = channel.queue_declare("webhooks.ingest", passive=True).method
                consumers = max(consumers, now.consumer_count)
                load.stopping.wait(0.3)
        site.settle(ledger, at_least=6000)
        standing_by = [worker for worker in workers if worker.lines("standby")]
        idle = [worker for worker in standing_by if not worker.lines("stored") and not worker.lines("unchanged")]
    held = max(sampler.samples)
    site.note(f"samples={len(sampler.samples)} most={held} budget={BUDGET} standby={len(standing_by)} idle={len(idle)} "
          f"consumers={consumers}")
    assert len(sampler.samples) > 300
    assert held <= BUDGET
    assert held >= BUDGET // 2, "the budget was hardly used, so the test shows nothing"
    assert len(standing_by) >= 2
    assert 1 <= consumers <= BUDGET, "a worker without a place consumes"
    assert all(worker.alive() for worker in workers)


@pytest.mark.usefixtures("servers")
def test_a_standby_worker_takes_over_when_a_place_is_free(site, servers):
    assert servers.setup(DATABASE_BUDGET=1).returncode == 0
    try:
        site.start_gateway()
        first, = site.start_workers(1)
        site.send_ok(headers={"webhook-id": "one"})
        site.row("one")
        second, = site.start_workers(1)
        wait_until(lambda: second.lines("standby"), lambda: f"standby\n{second.tail()}", 20)
        assert second.is_ready()
        wait_until(lambda: "2, on standby 1" in servers.command("status").stdout,
                   lambda: f"`sluice status` to count them:\n{servers.command('status').stdout}", 15, 0.5)
        site.send_ok(headers={"webhook-id": "two"})
        site.row("two")
        assert not second.lines("stored")
        first.kill()
        site.send_ok(headers={"webhook-id": "three"})
        wait_until(lambda: site.rows("id = 'three'"), lambda: f"the standby to take over\n{site.tails()}", 60)
        wait_until(lambda: second.lines("stored"), lambda: f"its line, which comes after the row\n{second.tail()}")
        assert len(second.lines("standby")) == 1
    finally:
        assert servers.setup_afresh().returncode == 0


@pytest.mark.parametrize("limit", ["connection limit -1", "superuser"])
def test_a_worker_whose_role_has_no_budget_refuses_to_run(site, limit):
    site.database.query(f"alter role sluice_worker {limit}")
    try:
        worker = site.add_worker()
        worker.start(wait=False)
        assert worker.wait(20) == 78
        assert "sluice_worker" in worker.output()
    finally:
        site.database.query("alter role sluice_worker nosuperuser")
        assert site.servers.setup_afresh().returncode == 0
