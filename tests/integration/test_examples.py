# SPDX-License-Identifier: MIT
"""Applies sql/examples unchanged: webhooks copied into users' tables, and an index on the payload."""

import json
import pathlib

import psycopg2
import pytest

from process import wait_until

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "sql" / "examples"
T = 1_763_900_000_000_000  # microseconds since 1970


@pytest.fixture(name="pushes")
def fixture_pushes(site):
    database = site.database
    database.query((EXAMPLES / "github_pushes.sql").read_text(encoding="utf-8"))
    yield lambda: database.query("select id, repository, ref, head, commits, pusher from github_pushes order by id")
    database.query("drop trigger github_event on webhooks_raw")
    database.query("drop function github_event")
    database.query("drop table github_pushes, github_repositories")


def push(site, event_id, ref="refs/heads/main", received=T, repository="octocat/hello"):
    body = {"ref": ref, "after": "c0ffee", "commits": [{"id": "c0ffee"}, {"id": "decaf"}], "pusher": {"name": "mona"},
            "repository": {"full_name": repository}}
    deliver(site, event_id, "push", body, received)


def created(site, event_id="r1", repository="octocat/hello", received=T):
    deliver(site, event_id, "repository", {"action": "created", "repository": {"full_name": repository}}, received)


def deliver(site, event_id, kind, body, received=T):
    site.publish(event_id, json.dumps(body).encode(), received,
                 **{"sluice-source": "github", "sluice-headers": {"x-github-event": kind}})


def test_a_push_becomes_a_row_in_the_same_transaction(site, pushes):
    site.start_workers(1)
    created(site)
    site.row("r1", "github")
    push(site, "p1")
    site.row("p1", "github")
    assert pushes() == [("p1", "octocat/hello", "refs/heads/main", "c0ffee", 2, "mona")]
    (same,), = site.database.query("""select w.xmin = p.xmin from webhooks_raw w join github_pushes p using (id, source)
                                      where id = 'p1'""")
    assert same, "both rows were written in one transaction"


def test_a_newer_arrival_replaces_the_row_and_an_older_one_does_not(site, pushes):
    site.start_workers(1)
    created(site)
    site.row("r1", "github")
    push(site, "p1", "refs/heads/one", T + 10)
    site.row("p1", "github")
    push(site, "p1", "refs/heads/two", T + 20)
    wait_until(lambda: [row[2] for row in pushes()] == ["refs/heads/two"], lambda: f"the newer ref\n{site.tails()}")
    push(site, "p1", "refs/heads/late", T + 15)
    push(site, "p2", "refs/heads/last", T + 15)
    site.row("p2", "github")
    assert [row[2] for row in pushes()] == ["refs/heads/two", "refs/heads/last"]
    deliver(site, "p1", "ping", {}, T + 30)
    wait_until(lambda: [row[0] for row in pushes()] == ["p2"], "the row of an event that is no longer a push to be deleted")


def test_a_parent_that_arrives_late_is_waited_for(site, pushes):
    site.start_workers(1)
    push(site, "child")
    push(site, "other", repository="octocat/known-later")
    wait_until(lambda: site.broker.queue("webhooks.retry.10").get("messages", 0) == 2,
               lambda: f"both pushes to wait in the first tier\n{site.tails()}", 15, 0.2)
    assert pushes() == [] and site.count() == 0
    created(site)
    created(site, "r2", "octocat/known-later")
    wait_until(lambda: [row[0] for row in pushes()] == ["child", "other"], lambda: f"both pushes\n{site.tails()}", 25)
    assert site.count("webhooks_dead") == 0
    assert site.count() == 4


def test_what_is_no_push_at_all_is_a_dead_letter_and_harms_nobody(site, pushes):
    site.start_workers(1)
    created(site)
    site.row("r1", "github")
    deliver(site, "odd", "push", {"repository": {"full_name": "octocat/hello"}})
    push(site, "fine")
    site.publish("elsewhere", b"not GitHub's", T)
    site.row("fine", "github")
    site.row("elsewhere")
    site.wait_count(1, table="webhooks_dead")
    assert site.database.query("select id, sqlstate from webhooks_dead") == [("odd", "23502")]
    assert [row[0] for row in pushes()] == ["fine"]


def test_the_worker_has_no_rights_on_the_tables_of_others(site, pushes):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        site.database.query("insert into github_repositories values ('mine')", user="sluice_worker",
                            password=site.servers.secret("database-worker"))
    assert pushes() == []


def test_what_was_stored_before_goes_through_the_trigger_when_asked_to(site, request):
    site.start_workers(1)
    created(site)
    push(site, "p1")
    site.row("r1", "github")
    site.row("p1", "github")
    pushes = request.getfixturevalue("pushes")
    assert pushes() == []
    for kind in ("repository", "push"):
        site.database.query("update webhooks_raw set source = source where source = 'github'"
                            " and headers->>'x-github-event' = %s", (kind,))
    assert [row[0] for row in pushes()] == ["p1"]


def test_the_index_is_used_through_the_view_on_a_table_large_enough_for_parallel_plans(site):
    database = site.database
    database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'github', 'i' || n, 'POST', '/',
               case when mod(n, 1000) = 0 then '\\xff00'::bytea
                    else convert_to('{"repository":{"full_name":"o/r' || mod(n, 5000) || '"},"pad":"'
                                    || repeat('x', 200) || '"}', 'UTF8') end, now(), now()
          from generate_series(1, 150000) n""")
    database.query((EXAMPLES / "payload_index.sql").read_text(encoding="utf-8"))
    connection = database.connect()
    try:
        database.query("analyze webhooks_raw")
        with connection.cursor() as cursor:
            cursor.execute("explain select count(*) from webhooks_raw where octet_length(body) > 3")
            assert "Parallel Seq Scan" in str(cursor.fetchall()), "the table is large enough"
            query = "select id from webhooks where payload->'repository'->>'full_name' = 'o/r7'"
            cursor.execute(f"explain {query}")
            plan = str(cursor.fetchall())
            assert "webhooks_repository" in plan and "Seq Scan" not in plan
            cursor.execute(query)
            assert len(cursor.fetchall()) == 30
            cursor.execute("select count(*), count(payload) from webhooks")
            assert cursor.fetchall() == [(150000, 149850)]
    finally:
        connection.close()
        database.query("drop index webhooks_repository")
