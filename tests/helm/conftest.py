# SPDX-License-Identifier: MIT
"""Renders the chart with helm; nothing of it needs a cluster."""

import os
import pathlib
import subprocess

import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CHART = CHECKOUT / "deploy" / "helm" / "sluice"
EXAMPLES = CHECKOUT / "deploy" / "helm" / "examples"
SMALL = EXAMPLES / "values-small.yaml"
OPERATORS = EXAMPLES / "values-operators.yaml"
# Everything encrypted, all that is optional left out or replaced.
SECURED = {
    "broker": {"port": 5671, "managementPort": 15671, "tls": {"enabled": True, "ca": {"secret": "broker-ca"}}},
    "database": {"tls": {"enabled": True, "ca": {"secret": "database-ca"}}},
    "gateway": {"tls": {"secret": "hooks-tls"}, "service": {"type": "LoadBalancer", "port": 443},
                "lameDuckSeconds": 45, "drainSeconds": 60},
    "worker": {"drainSeconds": 90, "settings": {}, "podDisruptionBudget": {"enabled": False}},
    "routes": {"existingConfigMap": "routes"}, "delays": "5s,1min", "secrets": {"brokerListen": {"name": "listen"}},
}
KUBERNETES = "1.30.0"


def helm(*arguments):
    return subprocess.run([os.environ.get("HELM", "helm"), *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False)


class Release:
    """The objects of one rendering."""

    def __init__(self, text):
        self.text = text
        self.objects = [entry for entry in yaml.safe_load_all(text) if entry]

    def all(self, kind):
        return [entry for entry in self.objects if entry["kind"] == kind]

    def one(self, kind, name):
        found = [entry for entry in self.all(kind) if entry["metadata"]["name"] == f"hooks-sluice-{name}"]
        assert len(found) == 1, f"{kind} {name}: {len(found)}"
        return found[0]

    def pods(self):
        """The pod specs, by component: gateway, worker, setup, status."""
        return {"gateway": self.one("Deployment", "gateway")["spec"]["template"]["spec"],
                "worker": self.one("Deployment", "worker")["spec"]["template"]["spec"],
                "setup": self.one("Job", "setup")["spec"]["template"]["spec"],
                "status": self.one("Pod", "status")["spec"]}


def template(folder, *values, kubernetes=KUBERNETES):
    """Runs `helm template`; values: files, or what a file would say."""
    files = []
    for number, value in enumerate(values):
        if isinstance(value, dict):
            path = folder / f"values-{number}.yaml"
            path.write_text(yaml.safe_dump(value), encoding="utf-8")
            value = path
        files += ["-f", value]
    return helm("template", "hooks", CHART, "--namespace", "hooks", "--kube-version", kubernetes, *files)


VALUES = {"small": (SMALL,), "operators": (OPERATORS,), "secured": (SMALL, SECURED)}


@pytest.fixture(scope="session", params=list(VALUES), name="release")
def fixture_release(request, tmp_path_factory):
    done = template(tmp_path_factory.mktemp("values"), *VALUES[request.param])
    assert done.returncode == 0, done.stderr
    return Release(done.stdout)


@pytest.fixture(name="render")
def fixture_render(tmp_path):
    def render(*values, **options):
        done = template(tmp_path, *values, **options)
        assert done.returncode == 0, done.stderr
        return Release(done.stdout)
    return render


@pytest.fixture(name="refused")
def fixture_refused(tmp_path):
    def refused(*values):
        done = template(tmp_path, *values)
        assert done.returncode != 0, done.stdout
        return done.stderr + done.stderr.replace("/", ".")  # helm 3.16 says gateway.settings, 3.22 /gateway/settings
    return refused
