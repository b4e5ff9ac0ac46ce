#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""How the cost of an event grows with what surrounds it: `make curves`.

One curve for each of these, on private servers; at each point some rounds, the points in another order in each round:
  workers       1 to 50 of them, with the budget that setup chooses and with one for all: a drain, and from HTTP to the row
  backlog       one worker drains 10,000 to 1,000,000 events
  table         one worker stores events in a table of 10,000 to 10,000,000 rows: ids close together, ids at random, and these
                right after a checkpoint
  connections   16 to 2,000 of them, with a thread each, and with the 256 threads of the default
  body          100 B to 1 MiB, which don't compress
  log           LOG_MESSAGES off, batches and all, of gateway and worker
  verification  none, and GitHub's signature
The last four go from HTTP to the row, with a gateway and one worker; what isn't accepted is counted beside what is. The
targets are in results.py, and plot.py draws the file of all rounds.
"""
import argparse
import contextlib
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "stack"))

import bodies  # noqa: E402  pylint: disable=wrong-import-position
from cost import Costs, Stored  # noqa: E402  pylint: disable=wrong-import-position
from deployment import Deployment  # noqa: E402  pylint: disable=wrong-import-position
from filled import Filled  # noqa: E402  pylint: disable=wrong-import-position
from process import wait_until  # noqa: E402  pylint: disable=wrong-import-position
from programs import Worker  # noqa: E402  pylint: disable=wrong-import-position
from results import Results, short  # noqa: E402  pylint: disable=wrong-import-position
from routefile import RouteFile, signed  # noqa: E402  pylint: disable=wrong-import-position
from stage import Stage  # noqa: E402  pylint: disable=wrong-import-position

HERE = pathlib.Path(__file__).resolve().parent
CURVES = ("workers", "backlog", "table", "connections", "body", "log", "verification")
BUDGET, WHOLE_BUDGET = 20, 100  # what setup chooses on a new server; two connections for each of 50 workers
WORKERS = [(count, BUDGET) for count in (1, 2, 4, 8, 16, 32, 50)] + [(count, WHOLE_BUDGET) for count in (16, 32, 50)]
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)  # of backlogs and tables
CONNECTIONS = (16, 64, 256, 1000, 2000)
DEFAULT_THREADS = 256
BODIES = {"100 B": 100, "1 kB": 1000, "10 kB": 10_000, "100 kB": 100_000, "1 MiB": 1 << 20}
VERIFIED_BODY = 1024
PREFETCH = 2000  # of a worker with the default settings: two batches of 500 for each of two connections
# No checkpoint and no vacuum happens but where one is meant to: either would be charged to the run that it falls into.
DATABASE = {"track_commit_timestamp": "on", "max_connections": 200, "max_wal_size": "32GB", "checkpoint_timeout": "1h",
            "autovacuum": "off"}
RECEIVED, APART_S = 1_700_000_000, 10  # the events of one run of the publisher were received within 10 s; then those of the next
HALT_MOST_S = 15  # the broker drops a silent worker after 20 s
LIMIT_S = 600
CPU = ", us of CPU"


@contextlib.contextmanager
def halted(programs):
    """They do nothing meanwhile."""
    begun = time.monotonic()
    try:
        for program in programs:
            program.send(signal.SIGSTOP)
        yield
        if time.monotonic() - begun > HALT_MOST_S:
            raise SystemExit(f"curves: workers were stopped for {time.monotonic() - begun:.0f} s, and the broker drops them after "
                             f"20 s: let nothing else use this machine, or use fewer --events")
    finally:
        for program in programs:
            program.send(signal.SIGCONT)


def told(figures):
    """A round in one line."""
    cpu = [f"{name.removesuffix(CPU)} {short(value)}" for name, value in figures.items() if name.endswith(CPU)]
    others = [f"{name} {short(value)}" for name, value in figures.items() if not name.endswith(CPU)]
    return f"{', '.join(others)}; us of CPU: {', '.join(cpu)}"


class Curves:
    def __init__(self, stage, results, options):
        self.stage, self.results, self.options = stage, results, options
        self.deployment = stage.deployment
        self.runs = 0  # of the publisher
        self.budget = None  # not set up yet

    # --- what the curves are made of

    def in_rounds(self, points, measure):
        """measure(*point)"""
        for _ in range(self.options.rounds):
            for point in random.sample(points, len(points)):
                measure(*point)

    def note(self, run, of, figures, at=None):
        self.results.add(run, of, figures, at)
        print(f"{run}: {of}: {told(figures)}", flush=True)

    def clear(self):
        self.stage.purge()
        self.deployment.database.query("truncate webhooks_raw")

    def asking(self):
        return contextlib.closing(self.deployment.database.connect())

    @contextlib.contextmanager
    def gateway(self, **settings):
        gateway = self.stage.gateway(**settings)
        try:
            yield gateway
        finally:
            gateway.stop()

    @contextlib.contextmanager
    def workers(self, count=1, wait=True, **settings):
        """So many; each consumes or is on standby, if we wait for that."""
        deployment = self.deployment
        workers = [Worker(f"worker-{number}", deployment.build, deployment.worker_settings(**settings),
                          deployment.directory / f"worker-{number}.log") for number in range(count)]
        try:
            for worker in workers:
                worker.start(wait)
            yield workers
        finally:
            for worker in workers:
                worker.send(signal.SIGTERM)
            for worker in workers:
                worker.wait(30)

    def publish(self, connection, events, **settings):
        """Fills the queue; returns (their rows, when the last one was received)."""
        self.stage.purge()
        self.runs += 1
        begin = RECEIVED + self.runs * APART_S
        self.stage.bare("publish", events, f"run{self.runs:06}", BARE_RECEIVED=str(begin), **settings)
        return Stored(connection, begin, begin + APART_S), begin + events / 1e6

    @staticmethod
    def stored(costs, last, events):
        """What they cost, when all are there."""
        wait_until(lambda: costs.stored.has_since(last), lambda: f"the last event\n{costs.workers[0].tail()}", LIMIT_S)
        wait_until(lambda: costs.stored.count() >= events, lambda: f"{events} rows\n{costs.workers[0].tail()}", LIMIT_S, 0.1)
        return costs.per_event()

    def drain(self, connection, events, checkpoint=False, ids=None, **settings):
        """One worker that finds a full queue when it starts; it is measured from when it consumes."""
        stored, last = self.publish(connection, events, **(ids or {}))
        if checkpoint:
            self.deployment.database.query("checkpoint")
        with self.workers(1, wait=False, **settings) as workers:
            wait_until(lambda: workers[0].lines("consuming"), lambda: f"a consumer\n{workers[0].tail()}", 20, 0.002)
            return self.stored(Costs(self.deployment, stored, workers), last, events)

    def drain_together(self, connection, workers, budget):
        """They are there when the queue is filled, but halted. What the broker has delivered to them by then isn't measured."""
        ahead = min(len(workers), budget) * PREFETCH
        with halted(workers):
            stored, last = self.publish(connection, ahead + self.options.events)
        wait_until(lambda: stored.count() >= ahead, lambda: f"{ahead} rows\n{workers[0].tail()}", LIMIT_S, 0.05)
        return self.stored(Costs(self.deployment, stored, workers), last, ahead + self.options.events)

    def to_row(self, connection, gateway, workers, connections=64, **posting):
        """From HTTP to the row. The gateway must be new."""
        costs = Costs(self.deployment, Stored(connection, time.time()), workers, gateway)
        posted = self.stage.post(gateway, connections, self.options.seconds, **posting)
        wait_until(lambda: costs.stored.count() >= gateway.metrics()['sluice_gateway_messages_total{outcome="stored"}'],
                   lambda: f"the rows of {posted.events} events\n{workers[0].tail()}", LIMIT_S, 0.1)
        replies = posted.events + posted.refused
        return {"accepted/s": posted.rate, **costs.per_event(), "p50 ms": posted.median / 1000, "p99 ms": posted.p99 / 1000,
                "refused, % of replies": 100 * posted.refused / replies, "broken, % of replies": 100 * posted.broken / replies}

    def through_one(self, run, of, at=None, gateway=None, worker=None, **posting):
        """From HTTP to the row, through a gateway and a worker with these settings."""
        self.clear()
        with self.asking() as connection, self.gateway(**(gateway or {})) as one, self.workers(1, **(worker or {})) as workers:
            self.note(run, of, self.to_row(connection, one, workers, **posting), at)

    # --- the curves

    def set_up(self, budget):
        """Does so unless it is."""
        if budget == self.budget:
            return
        self.budget = budget
        done = self.deployment.setup(DATABASE_BUDGET=budget, QUEUE_MAX_BYTES="16GiB")
        if done.returncode:
            raise SystemExit(f"curves: setup failed\n{done.stdout}{done.stderr}")

    def workers_curve(self):
        def measure(count, budget):
            name = ", budget for all" if budget == WHOLE_BUDGET else ""
            self.set_up(budget)
            self.clear()
            with self.asking() as connection, self.gateway() as gateway, self.workers(count) as workers:
                self.note(f"workers, drain{name}", f"{count}", self.drain_together(connection, workers, budget), count)
                self.note(f"workers, HTTP to row{name}", f"{count}", self.to_row(connection, gateway, workers), count)

        self.in_rounds(WORKERS, measure)
        self.set_up(BUDGET)
        for how in ("drain", "HTTP to row"):
            runs = (f"workers, {how}", f"workers, {how}, budget for all")
            self.results.compare(runs, self.results.best(runs, "rows/s"), "rows/s", "rows/s, of the best number's")

    def backlog_curve(self):
        def measure(events):
            self.clear()
            with self.asking() as connection:
                self.note("backlog", f"{events:,}", self.drain(connection, events), events)

        self.in_rounds([(size,) for size in SIZES if size <= self.options.most_backlog], measure)

    def table_curve(self):
        filled = {size: Filled(self.deployment, size) for size in SIZES if size <= self.options.most_rows}
        kinds = {"ids close together": {}, "ids at random": {"BARE_SCATTERED": "1"}}

        def measure(size, kind, checkpoint):
            table, run = filled[size], f"table, {kind}{', after a checkpoint' if checkpoint else ''}"
            table.take(self.options.events)
            with contextlib.closing(table.connect()) as connection:
                figures = self.drain(connection, self.options.events, checkpoint, kinds[kind],
                                     DATABASE_URL=self.deployment.database.url("sluice_worker", table.name))
            self.note(run, f"{size:,}", figures, size)

        self.in_rounds([(size, kind, False) for size in filled for kind in kinds], measure)
        self.in_rounds([(size, "ids at random", True) for size in filled], measure)
        for run in (*(f"table, {kind}" for kind in kinds), "table, ids at random, after a checkpoint"):
            for figure in ("worker and Postgres, us of CPU", "rows/s"):
                self.results.compare((run,), (run, f"{SIZES[0]:,}"), figure, f"{figure}, of {SIZES[0]:,} rows'")
        for table in filled.values():
            table.drop()

    def connections_curve(self):
        def measure(connections, threads):
            settings = {"GATEWAY_THREADS": threads or connections + 64, "GATEWAY_IN_FLIGHT": (threads or connections + 64) - 16}
            self.through_one(f"connections, {f'{threads} threads' if threads else 'a thread each'}", f"{connections:,}",
                             connections, settings, connections=connections)

        self.in_rounds([(count, None) for count in CONNECTIONS]
                       + [(count, DEFAULT_THREADS) for count in CONNECTIONS if count >= DEFAULT_THREADS], measure)

    def body_curve(self):
        files = {name: bodies.noise(self.deployment.directory / f"body-{size}", size) for name, size in BODIES.items()}
        self.in_rounds([(name,) for name in BODIES],
                       lambda name: self.through_one("body", name, BODIES[name], bodies=files[name]))

    def log_curve(self):
        def measure(mode):
            self.through_one("log", mode, None, {"LOG_MESSAGES": mode}, {"LOG_MESSAGES": mode})

        self.in_rounds([("off",), ("batches",), ("all",)], measure)

    def verification_curve(self):
        secret, by_header = "the secret of the benchmark", {"header": "X-GitHub-Delivery"}
        file = bodies.fill(self.deployment.directory / "verified", VERIFIED_BODY)
        headers = signed(secret, "", file.read_bytes().rstrip(b"\n"))
        del headers["X-GitHub-Delivery"]  # which is another one each time
        routes = RouteFile(self.deployment.directory / "routes")
        routes.write(routes.open("none", "/none", id=by_header), routes.github("github", "/github", secret, id=by_header))
        self.in_rounds([("none",), ("github",)], lambda source: self.through_one(
            "verification", source, None, {"GATEWAY_ROUTES": routes.path}, path=f"/{source}", headers=headers, bodies=file,
            id_header="X-GitHub-Delivery"))


def check_disk(options):
    """A row takes 0.6 kB with its indexes, and as much in the log, which isn't emptied meanwhile."""
    needed = 15 + (options.most_rows * 1.5 + options.most_backlog * 10) / 1e6
    free = shutil.disk_usage("/var/tmp").free / 1e9
    if free < needed:
        raise SystemExit(f"curves: /var/tmp has {free:.0f} GB free, and {needed:.0f} GB may be needed: use --most-rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each run of wrk")
    parser.add_argument("--events", type=int, default=50_000, help="of each drain, but those of backlog")
    parser.add_argument("--body", type=int, default=512, help="bytes of each body, at least 11")
    parser.add_argument("--curve", choices=CURVES, action="append", help="only this one; may be given several times")
    parser.add_argument("--most-rows", type=int, default=SIZES[-1], help="of table")
    parser.add_argument("--most-backlog", type=int, default=1_000_000, help="of backlog")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/curves.json"), help="where the results go")
    options = parser.parse_args()
    check_disk(options)
    # Not /tmp, which may be in memory: a disk is part of what is measured.
    with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp") as directory:
        deployment = Deployment(directory, options.build, DATABASE)
        with deployment.serving():
            stage = Stage(deployment, bodies.fill(pathlib.Path(directory) / "bodies", options.body), HERE / "post.lua")
            results = Results()
            curves = Curves(stage, results, options)
            curves.set_up(BUDGET)
            try:
                for curve in options.curve or CURVES:
                    getattr(curves, f"{curve}_curve")()
                    results.write(options)
            finally:
                results.finish(options)


if __name__ == "__main__":
    main()
