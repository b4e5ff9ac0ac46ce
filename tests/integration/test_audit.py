# SPDX-License-Identifier: MIT
"""Each drop, replay and prune leaves one line that says who, by which filter and how many: on standard error, and in
the log of the database server, where it stays."""

import getpass
import re
import socket

import pytest

from process import Child, wait_until
from programs import environment, fields

WHO = {"role": "sluice", "user": getpass.getuser(), "host": socket.gethostname()}


def bury(site, count):
    site.database.query(f"""insert into webhooks_dead
            (source, id, method, path, query, headers, keep, body, verdict, reason, received_at)
        select 'default', 'd' || n, 'POST', '/', '', '{{}}', 'newest', 'x', 'later', 'r', now()
        from generate_series(1, {count}) n""")


def fill(site, count):
    site.database.query(f"""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'p' || n, 'POST', '/', 'x', now() - interval '40 days', now()
        from generate_series(1, {count}) n""")


LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z info audit.*")


def audited(text):
    """The audit lines in a text, without their times."""
    found = [fields(match[0]) for match in LINE.finditer(text)]
    return [{name: value for name, value in line.items() if name not in ("time", "level")} for line in found]


@pytest.fixture(name="told")
def fixture_told(site):
    """Returns a function that runs a subcommand; it returns the CompletedProcess and the server's audit lines of it."""
    def run(*arguments, **more):
        before = len(site.database.child.output())
        done = site.servers.operate(*arguments, **more)
        return done, audited(site.database.child.output()[before:])
    return run


@pytest.mark.parametrize(("action", "count", "arguments"), [
    ("dead drop", 3, ["--source", "default", "--verdict=later"]),
    ("dead replay", 3, ["--all", "--rate", "100"]),
    ("replay", 5, ["--source", "default", "--since=50d", "--to", "workers", "--cursor", "CURSOR"]),
    ("prune", 5, ["--older-than", "30d"]),
    ("prune", 5, ["--bodies", "--older-than", "30d", "--source", "default"]),
])
def test_a_change_is_told_to_the_operator_and_to_the_server(site, told, action, count, arguments):
    bury(site, 3)
    fill(site, 5)
    arguments = [argument.replace("CURSOR", str(site.directory / "cursor")) for argument in arguments]
    done, in_log = told(*action.split(), *arguments)
    assert done.returncode == 0, done.stderr
    line = {"event": "audit", "action": action, **WHO, "filter": " ".join(arguments), "events": str(count),
            "outcome": "done"}
    assert audited(done.stderr) == [line]
    assert in_log == [{**line, "event": "audit-begun", "events": "0", "outcome": "begun"}, line]


@pytest.mark.parametrize("arguments", [
    ["dead", "drop", "--all", "--dry-run"], ["dead", "replay", "--all", "--dry-run"],
    ["prune", "--older-than", "30d", "--dry-run"], ["prune", "--bodies", "--older-than", "30d", "--dry-run"], ["dead", "drop"], ["dead", "list"]])
def test_what_changes_nothing_is_not_told(site, told, arguments):
    bury(site, 3)
    done, in_log = told(*arguments, DATABASE_URL=site.database.url("sluice"),
                        DATABASE_PASSWORD=site.database.owner_password)
    assert (audited(done.stderr), in_log) == ([], [])


def test_a_filter_can_forge_no_line(site, told):
    bury(site, 1)
    word = "x'; drop table webhooks_dead; --\n2026-01-01T00:00:00.000000Z info audit action=forged $$ % \\"
    done, in_log = told("dead", "drop", "--id", word)
    assert (done.returncode, done.stdout) == (0, "dropped 0\n")
    assert [line["event"] for line in in_log] == ["audit-begun", "audit"]
    assert [line["action"] for line in audited(done.stderr)] == ["dead drop"]
    assert site.count("webhooks_dead") == 1


def test_a_change_that_fails_says_how_many_there_were(site, told):
    fill(site, 3)
    site.database.query("""create table children (id text, source text,
        foreign key (id, source) references webhooks_raw (id, source))""")
    try:
        site.database.query("insert into children values ('p1', 'default')")
        done, in_log = told("prune", "--older-than", "30d")
    finally:
        site.database.query("drop table children")
    assert done.returncode == 78
    assert [(line["events"], line["outcome"]) for line in audited(done.stderr)] == [("0", "failed")]
    assert in_log[-1]["outcome"] == "failed"


def test_a_command_that_is_killed_leaves_the_line_that_it_began(site):
    bury(site, 500)
    before = len(site.database.child.output())
    child = Child("replay", site.directory / "replay.log")
    child.start([(site.servers.build / "sluice").absolute(), "dead", "replay", "--all", "--rate", "50"],
                environment(site.servers.setup_settings()))
    wait_until(lambda: site.count("webhooks_dead") < 500, "the first batch", 15, 0.05)
    child.kill()
    line, = audited(site.database.child.output()[before:])
    assert (line["event"], line["action"], line["filter"]) == ("audit-begun", "dead replay", "--all --rate 50")
