# SPDX-License-Identifier: MIT
"""QUEUE_SHARDS: events are spread over several ingest queues, without a moment in which one has no way to a worker."""

import contextlib
import re
import time

import pytest

from load import Load
from process import wait_until
from test_memory import MIB, held
from test_setup import broker_state

PLUGIN = "rabbitmq_consistent_hash_exchange"
T = 1_763_900_000_000_000  # microseconds since 1970
DELAYS = "1s,10s,60s,600s"


@pytest.fixture(name="spread")
def fixture_spread(servers, site):
    """Spreads the events over so many queues. In the end there is one queue again, and no other is left."""
    def spread(shards, *arguments, **settings):
        done = servers.setup(*arguments, QUEUE_SHARDS=shards, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    yield spread
    for program in site.programs:
        if program.alive():
            program.stop()
    servers.broker.mend()
    spread(1)
    delete_left(site)


def queues(count):
    return ["webhooks.ingest", *(f"webhooks.ingest.{number}" for number in range(1, count))]


def delete_left(site):
    channel = site.channel()
    with contextlib.closing(channel.connection):
        for name in set(site.ingest_queues()) - {"webhooks.ingest"}:
            channel.queue_delete(name)


def depths(site, count):
    return [site.ready(name) for name in queues(count)]


def fill(site, count, prefix="event"):
    site.publish_all([(f"{prefix}-{number}", {}) for number in range(count)], b"{}", T)


@contextlib.contextmanager
def unfinished_rows(site, count):
    """Events with the ids that `fill` makes wait for this transaction, up to their lock_timeout of 2 s."""
    connection = site.database.connect()
    connection.autocommit = False
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at) "
                       "select 'default', 'event-' || n, 'POST', '/', '{}', now(), now() from generate_series(0, %s) n",
                       (count - 1,))
        yield


def status(site, **settings):
    return site.servers.command("status", **settings).stdout


# --- spreading --------------------------------------------------------------------


def test_events_are_spread_over_all_queues_and_each_becomes_one_row(site, spread):
    spread(4)
    site.start_gateway()
    for number in range(400):
        site.send_ok(headers={"webhook-id": f"event-{number}"}, body=b"{}")
    ready = depths(site, 4)
    assert sum(ready) == 400, "each event is in one queue"
    assert min(ready) > 40, f"an even share would be 100: {ready}"
    site.start_workers(2, QUEUE_SHARDS=4)
    site.wait_count(400)
    site.wait_drained()


def test_what_comes_back_from_a_retry_queue_and_after_a_delay_is_spread_too(site, spread):
    spread(2, DELAYS=DELAYS)
    for exchange in ("webhooks.retry.1", "webhooks.delay.1"):
        site.publish_all([(f"{exchange}-{number}", {}) for number in range(60)], b"{}", T, exchange=exchange)
    wait_until(lambda: sum(depths(site, 2)) == 120, lambda: f"120 events: {depths(site, 2)}")
    assert min(depths(site, 2)) > 30
    site.start_workers(1, QUEUE_SHARDS=2)
    site.wait_count(120)
    site.wait_drained()


def test_an_event_that_the_hash_cannot_place_goes_to_the_first_queue(site, spread):
    """RabbitMQ's table of the hash has been incomplete after restarts in the past; here it is empty."""
    spread(2)
    channel = site.channel()
    with contextlib.closing(channel.connection):
        for name in queues(2):
            channel.queue_unbind(name, "webhooks.shards", "1")
    site.start_gateway()
    for number in range(20):
        site.send_ok(headers={"webhook-id": f"event-{number}"}, body=b"{}")
    assert depths(site, 2) == [20, 0]
    assert "binding of queue webhooks.ingest.1 to webhooks.shards" in spread(2)
    site.start_workers(1, QUEUE_SHARDS=2)
    site.wait_count(20)


def test_after_a_restart_of_the_broker_events_are_spread_as_before(site, spread):
    spread(4)
    site.broker.stop()
    site.broker.start()
    fill(site, 200)
    assert min(depths(site, 4)) > 15
    site.start_workers(1, QUEUE_SHARDS=4)
    site.wait_count(200)


# --- workers ----------------------------------------------------------------------


def test_a_worker_shares_its_prefetch_among_the_queues(site, spread):
    spread(4)
    fill(site, 40)
    worker, = site.start_workers(1, QUEUE_SHARDS=4, WORKER_PREFETCH=10)
    site.wait_count(40)
    site.wait_drained()
    consuming = worker.lines("consuming")[-4:]
    assert [(line["queue"], line["prefetch"]) for line in consuming] == [
        (name, prefetch) for name, prefetch in zip(queues(4), ("3", "3", "2", "2"))]


def test_a_careful_start_holds_one_message_of_all_queues(site, spread):
    """A message that kills its worker must find none of another queue beside it."""
    spread(4)
    fill(site, 40)
    with unfinished_rows(site, 40):
        worker, = site.start_workers(1, QUEUE_SHARDS=4)
        wait_until(lambda: worker.unacked() == 1, lambda: f"the first message\n{worker.tail()}")
        wait_until(lambda: [line["prefetch"] for line in worker.lines("consuming")] == ["1"], worker.tail)
        assert sum(depths(site, 4)) == 39
    site.wait_count(40)
    tried = [line["queue"] for line in worker.lines("consuming") if line["prefetch"] == "1"]
    assert tried == queues(4), "each queue once, before the full prefetch"
    site.wait_drained()


def test_a_careful_start_leaves_a_queue_whose_messages_others_have_taken(site, spread):
    spread(2)
    fill(site, 40)
    with unfinished_rows(site, 40):
        worker, = site.start_workers(1, QUEUE_SHARDS=2)
        wait_until(lambda: worker.unacked() == 1, lambda: f"the first message\n{worker.tail()}")
        channel = site.channel()
        with contextlib.closing(channel.connection):
            for name in queues(2):
                channel.queue_purge(name)
    wait_until(lambda: [line["queue"] for line in worker.lines("consuming")] == ["webhooks.ingest", "webhooks.ingest.1", *queues(2)],
               lambda: f"it to try the other queue and leave it for both\n{worker.tail()}")
    fill(site, 20, "later")
    site.wait_count(21, limit=10)


def test_an_idle_worker_notices_an_event_in_any_queue(site, spread):
    spread(4)
    worker, = site.start_workers(1, QUEUE_SHARDS=4)
    wait_until(lambda: len(worker.lines("consuming")) == 4, lambda: f"four consumers\n{worker.tail()}")
    fill(site, 20)
    site.wait_count(20, limit=10)


def test_with_several_queues_a_worker_that_cannot_store_holds_no_more_than_its_memory(site, spread):
    spread(4)
    worker, = site.start_workers(1, QUEUE_SHARDS=4, WORKER_MEMORY="16MiB")
    with site.database.locked():
        site.publish_all([(f"large-{number}", {}) for number in range(60)], bytes(MIB), T)
        wait_until(lambda: held(worker) > 3 * MIB, lambda: f"events to be prefetched\n{site.tails()}")
        worker.wait_ready(False)
        assert held(worker) <= 16 * MIB
    site.wait_count(60, 60)
    site.wait_drained()


def test_a_worker_that_expects_more_queues_than_there_are_says_so_and_goes_on_once_they_are_there(site, spread):
    worker = site.add_worker(QUEUE_SHARDS=3).start(wait=False)
    wait_until(lambda: worker.lines("broker-away"), lambda: f"it to notice\n{worker.tail()}")
    assert worker.lines("broker-away")[0]["reason"] == (
        "the broker has no queue webhooks.ingest.1, but QUEUE_SHARDS is 3: run sluice setup with the same QUEUE_SHARDS, "
        "or start this worker with setup's")
    assert not worker.is_ready()
    spread(3)
    worker.wait_ready()


def test_a_queue_that_no_worker_consumes_is_a_problem(site, spread):
    spread(2)
    site.start_workers(1)
    fill(site, 40)
    wait_until(lambda: site.ready("webhooks.ingest") == 0, "the queue that is consumed to be empty")
    waiting = site.ready("webhooks.ingest.1")
    words = f"problem: webhooks.ingest.1 has {waiting} messages and no worker consumes it: is the workers' QUEUE_SHARDS too low?"
    assert words in status(site, QUEUE_SHARDS=2)
    wait_until(lambda: words in status(site), "the management API to tell it to who knows of one queue only")
    site.start_workers(1, QUEUE_SHARDS=2)
    site.wait_count(40)
    site.wait_drained()
    assert "no problem is known" in status(site, QUEUE_SHARDS=2)


def test_a_worker_shows_the_depth_of_each_queue(site, spread):
    spread(2)
    fill(site, 40)
    worker, = site.start_workers(1, QUEUE_SHARDS=2)
    shown = re.compile(r'^sluice_worker_queue_messages\{queue="([^"]+)"\}', re.M)
    wait_until(lambda: shown.findall(worker.admin("/metrics")[1]) == ["ingest", "ingest.1", "dead"],
               lambda: f"the broker to be asked for all queues\n{worker.admin('/metrics')[1]}")


# --- setup ------------------------------------------------------------------------


def test_growing_and_shrinking_leave_nothing_behind_but_queues(site, spread):
    before = broker_state(site.broker)
    spread(1)
    assert broker_state(site.broker) == before
    spread(4)
    spread(2)
    assert "left   queue webhooks.ingest.3: no event comes to it any more, and it has 0 messages" in spread(2)
    spread(4)
    spread(1)
    delete_left(site)
    assert broker_state(site.broker) == before


def test_setup_twice_is_the_same_as_once_with_several_queues_too(site, spread):
    spread(3)
    before = broker_state(site.broker)
    assert {line.split()[0] for line in spread(3).splitlines()} == {"there"}
    assert broker_state(site.broker) == before
    assert site.servers.setup("--check", QUEUE_SHARDS=3).returncode == 0


def test_without_queue_shards_setup_keeps_as_many_queues_as_there_are(site, spread):
    spread(3)
    before = broker_state(site.broker)
    done = site.servers.setup()
    assert done.returncode == 0 and {line.split()[0] for line in done.stdout.splitlines()} == {"there"}
    assert broker_state(site.broker) == before
    done = site.servers.setup("--skip-broker-users")
    assert done.returncode == 78 and "set QUEUE_SHARDS" in done.stderr, "AMQP can't count them"
    assert broker_state(site.broker) == before


def test_a_queue_that_somebody_deleted_comes_back_and_lowers_no_number(site, spread):
    spread(4)
    site.broker.management("DELETE", "queues/sluice/webhooks.ingest.1")
    done = site.servers.setup()
    assert done.returncode == 0, done.stderr
    bound = {binding["destination"] for binding in site.broker.management("GET", "exchanges/sluice/webhooks.shards/bindings/source")}
    assert bound == set(queues(4))


def test_a_check_tells_what_another_number_of_queues_would_change(site, spread):
    spread(2)
    before = broker_state(site.broker)
    done = site.servers.setup("--check", QUEUE_SHARDS=1)
    assert done.returncode == 1
    assert "differs exchange webhooks.shards: is there, should be removed" in done.stdout
    assert "differs binding of queue webhooks.ingest to webhooks by '#': is missing" in done.stdout
    assert broker_state(site.broker) == before


def test_without_users_setup_grows_and_shrinks_and_tells_what_is_left(site, spread):
    spread(3, "--skip-broker-users")
    fill(site, 60)
    waiting = depths(site, 3)
    assert min(waiting) > 5
    told = spread(1, "--skip-broker-users")
    for number in (1, 2):
        assert (f"left   queue webhooks.ingest.{number}: no event comes to it any more, and it has "
                f"{waiting[number]} messages") in told
    assert "rabbitmqctl delete_queue -p sluice webhooks.ingest.2" in told
    fill(site, 10, "later")
    assert depths(site, 3) == [waiting[0] + 10, *waiting[1:]]
    site.start_workers(1, QUEUE_SHARDS=3)
    site.wait_count(70)


def test_without_the_plugin_setup_names_it_and_its_command_and_events_go_on(site):
    site.start_gateway()
    site.start_workers(1)
    site.broker.control("disable", PLUGIN, tool="rabbitmq-plugins")
    try:
        done = site.servers.setup(QUEUE_SHARDS=2)
        assert done.returncode == 78
        assert (f"needs RabbitMQ's plugin {PLUGIN}, which is not enabled on {site.broker.node}: run `rabbitmq-plugins enable "
                f"{PLUGIN}` on each node of the broker, or set QUEUE_SHARDS=1") in done.stderr
        done = site.servers.setup("--check", QUEUE_SHARDS=2)
        assert f"differs plugin {PLUGIN} on {site.broker.node}: is not enabled, should be enabled" in done.stdout
        done = site.servers.setup("--skip-broker-users", QUEUE_SHARDS=2)
        assert done.returncode == 78, "AMQP alone: the broker refuses to declare the exchange"
        assert f"run `rabbitmq-plugins enable {PLUGIN}` on each node of the broker" in done.stderr
        site.send_ok(headers={"webhook-id": "still"}, body=b"{}")
        site.row("still")
        assert site.servers.setup(QUEUE_SHARDS=1).returncode == 0
    finally:
        site.broker.control("enable", PLUGIN, tool="rabbitmq-plugins")


def test_growing_and_shrinking_under_load_refuse_no_event_and_lose_none(site, spread):
    """As docs/operations.md says: setup first, then workers; and back: the workers go on until the queues are empty."""
    gateway = site.start_gateway()
    one, = site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=300) as load:
        load.wait_acked(150)
        spread(2)
        load.wait_acked(150)
        two, = site.start_workers(1, QUEUE_SHARDS=2)
        one.stop()
        load.wait_acked(150)
        spread(4)
        load.wait_acked(150)
        four, = site.start_workers(1, QUEUE_SHARDS=4)
        two.stop()
        load.wait_acked(150)
        begun = time.monotonic()
        spread(1)
        site.start_workers(1)
        load.wait_acked(150)
        wait_until(lambda: sum(depths(site, 4)[1:]) == 0 and all(site.broker.queue(name).get("messages") == 0
                                                                 for name in queues(4)[1:]),
                   lambda: f"the other queues to be empty: {depths(site, 4)}")
        site.note(f"empty {time.monotonic() - begun:.1f} s after setup with one queue began")
        four.stop()
        load.wait_acked(150)
    site.settle(ledger, at_least=900)
    assert set(load.statuses) == {200}, load.statuses
    assert site.count("webhooks_dead") == 0
