#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Injects random faults, then checks the ledger:  make chaos DURATION=600 SEED=1

Two gateways, one to eight workers, a private broker and database, all links through the fault proxy, constant load.
Every few seconds something breaks; faults overlap. A few per cent of the events are bad: some violate a constraint,
some are always refused by a trigger, some are refused for their first 3 s. There are partial problems, too: rows locked
for minutes, a source whose trigger names a missing table for a while, one whose trigger never ends, messages of a later
release. One source sends states of objects, each with an order, in any order of time; they are replayed to the workers now
and then, as are rows that are deleted meanwhile. Bodies expire all the while, 10 s after they came; their rows are checked
by the size and SHA-256 that are left. Prints its seed, a timeline and the
times from good events' arrival to their rows. Exits 1 when an acked event is lost or stored twice, a good event is a
dead letter or a bad one is not, a good event took too long, an object's row is not the newest state by its order, a
message of a later release is lost, dead or stored, a deleted row is back, the budget was exceeded, a program ended by
itself, or a log contains a secret."""

import argparse
import bisect
import collections
import contextlib
import hashlib
import itertools
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

import pika
import psycopg2

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "stack"), str(TESTS / "fault")]

# pylint: disable=wrong-import-position
from deployment import Deployment  # noqa: E402
from links import Links  # noqa: E402
from load import Load  # noqa: E402
from process import Child, Failure, wait_until  # noqa: E402
from programs import environment  # noqa: E402
from proxy import DIRECTIONS  # noqa: E402
from routefile import RouteFile  # noqa: E402
from sampler import Sampler  # noqa: E402
from site_under_test import Site  # noqa: E402

BUDGET = 6
DELAYS = "1s,2s,5s"
RETRY_QUEUES = ("webhooks.retry.1", "webhooks.retry.2", "webhooks.retry.5")
BAD = {"poison": 0.02, "refused": 0.01}  # end as dead letters
KINDS = {**BAD, "cured": 0.01}  # cured ones become rows by a retry
TABLE = """
    alter table webhooks_raw add constraint no_poison check (path <> '/poison');
    create function refuse() returns trigger language plpgsql as $$
    begin
        if new.path = '/refused' or (new.path = '/cured' and clock_timestamp() < new.received_at + interval '3 s') then
            raise exception 'not yet';
        end if;
        return new;
    end $$;
    create trigger refuse before insert on webhooks_raw for each row execute function refuse();

    create table trouble (source text primary key, what text not null);
    create function meet_trouble() returns trigger language plpgsql security definer as $$
    begin
        case (select what from trouble where trouble.source = new.source)
            when 'missing' then execute 'select from no_such_table';
            when 'endless' then perform pg_sleep(3600);
            else null;
        end case;
        return new;
    end $$;
    create trigger meet_trouble before insert or update on webhooks_raw for each row when (new.body is not null)
        execute function meet_trouble()"""
WORKERS_MAX = 8
LATER_VERSION = 99  # of an envelope that no worker knows
# Sources with problems. Their events may become dead letters during a problem, and if their last retry was just then.
TROUBLED = ("broken", "endless")
TROUBLE_ECHO = 60  # seconds: such a dead letter may also have to wait for the database

# The longest time allowed from a good event's arrival to its row, in seconds. Total outages are subtracted: a server or
# all workers' links down, plus the 5 s of recovery that tests/fault/links.py allows. A gateway's link that is down, and
# slow or sliced links, are not outages: storing continues. A batch with an endless statement waits 30 s. If its worker
# or connection is killed in that time, another worker's batch may contain the same event: 30 s more. The rest is for
# locks (2 s each), frozen workers (4 s), standby workers that release messages (5 s), alarms (15 s) and a busy machine.
BOUND = 90
RECOVERY = 5


class Outages:
    """The times at which no worker could store anything: intervals of the wall clock."""

    def __init__(self):
        self.spans = []

    def begin(self):
        """Begins an outage; returns the function that ends it."""
        span = [time.time(), None]
        self.spans.append(span)

        def end():
            span[1] = time.time() + RECOVERY
        return end

    @contextlib.contextmanager
    def during(self):
        end = self.begin()
        yield
        end()

    def measure(self):
        """Returns a function that gives the seconds of outage until a time."""
        merged = []
        for begin, end in sorted(span for span in self.spans if span[1] is not None):
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(end, merged[-1][1])
            else:
                merged.append([begin, end])
        begins = [begin for begin, _ in merged]
        sums = [0, *itertools.accumulate(end - begin for begin, end in merged)]

        def until(moment):
            place = bisect.bisect_right(begins, moment)
            return sums[place] - (max(0, merged[place - 1][1] - moment) if place else 0)
        return until


class OrderedLoad(Load):
    """Sends states of a few objects, each with an order that says nothing about its time; some have none."""
    OBJECTS, ORDERS = 100, 100_000  # few enough that two states of an object may have one order

    def __init__(self, port, ledger, rate, threads):
        super().__init__(port, ledger, rate, 10_000_000, threads=threads, prefix="ordered", source="ordered", path="/ordered",
                         headers=lambda *_: {})
        self.states = []  # (object, order or None, body, acked)

    def _event(self, rng, number, fresh):
        state = {"id": f"object-{rng.randrange(self.OBJECTS)}", "n": f"{self.port}-{number}-{fresh}"}
        if rng.random() < 0.95:
            state["order"] = rng.randrange(self.ORDERS)
        return state["id"], json.dumps(state).encode(), True

    def send(self, connection, event_id, body):
        connection, status = super().send(connection, event_id, body)
        with self.lock:
            self.states.append((event_id, json.loads(body).get("order"), body, status is not None and 200 <= status < 300))
        return connection, status


class Chaos:
    def __init__(self, site, links, ledger, seed, rate):
        self.site = site
        self.links = links
        self.rng = random.Random(seed)
        self.begun = time.monotonic()
        self.later = []  # (when, what, action) that ends each fault
        self.counts = collections.Counter()
        self.outages = Outages()
        routes = RouteFile(site.directory / "routes")
        routes.write(routes.open("default", "/*"), *(routes.open(name, f"/{name}") for name in TROUBLED),
                     routes.open("ordered", "/ordered", id={"pointer": "/id"}, order={"pointer": "/order"}))
        self.gateways = [links.start_gateway(GATEWAY_ROUTES=routes.path) for _ in range(2)]
        self.workers = [site.add_worker(**self._worker_settings()) for _ in range(WORKERS_MAX)]
        self.loads = [Load(gateway.port, ledger, rate / 2, 10_000_000, threads=16, prefix=f"chaos{number}",
                           kinds=KINDS)
                      for number, gateway in enumerate(self.gateways)]
        self.loads += [Load(gateway.port, ledger, rate / 60, 10_000_000, threads=2, prefix=f"broken{number}",
                            source="broken", path="/broken")
                       for number, gateway in enumerate(self.gateways)]
        self.ordered = [OrderedLoad(gateway.port, ledger, rate / 20, 2) for gateway in self.gateways]
        self.loads += self.ordered
        self.sender = Load(self.gateways[0].port, ledger, 1, 0)  # used only for its send()
        self.ledger = ledger
        self.numbers = itertools.count()
        self.alarms = 0
        self.troubles = []  # [source, begin, end or None], wall clock
        self.locked = set()  # ids whose rows were locked
        self.newer = {"confirmed": set(), "unknown": set()}  # ids of messages of a later release
        self.expiry = Child("prune", site.directory / "prune.log")
        self._begin_expiry()
        self.scale(3)
        self.faults = {
            self.kill_gateway: 3, self.stop_gateway: 2, self.kill_worker: 4, self.stop_worker: 2, self.freeze: 2,
            self.scale: 3, self.break_link: 8, self.throw_out: 3, self.restart_database: 3, self.restart_broker: 2,
            self.alarm: 2, self.long_alarm: 1, self.lock_rows: 3, self.break_source: 3, self.endless: 3,
            self.later_release: 2, self.replay: 8,
        }
        self.replays = []

    def _begin_expiry(self):
        """The index is made while the table is empty: its build would wait for locked rows."""
        done = self.site.servers.operate("prune", "--bodies", "--older-than", "1d")
        if done.returncode != 0:
            raise Failure(f"sluice prune failed: {done.stderr}")
        self.expiry.start([(self.site.servers.build / "sluice").absolute(), "prune", "--bodies", "--older-than", "10s", "--every",
                           "1s"], environment(self.site.servers.setup_settings()))

    def end_expiry(self):
        """Stops it; returns complaints."""
        status = self.expiry.terminate(60)
        (expired, replaced), = self.site.database.query(
            "select count(*), count(*) filter (where received_at > first_received_at) from webhooks_raw where body is null")
        print(f"expiry: the bodies of {expired} rows are gone, {replaced} of them of later arrivals")
        return [f"prune --every ended with {status}\n{self.expiry.tail()}"] * (status != 0) + \
               ["no body has expired"] * (expired == 0)

    def _worker_settings(self):
        return self.links.worker_settings(DELAYS=DELAYS, WORKER_BATCH_EVENTS=self.rng.choice([5, 50, 500]),
                                          WORKER_PREFETCH=self.rng.choice([50, 1000]))

    def say(self, text):
        print(f"{time.monotonic() - self.begun:7.1f} s  {text}", flush=True)

    # --- faults -------------------------------------------------------------------

    def _restart_gateway(self, end):
        number = self.rng.randrange(len(self.gateways))
        gateway = self.gateways[number]
        end(gateway)
        gateway.start(wait=False)
        for load in self.loads[number::len(self.gateways)]:
            load.port = gateway.port
        return gateway.name

    def kill_gateway(self):
        return "kill -9 " + self._restart_gateway(lambda gateway: gateway.kill())

    def stop_gateway(self):
        return "SIGTERM " + self._restart_gateway(self._stop)

    @staticmethod
    def _stop(program):
        status = program.stop(limit=40)
        if status != 0:
            raise Failure(f"{program.name} ended with {status} after SIGTERM\n{program.tail()}")

    def _one_alive(self):
        return self.rng.choice([worker for worker in self.workers if worker.alive()])

    def kill_worker(self):
        worker = self._one_alive()
        worker.kill()
        worker.start(wait=False)
        return f"kill -9 {worker.name}"

    def stop_worker(self):
        worker = self._one_alive()
        self._stop(worker)
        worker.start(wait=False)
        return f"SIGTERM {worker.name}"

    def freeze(self):
        worker = self._one_alive()
        worker.send(signal.SIGSTOP)
        self.end_later(self.rng.uniform(0.5, 4), f"{worker.name} thaws", lambda: worker.send(signal.SIGCONT))
        return f"freeze {worker.name}"

    def scale(self, count=None):
        count = count or self.rng.randint(1, WORKERS_MAX)
        alive = [worker for worker in self.workers if worker.alive()]
        surplus = self.rng.sample(alive, max(0, len(alive) - count))
        for worker in surplus:  # all at once: each may take WORKER_DRAIN, and meanwhile nothing else heals
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGTERM)
        for worker in surplus:
            self._stop(worker)
        for worker in [worker for worker in self.workers if not worker.alive()][:max(0, count - len(alive))]:
            worker.start(wait=False)
        return f"{count} workers"

    def break_link(self):
        name = self.rng.choice(["gateway_broker", "worker_broker", "worker_database"])
        proxy = getattr(self.links, name)
        direction = self.rng.choice(DIRECTIONS)
        fault, *arguments = self.rng.choice([
            ("reset",), ("cut",), ("black_hole",), ("vanish",), ("hold", direction), ("drop", direction),
            ("half_close", direction), ("delay", self.rng.randint(5, 300)), ("slice",),
            ("stop_after", self.rng.randint(1, 5000), direction)])
        getattr(proxy, fault)(*arguments)
        stops_all = name != "gateway_broker" and fault not in ("delay", "slice")
        over = self.outages.begin() if stops_all else lambda: None
        self.end_later(self.rng.uniform(0.3, 5), f"{name} heals", lambda: (proxy.heal(), over()))
        return f"{name}: {fault} {' '.join(map(str, arguments))}"

    def throw_out(self):
        if not self.site.database.child.alive():
            return None
        done = self.site.database.query("select pg_terminate_backend(pid) from pg_stat_activity "
                                        "where usename = 'sluice_worker'")
        return f"{len(done)} backends terminated"

    def restart_database(self):
        database = self.site.database
        how = self.rng.choice(["fast", "immediate", "kill"])
        with self.outages.during():
            if how == "kill":
                database.kill()
            else:
                database.stop(how)
            time.sleep(self.rng.uniform(0, 3))
            database.start()
        return f"database: {how}, and back"

    def restart_broker(self):
        broker = self.site.broker
        how = self.rng.choice(["stop", "kill"])
        with self.outages.during():
            if how == "kill":
                broker.kill()
            else:
                broker.stop()
            broker.start()
        return f"broker: {how}, and back"

    def _alarm(self, seconds):
        self.site.broker.set_alarm()
        self.alarms += 1
        self.end_later(seconds, "no alarm", self._end_alarm)

    def _end_alarm(self):
        self.alarms -= 1
        if self.alarms == 0:
            self.site.broker.clear_alarm()

    def alarm(self):
        self._alarm(self.rng.uniform(0.5, 4))
        return "alarm"

    # --- partial trouble ------------------------------------------------------------

    def long_alarm(self):
        """An alarm while retries are pending, since some events are always bad."""
        seconds = self.rng.uniform(5, 15)
        self._alarm(seconds)
        return f"alarm for {seconds:.0f} s"

    def lock_rows(self):
        """An open transaction locks the newest rows that no other one has locked; they are sent again. A restart of the
        database ends it, too."""
        count, seconds = self.rng.choice([1, 10, 100]), self.rng.uniform(5, 150)
        holder = self.site.database.connect()
        with holder.cursor() as cursor:
            cursor.execute("begin; select id, body from webhooks_raw where source = 'default' and body is not null "
                           "order by received_at desc limit %s for update skip locked", (count,))
            rows = cursor.fetchall()
        self.locked.update(event_id for event_id, _ in rows)
        for event_id, body in rows[:3]:
            self._send("default", "/load", event_id, bytes(body))
        self.end_later(seconds, f"{len(rows)} rows let go", lambda: self._let_go(holder))
        return f"{len(rows)} rows locked for {seconds:.0f} s"

    @staticmethod
    def _let_go(holder):
        with contextlib.suppress(psycopg2.Error):
            holder.close()

    def _send(self, source, path, event_id, body):
        """Sends one event; the ledger records its outcome."""
        self.sender.port, self.sender.source, self.sender.path = self.gateways[0].port, source, path
        connection, _ = self.sender.send(None, event_id, body)
        if connection is not None:
            connection.close()

    def _trouble(self, source, what, seconds):
        """Starts a problem of a source. Returns false when the source has one already."""
        if any(name == source and end is None for name, _, end in self.troubles):
            return False
        self.troubles.append([source, time.time(), None])
        trouble = self.troubles[-1]
        self.site.database.query("insert into trouble values (%s, %s)", (source, what))

        def mend():
            self.site.database.query("delete from trouble where source = %s", (source,))
            trouble[2] = time.time()
        self.end_later(seconds, f"source {source} is mended", mend)
        return True

    def break_source(self):
        seconds = self.rng.uniform(5, 40)
        return f"source broken: its trigger names a missing table for {seconds:.0f} s" if self._trouble(
            "broken", "missing", seconds) else None

    def endless(self):
        seconds = self.rng.uniform(20, 90)
        if not self._trouble("endless", "endless", seconds):
            return None
        self._send("endless", "/endless", f"endless-{self.ledger.seed}-{next(self.numbers)}", b"x")
        return f"source endless: its trigger doesn't end for {seconds:.0f} s, one event"

    def later_release(self):
        """Five messages of the next envelope version. Not during an alarm, which would block this publisher, too."""
        if self.alarms:
            return None
        ids = {f"newer-{next(self.numbers)}" for _ in range(5)}
        self.newer["unknown"] |= ids
        with contextlib.suppress(pika.exceptions.AMQPError):
            channel = self.site.channel()
            channel.confirm_delivery()
            for event_id in sorted(ids):
                channel.basic_publish("webhooks", "skew", event_id.encode(), pika.BasicProperties(
                    delivery_mode=2, message_id=event_id, headers={"sluice-version": LATER_VERSION, "sluice-source": "skew"}),
                    mandatory=True)
                self.newer["unknown"].remove(event_id)
                self.newer["confirmed"].add(event_id)
            channel.connection.close()
        return "5 messages of a later release"

    # --- replays ----------------------------------------------------------------------

    def replay(self):
        """Replays the newest states of the objects, or rows that are deleted while their replay is under way. One at a
        time; what breaks may end it."""
        if self.replays and self.replays[-1].alive():
            return None
        number, source = len(self.replays), self.rng.choice(["ordered", "deleted"])
        if source == "deleted":
            self.site.insert(5, source="'deleted'", id=f"'deleted-{number}-' || n", received_at="now()")
            self.end_later(self.rng.uniform(0.1, 5), "5 rows deleted", lambda: self.site.database.query(
                f"delete from webhooks_raw where source = 'deleted' and id like 'deleted-{number}-%'"))
        child = Child(f"replay-{number}", self.site.directory / f"replay-{number}.log")
        child.start([(self.site.servers.build / "sluice").absolute(), "replay", "--source", source, "--since", "60s", "--to",
                     "workers", "--rate", "1000", "--backlog", "100000", "--cursor",
                     self.site.directory / f"replay-{number}.json"],
                    environment(self.site.servers.setup_settings(DELAYS=DELAYS)))
        self.replays.append(child)
        return f"replay of source {source}"

    def replayed(self, limit=60):
        """Waits until the last replay has ended and nothing of it is on its way; returns complaints."""
        if self.replays and self.replays[-1].alive():
            self.replays[-1].wait(limit)
        wait_until(lambda: self.site.broker.queue(RETRY_QUEUES[0]).get("messages", 1) == 0, "an empty retry tier", limit, 0.2)
        self.site.wait_drained(limit)
        texts = [child.output() for child in self.replays]
        print(f"replays: {len(texts)}, {sum('nothing is left' in text for text in texts)} of them whole")
        return [f"a deleted row is back: {event_id}" for event_id, in self.site.database.query(
            "select id from webhooks_raw where source = 'deleted'")]

    # --- the run ----------------------------------------------------------------------

    def end_later(self, seconds, what, action):
        self.later.append((time.monotonic() + seconds, what, action))

    def end_what_is_due(self, everything=False):
        now = time.monotonic()
        due = sorted((entry for entry in self.later if everything or entry[0] <= now), key=lambda entry: entry[0])
        self.later = [entry for entry in self.later if entry not in due]
        for _, what, action in due:
            action()
            self.say(f"    {what}")

    def run(self, duration):
        until = self.begun + duration
        next_fault = next_report = time.monotonic() + 2
        while time.monotonic() < until:
            self.end_what_is_due()
            if time.monotonic() >= next_fault:
                fault = self.rng.choices(list(self.faults), list(self.faults.values()))[0]
                said = fault()
                if said:
                    self.counts[fault.__name__] += 1
                    self.say(said)
                next_fault = time.monotonic() + self.rng.uniform(0.5, 4)
            if time.monotonic() >= next_report:
                next_report += 30
                self.say(f"    acked {self.ledger.counts['acked']}, unknown {self.ledger.counts['unknown']}, "
                         f"rows {self.site.count()}")
            time.sleep(0.05)
        self.heal()

    def heal(self):
        """Ends all faults. Traffic continues and must get through."""
        self.end_what_is_due(everything=True)
        for worker in self.workers:
            if not worker.alive():
                worker.start(wait=False)
        healed = time.monotonic()
        for number, load in enumerate(self.loads):
            self.say(f"gateway {number}: first 2xx {load.wait_accepted(healed, 60):.2f} s after all healed")
        for load in self.loads:
            load.wait_acked(100)

    # --- the checks -------------------------------------------------------------------

    def waits(self):
        """Prints the times from good events' arrival to their rows, without outages; returns complaints."""
        until = self.outages.measure()
        rows = self.site.database.query(
            "select extract(epoch from received_at)::float, extract(epoch from stored_at)::float, id from webhooks_raw "
            "where source = 'default'")
        good = [row for row in rows if row[2] not in self.locked and not any(f"-{kind}-" in row[2] for kind in KINDS)]
        whole = sorted(stored - received for received, stored, _ in good)
        waits = sorted((stored - received - until(stored) + until(received), event_id)
                       for received, stored, event_id in good)
        for name, seconds in ("with", whole), ("without", [wait for wait, _ in waits]):
            count = len(seconds)
            print(f"waits of {count} good events, {name} {until(time.time()):.0f} s of total outages: longest "
                  f"{seconds[-1]:.1f} s, p99 {seconds[count * 99 // 100]:.2f} s, median {seconds[count // 2]:.3f} s")
        return [f"a good event took {wait:.1f} s: {event_id}" for wait, event_id in waits[-5:] if wait > BOUND]

    def newest(self):
        """Returns complaints about objects whose row is not the newest state by its order. States without an answer may
        have been stored or not."""
        def place(order):
            return (order is not None, order or 0)
        acked, known = {}, set()
        for event_id, order, body, stored in (state for load in self.ordered for state in load.states):
            known.add((event_id, order, len(body), hashlib.sha256(body).digest()))
            if stored:
                acked[event_id] = max(acked.get(event_id, place(None)), place(order))
        rows = {event_id: (order, size, bytes(digest)) for event_id, order, size, digest in self.site.database.query(
            "select id, order_value, body_bytes, body_sha256 from webhooks where source = 'ordered'")}
        print(f"ordered: {len(rows)} objects, {sum(len(load.states) for load in self.ordered)} states sent")
        complaints = [f"an object without a row: {event_id}" for event_id in acked.keys() - rows.keys()]
        return complaints + [
            f"not the newest state: {event_id} has order {order}, of those acked the greatest is {acked.get(event_id)}"
            for event_id, (order, size, digest) in rows.items()
            if (event_id, order, size, digest) not in known or place(order) < acked.get(event_id, place(None))]

    def died_in_trouble(self, source, dead_at):
        return any(source == name and begin <= dead_at <= end + TROUBLE_ECHO for name, begin, end in self.troubles)

    def take_newer(self):
        """Ends the workers, takes the messages of a later release from the queues; returns complaints about missing and
        changed ones."""
        for worker in self.workers:
            if worker.alive():
                self._stop(worker)
        channel = self.site.channel()
        found, complaints = collections.Counter(), []

        def take():
            for _, properties, body in iter(lambda: channel.basic_get("webhooks.ingest", auto_ack=True), (None,) * 3):
                found[properties.message_id] += 1
                if body.decode() != properties.message_id or properties.headers.get("sluice-version") != LATER_VERSION:
                    complaints.append(f"not as it was published: {properties} {body[:100]}")
            return not (self.newer["confirmed"] - found.keys() or
                        any(self.site.broker.queue(name).get("messages", 1) for name in RETRY_QUEUES))
        with contextlib.suppress(Failure):  # missing messages are reported below
            wait_until(take, "what waits in the retry queues", 60, 0.2)
        channel.connection.close()
        print(f"later release: {len(self.newer['confirmed'])} confirmed, {len(found)} found, "
              f"{sum(found.values()) - len(found)} copies of them beside")
        complaints += [f"of a later release, lost: {event_id}" for event_id in self.newer["confirmed"] - found.keys()]
        return complaints + [f"in the queue at the end: {event_id}"
                             for event_id in found.keys() - self.newer["confirmed"] - self.newer["unknown"]]


def run(site, links, arguments, sampler):
    """Returns the complaints; none: everything is right."""
    ledger = site.ledger()
    chaos = Chaos(site, links, ledger, arguments.seed, arguments.rate)
    for load in chaos.loads:
        load.start()
    try:
        chaos.run(arguments.duration)
    finally:
        for load in chaos.loads:
            load.stop()
    chaos.say("load ends; the rest drains")
    begun = time.monotonic()
    wait_until(lambda: ledger.missing(site.database) == 0,
               lambda: f"{ledger.missing(site.database)} acked events to be stored\n{site.tails()}", 300, 1)
    site.wait_drained(60)
    back = chaos.replayed()
    chaos.say(f"drained {time.monotonic() - begun:.1f} s later")
    balance = ledger.check(site.database, arguments.at_least or int(arguments.duration * 60))
    print(f"faults: {sum(chaos.counts.values())} ({dict(chaos.counts)})")
    print(f"connections of the workers: at most {sampler.most} of {BUDGET}, {len(sampler.samples)} samples, "
          f"{sampler.gaps} gaps")
    print(f"SEED={arguments.seed} {balance}")
    complaints = [*balance.complaints, *back, *chaos.end_expiry()]
    if sampler.most > BUDGET:
        complaints.append(f"{sampler.most} connections, above the budget of {BUDGET}")
    return complaints + wrong_ends(site, chaos) + chaos.waits() + chaos.newest() + chaos.take_newer()


def wrong_ends(site, chaos):
    """Checks that every bad event is a dead letter and every other one a row, except those of a source with a problem
    that died during it. Prints the counts."""
    letters = site.database.query("select id, source, extract(epoch from dead_at)::float from webhooks_dead")
    troubled = {source: sum(source == name for _, name, _ in letters) for source in TROUBLED}
    print(f"dead letters of sources in trouble: {troubled}")
    dead = [event_id for event_id, source, dead_at in letters if not chaos.died_in_trouble(source, dead_at)]
    rows = [event_id for event_id, in site.database.query("select id from webhooks_raw")]

    def is_bad(event_id):
        return any(f"-{kind}-" in event_id for kind in BAD)
    for kind in KINDS:
        print(f"{kind}: {sum(f'-{kind}-' in each for each in dead)} dead letters, "
              f"{sum(f'-{kind}-' in each for each in rows)} rows")
    complaints = [f"a dead letter, though it was good: {event_id}" for event_id in dead if not is_bad(event_id)]
    complaints += [f"a row, though it was bad: {event_id}" for event_id in rows if is_bad(event_id)]
    if not dead:
        complaints.append("no dead letter at all: the bad events were not bad")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/gcc")
    parser.add_argument("--duration", type=float, default=600, help="seconds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--rate", type=float, default=600, help="events a second to send")
    parser.add_argument("--at-least", type=int, default=0, help="events that must be acked; default 60 a second")
    arguments = parser.parse_args()
    print(f"SEED={arguments.seed} DURATION={arguments.duration:g}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-chaos-", dir="/var/tmp"))
    servers = Deployment(directory, arguments.build)
    site = Site(servers, "chaos", arguments.seed, [])
    complaints = []
    try:
        servers.start_servers()
        done = servers.setup(DATABASE_BUDGET=BUDGET, DELAYS=DELAYS)
        if done.returncode != 0:
            raise Failure(f"sluice setup failed:\n{done.stdout}{done.stderr}")
        site.database.query(TABLE)
        with Links(site, arguments.seed) as links, Sampler(site.database) as sampler:
            complaints = run(site, links, arguments, sampler)
            complaints += site.end()
    except Failure as failure:
        complaints.append(str(failure))
        site.end()
    finally:
        servers.broker.kill()
        servers.broker.stop_epmd()
        servers.database.stop("immediate")
        servers.broker.remove()
        servers.database.remove()
        if not complaints:
            shutil.rmtree(directory, ignore_errors=True)
    for complaint in complaints:
        print(f"WRONG: {complaint}")
    print(f"chaos: {len(complaints)} complaints" + (f"; logs are in {directory}" if complaints else ""))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
