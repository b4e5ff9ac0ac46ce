# SPDX-License-Identifier: MIT
"""Events that may succeed later go through the retry queues; they become dead letters only after the last one."""

import time

import pytest

from process import wait_until

TIERS = "1s,2s"
UNDECLARED = 7  # seconds; a delay that no other test declares
T = 1_763_900_000_000_000  # microseconds since 1970
DELAYS = "1s,2s,10s,15s,60s,600s"
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def strict_table(site):
    """A table with a user's trigger that refuses some paths in different ways."""
    site.database.query("""
        create table parents (id text primary key);
        create table children (id text primary key, parent text references parents);
        create function strict() returns trigger language plpgsql as $$
        begin
            if new.path = '/refused' then
                raise exception 'not today';
            elsif new.path like '/child-of/%' then
                insert into children values (new.id, substr(new.path, 11)) on conflict do nothing;
            end if;
            return new;
        end $$;
        grant select, insert on children to sluice_worker;
        create trigger strict before insert or update on webhooks_raw for each row execute function strict()""")
    yield
    site.database.query("drop trigger strict on webhooks_raw; drop function strict; drop table children, parents")


@pytest.fixture
def subscriber(site):
    """Another program's queue, bound to `webhooks`; counts its messages by id."""
    channel = site.channel()
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(name, "webhooks", "#")

    def counts():
        found = {}
        for _, properties, _ in iter(lambda: channel.basic_get(name, auto_ack=True), (None, None, None)):
            found[properties.message_id] = found.get(properties.message_id, 0) + 1
        return found
    yield counts
    channel.connection.close()


def retried(worker):
    return {name.partition('tier="')[2].rstrip('"}'): value for name, value in worker.metrics().items()
            if name.startswith("sluice_worker_retried_total")}


def dead(site):
    return site.database.query("select id, verdict, sqlstate, attempts, reason from webhooks_dead order by id")


@pytest.mark.usefixtures("strict_table")
def test_a_refused_event_goes_through_every_tier_then_dies_while_its_neighbours_are_stored_at_once(site, subscriber):
    worker, = site.start_workers(1, DELAYS=TIERS)
    for number in range(20):
        site.publish(f"fine-{number}", b"x", T + number)
    begun = time.monotonic()
    site.publish("refused", b"y", T + 100, **{"sluice-path": "/refused"})
    site.wait_count(20)
    assert dead(site) == []
    site.wait_count(1, table="webhooks_dead")
    assert time.monotonic() - begun >= 3, "both waits must have passed"
    (event_id, verdict, sqlstate, attempts, reason), = dead(site)
    assert (event_id, verdict, sqlstate, attempts) == ("refused", "later", "P0001", 3)
    assert reason == "not today"
    assert retried(worker) == {"1s": 1, "2s": 1}
    assert [int(line["attempt"]) for line in site.lines("retried", "refused")] == [1, 2]
    (received,), = site.database.query("select received_at from webhooks_dead")
    assert round(received.timestamp() * 1e6) == T + 100
    site.wait_drained()
    assert subscriber() == {**{f"fine-{number}": 1 for number in range(20)}, "refused": 1}


@pytest.mark.usefixtures("strict_table")
def test_a_child_whose_parent_comes_15_s_later_is_stored_by_the_retry(site):
    site.start_gateway()
    site.start_workers(1, DELAYS="1s,2s,15s")
    begun = time.monotonic()
    site.send_ok("POST", "/child-of/p", b"{}", {"webhook-id": "child"})
    time.sleep(max(0.0, begun + 15 - time.monotonic()))  # the test is about a parent that comes late
    assert site.count() == 0
    site.database.query("insert into parents values ('p')")
    row = site.row("child")
    assert 15 <= time.monotonic() - begun < 30
    assert site.database.query("select id, parent from children") == [("child", "p")]
    assert row.stored_at.timestamp() - row.received_at.timestamp() > 15
    assert dead(site) == []
    assert len(site.lines("retried", "child")) == 3
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_what_goes_to_a_retry_queue_is_the_same_event_with_one_attempt_more_and_nothing_of_the_brokers(site):
    site.start_workers(1, DELAYS="600s")
    headers = {"sluice-headers": {"a": "b", "content-type": "text/plain"}, "sluice-traceparent": "00-1-2-3",
               "sluice-query": "q=1", "sluice-path": "/refused", "x-custom": "stranger"}
    site.publish("wire", b"\x00\xff body", T + 1, keep="first", **headers)
    wait_until(lambda: site.lines("retried", "wire"), lambda: f"the retry\n{site.tails()}")
    channel = site.channel()
    method, properties, body = channel.basic_get("webhooks.retry.600", auto_ack=True)
    channel.connection.close()
    assert body == b"\x00\xff body"
    assert method.routing_key == "default"
    assert (properties.message_id, properties.delivery_mode, properties.app_id, properties.timestamp,
            properties.content_type) == ("wire", 2, "sluice", T // 1_000_000, "application/json")
    properties.headers.pop("x-delivery-count", None)  # added by the retry queue at this delivery
    assert properties.headers == {
        "sluice-version": 1, "sluice-source": "default", "sluice-keep": "first", "sluice-method": "POST",
        "sluice-path": "/refused", "sluice-query": "q=1", "sluice-received": T + 1, "sluice-remote": "127.0.0.1",
        "sluice-traceparent": "00-1-2-3", "sluice-attempt": 1,
        "sluice-headers": {"a": "b", "content-type": "text/plain"}}
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_more_attempts_than_there_are_tiers_are_the_end(site):
    site.start_workers(1, DELAYS=TIERS)
    site.publish("old", b"x", T, **{"sluice-path": "/refused", "sluice-attempt": 9})
    site.wait_count(1, table="webhooks_dead")
    assert [(row[0], row[1], row[3]) for row in dead(site)] == [("old", "later", 10)]
    site.wait_drained()


def kept_and_told(site, worker, state):
    """Checks that the event is neither dead nor acked, that the worker reports why, and that good events are stored."""
    worker.wait_ready(False)
    assert state in worker.admin("/ready")[1]
    site.publish("good", b"x", T)
    site.row("good")
    assert site.count("webhooks_dead") == 0
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("messages_unacknowledged", 0) >= 1,
               "the event to be kept by its worker")
    assert worker.alive() and site.lines("retried", "kept") == []
    wait_until(lambda: worker.lines("not-retried"), worker.tail)


@pytest.mark.usefixtures("strict_table")
def test_without_its_exchange_a_retry_waits_for_setup_and_nothing_dies(site):
    worker, = site.start_workers(1, DELAYS=f"{UNDECLARED}s")
    site.publish("kept", b"x", T, **{"sluice-path": "/refused"})
    kept_and_told(site, worker, "sluice setup")
    assert any("webhooks.retry.7" in line["reason"] for line in worker.lines("not-retried"))
    assert site.servers.setup(DELAYS=f"{UNDECLARED}s").returncode == 0
    worker.wait_ready()
    wait_until(lambda: retried(worker) == {f"{UNDECLARED}s": 1}, "the retry")
    site.wait_count(1, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_a_retry_that_is_stuck_holds_up_nothing_but_itself(site):
    """Otherwise an alarm that only a drained queue can end would never end."""
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        worker, = site.start_workers(1, DELAYS="1s", WORKER_PREFETCH=20)
        site.publish("kept", b"x", T, **{"sluice-path": "/refused"})
        worker.wait_ready(False)
        for number in range(300):
            site.publish(f"fine-{number}", b"x", T)
        site.wait_count(300)
        wait_until(lambda: site.broker.queue("webhooks.ingest").get("messages") == 1, "all others to be acked", 20)
        assert worker.metrics()["sluice_worker_broker_connects_total"] == 1
    worker.wait_ready()
    site.wait_count(1, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_a_retry_that_no_queue_takes_waits_and_nothing_dies(site):
    worker, = site.start_workers(1, DELAYS="1s")
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        site.publish("kept", b"x", T, **{"sluice-path": "/refused"})
        kept_and_told(site, worker, "sluice setup")
        assert worker.metrics()['sluice_worker_retry_failures_total{why="returned"}'] >= 1
    worker.wait_ready()
    site.wait_count(1, table="webhooks_dead")
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_a_retry_that_a_full_queue_refuses_waits_and_nothing_dies(site):
    assert site.servers.setup(QUEUE_MAX_BYTES="1MiB").returncode == 0
    channel = site.channel()
    try:
        for _ in range(5):
            channel.basic_publish("webhooks.retry.600", "", bytes(400_000))
        worker, = site.start_workers(1, DELAYS="600s")
        site.publish("kept", b"x", T, **{"sluice-path": "/refused"})
        kept_and_told(site, worker, "full")
        assert worker.metrics()['sluice_worker_retry_failures_total{why="refused"}'] >= 1
    finally:
        channel.queue_purge("webhooks.retry.600")
        channel.connection.close()
        assert site.servers.setup_afresh().returncode == 0
    worker.wait_ready()
    wait_until(lambda: retried(worker) == {"600s": 1}, "the retry")
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_while_an_alarm_stops_retries_good_events_go_on_being_stored(site):
    worker, = site.start_workers(1, DELAYS="1s")
    site.publish("first", b"x", T, **{"sluice-path": "/refused"})
    site.wait_count(1, table="webhooks_dead")
    for number in range(50):
        site.publish(f"fine-{number}", b"x", T)
    site.publish("second", b"x", T, **{"sluice-path": "/refused"})
    try:
        site.broker.set_alarm()
        wait_until(lambda: worker.lines("retries-blocked") or retried(worker) == {"1s": 2}, "the alarm to be felt")
        site.wait_count(50)
        assert worker.is_ready()
    finally:
        site.broker.clear_alarm()
    site.wait_count(2, table="webhooks_dead")
    site.wait_drained()
