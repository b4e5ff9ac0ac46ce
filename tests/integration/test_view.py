# SPDX-License-Identifier: MIT
"""The view `webhooks` is readable whatever the senders have sent."""

import contextlib

import psycopg2
import pytest


def payload(database, body):
    return database.query("select webhook_json(%s)", (psycopg2.Binary(body),))[0][0]


@pytest.mark.parametrize(("body", "expected"), [
    (b'{"action":"opened","n":[1,2.5,null]}', {"action": "opened", "n": [1, 2.5, None]}),
    (b' [1] ', [1]),
    (b'9007199254740993', 9007199254740993),
    (b'{"s":"1e999"}', {"s": "1e999"}),
    ('{"é":"\\u00e9"}'.encode(), {"é": "é"}),
    (b'a=1&b=x+y%20z%C3%A9&a=2', {"a": ["1", "2"], "b": "x y zé"}),
    (b'payload=%7B%22a%22%3A1%7D', {"payload": '{"a":1}'}),
    (b'a=&b=c=d', {"a": "", "b": "c=d"}),
    (b'a=%zz&b=%', {"a": "%zz", "b": "%"}),
])
def test_json_and_forms_become_payload(servers, body, expected):
    assert payload(servers.database, body) == expected


@pytest.mark.parametrize("body", [
    b"", b"hello", b"{", b"a b=c", b"=a", b"a=b&", b"a=%00", b"a=%ff", b"<a>b=c</a>", b"\xff\xfe", b"\x00", b"{}\x00",
    b'\xef\xbb\xbf{}', b'"\\u0000"', b'"\\ud800"', b"1e999", b'[-1e-400]', b"1e999999999", b"[1e100000]", b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000, b"NaN", b'{"a":\x80}',
], ids=lambda body: repr(body[:16]))
def test_what_jsonb_cannot_hold_is_null_and_no_error(servers, body):
    assert payload(servers.database, body) is None


def test_a_body_full_of_huge_numbers_does_not_end_the_query_that_reads_it(servers):
    body = b"[" + b"1e100000," * 110_000 + b"1]"
    assert payload(servers.database, body) is None


def test_body_text_is_null_where_the_body_is_no_text(servers):
    for body, text in ((b"h\xc3\xa9", "hé"), (b"", ""), (b"\xff", None), (b"a\x00b", None)):
        assert servers.database.query("select webhook_text(%s)", (psycopg2.Binary(body),))[0][0] == text


def test_an_index_on_the_expression_is_used_through_the_view_and_the_worker_may_still_write(site):
    database = site.database
    database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'i' || n, 'POST', '/', convert_to('{"action":"a' || mod(n, 1000) || '"}', 'UTF8'), now(), now()
          from generate_series(1, 20000) n""")
    database.query("create index webhooks_action on webhooks_raw ((webhook_json(body)->>'action'))")
    try:
        database.query("analyze webhooks_raw")
        plan = str(database.query("explain select id from webhooks where payload->>'action' = 'a7'"))
        assert "webhooks_action" in plan
        assert database.query("select count(*) from webhooks where payload->>'action' = 'a7'") == [(20,)]
        site.start_workers(1)
        site.publish("new", b'{"action":"new"}', 1_700_000_000_000_000)
        site.row("new")
        assert database.query("select id from webhooks where payload->>'action' = 'new'") == [("new",)]
    finally:
        database.query("drop index webhooks_action")


def test_a_table_large_enough_for_parallel_plans_is_read_through_the_view(site):
    """A function with an EXCEPTION block fails in a parallel worker; one bad body is enough."""
    database = site.database
    database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'i' || n, 'POST', '/',
               case when mod(n, 1000) = 0 then '\\xff00'::bytea
                    else convert_to('{"pad":"' || repeat('x', 200) || '"}', 'UTF8') end, now(), now()
          from generate_series(1, 100000) n""")
    database.query("analyze webhooks_raw")
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set parallel_setup_cost = 0")
        cursor.execute("set parallel_tuple_cost = 0")
        cursor.execute("set min_parallel_table_scan_size = 0")
        cursor.execute("set max_parallel_workers_per_gather = 4")
        cursor.execute("explain select count(*) from webhooks_raw where octet_length(body) > 3")
        assert "Parallel" in str(cursor.fetchall())
        cursor.execute("select count(*), count(payload), count(body_text) from webhooks")
        assert cursor.fetchall() == [(100000, 99900, 99900)]
