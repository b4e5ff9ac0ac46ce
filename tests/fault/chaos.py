#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Faults at random for as long as you like, then the oracle:  make chaos DURATION=600 SEED=1

Two gateways, one to eight workers, a broker and a database of their own, all links through the fault proxy, load all
the time. Every few seconds something breaks; faults overlap. A few per cent of the events are bad: some break a rule of
the table, some are refused by a trigger for ever, some by a trigger for their first 3 s. Prints its seed and a timeline, and
exits 1 when an acked event is lost, one stands twice, a good one is a dead letter or a bad one isn't, the budget was passed,
a program ended unasked, or a secret is in a log."""

import argparse
import collections
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "stack"), str(TESTS / "fault")]

# pylint: disable=wrong-import-position
from deployment import Deployment  # noqa: E402
from links import Links  # noqa: E402
from load import Load  # noqa: E402
from process import Failure, wait_until  # noqa: E402
from proxy import DIRECTIONS  # noqa: E402
from sampler import Sampler  # noqa: E402
from site_under_test import Site  # noqa: E402

BUDGET = 6
DELAYS = "1s,2s,5s"
BAD = {"poison": 0.02, "refused": 0.01}  # end as dead letters
KINDS = {**BAD, "cured": 0.01}  # the last is a row once it has been retried
TABLE = """
    alter table webhooks_raw add constraint no_poison check (path <> '/poison');
    create function refuse() returns trigger language plpgsql as $$
    begin
        if new.path = '/refused' or (new.path = '/cured' and clock_timestamp() < new.received_at + interval '3 s') then
            raise exception 'not yet';
        end if;
        return new;
    end $$;
    create trigger refuse before insert on webhooks_raw for each row execute function refuse()"""
WORKERS_MAX = 8


class Chaos:
    def __init__(self, site, links, ledger, seed, rate):
        self.site = site
        self.links = links
        self.rng = random.Random(seed)
        self.begun = time.monotonic()
        self.later = []  # (when, what, action): how faults end
        self.counts = collections.Counter()
        self.gateways = [links.start_gateway() for _ in range(2)]
        self.workers = [site.add_worker(**self._worker_settings()) for _ in range(WORKERS_MAX)]
        self.loads = [Load(gateway.port, ledger, rate / 2, 10_000_000, threads=16, prefix=f"chaos{number}",
                           kinds=KINDS)
                      for number, gateway in enumerate(self.gateways)]
        self.ledger = ledger
        self.scale(3)
        self.faults = {
            self.kill_gateway: 3, self.stop_gateway: 2, self.kill_worker: 4, self.stop_worker: 2, self.freeze: 2,
            self.scale: 3, self.break_link: 8, self.throw_out: 3, self.restart_database: 3, self.restart_broker: 2,
            self.alarm: 2,
        }

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
        self.loads[number].port = gateway.port
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
        for worker in self.rng.sample(alive, max(0, len(alive) - count)):
            worker.send(signal.SIGCONT)
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
        self.end_later(self.rng.uniform(0.3, 5), f"{name} heals", proxy.heal)
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
        if how == "kill":
            broker.kill()
        else:
            broker.stop()
        broker.start()
        return f"broker: {how}, and back"

    def alarm(self):
        self.site.broker.set_alarm()
        self.end_later(self.rng.uniform(0.5, 4), "no alarm", self.site.broker.clear_alarm)
        return "alarm"

    # --- the course of it -------------------------------------------------------------

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
        """Everything is well again; traffic goes on, and must get through."""
        self.end_what_is_due(everything=True)
        for worker in self.workers:
            if not worker.alive():
                worker.start(wait=False)
        healed = time.monotonic()
        for number, load in enumerate(self.loads):
            self.say(f"gateway {number}: first 2xx {load.wait_accepted(healed, 60):.2f} s after all healed")
        for load in self.loads:
            load.wait_acked(100)


def run(site, links, arguments, sampler):
    """The complaints, or none."""
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
    chaos.say(f"drained {time.monotonic() - begun:.1f} s later")
    balance = ledger.check(site.database, arguments.at_least or int(arguments.duration * 60))
    print(f"faults: {sum(chaos.counts.values())} ({dict(chaos.counts)})")
    print(f"connections of the workers: at most {sampler.most} of {BUDGET}, {len(sampler.samples)} samples, "
          f"{sampler.gaps} gaps")
    print(f"SEED={arguments.seed} {balance}")
    complaints = list(balance.complaints)
    if sampler.most > BUDGET:
        complaints.append(f"{sampler.most} connections, above the budget of {BUDGET}")
    return complaints + wrong_ends(site)


def wrong_ends(site):
    """Every bad event that is anywhere must be a dead letter, every other one a row. Prints the counts."""
    dead = [event_id for event_id, in site.database.query("select id from webhooks_dead")]
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
    parser.add_argument("--rate", type=float, default=600, help="events a second that are tried")
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
