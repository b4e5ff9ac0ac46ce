# SPDX-License-Identifier: MIT
"""The same fixtures with a broker of three nodes."""

import os
import pathlib
import tempfile

import pytest

from deployment import Deployment

NODES = 3


@pytest.fixture(scope="session")
def servers(build):
    """The Deployment, with a cluster and a database that are running and set up."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cluster-", dir="/var/tmp"))
    deployment = Deployment(directory, build, nodes=NODES)
    with deployment.serving(keep=bool(os.environ.get("SLUICE_KEEP"))):
        yield deployment
