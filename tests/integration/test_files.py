# SPDX-License-Identifier: MIT
"""No program waits for a file: a pipe, a socket or a device in the place of one is refused at once, by name."""

import os
import signal
import time

import pytest

from certificates import Pair
from process import wait_until
from programs import run_command
from routefile import RouteFile

SOON = 5  # seconds; with a pipe that is opened to be read a program waits for ever
WRONG = "is a pipe, but must be a regular file"


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def refuses(build, arguments, settings, words, program="sluice"):
    """The program ends at once with the exit code for wrong settings, and says why."""
    begun = time.monotonic()
    done = run_command(build, arguments, settings, limit=SOON, program=program)
    assert (done.returncode, time.monotonic() - begun < SOON) == (78, True), done.stdout + done.stderr
    assert words in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("program, arguments", [("sluice-gateway", []), ("sluice-worker", []), ("sluice", ["setup"])])
def test_every_setting_that_is_given_as_a_pipe_is_named(build, fifo, program, arguments):
    table = run_command(build, ["--print-settings"], {}, program=program).stdout.splitlines()
    names = [line.split("\t")[0] for line in table]
    if program == "sluice":
        names = [name for name in names if name.startswith(("SETUP_", "BROKER_"))]
    complaints = refuses(build, arguments, {f"{name}_FILE": fifo for name in names}, WRONG, program)
    for name in names:
        assert f"{name}_FILE={fifo} {WRONG}" in complaints


def test_every_file_that_a_subcommand_is_given_may_not_be_a_pipe(build, servers, fifo, tmp_path):
    routes = RouteFile(tmp_path).write(
        {"name": "a", "path": "/a", "verify": {"scheme": "github", "secrets": [{"file": str(fifo)}]}})
    nowhere = ["--url", "http://127.0.0.1:1"]
    reader = servers.reader_settings()
    for arguments, settings in (
            (["check", fifo], {}), (["verify", fifo], reader),
            (["send", *nowhere, "--file", fifo], {}), (["send", *nowhere, "--lines", fifo], {}),
            (["send", *nowhere, "--data", "x", "--sign", "github", "--secret-file", fifo], {}),
            (["status"], {**reader, "BROKER_URL": "amqps://a@127.0.0.1:1/sluice", "BROKER_CA": fifo}),
            (["status"], {**reader, "DATABASE_URL": f"{reader['DATABASE_URL']}?sslmode=verify-ca&sslrootcert={fifo}"})):
        refuses(build, arguments, settings, WRONG)
    refuses(build, ["route", "POST", "/a"], {"GATEWAY_ROUTES": fifo}, "is not valid: run sluice check to see why")
    refuses(build, ["check", routes.path], {}, f"{fifo} {WRONG}")


@pytest.mark.parametrize("setting", ["GATEWAY_ROUTES", "GATEWAY_CERT", "GATEWAY_KEY"])
def test_a_gateway_does_not_start_with_a_pipe_for_a_file(site, build, authority, fifo, setting):
    pair = authority.issue("gateway")
    files = {"GATEWAY_CERT": pair.certificate, "GATEWAY_KEY": pair.key}
    settings = site.servers.gateway_settings(**{**files, setting: fifo})
    done = run_command(build, [], settings, limit=SOON, program="sluice-gateway")
    assert done.returncode == 78
    assert WRONG in done.stderr and setting in done.stderr


@pytest.mark.parametrize("setting", ["BROKER_CA", "BROKER_CERT", "BROKER_KEY"])
def test_a_program_that_reaches_the_broker_by_tls_names_a_pipe_and_can_be_stopped(site, authority, fifo, setting):
    pair = authority.issue("sluice-gateway")
    settings = {"BROKER_URL": site.broker.tls_url("sluice-gateway"), "BROKER_CA": authority.certificate,
                "BROKER_CERT": pair.certificate, "BROKER_KEY": pair.key, setting: fifo}
    for program in (site.add_gateway(**settings), site.add_worker(**settings)):
        program.start(wait=False)
        wait_until(lambda program=program: [line for line in program.lines("broker-away")
                                            if line["reason"] == f"{setting}={fifo} {WRONG}"],
                   lambda program=program: f"the cause\n{program.tail()}")
        assert program.stop() == 0


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert", "sslcrl"])
def test_a_worker_names_a_pipe_in_its_database_url_and_can_be_stopped(site, fifo, parameter):
    url = f"{site.database.url('sluice_worker')}?sslmode=verify-ca&{parameter}={fifo}"
    worker = site.add_worker(DATABASE_URL=url)
    worker.start(wait=False)
    wait_until(lambda: [line for line in worker.lines("database-away") if f"{parameter}={fifo} {WRONG}" in line["reason"]],
               lambda: f"the cause\n{worker.tail()}")
    assert worker.stop() == 0


@pytest.mark.gateway
def test_a_reload_that_finds_a_pipe_changes_nothing_and_says_so(site, authority, tmp_path):
    pair = authority.issue("gateway")
    copy = Pair(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    for to, came in ((copy.certificate, pair.certificate), (copy.key, pair.key)):
        to.write_bytes(came.read_bytes())
    routes = RouteFile(tmp_path / "routes")
    routes.write(routes.github("hub", "/hub", "a secret of ours"))
    secret = routes.directory / "hub-0"
    gateway = site.start_gateway(GATEWAY_CERT=copy.certificate, GATEWAY_KEY=copy.key, GATEWAY_ROUTES=routes.path)
    for path in (copy.certificate, copy.key, secret, routes.path):
        kept = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        gateway.send(signal.SIGHUP)
        wait_until(lambda path=path: [line for line in gateway.lines("not-reloaded")
                                      if str(path) in line["reason"] and WRONG in line["reason"]],
                   lambda: f"the refusal\n{gateway.tail()}")
        path.unlink()
        path.write_bytes(kept)
    gateway.send(signal.SIGHUP)
    wait_until(lambda: gateway.lines("reloaded"), lambda: f"a reload\n{gateway.tail()}")
    assert gateway.is_ready()
