# SPDX-License-Identifier: MIT
"""`sluice setup` is idempotent and safe, and gives no program more rights than it needs."""

import json
import os
import shlex
import subprocess

import pika
import psycopg2
import pytest

from database import programs
from process import Failure, wait_until

SCHEMA = """
select 'column ' || table_name, concat_ws(' ', column_name, data_type, is_nullable, column_default)
  from information_schema.columns where table_schema = 'sluice'
union all select 'index', indexdef from pg_indexes where schemaname = 'sluice'
union all select 'function', concat_ws(' ', proname, pg_get_function_identity_arguments(oid), provolatile, proparallel)
  from pg_proc where pronamespace = 'sluice'::regnamespace
union all select 'grant ' || grantee, table_name || ' ' || privilege_type
  from information_schema.role_table_grants where grantee like 'sluice_%' and table_schema = 'sluice'
union all select 'role ' || rolname, rolconnlimit || ' ' || rolsuper || ' ' || rolcreaterole || ' ' ||
  coalesce((select string_agg(setting, ' ' order by setting) from unnest(rolconfig) setting), '')
  from pg_roles where rolname like 'sluice_%'
union all select 'migration', m::text from sluice_migrations m
order by 1, 2"""


def broker_state(broker):
    """Everything that setup creates on the broker, as the broker reports it."""
    volatile = {"messages", "memory"}
    definitions = broker.management("GET", "definitions")
    for user in definitions["users"]:
        user.pop("password_hash")
        user.pop("limits", None)
    state = {}
    for kind in ("users", "permissions", "policies", "queues", "exchanges", "bindings"):
        state[kind] = sorted(str(sorted((key, value) for key, value in entry.items() if key not in volatile))
                             for entry in definitions[kind])
    return state


def test_setup_twice_is_the_same_as_once(servers, site):
    before = (broker_state(servers.broker), servers.database.query(SCHEMA))
    assert before[1]
    site.start_gateway()
    site.start_workers(1)
    site.send_ok(headers={"webhook-id": "kept"})
    site.row("kept")
    done = servers.setup()
    assert done.returncode == 0, done.stderr
    assert (broker_state(servers.broker), servers.database.query(SCHEMA)) == before
    site.row("kept")
    site.send_ok(headers={"webhook-id": "after"})
    site.row("after")


def test_setup_on_an_empty_broker_and_database_makes_it_all(servers, site):
    broker, database = servers.broker, servers.database
    broker.management("DELETE", "vhosts/sluice")
    broker.management("PUT", "vhosts/sluice", {})
    broker.management("PUT", "permissions/sluice/sluice-setup", {"configure": ".*", "write": ".*", "read": ".*"})
    database.query("drop schema sluice cascade")
    done = servers.setup()
    assert done.returncode == 0, done.stderr
    assert "done   queue webhooks.ingest" in done.stdout
    assert "there  queue" not in done.stdout
    assert {line.split()[0] for line in servers.setup().stdout.splitlines()} == {"there"}
    site.start_gateway()
    site.start_workers(1)
    site.send_ok(headers={"webhook-id": "fresh"})
    site.row("fresh")


@pytest.mark.parametrize("budget", [98, 100, 5000])
def test_a_budget_that_would_overrun_the_database_is_refused_with_the_numbers(servers, budget):
    before = servers.database.query("select rolconnlimit from pg_roles where rolname = 'sluice_worker'")
    done = servers.setup(DATABASE_BUDGET=budget)
    assert done.returncode == 78
    assert str(budget) in done.stderr
    assert "100" in done.stderr, "max_connections"
    assert servers.database.query("select rolconnlimit from pg_roles where rolname = 'sluice_worker'") == before


LIMIT = "select rolconnlimit from pg_roles where rolname = 'sluice_worker'"
VERIFIERS = "select rolname, rolpassword from pg_authid where rolname like 'sluice_%' order by 1"
NO_PASSWORDS = dict.fromkeys(("SETUP_GATEWAY_BROKER_PASSWORD_FILE", "SETUP_WORKER_BROKER_PASSWORD_FILE",
                              "SETUP_LISTEN_BROKER_PASSWORD_FILE", "SETUP_MONITOR_BROKER_PASSWORD_FILE",
                              "SETUP_WORKER_DATABASE_PASSWORD_FILE", "SETUP_READER_DATABASE_PASSWORD_FILE"))


@pytest.fixture(name="as_before")
def fixture_as_before(servers):
    """Restores the values of a first setup after the test."""
    yield
    done = servers.setup_afresh()
    assert done.returncode == 0, done.stderr


def bounds(servers):
    return {entry["definition"]["max-length-bytes"] for entry in servers.broker.management("GET", "policies/sluice")
            if entry["name"] != "sluice-listen"}


@pytest.mark.usefixtures("as_before")
def test_the_chosen_budget_is_the_workers_connection_limit(servers):
    done = servers.setup(DATABASE_BUDGET=7)
    assert done.returncode == 0, done.stderr
    assert servers.database.query(LIMIT) == [(7,)]
    assert "done   role sluice_worker, connection limit 20 -> 7\n" in done.stdout


@pytest.mark.usefixtures("as_before")
def test_plain_setup_as_a_cure_changes_neither_budget_nor_bounds_nor_passwords(servers, site):
    """An unset setting leaves the present value unchanged."""
    assert servers.setup(DATABASE_BUDGET=5, QUEUE_MAX_BYTES="20GiB").returncode == 0
    verifiers = servers.database.query(VERIFIERS)
    done = servers.setup(**NO_PASSWORDS)
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"there"}
    assert "there  role sluice_worker, connection limit 5 (the budget)" in done.stdout
    assert servers.database.query(LIMIT) == [(5,)]
    assert bounds(servers) == {20 << 30}
    assert servers.database.query(VERIFIERS) == verifiers
    site.start_gateway()
    site.start_workers(1)
    site.send_ok(headers={"webhook-id": "kept"})
    site.row("kept")


def test_a_budget_that_is_kept_is_refused_too_when_it_would_overrun_the_database(servers):
    servers.database.query("alter role sluice_worker connection limit 500")
    try:
        done = servers.setup()
        assert done.returncode == 78
        assert "500" in done.stderr and "below 97" in done.stderr
        assert servers.database.query(LIMIT) == [(500,)]
    finally:
        servers.database.query("alter role sluice_worker connection limit 20")


@pytest.mark.parametrize(("role", "secret"), [("sluice_worker", "database-worker"),
                                              ("sluice_reader", "database-reader")])
def test_a_password_that_was_changed_is_given_again_and_one_that_is_right_is_left(servers, role, secret):
    before = servers.database.query(VERIFIERS)
    assert servers.setup().returncode == 0
    assert servers.database.query(VERIFIERS) == before
    servers.database.query(f"alter role {role} password 'another'")
    done = servers.setup()
    assert done.stdout.count("done ") == 1
    assert f"done   role {role}, password " in done.stdout
    assert servers.database.query("select 1", user=role, password=servers.secret(secret)) == [(1,)]


def test_print_sql_prints_the_migrations_and_changes_nothing(servers):
    done = servers.setup("--print-sql")
    assert done.returncode == 0
    for name in ("create table webhooks_raw", "create table webhooks_dead", "create view webhooks", "connection limit"):
        assert name in done.stdout.lower()
    assert not any(servers.secret(name) in done.stdout for name in ("database-worker", "database-reader"))


def test_the_printed_script_takes_the_passwords_from_files_and_may_be_run_again(servers, tmp_path):
    script = servers.setup("--print-sql").stdout
    owner = tmp_path / "pgpass"
    owner.touch(mode=0o600)
    owner.write_text(f"*:*:*:sluice:{servers.database.owner_password}\n", encoding="ascii")
    secrets = {role: servers.secret(f"database-{role}") for role in ("worker", "reader")}
    files = {f"SETUP_{role.upper()}_DATABASE_PASSWORD_FILE": str(servers.write_secret(f"database-{role}", secret))
             for role, secret in secrets.items()}

    def run(**settings):
        return subprocess.run([programs() / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(servers.database.port),
                               "-U", "sluice", "-d", "sluice"], input=script, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "PGPASSFILE": str(owner), **settings}, check=False)
    for _ in range(2):
        servers.database.query("alter role sluice_worker password 'another'; alter role sluice_reader password 'another'")
        done = run(**files)
        assert done.returncode == 0, done.stderr
        for role, secret in secrets.items():
            assert servers.database.query("select 1", user=f"sluice_{role}", password=secret) == [(1,)]
    for name in files:
        done = run(**{**files, name: str(tmp_path / "nothing")})
        assert done.returncode == 3
        assert f"{name} names no file" in done.stderr
    done = run()  # without files the passwords stay
    assert done.returncode == 0, done.stderr
    for role, secret in secrets.items():
        assert servers.database.query("select 1", user=f"sluice_{role}", password=secret) == [(1,)]


def test_setup_may_leave_the_brokers_users_alone(servers):
    done = servers.setup("--skip-broker-users", BROKER_MANAGEMENT_URL="http://sluice-setup@127.0.0.1:1")
    assert done.returncode == 0, done.stderr


def test_a_server_that_is_not_there_is_named(servers):
    done = servers.setup(SETUP_DATABASE_URL="postgresql://sluice@127.0.0.1:1/sluice", SETUP_WAIT="1s")
    assert done.returncode == 69
    assert "127.0.0.1" in done.stderr


# --- the topology, as the broker reports it ----------------------------------

LOSSLESS = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once"}


def declared_delays(servers):
    """The default delays, and those that other tests have declared on this broker."""
    names = [entry["name"] for entry in servers.broker.management("GET", "exchanges/sluice")]
    seconds = sorted(int(name.rpartition(".")[2]) for name in names if name.startswith("webhooks.delay."))
    assert {10, 60, 600} <= set(seconds)
    return seconds


def expected_queues(delays):
    yield "webhooks.ingest", {**LOSSLESS, "x-dead-letter-exchange": "webhooks.dead"}
    yield "webhooks.dead", {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 1_000_000}
    for seconds in delays:
        yield f"webhooks.delay.{seconds}", {**LOSSLESS, "x-dead-letter-exchange": "webhooks",
                                            "x-message-ttl": seconds * 1000}
        yield f"webhooks.retry.{seconds}", {**LOSSLESS, "x-dead-letter-exchange": "webhooks.again",
                                            "x-message-ttl": seconds * 1000}


def test_the_broker_reports_exactly_the_queues_that_lose_nothing(servers):
    def reported():
        queues = servers.broker.management("GET", "queues/sluice")
        bounds_in_force = {(queue.get("effective_policy_definition") or {}).get("max-length-bytes") for queue in queues}
        return bounds_in_force == {1 << 30} and queues
    found = {queue["name"]: queue for queue in wait_until(reported, "every queue's limit to be reported", 20, 0.2)}
    assert {name: queue["arguments"] for name, queue in found.items()} == dict(expected_queues(declared_delays(servers)))
    for name, queue in found.items():
        assert queue["durable"] and queue["type"] == "quorum"
        limits = queue["effective_policy_definition"]
        assert limits.get("delivery-limit") == (None if name == "webhooks.dead" else 100)


def test_the_broker_reports_the_exchanges_and_bindings(servers):
    exchanges = {entry["name"]: (entry["type"], entry["durable"])
                 for entry in servers.broker.management("GET", "exchanges/sluice") if entry["name"].startswith("web")}
    waiting = [f"webhooks.{kind}.{seconds}" for kind in ("delay", "retry") for seconds in declared_delays(servers)]
    assert exchanges == {"webhooks": ("topic", True), "webhooks.again": ("fanout", True),
                         "webhooks.dead": ("fanout", True), **dict.fromkeys(waiting, ("fanout", True))}
    bindings = {(entry["source"], entry["destination"], entry["routing_key"])
                for entry in servers.broker.management("GET", "bindings/sluice") if entry["source"]}
    assert bindings == {("webhooks", "webhooks.ingest", "#"), ("webhooks.again", "webhooks.ingest", ""),
                        ("webhooks.dead", "webhooks.dead", ""), *((name, name, "") for name in waiting)}


@pytest.mark.usefixtures("as_before")
def test_other_bounds_of_the_queues_need_no_new_queues(servers):
    done = servers.setup(QUEUE_MAX_BYTES="2GiB")
    assert done.returncode == 0, done.stderr
    assert bounds(servers) == {2 << 30}
    assert '{"max-length-bytes":1073741824' in done.stdout and '-> {"max-length-bytes":2147483648' in done.stdout


@pytest.mark.parametrize("bound", ["1B", "1000KiB"])
def test_a_bound_below_a_mebibyte_is_refused(servers, bound):
    done = servers.setup(QUEUE_MAX_BYTES=bound)
    assert done.returncode == 78
    assert "1MiB" in done.stderr


def other_policy(servers, priority, kind="policies", **definition):
    servers.broker.management("PUT", f"{kind}/sluice/others", {
        "pattern": ".*", "apply-to": "queues", "priority": priority, "definition": definition})


def in_force(servers, name):
    queue = servers.broker.queue(f"webhooks.{name}")
    return queue.get("policy"), queue.get("operator_policy") or None


@pytest.fixture(name="others")
def fixture_others(servers):
    """The servers; removes the policies called `others` after the test."""
    yield servers
    for kind in ("policies", "operator-policies"):
        try:
            servers.broker.management("DELETE", f"{kind}/sluice/others")
        except Failure as failure:
            assert ": 404 " in str(failure)
    wait_until(lambda: all(in_force(servers, name) == ("sluice", None) for name in ("ingest", "delay.10")),
               "Sluice's own policies to be in force again", 20, 0.2)


def test_a_policy_for_all_queues_does_not_win_over_ours(others):
    other_policy(others, 0, **{"max-length": 1})
    assert others.setup().returncode == 0
    assert others.setup("--check").returncode == 0
    assert in_force(others, "ingest")[0] == "sluice"


def test_setup_fails_where_another_policy_is_in_force_on_our_queues(others):
    other_policy(others, 1000, **{"max-length": 100_000})
    wait_until(lambda: in_force(others, "ingest")[0] == "others", "the other policy to be reported", 20, 0.2)
    done = others.setup()
    assert done.returncode == 78
    assert "the policy others" in done.stderr and "sluice" in done.stderr and "below 100" in done.stderr
    done = others.setup("--check")
    assert done.returncode == 1
    assert "differs queue webhooks.ingest, policy in force: is others" in done.stdout


def test_an_operator_policy_that_lowers_our_bounds_is_found(others):
    other_policy(others, 0, "operator-policies", **{"max-length-bytes": 50_000_000})
    wait_until(lambda: in_force(others, "ingest")[1] == "others", "the operator policy to be reported", 20, 0.2)
    done = others.setup("--check")
    assert done.returncode == 1
    assert "with operator policy others" in done.stdout and "50000000" in done.stdout
    assert others.setup().returncode == 78


def test_another_vhost_is_that_of_the_brokers_url_everywhere(servers):
    """Including one whose name must be escaped in a path, and in a shell's command."""
    url = servers.broker.url("sluice-setup").removesuffix("sluice") + "other%2Fplace%20%27%27"
    try:
        done = servers.setup(BROKER_URL=url)
        assert done.returncode == 0, done.stderr
        assert "done   broker vhost other/place ''" in done.stdout
        names = {queue["name"] for queue in servers.broker.management("GET", "queues/other%2Fplace%20%27%27")}
        assert {"webhooks.ingest", "webhooks.dead", "webhooks.delay.10"} <= names
        assert {entry["name"] for entry in servers.broker.management("GET", "policies/other%2Fplace%20%27%27")} == {
            "sluice", "sluice-dead", "sluice-listen"}
        done = servers.setup("--check", BROKER_URL=url)
        assert done.returncode == 0, done.stdout
        status = servers.command("status", "--json", BROKER_URL=url)
        assert status.returncode == 0, status.stderr
        assert json.loads(status.stdout)["workers"] == 0
        left = servers.setup("--skip-broker-users", BROKER_URL=url)
        assert left.returncode == 0, left.stderr
        commands = [shlex.split(line) for line in left.stdout.splitlines() if " -p " in line]
        assert len(commands) == 7 and all(command[3] == "other/place ''" for command in commands)
    finally:
        servers.broker.management("DELETE", "vhosts/other%2Fplace%20%27%27")


def test_a_passfile_serves_in_place_of_a_password(servers, tmp_path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    roles = {"sluice_reader": "database-reader", "sluice": "database-owner"}
    passfile.write_text("".join(f"127.0.0.1:{servers.database.port}:sluice:{role}:{servers.secret(secret)}\n"
                                for role, secret in roles.items()), encoding="ascii")
    assert servers.command("dead", "list", DATABASE_PASSWORD_FILE=None, PGPASSFILE=passfile).returncode == 0
    assert servers.setup(SETUP_DATABASE_PASSWORD_FILE=None, PGPASSFILE=passfile).returncode == 0
    assert servers.command("dead", "list", DATABASE_PASSWORD_FILE=None).returncode != 0


# --- least privilege ----------------------------------------------------------

def refused_by_broker(site, user, action):
    channel = site.channel(user)
    with pytest.raises((pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker)) as caught:
        channel.confirm_delivery()
        action(channel)
    assert caught.value.reply_code == 403
    return True


PERSISTENT = pika.BasicProperties(delivery_mode=2)


@pytest.mark.parametrize("name", ["webhooks.ingest", "webhooks.dead", "webhooks.retry.10", "webhooks.delay.10"])
def test_the_gateways_user_can_neither_consume_nor_get_nor_purge(site, name):
    assert refused_by_broker(site, "sluice-gateway", lambda channel: channel.basic_get(name))
    assert refused_by_broker(site, "sluice-gateway", lambda channel: channel.basic_consume(name, print))
    assert refused_by_broker(site, "sluice-gateway", lambda channel: channel.queue_purge(name))


@pytest.mark.parametrize("exchange", ["", "amq.direct", "amq.topic", "webhooks.again", "webhooks.dead",
                                      "webhooks.retry.10"])
def test_the_gateways_user_can_publish_only_where_events_enter(site, exchange):
    assert refused_by_broker(site, "sluice-gateway",
                             lambda channel: channel.basic_publish(exchange, "webhooks.ingest", b"x", PERSISTENT))


@pytest.mark.parametrize("user", ["sluice-gateway", "sluice-worker", "sluice-listen", "sluice-monitor"])
def test_no_user_can_change_the_topology(site, user):
    for action in (lambda channel: channel.queue_declare("webhooks.mine"),
                   lambda channel: channel.queue_delete("webhooks.ingest"),
                   lambda channel: channel.exchange_declare("mine"),
                   lambda channel: channel.exchange_delete("webhooks"),
                   lambda channel: channel.queue_bind("webhooks.dead", "webhooks", "#"),
                   lambda channel: channel.queue_unbind("webhooks.ingest", "webhooks", "#")):
        assert refused_by_broker(site, user, action)


@pytest.mark.parametrize("exchange", ["", "webhooks", "webhooks.again", "webhooks.dead", "webhooks.delay.10"])
def test_the_workers_user_can_publish_only_retries(site, exchange):
    assert refused_by_broker(site, "sluice-worker",
                             lambda channel: channel.basic_publish(exchange, "webhooks.ingest", b"x", PERSISTENT))


@pytest.mark.parametrize("name", ["webhooks.dead", "webhooks.retry.10", "webhooks.delay.10"])
def test_the_workers_user_can_read_only_the_work(site, name):
    assert refused_by_broker(site, "sluice-worker", lambda channel: channel.basic_get(name))


@pytest.mark.parametrize("user", ["sluice-gateway", "sluice-worker", "sluice-listen"])
def test_no_user_may_use_the_management_api(servers, user):
    secret = servers.secret(user.replace("sluice", "broker"))
    with pytest.raises(Failure, match="401"):
        servers.broker.management("GET", "overview", user=user, password=secret)


def test_the_monitors_user_sees_the_queues_and_can_neither_read_nor_publish_nor_change_anything(servers, site):
    credentials = {"user": "sluice-monitor", "password": servers.secret("broker-monitor")}
    queue = wait_until(lambda: servers.broker.management("GET", "queues/sluice/webhooks.ingest", **credentials),
                       "the queue as the monitor's user sees it", 20, 0.2)
    assert queue["name"] == "webhooks.ingest" and queue["arguments"]["x-queue-type"] == "quorum"
    for method, path, body in (("PUT", "queues/sluice/webhooks.mine", {}), ("DELETE", "queues/sluice/webhooks.ingest", None),
                               ("DELETE", "queues/sluice/webhooks.ingest/contents", None),
                               ("POST", "queues/sluice/webhooks.ingest/get",
                                {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}),
                               ("PUT", "vhosts/mine", {}), ("PUT", "users/mine", {"password": "x", "tags": ""})):
        with pytest.raises(Failure, match="40[13]"):
            servers.broker.management(method, path, body, **credentials)
    assert refused_by_broker(site, "sluice-monitor", lambda channel: channel.basic_get("webhooks.ingest"))
    assert refused_by_broker(site, "sluice-monitor",
                             lambda channel: channel.basic_publish("webhooks", "default", b"x", PERSISTENT))


def test_the_monitors_user_is_optional_and_its_tag_is_kept(servers):
    nothing = {"SETUP_MONITOR_BROKER_PASSWORD_FILE": None}
    present = servers.broker.management("GET", "users/sluice-monitor")
    assert present["tags"] == ["monitoring"]
    try:
        servers.broker.management("PUT", "users/sluice-monitor", {
            "password_hash": present["password_hash"], "hashing_algorithm": present["hashing_algorithm"],
            "tags": "administrator"})
        assert 'differs broker user sluice-monitor, tags: is ["administrator"], should be monitoring' in servers.setup(
            "--check", **nothing).stdout
        assert "done   broker user sluice-monitor, tags" in servers.setup(**nothing).stdout
        assert servers.broker.management("GET", "users/sluice-monitor")["tags"] == ["monitoring"]
        servers.broker.management("DELETE", "users/sluice-monitor")
        done = servers.setup(**nothing)
        assert done.returncode == 0 and "user sluice-monitor" not in done.stdout
        assert servers.setup("--check", **nothing).returncode == 0
    finally:
        done = servers.setup()
    assert done.returncode == 0 and "done   broker user sluice-monitor" in done.stdout


FORBIDDEN_TO_BOTH = [
    "delete from webhooks_raw", "delete from webhooks_dead", "truncate webhooks_raw", "drop table webhooks_raw",
    "alter table webhooks_raw add column x int", "create table mine (x int)",
    "create schema mine", "create role mine", "select * from elsewhere", "select * from pg_authid",
    "alter role sluice_worker connection limit 1000", "create function f() returns int language sql as 'select 1'",
    "copy webhooks_raw to program 'true'", "drop view webhooks", "insert into sluice_migrations default values",
]


@pytest.fixture(scope="module")
def elsewhere(servers):
    servers.database.query("create table elsewhere (secret text)")
    yield
    servers.database.query("drop table elsewhere")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("role", ["sluice_worker", "sluice_reader"])
@pytest.mark.parametrize("statement", FORBIDDEN_TO_BOTH)
def test_neither_role_can_delete_create_or_read_other_tables(servers, role, statement):
    password = servers.secret({"sluice_worker": "database-worker", "sluice_reader": "database-reader"}[role])
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        servers.database.query(statement, user=role, password=password)


@pytest.mark.parametrize("statement", ["update webhooks_raw set path = ''", "insert into webhooks_dead default values",
                                       "select * from webhooks for update"])
def test_the_reader_only_reads(servers, statement):
    password = servers.secret("database-reader")
    assert servers.database.query("select count(*) from webhooks", user="sluice_reader", password=password) == [(0,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        servers.database.query(statement, user="sluice_reader", password=password)
