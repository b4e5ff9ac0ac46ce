# SPDX-License-Identifier: MIT
"""A worker says that it is ready only while it takes events, and that nothing is stored only when that is so."""

import pytest

from process import wait_until

T = 1_700_000_000_000_000
FAILING, SLOW = "raise exception 'no room' using errcode = '53100'", "perform pg_sleep(0.05)"


def say(worker):
    return worker.admin("/ready")[1].strip()


@pytest.fixture
def trigger(site):
    """A function that sets what the trigger on webhooks_raw does."""
    def does(what):
        site.database.query(f"""create or replace function odd() returns trigger language plpgsql as
                                $$ begin {what}; return new; end $$""")
    does(FAILING)
    site.database.query("create trigger odd before insert on webhooks_raw for each row execute function odd()")
    yield does
    site.database.query("drop trigger odd on webhooks_raw; drop function odd")


def test_a_worker_that_stores_a_long_batch_in_parts_does_not_say_that_nothing_is_stored(site, trigger):
    count = 400
    worker, = site.start_workers(1, WORKER_CONNECTIONS=1, WORKER_BATCH_EVENTS=count)
    site.publish_all([(f"part-{number:03}", {}) for number in range(count)], b"x", T)
    wait_until(lambda: say(worker).startswith("the database stores nothing"), lambda: say(worker), 30)
    assert site.count() == 0
    trigger(SLOW)
    # A batch takes 20 s, each transaction of it some 3 s.
    wait_until(lambda: say(worker) == "ready", lambda: f"{say(worker)}\n{site.tails()}", 30)
    batches = worker.metrics()["sluice_worker_batch_events_sum"]
    assert 0 < site.count() < count, "the batch isn't finished"
    site.wait_count(count, limit=60)
    wait_until(lambda: worker.metrics()["sluice_worker_acked_total"] == count, "the acks")
    assert batches < worker.metrics()["sluice_worker_batch_events_sum"]
    assert len(worker.lines("not-ready")) == 2, "before the first connection or broker, and while nothing was stored"


def test_a_worker_that_holds_all_that_it_may_and_stores_none_of_it_is_not_ready(site, trigger):
    """An alarm of the broker stops retries: those wait, unacked, until they fill the prefetch."""
    trigger("if new.path <> '/good' then raise exception 'its parent is missing' using errcode = '23503'; end if")
    try:
        worker, = site.start_workers(1, WORKER_CONNECTIONS=1, WORKER_PREFETCH=2)
        # Publishing makes RabbitMQ tell of the alarm, so these are published before.
        site.publish_all([(f"later-{number}", {}) for number in range(100)], b"x", T)
        site.broker.set_alarm()
        wait_until(lambda: worker.lines("retries-blocked"), "the alarm to be felt", 60)
        wait_until(lambda: say(worker).startswith("takes no events"), lambda: f"{say(worker)}\n{site.tails()}", 60)
        metrics = worker.metrics()
        assert metrics["sluice_worker_unacked"] == metrics['sluice_worker_held_events{cause="retrying"}'] == 2
    finally:
        site.broker.clear_alarm()
    wait_until(lambda: say(worker) == "ready", lambda: say(worker))
