# SPDX-License-Identifier: MIT
"""A clock that jumps: signatures are checked against the current clock, and rows get future times only for a short while."""

import glob
import time

import pytest

from process import wait_until
from programs import environment
from routefile import RouteFile
from signer import b64, headers_of

HOUR = 3600
SECRET = f"whsec_{b64(b'the secret of orders')}"


class Clock:
    """Shifts the gateway's wall clock by some seconds; CLOCK_MONOTONIC stays correct."""

    def __init__(self, directory):
        self.path = directory / "clock"
        self.set(0)

    def set(self, offset):
        """In one step: libfaketime ends the program when it finds the file empty."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{offset:+d}\n", encoding="ascii")
        fresh.replace(self.path)

    @property
    def settings(self):
        library, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        return {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "ASAN_OPTIONS": environment({})["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def gateway(site, clock):
    routes = RouteFile(site.directory / "routes")
    verify = {"scheme": "standard", "secrets": [routes.secret("orders", SECRET)]}
    return site.add_gateway(GATEWAY_ROUTES=routes.write({"name": "orders", "path": "/orders", "verify": verify},
                                                        routes.open("open", "/open")).path, **clock.settings).start()


def send_signed(site, event_id, offset=0):
    """Sends a signed event from a sender whose clock is off by this much."""
    body = b"{}"
    return site.send("POST", "/orders", body, headers_of("standard", SECRET, event_id, body,
                                                         now=int(time.time()) + offset)).status


def received_at(site, event_id):
    """The event's time of receipt, in seconds relative to now."""
    site.send_ok("POST", "/open", b"{}", {"webhook-id": event_id})
    return site.row(event_id, "open").received_at.timestamp() - time.time()


def test_after_a_jump_forth_and_back_good_signatures_verify_and_times_are_true_at_once(site, clock, gateway):
    site.start_workers(1)
    assert send_signed(site, "before") == 200
    clock.set(HOUR)
    assert abs(received_at(site, "ahead") - HOUR) < 60
    assert send_signed(site, "by-the-wrong-clock", HOUR) == 200
    assert send_signed(site, "too-old-for-it") == 401
    clock.set(0)
    assert send_signed(site, "mended") == 200
    assert send_signed(site, "from-the-future", HOUR) == 401
    assert abs(received_at(site, "true-again")) < 60
    assert gateway.metrics()["sluice_gateway_clock_set_back_total"] == 1
    line, = wait_until(lambda: gateway.lines("clock-set-back"), "the line in the log")
    assert abs(int(line["by_ms"]) - HOUR * 1000) < 60_000
    for event_id in ("before", "by-the-wrong-clock", "mended"):
        assert site.row(event_id, "orders")


def test_after_a_jump_back_good_signatures_verify_by_the_clock_as_it_is(site, clock, gateway):
    site.start_workers(1)
    assert abs(received_at(site, "right")) < 60
    clock.set(-HOUR)
    assert send_signed(site, "by-the-wrong-clock", -HOUR) == 200
    assert send_signed(site, "in-its-future") == 401
    assert abs(received_at(site, "behind") + HOUR) < 60
    clock.set(0)
    assert send_signed(site, "mended") == 200
    assert abs(received_at(site, "right-again")) < 60
    assert gateway.metrics()["sluice_gateway_clock_set_back_total"] == 1


def test_a_small_step_back_keeps_the_order_of_arrivals(site, clock, gateway):
    site.start_workers(1)
    for number, offset in enumerate((0, -1, -1)):
        clock.set(offset)
        site.send_ok("POST", "/open", str(number).encode(), {"webhook-id": "one"})
    site.wait_drained()
    assert site.row("one", "open").body == b"2"
    assert gateway.metrics()["sluice_gateway_clock_set_back_total"] == 0


def test_a_worker_tells_of_a_gateway_whose_clock_is_ahead_and_stores_its_events(site):
    worker, = site.start_workers(1)
    now = time.time_ns() // 1000
    site.publish("right", b"x", now)
    site.publish("ahead", b"x", now + HOUR * 1_000_000)
    site.publish("ahead-too", b"x", now + HOUR * 1_000_000)
    site.wait_count(3)
    line, = wait_until(lambda: worker.lines("clock-ahead"), worker.tail)
    assert line["id"].startswith("ahead") and line["source"] == "default"
    assert HOUR * 1000 - 60_000 < int(line["by_ms"]) <= HOUR * 1000
    wait_until(lambda: worker.metrics()["sluice_worker_clock_ahead_total"] == 2, "the count of both")
