# SPDX-License-Identifier: MIT
"""The fixture `links`, a proxy between the programs of a site and each of its servers."""

import pytest

from links import Links


@pytest.fixture
def links(site, seed):
    """Proxies to broker and database, created on demand."""
    with Links(site, seed) as made:
        yield made
