# SPDX-License-Identifier: MIT
"""What a gateway publishes and logs, and how it reads a request line and headers."""

import contextlib
import json
import socket
import ssl
import time

import pytest

from process import Failure, wait_until
from wire import Wire, encode

pytestmark = pytest.mark.gateway


def test_a_smaller_limit_is_a_setting(site):
    site.start_gateway(GATEWAY_MAX_BODY="1KiB")
    assert site.send(body=b"x" * 1024).status == 200
    assert site.send(body=b"x" * 1025).status == 413


def test_the_message_can_be_read_by_any_amqp_consumer(site):
    site.start_gateway()
    event_id = "amqp"
    site.send_ok("PUT", "/amqp?x=1", b"\x00body", {
        "webhook-id": event_id, "Content-Type": "text/plain", "CC": "elsewhere",
        "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"})
    channel = site.channel()
    method, properties, body = channel.basic_get("webhooks.ingest", auto_ack=True)
    channel.connection.close()
    assert method.routing_key == "default"
    assert body == b"\x00body"
    assert (properties.message_id, properties.content_type, properties.delivery_mode, properties.app_id) == (
        event_id, "text/plain", 2, "sluice")
    headers = properties.headers
    assert (headers["sluice-method"], headers["sluice-path"], headers["sluice-query"]) == ("PUT", "/amqp", "x=1")
    assert (headers["sluice-source"], headers["sluice-version"], headers["sluice-attempt"]) == ("default", 1, 0)
    assert abs(headers["sluice-received"] / 1e6 - time.time()) < 60
    assert headers["sluice-traceparent"].startswith("00-111")
    assert headers["traceparent"] == headers["sluice-traceparent"]  # where propagators look
    assert headers["sluice-headers"]["cc"] == "elsewhere"
    assert {name for name in headers if not name.startswith("sluice-")} - {"traceparent"} <= {"x-delivery-count"}  # the broker's


def test_what_stands_before_a_request_never_becomes_its_body(site):
    """Empty lines there are no part of it, and anything else is refused."""
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6)
    with contextlib.ExitStack() as threads:  # the first request of every thread
        for wire in [threads.enter_context(Wire(gateway.port)) for _ in range(8)]:
            wire.send(encode("POST", "/", b"first"))
            assert wire.reply().status == 200
    request = encode("POST", "/", b"hello", {"webhook-id": "before"})
    for before in (b"\n\n", b"\n", b" ", b" " * 16, b"\r\n\n", b"\r\n "):
        with Wire(gateway.port) as wire:
            wire.send(before + request)
            assert wire.reply().status == 400, before
            assert wire.closed()
    assert not [line for line in gateway.lines("queued") if line["id"] == "before"]
    for count in (1, 2, 8, 9, 20_000):
        with Wire(gateway.port) as wire:
            wire.send(b"\r\n" * count + request)
            assert wire.reply().status == 200, count
    site.start_workers(1)
    assert site.row("before").body == b"hello"


@pytest.mark.parametrize("trusted, remote", [("", "127.0.0.1"), ("192.0.2.0/24", "127.0.0.1"),
                                             ("127.0.0.0/8,10.0.0.0/8", "203.0.113.7")])
def test_only_trusted_proxies_say_who_the_sender_is(site, trusted, remote):
    site.start_gateway(GATEWAY_TRUSTED_PROXIES=trusted)
    site.send_ok("POST", "/", b"x", {"X-Forwarded-For": "198.51.100.9, 203.0.113.7, 10.0.0.2"})
    channel = site.channel()
    _, properties, _ = channel.basic_get("webhooks.ingest", auto_ack=True)
    channel.connection.close()
    assert properties.headers["sluice-remote"] == remote


def test_connections_that_have_ended_are_counted_off(site):
    gateway = site.start_gateway()

    def connections():
        return gateway.metrics()["sluice_gateway_connections"]
    with Wire(gateway.port) as one, Wire(gateway.port) as two:
        for wire in (one, two):
            wire.send(encode("POST", "/", b"x"))
            assert wire.reply().status == 200
        assert connections() == 2
    wait_until(lambda: connections() == 0, lambda: f"no connection left: {connections()}")


def test_no_log_line_holds_a_query_a_secret_or_a_body(site):
    gateway = site.start_gateway(LOG_LEVEL="debug")
    worker = site.start_workers(1, LOG_LEVEL="debug")[0]
    event_id = "logged"
    site.send_ok("POST", "/log?key=MARKQUERY", json.dumps({"card": "MARKBODY"}).encode(),
                 {"webhook-id": event_id, "Authorization": "MARKHEADER", "X-Plain": "MARKPLAIN"})
    site.row(event_id)
    site.send("POST", "/log?key=MARKQUERY", b"MARKBODY", {"Expect": "MARKHEADER"})
    gateway.stop()
    worker.stop()
    secrets = [site.servers.secret(name) for name in ("broker-gateway", "broker-worker", "database-worker")]
    for program in (gateway, worker):
        text = program.output()
        assert text
        found = [mark for mark in ("MARKQUERY", "MARKBODY", "MARKHEADER", "MARKPLAIN", *secrets) if mark in text]
        assert not found, program.name


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("address, reached", [("[::]:0", {"::1": "::1", "127.0.0.1": "127.0.0.1"}), ("[::1]:0", {"::1": "::1"}),
                                              ("localhost:0", {"127.0.0.1": "127.0.0.1"})])
def test_senders_of_ipv6_and_ipv4_are_served_where_the_address_says_so(site, authority, address, reached, secure):
    tls, settings = None, {}
    if secure:
        pair = authority.issue("ipv6")
        settings = {"GATEWAY_CERT": pair.certificate, "GATEWAY_KEY": pair.key}
        tls = ssl.create_default_context(cafile=authority.certificate)
    gateway = site.start_gateway(GATEWAY_LISTEN=address, GATEWAY_TRUSTED_PROXIES="2001:db8::/32", **settings)
    assert gateway.lines("listening")[0]["address"] == address
    for host in ("::1", "127.0.0.1"):
        if host not in reached:
            with pytest.raises(OSError):
                Wire(gateway.port, host=host)
            continue
        with Wire(gateway.port, tls=tls, host=host) as wire:
            wire.send(encode("POST", "/from", b"x"))
            assert wire.reply().status == 200
        channel = site.channel()
        _, properties, _ = channel.basic_get("webhooks.ingest", auto_ack=True)
        channel.connection.close()
        assert properties.headers["sluice-remote"] == reached[host]


def test_an_address_that_is_taken_is_named_and_nothing_starts(site):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        gateway = site.add_gateway(GATEWAY_LISTEN=f"127.0.0.1:{port}")
        with pytest.raises(Failure):
            gateway.start()
        assert gateway.wait(20) == 78
    assert gateway.lines("not-started")[0]["reason"] == f"GATEWAY_LISTEN: cannot listen on 127.0.0.1:{port}: Address already in use"
