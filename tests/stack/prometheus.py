# SPDX-License-Identifier: MIT
"""A private Prometheus that scrapes programs of a test and evaluates the rules of deploy/prometheus, at once."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from process import Child, free_port, wait_until

RULES = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "sluice.rules.yml"
EVERY = "500ms"


class Prometheus:
    """Alerts fire without their `for`. records: expressions of recording rules that the test replaces."""

    def __init__(self, directory, **records):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.port = free_port()
        self.child = Child("prometheus", self.directory / "prometheus.log")
        self._write_rules(records)
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "sluice", "file_sd_configs": [{"files": ["targets.json"]}]}]}), encoding="utf-8")
        self.watch([])

    def _write_rules(self, records):
        groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
        for group in groups:
            group["interval"] = EVERY
            for rule in group["rules"]:
                rule.pop("for", None)
                rule["expr"] = records.get(rule.get("record"), rule["expr"])
        (self.directory / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")

    def watch(self, programs):
        """Scrapes these programs from now on, each as a job that is named like its binary."""
        new = self.directory / "targets.new"
        new.write_text(json.dumps([{"targets": [f"127.0.0.1:{program.admin_port}"], "labels": {"job": program.binary}}
                                   for program in programs]), encoding="utf-8")
        new.rename(self.directory / "targets.json")

    def backfill(self, text):
        """Stores samples in OpenMetrics' text format; before start()."""
        path = self.directory / "past.txt"
        path.write_text(text, encoding="utf-8")
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", path, self.directory / "data"], check=True,
                       capture_output=True, timeout=300)

    def start(self):
        self.child.start(["prometheus", f"--config.file={self.directory}/prometheus.yml", f"--storage.tsdb.path={self.directory}/data",
                          f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=30d",
                          "--query.lookback-delta=15s"], {"PATH": "/usr/bin:/bin"}, cwd=str(self.directory))
        wait_until(self._answers, lambda: f"Prometheus\n{self.child.tail()}", 30, 0.1)
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        """The data of a reply of the API; an error of the expression raises urllib.error.HTTPError."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)["data"]

    def query(self, expression):
        """[(labels, value)]"""
        return [(sample["metric"], float(sample["value"][1])) for sample in self.ask("query", query=expression)["result"]]

    def alerts(self):
        """The alerts that fire."""
        return [alert for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]

    def wait_alerts(self, *names, limit=60):
        """Waits until exactly these alerts fire; returns them."""
        def fire():
            return {alert["labels"]["alertname"] for alert in self.alerts()}
        wait_until(lambda: fire() == set(names), lambda: f"exactly {sorted(names)} to fire, not {sorted(fire())}", limit, 0.2)
        return self.alerts()

    def stop(self):
        self.child.terminate(20)
