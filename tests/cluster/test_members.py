# SPDX-License-Identifier: MIT
"""Setup on a cluster: it waits for the nodes, and each queue has three members or setup says what to do."""

import concurrent.futures
import json
import pathlib
import re
import shlex
import tempfile

import pytest

from deployment import Deployment
from process import wait_until

INGEST = "webhooks.ingest"


def queues(broker):
    return broker.management("GET", "queues/sluice")


def commands(text):
    """The rabbitmq-queues commands that setup printed, as lists of words."""
    return [shlex.split(line) for line in text.splitlines() if line.strip().startswith("rabbitmq-queues ")]


def run_all(node, printed):
    for tool, *arguments in printed:
        node.control(*arguments, tool=tool)


def version(broker):
    return tuple(map(int, broker.management("GET", "overview")["rabbitmq_version"].split(".")[:2]))


def all_have(broker, count):
    return all(len(queue.get("members", ())) == count for queue in queues(broker))


def wait_members(broker, count):
    """Until every node says so: the management API of each has what it knew some seconds ago."""
    wait_until(lambda: all(len(node.queue(INGEST).get("members", ())) == count for node in broker.nodes),
               lambda: f"{count} members: {[node.queue(INGEST).get('members') for node in broker.nodes]}", 60, 0.2)


@pytest.fixture
def lonely(servers):
    """The deployment; webhooks.ingest has one member only, and three again after the test."""
    broker = servers.broker
    for node in broker.nodes:
        if node is not broker.leader(INGEST):
            broker.nodes[0].control("delete_member", "-p", "sluice", INGEST, node.node, tool="rabbitmq-queues")
    wait_members(broker, 1)
    yield servers
    for node in broker.nodes:
        broker.nodes[0].control("grow", node.node, "all", tool="rabbitmq-queues")
    wait_members(broker, 3)


@pytest.mark.quick
def test_each_queue_has_three_members_and_the_leaders_are_on_several_nodes(servers):
    broker = servers.broker
    assert len(queues(broker)) > 2 and all_have(broker, 3)
    assert len({queue["leader"] for queue in queues(broker)}) > 1, queues(broker)
    old = version(broker) < (3, 13)
    for policy in broker.management("GET", "policies/sluice"):
        if policy["name"] == "sluice-listen":
            continue  # its queues end with their connection
        assert policy["definition"]["queue-leader-locator"] == "balanced"
        assert policy["definition"].get("target-group-size") == (None if old else 3)


@pytest.mark.quick
def test_setup_fails_with_the_commands_that_mend_a_queue_with_too_few_members(lonely):
    done = lonely.setup()
    assert done.returncode == 1, done.stdout
    assert re.search(rf"^lacks  queue {INGEST}, members: are sluice\d@localhost, should be 3 of the nodes$", done.stdout, re.M), done.stdout
    assert "queues with too few members: 1;" in done.stderr
    check = lonely.setup("--check")
    assert check.returncode == 1
    assert f"differs queue {INGEST}, members: is sluice" in check.stdout
    unasked = lonely.setup(SETUP_BROKER_NODES=1)
    assert unasked.returncode == 0 and "lacks  queue" in unasked.stdout
    printed = commands(done.stdout)
    assert len(printed) == 2 and printed == commands(check.stdout)
    run_all(lonely.broker.nodes[0], printed)
    wait_members(lonely.broker, 3)
    mended = lonely.setup()
    assert mended.returncode == 0 and "lacks" not in mended.stdout, mended.stdout
    assert len(lonely.broker.queue(INGEST)["members"]) == 3


def test_setup_adds_the_members_that_lack_where_the_broker_can_and_says_so_where_it_cannot(lonely):
    done = lonely.setup("--grow")
    told = re.findall(rf"^done   members on (sluice\d)@localhost of the queues \^\({re.escape(re.escape(INGEST))}\)\$$", done.stdout, re.M)
    if version(lonely.broker) >= (4, 0):
        assert done.returncode == 0 and len(set(told)) == 2 and not commands(done.stdout), done.stdout
        assert len(lonely.broker.queue(INGEST)["members"]) == 3
        assert "members on" not in lonely.setup("--grow").stdout
    else:
        assert done.returncode == 1 and not told and len(commands(done.stdout)) == 2, done.stdout
        assert "the broker adds no members when it is asked to" in done.stdout
        assert lonely.setup("--grow", SETUP_BROKER_NODES=1).returncode == 1


def test_what_only_looks_adds_no_members(servers):
    for option in ("--check", "--skip-broker-users"):
        done = servers.setup("--grow", option)
        assert done.returncode == 64 and "--grow changes the broker" in done.stderr, done.stderr


@pytest.mark.quick
def test_status_tells_leader_and_members_and_fails_with_too_few(lonely):
    leader = lonely.broker.leader(INGEST).node
    done = lonely.command("status")
    assert done.returncode == 1, done.stdout
    assert "problem: " in done.stdout and f"{INGEST} has too few members for a broker of 3 nodes: {leader}" in done.stdout
    assert re.search(rf"^{re.escape(INGEST)} +{leader} +1 of 1: {leader}$", done.stdout, re.M), done.stdout
    told = json.loads(lonely.command("status", "--json").stdout)
    assert [problem["name"] for problem in told["problems"]] == ["BrokerMembersFew"]
    queues_told = {queue["name"]: queue for queue in told["queues"]}
    assert queues_told[INGEST]["leader"] == leader and queues_told[INGEST]["members"] == [leader]
    assert len(queues_told["webhooks.dead"]["members"]) == len(queues_told["webhooks.dead"]["online"]) == 3


@pytest.fixture
def halved(lonely):
    """The deployment; webhooks.ingest has two members, and the node of the one that isn't the leader is dead."""
    broker = lonely.broker
    leader = broker.leader(INGEST)
    other = next(node for node in broker.nodes if node is not leader)
    leader.control("add_member", "-p", "sluice", INGEST, other.node, tool="rabbitmq-queues")
    wait_members(broker, 2)
    other.kill()
    yield lonely
    broker.mend()


def test_status_fails_when_a_queue_has_no_majority(halved):
    def told():
        done = halved.command("status")
        return done.returncode == 1 and f"{INGEST} takes no events and hands none out: of its members " in done.stdout
    wait_until(told, lambda: halved.command("status").stdout, 60, 1)
    names = [problem["name"] for problem in json.loads(halved.command("status", "--json").stdout)["problems"]]
    assert names[0] == "BrokerMajorityLost", names


def test_setup_that_begins_before_all_nodes_have_joined_waits_for_them(build):
    """RabbitMQ 4 doesn't start with fewer than two of three configured nodes; 3.10 starts alone."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cluster-", dir="/var/tmp"))
    deployment = Deployment(directory, build, nodes=3)
    nodes = deployment.broker.nodes
    alone = 1 if nodes[0].image is None else 2
    early, late = nodes[:alone], nodes[alone:]
    names = ", ".join(node.node for node in early)
    with deployment.ending():
        deployment.database.start(wait=False)
        for node in early:
            node.start(wait=False)
        for node in early:
            node.wait_ready()
        deployment.database.wait_ready()
        given_up = deployment.setup(SETUP_WAIT="2s")
        assert given_up.returncode == 69, given_up.stdout
        assert f"broker: {alone} of 3 nodes (SETUP_BROKER_NODES) run: {names};" in given_up.stderr, given_up.stderr
        assert "queue webhooks" not in given_up.stdout
        check = deployment.setup("--check")
        assert check.returncode == 1 and f"differs broker, nodes that run: is {names}, should be 3" in check.stdout, check.stdout
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(deployment.setup)
            for node in late:
                node.start(wait=False)
            done = waiting.result()
        assert done.returncode == 0, f"{done.stderr}\n{deployment.broker.tail()}"
        assert f"waiting: broker: {alone} of 3 nodes" in done.stderr
        assert all_have(deployment.broker, 3), queues(deployment.broker)
