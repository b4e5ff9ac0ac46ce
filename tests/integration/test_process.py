# SPDX-License-Identifier: MIT
"""The programs as processes: their cores, their signals, an ordinary user, memory that is no longer used."""

import errno
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from process import Child, wait_until
from programs import Gateway, Worker, environment

CORES = {"ASAN_OPTIONS": "disable_coredump=0:detect_leaks=0"}  # AddressSanitizer forbids cores by itself
TAKEN = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
NOBODY = 65534


def daemons(site):
    return ((Gateway, site.servers.gateway_settings()), (Worker, site.servers.worker_settings()))


@pytest.mark.parametrize("dumps", [None, "off", "on"])
def test_a_crash_writes_a_core_only_if_that_is_asked_for(site, tmp_path, dumps):
    for kind, settings in daemons(site):
        program = kind("crashing", site.servers.build, {**settings, **CORES, "CORE_DUMPS": dumps}, tmp_path / "log")
        program.before = ["env", "-C", tmp_path, "prlimit", "--core=unlimited"]
        program.start()
        program.send(signal.SIGABRT)
        end = os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        assert (end.si_status, end.si_code) == (signal.SIGABRT, os.CLD_DUMPED if dumps == "on" else os.CLD_KILLED)
        assert bool(program.lines("core-dumps")) == (dumps == "on")


def test_the_command_writes_no_core(site, tmp_path):
    command = Child("command", tmp_path / "log")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        command.start(["prlimit", "--core=unlimited", (site.servers.build / "sluice").absolute(), "ready",
                       f"http://127.0.0.1:{silent.getsockname()[1]}/ready"], environment(CORES), cwd=tmp_path)
        with silent.accept()[0]:
            command.send(signal.SIGABRT)
            end = os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
    assert (end.si_status, end.si_code) == (signal.SIGABRT, os.CLD_KILLED)


def blocked(pid):
    """For each thread of the process: its name, and which of the signals that we take are blocked."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text(encoding="ascii").splitlines())
        mask = int(status["SigBlk"], 16) | int(status["SigIgn"], 16)
        found.append((status["Name"], {number for number in TAKEN if mask >> (number - 1) & 1}))
    return found


@pytest.mark.gateway
def test_no_thread_of_a_library_can_be_interrupted_by_a_signal(site):
    gateway = site.start_gateway()
    worker, = site.start_workers(1)
    site.row(site.send_ok(body=b"{}"))
    for program, least in ((gateway, 10), (worker, 3)):
        threads = blocked(program.pid)
        assert len(threads) >= least
        assert all(numbers == TAKEN for _, numbers in threads), threads


def policies(pid):
    """The scheduling policies of the process' threads, by their names."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just connected may end
            name = (task / "comm").read_text(encoding="ascii").strip()
            found.setdefault(name, []).append(os.sched_getscheduler(int(task.name)))
    return found


@pytest.mark.gateway
def test_a_senders_thread_does_not_interrupt_the_publisher_that_wakes_it(site):
    publishers = 16
    gateway = site.start_gateway(GATEWAY_PUBLISHERS=publishers)
    # A thread has its creator's name until it has run: on a busy machine that is after the gateway is ready.
    wait_until(lambda: set(policies(gateway.pid)["sluice-gateway"]) == {os.SCHED_OTHER},
               lambda: f"all of civetweb's threads to have their name: {policies(gateway.pid)}", 30)
    found = policies(gateway.pid)
    assert set(found["civetweb-worker"]) == {os.SCHED_BATCH}
    assert len(found["sluice-gateway"]) > publishers


def test_a_scheduling_policy_that_the_operator_chose_stays(site):
    gateway = site.add_gateway()
    gateway.before = ["chrt", "--batch", "0"]
    gateway.start()
    found = policies(gateway.pid)
    assert {policy for each in found.values() for policy in each} == {os.SCHED_BATCH}, found
    assert not gateway.lines("no-batch")
    site.send_ok(body=b"x")


# Becomes the program that its arguments name, which may not choose a policy: a seccomp filter answers EPERM.
FORBID_POLICY = """
import ctypes, os, struct, sys
number = {"x86_64": 144, "aarch64": 119}[os.uname().machine]  # of sched_setscheduler
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
prctl = ctypes.CDLL(None, use_errno=True).prctl
for call in ((38, 1, 0, 0, 0), (22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
    assert prctl(*call) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_where_no_scheduling_policy_may_be_chosen_the_gateway_says_so_once_and_serves(site):
    gateway = site.add_gateway()
    gateway.before = [shutil.which("python3", path="/usr/bin"), "-c", FORBID_POLICY]
    gateway.start()
    found = policies(gateway.pid)
    assert {policy for each in found.values() for policy in each} == {os.SCHED_OTHER}, found
    line, = gateway.lines("no-batch")
    assert line["reason"] == os.strerror(errno.EPERM)
    site.send_ok(body=b"x")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_the_parent_ignored_still_stops_a_program(site, number):
    """As with nohup, or a job in the background of a script."""
    for kind, settings in daemons(site):
        program = (site.add_gateway if kind is Gateway else site.add_worker)(**settings)
        program.before = ["env", "--ignore-signal=TERM,INT,HUP"]
        program.start()
        program.send(number)
        wait_until(lambda program=program: not program.alive(), lambda program=program: f"its end\n{program.tail()}")
        assert program.process.returncode == 0


@pytest.fixture
def anybodys():
    """A directory that every user can read."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sluice-anybody-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.gateway
def test_an_ordinary_users_gateway_shows_nothing_to_others_and_still_cuts_idle_connections(site, anybodys):
    """It finds its sockets in /proc/self/fd, which other processes of the user can't read when no core may be written."""
    for name in ("sluice-gateway", "libssl.so", "libcrypto.so"):
        shutil.copy2(site.servers.build / name, anybodys / name)
    settings = site.servers.gateway_settings(BROKER_PASSWORD_FILE=None, GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=4,
                                             BROKER_PASSWORD=site.servers.secret("broker-gateway"))
    gateway = site.add_gateway(**settings)
    gateway.build = anybodys
    if os.getuid() == 0:
        gateway.before = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    gateway.start()
    for name in ("environ", "maps", "fd/0"):
        seen = subprocess.run([*gateway.before, "head", "-c1", f"/proc/{gateway.pid}/{name}"], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        assert (seen.returncode, seen.stdout) == (1, b""), f"another process of this user can read {name}"
        assert b"Permission denied" in seen.stderr
    idle = [socket.create_connection(("127.0.0.1", gateway.port), 5) for _ in range(24)]
    assert site.send(body=b"{}").status == 200
    wait_until(lambda: gateway.lines("crowded"), gateway.tail)
    for one in idle:
        one.close()
