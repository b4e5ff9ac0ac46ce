# SPDX-License-Identifier: MIT
"""`sluice console` serves pages over HTTP: what they say, what they never do, and who may read and write."""

import concurrent.futures
import contextlib
import html.parser
import http.client
import json
import re
import socket
import subprocess
import time
import urllib.parse

import pytest

from process import wait_until
from programs import run_command

T = 1_763_900_000_000_000  # microseconds since 1970
TOKEN = "a-token-of-enough-bytes"
BIDI = "\u202eevil\u202c"
HOSTILE = f"\"><script>alert(1)</script><img src=x onerror=alert(1)>'&amp;{BIDI}\u200b"
EVERY_BYTE = bytes(range(256))


def ask(console, path, method="GET", body=None, timeout=20, **headers):
    """(status, headers, text) of one request. header_names=value."""
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} is closed, but not open"

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(console, path, status=200, **more):
    got, headers, body = ask(console, path, **more)
    assert got == status, body
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(body.decode())


def url(path, /, **parameters):
    return f"{path}?{urllib.parse.urlencode(parameters)}"


def linked(shown):
    """The (source, id) of the events that a page links to."""
    queries = [urllib.parse.parse_qs(a["href"].partition("?")[2], keep_blank_values=True)
               for a in shown.all("a") if a.get("href", "").startswith("/event?")]
    return [(query["source"][0], query["id"][0]) for query in queries]


# --- Events -------------------------------------------------------------------------


def test_events_come_newest_first_and_each_once_by_following_the_links(site):
    site.insert(120, received_at=f"timestamptz 'epoch' + {T} * interval '1 us' + n % 3 * interval '1 us'",
                id="'e ./%&=\"<' || n", source="'s' || n % 2")
    console = site.start_console()
    seen, path = [], "/events"
    while path:
        shown = page(console, path)
        assert 0 < len(linked(shown)) <= 50
        seen += linked(shown)
        assert ("Nothing is left to search." in shown.text) == (len(seen) == 120)
        path = next((a["href"] for a in shown.all("a") if a.get("rel") == "next"), None)
    assert seen == site.database.query("select source, id from webhooks_raw order by received_at desc, id desc, source desc")
    assert re.search(r"20 found; searched up to 20 events, received from the first to 2025", shown.text)


def test_the_url_has_the_conditions_of_find(site):
    site.insert(6, source="'s' || n % 2", path="'/p' || n / 3 || '_'", id="n || '%x'",
                body="""convert_to('{"n":' || n || ',"a":"b c"}', 'UTF8')""")
    console = site.start_console()
    for parameters, arguments in (({"source": "s1"}, ["--source", "s1"]), ({"path": "/p1_"}, ["--path-prefix", "/p1_"]),
                                  ({"id": "4%"}, ["--id-prefix", "4%"]), ({"since": "2h"}, ["--since", "2h"]),
                                  ({"until": "2025-11-23T13:13:20.000002+01:00"},
                                   ["--until", "2025-11-23T13:13:20.000002+01:00"]),
                                  ({"json": "/a=b c"}, ["--json-path", "/a=b c"]),
                                  ({"json": '@>{"n":3}', "source": "s1"}, ["--json-path", '@>{"n":3}', "--source", "s1"])):
        shown = page(console, url("/events", **parameters))
        found = json.loads(site.servers.command("find", "--json", *arguments).stdout)
        assert linked(shown) == [(event["source"], event["id"]) for event in found["events"]], parameters
        values = {field["name"]: field["value"] for field in shown.all("input") if field["value"]}
        assert values == parameters
    shown = page(console, "/events?json=/n%3D3&json=/a%3Db+c")
    assert linked(shown) == [("s1", "3%x")]
    assert [field["value"] for field in shown.all("input") if field["name"] == "json"] == ["/n=3", "/a=b c", ""]


def test_what_is_no_condition_is_refused_in_a_sentence(console):
    for query, why in (
            ("since=yesterday", "since: yesterday is neither a time"), ("until=2025-02-30T00:00:00Z", "until: 2025-02-30"),
            ("json=/a", "json: /a has neither = nor @>"), ("after=x", "after: x is not a cursor"),
            ("&".join(["json=/a=1"] * 9), "at most 8 are allowed"), ("source=%00", "parameters can't be read"),
            ("source=%ff", "parameters can't be read"), ("source=%2", "parameters can't be read"),
            ("&".join(["a=b"] * 33), "at most 32 are allowed")):
        shown = page(console, f"/events?{query}", 400)
        assert why in shown.text, query
        assert linked(shown) == []


@pytest.fixture(name="console")
def fixture_console(site):
    return site.start_console(CONSOLE_TOKEN=TOKEN)


# --- One event -----------------------------------------------------------------------


def test_one_event_shows_its_stages_headers_bytes_and_json_as_sent(site):
    site.start_gateway()
    site.start_workers(1)
    body = b'{"big":12345678901234567890.000,"e":1E+2,"a":[1,{}],"s":"\\u202e<b>"}'
    site.send_ok(target="/in/x?a=b", body=body, headers={"webhook-id": "evt", "Content-Type": "application/json",
                                                         "X-Odd": "<i>"})
    site.row("evt")
    console = site.start_console()
    shown = page(console, url("/event", id="evt"))
    traced = site.servers.command("trace", "evt").stdout
    for line in traced.splitlines()[1:-1]:
        name, words = line.strip().split("  ", 1)
        assert name in shown.text and words.strip() in shown.text, line
    assert body.decode() in shown.text
    assert '{\n  "big": 12345678901234567890.000,\n  "e": 1E+2,\n  "a": [\n    1,\n    {}\n  ],\n  "s": "\\u202e<b>"\n}' in shown.text
    assert re.search(r"x-odd\s*<i>", shown.text)
    status, headers, got = ask(console, url("/event/body", source="default", id="evt"))
    assert (status, got) == (200, body)
    assert headers["Content-Disposition"] == 'attachment; filename="body.txt"'


@pytest.mark.parametrize("body, content_type", [
    (b"it's \"quoted\" $HOME `id` \\ %20 !x\n\xe2\x80\xae\xff", "text/plain"), (b"@/etc/passwd", None), (b"a=b&c=d", None),
    (b"", "application/json")])
def test_the_curl_line_sends_the_same_event_again(site, body, content_type):
    site.start_gateway()
    site.start_workers(1)
    headers = {"webhook-id": "evt", "X-It": "it's a \"b\""} | ({"Content-Type": content_type} if content_type else {})
    site.send_ok(method="PUT", target="/in/x?a=b%27&c[]={1,2}", body=body, headers=headers)
    before = site.row("evt")
    shown = page(site.start_console(), url("/event", id="evt", source="default"))
    line = next(part for part in shown.text.splitlines() if part.startswith("curl "))
    assert line.isascii()
    line = line.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{site.gateway.port}")
    done = subprocess.run(["bash", "-c", f"{line} -sS"], capture_output=True, timeout=20, check=False)
    assert b'"queued"' in done.stdout, done
    wait_until(lambda: site.row("evt").received_at > before.received_at, "the second arrival to win")
    after = site.row("evt")
    assert (after.body, after.method, after.path, after.query, after.content_type) == (
        body, "PUT", "/in/x", "a=b%27&c[]={1,2}", content_type)
    assert {name: after.headers.get(name) for name in ("x-it", "content-type")} == {
        name: before.headers.get(name) for name in ("x-it", "content-type")}


def test_the_exact_bytes_are_shown_and_can_be_downloaded(site):
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        values ('default', 'bytes', 'POST', '/', %s, now(), now())""", (EVERY_BYTE,))
    console = site.start_console()
    status, headers, got = ask(console, url("/event/body", source="default", id="bytes"))
    assert (status, got, headers["Content-Type"]) == (200, EVERY_BYTE, "text/plain; charset=utf-8")
    shown = page(console, url("/event", id="bytes"))
    assert "\\x00U+0001" in shown.text and "\\x80" in shown.text and "\\xFF" in shown.text
    assert "Not shown: not text in charset utf-8" in shown.text


def test_a_body_that_has_expired_is_told_and_not_shown_as_empty(site):
    site.insert(1, id="'gone'", body="'{\"n\":1}'", headers="'{\"x\":\"y\"}'")
    assert site.servers.operate("prune", "--bodies", "--older-than", "1d").returncode == 0
    console = site.start_console()
    shown = page(console, url("/event", id="gone"))
    assert re.search(r"expired at [\d:TZ.-]+; it had 7 bytes, SHA-256 [0-9a-f]{64}", shown.text), shown.text
    assert "Body and headers have expired" in shown.text
    assert "curl" not in shown.text and "Download" not in shown.text and "Kept headers" not in shown.text
    assert "has expired" in page(console, url("/event/body", id="gone", source="default"), 410).text
    assert "7, expired" in page(console, "/events").text


def test_a_line_of_a_megabyte_is_cut_with_a_note_and_a_link_to_the_whole(site):
    line = b"x" * (1 << 20) + b"\nend\n"
    site.database.query("""insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at)
        values ('default', 'long', 'POST', '/', %s, now(), now())""", (line,))
    site.insert(1, id="repeat('i', 800)", path="'/' || repeat('p', 100000)")
    console = site.start_console()
    status, _, text = ask(console, url("/event", id="long"))
    assert status == 200 and len(text) < 30_000
    assert f"this line has {(1 << 20) - 4096} bytes more" in text.decode()
    link, = [a["href"] for a in Page(text.decode()).all("a") if a.get("href", "").startswith("/event/body")]
    assert ask(console, link)[2] == line
    site.database.query("update webhooks_raw set body = %s where id = 'long'", (b"y\n" * (1 << 20),))
    shown = page(console, url("/event", id="long"))
    assert shown.text.splitlines().count("y") == 1 << 15
    assert f"The next {(1 << 21) - (1 << 16)} bytes aren't shown" in shown.text
    status, _, text = ask(console, "/events")
    assert status == 200 and len(text) < 10_000 and "… 99801 bytes more" in text.decode()
    assert len(page(console, url("/event", id="i" * 800)).text) > 100_000


def test_dead_letters_of_the_event_are_told_with_their_reason(site):
    site.database.query(f"""insert into webhooks_dead (source, id, body, received_at, verdict, sqlstate, reason, attempts,
        worker) values ('default', 'evt', 'x', to_timestamp({T // 1_000_000}), 'event', '22P02', %s, 3, 'w')""", (HOSTILE,))
    shown = page(site.start_console(), url("/event", id="evt"))
    assert "verdict event, SQLSTATE 22P02, attempts 3" in shown.text
    assert HOSTILE.split(BIDI, maxsplit=1)[0] in shown.text


def test_an_event_that_is_nowhere_may_be_on_its_way(site):
    site.publish("other", b"x", T)
    console = site.start_console()
    shown = page(console, url("/event", id="evt"), 404)
    assert "Neither stored nor a dead letter" in shown.text
    assert re.search(r"webhooks.ingest\s*1", shown.text)
    assert "1 message waits, or a worker holds it: it may be this event." in shown.text
    assert page(console, "/event").all("input")[0]["name"] == "id"
    assert ask(console, url("/event/body", id="evt"))[0] == 404


def test_an_event_of_several_sources_leads_to_each(site):
    site.insert(2, source="'s' || n", id="'same'")
    console = site.start_console()
    shown = page(console, url("/event", id="same"))
    assert linked(shown) == [("s1", "same"), ("s2", "same")]
    assert "Body as JSON" not in shown.text
    assert "Body as JSON" in page(console, url("/event", id="same", source="s2")).text


# --- Sources --------------------------------------------------------------------------


def test_sources_say_what_route_says(site, tmp_path):
    routes = tmp_path / "routes.json"
    routes.write_text(json.dumps({"sources": [
        {"name": "github", "path": "/github", "max_body": "2MiB", "rate": {"per_second": 5, "burst": 9},
         "verify": {"scheme": "github", "secrets": [{"file": "/nowhere"}]}},
        {"name": "open", "path": "/open/*", "verify": {"scheme": "none"}, "reply": {"status": 204}}]}), "utf-8")
    console = site.start_console(GATEWAY_ROUTES=routes)
    shown = page(console, url("/sources", method="POST", path="/github?x=y"))
    for path in ("/github", "/open/x"):
        told = site.servers.command("route", "POST", path, GATEWAY_ROUTES=routes)
        assert told.returncode == 0, told.stderr
        for line in told.stdout.splitlines():
            name, words = line.split(None, 1)
            assert name in shown.text and words in shown.text, line
    assert f"the routes file {routes} says" in shown.text
    assert "POST /github?x=y matches the source github." in shown.text
    assert "matches no source: 404" in page(console, url("/sources", path="/x")).text
    assert "matches no source: 405" in page(console, url("/sources", path="/github", method="GET")).text
    assert "must begin with /" in page(console, url("/sources", path="x")).text
    routes.write_text('{"sources": [{"name": "<b>"}]}', "utf-8")
    shown = page(console, "/sources", 500)
    assert "is not valid" in shown.text and f"{routes}: sources[0]" in shown.text
    assert "No routes file is given" in page(site.start_console(), "/sources").text


# --- what senders write ------------------------------------------------------------------


def test_nothing_that_a_sender_wrote_becomes_markup(site):
    quoted = HOSTILE.replace("'", "''")
    site.insert(1, source=f"'{quoted}'", id=f"'{quoted}'", path=f"'/{quoted}'", method=f"'{quoted}'", query=f"'{quoted}'",
                content_type=f"'{quoted}'", body=f"convert_to('{quoted}', 'UTF8')",
                headers=f"jsonb_build_object('{quoted}', '{quoted}')")
    console = site.start_console()
    for path in ("/events", url("/events", source=HOSTILE, id=HOSTILE, path="/" + HOSTILE, json="/a=" + HOSTILE),
                 url("/events", since=HOSTILE), url("/events", after=HOSTILE), url("/event", id=HOSTILE, source=HOSTILE),
                 url("/event", id="no" + HOSTILE), url("/sources", path="/" + HOSTILE, method=HOSTILE), "/" + "x" * 3000):
        _, headers, body = ask(console, path)
        shown = Page(body.decode())
        assert shown.all("script") == [{"src": "/script.js", "defer": None}] and shown.all("img") == [], path
        assert not any(name.startswith("on") for _, attributes in shown.tags for name in attributes), path
        assert "\u202e" not in shown.text and "\u200b" not in shown.text, path
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert shown.open == [], path
    assert "U+202Eevil" in page(console, url("/event", id=HOSTILE, source=HOSTILE)).text


# --- who may read and write -----------------------------------------------------------------


def test_each_answer_forbids_what_is_not_ours(console):
    for path, method, status in (("/", "GET", 200), ("/events", "GET", 200), ("/style.css", "GET", 200), ("/script.js", "GET", 200),
                                 ("/health", "GET", 200), ("/nowhere", "GET", 404), ("/events?since=x", "GET", 400),
                                 ("/", "POST", 403), ("/", "DELETE", 405), ("/style.css", "POST", 405)):
        got, headers, _ = ask(console, path, method)
        assert got == status, (path, method)
        policy = headers["Content-Security-Policy"].split("; ")
        assert policy[0] == "default-src 'none'" and "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert not [rule for rule in policy if "unsafe" in rule or "*" in rule or "http" in rule]
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cache-Control"]) == (
            "nosniff", "no-referrer", "no-store")
        assert headers["Set-Cookie"] is None
    assert len(ask(console, "/script.js")[2]) < 10_000


def test_a_name_that_somebody_else_could_point_here_is_not_answered(site, console):
    for host in ("evil.example", "localhost.evil.example", f"127.0.0.1.evil.example:{console.port}"):
        assert "not answered under this name" in page(console, "/events", 403, Host=host).text
    for host in ("localhost:1", "127.0.0.1", "[::1]:8083"):
        page(console, "/events", Host=host)
    named = site.start_console(CONSOLE_HOST="sluice.example")
    page(named, "/events", Host="Sluice.example:443")
    page(named, "/events", 403, Host="evil.example")


def test_nothing_is_changed_without_the_token_or_from_another_site(site, console):
    here = {"Sec_Fetch_Site": "same-origin", "Content_Type": "application/x-www-form-urlencoded"}
    right = f"token={TOKEN}"
    for body, headers in ((right, {**here, "Sec_Fetch_Site": "cross-site"}), (right, {**here, "Sec_Fetch_Site": "same-site"}),
                          (right, {}), (right, {"Origin": "http://evil.example"}), (right, {"Origin": "null"}),
                          ("", here), ("token=", here), (f"token={TOKEN}x", here), (f"token={TOKEN[:-1]}", here)):
        shown = page(console, "/events", 403, method="POST", body=body, **headers)
        assert "nothing was changed" in shown.text, (body, headers)
    # The gate lets these pass; this page takes no form.
    for headers in (here, {"Origin": f"http://127.0.0.1:{console.port}"}):
        assert "takes no form" in page(console, "/events", 405, method="POST", body=right, **headers).text
    assert TOKEN not in console.output()
    reading = site.start_console()
    assert "CONSOLE_TOKEN isn't set" in page(reading, "/events", 403, method="POST", body=right, **here).text
    assert "This console only reads." in page(reading, "/events").text


def test_too_large_a_request_is_refused(console):
    headers = {"Sec_Fetch_Site": "same-origin"}
    assert ask(console, "/events", "POST", b"x" * 16385, **headers)[0] == 413
    assert ask(console, "/events", "POST", iter([b"x" * 9000, b"y" * 9000]), **headers)[0] == 413
    assert ask(console, "/events?source=" + "x" * 40_000)[0] in (413, 414, 431)
    page(console, "/events?source=" + "x" * 8000)


# --- how it is run -------------------------------------------------------------------------------


def refused(site, **settings):
    done = run_command(site.servers.build, ["console"], site.servers.reader_settings(**settings), limit=20)
    assert done.returncode == 78
    return done.stderr


def test_settings_that_can_not_work_are_refused_at_start(site, tmp_path):
    for prefix in ("sluice", "/sluice/", "/a//b", "/<b>", "/"):
        assert f"CONSOLE_PREFIX={prefix}" in refused(site, CONSOLE_PREFIX=prefix)
    assert "fewer than 16" in refused(site, CONSOLE_TOKEN="short")
    token = tmp_path / "token"
    token.write_text("short\n", "ascii")
    message = refused(site, CONSOLE_TOKEN_FILE=token)
    assert "fewer than 16" in message and "short" not in message
    assert "cannot listen on 127.0.0.1:" in refused(site, CONSOLE_LISTEN=f"127.0.0.1:{site.database.port}")


def test_the_token_may_come_from_a_file_and_is_never_printed(site, tmp_path):
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", "ascii")
    console = site.start_console(CONSOLE_TOKEN_FILE=token)
    shown = page(console, "/events", 405, method="POST", body=f"token={TOKEN}", Sec_Fetch_Site="same-origin")
    assert "takes no form" in shown.text
    done = run_command(site.servers.build, ["console", "--print-config"],
                       site.servers.reader_settings(CONSOLE_TOKEN_FILE=token))
    assert "CONSOLE_TOKEN=[redacted]" in done.stdout and TOKEN not in done.stdout


def test_behind_a_proxy_all_links_have_the_prefix(site):
    site.insert(60)
    console = site.start_console(CONSOLE_PREFIX="/ops/sluice")
    for path in ("/events", "/ops/sluice/events"):  # a proxy may take the prefix off or not
        shown = page(console, path)
        links = [a["href"] for a in shown.all("a") if not a["href"].startswith("#")]
        links += [link["href"] for link in shown.all("link")] + [script["src"] for script in shown.all("script")]
        links += [form["action"] for form in shown.all("form")]
        assert len(links) > 50 and all(link.startswith("/ops/sluice/") for link in links), links
    assert ask(console, "/ops/sluice/style.css")[0] == 200
    assert ask(console, "/ops/sluicestyle.css")[0] == 404


def test_the_database_may_be_away_and_come_back(site):
    console = site.start_console(DATABASE_URL=site.database.url("sluice_worker"))
    assert "use sluice_reader" in page(console, "/events", 500).text
    console = site.start_console(DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice")
    assert "Connection refused" in page(console, "/events", 503).text
    console = site.start_console()
    page(console, "/events")
    ended = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = 'sluice console'"
    assert site.database.query(ended)[0][0] >= 1
    for _ in range(4):
        page(console, "/events")


def connections(site):
    return site.database.query("select count(*) from pg_stat_activity where application_name = 'sluice console'")[0][0]


def test_many_readers_never_take_more_than_two_connections(site):
    site.insert(100)
    console = site.start_console()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, console, "/events") for _ in range(100)]
        most = 0
        while not all(one.done() for one in asked):
            most = max(most, connections(site))
        assert {one.result()[0] for one in asked} <= {200, 503}
        assert sum(one.result()[0] == 200 for one in asked) > 30
    assert 1 <= most <= 2


def waiting(site):
    return site.database.query("""select count(*) from pg_stat_activity
        where application_name = 'sluice console' and wait_event_type = 'Lock'""")[0][0]


def timed(function, *arguments, **more):
    begun = time.monotonic()
    result = function(*arguments, **more)
    return time.monotonic() - begun, result


def test_a_slow_question_holds_up_nobody_and_ends(site):
    site.insert(3)
    console = site.start_console()
    with site.database.locked(mode="access exclusive"), concurrent.futures.ThreadPoolExecutor(40) as pool:
        slow = pool.submit(timed, page, console, "/events", 503)
        wait_until(lambda: waiting(site) == 1, "the slow question to wait")
        for path in ("/sources", "/", "/style.css", "/health", "/nowhere"):
            seconds, (status, _, _) = timed(ask, console, path)
            assert seconds < 2 and status == (404 if path == "/nowhere" else 200), path
        # Two hold up the other pages, for 5 s at most; what needs no page is answered.
        others = [pool.submit(timed, ask, console, "/events") for _ in range(35)]
        wait_until(lambda: waiting(site) == 2, "another one to wait")
        assert ask(console, "/health")[0] == 200
        wait_until(lambda: sum(other.done() for other in others) >= 1, "one too many to be refused", 3)
        busy = next(other.result() for other in others if other.done())
        assert busy[1][0] == 503 and b"busy" in busy[1][2]
        seconds, shown = slow.result()
        assert 4 < seconds < 10 and "statement timeout" in shown.text
        console.send(15)
        console.wait(30)
    assert console.process.poll() == 0


def test_idle_and_slow_clients_hold_up_nobody(site):
    console = site.start_console()
    with contextlib.ExitStack() as sockets:
        for number in range(200):
            sock = sockets.enter_context(socket.create_connection(("127.0.0.1", console.port), 5))
            with contextlib.suppress(OSError):  # evicted already
                sock.sendall((b"", b"GET /events HTTP/1.1\r\nHost: x\r\n",
                              b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")[number % 3])
        for path in ("/events", "/sources", "/style.css") * 3:
            seconds, (status, _, _) = timed(ask, console, path)
            assert status == 200 and seconds < 2, path


# --- a big table ----------------------------------------------------------------------------------------


def test_no_page_reads_or_counts_a_table_of_a_million_events(site, plans):
    site.database.query("alter table webhooks_raw set (autovacuum_enabled = off)")
    site.insert(1_000_000, source="case when n % 140000 = 9 then 'rare' else 's' || n % 4 end", path="'/p' || n % 1000",
                received_at="timestamptz '2026-01-01Z' + n * interval '1 s'",
                body="""convert_to('{"n":' || n || ',"m":' || n % 900 || '}', 'UTF8')""")
    site.database.query("vacuum analyze webhooks_raw")
    console = site.start_console()
    times = {}
    for path, shown_events in (("/events", 50), ("/events?source=rare", 8), ("/events?id=e99999", 11), ("/events?id=e", 50),
                               ("/events?path=/p17", 50), ("/events?since=2026-01-05T00:00:00Z&until=2026-01-06T00:00:00Z", 50),
                               ("/events?after=1767300000000000.s1.e1", 50), ("/events?json=/m%3D17&source=s1", 50),
                               ("/event?id=e500000", 0), ("/event?id=nobody", 0), ("/event/body?id=e7&source=s3", 0)):
        before = len(plans())
        times[path], (status, _, body) = timed(ask, console, path)
        assert status == (404 if "nobody" in path else 200), body
        assert body.count(b'href="/event?') == shown_events, path
        wait_until(lambda: "webhooks_raw" in plans()[before:],  # pylint: disable=cell-var-from-loop
                   f"{path}: the plan in the server's log")
        told = plans()[before:]
        assert "Seq Scan on webhooks_raw w" not in told, f"{path}\n{told}"
        assert not re.search(r"count\(\*\) from webhooks", told), path
    site.database.query("alter table webhooks_raw reset (autovacuum_enabled)")
    site.note(", ".join(f"{path} {seconds * 1000:.0f} ms" for path, seconds in times.items()))
    slow = times.pop("/events?json=/m%3D17&source=s1")  # looks at some ten thousand payloads
    assert max(times.values()) < 1 and slow < 6, times
