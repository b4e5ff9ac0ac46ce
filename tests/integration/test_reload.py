# SPDX-License-Identifier: MIT
"""With GATEWAY_RELOAD=change the gateway reads its files again when they change, as Kubernetes changes them."""

import json

import pytest

from process import wait_until
from routefile import signed
from wire import request

pytestmark = pytest.mark.gateway


class Mounted:
    """A folder as the kubelet mounts it: each file is a link into `..data`, a link to a folder that is replaced at once."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.number = 0

    def show(self, **files):
        """Shows these files (their names have _ for a dot) in place of the last ones."""
        self.number += 1
        content = self.folder / f"..{self.number}"
        content.mkdir()
        for name, text in files.items():
            (content / name.replace("_", ".")).write_text(text, encoding="utf-8")
        new = self.folder / "..data_tmp"
        new.symlink_to(content.name)
        new.rename(self.folder / "..data")
        for name in files:
            link = self.folder / name.replace("_", ".")
            if not link.is_symlink():
                link.symlink_to(f"..data/{link.name}")

    def path(self, name):
        return str(self.folder / name)


@pytest.fixture(name="config")
def fixture_config(tmp_path):
    return Mounted(tmp_path / "config")


@pytest.fixture(name="secrets")
def fixture_secrets(tmp_path):
    return Mounted(tmp_path / "secrets")


def open_source(name, path):
    return {"name": name, "path": path, "verify": {"scheme": "none"}}


def routes(*sources):
    return json.dumps({"sources": sources})


def start(site, config, **settings):
    return site.add_gateway(GATEWAY_ROUTES=config.path("routes.json"), GATEWAY_RELOAD="change", **settings).start()


def reloads(gateway, outcome):
    return gateway.metrics()[f'sluice_gateway_reloads_total{{outcome="{outcome}"}}']


def status(gateway, path, body=b"{}", **headers):
    return request(gateway.port, "POST", path, body, headers).status


def test_new_routes_are_in_force_without_a_signal_and_no_other_reload_follows(site, config):
    config.show(routes_json=routes(open_source("one", "/one")))
    gateway = start(site, config)
    assert status(gateway, "/two") == 404
    config.show(routes_json=routes(open_source("one", "/one"), open_source("two", "/two")))
    wait_until(lambda: status(gateway, "/two") == 200, gateway.tail, 60, 0.2)
    config.show(routes_json=routes(open_source("two", "/two")))
    wait_until(lambda: status(gateway, "/one") == 404, gateway.tail, 60, 0.2)
    assert (reloads(gateway, "done"), reloads(gateway, "refused")) == (2, 0)


def test_a_wrong_file_keeps_the_old_routes_and_is_told_once(site, config):
    config.show(routes_json=routes(open_source("one", "/one")))
    gateway = start(site, config)
    config.show(routes_json='{"sources": [')
    wait_until(lambda: reloads(gateway, "refused") == 1, gateway.tail, 60, 0.2)
    assert status(gateway, "/one") == 200
    looked = len(gateway.lines("not-reloaded"))
    config.show(routes_json=routes(open_source("two", "/two")))
    wait_until(lambda: status(gateway, "/two") == 200, gateway.tail, 60, 0.2)
    assert looked == len(gateway.lines("not-reloaded")) == 1
    assert (reloads(gateway, "done"), reloads(gateway, "refused")) == (1, 1)


def test_a_secret_that_comes_after_its_route_or_changes_is_read(site, config, secrets):
    """ConfigMaps and Secrets are mounted at different times."""
    secrets.show(old="the old secret")
    config.show(routes_json=routes(open_source("one", "/one")))
    gateway = start(site, config)
    verify = {"scheme": "github", "secrets": [{"file": secrets.path("new")}]}
    config.show(routes_json=routes({"name": "github", "path": "/github", "verify": verify}))
    wait_until(lambda: reloads(gateway, "refused") == 1, gateway.tail, 60, 0.2)
    secrets.show(new="the first secret")
    body = b'{"n":1}'
    wait_until(lambda: status(gateway, "/github", body, **signed("the first secret", "e1", body)) == 200, gateway.tail, 60, 0.2)
    secrets.show(new="the second secret")
    wait_until(lambda: status(gateway, "/github", body, **signed("the second secret", "e2", body)) == 200, gateway.tail, 60, 0.2)
    assert status(gateway, "/github", body, **signed("the first secret", "e3", body)) == 401


def test_without_the_setting_only_a_signal_reloads(site, config):
    """Files may then be changed in several steps."""
    config.show(routes_json=routes(open_source("one", "/one")))
    quiet = site.add_gateway(GATEWAY_ROUTES=config.path("routes.json")).start()
    watching = start(site, config)
    config.show(routes_json=routes(open_source("two", "/two")))
    wait_until(lambda: status(watching, "/two") == 200, watching.tail, 60, 0.2)
    assert status(quiet, "/two") == 404 and reloads(quiet, "done") == 0
