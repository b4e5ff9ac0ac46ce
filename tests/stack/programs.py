# SPDX-License-Identifier: MIT
"""Sluice's programs (gateway, worker and command), started from a build with given settings."""

import http.client
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess

from process import Child, Failure, wait_until

# Reports of sanitizers and crashes, which no log may contain.
REPORTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
                     r"|stack smashing detected|free\(\): |double free|malloc\(\): |Assertion .* failed")
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
              "TSAN_OPTIONS": "second_deadlock_stack=1"}
EXIT_BUG = 70


def environment(settings):
    """The environment of a program: its settings and almost nothing else."""
    inherited = {name: os.environ.get(name, fallback) for name, fallback in SANITIZERS.items()}
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **inherited,
            **{name: str(value) for name, value in settings.items() if value is not None}}


def _launcher(program):
    # ThreadSanitizer before LLVM 18 and gcc 14 can't map its shadow memory when the kernel randomizes more bits.
    bits = int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text(encoding="ascii"))
    return ["setarch", "-R"] if "tsan" in program.parts and bits > 28 else []


LINE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) (debug|info|warning|error) (\S+)")
FIELD = re.compile(r' ([\w-]+)=("(?:[^"\\]|\\.)*"|\S*)')


def fields(line):
    """The fields of one log line as a dict of texts, with time, level and event; {} when it isn't a line of Sluice."""
    if line.startswith('{"time":'):
        return {key: str(value) for key, value in json.loads(line).items()}
    head = LINE.match(line)
    if not head:
        return {}
    pairs = {key: value[1:-1] if value.startswith('"') else value for key, value in FIELD.findall(line, head.end())}
    return {"time": head[1], "level": head[2], "event": head[3], **pairs}


class Program(Child):
    """A daemon with an admin listener."""

    binary = ""
    arguments = ()
    admin_event = "admin-listening"  # its line has the port
    host = "127.0.0.1"

    def __init__(self, name, build, settings, log):
        super().__init__(name, log)
        self.build = pathlib.Path(build)
        self.settings = dict(settings)
        self.before = []  # a command that ends in becoming the program, in a world of its own
        self.admin_port = None

    def start(self, wait=True):  # pylint: disable=arguments-differ
        program = (self.build / self.binary).absolute()
        super().start([*self.before, *_launcher(program), program, *self.arguments], environment(self.settings))
        self.admin_port = self._port(self.admin_event)
        if wait:
            self.wait_ready()
        return self

    def _port(self, event):
        return int(wait_until(lambda: self._find(event), lambda: f"'{event}' in the log\n{self.tail()}", 15)["port"])

    def _find(self, event):
        found = [line for line in self.lines() if line["event"] == event]
        if not found and not self.alive():
            raise Failure(f"{self.name} ended instead of listening\n{self.tail()}")
        return found[0] if found else None

    def lines(self, event=None):
        """This run's log lines as dicts: those of one log event, or all."""
        every = (fields(line) for line in self.output().splitlines() if event is None or event in line)
        return [line for line in every if line and event in (None, line["event"])]

    def admin(self, path):
        """(status, text) of the admin listener; (0, why) when it doesn't answer."""
        connection = http.client.HTTPConnection(self.host, self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def is_ready(self):
        return self.admin("/ready")[0] == 200

    def wait_ready(self, ready=True, limit=20):
        def same():
            if ready and not self.alive():
                raise Failure(f"{self.name} ended\n{self.tail()}")
            return self.is_ready() == ready
        wait_until(same, lambda: f"{self.name} to be {'' if ready else 'not '}ready; it says {self.admin('/ready')}\n"
                                 f"{self.tail()}", limit)

    def metrics(self):
        """{'name{labels}': value}"""
        text = self.admin("/metrics")[1]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in text.splitlines() if line and not line.startswith("#")}

    def stop(self, limit=30.0):
        """Sends SIGTERM; returns the exit status."""
        return self.terminate(limit)

    def findings(self):
        """Signs of a bug in this run: reports of a sanitizer, an unexpected end."""
        found = [line for line in self.output().splitlines() if REPORTS.search(line)]
        status = self.process.poll() if self.process else None
        if status is not None and status not in (0, 78) and not (self.killed and status == -signal.SIGKILL):
            found.append(f"{self.name} ended with status {status}")
        return found


class Gateway(Program):
    """`port` is the port for events."""

    binary = "sluice-gateway"
    port = None

    def start(self, wait=True):
        super().start(wait=False)
        self.port = self._port("listening")
        if wait:
            self.wait_ready()
        return self


class Worker(Program):
    binary = "sluice-worker"

    def unacked(self):
        """The messages that it has; None when it doesn't answer."""
        status, text = self.admin("/metrics")
        found = re.search(r"^sluice_worker_unacked (\d+)$", text, re.MULTILINE)
        return int(found[1]) if status == 200 and found else None


class Console(Program):
    """sluice console: its one port has the pages and /health."""

    binary = "sluice"
    arguments = ("console",)
    admin_event = "console-listening"

    @property
    def port(self):
        return self.admin_port

    def is_ready(self):
        return self.admin("/health")[0] == 200


def run_command(build, arguments, settings, limit=60, program="sluice", stdin=None, terminal=False, before=()):
    """Runs a program to its end; returns the CompletedProcess, output as text. A sanitizer report raises Failure.
    terminal: the program has a terminal on which nobody types; standard output and error are merged. before: a command
    that runs the program, with its arguments."""
    path = (pathlib.Path(build) / program).absolute()
    argv = [str(part) for part in (*before, *_launcher(path), path, *arguments)]
    if terminal:
        argv = ["script", "-qec", shlex.join(argv), "/dev/null"]
    done = subprocess.run(argv, env=environment(settings), timeout=limit,
                          capture_output=True, text=True, check=False, input=stdin,
                          stdin=subprocess.DEVNULL if stdin is None else None)
    if done.returncode < 0 or done.returncode == EXIT_BUG or REPORTS.search(done.stderr):
        raise Failure(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
