# SPDX-License-Identifier: MIT
"""The broker is stopped, refuses messages, or can't be reached: 503 at once, no acked event is lost, and everything
recovers by itself."""

import random
import threading
import time

import pytest

from links import ALARM_OVER, BROKER_BACK, LINK_HEALED, accepted_again
from load import Load
from process import Failure, wait_until
from proxy import DIRECTIONS, DOWN, UP
from site_under_test import slowness
from wire import request

AT_ONCE = 0.5


def answers(gateway, count=10):
    """Sends a few requests, one after the other; returns the replies."""
    return [request(gateway.port, body=b"x", headers={"webhook-id": f"probe-{n}"}) for n in range(count)]


def refused_at_once(gateway):
    """Checks that every reply is a 503 with Retry-After and comes at once."""
    replies = answers(gateway)
    assert {reply.status for reply in replies} == {503}, replies
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies)
    assert max(reply.seconds for reply in replies) < AT_ONCE * 2, replies
    assert gateway.admin("/health")[0] == 200
    return True


@pytest.mark.case(7)
def test_a_broker_stopped_and_started_again_and_again_means_503_and_soon_200_again(site):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=200, count=100_000) as load:
        for _ in range(3):
            load.wait_acked(200)
            site.broker.stop()
            gateway.wait_ready(False)
            time.sleep(1)  # a 503 must come at once, after the first second
            assert {reply.status for reply in answers(gateway)} == {503}
            site.broker.start()
            accepted_again(site, load, time.monotonic(), BROKER_BACK)
            for worker in workers:
                worker.wait_ready()
        load.wait_acked(200)
        assert load.slowest < 5, "a 503 comes within the deadline"
    with_probes_settle(site, ledger, at_least=700)


def with_probes_settle(site, ledger, at_least, limit=90):
    """Deletes the probes, which are in no ledger, and settles the rest."""
    site.database.query("delete from webhooks_raw where id like 'probe-%'")
    balance = site.settle(ledger, at_least, limit)
    assert site.count("webhooks_dead") == 0
    return balance


@pytest.mark.case(8)
def test_a_broker_killed_while_it_confirms_loses_nothing_that_was_acked(site, seed):
    rng = random.Random(seed)
    gateway = site.start_gateway()
    site.start_workers(2)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=800, threads=24, count=200_000) as load:
        for _ in range(4):
            load.wait_acked(300)
            time.sleep(rng.uniform(0, 0.5))
            site.broker.kill()
            site.broker.start()
            accepted_again(site, load, time.monotonic(), BROKER_BACK)
        load.wait_acked(300)
        assert load.slowest < 5
    site.settle(ledger, at_least=1200, limit=120)
    assert site.count("webhooks_dead") == 0


@pytest.mark.case(9)
@pytest.mark.parametrize("seconds", [pytest.param(8, marks=pytest.mark.quick), 60])
@pytest.mark.parametrize("fault", ["black_hole", "vanish"])
def test_a_black_hole_to_the_broker_means_503_at_once_after_the_first_and_200_when_it_heals(site, links, fault, seconds):
    gateway = links.start_gateway()
    site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=100, count=100_000) as load:
        load.wait_acked(200)
        getattr(links.gateway_broker, fault)()
        begun = time.monotonic()
        wait_until(lambda: 503 in load.statuses, "the first 503", 10)
        first = time.monotonic() - begun
        assert first < 4, "the first ones wait only for their confirm"
        time.sleep(1.5)
        while time.monotonic() - begun < seconds:
            refused_at_once(gateway)
            time.sleep(1)
        links.gateway_broker.heal()
        accepted_again(site, load, time.monotonic(), LINK_HEALED)
        load.wait_acked(200)
        assert load.slowest < 5
        assert load.statuses.keys() <= {200, 503}
    site.note(f"black for {seconds} s; first 503 after {first:.1f} s, slowest reply {load.slowest:.1f} s")
    with_probes_settle(site, ledger, at_least=350)
    wait_until(lambda: gateway.metrics()["sluice_gateway_outstanding"] == 0, "no message to be waited for", 10)


@pytest.mark.quick
@pytest.mark.case(10)
@pytest.mark.parametrize("fault", ["reset", "cut", "half-close", "stop in a frame", "drop", "slow", "sliced"])
def test_whatever_happens_to_the_links_to_the_broker_nothing_is_lost_and_they_recover(site, links, fault, seed):
    rng = random.Random(f"{seed}/{fault}")
    gateway = links.start_gateway()
    links.start_workers(2, database=False, WORKER_BATCH_EVENTS=20)
    ledger = site.ledger()
    both = (links.gateway_broker, links.worker_broker)
    with Load(gateway.port, ledger, rate=100, count=100_000, threads=12) as load:
        load.wait_acked(100)
        for _ in range(3):
            for proxy in both:
                inflict(proxy, fault, rng)
            time.sleep(rng.uniform(0.3, 1.5))
            for proxy in both:
                proxy.heal()
            accepted_again(site, load, time.monotonic(), LINK_HEALED)
            load.wait_acked(50)
    assert load.slowest < 6
    site.settle(ledger, at_least=220, limit=120)
    assert site.count("webhooks_dead") == 0
    site.note(f"{fault}: connections made {[proxy.connections for proxy in both]}")


def inflict(proxy, fault, rng):
    direction = rng.choice(DIRECTIONS)
    if fault == "reset":
        proxy.reset()
    elif fault == "cut":
        proxy.cut()
    elif fault == "half-close":
        proxy.half_close(direction)
    elif fault == "stop in a frame":
        proxy.stop_after(rng.randint(1, 2000), direction)
    elif fault == "drop":
        proxy.drop(direction)
    elif fault == "slow":
        proxy.delay(rng.randint(50, 400))
    elif fault == "sliced":
        proxy.slice()
    else:
        raise Failure(f"no fault {fault!r}")


@pytest.mark.quick
@pytest.mark.case(11)
def test_a_deleted_binding_means_503_for_exactly_what_has_nowhere_to_go(site):
    """Events of another routing key, published without the gateway, are still stored."""
    gateway = site.start_gateway()
    site.start_workers(1)
    ledger = site.ledger()
    channel = site.channel()
    with Load(gateway.port, ledger, rate=200, count=100_000) as load:
        load.wait_acked(200)
        channel.queue_bind("webhooks.ingest", "webhooks", "other")
        channel.queue_unbind("webhooks.ingest", "webhooks", "#")
        try:
            wait_until(lambda: 503 in load.statuses, "a 503", 10)
            replies = answers(gateway)
            assert {reply.status for reply in replies} == {503}
            assert all("retry-after" in reply.headers for reply in replies)
            channel.basic_publish("webhooks", "other", b"unharmed")
            wait_until(lambda: site.count("webhooks_dead") == 1, "the other publisher's message", 15)
            assert gateway.is_ready(), "the connection is fine"
        finally:
            channel.queue_bind("webhooks.ingest", "webhooks", "#")
            channel.queue_unbind("webhooks.ingest", "webhooks", "other")
        accepted_again(site, load, time.monotonic(), LINK_HEALED)
        load.wait_acked(100)
    channel.connection.close()
    site.database.query("delete from webhooks_dead")
    assert not site.rows("id like 'probe-%'"), "an event that got 503 because no queue is bound is stored nowhere"
    balance = with_probes_settle(site, ledger, at_least=250)
    assert balance.counts["unknown"] > 0


@pytest.mark.quick
@pytest.mark.case(12)
def test_a_full_queue_means_503_with_retry_after_and_200_once_it_is_drained(site):
    assert site.servers.setup(QUEUE_MAX_BYTES="1MiB").returncode == 0
    try:
        gateway = site.start_gateway()
        ledger = site.ledger()
        with Load(gateway.port, ledger, rate=1000, count=100_000, threads=16) as load:
            load.wait_acked(300)
            wait_until(lambda: load.statuses.get(503, 0) > 100, lambda: f"it to be full: {load.statuses}", 60)
            assert "retry-after" in next(reply for reply in answers(gateway, 50) if reply.status == 503).headers
            begun = time.monotonic()
            site.start_workers(1)
            accepted_again(site, load, begun, 5)
            load.wait_acked(200)
    finally:
        assert site.servers.setup_afresh().returncode == 0
    assert load.statuses.keys() == {200, 503}
    with_probes_settle(site, ledger, at_least=450)


@pytest.mark.quick
@pytest.mark.case(12)
def test_a_gateway_that_is_only_refused_says_so_and_tries_again_by_itself(site):
    """A nack doesn't say why: another connection may lead to a node that has the queue. So each one is given up after
    2, 4, then 8 s, also when a load balancer that saw /ready sends nothing any more."""
    gateway = site.start_gateway(GATEWAY_PUBLISHERS=2)
    assert site.servers.setup(QUEUE_MAX_BYTES="1MiB").returncode == 0
    try:
        wait_until(lambda: request(gateway.port, body=b"x" * 50_000).status == 503, "the queue to be full", 60)
        refused = [reply for reply in answers(gateway) if reply.status == 503]
        assert all(b"a queue is full, or not available" in reply.body for reply in refused)
        wait_until(lambda: answers(gateway, 4) and gateway.admin("/ready") == (503, "broker refuses\n"),
                   lambda: f"/ready to say so: {gateway.admin('/ready')}", 20)
        wait_until(lambda: any("only refused for" in line["reason"] for line in gateway.lines("broker-lost")),
                   "a connection to be given up", 20)
        wait_until(gateway.is_ready, "a new connection to be ready without any request", 20)
        before = len(gateway.lines("broker-connected"))
        begun = time.monotonic()
        while time.monotonic() - begun < 12:
            assert {reply.status for reply in answers(gateway, 4)} <= {503}
        made = len(gateway.lines("broker-connected")) - before
        assert 1 <= made <= 2 * (12 / 4 + 1), f"{made} connections in 12 s"
        site.start_workers(1)
        wait_until(lambda: request(gateway.port, body=b"x").status == 200, "200 again", 10)
        wait_until(gateway.is_ready, "the gateway to be ready", 10)
    finally:
        assert site.servers.setup_afresh().returncode == 0


@pytest.mark.quick
@pytest.mark.case(9)
def test_a_broker_that_answers_nothing_makes_the_gateway_not_ready_and_is_left_after_2_s(site, links):
    gateway = links.start_gateway(GATEWAY_PUBLISHERS=1)
    site.send_ok(body=b"x")
    before = links.gateway_broker.connections
    links.gateway_broker.hold(DOWN)
    begun = time.monotonic()
    assert request(gateway.port, body=b"x").status == 503
    wait_until(lambda: gateway.admin("/ready") in ((503, "broker slow\n"), (503, "broker away\n")),
               lambda: f"/ready to say so: {gateway.admin('/ready')}", 5)
    wait_until(lambda: any("answered nothing for 2000 ms" in line["reason"] for line in gateway.lines("broker-lost")),
               "the connection to be given up", 5)
    assert time.monotonic() - begun < 10
    wait_until(lambda: links.gateway_broker.connections > before, "a new connection", 5)
    links.gateway_broker.heal()
    wait_until(lambda: request(gateway.port, body=b"x").status == 200, "200 again", 10)
    gateway.wait_ready()


@pytest.mark.quick
@pytest.mark.case(13)
@pytest.mark.parametrize("alarm", ["memory", "disk"])
def test_an_alarm_means_503_at_once_consumers_go_on_and_200_soon_after_it(site, alarm):
    gateway = site.start_gateway()
    ledger = site.ledger()
    try:
        with Load(gateway.port, ledger, rate=100, count=100_000) as load:
            load.wait_acked(200)
            raise_alarm(site.broker, alarm)
            gateway.wait_ready(False, limit=15)
            refused_at_once(gateway)
            site.start_workers(1)
            wait_until(lambda: site.count() > 100, lambda: f"workers to store during an alarm\n{site.tails()}", 20)
            wait_until(lambda: 503 in load.statuses, "those that were under way to be refused too", 10)
            refused_at_once(gateway)
            clear_alarm(site.broker, alarm)
            accepted_again(site, load, time.monotonic(), ALARM_OVER)
            load.wait_acked(100)
    finally:
        clear_alarm(site.broker, alarm)
    site.note(f"slowest reply {load.slowest:.2f} s")
    assert load.slowest < 2 * slowness(site), "a request in flight at the alarm waited for its end"
    with_probes_settle(site, ledger, at_least=250)
    assert gateway.metrics()["sluice_gateway_outstanding"] == 0


def raise_alarm(broker, alarm):
    if alarm == "memory":
        broker.set_alarm()
    else:
        broker.control("set_disk_free_limit", "1000000GB")


def clear_alarm(broker, alarm):
    if alarm == "memory":
        broker.clear_alarm()
    else:
        broker.control("set_disk_free_limit", "50MB")


@pytest.mark.quick
@pytest.mark.case(14)
@pytest.mark.parametrize("how", ["password changed", "permission cleared"])
def test_a_broker_that_lets_nobody_in_is_not_ready_and_the_reason_without_the_secret(site, links, how):
    gateway = links.start_gateway()
    worker, = links.start_workers(1, database=False)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=100, count=100_000) as load:
        load.wait_acked(100)
        for user in ("sluice-gateway", "sluice-worker"):
            if how == "password changed":
                site.broker.control("change_password", user, "quite-another-one")
            else:
                site.broker.control("clear_permissions", "-p", "sluice", user)
        try:
            for proxy in (links.gateway_broker, links.worker_broker):
                proxy.reset()
            attempts = links.gateway_broker.connections + links.worker_broker.connections
            begun = time.monotonic()
            gateway.wait_ready(False)
            worker.wait_ready(False)
            cause = "403 ACCESS_REFUSED" if how == "password changed" else "530 NOT_ALLOWED"
            for program in (gateway, worker):
                wait_until(lambda who=program: any(cause in line["reason"]
                                                                 for line in who.lines("broker-away")),
                           lambda who=program: f"the cause in the log\n{who.tail()}", 15)
            assert all(reply.status == 503 for reply in answers(gateway))
            time.sleep(3)
            made = links.gateway_broker.connections + links.worker_broker.connections - attempts
            rate = made / (time.monotonic() - begun)
            assert rate < 8, f"{rate:.1f} attempts a second: there is no backoff"
            for program in (gateway, worker):
                assert not program.is_ready()
        finally:
            assert site.servers.setup().returncode == 0
        accepted_again(site, load, time.monotonic(), BROKER_BACK)
        worker.wait_ready()
        load.wait_acked(100)
    for program in (gateway, worker):
        for name in ("broker-gateway", "broker-worker"):
            assert site.servers.secret(name) not in program.output()
    with_probes_settle(site, ledger, at_least=150)


@pytest.mark.quick
@pytest.mark.case(9)
def test_no_thread_is_stuck_when_many_wait_while_the_broker_falls_silent(site, links):
    """More requests than GATEWAY_IN_FLIGHT allows arrive while the link is a black hole; all are answered."""
    gateway = links.start_gateway(GATEWAY_THREADS=32, GATEWAY_IN_FLIGHT=24)
    site.send_ok(body=b"x")
    links.gateway_broker.hold(DOWN)
    replies = []
    threads = [threading.Thread(target=lambda n=n: replies.append(
        request(gateway.port, body=b"x", headers={"webhook-id": f"probe-{n}"}))) for n in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(replies) == 80
    assert {reply.status for reply in replies} == {503}
    assert gateway.metrics()["sluice_gateway_outstanding"] <= 24
    links.gateway_broker.heal()
    wait_until(lambda: request(gateway.port, body=b"x").status == 200, "200 again", 5)
    links.gateway_broker.hold(UP)
    assert gateway.stop(limit=25) == 0, "a stop must not hang, either"


@pytest.mark.quick
def test_a_body_that_fills_its_frames_exactly_waits_no_longer_than_others(site):
    """librabbitmq corks the socket: without uncorking the last publish would wait 200 ms for the kernel."""
    gateway = site.start_gateway()
    for size in (131063, 131064, 131065, 2 * 131064):
        replies = [request(gateway.port, body=b"x" * size) for _ in range(5)]
        assert {reply.status for reply in replies} == {200}
        fastest = min(reply.seconds for reply in replies)
        assert fastest < 0.15, f"{size} bytes took {fastest:.3f} s at least"
