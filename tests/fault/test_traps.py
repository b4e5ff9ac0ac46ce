# SPDX-License-Identifier: MIT
"""Pitfalls of the libraries and the broker that no other test covers (docs/testing.md lists all of them)."""

import pathlib
import re
import socket
import time

import pytest

from load import Load
from process import wait_until
from site_under_test import slowness
from wire import encode

HANDLER_STACK = 100  # KiB that civetweb gives each of its threads


def deepest_stack(gateway):
    """The most KiB that any handler thread has used of its stack. Who isn't root can see it only with CORE_DUMPS=on."""
    maps = pathlib.Path(f"/proc/{gateway.pid}/smaps").read_text(encoding="ascii")
    used = [int(rss) for size, rss in re.findall(r"^Size: +(\d+) kB\n(?:.*\n){2}Rss: +(\d+) kB$", maps, re.M)
            if int(size) == HANDLER_STACK]
    assert used, "no stack of a handler was found"
    return max(used)


@pytest.mark.quick
def test_the_largest_requests_use_half_of_a_handlers_stack_at_most(site):
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6, CORE_DUMPS="on")
    many = {f"x-{n}": "v" * 200 for n in range(58)}
    requests = [
        encode("POST", "/" + "p" * 16_000 + "?" + "q" * 300, b"x" * (1 << 20), {"webhook-id": "i" * 255, **many}),
        encode("POST", "/chunked", b"100000\r\n" + b"y" * (1 << 20) + b"\r\n0\r\n\r\n",
               {"Transfer-Encoding": "chunked", **many}, length=False),
        encode("POST", "/refused", b"", {"Content-Length": 1 << 30}, length=False) + b"z" * 100_000,
        b"\x01" * 50_000,
        encode("POST", "/" + "p" * 20_000, b"x"),
    ]
    for data in requests * 4:
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as one:
            try:
                one.sendall(data)
                one.recv(4096)
            except OSError:
                pass  # refused before it was read completely
    if slowness(site) > 1:
        return  # sanitizers use and check their own stacks
    used = deepest_stack(gateway)
    site.note(f"{used} of {HANDLER_STACK} KiB of a handler's stack were used")
    assert used <= HANDLER_STACK / 2


@pytest.mark.quick
@pytest.mark.parametrize("pace", [0, 0.3])
def test_a_refused_sender_who_goes_on_sending_is_let_go(site, pace):
    """civetweb itself would read the whole gigabyte, however slowly it arrives."""
    gateway = site.start_gateway()
    sent, begun = 0, time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as one:
        one.sendall(encode("POST", "/", b"", {"Content-Length": 1_000_000_000}, length=False))
        assert one.recv(4096).startswith(b"HTTP/1.1 413 ")
        piece = b"x" * 65536 if pace == 0 else b"x"
        try:
            while time.monotonic() - begun < 15:
                sent += one.send(piece)
                time.sleep(pace)
        except OSError:
            pass  # closed: further data is answered with a reset
    seconds = time.monotonic() - begun
    site.note(f"413, and {sent} bytes more until it was closed after {seconds:.1f} s")
    assert seconds < 4
    assert sent < 32 << 20, "it must not read the rest"
    wait_until(lambda: gateway.metrics()["sluice_gateway_connections"] == 0, "the thread to come back", 5)


@pytest.mark.quick
def test_a_worker_whose_queue_is_deleted_notices_and_goes_on_once_it_is_there_again(site):
    site.start_gateway()
    worker, = site.start_workers(1)
    site.send_ok(headers={"webhook-id": "before"})
    site.row("before")
    site.wait_drained()
    channel = site.channel()
    channel.queue_delete("webhooks.ingest")
    try:
        wait_until(lambda: worker.lines("broker-away"), lambda: f"the worker to notice\n{worker.tail()}", 10)
        assert worker.lines("broker-away")[0]["reason"] == (
            "the broker ended the consumer: was webhooks.ingest deleted? Run sluice setup")
        begun = time.monotonic()
        wait_until(lambda: len(worker.lines("broker-away")) >= 8, "it to try again and again", 60)
        rate = 7 / (time.monotonic() - begun)
        assert rate < 3, f"{rate:.1f} attempts a second: there is no backoff"
        assert not worker.is_ready()
    finally:
        channel.connection.close()
        assert site.servers.setup().returncode == 0
    begun = time.monotonic()
    site.send_ok(headers={"webhook-id": "after"})
    wait_until(lambda: site.rows("id = 'after'"), lambda: f"the next row\n{worker.tail()}", 20)
    site.note(f"{rate:.1f} attempts a second without the queue; a row {time.monotonic() - begun:.1f} s after the queue was there again")


def test_a_channel_that_the_broker_takes_for_acks_that_do_not_come_costs_deliveries_only(site):
    """consumer_timeout, 30 minutes by default, is 3 s here, and a locked table keeps the worker from acking for longer."""
    def give_acks(milliseconds, tick):
        site.broker.control("eval", f"application:set_env(rabbit, consumer_timeout, {milliseconds}), "
                                    f"application:set_env(rabbit, channel_tick_interval, {tick}).")
    give_acks(3_000, 1_000)
    try:
        gateway = site.start_gateway()
        worker, = site.start_workers(1)
        ledger = site.ledger()
        with Load(gateway.port, ledger, rate=50, count=100_000) as load:
            load.wait_acked(50)
            with site.database.locked():
                wait_until(lambda: any("406" in line["reason"] for line in worker.lines("broker-away")),
                           lambda: f"the broker to take the channel\n{worker.tail()}", 30)
            load.wait_acked(50)
        site.settle(ledger, at_least=100)
        assert site.count("webhooks_dead") == 0
    finally:
        give_acks(1_800_000, 60_000)
    site.note(f"channels taken: {len(worker.lines('broker-away'))}; "
              f"{worker.metrics()['sluice_worker_redeliveries_total']:.0f} redeliveries")
