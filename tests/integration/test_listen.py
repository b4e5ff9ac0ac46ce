# SPDX-License-Identifier: MIT
"""`sluice listen` shows and forwards copies of events, and whatever becomes of it, the intake goes on."""

import base64
import concurrent.futures
import http.server
import json
import signal
import threading
import time
import urllib.parse

import pika
import pytest

from process import Child, free_port, wait_until
from programs import REPORTS, environment, run_command
from routefile import RouteFile, signed
from wire import Wire, encode

T = 1_763_900_000_000_000  # microseconds since 1970
ALL_BYTES = bytes(range(256))
LENGTH, BYTES = 1000, 16 << 20  # the bounds of a listener's queue


class Listener(Child):
    """`sluice listen` in the background, after it has begun to listen."""

    def __init__(self, site, name, *arguments, **settings):
        super().__init__(name, site.directory / f"{name}.log")
        self.start([(site.servers.build / "sluice").absolute(), "listen", *arguments],
                   environment(site.servers.listen_settings(**settings)))
        self.wait_for("listening for events of")

    def wait_for(self, text, limit=30):
        wait_until(lambda: text in self.output(), lambda: f"{text!r}\n{self.tail(60)}", limit)

    def events(self, count=0):
        """The events of --json, once there are `count`."""
        def shown():
            return [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        wait_until(lambda: len(shown()) >= count, lambda: f"{count} events\n{self.tail(60)}", 30)
        return shown()

    def stop(self, number=signal.SIGINT):
        """Returns the exit status and the last line."""
        status = self.terminate(30, number)
        return status, self.output().splitlines()[-1]


@pytest.fixture(name="listen")
def fixture_listen(site):
    started = []

    def start(*arguments, **settings):
        started.append(Listener(site, f"listen-{len(started) + 1}", *arguments, **settings))
        return started[-1]
    yield start
    for one in started:
        one.send(signal.SIGCONT)
        one.terminate(30)
        assert not REPORTS.search(one.output()), one.tail()
    wait_until(lambda: not queues(site), lambda: f"no queues of listeners: {queues(site)}", 60)


class Target(http.server.BaseHTTPRequestHandler):
    """A program under development: it notes each request, and answers as its server says."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append((self.command, self.path, self.headers, body))
        self.server.go.wait(60)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@pytest.fixture(name="target")
def fixture_target():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    server.requests, server.status, server.go = [], 200, threading.Event()
    server.go.set()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def queues(site):
    """The queues of listeners, by name, as the management page has them (up to 5 s late)."""
    return {entry["name"]: entry for entry in site.broker.management("GET", "queues/sluice")
            if entry["name"].startswith("webhooks.listen.")}


def connections(site):
    return [entry for entry in site.broker.management("GET", "connections") if entry.get("user") == "sluice-listen"]


def depths(site):
    return [(entry.get("messages_ready", 0), entry.get("message_bytes_ready", 0)) for entry in queues(site).values()]


def listen_once(site, *arguments, **settings):
    return run_command(site.servers.build, ["listen", *arguments], site.servers.listen_settings(**settings))


# --- what is shown ---------------------------------------------------------------

def test_each_event_is_one_line_without_query_headers_and_body(site, listen):
    site.start_gateway()
    listener = listen()
    site.send_ok("PUT", "/orders?key=hush", b"12345", {"webhook-id": "first", "x-note": "loud"})
    site.send_ok("POST", "/orders", b"", {"webhook-id": "second"})
    listener.wait_for("  second  POST /orders  0 bytes\n")
    status, last = listener.stop()
    assert (status, last) == (0, "sluice listen: ended: received 2")
    assert "Z  default  first  PUT /orders  5 bytes\n" in listener.output()
    assert "hush" not in listener.output() and "loud" not in listener.output() and "12345" not in listener.output()


def test_what_publishers_write_cannot_command_the_terminal(site, listen):
    listener = listen()
    site.publish("bell\x07", b"x", T, **{"sluice-path": "/\x1b[2J"})
    listener.wait_for("  bell?  POST /?[2J  1 bytes\n")


def test_with_json_an_event_has_all_of_it_and_only_the_kept_headers(site, listen):
    routes = RouteFile(site.directory / "routes").write(
        RouteFile(site.directory / "routes").github("code", "/code", "the-secret-of-code"))
    site.start_gateway(GATEWAY_ROUTES=routes.path)
    listener = listen("--json")
    for body in (b'{"n": 1}', ALL_BYTES):
        site.send_ok("POST", "/code?a=1", body, signed("the-secret-of-code", f"d{len(body)}", body, **{
            "Authorization": "Bearer hush", "Cookie": "hush=1", "X-Api-Key": "hush", "X-Kept": "yes"}))
    text, binary = listener.events(2)
    assert (text["source"], text["id"], text["method"], text["path"], text["query"]) == ("code", "d8", "POST", "/code", "a=1")
    assert text["body"] == '{"n": 1}' and text["bytes"] == 8 and text["received_at"].endswith("Z")
    assert base64.b64decode(binary["body_base64"]) == ALL_BYTES
    assert text["headers"]["x-kept"] == "yes" and "forward" not in text
    assert not {"authorization", "cookie", "x-api-key", "x-hub-signature-256"} & set(text["headers"])
    assert "hush" not in listener.output()


def test_only_the_sources_asked_for_are_shown(site, listen):
    listener = listen("--json", "--source", "red", "--source=blue", "--count", "2")
    for source in ("red", "green", "blue"):
        site.publish(f"of-{source}", b"x", T, **{"sluice-source": source})
    assert listener.wait(30) == 0
    assert {event["source"] for event in listener.events(2)} == {"red", "blue"}


def test_workers_store_what_listeners_see_and_retries_are_not_shown_again(site, listen):
    first, second = listen("--json"), listen("--json")
    site.start_gateway()
    site.start_workers(1)
    for number in range(20):
        site.send_ok("POST", "/", b"{}", {"webhook-id": f"n{number}"})
    site.wait_count(20)
    for listener in (first, second):
        assert sorted(event["id"] for event in listener.events(20)) == sorted(f"n{n}" for n in range(20))


def test_each_event_of_a_bundle_is_shown(site, listen):
    listener = listen("--json", "--count", "3")
    site.publish_bundle(["a", "b", "c", "beyond the count"], b"body")
    assert [(event["id"], event["body"]) for event in listener.events(3)] == [("a", "body"), ("b", "body"), ("c", "body")]


def test_a_bundle_that_cannot_be_read_is_named_and_the_next_message_shown(site, listen):
    listener = listen()
    site.publish_bundle(["a", "b"], b"body", cut=1)
    listener.wait_for("is not shown: the bundle")
    site.publish_bundle(["c"], b"body")
    listener.wait_for(" c ")


def test_a_message_that_is_no_envelope_is_named_and_the_next_one_shown(site, listen):
    listener = listen("--json")
    channel = site.channel()
    channel.basic_publish("webhooks", "default", b"odd")
    channel.connection.close()
    site.publish("good", b"x", T)
    assert listener.events(1)[0]["id"] == "good"
    status, last = listener.stop(signal.SIGTERM)
    assert (status, last) == (0, "sluice listen: ended: received 2, unreadable 1")
    assert "a message of 3 bytes is not shown: " in listener.output()


# --- forwarding -------------------------------------------------------------------

def test_a_forward_is_the_request_again_byte_for_byte_without_secrets(site, listen, target):
    site.start_gateway()
    listener = listen("--forward", target.url)
    bodies = [b"", ALL_BYTES, ALL_BYTES * 2000]
    for number, body in enumerate(bodies):
        method = ("GET", "PUT", "POST")[number]
        site.send_ok(method, f"/a%2Fb/../c?x=%00&y={number}", body, {
            "webhook-id": f"f{number}", "Content-Type": "text/x-odd", "Authorization": "Bearer hush", "X-Token": "hush",
            "X-Empty": "", "X-Kept": "é"})
    wait_until(lambda: listener.output().count("  status 200 after ") == 3, listener.tail, 30)
    for number, (method, path, headers, body) in enumerate(target.requests):
        assert (method, path) == (("GET", "PUT", "POST")[number], f"/a%2Fb/../c?x=%00&y={number}")
        assert body == bodies[number]
        assert headers["content-type"] == "text/x-odd" and headers["webhook-id"] == f"f{number}"
        assert headers["x-empty"] == "" and headers["x-kept"].encode("latin-1").decode() == "é"
        assert headers["host"] == target.url.removeprefix("http://")
        assert not {"authorization", "x-token", "expect", "accept", "user-agent"} & {name.lower() for name in headers}
    status, last = listener.stop()
    assert (status, last) == (0, "sluice listen: ended: received 3, forwarded 3, failed 0")


def test_a_url_with_a_path_gets_all_events_there(site, listen, target):
    listen("--forward", f"{target.url}/hook?of=mine")
    site.publish("p", b"x", T)
    wait_until(lambda: target.requests, "the request", 30)
    assert target.requests[0][1] == "/hook?of=mine"


def test_a_program_that_refuses_or_is_away_is_said_and_counted_and_nothing_is_sent_twice(site, listen, target):
    target.status = 500
    refused = listen("--json", "--forward", target.url)
    away = listen("--forward", f"http://127.0.0.1:{free_port()}")
    for number in range(3):
        site.publish(f"r{number}", b"x", T)
    assert [event["forward"]["status"] for event in refused.events(3)] == [500] * 3
    wait_until(lambda: away.output().count("no reply after") == 3, away.tail, 30)
    assert refused.stop() == (1, "sluice listen: ended: received 3, forwarded 0, failed 3")
    assert away.stop() == (1, "sluice listen: ended: received 3, forwarded 0, failed 3")
    assert len(target.requests) == 3


def test_a_program_that_does_not_answer_costs_its_timeout_and_the_next_event_is_sent(site, listen, target):
    target.go.clear()
    listener = listen("--json", "--forward", target.url, "--timeout", "1s")
    site.publish("slow", b"x", T)
    (event,) = listener.events(1)
    assert event["forward"]["status"] is None and event["forward"]["problem"]
    target.go.set()
    site.publish("next", b"x", T)
    assert [event["forward"]["status"] for event in listener.events(2)] == [None, 200]


def test_ctrl_c_ends_at_once_while_a_program_does_not_answer(site, listen, target):
    target.go.clear()
    listener = listen("--forward", target.url, "--timeout", "10min")
    site.publish("slow", b"x", T)
    wait_until(lambda: target.requests, "the request", 30)
    assert listener.stop() == (1, "sluice listen: ended: received 1, forwarded 0, failed 1")


def test_heartbeats_go_on_while_a_program_does_not_answer(site, listen, target):
    """Without them RabbitMQ closes the connection after 40 s."""
    def sent():
        return sum(entry.get("recv_oct", 0) for entry in connections(site))
    target.go.clear()
    listener = listen("--json", "--forward", target.url, "--timeout", "10min")
    site.publish("slow", b"x", T)
    wait_until(lambda: target.requests, "the request", 30)
    for _ in range(3):  # the page may be behind by the bytes of the beginning
        before = sent()
        wait_until(lambda: sent() > before, "a heartbeat", 60, 0.5)  # pylint: disable=cell-var-from-loop
    site.publish("meanwhile", b"x", T)
    target.go.set()
    assert [event["id"] for event in listener.events(2)] == ["slow", "meanwhile"]
    assert listener.output().count("listening for events of") == 1


# --- the intake goes on -------------------------------------------------------------

def flood(site, count, body):
    """Sends events over eight connections; returns the statuses."""
    def send(connection):
        statuses = []
        with Wire(site.gateway.port) as wire:
            for number in range(count // 8):
                wire.send(encode("POST", "/flood", body, {"webhook-id": f"{connection}-{number}"}))
                statuses.append(wire.reply().status)
        return statuses
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [status for statuses in pool.map(send, range(8)) for status in statuses]


@pytest.mark.parametrize(("count", "size"), [(2400, 10), (480, 65536)], ids=["many", "large"])
def test_a_stopped_listener_costs_the_gateway_no_event_and_the_broker_a_bounded_queue(site, listen, count, size):
    site.start_gateway()
    site.start_workers(1)
    listener = listen("--json")
    listener.send(signal.SIGSTOP)
    assert flood(site, count, b"x" * size) == [200] * count
    bound = (lambda: (LENGTH in [ready for ready, _ in depths(site)])) if size < 1000 else \
        (lambda: any(BYTES - 2 * size < held <= BYTES for _, held in depths(site)))
    wait_until(bound, lambda: f"a full queue: {depths(site)}", 30)
    assert all(ready <= LENGTH and held <= BYTES for ready, held in depths(site))
    listener.send(signal.SIGCONT)  # before the broker gives it up
    site.wait_count(count, 60)
    if size < 1000:
        listener.wait_for("the broker drops the oldest of 1000")
        status, last = listener.stop()
        assert status == 0 and last.endswith("; the broker has probably dropped others, and doesn't say how many")
        assert len(listener.events()) < count


def test_an_alarm_of_the_broker_harms_no_listener(site, listen):
    listener = listen("--json")
    site.start_gateway()
    site.send_ok("POST", "/", b"", {"webhook-id": "before"})
    site.broker.set_alarm()
    try:
        wait_until(lambda: site.send().status == 503, "503", 30)
    finally:
        site.broker.clear_alarm()
    wait_until(lambda: site.send("POST", "/", b"", {"webhook-id": "after"}).status == 200, "200", 30)
    wait_until(lambda: {"before", "after"} <= {event["id"] for event in listener.events()}, listener.tail, 30)


def test_a_killed_listener_leaves_no_queue(site, listen):
    listener = listen()
    wait_until(lambda: len(queues(site)) == 1, lambda: f"the queue: {queues(site)}", 30)
    listener.kill()
    wait_until(lambda: not queues(site), lambda: f"no queue: {queues(site)}", 60)


def test_the_queue_of_a_listener_that_stands_still_ends_by_itself(site, listen):
    listener = listen()
    wait_until(lambda: len(queues(site)) == 1, lambda: f"the queue: {queues(site)}", 30)
    listener.send(signal.SIGSTOP)
    begun = time.monotonic()
    wait_until(lambda: not queues(site), lambda: f"no queue: {queues(site)}", 120)
    site.note(f"gone after {time.monotonic() - begun:.0f} s")


def test_a_listener_that_loses_the_broker_says_so_and_listens_again(site, listen):
    listener = listen("--json")

    def cut():
        names = [entry["name"] for entry in connections(site)]
        for name in names:
            site.broker.management("DELETE", f"connections/{urllib.parse.quote(name, safe='')}")
        return names
    wait_until(cut, "the listener's connection", 30)
    listener.wait_for("connecting again, and what arrives until then is not shown")
    wait_until(lambda: listener.output().count("listening for events of") == 2, listener.tail, 60)
    site.publish("again", b"x", T)
    assert listener.events(1)[0]["id"] == "again"


# --- rights and settings --------------------------------------------------------------

def refused(site, action):
    channel = site.channel("sluice-listen")
    with pytest.raises((pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker)) as caught:
        channel.confirm_delivery()
        action(channel)
    assert caught.value.reply_code == 403
    return True


@pytest.mark.parametrize("name", ["webhooks.ingest", "webhooks.dead", "webhooks.retry.10", "webhooks.delay.10"])
def test_the_listeners_user_can_neither_read_nor_empty_nor_bind_our_queues(site, name):
    for action in (lambda channel: channel.basic_get(name), lambda channel: channel.basic_consume(name, print),
                   lambda channel: channel.queue_purge(name), lambda channel: channel.queue_delete(name),
                   lambda channel: channel.queue_bind(name, "webhooks", "x"),
                   lambda channel: channel.queue_unbind(name, "webhooks", "#")):
        assert refused(site, action)


@pytest.mark.parametrize("exchange", ["", "amq.topic", "webhooks", "webhooks.again", "webhooks.dead", "webhooks.delay.10",
                                      "webhooks.retry.10"])
def test_the_listeners_user_can_publish_nowhere_not_by_a_dead_letter_either(site, exchange):
    assert refused(site, lambda channel: channel.basic_publish(exchange, "webhooks.ingest", b"x"))
    assert refused(site, lambda channel: channel.queue_declare("webhooks.listen.mine", exclusive=True, arguments={
        "x-dead-letter-exchange": exchange, "x-message-ttl": 1}))


def test_a_queue_that_somebody_declares_with_the_listeners_password_is_bounded_all_the_same(site):
    channel = site.channel("sluice-listen")
    channel.queue_declare("webhooks.listen.mine", durable=True)
    try:
        wait_until(lambda: queues(site)["webhooks.listen.mine"].get("effective_policy_definition") == {
            "max-length": LENGTH, "max-length-bytes": BYTES, "expires": 60000, "overflow": "drop-head"},
            lambda: f"the policy: {queues(site)}", 30)
    finally:
        channel.queue_delete("webhooks.listen.mine")
        channel.connection.close()


def test_a_queue_that_refuses_made_with_the_listeners_password_stops_the_intake_until_it_is_gone(site):
    """A policy can't change what a queue's own arguments say of a full queue: SECURITY.md says who may know the password."""
    site.start_gateway()
    channel = site.channel("sluice-listen")
    channel.queue_declare("webhooks.listen.mine", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_bind("webhooks.listen.mine", "webhooks", "#")
    try:
        wait_until(lambda: site.send(body=b"{}").status == 503, "503", 30)
    finally:
        channel.queue_delete("webhooks.listen.mine")
        channel.connection.close()
    wait_until(lambda: site.send(body=b"{}").status == 200, "200", 60)


def test_without_a_password_setup_makes_no_such_user_and_keeps_one_that_is_there(servers):
    nothing = {"SETUP_LISTEN_BROKER_PASSWORD_FILE": None}
    try:
        done = servers.setup(**nothing)
        assert done.returncode == 0 and "there  broker user sluice-listen" in done.stdout
        servers.broker.management("DELETE", "users/sluice-listen")
        done = servers.setup(**nothing)
        assert done.returncode == 0 and "sluice-listen in" not in done.stdout and "user sluice-listen" not in done.stdout
        assert servers.setup("--check", **nothing).returncode == 0
    finally:
        done = servers.setup()
    assert done.returncode == 0 and "done   broker user sluice-listen" in done.stdout


def test_what_cannot_work_ends_at_once_with_the_reason(site):
    for arguments, said in ((("--source", "No"), "a source is a-z"), (("--forward", "ftp://h/"), "it must be http://"),
                            (("--forward", "localhost:1"), "it must be http://"), (("--timeout", "0s"), "--timeout 0s")):
        done = listen_once(site, *arguments)
        assert (done.returncode, said in done.stderr) == (64, True), done.stderr
    done = listen_once(site, BROKER_URL="amqp://sluice-listen@127.0.0.1:1/sluice")
    assert done.returncode == 69 and "127.0.0.1:1" in done.stderr
    done = listen_once(site, BROKER_PASSWORD_FILE=None, BROKER_PASSWORD="wrong")
    assert done.returncode == 78
    done = listen_once(site, BROKER_URL=site.broker.url("sluice-gateway"),
                       BROKER_PASSWORD_FILE=site.servers.directory / "secrets" / "broker-gateway")
    assert done.returncode == 78 and "403" in done.stderr
