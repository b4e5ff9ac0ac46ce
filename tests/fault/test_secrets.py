# SPDX-License-Identifier: MIT
"""No fault makes a secret visible in logs, command lines, replies or tables. In addition, every test ends with a search
for secrets in the logs of its programs."""

import pathlib
import time

import pytest

from load import Load
from process import wait_until

MARKS = {"Authorization": "Bearer mark-authorization", "Cookie": "session=mark-cookie", "X-Api-Key": "mark-api-key",
         "X-Hub-Signature-256": "sha256=mark-signature", "Proxy-Authorization": "Basic mark-proxy"}


def everything_that_people_see(site):
    """{where: text}"""
    seen = {}
    for program in site.programs:
        seen[f"log of {program.name}"] = program.log.read_text(encoding="utf-8", errors="replace")
        if program.alive():
            seen[f"metrics of {program.name}"] = program.admin("/metrics")[1]
            seen[f"readiness of {program.name}"] = program.admin("/ready")[1]
            seen[f"command line of {program.name}"] = pathlib.Path(f"/proc/{program.pid}/cmdline").read_text("latin-1")
    seen["log of the broker"] = site.broker.log().read_text(encoding="utf-8", errors="replace")
    seen["log of the database"] = site.database.child.output()
    for table in ("webhooks_raw", "webhooks_dead"):
        seen[table] = str(site.database.query(f"select id, method, path, headers::text, content_type from {table}"))
    seen["reasons"] = str(site.database.query("select reason from webhooks_dead"))
    done = site.servers.command("status")
    seen["sluice status"] = done.stdout + done.stderr
    return seen


@pytest.mark.quick
@pytest.mark.case(28)
def test_no_secret_is_in_a_log_a_metric_a_row_a_reason_or_a_command_line_whatever_breaks(site, links):
    gateway = links.start_gateway(LOG_LEVEL="debug")
    worker, = links.start_workers(1, LOG_LEVEL="debug")
    ledger = site.ledger()
    site.database.query("alter table webhooks_raw add constraint no_mark check (body <> 'poison mark-poison'::bytea)")
    try:
        with Load(gateway.port, ledger, rate=50, count=100_000) as load:
            load.wait_acked(50)
            site.send_ok("POST", "/marked?token=mark-query", b"mark-body", {**MARKS, "webhook-id": "marked"})
            site.send_ok(body=b"poison mark-poison", headers={**MARKS, "webhook-id": "poison"})
            wait_until(lambda: site.count("webhooks_dead") == 1, "the dead letter", 20)
            for proxy in (links.gateway_broker, links.worker_broker, links.worker_database):
                proxy.reset()
            site.send(body=b"mark-body", headers=MARKS)
            for user in ("sluice-gateway", "sluice-worker"):
                site.broker.control("change_password", user, "another-one")
            site.database.query("alter role sluice_worker password 'another-one'")
            for proxy in (links.gateway_broker, links.worker_broker, links.worker_database):
                proxy.reset()
            for program in (gateway, worker):
                program.wait_ready(False)
            wait_until(lambda: any(line.get("sqlstate") == "28P01" for line in worker.lines("database-away")),
                       lambda: f"the refused password\n{worker.tail()}", 20)
            site.send(body=b"mark-body", headers=MARKS)
            site.servers.setup()
            load.wait_accepted(time.monotonic(), 30)
            worker.wait_ready(limit=30)
            load.wait_acked(50)
        seen = everything_that_people_see(site)
    finally:
        site.servers.setup()
        site.database.query("alter table webhooks_raw drop constraint if exists no_mark")
    secrets = [site.servers.secret(name) for name in ("broker-gateway", "broker-worker", "broker-setup",
                                                      "database-worker", "database-reader", "database-owner")]
    leaks = [f"{secret[:4]}... in the {where}" for where, text in seen.items()
             for secret in [*secrets, *(value.rpartition("mark-")[1] + value.rpartition("mark-")[2]
                                        for value in MARKS.values())] if secret in text]
    leaks += [f"{mark} in the {where}" for where, text in seen.items() if "log" in where or "reason" in where
              for mark in ("mark-query", "mark-body", "mark-poison") if mark in text]
    assert not leaks
    site.note(f"searched {len(seen)} places, {sum(map(len, seen.values()))} bytes, for {len(secrets)} secrets and 8 marks")
