# SPDX-License-Identifier: MIT
"""Each subcommand that prints an answer prints the same answer as one JSON object with --json."""

import json
import pathlib
import re

import pytest

from programs import run_command

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
ANSWERS = ("status", "dead list", "dead show", "verify", "check", "route", "ready", "prune", "find", "trace", "map")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def answer(done, returncode=0):
    assert done.returncode == returncode, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ANSWERS)
def test_each_has_the_option_in_its_help(build, name):
    assert re.search(r"^  --json +as ", run_command(build, [*name.split(), "--help"], {}).stdout, re.M)


def times(value):
    """All texts in a JSON value whose names say that they are times."""
    if isinstance(value, list):
        return [one for item in value for one in times(item)]
    if isinstance(value, dict):
        return [one for name, item in value.items()
                for one in ([item] if name.endswith("_at") or name in ("before", "from", "to") else times(item))]
    return []


def test_times_are_in_utc_as_rfc_3339_says(site):
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'e' || n, 'POST', '/', 'x', now(), now() from generate_series(1, 3) n""")
    site.database.query("""insert into webhooks_dead (source, id, body, verdict, reason, received_at)
        values ('default', 'e1', 'x', 'later', 'r', now())""")
    (number,), = site.database.query("select dead_id from webhooks_dead")
    for arguments, count in ((["trace", "e1"], 5), (["find", "--limit", "2"], 7),
                             (["find", "--since", "2h", "--until", "0s"], 11),
                             (["dead", "list"], 2), (["dead", "show", str(number)], 2)):
        found = [one for one in times(answer(site.servers.command(*arguments, "--json"))) if one is not None]
        assert len(found) == count, (arguments, found)
        assert all(RFC_3339.fullmatch(one) for one in found), found
    pruned = answer(site.servers.operate("prune", "--older-than", "30d", "--json"))
    assert RFC_3339.fullmatch(pruned["before"])


def test_prune_says_how_many_and_what_is_left(site):
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        select 'default', 'e' || n, 'POST', '/', 'x', now() - n * interval '1 day', now()
        from generate_series(1, 5) n""")
    dry = answer(site.servers.operate("prune", "--older-than", "60h", "--dry-run", "--json"))
    assert (dry["dry_run"], dry["would_prune"]) == (True, 3)
    done = answer(site.servers.operate("prune", "--older-than", "60h", "--json"))
    assert {name: done[name] for name in ("dry_run", "pruned", "left")} == {"dry_run": False, "pruned": 3, "left": 0}


def test_verify_says_what_is_missing_and_what_differs(site, tmp_path):
    stored, other = "a" * 64, "b" * 64
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        values ('default', 'here', 'POST', '/', 'x', now(), now())""")
    ledger = tmp_path / "ledger"
    ledger.write_text("".join(f"{fact}\tdefault\t{name}\t{sha256}\n"
                              for name, sha256 in (("here", stored), ("gone", other))
                              for fact in ("sent", "acked")), encoding="ascii")
    found = answer(site.servers.command("verify", str(ledger), "--json"), 1)
    assert found["missing_events"] == [{"source": "default", "id": "gone"}]
    assert [(one["what"], one["id"]) for one in found["wrong_events"]] == [("differs", "here")]
    assert (found["sent"], found["acked"], found["missing"], found["differing"], found["queued"]) == (2, 2, 1, 1, 0)
    site.publish("gone", b"", 1_763_900_000_000_000)
    found = answer(site.servers.command("verify", str(ledger), "--json"), 1)
    assert (found["missing"], found["queued"], found["missing_events"]) == (0, 1, [])


def test_ready_says_what_the_program_answered_or_why_it_did_not(site):
    gateway = site.start_gateway()
    url = f"http://127.0.0.1:{gateway.admin_port}/ready"
    assert answer(site.servers.command("ready", url, "--json")) == {"url": url, "ready": True, "status": 200,
                                                                    "state": "ready"}
    found = answer(site.servers.command("ready", "http://127.0.0.1:1/ready", "--json"), 1)
    assert (found["ready"], found["status"], "onnect" in found["problem"]) == (False, None, True)


def test_check_and_route_say_what_a_routes_file_says(build, tmp_path):
    example = CHECKOUT / "etc" / "routes.example.json"
    found = answer(run_command(build, ["check", example, "--without-secrets", "--json"], {}))
    assert found["fine"] and found["errors"] == []
    assert {one["name"]: one["scheme"] for one in found["sources"]}["stripe"] == "stripe"
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"sources": [{"name": "A"}]}', encoding="ascii")
    found = answer(run_command(build, ["check", wrong, "--json"], {}), 78)
    assert not found["fine"] and found["sources"] == [] and any("sources[0]" in one for one in found["errors"])
    route = ["route", "--routes", example, "--json"]
    found = answer(run_command(build, [*route, "POST", "/stripe"], {}))
    assert (found["found"], found["source"], found["methods"], found["keep"]) == (True, "stripe", "POST", "newest")
    found = answer(run_command(build, [*route, "PUT", "/stripe"], {}), 1)
    assert (found["found"], found["status"], found["methods"]) == (False, 405, "POST")


def test_status_is_an_object_of_numbers(site):
    found = answer(site.servers.command("status", "--json"))
    assert {queue["name"] for queue in found["queues"]} >= {"webhooks.ingest", "webhooks.dead"}
    assert found["budget"] > 0 and found["rows"] == 0
