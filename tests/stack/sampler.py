# SPDX-License-Identifier: MIT
"""How many connections the workers' role holds, looked at from outside."""

import threading
import time

import psycopg2


class Sampler:
    """Looks 100 times a second, on a connection of another role, how many client backends the workers' role has. Goes
    on after the database's own restarts. `samples` holds the counts, `most` the greatest, `gaps` how often it had to
    connect anew."""

    INTERVAL = 0.01
    SQL = ("select count(*) from pg_stat_activity where usename = 'sluice_worker' and backend_type = 'client backend'")

    def __init__(self, database):
        self.database = database
        self.samples = []
        self.gaps = 0
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)

    @property
    def most(self):
        return max(self.samples, default=0)

    def _run(self):
        while self.running:
            try:
                connection = self.database.connect()
            except psycopg2.Error:
                time.sleep(0.05)
                continue
            try:
                with connection.cursor() as cursor:
                    self._look(cursor)
            except psycopg2.Error:
                self.gaps += 1
            finally:
                connection.close()

    def _look(self, cursor):
        due = time.monotonic()
        while self.running:
            cursor.execute(self.SQL)
            self.samples.append(cursor.fetchone()[0])
            due = max(due + self.INTERVAL, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join(15)
