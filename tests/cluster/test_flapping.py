# SPDX-License-Identifier: MIT
"""Something that scales workers changes its mind all the time, and no event pays for it."""

import contextlib

import pytest

from load import Load
from process import wait_until
from sampler import Sampler

BUDGET = 12
ROUNDS = 50
FEW, MANY = 2, 30
BACKLOG = 4000  # events that wait at first, so that every worker takes some
ROWS = 100  # that are stored in each round at least


@pytest.mark.delivery_limit(20)
@pytest.mark.usefixtures("small_budget", "delivery_limit")
def test_workers_go_from_2_to_30_and_back_fifty_times_within_the_budget_and_nothing_dies(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=1000, count=BACKLOG, prefix="backlog") as load:
        load.finish()
    lasting = site.start_workers(FEW)
    surplus = [site.add_worker(LOG_MESSAGES="batches") for _ in range(MANY - FEW)]
    given_back = standby = 0
    with contextlib.ExitStack() as stack:
        sampler = stack.enter_context(Sampler(site.database))
        load = stack.enter_context(Load(gateway.port, ledger, rate=200, count=10 ** 6, threads=16))
        for _ in range(ROUNDS):
            acked = ledger.counts["acked"]
            for worker in surplus:
                worker.start(wait=False)
            wait_until(lambda goal=acked + ROWS: ledger.counts["acked"] >= goal, lambda: f"2xx; {load.statuses}", 60)
            for worker in surplus:
                worker.send(15)
            for worker in surplus:
                assert worker.wait(40) == 0, worker.tail()
                given_back += sum(int(line["given_back"]) for line in worker.lines("drained"))
                standby += bool(worker.lines("standby"))
    site.settle(ledger, at_least=BACKLOG + ROUNDS * ROWS)
    redelivered = sum(worker.metrics()["sluice_worker_redeliveries_total"] for worker in lasting)
    site.note(f"{ROUNDS} times {FEW}, {MANY}, {FEW} workers: {sampler.most} connections at most of {BUDGET} in {len(sampler.samples)} "
              f"samples; {standby} starts on standby; {given_back} events given back, {redelivered:.0f} redelivered to those that stay")
    assert given_back == 0, "a worker that is told to stop stores what it has; what it gives back costs a delivery"
    assert sampler.most <= BUDGET
    assert sampler.most >= BUDGET // 2 and standby >= ROUNDS, "the budget was hardly used, so the test shows nothing"
    assert site.count("webhooks_dead") == 0
    assert load.statuses.keys() <= {200, 503}, load.statuses
