# SPDX-License-Identifier: MIT
"""Signs as the providers document it whose format a route can declare. Shares nothing with Sluice.

SIGNERS: {provider: headers of an event, from its key and the event}. PUBLIC: {provider with a pair of keys: the text of
its public key, from the same key}; for these the key stands for the private one.
"""

import base64
import collections
import datetime
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

# method and url: of the request that is signed; now: seconds since 1970.
Event = collections.namedtuple("Event", "id body url now method", defaults=["POST"])


def _digest(key, content, algorithm="sha256"):
    return hmac.new(key, content if isinstance(content, bytes) else content.encode(), algorithm)


def _hex(*arguments):
    return _digest(*arguments).hexdigest()


def _base64(*arguments):
    return base64.b64encode(_digest(*arguments).digest()).decode()


def _rfc3339(now, digits=0, hours=0):
    zone = datetime.timezone(datetime.timedelta(hours=hours))
    text = datetime.datetime.fromtimestamp(now, zone).strftime("%Y-%m-%dT%H:%M:%S")
    offset = "Z" if hours == 0 else f"{hours:+03d}:00"
    return text + (f".{'1' * digits}" if digits else "") + offset


def _paddle(key, e):
    return {"Paddle-Signature": f"ts={e.now};h1={_hex(key, f'{e.now}:'.encode() + e.body)}"}


def _calendly(key, e):
    return {"Calendly-Webhook-Signature": f"t={e.now},v1={_hex(key, f'{e.now}.'.encode() + e.body)}"}


def _elevenlabs(key, e):
    return {"ElevenLabs-Signature": f"t={e.now},v0={_hex(key, f'{e.now}.'.encode() + e.body)}"}


def _zendesk(key, e):
    time = _rfc3339(e.now)
    return {"X-Zendesk-Webhook-Signature": _base64(key, time.encode() + e.body),
            "X-Zendesk-Webhook-Signature-Timestamp": time}


def _twitch(key, e):
    time = _rfc3339(e.now, digits=9)
    return {"Twitch-Eventsub-Message-Id": e.id, "Twitch-Eventsub-Message-Timestamp": time,
            "Twitch-Eventsub-Message-Signature": "sha256=" + _hex(key, (e.id + time).encode() + e.body)}


def _webflow(key, e):
    time = f"{e.now}123"
    return {"X-Webflow-Timestamp": time, "X-Webflow-Signature": _hex(key, f"{time}:".encode() + e.body)}


def _box(key, e):
    time = _rfc3339(e.now, hours=-8)
    return {"BOX-DELIVERY-ID": e.id, "BOX-DELIVERY-TIMESTAMP": time, "BOX-SIGNATURE-VERSION": "1",
            "BOX-SIGNATURE-SECONDARY": _base64(b"another key", e.body + time.encode()),
            "BOX-SIGNATURE-PRIMARY": _base64(key, e.body + time.encode())}


def _trello(key, e):
    return {"X-Trello-Webhook": _base64(key, e.body + e.url.encode(), "sha1")}


def _hubspot(key, e):
    time = f"{e.now}456"
    return {"X-HubSpot-Request-Timestamp": time,
            "X-HubSpot-Signature-v3": _base64(key, e.method.encode() + e.url.encode() + e.body + time.encode())}


def _pagerduty(key, e):  # while the secret is rotated
    return {"X-PagerDuty-Signature": f"v1={_hex(b'the next key', e.body)},v1={_hex(key, e.body)}"}


def _circleci(key, e):
    return {"circleci-signature": f"v1={_hex(key, e.body)}"}


def _customerio(key, e):
    return {"X-CIO-Timestamp": str(e.now), "X-CIO-Signature": _hex(key, f"v0:{e.now}:".encode() + e.body)}


def _grafana(key, e):
    return {"X-Grafana-Alerting-Timestamp": str(e.now),
            "X-Grafana-Alerting-Signature": _hex(key, f"{e.now}:".encode() + e.body)}


def _adyen(key, e):
    return {"HmacSignature": _base64(bytes.fromhex(key.decode()), e.body), "Protocol": "HmacSHA256"}


def _sanity(key, e):
    time = f"{e.now}789"
    digest = _digest(key, f"{time}.".encode() + e.body).digest()
    return {"sanity-webhook-signature": f"t={time},v1={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"}


def _workos(key, e):
    time = f"{e.now}000"
    return {"WorkOS-Signature": f"t={time}, v1={_hex(key, f'{time}.'.encode() + e.body)}"}


def _mux(key, e):
    return {"Mux-Signature": f"t={e.now},v1={_hex(key, f'{e.now}.'.encode() + e.body)}"}


def _buildkite(key, e):
    return {"X-Buildkite-Signature": f"timestamp={e.now},signature={_hex(key, f'{e.now}.'.encode() + e.body)}"}


def _ed25519(key):
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(key).digest())


def _p256(key):
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(key).digest()[:31], "big"), ec.SECP256R1())


def _discord(key, e):
    return {"X-Signature-Timestamp": str(e.now),
            "X-Signature-Ed25519": _ed25519(key).sign(str(e.now).encode() + e.body).hex()}


def _sendgrid(key, e):
    signature = _p256(key).sign(str(e.now).encode() + e.body, ec.ECDSA(hashes.SHA256()))
    return {"X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": str(e.now)}


def _pem(private):
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _raw_hex(key):
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return _ed25519(key).public_key().public_bytes(*raw).hex()


def _der_base64(key):
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(_p256(key).public_key().public_bytes(*der)).decode()


def _body(header, encode, prefix="", algorithm="sha256", id_header=None):
    """A signer of the body alone."""
    return lambda key, e: {header: prefix + encode(key, e.body, algorithm), **({id_header: e.id} if id_header else {})}


def mailgun_body(key, e):
    """Mailgun's signature is within the body, and covers only time and token."""
    signature = {"timestamp": str(e.now), "token": e.id, "signature": _hex(key, f"{e.now}{e.id}")}
    return json.dumps({"signature": signature, "event-data": {"id": e.id, "event": "opened"}}).encode()


def adyen_body(key, e):
    """Adyen classic: eight values of the item; one that is absent is signed as empty text."""
    item = {"pspReference": e.id, "merchantAccountCode": "Shop", "merchantReference": "order \"1\" für Ada",
            "amount": {"currency": "EUR", "value": 1130}, "eventCode": "AUTHORISATION", "success": "true"}
    values = [item["pspReference"], "", item["merchantAccountCode"], item["merchantReference"], item["amount"]["value"],
              item["amount"]["currency"], item["eventCode"], item["success"]]
    item["additionalData"] = {"hmacSignature": _base64(bytes.fromhex(key.decode()), ":".join(map(str, values)))}
    return json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).encode()


# {provider with the signature within the body: the body of an event, from its key and the event}
IN_BODY = {"Mailgun": mailgun_body, "Adyen classic": adyen_body}
PRIVATE = {"Discord": lambda key: _pem(_ed25519(key)), "SendGrid": lambda key: _pem(_p256(key))}
PUBLIC = {"Discord": _raw_hex, "SendGrid": _der_base64}
SIGNERS = {
    "Paddle": _paddle, "Calendly": _calendly, "ElevenLabs": _elevenlabs, "Zendesk": _zendesk, "Twitch": _twitch,
    "Webflow": _webflow, "Box": _box, "Trello": _trello, "HubSpot v3": _hubspot, "PagerDuty": _pagerduty,
    "CircleCI": _circleci, "Customer.io": _customerio, "Grafana alerting": _grafana, "Adyen platforms": _adyen,
    "Discord": _discord, "SendGrid": _sendgrid, "Sanity": _sanity, "WorkOS": _workos, "Mux": _mux, "Buildkite": _buildkite,
    "Linear": _body("Linear-Signature", _hex, id_header="Linear-Delivery"),
    "LINE": _body("x-line-signature", _base64),
    "Razorpay": _body("X-Razorpay-Signature", _hex, id_header="x-razorpay-event-id"),
    "Shopify Events": _body("shopify-hmac-sha256", _base64, id_header="shopify-webhook-id"),
    "Bitbucket": _body("X-Hub-Signature", _hex, "sha256=", id_header="X-Request-UUID"),
    "Jira, Confluence": _body("X-Hub-Signature", _hex, "sha256=", id_header="X-Atlassian-Webhook-Identifier"),
    "Typeform": _body("Typeform-Signature", _base64, "sha256="),
    "Intercom": _body("X-Hub-Signature", _hex, "sha1=", "sha1"),
    "Lemon Squeezy": _body("X-Signature", _hex),
    "Xero": _body("x-xero-signature", _base64),
    "Vercel": _body("x-vercel-signature", _hex, "", "sha1"),
    "Coinbase Commerce": _body("X-CC-Webhook-Signature", _hex),
    "GoCardless": _body("Webhook-Signature", _hex),
    "Sentry": _body("Sentry-Hook-Signature", _hex, id_header="Request-ID"),
    "Heroku": _body("Heroku-Webhook-Hmac-SHA256", _base64),
    "Gitea, Forgejo": _body("X-Gitea-Signature", _hex, id_header="X-Gitea-Delivery"),
    "Paystack": _body("x-paystack-signature", _hex, "", "sha512"),
    "DocuSign": _body("X-DocuSign-Signature-1", _base64),
    "WooCommerce": _body("X-WC-Webhook-Signature", _base64, id_header="X-WC-Webhook-Delivery-ID"),
    "Notion": _body("X-Notion-Signature", _hex, "sha256="),
    "Dropbox": _body("X-Dropbox-Signature", _hex),
    "Asana": _body("X-Hook-Signature", _hex),
}
