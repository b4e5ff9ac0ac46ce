# SPDX-License-Identifier: MIT
"""AMQP sends the properties of a message in one frame. A broker whose frames are too small is refused with the numbers,
and no event is ever too large for the connection that others share."""

import pika
import pytest

from process import wait_until

SMALL, DEFAULT = 8192, 131072  # RabbitMQ 4.2 accepts no less than 8192
NEEDED = 52018                 # ENVELOPE_PROPERTIES_MAX with the frame around it
LARGE = 16384                  # ENVELOPE_TARGET_MAX, ENVELOPE_HEADER_BYTES_MAX
T = 1_763_900_000_000_000      # microseconds since 1970
DELAYS = "1s,10s"
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def small_frames(site):
    yield lambda: site.broker.limit_frames(SMALL)
    if site.broker.frame_max != DEFAULT:
        site.broker.limit_frames(DEFAULT)


@pytest.fixture
def refusing(site):
    """Postgres refuses every event, until the returned function is called."""
    site.database.query("""
        create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'not today'; end $$;
        create trigger refuse before insert or update on webhooks_raw for each row execute function refuse()""")

    def heal():
        site.database.query("drop trigger if exists refuse on webhooks_raw; drop function if exists refuse")
    yield heal
    heal()


def largest(site, event_id):
    """Publishes an event with each member at its limit. Returns its path, query and headers."""
    headers = {chr(0x100 + n): "" for n in range(63)}  # two bytes each
    headers["x"] = "v" * (LARGE - 2 * 63 - 1)
    path, query = "/" + "p" * (LARGE - 1), "q" * LARGE
    site.publish(event_id, b"x", T, **{
        "sluice-path": path, "sluice-query": query, "sluice-remote": "r" * 255, "sluice-method": "M" * 255,
        "sluice-traceparent": "t" * 255, "sluice-headers": headers})
    return path, query, headers


def says_why(text):
    assert f"has a frame_max of {SMALL} bytes, but the properties of an event can take {NEEDED}: set frame_max" in text
    return True


def test_a_broker_with_too_small_frames_is_refused_with_the_numbers_until_it_has_larger_ones(site, refusing, small_frames):
    gateway = site.start_gateway()
    worker, = site.start_workers(1, DELAYS=DELAYS)
    site.publish("dead", b"x", T, **{"sluice-attempt": 9})
    site.wait_count(1, table="webhooks_dead")
    refusing()
    small_frames()
    for program in (gateway, worker):
        program.wait_ready(False)
        wait_until(lambda program=program: [line for line in program.lines("broker-away") if "frame_max" in line["reason"]],
                   lambda program=program: f"the cause\n{program.tail()}")
        assert says_why(program.lines("broker-away")[-1]["reason"])
        assert program.alive()
    assert site.send(body=b"{}").status == 503
    for command in (['setup'], ['dead', 'replay', '--all'], ['dead', 'collect']):
        done = site.servers.operate(*command, DELAYS=DELAYS)
        assert done.returncode == 78, (command, done.stdout, done.stderr)
        assert says_why(done.stderr)
    site.broker.limit_frames(DEFAULT)
    for program in (gateway, worker):
        program.wait_ready()
    site.row(site.send_ok(body=b"{}"))


def test_the_largest_event_passes_every_connection_that_publishes(site, refusing):
    worker, = site.start_workers(1, DELAYS="1s")
    path, query, headers = largest(site, "i" * 255)
    site.wait_count(1, table="webhooks_dead")
    assert len(site.lines("retried", "i" * 255)) == 1
    refusing()
    done = site.servers.operate("dead", "replay", "--all", DELAYS=DELAYS)
    assert done.returncode == 0, done.stderr
    row = site.row("i" * 255)
    assert (row.path, row.query, row.headers) == (path, query, headers)
    assert worker.lines("broker-away") == [] and worker.lines("not-retried") == []
    site.wait_drained()


def test_a_strangers_properties_that_fill_a_frame_take_down_no_connection(site):
    """They are of a later release, so that the worker wants to pass them on with a property more."""
    worker, = site.start_workers(1, DELAYS=DELAYS)
    frame = 8 + 12  # of the frame itself, and of the content header without the properties

    def properties(padding):
        return pika.BasicProperties(delivery_mode=2, headers={"sluice-version": 99, "x": "p" * padding})
    padding = DEFAULT - frame - len(b"".join(properties(0).encode()))
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks", "default", b"full", properties(padding), mandatory=True)
    wait_until(lambda: site.broker.queue("webhooks.dead").get("messages", 0) == 1,
               lambda: f"the broker to give it up\n{worker.tail()}", 60)
    site.publish("good", b"x", T)
    site.row("good")
    assert worker.lines("not-retried") == [] and worker.lines("broker-away") == []
    channel.queue_purge("webhooks.dead")
    channel.connection.close()
