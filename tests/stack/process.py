# SPDX-License-Identifier: MIT
"""Child processes with their own logs, waits with a time limit, and free ports."""

import fcntl
import functools
import hashlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PORTS = range(20000, 32000)  # below Linux's ephemeral ports, so that no outgoing connection takes one
SIDE_BY_SIDE = 24  # test processes at most
LOCKS = []  # open files
LOG_KEEP_BYTES = 16 << 20


class Failure(Exception):
    """An error with a readable sentence."""


def wait_until(condition, what, limit=10.0, every=0.02):
    """Returns the first true value of condition(); raises Failure after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            said = what() if callable(what) else what
            raise Failure(f"waited {limit:g} s in vain for: {said}")
        time.sleep(every)


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@functools.cache
def _own_ports():
    """The ports of this process. Processes side by side share none, of one run of tests or of several, as a port is free
    only until it is used: each locks its part of them until it ends."""
    for part in range(SIDE_BY_SIDE):
        # pylint: disable-next=consider-using-with
        lock = open(os.path.join(tempfile.gettempdir(), f"sluice-ports-{os.getuid()}-{part}"), "a", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        LOCKS.append(lock)
        return PORTS[part::SIDE_BY_SIDE]
    raise Failure(f"more than {SIDE_BY_SIDE} test processes run at once; wait for one to end")


def free_port(preferred=None, taken=()):
    """`preferred` if it is free, else a port that is."""
    if preferred and preferred not in taken and port_is_free(preferred):
        return preferred
    for port in random.sample(_own_ports(), 400):
        if port not in taken and port_is_free(port):
            return port
    raise Failure(f"no free port among 400 tried from {PORTS.start} to {PORTS.stop}")


def free_ports(names, state, taken=()):
    """Sets state[name] to a free port for each name, none of `taken`. An existing port stays if it is free."""
    for name in names:
        others = [*taken, *(state[other] for other in names if other != name and other in state)]
        state[name] = free_port(state.get(name), others)


def server_user(package_user):
    """The user of a server: if we are root, the package's user; else None (our own)."""
    return package_user if os.geteuid() == 0 else None


def own_directory(path, user):
    """Makes `path` a directory that `user` owns and can reach. If that user can't enter a parent directory (a checkout
    under /root), the data is in /var/tmp and `path` is a symbolic link to it."""
    path = pathlib.Path(path)
    if user is None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
    account = pwd.getpwnam(user)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path
    reachable = subprocess.run(["setpriv", *_as(user), "test", "-x", path.parent], check=False)
    if reachable.returncode != 0:
        name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
        place = pathlib.Path(f"/var/tmp/sluice-{name}")
        if not path.is_symlink():
            print(f"stack: user {user} can't reach {path.parent}; its data goes to {place}", flush=True)
            path.symlink_to(place)
    place.mkdir(mode=0o700, exist_ok=True)
    # Anyone can write to /var/tmp: never use a directory of another user.
    if place.is_symlink() or place.stat().st_uid not in (0, account.pw_uid):
        raise Failure(f"{place} belongs to somebody else; move it away")
    for folder, _, names in os.walk(place):
        os.chown(folder, account.pw_uid, account.pw_gid)
        for name in names:
            os.chown(os.path.join(folder, name), account.pw_uid, account.pw_gid, follow_symlinks=False)
    return place


def remove_directory(path):
    """Removes a directory made by own_directory: link and data."""
    path = pathlib.Path(path)
    if path.is_symlink():
        shutil.rmtree(path.resolve(), ignore_errors=True)
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def _as(user):
    return ["--reuid", user, "--regid", user, "--init-groups"] if user else []


def command_as(user, argv, death_signal="TERM"):
    """The command line that runs argv as `user` (None: our own), with death_signal sent to it when we die."""
    return ["setpriv", "--pdeathsig", death_signal, *_as(user), *map(str, argv)]


def _start_time(pid):
    """The start time of a process, which with its pid identifies it uniquely. None: there is no such process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


class Child:
    """A process in its own session, so that Ctrl-C doesn't reach it; its output is appended to `log`. Start it from the
    main thread: it gets death_signal when the thread that started it ends."""

    def __init__(self, name, log, user=None, death_signal="TERM"):
        self.name = name
        self.log = pathlib.Path(log)
        self.user = user
        self.death_signal = death_signal
        self.process = None
        self.log_begin = 0  # offset at which this run's part of the log begins
        self.killed = False  # by us, on purpose

    def start(self, argv, env, cwd=None):
        self._wait_for_predecessor()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_KEEP_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with open(self.log, "ab") as log:
            self.log_begin = log.tell()
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                command_as(self.user, argv, self.death_signal), env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        self.killed = False
        self._pid_file.write_text(f"{self.pid} {_start_time(self.pid)}", encoding="ascii")

    @property
    def _pid_file(self):
        return self.log.with_suffix(".pid")

    def _wait_for_predecessor(self):
        """Waits for a process of the last run that is still ending, before its data is used again."""
        try:
            pid, started = self._pid_file.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return
        wait_until(lambda: _start_time(pid) != started, f"the {self.name} of an earlier run, process {pid}, to end",
                   limit=40)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        if self.alive():
            self.process.send_signal(number)

    def kill(self):
        """Sends SIGKILL and waits for the end."""
        self.killed = True
        self.send(signal.SIGKILL)
        return self.wait(10)

    def wait(self, limit):
        """Returns the exit status; raises Failure when it still runs after `limit` seconds."""
        if self.process is None:
            return None
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} (process {self.pid}) did not end within {limit:g} s\n{self.tail()}") from None

    def terminate(self, limit=30.0, number=signal.SIGTERM):
        """Asks it to end and waits. If it doesn't end, kills it and raises Failure."""
        self.send(number)
        try:
            return self.wait(limit)
        except Failure:
            self.kill()
            raise

    def output(self):
        """This run's part of the log: whole lines only while it runs, for a reader may see half of what one write() wrote."""
        running = self.alive()
        try:
            with open(self.log, "rb") as log:
                log.seek(self.log_begin)
                text = log.read()
        except FileNotFoundError:
            return ""
        return text[:text.rfind(b"\n") + 1 if running else None].decode(errors="backslashreplace")

    def tail(self, lines=25):
        text = "\n".join("    " + line for line in self.output().splitlines()[-lines:])
        state = "runs" if self.alive() else f"ended: {self.process.returncode}" if self.process else "not started"
        return f"--- {self.name} ({state}), end of {self.log}:\n{text}"
