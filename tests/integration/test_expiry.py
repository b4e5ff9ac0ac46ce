# SPDX-License-Identifier: MIT
"""`sluice prune --bodies` empties what is old, and the rows go on telling redeliveries from news: for each rule of the
merge, in whichever order events arrive and expire."""

import contextlib
import hashlib
import itertools
import json
import pathlib
import re

import psycopg2
import pytest

from process import Child, wait_until
from programs import environment

T = 1_763_900_000_000_000  # microseconds since 1970, long ago
LOCK = 126943972253543  # of ctl/keep/turn
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "sql" / "examples"


def expire(site, *arguments, age="30d"):
    return site.servers.operate("prune", "--bodies", "--older-than", age, *arguments)


def expired(site, *arguments, returncode=0, **more):
    """Runs it once; returns how many bodies it emptied."""
    done = expire(site, *arguments, "--json", **more)
    assert done.returncode == returncode, done.stderr
    return json.loads(done.stdout)["emptied"]


def ordered(order):
    return {} if order is None else {"sluice-version": 2, "sluice-order": order}


def publish(site, *events, keep="newest"):
    """Publishes events, (id, order, arrival after T, body) each, and waits until each has become what it becomes."""
    def settled():
        return sum(count for name, count in site.workers[0].metrics().items()
                   if name.startswith("sluice_worker_events_total"))
    wanted = settled() + len(events)
    site.publish_each([(event_id, body, T + at, ordered(order)) for event_id, order, at, body in events], keep)
    wait_until(lambda: settled() == wanted, site.workers[0].tail, 30)


def state(site, event_id):
    """The row, whether its body is there or not: (order, arrival after T, first arrival after T, body or None, size,
    SHA-256)."""
    (order, received, first, body, size, digest, expired_at), = site.database.query(
        "select r.order_value, (extract(epoch from r.received_at) * 1000000)::bigint - %s, "
        "(extract(epoch from r.first_received_at) * 1000000)::bigint - %s, r.body, v.body_bytes, v.body_sha256, "
        "v.body_expired_at from webhooks_raw r join webhooks v using (id, source) where id = %s", (T, T, event_id))
    assert (body is None) == (expired_at is not None)
    return order, received, first, body and bytes(body), size, bytes(digest)


def is_of(body, order, received, first, there=True):
    """The state of a row that has, or had, this body."""
    return order, received, first, body if there else None, len(body), hashlib.sha256(body).digest()


def version(site, event_id):
    """What changes with each update of the row."""
    return site.database.query("select xmin::text, ctid::text, stored_at from webhooks_raw where id = %s", (event_id,))


# --- redeliveries and news -------------------------------------------------------------


@pytest.mark.parametrize(("keep", "order"), [("newest", None), ("newest", 7), ("first", None)])
def test_an_event_that_comes_again_after_its_body_has_expired_changes_nothing(site, keep, order):
    site.start_workers(1)
    event = ("evt", order, 0, b'{"n":1}')
    publish(site, event, keep=keep)
    assert expired(site) == 1
    assert state(site, "evt") == is_of(b'{"n":1}', order, 0, 0, False)
    before = version(site, "evt")
    publish(site, event, keep=keep)
    if keep == "first":
        publish(site, ("evt", None, 5, b'{"n":2}'), keep="first")  # a repeat under the same id
    elif order is not None:
        publish(site, ("evt", order - 1, 5, b'{"n":0}'))  # a late delivery
    assert version(site, "evt") == before
    told = 1 if order is None and keep == "newest" else 2
    wait_until(lambda: len(site.lines("unchanged", "evt")) == told, site.tails)


@pytest.mark.parametrize(("keep", "order", "at", "later"), [("newest", None, 1, None), ("newest", 7, -1, 8),
                                                            ("newest", 7, 1, 7), ("first", None, -1, None)])
def test_what_wins_replaces_a_row_whose_body_has_expired_and_nothing_says_expired_any_more(site, keep, order, at, later):
    site.start_workers(1)
    publish(site, ("evt", order, 0, b'{"n":1}'), keep=keep)
    assert expired(site) == 1
    publish(site, ("evt", later, at, b'{"n":22}'), keep=keep)
    assert state(site, "evt") == is_of(b'{"n":22}', later, at, min(at, 0))
    assert site.database.query("select body_bytes, body_sha256, body_expired_at from webhooks_raw") == [(None,) * 3]
    assert site.database.query("select payload, payload_error, body_expired_at from webhooks") == [({"n": 22}, None, None)]
    assert expired(site) == 1
    assert state(site, "evt") == is_of(b'{"n":22}', later, at, min(at, 0), False)


def test_an_earlier_arrival_of_an_expired_event_is_noted_and_brings_no_body_back(site):
    site.start_workers(1)
    publish(site, ("evt", None, 0, b"newest"))
    assert expired(site) == 1
    publish(site, ("evt", None, -5, b"older"))
    assert state(site, "evt") == is_of(b"newest", None, 0, -5, False)


CASES = {
    "by-arrival": [(None, 0, b"a"), (None, 1, b"c"), (None, 2, b"b")],
    "late-deliveries": [(1, 5, b"old"), (2, 9, b"newer"), (3, 0, b"newest")],
    "equal-orders": [(7, 0, b"z"), (7, 1, b"b"), (7, 2, b"a")],
    "none-is-lowest": [(None, 8, b"z"), (None, 9, b"none"), (-(1 << 63), 0, b"any")],
}


@pytest.mark.parametrize("moment", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_the_winner_is_the_same_in_whichever_order_events_arrive_and_whenever_bodies_expire(site, case, moment):
    """All orders of three events, each delivered twice; all bodies expire after the first, second or third."""
    site.start_workers(1)
    events = CASES[case]
    arrivals = [(f"{case}-{number}", arrival) for number, arrival in enumerate(itertools.permutations(events))]
    for step, part in enumerate((slice(0, moment), slice(moment, 3), slice(0, 3))):
        publish(site, *((event_id, *event) for event_id, arrival in arrivals for event in arrival[part]))
        if step == 0:
            assert expired(site) == len(arrivals)
    first = min(at for _, at, _ in events)
    order, at, body = events[-1]
    for event_id, _ in arrivals:
        there = state(site, event_id)[3] is not None
        assert state(site, event_id) == is_of(body, order, at, first, there), event_id


def test_a_null_body_that_nobody_has_emptied_is_refused(site):
    with pytest.raises(psycopg2.errors.CheckViolation, match="webhooks_raw_body"):
        site.insert(1, body="null")


# --- what is emptied ---------------------------------------------------------------------


def test_what_is_older_is_emptied_and_the_rest_of_the_row_stays(site):
    site.insert(7_000, body="convert_to('{\"n\":' || n || '}', 'UTF8')", headers="'{\"x\":\"y\"}'", content_type="'a/b'",
                query="'q'")
    site.insert(5, id="'young' || n", received_at="now() - interval '29 days'")
    columns = "id, source, method, path, query, content_type, received_at, first_received_at, stored_at, order_value"
    before = site.database.query(f"select {columns} from webhooks_raw order by id")
    told = json.loads(expire(site, "--dry-run", "--json").stdout)
    assert (told["would_empty"], told["left"]) == (7_000, 7_000)
    assert expire(site, "--dry-run").stdout.startswith(f"would empty 7000 bodies of {told['bytes']} bytes received before ")
    done = expire(site)
    assert done.stdout.startswith(f"emptied 7000 bodies of {told['bytes']} bytes received before "), done.stderr
    assert site.database.query(f"select {columns} from webhooks_raw order by id") == before
    assert site.database.query("""select count(*) from webhooks_raw where body is null and headers = '{}' and id not like 'y%'
        and body_bytes = octet_length('{"n":}' || substr(id, 2)) and body_expired_at > now() - interval '1 hour'
        and body_sha256 = sha256(convert_to('{"n":' || substr(id, 2) || '}', 'UTF8'))""") == [(7_000,)]
    assert site.database.query("select count(*) from webhooks_raw where body is not null") == [(5,)]
    assert expired(site) == 0


def test_only_the_named_source_is_emptied(site):
    for source in ("a", "b", "c"):
        site.insert(10, source=f"'{source}'", id=f"'{source}' || n")
    assert expired(site, "--source", "b") == 10
    assert expired(site, "--source", "nobody") == 0
    assert site.database.query("select source, count(body) from webhooks_raw group by 1 order by 1") == [
        ("a", 10), ("b", 0), ("c", 10)]
    assert json.loads(expire(site, "--dry-run", "--json").stdout)["would_empty"] == 20
    assert expired(site) == 20


def test_large_bodies_are_emptied_in_transactions_of_a_bounded_size(site):
    """Ten of 8 MiB: after each 32 MiB a transaction ends."""
    site.insert(10, body="decode(repeat('00', 8 << 20), 'hex')")
    assert expired(site) == 10
    (transactions, size), = site.database.query("select count(distinct xmin::text), max(body_bytes) from webhooks_raw")
    assert (transactions, size) == (3, 8 << 20)


def test_a_row_that_somebody_has_locked_is_left_and_told(site):
    site.insert(100)
    with contextlib.closing(site.database.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("select from webhooks_raw where id = 'e7' for update")
        done = expire(site)
        other.rollback()
    assert done.returncode == 1
    assert "1 are left, locked by others" in done.stderr
    assert expired(site) == 1


def test_wrong_options_are_told(servers):
    for arguments in (["--bodies"], ["--older-than", "1d", "--despite-triggers"],
                      ["--bodies", "--older-than", "1d", "--every", "1h", "--dry-run"],
                      ["--bodies", "--older-than", "1d", "--every", "1ms"]):
        assert servers.operate("prune", *arguments).returncode == 64


# --- the index ---------------------------------------------------------------------------


def rows_found_by(told):
    """The indexes of these plans. The names of the sources, which are found without a look at a row, don't count."""
    return set(re.findall("(?<!Only Scan )(?:using|Scan on) (webhooks_raw_[a-z_]*)", told))


def test_a_run_reads_no_row_whose_body_has_expired_before(site, plans):
    """Of three sources whose events came in turn, nearly all bodies have expired: the planner expects old bodies
    wherever rows are old."""
    source = "'s' || n % 3"
    site.insert(90_000, source=source)
    assert expired(site) == 90_000
    site.insert(100, id="'more' || n", source="'s1'")
    site.insert(10_000, id="'young' || n", source=source, received_at="now()")
    for more in ((), ("--source", "s1")):
        site.database.query("cluster webhooks_raw using webhooks_raw_received_at")  # as they came in, day by day
        site.database.query("vacuum analyze webhooks_raw")
        before = len(plans())
        assert expired(site, *more) == (0 if more else 100)
        wait_until(lambda before=before: plans()[before:].count("octet_length(w.body)") >= 1, "the plans in the server's log")
        told = plans()[before:]
        assert rows_found_by(told) == {"webhooks_raw_bodies"}
        assert "Seq Scan on webhooks_raw" not in told


def test_bodies_are_emptied_by_their_places_also_when_the_statistics_know_of_no_old_rows(site, plans):
    site.database.query("alter table webhooks_raw set (autovacuum_enabled = off)")
    site.insert(20_000, id="'young' || n", received_at="now()")
    assert expired(site) == 0  # makes the index
    site.database.query("analyze webhooks_raw")
    site.insert(3_000)
    before = len(plans())
    assert expired(site) == 3_000
    site.database.query("alter table webhooks_raw reset (autovacuum_enabled)")
    wait_until(lambda: "octet_length(w.body)" in plans()[before:], "the plans in the server's log")
    told = plans()[before:]
    assert told.count("->  Update on webhooks_raw") == told.count("Tid Scan on webhooks_raw") == 4
    assert rows_found_by(told) == {"webhooks_raw_bodies"}


def test_the_first_run_makes_the_index_and_one_that_is_broken_is_made_anew(site):
    site.insert(10)
    site.insert(1, id="'other' || n", source="'other'", received_at="now()")
    site.database.query("drop index if exists sluice.webhooks_raw_bodies")
    assert json.loads(expire(site, "--dry-run", "--json").stdout)["would_empty"] == 10
    valid = "select indisvalid from pg_index where indexrelid = to_regclass('sluice.webhooks_raw_bodies')"
    assert site.database.query(valid) == [], "a dry run makes none"
    assert expired(site) == 10
    assert site.database.query(valid) == [(True,)]
    made, = site.database.query("select pg_get_indexdef('sluice.webhooks_raw_bodies'::regclass)")
    for broken in ("update pg_index set indisvalid = false where indexrelid = 'sluice.webhooks_raw_bodies'::regclass",
                   "drop index sluice.webhooks_raw_bodies; create index webhooks_raw_bodies on sluice.webhooks_raw "
                   "(source, received_at) where body is not null"):  # that of earlier releases
        site.database.query(broken)
        site.insert(10, id="'again' || n")
        done = expire(site)
        assert done.stdout.startswith("emptied 10 "), done.stderr
        assert "making the index webhooks_raw_bodies" in done.stderr
        assert site.database.query(valid) == [(True,)]
        assert site.database.query("select pg_get_indexdef('sluice.webhooks_raw_bodies'::regclass)") == [made]
        assert site.servers.setup("--check").returncode == 0
        site.database.query("delete from webhooks_raw")


# --- triggers of others ----------------------------------------------------------------------


@pytest.fixture(name="copying")
def fixture_copying(site):
    """A table of copies, and a function that makes a trigger of this definition that fills it."""
    site.database.query("""create table public.copies (id text primary key, n int);
        grant select, insert, update on public.copies to sluice_worker;
        create function public.copy_it() returns trigger language plpgsql as $$ begin
            insert into public.copies values (new.id, (sluice.webhook_json(new.body)->>'n')::int)
            on conflict (id) do update set n = excluded.n; return null; end $$""")
    yield lambda when: site.database.query(f"create trigger copy_it {when} execute function public.copy_it()")
    site.database.query("""drop trigger if exists copy_it on webhooks_raw; drop function public.copy_it();
        drop table public.copies""")


def copies(site):
    return site.database.query("select id, n from public.copies order by id")


@pytest.mark.parametrize("when", [
    "after insert or update on webhooks_raw for each row",
    "after insert or update on webhooks_raw for each row when (new.source = 'default')",
    "after update of headers on webhooks_raw for each row when (new.body is not null or new.source = 'default')"])
def test_a_trigger_that_would_see_null_is_named_with_the_statement_that_adds_the_condition(site, copying, when):
    copying("after insert on webhooks_raw for each row")
    site.insert(2, body="convert_to('{\"n\":' || n || '}', 'UTF8')")
    site.database.query("drop trigger copy_it on webhooks_raw")
    copying(when)
    for more in ([], ["--dry-run"]):
        done = expire(site, *more)
        assert (done.returncode, done.stdout) == (78, "")
        assert "the trigger copy_it would run when a body is emptied" in done.stderr
        assert "1 trigger on webhooks_raw might overwrite" in done.stderr
    assert site.database.query("select count(body) from webhooks_raw") == [(2,)]
    line, = (line for line in done.stderr.splitlines() if "CREATE OR REPLACE TRIGGER" in line)
    site.database.query(line.partition("Add the condition: ")[2])
    assert expired(site) == 2
    assert copies(site) == [("e1", 1), ("e2", 2)]


@pytest.mark.parametrize("when", [
    "after insert or update on webhooks_raw for each row when (new.body is not null and new.source = 'default')",
    "after insert on webhooks_raw for each row",
    "after update of path on webhooks_raw for each row"])
def test_a_trigger_that_does_not_run_when_a_body_is_emptied_holds_nothing_up(site, copying, when):
    copying(when)
    site.insert(2, body="convert_to('{\"n\":' || n || '}', 'UTF8')")
    before = copies(site)
    assert expired(site) == 2
    assert copies(site) == before


def test_a_disabled_trigger_and_despite_triggers_let_bodies_expire(site, copying):
    copying("after insert or update on webhooks_raw for each row")
    site.insert(2, body="convert_to('{\"n\":' || n || '}', 'UTF8')")
    site.database.query("alter table webhooks_raw disable trigger copy_it")
    assert expired(site) == 2
    assert copies(site) == [("e1", 1), ("e2", 2)]
    site.database.query("alter table webhooks_raw enable trigger copy_it")
    site.insert(1, id="'e3'", body="convert_to('{\"n\":3}', 'UTF8')")
    assert expired(site, "--despite-triggers") == 1
    assert copies(site) == [("e1", 1), ("e2", 2), ("e3", None)]


def test_a_trigger_on_delete_too_is_named_without_a_statement_that_could_not_run(site, copying):
    copying("after update or delete on webhooks_raw for each row")
    done = expire(site)
    assert done.returncode == 78
    assert "CREATE" not in done.stderr and "Make it anew with the condition new.body is not null" in done.stderr


def test_the_triggers_of_the_example_and_of_map_keep_what_they_made(site):
    database = site.database
    database.query((EXAMPLES / "github_pushes.sql").read_text(encoding="utf-8"))
    push = {"ref": "refs/heads/main", "after": "c0ffee", "commits": [], "repository": {"full_name": "a/b"}}
    try:
        database.query("insert into public.github_repositories values ('a/b')")
        site.insert(2, source="'github'", headers="'{\"x-github-event\":\"push\"}'",
                    body=f"convert_to('{json.dumps(push)}', 'UTF8')", content_type="'application/json'")
        printed = site.servers.command("map", "--source", "github", "--table", "pushes")
        assert printed.returncode == 0, printed.stderr
        database.query(printed.stdout)
        database.query("update webhooks_raw set source = source")
        pushes = "select id, ref from public.github_pushes union all select id, ref from public.pushes order by 1, 2"
        made = database.query(pushes)
        assert len(made) == 4
        assert expired(site) == 2
        database.query("update webhooks_raw set source = source")
        assert database.query(pushes) == made
    finally:
        database.query("""drop trigger if exists pushes on webhooks_raw; drop function if exists public.pushes();
            drop table if exists public.pushes; drop trigger github_event on webhooks_raw;
            drop function public.github_event; drop table public.github_pushes, public.github_repositories""")


# --- --every ----------------------------------------------------------------------------------


@pytest.fixture(name="keep_on")
def fixture_keep_on(site):
    """Starts `sluice prune --bodies --every 1s`; each of them must end with 0 after SIGTERM."""
    children = []

    def start(*arguments):
        child = Child(f"prune-{len(children)}", site.directory / f"prune-{len(children)}.log")
        child.start([(site.servers.build / "sluice").absolute(), "prune", "--bodies", "--older-than", "30d", "--every", "1s",
                     *arguments], environment(site.servers.setup_settings()))
        children.append(child)
        return child
    yield start
    for child in children:
        assert child.terminate(60) == 0, child.tail()


def test_it_goes_on_with_a_line_for_each_run_until_sigterm(site, keep_on):
    child = keep_on("--json")
    for number in range(3):
        site.insert(10, id=f"'{number}-' || n")
        wait_until(lambda: site.database.query("select count(body) from webhooks_raw") == [(0,)], child.tail, 60)
    wait_until(lambda: sum(json.loads(line)["emptied"] for line in child.output().splitlines() if line.startswith("{")) == 30,
               child.tail, 60)
    assert child.terminate(60) == 0
    assert child.output().count("info audit action=prune") == sum(line.startswith("{") for line in child.output().splitlines())


def test_it_outlives_a_database_that_is_away(site, keep_on):
    child = keep_on()
    wait_until(lambda: "emptied 0 bodies" in child.output(), child.tail, 60)
    site.database.stop()
    wait_until(lambda: "sluice prune: database: " in child.output(), child.tail, 60)
    site.database.start()
    site.insert(10)
    wait_until(lambda: site.database.query("select count(body) from webhooks_raw") == [(0,)], child.tail, 120)
    assert child.alive()


def test_it_waits_while_another_one_holds_the_lock_and_a_sigterm_ends_the_wait(site, keep_on):
    site.insert(10)
    with contextlib.closing(site.database.connect()) as other, other.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", (LOCK,))
        first, second = keep_on(), keep_on()
        for child in (first, second):
            wait_until(lambda child=child: "another sluice prune holds the lock: waiting" in child.output(), child.tail, 60)
        assert first.terminate(60) == 0
        assert site.database.query("select count(body) from webhooks_raw") == [(10,)]
    wait_until(lambda: site.database.query("select count(body) from webhooks_raw") == [(0,)], second.tail, 60)
    assert second.output().count("another sluice prune holds the lock") == 1


# --- readers ------------------------------------------------------------------------------------


def test_readers_say_that_a_body_has_expired_and_what_it_was(site):
    body = b'{"n":1}'
    digest = hashlib.sha256(body).hexdigest()
    site.insert(1, id="'evt'", body="'{\"n\":1}'", content_type="'application/json'", headers="'{\"x\":\"y\"}'")
    assert expired(site) == 1
    (at,), = site.database.query("""select to_char(body_expired_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        from webhooks""")
    assert site.database.query("""select payload, body_text, payload_error, body_bytes, encode(body_sha256, 'hex'), headers
        from webhooks""") == [(None, None, "expired", 7, digest, {})]
    traced = site.servers.command("trace", "evt")
    assert f"body             expired at {at}; it had 7 bytes, SHA-256 {digest}" in traced.stdout
    assert "its body was in the row" in traced.stdout
    one, = json.loads(site.servers.command("trace", "evt", "--json").stdout)["stored"]
    assert (one["body_bytes"], one["body_sha256"], one["body_expired_at"]) == (7, digest, at)
    one, = json.loads(site.servers.command("find", "--json").stdout)["events"]
    assert (one["body_bytes"], one["body_expired_at"]) == (7, at)
    assert json.loads(site.servers.command("find", "--json", "--json-path", "/n=1").stdout)["events"] == []
    done = site.servers.command("map", "--source", "default")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the bodies of the newest 1 events of the source default have expired" in done.stderr
    site.insert(1, id="'there'", body="'{\"m\":1}'")
    mapped = json.loads(site.servers.command("map", "--source", "default", "--json").stdout)
    assert (mapped["events"], mapped["left_out"]["expired_events"]) == (1, 1)
    assert [column["name"] for column in mapped["columns"]] == ["m"]


def test_verify_takes_the_hash_that_is_left_for_the_body(site):
    ledger = site.ledger()
    site.insert(1, id="'evt'", body="'right'")
    for event_id, body in (("evt", b"right"),):
        ledger.replied(ledger.sent(event_id, body), 200)
    assert expired(site) == 1
    done = site.servers.command("verify", str(ledger.path), "--json")
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 1), done.stdout + done.stderr
    site.database.query("update webhooks_raw set body_sha256 = sha256('wrong')")
    done = site.servers.command("verify", str(ledger.path), "--json")
    assert (done.returncode, json.loads(done.stdout)["differing"]) == (1, 1)
