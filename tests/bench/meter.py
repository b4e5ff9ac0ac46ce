# SPDX-License-Identifier: MIT
"""What a process uses: CPU, switches, system calls, memory."""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


def cpu_seconds(pid):
    """User and system time of a process so far, by the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of
    10 ms, too coarse for a short run."""
    return time.clock_gettime(~pid << 3 | 2)


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
