# SPDX-License-Identifier: MIT
"""Receiving over HTTP: which requests become events, byte for byte, and which are refused."""

import email.utils
import hashlib
import itertools
import re
import time

import pytest

from process import wait_until
from wire import Wire, encode

pytestmark = pytest.mark.gateway

MAX_BODY = 1 << 20
UUID_V7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
_numbers = itertools.count(1)


def fresh_id():
    return f"receive-{next(_numbers)}"


def raw(site, data):
    """Sends raw bytes; returns the Reply, and whether the gateway then closed the connection."""
    with Wire(site.gateway.port) as wire:
        wire.send(data)
        reply = wire.reply()
        return reply, reply.headers.get("connection", "").lower() == "close" and wire.closed()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_makes_an_event(shared_site, method):
    event_id = fresh_id()
    body = b"" if method in ("GET", "HEAD", "OPTIONS") else b"some body"
    reply = shared_site.send(method, "/hooks/in", body, {"webhook-id": event_id})
    assert reply.status == 200
    row = shared_site.row(event_id)
    assert (row.method, row.path, row.body) == (method, "/hooks/in", body)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_any_other_method_is_refused(shared_site, method):
    assert shared_site.send(method, "/hooks").status == 501


@pytest.mark.parametrize("target", [
    "/", "/hello", "/a/b/c.json", "/a%20b/%2F/%00/%zz", "//double//slashes/", "/a/./b/../c", "/?", "/q?a=1&b=%26&a=2",
    "/q?", "/q?x=?y&z=/../", "/semi;colon,comma'quote\"", "/health", "/ready", "/metrics", "/.htpasswd",
    "/x" + "y" * 4000, "/q?" + "z" * 4000,
])
def test_path_and_query_are_kept_as_they_came(shared_site, target):
    event_id = fresh_id()
    assert shared_site.send("POST", target, b"x", {"webhook-id": event_id}).status == 200
    row = shared_site.row(event_id)
    path, _, query = target.partition("?")
    assert (row.path, row.query) == (path, query)


@pytest.mark.parametrize("target", ["/caf\xe9", "/a\x7f", "/tab\there", "/x?q=\xff"])
def test_a_target_with_bytes_that_no_url_has_is_refused(shared_site, target):
    assert shared_site.send("POST", target, b"x").status == 400


def test_a_target_that_is_far_too_long_is_refused(shared_site):
    assert shared_site.send("POST", "/" + "x" * 40_000, b"x").status == 414
    assert shared_site.send("POST", "/" + "x" * 60_000, b"x").status == 414


BODIES = {
    "empty": b"",
    "one NUL": b"\x00",
    "every byte": bytes(range(256)) * 3,
    "not UTF-8": b"\xff\xfe\x80abc\xc3",
    "a BOM": b"\xef\xbb\xbf{}",
    "lone surrogates": b'{"a":"\\ud800"}',
    "numbers that doubles lose": b'{"a":9007199254740993,"b":1e999}',
    "depth": b"[" * 20_000,
    "line ends": b"\r\n\r\n0\r\n\r\n",
    "one frame exactly": b"f" * 131_064,
    "one frame and a byte": b"f" * 131_065,
    "two frames exactly": b"f" * 262_128,
}


@pytest.mark.parametrize("name", BODIES)
def test_any_body_is_stored_byte_for_byte(shared_site, name):
    event_id = fresh_id()
    reply = shared_site.send("POST", "/body", BODIES[name], {"webhook-id": event_id})
    assert reply.status == 200
    assert reply.seconds < 2
    assert shared_site.row(event_id).body == BODIES[name]


def test_a_request_with_no_length_at_all_has_an_empty_body(shared_site):
    event_id = fresh_id()
    assert shared_site.send("POST", "/nothing", b"", {"webhook-id": event_id}, length=False).status == 200
    assert shared_site.row(event_id).body == b""


def chunked(body, size):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(("length", "size"), [(0, 1), (10, 1), (10, 7), (70_000, 1000), (MAX_BODY, 65_536)])
def test_a_chunked_body_is_put_together(shared_site, length, size):
    event_id = fresh_id()
    body = bytes(number % 251 for number in range(length))
    head = encode("POST", "/chunked", b"", {"webhook-id": event_id, "Transfer-Encoding": "chunked"}, length=False)
    reply, _ = raw(shared_site, head + chunked(body, size))
    assert reply.status == 200
    assert shared_site.row(event_id).body == body


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(shared_site):
    event_id = fresh_id()
    body = b"b" * MAX_BODY
    assert shared_site.send("POST", "/max", body, {"webhook-id": event_id}).status == 200
    assert shared_site.row(event_id).body == body
    refused = fresh_id()
    reply = shared_site.send("POST", "/max", b"", {"webhook-id": refused, "Content-Length": MAX_BODY + 1}, length=False)
    assert reply.status == 413
    head = encode("POST", "/max", b"", {"webhook-id": refused, "Transfer-Encoding": "chunked"}, length=False)
    reply, _ = raw(shared_site, head + chunked(body + b"b", 1 << 19))
    assert reply.status == 413
    assert not shared_site.lines("queued", refused)


def test_expect_continue_is_answered_without_a_wait(shared_site):
    with Wire(shared_site.gateway.port) as wire:
        begun = time.monotonic()
        wire.send(encode("POST", "/expect", b"", {"webhook-id": fresh_id(), "Expect": "100-continue",
                                                  "Content-Length": 5}, length=False))
        status, _ = wire.head()
        waited = time.monotonic() - begun
        assert status == 100
        assert waited < 0.5
        wire.send(b"12345")
        assert wire.reply().status == 200


def test_a_refused_request_whose_body_has_arrived_is_closed_at_once(shared_site):
    """Otherwise refused senders would hold threads for a second each."""
    for number in range(20):
        with Wire(shared_site.gateway.port) as wire:
            begun = time.monotonic()
            wire.send(encode("POST", "/refused", b"x" * 20_000, {"Expect": f"a miracle {number}"}))
            assert wire.reply().status == 417
            assert wire.closed()
            assert time.monotonic() - begun < 0.9, "it waited for more of a body that was complete"


def test_another_expectation_is_refused(shared_site):
    assert shared_site.send(body=b"x", headers={"Expect": "a miracle"}).status == 417


@pytest.mark.parametrize("framing", [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: +5",
    "Content-Length: 5abc",
    "Content-Length: 0x5",
    "Content-Length: -5",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
])
def test_doubtful_framing_is_refused_and_the_connection_closed(shared_site, framing):
    event_id = fresh_id()
    reply, closed = raw(shared_site, f"POST / HTTP/1.1\r\nHost: x\r\nwebhook-id: {event_id}\r\n{framing}\r\n\r\n"
                        "5\r\nhello\r\n0\r\n\r\n".encode())
    assert reply.status in (400, 413, 501)
    assert closed
    assert not shared_site.lines("queued", event_id)


def test_one_line_end_before_a_request_does_no_harm(shared_site):
    event_id = fresh_id()
    reply, _ = raw(shared_site, f"\r\nPOST / HTTP/1.1\r\nHost: x\r\nwebhook-id: {event_id}\r\n"
                                 "Content-Length: 5\r\n\r\nhello".encode())
    assert reply.status == 200
    assert shared_site.row(event_id).body == b"hello"


@pytest.mark.parametrize("length", ["Content-Length: 2", "Transfer-Encoding: chunked", "Content-Length: 0", "X-None: 0"])
@pytest.mark.parametrize("end", ["\n\n\r\0", "\n\n", "\r\n\n", "\n\r\n", "\rb\r\n\r\n"],
                         ids=["LF LF CR NUL", "LF LF", "CR LF LF", "LF CR LF", "a CR in a value"])
def test_a_head_that_others_end_elsewhere_hides_no_request(shared_site, end, length):
    """Civetweb ends a head at two LFs. A proxy that takes LFs for a part of the value ends it at the next empty line, so
    that the hidden request is one for the gateway only."""
    visible, hidden = fresh_id(), fresh_id()
    reply, closed = raw(shared_site, f"POST / HTTP/1.1\r\nHost: x\r\nwebhook-id: {visible}\r\n{length}\r\nX: a{end}"
                                     f"GET /hidden HTTP/1.1\r\nHost: x\r\nwebhook-id: {hidden}\r\n\r\n".encode())
    assert reply.status == 400
    assert closed
    after = fresh_id()
    shared_site.send_ok(headers={"webhook-id": after})
    shared_site.row(after)
    assert not shared_site.rows("id = any(%s)", ([visible, hidden],))


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\n", b"\r\n\r\n"], ids=["LF", "CR LF LF", "CR LF"])
def test_a_head_that_fills_the_servers_memory_for_heads_to_its_last_byte_is_read_no_further(shared_site, end):
    size = (16 + 16 + 16) * 1024  # GATEWAY_MAX_HEADER_BYTES, the longest target, and the slack of civetweb's buffer
    head = b"GET /full HTTP/1.1\r\nHost: x\r\nX:"
    reply, _ = raw(shared_site, head + b"y".rjust(size - len(head) - len(end)) + end)
    assert reply.status == (200 if end == b"\r\n\r\n" else 400)


def test_a_body_that_stops_short_is_no_event(shared_site):
    event_id = fresh_id()
    with Wire(shared_site.gateway.port) as wire:
        wire.send(encode("POST", "/short", b"abc", {"webhook-id": event_id, "Content-Length": 10}, length=False))
        wire.socket.shutdown(1)
        try:
            assert 400 <= wire.reply().status < 500
        except ConnectionResetError:
            pass  # no reply is fine too
    after = fresh_id()
    shared_site.send_ok(headers={"webhook-id": after})
    shared_site.row(after)
    assert not shared_site.rows("id = %s", (event_id,))


def test_more_headers_than_there_is_room_for_are_refused_not_lost(shared_site):
    few = [(f"x-{number}", "v") for number in range(50)]
    many = [(f"x-{number}", "v") for number in range(70)]
    event_id = fresh_id()
    assert shared_site.send(headers=[("webhook-id", event_id), *few]).status == 200
    assert {f"x-{number}" for number in range(50)} <= shared_site.row(event_id).headers.keys()
    assert shared_site.send(headers=many).status == 431
    assert shared_site.send(headers={"x-large": "v" * 17_000}).status == 431


def test_headers_are_kept_but_for_those_that_hold_secrets(shared_site):
    event_id = fresh_id()
    shared_site.send_ok("POST", "/headers", b"{}", [
        ("webhook-id", event_id), ("X-GitHub-Event", "push"), ("X-Twice", "one"), ("x-twice", "two"),
        ("X-Latin", "caf\xe9"), ("Authorization", "Bearer m1"), ("Cookie", "m2"), ("Proxy-Authorization", "m3"),
        ("X-Api-Key", "m4"), ("X-My-Token", "m5"), ("X-Hub-Signature-256", "m6"), ("Some-Password", "m7"),
        ("Client-Secret", "m8"), ("Connection", "keep-alive"), ("Content-Type", "application/json")])
    row = shared_site.row(event_id)
    assert row.headers["x-github-event"] == "push"
    assert row.headers["x-twice"] == "one, two"
    assert row.headers["x-latin"] == "caf\xe9"
    assert row.content_type == "application/json"
    assert not [value for value in row.headers.values() if re.fullmatch(r"(Bearer )?m\d", value)]
    assert "connection" not in row.headers


def test_the_reply_says_the_id_and_that_it_is_queued(shared_site):
    event_id = fresh_id()
    reply = shared_site.send(body=b"{}", headers={"webhook-id": event_id})
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json() == {"id": event_id, "status": "queued"}
    assert abs(email.utils.parsedate_to_datetime(reply.headers["date"]).timestamp() - time.time()) < 60


def test_every_reply_says_its_exact_length_so_that_two_requests_fit_one_connection(shared_site):
    first, second, third = fresh_id(), fresh_id(), fresh_id()
    with Wire(shared_site.gateway.port) as wire:
        wire.send(encode("POST", "/one", b"1", {"webhook-id": first}) +
                  encode("POST", "/two", b"22", {"webhook-id": second}))
        replies = [wire.reply(), wire.reply()]
        wire.send(encode("HEAD", "/three", b"", {"webhook-id": third}) + encode("GET", "/four"))
        assert wire.reply("HEAD").status == 200
        assert wire.reply().status == 200
        assert wire.buffer == b""
    assert [reply.json()["id"] for reply in replies] == [first, second]
    assert (shared_site.row(first).body, shared_site.row(second).body) == (b"1", b"22")


def test_the_id_is_webhook_id_then_idempotency_key_then_fresh(shared_site):
    one, two = fresh_id(), fresh_id()
    assert shared_site.send_ok(headers={"Idempotency-Key": two, "webhook-id": one}) == one
    assert shared_site.send_ok(headers={"Idempotency-Key": two}) == two
    fresh = [shared_site.send_ok() for _ in range(3)]
    assert len(set(fresh)) == 3
    assert all(UUID_V7.match(event_id) for event_id in fresh)
    assert sorted(fresh) == fresh


def test_an_id_longer_than_255_bytes_becomes_its_hash(shared_site):
    exact, longer = "i" * 255, "i" * 256
    assert shared_site.send_ok(headers={"webhook-id": exact}) == exact
    digest = hashlib.sha256(longer.encode()).hexdigest()
    assert shared_site.send_ok(headers={"webhook-id": longer}) == f"sha256:{digest}"
    assert shared_site.row(exact).id == exact


@pytest.mark.parametrize("event_id", ["two words", "caf\xe9"])
def test_an_id_with_bytes_that_dont_print_becomes_its_hash(shared_site, event_id):
    digest = hashlib.sha256(event_id.encode("latin-1")).hexdigest()
    assert shared_site.send_ok(body=b"1", headers={"webhook-id": event_id}) == f"sha256:{digest}"
    assert shared_site.send_ok(body=b"2", headers={"webhook-id": event_id}) == f"sha256:{digest}"
    wait_until(lambda: shared_site.row(f"sha256:{digest}").body == b"2", lambda: "the second arrival")


def test_a_header_with_a_control_character_is_refused(shared_site):
    assert shared_site.send(headers={"webhook-id": "\x01"}).status == 400


def test_a_websocket_upgrade_is_an_event_too(shared_site):
    event_id = fresh_id()
    reply = shared_site.send("GET", "/ws", b"", {
        "webhook-id": event_id, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "c2x1aWNlIHNsdWljZSBzbA=="}, length=False)
    assert reply.status == 200
    assert shared_site.row(event_id).path == "/ws"


def test_never_an_answer_of_the_3xx_class_nor_410(shared_site):
    for target in ("/dir", "/dir/", "/index.html", "/..%2f..%2fetc/passwd", "/cgi-bin/x.cgi", "/a.shtml"):
        reply = shared_site.send("GET", target)
        assert reply.status == 200, target


def test_the_admin_listener_tells_health_readiness_and_metrics(shared_site):
    gateway = shared_site.gateway
    assert gateway.admin("/health")[0] == 200
    assert gateway.admin("/ready")[0] == 200
    assert gateway.admin("/elsewhere")[0] == 404
    before = sum(value for name, value in gateway.metrics().items() if name.startswith("sluice_gateway_"))
    shared_site.send_ok()
    assert sum(value for name, value in gateway.metrics().items() if name.startswith("sluice_gateway_")) > before


def test_a_sender_cannot_forge_a_log_line(shared_site):
    event_id = fresh_id()
    shared_site.send_ok("POST", '/x"y=z', b"", {"webhook-id": f'{event_id}"level=error'})
    assert not [line for line in shared_site.gateway.lines() if line["level"] == "error"]
