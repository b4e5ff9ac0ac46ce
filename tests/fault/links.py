# SPDX-License-Identifier: MIT
"""A site whose programs reach their servers through proxies, and measurements of its recovery."""

import time

from process import wait_until
from proxy import Proxy
from site_under_test import slowness

# Targets in seconds. Each measured time is printed with its target and must not exceed it.
LINK_HEALED = 2.0  # from a healed link to the first 2xx
BROKER_BACK = 5.0  # from the broker's return to the first 2xx
ALARM_OVER = 2.0  # from the end of an alarm to the first 2xx
DATABASE_BACK = 5.0  # from the database's return to the first new row


class Links:
    def __init__(self, site, seed):
        self.site = site
        self.seed = seed
        self.proxies = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for proxy in self.proxies.values():
            proxy.close()

    def _proxy(self, name, port):
        if name not in self.proxies:
            self.proxies[name] = Proxy(port, seed=self.seed)
        return self.proxies[name]

    @property
    def gateway_broker(self):
        return self._proxy("gateway-broker", self.site.broker.port)

    @property
    def worker_broker(self):
        return self._proxy("worker-broker", self.site.broker.port)

    @property
    def worker_database(self):
        return self._proxy("worker-database", self.site.database.port)

    def gateway_settings(self, **more):
        return {"BROKER_URL": f"amqp://sluice-gateway@127.0.0.1:{self.gateway_broker.port}/sluice", **more}

    def start_gateway(self, **more):
        return self.site.start_gateway(**self.gateway_settings(**more))

    def worker_settings(self, broker=True, database=True, **more):
        """broker, database: which of the two links has a proxy."""
        settings = {}
        if broker:
            settings["BROKER_URL"] = f"amqp://sluice-worker@127.0.0.1:{self.worker_broker.port}/sluice"
        if database:
            settings["DATABASE_URL"] = f"postgresql://sluice_worker@127.0.0.1:{self.worker_database.port}/sluice"
        return {**settings, **more}

    def start_workers(self, count, broker=True, database=True, **more):
        return self.site.start_workers(count, **self.worker_settings(broker, database, **more))


def accepted_again(site, load, since, target):
    """Waits for the first 2xx after `since`, and notes when it came."""
    seconds = load.wait_accepted(since, limit=60)
    site.note(f"first 2xx after {seconds:.2f} s (target {target:g})")
    assert seconds <= target * slowness(site), f"first 2xx only after {seconds:.1f} s\n{site.tails()}"
    return seconds


def backlog_falls(site, since, target=DATABASE_BACK):
    """Waits for one more row, and notes how long after `since` it came. Call it while nothing is being stored."""
    before = site.count()
    wait_until(lambda: site.count() > before, lambda: f"the backlog to fall\n{site.tails()}", 90, 0.05)
    seconds = time.monotonic() - since
    site.note(f"backlog falls after {seconds:.2f} s (target {target:g})")
    assert seconds <= target * slowness(site), f"the backlog falls only after {seconds:.1f} s\n{site.tails()}"
    return seconds
