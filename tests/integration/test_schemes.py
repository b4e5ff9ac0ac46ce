# SPDX-License-Identifier: MIT
"""Each verification scheme, end to end: a request that the provider has signed becomes a row, any other is refused."""

import base64
import itertools
import json
import time

import pytest

from programs import run_command
from routefile import RouteFile
from signer import FORM, NAME_THEIR_ID, RULES, SCHEMES, TIMED, body_of, headers_of, id_of
from wire import request

pytestmark = pytest.mark.gateway

VERIFY_TOKEN = "the verify token of meta"
_numbers = itertools.count(1)


def secret_of(scheme):
    text = f"the secret of {scheme}, which nobody knows"
    return f"whsec_{base64.b64encode(text.encode()).decode()}" if scheme == "standard" else text


def changed(scheme, body):
    """The same body with one change in its bytes, and the same or nearly the same meaning."""
    return body + (b"&a=b" if scheme == "twilio" else b" ")


class Provider:
    """A gateway with a source for each scheme, and its senders."""

    def __init__(self, site):
        self.site = site
        self.routes = RouteFile(site.directory / "schemes")
        site.add_gateway(GATEWAY_ROUTES=self.routes.write(*map(self._source, SCHEMES)).path, LOG_LEVEL="debug",
                         GATEWAY_TRUSTED_PROXIES="127.0.0.1")
        self.gateway = site.programs[-1].start()

    def _source(self, scheme):
        verify = {"scheme": scheme, "secrets": [self.routes.secret(scheme, secret_of(scheme))], **RULES.get(scheme, {})}
        if scheme == "meta":
            verify["verify_token"] = self.routes.secret("verify-token", VERIFY_TOKEN)
        source = {"name": scheme, "path": f"/{scheme}", "verify": verify, "methods": ["POST", "GET"]}
        return {**source, "id": {"pointer": "/id"}} if scheme in NAME_THEIR_ID else source

    def url(self):
        return f"http://127.0.0.1:{self.gateway.port}"

    def post(self, scheme, body, headers, target=None):
        kind = FORM if scheme == "twilio" else "application/json"
        return request(self.gateway.port, "POST", target or f"/{scheme}", body, {"Content-Type": kind, **headers})

    def published(self):
        return self.gateway.metrics()['sluice_gateway_messages_total{outcome="published"}']

    def refused(self, cause):
        return self.gateway.metrics()[f'sluice_gateway_unverified_total{{cause="{cause}"}}']

    def signed(self, scheme, secret=None, **more):
        """(id, body, headers) of a new signed event."""
        event_id = f"event-{next(_numbers)}"
        body, _ = body_of(scheme, event_id)
        return event_id, body, headers_of(scheme, secret or secret_of(scheme), event_id, body, f"http://localhost/{scheme}",
                                          **more)


@pytest.fixture(scope="module")
def provider(shared_site):
    return Provider(shared_site)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_provider_signs_becomes_a_row(provider, scheme):
    event_id, body, headers = provider.signed(scheme)
    reply = provider.post(scheme, body, headers)
    assert reply.status == 200, f"{reply}\n{provider.gateway.tail()}"
    assert reply.json()["id"] == id_of(scheme, event_id, body)
    row = provider.site.row(id_of(scheme, event_id, body), scheme)
    assert row.body == body
    told = json.dumps(row.headers)
    assert not [value for value in headers.values() if value != event_id and value in told]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_anything_else_gets_one_same_401_and_becomes_nothing(provider, scheme):
    before = provider.published()
    other = "github" if scheme != "github" else "slack"
    wrong_secret = secret_of(other) if scheme != "standard" else "whsec_" + base64.b64encode(b"other").decode()
    event_id, body, headers = provider.signed(scheme)
    attempts = [(body, provider.signed(scheme, wrong_secret)[2]), (body, {})]
    if scheme not in ("gitlab", "bearer", "basic", "header"):
        attempts.append((changed(scheme, body), headers))
    for sent, given in attempts:
        reply = provider.post(scheme, sent, given)
        assert (reply.status, reply.json()) == (401, {"error": "the request could not be verified"})
        proof = {"basic": 'Basic realm="webhooks", charset="UTF-8"', "bearer": 'Bearer realm="webhooks"'}
        assert reply.headers["www-authenticate"] == proof.get(scheme, 'Signature realm="webhooks"')
    assert provider.published() == before
    assert not provider.gateway.lines("received") or event_id not in str(provider.gateway.lines("received"))


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("off, cause", [(-330, "old"), (330, "early")])
def test_a_timestamp_out_of_tolerance_is_refused(provider, scheme, off, cause):
    before = provider.refused(cause)
    _, body, headers = provider.signed(scheme, now=int(time.time()) + off)
    assert provider.post(scheme, body, headers).status == 401
    assert provider.refused(cause) == before + 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sluice_send_tries_a_route_in_one_line(provider, scheme, build):
    rule = RULES.get(scheme, {}) if scheme != "meta" else {}
    options = [word for name, value in rule.items() for word in (f"--{name}", value)]
    arguments = ["send", "--url", provider.url(), "--path", f"/{scheme}", "--sign", scheme, *options]
    done = run_command(build, [*arguments, "--secret-file", provider.routes.directory / scheme], {})
    assert done.returncode == 0, done.stderr + provider.gateway.tail()
    status, event_id = done.stdout.split()
    assert status == "200"
    assert provider.site.row(event_id, scheme)
    done = run_command(build, [*arguments, "--secret-env", "TRIED"], {"TRIED": "d3JvbmcgaW4gZWFjaCBjYXNl"})
    assert done.stdout.startswith("401")
    assert done.returncode == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sluice_send_tries_a_route_by_its_name_alone(provider, scheme, build):
    command = ["send", "--url", provider.url(), "--route", scheme]
    done = run_command(build, command, {"GATEWAY_ROUTES": provider.routes.path})
    assert done.returncode == 0, done.stderr + provider.gateway.tail()
    status, event_id = done.stdout.split()
    assert status == "200"
    assert provider.site.row(event_id, scheme).path == f"/{scheme}"
    done = run_command(build, [*command, "--routes", provider.routes.path, "--secret-env", "TRIED"],
                       {"TRIED": "d3JvbmcgaW4gZWFjaCBjYXNl"})
    assert (done.stdout[:3], done.returncode) == ("401", 1), done.stderr


def test_twilio_signs_the_url_that_the_proxy_was_called_by(provider):
    event_id = f"event-{next(_numbers)}"
    body, _ = body_of("twilio", event_id)
    headers = headers_of("twilio", secret_of("twilio"), event_id, body, "https://hooks.example.com/twilio?a=b")
    assert provider.post("twilio", body, headers, "/twilio?a=b").status == 401
    proxied = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "hooks.example.com"}
    assert provider.post("twilio", body, {**headers, **proxied}, "/twilio?a=b").status == 200
    assert provider.site.row(event_id, "twilio").query == "a=b"


def test_standard_takes_the_names_of_svix_and_refuses_a_mixture(provider):
    event_id, body, headers = provider.signed("standard")
    svix = {name.replace("webhook-", "svix-"): value for name, value in headers.items()}
    before = provider.refused("mixed")
    for mixture in ({**headers, "svix-id": event_id}, {**svix, "webhook-signature": headers["webhook-signature"]}):
        assert provider.post("standard", body, mixture).status == 401
    assert provider.refused("mixed") == before + 2
    reply = provider.post("standard", body, svix)
    assert (reply.status, reply.json()["id"]) == (200, event_id), provider.gateway.tail()
    row = provider.site.row(event_id, "standard")
    assert row.body == body
    assert not [name for name in row.headers if name.startswith("svix-")]


def challenge(reply):
    assert reply.headers["x-content-type-options"] == "nosniff"
    return reply.status, reply.headers["content-type"], reply.body


def test_handshakes_are_answered_and_not_queued(provider):
    before = provider.published()
    body = b'{"type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}'
    headers = headers_of("slack", secret_of("slack"), "", body)
    assert challenge(provider.post("slack", body, headers)) == (200, "text/plain", b"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd")
    assert provider.post("slack", body, headers_of("slack", "wrong", "", body)).status == 401
    body = b'{"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}'
    reply = provider.post("zoom", body, headers_of("zoom", secret_of("zoom"), "", body))
    assert challenge(reply)[:2] == (200, "application/json")
    assert reply.json() == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": headers_of(
        "meta", secret_of("zoom"), "", b"qgg8vlvZRS6UYooatFL8Aw")["X-Hub-Signature-256"].removeprefix("sha256=")}
    assert provider.post("zoom", body, headers_of("zoom", "wrong", "", body)).status == 401
    query = "/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    reply = request(provider.gateway.port, "GET", query + VERIFY_TOKEN.replace(" ", "%20"))
    assert challenge(reply) == (200, "text/plain", b"1158201444")
    assert request(provider.gateway.port, "GET", query + "wrong").status == 401
    assert request(provider.gateway.port, "GET", "/meta").status == 401
    assert provider.published() == before


def test_no_log_line_holds_a_secret_or_a_signature(provider):
    given = [provider.signed(scheme) for scheme in SCHEMES]
    for scheme, (_, body, headers) in zip(SCHEMES, given):
        assert provider.post(scheme, body, headers).status == 200
        assert provider.post(scheme, changed(scheme, body), headers).status in (200, 401)
    text = provider.gateway.output()
    assert "cause=mismatch" in text  # the operator can see the cause
    proofs = [value for event_id, _, headers in given for value in headers.values()
              if value != event_id and not value.isdigit()]
    found = [mark for mark in [*map(secret_of, SCHEMES), *proofs, VERIFY_TOKEN] if mark in text]
    assert not found
