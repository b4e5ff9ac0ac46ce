# SPDX-License-Identifier: MIT
"""Every wrong setting is reported by name, value and allowed range, all at once; the cases come from the programs' own tables."""

import collections
import re

import pytest

from process import wait_until
from programs import run_command

Setting = collections.namedtuple("Setting", "name type range fallback secret help")
DAEMONS = ("sluice-gateway", "sluice-worker")
WRONG = {"integer": "many", "size": "7parsecs", "duration": "7parsecs", "durations": "60s,10s", "address": "nowhere",
         "choice": "loud", "URL": "gopher://example"}
RANGE = re.compile(r"^(\d+)([a-zA-Z]*) to (\d+)([a-zA-Z]*)")


def table(build, program):
    done = run_command(build, ["--print-settings"], {}, program=program)
    assert done.returncode == 0, done.stderr
    settings = [Setting(*line.split("\t")) for line in done.stdout.splitlines()]
    assert len(settings) > 5
    return settings


def wrong_value(setting):
    if setting.type == "text":
        limit = RANGE.match(setting.range)
        return "x" * (int(limit[3]) + 1) if limit else None
    return WRONG[setting.type]


def excessive_value(setting):
    limit = RANGE.match(setting.range)
    return f"{int(limit[3]) + 1}{limit[4]}" if limit and setting.type in ("integer", "size", "duration") else None


@pytest.mark.parametrize("program", DAEMONS)
@pytest.mark.parametrize("choose", [wrong_value, excessive_value])
def test_every_wrong_setting_is_reported_at_once(build, program, choose):
    wrong = {setting: choose(setting) for setting in table(build, program)}
    wrong = {setting: value for setting, value in wrong.items() if value is not None}
    assert wrong
    done = run_command(build, [], {setting.name: value for setting, value in wrong.items()}, program=program)
    assert done.returncode == 78
    for setting, value in wrong.items():
        lines = [line for line in done.stderr.splitlines() if re.search(rf"\b{setting.name}\b", line)]
        assert lines, f"{setting.name} is not reported:\n{done.stderr}"
        if setting.secret == "yes":
            assert value not in done.stderr
        else:
            assert any(value[:40] in line for line in lines), lines
        allowed = RANGE.match(setting.range)
        if allowed and setting.type != "text":
            assert any(allowed[0] in line for line in lines), lines


@pytest.mark.parametrize("program", DAEMONS)
def test_every_missing_setting_is_reported_at_once(build, program):
    done = run_command(build, [], {}, program=program)
    assert done.returncode == 78
    assert "BROKER_URL" in done.stderr
    if program == "sluice-worker":
        assert "DATABASE_URL" in done.stderr


@pytest.mark.parametrize("program", DAEMONS)
def test_a_setting_and_its_file_at_once_is_an_error(build, program, tmp_path):
    (tmp_path / "secret").write_text("one", encoding="ascii")
    done = run_command(build, [], {"BROKER_PASSWORD": "two-secrets", "BROKER_PASSWORD_FILE": tmp_path / "secret"},
                       program=program)
    assert done.returncode == 78
    assert re.search(r"BROKER_PASSWORD.*BROKER_PASSWORD_FILE", done.stderr)
    assert "two-secrets" not in done.stderr


@pytest.mark.parametrize("program", DAEMONS)
def test_a_file_that_cannot_be_read_is_an_error(build, program, tmp_path):
    done = run_command(build, [], {"BROKER_PASSWORD_FILE": tmp_path / "absent"}, program=program)
    assert done.returncode == 78
    assert str(tmp_path / "absent") in done.stderr


@pytest.mark.parametrize("program", DAEMONS)
@pytest.mark.parametrize("content, says", [
    (b"hunter2\r\n", "has a carriage return (0x0D) at its end, byte 8 of 8"), (b"hunter2\n\n", "has a newline (0x0A) at its end"),
    (b"hunter2 \n", "has a blank (0x20) at its end"), (b"\xef\xbb\xbfhunter2\n", "begins with a byte order mark"),
    (b"", "is empty"), (b"\n", "is empty")])
def test_a_password_with_an_invisible_byte_is_an_error_that_names_it(build, program, tmp_path, content, says):
    (tmp_path / "password").write_bytes(content)
    done = run_command(build, [], {"BROKER_PASSWORD_FILE": tmp_path / "password"}, program=program)
    assert done.returncode == 78
    assert f"BROKER_PASSWORD_FILE={tmp_path / 'password'} {says}" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("program", DAEMONS)
def test_a_password_in_a_url_is_refused_and_not_repeated(build, program):
    done = run_command(build, [], {"BROKER_URL": "amqp://user:hunter2@localhost/sluice"}, program=program)
    assert done.returncode == 78
    assert "BROKER_URL" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("program", DAEMONS)
def test_print_config_shows_what_is_in_force_without_secrets(build, program, servers):
    settings = servers.gateway_settings() if program == "sluice-gateway" else servers.worker_settings()
    done = run_command(build, ["--print-config"], settings, program=program)
    assert done.returncode == 0, done.stderr
    assert f"BROKER_URL={settings['BROKER_URL']}" in done.stdout.splitlines()
    assert "BROKER_PASSWORD=[redacted]" in done.stdout.splitlines()
    assert {setting.name for setting in table(build, program)} == {
        line.partition("=")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("program", [*DAEMONS, "sluice"])
def test_help_and_version_need_no_settings(build, program):
    done = run_command(build, ["--version"], {}, program=program)
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+", done.stdout)
    done = run_command(build, ["--help"], {}, program=program)
    assert done.returncode == 0
    assert done.stdout
    assert run_command(build, ["--nonsense"], {}, program=program).returncode == 64


@pytest.mark.parametrize("program", DAEMONS)
def test_help_names_every_setting(build, program):
    text = run_command(build, ["--help"], {}, program=program).stdout
    assert [setting.name for setting in table(build, program) if setting.name not in text] == []


def test_setup_reports_its_wrong_settings_at_once(servers):
    done = servers.setup(DATABASE_BUDGET="some", QUEUE_MAX_BYTES="7parsecs", DELAYS="60s,10s")
    assert done.returncode == 78
    missing = [word for word in ("DATABASE_BUDGET", "some", "QUEUE_MAX_BYTES", "7parsecs", "DELAYS", "60s,10s")
               if word not in done.stderr]
    assert not missing, done.stderr


def test_a_worker_refuses_a_retry_wait_that_is_no_whole_number_of_seconds(build, servers):
    done = run_command(build, [], servers.worker_settings(DELAYS="1s,1500ms"), program="sluice-worker")
    assert done.returncode == 78
    assert "DELAYS" in done.stderr and "1500" in done.stderr


def test_a_delay_that_is_no_whole_number_of_seconds_is_refused(servers):
    done = servers.setup(DELAYS="1500ms")
    assert done.returncode == 78
    assert "DELAYS" in done.stderr


def test_a_proxy_that_is_no_network_is_refused(servers):
    done = run_command(servers.build, [], servers.gateway_settings(GATEWAY_TRUSTED_PROXIES="10.0.0.0/8,proxy"),
                       program="sluice-gateway")
    assert done.returncode == 78
    assert "GATEWAY_TRUSTED_PROXIES=10.0.0.0/8,proxy: 'proxy' is no IP address" in done.stderr


def test_a_worker_without_a_password_logs_in_by_pgpass(site, tmp_path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(f"*:*:*:sluice_worker:{site.servers.secret('database-worker')}\n", encoding="ascii")
    site.start_gateway()
    site.start_workers(1, DATABASE_PASSWORD_FILE=None, PGPASSFILE=passfile)
    site.row(site.send_ok(body=b"{}"))


def test_a_worker_without_a_password_that_needs_one_says_so_and_waits(site):
    worker = site.add_worker(DATABASE_PASSWORD_FILE=None).start(wait=False)
    wait_until(lambda: any("password" in line["reason"] for line in worker.lines("database-away")),
               lambda: f"libpq's own words\n{worker.tail()}")
    assert worker.alive() and not worker.is_ready()
