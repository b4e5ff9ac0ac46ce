# SPDX-License-Identifier: MIT
"""From HTTP to the row: a gateway, without and with bundles, and one worker beside the bare pipeline, which publishes
and drains at once without HTTP. Bare and Sluice alternate, round by round, each time until the last row is in the table; then half
the load, at a fixed rate, for the latencies."""

import time

import bodies
from meter import Meter, counting_calls, peak_mb
from process import wait_until
from programs import Worker
from stage import BUNDLED, PLAIN

CONNECTIONS = (64, 256)
GATEWAYS = {"": PLAIN, ", bundles": BUNDLED}  # what the name of a load ends in: the gateway's settings
LOADS = [(connections, kind) for kind in GATEWAYS for connections in CONNECTIONS]
COMMITTED = """select percentile_cont(array[0.5, 0.99, 0.999]) within group
    (order by extract(epoch from pg_xact_commit_timestamp(xmin) - received_at) * 1000) from webhooks_raw"""


class Row:
    def __init__(self, stage, results, options):
        self.stage, self.results, self.options = stage, results, options
        self.gateways, self.worker = {}, None

    def run(self):
        """Each file of bodies with its share of the events."""
        directory = self.stage.deployment.directory
        self.measure(f"{self.options.body} B", self.stage.bodies, self.options.events)
        if self.options.corpus:
            file = bodies.of_corpus(directory / "corpus", self.options.corpus)
            self.measure(f"corpus of {bodies.mean_size(file) / 1000:.0f} kB", file, self.options.events // 4)
        else:
            print("row: without CORPUS=file (see make test) only small bodies are measured", flush=True)

    def measure(self, name, file, events):
        self.gateways = {kind: self.stage.gateway(f"gateway{kind.replace(', ', '-')}", **settings)
                         for kind, settings in GATEWAYS.items()}
        for number in range(self.options.rounds):
            kinds = [lambda: self.bare(name, file, events)]
            kinds += [lambda load=load: self.closed(name, file, *load) for load in LOADS]
            seen = [kind() for kind in (reversed(kinds) if number % 2 else kinds)]
            bare, *rates = reversed(seen) if number % 2 else seen
            for (connections, kind), rate in zip(LOADS, rates):
                self.results.add("row", f"{name}, {connections} connections{kind}", {"of bare": rate / bare})
            for kind in GATEWAYS:
                self.half(name, file, kind)
            print(f"row    {number + 1}: {name}: bare {bare:.0f}/s, Sluice "
                  + ", ".join(f"{rate:.0f}/s ({c}{kind})" for (c, kind), rate in zip(LOADS, rates)), flush=True)
        for kind, gateway in self.gateways.items():
            self.calls(name, file, kind)
            self.results.add("row", f"{name}{kind}", {"gateway, peak MB": peak_mb(gateway.pid)})
            gateway.stop()

    def bare(self, name, file, events):
        """Rows per second."""
        self.stage.purge()
        self.stage.truncate()
        begun = time.monotonic()
        programs = [self.stage.begin_bare(program, events, bodies=file) for program in ("drain", "publish")]
        for program in programs:
            self.stage.end_bare(program)
        rate = events / (time.monotonic() - begun)
        self.results.add("row", f"{name}, bare", {"rows/s": rate})
        return rate

    def start_worker(self):
        deployment = self.stage.deployment
        self.stage.truncate()
        self.worker = Worker("worker", deployment.build, deployment.worker_settings(),
                             deployment.directory / "worker-row.log").start()

    def stop_worker(self, name, events):
        """After the last of these events is stored."""
        self.wait_stored(events)
        peak = peak_mb(self.worker.pid)
        self.worker.stop()
        rows, = self.stage.deployment.database.query("select count(*) from webhooks_raw")[0]
        if rows < events:
            raise SystemExit(f"bench: {events} events got 200, but the table has {rows} rows")
        self.results.add("row", name, {"worker, peak MB": peak})

    def wait_stored(self, events):
        wait_until(lambda: self.worker.metrics()["sluice_worker_acked_total"] >= events,
                   lambda: f"{events} acks\n{self.worker.tail()}", 120, 0.01)

    def closed(self, name, file, connections, kind):
        """Rows per second."""
        self.start_worker()
        begun, meter = time.monotonic(), Meter(self.worker.pid)
        posted = self.stage.wrk(self.gateways[kind], connections, self.options.seconds, bodies=file)
        self.wait_stored(posted.events)
        rate = posted.events / (time.monotonic() - begun)
        cpu, switches = meter.per(posted.events)
        self.stop_worker(f"{name}{kind}", posted.events)
        self.results.add("row", f"{name}, {connections} connections{kind}", {
            "rows/s": rate, "gateway, us of CPU": posted.cpu, "gateway, switches": posted.switches,
            "worker, us of CPU": cpu, "worker, switches": switches})
        return rate

    def half(self, name, file, kind):
        rate = self.results.median("row", f"{name}, {CONNECTIONS[0]} connections{kind}", "rows/s") / 2
        self.start_worker()
        events, *accepted = self.stage.open_loop(self.gateways[kind], rate, self.options.seconds, file)
        self.stop_worker(f"{name}{kind}", events)
        committed, = self.stage.deployment.database.query(COMMITTED)[0]
        self.results.add("row", f"{name}, half load{kind}", {"rows/s": rate, **{
            f"{what}, {share} ms": value for what, values in (("accept", accepted), ("received to committed", committed))
            for share, value in zip(("p50", "p99", "p99.9"), values)}})

    def calls(self, name, file, kind):
        """System calls, which no other figure may be taken with."""
        self.start_worker()
        gateway = self.gateways[kind]
        with counting_calls({"gateway": gateway.pid, "worker": self.worker.pid}) as counts:
            posted = self.stage.wrk(gateway, CONNECTIONS[0], 2, bodies=file)
            self.wait_stored(posted.events)
        self.stop_worker(f"{name}{kind}", posted.events)
        self.results.add("row", f"{name}, {CONNECTIONS[0]} connections{kind}", {
            f"{program}, system calls": count / posted.events for program, count in counts.items()})
