# SPDX-License-Identifier: MIT
"""What each of many events costs those who carry it: time, CPU, log of the database, memory."""

import math
import time

from meter import backends_seconds, cpu_seconds, forget_peak, peak_mb, server_seconds

PERIOD = "received_at >= to_timestamp(%(begin)s) and received_at < to_timestamp(%(end)s)"
COUNT = f"select count(*) from webhooks_raw where {PERIOD}"
IS_THERE = f"select exists (select from webhooks_raw where received_at >= to_timestamp(%(last)s) and {PERIOD})"
COMMITTED = f"""select count(*), extract(epoch from max(at))::float8
    from (select pg_xact_commit_timestamp(xmin) from webhooks_raw where {PERIOD}) rows (at) where at > to_timestamp(%(since)s)"""


class Stored:
    """The rows of the events that were received in a period (seconds since 1970), which is how a run's events are told from
    others. Asked over the connection, at the price of a count: not more often than need be."""

    def __init__(self, connection, begin, end=math.inf):
        self.connection, self.begin, self.end = connection, begin, end

    def _ask(self, sql, **more):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, {"begin": self.begin, "end": self.end, **more})
            return cursor.fetchone()

    def count(self):
        return self._ask(COUNT)[0]

    def has_since(self, last):
        """Whether there is one that was received at that time or later; costs next to nothing."""
        return self._ask(IS_THERE, last=last)[0]

    def committed(self, since):
        """(how many were committed after that time, when the last one was)"""
        return self._ask(COMMITTED, since=since)

    def log_position(self):
        """Bytes of the database's log so far."""
        return int(self._ask("select pg_current_wal_lsn() - '0/0'::pg_lsn")[0])


class Costs:
    """From now on until the last row is there."""

    def __init__(self, deployment, stored, workers, gateway=None):
        self.database, self.broker = deployment.database.child.pid, deployment.broker.child.pid
        self.stored, self.workers, self.gateway = stored, workers, gateway
        forget_peak(self.broker)
        self.log = stored.log_position()
        self.seconds = self._seconds()
        self.since = time.time()

    def _seconds(self):
        gateway = {"gateway": cpu_seconds(self.gateway.pid)} if self.gateway else {}
        return {**gateway, "worker": sum(cpu_seconds(worker.pid) for worker in self.workers),
                "backends": backends_seconds(self.database, "sluice_worker"), "Postgres": server_seconds(self.database),
                "RabbitMQ": server_seconds(self.broker)}

    def per_event(self):
        """{figure: value}, once all rows are there. The backends are part of Postgres, and all workers are `worker`."""
        seconds = self._seconds()
        log = self.stored.log_position()
        rows, last = self.stored.committed(self.since)
        if not rows:
            raise SystemExit("curves: all events were stored before the measurement began: use more --events")
        cpu = {who: (seconds[who] - self.seconds[who]) / rows * 1e6 for who in seconds}
        figures = {"rows/s": rows / (last - self.since), **{f"{who}, us of CPU": value for who, value in cpu.items()},
                   "worker and Postgres, us of CPU": cpu["worker"] + cpu["Postgres"],
                   "all, us of CPU": sum(cpu.values()) - cpu["backends"], "database's log, bytes": (log - self.log) / rows,
                   "worker, peak MB": max(peak_mb(worker.pid) for worker in self.workers),
                   "RabbitMQ, peak MB": peak_mb(self.broker)}
        if self.gateway:
            figures["gateway, peak MB"] = peak_mb(self.gateway.pid)
        return figures
