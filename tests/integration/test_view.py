# SPDX-License-Identifier: MIT
"""The view `webhooks` is readable whatever the senders have sent."""

import contextlib
import gzip
import json
import re

import psycopg2
import pytest

BOM = b"\xef\xbb\xbf"
NO_PAYLOAD = "neither a form nor JSON that jsonb can hold"


def payload(database, body):
    return database.query("select webhook_json(%s)", (psycopg2.Binary(body),))[0][0]


@pytest.fixture(name="read")
def fixture_read(site):
    """Returns a function that stores one body and returns the view's (payload, body_text, payload_error)."""
    def stored(body, content_type=None, coding=None):
        headers = {"content-type": content_type, "content-encoding": coding}
        site.database.query("delete from webhooks_raw")
        site.database.query("""insert into webhooks_raw (source, id, method, path, headers, content_type, body, received_at,
            first_received_at) values ('default', 'i', 'POST', '/', %s, %s, %s, now(), now())""",
                            (json.dumps({name: value for name, value in headers.items() if value is not None}),
                             content_type, psycopg2.Binary(body)))
        (*found, raw), = site.database.query("""select payload, body_text, payload_error, body
            from webhooks join webhooks_raw using (id, source)""")
        assert bytes(raw) == body
        return tuple(found)
    return stored


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
    (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    (b'\xef\xbb\xbfa=1', {"a": "1"}),
])
def test_json_and_forms_become_payload(servers, body, expected):
    assert payload(servers.database, body) == expected


@pytest.mark.parametrize("body", [
    b"", b"hello", b"{", b"a b=c", b"=a", b"a=b&", b"a=%00", b"a=%ff", b"<a>b=c</a>", b"\xff\xfe", b"\x00", b"{}\x00",
    b'\xef\xbb\xbf\xef\xbb\xbf{}', b'"\\u0000"', b'"\\ud800"', b"1e999", b'[-1e-400]', b"1e999999999", b"[1e100000]", b"[" * 100_000,
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


# --- BOM, charset, content coding ------------------------------------------------

@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain; charset=utf-8", "text/plain; charset=latin1"])
def test_one_bom_is_skipped_and_the_bytes_stay(read, content_type):
    assert read(BOM + '{"é":1}'.encode(), content_type) == ({"é": 1}, '{"é":1}', None)
    assert read(BOM + BOM + b"{}", content_type) == (None, "\ufeff{}", NO_PAYLOAD)


def test_a_bom_and_nothing_else_is_the_empty_text(read):
    assert read(BOM) == (None, "", NO_PAYLOAD)


CHARSETS = {  # by the name of Python's codec: a text, and names that senders use
    "latin-1": ("é£", ["iso-8859-1", "ISO-8859-1", '"iso-8859-1"', "latin1", "ISO_8859-1", "'iso-8859-1'"]),
    "windows-1252": ("€é“", ["windows-1252", "Windows-1252", '"WINDOWS-1252"', "cp1252"]),
    "windows-1250": ("Łódź", ["windows-1250"]),
    "windows-1251": ("привет", ["windows-1251"]),
    "windows-1253": ("γειά", ["windows-1253"]),
    "windows-1254": ("ışık", ["windows-1254"]),
    "windows-1255": ("שלום", ["windows-1255"]),
    "windows-1256": ("سلام", ["windows-1256"]),
    "windows-1257": ("ąžuolas", ["windows-1257"]),
    "windows-1258": ("€â", ["windows-1258"]),
    "iso-8859-2": ("Łódź", ["iso-8859-2", "latin2"]),
    "iso-8859-3": ("ĉaŭ", ["iso-8859-3"]),
    "iso-8859-4": ("āķ", ["iso-8859-4"]),
    "iso-8859-5": ("привет", ["iso-8859-5"]),
    "iso-8859-6": ("سلام", ["iso-8859-6"]),
    "iso-8859-7": ("γειά", ["iso-8859-7"]),
    "iso-8859-8": ("שלום", ["iso-8859-8", "iso-8859-8-i"]),
    "iso-8859-9": ("ışık", ["iso-8859-9", "latin5"]),
    "iso-8859-10": ("þŋ", ["iso-8859-10"]),
    "iso-8859-13": ("ąž", ["iso-8859-13"]),
    "iso-8859-14": ("ŵ", ["iso-8859-14"]),
    "iso-8859-15": ("€Œ", ["iso-8859-15", "latin-9"]),
    "iso-8859-16": ("ș€", ["iso-8859-16"]),
    "cp874": ("ไทย", ["windows-874", "tis-620", "iso-8859-11"]),
    "cp866": ("привет", ["ibm866", "cp866"]),
    "koi8-r": ("привет", ["koi8-r", "KOI8-R"]),
    "koi8-u": ("привіт", ["koi8-u"]),
    "cp932": ("表①日本ｶﾅ", ["shift_jis", "Shift_JIS", '"shift-jis"', "windows-31j", "x-sjis"]),
    "euc-jp": ("日本語", ["euc-jp", "EUC-JP"]),
    "cp949": ("한국똠", ["euc-kr", "ks_c_5601-1987"]),
    "gb18030": ("中文€😀", ["gb18030", "GB18030"]),
    "gbk": ("中文", ["gb2312", "gbk"]),
    "big5": ("中文", ["big5", "Big5"]),
    "utf-8": ("é😀", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"]),
}


@pytest.mark.parametrize(("codec", "text", "charset"), [
    (codec, text, charset) for codec, (text, charsets) in CHARSETS.items() for charset in charsets])
def test_a_body_in_a_declared_charset_is_text_and_payload(read, codec, text, charset):
    body = json.dumps({"t": text}, ensure_ascii=False)
    assert read(body.encode(codec), f"application/json; charset={charset}") == ({"t": text}, body, None)


def test_euc_tw_for_which_python_has_no_codec_is_decoded(read):
    assert read(b'"\xc4\xe3\xc5\xc6"', "application/json; charset=EUC-TW") == ("中文", '"中文"', None)


def test_every_charset_is_one_that_this_server_decodes(servers):
    """An encoding that has no conversion would make the view's columns null for each such body."""
    (definition,), = servers.database.query("select pg_get_functiondef('webhook_encoding(text)'::regprocedure)")
    encodings = {*re.findall(r"then '(\w{4,})'", definition), *(f"WIN125{n}" for n in range(9))}
    assert len(encodings) >= 30
    for encoding in encodings:
        assert servers.database.query(f"select convert_from('a', '{encoding}')") == [("a",)]


@pytest.mark.parametrize(("content_type", "text"), [
    ("text/plain;charset=windows-1252", "€"),
    ("text/plain ; CHARSET = windows-1252", "€"),
    ('text/plain; format=flowed; charset="windows-1252"; delsp=yes', "€"),
    ('text/plain; x="a; charset=koi8-r\\"; charset=koi8-r"; charset=windows-1252', "€"),
    ("text/plain; charset=windows-1252, text/html", "€"),
    ('text/plain; x="; charset=windows-1252"', None),
    ("text/plain; mycharset=windows-1252", None),
    ("text/plain; charset=", None),
    ('text/plain; charset="windows-1252', None),
    ("charset=windows-1252", None),
])
def test_the_charset_is_a_parameter_of_the_content_type(read, content_type, text):
    """\x80 is not UTF-8, which counts where no charset is declared."""
    assert read(b"\x80", content_type) == (None, text, NO_PAYLOAD if text else "not text in charset utf-8")


@pytest.mark.parametrize("content_type", [";" * 8000, ' ; charset="' * 700, 'a/b; x="' + '\\"' * 4000, "a/b" + '; x="a"' * 1000])
def test_a_long_content_type_costs_no_more_than_its_length(site, content_type):
    with contextlib.closing(site.database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("set statement_timeout = '2s'")
        cursor.execute("select webhook_charset(%s || ' charset=x')", (content_type,))
        assert cursor.rowcount == 1


def test_a_form_has_escapes_of_its_charset(read):
    form = "application/x-www-form-urlencoded"
    assert read(b"name=Ren%E9&a=1", f"{form}; charset=windows-1252") == ({"name": "René", "a": "1"}, "name=Ren%E9&a=1", None)
    assert read(b"t=%83A%95%5C", f"{form}; charset=Shift_JIS") == ({"t": "ア表"}, "t=%83A%95%5C", None)
    assert read(b"name=Ren%E9", form) == (None, "name=Ren%E9", NO_PAYLOAD)


@pytest.mark.parametrize(("charset", "body"), [
    ("utf-8", b'{"a":"\xe9"}'), ("us-ascii", b"\xff"), ("windows-1252", b'"\x81"'), ("shift_jis", b'"\x83"'),
    ("shift_jis", b'"\xfd\xfe"'), ("euc-jp", b"\xff"), ("gb18030", b"\xff\xff"), ("big5", b"\x80"), ("iso-8859-8", b"\xa1"),
    ("iso-8859-1", b"a\x00b"), ("utf-8", b"\x00"),
])
def test_bytes_that_the_charset_does_not_have_are_null_with_a_reason_and_no_error(read, charset, body):
    assert read(body, f"text/plain; charset={charset}") == (None, None, f"not text in charset {charset}")


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "utf-32", "iso-2022-jp", "macintosh", "x-nobody", "sql_ascii", "mule_internal"])
def test_a_charset_that_postgres_does_not_know_is_named(read, charset):
    reason = f"charset {charset.lower()} is unknown to Postgres"
    content_type = f"application/json; charset={charset}"
    assert read("é".encode("utf-16"), content_type) == (None, None, reason)
    assert read(b'"\x1b$B%F\x1b(B"', content_type) == (None, None, reason), "escapes of iso-2022-jp"
    assert read('"é"'.encode(), content_type) == (None, None, reason)
    assert read(b'{"a": 1}\n', content_type) == ({"a": 1}, '{"a": 1}\n', None), "ASCII is read"


@pytest.mark.parametrize(("coding", "named"), [
    ("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "x-gzip"), ("br", "br"), ("zstd", "zstd"), ("deflate, gzip", "deflate, gzip"),
    ("identity, gzip", "gzip"), ("deflate,\tidentity ,BR", "deflate, br"),
])
def test_an_encoded_body_is_neither_text_nor_payload_and_the_view_says_why(read, coding, named):
    assert read(gzip.compress(b'{"a":1}'), "application/json", coding) == (None, None, f"content-encoding {named}")
    assert read(gzip.compress(b"x" * 99), "text/plain; charset=latin1", coding) == (None, None, f"content-encoding {named}")


@pytest.mark.parametrize("coding", ["identity", "Identity", "identity, identity", "", " ", "utf-8", "UTF-8"])
def test_identity_is_no_encoding_and_neither_is_a_charset_in_its_place(read, coding):
    assert read(b'{"a":1}', "application/json", coding) == ({"a": 1}, '{"a":1}', None)


@pytest.mark.parametrize(("body", "reason"), [
    (b"{}", None), (b"null", None), (b"a=1", None), (b"", "empty"), (b"hello", NO_PAYLOAD), (b'{"a":', NO_PAYLOAD),
    (b'"\\u0000"', NO_PAYLOAD), (b"[1e999]", NO_PAYLOAD), (b"[" * 100_000, NO_PAYLOAD), (b"\xff", "not text in charset utf-8"),
], ids=lambda value: repr(value)[:20])
def test_a_payload_error_is_there_exactly_when_there_is_no_payload(read, body, reason):
    found = read(body)
    assert found[2] == reason
    assert (found[0] is None) == (reason is not None or body == b"null")


def test_names_of_senders_in_a_reason_are_cut(read):
    assert len(read(b"\xff", f"text/plain; charset={'x' * 5000}")[2]) < 150
    assert len(read(b"\xff", None, "x" * 5000)[2]) < 150


def test_a_body_that_came_with_its_headers_is_read_by_them(site):
    site.start_gateway()
    site.start_workers(1)
    packed = gzip.compress(b'{"a":1}', mtime=0)
    for event_id, body, headers in (
            ("bom", BOM + b'{"a":1}', {"content-type": "application/json"}),
            ("latin", "{\"a\":\"é\"}".encode("latin-1"), {"content-type": 'Text/JSON; Charset="ISO-8859-1"'}),
            ("packed", packed, {"content-type": "application/json", "content-encoding": "gzip"})):
        site.send_ok("POST", "/view", body, {"webhook-id": event_id, **headers})
    site.wait_count(3)
    found = {row[0]: row[1:] for row in site.database.query(
        "select id, payload, payload_error, body_bytes from webhooks", user="sluice_reader",
        password=site.servers.secret("database-reader"))}
    assert found == {"bom": ({"a": 1}, None, 10), "latin": ({"a": "é"}, None, 9),
                     "packed": (None, "content-encoding gzip", len(packed))}


# --- plans ----------------------------------------------------------------------

def test_an_index_on_the_expression_is_used_through_the_view_and_the_worker_may_still_write(site):
    database = site.database
    database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'i' || n, 'POST', '/', convert_to('{"action":"a' || mod(n, 1000) || '"}', 'UTF8'), now(), now()
          from generate_series(1, 20000) n""")
    database.query("create index webhooks_action on webhooks_raw"
                   " ((webhook_json(body, content_type, headers)->>'action'))")
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
        cursor.execute("select count(*), count(payload), count(body_text), count(payload_error) from webhooks")
        assert cursor.fetchall() == [(100000, 99900, 99900, 100)]
