# SPDX-License-Identifier: MIT
"""`sluice dead`: dead letters are shown, replayed, dropped and collected, and nothing is lost."""

import base64
import gzip
import json
import re
import time

import pika
import psycopg2
import pytest

from process import Child, wait_until
from programs import environment

FIRST = 1  # seconds of the first retry tier in these tests
DELAYS = f"{FIRST}s,10s,60s,600s"
T = 1_763_900_000_000_000  # microseconds since 1970


@pytest.fixture(scope="module", name="tier")
def fixture_tier(servers):
    """A short retry tier, so that the tests are fast."""
    assert servers.setup(DELAYS=DELAYS).returncode == 0
    yield
    servers.broker.management("DELETE", f"queues/sluice/webhooks.retry.{FIRST}")
    servers.broker.management("DELETE", f"exchanges/sluice/webhooks.retry.{FIRST}")
    servers.broker.management("DELETE", f"queues/sluice/webhooks.delay.{FIRST}")
    servers.broker.management("DELETE", f"exchanges/sluice/webhooks.delay.{FIRST}")


def bury(site, count, prefix="d", **columns):
    """Inserts dead letters as a worker does, one microsecond apart. columns: SQL expressions of n."""
    values = {"source": "'default'", "id": f"'{prefix}' || n", "keep": "'newest'", "method": "'POST'",
              "path": "'/dead'", "query": "'n=' || n", "headers": """'{"x-a": "é", "x-b": "2"}'""",
              "content_type": "'application/json'", "remote": "'192.0.2.1'", "traceparent": "null",
              "body": """convert_to('{"n":' || n || '}', 'UTF8')""", "properties": "null",
              "received_at": f"timestamptz 'epoch' + {T} * interval '1 microsecond' + n * interval '1 microsecond'",
              "attempts": "1", "verdict": "'later'", "sqlstate": "'23503'", "reason": "'its parent is missing'",
              "worker": "'a test'", "dead_at": "now()", **columns}
    site.database.query(f"insert into webhooks_dead ({', '.join(values)}) select {', '.join(values.values())} "
                        f"from generate_series(1, {count}) n")


def replay(site, *arguments, **more):
    return site.servers.operate("dead", "replay", *arguments, **{"DELAYS": DELAYS, **more})


def start_replay(site, name, *arguments):
    """Starts a replay in the background."""
    child = Child(name, site.directory / f"{name}.log")
    child.start([(site.servers.build / "sluice").absolute(), "dead", "replay", *arguments],
                environment(site.servers.setup_settings(DELAYS=DELAYS)))
    return child


def listed(site, *arguments):
    done = site.servers.command("dead", "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def body_of(shown):
    """The bytes of a body in JSON: text where it is UTF-8, else base64 under a name that says so."""
    assert ("body" in shown) != ("body_base64" in shown)
    return shown["body"].encode() if "body" in shown else base64.b64decode(shown["body_base64"])


@pytest.fixture(name="subscriber")
def fixture_subscriber(site):
    """Counts the messages in another program's queue, which is bound to all events."""
    channel = site.channel()
    channel.queue_declare("somebody-else", durable=True)
    channel.queue_bind("somebody-else", "webhooks", "#")
    yield lambda: channel.queue_declare("somebody-else", passive=True).method.message_count
    channel.queue_delete("somebody-else")
    channel.connection.close()


# --- replay ---------------------------------------------------------------------------


@pytest.mark.usefixtures("tier")
def test_a_replay_of_1000_dead_letters_that_is_killed_in_the_middle_stores_each_once(site, subscriber):
    bury(site, 1000)
    first = start_replay(site, "replay", "--all", "--rate", "400")
    wait_until(lambda: site.count("webhooks_dead") <= 600, "400 of them to be replayed", 15, 0.01)
    first.kill()
    wait_until(lambda: not site.database.query("select 1 from pg_stat_activity where application_name like 'sluice dead%'"),
               "the killed replay's transaction to be rolled back")
    left = site.count("webhooks_dead")
    assert 0 < left < 1000
    done = replay(site, "--all")
    assert (done.returncode, done.stdout) == (0, f"replayed {left} of {left}\n"), done.stderr
    assert site.count("webhooks_dead") == 0
    site.start_workers(1)
    site.wait_count(1000)
    site.wait_drained()
    time.sleep(FIRST)  # duplicates arrive within this time
    site.wait_drained()
    rows = site.rows()
    assert sorted(row.id for row in rows) == sorted(f"d{n}" for n in range(1, 1001))
    assert all(row.body == b'{"n":%d}' % int(row.id[1:]) for row in rows)
    assert site.count("webhooks_dead") == 0
    assert subscriber() == 0
    site.publish("control", b"", T)
    wait_until(lambda: subscriber() == 1, "the other subscriber to get the ordinary event")


@pytest.mark.usefixtures("tier")
def test_a_replayed_event_is_the_event_that_died(site):
    bury(site, 1)
    assert replay(site, "--all").returncode == 0
    site.start_workers(1)
    row = site.row("d1")
    assert row[:8] == ("default", "d1", "POST", "/dead", "n=1", {"x-a": "é", "x-b": "2"}, "application/json", b'{"n":1}')
    assert round(row.received_at.timestamp() * 1e6) == T + 1


@pytest.mark.usefixtures("tier")
def test_two_replays_at_once_share_the_work(site):
    bury(site, 600)
    both = [start_replay(site, f"replay-{n}", "--all", "--rate", "300") for n in (1, 2)]
    assert [child.wait(60) for child in both] == [0, 0]
    counts = [int(re.search(r"replayed (\d+) of", child.output())[1]) for child in both]
    assert sum(counts) == 600
    site.start_workers(1)
    site.wait_count(600)
    site.wait_drained()
    assert site.count("webhooks_dead") == 0


@pytest.mark.usefixtures("tier")
def test_a_newer_arrival_of_the_same_id_stays(site):
    site.start_workers(1)
    site.publish("d1", b"newer", T + 1000)
    site.row("d1")
    bury(site, 1)
    assert replay(site, "--all").returncode == 0
    wait_until(lambda: site.lines("unchanged", "d1"), lambda: f"the replayed one to come\n{site.tails()}")
    row, = site.rows()
    assert row.body == b"newer"
    assert round(row.first_received_at.timestamp() * 1e6) == T + 1


@pytest.fixture(name="picky_table")
def fixture_picky_table(site):
    site.database.query("alter table webhooks_raw add constraint picky check (path <> '/dead') not valid")
    yield
    site.database.query("alter table webhooks_raw drop constraint picky")


@pytest.fixture(name="slow_end")
def fixture_slow_end(site):
    """Makes the commit of a deleted dead letter take longer than the first retry tier waits."""
    site.database.query(f"""create function slow_end() returns trigger language plpgsql as $$
        begin perform pg_sleep({FIRST} + 2); return null; end $$""")
    site.database.query("""create constraint trigger slow_end after delete on webhooks_dead
        deferrable initially deferred for each row execute function slow_end()""")
    yield
    site.database.query("drop trigger slow_end on webhooks_dead")
    site.database.query("drop function slow_end")


@pytest.mark.usefixtures("tier", "picky_table", "slow_end")
def test_an_event_that_dies_again_before_its_replay_has_ended_is_a_dead_letter_still(site):
    site.start_workers(1)
    bury(site, 1)
    (before,), = site.database.query("select dead_id from webhooks_dead")
    assert replay(site, "--all").returncode == 0
    wait_until(lambda: site.lines("dead", "d1"), lambda: f"it to die again\n{site.tails()}", 20)
    (after, verdict, sqlstate), = site.database.query("select dead_id, verdict, sqlstate from webhooks_dead")
    assert after > before
    assert (verdict, sqlstate) == ("poison", "23514")


@pytest.mark.usefixtures("tier")
def test_what_is_no_envelope_is_not_replayed_and_stays(site):
    bury(site, 2, "good")
    bury(site, 1, id="''", keep="null", received_at="null", properties="'\\x00'", verdict="'malformed'")
    bury(site, 1, "odd", headers="""'{"x": 1}'""", dead_at="now() - interval '1 hour'")
    done = replay(site, "--all")
    assert done.returncode == 1
    assert done.stdout == "replayed 2 of 4\n"
    assert "1 can't be replayed" in done.stderr
    assert "its header x is not a string" in done.stderr
    assert site.database.query("select id from webhooks_dead order by 1") == [("",), ("odd1",)]
    site.start_workers(1)
    site.wait_count(2)


@pytest.mark.usefixtures("tier")
def test_a_rate_is_kept(site):
    bury(site, 30)
    begun = time.monotonic()
    assert replay(site, "--all", "--rate", "10").returncode == 0
    assert 2.8 < time.monotonic() - begun < 10


@pytest.mark.usefixtures("tier")
def test_an_interrupted_replay_says_so_and_leaves_the_rest(site):
    bury(site, 500)
    child = start_replay(site, "replay", "--all", "--rate", "100")
    wait_until(lambda: site.count("webhooks_dead") < 500, "it to begin", 15)
    child.send(2)
    assert child.wait(10) == 1
    assert "interrupted" in child.output()
    left = site.count("webhooks_dead")
    assert f"replayed {500 - left} of 500" in child.output()
    assert 0 < left < 500


@pytest.mark.usefixtures("tier")
def test_a_full_queue_stops_the_replay_and_loses_nothing(site):
    bury(site, 2000, body="convert_to(repeat('x', 1000), 'UTF8')")  # the broker accepts some batches before it refuses
    site.broker.management("PUT", "policies/sluice/full", {
        "pattern": r"^webhooks\.retry\.1$", "apply-to": "queues", "priority": 1000, "definition": {"max-length-bytes": 10000}})
    try:
        wait_until(lambda: site.broker.queue(f"webhooks.retry.{FIRST}").get("policy") == "full", "the policy")
        done = replay(site, "--all")
    finally:
        site.broker.management("DELETE", "policies/sluice/full")
    assert done.returncode == 1
    assert "QUEUE_MAX_BYTES" in done.stderr
    left = site.count("webhooks_dead")
    assert done.stdout == f"replayed {2000 - left} of 2000\n"
    assert left > 0
    wait_until(lambda: site.broker.queue(f"webhooks.retry.{FIRST}").get("policy") == "sluice", "the old policy")
    assert replay(site, "--all").returncode == 0
    site.start_workers(1)
    site.wait_count(2000)


def test_a_replay_needs_the_servers_and_the_tier(site):
    bury(site, 1)
    assert replay(site, "--all", DELAYS="8s").returncode == 1
    assert "sluice setup" in replay(site, "--all", DELAYS="8s").stderr
    assert replay(site, "--all", BROKER_URL="amqp://sluice-setup@127.0.0.1:1/sluice").returncode == 69
    assert replay(site, "--all", SETUP_DATABASE_URL="postgresql://sluice@127.0.0.1:1/sluice").returncode == 69
    assert replay(site, "--all", DELAYS="soon").returncode == 78
    assert replay(site, "--all", "--rate", "0").returncode == 64
    assert site.count("webhooks_dead") == 1


# --- list, show, drop -----------------------------------------------------------------


@pytest.fixture(name="mixed")
def fixture_mixed(site):
    """Inserts dead letters 1 to 6 of several kinds; returns the dead_id before the first."""
    (last,), = site.database.query("select nextval('webhooks_dead_dead_id_seq')")
    bury(site, 1, "a")
    bury(site, 1, "b", source="'github'", verdict="'poison'", sqlstate="'23514'")
    bury(site, 1, "c", source="'github'", dead_at="now() - interval '2 hours'")
    bury(site, 1, "d", verdict="'poison'", sqlstate="'22003'", dead_at="now() - interval '3 days'")
    bury(site, 1, id="''", keep="null", received_at="null", properties="'\\x00'", verdict="'malformed'", sqlstate="null")
    bury(site, 1, "f", source="'github'", verdict="'given-up'", sqlstate="null", reason=r"E'two\nlines \x1b[31m\u009b'")
    return last


@pytest.mark.parametrize(("arguments", "expected"), [
    ([], "123456"),
    (["--source", "github"], "236"),
    (["--id", "a1"], "1"),
    (["--verdict", "poison"], "24"),
    (["--verdict", "given-up"], "6"),
    (["--sqlstate", "23514"], "2"),
    (["--sqlstate", "23"], "123"),
    (["--reason", "its parent"], "12345"),
    (["--reason", "two\nlines"], "6"),
    (["--reason", "parent"], ""),
    (["--older-than", "1h"], "34"),
    (["--older-than", "1d"], "4"),
    (["--newer-than", "60min"], "1256"),
    (["--older-than", "1h", "--newer-than", "2d"], "3"),
    (["--source", "github", "--verdict", "poison"], "2"),
    (["--source", "' or true --"], ""),
    (["--sqlstate", "%"], ""),
    (["--id", ""], "5"),
])
def test_each_filter_finds_what_it_says(site, mixed, arguments, expected):
    found = listed(site, *arguments)
    assert "".join(sorted(str(one["dead_id"] - mixed) for one in found["dead"])) == expected
    assert found["count"] == len(expected)


def test_dead_letters_are_found_by_number_and_the_newest_are_shown(site, mixed):
    found = listed(site, "--dead-id", f"{mixed + 2},{mixed + 4},99999999")
    assert [one["id"] for one in found["dead"]] == ["d1", "b1"]
    newest = listed(site, "--limit", "2")
    assert newest["count"] == 6
    assert [one["dead_id"] - mixed for one in newest["dead"]] == [6, 5]
    for wrong in ("", "x", "1,", ",1", "1;drop", "1234567890123456789"):
        assert site.servers.command("dead", "list", "--dead-id", wrong).returncode == 1


@pytest.mark.usefixtures("mixed")
def test_the_list_holds_reasons_but_no_bodies_and_says_nothing_to_the_terminal(site):
    bury(site, 1, "secret", body="convert_to('the body itself', 'UTF8')")
    table, text = (site.servers.command("dead", "list", *form).stdout for form in ([], ["--json"]))
    assert "the body itself" not in table + text
    assert base64.b64encode(b"the body itself").decode() not in table + text
    assert "7 of 7 dead letters" in table
    assert "its parent is missing" in table
    assert "two?lines ?[31m?" in table
    assert not re.search(r"[^\n -~]", table)
    assert {one["body_bytes"] for one in json.loads(text)["dead"]} == {7, 15}


def test_show_tells_all_of_one_and_gives_its_body_back_byte_for_byte(site, mixed):
    bury(site, 1, "binary", body="'\\x00ff0a'::bytea")
    shown = site.servers.command("dead", "show", str(mixed + 2))
    for word in ("poison", "23514", "github", "b1", "/dead", "n=1", "x-b", '{"n":1}', "its parent is missing"):
        assert word in shown.stdout
    one = json.loads(site.servers.command("dead", "show", "--json", str(mixed + 7)).stdout)
    assert body_of(one) == b"\x00\xff\x0a"
    text = json.loads(site.servers.command("dead", "show", "--json", str(mixed + 2)).stdout)
    assert text["body"] == '{"n":1}' and "body_base64" not in text
    assert (one["id"], one["headers"], one["payload"]) == ("binary1", {"x-a": "é", "x-b": "2"}, None)
    body = site.servers.command("dead", "show", "--body", str(mixed + 4))
    assert body.stdout == '{"n":1}'
    assert site.servers.command("dead", "show", "99999999").returncode == 1
    assert site.servers.command("dead", "show", "1,2").returncode == 1
    assert site.servers.command("dead", "show").returncode == 64


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(("content_type", "coding", "body", "shown", "payload", "reason"), [
    ("application/json", "gzip", gzip.compress(b'{"a":1}', mtime=0), "content-encoding gzip: see sluice dead show --body", None,
     "content-encoding gzip"),
    ("application/json; charset=latin1", "identity", b'{"a":"\xe9"}', '{"a":"é"}', {"a": "é"}, None),
    ("application/json", "identity", b'\xef\xbb\xbf{"a":1}', '\n{"a":1}', {"a": 1}, None),
    ("text/plain; charset=utf-16", "identity", b"\xff\xfea\x00", "charset utf-16 is unknown to Postgres: see", None,
     "charset utf-16 is unknown to Postgres"),
])
def test_show_reads_a_body_by_its_headers_and_says_why_it_cannot(site, content_type, coding, body, shown, payload, reason):
    (number,), = site.database.query("""insert into webhooks_dead (source, id, headers, content_type, body, verdict, reason)
        values ('s', 'i', jsonb_build_object('content-encoding', %s), %s, %s, 'dead', 'r') returning dead_id""",
                                     (coding, content_type, psycopg2.Binary(body)))
    assert shown in site.servers.command("dead", "show", str(number)).stdout
    one = json.loads(site.servers.command("dead", "show", "--json", str(number)).stdout)
    assert (one["payload"], one["payload_error"], body_of(one)) == (payload, reason, body)


def test_drop_deletes_what_the_filter_fits_and_wants_to_be_told(site, mixed):
    assert site.servers.operate("dead", "drop").returncode == 64
    assert site.servers.operate("dead", "drop", "--all", "--id", "a1").returncode == 64
    done = site.servers.operate("dead", "drop", "--source", "github")
    assert done.returncode == 0
    assert done.stdout.split() == ["1", "given-up", "-", "1", "later", "23503", "1", "poison", "23514", "dropped", "3"]
    assert [one["dead_id"] - mixed for one in listed(site)["dead"]] == [5, 4, 1]
    assert site.servers.operate("dead", "drop", "--all").stdout.endswith("dropped 3\n")
    assert site.count("webhooks_dead") == 0


@pytest.mark.usefixtures("mixed", "tier")
@pytest.mark.parametrize("command", ["replay", "drop"])
@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["--all", "--source", "github"]], ids=["none", "dry run", "both"])
def test_no_filter_means_nothing_and_all_must_be_said(site, command, arguments):
    done = site.servers.operate("dead", command, *arguments, DELAYS=DELAYS)
    assert (done.returncode, done.stdout) == (64, "")
    assert "a filter or --all is needed" in done.stderr
    assert f"sluice dead {command} --all --dry-run counts" in done.stderr
    assert site.count("webhooks_dead") == 6
    assert site.broker.queue(f"webhooks.retry.{FIRST}").get("messages", 0) == 0


def test_a_reader_may_list_but_not_drop(site):
    bury(site, 1)
    reader = {"SETUP_DATABASE_URL": site.database.url("sluice_reader"),
              "SETUP_DATABASE_PASSWORD_FILE": None, "SETUP_DATABASE_PASSWORD": site.servers.secret("database-reader")}
    assert site.servers.operate("dead", "drop", "--all", **reader).returncode == 78
    assert site.count("webhooks_dead") == 1


@pytest.mark.usefixtures("mixed", "tier")
def test_a_dry_run_says_how_many_and_changes_nothing(site):
    channel = site.channel()
    channel.basic_publish("webhooks.dead", "default", b"given up")
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1, "it to be there")
    before = site.database.query("select * from webhooks_dead order by 1")
    assert replay(site, "--dry-run", "--source", "github").stdout == "would replay 3 of 3\n"
    assert replay(site, "--all", "--dry-run").stdout == "would replay 5 of 6\n"
    assert site.servers.operate("dead", "drop", "--all", "--dry-run").stdout.endswith("would drop 6\n")
    assert site.servers.operate("dead", "collect", "--dry-run").stdout == "would collect 1\n"
    assert site.database.query("select * from webhooks_dead order by 1") == before
    assert channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1
    assert channel.queue_declare(f"webhooks.retry.{FIRST}", passive=True).method.message_count == 0
    channel.connection.close()


@pytest.mark.usefixtures("mixed", "tier")
def test_what_changes_dead_letters_says_as_json_what_it_would_do_and_has_done(site):
    def said(command, *arguments):
        done = site.servers.operate("dead", command, "--json", *arguments, DELAYS=DELAYS)
        return done.returncode, json.loads(done.stdout)

    channel = site.channel()
    channel.basic_publish("webhooks.dead", "default", b"given up")
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1, "it to be there")
    channel.connection.close()
    assert said("collect", "--dry-run") == (0, {"dry_run": True, "would_collect": 1})
    assert said("collect") == (0, {"dry_run": False, "collected": 1, "already_there": 0, "left": 0})
    assert said("replay", "--all", "--dry-run") == (1, {"dry_run": True, "would_replay": 5, "matched": 7, "unreadable": 2})
    assert said("replay", "--source", "github") == (0, {"dry_run": False, "replayed": 3, "matched": 3, "unreadable": 0})
    status, told = said("drop", "--all", "--dry-run")
    assert (status, told["would_drop"], sum(kind["count"] for kind in told["kinds"])) == (0, 4, 4)
    assert {"verdict": "given-up", "sqlstate": "-", "count": 1} in told["kinds"]
    assert said("drop", "--all") == (0, {"dry_run": False, "dropped": 4, "kinds": told["kinds"]})
    assert said("drop", "--all") == (0, {"dry_run": False, "dropped": 0, "kinds": []})


# --- collect --------------------------------------------------------------------------


@pytest.fixture(name="impatient")
def fixture_impatient(site):
    """Sets a delivery limit, so that the broker gives up a message at its third delivery."""
    site.broker.management("PUT", "policies/sluice/impatient", {
        "pattern": r"^webhooks\.ingest$", "apply-to": "queues", "priority": 1000, "definition": {"delivery-limit": 2}})
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy") == "impatient", "the policy")
    yield
    site.broker.management("DELETE", "policies/sluice/impatient")
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy") == "sluice", "the old policy")


def give_up(site, count):
    """Rejects each message of webhooks.ingest with requeue until the broker gives it up."""
    channel = site.channel()
    for method, _, _ in channel.consume("webhooks.ingest", inactivity_timeout=0.5):
        if method is None:
            if site.broker.queue("webhooks.dead").get("messages", 0) == count:
                break
        else:
            channel.basic_nack(method.delivery_tag, requeue=True)
    channel.cancel()
    channel.connection.close()


@pytest.mark.usefixtures("impatient", "tier")
def test_what_the_broker_gave_up_is_collected_with_its_reason_and_can_be_replayed(site):
    for n in range(5):
        site.publish(f"g{n}", b"body %d" % n, T + n, **{"sluice-query": "a=b", "sluice-headers": {"x-a": "é"}})
    give_up(site, 5)
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (0, "collected 5; already there 0\n"), done.stderr
    wait_until(lambda: site.broker.queue("webhooks.dead")["messages"] == 0, "an empty queue")
    rows = site.database.query("select id, source, body, verdict, sqlstate, reason, query, headers, keep, attempts, properties,"
                               " extract(epoch from received_at) * 1000000 from webhooks_dead order by id")
    for n, row in enumerate(rows):
        assert row[:2] == (f"g{n}", "default") and bytes(row[2]) == b"body %d" % n
        assert row[3:5] == ("given-up", None)
        assert re.fullmatch(r"the broker gave it up: delivery_limit in webhooks\.ingest at \d{4}-\d\d-\d\d .* UTC", row[5])
        assert row[6:] == ("a=b", {"x-a": "é"}, "newest", 1, None, T + n)
    assert replay(site, "--all").stdout == "replayed 5 of 5\n"
    site.start_workers(1)
    site.wait_count(5)


def test_what_is_no_envelope_is_collected_with_all_it_had(site):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "stranger", b"\x00\xff what?")
    channel.connection.close()
    assert site.servers.operate("dead", "collect").stdout == "collected 1; already there 0\n"
    (source, event_id, body, verdict, reason, properties, received), = site.database.query(
        "select source, id, body, verdict, reason, properties, received_at from webhooks_dead")
    assert (source, event_id, bytes(body), verdict, received) == ("stranger", "", b"\x00\xff what?", "given-up", None)
    assert "doesn't say why; and it is not an envelope" in reason
    assert properties is not None


def test_collect_empties_a_long_queue_and_the_same_event_stands_once(site):
    channel = site.channel()
    for n in range(1500):
        channel.basic_publish("webhooks.dead", "default", b"%d" % (n % 1000))
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1500,
               "all that was published, without confirms, to be in the queue")
    channel.connection.close()
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (0, "collected 1000; already there 500\n"), done.stderr
    assert site.count("webhooks_dead") == 1000
    assert site.servers.operate("dead", "collect").stdout == "collected 0; already there 0\n"


@pytest.fixture(name="slow_commit")
def fixture_slow_commit(site):
    """Makes the commit of an inserted dead letter take a minute."""
    site.database.query("""create function slow_commit() returns trigger language plpgsql as $$
        begin perform pg_sleep(60); return null; end $$""")
    site.database.query("""create constraint trigger slow_commit after insert on webhooks_dead
        deferrable initially deferred for each row execute function slow_commit()""")

    def heal():
        site.database.query("drop trigger if exists slow_commit on webhooks_dead")
        site.database.query("drop function if exists slow_commit")
    yield heal
    heal()


def test_a_collect_whose_commit_fails_leaves_the_message_in_the_queue(site, slow_commit):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "default", b"not lost")
    channel.connection.close()
    child = Child("collect", site.directory / "collect.log")
    child.start([(site.servers.build / "sluice").absolute(), "dead", "collect"],
                environment(site.servers.setup_settings()))
    wait_until(lambda: site.database.query("select pg_terminate_backend(pid) from pg_stat_activity where query = 'commit'"
                                           " and state = 'active' and application_name = 'sluice dead collect'"),
               lambda: f"it to be in its COMMIT\n{child.tail()}")
    assert child.wait(20) == 69, child.output()
    assert site.count("webhooks_dead") == 0
    slow_commit()
    wait_until(lambda: site.broker.queue("webhooks.dead").get("messages_ready") == 1, "the message to be back", 20)
    assert site.servers.operate("dead", "collect").stdout == "collected 1; already there 0\n"


@pytest.fixture(name="picky_dead_letters")
def fixture_picky_dead_letters(site):
    """Constraints on webhooks_dead that refuse one source and some reasons."""
    site.database.query("""alter table webhooks_dead
        add constraint no_source check (source <> 'refused') not valid,
        add constraint no_reason check (source <> 'plain' or reason !~ 'broker') not valid""")

    def heal():
        site.database.query("alter table webhooks_dead drop constraint if exists no_source, drop constraint if exists no_reason")
    yield heal
    heal()


def test_a_message_that_the_table_refuses_is_named_and_left_and_all_others_are_collected(site, picky_dead_letters):
    channel = site.channel()
    channel.confirm_delivery()
    for n in range(600):
        channel.basic_publish("webhooks.dead", {0: "refused", 1: "plain"}.get(n % 100, "default"), b"%d" % n)
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (1, "collected 594; already there 0\n"), done.stderr
    assert done.stderr.count("bytes stays in webhooks.dead: refused/: database: ") == 6
    assert "no_source" in done.stderr
    assert "6 could not be stored and stay in webhooks.dead\n" in done.stderr
    assert site.database.query("select source, reason, count(*) from webhooks_dead where source <> 'default' group by 1, 2"
                               ) == [("plain", "SQLSTATE 23514", 6)]
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 6, "the six to be back")
    channel.connection.close()
    picky_dead_letters()
    assert site.servers.operate("dead", "collect").stdout == "collected 6; already there 0\n"
    assert {int(body) for body, in site.database.query("select convert_from(body, 'UTF8') from webhooks_dead")} == set(range(600))


def test_what_a_later_release_wrote_is_left_for_its_own_collect(site):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "rare", b"later", pika.BasicProperties(headers={"sluice-version": 99}))
    channel.basic_publish("webhooks.dead", "default", b"plain")
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (1, "collected 1; already there 0\n"), done.stderr
    assert "envelope version 99; this program supports up to 3; collect it with a newer sluice" in done.stderr
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1, "it to be back")
    channel.queue_purge("webhooks.dead")
    channel.connection.close()


@pytest.mark.usefixtures("picky_dead_letters")
def test_a_table_that_refuses_all_stops_the_collect_and_loses_nothing(site):
    channel = site.channel()
    channel.confirm_delivery()
    for n in range(150):
        channel.basic_publish("webhooks.dead", "refused", b"%d" % n)
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (1, "collected 0; already there 0\n"), done.stderr
    assert "100 could not be stored and stay in webhooks.dead: stopped; repair the table" in done.stderr
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 150, "all to be back")
    channel.connection.close()


@pytest.mark.parametrize("sqlstate", ["08006", "25006", "40001", "40P01", "53100", "55P03", "57014", "57P01", "58030"])
def test_what_may_pass_by_itself_ends_the_collect_and_leaves_all_in_the_queue(site, sqlstate):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "default", b"x")
    site.database.query(f"""create function passing() returns trigger language plpgsql as $$
        begin raise exception 'not now' using errcode = '{sqlstate}'; end $$""")
    site.database.query("create trigger passing before insert on webhooks_dead for each row execute function passing()")
    try:
        done = site.servers.operate("dead", "collect")
    finally:
        site.database.query("drop trigger passing on webhooks_dead; drop function passing")
    assert (done.returncode, done.stdout) == (69, "collected 0; already there 0\n")
    assert done.stderr == f"sluice dead collect: database: not now (SQLSTATE {sqlstate})\n"
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1, "it to be back")
    channel.connection.close()
    assert site.servers.operate("dead", "collect").stdout == "collected 1; already there 0\n"


def test_a_table_that_is_not_there_is_said_once_and_nothing_is_taken(site):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "default", b"x")
    site.database.query("alter table webhooks_dead rename to elsewhere")
    try:
        done = site.servers.operate("dead", "collect")
    finally:
        site.database.query("alter table elsewhere rename to webhooks_dead")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "webhooks_dead" in done.stderr
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 1, "it to be back")
    channel.connection.close()


def test_a_role_without_the_right_is_told_once_and_nothing_is_taken(site):
    channel = site.channel()
    channel.confirm_delivery()
    for n in range(3):
        channel.basic_publish("webhooks.dead", "default", b"%d" % n)
    reader = {"SETUP_DATABASE_URL": site.database.url("sluice_reader"),
              "SETUP_DATABASE_PASSWORD_FILE": None, "SETUP_DATABASE_PASSWORD": site.servers.secret("database-reader")}
    done = site.servers.operate("dead", "collect", **reader)
    assert (done.returncode, done.stdout) == (78, "collected 0; already there 0\n")
    assert done.stderr.count("\n") == 1 and "permission denied for table webhooks_dead" in done.stderr
    wait_until(lambda: channel.queue_declare("webhooks.dead", passive=True).method.message_count == 3, "all to be back")
    channel.connection.close()


class Latin1(str):
    """A string that is sent as Latin-1 instead of UTF-8."""

    def encode(self, *_):
        return super().encode("latin-1")


def test_whatever_bytes_a_message_has_it_is_collected(site):
    deaths = [{"reason": reason, "queue": queue, "count": 1} for reason, queue in (
        ("nul\0", "webhooks.ingest"), (Latin1("ÿþ"), Latin1("ÿ")), (b"bytes", b"bytes"), ("😀" * 1000, "webhooks.ingest"),
        ("x" * 99 + "ß" * 500, "q" * 250))]
    kept = [{"x-nul": "a\0b"}, {"x-latin": Latin1("grüß")}, {"x-bytes": b"gr\xfc\xdf"}, {"x-number": 7}, {"x" * 255: "漢" * 5000},
            {f"x-{n}": "" for n in range(65)}]
    messages = [("default", {"x-death": [death]}) for death in deaths]
    messages += [("default", {"sluice-headers": headers}) for headers in kept]
    messages += [("default", {"sluice-attempt": 2**31 - 1}), ("default", {"sluice-received": -1}),
                 ("default", {"sluice-received": 2**62}), ("default", {"sluice-path": "/" * 20000}),
                 ("default", {"sluice-query": "nul\0"}), ("default", {"sluice-source": "Ünknown"}),
                 (b"gr\xfc", None), (b"nul\0", None), ("ß" * 120, None)]
    channel = site.channel()
    channel.confirm_delivery()
    for number, (routing_key, headers) in enumerate(messages):
        whole = None if headers is None else {
            "sluice-version": 1, "sluice-source": "default", "sluice-keep": "newest", "sluice-method": "POST",
            "sluice-path": "/", "sluice-query": "", "sluice-received": T, "sluice-remote": "127.0.0.1",
            "sluice-attempt": 0, "sluice-headers": {}, **headers}
        channel.basic_publish("webhooks.dead", routing_key, b"%d" % number,
                              pika.BasicProperties(message_id=f"odd-{number}", headers=whole))
    channel.connection.close()
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"collected {len(messages)}; already there 0\n"
    rows = site.database.query("select source, reason from webhooks_dead where octet_length(reason) between 1 and 500")
    assert len(rows) == len(messages)
    assert {source for source, _ in rows} == {"default", "unknown", "ß" * 120}
    assert not any("SQLSTATE" in reason for _, reason in rows)


def test_collect_needs_the_servers(site):
    assert site.servers.operate("dead", "collect", BROKER_URL="amqp://sluice-setup@127.0.0.1:1/sluice").returncode == 69
    assert site.servers.operate(
        "dead", "collect", SETUP_DATABASE_URL="postgresql://sluice@127.0.0.1:1/sluice").returncode == 69


def test_a_group_of_subcommands_says_what_is_in_it(servers):
    done = servers.command("dead")
    assert done.returncode == 64
    for word in ("list", "show", "replay", "drop", "collect"):
        assert f"sluice dead {word}" in done.stderr
    assert servers.command("dead", "--help").returncode == 0
    assert servers.command("dead", "frobnicate").returncode == 64
    assert "--sqlstate" in servers.command("dead", "list", "--help").stdout
