# SPDX-License-Identifier: MIT
"""What RFC 9110 and RFC 9112 demand of a server, as a table: every request gets a true reply, a count and, where it is
refused, a line. The same table goes through HAProxy, which may refuse more, but lets nothing through that is refused
here."""

import collections
import contextlib
import socket
import ssl
import struct
import threading
import time

import pytest

from balancer import HAProxy
from process import wait_until
from wire import Wire, encode, request

pytestmark = pytest.mark.gateway

# where: the section of the RFC. data: what is sent. status: of the reply. path: of the event, when there is one; HEAD and
# OPTIONS * have none to compare.
Case = collections.namedtuple("Case", "where what data status path", defaults=(None,))
H = b"Host: localhost\r\n"


def get(target, path=None, status=200):
    return b"GET " + target + b" HTTP/1.1\r\n" + H + b"\r\n", status, path


def field(line, status):
    return b"POST /field HTTP/1.1\r\n" + H + line + b"Content-Length: 2\r\n\r\nok", status, "/field" if status == 200 else None


def host(value, status=400):
    return b"GET /host HTTP/1.1\r\nHost: " + value + b"\r\n\r\n", status, "/host" if status == 200 else None


def framing(lines, body, status):
    return b"POST /framing HTTP/1.1\r\n" + H + lines + b"\r\n" + body, status, "/framing" if status == 200 else None


CASES = [Case(where, what, *rest) for where, what, rest in (
    # --- 9112, 2: messages
    ("9112 2.2", "empty lines before a request line are ignored", (b"\r\n\r\n" + get(b"/empty")[0], 200, "/empty")),
    ("9112 2.2", "a bare CR in a header", field(b"X: a\rb\r\n", 400)),
    ("9112 2.2", "a bare CR in the request line", (b"GET /\r HTTP/1.1\r\n" + H + b"\r\n", 400)),
    ("9112 2.2", "a line that ends in LF", (b"GET / HTTP/1.1\r\nHost: localhost\n\r\n", 400)),
    ("9112 2.2", "a blank before the first header", (b"GET / HTTP/1.1\r\n " + H + b"\r\n", 400)),
    ("9112 2.2", "no HTTP at all", (b"hello\r\n\r\n", 400)),
    ("9112 2.2", "a TLS handshake on a plain port", (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400)),
    ("9112 2.3", "a later minor version is served as 1.1", (b"GET /v HTTP/1.2\r\n" + H + b"\r\n", 200, "/v")),
    ("9112 2.3", "HTTP/1.0 without Host", (b"GET /old HTTP/1.0\r\n\r\n", 200, "/old")),
    ("9110 15.6.6", "HTTP/2.0", (b"GET / HTTP/2.0\r\n" + H + b"\r\n", 505)),
    ("9110 15.6.6", "the preface of HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)),
    ("9112 2.3", "HTTP/0.9", (b"GET /\r\n", 400)),
    ("9112 2.3", "the version in small letters", (b"GET / http/1.1\r\n" + H + b"\r\n", 400)),
    ("9112 2.3", "a version of two digits", (b"GET / HTTP/1.10\r\n" + H + b"\r\n", 400)),
    # --- 9112, 3: the request line
    ("9112 3", "two spaces", (b"GET  / HTTP/1.1\r\n" + H + b"\r\n", 400)),
    ("9112 3", "a tab", (b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n", 400)),
    ("9112 3", "a blank in the target", (b"GET /a b HTTP/1.1\r\n" + H + b"\r\n", 400)),
    ("9112 3", "a target of 50,000 bytes", get(b"/" + b"x" * 50_000, status=414)),
    ("9110 9.1", "an unknown method", (b"BREW / HTTP/1.1\r\n" + H + b"\r\n", 501)),
    ("9110 9.1", "a method in small letters is another method", (b"get / HTTP/1.1\r\n" + H + b"\r\n", 501)),
    ("9110 9.1", "a method that is no token", (b"G(T / HTTP/1.1\r\n" + H + b"\r\n", 400)),
    ("9110 9.3.6", "CONNECT", (b"CONNECT localhost:80 HTTP/1.1\r\n" + H + b"\r\n", 501)),
    ("9110 9.3.8", "TRACE", (b"TRACE / HTTP/1.1\r\n" + H + b"\r\n", 501)),
    ("9112 3.2.1", "a path", get(b"/a/../b//%2F;c", "/a/../b//%2F;c")),
    ("9112 3.2.2", "a URL", get(b"http://localhost/url?x", "/url")),
    ("9112 3.2.2", "a URL of another host and port", get(b"HTTP://other:81/url", "/url")),
    ("9112 3.2.2", "a URL without a path", get(b"http://localhost", "/")),
    ("9110 4.2.4", "a URL with a user", get(b"http://user@localhost/url", status=400)),
    ("9112 3.2.2", "a URL without a host", get(b"http:///url", status=400)),
    ("9112 3.2.2", "a URL of another scheme", get(b"ftp://localhost/url", status=400)),
    ("9112 3.2.3", "a host and port", get(b"localhost:80", status=400)),
    ("9112 3.2.4", "OPTIONS *", (b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n", 204)),
    ("9112 3.2.4", "another method for *", get(b"*", status=400)),
    ("9112 3.2", "no Host", (b"GET / HTTP/1.1\r\n\r\n", 400)),
    ("9112 3.2", "two Hosts", (b"GET / HTTP/1.1\r\n" + H + H + b"\r\n", 400)),
    ("9112 3.2", "an empty Host", host(b"", 200)),
    ("9112 3.2", "a name and a port", host(b"hooks.example.com:8443", 200)),
    ("9112 3.2", "an address of IPv6", host(b"[2001:db8::1]:443", 200)),
    *(("9112 3.2", f"Host: {value.decode()}", host(value)) for value in (
        b"a b", b"u@a", b"a/b", b"a?b", b"a#b", b"a:1:2", b"a, b", b"a,b", b"[::1", b"::1", b"a:b", b'"a"', b"<a>", b"a\\b")),
    # --- 9112, 5 and 9110, 5: headers
    ("9112 5.1", "a blank before the colon", field(b"X : a\r\n", 400)),
    ("9112 5.1", "a tab before the colon", field(b"X\t: a\r\n", 400)),
    ("9112 5.2", "a folded line", field(b"X: a\r\n b\r\n", 400)),
    ("9112 5", "a line without a colon", field(b"X\r\n", 400)),
    ("9110 5.1", "no name", field(b": a\r\n", 400)),
    ("9110 5.6.2", "a name that is no token", field(b"X(y): a\r\n", 400)),
    ("9110 5.6.2", "a name beyond ASCII", field(b"\xc3\xa4: a\r\n", 400)),
    ("9110 5.6.2", "a name of every other character", field(b"!#$%&'*+-.^_`|~9: a\r\n", 200)),
    ("9110 5.5", "a NUL in a value", field(b"X: a\0b\r\n", 400)),
    ("9110 5.5", "a control character in a value", field(b"X: a\x01b\r\n", 400)),
    ("9110 5.5", "a tab in a value", field(b"X: a\tb\r\n", 200)),
    ("9110 5.6.3", "tabs around a value", field(b"X:\ta\t\r\n", 200)),
    ("9110 5.5", "bytes beyond ASCII in a value", field(b"X: caf\xe9\r\n", 200)),
    ("9110 5.5", "an empty value", field(b"X:\r\n", 200)),
    ("9110 5.4", "more headers than there is room for", field(b"X: a\r\n" * 70, 431)),
    ("9110 5.4", "a header that is too large", field(b"X: " + b"a" * 20_000 + b"\r\n", 431)),
    ("9110 5.4", "headers without an end", (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 20_000, 431)),
    # --- 9112, 6: the body
    ("9112 6.3", "neither length nor coding", framing(b"", b"", 200)),
    ("9112 6.2", "a length with leading zeros", framing(b"Content-Length: 0005\r\n", b"hello", 200)),
    ("9112 6.1", "a length and a coding", framing(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", 400)),
    ("9112 6.3", "two lengths", framing(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello", 400)),
    ("9112 6.3", "a list of lengths", framing(b"Content-Length: 5, 6\r\n", b"hello", 400)),
    *(("9112 6.3", f"a length of {value.decode()!r}", framing(b"Content-Length: " + value + b"\r\n", b"hello", 400))
      for value in (b"", b"+5", b"-5", b"0x5", b"5 5", b"5.0", b"99999999999999999999")),
    ("9112 6.1", "a coding that is not known", framing(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", 501)),
    ("9112 6.3", "a coding that does not end in chunked", framing(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n", 400)),
    ("9112 6.1", "identity", framing(b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n", 400)),
    ("9112 6.1", "a coding in HTTP/1.0", (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)),
    ("9112 7.1", "chunks, with a name in capitals", framing(b"Transfer-Encoding: CHUNKED\r\n", b"5\r\nhello\r\n0\r\n\r\n", 200)),
    ("9112 7.1.1", "a chunk extension is ignored", framing(b"Transfer-Encoding: chunked\r\n", b"5;a=\"b\"\r\nhello\r\n0\r\n\r\n", 200)),
    ("9112 7.1.2", "trailers are dropped", framing(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\nX: a\r\n\r\n", 200)),
    ("9112 7.1", "a chunk size that is no number", framing(b"Transfer-Encoding: chunked\r\n", b"5x\r\nhello\r\n0\r\n\r\n", 400)),
    ("9112 7.1", "a chunk that is longer than its size", framing(b"Transfer-Encoding: chunked\r\n", b"4\r\nhello\r\n0\r\n\r\n", 400)),
    ("9110 15.5.14", "a body that is too large", framing(b"Content-Length: 9999999\r\n", b"", 413)),
    ("9110 10.1.1", "another expectation", framing(b"Expect: a miracle\r\nContent-Length: 5\r\n", b"hello", 417)),
    ("9110 10.1.1", "an expectation in HTTP/1.0 is ignored", (b"POST /e HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok", 200, "/e")),
    # --- 9110, 9.3: methods
    ("9110 9.3.2", "HEAD gets no body", (b"HEAD /head HTTP/1.1\r\n" + H + b"\r\n", 200)),
    ("9110 9.3.2", "HEAD that is refused gets no body either", (b"HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", 400)),
    ("9110 7.8", "an upgrade is ignored", field(b"Connection: Upgrade\r\nUpgrade: websocket\r\n", 200)),
)]


def exchange(wire, case):
    """The reply, or None when the connection was closed without one."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.send(case.data)  # a large one is refused before its end
    method = case.data.lstrip().split(b" ", 1)[0].decode("latin-1")
    try:
        return wire.reply(method)
    except ConnectionResetError:
        return None


def outcomes(gateway):
    return sum(value for name, value in gateway.metrics().items() if name.startswith("sluice_gateway_replies_total"))


def queued(gateway):
    return [line["path"] for line in gateway.lines("received")]


@pytest.fixture(scope="module", name="authority_pair")
def fixture_authority_pair(authority):
    return authority.issue("http")


@pytest.mark.parametrize("listener", ["plain", "tls"])
def test_every_request_gets_the_reply_that_the_rfcs_demand_a_count_and_a_line(site, authority, authority_pair, listener):
    settings, tls = {"LOG_LEVEL": "debug"}, None
    if listener == "tls":
        settings |= {"GATEWAY_CERT": authority_pair.certificate, "GATEWAY_KEY": authority_pair.key}
        tls = ssl.create_default_context(cafile=authority.certificate)
    gateway = site.start_gateway(**settings)
    refused, paths = 0, []
    for number, case in enumerate(CASES, 1):
        with Wire(gateway.port, tls=tls) as wire:
            reply = exchange(wire, case)
            assert reply is not None, f"{case.where}, {case.what}: no reply"
            assert reply.status == case.status, f"{case.where}, {case.what}: {reply}"
            assert "date" in reply.headers, case
            assert ("allow" in reply.headers) == (reply.status in (204, 405)), case
            if reply.status >= 400:
                refused += 1
                assert reply.headers["connection"] == "close", case
                with contextlib.suppress(OSError):  # otherwise the gateway may wait a second for more
                    socket.socket.shutdown(wire.socket, socket.SHUT_WR)
                assert wire.buffer == b"" and wire.closed(), f"{case.where}, {case.what}: goes on after the refusal"
            elif b" HTTP/1.0" not in case.data and reply.status == 200:
                wire.send(encode("POST", "/next", b"x"))
                assert wire.reply().status == 200, f"{case.where}, {case.what}: the connection is not kept"
                paths.append("/next")
        if reply.status == 200:
            paths.insert(len(paths) - (b" HTTP/1.0" not in case.data), case.path or "/head")
        wait_until(lambda seen=number + paths.count("/next"): outcomes(gateway) == seen, f"the count of {case.where}, {case.what}")
    wait_until(lambda: len(queued(gateway)) == len(paths), "the log")
    assert queued(gateway) == paths
    wait_until(lambda: len(gateway.lines("refused")) == refused, f"{refused} lines")


def test_through_haproxy_every_request_is_one_event_at_most_and_the_differences_are_known(site):
    gateway = site.start_gateway(GATEWAY_TRUSTED_PROXIES="127.0.0.1")
    mended, refused, events = set(), set(), 0
    with HAProxy(site.directory) as balancer:
        balancer.start([gateway])
        for case in CASES:
            with Wire(balancer.port) as wire:
                reply = exchange(wire, case)
            passed = reply is not None and reply.status < 300
            if passed != (case.status < 300):
                (mended if passed else refused).add(case.what)
            events += passed and reply.status == 200
    wait_until(lambda: len(queued(gateway)) >= events, "the log")
    assert len(queued(gateway)) == events
    assert mended <= HAPROXY_MENDS, sorted(mended)
    assert refused <= HAPROXY_REFUSES, sorted(refused)


# What HAProxy (2.6, 3.0) makes right before it passes it on, and what it refuses although the RFCs allow it.
HAPROXY_MENDS = {"a folded line", "a length and a coding", "a line that ends in LF", "a tab", "HTTP/2.0", "two Hosts", "two spaces"}
HAPROXY_REFUSES = {"a URL of another host and port", "an upgrade is ignored"}


def test_a_head_that_comes_too_slowly_gets_408_and_one_that_stops_400(site):
    gateway = site.start_gateway(LOG_LEVEL="debug")
    with Wire(gateway.port) as silent, Wire(gateway.port) as slow, Wire(gateway.port) as stopped:
        begun = time.monotonic()
        silent.send(b"GET / HTTP/1.1\r\nHo")
        stopped.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        stopped.socket.shutdown(socket.SHUT_WR)
        assert stopped.reply().status == 400
        done = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                for byte in b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100:
                    slow.send(bytes([byte]))
                    if done.wait(0.5):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert silent.reply(begun=begun).status == 408
            assert 4.5 < time.monotonic() - begun < 8
            assert slow.reply(begun=begun).status == 408
            assert 9 < time.monotonic() - begun < 13
        finally:
            done.set()
            thread.join()
    assert outcomes(gateway) == 3
    wait_until(lambda: len(gateway.lines("refused")) == 3, "a line for each")


def test_a_connection_on_which_no_request_begins_is_closed_without_a_reply(site):
    gateway = site.start_gateway()
    with Wire(gateway.port) as wire, Wire(gateway.port) as empty_lines:
        empty_lines.send(b"\r\n\r\n\r\n")
        assert wire.closed() and empty_lines.closed()
    assert outcomes(gateway) == 0


def test_what_a_sender_left_behind_when_it_went_is_not_served(site):
    """Its requests are not acked, and their thread is free again at once."""
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=7)
    for _ in range(8):
        wire = Wire(gateway.port)
        wire.send(encode("POST", "/gone", b"x") * 5000)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.socket.close()  # a reset
    begun = time.monotonic()
    for _ in range(8):
        wait_until(lambda: request(gateway.port, "POST", "/here", b"x").status == 200, "a thread")
    assert time.monotonic() - begun < 5
    assert queued(gateway).count("/gone") < 8 * 1000
