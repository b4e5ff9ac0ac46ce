# SPDX-License-Identifier: MIT
"""Sends a bounded load over keep-alive connections, one thread each, and records everything in a ledger."""

import bisect
import http.client
import random
import socket
import threading
import time

from process import Failure, wait_until


class Connection(http.client.HTTPConnection):
    """Sends requests at once: without Nagle's algorithm."""

    def connect(self):
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class TlsConnection(http.client.HTTPSConnection):
    """The same with TLS."""

    def connect(self):
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Load:
    """Sends `rate` events a second until `count` were sent or stop() is called. Reconnects after every error. A part
    `repeats` of the ids is sent again with the same body, as senders do. The port may be changed while it runs, for a
    restarted gateway. tls: an ssl.SSLContext for HTTPS. source: the events' source, which gets them by `path`.
    headers(event_id, body): called for each request; returns the headers with id and signature. kinds: {name: fraction
    of all events}: such an event has -name- in its id, goes to /name, and is sent once."""

    def __init__(self, port, ledger, rate=400, count=20_000, threads=8, repeats=0.1, prefix="load", tls=None,
                 source="default", path="/load", headers=None, kinds=None):
        self.port = port
        self.ledger = ledger
        self.count = count
        self.repeats = repeats
        self.prefix = prefix
        self.tls = tls
        self.source = source
        self.path = path
        self.kinds = kinds or {}
        self.headers = headers or (lambda event_id, _: {"webhook-id": event_id})
        self.interval = threads / rate
        self.lock = threading.Lock()
        self.begun = 0
        self.statuses = {}
        self.slowest = 0.0
        self.connections = 0  # opened so far
        self.acks = []  # monotonic: when each 2xx came
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(random.Random(f"{ledger.seed}/{number}"), number),
                                         daemon=True) for number in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        if any(thread.is_alive() for thread in self.threads):
            raise Failure("the load did not stop within 30 s")

    def finish(self, limit=60):
        """Waits until all of `count` events have had their replies."""
        wait_until(lambda: not any(thread.is_alive() for thread in self.threads),
                   lambda: f"{self.count} events to be sent; statuses so far: {self.statuses}", limit)

    def wait_acked(self, more, limit=30):
        """Waits for `more` further 2xx replies (for fewer events: some are sent twice)."""
        goal = self.ledger.counts["acked"] + more
        wait_until(lambda: self.ledger.counts["acked"] >= goal,
                   lambda: f"{more} more acked events; statuses so far: {self.statuses}", limit)

    def wait_accepted(self, since, limit=30):
        """Waits for a 2xx after `since` (monotonic); returns how many seconds after it the first one came."""
        def first():
            with self.lock:
                place = bisect.bisect_right(self.acks, since)
                return self.acks[place] if place < len(self.acks) else None
        return wait_until(first, lambda: f"a 2xx; statuses so far: {self.statuses}", limit) - since

    def _take(self):
        with self.lock:
            self.begun += 1
            return self.begun <= self.count

    def _run(self, rng, number):
        connection = None
        mine = []
        fresh = 0
        due = time.monotonic()
        while not self.stopping.is_set() and self._take():
            due = max(due + self.interval, time.monotonic() - 1)
            self.stopping.wait(max(0, due - time.monotonic()))
            if mine and rng.random() < self.repeats:
                event_id, body = rng.choice(mine)
            else:
                event_id, body, again = self._event(rng, number, fresh)
                fresh += 1
                if again:
                    mine.append((event_id, body))
            connection, status = self.send(connection, event_id, body)
            if status is None:
                connection = None
                self.stopping.wait(0.02)

    def _event(self, rng, number, fresh):
        """The next event: its id, its body, and whether it may be sent again."""
        kind = self._kind(rng)
        body = b'{"n":%d,"pad":"%s"}' % (fresh, b"x" * rng.randrange(600))
        return f"{self.prefix}-{kind}{self.ledger.seed}-{number}-{fresh}", body, not kind

    def _kind(self, rng):
        drawn = rng.random() if self.kinds else 1
        for kind, part in self.kinds.items():
            drawn -= part
            if drawn < 0:
                return f"{kind}-"
        return ""

    def _path(self, event_id):
        return next((f"/{kind}" for kind in self.kinds if f"-{kind}-" in event_id), self.path)

    def _connect(self):
        with self.lock:
            self.connections += 1
        if self.tls is not None:
            return TlsConnection("localhost", self.port, timeout=10, context=self.tls)
        return Connection("127.0.0.1", self.port, timeout=10)

    def send(self, connection, event_id, body):
        entry = self.ledger.sent(event_id, body, self.source)
        begun = time.monotonic()
        status = None
        try:
            if connection is None or connection.port != self.port:
                connection = self._connect()
            connection.request("POST", self._path(event_id), body,
                               {**self.headers(event_id, body), "Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            status = reply.status
        except (OSError, http.client.HTTPException):
            if connection is not None:
                connection.close()
        self.ledger.replied(entry, status)
        now = time.monotonic()
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.slowest = max(self.slowest, now - begun)
            if status is not None and 200 <= status < 300:
                self.acks.append(now)
        return connection, status
