# SPDX-License-Identifier: MIT
"""The part of GitHub's REST API that lists a webhook's deliveries and makes them again, as GitHub's documents describe it
(version 2022-11-28). It is our reading of them: nobody has compared it with the real one."""

import base64
import datetime
import http.server
import itertools
import json
import re
import threading
import time
import urllib.parse

PATH = re.compile(r"/(repos/[\w.-]+/[\w.-]+|orgs/[\w.-]+)/hooks/(\d+)/deliveries(?:/(\d+)/attempts)?")
FORGET = datetime.timedelta(days=3)  # older deliveries can't be made again


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, content, headers=None):
        body = json.dumps(content).encode() if not isinstance(content, bytes) else content
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refused(self):
        """What is checked before a request is looked at: answers and returns True when it is refused."""
        github = self.server.github
        github.requests.append((self.command, self.path, self.headers))
        if "user-agent" not in self.headers:
            self.reply(403, {"message": "Request forbidden by administrative rules."})
        elif self.headers.get("authorization") != f"Bearer {github.token}":
            self.reply(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"})
        elif github.planned:
            self.reply(*github.planned.pop(0))
        else:
            return False
        return True

    def place(self):
        """(hook, delivery or None); answers 404 and returns None when there is none."""
        url = urllib.parse.urlsplit(self.path)
        found = PATH.fullmatch(url.path)
        if not found or (found[1], int(found[2])) != (self.server.github.owner, self.server.github.hook):
            self.reply(404, {"message": "Not Found", "status": "404"})
            return None
        return found[3], dict(urllib.parse.parse_qsl(url.query))

    def do_GET(self):
        github = self.server.github
        place = None if self.refused() else self.place()
        if place is None:
            return
        _, query = place
        size = min(int(query.get("per_page", 30)), 100)
        begin = int(base64.b64decode(query["cursor"].removeprefix("v1_") + "==")) if "cursor" in query else 0
        listed = sorted(github.attempts, key=lambda one: one["delivered_at"], reverse=True)
        headers = dict(github.limits)
        if begin + size < len(listed):
            cursor = "v1_" + base64.b64encode(str(begin + size).encode()).decode().rstrip("=")
            where = f"{github.url}/{github.owner}/hooks/{github.hook}/deliveries?per_page={size}"
            headers["Link"] = f'<{where}&cursor=v1_MA>; rel="first", <{where}&cursor={cursor}>; rel="next"'
        self.reply(200, listed[begin:begin + size], headers)

    def do_POST(self):
        github = self.server.github
        place = None if self.refused() else self.place()
        if place is None:
            return
        attempt = next((one for one in github.attempts if str(one["id"]) == place[0]), None)
        if attempt is None:
            self.reply(404, {"message": "Not Found", "status": "404"})
        elif datetime.datetime.fromisoformat(attempt["delivered_at"].replace("Z", "+00:00")) < github.now() - FORGET:
            self.reply(422, {"message": "Validation Failed", "errors": ["Delivery is too old"], "status": "422"})
        else:
            github.asked.append(attempt["guid"])
            self.reply(202, {}, github.limits)
            status = github.deliver(attempt["guid"])
            github.add(attempt["guid"], status, age=0, redelivery=True)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class GithubApi:
    """requests: (method, path, headers) of all; planned: replies to the next requests, (status, content, headers);
    limits: headers of each reply; asked: the guids of accepted redeliveries; deliver(guid): makes an attempt and returns
    the status that it got."""

    def __init__(self, owner="repos/octo/hello.world", hook=12345678, token="github_pat_of_this_test_only"):
        self.owner, self.hook, self.token = owner, hook, token
        self.attempts, self.requests, self.planned, self.asked = [], [], [], []
        self.limits = {}
        self.deliver = lambda guid: 202
        self.ids = itertools.count(9_007_199_254_740_993)  # above 2^53, where a double has no odd numbers
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.github = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @staticmethod
    def now():
        return datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc)

    def add(self, guid, status_code, age=600, status=None, **more):
        """Adds an attempt that was made `age` seconds ago."""
        good = status_code is not None and 200 <= status_code <= 299
        self.attempts.append({
            "id": next(self.ids), "guid": guid, "redelivery": False, "duration": 0.27, "event": "push", "action": None,
            "delivered_at": (self.now() - datetime.timedelta(seconds=age)).isoformat().replace("+00:00", "Z"),
            "status": status or ("OK" if good else f"Invalid HTTP Response: {status_code}"), "status_code": status_code,
            "installation_id": None, "repository_id": 1, "url": None, "throttled_at": None, **more})
        return self.attempts[-1]

    def count(self, method):
        return sum(request[0] == method for request in self.requests)
