# SPDX-License-Identifier: MIT
"""The `sluice` command with running programs, and the ledger's oracle, which must be able to fail."""

import hashlib
import json
import pathlib
import re

import pytest

from ledger import Ledger, balance
from load import Load

TESTS = pathlib.Path(__file__).resolve().parents[1]

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
KEY = ("default", "1")
SENT = {"sent": {A: 1}, "acked": {A: 1}}
ROW = ("default", "1", A)
DEAD = ("default", "1", A, "refused by a constraint")


@pytest.mark.parametrize(("entries", "rows", "dead", "at_least", "complaint"), [
    ({KEY: SENT}, [ROW], [], 1, None),
    ({KEY: SENT}, [], [DEAD], 1, None),
    ({KEY: {"sent": {A: 1, B: 1}, "acked": {A: 1, B: 1}}}, [("default", "1", B)], [], 1, None),
    ({KEY: {"sent": {A: 1}, "unknown": {A: 1}}}, [], [], 0, None),
    ({KEY: {"sent": {A: 1}, "unknown": {A: 1}}}, [ROW], [], 0, None),
    ({KEY: SENT}, [], [], 1, "lost"),
    ({KEY: SENT}, [("default", "1", B)], [], 1, "differs"),
    ({KEY: SENT}, [ROW, ROW], [], 1, "2 times"),
    ({KEY: SENT}, [], [DEAD, DEAD], 1, "2 times in the dead letters, and was sent 1 times"),
    ({KEY: {"sent": {A: 2}, "acked": {A: 2}}}, [], [DEAD, DEAD], 1, None),
    ({KEY: {"sent": {A: 2}, "acked": {A: 2}}}, [], [DEAD, DEAD, DEAD], 1, "3 times"),
    ({KEY: SENT}, [], [("default", "1", A, "")], 1, "without a reason"),
    ({KEY: SENT}, [ROW, ("default", "2", A)], [], 1, "never sent"),
    ({KEY: {"sent": {A: 1}, "refused": {A: 1}}}, [ROW], [], 0, "refused"),
    ({KEY: SENT}, [ROW], [], 2, "only 1"),
])
def test_the_oracle_says_yes_and_no(entries, rows, dead, at_least, complaint):
    verdict = balance(entries, rows, dead, at_least, seed=0)
    assert bool(verdict) == (complaint is None), verdict
    if complaint:
        assert complaint in str(verdict)


@pytest.fixture
def told(site):
    """A site with one gateway, one worker and 200 events in a ledger, all stored."""
    gateway = site.start_gateway()
    site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=500, count=220) as load:
        load.finish()
    site.settle(ledger, at_least=150)
    return site, ledger


def test_verify_agrees_with_the_oracle_when_all_is_well(told):
    site, ledger = told
    done = site.servers.command("verify", str(ledger.path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("change", ["lost", "differs"])
def test_verify_agrees_with_the_oracle_when_something_is_wrong(told, change):
    site, ledger = told
    event_id = sorted(ledger.acked())[7][1]
    if change == "lost":
        site.database.query("delete from webhooks_raw where id = %s", (event_id,))
    else:
        site.database.query("update webhooks_raw set body = 'other' where id = %s", (event_id,))
    assert not ledger.check(site.database, 1)
    done = site.servers.command("verify", str(ledger.path))
    assert done.returncode == 1
    assert event_id in done.stdout + done.stderr


def test_verify_says_what_is_still_queued(site):
    gateway = site.start_gateway()
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=500, count=30) as load:
        load.finish()
    done = site.servers.command("verify", str(ledger.path))
    assert "queued" in done.stdout


def test_verify_names_20_missing_events_or_all_of_them(site, tmp_path):
    ledger = Ledger(tmp_path / "lost.tsv")
    names = [f"lost-{number:02}" for number in range(25)]
    for name in names:
        ledger.replied(ledger.sent(name, b"x"), 200)
    ledger.close()
    done = site.servers.command("verify", str(ledger.path))
    assert done.returncode == 1
    assert re.findall(r"^missing +default (\S+)$", done.stdout, re.M) == names[:20]
    done = site.servers.command("verify", str(ledger.path), "--all")
    assert done.returncode == 1
    assert re.findall(r"^missing +default (\S+)$", done.stdout, re.M) == names
    done = site.servers.command("verify", str(ledger.path), "--all", "--json")
    assert done.returncode == 1
    assert [event["id"] for event in json.loads(done.stdout)["missing_events"]] == names


def test_verify_accepts_a_dead_letter_and_refuses_a_file_that_is_no_ledger(site, tmp_path):
    body = b"dead and well"
    site.database.query("insert into webhooks_dead (source, id, body, verdict, reason) values "
                        "('default', 'd', %s, 'poison', 'a test')", (body,))
    ledger = Ledger(tmp_path / "dead.tsv")
    ledger.replied(ledger.sent("d", body), 200)
    ledger.close()
    done = site.servers.command("verify", str(ledger.path))
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "other").write_text("hello\tworld\n", encoding="ascii")
    done = site.servers.command("verify", str(tmp_path / "other"))
    assert done.returncode not in (0, 70)


def test_status_tells_depths_rows_and_connections(told):
    site, ledger = told
    site.workers[0].stop()
    site.send_ok(headers={"webhook-id": "waits"})
    done = site.servers.command("status")
    assert done.returncode == 0, done.stderr
    rows = len(ledger.acked())
    for word in ("webhooks.ingest", "webhooks.dead", "webhooks.retry.10", str(rows), "20", "100"):
        assert word in done.stdout, f"{word} is not in\n{done.stdout}"


def test_send_posts_one_event_and_prints_the_reply(site, tmp_path):
    gateway = site.start_gateway()
    site.start_workers(1)
    (tmp_path / "event.json").write_bytes(b'{"sent":"by hand"}')
    done = site.servers.command("send", "--url", f"http://127.0.0.1:{gateway.port}", "--path", "/by/hand?x=1",
                                "--file", str(tmp_path / "event.json"), "--id", "mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["200", "mine"]
    row = site.row("mine")
    assert (row.path, row.query, row.body) == ("/by/hand", "x=1", b'{"sent":"by hand"}')


def test_send_posts_a_file_of_events_whose_ledger_verify_accepts(site, tmp_path):
    gateway = site.start_gateway()
    site.start_workers(1)
    ledger = tmp_path / "ledger.tsv"
    done = site.servers.command("send", "--url", f"http://127.0.0.1:{gateway.port}", "--ledger", str(ledger),
                                "--lines", str(TESTS / "corpus" / "handful.jsonl"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:5]] == ["200"] * 5
    site.wait_count(5)
    site.wait_drained()
    assert Ledger(ledger).check(site.database, 5)
    done = site.servers.command("verify", str(ledger))
    assert done.returncode == 0, done.stdout + done.stderr


def test_send_adds_headers_and_refuses_what_http_forbids(site):
    gateway = site.start_gateway()
    site.start_workers(1)
    send = ["send", "--url", f"http://127.0.0.1:{gateway.port}", "--data", "x", "--id", "mine"]
    done = site.servers.command(*send, "--header", "X-GitHub-Event: a: b", "--header=Content-Type:text/plain")
    assert done.stdout.split() == ["200", "mine"], done.stdout + done.stderr
    headers = {name.lower(): value for name, value in site.row("mine").headers.items()}
    assert (headers["x-github-event"], headers["content-type"]) == ("a: b", "text/plain")
    for wrong in ("no colon", "a b: c", ": c", "a\tb: c", "X-A: b\r\nX-B: c", "X-A: b\nc", "Content-Length: 7",
                  "transfer-encoding: chunked", "webhook-id: b"):
        done = site.servers.command(*send, "--header", wrong)
        assert (done.returncode, done.stdout) == (64, ""), wrong
        assert "--header" in done.stderr
    secret = site.directory / "secret"
    secret.write_text("a secret\n", encoding="ascii")
    sign = [*send, "--secret-file", str(secret), "--sign"]
    done = site.servers.command(*sign, "github", "--header", "x-hub-signature-256: sha256=00")
    assert (done.returncode, done.stdout) == (78, "")
    assert "x-hub-signature-256: can't be set" in done.stderr
    assert site.servers.command(*sign, "hmac", "--header", "X Sum").returncode == 64
    done = site.servers.command(*sign, "hmac", "--header", "X-Sum", "--header", "X-GitHub-Event: push")
    assert done.returncode == 0, done.stderr


def test_send_says_when_nothing_answers(servers):
    nowhere = ["send", "--url", "http://127.0.0.1:1", "--data", "x"]
    assert servers.command(*nowhere).returncode == 69
    done = servers.command(*nowhere, "--json", "--id", "mine")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["id"]) == (69, None, "mine") and "127.0.0.1" in told["problem"]


def test_send_says_each_reply_as_json(site):
    url = f"http://127.0.0.1:{site.start_gateway().port}"
    done = site.servers.command("send", "--url", url, "--lines", str(TESTS / "corpus" / "handful.jsonl"), "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(told) == 5
    assert all(line["status"] == 200 and set(line) == {"status", "id"} for line in told)


def test_ready_answers_by_its_exit_status(site):
    gateway = site.start_gateway()
    assert site.servers.command("ready", f"http://127.0.0.1:{gateway.admin_port}/ready").returncode == 0
    other = site.add_gateway(BROKER_URL="amqp://sluice-gateway@127.0.0.1:1/sluice")
    other.start(wait=False)
    assert site.servers.command("ready", f"http://127.0.0.1:{other.admin_port}/ready").returncode == 1


def test_an_unknown_subcommand_is_a_matter_of_usage(servers):
    assert servers.command("frobnicate").returncode == 64
    assert servers.command().returncode == 64
