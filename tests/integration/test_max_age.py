# SPDX-License-Identifier: MIT
"""BROKER_MAX_AGE: a connection that has become old is replaced by another one, and no event notices it."""

import pytest

from load import Load
from process import wait_until

T = 1_700_000_000_000_000
DELAYS = "1s"
pytestmark = pytest.mark.usefixtures("declared")
AGED = {"BROKER_MAX_AGE": "1s"}


@pytest.fixture(name="strict_table")
def fixture_strict_table(site):
    """A table with a user's trigger that refuses /refused."""
    site.database.query("""
        create function strict() returns trigger language plpgsql as $$ begin
            if new.path = '/refused' then raise exception 'not today'; end if;
            return new;
        end $$;
        create trigger strict before insert on webhooks_raw for each row execute function strict()""")
    yield
    site.database.query("drop trigger strict on webhooks_raw; drop function strict")


def renewed(program):
    return len(program.lines("broker-renewed"))


def connects(worker):
    return worker.metrics()["sluice_worker_broker_connects_total"]


def test_connections_are_replaced_under_load_no_sender_notices_and_nothing_is_lost(site):
    gateway = site.start_gateway(**AGED)
    workers = site.start_workers(2, **AGED)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=200):
        wait_until(lambda: min(renewed(program) for program in (gateway, *workers)) >= 3, site.tails, 60)
    site.settle(ledger, 100)
    assert ledger.counts["unknown"] == ledger.counts["refused"] == 0
    assert gateway.lines("broker-lost") == [] and gateway.metrics()["sluice_gateway_broker_connects_total"] >= 4
    again = sum(worker.metrics()["sluice_worker_redeliveries_total"] for worker in workers)
    site.note(f"{again:.0f} messages were on their way to a consumer that was cancelled, and came again")


def test_an_idle_program_replaces_its_connection_too(site):
    programs = [site.start_gateway(**AGED), *site.start_workers(1, **AGED)]
    wait_until(lambda: all(renewed(program) >= 2 for program in programs), site.tails, 60)
    site.row(site.send_ok(body=b"{}"))


def test_no_connection_is_replaced_before_its_time_or_with_an_age_of_0(site):
    kept = [site.start_gateway(BROKER_MAX_AGE="0"), *site.start_workers(1, BROKER_MAX_AGE="0")]
    default = site.start_workers(1)
    aged = site.start_workers(1, **AGED)
    wait_until(lambda: renewed(aged[0]) >= 3, site.tails, 60)
    assert [renewed(program) for program in (*kept, *default)] == [0, 0, 0]


@pytest.mark.usefixtures("strict_table")
def test_a_worker_that_owes_an_ack_for_long_goes_on_with_its_old_connection(site):
    with site.unbound("webhooks.retry.1", "webhooks.retry.1", ""):
        worker, = site.start_workers(1, DELAYS="1s", **AGED)
        site.publish("kept", b"x", T, **{"sluice-path": "/refused"})
        wait_until(lambda: worker.lines("broker-not-renewed"), site.tails, 60)
        before = connects(worker)
        for number in range(20):
            site.publish(f"fine-{number}", b"x", T)
        site.wait_count(20)
        assert connects(worker) == before
    site.wait_count(1, table="webhooks_dead", limit=60)
    site.wait_drained()


@pytest.mark.usefixtures("strict_table")
def test_the_connection_that_publishes_retries_is_closed_when_old_and_opened_by_the_next_retry(site):
    worker, = site.start_workers(1, DELAYS="1s", **AGED)
    for number in range(3):
        before = renewed(worker)
        site.publish(f"refused-{number}", b"x", T, **{"sluice-path": "/refused"})
        site.wait_count(number + 1, table="webhooks_dead", limit=60)
        wait_until(lambda: renewed(worker) >= before + 3, site.tails, 60)  # pylint: disable=cell-var-from-loop
    assert worker.lines("not-retried") == []


def test_an_alarm_is_waited_out_on_the_connection_that_was_told_of_it(site):
    gateway = site.start_gateway(**AGED)
    worker, = site.start_workers(1, **AGED)
    site.send_ok(body=b"{}")
    site.broker.set_alarm()
    try:
        wait_until(lambda: site.send(body=b"{}").status == 503 and gateway.lines("broker-blocked"), site.tails, 30)
        before = renewed(gateway)
        during = renewed(worker)
        wait_until(lambda: renewed(worker) >= during + 3, site.tails, 60)
        assert renewed(gateway) == before
    finally:
        site.broker.clear_alarm()
    gateway.wait_ready()
    site.row(site.send_ok(body=b"{}"))
    wait_until(lambda: renewed(gateway) > before, site.tails, 120)
