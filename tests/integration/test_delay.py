# SPDX-License-Identifier: MIT
"""Delayed delivery (GATEWAY_DELAY): the broker holds each event back from all its consumers."""

import time

import pytest

from process import wait_until

DELAY = 3  # seconds; different from the delays of other tests
DELAYS = f"{DELAY}s,10s,60s,600s"
UNDECLARED = 9  # seconds; no other test declares it
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def subscriber(site):
    """Another program's queue, bound to `webhooks`: its channel. The queue outlives a restart of the broker."""
    name = "test.subscriber"
    channel = site.channel()
    channel.queue_declare(name, durable=True)
    channel.queue_bind(name, "webhooks", "#")
    channel.connection.close()
    yield name
    channel = site.channel()
    channel.queue_delete(name)
    channel.connection.close()


def take(site, queue, count, limit):
    """[(id, time)] of the next `count` messages, and of any that arrive within another half second."""
    channel = site.channel()
    found = []
    due = time.monotonic() + limit
    for method, properties, _ in channel.consume(queue, auto_ack=True, inactivity_timeout=0.1):
        if method is not None:
            found.append((properties.message_id, time.time()))
        if len(found) >= count:
            due = min(due, time.monotonic() + 0.5)
        if time.monotonic() > due:
            break
    channel.connection.close()
    return found


def send_events(site, count):
    """Sends events; returns {id: time of the 200}, in the order sent."""
    sent = {}
    for number in range(count):
        begun = time.time()
        event_id = site.send_ok("POST", "/later", b"x", {"webhook-id": f"delayed-{number:03}"})
        sent[event_id] = (begun, time.time())
    return sent


def test_nobody_gets_an_event_before_its_delay_and_everybody_within_a_second_after_it(site, subscriber):
    site.start_gateway(GATEWAY_DELAY=f"{DELAY}s")
    site.start_workers(1)
    sent = send_events(site, 30)
    assert site.count() == 0
    found = take(site, subscriber, len(sent), DELAY + 10)
    assert [event_id for event_id, _ in found] == list(sent)  # each once, in the order sent
    site.wait_count(len(sent))
    late = 0.0
    for event_id, when in found:
        begun, acked = sent[event_id]
        assert when - begun >= DELAY
        late = max(late, when - acked - DELAY)
    for row in site.rows():
        waited = (row.stored_at - row.received_at).total_seconds()
        assert waited >= DELAY
        late = max(late, waited - DELAY)
    site.note(f"{len(sent)} events, at most {late:.2f} s after their delay")
    assert late <= 1


def test_a_delayed_event_outlives_a_restart_of_the_broker(site, subscriber):
    site.start_gateway(GATEWAY_DELAY="10s")
    site.start_workers(1)
    sent = send_events(site, 30)
    site.broker.stop()
    site.broker.start()
    found = take(site, subscriber, len(sent), 60)
    assert [event_id for event_id, _ in found] == list(sent)
    assert all(when - sent[event_id][0] >= 10 for event_id, when in found)
    site.wait_count(len(sent))
    assert all((row.stored_at - row.received_at).total_seconds() >= 10 for row in site.rows())


def test_a_delay_that_is_not_declared_takes_no_event_until_setup_declares_it(site):
    gateway = site.add_gateway(GATEWAY_DELAY=f"{UNDECLARED}s").start(wait=False)
    wait_until(lambda: "delay not declared" in gateway.admin("/ready")[1], lambda: gateway.admin("/ready"))
    assert "DELAYS" in gateway.admin("/ready")[1] and "sluice setup" in gateway.admin("/ready")[1]
    assert any(f"{UNDECLARED} s" in line["reason"] and "sluice setup" in line["reason"]
               for line in gateway.lines("delay-undeclared"))
    reply = site.send("POST", "/", b"x", {"webhook-id": "early"})
    assert (reply.status, reply.headers.get("retry-after") is not None) == (503, True)
    channel = site.channel()
    try:
        done = site.servers.setup(DELAYS=f"{DELAY}s,{UNDECLARED}s,10s,60s,600s")
        assert done.returncode == 0, done.stderr
        gateway.wait_ready()
        assert site.send_ok("POST", "/", b"x", {"webhook-id": "later"}) == "later"
        wait_until(lambda: channel.queue_declare(f"webhooks.delay.{UNDECLARED}", passive=True).method.message_count == 1,
                   "the event in the delay's queue")
    finally:
        for kind in ("delay", "retry"):
            channel.queue_delete(f"webhooks.{kind}.{UNDECLARED}")
            channel.exchange_delete(f"webhooks.{kind}.{UNDECLARED}")
        channel.connection.close()


def test_a_delay_whose_exchange_is_deleted_is_noticed_and_healed(site):
    gateway = site.start_gateway(GATEWAY_DELAY=f"{DELAY}s")
    channel = site.channel()
    channel.exchange_delete(f"webhooks.delay.{DELAY}")
    channel.connection.close()
    assert site.send("POST", "/", b"x").status == 503
    gateway.wait_ready(False)
    assert site.servers.setup(DELAYS=DELAYS).returncode == 0
    gateway.wait_ready()
    assert site.send("POST", "/", b"x").status == 200
