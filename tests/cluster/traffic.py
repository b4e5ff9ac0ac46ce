# SPDX-License-Identifier: MIT
"""Three gateways behind a load balancer and two workers, with senders at the balancer and at each gateway; and how long
each of them went without a 2xx."""

import contextlib
import itertools
import time

from balancer import HAProxy
from load import Load
from process import free_port, wait_until
from proxy import Proxy

GATEWAYS = 3
WORKERS = 2
BALANCER = "balancer"
LAME_DUCK = 3  # seconds; the balancer asks once a second
# Seconds without a 2xx that are asserted; what a quiet machine measures stands in docs/testing.md.
GENEROUS = 30
ENOUGH = 300  # acked events


class Traffic:
    """loads: {"balancer" or a gateway's name: the Load that is sent there}. With `cables` the first gateway reaches the
    nodes by cables of its own, cables: {node's name: Proxy}."""

    def __init__(self, site, cables=False):
        self.site = site
        self.cluster = site.broker
        self.ledger = site.ledger()
        self.balancer = HAProxy(site.directory)
        self.gateways = []
        self.workers = []
        self.loads = {}
        self.cables = {node.name: Proxy(node.ports["amqp"]) for node in self.cluster.nodes} if cables else {}

    def start(self):
        ports = []
        for _ in range(2 * GATEWAYS):
            ports.append(free_port(None, ports))
        self.gateways = [self.site.add_gateway(GATEWAY_LISTEN=f"127.0.0.1:{listen}", GATEWAY_ADMIN=f"127.0.0.1:{admin}",
                                               GATEWAY_LAME_DUCK=f"{LAME_DUCK}s", GATEWAY_PUBLISHERS=2, LOG_MESSAGES="batches")
                         for listen, admin in zip(ports[::2], ports[1::2])]
        if self.cables:
            ends = ",".join(f"127.0.0.1:{cable.port}" for cable in self.cables.values())
            self.gateways[0].settings["BROKER_URL"] = f"amqp://sluice-gateway@{ends}/sluice"
        for gateway in self.gateways:
            gateway.start()
        self.workers = self.site.start_workers(WORKERS, LOG_MESSAGES="batches")
        self.balancer.start(self.gateways)
        self.loads = {BALANCER: Load(self.balancer.port, self.ledger, rate=90, threads=24, count=10 ** 6, prefix=BALANCER),
                      **{gateway.name: Load(gateway.port, self.ledger, rate=20, threads=6, count=10 ** 6, prefix=gateway.name)
                         for gateway in self.gateways}}
        for load in self.loads.values():
            load.start()
        self.wait_flow()

    def end(self):
        for load in self.loads.values():
            load.stopping.set()
        for load in self.loads.values():
            load.stop()
        self.balancer.terminate()
        for cable in self.cables.values():
            cable.close()

    def wait_flow(self, names=None, limit=60):
        """Waits until each load (or each of names) has had ten more 2xx."""
        goals = {name: len(self.loads[name].acks) + 10 for name in names or self.loads}
        wait_until(lambda: all(len(self.loads[name].acks) >= goal for name, goal in goals.items()),
                   lambda: f"ten more 2xx from each of {list(goals)}; {self.said()}\n{self.site.tails()}", limit)

    def wait_refused(self):
        """Waits until each load has had ten more 503."""
        goals = {name: load.statuses.get(503, 0) + 10 for name, load in self.loads.items()}
        wait_until(lambda: all(self.loads[name].statuses.get(503, 0) >= goal for name, goal in goals.items()),
                   lambda: f"ten more 503 for each; {self.said()}", 60)

    def slowest_reply(self, seconds):
        """How long the slowest reply of the next so many seconds took."""
        for load in self.loads.values():
            load.slowest = 0.0
        time.sleep(seconds)  # what is measured is the slowest in this time
        return max(load.slowest for load in self.loads.values())

    def said(self):
        return {name: load.statuses for name, load in self.loads.items()}

    def gaps(self, since):
        """{load's name: the longest time without a 2xx, in seconds, since then (monotonic) and up to now}"""
        now = time.monotonic()
        found = {}
        for name, load in self.loads.items():
            with load.lock:
                times = [since, *(moment for moment in load.acks if moment > since), now]
            found[name] = max(after - before for before, after in itertools.pairwise(times))
        return found

    def note(self, what, since):
        """Prints the gaps since then, and returns them."""
        gaps = self.gaps(since)
        shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in gaps.items())
        self.site.note(f"{what}: longest without 2xx: {shown}")
        return gaps

    def wait_enough(self):
        """Waits until so much was acked that the ledger proves something."""
        wait_until(lambda: self.ledger.counts["acked"] >= ENOUGH, lambda: f"{ENOUGH} acked events; {self.said()}", 60)

    def settle(self):
        """Every acked event has its row."""
        self.site.settle(self.ledger, at_least=ENOUGH, limit=180)
        assert self.site.count("webhooks_dead") == 0


@contextlib.contextmanager
def flowing(site, **options):
    """A Traffic that flows; at its end it is settled, unless something failed."""
    traffic = Traffic(site, **options)
    try:
        traffic.start()
        yield traffic
        traffic.wait_enough()
    finally:
        traffic.end()
    site.broker.mend()
    traffic.settle()
