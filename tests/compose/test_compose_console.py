# SPDX-License-Identifier: MIT
"""The profile console, with compose.console.yml: it asks all replicas, and the token of make secrets replays."""

import html
import re
import urllib.parse
import urllib.request

import pytest

from conftest import running
from process import wait_until
from project import Project, run


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """A running project with two workers and a console that may write."""
    directory = tmp_path_factory.mktemp("console")
    secrets = directory / "secrets"
    run("deploy/secrets", secrets)
    one = Project(directory, "console", ("docker-compose.yml", "deploy/compose.console.yml"), SECRETS_DIR=secrets,
                  COMPOSE_PROFILES="console")
    one.database.password = (secrets / "database-owner").read_text(encoding="ascii").strip()
    one.token = (secrets / "console-token").read_text(encoding="ascii").strip()
    with running(one):
        one.up(2)
        yield one


def page(project, path, form=None):
    request = urllib.request.Request(f"http://127.0.0.1:{project.settings['CONSOLE_PORT']}{path}",
                                     form and urllib.parse.urlencode(form).encode(), {"Sec-Fetch-Site": "same-origin"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode()


def test_now_shows_every_replica_and_no_problem(seen):
    found = []

    def there():
        found[:] = [page(seen, "/")]
        rows = re.findall(r'<th scope="row">(gateway|worker)</th><td>[\d.:]+</td><td>ready</td>', found[0])
        return rows == ["gateway", "worker", "worker"] and "No problem is known." in found[0]
    wait_until(there, lambda: found[0], 60, every=1)
    assert seen.health("console") == {"healthy"}


def test_a_dead_letter_is_replayed_by_the_token_and_stored(seen):
    def count(table):
        return seen.database.query(f"select count(*) from {table} where id = 'refused'") == [(1,)]
    seen.database.query("alter table webhooks_raw add constraint orders_only check (path <> '/refused')")
    assert seen.post(b"{}", {"webhook-id": "refused"}, "/refused") == 200
    wait_until(lambda: count("webhooks_dead"), "the dead letter", 20)
    seen.database.query("alter table webhooks_raw drop constraint orders_only")
    asked = page(seen, "/dead/act?action=replay&source=default&sqlstate=23514")
    assert "Replay 1 of 1 dead letters?" in asked
    form = {name: html.unescape(value)
            for name, value in re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', asked)}
    assert "Replayed 1 of 1." in page(seen, "/dead/act", {**form, "token": seen.token})
    wait_until(lambda: count("webhooks_raw"), "the row", 30)
    assert 'audit action="dead replay" role=sluice' in seen.logs("console")


def test_the_console_is_published_on_the_loopback_only_and_sees_its_own_secrets_only(seen):
    (container,) = seen.inspect("console")
    assert [port["HostIp"] for port in container["HostConfig"]["PortBindings"]["8083/tcp"]] == ["127.0.0.1"]
    assert {mount["Destination"] for mount in container["Mounts"]} == {
        f"/run/secrets/{name}" for name in ("broker-worker", "database-reader", "console-token", "database-owner")}
