#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""How fast Sluice is beside the bare limit of this machine: `make bench`.

Everything runs here (broker, database, load, Sluice), so rates say little and
ratios much. Each kind of run alternates with its bare twin, round by round, and the
median ratio is what counts:
  accept  wrk's POSTs to the gateway, answered after the confirm, beside a C program that only
          publishes with 500 confirms outstanding
  row     from HTTP to the row: wrk's POSTs with unique ids, a gateway and one worker, until the last row is in
          the table, beside the two bare programs at the same time
  drain   a worker that empties a filled queue, beside a C program that only
          consumes, upserts in pipelines of 500 and acks
  bad     the same worker when some of the events can't be stored, beside itself when all can
  verify  wrk's POSTs of 1 kB to a source with GitHub's signature, beside the same to one without; and
          each scheme's verification alone, in a program that does nothing else
  metrics what counting and timing one event costs, alone, in a program that does nothing else
Own CPU is that of the gateway's, the worker's or the bare program's process.
"""
import argparse
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "stack"))

from deployment import Deployment  # noqa: E402  pylint: disable=wrong-import-position
from process import wait_until  # noqa: E402  pylint: disable=wrong-import-position
from programs import Gateway, Worker  # noqa: E402  pylint: disable=wrong-import-position

HERE = pathlib.Path(__file__).resolve().parent
QUEUE = "webhooks.ingest"
RUNS = ("accept", "row", "drain", "bad", "verify", "metrics", "log")
VERIFIED_BODY = 1024
# Of the bare publisher's ids, which end in a number, those that end so are bad; in the first line none is.
BAD = {"none bad": ("none",), "1 bad in 5,000": ("0007", "5007"), "1 bad in 500": ("007", "507"), "1 bad in 50": ("07", "57")}
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far."""
    after_name = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


class Bench:
    def __init__(self, deployment, options):
        self.deployment = deployment
        self.options = options

    def begin_bare(self, program, events, prefix="bare"):
        deployment = self.deployment
        database = deployment.database
        environment = {
            "BARE_PORT": str(deployment.broker.port), "BARE_USER": "sluice-setup",
            "BARE_PASSWORD": deployment.secret("broker-setup"), "BARE_EVENTS": str(events),
            "BARE_BODY": str(self.options.body), "BARE_PREFIX": prefix,
            "BARE_DATABASE": f"{database.url('sluice')}", "PGPASSWORD": deployment.secret("database-owner"),
        }
        return subprocess.Popen([deployment.build / "bench" / program], env=environment, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def end_bare(program):
        """(events per second, own CPU in us per event)."""
        with program:
            out, _ = program.communicate(timeout=120)
        if program.returncode:
            raise SystemExit(f"bench: {program.args[0]} failed")
        _, _, rate, cpu = out.split()
        return float(rate), float(cpu)

    def bare(self, program, events, prefix="bare"):
        return self.end_bare(self.begin_bare(program, events, prefix))

    def purge(self):
        self.deployment.broker.management("DELETE", f"queues/sluice/{QUEUE}/contents")

    def truncate(self):
        self.deployment.database.query("truncate webhooks_raw, bare_raw")

    def wrk(self, gateway, connections, path="/bench", headers=None, body=None):
        """(events per second, own CPU in us per event, p50 us, p99 us)."""
        return self.count_wrk(gateway, connections, path, headers, body)[1:]

    def count_wrk(self, gateway, connections, path="/bench", headers=None, body=None):
        """The number of events, and what wrk says."""
        before = cpu_seconds(gateway.pid)
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{self.options.seconds}s", "--latency", "-s", HERE / "post.lua",
             f"http://127.0.0.1:{gateway.port}{path}"],
            env={"PATH": "/usr/bin:/bin", "BENCH_BODY": str(body or self.options.body),
                 "BENCH_HEADERS": "".join(f"{name}: {value}\n" for name, value in (headers or {}).items())}, check=True,
            timeout=self.options.seconds + 60, stdout=subprocess.PIPE, text=True)
        result = [line for line in done.stdout.splitlines() if line.startswith("RESULT")][0].split()
        requests, micros, errors, median, high = (int(number) for number in result[1:])
        if errors:
            raise SystemExit(f"bench: {errors} of {requests} requests failed\n{done.stdout}\n{gateway.tail()}")
        return requests, requests / micros * 1e6, (cpu_seconds(gateway.pid) - before) / requests * 1e6, median, high

    def accept(self):
        # A thread for each connection and some more, so that no request is refused for want of one.
        settings = self.deployment.gateway_settings(GATEWAY_THREADS=320, GATEWAY_IN_FLIGHT=300)
        gateway = Gateway("gateway", self.deployment.build, settings, self.deployment.directory / "gateway.log").start()
        ratios = {connections: [] for connections in (64, 256)}
        for number in range(self.options.rounds):
            bare_rate, bare_cpu = self.bare("publish", self.options.events)
            self.purge()
            print(f"accept {number + 1}: bare            {bare_rate:8.0f}/s  {bare_cpu:5.1f} us own CPU", flush=True)
            for connections, seen in ratios.items():
                rate, cpu, median, high = self.wrk(gateway, connections)
                self.purge()
                seen.append(rate / bare_rate)
                print(f"accept {number + 1}: {connections:3} connections {rate:8.0f}/s  {cpu:5.1f} us own CPU  "
                      f"p50 {median / 1000:.1f} ms  p99 {high / 1000:.1f} ms  ratio {seen[-1]:.2f}", flush=True)
        gateway.stop()
        for connections, seen in ratios.items():
            print(f"accept, {connections} connections: median ratio {statistics.median(seen):.2f} of bare", flush=True)

    def bare_row(self):
        """Publishes and drains at once: rows per second."""
        begun = time.monotonic()
        programs = [self.begin_bare(program, self.options.events) for program in ("drain", "publish")]
        for program in programs:
            self.end_bare(program)
        return self.options.events / (time.monotonic() - begun)

    def row(self):
        settings = self.deployment.gateway_settings(GATEWAY_THREADS=320, GATEWAY_IN_FLIGHT=300)
        gateway = Gateway("gateway", self.deployment.build, settings, self.deployment.directory / "gateway-row.log").start()
        ratios = {connections: [] for connections in (64, 256)}
        for number in range(self.options.rounds):
            self.purge()
            self.truncate()
            bare_rate = self.bare_row()
            print(f"row    {number + 1}: bare            {bare_rate:8.0f}/s", flush=True)
            for connections, seen in ratios.items():
                self.truncate()
                seen.append(self.one_row(gateway, connections, number, bare_rate))
        gateway.stop()
        for connections, seen in ratios.items():
            print(f"row, {connections} connections: median ratio {statistics.median(seen):.2f} of bare", flush=True)

    def one_row(self, gateway, connections, number, bare_rate):
        """The ratio to bare."""
        worker = Worker("worker", self.deployment.build, self.deployment.worker_settings(),
                        self.deployment.directory / "worker-row.log").start()
        begun, before = time.monotonic(), cpu_seconds(worker.pid)
        events, _, gateway_cpu, _, _ = self.count_wrk(gateway, connections)
        wait_until(lambda: worker.metrics()["sluice_worker_acked_total"] >= events,
                   lambda: f"{events} acks\n{worker.tail()}", 120, 0.01)
        rate = events / (time.monotonic() - begun)
        cpu = (cpu_seconds(worker.pid) - before) / events * 1e6
        worker.stop()
        rows, = self.deployment.database.query("select count(*) from webhooks_raw")[0]
        if rows < events:
            raise SystemExit(f"bench: {events} events got 200, but the table has {rows} rows")
        print(f"row    {number + 1}: {connections:3} connections {rate:8.0f}/s  {gateway_cpu:5.1f} + {cpu:4.1f} us own CPU of gateway "
              f"and worker  ratio {rate / bare_rate:.2f}", flush=True)
        return rate / bare_rate

    def verify(self):
        """What verification adds to a request of 1 kB."""
        secret, path = "the secret of the benchmark", self.deployment.directory / "routes.json"
        (self.deployment.directory / "github").write_text(secret, encoding="ascii")
        verified = {"scheme": "github", "secrets": [{"file": str(self.deployment.directory / "github")}]}
        by_header = {"header": "X-GitHub-Delivery"}
        path.write_text(json.dumps({"sources": [
            {"name": "open", "path": "/open", "verify": {"scheme": "none"}, "id": by_header},
            {"name": "signed", "path": "/signed", "verify": verified, "id": by_header}]}), encoding="ascii")
        body = b'{"fill":"' + b"x" * (VERIFIED_BODY - 11) + b'"}'
        headers = {"X-GitHub-Delivery": "the-same", "X-GitHub-Event": "push",
                   "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
        gateway = Gateway("gateway", self.deployment.build, self.deployment.gateway_settings(GATEWAY_ROUTES=path),
                          self.deployment.directory / "gateway-verify.log").start()
        added = []
        for number in range(self.options.rounds):
            cpu = {}
            for source in ("open", "signed"):
                rate, cpu[source], _, _ = self.wrk(gateway, 64, f"/{source}", headers, VERIFIED_BODY)
                self.purge()
                print(f"verify {number + 1}: {source:6} {rate:8.0f}/s  {cpu[source]:5.1f} us own CPU", flush=True)
            added.append(cpu["signed"] - cpu["open"])
        gateway.stop()
        print(f"verify: a signature of GitHub's adds {statistics.median(added):.1f} us (median) of own CPU per event of "
              f"{VERIFIED_BODY} bytes", flush=True)
        done = subprocess.run([self.deployment.build / "bench" / "verify"], check=True, stdout=subprocess.PIPE, text=True,
                              env={"BARE_BODY": str(VERIFIED_BODY), "BARE_EVENTS": "100000"}, timeout=120)
        for line in done.stdout.splitlines():
            _, scheme, cost = line.split()
            print(f"verify alone: {scheme:8} {float(cost):5.2f} us", flush=True)

    def metrics(self):
        """What the metrics of one event cost."""
        done = subprocess.run([self.deployment.build / "bench" / "metrics"], check=True, stdout=subprocess.PIPE, text=True,
                              env={"BARE_EVENTS": "3000000"}, timeout=120)
        for line in done.stdout.splitlines():
            _, who, cost = line.split()
            print(f"metrics: {who:9} {float(cost):5.3f} us of CPU per event", flush=True)

    def fill(self, prefix):
        self.truncate()
        self.bare("publish", self.options.events, prefix)

    def worker(self, **settings):
        """Empties the filled queue: (events per second, own CPU in us per event)."""
        events = self.options.events
        worker = Worker("worker", self.deployment.build, self.deployment.worker_settings(**settings),
                        self.deployment.directory / "worker.log").start(wait=False)
        wait_until(lambda: worker.metrics().get("sluice_worker_acked_total", 0) >= events,
                   lambda: f"{events} acks\n{worker.tail()}", 120)
        cpu = cpu_seconds(worker.pid)
        worker.stop()
        times = [datetime.fromisoformat(line["time"].rstrip("Z")) for line in worker.lines()
                 if line["event"] in ("consuming", "stored", "batch", "summary", "draining")]
        return events / (times[-1] - times[0]).total_seconds(), cpu / events * 1e6

    def drain(self):
        ratios = []
        for number in range(self.options.rounds):
            self.fill(f"round{number}")
            bare_rate, bare_cpu = self.bare("drain", self.options.events)
            self.fill(f"round{number}")
            rate, cpu = self.worker()
            ratios.append(rate / bare_rate)
            print(f"drain  {number + 1}: bare            {bare_rate:8.0f}/s  {bare_cpu:5.1f} us own CPU\n"
                  f"drain  {number + 1}: one worker      {rate:8.0f}/s  {cpu:5.1f} us own CPU  ratio {ratios[-1]:.2f}",
                  flush=True)
        print(f"drain: median ratio {statistics.median(ratios):.2f} of bare", flush=True)

    def flushes(self):
        return self.deployment.database.query("select wal_sync from pg_stat_wal")[0][0]

    @contextlib.contextmanager
    def refusing(self, ends, later):
        """The table refuses ids with these ends: for good or, by a trigger, in a way that may cure itself."""
        ended = f"right(new.id, {len(ends[0])}) in ({', '.join(repr(end) for end in ends)})"
        make = ("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;"
                f"create trigger refuse before insert on webhooks_raw for each row when ({ended}) execute function refuse()"
                if later else
                f"alter table webhooks_raw add constraint refuse check (not ({ended.replace('new.', '')})) not valid")
        self.deployment.database.query(make)
        yield
        self.deployment.database.query("drop trigger refuse on webhooks_raw; drop function refuse" if later else
                                       "alter table webhooks_raw drop constraint refuse")

    def bad(self):
        shares = {name: (ends, False) for name, ends in BAD.items()}
        shares["1 later in 500"] = (BAD["1 bad in 500"], True)
        seen = {name: [] for name in shares}
        for number in range(self.options.rounds):
            rates = {}
            for name, (ends, later) in shares.items():
                self.fill(f"round{number}-")
                with self.refusing(ends, later):
                    before = self.flushes()
                    rates[name], cpu = self.worker()
                    flushes = (self.flushes() - before) / self.options.events * 1000
                seen[name].append(rates[name] / rates["none bad"])
                print(f"bad    {number + 1}: {name:14} {rates[name]:8.0f}/s  {cpu:5.1f} us own CPU  "
                      f"{flushes:5.1f} flushes per 1,000  ratio {seen[name][-1]:.2f}", flush=True)
                self.purge_retries()
        for name, ratios in seen.items():
            print(f"{name}: median ratio {statistics.median(ratios):.2f} of a drain with none", flush=True)

    def log(self):
        """What the log's lines cost, and how many they are."""
        modes = {"off": {}, "batches": {}, "sampled": {}, "all": {}, "all, json": {"LOG_FORMAT": "json"}}
        costs = {(name, program): [] for name in modes for program in ("gateway", "worker")}
        for number in range(self.options.rounds):
            for name, settings in modes.items():
                settings = {**settings, "LOG_MESSAGES": name.partition(",")[0]}
                log = self.deployment.directory / "gateway.log"
                gateway = Gateway("gateway", self.deployment.build, self.deployment.gateway_settings(
                    GATEWAY_THREADS=320, GATEWAY_IN_FLIGHT=300, **settings), log).start()
                rate, cpu, _, _ = self.wrk(gateway, 64)
                gateway.stop()
                self.purge()
                self.fill(name.replace(", ", "-"))
                _, drain_cpu = self.worker(**settings)
                costs[name, "gateway"].append(cpu)
                costs[name, "worker"].append(drain_cpu)
                seconds, text = self.options.seconds, gateway.output()
                print(f"log    {number + 1}: {name:9} gateway {cpu:5.1f} us own CPU, {rate:6.0f} events/s, "
                      f"{text.count(chr(10)) / seconds:7.0f} lines/s, {len(text) / seconds / 1e6:5.2f} MB/s; "
                      f"worker {drain_cpu:5.1f} us", flush=True)
        for (name, program), seen in costs.items():
            added = statistics.median(seen) - statistics.median(costs["off", program])
            print(f"log, {name}: {added:.1f} us (median) of own CPU per event in the {program} over off", flush=True)

    def purge_retries(self):
        for seconds in (10, 60, 600):
            self.deployment.broker.management("DELETE", f"queues/sluice/webhooks.retry.{seconds}/contents")
        self.purge()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of each run of wrk")
    parser.add_argument("--events", type=int, default=100_000, help="of each bare run and each drain")
    parser.add_argument("--body", type=int, default=512, help="bytes of each body, at least 11")
    parser.add_argument("--only", choices=RUNS)
    options = parser.parse_args()
    # Not /tmp, which may be in memory: a disk is part of what is measured.
    with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp") as directory:
        deployment = Deployment(directory, options.build)
        try:
            deployment.start_servers()
            done = deployment.setup()
            if done.returncode:
                raise SystemExit(f"bench: setup failed\n{done.stdout}{done.stderr}")
            deployment.database.query("create table bare_raw (like webhooks_raw including all)")
            bench = Bench(deployment, options)
            print(f"bodies of {options.body} bytes, {os.cpu_count()} cores", flush=True)
            for run in [options.only] if options.only else RUNS:
                getattr(bench, run)()
        finally:
            deployment.stop_servers()


if __name__ == "__main__":
    main()
