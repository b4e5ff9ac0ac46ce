# SPDX-License-Identifier: MIT
"""The chunked coding is read as RFC 9112 writes it: one request stays one event, whatever stands in a chunk's size line."""

import contextlib
import ssl
import time

import pytest

from process import wait_until
from site_under_test import slowness
from wire import Wire, encode

pytestmark = pytest.mark.gateway

HEAD = b"POST /%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("chunks")


@pytest.fixture(params=["plain", "tls"])
def sender(request, site, authority, pair):
    """Opens connections to a gateway of its own."""
    tls = None
    if request.param == "tls":
        site.start_gateway(GATEWAY_CERT=pair.certificate, GATEWAY_KEY=pair.key)
        tls = ssl.create_default_context(cafile=authority.certificate)
    else:
        site.start_gateway()
    return lambda: Wire(site.gateway.port, tls=tls)


def received(site):
    return [line["path"] for line in site.gateway.lines("received")]


NO_SIZE_LINE = {
    "a bare CR and more digits": b"5\rAAAA\r\nhello\r\n0\r\n\r\n",
    "a bare CR and a hidden request": b"0\r2F\r\n\r\n" + HIDDEN,
    "a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "a blank before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a blank after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "no size but an extension": b";a=b\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a comma": b"5,5\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a NUL in an extension": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
    "a bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a bare LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an endless extension": b"5;" + b"a" * 2000 + b"\r\nhello\r\n0\r\n\r\n",
    "data that is longer": b"4\r\nhello\r\n0\r\n\r\n",
    "data that is shorter": b"6\r\nhello\r\n0\r\n\r\n",
    "data that ends in LF": b"5\r\nhello\n0\r\n\r\n",
    "a trailer with a bare CR": b"5\r\nhello\r\n0\r\na: b\rc\r\n\r\n",
    "a trailer with a bare LF": b"5\r\nhello\r\n0\r\na: b\n\r\n",
    "endless trailers": b"5\r\nhello\r\n0\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
}


def sent_whole_and_in_bytes(path, body):
    yield (HEAD % path + body + HIDDEN,)
    yield (HEAD % path, *(bytes([byte]) for byte in body), HIDDEN)


def send_pieces(wire, pieces):
    try:
        for piece in pieces:
            wire.send(piece)
    except OSError:
        pass  # it was refused meanwhile


def test_chunks_that_two_parties_may_read_differently_are_refused_and_hide_no_request(sender, site):
    with contextlib.ExitStack() as open_ones:
        begun = {}
        for name, body in NO_SIZE_LINE.items():
            for pieces in sent_whole_and_in_bytes(b"doubtful", body):
                wire = open_ones.enter_context(sender())
                begun[wire] = name, time.monotonic()
                send_pieces(wire, pieces)
        for wire, (name, moment) in begun.items():
            reply = wire.reply(begun=moment)
            # 408, if the gateway had waited for more
            assert (reply.status, reply.headers["connection"]) == (400, "close"), (name, reply)
            assert wire.closed(), name
        assert time.monotonic() - moment < 4 * slowness(site), "one of them waited for more"
    with sender() as wire:
        wire.send(encode("POST", "/good", b"x"))
        assert wire.reply().status == 200
    wait_until(lambda: "/good" in received(site), "the log")
    assert received(site) == ["/good"]


GOOD = {
    "extensions": b"5;a=b;c=\"d e\"\r\nhello\r\n6 ; f\r\n, next\r\n0;g\r\n\r\n",
    "trailers": b"b\r\nhello, next\r\n0\r\nA: b\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\n\r\n",
    "leading zeros and capitals": b"00000000000B\r\nhello, next\r\n000\r\n\r\n",
    "one byte each": b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello, next") + b"0\r\n\r\n",
}


def test_extensions_and_trailers_are_dropped_and_the_connection_is_kept(sender, site):
    site.start_workers(1)
    with sender() as wire:
        for name, body in GOOD.items():
            for pieces in sent_whole_and_in_bytes(b"good", body):
                send_pieces(wire, pieces)
                event, after = wire.reply(), wire.reply("GET")
                assert (event.status, event.headers["connection"], after.status) == (200, "keep-alive", 200), name
                row = site.row(event.json()["id"])
                assert (row.path, row.body) == ("/good", b"hello, next"), name
    wait_until(lambda: len(received(site)) == 4 * len(GOOD), "the log")
    assert received(site) == ["/good", "/hidden"] * 2 * len(GOOD)


def test_many_requests_of_each_kind_in_one_piece_are_as_many_events(sender, site):
    chunked = HEAD % b"chunked" + GOOD["extensions"]
    whole = encode("POST", "/whole", b"x" * 3000)
    with sender() as wire:
        wire.send((chunked + whole + HIDDEN) * 20)
        assert [wire.reply().status for _ in range(60)] == [200] * 60
    wait_until(lambda: len(received(site)) == 60, "all in the log")
    assert received(site) == ["/chunked", "/whole", "/hidden"] * 20


def test_a_size_above_the_limit_is_refused_before_its_data_comes(sender):
    for size in (b"100001", b"FFFFFFFF", b"FFFFFFFFFFFFFFFF"):
        for pieces in ((HEAD % b"large" + size + b"\r\n",), (HEAD % b"large", size + b"\r\n")):
            with sender() as wire:
                begun = time.monotonic()
                send_pieces(wire, pieces)
                reply = wire.reply(begun=begun)
                assert (reply.status, reply.headers["connection"]) == (413, "close"), size
                assert reply.seconds < 3, f"{size}: it waited for the data"


def test_chunks_that_are_too_large_together_are_refused_before_the_last_one_comes(sender):
    with sender() as wire:
        begun = time.monotonic()
        wire.send(HEAD % b"large" + b"80000\r\n" + b"x" * 0x80000 + b"\r\n80001\r\n")
        reply = wire.reply(begun=begun)
        assert reply.status == 413
        assert reply.seconds < 4


def test_a_body_above_the_limit_that_comes_whole_with_its_head_is_refused(sender, site):
    size = 1 << 20
    with sender() as wire:
        send_pieces(wire, [HEAD % b"large" + b"%x\r\n" % (size + 1) + b"x" * (size + 1) + b"\r\n0\r\n\r\n" + HIDDEN])
        assert wire.reply().status == 413
    with sender() as wire:
        wire.send(HEAD % b"exact" + b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n")
        assert wire.reply().status == 200
    wait_until(lambda: received(site), "the log")
    assert received(site) == ["/exact"]


def test_a_pause_within_chunks_is_cut_like_one_within_a_body_with_a_length(sender):
    with sender() as wire:
        wire.send(HEAD % b"slow" + b"5\r\nhel")
        begun = time.monotonic()
        reply = wire.reply(begun=begun)
        assert reply.status == 408
        assert 4.5 < reply.seconds < 8
