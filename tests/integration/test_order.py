# SPDX-License-Identifier: MIT
"""The order guard: of the events of an id, the one with the greatest (order, arrival, body) is the row, in whichever
order they arrive, are stored, die and are replayed."""

import itertools
import random

import pytest

from process import wait_until

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
        assert state(site, f"kept-{number}")[3] == b"first"


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
