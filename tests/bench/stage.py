# SPDX-License-Identifier: MIT
"""The private servers of a benchmark, and the programs that load them."""

import collections
import subprocess

from meter import Meter
from programs import Gateway

BARE_LIMIT_S = 600
QUEUE = "webhooks.ingest"

# Gateways that differ in what may share a message.
PLAIN, BUNDLED = {}, {"GATEWAY_BUNDLE_EVENTS": 64}

# events: those that got 200; refused: other replies; broken: connections that failed, or gave no reply for 2 s. Times in us.
Posted = collections.namedtuple("Posted", "events rate cpu switches median p99 refused broken")


class Stage:
    def __init__(self, deployment, bodies, post_lua):
        """bodies: the file that is sent unless a call names another."""
        self.deployment, self.bodies, self.post_lua = deployment, bodies, post_lua

    def begin_bare(self, program, events, prefix="bare", bodies=None, **more):
        """more: other settings of the program."""
        deployment = self.deployment
        environment = {
            "BARE_PORT": str(deployment.broker.port), "BARE_USER": "sluice-setup",
            "BARE_PASSWORD": deployment.secret("broker-setup"), "BARE_EVENTS": str(events),
            "BARE_BODIES": str(bodies or self.bodies), "BARE_PREFIX": prefix,
            "BARE_DATABASE": f"{deployment.database.url('sluice')}", "PGPASSWORD": deployment.secret("database-owner"),
            **{name: str(value) for name, value in more.items()},
        }
        return subprocess.Popen([deployment.build / "bench" / program], env=environment, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def end_bare(program):
        """(events per second, own CPU in us per event)."""
        with program:
            out, _ = program.communicate(timeout=BARE_LIMIT_S)
        if program.returncode:
            raise SystemExit(f"bench: {program.args[0]} failed")
        _, _, rate, cpu = out.split()
        return float(rate), float(cpu)

    def bare(self, program, events, prefix="bare", bodies=None, **more):
        return self.end_bare(self.begin_bare(program, events, prefix, bodies, **more))

    def purge(self):
        self.deployment.broker.management("DELETE", f"queues/sluice/{QUEUE}/contents")

    def truncate(self):
        self.deployment.database.query("truncate webhooks_raw, bare_raw")

    def gateway(self, name="gateway", **settings):
        """One with a thread for each connection and some more, so that no request is refused for want of one."""
        deployment = self.deployment
        settings = {"GATEWAY_THREADS": 320, "GATEWAY_IN_FLIGHT": 300, **settings}
        return Gateway(name, deployment.build, deployment.gateway_settings(**settings),
                       deployment.directory / f"{name}.log").start()

    def wrk(self, gateway, connections, seconds, path="/bench", headers=None, bodies=None):
        """Posts as fast as the replies come. Returns a Posted; anything but a 200 ends the benchmark."""
        posted = self.post(gateway, connections, seconds, path, headers, bodies)
        if posted.refused or posted.broken:
            raise SystemExit(f"bench: {posted.refused} requests were refused, {posted.broken} got no reply\n{gateway.tail()}")
        return posted

    def post(self, gateway, connections, seconds, path="/bench", headers=None, bodies=None, id_header=None):
        """The same, but what is refused is counted. id_header: a header that gets another id each time."""
        meter = Meter(gateway.pid)
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", self.post_lua,
             f"http://127.0.0.1:{gateway.port}{path}"],
            env={"PATH": "/usr/bin:/bin", "BENCH_BODIES": str(bodies or self.bodies),
                 "BENCH_HEADERS": "".join(f"{name}: {value}\n" for name, value in (headers or {}).items()),
                 **({"BENCH_ID": id_header} if id_header else {})}, check=True,
            timeout=seconds + 60, stdout=subprocess.PIPE, text=True)
        result = [line for line in done.stdout.splitlines() if line.startswith("RESULT")][0].split()
        replies, micros, refused, broken, median, high = (int(number) for number in result[1:])
        events = replies - refused
        if events == 0:
            raise SystemExit(f"bench: none of {replies} requests was accepted\n{done.stdout}\n{gateway.tail()}")
        return Posted(events, events / micros * 1e6, *meter.per(events), median, high, refused, broken)

    def open_loop(self, gateway, rate, seconds, bodies):
        """Posts at this rate, whatever the replies do. Returns (events, p50, p99, p99.9), in ms from the time at which each was
        to be sent."""
        command = [self.deployment.build / "bench" / "open_loop", str(gateway.port), "/bench", bodies, f"{rate:.3f}",
                   str(seconds), "64"]
        done = subprocess.run(command, check=False, timeout=seconds + 60, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"bench: {command[0]} failed\n{gateway.tail()}")
        events, *micros = done.stdout.split()
        return int(events), *(float(number) / 1000 for number in micros[:3])
