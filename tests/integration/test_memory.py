# SPDX-License-Identifier: MIT
"""The memory that a gateway and a worker hold is bounded, however large the events are."""

import collections
import concurrent.futures
import contextlib

import pytest

from process import wait_until
from programs import environment, run_command
from routefile import RouteFile
from wire import Wire

T = 1_763_900_000_000_000  # microseconds since 1970
MIB = 1 << 20
EVENTS = 150


def fill(site, count, size):
    site.publish_all([(f"event-{size}-{number}", {}) for number in range(count)], bytes(size), T)


def held(worker):
    return worker.metrics()["sluice_worker_held_bytes"]


def test_a_worker_that_cannot_store_holds_no_more_than_its_memory(site):
    worker, = site.start_workers(1, WORKER_MEMORY="16MiB")
    with site.database.locked():
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
    with site.database.locked():
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


def resident_most(program):
    """Bytes: the most that the process ever had in memory."""
    with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


# A sanitizer keeps 256 MiB of freed memory unless it is told otherwise.
SMALL_QUARANTINE = environment({})["ASAN_OPTIONS"] + ":quarantine_size_mb=16"
HEAD = b"POST /large HTTP/1.1\r\nHost: localhost\r\n"


def offer(port, pieces):
    """Sends a request of these pieces; says what became of it."""
    whole = False
    with Wire(port, timeout=60) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                wire.send(piece)
            whole = True  # the gateway has read most of it: the sockets hold 10 MB at most
        try:
            reply = wire.reply()
        except ConnectionResetError:
            return "refused"  # and the reply was lost
    if reply.status == 503:
        if "memory for bodies" in reply.json()["error"]:
            return "no memory"
        return "broker slow" if whole else "refused"  # it may be slow with the large ones
    return reply.status


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_of_256_large_bodies_at_once_as_many_get_in_as_fit_and_they_take_no_more(site, how):
    """4 GiB are on offer, three times. Whoever is refused may send again."""
    budget, size, senders = 64 * MIB, 16 * MIB, 256
    gateway = site.start_gateway(GATEWAY_MAX_BODY=f"{size}B", GATEWAY_BODY_MEMORY=f"{budget}B", GATEWAY_THREADS=300, GATEWAY_CONFIRM_TIMEOUT="30s",
                                 ASAN_OPTIONS=SMALL_QUARANTINE)
    before = resident_most(gateway)
    part = bytes(MIB)
    if how == "length":
        pieces = [HEAD + b"Content-Length: %d\r\n\r\n" % size, *[part] * 16]
    else:
        pieces = [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"100000\r\n" + part + b"\r\n"] * 16, b"0\r\n\r\n"]
    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(senders) as pool:
            found = collections.Counter(pool.map(lambda _: offer(gateway.port, pieces), range(senders)))
        grown = resident_most(gateway) - before
        site.note(f"{how}: {dict(found)}, {grown >> 20} MiB more")
        assert set(found) <= {200, "no memory", "broker slow", "refused"}
        assert found[200] >= 1 and found["no memory"] >= 1
        assert found[200] + found["broker slow"] >= (budget - size) // size, "so many fit beside the reserve"
        assert grown < 16 * budget  # of 64; a sanitizer copies at each growth, and keeps some of what was freed
        wait_until(lambda: gateway.metrics()["sluice_gateway_body_bytes"] == 0, "all to be given back")
        assert site.send(body=b"small").status == 200


def test_silent_senders_of_large_bodies_leave_room_for_others(site):
    """Without a signature: the memory is taken before anybody is verified."""
    budget, size = 64 * MIB, 16 * MIB
    gateway = site.start_gateway(GATEWAY_MAX_BODY=f"{size}B", GATEWAY_BODY_MEMORY=f"{budget}B", GATEWAY_CONFIRM_TIMEOUT="30s")
    with contextlib.ExitStack() as silent:
        for _ in range(10):
            silent.enter_context(Wire(gateway.port)).send(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        wait_until(lambda: gateway.metrics()["sluice_gateway_body_bytes"] == budget // 2, "the silent ones to hold half")
        reply = site.send(body=bytes(size))
        assert reply.status == 200, reply
    wait_until(lambda: gateway.metrics()["sluice_gateway_body_bytes"] == 0, "all to be given back")


def test_the_first_body_that_finds_no_room_gets_in_though_others_want_what_is_left(site):
    """Three silent senders have all but the reserve, which is as large as the largest body of a source."""
    routes = RouteFile(site.directory / "routes")
    routes.write(routes.open("large", "/large", max_body="16MiB"))
    gateway = site.start_gateway(GATEWAY_ROUTES=routes.path, GATEWAY_BODY_MEMORY="64MiB", GATEWAY_CONFIRM_TIMEOUT="30s")
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    with contextlib.ExitStack() as senders:
        def begin(mib):
            wire = senders.enter_context(Wire(gateway.port, timeout=30))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * mib)
            return wire

        def wait_held(mib):
            """Waits until the bodies hold that much, or one was refused."""
            def done():
                metrics = gateway.metrics()
                return metrics["sluice_gateway_body_bytes"] >= mib * MIB or metrics['sluice_gateway_replies_total{outcome="busy"}'] > 0
            wait_until(done, lambda: f"{mib} MiB of bodies\n{site.tails()}")

        for _ in range(3):
            begin(16)
        wait_held(48)
        first = begin(1)
        wait_held(49)
        for held in (57, 65):
            begin(8)
            wait_held(held)
        first.send(chunk * 15 + b"0\r\n\r\n")
        reply = first.reply()
        assert reply.status == 200, reply


def test_a_limit_of_one_body_beyond_the_budget_of_all_is_an_error(site):
    routes = RouteFile(site.directory / "routes")
    routes.write(routes.open("large", "/large", max_body="3MiB"))
    settings = {"GATEWAY_MAX_BODY": "2MiB", "GATEWAY_BODY_MEMORY": "1MiB", "GATEWAY_ROUTES": routes.path, "BROKER_URL": "amqp://localhost/"}
    done = run_command(site.servers.build, ["--print-config"], settings, program="sluice-gateway")
    assert done.returncode == 78
    assert "GATEWAY_MAX_BODY=2097152 is more than GATEWAY_BODY_MEMORY=1048576" in done.stderr
    assert "source large: max_body of 3145728 bytes is more than GATEWAY_BODY_MEMORY=1048576" in done.stderr
