# SPDX-License-Identifier: MIT
"""A primary and its hot standby: who writes finds the primary wherever it stands in DATABASE_URL, and a failover loses
nothing that a standby has confirmed. What an asynchronous one loses, `sluice verify --all` names."""

import contextlib
import re

import pytest

from load import Load
from process import wait_until
from replication import Pair

READ_ONLY = "session is read-only"  # libpq's words
SLOW = 60


@contextlib.contextmanager
def replicated(site, synchronous):
    """A Pair that is set up, in place of the site's database."""
    servers, own = site.servers, site.database
    pair = Pair(site.directory, servers.secret("database-owner"), synchronous)
    try:
        pair.start()
        done = servers.setup(SETUP_DATABASE_URL=pair.url("sluice", pair.primary), DATABASE_BUDGET=10)
        assert done.returncode == 0, done.stderr
        pair.wait_replayed()
        site.database = pair.primary
        yield pair
    finally:
        site.database = own
        for program in site.programs:
            program.send(15)
            program.wait(30)
        pair.remove()


@pytest.fixture
def lagging(site):
    """An asynchronous Pair."""
    with replicated(site, False) as pair:
        yield pair


@pytest.fixture
def confirmed(site):
    """A synchronous Pair."""
    with replicated(site, True) as pair:
        yield pair


def worker_at(site, url, **settings):
    worker = site.add_worker(DATABASE_URL=url, **settings)
    worker.start(wait=False)
    return worker


def test_who_writes_passes_over_a_standby_and_who_reads_may_use_it(site, lagging):
    standby_first = lagging.standby, lagging.primary
    ledger = site.directory / "empty.tsv"
    ledger.write_text("", encoding="ascii")
    writing = [("setup", "--check"), ("setup",), ("prune", "--older-than", "1d", "--dry-run"), ("dead", "collect")]
    for arguments in writing:
        done = site.servers.operate(*arguments, SETUP_DATABASE_URL=lagging.url("sluice", *standby_first))
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        done = site.servers.operate(*arguments, SETUP_DATABASE_URL=lagging.url("sluice", lagging.standby), SETUP_WAIT="0s")
        assert done.returncode == 69 and READ_ONLY in done.stderr, (arguments, done.stdout, done.stderr)
    reading = [("status",), ("find",), ("dead", "list")]
    for arguments in reading:
        done = site.servers.command(*arguments, DATABASE_URL=lagging.url("sluice_reader", lagging.standby))
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    done = site.servers.command("verify", ledger, DATABASE_URL=lagging.url("sluice_reader", *standby_first))
    assert done.returncode == 0, done.stderr
    done = site.servers.command("verify", ledger, DATABASE_URL=lagging.url("sluice_reader", lagging.standby))
    assert done.returncode == 69 and "hot standby" in done.stderr, done.stderr


def test_a_worker_passes_over_a_standby_and_alone_with_it_says_read_only(site, lagging):
    site.start_gateway()
    alone = worker_at(site, lagging.url("sluice_worker", lagging.standby))
    away = wait_until(lambda: alone.lines("database-away"), alone.tail, SLOW)
    assert READ_ONLY in away[0]["reason"] and str(lagging.standby.port) in away[0]["reason"]
    wait_until(lambda: alone.admin("/ready") == (503, "database away\n"), lambda: alone.admin("/ready"), SLOW)
    sent = site.send_ok(body=b"{}")
    worker = worker_at(site, lagging.url("sluice_worker", lagging.standby, lagging.primary))
    wait_until(lambda: site.rows("id = %s", (sent,)), site.tails, SLOW)
    assert not worker.lines("database-away")


def test_a_synchronous_failover_loses_no_acked_event_and_senders_get_nothing_but_200(site, confirmed):
    site.start_gateway()
    worker_at(site, confirmed.url("sluice_worker"), LOG_MESSAGES="batches")
    ledger = site.ledger()
    with Load(site.gateway.port, ledger, rate=150, count=10 ** 6) as load:
        load.wait_acked(300, SLOW)
        wait_until(lambda: site.count() > 100, site.tails, SLOW)
        confirmed.cut()  # what is committed from here on is on the primary only
        load.wait_acked(100, SLOW)
        confirmed.fail_over()
        site.database = confirmed.standby
        load.wait_acked(300, SLOW)
    assert load.statuses.keys() == {200}, load.statuses
    site.settle(ledger, at_least=500, limit=2 * SLOW)
    done = site.servers.command("verify", ledger.path, DATABASE_URL=confirmed.url("sluice_reader"))
    assert done.returncode == 0 and "missing 0" in done.stdout, done.stdout + done.stderr


def test_what_an_asynchronous_failover_loses_is_named_and_comes_back_when_it_is_sent_again(site, lagging):
    site.start_gateway()
    worker_at(site, lagging.url("sluice_worker"))
    ledger = site.ledger()

    def send(names):
        for name in names:
            body = name.encode()
            entry = ledger.sent(name, body)
            reply = site.send(body=body, headers={"webhook-id": name})
            assert reply.status == 200
            ledger.replied(entry, reply.status)

    def verify():
        return site.servers.command("verify", "--all", ledger.path, DATABASE_URL=lagging.url("sluice_reader"))

    send(f"kept-{n}" for n in range(30))
    site.wait_count(30)
    lagging.wait_replayed()
    lagging.cut()
    lost = {f"lost-{n}" for n in range(25)}
    send(sorted(lost))
    site.wait_count(55)
    site.wait_drained()  # acked to the broker: nobody has them but the primary
    lagging.fail_over()
    site.database = lagging.standby
    done = verify()
    assert done.returncode == 1, done.stderr
    assert set(re.findall(r"^missing   default (\S+)$", done.stdout, re.M)) == lost, done.stdout
    send(sorted(lost))
    site.settle(ledger, at_least=55, limit=SLOW)
    done = verify()
    assert done.returncode == 0 and "missing 0" in done.stdout, done.stdout + done.stderr


UNSYNCED = "commits don't wait for a standby"


def test_a_worker_that_requires_it_acks_nothing_unless_commits_wait_for_a_standby(site, lagging):
    site.start_gateway()
    worker = worker_at(site, lagging.url("sluice_worker"), WORKER_REQUIRE_SYNC=1)

    def unready():
        status, text = worker.admin("/ready")
        return status == 503 and text.startswith(UNSYNCED)

    wait_until(unready, worker.tail, SLOW)
    wait_until(lambda: str(lagging.primary.port) in worker.lines("not-synchronous")[0]["reason"], worker.tail, SLOW)
    first = site.send_ok(body=b"1")
    wait_until(lambda: site.ready("webhooks.ingest") == 1, site.tails, SLOW)
    wait_until(lambda: len(worker.lines("not-synchronous")) > 2, worker.tail, SLOW)
    assert site.ready("webhooks.ingest") == 1 and site.count() == 0  # it consumes nothing
    lagging.synchronise("*")
    worker.wait_ready(limit=SLOW)
    wait_until(lambda: site.rows("id = %s", (first,)), site.tails, SLOW)
    site.wait_drained()
    lagging.synchronise("")
    second = site.send_ok(body=b"2")
    wait_until(lambda: site.rows("id = %s", (second,)), site.tails, SLOW)  # committed, on the primary only
    wait_until(unready, worker.tail, SLOW)
    wait_until(lambda: worker.metrics()["sluice_worker_unacked"] == 1, worker.tail, SLOW)
    lagging.synchronise("*")
    worker.wait_ready(limit=SLOW)
    site.wait_drained()
    assert site.count() == 2
