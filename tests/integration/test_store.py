# SPDX-License-Identifier: MIT
"""From the queue into the table: one row per (source, id) with the newest arrival's body, and events that can't be
stored."""

import hashlib
import itertools
import json
import random
import signal
import subprocess
import threading

import pytest

from database import programs
from process import wait_until


def send_all(site, entries, threads=4):
    """Sends corpus entries over several connections; returns the statuses."""
    statuses = []
    parts = [entries[number::threads] for number in range(threads)]

    def send(part):
        for event_id, headers, body in part:
            statuses.append(site.send("POST", "/github", body, {
                "webhook-id": event_id, "Content-Type": headers["Content-Type"],
                "X-GitHub-Event": headers["X-GitHub-Event"]}).status)
    workers = [threading.Thread(target=send, args=(part,), daemon=True) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    return statuses


def test_real_webhooks_are_rows_byte_for_byte_and_stay_one_row_each_when_sent_again(site, corpus, seed):
    site.start_gateway()
    site.start_workers(1)
    assert send_all(site, corpus) == [200] * len(corpus)
    site.wait_count(len(corpus))
    site.start_workers(2)
    again = random.Random(seed).sample(corpus, len(corpus))
    assert send_all(site, again) == [200] * len(corpus)
    site.wait_drained()
    rows = {row.id: row for row in site.rows()}
    assert len(rows) == site.count() == len(corpus)
    for event_id, headers, body in corpus:
        assert rows[event_id].body == body
        assert rows[event_id].headers["x-github-event"] == headers["X-GitHub-Event"]
    payloads = dict(site.database.query("select id, payload from webhooks"))
    assert payloads == {event_id: json.loads(body) for event_id, _, body in corpus}
    assert site.count("webhooks_dead") == 0


def test_curl_hello_makes_a_row_that_psql_shows(site):
    """The example of the README, with curl and psql."""
    gateway = site.start_gateway()
    site.start_workers(1)
    url = f"http://127.0.0.1:{gateway.port}/hello"
    done = subprocess.run(["curl", "-sS", "-d", '{"hello":"world"}', "-H", "webhook-id: h1", url], capture_output=True,
                          text=True, timeout=20, check=True)
    assert json.loads(done.stdout) == {"id": "h1", "status": "queued"}
    site.row("h1")
    shown = subprocess.run(
        [programs() / "psql", "-X", "-At", "-h", "127.0.0.1", "-p", str(site.database.port), "-U", "sluice_reader",
         "-c", "select id, path, payload->>'hello' from webhooks", "sluice"],
        env={"PGPASSWORD": site.servers.secret("database-reader")}, capture_output=True, text=True, timeout=20,
        check=True)
    assert shown.stdout == "h1|/hello|world\n"


def test_the_same_id_twice_makes_one_row_with_the_newest_body(site):
    site.start_gateway()
    site.start_workers(1)
    site.send_ok("POST", "/twice", b"first", {"webhook-id": "t"})
    first = site.row("t")
    site.send_ok("POST", "/twice/again", b"second", {"webhook-id": "t"})
    wait_until(lambda: site.row("t").body == b"second", "the newer body")
    second = site.row("t")
    assert site.count() == 1
    assert second.path == "/twice/again"
    assert second.received_at > first.received_at
    assert second.first_received_at == first.first_received_at


T = 1_763_900_000_000_000  # microseconds since 1970


@pytest.mark.case(24)
@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_the_newest_arrival_wins_in_whichever_order_they_are_stored(site, order):
    site.start_workers(1)
    arrivals = [(T, b'{"n":"oldest"}'), (T + 5, b'{"n":"a"}'), (T + 5, b'{"n":"b"}')]
    for index in order:
        site.publish("race", arrivals[index][1], arrivals[index][0])
    site.publish("last", b"", T)
    site.row("last")
    site.wait_drained()
    row = site.row("race")
    assert row.body == b'{"n":"b"}', "of two arrivals at the same time the greater body wins"
    assert round(row.received_at.timestamp() * 1e6) == T + 5
    assert round(row.first_received_at.timestamp() * 1e6) == T


@pytest.mark.case(24)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_source_that_keeps_the_first_keeps_it_in_either_order(site, order):
    site.start_workers(1)
    arrivals = [(T, b"older"), (T + 1, b"newer")]
    for index in order:
        site.publish("kept", arrivals[index][1], arrivals[index][0], keep="first")
    site.publish("last", b"", T)
    site.row("last")
    site.wait_drained()
    assert site.row("kept").body == b"older"


@pytest.mark.case(24)
def test_many_events_of_one_id_in_one_batch_make_one_row(site):
    site.start_gateway()
    for number in range(5):
        site.send_ok("POST", "/batch", b"body %d" % number, {"webhook-id": "five"})
    site.start_workers(2)
    site.wait_drained()
    assert [row.body for row in site.rows()] == [b"body 4"]


LIMIT = 1 << 20  # GATEWAY_MAX_BODY's default
HOSTILE = {
    "nul": b'{"a":"\x00"}', "not-utf-8": b"\xff\xfe\x80abc\xc3", "lone-surrogates": b'{"a":"\\ud800","b":"\\udc00\\ud800"}',
    "beyond-doubles": b'{"n":9007199254740993}', "1e999": b'{"n":1e999}', "deep": b"[" * 100_000 + b"]" * 100_000,
    "empty": b"", "bom": b"\xef\xbb\xbf{}", "below-limit": b"x" * (LIMIT - 1), "at-limit": b"\x00" * LIMIT,
}


@pytest.mark.case(25)
def test_hostile_bodies_are_stored_byte_for_byte_beside_their_neighbours_and_nobody_falls(site):
    gateway = site.start_gateway()
    for number, (event_id, body) in enumerate(HOSTILE.items()):
        site.send_ok("POST", "/fine", b"{}", {"webhook-id": f"neighbour-{number}"})
        site.send_ok("POST", "/hostile", body, {"webhook-id": event_id})
    assert site.send("POST", "/hostile", b"x" * (LIMIT + 1), {"webhook-id": "above-limit"}).status == 413
    worker, = site.start_workers(1)  # so that they share batches
    site.wait_count(2 * len(HOSTILE))
    site.wait_drained()
    assert {row.id: row.body for row in site.rows("path = '/hostile'")} == HOSTILE
    assert {row.body for row in site.rows("path = '/fine'")} == {b"{}"}
    assert len(site.database.query("select payload, body_text, body_bytes from webhooks")) == 2 * len(HOSTILE)
    assert site.count("webhooks_dead") == 0
    assert gateway.is_ready() and worker.is_ready()


def test_one_message_can_be_followed_in_the_logs_by_its_id(site):
    site.start_gateway()
    site.start_workers(1)
    site.send_ok("POST", "/follow", b"one", {"webhook-id": "f"})
    site.row("f")
    site.send_ok("POST", "/follow", b"two", {"webhook-id": "f"})
    site.publish("f", b"late", T)
    wait_until(lambda: site.lines("unchanged", "f"), lambda: f"'unchanged' in the log\n{site.tails()}")
    for stage, count in {"received": 2, "queued": 2, "stored": 1, "replaced": 1, "unchanged": 1, "dead": 0}.items():
        lines = site.lines(stage, "f")
        assert len(lines) == count, stage
        assert all(line["source"] == "default" for line in lines)


@pytest.fixture
def picky_table(site):
    """A table with a user's constraint that refuses some events."""
    site.database.query("alter table webhooks_raw add constraint picky check (path <> '/poison') not valid")
    yield
    site.database.query("alter table webhooks_raw drop constraint picky")


@pytest.mark.usefixtures("picky_table")
def test_a_poisoned_event_becomes_a_dead_letter_with_its_reason_and_its_neighbours_commit(site):
    gateway = site.start_gateway()
    for number in range(60):
        path = "/poison" if number % 20 == 7 else "/fine"
        site.send_ok("POST", path, b"n%d" % number, {"webhook-id": f"p{number:02}"})
    worker, = site.start_workers(1)
    site.wait_count(57)
    site.wait_count(3, table="webhooks_dead")
    site.wait_drained()
    dead = site.database.query("select id, path, body, verdict, sqlstate, reason, worker, encode(body_sha256, 'hex'), "
                               "received_at from webhooks_dead order by id")
    assert [row[0] for row in dead] == ["p07", "p27", "p47"]
    for event_id, path, body, verdict, sqlstate, reason, name, digest, received in dead:
        assert (path, bytes(body), verdict, sqlstate) == ("/poison", b"n%d" % int(event_id[1:]), "poison", "23514")
        assert "picky" in reason
        assert "Failing row" not in reason
        assert name and received
        assert digest == hashlib.sha256(bytes(body)).hexdigest()
        assert len(site.lines("dead", event_id)) == 1
    assert gateway.is_ready() and worker.is_ready()


def test_a_message_that_is_no_envelope_becomes_a_dead_letter_too(site):
    site.start_workers(1)
    channel = site.channel()
    channel.basic_publish("webhooks", "stranger", b"what is this?")
    channel.connection.close()
    site.publish("good", b"fine", T)
    site.row("good")
    site.wait_count(1, table="webhooks_dead")
    (body, reason), = site.database.query("select body, reason from webhooks_dead")
    assert bytes(body) == b"what is this?"
    assert reason
    site.wait_drained()


def test_a_worker_told_to_read_its_settings_anew_goes_on_as_it_was(site):
    worker, = site.start_workers(1)
    worker.send(signal.SIGHUP)
    site.publish("after", b"x", T)
    site.row("after")
    assert worker.alive()


def test_a_message_that_is_no_envelope_waits_when_its_dead_letter_cannot_be_written(site):
    worker, = site.start_workers(1)
    site.database.query("revoke insert on webhooks_dead from sluice_worker")
    try:
        channel = site.channel()
        channel.basic_publish("webhooks", "stranger", b"what is this?")
        channel.connection.close()
        worker.wait_ready(False)
        assert site.count("webhooks_dead") == 0
    finally:
        site.database.query("grant insert on webhooks_dead to sluice_worker")
    worker.wait_ready()
    site.wait_count(1, table="webhooks_dead")
    (verdict, reason), = site.database.query("select verdict, reason from webhooks_dead")
    assert verdict == "malformed" and "sluice-version" in reason
    site.wait_drained()


def test_the_view_reads_forms_text_and_binary(site):
    site.start_gateway()
    site.start_workers(1)
    for event_id, body in {"form": b"a=1&b=two%20words&b=3", "text": "schön".encode(), "binary": b"\x00\xff"}.items():
        site.send_ok("POST", "/view", body, {"webhook-id": event_id})
    site.wait_count(3)
    found = {row[0]: row[1:] for row in site.database.query("select id, payload, body_text, body_bytes from webhooks")}
    assert found == {"form": ({"a": "1", "b": ["two words", "3"]}, "a=1&b=two%20words&b=3", 21),
                     "text": (None, "schön", 6), "binary": (None, None, 2)}
