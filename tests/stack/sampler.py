# SPDX-License-Identifier: MIT
"""Samples how many connections the workers' role holds."""

import threading
import time

import psycopg2


class Sampler:
    """Counts the client backends of the workers' role 100 times a second, over a connection of another role. Reconnects
    when the database restarts. `samples` has the counts, `most` the highest one, `gaps` the number of reconnects."""

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
