# SPDX-License-Identifier: MIT
"""deploy/grafana/sluice.json: each query gives data for a known traffic, and uses documented metrics only."""

import contextlib
import json
import math
import pathlib
import re
import time

from process import Failure, wait_until
from routefile import RouteFile, signed

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "sluice.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
BODY, SECRET, WRONG = b'{"n":1}', "the secret of hub", "another secret"


def queries():
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_it_has_a_row_for_each_stage_and_lets_one_choose_the_prometheus():
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == [
        "Intake", "Queue", "Storing", "Database", "Sources", "Problems"]
    variable, = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${" + variable["name"] + "}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_its_queries_use_only_metrics_that_are_documented():
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.M))
    for title, expression in queries():
        used = {re.sub(r"(_seconds|_events)_(bucket|sum|count)$", r"\1", name)
                for name in re.findall(r"\b(?:sluice|process)_\w+", expression)}
        assert (used or "ALERTS" in expression) and not used - documented, title


def test_each_query_gives_data_for_a_known_traffic(site, authority, prometheus):
    """Events, refusals, a dead letter, and a row that somebody locks, so that an event is held."""
    routes = RouteFile(site.directory / "routes")
    site.start_gateway(GATEWAY_ROUTES=routes.write(routes.github("hub", "/hub", SECRET), routes.open("default", "/mine")).path)
    pair = authority.issue("dashboard")
    site.start_gateway(GATEWAY_CERT=pair.certificate, GATEWAY_KEY=pair.key)
    worker, = site.start_workers(1)
    prometheus.start().watch(site.programs)
    wait_until(lambda: prometheus.query("count(sluice_ready == 1)")[:1] == [({}, 3)], "a scrape of each", 30)
    for number in range(5):
        site.send_ok("POST", "/mine", BODY, {"webhook-id": f"mine-{number}"})
        assert site.send("POST", "/hub", BODY, signed(WRONG, f"hub-{number}", BODY)).status == 401
    channel = site.channel()
    channel.confirm_delivery()
    channel.basic_publish("webhooks", "default", BODY)  # no gateway wrote it
    channel.connection.close()
    site.row("mine-4")
    with contextlib.closing(site.database.connect()) as lock, lock.cursor() as cursor:
        cursor.execute("begin; select from webhooks_raw where id = 'mine-0' for update")
        site.publish("mine-0", BODY + b" ", int(time.time() * 1e6))
        wait_until(lambda: "sluice_worker_oldest_event_timestamp_seconds" in worker.metrics(), "an event to be held")
        missing = dict.fromkeys(queries())

        def ask():
            for title, expression in list(missing):
                found = prometheus.query(expression.replace("$__rate_interval", "5m"))
                if any(not math.isnan(value) for _, value in found):
                    del missing[title, expression]
            return not missing
        with contextlib.suppress(Failure):
            wait_until(ask, "", 60, 0.5)
        assert not missing
        cursor.execute("rollback")
