# SPDX-License-Identifier: MIT
"""`sluice setup --check` changes nothing and finds everything that differs from what setup makes."""

import json
import pathlib

import pytest

from test_setup import SCHEMA, broker_state

SQL = pathlib.Path(__file__).resolve().parents[2] / "sql"


def test_a_check_of_what_setup_has_made_finds_nothing_and_names_the_members(servers):
    done = servers.setup("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "differs" not in done.stdout
    assert "members of queue webhooks.ingest: sluice@localhost\n" in done.stdout
    assert servers.setup("--check", "--skip-broker-users").returncode == 0


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_as_json_each_line_is_an_object_that_says_the_same(servers):
    there = lines(servers.setup("--json"))
    assert {line["state"] for line in there} == {"there"} and {"state": "there", "object": "queue webhooks.ingest"} in there
    servers.database.query("alter role sluice_worker set lock_timeout = '1h'")
    differs = {"state": "differs", "object": "role sluice_worker, lock_timeout", "is": "1h", "should": "10s"}
    checked = servers.setup("--check", "--json")
    assert checked.returncode == 1 and differs in lines(checked)
    assert {"state": "members", "text": "of queue webhooks.ingest: sluice@localhost"} in lines(checked)
    assert {**differs, "state": "done"} in lines(servers.setup("--json"))
    assert lines(servers.setup("--check", "--json", "--skip-broker-users"))[-1]["state"] == "command"


@pytest.mark.parametrize(("statement", "difference"), [
    ("alter role sluice_worker set lock_timeout = '1h'", "role sluice_worker, lock_timeout: is 1h, should be 10s"),
    ("alter role sluice_worker reset synchronous_commit", "synchronous_commit: is none, should be on"),
    ("alter role sluice_reader nologin", "role sluice_reader, login: is false, should be true"),
    ("alter role sluice_reader password 'x'", "role sluice_reader, password: is another"),
    ("grant delete on webhooks_raw to sluice_worker", "right to delete on webhooks_raw: is given, should be none"),
    ("grant select on webhooks_dead to sluice_worker", "right to select on webhooks_dead: is given, should be none"),
    ("grant select on webhooks_dead to public", "role public, right to select on webhooks_dead: is given"),
    ("revoke insert on webhooks_dead from sluice_worker", "right to insert on webhooks_dead: is none"),
    ("revoke usage on schema sluice from sluice_reader", "right to usage on schema sluice: is none"),
    ("grant update (reason) on webhooks_dead to sluice_worker", "right to update on webhooks_dead.reason: is given"),
    ("alter role sluice_worker in database sluice set search_path = public",
     "role sluice_worker, search_path in this database: is public, should be none"),
])
def test_a_check_finds_what_was_changed_in_the_database_and_changes_nothing_and_setup_mends_it(
        servers, statement, difference):
    before = servers.database.query(SCHEMA)
    servers.database.query(statement)
    spoiled = servers.database.query(SCHEMA)
    done = servers.setup("--check")
    assert done.returncode == 1
    assert difference in done.stdout
    assert done.stdout.count("differs ") == 1
    assert servers.database.query(SCHEMA) == spoiled
    mended = servers.setup()
    assert mended.returncode == 0, mended.stderr
    assert mended.stdout.count("done ") == 1
    assert servers.database.query(SCHEMA) == before
    assert servers.setup("--check").returncode == 0


def test_a_check_compares_the_budget_that_is_told(servers):
    done = servers.setup("--check", DATABASE_BUDGET=6)
    assert done.returncode == 1
    assert "differs role sluice_worker, connection limit: is 20, should be 6\n" in done.stdout
    assert servers.setup("--check").returncode == 0


def test_a_check_finds_keys_that_compare_otherwise(servers):
    database = servers.database
    database.query("drop index webhooks_dead_once")
    try:
        done = servers.setup("--check")
        assert done.returncode == 1
        assert "index webhooks_dead_once: is missing" in done.stdout
    finally:
        database.query((SQL / "0005_dead_once.sql").read_text(encoding="utf-8").replace(
            "drop index webhooks_dead_once;", ""))
    database.query('alter table webhooks_dead alter source type text collate "und-x-icu"')
    try:
        done = servers.setup("--check")
        assert done.returncode == 1
        assert "collation of webhooks_dead.source: is und-x-icu, should be C" in done.stdout
    finally:
        database.query('alter table webhooks_dead alter source type text collate "C"')
    assert servers.setup("--check").returncode == 0


@pytest.mark.parametrize(("name", "definition"), [
    ("webhooks_raw_received_at", "webhooks_raw (received_at)"),
    ("webhooks_raw_source_received_at", "webhooks_raw (source, received_at)"),
    ("webhooks_dead_dead_at", "webhooks_dead (dead_at)")])
def test_a_check_finds_an_index_that_is_missing_or_another(servers, name, definition):
    for other, finding in ("select", "is missing"), (f"create index {name} on webhooks_raw (path)", "is btree (path)"):
        servers.database.query(f"drop index {name}")
        servers.database.query(other)
        done = servers.setup("--check")
        servers.database.query(f"drop index if exists {name}")
        servers.database.query(f"create index {name} on {definition}")
        assert done.returncode == 1
        assert f"index {name}: {finding}" in done.stdout
    assert servers.setup("--check").returncode == 0


def test_a_check_of_an_empty_database_names_the_migrations_and_makes_nothing(servers, site):
    site.database.query("drop schema sluice cascade")
    try:
        done = servers.setup("--check")
        assert done.returncode == 1
        assert "differs migration 0001_webhooks: is missing" in done.stdout
        assert site.database.query("select to_regnamespace('sluice')") == [(None,)]
    finally:
        assert servers.setup().returncode == 0


@pytest.mark.parametrize(("call", "difference"), [
    (("DELETE", "users/sluice-gateway"), "broker user sluice-gateway: is missing"),
    (("PUT", "users/sluice-worker", {"password": "x", "tags": "monitoring"}), "broker user sluice-worker, tags: is "),
    (("PUT", "permissions/sluice/sluice-worker", {"configure": ".*", "write": "^$", "read": "^$"}),
     'sluice-worker in vhost sluice, configure: is ".*", should be "^$"'),
    (("DELETE", "policies/sluice/sluice-dead"), "broker policy sluice-dead: is missing"),
    (("PUT", "policies/sluice/sluice", {"pattern": "^webhooks", "apply-to": "queues", "priority": 0,
                                        "definition": {"delivery-limit": 30}}),
     "broker policy sluice, priority: is 0, should be 100"),
    (("DELETE", "bindings/sluice/e/webhooks/q/webhooks.ingest/%23"),
     "binding of queue webhooks.ingest to webhooks by '#': is missing"),
    (("DELETE", "exchanges/sluice/webhooks.again"), "exchange webhooks.again: is missing"),
    (("DELETE", "queues/sluice/webhooks.retry.60"), "queue webhooks.retry.60: is missing"),
], ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "")
def test_a_check_finds_what_was_changed_on_the_broker_and_changes_nothing_and_setup_mends_it(servers, call, difference):
    before = broker_state(servers.broker)
    servers.broker.management(*call)
    spoiled = broker_state(servers.broker)
    done = servers.setup("--check")
    assert done.returncode == 1
    assert difference in done.stdout
    assert broker_state(servers.broker) == spoiled
    assert servers.setup(QUEUE_MAX_BYTES="1GiB").returncode == 0
    assert broker_state(servers.broker) == before
    done = servers.setup("--check")
    assert done.returncode == 0, done.stdout


def test_a_check_finds_a_queue_with_other_arguments(servers):
    broker = servers.broker
    broker.management("DELETE", "queues/sluice/webhooks.retry.60")
    broker.management("PUT", "queues/sluice/webhooks.retry.60", {
        "durable": True, "arguments": {"x-queue-type": "quorum", "x-message-ttl": 1}})
    try:
        done = servers.setup("--check")
        assert done.returncode == 1
        assert "differs queue webhooks.retry.60, arguments: is {" in done.stdout
        assert servers.setup().returncode != 0
    finally:
        broker.management("DELETE", "queues/sluice/webhooks.retry.60")
        assert servers.setup().returncode == 0
