# SPDX-License-Identifier: MIT
"""The memory that a worker holds is bounded, however large the events are."""

import contextlib

from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970
MIB = 1 << 20
EVENTS = 150


@contextlib.contextmanager
def locked_table(site):
    """Locks the table, so that nothing can be stored."""
    connection = site.database.connect()
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("begin; lock table webhooks_raw in access exclusive mode")
        yield


def fill(site, count, size):
    site.publish_all([(f"event-{size}-{number}", {}) for number in range(count)], bytes(size), T)


def held(worker):
    return worker.metrics()["sluice_worker_held_bytes"]


def test_a_worker_that_cannot_store_holds_no_more_than_its_memory(site):
    worker, = site.start_workers(1, WORKER_MEMORY="16MiB")
    with locked_table(site):
        fill(site, EVENTS, MIB)
        wait_until(lambda: held(worker) > 4 * MIB, lambda: f"events to be prefetched\n{site.tails()}")
        worker.wait_ready(False)
        assert held(worker) <= 16 * MIB
        assert int(worker.lines("consuming")[-1]["prefetch"]) <= 8
    site.wait_count(EVENTS, 60)
    site.wait_drained()
    wait_until(lambda: held(worker) == 0, lambda: f"nothing to be held, but {held(worker)} bytes are")


def test_events_that_suddenly_become_large_end_the_consumer_until_half_of_them_are_stored(site):
    worker, = site.start_workers(1, WORKER_MEMORY="16MiB", WORKER_PREFETCH=100)
    fill(site, 1, 10)
    site.row("event-10-0")
    wait_until(lambda: worker.lines("consuming")[-1]["prefetch"] == "100", "the full prefetch")
    with locked_table(site):
        fill(site, EVENTS, MIB)
        wait_until(lambda: worker.lines("sated"), lambda: f"it to have enough\n{site.tails()}")
        assert held(worker) < 60 * MIB, "only the events already on their way exceed the limit"
        before = worker.metrics()["sluice_worker_deliveries_total"]
        fill(site, 10, MIB + 1)
        assert worker.metrics()["sluice_worker_deliveries_total"] == before, "it takes no more"
    site.wait_count(EVENTS + 11, 60)
    site.wait_drained()
    assert worker.metrics()["sluice_worker_broker_connects_total"] == 1, "the channel is kept"
    # The prefetch follows the size of the events, down and up again.
    assert int(worker.lines("consuming")[2]["prefetch"]) <= 20
    fill(site, 2000, 10)
    site.wait_count(EVENTS + 2010, 60)
    wait_until(lambda: worker.lines("consuming")[-1]["prefetch"] == "100", lambda: f"the full prefetch\n{site.tails()}")
