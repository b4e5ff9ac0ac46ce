# SPDX-License-Identifier: MIT
"""`sluice dead collect` is killed between its COMMIT and its ack."""

import pytest

from process import Child, wait_until
from programs import environment
from proxy import UP, Proxy


@pytest.mark.case(5)
@pytest.mark.quick
def test_a_collect_killed_between_commit_and_ack_leaves_each_event_once(site, seed):
    channel = site.channel()
    channel.confirm_delivery()
    for n in range(50):
        channel.basic_publish("webhooks.dead", "default", b"%d" % n)
    channel.connection.close()
    with Proxy(site.broker.port, seed=seed) as proxy:
        child = Child("collect", site.directory / "collect.log")
        with site.database.locked("webhooks_dead"):
            child.start([(site.servers.build / "sluice").absolute(), "dead", "collect"], environment(
                site.servers.setup_settings(BROKER_URL=f"amqp://sluice-setup@127.0.0.1:{proxy.port}/sluice")))
            wait_until(lambda: site.database.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'"
                                                   " and application_name = 'sluice dead collect'"),
                       lambda: f"it to have the first message\n{child.tail()}")
            proxy.hold(UP)  # no ack reaches the broker from now on
        wait_until(lambda: site.count("webhooks_dead") == 50, lambda: f"its COMMIT\n{child.tail()}")
        child.kill()
    wait_until(lambda: site.broker.queue("webhooks.dead").get("messages_ready") == 50, "all to be back in the queue", 40)
    done = site.servers.operate("dead", "collect")
    assert (done.returncode, done.stdout) == (0, "collected 0; already there 50\n"), done.stderr
    assert site.count("webhooks_dead") == 50
    wait_until(lambda: site.broker.queue("webhooks.dead").get("messages") == 0, "an empty queue")
