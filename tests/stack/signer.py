# SPDX-License-Identifier: MIT
"""Signs requests as providers do. This is a second implementation that shares nothing with Sluice's."""

import base64
import hashlib
import hmac
import time
import urllib.parse

SCHEMES = ("standard", "github", "stripe", "slack", "shopify", "twilio", "gitlab", "meta", "zoom", "hmac", "bearer",
           "basic", "header")
TIMED = ("standard", "stripe", "slack", "zoom")
FORM = "application/x-www-form-urlencoded"

# The members of each scheme in a routes file, besides its secrets, and the id where it is required.
RULES = {
    "hmac": {"header": "X-My-Signature", "algorithm": "sha512", "encoding": "base64", "prefix": "mac="},
    "basic": {"user": "provider"},
    "header": {"header": "X-My-Secret"},
    "meta": {"verify_token": {}},
}
NAME_THEIR_ID = ("hmac", "bearer", "basic", "header")


def mac(secret, content, algorithm="sha256"):
    return hmac.new(secret.encode(), content, algorithm)


def b64(data):
    return base64.b64encode(data).decode()


def body_of(scheme, event_id):
    """(body, content type) of an event with this id."""
    if scheme == "twilio":
        return urllib.parse.urlencode({"To": "+1500 555", "Body": "grüße", "Sid": event_id}).encode(), FORM
    return f'{{"id": "{event_id}", "event_id": "{event_id}", "text": "gr\\u00fc\u00dfe"}}'.encode(), "application/json"


def headers_of(scheme, secret, event_id, body, url="", now=None):
    """The headers of a signed request; url: Twilio's, with the query."""
    now = str(int(time.time()) if now is None else now)
    if scheme == "standard":
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{event_id}.{now}.".encode() + body, "sha256").digest()
        return {"webhook-id": event_id, "webhook-timestamp": now, "webhook-signature": f"v1,{b64(digest)}"}
    if scheme in ("github", "meta"):
        return {"X-Hub-Signature-256": f"sha256={mac(secret, body).hexdigest()}", "X-GitHub-Delivery": event_id}
    if scheme == "stripe":
        return {"Stripe-Signature": f"t={now},v1={mac(secret, now.encode() + b'.' + body).hexdigest()}"}
    if scheme in ("slack", "zoom"):
        names = {"slack": ("X-Slack-Signature", "X-Slack-Request-Timestamp"),
                 "zoom": ("x-zm-signature", "x-zm-request-timestamp")}[scheme]
        return {names[0]: f"v0={mac(secret, f'v0:{now}:'.encode() + body).hexdigest()}", names[1]: now}
    if scheme == "shopify":
        return {"X-Shopify-Hmac-SHA256": b64(mac(secret, body).digest()), "X-Shopify-Webhook-Id": event_id}
    if scheme == "twilio":
        fields = sorted(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        content = url + "".join(name + value for name, value in fields)
        return {"X-Twilio-Signature": b64(mac(secret, content.encode(), "sha1").digest()),
                "I-Twilio-Idempotency-Token": event_id}
    return {
        "gitlab": {"X-Gitlab-Token": secret, "Idempotency-Key": event_id},
        "hmac": {"X-My-Signature": f"mac={b64(mac(secret, body, 'sha512').digest())}"},
        "bearer": {"Authorization": f"Bearer {secret}"},
        "basic": {"Authorization": f"Basic {b64(f'provider:{secret}'.encode())}"},
        "header": {"X-My-Secret": secret},
    }[scheme]


def id_of(scheme, event_id, body):
    """The id that Sluice should find."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}" if scheme in ("meta", "zoom") else event_id
