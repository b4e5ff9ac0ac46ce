# SPDX-License-Identifier: MIT
"""Partial trouble: some events can't be stored for as long as a problem lasts, and all others are stored nevertheless.

Good events of the source `plenty`, many times the prefetch, arrive all the time, while the events of the source `rare`
have a problem. Their rate is fixed and far below what a worker can store, so they should be stored at that rate.
TROUBLE=900 makes each problem last 900 seconds, with new bad events all the time."""

import contextlib
import itertools
import os
import signal
import threading
import time

import pika
import pytest

from process import wait_until

TROUBLE = float(os.environ.get("TROUBLE", "15"))  # seconds
PREFETCH = 50
RATE = 100  # good events a second
FEW = 45  # maximum number of bad feeds: with two events each they are too few to put a brake on
SMALL = {"WORKER_PREFETCH": PREFETCH, "WORKER_BATCH_EVENTS": 20}
LOCK_TIMEOUT, STATEMENT_TIMEOUT = 2, 30  # of the worker's sessions, seconds
T = 1_763_900_000_000_000
DELAYS = "1s,2s,10s,60s,600s"
pytestmark = pytest.mark.usefixtures("declared")


def rare(event_id, path, **headers):
    return [(event_id, {"sluice-source": "rare", "sluice-path": path, **headers})]


class Stream:
    """Publishes good events at a steady rate, over its own channel, until the end of the block."""

    def __init__(self, site):
        self.site = site
        self.published = 0
        self.stopping = threading.Event()
        self.flowing = threading.Event()
        self.flowing.set()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        channel = self.site.channel()
        channel.confirm_delivery()
        due = time.monotonic()
        while not self.stopping.is_set():
            if not self.flowing.is_set():
                self.flowing.wait(1)
                channel.connection.process_data_events()
                due = time.monotonic()
                continue
            received = time.time_ns() // 1000
            channel.basic_publish("webhooks", "plenty", b"{}", pika.BasicProperties(
                delivery_mode=2, message_id=f"good-{self.published}", app_id="sluice", headers={
                    "sluice-version": 1, "sluice-source": "plenty", "sluice-keep": "newest", "sluice-method": "POST",
                    "sluice-path": "/", "sluice-query": "", "sluice-received": received, "sluice-remote": "127.0.0.1",
                    "sluice-attempt": 0, "sluice-headers": {}}), mandatory=True)
            self.published += 1
            due += 1 / RATE
            self.stopping.wait(max(0.0, due - time.monotonic()))
        channel.connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.flowing.set()
        self.stopping.set()
        self.thread.join(20)

    @contextlib.contextmanager
    def paused(self):
        self.flowing.clear()
        yield
        self.flowing.set()

    def waits(self):
        """Times from arrival to row: the longest in seconds, and how many were above one second."""
        (longest, slow), = self.site.database.query(
            "select coalesce(extract(epoch from max(stored_at - received_at)), 0)::float, "
            "count(*) filter (where stored_at - received_at > interval '1 s') "
            "from webhooks_raw where source = 'plenty'")
        return longest, slow

    def stored(self):
        return self.site.database.query("select count(*) from webhooks_raw where source = 'plenty'")[0][0]


def unacked(site):
    return site.broker.queue("webhooks.ingest").get("messages_unacknowledged", 0)


def acks_lag_by_no_more_than(site, stream, bad, limit):
    """Waits until all good events are stored and only the unsettled ones are unacked, by the broker's figures, which
    are a second old."""
    with stream.paused():
        wait_until(lambda: stream.stored() == stream.published and unacked(site) <= bad,
                   lambda: f"{stream.stored()} of {stream.published} to be stored and {unacked(site)} unacked to be "
                           f"{bad} at most\n{site.tails()}", limit)


def live_with(site, stream, workers, bad, bound, seconds=TROUBLE, feed=None, every=5.0):
    """Lets the problem last, with new bad events from feed(number) now and then; returns the number of calls. Meanwhile
    at least half of the good events are stored, none waits longer than `bound`, only the acks of `bad` events at a time
    are outstanding, and the workers report ready."""
    begun, before = time.monotonic(), (stream.published, stream.stored())
    fed = 0
    acks_due = begun + seconds / 2
    while time.monotonic() < begun + seconds:
        assert all(worker.is_ready() for worker in workers), [worker.admin("/ready") for worker in workers]
        backlog = stream.published - stream.stored()
        assert backlog <= RATE * bound, f"{backlog} good events wait\n{site.tails()}"
        if feed is not None and time.monotonic() >= begun + fed * every:
            feed(fed)
            fed += 1
        if time.monotonic() >= acks_due:
            acks_lag_by_no_more_than(site, stream, bad, bound + 5)
            acks_due = float("inf")
        stream.stopping.wait(0.2)
    came, stored = stream.published - before[0], stream.stored() - before[1]
    assert came > 5 * PREFETCH, came
    assert stored >= came / 2, f"{stored} of {came} were stored while it lasted\n{site.tails()}"
    longest, slow = stream.waits()
    site.note(f"{came} good events in {seconds:.0f} s, {stored} stored; the longest wait {longest:.1f} s, "
              f"{slow} above 1 s")
    assert longest <= bound, f"a good event waited for {longest:.1f} s\n{site.tails()}"
    return fed


def ends_well(site, stream):
    """Checks after the stream's block that every good event is a row and that no message is left."""
    wait_until(lambda: stream.stored() == stream.published, lambda: f"{stream.published} rows\n{site.tails()}", 60)
    site.wait_drained(60)


def path_of(site, event_id):
    rows = site.database.query(f"select path from webhooks_raw where id = '{event_id}'")
    return rows[0][0] if rows else None


def dead(site):
    return sorted(site.database.query("select id, verdict, sqlstate, attempts from webhooks_dead"))


@pytest.mark.usefixtures("odd_table")
@pytest.mark.parametrize(("workers", "bad", "settings"), [
    pytest.param(1, 1, {}, id="one event", marks=pytest.mark.quick),
    pytest.param(2, 2, {"WORKER_HOLD": "5s"}, id="as many as workers")])
def test_events_of_a_source_whose_trigger_is_broken_hold_up_nobody(site, workers, bad, settings):
    with Stream(site) as stream:
        wait_until(lambda: stream.published > 20, "a beginning")
        running = site.start_workers(workers, DELAYS="1s,2s", **SMALL, **settings)

        def break_some(turn):
            events = [event for number in range(bad) for event in rare(f"{turn:02}-{number}", "/missing")]
            site.publish_all(events, b"x", T)
        fed = live_with(site, stream, running, bad, bound=10, every=max(5, TROUBLE / FEW), feed=break_some)
        site.wait_count(fed * bad, table="webhooks_dead")
    ends_well(site, stream)
    ids = [f"{turn:02}-{number}" for turn in range(fed) for number in range(bad)]
    assert dead(site) == [(event_id, "later", "42P01", 3) for event_id in ids]
    assert sum(len(worker.lines("retried")) for worker in running) == 2 * len(ids)


@pytest.mark.parametrize("settings", [
    pytest.param({"WORKER_CONNECTIONS": 1}, id="one connection", marks=pytest.mark.quick),
    pytest.param({"WORKER_CONNECTIONS": 2}, id="two connections"),
    pytest.param({"WORKER_HOLD": "5s"}, id="for longer than events are held")])
def test_a_row_that_somebody_locks_holds_up_nobody(site, settings):
    worker, = site.start_workers(1, DELAYS="1s,2s", **SMALL, **settings)
    site.publish_all(rare("locked", "/old"), b"old", T)
    wait_until(lambda: path_of(site, "locked") == "/old", "the row")
    lock = site.database.connect()
    with contextlib.closing(lock), lock.cursor() as cursor, Stream(site) as stream:
        cursor.execute("begin; select from webhooks_raw where id = 'locked' for update")
        site.publish_all(rare("locked", "/new"), b"new", T + 1)
        live_with(site, stream, [worker], 1, bound=3 * LOCK_TIMEOUT + 2)
        cursor.execute("rollback")
        wait_until(lambda: path_of(site, "locked") == "/new", "the newer one", 60)
    ends_well(site, stream)
    assert dead(site) == [] and worker.lines("retried") == []
    if "WORKER_HOLD" in settings:
        assert worker.metrics()["sluice_worker_postponed_total"] >= 1
        assert worker.metrics()["sluice_worker_redeliveries_total"] == 0, "no delivery was charged"


@pytest.mark.usefixtures("odd_table")
def test_a_trigger_that_never_ends_holds_up_nobody_and_its_event_dies(site):
    with Stream(site) as stream:
        running = site.start_workers(1, DELAYS="1s", **SMALL)
        # Four timeouts of 30 s: in its batch, alone, and both again as a retry.
        life = 4.5 * STATEMENT_TIMEOUT
        fed = live_with(site, stream, running, 1, bound=STATEMENT_TIMEOUT + 10, seconds=max(TROUBLE, life), every=life,
                        feed=lambda turn: site.publish_all(rare(f"endless-{turn}", "/endless"), b"x", T))
        site.wait_count(fed, life, table="webhooks_dead")
    ends_well(site, stream)
    assert dead(site) == [(f"endless-{turn}", "later", "57014", 2) for turn in range(fed)]


@pytest.mark.quick
@pytest.mark.usefixtures("odd_table")
def test_an_error_text_with_a_character_across_its_cut_is_a_reason_and_holds_up_nobody(site):
    characters = itertools.cycle("ß漢😀")
    with Stream(site) as stream:
        running = site.start_workers(1, DELAYS="1s", **SMALL)

        def say(turn):
            # Byte 500 or byte 511 is inside the character.
            words = "x" * (499 + 11 * (turn // 3 % 2)) + next(characters) + "end"
            site.publish_all(rare(f"{turn:02}", "/words", **{"sluice-query": words}), b"x", T)
        fed = live_with(site, stream, running, 1, bound=10, every=max(0.5, TROUBLE / FEW), feed=say)
        site.wait_count(fed, table="webhooks_dead")
    ends_well(site, stream)
    assert dead(site) == [(f"{turn:02}", "poison", "22023", 1) for turn in range(fed)]


@pytest.mark.usefixtures("odd_table")
def test_a_source_all_of_whose_events_are_refused_is_braked_by_itself(site):
    count = 400
    with Stream(site) as stream:
        worker, = site.start_workers(1, DELAYS="1s,2s", **SMALL)
        site.publish_all([(f"refused-{number}", {"sluice-source": "rare", "sluice-path": "/unwelcome"})
                          for number in range(count)], b"x", T)
        line, = wait_until(lambda: worker.lines("brake-on"), lambda: f"the brake\n{site.tails()}", 30)
        assert (line.get("of"), line["source"], line["sqlstate"]) == ("source", "rare", "23514")
        live_with(site, stream, [worker], PREFETCH // 2, bound=5)
        assert "most events of a source are refused" in worker.admin("/ready")[1]
        metrics = worker.metrics()
        assert metrics["sluice_worker_braked"] == 1
        assert metrics['sluice_worker_held_events{cause="braked"}'] <= PREFETCH // 2
        assert metrics["sluice_worker_postponed_total"] > 0, "those beyond half of the prefetch are postponed"
        died = site.count("webhooks_dead")
        assert 100 < died < 200 + TROUBLE, "the first ones, and then one at a time"
        site.database.query("alter table webhooks_raw disable trigger odd")
        wait_until(lambda: site.count("webhooks_dead") + site.count() - stream.stored() == count,
                   lambda: f"all others of it\n{site.tails()}", 90)
        assert worker.metrics()["sluice_worker_braked"] == 0
        assert not any(line.get("of") == "worker" for line in worker.lines("brake-on"))
    ends_well(site, stream)
    site.note(f"{site.count('webhooks_dead')} of {count} died before the brake was off")


@pytest.mark.usefixtures("odd_table")
def test_several_sources_all_of_whose_events_are_refused_hold_up_another_for_seconds_only(site):
    broken = ["rare", "rare-too", "rare-three"]
    with Stream(site) as stream:
        worker, = site.start_workers(1, DELAYS="1s,2s", **SMALL)
        site.publish_all([(f"refused-{number}", {"sluice-source": source, "sluice-path": "/unwelcome"})
                          for number in range(300) for source in broken], b"x", T)
        wait_until(lambda: {line["source"] for line in worker.lines("brake-on")} >= {*broken},
                   lambda: f"the brakes\n{site.tails()}", 60)
        worker.wait_ready()  # not while the worker's own brake is on, which a single good event releases
        live_with(site, stream, [worker], PREFETCH // 2, bound=10)
        assert worker.metrics()["sluice_worker_braked"] == len(broken)
        site.database.query("alter table webhooks_raw disable trigger odd")
        wait_until(lambda: site.count("webhooks_dead") + site.count() - stream.stored() == 300 * len(broken),
                   lambda: f"all of them\n{site.tails()}", 120)
        on, off = (sum(line["of"] == "worker" for line in worker.lines(f"brake-{way}")) for way in ("on", "off"))
        assert on == off
    ends_well(site, stream)
    site.note(f"the worker's own brake was on {on} times; {site.count('webhooks_dead')} of {300 * len(broken)} died")


@pytest.mark.usefixtures("odd_table")
def test_an_alarm_with_a_retry_pending_lets_a_restarted_worker_drain_the_queue(site):
    good = [(f"good-{number}", {"sluice-source": "plenty"}) for number in range(2000)]
    worker, = site.start_workers(1, DELAYS="1s", **SMALL)
    site.publish_all(rare("cause", "/refused"), b"x", T)  # its retry opens the connection that the alarm will block
    site.wait_count(1, table="webhooks_dead")
    worker.stop()
    site.publish_all(rare("waits", "/refused"), b"x", T)
    site.publish_all(good, b"{}", T)
    site.broker.set_alarm()
    try:
        worker.start()
        site.wait_count(len(good), 60)
        wait_until(lambda: site.broker.queue("webhooks.ingest").get("messages") == 1, "the acks of all others", 20)
        assert worker.is_ready(), worker.admin("/ready")
        begun = time.monotonic()
        worker.stop()
        assert time.monotonic() - begun < 10, "a drain must not wait for confirms that only come after the alarm"
        assert worker.lines("drained")[-1]["given_back"] == "1"
        worker.start()
    finally:
        site.broker.clear_alarm()
    site.wait_count(2, 60, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.quick
@pytest.mark.usefixtures("odd_table")
def test_a_retry_that_no_queue_takes_lets_3000_others_pass_a_prefetch_of_20(site):
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=20)
        site.publish_all(rare("kept", "/refused"), b"x", T)
        worker.wait_ready(False)
        assert "retry queues not declared" in worker.admin("/ready")[1]
        site.publish_all([(f"good-{number}", {"sluice-source": "plenty"}) for number in range(3000)], b"{}", T)
        site.wait_count(3000, 60)
        wait_until(lambda: site.broker.queue("webhooks.ingest").get("messages") == 1, "the acks of all others", 20)
        assert worker.metrics()["sluice_worker_broker_connects_total"] == 1
    site.wait_count(1, 60, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.quick
def test_envelopes_of_a_later_release_wait_unchanged_for_a_worker_that_can_read_them(site):
    count, wait = 50, 600
    headers = {"sluice-version": 99, "sluice-source": "rare", "of-its-own": {"a": [1, "b"]}}
    with Stream(site) as stream:
        worker, = site.start_workers(1, DELAYS=f"{wait}s", **SMALL)
        channel = site.channel()
        channel.confirm_delivery()
        for number in range(count):
            channel.basic_publish("webhooks", "rare", b"the same", pika.BasicProperties(
                delivery_mode=2, message_id=str(number), content_type="text/plain", headers=headers), mandatory=True)
        worker.wait_ready(False)
        assert "upgrade this worker" in worker.admin("/ready")[1]
        waiting = f"webhooks.retry.{wait}"
        wait_until(lambda: channel.queue_declare(waiting, passive=True).method.message_count == count,
                   "all of them to wait")
        before = stream.stored()
        wait_until(lambda: stream.stored() > before + 5 * PREFETCH, "the others to go on", 30)
    assert worker.metrics()["sluice_worker_newer_total"] == count
    found = set()
    for _ in range(count):
        _, properties, body = channel.basic_get(waiting, auto_ack=True)
        properties.headers.pop("x-delivery-count", None)  # added by the retry queue at this delivery
        assert (properties.headers, properties.content_type, body) == (headers, "text/plain", b"the same")
        found.add(properties.message_id)
    assert found == {str(number) for number in range(count)}
    channel.connection.close()
    ends_well(site, stream)
    assert dead(site) == []


@pytest.mark.quick
def test_different_messages_that_are_no_envelopes_are_different_dead_letters(site):
    channel = site.channel()
    channel.confirm_delivery()
    for number in range(50):
        channel.basic_publish("webhooks", "rare", b"the same", pika.BasicProperties(message_id=str(number)),
                              mandatory=True)
    channel.connection.close()
    site.start_workers(1, **SMALL)
    site.wait_count(50, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.parametrize("every", [pytest.param(500, marks=pytest.mark.quick), 50])
def test_bad_events_among_many_cost_no_flush_for_each_neighbour(site, every):
    events = [(f"e-{number}", {"sluice-source": "plenty", "sluice-path": "/bad" if number % every == 7 else "/good"})
              for number in range(5000)]
    bad = sum(headers["sluice-path"] == "/bad" for _, headers in events)
    site.database.query("alter table webhooks_raw add constraint no_bad check (path <> '/bad') not valid")
    try:
        site.publish_all(events, b"{}", T)
        (before,), = site.database.query("select wal_sync from pg_stat_wal")
        worker, = site.start_workers(1, WORKER_CONNECTIONS=1)
        site.wait_count(len(events) - bad, 60)
        site.wait_count(bad, table="webhooks_dead")
        site.wait_drained()
        batches = worker.metrics()["sluice_worker_batches_total"]
        worker.stop()  # a backend reports its flushes at its end at the latest
        (after,), = site.database.query("select wal_sync from pg_stat_wal")
        site.note(f"1 bad in {every}: {after - before} flushes for {len(events)} events, {bad} bad, in "
                  f"{batches:.0f} batches")
        # A transaction is 64 events at most after a failure: with a flush of its own, 5,000 events take 78 at least.
        assert after - before <= 3 * batches + 30
    finally:
        site.database.query("alter table webhooks_raw drop constraint no_bad")


@pytest.fixture
def no_wal_writer(site):
    """Stops the WAL writer, so that only a commit that waits for the disk makes anything durable. Returns a function
    that crashes the server."""
    pid, = site.database.query("select pid from pg_stat_activity where backend_type = 'walwriter'")[0]
    os.kill(pid, signal.SIGSTOP)

    def crash():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the server's process", 20)
        site.database.wait_ready()
    yield crash
    if os.path.exists(f"/proc/{pid}"):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.quick
@pytest.mark.usefixtures("odd_table")
def test_what_is_acked_of_batches_with_bad_events_survives_a_crash_of_the_database(site, no_wal_writer):
    # Bad events throughout, and many at the end: a last transaction on its own would be flushed in any case.
    count, bad = 1000, {*range(7, 1000, 40), *range(940, 1000, 2)}
    site.publish_all([(f"{number:03}", {"sluice-source": "rare", "sluice-path": "/unwelcome" if number in bad else "/"})
                      for number in range(count)], b"{}", T)
    worker, = site.start_workers(1, DELAYS="1s", WORKER_CONNECTIONS=1)
    wait_until(lambda: worker.metrics()["sluice_worker_acked_total"] == count, lambda: f"the acks\n{site.tails()}", 60,
               0.005)
    no_wal_writer()
    assert (site.count(), site.count("webhooks_dead")) == (count - len(bad), len(bad))
    site.wait_drained()
