# SPDX-License-Identifier: MIT
"""An event that can't be stored now waits alone, leaves alone, and delays no other."""

import contextlib
import itertools

import pytest

from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970
GOOD = 300  # more than each prefetch here
DELAYS = "1s,10s,60s,600s"
pytestmark = pytest.mark.usefixtures("declared")


def publish_rare(site, event_id, path):
    site.publish_all([(event_id, {"sluice-source": "rare", "sluice-path": path})], b"x", T)


def publish_good(site, count=GOOD, name="good"):
    site.publish_all([(f"{name}-{number}", {"sluice-source": "plenty"}) for number in range(count)], b"{}", T)


def stored(site, source):
    return site.database.query(f"select count(*) from webhooks_raw where source = '{source}'")[0][0]


def wait_stored(site, count=GOOD, source="plenty", limit=30):
    wait_until(lambda: stored(site, source) == count,
               lambda: f"{count} rows of {source}, there are {stored(site, source)}\n{site.tails()}", limit)


def store_until(site, condition, what):
    """Publishes good events until condition() holds."""
    numbers = itertools.count()

    def step():
        publish_good(site, 1, f"more-{next(numbers)}")
        return condition()
    wait_until(step, lambda: f"{what}\n{site.tails()}", 60)


def unacked(site):
    return site.broker.queue("webhooks.ingest").get("messages_unacknowledged", 0)


@contextlib.contextmanager
def locked_row(site, event_id):
    """An open transaction locks the row that an event would update."""
    site.publish_all([(event_id, {"sluice-source": "rare"})], b"old", T - 1)
    wait_stored(site, 1, "rare")
    connection = site.database.connect()
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f"begin; select from webhooks_raw where id = '{event_id}' for update")
        yield


def test_a_locked_row_costs_only_its_own_event_its_turn_and_no_attempt_however_long(site):
    worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=50, WORKER_BATCH_EVENTS=20, WORKER_HOLD="3s")
    with locked_row(site, "locked"):
        publish_rare(site, "locked", "/new")
        publish_good(site)
        wait_stored(site)
        # The worker holds it for 3 s, then it waits in a retry queue for 1 s, and so on.
        store_until(site, lambda: worker.is_ready() and len(worker.lines("postponed")) >= 2, "it to leave")
        assert not [line for line in worker.lines("not-ready") if "stores nothing" in line["state"]]
        wait_until(lambda: unacked(site) <= 1, "the acks of all others")
    wait_until(lambda: site.database.query("select body from webhooks_raw where id = 'locked'")[0][0].tobytes() == b"x",
               lambda: f"the newer one to be stored\n{site.tails()}", 60)
    site.wait_drained(60)
    assert site.count("webhooks_dead") == 0 and worker.lines("retried") == []
    assert worker.metrics()["sluice_worker_redeliveries_total"] == 0, "no delivery was charged"


@pytest.mark.usefixtures("odd_table")
def test_a_careful_start_ends_with_its_first_message_however_that_fares(site):
    publish_rare(site, "first", "/missing")
    publish_good(site)
    worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=50)
    wait_stored(site)
    # Others had been stored by then, so it is its own fault: it is retried, and dead once others are stored again.
    wait_until(lambda: worker.lines("retried"), lambda: f"its retry\n{site.tails()}")
    store_until(site, lambda: site.count("webhooks_dead") == 1, "its end")
    assert site.database.query("select source, id, verdict, sqlstate, attempts from webhooks_dead") == [
        ("rare", "first", "later", "42P01", 2)]
    site.wait_drained()


@pytest.mark.usefixtures("odd_table")
def test_an_event_that_ends_its_backend_each_time_is_found_and_its_neighbours_are_stored(site):
    worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=50, WORKER_BATCH_EVENTS=20)
    publish_rare(site, "suicide", "/suicide")
    publish_good(site)
    wait_stored(site)
    store_until(site, lambda: site.count("webhooks_dead") == 1, "its end")
    assert site.database.query("select source, id, verdict, attempts from webhooks_dead") == [
        ("rare", "suicide", "later", 2)]
    assert worker.alive()
    site.wait_drained()


@pytest.mark.usefixtures("odd_table")
def test_a_retry_that_no_queue_takes_is_given_back_by_itself_when_it_is_held_too_long(site):
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=50, WORKER_HOLD="2s")
        publish_rare(site, "kept", "/refused")
        publish_good(site)
        wait_stored(site)
        wait_until(lambda: worker.metrics()["sluice_worker_given_back_total"] >= 2,
                   lambda: f"it to be given back\n{site.tails()}", 40)
        assert worker.metrics()["sluice_worker_redeliveries_total"] <= \
            worker.metrics()["sluice_worker_given_back_total"], "no other event got a redelivery"
        assert site.count("webhooks_dead") == 0
    worker.wait_ready()
    site.wait_count(1, 60, table="webhooks_dead")
    site.wait_drained()


def test_a_dead_letter_whose_reason_the_database_refuses_is_written_without_it(site):
    site.database.query("""
        alter table webhooks_raw add constraint unwelcome check (path <> '/bad') not valid;
        alter table webhooks_dead add constraint picky check (reason not like '%unwelcome%')""")
    try:
        site.start_workers(1, WORKER_PREFETCH=50)
        publish_rare(site, "bad", "/bad")
        publish_good(site)
        wait_stored(site)
        site.wait_count(1, table="webhooks_dead")
        (sqlstate, reason), = site.database.query("select sqlstate, reason from webhooks_dead")
        assert sqlstate == "23514" and "sqlstate" in reason
        site.wait_drained()
    finally:
        site.database.query("alter table webhooks_raw drop constraint unwelcome;"
                            "alter table webhooks_dead drop constraint picky")


def test_a_dead_letter_that_cannot_be_written_at_all_waits_and_holds_up_nobody(site):
    worker, = site.start_workers(1, WORKER_PREFETCH=50, WORKER_CONNECTIONS=1)
    site.database.query("""
        alter table webhooks_raw add constraint unwelcome check (path <> '/bad') not valid;
        alter table webhooks_dead rename to elsewhere""")
    try:
        publish_rare(site, "bad", "/bad")
        publish_good(site)
        wait_stored(site)
        wait_until(lambda: worker.lines("parked"), lambda: f"it to be parked\n{site.tails()}")
        wait_until(lambda: unacked(site) == 1, "the acks of all others")
    finally:
        site.database.query("alter table elsewhere rename to webhooks_dead")
    site.wait_count(1, 60, table="webhooks_dead")
    (verdict, reason), = site.database.query("select verdict, reason from webhooks_dead")
    assert verdict == "poison" and "unwelcome" in reason, "with its reason, which Postgres had never refused"
    site.database.query("alter table webhooks_raw drop constraint unwelcome")
    site.wait_drained()
