# SPDX-License-Identifier: MIT
"""Gateways behind a load balancer are restarted, and left idle: no sender notices."""

import http.client
import threading
import time

import pytest

from balancer import HAProxy, Nginx
from load import Connection, Load
from process import free_port, wait_until

LAME_DUCK = 3  # seconds; the balancer asks once a second
IDLE = (0.5, 1, 1.9, 2, 2.1, 3, 4.9, 5, 5.1, 10, 20, 30, 45, 59, 61, 70)  # seconds between two requests


def two_gateways(site, **settings):
    """Each with ports of its own, which it has again after a restart."""
    ports = []
    for _ in range(4):
        ports.append(free_port(None, ports))
    return [site.start_gateway(GATEWAY_LISTEN=f"127.0.0.1:{listen}", GATEWAY_ADMIN=f"127.0.0.1:{admin}", **settings)
            for listen, admin in (ports[:2], ports[2:])]


@pytest.mark.quick
def test_ten_restarts_in_turn_behind_a_load_balancer_and_every_reply_is_200(site):
    gateways = two_gateways(site, GATEWAY_LAME_DUCK=f"{LAME_DUCK}s")
    site.start_workers(1)
    ledger = site.ledger()
    with HAProxy(site.directory) as balancer:
        balancer.start(gateways)
        with Load(balancer.port, ledger, rate=300, threads=24, count=200_000) as load:
            for number in range(10):
                load.wait_acked(100)
                gateway, other = gateways[number % 2], gateways[1 - number % 2]
                begun = time.monotonic()
                gateway.terminate()
                assert gateway.wait(30) == 0
                assert time.monotonic() - begun >= LAME_DUCK
                assert gateway.lines("lame-duck") and gateway.lines("drained")[0]["requests_cut"] == "0"
                load.wait_acked(100)
                gateway.start()
                wait_until(lambda one=gateway: one.lines("received"), lambda: f"the balancer to use it again\n{balancer.tail()}")
                assert other.is_ready()
        assert load.statuses.keys() == {200}
        site.note(f"10 restarts: {load.statuses}, {load.connections} connections, slowest reply {load.slowest:.2f} s")
        assert load.connections == len(load.threads), "a sender's connection was reset"
    site.settle(ledger, at_least=1500)


class Pauses:
    """Two requests on each of many connections, all at once, with a pause of so many seconds between the two."""

    def __init__(self, port, pauses):
        self.port = port
        self.replies = {}
        self.threads = [threading.Thread(target=self._run, args=(pause,), daemon=True) for pause in pauses]

    def _run(self, pause):
        connection = Connection("127.0.0.1", self.port, timeout=20)
        try:
            statuses = [self._ask(connection, pause)]
            time.sleep(pause)  # what is tested is this time itself
            statuses.append(self._ask(connection, pause))
        except (OSError, http.client.HTTPException) as error:
            statuses.append(repr(error))
        connection.close()
        self.replies[pause] = statuses

    @staticmethod
    def _ask(connection, pause):
        sock = connection.sock
        connection.request("POST", f"/{pause}", b"x")
        reply = connection.getresponse()
        reply.read()
        return reply.status if sock in (None, connection.sock) else "another connection"

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(100)
        return {pause: statuses for pause, statuses in self.replies.items() if statuses != [200, 200]}


@pytest.mark.quick
def test_a_connection_that_idled_as_long_as_a_proxy_may_let_it_is_served(site):
    gateway = site.start_gateway()
    pauses = Pauses(gateway.port, [2 + step / 500 for step in range(-20, 40)])
    assert pauses.run() == {}
    assert len(pauses.replies) == 60


@pytest.mark.parametrize("kind", [HAProxy, Nginx])
def test_idle_connections_from_a_balancer_end_in_no_502(site, kind):
    gateways = two_gateways(site)
    with kind(site.directory) as balancer:
        balancer.start(gateways)
        pauses = Pauses(balancer.port, IDLE)
        assert pauses.run() == {}
        assert len(pauses.replies) == len(IDLE)
