# SPDX-License-Identifier: MIT
"""Links: a proxy between the programs of a site and each of its servers."""

import pytest

from links import Links


@pytest.fixture
def links(site, seed):
    """Proxies to broker and database, made when asked for."""
    with Links(site, seed) as made:
        yield made
