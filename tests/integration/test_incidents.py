# SPDX-License-Identifier: MIT
"""The likeliest incidents, each provoked once: which alerts fire, and what the console, /ready and `sluice trace` say
meanwhile. docs/operations.md shows the same. The alerts' `for` is left out."""

import contextlib
import html
import re
import time

import pytest

from process import wait_until
from routefile import RouteFile, signed
from wire import request

BODY = b'{"n":1}'
SECRET, WRONG = "the secret of hub", "the secret after a rotation"
MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.fixture
def routes(site):
    return RouteFile(site.directory / "routes")


def begin(site, prometheus, workers=1, **gateway):
    """A gateway and workers, watched, with no alert."""
    site.start_gateway(**gateway)
    site.start_workers(workers)
    prometheus.start().watch(site.programs)
    wait_until(lambda: prometheus.query("count(sluice_ready == 1)")[:1] == [({}, workers + 1)], "a scrape of each", 30)
    prometheus.wait_alerts()


def addresses(site, kind):
    return ",".join(f"127.0.0.1:{program.admin_port}" for program in site.programs if program.name.startswith(kind))


def console_shows(site, names):
    """Waits until the console's page Now has exactly the problems with these names; returns their words."""
    console = site.start_console(GATEWAY_ADMINS=addresses(site, "gateway"), WORKER_ADMINS=addresses(site, "worker"))

    def problems():
        page = request(console.port, "GET", "/").body.decode()
        return {name: html.unescape(words) for words, name in
                re.findall(r'<p class="problem">([^<]*)\. <a href="[^"]*">What to do \(([^<]*)\)</a>', page)
                or [("No problem is known", None)] * ("No problem is known." in page)}
    wait_until(lambda: problems().keys() == (names or {None}), lambda: f"{names} on the console, not {problems()}", 30, 0.5)
    return problems().values()


def meanwhile(site, prometheus, *alerts, trace):
    """Waits for exactly these alerts, and for the same problems on the console; returns what /ready says, by program, and
    (exit code, output) of `sluice trace`."""
    firing = prometheus.wait_alerts(*alerts, limit=90)
    ready = {program.name: program.admin("/ready")[1].strip() for program in site.programs}
    done = site.servers.command("trace", trace)
    for alert in firing:
        print(f"{alert['labels']['alertname']}: {alert['annotations']['summary']} {alert['annotations']['description']}")
    for problem in console_shows(site, set(alerts) - {"SluiceSourceSilent"}):  # the console knows no past weeks
        print("console:", problem)
    print(ready, f"\nsluice trace {trace}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return ready, (done.returncode, done.stdout + done.stderr)


def test_the_database_is_away(site, prometheus):
    begin(site, prometheus)
    site.database.stop()
    event = site.send_ok(headers={"webhook-id": "while-away"})
    ready, (code, text) = meanwhile(site, prometheus, "SluiceNoWorkerReady", trace=event)
    assert ready == {"gateway-1": "ready", "worker-1": "database away"}
    assert code == 69 and "database" in text
    site.database.start()
    site.row(event)
    prometheus.wait_alerts()


def test_the_broker_is_away(site, prometheus):
    begin(site, prometheus)
    event = site.send_ok(headers={"webhook-id": "before"})
    site.row(event)
    site.broker.stop()
    site.gateway.wait_ready(False)
    assert site.send().status == 503
    ready, (code, text) = meanwhile(site, prometheus, "SluiceGatewayNotReady", "SluiceNoWorkerReady", "SluiceAnswers503", trace=event)
    assert ready == {"gateway-1": "broker away", "worker-1": "broker away"}
    assert "default before: stored" in text, code
    site.broker.start()
    prometheus.wait_alerts("SluiceAnswers503")  # for five minutes


def test_the_broker_has_an_alarm(site, prometheus):
    begin(site, prometheus)
    event = site.send_ok(headers={"webhook-id": "before"})
    site.row(event)
    site.broker.set_alarm()
    try:
        site.send()  # the broker tells of an alarm when something is published
        site.gateway.wait_ready(False)
        assert site.send().status == 503
        ready, (code, text) = meanwhile(site, prometheus, "SluiceGatewayNotReady", "SluiceAnswers503", trace=event)
    finally:
        site.broker.clear_alarm()
    assert ready == {"gateway-1": "broker blocked", "worker-1": "ready"}
    assert code == 0 and "default before: stored" in text


def test_the_queue_is_near_its_bound(site, servers, prometheus):
    """Bodies of 200,000 bytes wait, a fifth of the bound of 1 MiB; the only worker has no database."""
    assert servers.setup(QUEUE_MAX_BYTES="1MiB").returncode == 0
    try:
        site.start_gateway()
        prometheus.start().watch(site.programs)
        wait_until(lambda: prometheus.query("sluice_gateway_message_bytes_total"), "the first scrape", 20)
        for number in range(10):
            site.send_ok("POST", "/", b"x" * 20000, {"webhook-id": f"waits-{number}"})
        site.add_worker(DATABASE_URL="postgresql://sluice_worker@127.0.0.1:1/sluice").start(wait=False)
        prometheus.watch(site.programs)
        ready, (code, text) = meanwhile(site, prometheus, "SluiceQueueFilling", "SluiceNoWorkerReady", trace="waits-3")
    finally:
        assert servers.setup_afresh().returncode == 0
    assert ready == {"gateway-1": "ready", "worker-1": "database away"}
    assert code == 1 and "10 messages wait" in text


def test_a_trigger_names_a_table_that_is_missing(site, prometheus):
    begin(site, prometheus)
    site.database.query("""create function copies() returns trigger language plpgsql as
                           $$ begin insert into copies_of_webhooks values (new.id); return new; end $$;
                           create trigger copies before insert on webhooks_raw for each row execute function copies()""")
    try:
        event = site.send_ok(headers={"webhook-id": "copied"})
        ready, (code, text) = meanwhile(site, prometheus, "SluicePaused", "SluiceNoWorkerReady", trace=event)
        assert ready == {"gateway-1": "ready", "worker-1": "database needs repair: see the log"}
        assert site.workers[0].lines("not-stored")[-1]["sqlstate"] == "42P01"
        assert code == 1 and "may be" in text
    finally:
        site.database.query("drop trigger copies on webhooks_raw; drop function copies")
    site.row(event)
    prometheus.wait_alerts()


def test_a_source_signs_with_a_secret_that_we_do_not_have(site, routes, prometheus):
    begin(site, prometheus, GATEWAY_ROUTES=routes.write(routes.github("hub", "/hub", SECRET), routes.open("mine", "/mine")).path)
    for number in range(5):
        assert site.send("POST", "/hub", BODY, signed(WRONG, f"rotated-{number}", BODY)).status == 401
        site.send_ok("POST", "/mine", BODY)
    ready, (code, text) = meanwhile(site, prometheus, "SluiceSourceUnverified", trace="rotated-3")
    assert [alert["labels"]["source"] for alert in prometheus.alerts()] == ["hub"]
    assert ready == {"gateway-1": "ready", "worker-1": "ready"}
    assert code == 1 and "neither stored nor a dead letter" in text


def test_a_source_falls_silent(site, routes, prometheus):
    """For two weeks it sent every five minutes, until four hours ago; the gateway was restarted since."""
    now = int(time.time())
    times = range(now - 15 * DAY, now, 5 * MINUTE)
    last, gap = "sluice:source_last_accepted_timestamp_seconds", "sluice:source_gap_seconds"
    silent = now - 4 * HOUR
    prometheus.backfill(f"# TYPE {last} gauge\n" + "".join(f'{last}{{source="hub"}} {min(at, silent)} {at}\n' for at in times) +
                        f"# TYPE {gap} gauge\n" + "".join(f'{gap}{{source="hub"}} 300 {at}\n' for at in times if at < silent) +
                        "# EOF\n")
    site.start_gateway(GATEWAY_ROUTES=routes.write(routes.github("hub", "/hub", SECRET), routes.open("mine", "/mine")).path)
    site.start_workers(1)
    prometheus.start().watch(site.programs)
    ready, (code, _) = meanwhile(site, prometheus, "SluiceSourceSilent", trace="any")
    alert, = prometheus.alerts()
    assert alert["labels"]["source"] == "hub" and "no event for 4h" in alert["annotations"]["summary"]
    assert ready == {"gateway-1": "ready", "worker-1": "ready"} and code == 1
    assert site.send("POST", "/hub", BODY, signed(SECRET, "again", BODY)).status == 200
    prometheus.wait_alerts()


def test_somebody_else_holds_all_connections_of_the_budget(site, servers, prometheus):
    assert servers.setup(DATABASE_BUDGET=2).returncode == 0
    try:
        with contextlib.ExitStack() as others:
            for _ in range(2):
                others.enter_context(contextlib.closing(site.database.connect("sluice_worker", servers.secret("database-worker"))))
            site.start_gateway()
            site.start_workers(1)
            prometheus.start().watch(site.programs)
            event = site.send_ok(headers={"webhook-id": "waits"})
            ready, (code, text) = meanwhile(site, prometheus, "SluiceStandbyOnly", trace=event)
        assert ready == {"gateway-1": "ready", "worker-1": "standby"}
        assert code == 1 and "1 message waits" in text
        wait_until(lambda: site.rows("id = 'waits'"), "the worker to take a place", 60)
        prometheus.wait_alerts()
    finally:
        assert servers.setup_afresh().returncode == 0


def test_somebody_locks_a_row(site, prometheus):
    begin(site, prometheus)
    now = int(time.time())
    site.publish("locked", BODY, (now - HOUR) * 1_000_000)
    site.row("locked")
    worker, = site.workers
    with contextlib.closing(site.database.connect()) as lock, lock.cursor() as cursor:
        cursor.execute("begin; select from webhooks_raw where id = 'locked' for update")
        site.publish("locked", BODY + b" ", (now - 6 * MINUTE) * 1_000_000)
        parked = 'sluice_worker_held_events{cause="parked"}'
        wait_until(lambda: worker.metrics()[parked] == 1, lambda: f"it to be parked\n{worker.tail()}", 60)
        ready, (code, text) = meanwhile(site, prometheus, "SluiceOldestEventLate", trace="locked")
        assert ready == {"gateway-1": "ready", "worker-1": "ready"}
        assert code == 0 and "default locked: stored" in text
        assert worker.lines("parked")[-1]["sqlstate"] == "55P03"
        cursor.execute("rollback")
    wait_until(lambda: site.rows("id = 'locked' and body = %s", (BODY + b" ",)), "the newer one", 60)
    prometheus.wait_alerts()


def test_the_broker_gave_up_an_event(site, prometheus):
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks.dead", "default", BODY)
    channel.connection.close()
    site.start_gateway()
    site.start_workers(1)
    prometheus.start().watch(site.programs)
    ready, (code, text) = meanwhile(site, prometheus, "SluiceDeadQueueNotEmpty", trace="given-up")
    assert ready == {"gateway-1": "ready", "worker-1": "ready"}
    assert code == 1 and "sluice dead collect takes it" in text


def test_the_certificate_is_about_to_end(site, authority, prometheus):
    pair = authority.issue("ends", days=10)
    site.start_gateway(GATEWAY_CERT=pair.certificate, GATEWAY_KEY=pair.key)
    site.start_workers(1)
    prometheus.start().watch(site.programs)
    ready, (code, _) = meanwhile(site, prometheus, "SluiceCertificateEnds", trace="any")
    assert ready == {"gateway-1": "ready", "worker-1": "ready"} and code == 1
    assert "ends in 9d 23h" in prometheus.alerts()[0]["annotations"]["summary"]
