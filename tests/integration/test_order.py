# SPDX-License-Identifier: MIT
"""The order guard: of the events of an id, the one with the greatest (order, arrival, body) is the row, in whichever
order they arrive, are stored, die and are replayed."""

import gzip
import itertools
import json
import random

import pika
import pytest

from process import wait_until
from programs import run_command
from routefile import RouteFile, signed

T = 1_763_900_000_000_000  # microseconds since 1970


def ordered(order):
    """The headers with which a gateway publishes an event that has this order."""
    return {} if order is None else {"sluice-version": 2, "sluice-order": order}


def state(site, event_id, source="default"):
    """Waits until nothing is on its way; the row's order, arrival in microseconds after T, and body."""
    site.wait_drained()
    (order, received, first, body), = site.database.query(
        "select order_value, (extract(epoch from received_at) * 1000000)::bigint - %s, "
        "(extract(epoch from first_received_at) * 1000000)::bigint - %s, body from webhooks_raw where id = %s and source = %s",
        (T, T, event_id, source))
    return order, received, first, bytes(body)


# --- the worker's merge ----------------------------------------------------------------

# Each case: three events (order, arrival after T, body); the last one must win.
CASES = {
    "late-deliveries": [(1, 5, b"old"), (2, 9, b"newer"), (3, 0, b"newest")],
    "equal-orders": [(7, 0, b"z"), (7, 1, b"b"), (7, 2, b"a")],
    "equal-times": [(7, 0, b"z"), (8, 3, b"a"), (8, 3, b"b")],
    "none-is-lowest": [(None, 8, b"z"), (None, 9, b"none"), (-(1 << 63), 0, b"any")],
    "none-at-all": [(None, 0, b"a"), (None, 1, b"c"), (None, 1, b"d")],
    "the-widest": [(-(1 << 63), 2, b"least"), (0, 1, b"zero"), ((1 << 63) - 1, 0, b"greatest")],
}


@pytest.mark.parametrize("case", CASES)
def test_the_greatest_order_wins_in_whichever_order_events_are_stored_and_redelivered(site, case):
    site.start_workers(1)
    events = CASES[case]
    site.publish_each([(f"{case}-{number}", body, T + at, ordered(order))
                       for number, arrival in enumerate(itertools.permutations(events))
                       for order, at, body in [*arrival, arrival[0]]])
    first = min(at for _, at, _ in events)
    order, at, body = events[-1]
    for number in range(6):
        assert state(site, f"{case}-{number}") == (order, at, first, body)


def test_a_row_of_before_the_migration_has_no_order_and_any_event_with_one_replaces_it(site):
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', id, 'POST', '/', 'stored', t, t from (values ('a'), ('b'), ('c')) ids (id),
        (select timestamptz 'epoch' + %s * interval '1 microsecond') times (t)""", (T,))
    site.start_workers(1)
    site.publish("a", b"earlier", T - 1, **ordered(-5))
    site.publish("b", b"earlier", T - 1)
    site.publish("c", b"later", T + 1)
    assert state(site, "a") == (-5, -1, -1, b"earlier")
    assert state(site, "b") == (None, 0, -1, b"stored")
    assert state(site, "c") == (None, 1, 0, b"later")


def test_a_source_that_keeps_the_first_keeps_it_whatever_the_order(site):
    site.start_workers(1)
    events = [(9, 1, b"later"), (1, 0, b"first"), (None, 2, b"last")]
    site.publish_each([(f"kept-{number}", body, T + at, ordered(order))
                       for number, arrival in enumerate(itertools.permutations(events))
                       for order, at, body in arrival], keep="first")
    for number in range(6):
        assert state(site, f"kept-{number}") == (None, 0, 0, b"first"), "an order means nothing there"


def test_any_events_in_any_order_of_arrival_fold_into_one_row(site):
    """The property of the merge itself. Few values, so that ties are frequent."""
    rng = random.Random(1507)
    site.start_workers(1)
    sets = [[(rng.choice([None, None, -(1 << 63), -1, 0, 1, (1 << 63) - 1]), rng.randrange(3), rng.choice([b"", b"a", b"b"]))
             for _ in range(rng.randrange(2, 5))] for _ in range(25)]
    expected, published = {}, []
    for number, events in enumerate(sets):
        best = max(events, key=lambda each: (each[0] is not None, each[0] or 0, *each[1:]))
        for arrival, shuffled in enumerate(itertools.permutations(events)):
            event_id = f"fold-{number}-{arrival}"
            expected[event_id] = (*best[:2], min(at for _, at, _ in events), best[2])
            published += [(event_id, body, T + at, ordered(order)) for order, at, body in shuffled]
    site.publish_each(published)
    site.wait_drained()
    found = {event_id: (order, at, first, bytes(body)) for event_id, order, at, first, body in site.database.query(
        "select id, order_value, (extract(epoch from received_at) * 1000000)::bigint - %s, "
        "(extract(epoch from first_received_at) * 1000000)::bigint - %s, body from webhooks_raw", (T, T))}
    assert found == expected


# --- what is not stored at once -----------------------------------------------------------

def test_a_dead_letter_keeps_the_order_and_its_replay_does_not_replace_a_newer_state(site):
    site.database.query("alter table webhooks_raw add constraint no_dead check (path <> '/dead') not valid")
    try:
        site.start_workers(1)
        site.publish("d", b"older", T + 5, **ordered(1), **{"sluice-path": "/dead"})
        site.publish("e", b"newest", T, **ordered(9), **{"sluice-path": "/dead"})
        site.wait_count(2, table="webhooks_dead")
    finally:
        site.database.query("alter table webhooks_raw drop constraint no_dead")
    assert site.database.query("select id, order_value from webhooks_dead order by id") == [("d", 1), ("e", 9)]
    site.publish("d", b"newer", T, **ordered(2))
    site.publish("e", b"older", T + 5, **ordered(8))
    assert state(site, "d")[3] == b"newer"
    assert site.servers.operate("dead", "replay", "--all").stdout == "replayed 2 of 2\n"
    wait_until(lambda: state(site, "e")[3] == b"newest", "the replayed event", 30)  # the first retry queue holds it for 10 s
    assert state(site, "d") == (2, 0, 0, b"newer")
    assert state(site, "e") == (9, 0, 0, b"newest")


def test_a_retry_keeps_the_order(site):
    site.database.query("""create function not_yet() returns trigger language plpgsql as $$
        begin
            if new.path = '/late' and clock_timestamp() < now_or_later() then raise exception 'not yet'; end if;
            return new;
        end $$;
        create function now_or_later() returns timestamptz language sql as
            $$ select case when exists (select from webhooks_raw where id = 'ready') then '-infinity' else 'infinity' end::timestamptz $$;
        create trigger not_yet before insert or update on webhooks_raw for each row execute function not_yet()""")
    try:
        site.start_workers(1)
        site.publish("r", b"newest", T, **ordered(3), **{"sluice-path": "/late"})
        wait_until(lambda: site.lines("retried", "r"), lambda: f"the retry\n{site.tails()}")
        site.publish("r", b"older", T + 5, **ordered(2))
        site.publish("ready", b"", T)
        site.row("ready")
        wait_until(lambda: site.row("r").body == b"newest", lambda: f"the retried event\n{site.tails()}", 30)
    finally:
        site.database.query("drop trigger not_yet on webhooks_raw; drop function not_yet, now_or_later")
    assert state(site, "r") == (3, 0, 0, b"newest")


def test_what_the_broker_gave_up_keeps_its_order_and_is_shown_with_it(site):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "default", b"given up", pika.BasicProperties(
        message_id="g", delivery_mode=2, headers={
            "sluice-version": 2, "sluice-source": "default", "sluice-keep": "newest", "sluice-method": "POST",
            "sluice-path": "/", "sluice-query": "", "sluice-received": T, "sluice-remote": "", "sluice-attempt": 0,
            "sluice-order": -4, "sluice-headers": {}}))
    channel.connection.close()
    assert site.servers.operate("dead", "collect").stdout == "collected 1; already there 0\n"
    assert site.database.query("select id, order_value from webhooks_dead") == [("g", -4)]
    (dead_id,), = site.database.query("select dead_id from webhooks_dead")
    assert json.loads(site.servers.command("dead", "show", "--json", str(dead_id)).stdout)["order_value"] == -4
    assert site.servers.operate("dead", "replay", "--all").stdout == "replayed 1 of 1\n"
    site.start_workers(1)
    assert wait_until(lambda: site.rows("id = 'g'"), site.tails, 30)[0].body == b"given up"
    assert state(site, "g") == (-4, 0, 0, b"given up")
    traced = json.loads(site.servers.command("trace", "g", "--json").stdout)
    assert traced["stored"][0]["order_value"] == -4
    assert "  order            -4\n" in site.servers.command("trace", "g").stdout
    assert json.loads(site.servers.command("find", "--json").stdout)["events"][0]["order_value"] == -4
    assert site.database.query("select order_value from webhooks where id = 'g'") == [(-4,)]


# --- the gateway's side ---------------------------------------------------------------------

@pytest.fixture(name="routes")
def fixture_routes(site):
    return RouteFile(site.directory / "routes")


def start(site, routes, *sources):
    return site.add_gateway(GATEWAY_ROUTES=routes.write(*sources).path).start()


def unordered(gateway, source):
    return gateway.metrics()[f'sluice_gateway_source_unordered_total{{source="{source}"}}']


def sent(site, target, body, headers=None):
    """Sends a request; the headers of its message."""
    site.send_ok("POST", target, body, headers)
    channel = site.channel()
    try:
        _, properties, _ = wait_until(lambda: (found := channel.basic_get("webhooks.ingest", auto_ack=True))[0] and found,
                                      "the message")
        return properties.headers
    finally:
        channel.connection.close()


def test_an_order_makes_a_message_version_2_and_any_other_event_is_version_1(site, routes):
    """Workers of the release before read version 1: sources without an order may go on with them."""
    gateway = start(site, routes, routes.open("plain", "/plain"),
                    routes.open("body", "/body", id={"pointer": "/id"}, order={"pointer": "/at"}),
                    routes.open("head", "/head", order={"header": "X-Sequence"}))

    def order(*request):
        headers = sent(site, *request)
        assert headers["sluice-version"] == (2 if "sluice-order" in headers else 1)
        return headers.get("sluice-order")
    assert order("/plain", b'{"id":"a","at":7}', {"X-Sequence": "7"}) is None
    assert order("/body", b'{"id":"a","at":7}') == 7
    assert order("/body", gzip.compress(b'{"at":"1970-01-01T00:00:01.5Z","id":"a"}'), {"Content-Encoding": "gzip"}) == 1_500_000
    assert order("/head", b"", {"X-Sequence": "70"}) == 70
    assert (unordered(gateway, "body"), unordered(gateway, "head")) == (0, 0)
    for body in (b'{"id":"a"}', b'{"id":"a","at":"soon"}', b'{"id":"a","at":1e3}', b'{"id":"a","at":1,"at":1}'):
        assert order("/body", body) is None
    assert order("/head", b"") is None
    assert (unordered(gateway, "body"), unordered(gateway, "head"), unordered(gateway, "plain")) == (4, 1, 0)


def test_a_captured_request_that_is_sent_again_does_not_replace_a_newer_state(site, routes):
    """The signature covers the body alone, and no time: by the arrival, the captured one would be the newest."""
    start(site, routes, routes.github("hub", "/hub", "a secret", id={"pointer": "/id"}, keep="newest",
                                      order={"pointer": "/updated_at"}))
    site.start_workers(1)
    old = b'{"id":1,"updated_at":"2026-11-27T10:00:00+01:00","state":"open"}'
    new = b'{"id":1,"updated_at":"2026-11-27T09:00:01Z","state":"closed"}'
    site.send_ok("POST", "/hub", old, signed("a secret", "d1", old))
    site.send_ok("POST", "/hub", new, signed("a secret", "d2", new))
    site.send_ok("POST", "/hub", old, signed("a secret", "d3", old, **{"X-Order": "9223372036854775807"}))
    site.send_ok("POST", "/hub", old, signed("a secret", "d4", old, **{"Content-Encoding": "gzip"}))
    wait_until(lambda: site.rows("source = 'hub'"), site.tails)
    assert state(site, "1", "hub")[3] == new


def test_route_tells_where_the_order_is(build, routes):
    routes.write(routes.open("one", "/one", order={"pointer": "/created"}), routes.open("two", "/two"),
                 routes.open("three", "/three", order={"header": "X-Sequence"}))

    def told(path, *options):
        return run_command(build, ["route", "POST", path, "--routes", str(routes.path), *options], {}).stdout
    assert "order      /created in the JSON body\n" in told("/one")
    assert "order " not in told("/two")
    assert json.loads(told("/three", "--json"))["order"] == "header x-sequence"
