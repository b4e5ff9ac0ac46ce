# SPDX-License-Identifier: MIT
"""Bad events, and problems of the database that must not be taken for bad events, however long they last."""

import contextlib
import os
import subprocess
import time

import pytest

from load import Load
from process import own_directory, remove_directory, wait_until
from proxy import DOWN, UP

T = 1_763_900_000_000_000  # microseconds since 1970


@pytest.fixture
def picky_table(site):
    """A table with a constraint against the path /poison and a trigger that refuses /refused. /slow exceeds the
    statement_timeout, and /killer sleeps long enough for the test to kill the worker."""
    site.database.query("""
        alter table webhooks_raw add constraint picky check (path <> '/poison') not valid;
        create function picky() returns trigger language plpgsql as $$
        begin
            case new.path
                when '/refused' then raise exception 'not today';
                when '/slow' then perform pg_sleep(40);
                when '/killer' then perform pg_sleep(25);
                else null;
            end case;
            return new;
        end $$;
        create trigger picky before insert on webhooks_raw for each row execute function picky()""")
    yield
    site.database.query("alter table webhooks_raw drop constraint picky; drop trigger picky on webhooks_raw;"
                        "drop function picky")


@pytest.mark.quick
@pytest.mark.case(5)
@pytest.mark.usefixtures("picky_table")
def test_a_worker_killed_between_a_dead_letters_commit_and_its_ack_leaves_it_once(site, links):
    first, = links.start_workers(1, database=False)
    site.publish("before", b"x", T)
    wait_until(lambda: first.metrics().get("sluice_worker_acked_total") == 1, "the ack of the first one")
    wait_until(lambda: len(first.lines("consuming")) == 2, "the end of its careful start, which asks the broker")
    links.worker_broker.hold(UP)
    site.publish("poison", b"x", T, **{"sluice-path": "/poison"})
    site.wait_count(1, table="webhooks_dead")  # committed; the ack is held in the proxy
    letter = site.database.query("select * from webhooks_dead")
    first.kill()
    second, = site.start_workers(1)
    wait_until(lambda: second.lines("dead"), lambda: f"the redelivery\n{second.tail()}", 30)
    site.wait_drained()
    assert site.database.query("select * from webhooks_dead") == letter
    assert {row.id for row in site.rows()} == {"before"}


@pytest.mark.quick
@pytest.mark.usefixtures("picky_table")
def test_a_worker_killed_before_it_has_read_the_confirm_of_a_retry_loses_and_doubles_nothing(site, links):
    assert site.servers.setup(DELAYS="2s,10s,60s,600s").returncode == 0
    first, = links.start_workers(1, database=False, DELAYS="2s")
    site.publish("before", b"x", T, **{"sluice-path": "/refused"})
    wait_until(lambda: first.lines("retried"), "a first retry, and so a connection for them", 20)
    site.wait_count(1, table="webhooks_dead")
    with contextlib.closing(site.channel()) as channel:
        def waiting():
            return channel.queue_declare("webhooks.retry.2", passive=True).method.message_count
        with site.database.locked():
            site.publish("twice", b"x", T, **{"sluice-path": "/refused"})
            wait_until(lambda: site.database.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'"
                                                   " and usename = 'sluice_worker'"), "the worker to have it")
            # The broker must get the message, but its confirm must not arrive: hold only the way back.
            links.worker_broker.hold(DOWN)
        wait_until(waiting, "the retry to be there", 5)
        first.kill()
        assert len(first.lines("retried")) == 1, "it has read the confirm"
    links.worker_broker.reset()
    links.worker_broker.heal()
    site.start_workers(1, DELAYS="2s")
    site.wait_count(2, table="webhooks_dead")
    site.wait_drained()
    assert site.database.query("select id, count(*) from webhooks_dead group by id order by id") == [
        ("before", 1), ("twice", 1)]


@pytest.mark.case(15)
@pytest.mark.usefixtures("picky_table", "delivery_limit")
@pytest.mark.delivery_limit(10)
def test_a_message_that_kills_its_worker_each_time_ends_with_the_broker_and_500_neighbours_are_rows(site):
    gateway = site.start_gateway()
    for number in range(250):
        site.send_ok(body=b"x", headers={"webhook-id": f"before-{number}"})
    site.send_ok("POST", "/killer", b"x", {"webhook-id": "killer"})
    for number in range(250):
        site.send_ok(body=b"x", headers={"webhook-id": f"after-{number}"})
    assert gateway.is_ready()
    kills = 0
    begun = time.monotonic()

    def given_up():
        return site.broker.queue("webhooks.dead").get("messages", 0) == 1

    def sleeping():
        return site.database.query("select 1 from pg_stat_activity where usename = 'sluice_worker' "
                                   "and wait_event = 'PgSleep'")
    while kills < 15 and not given_up():
        wait_until(lambda: not sleeping(), "the last victim's backend to end", 20)
        worker = site.add_worker()
        worker.start(wait=False)
        wait_until(lambda: given_up() or sleeping(), lambda: f"the killer to be in a batch\n{site.tails()}", 60, 0.1)
        kills += bool(sleeping())
        worker.kill()
    site.start_workers(1)
    site.wait_count(500, 60)
    assert {row.id for row in site.rows()} == {f"{when}-{number}" for when in ("before", "after") for number in range(250)}
    assert site.count("webhooks_dead") == 0
    channel = site.channel()
    method, properties, _ = wait_until(lambda: (lambda got: got if got[0] else None)(channel.basic_get("webhooks.dead")),
                                       "the message that the broker gave up", 10)
    assert properties.message_id == "killer"
    assert method.message_count == 0, "none of its neighbours"
    channel.basic_ack(method.delivery_tag)
    channel.connection.close()
    wait_until(lambda: not given_up(), "webhooks.dead to be empty", 20)
    site.wait_drained()
    site.note(f"{kills} kills in {time.monotonic() - begun:.0f} s, 500 neighbours stored")
    assert kills >= 10


@pytest.fixture
def small_disk(site):
    """Puts the table on its own file system of 16 MiB; grow() enlarges it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a tmpfs")
    place = site.directory.parent.parent / "small-disk"
    own_directory(place, site.database.user)
    stat = place.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=16m,mode=0700,uid={stat.st_uid},gid={stat.st_gid}", "small",
                    place], check=True, timeout=20)

    def grow():
        subprocess.run(["mount", "-o", "remount,size=256m", place], check=True, timeout=20)
    try:
        site.database.query(f"create tablespace small location '{place}'")
        site.database.query("alter table webhooks_raw set tablespace small")
        yield grow
    finally:
        grow()
        site.database.query("truncate webhooks_raw")
        site.database.query("alter table webhooks_raw set tablespace pg_default")
        site.database.query("drop tablespace if exists small")
        subprocess.run(["umount", place], check=True, timeout=20)
        remove_directory(place)


@pytest.mark.quick
@pytest.mark.case(20)
def test_a_full_disk_pauses_the_workers_kills_nothing_and_all_is_stored_once_there_is_room(site, small_disk):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    ledger = site.ledger()
    load = Load(gateway.port, ledger, rate=2000, count=0)  # used only for its send()
    connection = None

    def send(number):
        nonlocal connection
        connection, status = load.send(connection, f"disk-{number}", os.urandom(200_000))
        assert status == 200
    for number in range(150):
        send(number)
    for worker in workers:
        worker.wait_ready(False, limit=40)
        assert "stores nothing" in worker.admin("/ready")[1]
        assert {line["sqlstate"] for line in worker.lines("not-stored")} == {"53100"}
        assert {line["verdict"] for line in worker.lines("not-stored")} == {"transient"}
    full = site.count()
    assert 10 < full < 150
    assert site.count("webhooks_dead") == 0
    small_disk()
    for worker in workers:
        worker.wait_ready(limit=30)
    site.settle(ledger, at_least=150)
    assert site.count("webhooks_dead") == 0
    site.note(f"full after {full} rows")


@pytest.mark.case(23)
def test_a_table_that_is_missing_for_five_minutes_kills_nothing_and_costs_no_connection(site):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=50, count=100_000) as load:
        load.wait_acked(100)
        site.database.query("alter table webhooks_raw rename to elsewhere")
        try:
            for worker in workers:
                worker.wait_ready(False)
            time.sleep(300)  # many heartbeats, and waits at their maximum
            assert all("repair" in worker.admin("/ready")[1] for worker in workers)
            assert site.count("webhooks_dead") == 0
        finally:
            site.database.query("alter table elsewhere rename to webhooks_raw")
        for worker in workers:
            worker.wait_ready(limit=30)
        load.wait_acked(100)
    assert load.statuses.keys() == {200}
    site.settle(ledger, at_least=10_000)
    assert site.count("webhooks_dead") == 0
    for worker in workers:
        assert worker.metrics()["sluice_worker_broker_connects_total"] == 1, "the connection lasts, thanks to heartbeats"


@pytest.mark.usefixtures("picky_table")
def test_a_statement_that_takes_too_long_is_retried_and_its_neighbours_are_stored(site):
    assert site.servers.setup(DELAYS="2s,10s,60s,600s").returncode == 0
    gateway = site.start_gateway()
    for number in range(20):
        site.send_ok(body=b"x", headers={"webhook-id": f"fine-{number}"})
    site.send_ok("POST", "/slow", b"x", {"webhook-id": "slow"})
    site.send_ok("POST", "/slow", b"x", {"webhook-id": "slower"})
    worker, = site.start_workers(1, DELAYS="2s", WORKER_CONNECTIONS=1)
    # 30 s as a batch, then each event on its own: longer than a batch's deadline, but with an answer every 30 s.
    site.wait_count(20, limit=150)
    assert gateway.is_ready()
    site.database.query("drop trigger picky on webhooks_raw")
    try:
        site.wait_count(22, limit=150)
        site.wait_drained()
        assert {line["sqlstate"] for line in worker.lines() if "sqlstate" in line} == {"57014"}
        assert site.count("webhooks_dead") == 0
        assert worker.metrics()["sluice_worker_database_failures_total"] == 0
    finally:
        site.database.query("create trigger picky before insert on webhooks_raw for each row execute function picky()")
