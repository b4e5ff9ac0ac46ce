# SPDX-License-Identifier: MIT
"""Several events in one message (GATEWAY_BUNDLE_EVENTS): each is stored, refused, retried and counted by itself."""

import contextlib
import json

import pytest

from load import Load
from process import wait_until

IDS = [f"e{number}" for number in range(5)]
T = 1_763_900_000_000_000  # microseconds since 1970
DELAYS = "1s,10s,60s,600s"


def metric(program, name):
    return program.metrics().get(name, 0)


def bundles(gateway):
    return metric(gateway, "sluice_gateway_bundles_total")


@contextlib.contextmanager
def refusing(site, event_id):
    site.database.query(f"alter table webhooks_raw add constraint refuse check (id <> '{event_id}') not valid")
    yield
    site.database.query("alter table webhooks_raw drop constraint refuse")


def test_under_load_events_share_messages_and_each_becomes_its_row(site):
    gateway = site.start_gateway(GATEWAY_BUNDLE_EVENTS=16)
    worker, = site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=4000, threads=48, count=6000) as load:
        load.finish()
    site.settle(ledger, at_least=1000)
    assert load.statuses.keys() == {200}
    assert bundles(gateway) > 0
    published = metric(gateway, 'sluice_gateway_messages_total{outcome="published"}')
    assert published == metric(gateway, 'sluice_gateway_messages_total{outcome="stored"}') == load.begun - 48
    assert metric(gateway, "sluice_gateway_outstanding") == 0
    for name in ("deliveries", "acked"):
        wait_until(lambda name=name: metric(worker, f"sluice_worker_{name}_total") == published, f"{name} of all events")


def test_an_event_that_waits_alone_is_a_message_as_any_subscriber_knows_it(site):
    gateway = site.start_gateway(GATEWAY_BUNDLE_EVENTS=256)
    event_id = site.send_ok(body=b'{"a":1}', headers={"Content-Type": "application/json"})
    channel = site.channel()
    method, properties, body = channel.basic_get("webhooks.ingest", auto_ack=True)
    channel.connection.close()
    assert (method.routing_key, properties.message_id, body) == ("default", event_id, b'{"a":1}')
    assert properties.headers["sluice-version"] == 1
    assert bundles(gateway) == 0


def test_a_sender_that_calls_its_body_a_bundle_sends_one_event(site):
    """Otherwise anyone could forge events of any source."""
    site.start_gateway()
    site.start_workers(1)
    body = b"\1\0\0\0\0\0\0\0\0"
    event_id = site.send_ok(body=body, headers={"Content-Type": "application/vnd.sluice.bundle", "Sluice-Bundle": "1"})
    row = site.row(event_id)
    assert (row.body, row.content_type) == (body, "application/vnd.sluice.bundle")
    site.wait_drained()
    assert site.count() == 1


def test_all_events_of_a_bundle_are_stored_and_its_message_acked(site):
    worker, = site.start_workers(1)
    site.publish_bundle(IDS, b"body")
    site.wait_count(len(IDS))
    site.wait_drained()
    assert [(row.id, row.body) for row in site.rows()] == [(event_id, b"body") for event_id in IDS]
    assert metric(worker, "sluice_worker_acked_total") == len(IDS)


def test_a_bad_event_of_a_bundle_is_the_only_dead_letter(site):
    site.start_workers(1)
    with refusing(site, "e2"):
        site.publish_bundle(IDS)
        site.wait_count(len(IDS) - 1)
        wait_until(lambda: site.count("webhooks_dead") == 1, "the dead letter")
        site.wait_drained()
    assert site.database.query("select id, sqlstate from webhooks_dead") == [("e2", "23514")]


@pytest.mark.usefixtures("declared")
def test_an_event_of_a_bundle_that_may_succeed_later_is_retried_alone(site):
    worker, = site.start_workers(1, DELAYS=DELAYS)
    site.database.query("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;"
                        "create trigger refuse before insert on webhooks_raw for each row when (new.id = 'e2') "
                        "execute function refuse()")
    try:
        site.publish_bundle(IDS)
        site.wait_count(len(IDS) - 1)
        wait_until(lambda: worker.lines("retried"), lambda: f"a retry\n{worker.tail()}")
        site.wait_drained()  # the bundle's message is acked meanwhile
    finally:
        site.database.query("drop trigger refuse on webhooks_raw; drop function refuse")
    site.wait_count(len(IDS))
    assert {line["id"] for line in worker.lines("retried")} == {"e2"}


@pytest.mark.usefixtures("declared")
def test_an_event_of_a_bundle_that_waits_for_a_lock_goes_on_alone_and_its_bundle_is_acked(site):
    """A few such events would otherwise hold so many messages that the worker takes no more."""
    site.publish_bundle(["locked"], b"old", received=T - 1)
    worker, = site.start_workers(1, DELAYS=DELAYS, WORKER_PREFETCH=8)
    site.wait_count(1)
    with contextlib.closing(site.database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("select from webhooks_raw where id = 'locked' for update")
        for number in range(6):  # nearly the prefetch
            site.publish_bundle([f"first-{number}", "locked"], b"new", received=T + number)
        wait_until(lambda: "it failed, and its bundle is not to wait for it" in {line["reason"] for line in worker.lines("postponed")},
                   lambda: f"it to go on alone\n{worker.tail()}", 60)
        for number in range(16):  # twice the prefetch
            site.publish_bundle([f"good-{number}"], b"new")
        site.wait_count(1 + 6 + 16)
    wait_until(lambda: site.rows("id = 'locked' and received_at = to_timestamp(%s)", ((T + 5) / 1e6,)),
               lambda: f"the newest one\n{worker.tail()}", 60)
    assert site.count("webhooks_dead") == 0


def test_events_of_bundles_whose_source_is_braked_hold_no_bundle_up(site):
    worker, = site.start_workers(1, DELAYS="600s", WORKER_PREFETCH=8)  # none of them comes back during the test
    site.database.query("alter table webhooks_raw add constraint refuse check (source <> 'rare') not valid")
    try:
        for number in range(20):  # more than the brake needs
            site.publish_bundle([f"rare-{number}-{n}" for n in range(10)], key="rare", **{"sluice-source": "rare"})
        wait_until(lambda: metric(worker, "sluice_worker_braked") == 1, lambda: f"the brake\n{worker.tail()}", 60)
        for number in range(20):
            site.publish_bundle([f"later-{number}-{n}" for n in range(3)], key="rare", **{"sluice-source": "rare"})
        site.publish_bundle(IDS)
        site.wait_count(len(IDS))
        wait_until(lambda: site.ready("webhooks.ingest") == 0, lambda: f"all bundles to be taken\n{worker.tail()}", 30)
    finally:
        site.database.query("alter table webhooks_raw drop constraint refuse")


def test_an_event_that_cannot_be_read_is_a_dead_letter_although_its_bundle_came_back_twice(site):
    site.publish_bundle([*IDS, ""])
    channel = site.channel()
    for _ in range(2):
        wait_until(lambda: site.ready("webhooks.ingest") == 1, "the message")
        method, _, _ = channel.basic_get("webhooks.ingest")
        channel.basic_reject(method.delivery_tag, requeue=True)
    wait_until(lambda: site.ready("webhooks.ingest") == 1, "the message")
    channel.connection.close()
    worker, = site.start_workers(1)
    wait_until(lambda: site.count("webhooks_dead") == 1, lambda: f"the dead letter\n{worker.tail()}", 30)
    site.wait_drained()
    assert metric(worker, "sluice_worker_deliveries_total") == len(IDS) + 1


def test_a_bundle_that_cannot_be_read_is_one_dead_letter_with_all_its_bytes(site):
    site.start_workers(1)
    site.publish_bundle(IDS, b"body", cut=1)
    wait_until(lambda: site.count("webhooks_dead") == 1, lambda: f"the dead letter\n{site.tails()}")
    site.wait_drained()
    (body, reason), = site.database.query("select body, reason from webhooks_dead")
    assert bytes(body).startswith(b"\1") and bytes(body).endswith(b"bod")
    assert "bundle" in reason
    assert site.count() == 0


def test_an_event_that_cannot_be_read_harms_no_other_of_its_bundle(site):
    site.start_workers(1)
    site.publish_bundle([*IDS, ""])  # an event without an id
    site.wait_count(len(IDS))
    wait_until(lambda: site.count("webhooks_dead") == 1, "the dead letter")
    site.wait_drained()


@pytest.mark.usefixtures("declared")
def test_a_bundle_that_came_back_twice_is_taken_apart_and_its_events_go_alone(site):
    """One of them may be what kills the workers; each then has deliveries of its own, up to the broker's limit."""
    channel = site.channel()
    site.publish_bundle(IDS)
    for _ in range(2):
        wait_until(lambda: site.ready("webhooks.ingest") == 1, "the message")
        method, _, _ = channel.basic_get("webhooks.ingest")
        channel.basic_reject(method.delivery_tag, requeue=True)
    wait_until(lambda: site.ready("webhooks.ingest") == 1, "the message")
    channel.connection.close()
    worker, = site.start_workers(1, DELAYS=DELAYS)
    site.wait_count(len(IDS))
    site.wait_drained()
    postponed = worker.lines("postponed")
    assert {line["id"] for line in postponed} == set(IDS)
    assert {line["reason"] for line in postponed} == {"its bundle came back twice: it goes on alone"}
    assert not [line for line in worker.lines("stored") if int(line.get("attempt", 0)) > 0]


@pytest.mark.usefixtures("declared")
def test_a_bundle_that_came_back_twice_is_stored_although_no_retry_queue_takes_its_events(site):
    """An alarm of the broker, or a full retry queue, lasts until the backlog is stored."""
    channel = site.channel()
    for number in range(10):  # more than the prefetch
        site.publish_bundle([f"{number}-{event_id}" for event_id in IDS])
    for _ in range(2):
        wait_until(lambda: site.ready("webhooks.ingest") == 10, "the messages")
        tags = [channel.basic_get("webhooks.ingest")[0].delivery_tag for _ in range(10)]
        channel.basic_nack(tags[-1], multiple=True, requeue=True)
    wait_until(lambda: site.ready("webhooks.ingest") == 10, "the messages")
    channel.connection.close()
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        worker = site.add_worker(DELAYS=DELAYS, WORKER_PREFETCH=4).start(wait=False)  # it is not ready meanwhile
        site.wait_count(10 * len(IDS))
        site.wait_drained()
    assert worker.lines("not-retried"), "the retry queue was well"


def test_the_broker_gets_a_bundle_back_when_its_worker_ends_and_every_event_is_stored_once(site):
    site.database.query("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$;"
                        "create trigger slow before insert on webhooks_raw for each row when (new.id = 'e3') execute function slow()")
    first, = site.start_workers(1)
    try:
        site.publish_bundle(IDS)
        wait_until(lambda: metric(first, "sluice_worker_deliveries_total") == len(IDS), "the delivery")
        first.kill()
    finally:
        wait_until(lambda: site.database.query("select count(*) from pg_stat_activity where query ~ 'webhooks_raw' "
                                               "and usename = 'sluice_worker' and state = 'active'")[0][0] == 0 or
                   site.database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'sluice_worker'"),
                   "the end of its sessions")
        wait_until(lambda: site.database.query("select count(*) from pg_stat_activity where usename = 'sluice_worker'")[0][0] == 0,
                   "the end of its sessions")
        site.database.query("drop trigger slow on webhooks_raw; drop function slow")
    site.start_workers(1)
    site.wait_count(len(IDS))
    site.wait_drained()
    assert site.count("webhooks_dead") == 0


def test_collect_makes_a_row_of_each_event_of_a_bundle_that_the_broker_gave_up(site):
    site.publish_bundle(IDS, b"body", exchange="webhooks.dead")
    done = site.servers.operate("dead", "collect", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"dry_run": False, "collected": len(IDS), "already_there": 0, "left": 0}
    assert site.database.query("select id, convert_from(body, 'utf8') from webhooks_dead order by id") == [
        (event_id, "body") for event_id in IDS]
    assert site.ready("webhooks.dead") == 0


def test_collect_leaves_a_bundle_whole_when_one_of_its_events_cannot_be_stored(site):
    site.publish_bundle(IDS, b"body", exchange="webhooks.dead")
    site.database.query("alter table webhooks_dead add constraint refuse check (id <> 'e2')")
    try:
        done = site.servers.operate("dead", "collect")
        assert done.returncode == 1 and "collected 4" in done.stdout, (done.stdout, done.stderr)
        assert "default/e2" in done.stderr
    finally:
        site.database.query("alter table webhooks_dead drop constraint refuse")
    wait_until(lambda: site.ready("webhooks.dead") == 1, "the message to be back")
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (0, "collected 1; already there 4\n"), done.stderr
    assert site.ready("webhooks.dead") == 0
