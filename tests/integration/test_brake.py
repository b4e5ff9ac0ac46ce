# SPDX-License-Identifier: MIT
"""Few or many bad events among good ones: exactly the bad ones die, and a broken table doesn't kill the others."""

import contextlib

import pytest

from process import wait_until

BATCH = 500
T = 1_763_900_000_000_000  # microseconds since 1970


@pytest.fixture
def counted_table(site):
    """A table that refuses the path /bad, makes /gate wait while `gate` is held, and counts all insert attempts,
    committed or not."""
    site.database.query("""
        create sequence tried;
        create function count_try() returns trigger language plpgsql security definer as $$
        begin
            perform nextval('tried');
            if new.path = '/gate' then
                while not pg_try_advisory_xact_lock_shared(1) loop  -- no lock timeout ends this wait
                    perform pg_sleep(0.02);
                end loop;
            end if;
            return new;
        end $$;
        create trigger count_try before insert on webhooks_raw for each row execute function count_try();
        alter table webhooks_raw add constraint no_bad check (path <> '/bad') not valid""")
    yield lambda: site.database.query("select last_value from tried")[0][0]
    site.database.query("alter table webhooks_raw drop constraint if exists no_bad; drop trigger count_try on webhooks_raw;"
                        "drop function count_try; drop sequence tried")


def fill(site, bad, good):
    """Publishes good and bad events through the gateway, evenly mixed; returns the ids of the bad ones."""
    gateway = site.start_gateway()
    total = bad + good
    ids = set()
    for number in range(total):
        is_bad = (number + 1) * bad // total > number * bad // total
        event_id = f"event-{number:03}"
        site.send_ok("POST", "/bad" if is_bad else "/good", b"{}", {"webhook-id": event_id})
        if is_bad:
            ids.add(event_id)
    assert len(ids) == bad
    gateway.stop()
    return ids


@contextlib.contextmanager
def gate(site):
    connection = site.database.connect()
    try:
        connection.cursor().execute("select pg_advisory_lock(1)")
        yield
    finally:
        connection.close()


@pytest.mark.parametrize("bad", [1, 10, 499])
def test_of_a_batch_of_500_exactly_the_bad_ones_die_at_a_cost_that_is_linear(site, counted_table, bad):
    worker, = site.start_workers(1, WORKER_CONNECTIONS=1, WORKER_BATCH_EVENTS=BATCH)
    site.publish("zeroth", b"{}", T)  # ends the careful start
    site.row("zeroth")
    with gate(site):
        # The first event waits at the gate alone; the events that come meanwhile form one batch.
        site.publish("first", b"{}", T, **{"sluice-path": "/gate"})
        wait_until(lambda: counted_table() == 2, "the event to be at the gate")
        dead = fill(site, bad, BATCH - bad)
        wait_until(lambda: worker.metrics()['sluice_worker_held_events{cause="waiting"}'] == BATCH,
                   "the whole batch to be prefetched")
    site.wait_count(bad, table="webhooks_dead")
    site.wait_drained()
    assert {row.id for row in site.rows()} == {"zeroth", "first", *(f"event-{number:03}" for number in range(BATCH))} - dead
    assert {row[0] for row in site.database.query("select id from webhooks_dead")} == dead
    assert worker.metrics()["sluice_worker_batches_total"] == 3
    # The events before a bad one are sent a second time, and those that shared its statement a third time: at most twice
    # each and once more for one statement, plus the first two events.
    assert BATCH < counted_table() - 2 <= 2 * BATCH + 128
    site.note(f"{bad} bad of {BATCH}: {counted_table() - 2} upserts, {bad} dead letters")


def test_when_most_events_are_refused_the_brake_holds_the_rest_until_the_cause_is_mended(site, counted_table):
    site.database.query("alter table webhooks_raw drop constraint no_bad;"
                        "alter table webhooks_raw add constraint no_bad check (false) not valid")
    fill(site, 0, 400)
    worker, = site.start_workers(1, WORKER_BATCH_EVENTS=50, WORKER_CONNECTIONS=1)  # so that no other batch is in progress
    worker.wait_ready(False)
    assert "most events are refused" in worker.admin("/ready")[1]
    assert worker.metrics()["sluice_worker_braked"] == 1
    line, = wait_until(lambda: worker.lines("brake-on"), worker.tail)
    assert line["sqlstate"] == "23514" and int(line["refused"]) > 100
    died = site.count("webhooks_dead")
    assert 100 < died <= 200
    wait_until(lambda: site.count("webhooks_dead") >= died + 2, "two events to be tried, one by one", 30)
    assert worker.admin("/health")[0] == 200 and not worker.is_ready()
    tried = counted_table()
    assert tried - died <= 160, "one at a time, not all of them again"
    site.database.query("alter table webhooks_raw drop constraint no_bad")
    worker.wait_ready(limit=40)
    # The events beyond half of the prefetch wait in a retry queue, 10 s at a time.
    wait_until(lambda: site.count() + site.count("webhooks_dead") == 400, lambda: f"all of them\n{site.tails()}", 60)
    site.wait_drained()
    dead = site.count("webhooks_dead")
    assert dead <= died + 10
    assert worker.metrics()["sluice_worker_braked"] == 0
    assert len(worker.lines("brake-off")) == 1
    site.note(f"{dead} of 400 died before the cause was mended")


@pytest.mark.parametrize("braked", [1, 3])  # of several, the worker's own brake is put on, too
def test_the_queued_events_of_a_braked_source_hold_up_another_only_until_a_retry_queue_has_taken_them(site, braked):
    """However small the prefetch is. None of them comes back during the test."""
    sources = [f"rare-{number}" for number in range(braked)]
    site.database.query("alter table webhooks_raw add constraint no_rare check (source not like 'rare-%') not valid")
    worker, = site.start_workers(1, DELAYS="600s", WORKER_PREFETCH=2)
    try:
        site.publish_all([(f"event-{number}", {"sluice-source": source}) for number in range(300) for source in sources], b"{}", T)
        wait_until(lambda: worker.metrics()["sluice_worker_braked"] == braked, lambda: f"the brakes\n{worker.tail()}", 30)
        site.publish_all([(f"more-{number}", {"sluice-source": source}) for number in range(100) for source in sources], b"{}", T)
        site.publish_all([(f"good-{number}", {}) for number in range(20)], b"{}", T)
        site.wait_count(20)
    finally:
        site.database.query("alter table webhooks_raw drop constraint no_rare")


def test_messages_that_are_no_envelopes_put_the_brake_on_too(site):
    """As when another program publishes to the exchange."""
    channel = site.channel()
    for number in range(300):
        channel.basic_publish("webhooks", "default", b"stranger %d" % number)
    channel.connection.close()
    worker = site.add_worker(WORKER_BATCH_EVENTS=50).start(wait=False)
    wait_until(lambda: worker.lines("brake-on"), lambda: f"the brake\n{site.tails()}")
    worker.wait_ready(False)
    assert 100 < site.count("webhooks_dead") <= 200
