# SPDX-License-Identifier: MIT
"""`make run` as users run it, from the first line to the last process."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

import pytest

from process import free_port, remove_directory, wait_until
from providers_page import COMMANDS, IN_MAKE_RUN

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.run


# Without the variables of an outer make: a make started by `make test` prints the directory that it enters.
FROM_A_SHELL = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


class Process:  # pylint: disable=too-few-public-methods
    """What /proc tells of a process; what can't be read is empty. birth: None when it has ended."""

    def __init__(self, entry):
        self.command, self.environment, stat = (self._read(entry / name) for name in ("cmdline", "environ", "stat"))
        state, parent, *rest = stat.rpartition(b")")[2].split() or (b"Z", b"0", *[b"0"] * 18)
        self.parent = int(parent)
        self.birth = None if state == b"Z" else int(rest[17])

    @staticmethod
    def _read(path):
        try:
            return path.read_bytes()
        except OSError:
            return b""


class MakeRun:
    """`make run` of this checkout, with its data in another directory."""

    def __init__(self, directory, build):
        self.directory = directory
        self.build = build
        self.port = free_port()
        self.process = None
        self.seen = {}  # births of this run's processes
        self.output = directory / "make.log"

    def make(self, *arguments, port=None):
        return ["make", "-s", f"VARIANT={self.build.name}", f"PORT={port or self.port}", "WORKERS=2",
                f"STACK=/usr/bin/python3 -B tests/stack/stack.py --directory {self.directory}/run", *arguments]

    def start(self, *variables):
        with open(self.output, "ab") as log:
            begin = log.tell()
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(self.make("run", *variables), cwd=CHECKOUT, env=FROM_A_SHELL,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def greeted():
            text = self.output.read_bytes()[begin:].decode()
            assert self.process.poll() is None, text
            return "Try:" in text and text
        return wait_until(greeted, lambda: f"make run to be up:\n{self.output.read_text()}", 120, 0.2)

    def interrupt(self, number=signal.SIGINT):
        """Ctrl-C: the terminal signals the whole foreground process group."""
        os.killpg(self.process.pid, number)
        status = self.process.wait(60)
        assert "all has ended" in self.output.read_text(encoding="utf-8")
        return status

    def run(self, *arguments, **more):
        return subprocess.run(self.make(*arguments, **more), cwd=CHECKOUT, env=FROM_A_SHELL,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    def shell(self, script):
        """Runs a script as people type it, in which `make` is that of this run."""
        flags = " ".join(word.replace(" ", r"\ ") for word in self.make()[2:])
        return subprocess.run(["bash", "-c", script], cwd=CHECKOUT, env={**FROM_A_SHELL, "MAKEFLAGS": f"-- {flags}"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    def curl(self, body, path):
        done = subprocess.run(["curl", "-sS", "-d", body, f"localhost:{self.port}{path}"], capture_output=True,
                              text=True, timeout=20, check=True)
        return json.loads(done.stdout)

    def processes(self):
        """The processes of this run, also those that it had before: its directory is in their command line or environment,
        or their parent is one of them. (The environment of our own programs can be unreadable: they are not dumpable.)"""
        mark = str(self.directory).encode()
        every = {int(entry.name): Process(entry) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()}
        every = {pid: process for pid, process in every.items() if process.birth is not None and pid != os.getpid()}
        own = {pid for pid, process in every.items()
               if mark in process.command or mark in process.environment or self.seen.get(pid) == process.birth}
        more = own
        while more:
            more = {pid for pid, process in every.items() if process.parent in more} - own
            own |= more
        self.seen |= {pid: every[pid].birth for pid in own}
        return [every[pid].command.replace(b"\0", b" ")[:200] for pid in own]

    def end(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(60)


@pytest.fixture
def make_run(build):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-run-", dir="/var/tmp"))
    directory.chmod(0o711)
    run = MakeRun(directory, build)
    try:
        yield run
    finally:
        run.end()
        for name in ("broker", "database"):
            remove_directory(directory / "run" / name)
        shutil.rmtree(directory, ignore_errors=True)


def test_make_run_takes_an_event_shows_it_keeps_it_and_ends_on_ctrl_c_and_hangup(make_run):
    greeting = make_run.start()
    assert f"curl -d '{{\"hello\":\"world\"}}' localhost:{make_run.port}/orders" in greeting
    reply = make_run.curl('{"hello":"world"}', "/orders")
    assert reply["status"] == "queued"
    sql = "select id, source, path, payload->>'hello' from webhooks"

    def shown():
        done = make_run.run("psql", f"SQL={sql}")
        assert done.returncode == 0, done.stderr
        return "(1 row)" in done.stdout and done.stdout
    table = wait_until(shown, "the row in psql", 20, 0.3)
    fields = [field.strip() for field in table.splitlines()[2].split("|")]
    assert fields == [reply["id"], "default", "/orders", "world"]
    told = make_run.run("psql", r"SQL=\! env; cat /proc/$$PPID/cmdline").stdout
    secret = (make_run.directory / "run" / "secrets" / "database-reader").read_text(encoding="ascii").strip()
    assert "sluice_reader" in told and secret not in told, "no command line and no environment holds the password"
    done = make_run.run("ctl", "ARGS=status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "webhooks.ingest" in done.stdout
    assert re.search(r"^workers ready +2 of 2$", done.stdout, re.M) and re.search(r"^gateways ready +1 of 1$", done.stdout, re.M)

    console = re.search(r"console +(http://127\.0\.0\.1:\d+/) \(its token: (\S+)\)", greeting)
    wait_until(lambda: b"No problem is known." in urllib.request.urlopen(console[1], timeout=10).read(),
               "the console's first look", 20, 0.5)
    assert (make_run.directory / console[2]).stat().st_mode & 0o777 == 0o600

    second = make_run.run("run")
    assert second.returncode != 0
    assert "is already running" in second.stdout + second.stderr

    state = json.loads((make_run.directory / "run" / "state.json").read_text(encoding="ascii"))
    assert len(state["workers"]) == 2
    assert len(make_run.processes()) >= 6
    make_run.interrupt()
    assert make_run.processes() == []
    done = make_run.run("psql", f"SQL={sql}")
    assert done.returncode != 0
    assert "make run" in done.stderr

    make_run.start()
    assert "(1 row)" in make_run.run("psql", f"SQL={sql}").stdout, "the rows are still there"
    assert reply["id"] in make_run.output.read_text(encoding="utf-8"), "the terminal shows the programs' lines"
    make_run.interrupt(signal.SIGHUP)
    assert make_run.processes() == []


def test_make_run_tries_a_routes_file_for_containers_with_secrets_of_its_own(make_run):
    greeting = make_run.start("ROUTES=etc/routes.example.json")
    url = f" --url http://127.0.0.1:{make_run.port}"
    assert f'make -s ctl ARGS="send --route NAME{url}"' in greeting
    routes = json.loads((CHECKOUT / "etc" / "routes.example.json").read_text(encoding="utf-8"))["sources"]
    others = {f"sluice send --route {route['name']}" for route in routes} - set(COMMANDS)
    assert len(others) == 1
    for command in [*COMMANDS, *others]:  # as printed in docs/providers.md
        done = make_run.shell(f"{IN_MAKE_RUN}\n{command}{url}")
        assert done.returncode == 0 and done.stdout.startswith("200"), command + done.stdout + done.stderr
    words = make_run.shell(f"""{IN_MAKE_RUN}\nsluice send --route github --header 'X-Note: two words' --data '{{"a": "b c"}}'{url}""")
    assert words.stdout.startswith("200"), words.stdout + words.stderr
    unsigned = make_run.run("ctl", f"ARGS=send --path /github{url}")
    assert unsigned.stdout.startswith("401"), unsigned.stdout
    wait_until(lambda: make_run.run("psql", "SQL=select count(distinct source) from webhooks").stdout.split()[2] == str(len(routes)),
               "a row of each source", 20, 0.3)
    make_run.interrupt()
    assert make_run.processes() == []


def test_a_taken_port_is_said_and_how_to_choose_another(make_run, shared_port):
    done = make_run.run("run", port=shared_port)
    assert done.returncode != 0
    assert re.search(rf"port {shared_port} .*PORT=", done.stdout + done.stderr)
    assert make_run.processes() == []


@pytest.fixture
def shared_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_when_a_server_dies_everything_ends_and_says_so(make_run):
    make_run.start()
    pid = int((make_run.directory / "run" / "database.pid").read_text(encoding="ascii").split()[0])
    os.kill(pid, signal.SIGQUIT)
    assert make_run.process.wait(60) != 0
    assert "postgres has ended by itself" in make_run.output.read_text(encoding="utf-8")
    wait_until(lambda: not make_run.processes(), lambda: make_run.processes(), 10)


def test_a_killed_make_run_leaves_no_process_behind(make_run):
    make_run.start()
    os.killpg(make_run.process.pid, signal.SIGKILL)
    make_run.process.wait(10)
    wait_until(lambda: not make_run.processes(), lambda: make_run.processes(), 40)
