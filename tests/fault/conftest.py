# SPDX-License-Identifier: MIT
"""The fixture `links`, a proxy between the programs of a site and each of its servers; and a low delivery limit."""

import re

import pytest

from links import Links
from process import wait_until


@pytest.fixture
def links(site, seed):
    """Proxies to broker and database, created on demand."""
    with Links(site, seed) as made:
        yield made


@pytest.fixture
def delivery_limit(request, site):
    """The broker hands each message of webhooks.ingest out so many times more at most as the test's mark says."""
    limit, = request.node.get_closest_marker("delivery_limit").args
    path = "policies/sluice/a-low-limit"
    ours = site.broker.management("GET", "policies/sluice")
    ingest = next(policy for policy in ours if "delivery-limit" in policy["definition"]
                  and re.search(policy["pattern"], "webhooks.ingest"))
    site.broker.management("PUT", path, {"pattern": "^webhooks\\.ingest$", "apply-to": "queues", "priority": 1000,
                                         "definition": {**ingest["definition"], "delivery-limit": limit}})
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy") == "a-low-limit", "the policy", 15, 0.2)
    yield
    site.broker.management("DELETE", path)
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy") == ingest["name"], "our own policy", 15, 0.2)
