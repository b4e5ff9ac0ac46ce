# SPDX-License-Identifier: MIT
"""What a process uses: CPU, switches, system calls, memory; and what a server of several processes does."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far, by the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of
    10 ms, too coarse for a short run."""
    return time.clock_gettime(~pid << 3 | 2)


def _children(pid):
    """The children of a process that live: (process, its command line)."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):  # it has ended
            yield int(child), pathlib.Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8", errors="replace")


def _sum_seconds(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            total += cpu_seconds(pid)
    return total


def server_seconds(pid):
    """CPU of a server so far: of its first process and of all its children, those that have ended among them."""
    after_name = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ended = (int(after_name[13]) + int(after_name[14])) / TICKS
    return cpu_seconds(pid) + ended + _sum_seconds(child for child, _ in _children(pid))


def backends_seconds(postmaster, role):
    """CPU so far of the backends that serve this role now."""
    return _sum_seconds(child for child, command in _children(postmaster) if command.startswith(f"postgres: {role} "))


def _status(path):
    """The numbers of a /proc/PID/status."""
    lines = (line.partition(":") for line in path.read_text(encoding="ascii").splitlines())
    return {name: int(rest.split()[0]) for name, _, rest in lines if rest.split() and rest.split()[0].isdigit()}


def switches(pid):
    """How often the threads that live have waited so far; those of our programs live as long as they do."""
    return sum(_status(task / "status")["voluntary_ctxt_switches"] for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def peak_mb(pid):
    """Most resident memory so far."""
    return _status(pathlib.Path(f"/proc/{pid}/status"))["VmHWM"] / 1024


def forget_peak(pid):
    """The most resident memory counts from now on."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


class Meter:
    """What a process uses from now on, per event."""

    def __init__(self, pid):
        self.pid, self.cpu, self.switches = pid, cpu_seconds(pid), switches(pid)

    def per(self, events):
        """(us of CPU, switches that it waited for)"""
        return (cpu_seconds(self.pid) - self.cpu) / events * 1e6, (switches(self.pid) - self.switches) / events


@contextlib.contextmanager
def counting_calls(programs):
    """{name: system calls of that program meanwhile}, filled at the end; empty where perf can't count. Counting makes each call
    dearer, so nothing else is to be measured meanwhile. programs: {name: pid}"""
    counts, perfs = {}, {}
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        if shutil.which("perf"):
            for name, pid in programs.items():
                command = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", f"{directory}/{name}", "-p", str(pid)]
                perfs[name] = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        yield counts
        for name, perf in perfs.items():
            perf.send_signal(signal.SIGINT)
            perf.wait(10)
            for line in pathlib.Path(directory, name).read_text(encoding="ascii").splitlines():
                if "raw_syscalls" in line and line.split(",")[0].isdigit():
                    counts[name] = int(line.split(",")[0])
