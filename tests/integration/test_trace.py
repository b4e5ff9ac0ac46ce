# SPDX-License-Identifier: MIT
"""`sluice trace` tells where an event is: for each place that it can be in, and without touching it."""

import datetime
import hashlib
import json

import pytest

from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970
TIME = "2025-11-23T12:13:20.000000Z"  # the same
BODY = b'{"n":1}'
SHA256 = hashlib.sha256(BODY).hexdigest()


def trace(site, *arguments, **more):
    return site.servers.command("trace", *arguments, **more)


def traced(site, *arguments, returncode=0, **more):
    done = trace(site, "--json", *arguments, **more)
    assert done.returncode == returncode, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def depths(found):
    return {queue["name"]: (queue["ready"], queue["unacked"]) for queue in found["queues"]}


def test_an_event_that_is_stored_has_its_times(site):
    site.start_workers(1)
    site.publish("evt", BODY, T)
    row = site.row("evt")
    found = traced(site, "evt")
    one, = found["stored"]
    assert (found["id"], found["source"], found["found"], found["dead"]) == ("evt", None, True, [])
    assert (one["source"], one["id"], one["state"]) == ("default", "evt", "stored")
    assert (one["first_received_at"], one["received_at"]) == (TIME, TIME)
    assert datetime.datetime.fromisoformat(one["stored_at"].replace("Z", "+00:00")) == row.stored_at
    assert (one["method"], one["path"], one["content_type"]) == ("POST", "/published", "application/json")
    assert (one["body_bytes"], one["body_sha256"]) == (len(BODY), SHA256)
    done = trace(site, "evt")
    assert done.returncode == 0
    for words in ("default evt: stored\n", f"first received   {TIME}", f"{TIME}, the first arrival", SHA256):
        assert words in done.stdout, done.stdout


def test_an_event_that_was_replaced_says_when_the_first_one_came(site):
    site.start_workers(1)
    site.publish("evt", b"first", T)
    site.row("evt")
    site.publish("evt", BODY, T + 5_000_000)
    wait_until(lambda: site.row("evt").body == BODY, "the later one to win")
    one, = traced(site, "evt")["stored"]
    assert one["state"] == "replaced"
    assert (one["first_received_at"], one["received_at"]) == (TIME, "2025-11-23T12:13:25.000000Z")
    assert "default evt: replaced\n" in trace(site, "evt").stdout


def test_every_source_that_has_the_id_is_shown_or_one(site):
    site.start_workers(1)
    for source in ("a", "b"):
        site.publish("evt", BODY, T, **{"sluice-source": source})
        site.row("evt", source)
    assert [one["source"] for one in traced(site, "evt")["stored"]] == ["a", "b"]
    assert [one["source"] for one in traced(site, "evt", "--source", "b")["stored"]] == ["b"]
    wait_until(lambda: traced(site, "--source=c", "evt", returncode=1)["on_its_way"] == "no", "the broker's numbers")


@pytest.mark.usefixtures("odd_table")
def test_a_dead_event_has_its_reason(site):
    site.start_workers(1)
    site.publish("evt", BODY, T, **{"sluice-source": "rare", "sluice-path": "/unwelcome"})
    site.wait_count(1, table="webhooks_dead")
    found = traced(site, "evt")
    one, = found["dead"]
    assert (found["found"], found["stored"]) == (True, [])
    assert (one["source"], one["verdict"], one["sqlstate"], one["attempts"]) == ("rare", "poison", "23514", 1)
    assert (one["reason"], one["received_at"], one["body_sha256"]) == ("never", TIME, SHA256)
    done = trace(site, "--source", "rare", "evt")
    assert done.returncode == 0
    assert f"rare evt: dead letter {one['dead_id']}\n" in done.stdout
    assert "verdict poison, SQLSTATE 23514, attempts 1" in done.stdout
    assert trace(site, "--source", "default", "evt").returncode == 1


def test_several_dead_letters_and_a_row_are_all_shown_newest_first(site):
    site.database.query("""insert into webhooks_dead (source, id, body, verdict, reason, received_at)
        select 's' || n % 3, 'evt', 'x', 'later', 'r' || n, now() + n * interval '1 s' from generate_series(1, 6) n""")
    site.start_workers(1)
    site.publish("evt", BODY, T)
    site.row("evt")
    found = traced(site, "evt")
    assert [one["reason"] for one in found["dead"]] == ["r6", "r5", "r4", "r3", "r2", "r1"]
    assert len(found["stored"]) == 1
    assert [one["reason"] for one in traced(site, "evt", "--source", "s1")["dead"]] == ["r4", "r1"]


@pytest.mark.usefixtures("odd_table")
def test_an_event_in_a_retry_tier_is_counted_there_and_stays(site):
    site.start_workers(1)
    site.publish("good", BODY, T)
    site.row("good")
    site.publish("evt", BODY, T, **{"sluice-source": "rare", "sluice-path": "/refused"})
    wait_until(lambda: site.lines("retried", "evt"), lambda: f"the event to be retried\n{site.tails()}")
    wait_until(lambda: {queue: depth for queue, depth in depths(traced(site, "evt", returncode=1)).items() if any(depth)}
               == {"webhooks.retry.10": (1, 0)}, "the message in its tier only")
    found = traced(site, "evt", returncode=1)
    assert (found["found"], found["on_its_way"]) == (False, "maybe")
    assert {queue["name"]: queue["wait_s"] for queue in found["queues"]}["webhooks.retry.10"] == 10
    done = trace(site, "evt")
    assert done.returncode == 1
    assert "any source evt: neither stored nor a dead letter\n" in done.stdout
    assert "10 s have passed" in done.stdout
    assert "1 message waits, or a worker holds it: it may be this event.\n" in done.stdout
    assert site.lines("dead", "evt") == []


def test_an_event_that_no_worker_has_taken_is_counted_as_ready(site):
    site.publish("evt", BODY, T)
    found = traced(site, "evt", returncode=1)
    assert depths(found)["webhooks.ingest"][0] == 1
    assert found["on_its_way"] == "maybe"
    site.start_workers(1)
    site.row("evt")
    assert traced(site, "evt")["found"]
    # A message that had been read from the queue would come as a redelivery.
    assert site.workers[0].metrics()["sluice_worker_redeliveries_total"] == 0


def test_an_event_that_a_worker_holds_is_counted_as_unacked(site):
    site.start_workers(1)
    with site.database.locked():
        site.publish("evt", BODY, T)
        wait_until(lambda: depths(traced(site, "evt", returncode=1))["webhooks.ingest"] == (0, 1), "an unacked one", 15)
        without = traced(site, "evt", returncode=1, BROKER_MANAGEMENT_URL="")
        assert depths(without)["webhooks.ingest"] == (0, None)
        assert without["on_its_way"] == "maybe"
        told = trace(site, "evt", BROKER_MANAGEMENT_URL="").stdout
        assert "What workers hold is unknown" in told
    site.row("evt")


def test_an_event_that_is_nowhere_is_not_on_its_way(site):
    wait_until(lambda: traced(site, "evt", returncode=1)["on_its_way"] == "no", "the broker's numbers", 15)
    done = trace(site, "evt")
    assert done.returncode == 1
    assert done.stdout.endswith("No message waits, and workers hold none: it is not on its way.\n")


def test_what_is_found_is_shown_although_the_broker_is_away(site):
    site.start_workers(1)
    site.publish("evt", BODY, T)
    site.row("evt")
    away = {"BROKER_URL": "amqp://sluice-worker@127.0.0.1:1/sluice"}
    found = traced(site, "evt", **away)
    assert (found["found"], found["queues"], found["on_its_way"]) == (True, [], "maybe")
    assert traced(site, "other", returncode=69, **away)["found"] is False
    assert "The queues are unknown" in trace(site, "evt", **away).stdout
    assert trace(site, "evt", DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice").returncode == 69


def test_a_place_of_the_budget_is_never_taken(site):
    done = trace(site, "evt", DATABASE_URL=site.database.url("sluice_worker"))
    assert done.returncode == 78
    assert "the workers' budget: use sluice_reader" in done.stderr


def test_an_id_is_needed(servers):
    for arguments in ((), ("a", "b"), ("a", "--nosuch"), ("a", "--source")):
        assert servers.command("trace", *arguments).returncode == 64


def test_what_senders_write_is_one_line_of_text(site):
    site.database.query("""insert into webhooks_dead (source, id, body, verdict, reason, path, method)
        values ('a', E'x\\n\\x1b[2J', 'x', 'later', E'one\\ntwo', E'/\\x1b]0;', 'POST')""")
    done = trace(site, "x\n\x1b[2J")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "a x??[2J: dead letter" in done.stdout and "one?two" in done.stdout


def test_both_tables_are_searched_by_their_indexes(site):
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 's' || n % 5, 'e' || n, 'POST', '/', 'x', now(), now() from generate_series(1, 30000) n""")
    site.database.query("""insert into webhooks_dead (source, id, body, verdict, reason)
        select 's' || n % 5, 'e' || n, 'x', 'later', 'r' from generate_series(1, 30000) n""")
    site.database.query("analyze webhooks_raw, webhooks_dead")
    before = scans(site)
    assert len(traced(site, "e17")["dead"]) == 1
    assert len(traced(site, "e17", "--source", "s2")["stored"]) == 1
    wait_until(lambda: scans(site)[1] >= before[1] + 4, "the statistics of both questions", 15)
    assert scans(site)[0] == before[0]


def scans(site):
    """How often the tables were scanned whole, and by an index."""
    return site.database.query("""select sum(seq_scan), sum(idx_scan) from pg_stat_user_tables
        where relname in ('webhooks_raw', 'webhooks_dead')""")[0]
