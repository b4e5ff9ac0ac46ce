# SPDX-License-Identifier: MIT
"""The providers' libraries for Python, behind one line of JSON for each question and each answer, as in sdk.mjs. exam.py
starts it with the Python of the environment that has the libraries."""

import datetime
import importlib.metadata
import json
import sys
import urllib.parse


def fields(body):
    return dict(urllib.parse.parse_qsl(body, keep_blank_values=True))


class StandardWebhooks:
    provider = "standard"
    names = "webhook"

    @staticmethod
    def webhook(secret):
        from standardwebhooks import Webhook
        return Webhook(secret)

    def sign(self, q):
        time = datetime.datetime.fromtimestamp(q["now"], datetime.timezone.utc)
        return {f"{self.names}-id": q["id"], f"{self.names}-timestamp": str(q["now"]),
                f"{self.names}-signature": self.webhook(q["secret"]).sign(q["id"], time, q["body"])}

    def verify(self, q):
        self.webhook(q["secret"]).verify(q["body"], q["headers"])


class Svix(StandardWebhooks):
    names = "svix"

    @staticmethod
    def webhook(secret):
        from svix.webhooks import Webhook
        return Webhook(secret)


class Stripe:
    provider = "stripe"

    @staticmethod
    def sign(q):
        from stripe import WebhookSignature
        signature = WebhookSignature._compute_signature(f"{q['now']}.{q['body']}", q["secret"])
        return {"Stripe-Signature": f"t={q['now']},v1={signature}"}

    @staticmethod
    def verify(q):
        from stripe import WebhookSignature
        return WebhookSignature.verify_header(q["body"], q["headers"]["stripe-signature"], q["secret"], 300)


class Slack:
    provider = "slack"

    @staticmethod
    def sign(q):
        from slack_sdk.signature import SignatureVerifier
        signature = SignatureVerifier(q["secret"]).generate_signature(timestamp=str(q["now"]), body=q["body"])
        return {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": str(q["now"])}

    @staticmethod
    def verify(q):
        from slack_sdk.signature import SignatureVerifier
        return SignatureVerifier(q["secret"]).is_valid_request(q["body"], q["headers"])


class Twilio:
    provider = "twilio"

    @staticmethod
    def sign(q):
        from twilio.request_validator import RequestValidator
        form = not q["body"].startswith("{")
        query = "" if form else f"bodySHA256={RequestValidator(q['secret']).compute_hash(q['body'])}"
        url = q["url"] + (f"?{query}" if query else "")
        signature = RequestValidator(q["secret"]).compute_signature(url, fields(q["body"]) if form else {})
        return {"X-Twilio-Signature": signature, "I-Twilio-Idempotency-Token": q["id"], "query": query}

    @staticmethod
    def verify(q):
        from twilio.request_validator import RequestValidator
        content = q["body"] if q["body"].startswith("{") else fields(q["body"])
        return RequestValidator(q["secret"]).validate(q["url"], content, q["headers"]["x-twilio-signature"])


class Razorpay:
    provider = "Razorpay"

    @staticmethod
    def verify(q):
        import razorpay
        client = razorpay.Client(auth=("none", "none"))
        return client.utility.verify_webhook_signature(q["body"], q["headers"]["x-razorpay-signature"], q["secret"])


class Line:
    provider = "LINE"

    @staticmethod
    def verify(q):
        from linebot.v3.webhook import SignatureValidator
        return SignatureValidator(q["secret"]).validate(q["body"], q["headers"]["x-line-signature"])


class Paddle:
    provider = "Paddle"

    @staticmethod
    def sign(q):
        from paddle_billing.Notifications.PaddleSignature import PaddleSignature
        digest = PaddleSignature.calculate_hmac(q["secret"], f"{q['now']}:{q['body']}".encode()).hexdigest()
        return {"Paddle-Signature": f"ts={q['now']};h1={digest}"}

    @staticmethod
    def verify(q):
        from paddle_billing.Notifications.PaddleSignature import PaddleSignature
        from paddle_billing.Notifications.Secret import Secret
        return PaddleSignature().verify(q["headers"]["paddle-signature"], q["body"], Secret(q["secret"]))


class GidgetHub:
    provider = "github"

    @staticmethod
    def verify(q):
        from gidgethub import sansio
        sansio.validate_event(q["body"].encode(), signature=q["headers"]["x-hub-signature-256"], secret=q["secret"])


class WorkOs:
    provider = "WorkOS"

    @staticmethod
    def verify(q):
        from workos import WorkOSClient
        WorkOSClient(api_key="none", client_id="none").webhooks.verify_header(
            event_body=q["body"], event_signature=q["headers"]["workos-signature"], secret=q["secret"])


SDKS = {"standardwebhooks": StandardWebhooks(), "svix": Svix(), "stripe": Stripe(), "slack-sdk": Slack(), "twilio": Twilio(),
        "razorpay": Razorpay(), "line-bot-sdk": Line(), "paddle-python-sdk": Paddle(), "gidgethub": GidgetHub(),
        "workos": WorkOs()}


def answer(q):
    if q["do"] == "list":
        return {name: {"provider": sdk.provider, "version": importlib.metadata.version(name), "signs": hasattr(sdk, "sign"),
                       "verifies": True, "sample": True, "printed": False} for name, sdk in SDKS.items()}
    sdk = SDKS[q["sdk"]]
    if q["do"] == "sign":
        headers = sdk.sign(q)
        return {"query": headers.pop("query", ""), "headers": headers}
    try:
        return {"valid": sdk.verify(q) is not False}
    except Exception as error:  # whatever a library raises, it has refused the request
        return {"valid": False, "problem": repr(error)[:300]}


def main():
    answers, sys.stdout = sys.stdout, sys.stderr  # standard output is for answers only
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"failed": repr(error)}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
