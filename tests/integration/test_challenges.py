# SPDX-License-Identifier: MIT
"""How providers check an endpoint: docs/providers.md declares it, each is answered as its documents say, none is queued."""

import json
import pathlib
import re
import signal
import time

import pytest

from process import Child, free_port, port_is_free, wait_until
from programs import environment
from provider_signer import SIGNERS, Event
from routefile import RouteFile
from wire import request

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "providers.md").read_text(encoding="utf-8")
HMAC = {name: ({"scheme": "hmac", **json.loads(f"{{{members}}}")}, json.loads(rule)) for name, members, rule in
        re.findall(r"^\| ([^|`]+) \| `(\"header\".+?)` \| `([\[{].*?[\]}])` \|", PAGE, re.M)}
WHOLE = {name: (json.loads(verify), json.loads(rule)) for name, verify, rule in
         re.findall(r"^\| ([^|`]+) \| `(\{\"scheme\".+?\})` \| `([\[{].*?[\]}])` \|", PAGE, re.M)}
# provider: (verify, id), as the tables have them; Xero's check is an event
LISTED = {name: row for name, row in {**HMAC, **WHOLE}.items() if "challenge" in row[0] or name == "Xero"}
SECRET = "the secret of each provider"
JSON = {"Content-Type": "application/json"}
GRAPH = "Validation: Testing client application reachability for subscription Request-Id: 522a8e7e-096a-494c-aaf1-ac0dcfca45b7"
HOOK_SECRET = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81"
TOKEN = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
TWITCH = (b'{"challenge": "pogchamp-kappa-360noscope-vohiyo", "subscription": {"id": "f1c2a387-161a-49f9-a165-0f21d7a4e1c4", '
          b'"status": "webhook_callback_verification_pending"}}')
XERO = b'{"events": [], "lastEventSequence": 0, "firstEventSequence": 0, "entropy": "S0m3r4nd0mt3xt"}'
EVENT = b'{"id": "1", "eventId": "1", "challenge": "x", "verification_token": "x", "events": [{"a": 1}]}'

pytestmark = pytest.mark.gateway


def path_of(name):
    return "/" + re.sub(r"[^a-z0-9]+", "-", name.lower())


class Providers:
    """A gateway of its own with a route for each of these providers, as the page has it."""

    def __init__(self, site, names, **members):
        self.site = site
        self.routes = RouteFile(site.directory / f"challenges-{len(site.programs)}")
        self.given = self.routes.secret("secret", SECRET)
        self.gateway = site.add_gateway(GATEWAY_ROUTES=self.routes.write(*(self._source(name, members) for name in names)).path)
        self.gateway.start()

    def _source(self, name, members):
        verify, rule = LISTED[name]
        secrets = {} if verify["scheme"] == "none" else {"secrets": [self.given]}
        return {"name": path_of(name)[1:], "path": path_of(name), "id": rule, "verify": {**verify, **secrets}, **members}

    def send(self, name, method, query="", body=b"", headers=None):
        return request(self.gateway.port, method, path_of(name) + query, body, headers or {})

    def counted(self, name):
        return self.gateway.metrics()[name]

    def published(self):
        return self.counted('sluice_gateway_messages_total{outcome="published"}')

    def answered(self):
        return self.counted('sluice_gateway_replies_total{outcome="challenge"}')


def proof(name, body, secret=SECRET, **more):
    """The headers of an event whose body this is, as the provider makes them."""
    if name in SIGNERS:
        return {**SIGNERS[name](secret.encode(), Event("e-1", body, f"https://hooks.example.com{path_of(name)}", int(time.time()))), **more}
    header = LISTED[name][0].get("header")
    return {**({header: secret} if header else {}), **more}


# provider: how it asks (method, query, body, headers), as its documents show it; a signed one is signed when it is sent
ASKED = {
    "Dropbox": ("GET", "?challenge=6pmzU4n0Jq_hVYaSdPO-cLMGbRrQnOh0", b"", {}),
    "Microsoft Graph": ("POST", "?validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+"
                        "Request-Id%3a+522a8e7e-096a-494c-aaf1-ac0dcfca45b7", b"", {"Content-Type": "text/plain; charset=utf-8"}),
    "monday.com": ("POST", "", b'{\n"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"\n}', JSON),
    "Asana": ("POST", "", b"", {"X-Hook-Secret": HOOK_SECRET}),
    "Okta": ("GET", "", b"", {"X-Okta-Verification-Challenge": "Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg",
                              "Accept": "application/json", "Authorization": SECRET}),
    "Azure Event Grid": ("OPTIONS", "", b"", {"WebHook-Request-Origin": "eventgrid.azure.net",
                                              "WebHook-Request-Callback": "https://eventgrid.azure.net/validate?id=1"}),
    "Notion": ("POST", "", json.dumps({"verification_token": TOKEN}).encode(), JSON),
    "Trello": ("HEAD", "", b"", {}),
    "Twitch": ("POST", "", TWITCH, {"Twitch-Eventsub-Message-Type": "webhook_callback_verification"}),
    "Xero": ("POST", "", XERO, JSON),
}
SIGNED = ("Twitch", "Xero")
# (content type, body, a header)
ANSWERS = {
    "Dropbox": ("text/plain", b"6pmzU4n0Jq_hVYaSdPO-cLMGbRrQnOh0"),
    "Microsoft Graph": ("text/plain", GRAPH.encode()),
    "monday.com": ("application/json", {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}),
    "Asana": ("text/plain", b"", ("x-hook-secret", HOOK_SECRET)),
    "Okta": ("application/json", {"verification": "Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg"}),
    "Azure Event Grid": ("text/plain", b"", ("webhook-allowed-origin", "eventgrid.azure.net"), ("webhook-allowed-rate", "*")),
    "Notion": ("text/plain", TOKEN.encode()),
    "Trello": ("text/plain", b""),
    "Twitch": ("text/plain", b"pogchamp-kappa-360noscope-vohiyo"),
}
SHOWN = ("Asana", "Notion")
PLAIN = [name for name in ANSWERS if name not in SHOWN]


def ask(providers, name, method=None, query=None, body=None, secret=SECRET, **headers):
    """The provider's check, changed by these; a header that is None is left out."""
    asked = ASKED[name]
    body = asked[2] if body is None else body
    given = {**(proof(name, body, secret) if name in SIGNED else {}), **asked[3], **headers}
    return providers.send(name, method or asked[0], asked[1] if query is None else query, body,
                          {header: value for header, value in given.items() if value is not None})


def assert_answered(reply, name):
    kind, body, *headers = ANSWERS[name]
    assert (reply.status, reply.headers["content-type"], reply.headers["x-content-type-options"]) == (200, kind, "nosniff")
    assert (reply.json() if isinstance(body, dict) else reply.body) == body
    for header, value in headers:
        assert reply.headers[header] == value


@pytest.fixture(scope="module")
def providers(shared_site):
    return Providers(shared_site, LISTED)


@pytest.fixture(autouse=True)
def nothing_queued(request):
    """A test that uses `providers` ends with as many events queued as it began with, unless it returns how many more."""
    if "providers" not in request.fixturenames:
        yield
        return
    providers = request.getfixturevalue("providers")
    before = providers.published()
    yield
    assert providers.published() == before + getattr(request.node, "queued", 0)


def test_each_declared_challenge_of_the_page_is_asked_here():
    assert sorted(LISTED) == sorted(ASKED)


@pytest.mark.parametrize("name", PLAIN)
def test_the_check_that_the_provider_documents_gets_the_reply_that_it_documents(providers, name):
    before = providers.answered()
    for _ in range(2):
        assert_answered(ask(providers, name), name)
    wait_until(lambda: providers.answered() == before + 2, "two answers to be counted")


@pytest.mark.parametrize("name", [name for name in LISTED if LISTED[name][0]["scheme"] != "none"])
def test_with_a_wrong_proof_a_check_gets_the_same_401_as_an_event(providers, name):
    body = ASKED[name][2]
    wrong = proof(name, body, "another secret")
    reply = ask(providers, name, secret="another secret", **wrong)
    assert reply.status == 401
    assert ASKED[name][0] == "HEAD" or reply.json() == {"error": "the request could not be verified"}


@pytest.mark.parametrize("name", SIGNED)
def test_a_check_that_the_provider_signs_gets_401_without_a_signature(providers, name):
    header = LISTED[name][0]["header"]
    assert ask(providers, name, **{header: None}).status == 401


@pytest.mark.parametrize("name", [name for name in ASKED if name not in SIGNED and ASKED[name][0] != "POST"])
def test_a_check_by_another_method_is_none_and_the_reply_names_the_allowed_ones(providers, name):
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        if method != ASKED[name][0]:
            reply = ask(providers, name, method)
            assert reply.status == 405
            assert reply.headers["allow"] == {"GET": "GET, POST", "HEAD": "HEAD, POST", "OPTIONS": "POST, OPTIONS"}[ASKED[name][0]]


@pytest.mark.parametrize("name", ASKED)
def test_a_method_of_neither_events_nor_the_challenge_gets_405(providers, name):
    for method in ("PUT", "PATCH", "DELETE"):
        assert ask(providers, name, method).status == 405


def test_a_method_of_the_challenge_alone_is_no_method_for_events(providers):
    for name, method in (("Dropbox", "GET"), ("Okta", "GET"), ("Azure Event Grid", "OPTIONS")):
        assert providers.send(name, method).status == 405
        assert providers.send(name, method, headers=proof(name, b"")).status == 405


LONG = "x" * 257
HOSTILE = ["a%0d%0aSet-Cookie:%20b", "a%00b", "%1b[31m", "caf%c3%a9", LONG]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_too_long_or_not_printable_is_not_returned(providers, text):
    for name, member in (("Dropbox", "challenge"), ("Microsoft Graph", "validationToken")):
        reply = ask(providers, name, query=f"?{member}={text}")
        assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
        assert "set-cookie" not in reply.headers
    body = json.dumps({"challenge": re.sub("%(..)", lambda m: chr(int(m[1], 16)), text)}).encode()
    assert ask(providers, "monday.com", body=body).status == 400
    assert ask(providers, "Twitch", body=body).status == 400


def test_a_header_that_is_too_long_or_not_printable_is_not_returned(providers):
    for value in (LONG, "caf\xe9", "a\tb"):
        assert ask(providers, "Okta", **{"X-Okta-Verification-Challenge": value}).status == 400
        assert ask(providers, "Azure Event Grid", **{"WebHook-Request-Origin": value}).status == 400
        reply = ask(providers, "Asana", **{"X-Hook-Secret": value})
        assert (reply.status, "x-hook-secret" in reply.headers) == (400, False)


def test_a_text_with_markup_is_returned_as_plain_text_or_escaped_json(providers):
    reply = ask(providers, "Dropbox", query="?challenge=%3Cscript%3E%22%5C")
    assert (reply.body, reply.headers["content-type"]) == (b'<script>"\\', "text/plain")
    assert ask(providers, "Okta", **{"X-Okta-Verification-Challenge": '"}<b>\\'}).json() == {"verification": '"}<b>\\'}


@pytest.mark.parametrize("name", LISTED)
def test_an_event_that_looks_like_a_check_is_queued(providers, name, request):
    query = {"Dropbox": "?challenge=x", "Microsoft Graph": "?validationToken=x"}.get(name, "")
    more = {"X-Hook-Secret": "x", "X-Okta-Verification-Challenge": "x", "WebHook-Request-Origin": "x",
            "Twitch-Eventsub-Message-Type": "notification"}
    body = EVENT.replace(b'"id"', b'"action": {"id": "1"}, "id"')
    reply = providers.send(name, "POST", query, body, {**more, **proof(name, body)})
    assert (reply.status, reply.json()["status"]) == (200, "queued")
    request.node.queued = 1


@pytest.mark.parametrize("name", ["Asana", "Dropbox", "Notion"])
def test_a_request_that_verifies_is_an_event_even_in_the_form_of_the_check(providers, name, request):
    _, query, body, headers = ASKED[name]
    if name == "Notion":
        body = b'{"verification_token": "x", "id": "1"}'
    reply = providers.send(name, "POST", query, body, {**headers, **proof(name, body)})
    assert (reply.status, reply.json()["status"]) == (200, "queued")
    request.node.queued = 1


def test_xeros_intent_to_receive_is_an_event_of_an_empty_list(providers, request):
    reply = ask(providers, "Xero")
    assert (reply.status, reply.json()["status"]) == (200, "queued")
    assert ask(providers, "Xero", secret="another secret").status == 401
    request.node.queued = 1


def secrets_shown(gateway):
    return [(line["source"], line["secret"]) for line in gateway.lines("challenge-secret")]


@pytest.mark.parametrize("name", SHOWN)
def test_a_secret_that_comes_in_the_first_request_is_logged_once_and_works_when_it_is_in_the_file(shared_site, name):
    providers = Providers(shared_site, [name])
    secret = HOOK_SECRET if name == "Asana" else TOKEN
    assert_answered(ask(providers, name), name)
    wait_until(lambda: secrets_shown(providers.gateway), "the secret in the log")
    reply = ask(providers, name)  # what isn't shown isn't accepted
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 10 and "x-hook-secret" not in reply.headers
    assert providers.send(name, "POST", "", EVENT, proof(name, EVENT, secret)).status == 401
    providers.routes.secret("secret", secret)
    providers.gateway.send(signal.SIGHUP)
    wait_until(lambda: providers.gateway.metrics()['sluice_gateway_reloads_total{outcome="done"}'] == 1, "a reload")
    assert providers.published() == 0
    assert providers.send(name, "POST", "", EVENT, proof(name, EVENT, secret)).status == 200
    wait_until(lambda: ask(providers, name).status == 200, "the next secret to be taken", 20, every=0.5)
    wait_until(lambda: len(secrets_shown(providers.gateway)) == 2, "the next line")
    first, second = secrets_shown(providers.gateway)
    assert first == (path_of(name)[1:], secret)
    assert second[1] != secret, "a secret in use was written to the log"
    assert providers.gateway.output().count(secret) == 1
    assert providers.published() == 1


def test_a_secret_is_not_accepted_when_the_log_does_not_show_warnings(shared_site):
    routes = RouteFile(shared_site.directory / "quiet")
    routes.write(routes.open("one", "/one") | {"verify": {"scheme": "none", "challenge": {"query": "a", "log": True}}})
    port = free_port()
    gateway = shared_site.add_gateway(LOG_LEVEL="error", GATEWAY_ROUTES=routes.path, GATEWAY_LISTEN=f"127.0.0.1:{port}")
    Child.start(gateway, [(gateway.build / gateway.binary).absolute()], environment(gateway.settings))
    wait_until(lambda: not port_is_free(port), lambda: f"the gateway to listen, whose log says nothing{gateway.tail()}")
    assert request(port, "GET", "/one?a=b").status == 429


def test_the_rate_of_the_source_is_told_to_cloudevents_in_events_a_minute(shared_site):
    providers = Providers(shared_site, ["Azure Event Grid"], rate={"per_second": 5})
    reply = ask(providers, "Azure Event Grid", **{"X-Event-Key": SECRET, "WebHook-Request-Rate": "120"})
    assert (reply.status, reply.headers["webhook-allowed-rate"]) == (200, "300")


def test_the_header_of_a_challenge_is_not_kept_with_an_event(shared_site):
    providers = Providers(shared_site, ["Asana"])
    reply = providers.send("Asana", "POST", "", EVENT, {"X-Hook-Secret": "x", **proof("Asana", EVENT)})
    row = shared_site.row(reply.json()["id"], "asana")
    assert "x-hook-secret" not in row.headers and row.body == EVENT
