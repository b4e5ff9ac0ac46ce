# SPDX-License-Identifier: MIT
"""compose.routes.yml: the example routes file works for its providers unchanged, with the secrets of make secrets."""

import shutil

import pytest

from conftest import running
from process import wait_until
from project import CHECKOUT, Project, run
from providers_page import BLOCKS, COMMANDS, IN_COMPOSE


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    """A running project with one worker, its own secrets, and a copy of the example routes file."""
    directory = tmp_path_factory.mktemp("routes")
    secrets, routes = directory / "secrets", directory / "etc"
    run("deploy/secrets", secrets)
    shutil.copytree(CHECKOUT / "etc", routes)
    one = Project(directory, "routes", ("docker-compose.yml", "deploy/compose.routes.yml"), SECRETS_DIR=secrets,
                  ROUTES_DIR=routes)
    one.database.password = (secrets / "database-owner").read_text(encoding="ascii").strip()
    one.secrets, one.routes = secrets, routes
    with running(one):
        one.up(1)
        yield one


def sign(project, name, scheme, path):
    return project.compose("exec", "-T", "gateway", "sluice", "send", "--path", path, "--sign", scheme, "--secret-file",
                           f"/run/secrets/webhook-{name}", check=False)


@pytest.mark.parametrize("block, command", list(zip(BLOCKS, COMMANDS)), ids=[block["name"] for block in BLOCKS])
def test_each_command_of_the_page_works_as_printed_and_makes_a_row(routed, block, command):
    told = run("bash", "-c", f"{IN_COMPOSE}\n{command}", env=routed.env)
    assert told.startswith("200")
    count = ("select count(*) from webhooks_raw where source = %s", (block["name"],))
    wait_until(lambda: routed.database.query(*count) == [(1,)], f"the row of {block['name']}")


def test_the_secret_of_another_provider_and_an_unknown_path_are_refused(routed):
    before = routed.database.query("select count(*) from webhooks_raw")
    assert sign(routed, "shopify", "github", "/github")[:3] == "401"
    assert routed.post(b"{}", path="/nowhere") == 404
    assert routed.database.query("select count(*) from webhooks_raw") == before


@pytest.mark.parametrize("hang_up, old, new", [
    (("exec", "-T", "gateway", "bash", "-c", "kill -HUP 1"), "/github", "/hooks/github"),
    (("kill", "-s", "HUP", "gateway"), "/hooks/github", "/hubs/github")], ids=["exec", "kill"])
def test_a_hangup_brings_a_new_route_and_stops_nothing(routed, hang_up, old, new):
    path = routed.routes / "routes.example.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f'"path": "{old}"', f'"path": "{new}"'), encoding="utf-8")
    routed.compose(*hang_up)
    wait_until(lambda: sign(routed, "github", "github", new)[:3] == "200", "the new path to be served", 20, every=1)
    assert sign(routed, "github", "github", old)[:3] == "404"
    assert routed.health("gateway") == {"healthy"}
    assert routed.inspect("gateway")[0]["RestartCount"] == 0
