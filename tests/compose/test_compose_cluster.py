# SPDX-License-Identifier: MIT
"""compose.cluster.yml as users run it: a broker, a gateway and a worker die under load, the database fails over, and no
acked event is lost."""

import json
import time
import urllib.request

import pytest

from conftest import running
from ledger import Ledger
from load import Load
from process import wait_until
from project import Project, run

pytestmark = pytest.mark.slow

NODES = [f"rabbitmq-{number}" for number in range(1, 4)]
MEMBERS = ["postgres-1", "postgres-2"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, note):
    """A running cluster, with certificates that nobody uses yet."""
    directory = tmp_path_factory.mktemp("cluster")
    certificates = directory / "certificates"
    run("deploy/certificates", certificates)
    one = Project(directory, "cluster", ("compose.cluster.yml",), CERTIFICATES_DIR=certificates)
    one.certificates = certificates
    with running(one):
        begun = time.monotonic()
        one.up(2)
        note(f"the cluster from `up`, the images there, to the end of `up --wait`: {time.monotonic() - begun:.0f} s")
        yield one


@pytest.fixture(scope="module")
def ledger(cluster, tmp_path_factory, seed):
    one = Ledger(tmp_path_factory.mktemp("flow") / "ledger", seed)
    yield one
    one.close()


@pytest.fixture
def flow(cluster, ledger, request, note):
    """A load at HAProxy during the whole test. After it the ledger balances: no acked event is lost."""
    with Load(cluster.port, ledger, rate=60, threads=12, count=10 ** 6, prefix=request.node.name[5:30]) as load:
        load.wait_acked(60)
        yield load
    wait_until(lambda: ledger.missing(cluster.database) == 0, lambda: f"{ledger.missing(cluster.database)} acked events", 90, 0.5)
    balance = ledger.check(cluster.database, 300)
    note(f"{balance}; statuses {load.statuses}; slowest reply {load.slowest:.1f} s")
    assert balance, str(balance)


def kill(cluster, service):
    """Ends one of the service's containers as a crash does."""
    run("docker", "kill", cluster.ids(service)[0])


def leader(cluster):
    """The service with the leader of the queue, by the first node's management page."""
    page = f"http://127.0.0.1:{cluster.settings['RABBITMQ_MANAGEMENT_PORT']}/api"
    opener = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    opener.add_password(None, page, "sluice-setup", cluster.secret("broker-setup"))
    ask = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(opener)).open
    with ask(f"{page}/queues/sluice/webhooks.ingest", timeout=10) as reply:
        return json.load(reply)["leader"].partition("@")[2]


def replication(cluster):
    return cluster.database.query("select application_name, sync_state from pg_stat_replication where state = 'streaming'")


def test_it_is_one_cluster_and_each_commit_waits_for_the_standby(cluster):
    status = cluster.compose("run", "--rm", "-T", "--no-deps", "setup", "sluice", "status")
    assert "no problem is known" in status and status.count("3 of 3: ") == 8, status
    assert "gateways ready                  3 of 3" in status, status
    assert replication(cluster) == [("postgres-2", "sync")]


def test_senders_reach_haproxy_alone_and_it_reaches_neither_broker_nor_database(cluster):
    config = json.loads(cluster.compose("config", "--format", "json"))["services"]
    assert {name for name, service in config.items() if service.get("ports")} == {"haproxy", "rabbitmq-1", *MEMBERS}
    container, = cluster.inspect("haproxy")
    assert container["Config"]["User"] and container["HostConfig"]["ReadonlyRootfs"] and container["HostConfig"]["CapDrop"] == ["ALL"]
    assert {name.rpartition("_")[2] for name in container["NetworkSettings"]["Networks"]} == {"front"}
    assert not container["HostConfig"]["PortBindings"].get("8404/tcp")


def test_a_gateway_and_a_worker_are_killed_and_a_gateway_is_stopped_and_every_reply_is_200(cluster, flow):
    kill(cluster, "gateway")
    flow.wait_acked(60)
    kill(cluster, "worker")
    flow.wait_acked(60)
    stopped, _ = cluster.ids("gateway")
    run("docker", "stop", stopped)
    assert json.loads(run("docker", "inspect", stopped))[0]["State"]["ExitCode"] == 0
    flow.wait_acked(60)
    assert flow.statuses.keys() == {200} and flow.connections == len(flow.threads), flow.statuses


def test_the_broker_with_the_queues_leader_is_killed_and_nothing_acked_is_lost(cluster, flow):
    begun = time.monotonic()
    kill(cluster, leader(cluster))
    flow.wait_accepted(begun + 3)
    flow.wait_acked(200)
    cluster.up(2)
    flow.wait_acked(60)
    assert sorted(len(cluster.ids(service)) for service in ("gateway", "worker", *NODES)) == [1, 1, 1, 2, 3]


def test_the_database_fails_over_as_the_runbook_says_and_nothing_acked_is_lost(cluster, flow):
    kill(cluster, "postgres-1")
    flow.wait_acked(60)
    cluster.compose("exec", "-T", "postgres-2", "psql", "-U", "sluice", "-d", "sluice", "-c", "select pg_promote()")
    cluster.compose("rm", "-f", "postgres-1")
    run("docker", "volume", "rm", f"{cluster.name}_postgres-1")
    cluster.compose("run", "--rm", "-T", "--no-deps", "-e", "POSTGRES_PRIMARY=postgres-2", "postgres-1", "true")
    cluster.up(2)
    cluster.database.port = cluster.settings["POSTGRES_STANDBY_PORT"]
    assert replication(cluster) == [("postgres-1", "sync")]
    flow.wait_acked(60)
    assert flow.statuses.keys() == {200}, "senders notice nothing"


def test_senders_speak_https_with_one_more_file(cluster):
    cluster.files += ["-f", "deploy/compose.cluster.tls.yml"]
    cluster.compose("up", "-d", "--wait", "--no-deps", "haproxy")
    cluster.ca = cluster.certificates / "ca.pem"
    assert cluster.post(b"{}", {"webhook-id": "by-tls"}) == 200
    wait_until(lambda: cluster.database.query("select headers->>'x-forwarded-proto' from webhooks where id = 'by-tls'") == [
        ("https",)], "the row of the event", 30)
