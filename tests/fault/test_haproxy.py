# SPDX-License-Identifier: MIT
"""deploy/haproxy/haproxy.cfg keeps each of its promises, in front of real gateways."""

import concurrent.futures
import contextlib
import json
import re
import select
import signal
import subprocess
import time

import pytest

from balancer import Deployed
from certificates import HERE
from links import Links
from load import Load
from process import wait_until
from proxy import DOWN
from wire import Wire, encode, request

pytestmark = pytest.mark.quick

MIB = 1 << 20
REQUEST_TIME = 10  # seconds that a request's head, and a body that fits into a buffer, may take
CONNECTIONS_OF_ONE = 300  # that one address may have
BUFFER = 65536  # tune.bufsize
LATE = "300ms"


@pytest.fixture
def balancer(site):
    with Deployed(site.directory) as one:
        yield one


@pytest.fixture
def one_gateway(site, balancer):
    """The balancer with one gateway and a worker."""
    balancer.add(site).start()
    site.start_workers(1)
    balancer.start()
    balancer.wait_in_use(1)
    return balancer


def at_once(count, call):
    """The results of so many calls at the same time, each with its number."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def replies(gateway):
    """How many requests it has answered."""
    return sum(value for name, value in gateway.metrics().items() if name.startswith("sluice_gateway_replies_total"))


# --- one address for many gateways ------------------------------------------------------


def test_a_503_is_asked_again_elsewhere_and_an_event_without_an_id_still_makes_one_row(site, balancer, seed):
    """One gateway's confirms don't come: it answers 503, although the broker has the event."""
    with Links(site, seed) as links:
        late = balancer.add(site, GATEWAY_CONFIRM_TIMEOUT=LATE, **links.gateway_settings()).start()
        balancer.add(site).start()
        site.start_workers(1)
        balancer.start()
        balancer.wait_in_use(2)
        links.gateway_broker.hold(DOWN)
        replies = at_once(12, lambda number: request(balancer.port, "POST", f"/{number}", b"x"))
        refused = late.metrics()['sluice_gateway_replies_total{outcome="late"}']
        links.gateway_broker.heal()
        assert [reply.status for reply in replies] == [200] * 12 and refused >= 3
        replaced = wait_until(lambda: len(site.workers[0].lines("replaced")) + len(site.workers[0].lines("older")) >= refused
                              and site.rows(), lambda: f"{refused} events that came twice\n{site.tails()}", 30)
        site.wait_drained()
        assert sorted(row.path for row in replaced) == sorted(f"/{number}" for number in range(12))
        assert {row.id for row in site.rows()} == {reply.json()["id"] for reply in replies}
        site.note(f"{refused:g} of 12 events were asked again after a 503, and none made a second row")


def test_a_request_is_asked_three_times_at_most_and_one_that_fits_into_no_buffer_once(site, balancer, seed):
    with Links(site, seed) as links:
        gateway = balancer.add(site, GATEWAY_CONFIRM_TIMEOUT="100ms", **links.gateway_settings()).start()
        balancer.start()
        balancer.wait_in_use(1)
        links.gateway_broker.hold(DOWN)
        for body, times in ((b"x", 3), (bytes(BUFFER), 1)):
            before = replies(gateway)
            reply = request(balancer.port, "POST", "/", body)
            assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1, reply
            wait_until(lambda: replies(gateway) - before >= times, "the gateway to count its last reply", 5)
            assert replies(gateway) - before == times
        links.gateway_broker.heal()


@pytest.mark.parametrize("name", ["webhook-id", "idempotency-key", "svix-id"])
def test_a_sender_with_an_id_of_its_own_gets_no_other(site, one_gateway, name):
    event_id = request(one_gateway.port, "POST", "/", b"x", {name: "its-own"}).json()["id"]
    assert (event_id == "its-own") == (name != "svix-id"), "only the scheme standard reads svix-id"
    given = site.row(event_id).headers
    assert {one: given[one] for one in ("webhook-id", "idempotency-key", "svix-id") if one in given} == {name: "its-own"}


@pytest.mark.parametrize("name", ["webhook-id", "idempotency-key", "svix-id"])
def test_a_blank_id_is_none(site, one_gateway, name):
    event_id = request(one_gateway.port, "POST", "/", b"x", {name: ""}).json()["id"]
    assert site.row(event_id).headers["webhook-id"] == event_id


def test_gateways_that_are_stopped_killed_and_started_cost_no_sender_a_reply(site, balancer):
    gateways = [balancer.add(site, GATEWAY_LAME_DUCK="4s") for _ in range(3)]
    for gateway in gateways:
        gateway.start()
    site.start_workers(1)
    balancer.start()
    balancer.wait_in_use(3)
    ledger = site.ledger()
    with Load(balancer.port, ledger, rate=150, threads=24, count=10 ** 6) as load:
        load.wait_acked(100)
        assert gateways[0].terminate() == 0
        assert gateways[0].lines("lame-duck") and gateways[0].lines("drained")[0]["requests_cut"] == "0"
        load.wait_acked(100)
        gateways[1].kill()
        load.wait_acked(100)
        balancer.wait_in_use(1)
        for gateway in gateways[:2]:
            gateway.start()
        balancer.wait_in_use(3)
        load.wait_acked(100)
    assert load.statuses.keys() == {200} and load.connections == len(load.threads), (load.statuses, load.connections)
    site.settle(ledger, at_least=400)


def test_a_gateway_that_is_frozen_costs_a_sender_time_and_no_reply(site, balancer):
    frozen, other = (balancer.add(site) for _ in range(2))
    frozen.start()
    other.start()
    balancer.start()
    balancer.wait_in_use(2)
    frozen.send(signal.SIGSTOP)
    try:
        replies = at_once(4, lambda _: request(balancer.port, "POST", "/", b"x"))
    finally:
        frozen.send(signal.SIGCONT)
    assert [reply.status for reply in replies] == [200] * 4
    assert max(reply.seconds for reply in replies) > 4
    wait_until(lambda: len(other.lines("queued")) == 4, other.tail)


def test_a_new_gateway_is_found_by_the_name_and_one_that_left_it_is_forgotten(site, one_gateway):
    balancer = one_gateway
    new = balancer.add(site).start()
    balancer.wait_in_use(2)
    balancer.names.addresses.pop(0)
    balancer.wait_in_use(1)
    for _ in range(4):
        assert request(balancer.port, "POST", "/", b"x").status == 200
    wait_until(lambda: len(new.lines("queued")) == 4, new.tail)


def test_without_a_gateway_senders_get_503_with_retry_after_and_the_balancer_says_that_it_is_not_ready(balancer):
    balancer.start()
    reply = request(balancer.port, "POST", "/", b"x")
    assert reply.status == 503 and reply.headers["retry-after"] == "5" and "error" in reply.json()
    assert request(balancer.admin_port, "GET", "/ready").status == 503
    assert request(balancer.admin_port, "GET", "/other").status == 404


# --- what it lets through ----------------------------------------------------------------


def test_a_target_in_absolute_form_is_an_event_with_its_path_and_query(site, one_gateway):
    for target in ("http://hooks.example/orders?a=%2F", "https://hooks.example:8443/orders?a=%2F"):
        host = target.split("/")[2]
        with Wire(one_gateway.port) as wire:
            wire.send(f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\nx".encode())
            reply = wire.reply()
        assert reply.status == 200, reply
        row = site.row(reply.json()["id"])
        assert (row.path, row.query, row.headers["x-forwarded-host"]) == ("/orders", "a=%2F", host)
    with Wire(one_gateway.port) as wire:
        wire.send(b"POST http://hooks.example HTTP/1.1\r\nHost: hooks.example\r\nContent-Length: 1\r\n\r\nx")
        assert site.row(wire.reply().json()["id"]).path == "/"


def test_a_sender_gets_no_tunnel(one_gateway):
    with Wire(one_gateway.port) as wire:
        wire.send(b"CONNECT other.example:25 HTTP/1.1\r\nHost: other.example:25\r\n\r\n")
        assert wire.head()[0] >= 400


def test_an_asterisk_as_target_gets_a_400_and_not_a_closed_connection(one_gateway):
    assert request(one_gateway.port, "OPTIONS", "*").status == 400


def test_a_sender_cannot_say_who_it_is(site, one_gateway):
    forged = {"X-Forwarded-For": "198.51.100.9", "X-Forwarded-Host": "other.example", "X-Forwarded-Proto": "https"}
    event_id = request(one_gateway.port, "POST", "/", b"x", forged).json()["id"]
    row = site.row(event_id)
    assert {name: row.headers[name] for name in row.headers if name.startswith("x-forwarded")} == {
        "x-forwarded-for": "127.0.0.1", "x-forwarded-host": "localhost", "x-forwarded-proto": "http"}


@pytest.mark.parametrize("sent, status", [
    (encode("POST", "/", headers={"Content-Length": str(MIB + 1)}, length=False), 413),
    (encode("POST", "/", b"x", {f"X-{number}": "y" * 1000 for number in range(17)}), 431),
    (encode("POST", "/", b"x", {f"X-{number}": "y" for number in range(70)}), 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
], ids=["body", "headers", "many-headers", "two-lengths"])
def test_what_is_too_large_or_doubtful_is_refused_before_it_reaches_a_gateway(site, one_gateway, sent, status):
    before = replies(site.gateway)
    with Wire(one_gateway.port) as wire:
        wire.send(sent)
        assert wire.head()[0] == status
    assert replies(site.gateway) == before


def test_a_body_of_the_largest_size_and_a_chunked_one_pass(site, one_gateway):
    body = bytes(MIB)
    assert len(site.row(request(one_gateway.port, "POST", "/", body).json()["id"]).body) == MIB
    chunked = encode("POST", "/", headers={"Transfer-Encoding": "chunked"}, length=False) + b"3\r\nabc\r\n0\r\n\r\n"
    with Wire(one_gateway.port) as wire:
        wire.send(chunked)
        assert site.row(wire.reply().json()["id"]).body == b"abc"


def test_slow_senders_are_cut_and_no_gateway_ever_sees_them(site, one_gateway):
    head = encode("POST", "/slow", headers={"Content-Length": "10"}, length=False)

    def slow(number):
        with Wire(one_gateway.port, timeout=REQUEST_TIME + 10) as wire:
            begun = time.monotonic()
            wire.send(head[:20] if number % 2 else head + b"x")
            return wire.head()[0], time.monotonic() - begun
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(slow, number) for number in range(20)]
        # Good senders don't wait for them, and a gateway's threads are free.
        replies = [request(one_gateway.port, "POST", "/", b"x") for _ in range(20)]
        held = site.gateway.metrics()["sluice_gateway_connections"]
        ends = [one.result() for one in waiting]
    assert {reply.status for reply in replies} == {200} and max(reply.seconds for reply in replies) < 5
    assert {status for status, _ in ends} == {408}
    assert all(REQUEST_TIME - 1 < seconds < REQUEST_TIME + 5 for _, seconds in ends), ends
    assert held < 20
    wait_until(lambda: len(site.gateway.lines("received")) == 20, site.gateway.tail)


def serves(sender):
    with contextlib.suppress(OSError):
        sender.send(encode("POST", "/", b"x"))
        return sender.reply().status == 200
    return False


def still_connected(senders):
    ended = select.select([sender.socket for sender in senders], [], [], 0)[0]
    return [sender for sender in senders if sender.socket not in ended]


def test_one_address_cannot_take_all_connections(one_gateway):
    with contextlib.ExitStack() as stack:
        senders = []
        for _ in range(CONNECTIONS_OF_ONE + 20):
            with contextlib.suppress(ConnectionResetError):  # it was refused before it knew that it was connected
                senders.append(stack.enter_context(Wire(one_gateway.port)))
        # One that is being refused still counts, so a few more may be.
        kept = wait_until(lambda: len(left := still_connected(senders)) <= CONNECTIONS_OF_ONE and left, one_gateway.tail, 8)
        assert len(kept) > 20
        assert any(serves(sender) for sender in kept)


def test_its_log_names_what_failed_without_the_query(balancer):
    balancer.start()
    assert request(balancer.port, "POST", "/private?token=abc").status == 503
    line = wait_until(lambda: re.search(r".* status=503 .*", balancer.output()), balancer.tail)[0]
    assert "POST /private" in line and "token" not in balancer.output()


# --- TLS -----------------------------------------------------------------------------------


@pytest.fixture
def secure(site, authority):
    pair = authority.issue("senders", HERE)
    together = site.directory / "senders.pem"
    together.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    with Deployed(site.directory, SENDERS_CERTIFICATE=str(together)) as one:
        one.add(site).start()
        site.start_workers(1)
        one.start()
        one.wait_in_use(1)
        yield one


@pytest.mark.parametrize("asked, spoken", [("--http2", "2"), ("--http1.1", "1.1")])
def test_a_sender_speaks_http_2_or_1_over_tls(site, secure, authority, asked, spoken):
    done = subprocess.run(["curl", "-sS", asked, "--cacert", authority.certificate, "-d", "a body", "-w", "\n%{http_version} %{http_code}",
                           f"https://localhost:{secure.port}/orders?n=1"], capture_output=True, text=True, timeout=20, check=True)
    reply, _, how = done.stdout.rpartition("\n")
    assert how == f"{spoken} 200"
    row = site.row(json.loads(reply)["id"])
    assert (row.path, row.query, row.body) == ("/orders", "n=1", b"a body")
    assert row.headers["x-forwarded-proto"] == "https" and row.headers["x-forwarded-host"] == f"localhost:{secure.port}"


def test_old_tls_and_plain_http_are_refused(secure, authority):
    old = subprocess.run(["curl", "-sS", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "--cacert", authority.certificate,
                          f"https://localhost:{secure.port}/"], capture_output=True, text=True, timeout=20, check=False)
    assert old.returncode == 35, old
    with pytest.raises(OSError):
        request(secure.port, "POST", "/", b"x")
