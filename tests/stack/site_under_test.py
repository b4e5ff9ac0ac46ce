# SPDX-License-Identifier: MIT
"""The site that a test works with: programs to start, events to send, rows and messages to check."""

import collections
import contextlib
import re
import struct
import time
import zlib

import pika

from deployment import SECRETS
from ledger import Ledger
from process import Failure, wait_until
from programs import Console, Gateway, Worker
from wire import request

Row = collections.namedtuple("Row", "source id method path query headers content_type body received_at "
                                    "first_received_at stored_at")
ROWS = f"select {', '.join(Row._fields)} from webhooks_raw"


def _envelope(event_id, received, keep, headers):
    """The properties of an event, as a gateway writes them."""
    return pika.BasicProperties(
        content_type="application/json", delivery_mode=2, message_id=event_id, timestamp=received // 1_000_000,
        app_id="sluice", headers={
            "sluice-version": 1, "sluice-source": "default", "sluice-keep": keep, "sluice-method": "POST",
            "sluice-path": "/published", "sluice-query": "", "sluice-received": received,
            "sluice-remote": "127.0.0.1", "sluice-attempt": 0, "sluice-headers": {}, **headers})


def slowness(site):
    """How many times as long a sanitizer build may take."""
    return 5 if {"asan", "tsan"} & set(site.servers.build.parts) else 1


class Site:
    """notes: a list of lines that are printed at the end of the whole run."""

    def __init__(self, servers, name, seed, notes):
        self.servers = servers
        self.broker = servers.broker
        self.database = servers.database
        self.seed = seed
        self.name = name
        self.notes = notes
        # Tests whose long names differ only at the end must not share a ledger.
        short = f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:70]}-{zlib.crc32(name.encode()):08x}"
        self.directory = servers.directory / "tests" / short
        self.directory.mkdir(parents=True, exist_ok=True)
        self.programs = []
        self.ledgers = []

    def note(self, text):
        self.notes.append(f"{self.name}: {text}")

    # --- programs -------------------------------------------------------------

    def _add(self, kind, name, settings):
        settings = {"LOG_MESSAGES": "all", **settings}  # a test may look for any event's line
        number = sum(program.name.startswith(name) for program in self.programs) + 1
        program = kind(f"{name}-{number}", self.servers.build, settings, self.directory / f"{name}-{number}.log")
        self.programs.append(program)
        return program

    def add_gateway(self, **settings):
        """Adds a gateway without starting it."""
        return self._add(Gateway, "gateway", self.servers.gateway_settings(**settings))

    def start_gateway(self, **settings):
        return self.add_gateway(**settings).start()

    def add_worker(self, **settings):
        return self._add(Worker, "worker", self.servers.worker_settings(**settings))

    def start_workers(self, count, **settings):
        workers = [self.add_worker(**settings) for _ in range(count)]
        for worker in workers:
            worker.start(wait=False)
        for worker in workers:
            worker.wait_ready()
        return workers

    def start_console(self, **settings):
        return self._add(Console, "console", self.servers.reader_settings(CONSOLE_LISTEN="127.0.0.1:0", **settings)).start()

    @property
    def gateway(self):
        return next(program for program in self.programs if isinstance(program, Gateway))

    @property
    def workers(self):
        return [program for program in self.programs if isinstance(program, Worker)]

    def lines(self, event, event_id):
        """The log lines of all programs for one stage of one event."""
        return [line for program in self.programs for line in program.lines(event) if line.get("id") == event_id]

    # --- events ---------------------------------------------------------------

    def send(self, method="POST", target="/", body=b"", headers=None, **more):
        """Sends one request to the (first) gateway; returns a wire.Reply."""
        return request(self.gateway.port, method, target, body, headers, **more)

    def send_ok(self, *arguments, **more):
        """The same, but the reply must be 200; returns the event's id."""
        reply = self.send(*arguments, **more)
        assert reply.status == 200, f"{reply}\n{self.tails()}"
        return reply.json()["id"]

    def ledger(self, name="ledger"):
        ledger = Ledger(self.directory / f"{name}.tsv", self.seed)
        self.ledgers.append(ledger)
        return ledger

    def settle(self, ledger, at_least, limit=60):
        """Waits until every acked event is stored and the queues are empty, then checks the ledger."""
        wait_until(lambda: ledger.missing(self.database) == 0,
                   lambda: f"{ledger.missing(self.database)} acked events to be stored\n{self.tails()}", limit, 0.2)
        self.wait_drained(limit)
        balance = ledger.check(self.database, at_least)
        self.note(balance)
        assert balance, f"{balance}\n{self.tails()}"
        return balance

    # --- the broker -----------------------------------------------------------

    def channel(self, user="sluice-setup", password=None):
        """A pika channel on its own connection; close it with .connection.close()."""
        secret = password or self.servers.secret({"sluice-setup": "broker-setup", "sluice-gateway": "broker-gateway",
                                                  "sluice-worker": "broker-worker", "sluice-listen": "broker-listen",
                                                  "sluice-monitor": "broker-monitor"}[user])
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.broker.port, "sluice", pika.PlainCredentials(user, secret),
            socket_timeout=5, blocked_connection_timeout=10, heartbeat=30)).channel()

    @contextlib.contextmanager
    def unbound(self, queue, exchange, key):
        """What is published to the exchange with this key finds no queue as long as this lasts."""
        channel = self.channel()
        with contextlib.closing(channel.connection):
            channel.queue_unbind(queue, exchange, key)
            try:
                yield
            finally:
                channel.queue_bind(queue, exchange, key)

    def publish(self, event_id, body, received, keep="newest", **headers):
        """Publishes one event as a gateway would, but with any time of arrival (microseconds)."""
        self.publish_all([(event_id, headers)], body, received, keep)

    def publish_all(self, events, body, received, keep="newest", exchange="webhooks"):
        """Publishes several such events, (id, headers) each, over one channel."""
        self.publish_each([(event_id, body, received, headers) for event_id, headers in events], keep, exchange)

    def publish_each(self, events, keep="newest", exchange="webhooks"):
        """The same for events that differ in more, (id, body, time of arrival, headers) each."""
        channel = self.channel()
        channel.confirm_delivery()
        for event_id, body, received, headers in events:
            channel.basic_publish(exchange, headers.get("sluice-source", "default"), body,
                                  _envelope(event_id, received, keep, headers), mandatory=True)
        channel.connection.close()

    def publish_bundle(self, ids, body=b"{}", received=1_763_900_000_000_000, cut=0, exchange="webhooks", key="default", **headers):
        """Publishes events of one source as one message (lib/bundle), without its last `cut` bytes."""
        events = [b"".join(_envelope(event_id, received, "newest", headers).encode()) for event_id in ids]
        bundle = b"\1" + b"".join(struct.pack(">I", len(part)) + part for event in events for part in (event, body))
        channel = self.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, bundle[:len(bundle) - cut], pika.BasicProperties(
            content_type="application/vnd.sluice.bundle", delivery_mode=2, message_id=ids[0], app_id="sluice",
            headers={"sluice-version": 4, "sluice-bundle": len(ids)}), mandatory=True)
        channel.connection.close()

    def ingest_queues(self):
        """The names of all queues that workers consume: webhooks.ingest, and with QUEUE_SHARDS others."""
        return [entry["name"] for entry in self.broker.management("GET", "queues/sluice?columns=name")
                if re.fullmatch(r"webhooks\.ingest(\.\d+)?", entry["name"])]

    def wait_drained(self, limit=30):
        """Waits until the ingest queues have no message, ready or unacked. The broker must have given up none.
        The management page may be of a time before the last message, or have no figures (3.10's collector may end under
        load, for good), and a message may be on its way to a worker: so queue and workers are asked, too, twice in a row."""
        looks = 0
        queues = sorted({"webhooks.ingest", *self.ingest_queues()})

        def drained():
            nonlocal looks
            empty = all(self.broker.queue(name).get("messages", 0) == 0 and self.ready(name) == 0 for name in queues)
            looks = looks + 1 if empty and all(worker.unacked() == 0 for worker in self.workers if worker.alive()) else 0
            return looks == 2
        wait_until(drained, lambda: f"no message in {queues}: {[self.broker.queue(name) for name in queues]}", limit, 0.2)
        dead = self.ready("webhooks.dead")
        assert dead == 0, f"{dead} messages in webhooks.dead"

    def ready(self, queue):
        """How many messages are ready there, by the queue itself: the management page may be 5 s late."""
        channel = self.channel()
        try:
            return channel.queue_declare(queue, passive=True).method.message_count
        finally:
            channel.connection.close()

    def insert(self, count, **columns):
        """Inserts rows, one microsecond apart, as if workers had stored them. columns: SQL expressions of n."""
        values = {"source": "'default'", "id": "'e' || n", "method": "'POST'", "path": "'/'", "body": "'{}'",
                  "received_at": "timestamptz '2025-11-23 12:13:20Z' + n * interval '1 us'", **columns}
        values["first_received_at"] = values["received_at"]
        self.database.query(f"insert into webhooks_raw ({', '.join(values)}) select {', '.join(values.values())} "
                            f"from generate_series(1, {count}) n")

    def _purge(self):
        """All queues of Sluice, whatever delays an earlier test has declared."""
        queues = [entry["name"] for entry in self.broker.management("GET", "queues/sluice?columns=name")
                  if entry["name"].startswith("webhooks.")]
        channel = self.channel()
        try:
            def empty():
                left = 0
                for name in queues:
                    channel.queue_purge(name)
                    now = channel.queue_declare(name, passive=True).method
                    left += now.message_count + now.consumer_count
                return left == 0
            wait_until(empty, "empty queues without consumers", 15, 0.05)
        finally:
            channel.connection.close()

    # --- the database ---------------------------------------------------------

    def rows(self, where="true", arguments=()):
        return [Row(*row[:7], bytes(row[7]), *row[8:])
                for row in self.database.query(f"{ROWS} where {where} order by id, source", arguments)]

    def row(self, event_id, source="default"):
        """Waits for the row of an event and returns it."""
        found = wait_until(lambda: self.rows("id = %s and source = %s", (event_id, source)),
                           lambda: f"a row of {source}/{event_id}\n{self.tails()}", 15)
        return found[0]

    def count(self, table="webhooks_raw"):
        return self.database.query(f"select count(*) from {table}")[0][0]

    def wait_count(self, count, limit=30, table="webhooks_raw"):
        wait_until(lambda: self.count(table) >= count,
                   lambda: f"{count} rows in {table}, there are {self.count(table)}\n{self.tails()}", limit, 0.1)
        assert self.count(table) == count

    # --- the end --------------------------------------------------------------

    def end(self):
        """Ends every program, with SIGTERM first; returns signs of a bug."""
        findings = []
        for program in self.programs:
            program.send(15)
        for program in self.programs:
            try:
                program.wait(30)
            except Failure as failure:
                findings.append(str(failure))
                program.kill()
            findings += program.findings()
        findings += self._leaks()
        for ledger in self.ledgers:
            ledger.close()
        return findings

    def _leaks(self):
        """Secrets found in the programs' logs, where none may ever be."""
        secrets = {name: self.servers.secret(name) for name in SECRETS}
        logs = {program.log: program.log.read_text(encoding="utf-8", errors="replace")
                for program in self.programs if program.log.exists()}
        return [f"{path} holds the secret {name}" for path, text in logs.items()
                for name, secret in secrets.items() if secret in text]

    def clean(self):
        """Makes sure that the servers are up, and empties queues and tables."""
        self.broker.mend()
        if not self.database.child.alive():
            self.database.start()
        self._purge()
        self.database.query("truncate webhooks_raw, webhooks_dead")

    def tails(self, lines=25):
        servers = [self.database.child.tail(lines), self.broker.tail(lines)]
        return "\n".join([*(program.tail(lines) for program in self.programs), *servers])


def every(seconds, during, limit):
    """Yields every `seconds` seconds while during() is true, for at most `limit` seconds."""
    begun = due = time.monotonic()
    while during() and time.monotonic() - begun < limit:
        yield
        due += seconds
        time.sleep(max(0.0, due - time.monotonic()))
