# SPDX-License-Identifier: MIT
"""Setup on existing databases: of an older release, shared with others, owned by a role that is not a superuser, or
with a collation that doesn't sort by bytes."""

import contextlib
import hashlib
import pathlib
import subprocess

import pytest

from database import Database, programs
from process import free_port, wait_until

SQL = pathlib.Path(__file__).resolve().parents[2] / "sql"
T = 1_700_000_000_000_000  # microseconds since 1970

# Users' objects on a database from before Sluice had its own schema.
OTHERS = """
grant select, insert, update on webhooks_raw, webhooks_dead to sluice_worker;
grant select on webhooks, webhooks_raw, webhooks_dead to sluice_reader;
alter role sluice_worker set search_path = public;
alter role sluice_reader set search_path = public;
insert into webhooks_raw (source, id, method, path, headers, body, received_at, first_received_at)
select 'default', case when n % 2 = 0 then 'a' else 'B' end || n, 'POST', '/', '{}',
       convert_to('{"n":' || n || '}', 'UTF8'), now(), now() from generate_series(1, 1000) n;
insert into webhooks_dead (source, id, body, verdict, reason) values ('default', 'd', 'x', 'dead', 'old');
create table copies (id text primary key, n int);
grant select on copies to sluice_worker;
create function copy_it() returns trigger language plpgsql security definer set search_path = public, pg_temp as
$$ begin insert into copies values (new.id, (webhook_json(new.body)->>'n')::int); return null; end $$;
create function note_it() returns trigger language plpgsql as $$ begin perform from copies; return null; end $$;
create trigger copy_it after insert on webhooks_raw for each row when (new.source = 'default')
    execute function copy_it();
create trigger note_it after insert on webhooks_raw for each row execute function note_it();
create index by_n on webhooks_raw ((webhook_json(body)->>'n')) where source = 'default';
create view mine as select id, source, payload->>'n' as n from webhooks;
create view of_mine with (security_barrier = true) as select id from mine;
comment on view mine is 'mine';
grant select on mine to sluice_reader"""


def migrated(count):
    """The statements that apply the first `count` migrations, as setup does."""
    statements = []
    for file in sorted(SQL.glob("[0-9]*.sql"))[:count]:
        sql = file.read_bytes()
        statements += [sql.decode(), "insert into sluice_migrations (name, sha256) values "
                       f"('{file.stem}', '{hashlib.sha256(sql).hexdigest()}')"]
    return statements


def make_old(database):
    statements = ["set search_path = public", """create table sluice_migrations (
        name text primary key, sha256 text not null, applied_at timestamptz not null default now())"""]
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        for statement in [*statements, *migrated(2), OTHERS]:
            cursor.execute(statement)


@pytest.fixture(name="psql", scope="module")
def fixture_psql():
    """Returns a function that runs a script with psql and returns the CompletedProcess."""
    def run(database, user, password, script):
        return subprocess.run(
            [programs() / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(database.port), "-U", user, "-d", "sluice"],
            input=script, env={"PGPASSWORD": password, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, timeout=60,
            check=False)
    return run


@pytest.fixture(name="old")
def fixture_old(servers, site):
    """A database from before Sluice had its own schema, with rows and users' objects."""
    database = servers.database
    database.query("drop schema sluice cascade")
    make_old(database)
    yield database
    for program in site.programs:
        program.stop()
    database.query("""drop schema if exists sluice cascade; drop schema public cascade; create schema public;
                      grant usage on schema public to public""")
    assert servers.setup().returncode == 0


def test_a_worker_that_is_started_before_setup_waits_for_it_and_loses_nothing(old, site):
    worker = site.add_worker()
    worker.start(wait=False)
    site.publish("before", b'{"n":1}', T)
    wait_until(lambda: "order_value" in worker.tail(), worker.tail)
    assert site.servers.setup().returncode == 0
    site.row("before")


def test_a_database_of_before_the_schema_moves_with_its_rows_and_what_others_made_on_it(old, site):
    for table in ("webhooks_raw", "webhooks_dead"):  # else this release's worker would wait for setup
        old.query(f"alter table public.{table} add column order_value bigint")
    worker, = site.start_workers(1)
    site.publish("before", b'{"n":1}', T)
    wait_until(lambda: old.query("select 1 from public.webhooks_raw where id = 'before'"), "a row in the old place")
    done = site.servers.setup()
    assert done.returncode == 0, done.stderr
    assert "done   migration 0003_schema" in done.stdout
    assert old.query("select count(*) from sluice.webhooks_raw") == [(1001,)]
    assert old.query("select id, reason from sluice.webhooks_dead") == [("d", "old")]
    assert old.query("select to_regclass('public.webhooks_raw'), to_regclass('public.webhooks')") == [(None, None)]

    site.publish("after", b'{"n":2}', T)
    site.row("after")
    assert worker.alive(), "the worker that ran before the move stores after it"
    assert old.query("select id, n from public.copies order by n") == [("before", 1), ("after", 2)]
    assert old.query("select n from public.mine where id = 'after'") == [("2",)]
    assert old.query("select count(*) from public.of_mine") == [(1002,)]
    assert old.query("""select obj_description('public.mine'::regclass), has_table_privilege('sluice_reader',
        'public.mine', 'select'), reloptions from pg_class where oid = 'public.of_mine'::regclass""") == [
            ("mine", True, ["security_barrier=true"])]
    done = site.servers.setup("--check")
    assert done.returncode == 0, done.stdout


def test_an_index_on_the_payload_moves_too_and_is_rebuilt_where_no_schema_is_searched(old, site):
    """Postgres 17 runs maintenance commands with a restricted search_path."""
    assert site.servers.setup().returncode == 0
    with contextlib.closing(old.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set search_path = ''")
        cursor.execute("reindex index sluice.by_n")
        cursor.execute("set enable_seqscan = off")
        query = "select count(*) from sluice.webhooks_raw where source = 'default' and sluice.webhook_json(body)->>'n' = '7'"
        cursor.execute(f"explain {query}")
        assert "by_n" in str(cursor.fetchall())
        cursor.execute(query)
        assert cursor.fetchall() == [(1,)]


def test_setup_names_the_indexes_that_the_view_no_longer_uses_and_their_successors_are_used(old, site):
    done = site.servers.setup()
    assert done.returncode == 0
    assert "the index by_n," in done.stderr and "webhook_json(body, content_type, headers)" in done.stderr
    query = "select count(*) from sluice.webhooks where source = 'default' and payload->>'n' = '7'"
    assert old.query(query) == [(1,)]
    old.query("""create index by_n_again on webhooks_raw ((webhook_json(body, content_type, headers)->>'n'))
                 where source = 'default'""")
    with contextlib.closing(old.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set search_path = ''")
        cursor.execute("reindex index sluice.by_n_again")
        cursor.execute("set enable_seqscan = off")
        cursor.execute(f"explain {query}")
        assert "by_n_again" in str(cursor.fetchall())
        cursor.execute(query)
        assert cursor.fetchall() == [(1,)]
    assert site.servers.setup().stderr == ""


@pytest.mark.parametrize("count", range(1, 8))
def test_a_database_of_each_earlier_release_reads_charsets_without_a_rewrite_or_a_wait_for_writers(servers, site, count):
    """The later migrations rewrite nothing, either, but 0007 and 0008 need the table for themselves for an instant."""
    database = site.database
    insert = """insert into webhooks_raw (source, id, method, path, content_type, body, received_at, first_received_at)
                values ('default', %s, 'POST', '/', 'text/plain; charset=latin1', %s, now(), now())"""
    database.query("drop schema sluice cascade")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        for statement in ("set search_path = sluice", (SQL / "schema.sql").read_text(encoding="utf-8"), *migrated(count)):
            cursor.execute(statement)
        cursor.execute(insert, ("before", b'{"a":"\xe9"}'))
        if count > 1:
            cursor.execute("create view public.mine as select id, payload->>'a' as a, body_text from webhooks")
    try:
        with contextlib.closing(database.connect()) as writer, writer.cursor() as cursor:
            if count > 3:  # 0004 needs the table for itself
                writer.autocommit = False
                cursor.execute(insert, ("open", b"x"))
                with contextlib.closing(database.connect()) as connection, connection.cursor() as other:
                    for statement in ("set search_path = sluice; set lock_timeout = '1s'", *migrated(6)[2 * count:]):
                        other.execute(statement)
            place = "select pg_relation_filenode('sluice.webhooks_raw')"
            (before,), = database.query(place)
            writer.rollback()
            done = servers.setup()
            assert done.returncode == 0, done.stderr
            assert "done   migration 0008_expiry" in done.stdout
            assert count < 4 or database.query(place) == [(before,)]
        assert database.query("select payload, body_text, payload_error from webhooks") == [({"a": "é"}, '{"a":"é"}', None)]
        if count > 1:
            assert database.query("select id, a, body_text from public.mine") == [("before", "é", '{"a":"é"}')]
        assert servers.setup("--check").returncode == 0
    finally:
        database.query("drop schema if exists sluice cascade")
        assert servers.setup().returncode == 0


def test_workers_of_the_release_before_bodies_expired_go_on_and_what_the_owner_has_set_stays(servers, site):
    """The worker's statements are those of that release."""
    database = site.database
    database.query("drop schema sluice cascade")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        for statement in ("set search_path = sluice", (SQL / "schema.sql").read_text(encoding="utf-8"), *migrated(7),
                          "grant usage on schema sluice to sluice_worker",
                          "grant select, insert, update on webhooks_raw to sluice_worker",
                          "grant select, insert on webhooks_dead to sluice_worker",
                          "alter table webhooks_raw set (autovacuum_vacuum_scale_factor = 0.05, fillfactor = 90)"):
            cursor.execute(statement)
    try:
        worker, = site.start_workers(1)
        site.publish("before", b"1", T)
        site.row("before")
        done = servers.setup()
        assert done.returncode == 0, done.stderr
        assert database.query("select reloptions from pg_class where oid = 'webhooks_raw'::regclass") == [
            (["autovacuum_vacuum_scale_factor=0.05", "fillfactor=90"],)]
        assert database.query("""select t.reloptions from pg_class c join pg_class t on t.oid = c.reltoastrelid
            where c.oid = 'webhooks_raw'::regclass""") == [(["autovacuum_vacuum_scale_factor=0.02"],)]
        assert servers.operate("prune", "--bodies", "--older-than", "1d").stdout.startswith("emptied 1 ")
        site.publish("before", b"2", T + 1)
        wait_until(lambda: database.query("select body_text from webhooks where body_expired_at is null") == [("2",)], worker.tail)
        assert worker.alive()
    finally:
        database.query("drop schema if exists sluice cascade")
        assert servers.setup().returncode == 0


def test_a_setup_of_before_the_schema_finds_the_database_newer_than_itself(old, site):
    """An old setup creates its table in public unless it exists, and reads it."""
    assert site.servers.setup().returncode == 0
    with contextlib.closing(old.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set search_path = public")
        cursor.execute("create table if not exists sluice_migrations (name text primary key, sha256 text not null)")
        cursor.execute("select name from sluice_migrations order by name")
        assert ("0003_schema",) in cursor.fetchall()


def test_what_cannot_be_made_again_as_it_was_ends_the_migration_and_nothing_is_changed(old, site):
    old.query("create materialized view public.counted as select source, count(*) from public.webhooks_raw group by 1")
    done = site.servers.setup()
    assert done.returncode == 78
    assert "0004_keys" in done.stderr and "counted" in done.stderr
    assert old.query("select count(*) from public.of_mine") == [(1000,)]
    old.query("drop materialized view public.counted")
    assert site.servers.setup().returncode == 0
    assert old.query("select count(*) from public.of_mine") == [(1000,)]


def test_the_printed_script_moves_an_old_database_too(old, site, psql):
    script = site.servers.setup("--print-sql").stdout
    for _ in range(2):
        done = psql(old, "sluice", old.owner_password, script)
        assert done.returncode == 0, done.stderr
    assert old.query("select count(*) from sluice.webhooks_raw") == [(1000,)]
    done = site.servers.setup("--check")
    assert done.returncode == 0, done.stdout


def test_setup_takes_nothing_from_others_in_a_shared_database(servers):
    (temporary,), = servers.database.query("select has_database_privilege('sluice_reader', 'sluice', 'temporary')")
    assert temporary, "a right that everybody has unless the owner has revoked it"
    assert servers.database.query("""select relname from pg_class where relnamespace = 'public'::regnamespace
                                     and (relname like 'webhook%' or relname like 'sluice%')""") == []


# --- an owner that is not a superuser --------------------------------------------

@pytest.fixture(name="owned", scope="module")
def fixture_owned(servers):
    """A separate cluster whose database belongs to the role `keeper`, which is not a superuser but may create roles."""
    database = Database(servers.directory / "owned", free_port(), "superusers-word")
    database.start()
    try:
        database.query("create role keeper login createrole password 'keepers-word'")
        database.query("alter database sluice owner to keeper")
        yield database
    finally:
        database.stop("immediate")
        database.remove()


def test_an_owner_who_is_no_superuser_may_set_up_and_check(servers, owned):
    settings = {"SETUP_DATABASE_URL": owned.url("keeper"), "SETUP_DATABASE_PASSWORD_FILE": None,
                "SETUP_DATABASE_PASSWORD": "keepers-word"}
    done = servers.setup("--skip-broker-users", DATABASE_BUDGET=4, **settings)
    assert done.returncode == 0, done.stderr
    assert "done   role sluice_worker, connection limit 4 (the budget)" in done.stdout
    done = servers.setup("--skip-broker-users", **settings)
    assert done.returncode == 0, done.stderr
    assert "there  role sluice_worker, connection limit 4 (the budget)" in done.stdout
    done = servers.setup("--check", "--skip-broker-users", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unknown role sluice_worker, password" in done.stdout
    owned.query("insert into webhooks_dead (source, body, verdict, reason) values ('s', 'b', 'dead', 'r')"
                " on conflict do nothing", user="sluice_worker", password=servers.secret("database-worker"))
    assert owned.query("select count(*) from sluice.webhooks_dead") == [(1,)]


def test_events_flow_die_are_replayed_and_pruned_where_the_owner_is_no_superuser(servers, site, owned):
    owner = {"SETUP_DATABASE_URL": owned.url("keeper"), "SETUP_DATABASE_PASSWORD_FILE": None,
             "SETUP_DATABASE_PASSWORD": "keepers-word"}
    assert servers.setup("--skip-broker-users", DATABASE_BUDGET=4, **owner).returncode == 0
    owned.query("alter role sluice_worker in database sluice set search_path = public")
    done = servers.setup("--skip-broker-users", **owner)
    assert "search_path in this database public -> none\n" in done.stdout, done.stdout + done.stderr

    def query(sql):
        return owned.query(sql, user="keeper", password="keepers-word")

    def ids(table):
        return {row[0] for row in query(f"select id from sluice.{table}")}
    query("delete from sluice.webhooks_raw; delete from sluice.webhooks_dead;"
          "alter table sluice.webhooks_raw add constraint no_bad check (path <> '/bad') not valid")
    worker, = site.start_workers(1, DATABASE_URL=owned.url("sluice_worker"))
    site.publish_all([("a", {}), ("B", {"sluice-path": "/bad"}), ("c", {"sluice-source": "other"})], b"{}", T)
    wait_until(lambda: (ids("webhooks_raw"), ids("webhooks_dead")) == ({"a", "c"}, {"B"}), worker.tail)
    query("alter table sluice.webhooks_raw drop constraint no_bad")
    done = servers.operate("dead", "replay", "--all", **owner)
    assert done.stdout == "replayed 1 of 1\n", done.stderr
    wait_until(lambda: ids("webhooks_raw") == {"a", "B", "c"}, worker.tail, 30)  # the first retry queue holds it for 10 s
    with contextlib.closing(site.channel()) as channel:
        channel.confirm_delivery()
        channel.basic_publish("webhooks.dead", "default", b"given up")
    assert servers.operate("dead", "collect", **owner).stdout == "collected 1; already there 0\n"
    assert servers.operate("dead", "drop", "--all", **owner).stdout.endswith("dropped 1\n")
    status = servers.command("status", DATABASE_URL=owned.url("sluice_reader"))
    assert status.returncode == 0, status.stderr
    assert servers.operate("prune", "--older-than", "30d", **owner).stdout.split()[1] == "3"
    site.wait_drained()


def test_a_role_that_is_not_there_yet_needs_a_password_to_be_made_with(servers, owned):
    owned.query("drop owned by sluice_reader; drop role sluice_reader")
    settings = {"SETUP_DATABASE_URL": owned.url("sluice"), "SETUP_DATABASE_PASSWORD_FILE": None,
                "SETUP_DATABASE_PASSWORD": "superusers-word"}
    done = servers.setup("--skip-broker-users", **{**settings, "SETUP_READER_DATABASE_PASSWORD_FILE": None})
    assert done.returncode == 78
    assert "SETUP_READER_DATABASE_PASSWORD" in done.stderr
    assert owned.query("select 1 from pg_roles where rolname = 'sluice_reader'") == []
    assert servers.setup("--skip-broker-users", **settings).returncode == 0


# --- keys -----------------------------------------------------------------------

def test_keys_compare_as_bytes_where_the_database_sorts_otherwise(site):
    assert site.database.query("select array_agg(v order by v) from (values ('a'::text), ('B')) as t (v)") == [
        (["a", "B"],)], "this database doesn't sort by bytes"
    ids = ["a", "B", "b", "ä", "\u200d", "z"]
    site.start_workers(1)
    for event_id in ids:
        site.publish(event_id, event_id.encode(), T)
    site.wait_count(len(ids))
    found = [row[0] for row in site.database.query("select id from webhooks order by id")]
    assert found == sorted(ids, key=str.encode)
    connection = site.database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("set enable_seqscan = off; set enable_sort = off")
            cursor.execute("explain select * from webhooks where id = 'a'")
            assert "webhooks_raw_pkey" in str(cursor.fetchall())
            cursor.execute("explain select * from webhooks order by source desc, received_at desc limit 5")
            assert "webhooks_raw_source_received_at" in str(cursor.fetchall())
    finally:
        connection.close()


def test_dead_letters_that_differ_in_their_properties_alone_are_two_and_one_that_comes_again_is_none(servers, site):
    for properties in (b"one", b"two", b"one", b"two", None, None):
        site.database.query("""insert into webhooks_dead (source, body, properties, verdict, reason)
                               values ('s', 'same', %s, 'malformed', 'r') on conflict do nothing""",
                            (properties,), user="sluice_worker", password=servers.secret("database-worker"))
    assert site.count("webhooks_dead") == 3


@pytest.mark.parametrize("statement", ["select * from webhooks_dead", "update webhooks_dead set reason = ''"])
def test_the_worker_may_only_add_dead_letters(servers, statement):
    with pytest.raises(Exception, match="permission denied"):
        servers.database.query(statement, user="sluice_worker", password=servers.secret("database-worker"))
