# SPDX-License-Identifier: MIT
"""`sluice map` prints SQL that shows a source's events in typed columns, and that no later event can make fail."""

import contextlib
import datetime
import decimal
import json
import subprocess

import psycopg2.extensions
import pytest

from database import programs
from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970
EVENTS = ("insert into webhooks_raw (id, source, method, path, content_type, headers, body, received_at, first_received_at) "
          "values (%s, %s, 'POST', '/', 'application/json', %s, %s, now(), now())")


def store(site, events, source="github"):
    """events: [(id, headers, body)], as workers store them."""
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.executemany(EVENTS, [(event_id, source, json.dumps({name.lower(): headers[name] for name in headers}),
                                     body if isinstance(body, bytes) else body.encode())
                                    for event_id, headers, body in events])


def store_payloads(site, payloads, source="github"):
    store(site, [(f"e{number}", {}, json.dumps(payload) if isinstance(payload, (dict, list)) else payload)
                 for number, payload in enumerate(payloads)], source)


def run_map(site, *arguments, **more):
    return site.servers.command("map", "--source", "github", *arguments, **more)


def mapped(site, *arguments):
    done = run_map(site, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def columns(site, *arguments):
    return {column["name"]: column for column in mapped(site, *arguments)["columns"]}


@pytest.fixture(name="psql")
def fixture_psql(site):
    """Runs what was printed as a person does, and takes it away after the test."""
    def run(sql):
        done = subprocess.run([programs() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                               str(site.database.port), "-U", "sluice", "-d", "sluice"], input=sql, text=True, check=False,
                              capture_output=True, env={"PGPASSWORD": site.database.owner_password}, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    yield run
    site.database.query("""drop trigger if exists "t" on sluice.webhooks_raw; drop function if exists public.t();
        drop table if exists public.t; drop view if exists public.v, public.github_events;
        do $$ declare f record; begin
            for f in select indexrelid::regclass as name from pg_index
                     where indrelid = 'sluice.webhooks_raw'::regclass and indexprs is not null loop
                execute format('drop index %s', f.name);
            end loop;
            for f in select oid::regprocedure as name from pg_proc where proname like 'payload\\_%' loop
                execute format('drop function %s cascade', f.name);
            end loop;
        end $$""")


def rows(site, relation):
    """{id: {column: value}}, with JSON as text."""
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        psycopg2.extensions.register_type(psycopg2.extensions.new_type((3802,), "JSONB", lambda text, _: text), cursor)
        cursor.execute(f'select * from public."{relation}"')
        names = [column.name for column in cursor.description]
        return {row[names.index("id")]: dict(zip(names, row)) for row in cursor.fetchall()}


def exact(text):
    return json.loads(text, parse_float=decimal.Decimal)


def expected(payload, column):
    """The value of a column as Python reads it from the body."""
    value = payload
    for key in column["path"]:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return None
    kind = column["type"]
    if kind == "timestamptz":
        return datetime.datetime.fromisoformat(value)
    if kind == "numeric":
        return decimal.Decimal(value)
    if kind == "text" and not isinstance(value, str):
        return json.dumps(value) if isinstance(value, bool) else str(value)
    return value


def check(found, events, told):
    assert len(found) == len(events)
    compared = 0
    for event_id, _, body in events:
        for column in told["columns"]:
            value = found[event_id][column["name"]]
            if column["type"] == "jsonb" and value is not None:
                value = exact(value)
            wanted = expected(exact(body), column)
            assert (type(value), value) == (type(wanted), wanted) or isinstance(value, datetime.datetime), column
            assert value == wanted, (event_id, column)
            compared += value is not None
    assert compared > 5 * len(events)


def test_view_and_table_of_githubs_webhooks_have_the_values_of_the_bodies(site, psql, corpus):
    store(site, corpus)
    view, table = mapped(site, "--view", "v"), mapped(site, "--table", "t")
    assert view["columns"] == table["columns"]
    assert view["events"] == view["objects"] == len(corpus)
    psql(run_map(site, "--view", "v").stdout)
    psql(run_map(site, "--table", "t").stdout)
    site.database.query("update sluice.webhooks_raw set source = source where source = 'github'")
    check(rows(site, "v"), corpus, view)
    check(rows(site, "t"), corpus, view)
    for column in view["columns"]:
        values = [expected(exact(body), column) for _, _, body in corpus]
        assert column["seen"] - column["null"] == sum(value is not None for value in values), column
    site.note(f"{len(view['columns'])} columns, left out {view['left_out']}")


def test_each_type_has_its_column_and_what_was_seen_its_comment(site):
    uuid, when = "0f14d0ab-9605-4a62-a9e4-5ed26688389b", "2026-02-28T23:59:59.5+01:00"
    store_payloads(site, [
        '{"i":1,"big":8999999999999999999,"n":1,"huge":9000000000000000000,"b":true,"t":"%s","u":"%s","x":"a","null":null,'
        '"mix":1,"l":[1],"o":{"a":1},"in":{"a":{"b":{"c":1}}},"maybe":null,"either":"x","e":{}}' % (when, uuid),
        '{"i":-5,"n":1.50,"b":null,"t":"2026-02-28T00:00:00Z","x":"\\u00e4bc","mix":"2026-02-28T00:00:00Z","maybe":{"a":1},'
        '"either":{"a":1}}'])
    seen = columns(site)
    assert {name: seen[name]["type"] for name in seen} == {
        "i": "bigint", "big": "bigint", "n": "numeric", "huge": "numeric", "b": "boolean", "t": "timestamptz", "u": "uuid",
        "x": "text", "null": "text", "mix": "text", "l": "jsonb", "o_a": "bigint", "in_a": "jsonb", "maybe_a": "bigint",
        "either": "jsonb", "either_a": "bigint"}
    assert (seen["b"]["seen"], seen["b"]["null"], seen["x"]["longest"]) == (2, 1, 3)
    assert seen["mix"]["kinds"] == ["bigint", "timestamptz"]
    text = run_map(site).stdout
    assert """payload->>'x' as "x"  -- seen in 2 of 2, text, up to 3 characters""" in text
    assert """payload_boolean(payload->'b') as "b"  -- seen in 2 of 2, null in 1, boolean""" in text
    assert 'create view "github_events"' in text
    for depth, wanted in enumerate(("in", "in_a", "in_a_b", "in_a_b_c"), 1):
        found = columns(site, "--depth", str(depth))
        assert [name for name in found if name.startswith("in")] == [wanted]
        assert found[wanted]["type"] == ("bigint" if depth == 4 else "jsonb")


@pytest.mark.parametrize("text", [
    "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-01T24:00:01Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00", "2026-01-01",
    "2026-01-01T00:00:00+15:60", "2026-01-01T00:00:00+99:00", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n",
    "2026-01-01T00:00:00." + "0" * 200 + "Z", "2026-01-01 00:00:00 BC", "now", "infinity", "x" * 3000, "",
    "0F14D0AB-9605-4A62-A9E4-5ED26688389B", "{0f14d0ab-9605-4a62-a9e4-5ed26688389b}"])
def test_what_only_looks_like_a_time_or_a_uuid_is_text(site, text):
    store_payloads(site, [{"x": text}])
    assert columns(site)["x"]["type"] == "text"


def test_any_day_of_the_calendar_is_a_time(site, psql):
    days = ["2024-02-29", "2000-02-29", "2026-01-31", "2026-12-31", "1000-01-01", "9999-12-31"]
    store_payloads(site, [{"day": f"{day}T23:59:59.123456Z"} for day in days])
    psql(run_map(site, "--view", "v").stdout)
    found = site.database.query("select (day at time zone 'UTC')::text from public.v order by id")
    assert [day for day, in found] == [f"{day} 23:59:59.123456" for day in days]


ODD = [{}, {"a": 1}, [], [1, "x"], "text", "", "2026-02-30T00:00:00Z", "x" * 5000, True, False, None, 1, -1, 1.5, 1e300,
       9223372036854775807, 9223372036854775808, 10 ** 40, -10 ** 40, "12", "true", "NaN", "Infinity", "$$", "'", "\\"]


def test_values_of_another_type_later_are_null_and_never_keep_an_event_from_being_stored(site, psql):
    payload = {"i": 1, "n": 1.5, "b": True, "t": "2026-02-28T00:00:00Z", "u": "0f14d0ab-9605-4a62-a9e4-5ed26688389b", "x": "a",
               "l": [], "o": {"some_id": "k", "when": "2026-02-28T00:00:00Z"}, "key_id": "short"}
    store_payloads(site, [payload])
    for kind in ("--view", "v"), ("--table", "t"):
        sql = run_map(site, *kind).stdout
        psql(sql)
        suggested = [line[3:] for line in sql.splitlines() if line.startswith(("-- create index", "-- grant"))]
        assert len(suggested) == 6 + (kind[1] == "t"), sql
        for line in suggested:
            psql(line)
    site.start_workers(1)
    later = [dict.fromkeys(payload, odd) for odd in ODD]
    later += [{"o": dict.fromkeys(payload["o"], odd)} for odd in ODD]
    bodies = [json.dumps(one) for one in later] + ["not json", "", "[1]", '"x"', "null", '{"n":1e100000}', '{"a":"\\u0000"}']
    site.publish_each([(f"later{number}", body.encode(), T, {"sluice-source": "github"})
                       for number, body in enumerate(bodies)])
    wait_until(lambda: site.count() + site.count("webhooks_dead") == 1 + len(bodies), site.tails, 30)
    assert site.count("webhooks_dead") == 0, site.database.query("select reason from webhooks_dead")
    views, table = rows(site, "v"), rows(site, "t")
    assert len(views) == 1 + len(bodies) and {one: views[one] for one in table} == table and len(table) == len(bodies)
    types = {"i": int, "n": decimal.Decimal, "b": bool, "t": datetime.datetime, "x": str}
    for number, odd in enumerate(ODD):
        row = table[f"later{number}"]
        assert {name: row[name] for name in ("t", "u")} == {"t": None, "u": None}
        assert row["b"] is (odd if isinstance(odd, bool) else None)
        number = odd if isinstance(odd, (int, float)) and not isinstance(odd, bool) else None
        assert row["n"] == (None if number is None else decimal.Decimal(json.dumps(number)))
        assert row["i"] == (number if isinstance(number, int) and abs(number) < 9 * 10 ** 18 else None)
        assert all(row[name] is None or isinstance(row[name], types[name]) for name in types)
    assert (table["later4"]["x"], table["later4"]["o_some_id"]) == ("text", None)
    # Its replacement, and its repetition, make one row.
    site.publish("later4", b'{"x":"newer"}', T + 1, **{"sluice-source": "github"})
    wait_until(lambda: rows(site, "t")["later4"]["x"] == "newer", "the newer row")
    assert len(rows(site, "t")) == len(bodies)


def test_any_column_can_be_deleted_with_its_lines(site, psql):
    store_payloads(site, [{"a": 1, "b": "x", "c": 2.5}])
    for kind in ("--view", "v"), ("--table", "t"):
        text = run_map(site, *kind).stdout
        for gone in "a", "b", "c":
            lines = [line for line in text.splitlines() if f'"{gone}"' not in line and f"payload->'{gone}'" not in line
                     and f"payload->>'{gone}'" not in line]
            psql("\n".join([*lines[:lines.index("commit;")], "rollback;"]))


def test_numbers_beyond_double_stay_exact(site, psql):
    body = '{"i":9007199254740993,"n":123456789012345678901234567890.123456789,"small":0.1000,"l":[9007199254740993]}'
    store(site, [("e1", {}, body)])
    for kind in ("--view", "v"), ("--table", "t"):
        psql(run_map(site, *kind).stdout)
        site.database.query("update webhooks_raw set source = source")
        row = rows(site, kind[1])["e1"]
        assert row["i"] == 9007199254740993
        assert str(row["n"]) == "123456789012345678901234567890.123456789"
        assert str(row["small"]) == "0.1000"
        assert row["l"] == "[9007199254740993]"


HOSTILE = ["a\nb", "a\rb", "a'b", 'a"b', "a\\b", "$$", "a$function$b", "-- a", "/*", "*/", "'; drop table t; --", "\\'; x", ":v",
           "\\q", "%s", "k" * 200, "k" * 199 + "l", "k" * 255, "ключ", "名前", "\U0001f600", "\u202e", "\u2028", "\x7f", "\x1b[2J",
           "\x01", "", "_", "__", " ", "a b", "a-b", "a_b", "A_B", "aB", "id", "ID", "source", "received_at", "payload",
           "payload_id", "xmin", "ctid", "select", "new", "0", "-1", "{}", "a,b"]


def test_no_key_of_a_sender_breaks_out_of_the_sql(site, psql):
    payload = {key: key + "!" for key in HOSTILE}
    payload |= {"deep" + key: {key: {key: key + "?"}} for key in HOSTILE}
    payload |= {"k" * 256: 1, "e" * 128 + "é" * 64: 1}
    store_payloads(site, [payload])
    told = mapped(site, "--view", "v", "--depth", "3")
    names = [column["name"] for column in told["columns"]]
    assert len(names) == len(set(names)) == 2 * len(HOSTILE) - 1  # deepkkk... has 259 bytes
    assert all(0 < len(name) <= 63 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for name in names)
    assert told["left_out"]["values"] == 3
    for kind in ("--view", "v"), ("--table", "t"):
        sql = run_map(site, *kind, "--depth", "3").stdout
        assert sql.isascii() and all(" " <= char <= "~" or char == "\n" for char in sql)
        assert sql.count("$$") == (2 if kind[1] == "t" else 0)
        psql(sql)
    site.database.query("update webhooks_raw set source = source")
    for relation in ("v", "t"):
        row = rows(site, relation)["e0"]
        for column in told["columns"]:
            assert row[column["name"]] == expected(payload, column), column


def test_a_source_may_be_named_anything(site, psql):
    name = "o'dd\n$$ -- \"x"
    store_payloads(site, [{"x": 1}], name)
    for kind in ("--view", "v"), ("--table", "t"):
        psql(site.servers.command("map", "--source", name, *kind).stdout)
    site.database.query("update webhooks_raw set source = source")
    assert rows(site, "v") == rows(site, "t") and rows(site, "v")["e0"]["x"] == 1
    assert 'view "o_dd________x_events"' in site.servers.command("map", "--source", name).stdout


def test_only_the_newest_events_of_the_source_are_read(site, plans):
    site.insert(20_000, source="'github'", body="""convert_to('{"n' || n || '":1,"all":1}', 'UTF8')""")
    site.insert(5, source="'other'", id="'o' || n", body="""'{"other":1}'""")
    site.database.query("analyze webhooks_raw")  # a planner without statistics may prefer to read a small table wholly
    before = len(plans())
    told = mapped(site, "--limit", "3")
    assert {column["name"]: column["seen"] for column in told["columns"]} == {"n20000": 1, "n19999": 1, "n19998": 1, "all": 3}
    assert (told["events"], told["from"], told["to"]) == (3, "2025-11-23T12:13:20.019998Z", "2025-11-23T12:13:20.020000Z")
    wait_until(lambda: plans()[before:].count("webhook_json(") >= 3, "the plans in the server's log")
    assert "Seq Scan on webhooks_raw" not in plans()[before:]
    done = run_map(site, "--since", "2h")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no event of the source github is stored since then" in done.stderr
    store_payloads(site, [{"new": 1}])
    assert list(columns(site, "--since", "2h")) == ["new"]


def test_what_is_too_much_is_left_out_and_told(site):
    site.insert(1100, source="'github'", body="""convert_to((select json_object_agg('k' || n || '_' || i, 1)
        from generate_series(1, 6) i)::text, 'UTF8')""")
    site.insert(3, source="'github'", id="'usual' || n", body="""'{"usual":1,"c":2}'""",
                received_at="now() - n * interval '1 s'")
    site.insert(1, source="'github'", id="'wide'", received_at="now()", body="""convert_to((
        select json_object_agg('w' || i, 1) from generate_series(1, 4990) i)::text, 'UTF8')""")
    site.insert(1, source="'github'", id="'wider'", received_at="now() - interval '1 min'", body="""convert_to((
        select json_object_agg('w' || i, 1) from generate_series(1, 5001) i)::text, 'UTF8')""")
    site.insert(1, source="'github'", id="'plain'", received_at="now()", body="'no json'")
    told = mapped(site)
    assert len(told["columns"]) == 300 and {"usual", "c"} <= {column["name"] for column in told["columns"]}
    assert (told["events"], told["objects"]) == (1000, 999)
    # Newest first: `wide` has 4,990 paths, the usual ones 2, `wider` 8 more until there are 5,000; 2 too many. The other
    # 994 events have 6 each.
    assert told["left_out"] == {"paths": 4700, "values": 2 + 994 * 6, "parts_of_events": 1, "slow_events": 0,
                                "unread_events": 0, "expired_events": 0}
    text = run_map(site).stdout
    for line in ("-- Without a payload that is a JSON object, so that all its columns are null: 1.",
                 "-- Left out, paths of the fewest events, for at most 300 columns: 4700; --depth 1 makes fewer.",
                 "-- Left out, values at paths beyond the first 5000: 5966.",
                 "-- Left out, the deepest members of events that have more than 5000: 1 events."):
        assert line in text.splitlines(), text[:3000]


def test_events_that_take_too_long_are_left_out_and_told(site):
    name = "sluice.webhook_json(bytea, text, jsonb)"
    (before,), = site.database.query(f"select pg_get_functiondef('{name}'::regprocedure)")
    store_payloads(site, [{"quick": 1}])
    site.insert(7, source="'github'", body="""'{"slow":1}'""")
    site.database.query("""create or replace function sluice.webhook_json(body bytea, content_type text, headers jsonb)
        returns jsonb language plpgsql immutable parallel unsafe as $$
        begin
            perform pg_sleep(6) where body = '{"slow":1}';
            return sluice.webhook_document(sluice.webhook_text(body, content_type, headers), content_type);
        end $$""")
    try:
        text = run_map(site).stdout.splitlines()
    finally:
        site.database.query(before)
    assert "-- sluice map, from the newest 1 events of 'github'," in text
    assert "-- Left out, events whose payload takes more than 5 s: 4." in text
    assert "-- Left out, events for which no time was left: 3; --limit reads fewer." in text


def test_a_table_of_as_many_columns_as_there_may_be_holds_any_row(site, psql):
    store_payloads(site, [{f"c{number}": "x" for number in range(350)}])
    psql(run_map(site, "--table", "t").stdout)
    store(site, [(("i" * 255), {}, json.dumps({f"c{number}": chr(65 + number % 26) * length for number in range(350)}))
                 for length in (24,)])
    store(site, [(f"r{length}", {}, json.dumps({f"c{number}": "y" * length for number in range(350)}))
                 for length in (1, 23, 25, 127, 3000)])
    assert len(rows(site, "t")) == 6


def test_there_is_an_answer_only_where_there_are_samples(site):
    done = run_map(site)
    assert (done.returncode, done.stdout) == (1, "") and "no event of the source github is stored" in done.stderr
    store_payloads(site, ["no json", [1], '"x"', "null"])
    done = run_map(site)
    assert (done.returncode, done.stdout) == (1, "")
    assert "none of the newest 4 events of the source github has a payload that is a JSON object" in done.stderr


@pytest.mark.parametrize("arguments", [
    [], ["--source", "s", "--view", "v", "--table", "t"], ["--source", "s", "--since", "yesterday"],
    ["--source", "s", "--view", ""], ["--source", "s", "--table", "a b"], ["--source", "s", "--table", "t" * 64],
    ["--source", "s", "--limit", "0"], ["--source", "s", "--limit", "10001"], ["--source", "s", "--depth", "0"],
    ["--source", "s", "--depth", "17"], ["--source", "s", "more"]])
def test_options_that_do_not_fit_are_refused_before_anything_is_asked(servers, arguments):
    done = servers.command("map", *arguments, DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice")
    assert (done.returncode, done.stdout) == (64, ""), done.stderr


def test_a_place_of_the_budget_is_never_taken(site):
    assert run_map(site, DATABASE_URL=site.database.url("sluice_worker")).returncode == 78
