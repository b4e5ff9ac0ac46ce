# SPDX-License-Identifier: MIT
"""A database whose table has many rows."""

import contextlib
import os

STEP = 1_000_000  # rows of one statement
FILL = """insert into webhooks_raw (source, id, method, path, headers, content_type, body, received_at, first_received_at)
    select 'default', md5(n::text), 'POST', '/bench', '{"host": "localhost", "content-type": "application/json"}',
           'application/json', convert_to('{"n":' || n || ',"pad":"' || repeat('x', 80) || '"}', 'UTF8'), at, at
    from generate_series(%s, %s) n, lateral (select timestamptz '2020-01-01 UTC' + n * interval '1 second') as t (at)"""


class Filled:
    """A database of its own, set up as any other; its webhooks_raw has rows of about 300 bytes, with ids at random, as most
    senders' are. Nothing is dirty in the kernel after a fill, but the pages' first change since a checkpoint is logged."""

    def __init__(self, deployment, size):
        self.database, self.size, self.name = deployment.database, size, f"rows_{size}"
        self.database.query(f"create database {self.name}")
        done = deployment.setup(SETUP_DATABASE_URL=self.database.url("sluice", self.name))
        if done.returncode:
            raise SystemExit(f"curves: setup of {self.name} failed\n{done.stdout}{done.stderr}")
        self.rows = 0

    def connect(self):
        return self.database.connect(database=self.name)

    def take(self, more):
        """Before so many more rows come: empties and fills it, unless it stays near its size with them (or is new)."""
        if self.rows == 0 or self.rows + more > 1.2 * self.size:
            self._fill()
        self.rows += more

    def _fill(self):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("truncate webhooks_raw")
            for first in range(1, self.size + 1, STEP):
                cursor.execute(FILL, (first, min(first + STEP - 1, self.size)))
                if self.size > STEP:
                    print(f"table: {first + STEP - 1:,} of {self.size:,} rows are there", flush=True)
            cursor.execute("vacuum analyze webhooks_raw")
        os.sync()
        self.rows = self.size

    def drop(self):
        self.database.query(f"drop database {self.name} with (force)")
