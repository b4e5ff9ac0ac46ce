# SPDX-License-Identifier: MIT
"""The broker closes the channel for a message above its max_message_size: that costs the others their confirms once only."""

import pytest

from process import wait_until

pytestmark = pytest.mark.gateway
MOST = 1 << 20


@pytest.fixture(name="small_messages")
def fixture_small_messages(site):
    before = site.broker.message_max
    site.broker.limit_messages(MOST)
    yield
    if site.broker.message_max != before:
        site.broker.limit_messages(before)


@pytest.mark.usefixtures("small_messages")
def test_an_event_that_the_broker_finds_too_large_takes_down_the_connection_once_only(site):
    gateway = site.start_gateway(GATEWAY_MAX_BODY="4MiB")
    first = site.send(body=bytes(MOST + 1))
    assert (first.status, "lost before the confirm" in first.json()["error"]) == (503, True)
    wait_until(lambda: gateway.lines("broker-limit"), gateway.tail)
    assert gateway.lines("broker-limit")[0]["max_message_size"] == str(MOST)
    gateway.wait_ready()
    for size in (MOST + 1, 4 << 20):
        reply = site.send(body=bytes(size))
        assert (reply.status, "max_message_size" in reply.json()["error"]) == (503, True)
        assert "retry-after" in reply.headers
    assert site.send(body=bytes(MOST)).status == 200
    assert len(gateway.lines("broker-lost")) == 1
    assert gateway.metrics()['sluice_gateway_replies_total{outcome="oversize"}'] == 2
    site.broker.limit_messages(64 << 20)
    gateway.wait_ready()
    wait_until(lambda: site.send(body=bytes(4 << 20)).status == 200, gateway.tail, 20)
