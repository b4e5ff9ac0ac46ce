# SPDX-License-Identifier: MIT
"""A private Postgres cluster and its hot standby, between which the database fails over."""

import subprocess

import psycopg2

from database import Database, programs
from process import Failure, command_as, free_port, own_directory, wait_until


class Pair:
    """synchronous: a commit waits for the standby."""

    def __init__(self, directory, owner_password, synchronous):
        ports = []
        for _ in range(2):
            ports.append(free_port(None, ports))
        self.synchronous = synchronous
        self.primary, self.standby = (Database(directory / name, port, owner_password)
                                      for name, port in zip(("primary", "standby"), ports))

    def start(self):
        self.primary.start()
        self._copy()
        self.standby.start(wait=False)
        wait_until(lambda: self.streaming() == "async", self.tails, 60)
        if self.synchronous:
            self.synchronise("*")

    def _copy(self):
        """Makes the standby from the primary."""
        primary, standby = self.primary, self.standby
        standby.data = own_directory(standby.directory, standby.user) / "data"
        made = subprocess.run(
            command_as(standby.user, [programs() / "pg_basebackup", "-D", standby.data, "-R", "-X", "stream", "-c", "fast",
                                      "-d", f"host=127.0.0.1 port={primary.port} user=sluice"]),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": primary.owner_password}, cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if made.returncode != 0:
            raise Failure(f"pg_basebackup failed:\n{made.stdout}{made.stderr}")

    def synchronise(self, names):
        """Sets synchronous_standby_names, and waits until the standby counts as that says."""
        self.primary.query(f"alter system set synchronous_standby_names = '{names}'")
        self.primary.query("select pg_reload_conf()")
        wait_until(lambda: self.streaming() in ((None, "sync") if names else (None, "async")), self.tails, 30)

    def streaming(self):
        """The standby's sync_state, by the primary; None: it isn't connected."""
        rows = self.primary.query("select sync_state from pg_stat_replication where state = 'streaming'")
        return rows[0][0] if rows else None

    def wait_replayed(self):
        """Waits until the standby shows all that the primary has committed."""
        end = self.primary.query("select pg_current_wal_lsn()")[0][0]
        wait_until(lambda: self.standby.query("select pg_last_wal_replay_lsn() >= %s::pg_lsn", (end,))[0][0], self.tails, 30)

    def cut(self):
        """The standby no longer hears the primary."""
        self.standby.query("alter system set primary_conninfo = ''")
        self.standby.query("select pg_reload_conf()")
        wait_until(lambda: self.streaming() is None, self.tails, 30)

    def fail_over(self):
        """Kills the primary, and makes the standby the primary."""
        self.primary.kill()
        self.standby.query("select pg_promote()")
        wait_until(self._promoted, self.tails, 60)

    def _promoted(self):
        try:
            return not self.standby.query("select pg_is_in_recovery()")[0][0]
        except psycopg2.OperationalError:
            return False

    def url(self, user, *first):
        """A URL with both, or with those in that order."""
        hosts = ",".join(f"127.0.0.1:{database.port}" for database in first or (self.primary, self.standby))
        return f"postgresql://{user}@{hosts}/sluice"

    def tails(self):
        return "\n".join(database.child.tail() for database in (self.primary, self.standby))

    def remove(self):
        for database in (self.standby, self.primary):
            database.stop("immediate")
            database.remove()
