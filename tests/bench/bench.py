#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""How fast Sluice is beside the bare limit of this machine: `make bench`.

Everything runs here (broker, database, load, Sluice), so rates say little and
ratios much. Each kind of run alternates with its bare twin, round by round, and the
median ratio is what counts:
  row     from HTTP to the row: wrk's POSTs with unique ids, a gateway and one worker, until the last row is in
          the table, beside the two bare programs at the same time; and latencies at half that load (row.py)
  accept  wrk's POSTs to the gateway, answered after the confirm, beside a C program that only
          publishes with 500 confirms outstanding
  drain   a worker that empties a filled queue, beside a C program that only
          consumes, upserts in pipelines of 500 and acks
  bad     the same worker when some of the events can't be stored, beside itself when all can
  verify  wrk's POSTs of 1 kB to a source with GitHub's signature, beside the same to one without; and
          each scheme's verification alone, in a program that does nothing else
  metrics what counting and timing one event costs, alone, in a program that does nothing else
  log     what each LOG_MESSAGES costs
  shards  the bare publisher, then a worker, with 1, 2 and 4 ingest queues: what they cost where more can't help;
          only when it is asked for
Own CPU is that of the gateway's, the worker's or the bare program's process. At the end all figures are in one table, with
the targets (results.py), and in one file.
"""
import argparse
import contextlib
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import tempfile
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "stack"))

import bodies  # noqa: E402  pylint: disable=wrong-import-position
from deployment import Deployment  # noqa: E402  pylint: disable=wrong-import-position
from meter import cpu_seconds  # noqa: E402  pylint: disable=wrong-import-position
from process import wait_until  # noqa: E402  pylint: disable=wrong-import-position
from programs import Worker  # noqa: E402  pylint: disable=wrong-import-position
from results import Results  # noqa: E402  pylint: disable=wrong-import-position
from row import GATEWAYS, LOADS, Row  # noqa: E402  pylint: disable=wrong-import-position
from stage import Stage  # noqa: E402  pylint: disable=wrong-import-position

HERE = pathlib.Path(__file__).resolve().parent
RUNS = ("row", "accept", "drain", "bad", "verify", "metrics", "log")
ASKED_FOR = ("shards",)
SHARDS = (1, 2, 4)
VERIFIED_BODY = 1024
# Of the bare publisher's ids, which end in a number, those that end so are bad; in the first line none is.
BAD = {"none bad": ("none",), "1 bad in 5,000": ("0007", "5007"), "1 bad in 500": ("007", "507"), "1 bad in 50": ("07", "57")}
# Commit times, for the latency from received to committed.
DATABASE = {"track_commit_timestamp": "on"}


class Bench:
    def __init__(self, stage, results, options):
        self.stage, self.results, self.options = stage, results, options
        self.deployment = stage.deployment

    def row(self):
        Row(self.stage, self.results, self.options).run()

    def accept(self):
        gateways = {kind: self.stage.gateway(f"gateway{kind.replace(', ', '-')}", **settings) for kind, settings in GATEWAYS.items()}
        for number in range(self.options.rounds):
            bare_rate, bare_cpu = self.stage.bare("publish", self.options.events)
            self.stage.purge()
            self.results.add("accept", "bare", {"events/s": bare_rate, "us of CPU": bare_cpu})
            print(f"accept {number + 1}: bare                     {bare_rate:8.0f}/s  {bare_cpu:5.1f} us own CPU", flush=True)
            for connections, kind in LOADS:
                posted = self.stage.wrk(gateways[kind], connections, self.options.seconds)
                self.stage.purge()
                self.results.add("accept", f"{connections} connections{kind}", {
                    "events/s": posted.rate, "of bare": posted.rate / bare_rate, "us of CPU": posted.cpu,
                    "switches": posted.switches, "p50 ms": posted.median / 1000, "p99 ms": posted.p99 / 1000})
                print(f"accept {number + 1}: {connections:3} connections{kind:9} {posted.rate:8.0f}/s  {posted.cpu:5.1f} us own CPU  "
                      f"ratio {posted.rate / bare_rate:.2f}", flush=True)
        for gateway in gateways.values():
            gateway.stop()

    def verify(self):
        """What verification adds to a request of 1 kB."""
        secret, path = "the secret of the benchmark", self.deployment.directory / "routes.json"
        (self.deployment.directory / "github").write_text(secret, encoding="ascii")
        verified = {"scheme": "github", "secrets": [{"file": str(self.deployment.directory / "github")}]}
        by_header = {"header": "X-GitHub-Delivery"}
        path.write_text(json.dumps({"sources": [
            {"name": "open", "path": "/open", "verify": {"scheme": "none"}, "id": by_header},
            {"name": "signed", "path": "/signed", "verify": verified, "id": by_header}]}), encoding="ascii")
        file = bodies.fill(self.deployment.directory / "verified", VERIFIED_BODY)
        body = file.read_bytes().rstrip()
        headers = {"X-GitHub-Delivery": "the-same", "X-GitHub-Event": "push",
                   "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
        gateway = self.stage.gateway(GATEWAY_ROUTES=path)
        for number in range(self.options.rounds):
            cpu = {}
            for source in ("open", "signed"):
                posted = self.stage.wrk(gateway, 64, self.options.seconds, f"/{source}", headers, file)
                cpu[source] = posted.cpu
                self.stage.purge()
                print(f"verify {number + 1}: {source:6} {posted.rate:8.0f}/s  {posted.cpu:5.1f} us own CPU", flush=True)
            self.results.add("verify", f"{VERIFIED_BODY} B, github", {"added us of CPU": cpu["signed"] - cpu["open"]})
        gateway.stop()
        done = subprocess.run([self.deployment.build / "bench" / "verify"], check=True, stdout=subprocess.PIPE, text=True,
                              env={"BARE_BODY": str(VERIFIED_BODY), "BARE_EVENTS": "100000"}, timeout=120)
        for line in done.stdout.splitlines():
            _, scheme, cost = line.split()
            self.results.add("verify", f"{VERIFIED_BODY} B, alone", {f"{scheme}, us of CPU": float(cost)})

    def metrics(self):
        """What the metrics of one event cost."""
        done = subprocess.run([self.deployment.build / "bench" / "metrics"], check=True, stdout=subprocess.PIPE, text=True,
                              env={"BARE_EVENTS": "3000000"}, timeout=120)
        for line in done.stdout.splitlines():
            _, who, cost = line.split()
            self.results.add("metrics", "alone", {f"{who}, us of CPU": float(cost)})

    def fill(self, prefix):
        self.stage.truncate()
        self.stage.bare("publish", self.options.events, prefix)

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
        for number in range(self.options.rounds):
            self.fill(f"round{number}")
            bare_rate, bare_cpu = self.stage.bare("drain", self.options.events)
            self.fill(f"round{number}")
            rate, cpu = self.worker()
            self.results.add("drain", "bare", {"events/s": bare_rate, "us of CPU": bare_cpu})
            self.results.add("drain", "one worker", {"events/s": rate, "of bare": rate / bare_rate, "us of CPU": cpu})
            print(f"drain  {number + 1}: bare            {bare_rate:8.0f}/s  {bare_cpu:5.1f} us own CPU\n"
                  f"drain  {number + 1}: one worker      {rate:8.0f}/s  {cpu:5.1f} us own CPU  ratio {rate / bare_rate:.2f}",
                  flush=True)

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
        for number in range(self.options.rounds):
            rates = {}
            for name, (ends, later) in shares.items():
                self.fill(f"round{number}-")
                with self.refusing(ends, later):
                    before = self.flushes()
                    rates[name], cpu = self.worker()
                    flushes = (self.flushes() - before) / self.options.events * 1000
                ratio = rates[name] / rates["none bad"]
                self.results.add("bad", name, {"of none bad": ratio, "flushes per 1,000": flushes})
                print(f"bad    {number + 1}: {name:14} {rates[name]:8.0f}/s  {cpu:5.1f} us own CPU  "
                      f"{flushes:5.1f} flushes per 1,000  ratio {ratio:.2f}", flush=True)
                self.purge_retries()

    def log(self):
        """What the log's lines cost, and how many they are."""
        modes = {"off": {}, "batches": {}, "sampled": {}, "all": {}, "all, json": {"LOG_FORMAT": "json"}}
        for number in range(self.options.rounds):
            for name, settings in modes.items():
                settings = {**settings, "LOG_MESSAGES": name.partition(",")[0]}
                gateway = self.stage.gateway(**settings)
                posted = self.stage.wrk(gateway, 64, self.options.seconds)
                gateway.stop()
                self.stage.purge()
                self.fill(name.replace(", ", "-"))
                _, drain_cpu = self.worker(**settings)
                self.results.add("log", name, {"gateway, us of CPU": posted.cpu, "worker, us of CPU": drain_cpu})
                seconds, text = self.options.seconds, gateway.output()
                print(f"log    {number + 1}: {name:9} gateway {posted.cpu:5.1f} us own CPU, {posted.rate:6.0f} events/s, "
                      f"{text.count(chr(10)) / seconds:7.0f} lines/s, {len(text) / seconds / 1e6:5.2f} MB/s; "
                      f"worker {drain_cpu:5.1f} us", flush=True)

    def shards(self):
        broker = self.deployment.broker
        try:
            for number in range(self.options.rounds):
                first = {}
                for count in SHARDS:
                    self.spread(count)
                    self.stage.truncate()
                    before = cpu_seconds(broker.child.pid)
                    published, _ = self.stage.bare("publish", self.options.events, f"round{number}-{count}-")
                    broker_cpu = (cpu_seconds(broker.child.pid) - before) / self.options.events * 1e6
                    drained, worker_cpu = self.worker(QUEUE_SHARDS=count)
                    first = first or {"published": published, "drained": drained}
                    self.results.add("shards", f"{count} queues", {
                        "published/s": published, "published, of 1 queue": published / first["published"],
                        "broker, us of CPU": broker_cpu, "drained/s": drained,
                        "drained, of 1 queue": drained / first["drained"], "worker, us of CPU": worker_cpu})
                    print(f"shards {number + 1}: {count} queues  published {published:8.0f}/s, broker {broker_cpu:5.1f} us of CPU; "
                          f"drained {drained:8.0f}/s, worker {worker_cpu:5.1f} us own CPU", flush=True)
        finally:
            self.spread(1)

    def spread(self, count):
        done = self.deployment.setup(QUEUE_SHARDS=count)
        if done.returncode:
            raise SystemExit(f"bench: setup with {count} queues failed\n{done.stderr}")

    def purge_retries(self):
        for seconds in (10, 60, 600):
            self.deployment.broker.management("DELETE", f"queues/sluice/webhooks.retry.{seconds}/contents")
        self.stage.purge()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--events", type=int, default=60_000, help="of each bare run and each drain")
    parser.add_argument("--body", type=int, default=512, help="bytes of each body, at least 11")
    parser.add_argument("--corpus", type=pathlib.Path, help="file of webhooks for row, such as tests/corpus/handful.jsonl")
    parser.add_argument("--only", action="append", choices=(*RUNS, *ASKED_FOR), help="may be given several times")
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/bench.json"), help="where the results go")
    options = parser.parse_args()
    # Not /tmp, which may be in memory: a disk is part of what is measured.
    with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir="/var/tmp") as directory:
        deployment = Deployment(directory, options.build, DATABASE)
        with deployment.serving():
            deployment.database.query("create table bare_raw (like webhooks_raw including all)")
            stage = Stage(deployment, bodies.fill(pathlib.Path(directory) / "bodies", options.body), HERE / "post.lua")
            results = Results()
            for run in options.only or RUNS:
                getattr(Bench(stage, results, options), run)()
    results.finish(options)


if __name__ == "__main__":
    main()
