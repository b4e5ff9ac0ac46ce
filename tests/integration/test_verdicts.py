# SPDX-License-Identifier: MIT
"""The consequences of each database error for an event, on a server that is made to fail in that way.

An event that is itself at fault becomes a dead letter (at once, or after the retries) while its neighbours are stored.
After errors of the server or the operator nothing is lost: everything is stored after the repair."""

import contextlib
import itertools
import random
import threading

import pytest

from process import wait_until

TIER = "1s"
T = 1_763_900_000_000_000  # microseconds since 1970
NEIGHBOURS = 30
DELAYS = "1s,10s,60s,600s"
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def guarded_table(site):
    """A user's constraints, indexes and triggers, each of which refuses one path."""
    site.database.query("""
        alter table webhooks_raw add constraint guard_check check (path <> '/check') not valid;
        create unique index guard_unique on webhooks_raw (path) where path = '/unique';
        alter table webhooks_raw add constraint guard_exclusion exclude using hash (path with =) where (path = '/exclusion');
        create index guard_limit on webhooks_raw (query) where path = '/limit';
        create table parents (id text primary key);
        create table children (id text, parent text references parents,
                               later text references parents deferrable initially deferred);
        grant select, insert on children to sluice_worker;
        create function guard() returns trigger language plpgsql as $$
        begin
            case new.path
                when '/null' then new.method := null;
                when '/data' then perform 1 / (length(new.path) - 5);
                when '/text' then perform new.path::int;
                when '/parent' then insert into children values (new.id, 'nobody', null);
                when '/deferred' then insert into children values (new.id, null, 'nobody');
                when '/refusal' then raise exception 'not today';
                when '/words' then raise exception '%', new.query using errcode = '22023';
                when '/unlisted' then raise exception 'of my own' using errcode = 'ZZ123';
                when '/missing' then execute 'select * from no_such_table';
                when '/rights' then execute 'delete from webhooks_dead';
                when '/gate' then perform pg_advisory_xact_lock_shared(1);
                when '/shut' then -- waits for as long as a statement may, not only as long as for a lock
                    while not pg_try_advisory_xact_lock_shared(1) loop
                        perform pg_sleep(0.01);
                    end loop;
                when '/two' then
                    perform pg_advisory_xact_lock(2);
                    perform pg_advisory_xact_lock(1);
                else null;
            end case;
            return new;
        end $$;
        create trigger guard before insert or update on webhooks_raw for each row execute function guard()""")
    yield
    site.database.query("""
        drop trigger guard on webhooks_raw; drop function guard; drop table children, parents;
        drop index guard_unique, guard_limit;
        alter table webhooks_raw drop constraint guard_check, drop constraint guard_exclusion""")


POISON = {"check": "23514", "null": "23502", "unique": "23505", "exclusion": "23P01", "data": "22012", "text": "22P02",
          "limit": "54000"}
LATER = {"parent": "23503", "deferred": "23503", "refusal": "P0001", "unlisted": "ZZ123", "missing": "42P01",
         "rights": "42501"}


def publish_bad(site, faults, query=""):
    for fault in faults:
        site.publish(f"bad-{fault}", b"x", T, **{"sluice-path": f"/{fault}", "sluice-query": query})


def publish_neighbours(site):
    """Publishes good events of the bad events' source and of another one."""
    site.publish_all([(f"good-{number:02}", {"sluice-source": "plenty"} if number % 2 else {})
                      for number in range(NEIGHBOURS)], b"x", T)


def dead(site):
    return {row[0]: row[1:] for row in
            site.database.query("select id, verdict, sqlstate, attempts from webhooks_dead")}


def stored(site):
    return {row.id for row in site.rows()}


GOOD = {f"good-{number:02}" for number in range(NEIGHBOURS)}


@pytest.mark.usefixtures("guarded_table")
def test_what_breaks_a_rule_for_good_is_a_dead_letter_at_once_and_its_neighbours_are_stored(site, seed):
    site.start_workers(1, DELAYS=TIER)
    for fault in ("unique", "exclusion"):
        site.publish(f"first-{fault}", b"x", T, **{"sluice-path": f"/{fault}"})
        site.row(f"first-{fault}")
    publish_neighbours(site)
    publish_bad(site, POISON, query=random.Random(seed).randbytes(8000).hex()[:16000])
    site.wait_count(len(POISON), table="webhooks_dead")
    site.wait_drained()
    assert dead(site) == {f"bad-{fault}": ("poison", sqlstate, 1) for fault, sqlstate in POISON.items()}
    assert stored(site) == {*GOOD, "first-unique", "first-exclusion"}


CHARACTERS = {"german": "ß", "chinese": "漢", "emoji": "😀"}  # 2, 3 and 4 bytes
POSITIONS = [*range(494, 502), *range(507, 513)]  # offset of the character: around the cuts at 500 and 511 bytes


@pytest.mark.usefixtures("guarded_table")
def test_a_reason_is_text_wherever_it_is_cut_and_1500_neighbours_of_another_source_are_stored(site):
    site.start_workers(1, DELAYS=TIER)
    bad = {f"bad-{name}-{before}": "x" * before + character + "yz" * 20
           for name, character in CHARACTERS.items() for before in POSITIONS}
    site.publish_all([(event_id, {"sluice-path": "/words", "sluice-query": words, "sluice-source": "rare"})
                      for event_id, words in bad.items()], b"x", T)
    site.publish_all([(f"good-{number:04}", {}) for number in range(1500)], b"x", T)
    site.wait_count(len(bad), table="webhooks_dead")
    site.wait_count(1500)
    site.wait_drained()
    rows = site.database.query("select id, source, verdict, sqlstate, reason from webhooks_dead")
    assert {row[0]: row[1:] for row in rows} == {
        event_id: ("rare", "poison", "22023", words.encode()[:500].decode(errors="ignore"))
        for event_id, words in bad.items()}


def held(worker, cause):
    return worker.metrics()[f'sluice_worker_held_events{{cause="{cause}"}}']


@pytest.mark.usefixtures("guarded_table")
def test_what_may_cure_itself_or_is_unclear_beside_stored_neighbours_is_retried_then_dead(site):
    worker, = site.start_workers(1, DELAYS=TIER, WORKER_CONNECTIONS=1)
    site.publish("zeroth", b"x", T)  # ends the careful start
    site.row("zeroth")
    connection = site.database.connect()
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1)")
        site.publish("gate", b"x", T, **{"sluice-path": "/shut"})
        wait_until(lambda: held(worker, "storing") == 1, "the gate's batch")
        publish_neighbours(site)
        publish_bad(site, LATER)
        wait_until(lambda: held(worker, "waiting") == NEIGHBOURS + len(LATER), "one batch of them")
    site.wait_count(NEIGHBOURS + 2)
    wait_until(lambda: len(worker.lines("retried")) == len(LATER), lambda: f"the retries\n{site.tails()}")
    # What is unclear needs a neighbour that is stored when it comes again, too.
    with keep_storing(site):
        site.wait_count(len(LATER), table="webhooks_dead")
    site.wait_drained()
    assert sorted(line["id"] for line in worker.lines("retried")) == sorted(f"bad-{fault}" for fault in LATER)
    assert dead(site) == {f"bad-{fault}": ("later", sqlstate, 2) for fault, sqlstate in LATER.items()}
    assert GOOD <= stored(site)


@contextlib.contextmanager
def keep_storing(site):
    """Publishes good events continuously."""
    stopping = threading.Event()

    def publish():
        for number in itertools.count():
            if stopping.is_set():
                break
            site.publish(f"more-{number}", b"x", T)
    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(20)


@pytest.mark.usefixtures("guarded_table")
def test_an_unclear_failure_without_a_neighbour_pauses_until_one_is_stored(site):
    worker, = site.start_workers(1, DELAYS=TIER)
    publish_bad(site, ["unlisted"])
    worker.wait_ready(False)
    assert "repair" in worker.admin("/ready")[1]
    assert worker.metrics()["sluice_worker_paused"] == 1
    line = wait_until(lambda: worker.lines("not-stored"), worker.tail)[0]
    assert (line["verdict"], line["sqlstate"]) == ("operator", "ZZ123")
    assert worker.lines("retried") == [] and dead(site) == {}
    with keep_storing(site):
        wait_until(lambda: worker.lines("retried"), lambda: f"the retry\n{site.tails()}", 20)
        site.wait_count(1, table="webhooks_dead")
    worker.wait_ready()
    site.wait_drained()


# --- errors of the server and the operator: no dead letters -----------------------------------------------------


def told(worker, sqlstate, verdict=None):
    """Waits until the worker's log reports this failure of a batch or of a connection."""
    def found():
        return [line for line in worker.lines() if line["event"] in ("not-stored", "database-away")
                and line["sqlstate"] == sqlstate and verdict in (None, line.get("verdict"))]
    wait_until(found, lambda: f"{verdict} {sqlstate} in the log\n{worker.tail()}", 40)


def all_stored(site, worker):
    worker.wait_ready(limit=40)
    site.wait_count(NEIGHBOURS, 40)
    site.wait_drained()
    assert stored(site) == GOOD
    assert dead(site) == {}
    assert site.lines("retried", "good-00") == []


@contextlib.contextmanager
def broken(site, sql, repair):
    site.database.query(sql)
    try:
        yield
    finally:
        site.database.query(repair)


@pytest.mark.case(23)
@pytest.mark.parametrize(("sql", "repair", "sqlstate"), [
    ("revoke insert on webhooks_raw from sluice_worker", "grant insert on webhooks_raw to sluice_worker", "42501"),
    ("alter table webhooks_raw rename to elsewhere", "alter table elsewhere rename to webhooks_raw", "42P01"),
    ("alter table webhooks_raw rename query to question", "alter table webhooks_raw rename question to query", "42703"),
], ids=["right revoked", "table renamed", "column renamed"])
def test_what_an_operator_must_mend_pauses_kills_nothing_and_goes_on_after_the_repair(site, sql, repair, sqlstate):
    worker, = site.start_workers(1, DELAYS=TIER)
    with broken(site, sql, repair):
        publish_neighbours(site)
        told(worker, sqlstate, "operator")
        worker.wait_ready(False)
        assert "repair" in worker.admin("/ready")[1]
        assert worker.metrics()["sluice_worker_paused"] == 1
    all_stored(site, worker)
    assert worker.metrics()["sluice_worker_paused"] == 0
    assert worker.metrics()["sluice_worker_broker_connects_total"] == 1, "it recovers by itself, on its old connection"


@pytest.mark.parametrize(("sql", "repair", "sqlstate"), [
    ("alter role sluice_worker password 'changed'", None, "28P01"),
    ("alter role sluice_worker nologin", "alter role sluice_worker login", "28000"),
], ids=["password changed", "login revoked"])
def test_a_worker_that_is_not_let_in_waits_for_the_operator_and_kills_nothing(site, sql, repair, sqlstate):
    worker, = site.start_workers(1, DELAYS=TIER)
    secret = site.servers.secret("database-worker")
    with broken(site, sql, repair or f"alter role sluice_worker password '{secret}'"):
        site.database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'sluice_worker'")
        publish_neighbours(site)
        told(worker, sqlstate)
        worker.wait_ready(False)
        assert "repair" in worker.admin("/ready")[1]
    all_stored(site, worker)


@pytest.mark.case(20)
def test_a_database_that_turns_read_only_pauses_kills_nothing_and_goes_on_after_it(site):
    worker, = site.start_workers(1, DELAYS=TIER)
    site.database.query("alter system set default_transaction_read_only = on")
    try:
        site.database.query("select pg_reload_conf()")
        publish_neighbours(site)
        told(worker, "25006", "transient")
        worker.wait_ready(False)
        assert "database away" in worker.admin("/ready")[1], "it closed its connection and can't get another one"
    finally:
        site.database.query("alter system reset default_transaction_read_only")
        site.database.query("select pg_reload_conf()")
    all_stored(site, worker)


def publish_plenty(site):
    """Publishes good events of another source, which the problem must not affect."""
    site.publish_all([(f"plenty-{number}", {"sluice-source": "plenty"}) for number in range(NEIGHBOURS)], b"x", T)


def plenty_is_stored(site):
    plenty = "select count(*) from webhooks_raw where source = 'plenty'"
    wait_until(lambda: site.database.query(plenty) == [(NEIGHBOURS,)], lambda: f"the events of another source\n{site.tails()}", 20)


WAITING = ("select pid from pg_stat_activity where usename = 'sluice_worker' and wait_event_type = 'Lock' "
           "and wait_event = 'advisory'")


def waiting(site):
    """Waits for the worker's backend at the gate; returns its pid."""
    return wait_until(lambda: site.database.query(WAITING), lambda: f"a backend at the gate\n{site.tails()}", 20)[0][0]


@pytest.mark.usefixtures("guarded_table")
@pytest.mark.parametrize(("how", "sqlstate"), [("pg_terminate_backend", "57P01"), ("pg_cancel_backend", "57014")])
def test_a_batch_whose_backend_is_ended_or_whose_statement_is_cancelled_is_sent_again(site, how, sqlstate):
    worker, = site.start_workers(1, DELAYS=TIER)
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1)")
        site.publish("good-00", b"x", T, **{"sluice-path": "/gate"})
        publish_plenty(site)
        # Only once: an event that is cut off again when it is alone is retried by a tier.
        assert site.database.query(f"select {how}({waiting(site)})") == [(True,)]
        told(worker, sqlstate)
    assert {line["verdict"] for line in worker.lines("not-stored")} == {"transient"}
    site.row("good-00")
    site.wait_drained()
    plenty_is_stored(site)
    assert dead(site) == {} and worker.lines("retried") == []


@pytest.mark.usefixtures("guarded_table")
def test_a_lock_that_is_held_too_long_is_waited_for_again(site):
    worker, = site.start_workers(1, DELAYS=TIER)
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(1)")
        site.publish("good-00", b"x", T, **{"sluice-path": "/gate"})
        told(worker, "55P03", "transient")
        publish_plenty(site)
        plenty_is_stored(site)
    site.row("good-00")
    site.wait_drained()
    assert dead(site) == {} and worker.lines("retried") == []


@pytest.mark.usefixtures("guarded_table")
def test_a_deadlock_costs_nothing_but_another_attempt(site):
    """The worker holds lock 2 and waits for 1; the holder of 1 then waits for 2 with a longer deadlock_timeout."""
    site.database.query("alter role sluice_worker set deadlock_timeout = '1500ms'")
    try:
        worker, = site.start_workers(1, DELAYS=TIER)
        with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("set deadlock_timeout = '1h'")
            cursor.execute("select pg_advisory_lock(1)")
            site.publish("good-00", b"x", T, **{"sluice-path": "/two"})
            waiting(site)
            cursor.execute("select pg_advisory_lock(2)")  # returns when the worker's transaction has ended
            told(worker, "40P01", "transient")
            publish_plenty(site)
            plenty_is_stored(site)
    finally:
        site.database.query("alter role sluice_worker reset deadlock_timeout")
    site.row("good-00")
    site.wait_drained()
    assert dead(site) == {} and worker.lines("retried") == []
