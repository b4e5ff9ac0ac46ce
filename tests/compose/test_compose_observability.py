# SPDX-License-Identifier: MIT
"""The profile observability: Prometheus finds all replicas by their names and evaluates the rules."""

import json
import urllib.parse
import urllib.request

import pytest

from conftest import running
from process import wait_until
from project import Project, run


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A running project with two workers and Prometheus."""
    with running(Project(tmp_path_factory.mktemp("watched"), "observability", COMPOSE_PROFILES="observability")) as one:
        one.up(2)
        yield one


def ask(project, path, **query):
    """The data of a reply of Prometheus' API."""
    url = f"http://127.0.0.1:{project.settings['PROMETHEUS_PORT']}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)["data"]


def targets(project):
    """[(job, health)], sorted"""
    return sorted((target["labels"]["job"], target["health"]) for target in ask(project, "targets")["activeTargets"])


def rules(project):
    return [rule for group in ask(project, "rules")["groups"] for rule in group["rules"]]


def test_all_replicas_are_scraped(watched):
    wanted = [("sluice-gateway", "up"), ("sluice-worker", "up"), ("sluice-worker", "up")]
    wait_until(lambda: targets(watched) == wanted, lambda: targets(watched), 60, every=1)
    assert watched.post(b"{}") == 200
    query = 'sum(sluice_gateway_replies_total{outcome="queued"}) == 1 and sum(sluice_worker_acked_total) == 1'
    wait_until(lambda: ask(watched, "query", query=query)["result"], "an event to be counted by both", 60, every=1)


def test_all_rules_are_loaded_and_none_fails(watched):
    names = {rule["name"] for rule in rules(watched)}
    assert {"SluiceGatewayNotReady", "SluiceSourceSilent", "sluice:queue_max_bytes"} <= names
    # Those of sources are evaluated once in five minutes.
    soon = {rule["name"] for rule in rules(watched) if rule["name"].startswith("Sluice") and rule["name"] != "SluiceSourceSilent"}
    wait_until(lambda: {rule["health"] for rule in rules(watched) if rule["name"] in soon} == {"ok"}, lambda: rules(watched), 60, every=1)
    assert "err" not in {rule["health"] for rule in rules(watched)}


def test_prometheus_has_no_privilege_and_reaches_neither_broker_nor_database(watched):
    container, = watched.inspect("prometheus")
    assert container["Config"]["User"] == "nobody"
    assert container["HostConfig"]["ReadonlyRootfs"] and container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["HostConfig"]["PortBindings"]["9090/tcp"][0]["HostIp"] == "127.0.0.1"
    metrics, = container["NetworkSettings"]["Networks"]
    for service in ("rabbitmq", "postgres"):
        for server in watched.inspect(service):
            assert metrics not in server["NetworkSettings"]["Networks"]


def test_an_alert_becomes_pending_when_the_broker_stops_and_ends_when_it_is_back(watched):
    def states():
        return {alert["labels"]["alertname"]: alert["state"] for alert in ask(watched, "alerts")["alerts"]}
    wait_until(lambda: "SluiceGatewayNotReady" not in states(), states, 60, every=1)
    run("docker", "stop", "-t", "5", *watched.ids("rabbitmq"))
    wait_until(lambda: states().get("SluiceGatewayNotReady") in ("pending", "firing"), states, 60, every=1)
    assert ask(watched, "query", query='sluice_ready{job="sluice-gateway"}')["result"][0]["value"][1] == "0"
    run("docker", "start", *watched.ids("rabbitmq", stopped=True))
    wait_until(lambda: not {"SluiceGatewayNotReady", "SluiceNoWorkerReady"} & states().keys(), states, 120, every=1)
