# SPDX-License-Identifier: MIT
"""A request's trace (W3C Trace Context) stays with its event: in the message, where the propagators of other programs
look, in the row, in the dead letter, and in each line of the log."""

import time

import pytest

from process import wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
STATE = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"
T = 1_763_900_000_000_000  # microseconds since 1970
DELAYS = "1s,10s,60s,600s"
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def subscriber(site):
    """Another program's queue, bound to `webhooks`. Returns a function that takes the next message's properties."""
    channel = site.channel()
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(name, "webhooks", "#")

    def take():
        return wait_until(lambda: channel.basic_get(name, auto_ack=True)[1], "a message")
    yield take
    channel.connection.close()


@pytest.fixture
def refusing(site):
    """A table that refuses all rows until the returned function is called."""
    site.database.query("""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;
        create trigger refuse before insert or update on webhooks_raw for each row execute function refuse()""")

    def heal():
        site.database.query("drop trigger if exists refuse on webhooks_raw; drop function if exists refuse")
    yield heal
    heal()


def headers(event_id, *more, parent=PARENT, state=STATE):
    return [("webhook-id", event_id), ("Traceparent", parent), ("Tracestate", state), *more]


def trace_ids(site, stage, event_id):
    wait_until(lambda: site.lines(stage, event_id), lambda: f"'{stage}' of {event_id} in the log\n{site.tails()}")
    return {line.get("trace_id") for line in site.lines(stage, event_id)}


@pytest.mark.parametrize("delay", ["0s", "1s"])
def test_a_valid_trace_is_in_the_message_the_row_and_each_line(site, subscriber, delay):
    site.start_gateway(GATEWAY_DELAY=delay)
    site.start_workers(1)
    for stage in ("stored", "replaced"):
        assert site.send(body=stage.encode(), headers=headers("traced")).status == 200
        properties = subscriber()
        assert properties.headers["traceparent"] == PARENT
        assert properties.headers["tracestate"] == STATE
        assert trace_ids(site, stage, "traced") == {TRACE}
    assert trace_ids(site, "received", "traced") == trace_ids(site, "queued", "traced") == {TRACE}
    row = site.row("traced")
    assert (row.headers["traceparent"], row.headers["tracestate"]) == (PARENT, STATE)


@pytest.mark.parametrize("parent", ["", "garbage", PARENT.upper(), f"ff{PARENT[2:]}", f"{PARENT}-more",
                                    f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01"])
def test_an_invalid_traceparent_goes_no_further_than_the_rows_headers(site, subscriber, parent):
    site.start_gateway()
    site.start_workers(1)
    assert site.send(headers=headers("bad", parent=parent)).status == 200
    assert not {"traceparent", "tracestate", "sluice-traceparent"} & set(subscriber().headers)
    for stage in ("received", "queued", "stored"):
        assert trace_ids(site, stage, "bad") == {None}
    assert site.row("bad").headers["traceparent"] == parent


def test_no_trace_is_invented_and_of_two_none_is_believed(site, subscriber):
    site.start_gateway()
    site.start_workers(1)
    assert site.send(headers=[("webhook-id", "none")]).status == 200
    assert not {"traceparent", "tracestate"} & set(subscriber().headers)
    assert site.send(headers=headers("two", ("Traceparent", PARENT))).status == 200
    assert not {"traceparent", "tracestate"} & set(subscriber().headers)
    for event_id in ("none", "two"):
        assert trace_ids(site, "stored", event_id) == {None}


def test_a_future_version_is_passed_on_as_it_is_and_an_invalid_tracestate_is_not(site, subscriber):
    site.start_gateway()
    future = f"cc-{TRACE}-b7ad6b7169203331-01-what the future holds"
    assert site.send(headers=headers("future", parent=future, state="not a list")).status == 200
    properties = subscriber()
    assert properties.headers["traceparent"] == future
    assert "tracestate" not in properties.headers
    assert trace_ids(site, "queued", "future") == {TRACE}


def test_a_long_tracestate_is_shortened_as_the_standard_says(site, subscriber):
    site.start_gateway()
    members = [f"k{n}={'v' * 60}" for n in range(12)]
    long = ",".join([members[0], f"long={'v' * 200}", *members[1:]])
    assert site.send(headers=headers("long", state=long)).status == 200
    state = subscriber().headers["tracestate"]
    assert len(state) <= 512 < len(state) + len(members[0]) + 1
    assert state.split(",") == members[:state.count(",") + 1]


def test_a_retry_keeps_the_trace(site, subscriber, refusing):  # pylint: disable=unused-argument
    site.start_gateway()
    site.start_workers(1, DELAYS="600s")
    assert site.send(headers=headers("again")).status == 200
    subscriber()
    assert trace_ids(site, "retried", "again") == {TRACE}
    channel = site.channel()
    _, properties, _ = channel.basic_get("webhooks.retry.600", auto_ack=True)
    channel.connection.close()
    assert properties.headers["sluice-attempt"] == 1
    assert (properties.headers["traceparent"], properties.headers["tracestate"]) == (PARENT, STATE)


def test_a_dead_letter_keeps_the_trace_and_its_replay_has_it_again(site, refusing):
    gateway = site.start_gateway()
    worker, = site.start_workers(1, DELAYS="1s")
    assert site.send(headers=headers("dies")).status == 200
    site.wait_count(1, table="webhooks_dead")
    assert trace_ids(site, "dead", "dies") == trace_ids(site, "retried", "dies") == {TRACE}
    assert site.database.query("select traceparent, headers->>'tracestate' from webhooks_dead") == [(PARENT, STATE)]
    worker.stop()
    gateway.stop()
    refusing()
    done = site.servers.operate("dead", "replay", "--all", DELAYS=DELAYS)
    assert done.returncode == 0, done.stderr
    channel = site.channel()
    method, properties, _ = wait_until(lambda: (lambda got: got[0] and got)(channel.basic_get("webhooks.ingest")),
                                       "the replayed message")
    assert (properties.headers["traceparent"], properties.headers["tracestate"]) == (PARENT, STATE)
    channel.basic_reject(method.delivery_tag, requeue=True)
    channel.connection.close()
    site.start_workers(1)
    assert trace_ids(site, "stored", "dies") == {TRACE}


def test_a_message_of_an_older_gateway_and_one_of_a_stranger_are_stored_too(site):
    site.start_workers(1)
    site.publish("old", b"{}", T, **{"sluice-traceparent": PARENT})
    site.publish("strange", b"{}", time.time_ns() // 1000, **{"traceparent": 7, "tracestate": "x" * 5000})
    assert trace_ids(site, "stored", "old") == {TRACE}
    assert trace_ids(site, "stored", "strange") == {None}
