# SPDX-License-Identifier: MIT
"""`sluice recover github` asks GitHub for exactly the events that never arrived. The GitHub here is our own, made by its
documents (tests/stack/github_api.py)."""

import json
import pathlib
import re
import signal
import time

import pytest

from github_api import GithubApi
from process import Child, free_port, wait_until
from programs import environment, run_command
from routefile import RouteFile, signed
from wire import request

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "the-secret-of-the-hook"
GUIDS = [f"0b989ba4-242f-11e5-81e1-c7b6966d2{number:03}" for number in range(1000)]


@pytest.fixture(name="github")
def fixture_github():
    with GithubApi() as server:
        yield server


def arguments_of(github, *more):
    return ["recover", "github", "--repo", github.owner.removeprefix("repos/"), "--hook", str(github.hook), "--since", "3h",
            "--api", github.url, *more]


def recover(site, github, *more, **settings):
    settings = {"GITHUB_TOKEN": github.token, **settings}
    done = run_command(site.servers.build, arguments_of(github, *more), site.servers.reader_settings(**settings))
    assert github.token not in done.stdout + done.stderr
    return done


def told(done, returncode=0):
    assert done.returncode == returncode, done.stdout + done.stderr
    return json.loads(done.stdout)


# --- what is asked for ---------------------------------------------------------------

def test_an_outage_is_recovered_from_and_a_second_run_asks_for_nothing(site, github):
    routes = RouteFile(site.directory / "routes")
    routes.write(routes.github("github", "/github", SECRET))
    site.start_gateway(GATEWAY_ROUTES=routes.path)
    site.start_workers(1)

    def deliver(guid):
        body = json.dumps({"guid": guid}).encode()
        return request(site.gateway.port, "POST", "/github", body, signed(SECRET, guid, body, **{"X-GitHub-Event": "push"})).status

    github.deliver = deliver
    for guid in GUIDS[:3]:
        github.add(guid, 503, age=1200)
    github.add(GUIDS[1], 503, age=900, redelivery=True)
    answer = told(recover(site, github, "--json"))
    assert github.asked == [GUIDS[0], GUIDS[2], GUIDS[1]], "the oldest first"
    assert (answer["attempts"], answer["events_listed"], answer["failed"], answer["asked"]) == (4, 3, 3, 3)
    for guid in GUIDS[:3]:
        assert site.row(guid, "github").body == json.dumps({"guid": guid}).encode()
    answer = told(recover(site, github, "--json"))
    assert (answer["failed"], answer["asked"], answer["events"], answer["complete"]) == (0, 0, [], True)
    assert github.count("POST") == 3


def test_only_what_neither_succeeded_nor_is_here_nor_is_under_way_is_asked_for(site, github):
    github.add(GUIDS[0], 503, age=3000)                        # lost
    github.add(GUIDS[1], 503, age=3000)                        # succeeded at the second attempt
    github.add(GUIDS[1], 200, age=2000, redelivery=True)
    github.add(GUIDS[2], 503, age=3000)                        # stored although it got 503
    github.add(GUIDS[3], 502, age=3000)                        # a dead letter
    github.add(GUIDS[4], 503, age=3000)                        # tried a moment ago
    github.add(GUIDS[4], 503, age=5, redelivery=True)
    github.add(GUIDS[5], None, age=100, status="pending")      # no result yet
    github.add(GUIDS[6], 0, age=3000, status="timed out")      # lost
    github.add(GUIDS[7], 503, age=3000)                        # another source has the id
    github.add(GUIDS[8], 202, age=3000)                        # succeeded
    site.insert(1, source="'github'", id=f"'{GUIDS[2]}'")
    site.insert(1, source="'other'", id=f"'{GUIDS[7]}'")
    site.database.query("insert into webhooks_dead (source, id, body, verdict, reason) values ('github', %s, 'x', 'poison', '')",
                        (GUIDS[3],))
    plan = told(recover(site, github, "--json", "--dry-run"))
    assert github.count("POST") == 0
    assert {event["guid"] for event in plan["events"] if event["outcome"] == "would_ask"} == {GUIDS[0], GUIDS[6], GUIDS[7]}
    answer = told(recover(site, github, "--json"))
    assert {event["guid"]: event["outcome"] for event in answer["events"]} == {
        GUIDS[0]: "asked", GUIDS[2]: "stored", GUIDS[3]: "dead_letter", GUIDS[4]: "under_way", GUIDS[5]: "under_way",
        GUIDS[6]: "asked", GUIDS[7]: "asked"}
    assert sorted(github.asked) == [GUIDS[0], GUIDS[6], GUIDS[7]]


def test_the_text_says_what_was_done_and_the_database_log_who_did_it(site, github):
    github.add(GUIDS[0], 503)
    done = recover(site, github)
    assert done.returncode == 0
    assert done.stdout.startswith(f"asked        {GUIDS[0]}  push  20")
    assert done.stdout.endswith("1 attempts of 1 events; without success: 1, asked 1\n")
    log = wait_until(lambda: [line for line in site.database.child.output().splitlines()
                              if " audit " in line and 'action="recover github"' in line], "the audit line", 30)
    assert "role=sluice_reader" in log[-1] and "events=1" in log[-1]


def test_the_page_shows_what_the_command_prints(site, github):
    page = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = re.search(r"^## After an outage: GitHub\n.*?    sluice (recover .*?) --dry-run\n.*?\n\n((?:    [^\n]*\n)+)", page, re.M | re.S)
    assert block[1].split() == arguments_of(github)[:-2]
    github.add(GUIDS[0], 503, age=1000)
    github.add(GUIDS[1], 503, age=900)
    github.add(GUIDS[1], 503, age=800, redelivery=True)
    site.insert(1, source="'github'", id=f"'{GUIDS[0]}'")

    def comparable(text):
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4,12}){4}", "GUID", text))

    shown = re.sub(r"^    ", "", block[2], flags=re.M)
    assert comparable(recover(site, github, "--dry-run").stdout) == comparable(shown)


def test_ids_beyond_the_range_of_doubles_are_exact(site, github):
    wrong = github.add(GUIDS[0], 503)
    right = github.add(GUIDS[1], 503)
    wrong["id"], right["id"] = 9_223_372_036_854_775_806, 9_223_372_036_854_775_807
    told(recover(site, github, "--json"))
    posts = [path for method, path, _ in github.requests if method == "POST"]
    assert sorted(path.split("/")[-2] for path in posts) == ["9223372036854775806", "9223372036854775807"]


def test_an_organizations_webhook_is_asked_for_in_its_place(site):
    with GithubApi(owner="orgs/octo") as github:
        github.add(GUIDS[0], 503)
        done = run_command(site.servers.build, ["recover", "github", "--org", "octo", "--hook", str(github.hook), "--since", "1d",
                                                "--api", github.url], site.servers.reader_settings(GITHUB_TOKEN=github.token))
        assert done.returncode == 0 and github.asked == [GUIDS[0]]


# --- bounds ---------------------------------------------------------------------------

def test_all_pages_are_read_and_none_beyond_the_time_asked_for(site, github):
    for number in range(250):
        github.add(GUIDS[number], 200 if number else 503, age=3600 - number)
    github.add(GUIDS[999], 503, age=4 * 3600)
    answer = told(recover(site, github, "--json", "--dry-run"))
    assert (answer["events_listed"], answer["would_ask"], answer["complete"]) == (250, 1, True)
    assert github.count("GET") == 3
    github.requests.clear()
    answer = told(recover(site, github, "--json", "--dry-run", "--since", "3400s"))
    assert (answer["would_ask"], answer["complete"]) == (0, True)
    github.requests.clear()
    done = recover(site, github, "--json", "--dry-run", "--pages", "2")
    answer = told(done, 1)
    assert (answer["events_listed"], answer["complete"], github.count("GET")) == (200, False, 2)
    assert "stopped after 2 pages: attempts before 20" in done.stderr


def test_no_more_than_the_limit_are_asked_for_and_the_rest_is_said(site, github):
    for number in range(5):
        github.add(GUIDS[number], 503, age=1000 - number)
    answer = told(recover(site, github, "--json", "--limit", "2"), 1)
    assert (answer["asked"], answer["left"]) == (2, 3)
    assert github.asked == GUIDS[:2]


def test_redeliveries_are_a_second_apart(site, github):
    """GitHub's documents ask for that."""
    times = []
    github.deliver = lambda guid: times.append(time.monotonic()) or 200
    for number in range(3):
        github.add(GUIDS[number], 503)
    told(recover(site, github, "--json"))
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[1:]))


@pytest.mark.parametrize("refusal", [
    (429, {"message": "slow down"}, {"Retry-After": 1}),
    (403, {"message": "You have exceeded a secondary rate limit."}, {"Retry-After": 1}),
    (403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": 1}),
], ids=["429", "secondary", "primary"])
def test_a_rate_limit_is_waited_for(site, github, refusal):
    github.add(GUIDS[0], 503)
    github.planned = [refusal]
    done = recover(site, github, "--json")
    assert told(done)["asked"] == 1
    assert "GitHub's rate limit: waiting 1 s" in done.stderr


@pytest.mark.parametrize("refusal", [
    (429, {"message": "slow down"}, {"Retry-After": 900}),
    (403, {"message": "You have exceeded a secondary rate limit."}, {}),
], ids=["retry-after", "no header"])
def test_a_rate_limit_beyond_the_patience_ends_the_run_and_says_when_to_come_back(site, github, refusal):
    github.planned = [refusal]
    done = recover(site, github, "--max-wait", "30s")
    assert done.returncode == 1
    assert f"GitHub's rate limit is used up for {900 if refusal[0] == 429 else 60} s; --max-wait leaves 30 s" in done.stderr
    assert len(github.requests) == 1


def test_a_limit_that_a_reply_has_used_up_is_not_tried_again(site, github):
    github.add(GUIDS[0], 503)
    github.limits = {"X-RateLimit-Remaining": 0, "X-RateLimit-Reset": int(time.time()) + 3600}
    done = recover(site, github, "--json")
    answer = told(done, 1)
    assert answer["asked"] == 0 and github.count("POST") == 0
    assert "GitHub's rate limit is used up for" in done.stderr


def test_ctrl_c_ends_a_wait(site, github):
    github.planned = [(429, {"message": "slow down"}, {"Retry-After": 250})]
    child = Child("recover", site.directory / "recover.log")
    child.start([(site.servers.build / "sluice").absolute(), *arguments_of(github)],
                environment(site.servers.reader_settings(GITHUB_TOKEN=github.token)))
    wait_until(lambda: "waiting 250 s" in child.output(), child.tail, 30)
    assert child.terminate(30, signal.SIGINT) == 1
    assert "interrupted" in child.output()


# --- errors -----------------------------------------------------------------------------

@pytest.mark.parametrize(("reply", "returncode", "said"), [
    ((401, {"message": "Bad credentials"}), 78, "status 401: Bad credentials; the token must be valid"),
    ((403, {"message": "Resource not accessible by personal access token"}), 78, "status 403: Resource not accessible"),
    ((404, {"message": "Not Found"}), 1, "the token may not see it"),
    ((301, {"message": "Moved Permanently"}, {"Location": "http://127.0.0.1:1/"}), 1, "status 301"),
    ((500, b"<html>"), 69, "status 500"),
    ((200, b"<html>"), 1, "not as documented"),
    ((200, {"message": "hello"}), 1, "not as documented: it is no array"),
    ((200, [{"id": "7", "guid": "x"}]), 1, "not as documented: an id is no positive number"),
])
def test_each_error_of_the_api_ends_the_run_with_its_reason(site, github, reply, returncode, said):
    github.planned = [reply]
    done = recover(site, github)
    assert done.returncode == returncode and said in done.stderr, done.stderr
    assert len(github.requests) == 1


def test_a_delivery_that_github_will_not_make_again_is_named_and_the_others_are_asked_for(site, github):
    github.add(GUIDS[0], 503, age=4 * 24 * 3600)
    github.add(GUIDS[1], 503)
    done = recover(site, github, "--json", "--since", "5d")
    answer = told(done, 1)
    assert {event["guid"]: event["outcome"] for event in answer["events"]} == {GUIDS[0]: "refused", GUIDS[1]: "asked"}
    assert f"{GUIDS[0]}: GitHub: /repos/" in done.stderr and "status 422: Validation Failed" in done.stderr


def test_without_the_database_nothing_is_asked_for_unless_that_is_said(site, github):
    github.add(GUIDS[0], 503)
    away = {"DATABASE_URL": f"postgresql://sluice_reader@127.0.0.1:{free_port()}/sluice"}
    done = recover(site, github, **away)
    assert done.returncode == 69 and github.requests == []
    assert told(recover(site, github, "--json", "--without-database", **away))["asked"] == 1


def test_the_token_goes_to_github_only_and_never_in_the_clear(site, github):
    done = run_command(site.servers.build, arguments_of(github, "--api", "http://github.example"),
                       site.servers.reader_settings(GITHUB_TOKEN=github.token))
    assert done.returncode == 64 and "--api must be https://" in done.stderr
    assert recover(site, github, GITHUB_TOKEN=None).returncode == 78
    file = site.directory / "token"
    file.write_text(github.token + "\n", encoding="ascii")
    github.add(GUIDS[0], 503)
    assert recover(site, github, GITHUB_TOKEN=None, GITHUB_TOKEN_FILE=file).returncode == 0
    assert all(headers["authorization"] == f"Bearer {github.token}" for _, _, headers in github.requests)
    github.planned = [(401, {"message": f"no such token: {github.token}"})]
    done = recover(site, github)
    assert done.returncode == 78 and "no such token: [redacted]" in done.stderr


@pytest.mark.parametrize("arguments", [
    ("--repo", "octo"), ("--repo", "octo/../x"), ("--repo", "a/b/c"), ("--org", "octo"), ("--hook", "0"), ("--since", "soon"),
    ("--source", "Not")], ids="=".join)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(site, github, arguments):
    assert recover(site, github, *arguments).returncode == 64
    assert github.requests == []
