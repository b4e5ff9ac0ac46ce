# SPDX-License-Identifier: MIT
"""The routes file: which source a request is routed to, and how that source treats it."""

import gzip
import hashlib
import pathlib
import random
import signal
import ssl
import statistics
import subprocess
import threading
import time
import zlib

import pytest

from load import Load
from process import wait_until
from programs import run_command
from routefile import RouteFile, signed
from signer import headers_of
from wire import Wire, encode

pytestmark = pytest.mark.gateway

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SECRET, OTHER = "the secret of one", "the secret of another"


@pytest.fixture
def routes(site):
    return RouteFile(site.directory / "routes")


def start(site, routes, *sources, wait=True, **settings):
    return site.add_gateway(GATEWAY_ROUTES=routes.write(*sources).path, **settings).start(wait)


def reload(gateway, outcome="done"):
    """Sends SIGHUP and waits until the metric shows the outcome."""
    name = f'sluice_gateway_reloads_total{{outcome="{outcome}"}}'
    before = gateway.metrics()[name]
    gateway.send(signal.SIGHUP)
    wait_until(lambda: gateway.metrics()[name] == before + 1, lambda: f"a reload that is {outcome}\n{gateway.tail()}", 20)


def tables(gateway):
    return gateway.metrics()["sluice_gateway_route_tables"]


@pytest.mark.gateway
def test_only_the_table_in_force_is_kept_after_a_reload_and_an_older_one_as_long_as_a_request_uses_it(site, routes):
    gateway = start(site, routes, routes.open("one", "/one"))
    assert tables(gateway) == 1
    for number in range(3):
        routes.write(routes.open(f"one-{number}", "/one"))
        reload(gateway)
        wait_until(lambda: tables(gateway) == 1, lambda: f"the older table to be freed: {tables(gateway)}")
    with Wire(gateway.port) as wire:
        wire.send(encode("POST", "/one", b"", {"Content-Length": 2, "Expect": "100-continue"}, length=False))
        assert wire.head()[0] == 100
        reload(gateway)
        assert tables(gateway) == 2
        wire.send(b"{}")
        assert wire.reply().status == 200
    wait_until(lambda: tables(gateway) == 1, lambda: f"the older table to be freed: {tables(gateway)}")


def test_each_source_takes_what_is_sent_to_its_path_and_nothing_else_is_taken(site, routes):
    start(site, routes, routes.open("exact", "/hooks/exact"), routes.open("prefix", "/hooks/*"),
          routes.open("both", "/both", methods=["PUT", "POST"]))
    site.start_workers(1)
    for target, source in (("/hooks/exact?a=b", "exact"), ("/hooks/exact/more", "prefix"), ("/hooks/", "prefix"),
                           ("/both", "both")):
        event_id = site.send_ok("POST", target, b"x")
        assert site.row(event_id, source).path == target.partition("?")[0]
    for target in ("/", "/hooks", "/Hooks/exact", "/hooks%2Fexact", "/other"):
        assert site.send("POST", target, b"x").status == 404, target
    for target in ("/hooks/%2e%2E/both", "/hooks//exact", "/hooks/../both", "/hooks/.", "//both"):
        assert site.send("POST", target, b"x").status == 400, target
    reply = site.send("GET", "/both")
    assert (reply.status, reply.headers["allow"]) == (405, "POST, PUT")
    assert site.send("DELETE", "/hooks/exact").headers["allow"] == "POST"
    assert site.count() == 4


def test_with_a_routes_file_the_source_default_takes_events_only_if_it_is_listed(site, routes):
    gateway = start(site, routes, routes.open("one", "/one"))
    site.start_workers(1)
    assert site.send("POST", "/elsewhere", b"x").status == 404
    routes.write(routes.open("one", "/one"), routes.open("default", "/*"))
    reload(gateway)
    assert site.row(site.send_ok("POST", "/elsewhere", b"x"), "default").body == b"x"


def test_an_event_counts_only_with_the_signature_of_its_own_source(site, routes):
    gateway = start(site, routes, routes.github("one", "/one", SECRET), routes.github("two", "/two", OTHER))
    site.start_workers(1)
    body = b'{"zen":"Keep it logically awesome."}'
    assert site.send_ok("POST", "/one", body, signed(SECRET, "d-1", body)) == "d-1"
    row = site.row("d-1", "one")
    assert row.body == body
    assert not [name for name in row.headers if "signature" in name]
    for headers in (signed(OTHER, "d-2", body), signed(SECRET, "d-2", body + b" "), {"X-GitHub-Delivery": "d-2"}):
        reply = site.send("POST", "/one", body, headers)
        assert (reply.status, reply.json()) == (401, {"error": "the request could not be verified"})
    assert site.send("POST", "/two", body, signed(SECRET, "d-2", body)).status == 401
    site.wait_drained()
    assert site.count() == 1
    assert gateway.metrics()['sluice_gateway_messages_total{outcome="published"}'] == 1


def test_a_captured_request_under_another_events_id_replaces_nothing(site, routes):
    start(site, routes, routes.github("github", "/github", SECRET))
    site.start_workers(1)
    bodies = {"victim": b'{"balance":100}', "captured": b'{"balance":0}'}
    for event_id, body in bodies.items():
        site.send_ok("POST", "/github", body, signed(SECRET, event_id, body))
    for event_id in bodies:
        site.row(event_id, "github")
    # GitHub's signature does not cover the id: a captured request can be sent with any id.
    assert site.send("POST", "/github", bodies["captured"], signed(SECRET, "victim", bodies["captured"])).status == 200
    site.wait_drained()
    assert {row.id: row.body for row in site.rows()} == bodies


def test_ids_come_from_where_the_source_says_and_from_nowhere_else(site, routes):
    start(site, routes, routes.open("header", "/header", id={"header": "X-Event"}),
          routes.open("pointer", "/pointer", id={"pointer": "/data/0/id"}), routes.open("body", "/body", id={"body": True}))
    site.start_workers(1)
    other = {"webhook-id": "never"}
    assert site.send_ok("POST", "/header", b"x", {"X-Event": "h-1", **other}) == "h-1"
    assert site.send_ok("POST", "/pointer", b'{"data":[{"id":"p-1"}]}', other) == "p-1"
    large = 9007199254740993  # 2^53 + 1: no double holds it
    assert site.send_ok("POST", "/pointer", b'{"data":[{"id":%d}]}' % large, other) == str(large)
    marked = b'\xef\xbb\xbf{"data":[{"id":"p-2"}]}'
    assert site.send_ok("POST", "/pointer", marked, other) == "p-2"
    assert site.row("p-2", "pointer").body == marked
    blank = {site.send_ok("POST", "/pointer", b'{"data":[{"id":" ","n":%d}]}' % n, other) for n in (1, 2)}
    assert len(blank) == 2, "events with a blank id merged"
    assert site.send_ok("POST", "/header", b"x", {"X-Event": "two words", **other}).startswith("sha256:")
    digest = site.send_ok("POST", "/body", b"x", other)
    assert digest == site.send_ok("POST", "/body", b"x") == "sha256:" + (
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
    for target, body in (("/header", b"x"), ("/pointer", b"x"), ("/pointer", b"{}"),
                         ("/pointer", b'{"data":[{"id":null}]}'), ("/pointer", b'{"data":[{"id":1,"id":2}]}')):
        assert site.send("POST", target, body, other).status == 400, (target, body)
    site.wait_count(8)


def test_the_first_rule_that_finds_an_id_wins_and_decides_which_arrival_is_kept(site, routes):
    start(site, routes, {"name": "orders", "path": "/orders", "id": [{"pointer": "/id"}, {"header": "X-Id"}],
                         "verify": {"scheme": "stripe", "secrets": [routes.secret("stripe", SECRET)]}})
    site.start_workers(1)

    def send(body, **headers):
        return site.send("POST", "/orders", body, {**headers_of("stripe", SECRET, "", body), **headers})

    # The signature covers the id in the body, so the newest arrival stays; it does not cover the header.
    for number in (b"1", b"2"):
        assert send(b'{"id":"in-body","n":' + number + b"}").json()["id"] == "in-body"
        assert send(b'{"id":null,"n":' + number + b"}", **{"X-Id": "in-header"}).json()["id"] == "in-header"
    # A captured request without an id in its body, sent again under another event's id.
    assert send(b'{"n":3}', **{"X-Id": "in-body"}).json()["id"] == "in-body"
    reply = send(b'{"n":4}')
    assert (reply.status, reply.json()["error"]) == (400, "there is no id in /id, x-id")
    site.wait_drained()
    assert {row.id: row.body for row in site.rows()} == {"in-body": b'{"id":"in-body","n":2}',
                                                         "in-header": b'{"id":null,"n":1}'}


def test_the_id_of_a_gzipped_body_is_found_and_the_body_is_kept_as_it_came(site, routes):
    start(site, routes, {"name": "signed", "path": "/signed",
                         "verify": {"scheme": "stripe", "secrets": [routes.secret("stripe", SECRET)]}},
          routes.open("zlib", "/zlib", id={"pointer": "/id"}))
    site.start_workers(1)
    zipped, deflated = gzip.compress(b'{"id":"in-gzip"}'), zlib.compress(b'{"id":"in-zlib"}')
    headers = headers_of("stripe", SECRET, "", zipped)  # over the bytes as they are sent
    assert site.send("POST", "/signed", zipped, {**headers, "Content-Encoding": "GZip"}).json()["id"] == "in-gzip"
    plain = headers_of("stripe", SECRET, "", gzip.decompress(zipped))
    assert site.send("POST", "/signed", zipped, {**plain, "Content-Encoding": "gzip"}).status == 401
    assert site.send_ok("POST", "/zlib", deflated, {"Content-Encoding": "deflate"}) == "in-zlib"
    # Some senders name a coding that the body does not have.
    assert site.send_ok("POST", "/zlib", b'{"id":"plain"}', {"Content-Encoding": "utf-8"}) == "plain"
    rows = {event_id: site.row(event_id, source)
            for event_id, source in (("in-gzip", "signed"), ("in-zlib", "zlib"), ("plain", "zlib"))}
    assert {event_id: row.body for event_id, row in rows.items()} == {
        "in-gzip": zipped, "in-zlib": deflated, "plain": b'{"id":"plain"}'}
    assert rows["in-gzip"].headers["content-encoding"] == "GZip"


def test_a_bomb_or_a_broken_stream_is_refused_only_where_the_body_must_be_read(site, routes):
    gateway = start(site, routes, routes.open("pointer", "/pointer", id={"pointer": "/id"}, max_body="64KiB"),
                    routes.open("header", "/header", id={"header": "X-Id"}, max_body="64KiB"),
                    routes.open("body", "/body", id={"body": True}, max_body="64KiB"))
    site.start_workers(1)
    zipped = gzip.compress(b'{"id":"a"}')
    cases = {
        "bomb": (gzip.compress(b'{"id":"a","more":"' + b"0" * (10 << 20) + b'"}'), "gzip", "exceeds 1048576 bytes"),
        "truncated": (zipped[:-9], "gzip", "ends before"),
        "corrupt": (zipped[:-8] + bytes(8), "gzip", "not valid"),
        "unknown": (zipped, "br", "Content-Encoding is br"),
        "twice": (gzip.compress(zipped), "gzip, gzip", "more than one Content-Encoding"),
    }
    name = 'sluice_gateway_replies_total{outcome="bad-id"}'
    before = gateway.metrics()[name]
    for what, (body, coding, why) in cases.items():
        headers = {"Content-Encoding": coding}
        reply = site.send("POST", "/pointer", body, headers)
        assert (reply.status, why in reply.json()["error"]) == (400, True), (what, reply)
        assert site.send_ok("POST", "/header", body, {**headers, "X-Id": what}) == what
        assert site.send_ok("POST", "/body", body, headers) == "sha256:" + hashlib.sha256(body).hexdigest()
    assert gateway.metrics()[name] == before + len(cases)
    wait_until(lambda: any(line["reason"] == "bad-id" and "exceeds 1048576 bytes" in line["example"]
                           for line in gateway.lines("refusing")), gateway.tail)
    site.wait_count(2 * len(cases))
    assert {row.id: row.body for row in site.rows() if row.source == "header"} == {
        what: body for what, (body, _, _) in cases.items()}


@pytest.mark.parametrize("mib", [25, 64])
def test_an_event_as_large_as_its_source_allows_reaches_its_row(site, routes, mib):
    """GitHub sends up to 25 MB; 64 MiB is the most that a source may allow."""
    start(site, routes, routes.github("github", "/github", SECRET, max_body=f"{mib}MiB"),
          GATEWAY_CONFIRM_TIMEOUT="30s")
    worker, = site.start_workers(1)
    body = random.Random(mib).randbytes(mib << 20)
    headers = signed(SECRET, "large", body)
    more = {**headers, "Content-Length": len(body) + 1}
    assert site.send("POST", "/github", b"", more, length=False).status == 413
    site.send_ok("POST", "/github", body, headers)
    small = b"{}"
    site.send_ok("POST", "/github", small, signed(SECRET, "small", small))
    assert site.row("large", "github").body == body
    assert site.row("small", "github").body == small
    site.wait_drained()
    assert site.count("webhooks_dead") == 0
    assert worker.is_ready()


def test_a_source_has_limits_words_and_habits_of_its_own(site, routes):
    start(site, routes, routes.open("small", "/small", max_body="1KiB"), routes.open("large", "/large", max_body="2MiB"),
          routes.open("bare", "/bare", drop_query=True, reply={"status": 204}),
          routes.open("words", "/words", reply={"status": 202, "type": "text/xml", "body": "<Response/>"}))
    site.start_workers(1)
    assert site.send("POST", "/small", b"x" * 1024).status == 200
    reply = site.send("POST", "/small", b"x" * 1025)
    assert (reply.status, "1024" in reply.json()["error"]) == (413, True)
    with Wire(site.gateway.port) as wire:
        wire.send(b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" + b"x" * 0x401 +
                  b"\r\n0\r\n\r\n")
        assert wire.reply().status == 413
    assert site.send("POST", "/large", b"x" * (2 << 20)).status == 200
    with Wire(site.gateway.port) as wire:
        wire.send(encode("POST", "/bare?token=abc", b"x", {"webhook-id": "bare"}))
        status, headers = wire.head()
        assert (status, "content-length" in headers, "content-type" in headers) == (204, False, False)
        wire.send(encode("POST", "/words", b"x"))  # on the same connection: the 204 had no body
        reply = wire.reply()
        assert (reply.status, reply.headers["content-type"], reply.body) == (202, "text/xml", b"<Response/>")
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert site.row("bare", "bare").query == ""


def test_a_source_may_have_a_delay_that_others_have_not(site, routes):
    start(site, routes, routes.open("now", "/now"), routes.open("later", "/later", delay="600s"))
    site.start_workers(1)
    later = site.send_ok("POST", "/later", b"x")
    now = site.send_ok("POST", "/now", b"x")
    assert site.row(now, "now")
    channel = site.channel()
    method, properties, _ = channel.basic_get("webhooks.delay.600", auto_ack=True)
    channel.connection.close()
    assert (method.routing_key, properties.message_id) == ("later", later)
    assert site.count() == 1


def test_a_source_over_its_rate_gets_429_and_what_it_may_send_is_stored(site, routes):
    start(site, routes, routes.open("slow", "/slow", rate={"per_second": 5, "burst": 10}))
    site.start_workers(1)
    begun = time.monotonic()
    replies = [site.send("POST", "/slow", b"x") for _ in range(60)]
    seconds = time.monotonic() - begun
    taken = sum(reply.status == 200 for reply in replies)
    assert 10 <= taken <= 10 + 5 * seconds + 1
    refused = [reply for reply in replies if reply.status != 200]
    assert refused
    for reply in refused:
        assert (reply.status, 1 <= int(reply.headers["retry-after"]) <= 2) == (429, True)
    site.wait_count(taken)
    wait_until(lambda: site.send("POST", "/slow", b"x").status == 200, "room in the bucket again", 5)


def test_who_does_not_know_the_secret_cannot_use_up_a_sources_rate(site, routes):
    start(site, routes, routes.github("github", "/github", SECRET, rate={"per_second": 1, "burst": 1}))
    for _ in range(20):
        assert site.send("POST", "/github", b"x", signed(OTHER, "d", b"x")).status == 401
    assert site.send("POST", "/github", b"x", signed(SECRET, "d", b"x")).status == 200
    assert site.send("POST", "/github", b"x", signed(SECRET, "d", b"x")).status == 429


def test_what_does_not_go_on_to_the_broker_uses_up_nothing_of_a_sources_rate(site, routes):
    gateway = start(site, routes, routes.open("slow", "/slow", rate={"per_second": 1, "burst": 1}, id={"pointer": "/id"}),
                    routes.open("other", "/other"))
    for _ in range(5):
        assert site.send("POST", "/slow", b"{}").status == 400
    site.broker.set_alarm()
    try:
        # The broker reports an alarm only to connections that publish, and a moment later.
        wait_until(lambda: site.send("POST", "/other", b"x").status == 503, "the alarm to be told", 15)
        gateway.wait_ready(False, limit=15)
        for _ in range(5):
            assert site.send("POST", "/slow", b'{"id": "a"}').status == 503
    finally:
        site.broker.clear_alarm()
    gateway.wait_ready()
    assert site.send("POST", "/slow", b'{"id": "a"}').status == 200
    assert site.send("POST", "/slow", b'{"id": "b"}').status == 429
    wait_until(lambda: any(line["source"] == "slow" for line in gateway.lines("queued")), "the log")
    assert [line["id"] for line in gateway.lines("received") if line["source"] == "slow"] == ["a"]


def test_a_flood_of_one_source_leaves_the_latency_of_another_alone(site, routes):
    gateway = start(site, routes, routes.open("loud", "/loud", rate={"per_second": 20}), routes.open("quiet", "/quiet"))
    site.start_workers(1)

    def latencies():
        found = []
        with Wire(gateway.port) as wire:
            for _ in range(150):
                begun = time.monotonic()
                wire.send(encode("POST", "/quiet", b"x" * 1000))
                reply = wire.reply(begun=begun)
                assert reply.status == 200
                found.append(reply.seconds)
                if reply.headers["connection"] == "close":
                    break
        return statistics.median(found), max(found)
    alone = latencies()
    statuses, stop = {}, threading.Event()

    def flood():
        with Wire(gateway.port) as wire:
            while not stop.is_set():
                wire.send(encode("POST", "/loud", b"x" * 1000) * 20)
                for _ in range(20):
                    status = wire.reply().status
                    statuses[status] = statuses.get(status, 0) + 1
                stop.wait(0.02)  # too fast for the bucket, but not for the cores that the tests share
    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: statuses.get(429, 0) > 100, lambda: f"a flood: {statuses}")
        beside = latencies()
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    site.note(f"median and longest, ms: alone {alone[0] * 1e3:.1f}, {alone[1] * 1e3:.1f}; beside a flood of "
              f"{sum(statuses.values())} requests {beside[0] * 1e3:.1f}, {beside[1] * 1e3:.1f}; statuses {statuses}")
    assert set(statuses) == {200, 429}
    assert beside[0] <= 3 * alone[0] + 0.02
    assert beside[1] <= max(1, 5 * alone[1])


def test_the_example_serves_its_providers_as_it_stands(site, routes, servers):
    example = (CHECKOUT / "etc" / "routes.example.json").read_text(encoding="utf-8")
    secrets = routes.directory / "secrets"
    subprocess.run([CHECKOUT / "deploy" / "secrets", secrets], check=True, capture_output=True, timeout=30)
    routes.path.write_text(example.replace("/run/secrets/", f"{secrets}/"), encoding="utf-8")
    gateway = site.start_gateway(GATEWAY_ROUTES=routes.path)
    site.start_workers(1)
    own = ["--header", "X-Orders-Signature", "--prefix", "sha256=", "--data", '{"order": {"id": "order-7"}}']
    for name, scheme, path, more in (
            ("github", "github", "/github", []), ("stripe", "stripe", "/stripe", []), ("slack", "slack", "/slack", []),
            ("shopify", "shopify", "/shopify", []), ("twilio", "twilio", "/twilio/sms", []),
            ("standard", "standard", "/standard", []), ("internal-orders", "hmac", "/internal/orders/7?token=abc", own)):
        file = secrets / f"webhook-{name.removeprefix('internal-')}"
        done = run_command(servers.build, ["send", "--url", f"http://127.0.0.1:{gateway.port}", "--path", path, "--sign",
                                           scheme, "--secret-file", str(file), *more], {})
        assert (done.returncode, done.stdout[:3]) == (0, "200"), (name, done.stdout, done.stderr, gateway.tail())
        row, = wait_until(lambda source=name: site.rows("source = %s", (source,)), f"a row of {name}")
        assert row.query == ""
    assert row.id == "order-7"
    assert site.count() == 7


def test_sluice_send_puts_the_id_where_the_route_looks_for_it(site, routes, servers):
    secret = [routes.secret("own", "a secret of our own")]
    own = {"verify": {"scheme": "hmac", "header": "X-Sum", "algorithm": "sha512", "encoding": "base64", "prefix": "s=",
                      "secrets": secret}}
    routes.write({"name": "pointer", "path": "/pointer/*", "id": {"pointer": "/order/id"}, **own},
                 {"name": "header", "path": "/header", "methods": ["PUT", "PATCH"], "id": {"header": "X-Own-Id"}, **own},
                 {"name": "list", "path": "/list", "id": [{"pointer": "/a/0"}, {"header": "X-Own-Id"}], **own},
                 routes.github("delivery", "/delivery", "another secret", id={"header": "x-request-id"}),
                 routes.open("open", "/open", id={"pointer": "/data/id"}), routes.open("free", "/free"),
                 routes.open("other", "/pointer/other"))
    gateway = site.start_gateway(GATEWAY_ROUTES=routes.path)
    site.start_workers(1)

    def send(name, *more):
        return run_command(servers.build, ["send", "--url", f"http://127.0.0.1:{gateway.port}", "--route", name, *more],
                           {"GATEWAY_ROUTES": routes.path})

    for name in ("pointer", "header", "list", "delivery", "open", "free"):
        done = send(name, "--id", f"id-of-{name}")
        assert done.returncode == 0, (name, done.stdout, done.stderr, gateway.tail())
        assert done.stdout.split() == ["200", f"id-of-{name}"]
        assert site.row(f"id-of-{name}", name)
    done = send("pointer", "--path", "/pointer/7?a=b", "--data", '{"order":{"id":"order-7"}}')
    assert done.stdout.split() == ["200", "order-7"], done.stderr
    assert site.row("order-7", "pointer").query == "a=b"
    done = send("pointer", "--path", "/pointer/other")
    assert (done.returncode, done.stdout) == (78, "")
    assert "belongs to other: name a path below /pointer/* with --path" in done.stderr


def test_sluice_send_signs_for_a_public_key_with_its_private_key(site, routes, servers):
    public = routes.secret("public", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")
    routes.write({"name": "standard", "path": "/standard", "verify": {"scheme": "standard", "secrets": [public]}})
    gateway = site.start_gateway(GATEWAY_ROUTES=routes.path)
    command = ["send", "--url", f"http://127.0.0.1:{gateway.port}", "--routes", routes.path, "--route", "standard"]
    done = run_command(servers.build, command, {})
    assert (done.returncode, "public key" in done.stderr) == (78, True), done.stderr
    private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
    done = run_command(servers.build, [*command, "--secret-env", "KEY"], {"KEY": private})
    assert (done.returncode, done.stdout[:3]) == (0, "200"), done.stderr + gateway.tail()
    assert private not in done.stdout + done.stderr


def test_sluice_send_lists_the_routes_when_a_name_is_wrong(routes, servers):
    routes.write(routes.open("one", "/one"), routes.github("two", "/two", "a secret"))
    at = {"GATEWAY_ROUTES": routes.path}
    done = run_command(servers.build, ["send", "--route", "gihtub"], at)
    assert (done.returncode, done.stdout) == (78, "")
    assert f"--route gihtub: {routes.path} has no source of this name; it has: one, two" in done.stderr
    assert run_command(servers.build, ["send", "--route", "one"], {}).returncode == 64
    assert run_command(servers.build, ["send", "--route", "two", "--sign", "github"], at).returncode == 64
    assert run_command(servers.build, ["send", "--route", "two", "--user", "me"], at).returncode == 64
    (routes.directory / "two-0").write_bytes(b"a secret\r\n")
    done = run_command(servers.build, ["send", "--route", "two"], at)
    assert (done.returncode, done.stdout) == (78, "")
    assert "two-0 has a carriage return (0x0D) at its end" in done.stderr
    routes.path.write_text('{"sources": [{"name": "one"}]}', encoding="ascii")
    done = run_command(servers.build, ["send", "--route", "one"], at)
    assert (done.returncode, "sources[0].path: is missing" in done.stderr) == (78, True), done.stderr


# --- start and reload -----------------------------------------------------------------


def test_every_error_of_the_file_ends_the_start_at_once(site, routes, servers):
    routes.write(routes.open("one", "/one", max_body="many"), {"name": "two", "path": "/two", "verify": {"scheme": "x"}},
                 routes.github("three", "/three", "insecure-dev-github"))
    done = run_command(servers.build, [], site.servers.gateway_settings(GATEWAY_ROUTES=routes.path),
                       program="sluice-gateway")
    assert done.returncode == 78
    for place in ("sources[0].max_body", "sources[1].verify.scheme", "sources[2].verify.secrets[0]"):
        assert f"GATEWAY_ROUTES={routes.path}: {place}: " in done.stderr, done.stderr
    assert "insecure-dev-github" not in done.stderr


def test_with_a_routes_file_no_secret_may_be_one_that_everybody_knows(site, routes, servers):
    settings = site.servers.gateway_settings(GATEWAY_ROUTES=routes.write(routes.open("one", "/one")).path,
                                             BROKER_PASSWORD="insecure-dev-broker", BROKER_PASSWORD_FILE=None)
    done = run_command(servers.build, [], settings, program="sluice-gateway")
    assert (done.returncode, "BROKER_PASSWORD" in done.stderr) == (78, True)
    assert "insecure-dev-broker" not in done.stderr


def test_a_reload_changes_sources_without_touching_a_request_that_has_begun(site, routes):
    gateway = start(site, routes, routes.open("old", "/path"))
    site.start_workers(1)
    with Wire(gateway.port) as wire:
        wire.send(encode("POST", "/path", b"begun", {"webhook-id": "begun"})[:-3])
        wait_until(lambda: gateway.metrics()["sluice_gateway_connections"] == 1, "the request to be met")
        assert site.send("POST", "/path", b"x").status == 200  # so what was sent before has been read
        routes.write(routes.open("new", "/path"), routes.open("more", "/more"))
        reload(gateway)
        assert site.row(site.send_ok("POST", "/path", b"x"), "new")
        assert site.row(site.send_ok("POST", "/more", b"x"), "more")
        wire.send(b"gun")
        assert wire.reply().status == 200
    assert site.row("begun", "old").body == b"begun"


def test_a_file_that_cannot_be_used_leaves_the_old_routes_in_force(site, routes):
    gateway = start(site, routes, routes.github("github", "/github", SECRET))
    site.start_workers(1)

    def check_old():
        assert site.send("POST", "/github", b"x", signed(SECRET, "d", b"x")).status == 200
        assert site.send("POST", "/more", b"x").status == 404
    routes.write(routes.open("more", "/more", max_body="many", keep="last"))
    reload(gateway, "refused")

    def reasons():
        return "\n".join(line["reason"] for line in gateway.lines("not-reloaded"))
    wait_until(lambda: "sources[0].max_body" in reasons() and "sources[0].keep" in reasons(), reasons)
    check_old()
    routes.path.write_text("{", encoding="ascii")
    reload(gateway, "refused")
    check_old()
    routes.path.unlink()
    reload(gateway, "refused")
    check_old()
    assert gateway.is_ready()
    routes.write(routes.open("more", "/more"))
    reload(gateway)
    assert site.send("POST", "/more", b"x").status == 200
    assert site.send("POST", "/github", b"x", signed(SECRET, "d", b"x")).status == 404


def test_a_delay_that_is_not_declared_refuses_the_reload(site, routes):
    gateway = start(site, routes, routes.open("one", "/one"))
    routes.write(routes.open("one", "/one", delay="9s"))
    reload(gateway, "refused")
    wait_until(lambda: any("9 s" in line["reason"] and "sluice setup" in line["reason"]
                           for line in gateway.lines("not-reloaded")), gateway.tail)
    assert gateway.is_ready()
    assert site.send("POST", "/one", b"x").status == 200
    routes.write(routes.open("one", "/one", delay="600s"))
    reload(gateway)
    assert site.send("POST", "/one", b"x").status == 200
    channel = site.channel()
    wait_until(lambda: channel.queue_declare("webhooks.delay.600", passive=True).method.message_count == 1,
               "the event in the delay's queue")
    channel.connection.close()


def test_reloads_under_load_refuse_no_request(site, routes):
    gateway = start(site, routes, routes.open("default", "/load"))
    site.start_workers(1)
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=300, count=1500) as load:
        for number in range(20):
            routes.write(routes.open("default", "/load"), routes.open(f"other-{number}", "/other"))
            reload(gateway)
        load.finish()
    assert set(load.statuses) == {200}
    site.settle(ledger, 1000)


def test_secrets_are_rotated_while_requests_flow_and_no_valid_one_is_refused(site, routes):
    """The gateway accepts both secrets, then the sender changes, then the gateway drops the old one."""
    gateway = start(site, routes, routes.github("github", "/github", "secret-number-0"))
    site.start_workers(1)
    ledger = site.ledger()
    current = ["secret-number-0"]
    with Load(gateway.port, ledger, rate=300, count=100_000, source="github", path="/github", repeats=0,
              headers=lambda event_id, body: signed(current[0], event_id, body)) as load:
        for number in range(1, 6):
            old, new = current[0], f"secret-number-{number}"
            routes.write(routes.github("github", "/github", old, new))
            reload(gateway)
            load.wait_acked(50)
            current[0] = new
            load.wait_acked(50)  # until no request is signed with the old secret
            routes.write(routes.github("github", "/github", new))
            reload(gateway)
            load.wait_acked(50)
            assert site.send("POST", "/github", b"x", signed(old, "stale", b"x")).status == 401
    assert set(load.statuses) == {200}
    site.settle(ledger, 500)
    text = gateway.output()
    assert "secret-number" not in text


def test_a_secret_with_an_invisible_byte_is_refused_at_start_and_at_a_reload(site, routes, servers):
    """The old secret stays in force: a reload that took the new one would refuse its provider's events."""
    gateway = start(site, routes, routes.github("github", "/github", "secret-number-0"))
    secret = routes.directory / "github-0"
    secret.write_bytes(b"secret-number-1\r\n")
    reload(gateway, "refused")
    says = f"secrets[0].file: {secret} has a carriage return (0x0D) at its end, byte 16 of 16"
    wait_until(lambda: says in gateway.output(), gateway.tail)  # a line is written after the metric has changed
    assert site.send("POST", "/github", b"x", signed("secret-number-0", "one", b"x")).status == 200
    done = run_command(servers.build, [], site.servers.gateway_settings(GATEWAY_ROUTES=routes.path), program="sluice-gateway")
    assert done.returncode == 78
    assert says in done.stderr
    assert "secret-number" not in gateway.output() + done.stderr


def test_a_new_delay_is_not_taken_on_trust_while_the_broker_is_away(site, routes):
    gateway = start(site, routes, routes.open("one", "/one"), BROKER_URL="amqp://sluice-gateway@127.0.0.1:1/sluice",
                    wait=False)
    routes.write(routes.open("one", "/one", delay="600s"))
    reload(gateway, "refused")
    routes.write(routes.open("other", "/other"))
    reload(gateway)
    assert site.send("POST", "/one", b"x").status == 404
    assert site.send("POST", "/other", b"x").status == 503


def test_a_reload_is_done_whole_or_not_at_all(site, routes, authority):
    """An unusable certificate also keeps new routes from being loaded."""
    pair = authority.issue("gateway")
    certificate = routes.directory / "cert.pem"
    certificate.write_bytes(pair.certificate.read_bytes())
    gateway = start(site, routes, routes.open("old", "/old"), GATEWAY_CERT=certificate, GATEWAY_KEY=pair.key)
    trust = ssl.create_default_context(cafile=authority.certificate)
    routes.write(routes.open("new", "/new"))
    certificate.write_text("no certificate", encoding="ascii")
    reload(gateway, "refused")
    assert site.send("POST", "/old", b"x", tls=trust).status == 200
    assert site.send("POST", "/new", b"x", tls=trust).status == 404
    certificate.write_bytes(pair.certificate.read_bytes())
    reload(gateway)
    assert site.send("POST", "/new", b"x", tls=trust).status == 200
