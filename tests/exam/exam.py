# SPDX-License-Identifier: MIT
"""Implements `make exam-sdk`: the providers' own libraries sign for a running gateway, and verify what `sluice send`
signs. Prints a table; exits 1 when anything was accepted or refused wrongly, 69 when something must be installed."""

import argparse
import collections
import contextlib
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stack"))

# pylint: disable=wrong-import-position
from deployment import Deployment  # noqa: E402
from process import remove_directory  # noqa: E402
from programs import Gateway, run_command  # noqa: E402
from providers_page import BLOCKS, LISTED, slug  # noqa: E402
from routefile import RouteFile  # noqa: E402
from wire import request  # noqa: E402

from libraries import Missing, languages  # noqa: E402

EXIT_FAILED, EXIT_UNREACHABLE = 1, 69
SECRETS = {"standard": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
           "Adyen platforms": ("44782DEF547AAA06C910C43932B1EB0C", "00782DEF547AAA06C910C43932B1EB0C")}
TOLERANCE = 300
HOST = "localhost"  # as wire.py calls the gateway

Line = collections.namedtuple("Line", "sdk version direction checks failures")


def secrets(provider):
    """(the right one, another one)"""
    return SECRETS.get(provider, (f"the secret of {provider}", f"another secret of {provider}"))


class Routes:
    """A routes file with a source for each provider of docs/providers.md."""

    def __init__(self, directory):
        self.file = RouteFile(directory)
        blocks = {block["name"]: block for block in BLOCKS if block["name"] not in ("meta", "orders", "monitor", "printer",
                                                                                     "sensor")}
        rows = {name: {"name": slug(name), "path": f"/{slug(name)}", "verify": {"scheme": "hmac", **members}, "id": rule}
                for name, (members, rule) in LISTED.items()}
        self.sources = {**blocks, **rows}
        for provider, source in self.sources.items():
            source["verify"]["secrets"] = [self.file.secret(source["name"], secrets(provider)[0])]
        self.file.write(*self.sources.values())

    def path(self, provider):
        return self.sources[provider]["path"].replace("*", "status")

    def url(self, provider, host):
        """The URL that the provider calls, as far as it is signed."""
        return self.sources[provider]["verify"].get("url", f"http://{host}") + self.path(provider)

    def id_header(self, provider):
        rule = self.sources[provider].get("id", {})
        return rule.get("header") if isinstance(rule, dict) else None

    def timed(self, provider):
        verify = self.sources[provider]["verify"]
        return "time" in verify or verify["scheme"] in ("standard", "stripe", "slack", "zoom")


class Catcher:
    """An HTTP server that keeps the last request."""

    def __init__(self):
        catcher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                catcher.last = (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.last = None
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def bodies(provider, printed):
    """Bodies with ids wherever a route may look for one. printed: only such as JSON.stringify prints."""
    number = str(time.monotonic_ns())
    whole = {"id": number, "event_id": number, "event": {"id": number}, "action": {"id": number},
             "webhookTimestamp": int(time.time() * 1000)}
    if provider == "twilio":
        yield f"MessageSid=SM{number}&Body=gr%C3%BC%C3%9Fe+1%2B1%3D2&To=%2B15005550006&Empty="
    yield json.dumps(whole, separators=(",", ":"))
    yield json.dumps({**whole, "text": "grüße, 日本語 \U0001f600"}, ensure_ascii=False, separators=(",", ":"))
    yield json.dumps({**whole, "long": "x" * 100_000}, separators=(",", ":"))
    if not printed:
        yield json.dumps({**whole, "slash": "a/b"}, indent=2).replace("/", "\\/") + "\r\n"


class Exam:
    def __init__(self, build, gateway, routes, catcher):
        self.build, self.gateway, self.routes, self.catcher = build, gateway, routes, catcher
        self.lines = []

    def take(self, language, sdk, told):
        for direction, able, tasks in (("signs", told["signs"], self.signs), ("verifies", told["verifies"], self.verifies)):
            if able:
                results = list(tasks(language, sdk, told))
                self.lines.append(Line(f"{sdk} ({language.name})", told["version"], direction, len(results),
                                       [what for what, right in results if not right]))

    def signs(self, language, sdk, told):
        """Yields (what was tried, whether the gateway judged it rightly)."""
        provider = told["provider"]
        right, other = secrets(provider)

        def sign(body, secret=right, off=0, url=self.routes.url(provider, HOST)):
            event_id = f"sdk-{time.monotonic_ns()}"
            signed = language.ask(do="sign", sdk=sdk, secret=secret, id=event_id, body=body, method="POST", url=url,
                                  now=int(time.time()) + off)
            if "failed" in signed:
                raise Missing(f"{sdk} ({language.name}) could not sign: {signed['failed']}")
            kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
            more = {self.routes.id_header(provider): event_id} if self.routes.id_header(provider) else {}
            return body, {"Content-Type": kind, **more, **signed["headers"]}, signed["query"]

        def post(body, headers, query):
            target = self.routes.path(provider) + (f"?{query}" if query else "")
            return request(self.gateway.port, "POST", target, body.encode(), headers).status

        for body in bodies(provider, told["printed"]):
            yield f"{len(body)} bytes", post(*sign(body)) == 200
        body = next(bodies(provider, told["printed"]))
        yield "another secret", post(*sign(body, secret=other)) == 401
        signed = sign(body)
        yield "another body", post(f"{body} ", *signed[1:]) == 401
        yield "no body", post("", *signed[1:]) == 401
        if self.routes.timed(provider):
            yield "expired", post(*sign(body, off=-TOLERANCE - 60)) == 401
            yield "in the future", post(*sign(body, off=TOLERANCE + 60)) == 401
        if provider == "twilio" or "url" in self.routes.sources[provider]["verify"].get("signed", []):
            yield "another url", post(*sign(body, url="https://elsewhere.example.com/")) == 401

    def verifies(self, language, sdk, told):
        """Yields (what was tried, whether the library judged it rightly)."""
        provider = told["provider"]
        right, other = secrets(provider)

        def send(*data):
            self.catcher.last = None
            run_command(self.build, ["send", "--url", f"http://127.0.0.1:{self.catcher.port}", "--route",
                                     self.routes.sources[provider]["name"], "--path", self.routes.path(provider), *data],
                        {"GATEWAY_ROUTES": self.routes.file.path})
            return self.catcher.last

        def judge(sent, secret=right, more=""):
            target, headers, body = sent
            query = target.partition("?")[2]
            url = self.routes.url(provider, f"127.0.0.1:{self.catcher.port}") + (f"?{query}" if query else "")
            return language.ask(do="verify", sdk=sdk, secret=secret, headers=headers, body=body + more, url=url,
                                method="POST")

        if told["sample"]:
            told_of = judge(send())
            yield f"the sample: {told_of.get('problem')}", told_of["valid"]
        for body in bodies(provider, told["printed"]):
            kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
            sent = send("--file", self._file(body), "--header", f"Content-Type: {kind}")
            told_of = judge(sent)
            yield f"{len(body)} bytes: {told_of.get('problem')}", told_of["valid"]
        yield "another secret", not judge(sent, secret=other)["valid"]
        if not told["printed"]:
            yield "another body", not judge(sent, more=" ")["valid"]

    def _file(self, body):
        path = self.routes.file.directory / "body"
        path.write_bytes(body.encode())
        return path

    def table(self):
        rows = [("SDK", "version", "direction", "checks", "failures"),
                *((*line[:3], str(line.checks), str(len(line.failures))) for line in self.lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        failed = [(line, what) for line in self.lines for what in line.failures]
        for line, what in failed:
            print(f"wrong: {line.sdk} {line.direction}: {what}")
        print(f"{sum(line.checks for line in self.lines) - len(failed)} passed, {len(failed)} failed")
        return EXIT_FAILED if failed else 0


def main():
    parser = argparse.ArgumentParser(prog="exam.py", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where the libraries are installed")
    parser.add_argument("sdks", nargs="*", help="only these libraries")
    options = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-exam-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(remove_directory, directory)
        programs = languages(options.folder)
        for language in programs:
            stack.callback(language.end)
        deployment = Deployment(directory, options.build)
        stack.callback(deployment.stop_servers)
        deployment.start_servers()
        done = deployment.setup()
        if done.returncode != 0:
            raise Missing(f"sluice setup failed: {done.stdout}{done.stderr}")
        routes = Routes(directory / "routes")
        gateway = Gateway("gateway", options.build, deployment.gateway_settings(GATEWAY_ROUTES=routes.file.path),
                          directory / "gateway.log").start()
        stack.callback(gateway.stop)
        catcher = Catcher()
        stack.callback(catcher.close)
        exam = Exam(options.build, gateway, routes, catcher)
        for language in programs:
            for sdk, told in language.sdks.items():
                if not options.sdks or sdk in options.sdks:
                    exam.take(language, sdk, told)
        return exam.table()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as missing:
        print(f"exam: {missing}", file=sys.stderr)
        sys.exit(EXIT_UNREACHABLE)
