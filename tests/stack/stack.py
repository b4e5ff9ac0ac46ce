# SPDX-License-Identifier: MIT
"""Implements `make run`, `make psql` and `make ctl`: Sluice with its own broker and database, all under run/."""

import argparse
import fcntl
import os
import pathlib
import signal
import sys
import time

from database import programs
from deployment import Deployment
from process import Failure, free_port, port_is_free
from programs import Console, Gateway, Worker

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
GATEWAY_ADMIN_PORT = 8081
CONSOLE_PORT = 8083
LOG_LIMIT = 64 << 20  # a program's log file is truncated at this size: the terminal has shown it
EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE = 1, 64, 69


class Stopped(Exception):
    """A signal asked us to end."""


def say(text):
    """Prints to the terminal, which may be closed."""
    try:
        os.write(sys.stdout.fileno(), (text + "\n").encode())
    except OSError:
        pass


def _on_signal(number, _):
    raise Stopped(signal.Signals(number).name)


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Lock:
    """Held by `make run` for as long as it runs."""

    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.file = open(directory / "lock", "a", encoding="ascii")  # pylint: disable=consider-using-with

    def take(self):
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Run:
    """The servers and programs of one `make run`."""

    def __init__(self, directory, build, port, workers, routes):
        self.deployment = Deployment(directory, build, taken=[port])
        self.build = build
        self.port = port
        self.worker_count = workers
        self.routes = routes
        self.programs = []
        self.shown = {}  # for each program's log, the offset up to which it was shown

    def start(self):
        deployment = self.deployment
        say(f"run: starting RabbitMQ on port {deployment.broker.port} and Postgres on port "
            f"{deployment.database.port}, data in {deployment.directory}")
        deployment.start_servers()
        done = deployment.setup()
        if done.returncode != 0:
            raise Failure(f"sluice setup failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        log = deployment.directory / "log"
        state = deployment.state
        state["gateway_admin"] = free_port(state.get("gateway_admin", GATEWAY_ADMIN_PORT), [self.port])
        state["routes"] = str(deployment.copy_routes(self.routes)) if self.routes else ""
        gateway = Gateway("gateway", self.build, deployment.gateway_settings(
            GATEWAY_LISTEN=f"127.0.0.1:{self.port}", GATEWAY_ADMIN=f"127.0.0.1:{state['gateway_admin']}",
            GATEWAY_ROUTES=state["routes"]), log / "gateway.log")
        workers = [Worker(f"worker-{number}", self.build, deployment.worker_settings(), log / f"worker-{number}.log")
                   for number in range(1, self.worker_count + 1)]
        for program in [gateway, *workers]:
            self.programs.append(program)
            program.start(wait=False)
        for program in self.programs:
            program.wait_ready()
        state["gateway"] = self.port
        state["workers"] = {worker.name: worker.admin_port for worker in workers}
        state["console"] = free_port(state.get("console", CONSOLE_PORT), [self.port])
        console = Console("console", self.build, deployment.console_settings(
            CONSOLE_LISTEN=f"127.0.0.1:{state['console']}", **asked(state)), log / "console.log")
        self.programs.append(console)
        console.start()
        deployment.save_state()

    def greet(self):
        state = self.deployment.state
        admin = " ".join(f"{name} http://127.0.0.1:{port}" for name, port in state["workers"].items())
        say(f"""
Sluice is running; stop it with Ctrl-C. Its data stays in {self.deployment.directory}/.
  events   http://127.0.0.1:{self.port}/ (any path)
  admin    gateway http://127.0.0.1:{state['gateway_admin']} {admin} (/ready /health /metrics)
  console  http://127.0.0.1:{state['console']}/ (its token: {self.deployment.directory}/secrets/console-token)
  broker   {self.deployment.broker.url('sluice-setup')}, page http://127.0.0.1:{state['management']}
  database {self.deployment.database.url('sluice_reader')}
  secrets  {self.deployment.directory}/secrets/
{self.example()}
Then:      make psql SQL="select id, source, path, payload from webhooks"
""")

    def example(self):
        if not self.routes:
            return f"""Try:       curl -d '{{"hello":"world"}}' localhost:{self.port}/orders"""
        url = "" if self.port == 8080 else f" --url http://127.0.0.1:{self.port}"
        return f"""  routes   {self.deployment.state['routes']}, a copy of {self.routes} that uses these secrets
Try:       make -s ctl ARGS="send --route NAME{url}"   with a name of the routes file"""

    def show_logs(self):
        for program in self.programs:
            if program.process is None:
                continue
            with open(program.log, "r+b") as log:
                log.seek(self.shown.setdefault(program.name, program.log_begin))
                new = log.read()
                new = new[:new.rfind(b"\n") + 1]
                self.shown[program.name] += len(new)
                if self.shown[program.name] > LOG_LIMIT:
                    log.truncate(0)
                    self.shown[program.name] = program.log_begin = 0
            for line in new.decode(errors="backslashreplace").splitlines():
                say(f"{program.name:9} {line}")

    def watch(self):
        """Shows the programs' log lines until one of them ends; then raises a Failure that names it."""
        everything = [self.deployment.broker.child, self.deployment.database.child, *self.programs]
        while True:
            self.show_logs()
            for child in everything:
                if not child.alive():
                    raise Failure(f"{child.name} has ended by itself\n{child.tail()}")
            time.sleep(0.1)

    def stop(self):
        """Stops everything, in the order workers, gateway, servers. A program that doesn't stop is killed. Returns true
        when all of them ended as they should."""
        steps = [program.stop for program in reversed(self.programs)]
        well = True
        for step in [*steps, self.deployment.stop_servers]:
            try:
                step()
            except Failure as failure:
                say(f"run: {failure}")
                well = False
        self.show_logs()
        return well


def run(options):
    lock = Lock(options.directory)
    if not lock.take():
        raise Failure(f"`make run` is already running with its data in {options.directory}; stop it first")
    if not port_is_free(options.port):
        raise Failure(f"port {options.port} of 127.0.0.1 is taken; choose another: make run PORT={options.port + 1}")
    for number in SIGNALS:
        signal.signal(number, _on_signal)
    status = 0
    work = None
    try:
        work = Run(options.directory, options.build, options.port, options.workers, options.routes)
        work.start()
        work.greet()
        work.watch()
    except Stopped as stopped:
        say(f"\nrun: {stopped}: stopping")
    except Failure as failure:
        say(f"run: {failure}\nrun: stopping")
        status = EXIT_FAILED
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if work is not None and not work.stop():
            status = EXIT_FAILED
    say("run: all has ended; the data stays")
    return status


def running(options):
    if Lock(options.directory).take():
        print("Sluice is not running; start it with: make run", file=sys.stderr)
        sys.exit(EXIT_UNREACHABLE)
    return Deployment(options.directory, getattr(options, "build", "build/gcc"), running=True)


def asked(state):
    """The settings by which the command finds routes, gateway and workers."""
    return {"GATEWAY_ROUTES": state["routes"], "GATEWAY_ADMINS": f"127.0.0.1:{state['gateway_admin']}",
            "WORKER_ADMINS": ",".join(f"127.0.0.1:{port}" for port in state["workers"].values())}


def psql(options):
    deployment = running(options)
    program = programs() / "psql"
    statement = ["-X", "-c", options.sql] if options.sql else []
    # In a file, because other processes can read the environment of a process.
    passwords = deployment.write_secret("pgpass-reader", f"*:*:*:sluice_reader:{deployment.secret('database-reader')}")
    inherited = {name: value for name, value in os.environ.items() if name != "PGPASSWORD"}
    os.execve(program, [program, "-h", "127.0.0.1", "-p", str(deployment.database.port), "-U", "sluice_reader",
                        "-d", "sluice", *statement], {**inherited, "PGPASSFILE": str(passwords)})


def ctl(options):
    deployment = running(options)
    settings = {**deployment.setup_settings(), **deployment.reader_settings(**asked(deployment.state))}
    program = options.build / "sluice"
    os.execve(program, [program, *options.arguments],
              {**os.environ, **{name: str(value) for name, value in settings.items()}})


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def main():
    parser = argparse.ArgumentParser(prog="stack.py", description=__doc__)
    parser.add_argument("--directory", type=pathlib.Path, default=CHECKOUT / "run", help="directory for all data")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run", help="servers, setup, gateway, workers; until Ctrl-C")
    command.add_argument("--build", type=pathlib.Path, required=True)
    command.add_argument("--port", type=positive, default=8080)
    command.add_argument("--workers", type=positive, default=2)
    command.add_argument("--routes", type=pathlib.Path, help="a routes file")
    command.set_defaults(function=run)
    command = commands.add_parser("psql", help="psql as sluice_reader")
    command.add_argument("--sql")
    command.set_defaults(function=psql)
    command = commands.add_parser("ctl", help="the sluice command with the settings of the running Sluice")
    command.add_argument("--build", type=pathlib.Path, required=True)
    command.add_argument("arguments", nargs="*")
    command.set_defaults(function=ctl)
    options = parser.parse_args()
    try:
        sys.exit(options.function(options))
    except (Failure, FileNotFoundError) as failure:
        print(f"stack: {failure}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
