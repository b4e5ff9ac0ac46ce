# SPDX-License-Identifier: MIT
"""A private Postgres cluster with its own directory and port on 127.0.0.1. It doesn't touch the system's clusters."""

import contextlib
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import threading

import psycopg2

from certificates import der, install, shown
from process import Child, Failure, command_as, own_directory, remove_directory, server_user, wait_until

VERSIONS = pathlib.Path("/usr/lib/postgresql")
STOP = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def programs(version=None):
    """The directory of Postgres' programs of `version`, else of the newest installed version."""
    found = sorted((int(path.parent.name), path) for path in VERSIONS.glob("*/bin")
                   if path.parent.name.isdigit() and (path / "postgres").exists())
    if version is not None:
        found = [(number, path) for number, path in found if number == int(version)]
    if not found:
        raise Failure(f"no Postgres {version or ''} under {VERSIONS}; install Debian's package "
                      f"postgresql{'-' + version if version else ''}")
    return found[-1][1]


class Database:
    """The database `sluice`, whose owner is the superuser `sluice`."""

    def __init__(self, directory, port, owner_password, settings=None):
        self.directory = pathlib.Path(directory)
        self.port = port
        self.owner_password = owner_password
        self.settings = settings or {}
        self.user = server_user("postgres")
        self.data = None
        self.kept = threading.local()  # .connection: as the owner
        self.child = Child("postgres", self.directory.with_name(self.directory.name + ".log"), self.user,
                           death_signal="INT")  # TERM would wait for every client

    def _environment(self):
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.data.parent)}

    def create(self):
        """Creates the cluster unless it exists."""
        place = own_directory(self.directory, self.user)
        self.data = place / "data"
        if (self.data / "PG_VERSION").exists():
            return
        password = place / "password"
        password.write_text(self.owner_password + "\n", encoding="ascii")
        password.chmod(0o600)
        try:
            own_directory(self.directory, self.user)
            made = subprocess.run(
                command_as(self.user, [
                    programs() / "initdb", "-D", self.data, "-U", "sluice", "--pwfile", password,
                    "--auth", "scram-sha-256", "--encoding", "UTF8", *self._collation()]),
                env=self._environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=120, check=False)
        finally:
            password.unlink()
        if made.returncode != 0:
            raise Failure(f"initdb failed:\n{made.stdout}{made.stderr}")

    @staticmethod
    def _collation():
        """A usual collation, which sorts "a" before "B": Sluice's keys must not depend on it. Before 15 only libc's."""
        if int(programs().parent.name) < 15:
            return ["--locale", "C.UTF-8"]
        return ["--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"]

    def start(self, wait=True):
        if self.data is None:
            self.create()
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",  # TCP is enough, and the path of a socket is limited to 107 bytes
            **self.settings,
        }
        self.child.start(
            [programs(version) / "postgres", "-D", self.data] +
            [part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
            self._environment(), cwd="/")
        if wait:
            self.wait_ready()

    def serve_tls(self, pair):
        """Offers TLS with this certificate from now on; None: no TLS."""
        if pair is not None:
            place = self.data.parent / "tls"
            install(place, self.user, {"server.pem": pair.certificate, "server.key": pair.key})
            self.query(f"alter system set ssl_cert_file = '{place}/server.pem'")
            self.query(f"alter system set ssl_key_file = '{place}/server.key'")
        self.query(f"alter system set ssl = {'off' if pair is None else 'on'}")
        self.query("select pg_reload_conf()")
        wait_until(lambda: self._shown() == (pair and der(pair)),
                   lambda: f"Postgres to serve {pair}\n{self.child.tail()}")

    def _shown(self):
        """The certificate (DER) that a client without verification receives; None: no TLS."""
        request_tls = struct.pack("!ii", 8, 80877103)
        with socket.create_connection(("127.0.0.1", self.port), 5) as client:
            client.sendall(request_tls)
            return shown(client) if client.recv(1) == b"S" else None

    def wait_ready(self, limit=60):
        wait_until(self._answers, lambda: f"Postgres on port {self.port}\n{self.child.tail()}", limit)
        there = self.query("select 1 from pg_database where datname = 'sluice'", database="postgres")
        if not there:
            self.query("create database sluice", database="postgres")

    def _answers(self):
        if not self.child.alive():
            raise Failure(f"Postgres ended at once\n{self.child.tail()}")
        try:
            self.connect(database="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect(self, user="sluice", password=None, database="sluice"):
        """A connection with autocommit."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname=database, user=user,
                                      password=password or self.owner_password, connect_timeout=10,
                                      application_name="sluice-tests")
        connection.autocommit = True
        return connection

    def query(self, sql, arguments=(), user="sluice", password=None, database="sluice"):
        """Runs one statement and returns its rows, or []. The owner's connection is kept for the thread's next query:
        the password of a new one costs both sides more than most statements do."""
        if (user, password, database) == ("sluice", None, "sluice"):
            kept = self._kept()
            rows = self._run(kept, sql, arguments)
            self._run(kept, "select pg_stat_force_next_flush()")  # its statistics count now, as when a connection ends
            return rows
        with contextlib.closing(self.connect(user, password, database)) as connection:
            return self._run(connection, sql, arguments)

    def _kept(self):
        """This thread's connection; a new one if the server has ended it."""
        kept = getattr(self.kept, "connection", None)
        if kept is None or kept.closed or select.select([kept], [], [], 0)[0]:
            if kept is not None:
                kept.close()
            kept = self.kept.connection = self.connect()
        return kept

    @staticmethod
    def _run(connection, sql, arguments=()):
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments or None)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def locked(self, table="webhooks_raw", mode="share"):
        """Until the block ends, whoever writes to the table waits, and in mode "access exclusive" whoever reads it, too."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"begin; lock table {table} in {mode} mode")
            yield

    def url(self, user, database="sluice"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def tls_url(self, user, authority, host="localhost"):
        """authority: the PEM file of the CA."""
        return f"postgresql://{user}@{host}:{self.port}/sluice?sslmode=verify-full&sslrootcert={authority}"

    def stop(self, mode="fast"):
        return self.child.terminate(60, STOP[mode])

    def kill(self):
        """Kills the postmaster with SIGKILL and waits for its children, which still hold the shared memory."""
        orphans = self._children()
        self.child.kill()
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in orphans),
                   "the backends of a killed postmaster to end", 20)

    def _children(self):
        try:
            text = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def remove(self):
        remove_directory(self.directory)
