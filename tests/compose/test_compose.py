# SPDX-License-Identifier: MIT
"""docker-compose.yml as users run it: from the first curl to the complete removal."""

import json
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import BUDGET
from ledger import Ledger
from load import Load
from process import wait_until
from project import CHECKOUT, DEV_SECRETS, Held, Watch, run

SECRETS = {
    "gateway": {"broker-gateway"},
    "worker": {"broker-worker", "database-worker"},
    "setup": {"broker-setup", "broker-gateway", "broker-worker", "broker-listen", "broker-monitor", "database-owner",
              "database-worker", "database-reader"},
}
OURS = sorted(SECRETS)
MIB = 1 << 20


def send_until_acked(project, ledger, event_id, body, headers=None, limit=120):
    """Sends an event until the reply is 2xx, as a sender does."""
    def attempt():
        entry = ledger.sent(event_id, body)
        status = project.post(body, {**(headers or {}), "webhook-id": event_id})
        ledger.replied(entry, status)
        return status == 200
    wait_until(attempt, f"a 200 for {event_id}", limit, every=0.3)


def settle(project, ledger, at_least, limit=120):
    """Waits until all acked events are stored; then the ledger must balance."""
    wait_until(lambda: ledger.missing(project.database) == 0, lambda: f"{ledger.missing(project.database)} acked events",
               limit, every=0.5)
    balance = ledger.check(project.database, at_least)
    assert balance, str(balance)
    return balance


@pytest.fixture
def ledger(project, tmp_path, seed):
    """A ledger, with empty tables."""
    project.database.query("truncate webhooks_raw, webhooks_dead")
    one = Ledger(tmp_path / "ledger", seed)
    yield one
    one.close()


def test_a_curl_becomes_a_row_that_psql_shows(project):
    assert project.post(b'{"hello":"world"}', {"webhook-id": "first"}, "/orders") == 200
    sql = "select id, path, payload from webhooks where id = 'first'"
    row = ["first", "/orders", '{"hello": "world"}']
    wait_until(lambda: project.compose("exec", "-T", "postgres", "psql", "-U", "sluice", "-d", "sluice", "-AtF\t",
                                       "-c", sql).strip().split("\t") == row, f"the row {row}")


def test_the_log_shows_every_stage_of_an_event(project):
    lines = wait_until(lambda: [line for line in project.logs("gateway", "worker").splitlines() if "id=first" in line
                                and " stored " in line] and sorted(
        line for line in project.logs("gateway", "worker").splitlines() if re.search(r"\bid=first\b", line)),
        "the stages of the event in the logs")
    stages = [line.split()[2] for line in lines]
    assert set(stages) == {"received", "queued", "stored"} and stages[0] == "received", lines
    assert all("source=default" in line for line in lines)


@pytest.mark.parametrize("service", OURS)
def test_ours_run_with_the_least_that_they_need(project, service):
    for container in project.inspect(service):
        config, host = container["Config"], container["HostConfig"]
        assert config["User"] == "10001:10001"
        assert container["Path"].startswith("sluice") or service == "setup" and container["Args"][-2:] == ["sluice",
                                                                                                          "setup"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"] and not host["Privileged"]
        assert 0 < host["Memory"] <= 1 << 30
        assert not host.get("Tmpfs") and not [mount for mount in container["Mounts"] if mount["RW"]]


@pytest.mark.parametrize("service", ["gateway", "worker"])
def test_the_kernel_holds_them_to_it(project, service):
    for name in project.ids(service):
        status = dict(line.split(":\t", 1) for line in run("docker", "exec", name, "cat", "/proc/1/status").splitlines()
                      if ":\t" in line)
        assert set(status["Uid"].split()) == {"10001"}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        written = subprocess.run(["docker", "exec", name, "touch", "/written"], capture_output=True, check=False)
        assert written.returncode != 0 and b"Read-only file system" in written.stderr


@pytest.mark.parametrize("service", OURS)
def test_each_sees_its_own_secrets_only(project, service):
    """Only setup gets the owners' secrets, and no secret is in an environment or a command line."""
    values = [path.read_text(encoding="ascii").strip() for path in DEV_SECRETS.iterdir()]
    for container in project.inspect(service):
        mounts = {mount["Destination"] for mount in container["Mounts"]}
        assert mounts == {f"/run/secrets/{name}" for name in SECRETS[service]}
        shown = json.dumps([container["Config"], container["Args"]])
        assert not [value for value in values if value in shown]


def test_status_is_one_command_away(project):
    said = project.compose("run", "--rm", "-T", "ctl", "status")
    assert "webhooks.ingest" in said and f"of a budget of {BUDGET}" in said
    assert re.search(r"^gateways ready +1 of 1$", said, re.M), said
    workers = re.search(r"^workers ready +(\d+) of (\d+)$", said, re.M)
    assert workers and workers[1] == workers[2] == str(len(project.ids("worker"))), said


def test_a_dead_letter_is_listed_and_replayed_as_the_runbook_says(project):
    def found(table):
        return project.database.query(f"select 1 from {table} where id = 'refused'")
    project.database.query("alter table webhooks_raw add constraint orders_only check (path <> '/refused')")
    assert project.post(b"{}", {"webhook-id": "refused"}, "/refused") == 200
    wait_until(lambda: found("webhooks_dead"), "the dead letter", 20)
    assert "23514" in project.compose("run", "--rm", "-T", "ctl", "dead", "list", "--id", "refused")
    project.database.query("alter table webhooks_raw drop constraint orders_only")
    project.compose("run", "--rm", "-T", "setup", "sluice", "dead", "replay", "--sqlstate", "23514")
    assert not found("webhooks_dead")
    wait_until(lambda: found("webhooks_raw"), "the row, after the first delay of 10 s", 40)


def test_the_gateway_has_no_way_to_the_database(project):
    found = subprocess.run(["docker", "exec", *project.ids("gateway"), "getent", "hosts", "postgres"],
                           capture_output=True, check=False)
    assert found.returncode != 0
    assert run("docker", "exec", project.ids("worker")[0], "getent", "hosts", "postgres")


def test_every_service_has_bounds_and_only_loopback_is_published(project):
    config = json.loads(project.compose("config", "--format", "json"))["services"]
    for service in config:
        for container in project.inspect(service):
            host = container["HostConfig"]
            assert host["Memory"] > 0, service
            assert set(host["LogConfig"]["Config"]) == {"max-size", "max-file"}, service
            assert host["RestartPolicy"]["Name"] == ("no" if service == "setup" else "unless-stopped")
            for published in (host["PortBindings"] or {}).values():
                assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}, service
    assert set(config["worker"].get("ports") or []) == set(), "a published port would not scale"


def test_the_image_says_what_it_is(project):
    version = (CHECKOUT / "VERSION").read_text(encoding="ascii").strip()
    labels = json.loads(run("docker", "image", "inspect", project.image))[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    for program in ("sluice-gateway", "sluice-worker", "sluice"):
        said = run("docker", "run", "--rm", "--network", "none", project.image, program, "--version")
        assert said.split() == [program, version]


def test_development_secrets_say_so_and_are_warned_of_at_each_start(project):
    for path in DEV_SECRETS.iterdir():
        assert path.read_text(encoding="ascii").removeprefix("default_pass = ").startswith("insecure-dev-"), path
    for service in OURS:
        warned = [line for line in project.logs(service).splitlines() if "insecure-secret" in line]
        assert len(warned) == len(project.inspect(service)), service
        assert all("PASSWORD" in line and "insecure-dev" not in line for line in warned)


def test_make_secrets_writes_secrets_that_only_their_owner_and_the_containers_read(project, tmp_path):
    directory = tmp_path / "secrets"
    run("deploy/secrets", directory)
    values = {path.name: path.read_text(encoding="ascii").strip() for path in directory.iterdir()}
    webhooks = {name: values.pop(name) for name in list(values) if name.startswith("webhook-")}
    assert len(webhooks) == len(set(webhooks.values())) == 14
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", webhooks.pop("webhook-standard"))
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{40}", one) for one in webhooks.values())
    # The console has no public token: without one it only reads.
    assert set(values) == {path.name for path in DEV_SECRETS.iterdir()} | {"console-token"}
    assert values.pop("broker-setup.conf") == f"default_pass = {values['broker-setup']}"
    assert len(set(values.values())) == len(values) and all(re.fullmatch(r"[A-Za-z0-9_-]{40}", one) for one in values.values())
    assert directory.stat().st_mode & 0o777 == 0o700
    run("deploy/secrets", directory)
    assert (directory / "broker-setup").read_text(encoding="ascii").strip() == values["broker-setup"], "overwritten"
    shown = run("docker", "run", "--rm", "--network", "none", "-v", f"{directory}/broker-gateway:/run/secrets/one:ro",
                "-e", "BROKER_PASSWORD_FILE=/run/secrets/one", "-e", "BROKER_URL=amqp://sluice-gateway@broker/sluice",
                project.image, "sluice-gateway", "--print-config")
    assert "BROKER_PASSWORD=[redacted]" in shown and values["broker-gateway"] not in shown


def test_the_broker_runs_by_our_configuration(project):
    said = project.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "eval",
                           "{element(2, application:get_env(rabbit, dead_letter_worker_publisher_confirm_timeout)),"
                           " element(2, application:get_env(ra, wal_max_size_bytes)),"
                           " element(2, application:get_env(rabbit, disk_free_limit))}.")
    assert said.replace("\n", "").replace(" ", "") in ('{5000,67108864,{absolute,"1GB"}}',
                                                       "{5000,67108864,{absolute,1000000000}}", '{5000,67108864,"1GB"}')


def test_scaled_killed_and_restarted_under_load_nothing_acked_is_lost(project, ledger, corpus, note, seed):
    held = Held(project.database)

    def senders():
        for event_id, headers, body in corpus:
            send_until_acked(project, ledger, event_id, body, headers)
            time.sleep(0.05)

    sender = threading.Thread(target=senders, daemon=True)
    with Watch(held.look, 0.01), Load(project.port, ledger, rate=150, count=1_000_000) as load:
        sender.start()
        load.wait_acked(300)
        project.up(8)
        load.wait_acked(300)
        run("docker", "kill", project.ids("worker")[seed % 8])
        load.wait_acked(300)
        run("docker", "kill", *project.ids("gateway"))
        project.up(8)
        load.wait_acked(300)
        project.compose("restart", "rabbitmq")
        load.wait_acked(300, limit=60)
        project.compose("restart", "postgres")
        load.wait_acked(300, limit=60)
        most_workers = len(project.ids("worker"))
        standby = len(re.findall(r" info standby ", project.logs("worker")))
        project.wait_health("worker", "healthy")  # up --wait fails at once if one is not healthy yet
        project.up(1)
        load.wait_acked(300)
        sender.join(180)
        assert not sender.is_alive(), "the corpus was not sent completely"
    balance = settle(project, ledger, at_least=2000)
    note(f"{balance}; connections: {len(held.samples)} samples, most {max(held.samples)}, budget {BUDGET}; "
         f"{standby} times standby; slowest reply {load.slowest:.1f} s; {load.statuses}")
    assert most_workers == 8 and len(project.ids("worker")) == 1
    assert standby >= most_workers - BUDGET, "the workers beyond the budget are not on standby"
    assert {event_id for event_id, _, _ in corpus} <= {event_id for _, event_id in ledger.acked()}
    assert len(held.samples) > 1000 and BUDGET - 1 <= max(held.samples) <= BUDGET
    assert not project.database.query("select 1 from webhooks_dead")


def test_memory_limits_hold_the_most_that_settings_let_in(project, ledger, note, monkeypatch):
    """Every gateway thread gets a body of the maximum size at the same time. The worker holds a full prefetch of them
    while the database is away, as if all had arrived before WORKER_MEMORY could stop them. No container is killed."""
    body = os.urandom(MIB - 40)
    monkeypatch.setitem(project.env, "WORKER_MEMORY", "1GiB")
    project.up(1)
    send_until_acked(project, ledger, "small", b"x")  # ends the careful start
    settle(project, ledger, at_least=1)
    wait_until(lambda: "prefetch=400" in project.logs("worker"), "the full prefetch")
    project.compose("stop", "postgres")
    wait_until(lambda: "database-away" in project.logs("worker"), "the worker to miss the database")
    threads = [threading.Thread(target=lambda n=number: [
        send_until_acked(project, ledger, f"large-{n}-{turn}", b"%-40d" % (2 * n + turn) + body)
        for turn in range(2)], daemon=True) for number in range(256)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert ledger.counts["acked"] == 513, ledger.counts
    wait_until(lambda: project.memory_peak("worker") > 380 * MIB, "the worker to hold its prefetch", 60, every=1)
    project.compose("start", "postgres")
    project.wait_health("postgres", "healthy")
    settle(project, ledger, at_least=513)
    for service in ("gateway", "worker"):
        limit = project.inspect(service)[0]["HostConfig"]["Memory"]
        note(f"memory of one {service}, at most: {project.memory_peak(service) // MIB} of {limit // MIB} MiB")
    for service in ("gateway", "worker", "rabbitmq", "postgres"):
        for container in project.inspect(service):
            assert not container["State"]["OOMKilled"] and container["RestartCount"] == 0, service


def test_256_bodies_of_16_mib_at_once_kill_no_container(project, ledger, note, monkeypatch):
    """4 GiB are on offer to a gateway with 768 MiB: GATEWAY_BODY_MEMORY lets in what fits, the others get 503."""
    monkeypatch.setitem(project.env, "GATEWAY_MAX_BODY", "16MiB")
    project.up(1)
    body, statuses = bytes(16 * MIB), []

    def send(number):
        entry = ledger.sent(f"huge-{number}", body)
        status = project.post(body, {"webhook-id": f"huge-{number}"})
        ledger.replied(entry, status)
        statuses.append(status)

    threads = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(256)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert set(statuses) <= {200, 503, None}  # None: the connection was closed while the body was still being sent
    assert len(statuses) == 256 and 0 < statuses.count(200) < 256, statuses
    settle(project, ledger, at_least=1)
    note(f"{statuses.count(200)} acked; memory of the gateway, at most: {project.memory_peak('gateway') // MIB} MiB")
    for service in ("gateway", "worker", "rabbitmq", "postgres"):
        for container in project.inspect(service):
            assert not container["State"]["OOMKilled"] and container["RestartCount"] == 0, service


def test_a_stopped_dependency_shows_with_its_reason_and_heals(project, ledger):
    project.up(2)
    project.compose("stop", "postgres")
    entry = ledger.sent("meanwhile", b"x")
    ledger.replied(entry, project.post(b"x", {"webhook-id": "meanwhile"}))
    project.wait_health("worker", "unhealthy")
    assert project.health("gateway") == {"healthy"}, "the gateway needs no database"
    assert "(unhealthy)" in project.compose("ps", "worker")
    assert all("database" in said for said in project.last_check("worker")), project.last_check("worker")
    assert re.search(r"database-away .*reason=.*(postgres|connect)", project.logs("worker"))
    project.compose("start", "postgres")
    project.wait_health("postgres", "healthy")
    project.wait_health("worker", "healthy")
    settle(project, ledger, at_least=1)

    project.compose("stop", "rabbitmq")
    project.wait_health("gateway", "unhealthy")
    project.wait_health("worker", "unhealthy")
    assert all("broker" in said for said in project.last_check("gateway") + project.last_check("worker"))
    for service in ("gateway", "worker"):
        assert re.search(r"broker.* reason=", project.logs(service)), service
    assert project.post(b"x") == 503
    project.compose("start", "rabbitmq")
    project.wait_health("gateway", "healthy")
    project.wait_health("worker", "healthy")
    send_until_acked(project, ledger, "afterwards", b"y")
    settle(project, ledger, at_least=2)
    assert [one["RestartCount"] for one in project.inspect("gateway") + project.inspect("worker")] == [0, 0, 0]


def test_bodies_expire_with_the_profile_prune_which_has_the_owners_password_of_the_database_alone(project, monkeypatch):
    for name, value in (("COMPOSE_PROFILES", "prune"), ("PRUNE_BODIES_OLDER_THAN", "0s"), ("PRUNE_EVERY", "1s")):
        monkeypatch.setitem(project.env, name, value)
    assert project.post(b"expires", {"webhook-id": "expires"}) == 200
    project.compose("up", "-d", "prune")
    wait_until(lambda: project.database.query("select body_bytes from webhooks_raw where body is null and id = 'expires'") == [
        (7,)], lambda: project.compose("logs", "prune"), 60)
    container, = project.inspect("prune")
    assert {mount["Destination"] for mount in container["Mounts"]} == {"/run/secrets/database-owner"}
    assert [name.rpartition("_")[2] for name in container["NetworkSettings"]["Networks"]] == ["database"]
    project.compose("stop", "prune")
    container, = project.inspect("prune")
    assert (container["State"]["ExitCode"], container["RestartCount"]) == (0, 0)
    project.compose("rm", "-f", "prune")


def test_down_is_clean_and_keeps_the_rows_and_down_v_leaves_nothing(project):
    project.compose("stop", "gateway", "worker")
    ended = {one["State"]["ExitCode"] for service in ("gateway", "worker") for one in project.inspect(service)}
    assert ended == {0}, "stopped in order, within their grace period"
    rows = project.database.query("select count(*) from webhooks_raw")
    assert rows[0][0] > 0
    project.compose("down")
    assert not project.labelled("container") and not project.labelled("network")
    assert len(project.labelled("volume")) == 2
    project.up(1)
    assert project.database.query("select count(*) from webhooks_raw") == rows
    project.compose("down", "-v")
    assert not [left for kind in ("container", "network", "volume") for left in project.labelled(kind)]
