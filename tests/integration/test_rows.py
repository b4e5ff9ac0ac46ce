# SPDX-License-Identifier: MIT
"""Several events in one statement: each has the outcome, and each row the content, that a statement of its own would
give. A table of its own counts the statements."""

import contextlib
import signal

import pytest

from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970
MANY = 100


@pytest.fixture
def counted(site):
    """Counts the statements on webhooks_raw, and lets a trigger suppress, rename or refuse some rows."""
    site.database.query("""
        create table counted (rows int);
        create function count_it() returns trigger language plpgsql security definer set search_path = sluice, public as $$
        begin insert into counted select count(*) from fresh; return null; end $$;
        create trigger count_it after insert on webhooks_raw referencing new table as fresh
            for each statement execute function count_it();
        create function odd() returns trigger language plpgsql as $$
        begin
            case new.path
                when '/suppressed' then return null;
                when '/renamed' then new.id := 'renamed-' || new.id;
                when '/refused' then raise exception 'never' using errcode = '23514';
                when '/gate' then perform pg_advisory_xact_lock_shared(1);
                else null;
            end case;
            return new;
        end $$;
        create trigger odd before insert on webhooks_raw for each row execute function odd()""")
    yield lambda: [rows for rows, in site.database.query("select rows from counted")]
    site.database.query("drop trigger count_it on webhooks_raw; drop function count_it; drop table counted;"
                        "drop trigger odd on webhooks_raw; drop function odd")


def outcomes(worker):
    return {name: worker.metrics()[f'sluice_worker_events_total{{outcome="{name}"}}']
            for name in ("stored", "replaced", "unchanged", "dead")}


def started(site, events, **settings):
    """A worker that has dealt with so many events. The queue is filled before it starts, so that all but the first,
    which it takes alone, are one batch."""
    worker, = site.start_workers(1, WORKER_CONNECTIONS=1, **settings)
    wait_until(lambda: sum(outcomes(worker).values()) >= events, lambda: f"{events} outcomes\n{worker.tail()}", 20)
    site.wait_drained()
    return worker


def entries(paths, source="default", body=b"x", at=T, **headers):
    return [(f"e-{number:03}", body, at, {"sluice-source": source, "sluice-path": path, **headers})
            for number, path in enumerate(paths)]


@pytest.mark.parametrize(("keep", "headers"), [("newest", {}), ("newest", {"sluice-version": 2, "sluice-order": 5}),
                                               ("first", {})])
def test_new_replaced_and_unchanged_ones_of_one_statement_are_told_apart(site, counted, keep, headers):
    older, newer = (T, b"older"), (T + 1, b"newer")
    wins, loses = (older, newer) if keep == "first" else (newer, older)
    paths = ["/published"] * MANY
    site.publish_each([event for number, event in enumerate(entries(paths, body=loses[1], at=loses[0], **headers))
                       if number % 3 == 1], keep)
    site.publish_each([event for number, event in enumerate(entries(paths, body=wins[1], at=wins[0], **headers))
                       if number % 3 == 2], keep)
    started(site, 66).stop()
    rows = len(counted())
    site.publish_each([("first-of-all", b"x", T, {})])
    site.publish_each([(event_id, (wins if number % 3 == 1 else loses)[1], (wins if number % 3 == 1 else loses)[0], told)
                       for number, (event_id, _, _, told) in enumerate(entries(paths, **headers))], keep)
    worker = started(site, 1 + MANY)
    # An event that is older than what is there changes first_received_at alone.
    assert outcomes(worker) == {"stored": 1 + 34, "replaced": 33, "unchanged": 33, "dead": 0}
    assert max(counted()[rows:]) >= 8, counted()[rows:]
    found = {row.id: row.body for row in site.rows("id like 'e-%%'")}
    assert found == {f"e-{number:03}": (loses if number % 3 == 0 else wins)[1] for number in range(MANY)}


def test_rows_that_a_trigger_suppresses_or_renames_shift_no_neighbours_outcome(site, counted):
    site.publish_each([("a-first", b"x", T, {})] + entries(
        ["/suppressed" if number % 10 == 3 else "/published" for number in range(MANY)]))
    worker = started(site, 1 + MANY)
    assert outcomes(worker) == {"stored": 91, "replaced": 0, "unchanged": 10, "dead": 0}
    assert max(counted()) > 50
    worker.stop()
    site.publish_each([("a-second", b"x", T, {})] + entries(
        ["/renamed" if number % 10 == 4 else "/published" for number in range(MANY)], body=b"newer", at=T + 1))
    worker = started(site, 1 + MANY)
    # Each renamed row is new, and its event's own row stays as it was; the ten suppressed before are new now.
    assert outcomes(worker) == {"stored": 1 + 10 + 10, "replaced": 80, "unchanged": 0, "dead": 0}
    assert site.count() == 91 + 1 + 10 + 10


def test_rules_and_equal_keys_are_mixed_in_one_batch_and_the_merge_stays_the_same(site, counted):
    """The order of the keys is that of the statements, whatever the rules."""
    events = entries(["/published"] * MANY, body=b"first", at=T)
    again = [event for number, event in enumerate(entries(["/published"] * MANY, body=b"second", at=T + 1))
             if number % 20 == 3]
    ordered = [(event_id, b"ordered", T - 1, {"sluice-version": 2, "sluice-order": 1})
               for number, (event_id, *_) in enumerate(events) if number % 20 == 7]
    kept = [(f"kept-{number:03}", b"x", at, {"sluice-keep": "first"}) for number in range(50) for at in (T + 1, T)]
    site.publish_each([("a-first", b"x", T, {})] + again + kept + events + ordered)
    worker = started(site, 1 + MANY + len(again) + len(ordered) + len(kept))
    found = {row.id: (row.body, row.first_received_at) for row in site.rows("id like 'e-%%'")}
    assert {event_id: body for event_id, (body, _) in found.items()} == {
        f"e-{number:03}": {7: b"ordered", 3: b"second"}.get(number % 20, b"first") for number in range(MANY)}
    assert site.count() == 1 + MANY + 50
    assert sum(outcomes(worker).values()) == 1 + MANY + len(again) + len(ordered) + len(kept)
    assert outcomes(worker)["stored"] == 1 + MANY + 50
    assert max(counted()) >= 8


def test_one_that_is_refused_among_many_dies_alone_and_the_next_batches_are_good(site, counted):
    site.publish_each([("a-first", b"x", T, {})] + entries(
        ["/refused" if number == 50 else "/published" for number in range(MANY)]))
    worker = started(site, 1 + MANY)
    assert outcomes(worker) == {"stored": MANY, "replaced": 0, "unchanged": 0, "dead": 1}
    dead, = site.database.query("select id, sqlstate, reason from webhooks_dead")
    assert dead == ("e-050", "23514", "never")
    assert counted().count(1) > 8  # what failed together was stored one by one


@pytest.mark.usefixtures("counted")
def test_a_lock_that_one_of_many_waits_for_holds_up_and_kills_no_other(site):
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1)")
        site.publish_each([("a-first", b"x", T, {})] + entries(
            ["/gate" if number == 50 else "/published" for number in range(MANY)]))
        worker, = site.start_workers(1, WORKER_CONNECTIONS=1)
        site.wait_count(MANY)
        assert outcomes(worker)["dead"] == 0
    site.wait_drained()
    assert outcomes(worker) == {"stored": MANY + 1, "replaced": 0, "unchanged": 0, "dead": 0}
    parked = worker.lines("parked")
    assert {line["sqlstate"] for line in parked} == {"55P03"} and {line["id"] for line in parked} == {"e-050"}


def test_after_a_failure_each_event_has_its_statement_until_16_good_batches_have_passed(site, counted):
    batch = 20
    site.publish_each([("a-first", b"x", T, {})] + entries(
        ["/refused" if number == 5 else "/published" for number in range(3 * batch)]))
    worker = started(site, 1 + 3 * batch, WORKER_BATCH_EVENTS=batch)
    for number in range(16):
        site.publish(f"single-{number}", b"x", T)
        site.row(f"single-{number}")
    assert max(counted()) == 1
    worker.send(signal.SIGSTOP)  # so that they come together, however fast it stores them
    site.publish_each([(f"later-{number:04}", b"x", T, {}) for number in range(200)])
    worker.send(signal.SIGCONT)
    site.wait_count(1 + 3 * batch - 1 + 16 + 200)
    assert max(counted()) >= 8
    assert outcomes(worker)["dead"] == 1
