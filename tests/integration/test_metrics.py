# SPDX-License-Identifier: MIT
"""/metrics tells exactly what a known traffic was, by source, and how long it took; promtool accepts all of it."""

import hashlib
import http.client
import re
import signal
import subprocess
import time

import pytest

from process import wait_until
from routefile import RouteFile, signed

SECRET, WRONG = "the secret of hub", "another secret"
BODY = b'{"zen":"Keep it logically awesome."}'


@pytest.fixture
def routes(site):
    return RouteFile(site.directory / "routes")


def start(site, routes, *sources, **settings):
    return site.add_gateway(GATEWAY_ROUTES=routes.write(*sources).path, **settings).start()


def reload(gateway):
    before = gateway.metrics()['sluice_gateway_reloads_total{outcome="done"}']
    gateway.send(signal.SIGHUP)
    wait_until(lambda: gateway.metrics()['sluice_gateway_reloads_total{outcome="done"}'] == before + 1, "a reload", 20)


def row(name, **labels):
    return f"{name}{{{','.join(f'{label}={chr(34)}{value}{chr(34)}' for label, value in labels.items())}}}"


def counted(metrics, name, **labels):
    """The rows of this name, with these labels, that aren't 0."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return {row: value for row, value in metrics.items()
            if row.startswith(name + "{") and all(label in row for label in wanted) and value != 0}


def histogram(metrics, name):
    """(count, sum) of a histogram, after a check that its buckets are cumulative and end in the count."""
    rows = [(re.search(r'le="(.*)"', row)[1], value) for row, value in metrics.items() if row.startswith(f"{name}_bucket")]
    values = [value for _, value in rows]
    assert values == sorted(values) and rows[-1] == ("+Inf", metrics[f"{name}_count"])
    bounds = [float(bound) for bound, _ in rows]
    assert bounds == sorted(set(bounds))
    return metrics[f"{name}_count"], metrics[f"{name}_sum"]


@pytest.mark.gateway
def test_a_known_traffic_gives_exactly_these_numbers_by_source_and_plausible_times(site, routes):
    begun = time.time()
    gateway = start(site, routes, routes.github("hub", "/hub", SECRET), routes.open("mine", "/mine"))
    worker, = site.start_workers(1)
    for number in range(5):
        assert site.send("POST", "/hub", BODY, signed(SECRET, f"hub-{number}", BODY)).status == 200
    for number in range(2):
        assert site.send("POST", "/hub", BODY, signed(WRONG, f"bad-{number}", BODY)).status == 401
    assert site.send("PUT", "/hub", BODY, signed(SECRET, "put", BODY)).status == 405
    for number in range(3):
        assert site.send("POST", "/mine", BODY, {"webhook-id": f"mine-{number}"}).status == 200
    site.row("mine-0", "mine")
    assert site.send("POST", "/mine", BODY + b" ", {"webhook-id": "mine-0"}).status == 200
    assert site.send("POST", "/nobody", BODY).status == 404
    wait_until(lambda: worker.metrics()["sluice_worker_acked_total"] == 9, lambda: f"all to be acked\n{site.tails()}")
    elapsed = time.time() - begun

    wait_until(lambda: gateway.metrics()["sluice_gateway_request_seconds_count"] == 13, "the last request to be counted")
    metrics = gateway.metrics()
    accepted, refused = "sluice_gateway_source_accepted_total", "sluice_gateway_source_refused_total"
    assert counted(metrics, accepted) == {row(accepted, source="hub"): 5, row(accepted, source="mine"): 4}
    assert counted(metrics, refused) == {row(refused, source="hub", cause="unverified"): 2,
                                         row(refused, source="hub", cause="method"): 1}
    assert metrics[row(refused, source="mine", cause="unverified")] == 0, "zero from the start"
    for source in ("hub", "mine"):
        last = metrics[row("sluice_gateway_source_last_accepted_timestamp_seconds", source=source)]
        assert begun - 1 <= last <= begun + elapsed + 1
    last = metrics[row("sluice_gateway_source_last_refused_timestamp_seconds", source="hub")]
    assert begun - 1 <= last <= begun + elapsed + 1
    assert row("sluice_gateway_source_last_refused_timestamp_seconds", source="mine") not in metrics
    assert histogram(metrics, "sluice_gateway_request_seconds")[0] == 13
    assert histogram(metrics, "sluice_gateway_confirm_seconds")[0] == 9
    assert metrics["sluice_gateway_message_bytes_total"] == 9 * len(BODY) + 1
    assert metrics["sluice_ready"] == worker.metrics()["sluice_ready"] == 1
    for name in ("request", "confirm"):
        assert 0 < histogram(metrics, f"sluice_gateway_{name}_seconds")[1] < elapsed

    metrics = worker.metrics()
    events = "sluice_worker_source_events_total"
    assert counted(metrics, events) == {row(events, source="hub", outcome="stored"): 5,
                                        row(events, source="mine", outcome="stored"): 3,
                                        row(events, source="mine", outcome="replaced"): 1}
    for source in ("hub", "mine"):
        last = metrics[row("sluice_worker_source_last_stored_timestamp_seconds", source=source)]
        assert begun - 1 <= last <= begun + elapsed + 1
    waits, waited = histogram(metrics, "sluice_worker_queue_wait_seconds")
    stores, took = histogram(metrics, "sluice_worker_end_to_end_seconds")
    assert (waits, stores) == (9, 9) and 0 < waited < took < 9 * elapsed
    batches, size = histogram(metrics, "sluice_worker_batch_events")
    assert size == 9 and batches == metrics["sluice_worker_batches_total"]
    timed, spent = histogram(metrics, "sluice_worker_batch_seconds")
    assert timed == batches and 0 < spent < elapsed
    assert metrics["sluice_worker_unacked"] == 0 and counted(metrics, "sluice_worker_held_events") == {}
    assert "sluice_worker_oldest_event_timestamp_seconds" not in metrics
    site.note(f"9 events: {histogram(gateway.metrics(), 'sluice_gateway_confirm_seconds')[1] / 9 * 1000:.1f} ms to the "
              f"confirm, {took / 9 * 1000:.1f} ms to the commit, on average")


@pytest.mark.gateway
def test_a_source_that_a_reload_removes_leaves_the_output_and_one_that_stays_keeps_its_counts(site, routes):
    gateway = start(site, routes, routes.open("stays", "/stays"), routes.open("goes", "/goes"))
    for path in ("/stays", "/goes"):
        site.send_ok("POST", path, BODY)

    def accepted(source):
        return gateway.metrics().get(row("sluice_gateway_source_accepted_total", source=source))
    wait_until(lambda: accepted("stays") == accepted("goes") == 1, "both to be counted")
    before = gateway.metrics()
    routes.write(routes.open("comes", "/comes"), routes.open("stays", "/elsewhere"))
    reload(gateway)
    after = gateway.metrics()
    assert not [name for name in after if 'source="goes"' in name]
    assert (accepted("stays"), accepted("comes")) == (1, 0)
    site.send_ok("POST", "/elsewhere", BODY)
    wait_until(lambda: accepted("stays") == 2, "it to be counted on")

    def info(metrics):
        return [name for name in metrics if name.startswith("sluice_gateway_routes_info")]
    assert info(after) == [row("sluice_gateway_routes_info", sha256=hashlib.sha256(routes.path.read_bytes()).hexdigest())]
    assert info(before) != info(after)
    loaded = "sluice_gateway_routes_loaded_timestamp_seconds"
    assert before[loaded] < after[loaded] <= time.time() + 1


def promtool(text):
    return subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=20,
                          check=False)


def test_promtool_finds_nothing_wrong_with_the_metrics_of_either_program(site, routes):
    start(site, routes, routes.github("hub", "/hub", SECRET), routes.open("mine", "/mine"))
    site.start_workers(1)
    site.row(site.send_ok("POST", "/mine", BODY), "mine")
    for program in site.programs:
        done = promtool(program.admin("/metrics")[1])
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), program.name
    assert promtool("# TYPE a_total gauge\na_total 1\n").returncode != 0, "promtool checks nothing"


def test_metrics_have_the_type_of_the_text_format_and_each_name_has_one_help_and_one_type(site):
    for program in (site.start_gateway(), *site.start_workers(1)):
        connection = http.client.HTTPConnection("127.0.0.1", program.admin_port, timeout=5)
        connection.request("GET", "/metrics")
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        for what in ("HELP", "TYPE"):
            names = re.findall(rf"^# {what} (\S+) ", text, re.M)
            assert len(names) == len(set(names)) > 20, program.name


def test_the_process_tells_its_release_start_memory_and_descriptors(site):
    begun = time.time()
    version = subprocess.run([site.servers.build / "sluice-worker", "--version"], text=True, capture_output=True,
                             check=True, timeout=10).stdout.split()[1]
    for program in (site.start_gateway(), *site.start_workers(1)):
        metrics = program.metrics()
        assert metrics[row("sluice_build_info", version=version)] == 1
        assert begun - 1 <= metrics["process_start_time_seconds"] <= time.time()
        assert 0 < metrics["process_cpu_seconds_total"] < 30
        assert metrics["process_resident_memory_bytes"] > 1 << 20
        assert 5 <= metrics["process_open_fds"] < metrics["process_max_fds"]


def test_events_that_the_database_does_not_take_are_shown_by_what_they_wait_for_with_the_age_of_the_oldest(site):
    count, begun = 40, time.time()
    worker, = site.start_workers(1, WORKER_CONNECTIONS=1, WORKER_BATCH_EVENTS=10, WORKER_PREFETCH=30)
    site.publish("first", BODY, int((begun - 7200) * 1e6))  # until one is answered, the prefetch is 1
    site.row("first")
    connection = site.database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("lock table webhooks_raw in access exclusive mode")
        site.publish_all([(f"held-{number}", {}) for number in range(count)], BODY, int((begun - 3600) * 1e6))

        def held():
            return counted(worker.metrics(), "sluice_worker_held_events")
        storing, waiting = (row("sluice_worker_held_events", cause=cause) for cause in ("storing", "waiting"))
        wait_until(lambda: held().keys() == {storing, waiting} and sum(held().values()) == 30 and held()[storing] <= 10,
                   lambda: f"a batch and what waits behind it: {held()}")
        metrics = worker.metrics()
        assert metrics["sluice_worker_unacked"] == 30
        assert abs(metrics["sluice_worker_oldest_event_timestamp_seconds"] - (begun - 3600)) < 1
    connection.close()
    site.wait_count(count + 1)
    wait_until(lambda: worker.metrics()["sluice_worker_unacked"] == 0, "all to be acked")
    assert held() == {}
    assert "sluice_worker_oldest_event_timestamp_seconds" not in worker.metrics()
    waits, waited = histogram(worker.metrics(), "sluice_worker_queue_wait_seconds")
    assert waits == count + 1 and 3600 * (count + 2) <= waited < (3600 + 60) * (count + 2)


def test_the_depths_of_both_queues_are_shown_by_a_worker_that_consumes_nothing(site):
    queues = {queue: row("sluice_worker_queue_messages", queue=queue) for queue in ("ingest", "dead")}
    site.publish_all([(f"deep-{number}", {}) for number in range(5)], BODY, 1)
    channel = site.channel()
    channel.confirm_delivery()
    for _ in range(2):
        channel.basic_publish("webhooks.dead", "default", BODY)
    channel.connection.close()
    worker = site.add_worker(DATABASE_URL="postgresql://sluice_worker@127.0.0.1:1/sluice").start(wait=False)
    wait_until(lambda: queues["dead"] in worker.metrics(), lambda: f"the depths\n{worker.tail()}")
    metrics = worker.metrics()
    assert (metrics[queues["ingest"]], metrics[queues["dead"]]) == (5, 2)
    assert "sluice_worker_dead_letters" not in metrics, "without a connection nobody knows"


def test_the_number_of_dead_letters_is_shown(site):
    channel = site.channel()
    channel.confirm_delivery()
    for number in range(3):
        channel.basic_publish("webhooks", "default", b"%d" % number)  # no gateway wrote it
    channel.connection.close()
    first, = site.start_workers(1)
    site.wait_count(3, table="webhooks_dead")
    wait_until(lambda: first.metrics()[row("sluice_worker_source_events_total", source="default", outcome="dead")] == 3,
               "them to be counted")
    live = "select pg_stat_get_live_tuples('webhooks_dead'::regclass)"
    wait_until(lambda: site.database.query(live)[0][0] == 3, "the statistics")
    second, = site.start_workers(1)
    wait_until(lambda: second.metrics().get("sluice_worker_dead_letters") == 3,
               lambda: f"3 dead letters, not {second.metrics().get('sluice_worker_dead_letters')}")
