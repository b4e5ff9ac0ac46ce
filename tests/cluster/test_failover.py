# SPDX-License-Identifier: MIT
"""A node of the broker dies or freezes: no acked event is lost, and the others go on."""

import time

import pytest

from traffic import GENEROUS, flowing


def gone(traffic, what, node):
    """A node is killed, and senders soon go on without it; then it comes back, which nobody notices."""
    begun = time.monotonic()
    node.kill()
    traffic.wait_flow()
    time.sleep(5)  # what is measured is the longest gap in this time
    gaps = traffic.note(what, begun)
    assert max(gaps.values()) < GENEROUS, gaps
    begun = time.monotonic()
    node.start()
    traffic.wait_flow()
    gaps = traffic.note(f"{what}, and back", begun)
    assert max(gaps.values()) < GENEROUS, gaps


@pytest.mark.quick
def test_the_node_of_the_queues_leader_is_killed_and_nothing_acked_is_lost(site):
    with flowing(site) as traffic:
        leader = site.broker.leader("webhooks.ingest")
        gone(traffic, "leader's node killed", leader)
        for worker in traffic.workers:
            worker.wait_ready()
