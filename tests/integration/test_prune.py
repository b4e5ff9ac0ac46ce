# SPDX-License-Identifier: MIT
"""`sluice prune` deletes old rows with the index, in short transactions, while events continue to be stored."""

import contextlib
import re
import threading
import time

import pytest

from process import Child, wait_until
from programs import environment

T = 1_763_900_000_000_000  # microseconds since 1970, long ago


def fill(site, count, prefix="p", age="interval '40 days'", body="convert_to('{}', 'UTF8')"):
    site.database.query(f"""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', '{prefix}' || n, 'POST', '/', {body}, at, at
          from generate_series(1, {count}) n, lateral (select now() - {age} + n * interval '1 ms') as t (at)""")


def prune(site, *arguments, **more):
    return site.servers.operate("prune", *arguments, **more)


def counts(done, returncode=0):
    assert done.returncode == returncode, done.stderr
    return int(done.stdout.split()[1])


def test_what_is_older_goes_and_what_is_not_stays(site):
    fill(site, 12_000)
    fill(site, 500, "young", "interval '29 days'")
    fill(site, 1, "edge", "interval '29 days 23:59'")
    assert prune(site, "--older-than", "30d", "--dry-run").stdout.startswith("would prune 12000 rows received before ")
    assert site.count() == 12_501
    assert counts(prune(site, "--older-than", "30d")) == 12_000
    assert site.database.query("select distinct regexp_replace(id, '\\d+', '') from webhooks_raw order by 1") == [
        ("edge",), ("young",)]
    assert counts(prune(site, "--older-than", "30d")) == 0
    assert counts(prune(site, "--older-than", "0")) == 501


def test_an_age_is_needed_and_a_unit(servers):
    assert servers.operate("prune").returncode == 64
    assert servers.operate("prune", "--older-than", "30").returncode == 64
    assert servers.operate("prune", "--older-than", "30d", "more").returncode == 64
    away = {"SETUP_DATABASE_URL": "postgresql://sluice@127.0.0.1:1/sluice"}
    assert servers.operate("prune", "--older-than", "30d", **away).returncode == 69


def test_a_delivery_of_a_pruned_id_makes_a_new_row(site):
    site.start_workers(1)
    site.publish("again", b"first", T)
    site.row("again")
    assert counts(prune(site, "--older-than", "30d")) == 1
    site.publish("again", b"second", T + 1)
    row = site.row("again")
    assert row.body == b"second"
    assert round(row.first_received_at.timestamp() * 1e6) == T + 1


@contextlib.contextmanager
def locked(site, statement):
    """Somebody's transaction that takes a lock by this statement, and keeps it."""
    with contextlib.closing(site.database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute(statement)
        yield
        other.rollback()


def test_a_row_that_somebody_has_locked_is_left_and_told(site):
    fill(site, 100)
    with locked(site, "select from webhooks_raw where id = 'p7' for update"):
        begun = time.monotonic()
        done = prune(site, "--older-than", "30d")
        assert time.monotonic() - begun < 5
    assert counts(done, 1) == 99
    assert "1 are left, locked by others" in done.stderr
    assert counts(prune(site, "--older-than", "30d")) == 1


def test_a_table_that_somebody_has_locked_is_not_waited_for(site):
    """A statement that waits for a table lock makes all later ones wait, too."""
    fill(site, 10)
    with locked(site, "lock table webhooks_raw in access exclusive mode"):
        begun = time.monotonic()
        done = prune(site, "--older-than", "30d")
        assert 0.9 < time.monotonic() - begun < 5
    assert done.returncode == 69
    assert "lock timeout" in done.stderr
    assert site.count() == 10


def test_old_rows_are_found_by_the_index(site, plans):
    fill(site, 6_000)
    fill(site, 60_000, "young", "interval '1 day'")
    site.database.query("analyze webhooks_raw")
    before = len(plans())
    assert counts(prune(site, "--older-than", "30d")) == 6_000
    wait_until(lambda: "delete from webhooks_raw" in plans()[before:].lower(), "the plan in the server's log")
    told = plans()[before:]
    assert "Index Scan using webhooks_raw_received_at" in told
    assert "Tid Scan on webhooks_raw" in told
    assert "Seq Scan on webhooks_raw" not in told


def test_the_old_rows_of_one_source_are_found_without_reading_all_those_of_others(site, plans):
    """One source keeps ten days and the other five: the planner expects old rows of both wherever rows are old.
    100,000 old rows are the other's; those of the day after the last one that is deleted may be read."""
    site.insert(200_000, source="case when n <= 100000 or n % 2 = 0 then 'kept' else 'brief' end",
                received_at="now() - interval '10 days' + n * interval '4.32 seconds'")
    site.insert(10, id="'old' || n", source="'brief'", received_at="now() - interval '6 days'")
    site.database.query("cluster webhooks_raw using webhooks_raw_received_at; analyze webhooks_raw")
    before = len(plans())
    assert counts(prune(site, "--older-than", "124h", "--source", "brief")) == 10
    wait_until(lambda: "Tid Scan on webhooks_raw" in plans()[before:], "the plan in the server's log")
    deletes = [told for told in plans()[before:].split("Query Text: ") if told.startswith("with gone as (delete")]
    assert len(deletes) == 2
    assert sum(int(rows) for told in deletes for rows in re.findall("Rows Removed by Filter: ([0-9]+)", told)) < 30_000, deletes


def test_events_go_on_being_stored_while_old_rows_are_pruned(site):
    """Newer arrivals of the ids that are being pruned: none waits long, and none is lost."""
    fill(site, 60_000, body="convert_to(repeat('x', 500), 'UTF8')")
    slowest, stop = [0.0], threading.Event()

    def upsert():
        connection = site.database.connect("sluice_worker", site.servers.secret("database-worker"))
        with connection.cursor() as cursor:
            for n in range(59_999, 0, -97):
                if stop.is_set():
                    break
                begun = time.monotonic()
                cursor.execute("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
                    values ('default', %s, 'POST', '/', 'new', now(), now()) on conflict (id, source)
                    do update set body = excluded.body, received_at = excluded.received_at""", (f"p{n}",))
                slowest[0] = max(slowest[0], time.monotonic() - begun)
        connection.close()
    thread = threading.Thread(target=upsert, daemon=True)
    child = Child("prune", site.directory / "prune.log")
    child.start([(site.servers.build / "sluice").absolute(), "prune", "--older-than", "30d"],
                environment(site.servers.setup_settings()))
    thread.start()
    status = child.wait(60)
    thread.join(60)
    stop.set()
    assert status in (0, 1), child.output()
    assert counts(prune(site, "--older-than", "30d")) >= 0
    assert site.database.query("select count(*) from webhooks_raw where body <> 'new'") == [(0,)]
    assert site.count() == len(range(59_999, 0, -97))
    site.note(f"slowest upsert beside a prune {slowest[0] * 1000:.0f} ms")
    assert slowest[0] < 2
