# SPDX-License-Identifier: MIT
"""Each provider that docs/providers.md lists with a declaration: what it signs is accepted, anything else is not."""

import gzip
import itertools
import json
import re
import shlex
import subprocess
import time

import pytest

from programs import run_command
from provider_signer import IN_BODY, PRIVATE, PUBLIC, SIGNERS, Event
from providers_page import LISTED, ROW_COMMAND, slug
from routefile import RouteFile
from wire import request

HEX_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"

pytestmark = pytest.mark.gateway


def path_of(name):
    return f"/{slug(name)}"


def key_of(name):
    """What the provider signs with. The route's secret is the same, or the public key of the pair."""
    return HEX_KEY if name.startswith("Adyen") else f"the secret of {name}"


class Providers:
    """A gateway with a route for each provider."""

    def __init__(self, site):
        self.site = site
        self.routes = RouteFile(site.directory / "declared")
        self.numbers = itertools.count(1)
        site.add_gateway(GATEWAY_ROUTES=self.routes.write(*map(self._source, LISTED)).path)
        self.gateway = site.programs[-1].start()

    def _source(self, name):
        members, rule = LISTED[name]
        secret = self.routes.secret(path_of(name)[1:], PUBLIC.get(name, bytes.decode)(key_of(name).encode()))
        return {"name": path_of(name)[1:], "path": path_of(name), "id": rule,
                "verify": {"scheme": "hmac", "secrets": [secret], **members}}

    def event(self, name, body, off=0, query="", number=None):
        return Event(number, body, f"https://hooks.example.com{path_of(name)}{query}", int(time.time()) + off)

    def signed(self, name, off=0, key=None, query=""):
        """(event, headers) of a new event that is signed so many seconds from now."""
        number = f"event-{next(self.numbers)}"
        body = json.dumps({"id": number, "event_id": number, "event": {"id": number}, "action": {"id": number}}).encode()
        event = self.event(name, body, off, query, number)
        return event, SIGNERS[name]((key or key_of(name)).encode(), event)

    def private(self, name):
        """The option with the private key of a provider with a public one."""
        if name not in PRIVATE:
            return []
        file = self.routes.directory / f"{slug(name)}.pem"
        file.write_bytes(PRIVATE[name](key_of(name).encode()))
        return ["--secret-file", file]

    def send(self, *arguments, **variables):
        url = f"http://127.0.0.1:{self.gateway.port}"
        return run_command(self.site.servers.build, ["send", "--url", url, *arguments], {"GATEWAY_ROUTES": self.routes.path, **variables})

    def post(self, name, body, headers, query=""):
        return request(self.gateway.port, "POST", path_of(name) + query, body, headers)


@pytest.fixture(scope="module")
def providers(shared_site):
    return Providers(shared_site)


def attempts(providers, name):
    """{what is wrong: (body, headers, query)}"""
    members, _ = LISTED[name]
    signed = members.get("signed", ["body"])
    header, field = members["header"], members.get("field")
    event, right = providers.signed(name)
    value = right[next(h for h in right if h.lower() == header.lower())]

    def other(text):
        return event.body, {h: text if h.lower() == header.lower() else v for h, v in right.items()}, ""

    wrong = {
        "another body": (event.body + b" ", right, ""),
        "another secret": (event.body, providers.signed(name, key="00" * 32)[1], ""),
        "no header": (event.body, {h: v for h, v in right.items() if h.lower() != header.lower()}, ""),
        "an empty header": other(""),
        "a truncated signature": other(value[:-3]),
    }
    if "time" in signed:
        for what, off in (("expired", -400), ("in the future", 400)):
            late, headers = providers.signed(name, off)
            wrong[what] = (late.body, headers, "")
    if "url" in signed:
        wrong["another url"] = (event.body, right, "?a=b")
    if "prefix" in members:
        wrong["no prefix"] = other(value.removeprefix(members["prefix"]))
        wrong["a prefix in capitals"] = other(value.replace(members["prefix"], members["prefix"].upper()))
    if field is not None:
        wrong["a field in the wrong case"] = other(value.replace(f"{field}=", f"{field.upper()}="))
        wrong["no field"] = other(value.replace(f"{field}=", ""))
    if "field" in members.get("time", {}):
        wrong["two times"] = other(f"{value},{members['time']['field']}={event.now}")
    return wrong


def test_each_provider_of_the_table_has_a_signer_here():
    assert sorted(LISTED) == sorted([*SIGNERS, *IN_BODY])


@pytest.mark.parametrize("name", SIGNERS)
def test_what_the_provider_signs_becomes_a_row(providers, name):
    event, headers = providers.signed(name)
    reply = providers.post(name, event.body, headers)
    assert reply.status == 200, f"{reply}\n{providers.gateway.tail()}"
    row = providers.site.row(reply.json()["id"], path_of(name)[1:])
    assert row.body == event.body
    assert LISTED[name][1] == {"body": True} or reply.json()["id"] == event.id
    assert LISTED[name][0]["header"].lower() not in row.headers
    if "url" in LISTED[name][0].get("signed", []):
        event, headers = providers.signed(name, query="?a=b%20c")
        assert providers.post(name, event.body, headers, "?a=b%20c").status == 200


@pytest.mark.parametrize("name", SIGNERS)
def test_anything_else_gets_the_same_401(providers, name):
    for what, (body, headers, query) in attempts(providers, name).items():
        reply = providers.post(name, body, headers, query)
        assert (reply.status, reply.json()) == (401, {"error": "the request could not be verified"}), what


@pytest.mark.parametrize("name", [name for name, (members, _) in LISTED.items() if "field" in members])
def test_of_several_signatures_one_must_be_right(providers, name):
    members = LISTED[name][0]
    event, headers = providers.signed(name)
    for separator in ",;":
        value = f"{members['field']}={'0' * 64}{separator}{headers[members['header']]}"
        assert providers.post(name, event.body, {**headers, members["header"]: value}).status == 200


@pytest.mark.parametrize("name", SIGNERS)
def test_sluice_send_signs_what_the_route_declares(providers, name):
    route = path_of(name)[1:]
    done = providers.send("--route", route, "--id", f"sent-to-{route}", *providers.private(name))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{providers.gateway.tail()}"
    status, event_id = done.stdout.split()
    assert status == "200"
    assert LISTED[name][1] == {"body": True} or event_id == f"sent-to-{route}"
    assert providers.site.row(event_id, route)
    if name in PRIVATE:
        return
    wrong = providers.send("--route", route, "--secret-env", "OTHER", OTHER="00" * 32)
    assert (wrong.stdout[:3], wrong.returncode) == ("401", 1), wrong.stderr


@pytest.mark.parametrize("name", sorted(set(SIGNERS) - set(PRIVATE)))
def test_sluice_send_takes_a_row_of_the_page_instead_of_a_routes_file(providers, name):
    members, rule = (json.dumps(value) for value in LISTED[name])
    secret = providers.routes.directory / path_of(name)[1:]
    command = ["--path", path_of(name), "--sign", "hmac", "--members", members[1:-1], "--id-rule", rule]
    done = providers.send(*command, "--secret-file", secret)
    assert done.stdout.startswith("200"), f"{done.stdout}{done.stderr}{providers.gateway.tail()}"


def test_the_command_of_the_page_tries_its_row(providers):
    secret = str(providers.routes.directory / "linear")
    words = [word.replace("FILE", secret) for word in shlex.split(ROW_COMMAND)[2:]]
    assert providers.send(*words).stdout.startswith("200")


@pytest.mark.parametrize("name, header, value, cause", [
    ("Zendesk", "X-Zendesk-Webhook-Signature-Timestamp", "{now}", "time"), ("Webflow", "X-Webflow-Timestamp", "{now}", "old"),
    ("Customer.io", "X-CIO-Timestamp", "{now}000", "early"), ("Paddle", "Paddle-Signature", "h1=00", "time")])
def test_a_time_in_another_unit_or_place_is_refused_with_the_cause_that_the_page_names(providers, name, header, value, cause):
    event, headers = providers.signed(name)
    metric = f'sluice_gateway_unverified_total{{cause="{cause}"}}'
    before = providers.gateway.metrics().get(metric, 0)
    assert providers.post(name, event.body, {**headers, header: value.format(now=event.now)}).status == 401
    assert providers.gateway.metrics()[metric] == before + 1


def test_wrong_members_are_refused_as_in_a_routes_file(providers):
    for members, more, says in (
            ('"header": "X-Sum", "signed": ["time", "body"]', [], "--members: verify.time: is missing"),
            ('"header": "X-Sum", "signd": ["body"]', [], "--members: verify: has no member \"signd\""),
            ('"header": "X-Sum", "scheme": "github"', [], "--members: verify: has \"scheme\" twice"),
            ('"signed": ["body"]', [], "--members: verify.header: is missing"),
            ('"header": "X-Sum", "signed": ["id", "body"]', ["--id-rule", '{"body": true}'], "--members: verify.signed"),
            ('"header": "X-Sum", "signed": [body]', [], "is not the JSON"),
            ('"header": "X-Sum"', ["--id-rule", "id"], "is not the JSON")):
        done = providers.send("--sign", "hmac", "--secret-env", "KEY", "--members", members, *more, KEY="a key")
        assert (done.returncode, done.stdout) == (78, "")
        assert says in done.stderr
    for arguments in (["--members", "{}"], ["--members", "{}", "--route", "linear"], ["--id-rule", "{}", "--sign", "hmac"],
                      ["--members", "{}", "--sign", "hmac", "--header", "X-Sum"]):
        assert providers.send(*arguments).returncode == 64


def test_discords_ping_is_answered_and_not_queued(providers):
    before = providers.gateway.metrics()['sluice_gateway_messages_total{outcome="published"}']
    ping = providers.event("Discord", b'{"id": "1", "type": 1, "version": 1}')
    headers = SIGNERS["Discord"](key_of("Discord").encode(), ping)
    reply = providers.post("Discord", ping.body, headers)
    assert (reply.status, reply.headers["content-type"], reply.json()) == (200, "application/json", {"type": 1})
    assert providers.gateway.metrics()['sluice_gateway_messages_total{outcome="published"}'] == before
    assert providers.post("Discord", ping.body + b" ", headers).status == 401
    event = providers.event("Discord", b'{"type": 1, "event": {"type": "ENTITLEMENT_CREATE"}}')
    reply = providers.post("Discord", event.body, SIGNERS["Discord"](key_of("Discord").encode(), event))
    assert (reply.status, reply.json()["status"]) == (200, "queued")


@pytest.mark.parametrize("scheme, algorithm", [("ed25519", ["ed25519"]), ("ecdsa", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])])
def test_sluice_send_signs_with_a_pair_of_ones_own(providers, build, tmp_path, scheme, algorithm):
    site = providers.site
    routes = RouteFile(tmp_path)
    private = tmp_path / "private.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", *algorithm, "-out", private], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", private, "-pubout"], check=True, capture_output=True, text=True).stdout
    verify = {"scheme": scheme, "header": "X-Signature", "secrets": [routes.secret("public.pem", public)]}
    routes.write({"name": "mine", "path": "/mine", "verify": verify, "id": {"pointer": "/id"}})
    site.add_gateway(GATEWAY_ROUTES=routes.path)
    gateway = site.programs[-1].start()
    command = ["send", "--url", f"http://127.0.0.1:{gateway.port}"]
    signed = [*command, "--path", "/mine", "--sign", scheme, "--header", "X-Signature", "--secret-file"]
    done = run_command(build, [*signed, private], {})
    assert done.stdout.startswith("200"), done.stderr
    by_name = [*command, "--route", "mine", "--routes", routes.path]
    done = run_command(build, [*by_name, "--secret-file", private], {})
    status, event_id = done.stdout.split()
    assert status == "200" and site.row(event_id, "mine")
    done = run_command(build, by_name, {})
    assert (done.returncode, done.stdout) == (78, "")
    assert "is a public key, which can't sign: use --secret-file with the private key" in done.stderr


def within(name, key=None, off=0, number=None):
    """A new event with its signature within the body."""
    event = Event(number or f"event-{time.time_ns()}", b"", "", int(time.time()) + off)
    return event.id, IN_BODY[name]((key or key_of(name)).encode(), event)


@pytest.mark.parametrize("name", IN_BODY)
def test_a_signature_within_the_body_makes_a_row_and_anything_else_a_401(providers, name):
    number, body = within(name)
    reply = providers.post(name, body, {"Content-Type": "application/json"})
    assert reply.status == 200, f"{reply}\n{providers.gateway.tail()}"
    assert LISTED[name][1] == {"body": True} or reply.json()["id"] == number
    assert providers.site.row(reply.json()["id"], path_of(name)[1:]).body == body
    signed = ("timestamp", "token", "signature") if name == "Mailgun" else (
        "pspReference", "merchantAccountCode", "merchantReference", "value", "currency", "eventCode", "success", "hmacSignature")
    wrong = {f"another {member}": re.sub(rb'("%b": "?)' % member.encode(), rb"\g<1>1", body) for member in signed}
    wrong.update({"another secret": within(name, key="00" * 32)[1], "no JSON": body + b"x", "gzip": gzip.compress(body),
                  "nothing": b"", "no signature": b"{}", "signed twice": body[:-1] + b", " + body[1:]})
    if name == "Mailgun":
        wrong.update({"expired": within(name, off=-400)[1], "in the future": within(name, off=400)[1]})
    else:
        wrong["a batch"] = body.replace(b"}}]", b"}}, {}]")
    for what, other in wrong.items():
        assert other != body, what
        reply = providers.post(name, other, {"Content-Encoding": "gzip"} if what == "gzip" else {})
        assert (reply.status, reply.json()) == (401, {"error": "the request could not be verified"}), what


@pytest.mark.parametrize("name", IN_BODY)
def test_a_captured_signature_replaces_no_row(providers, name):
    _, body = within(name)
    forged = body.replace(b'"opened"', b'"forged"').replace(b'"false"', b'"forge"')
    assert forged != body
    ids = []
    for sent in (body, forged, within(name)[1]):  # what no signature covers can be changed
        reply = providers.post(name, sent, {})
        assert reply.status == 200, reply
        ids.append(reply.json()["id"])
    assert (ids[0] == ids[1]) == (LISTED[name][1] != {"body": True})
    assert providers.site.row(ids[2], path_of(name)[1:])  # so the two before it are stored, too
    assert providers.site.row(ids[0], path_of(name)[1:]).body == body
