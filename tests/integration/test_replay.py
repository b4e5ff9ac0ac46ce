# SPDX-License-Identifier: MIT
"""`sluice replay`: stored events are sent again, to the workers so that their triggers run again, or to one queue. No row
is changed but the one that was read, no event is left out, and nobody else gets one."""

import json
import re
import time

import pytest

from process import Child, wait_until
from programs import environment

FIRST = 1  # seconds of the first retry tier in these tests
DELAYS = f"{FIRST}s,10s"
T = 1_763_900_000_000_000  # microseconds since 1970
SINCE = "2025-11-23T00:00:00Z"  # before T, and before the rows of site.insert
DERIVE = """
    create or replace function derive() returns trigger language plpgsql as $$
    begin
        insert into derived values (new.id, {what}) on conflict (id) do update set n = excluded.n;
        return null;
    end $$"""


@pytest.fixture(scope="module", name="tier", autouse=True)
def fixture_tier(servers):
    """A short retry tier, so that the tests are fast."""
    assert servers.setup(DELAYS=DELAYS).returncode == 0
    yield
    for kind in ("retry", "delay"):
        servers.broker.management("DELETE", f"queues/sluice/webhooks.{kind}.{FIRST}")
        servers.broker.management("DELETE", f"exchanges/sluice/webhooks.{kind}.{FIRST}")


@pytest.fixture(name="derived")
def fixture_derived(site):
    """A table that a trigger derives from the events, wrongly at first. Returns a function that repairs the trigger."""
    site.database.query("create table derived (id text primary key, n int); grant all on derived to sluice_worker; "
                        + DERIVE.format(what="0") + "; create trigger derive after insert or update of body on webhooks_raw "
                        "for each row execute function derive()")
    yield lambda: site.database.query(DERIVE.format(what="(convert_from(new.body, 'UTF8')::jsonb->>'n')::int"))
    site.database.query("drop trigger derive on webhooks_raw; drop function derive; drop table derived")


@pytest.fixture(name="queues")
def fixture_queues(site):
    """Two subscribers' queues, bound to all events: a function (name) -> what is in it, which is taken out."""
    channel = site.channel()
    for name in ("one", "two"):
        channel.queue_declare(name, durable=True)
        channel.queue_bind(name, "webhooks", "#")

    def take(name):
        return list(iter(lambda: channel.basic_get(name, auto_ack=True), (None, None, None)))
    yield take
    for name in ("one", "two"):
        channel.queue_delete(name)
    channel.connection.close()


class Replay:
    """Replays of one site that share a cursor file."""

    def __init__(self, site):
        self.site = site
        self.file = site.directory / "replay.json"
        self.file.unlink(missing_ok=True)

    def arguments(self, to, *more, source="default", since=SINCE):
        return ["replay", "--source", source, "--since", since, "--to", to, "--cursor", str(self.file), *more]

    def __call__(self, to, *more, status=0, **options):
        done = self.site.servers.operate(*self.arguments(to, *more, **options), DELAYS=DELAYS)
        assert done.returncode == status, done
        return done

    def json(self, to, *more, **options):
        return json.loads(self(to, "--json", *more, **options).stdout)

    def start(self, to, *more):
        """Starts one in the background."""
        child = Child("replay", self.site.directory / "replay.log")
        child.start([(self.site.servers.build / "sluice").absolute(), *self.arguments(to, *more)],
                    environment(self.site.servers.setup_settings(DELAYS=DELAYS)))
        return child

    def noted(self):
        return json.loads(self.file.read_text(encoding="utf-8"))


@pytest.fixture(name="replay")
def fixture_replay(site):
    return Replay(site)


def wait_idle(site):
    """Waits until the retry tier and the workers' queue are empty."""
    wait_until(lambda: site.broker.queue(f"webhooks.retry.{FIRST}").get("messages", 1) == 0, "an empty retry tier", 30, 0.2)
    site.wait_drained()


def stored_at(site):
    return {row.id: row.stored_at for row in site.rows()}


# --- to the workers ----------------------------------------------------------------------


def test_after_a_trigger_is_repaired_a_replay_makes_its_rows_right_and_changes_no_event(site, derived, replay, queues):
    site.start_workers(2)
    site.publish_each([(f"e{n}", b'{"n":%d}' % n, T + n, {} if n % 2 else {"sluice-version": 2, "sluice-order": n})
                       for n in range(1, 31)])
    site.wait_count(30)
    before, orders = site.rows(), site.database.query("select id, order_value from webhooks_raw order by id")
    assert set(site.database.query("select n from derived")) == {(0,)}
    derived()
    done = replay("workers")
    assert re.match(r"to replay: 30 events of default with \d+ bytes, received from 2025-11-23T00:00:00\.000000Z to ", done.stdout)
    assert done.stdout.endswith("replayed 30 to workers, 30 in all; nothing is left\n")
    wait_until(lambda: set(site.database.query("select id, n from derived")) == {(f"e{n}", n) for n in range(1, 31)},
               lambda: f"derived rows that are right\n{site.tails()}", 30)
    wait_idle(site)
    after = site.rows()
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert all(new.stored_at > old.stored_at for new, old in zip(after, before))
    assert site.database.query("select id, order_value from webhooks_raw order by id") == orders
    assert site.count("webhooks_dead") == 0
    assert len(queues("one")) == 30, "subscribers got the events once, and no replay"


def test_a_row_that_was_replaced_or_deleted_meanwhile_stays_so(site, replay):
    site.insert(6)
    assert replay.json("workers")["published"] == 6
    site.database.query("update webhooks_raw set body = 'newer', received_at = received_at + interval '1 s' where id = 'e1';"
                        "update webhooks_raw set order_value = 7 where id = 'e2';"
                        "update webhooks_raw set body = 'changed' where id = 'e3';"
                        "delete from webhooks_raw where id = 'e4'")
    before, whole = stored_at(site), site.rows("id <= 'e4'")
    worker, = site.start_workers(1)
    wait_until(lambda: all(stored_at(site)[name] > before[name] for name in ("e5", "e6")), "the others to be touched", 30)
    wait_idle(site)
    assert site.rows("id <= 'e4'") == whole
    wait_until(lambda: {line["id"] for line in worker.lines("unchanged")} == {"e1", "e2", "e3", "e4"}, "its log to say so")
    wait_until(lambda: {line["id"] for line in worker.lines("replaced")} == {"e5", "e6"}, worker.tail)


def test_what_dies_in_a_replay_is_stored_again_by_its_own_replay_and_never_replaces_or_resurrects(site, derived, replay):
    site.start_workers(1, DELAYS=DELAYS)
    site.publish_each([(f"e{n}", b'{"n":%d}' % n, T + n, {}) for n in range(1, 5)], keep="first")
    site.wait_count(4)
    site.database.query(DERIVE.format(what="1/0"))
    replay("workers")
    site.wait_count(4, table="webhooks_dead")
    assert set(site.database.query("select keep, sqlstate from webhooks_dead")) == {("again", "22012")}
    site.database.query("alter table webhooks_raw disable trigger derive")
    site.database.query("update webhooks_raw set body = 'newer', received_at = received_at + interval '1 s' where id = 'e1';"
                        "delete from webhooks_raw where id = 'e2'")
    site.database.query("alter table webhooks_raw enable trigger derive")
    derived()
    whole = site.rows("id = 'e1'")
    done = site.servers.operate("dead", "replay", "--all", DELAYS=DELAYS)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: dict(site.database.query("select id, n from derived where id in ('e3', 'e4')")) == {"e3": 3, "e4": 4},
               lambda: f"derived rows that are right\n{site.tails()}", 30)
    wait_idle(site)
    assert site.rows("id = 'e1'") == whole and not site.rows("id = 'e2'")
    assert site.count("webhooks_dead") == 0


def test_a_replay_is_no_delay_and_no_new_event_in_the_metrics(site, replay):
    site.insert(5)
    worker, = site.start_workers(1)
    replay("workers")
    wait_until(lambda: worker.metrics()['sluice_worker_events_total{outcome="replaced"}'] == 5, "five to be touched", 30)
    metrics = worker.metrics()
    assert metrics["sluice_worker_end_to_end_seconds_count"] == 0
    assert metrics["sluice_worker_queue_wait_seconds_count"] == 0
    assert metrics['sluice_worker_source_events_total{source="default",outcome="replaced"}'] == 5
    assert 'sluice_worker_source_last_stored_timestamp_seconds{source="default"}' not in metrics


# --- to one queue --------------------------------------------------------------------------


def test_a_queue_gets_each_event_as_it_was_published_and_nobody_else_gets_any(site, replay, queues):
    site.start_gateway()
    body = bytes(range(256))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    site.send_ok("PUT", "/a%2Fb?q=1&r", body, {"webhook-id": "event", "content-type": "application/x-bytes", "x-a": "b",
                                               "traceparent": trace, "tracestate": "a=b"})
    site.start_workers(1)
    site.row("event")
    wait_idle(site)
    (_, original, was), = queues("one")
    queues("two")
    begun = time.time()
    done = replay("queue:one")
    assert done.stdout.endswith("replayed 1 to queue:one, 1 in all; nothing is left\n")
    (method, again, now), = queues("one")
    assert now == was == body
    assert (method.exchange, method.routing_key) == ("", "one")
    replayed = again.headers.pop("sluice-replayed")
    assert begun * 1e6 - 1e6 < replayed < time.time() * 1e6 + 1e6
    # The row has neither the sender's address nor what of several arrivals was to be kept.
    assert again.headers.pop("sluice-remote") == "" and again.headers.pop("sluice-keep") == "newest"
    del original.headers["sluice-remote"], original.headers["sluice-keep"]
    assert again.headers == original.headers and again.headers["traceparent"] == trace
    assert {name: value for name, value in vars(again).items() if name not in ("headers", "correlation_id")} == \
        {name: value for name, value in vars(original).items() if name not in ("headers", "correlation_id")}
    assert not queues("two")
    assert site.ready("webhooks.ingest") == site.ready(f"webhooks.retry.{FIRST}") == 0


def test_a_replay_that_is_killed_in_the_middle_goes_on_and_sends_each_event_at_least_once(site, replay, queues):
    site.insert(1000)
    child = replay.start("queue:one", "--rate", "200")
    wait_until(lambda: replay.file.exists() and replay.noted()["published"] >= 200, "200 to be noted", 60)
    child.kill()
    noted = replay.noted()["published"]
    assert noted < 1000
    done = replay.json("queue:one", "--rate", "2000")
    assert (done["events"], done["published"], done["published_in_all"], done["complete"]) == (1000 - noted, 1000 - noted, 1000, True)
    got = [properties.message_id for _, properties, _ in queues("one")]
    assert set(got) == {f"e{n}" for n in range(1, 1001)}
    assert len(got) <= 1000 + 500
    seen = list(dict.fromkeys(got))
    assert seen == sorted(seen, key=lambda name: int(name[1:])), "the oldest first"
    done = replay("queue:one", "--rate", "2000")
    assert done.stdout.endswith("replayed 0 to queue:one, 1000 in all; nothing is left\n")
    assert not queues("one") and not queues("two")


def test_a_replay_that_is_interrupted_says_so_and_goes_on(site, replay, queues):
    site.insert(100)
    child = replay.start("queue:one", "--rate", "10")
    wait_until(lambda: replay.file.exists() and replay.noted()["published"] > 0, "some to be noted", 60)
    assert child.terminate(60) == 1
    assert "interrupted; run the same again for the rest" in child.output()
    noted = replay.noted()
    assert 0 < noted["published"] < 100 and not noted["done"]
    assert replay.json("queue:one", "--rate", "1000")["published"] == 100 - noted["published"]
    got = [properties.message_id for _, properties, _ in queues("one")]
    assert sorted(got, key=lambda name: int(name[1:])) == got == [f"e{n}" for n in range(1, 101)]


def test_no_more_than_the_backlog_are_ready_and_no_more_than_the_rate_are_sent(site, replay, queues):
    site.insert(100)
    child = replay.start("queue:one", "--backlog", "30", "--rate", "1000")
    wait_until(lambda: "waits: 30 messages are ready in one; --backlog allows 30" in child.output(), "it to wait", 60)
    channel = site.channel()

    def is_full():
        ready = channel.queue_declare("one", passive=True).method.message_count
        assert ready <= 30
        return ready == 30
    for _ in range(7):
        wait_until(is_full, "30 to be ready", 60)
        for _ in range(10):
            assert channel.basic_get("one", auto_ack=True)[0]
    assert child.wait(60) == 0
    channel.connection.close()
    assert len(queues("one")) == 30
    replay.file.unlink()
    begun = time.monotonic()
    assert replay.json("queue:one", "--rate", "25")["published"] == 100
    assert time.monotonic() - begun > 3


def test_a_queue_that_refuses_stops_the_replay_which_goes_on_later(site, replay, queues):
    site.insert(50)
    channel = site.channel()
    channel.queue_delete("one")
    channel.queue_declare("one", durable=True, arguments={"x-max-length": 20, "x-overflow": "reject-publish"})
    channel.connection.close()
    done = replay("queue:one", "--rate", "10", status=1)
    assert re.search(r"the broker refused \d+: is the queue one full\?", done.stderr)
    got = [properties.message_id for _, properties, _ in queues("one")]
    for _ in range(10):
        done = replay.site.servers.operate(*replay.arguments("queue:one", "--rate", "10"), DELAYS=DELAYS)
        got += [properties.message_id for _, properties, _ in queues("one")]
        if done.returncode == 0:
            break
    assert set(got) == {f"e{n}" for n in range(1, 51)}
    assert replay.noted()["done"]


# --- what is asked for ------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "status", "says"), [
    ("subscribers", 64, "a replay to all subscribers isn't possible, one queue must be named"),
    ("all", 64, "one queue must be named"),
    ("queue:", 64, "the name of a queue has 1 to 255 bytes"),
    ("queue:" + "q" * 256, 64, "the name of a queue has 1 to 255 bytes"),
    ("queue:webhooks.ingest", 64, "is Sluice's own; for the workers, give --to workers"),
    ("queue:webhooks.dead", 64, "is Sluice's own"),
    (f"queue:webhooks.retry.{FIRST}", 64, "is Sluice's own"),
    ("queue:webhooks.delay.77", 64, "is Sluice's own"),
    ("queue:nowhere", 1, "the broker has no queue nowhere"),
])
def test_a_target_that_is_not_one_subscribers_queue_is_refused(site, replay, queues, to, status, says):
    site.insert(3)
    assert says in replay(to, status=status).stderr
    assert not replay.file.exists() and not queues("one")
    assert site.ready("webhooks.ingest") == site.ready(f"webhooks.retry.{FIRST}") == 0


@pytest.mark.parametrize(("left_out", "says"), [
    ("--source", "--source NAME and --since TIME are needed"), ("--since", "--source NAME and --since TIME are needed"),
    ("--to", "--to must be workers, or queue:NAME"), ("--cursor", "--cursor FILE is needed"),
])
def test_what_is_needed_is_named(site, replay, left_out, says):
    arguments = replay.arguments("workers")
    at = arguments.index(left_out)
    done = site.servers.operate(*arguments[:at], *arguments[at + 2:])
    assert done.returncode == 64 and says in done.stderr


def test_other_options_with_the_same_file_are_refused_by_name_and_nothing_is_sent(site, replay, queues):
    site.insert(3)
    replay("queue:one", "--id-prefix", "e1")
    assert len(queues("one")) == 1
    noted = replay.file.read_bytes()
    for options, says in [
            ({"to": "queue:two"}, '--to is "queue:two", but the replay of'),
            ({"source": "other"}, '--source is "other"'), ({"since": "3000d"}, '--since is "3000d"')]:
        assert says in replay(options.pop("to", "queue:one"), "--id-prefix", "e1", status=78, **options).stderr
    for more, says in [(["--id-prefix", "e"], '--id-prefix is "e", but the replay of'), ([], "--id-prefix is not given"),
                       (["--id-prefix", "e1", "--until", "1s"], '--until is "1s"'),
                       (["--id-prefix", "e1", "--path-prefix", "/"], '--path-prefix is "/"'),
                       (["--id-prefix", "e1", "--json-path", "/a=1"], '--json-path is ["/a=1"]')]:
        assert says in replay("queue:one", *more, status=78).stderr
    assert replay.file.read_bytes() == noted
    assert not queues("one") and not queues("two")
    replay("queue:one", "--id-prefix", "e1", "--rate", "7", "--backlog", "8")  # how fast may change


def test_a_file_that_is_no_cursor_or_has_no_place_is_refused_before_anything_is_sent(site, replay, queues):
    site.insert(3)
    replay.file.write_text("{}", encoding="utf-8")
    assert "is not a file that sluice replay has written" in replay("queue:one", status=78).stderr
    replay.file = replay.file.parent / "no-such-directory" / "file"
    assert "cannot be written: No such file or directory" in replay("queue:one", status=78).stderr
    replay.file = replay.site.directory
    assert "must be a regular file" in replay("queue:one", status=78).stderr
    assert not queues("one")


def test_an_age_means_the_same_time_in_every_run_and_what_comes_later_is_no_part(site, replay, queues):
    site.insert(2, received_at="now() - interval '1 hour' + n * interval '1 s'")
    assert replay.json("queue:one", since="2h")["published"] == 2
    noted = replay.noted()
    site.insert(1, id="'late'", received_at="now()")
    again = replay.json("queue:one", since="2h")
    assert (again["published"], again["complete"]) == (0, True)
    assert (again["since"], again["until"]) == (noted["since"], noted["until"])
    assert len(queues("one")) == 2


def test_a_dry_run_counts_by_all_conditions_and_changes_nothing(site, replay, queues):
    site.insert(20, body="convert_to('{\"n\":' || n || '}', 'UTF8')", path="'/' || n % 2")
    site.insert(5, source="'other'", id="'o' || n")
    done = replay.json("queue:one", "--dry-run", "--rate", "5")
    assert (done["events"], done["bytes"], done["seconds"], done["published"], done["complete"]) == (20, 9 * 7 + 11 * 8, 4, 0, False)
    assert replay.json("workers", "--dry-run", "--id-prefix", "e1")["events"] == 11
    assert replay.json("workers", "--dry-run", "--path-prefix", "/1")["events"] == 10
    assert replay.json("workers", "--dry-run", "--json-path", "/n=7")["events"] == 1
    assert replay.json("workers", "--dry-run", "--until", "2025-11-23T12:13:20.000011Z")["events"] == 10
    assert replay.json("workers", "--dry-run", source="nobody")["events"] == 0
    assert replay("queue:one", "--dry-run").stdout.startswith("would replay 20 events of default with 151 bytes, received from ")
    assert not replay.file.exists() and not queues("one")
    assert replay.json("queue:one", "--json-path", "/n=7")["published"] == 1
    assert [body for _, _, body in queues("one")] == [b'{"n":7}']


def test_events_without_a_body_are_left_out_and_counted(site, replay, queues):
    site.insert(5)
    site.database.query("update webhooks_raw set body = null, body_expired_at = now() where id in ('e2', 'e5')")
    assert replay.json("queue:one", "--dry-run", "--json-path", "/n=7")["expired"] == 2
    done = replay("queue:one")
    assert "left out: 2 without a body, which has expired\n" in done.stdout
    assert done.stdout.endswith("replayed 3 to queue:one, 3 in all; nothing is left\n")
    assert [properties.message_id for _, properties, _ in queues("one")] == ["e1", "e3", "e4"]


def test_a_row_that_no_envelope_can_hold_is_named_and_left_out(site, replay, queues):
    site.insert(3, headers="case n when 2 then '{\"x\": 1}'::jsonb else '{}' end")
    done = replay("queue:one", status=1)
    assert "e2 is left out: its header x is not a string" in done.stderr
    assert [properties.message_id for _, properties, _ in queues("one")] == ["e1", "e3"]
    assert replay("queue:one").stdout.endswith("nothing is left\n")


def test_a_replay_to_the_workers_is_of_a_version_that_earlier_workers_pass_on(site, replay):
    """tests/fault/test_partial has what they do with it."""
    site.insert(1)
    replay("workers")
    channel = site.channel()
    (_, properties, _) = wait_until(lambda: (got := channel.basic_get("webhooks.ingest", auto_ack=True))[0] and got,
                                    "the event", 30)
    channel.connection.close()
    assert (properties.headers["sluice-version"], properties.headers["sluice-keep"]) == (3, "again")
    assert properties.message_id == "e1"
