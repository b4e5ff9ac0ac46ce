# SPDX-License-Identifier: MIT
"""The console's dead letters: read by all, replayed and dropped only by the token, only what was counted and asked for,
and with the audit line."""

import html as markup
import re
import urllib.parse

import pytest

from process import wait_until
from wire import request

TOKEN = "0123456789abcdef-a-token"
SAME = {"Sec-Fetch-Site": "same-origin"}


def bury(site, count, prefix="d", source="default", sqlstate="23503", reason="its parent is missing"):
    site.database.query(
        "insert into webhooks_dead (source, id, method, path, query, headers, keep, body, verdict, sqlstate, reason, "
        "received_at, attempts) select %s, %s || n, 'POST', '/', '', '{}', 'newest', 'x', 'later', %s, %s, now(), 1 "
        "from generate_series(1, %s) n", (source, prefix, sqlstate, reason, count))


@pytest.fixture(name="console")
def fixture_console(site):
    settings = site.servers.setup_settings()
    return site.start_console(CONSOLE_TOKEN=TOKEN, SETUP_DATABASE_URL=settings["SETUP_DATABASE_URL"],
                              SETUP_DATABASE_PASSWORD_FILE=settings["SETUP_DATABASE_PASSWORD_FILE"])


def get(console, path, **query):
    reply = request(console.port, "GET", f"{path}?{urllib.parse.urlencode(query)}", timeout=30)
    return reply.status, reply.body.decode()


def post(console, headers=None, **form):
    body = urllib.parse.urlencode(form).encode()
    reply = request(console.port, "POST", "/dead/act", body, timeout=60, headers={
        "Content-Type": "application/x-www-form-urlencoded", **(SAME if headers is None else headers)})
    return reply.status, reply.body.decode()


def asked(console, action, **filters):
    """The question's text, and the fields of its form."""
    status, page = get(console, "/dead/act", action=action, **filters)
    assert status == 200, page
    fields = {name: markup.unescape(value)
              for name, value in re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', page)}
    return page, fields


def test_dead_letters_are_grouped_and_listed_and_filters_are_the_url(site, console):
    bury(site, 3)
    bury(site, 2, "g", "github", "23514", "<script>alert(1)</script>\u202e\nline")
    status, page = get(console, "/dead")
    assert status == 200
    assert '<tr><td class="number">3</td><th scope="row">default</th><td>later</td><td>23503</td>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert" not in page and "U+202E" in page
    link = markup.unescape(re.search(r'href="(/dead\?source=github[^"]*)">Show this group', page)[1])
    page = request(console.port, "GET", link).body.decode()
    assert "g1" in page and "g2" in page and ">d1<" not in page
    assert get(console, "/dead", source="nobody")[1].count('<th scope="row">') == 0


def test_older_ones_follow_page_by_page(site, console):
    bury(site, 120)
    pages, link = [], "/dead"
    while link:
        page = request(console.port, "GET", link).body.decode()
        pages.append(re.findall(r'<a href="/event\?[^"]*">d(\d+)</a>', page))
        link = re.search(r'<a href="([^"]*)">Older ones', page)
        link = link and markup.unescape(link[1])
    assert [len(one) for one in pages] == [50, 50, 20]
    assert [int(number) for one in pages for number in one] == list(range(120, 0, -1))


def test_a_replay_by_the_token_is_stored_and_audited(site, console):
    site.start_workers(1)
    bury(site, 3)
    bury(site, 1, "other", "github")
    page, fields = asked(console, "replay", source="default", sqlstate="23503")
    assert "Replay 3 of 3 dead letters?" in page and "source default, SQLSTATE 23503" in page
    before = len(site.database.child.output())
    status, page = post(console, token=TOKEN, **fields)
    assert status == 200 and "Replayed 3 of 3." in page, page
    assert site.count("webhooks_dead") == 1
    site.wait_count(3)
    line = 'action="dead replay" role=sluice'
    wait_until(lambda: line in site.database.child.output()[before:], "the audit line", 10)
    assert re.search(r'audit action="dead replay" .* filter="--source default --sqlstate 23503 \(console\)" events=3 outcome=done',
                     console.output())


def test_a_drop_by_the_token_deletes_only_what_was_counted(site, console):
    bury(site, 3)
    page, fields = asked(console, "drop", source="default")
    assert "Drop 3 of 3 dead letters?" in page
    bury(site, 2, "later")
    status, page = post(console, token=TOKEN, **fields)
    assert status == 200 and "Dropped 3 of 3." in page, page
    assert site.count("webhooks_dead") == 2
    wait_until(lambda: 'audit action="dead drop"' in console.output(), console.output)


@pytest.mark.parametrize(("headers", "token", "why"), [
    (None, None, "The token is wrong"),
    (None, "", "The token is wrong"),
    (None, TOKEN[:-1] + "x", "The token is wrong"),
    ({"Sec-Fetch-Site": "cross-site"}, TOKEN, "another site"),
    ({"Sec-Fetch-Site": "same-site"}, TOKEN, "another site"),
    ({"Sec-Fetch-Site": "none"}, TOKEN, "another site"),
    ({}, TOKEN, "doesn&#39;t tell that it comes from the console"),
    ({"Origin": "http://evil.example"}, TOKEN, "doesn&#39;t tell that it comes from the console"),
])
def test_without_the_token_or_from_elsewhere_nothing_is_changed(site, console, headers, token, why):
    bury(site, 2)
    _, fields = asked(console, "drop", source="default")
    status, page = post(console, headers, **fields, **({} if token is None else {"token": token}))
    assert status == 403 and why in page, page
    assert site.count("webhooks_dead") == 2
    assert "audit" not in console.output()


def test_a_console_without_a_token_only_reads(site):
    console = site.start_console()
    bury(site, 1)
    page, fields = asked(console, "drop", source="default")
    assert "This console only reads" in page and "<button>Drop" not in page
    status, page = post(console, token="", **fields)
    assert status == 403 and "only reads" in page
    assert site.count("webhooks_dead") == 1


@pytest.mark.parametrize("form", [
    {"action": "drop"}, {"action": "drop", "source": ""}, {"action": "drop", "all": "yes"},
    {"action": "drop", "all": "1", "source": "default"}, {"action": "delete", "source": "default"}, {"source": "default"},
    {"action": "drop", "source": "default", "last": ""}, {"action": "drop", "dead-id": "1 or 1=1"},
])
def test_no_filter_never_means_all(site, console, form):
    bury(site, 2)
    status, page = post(console, token=TOKEN, **{"last": "999999", **form})
    assert status == 400, page
    assert site.count("webhooks_dead") == 2


def test_all_must_be_asked_for_by_itself(site, console):
    bury(site, 2)
    bury(site, 1, "g", "github")
    _, page = get(console, "/dead")
    link = markup.unescape(re.search(r'href="([^"]*)">Drop all dead letters', page)[1])
    assert link == "/dead/act?action=drop&all=1"
    page, fields = asked(console, "drop", all="1")
    assert "Drop 3 of 3 dead letters?" in page and "all dead letters" in page
    assert "Dropped 3 of 3." in post(console, token=TOKEN, **fields)[1]
    assert site.count("webhooks_dead") == 0


def test_what_can_not_be_replayed_stays(site, console):
    site.start_workers(1)
    bury(site, 1)
    site.database.query("insert into webhooks_dead (source, id, body, verdict, reason, properties) values "
                        "('default', '', 'x', 'malformed', 'no envelope', '\\x00')")
    page, fields = asked(console, "replay", source="default")
    assert "Replay 1 of 2 dead letters?" in page
    assert "Replayed 1 of 2." in post(console, token=TOKEN, **fields)[1]
    assert site.count("webhooks_dead") == 1


@pytest.mark.parametrize("action", ["replay", "drop"])
def test_a_locked_table_is_waited_for_a_few_seconds_only(site, console, action):
    bury(site, 2)
    _, fields = asked(console, action, source="default")
    with site.database.locked("webhooks_dead", "access exclusive"):
        status, page = post(console, token=TOKEN, **fields)
        assert status == 503 and "lock timeout" in page, page
    assert site.count("webhooks_dead") == 2


def test_a_replay_without_its_queue_changes_nothing_and_says_so(site):
    settings = site.servers.setup_settings()
    console = site.start_console(CONSOLE_TOKEN=TOKEN, SETUP_DATABASE_URL=settings["SETUP_DATABASE_URL"], DELAYS="7s",
                                 SETUP_DATABASE_PASSWORD_FILE=settings["SETUP_DATABASE_PASSWORD_FILE"])
    bury(site, 1)
    _, fields = asked(console, "replay", source="default")
    status, page = post(console, token=TOKEN, **fields)
    assert status == 500 and 'class="problem"' in page, page
    assert site.count("webhooks_dead") == 1
