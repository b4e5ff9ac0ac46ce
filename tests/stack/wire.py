# SPDX-License-Identifier: MIT
"""HTTP as bytes: tests must send and see exactly what a client library would normalise."""

import collections
import json
import socket
import time


class Reply(collections.namedtuple("Reply", "status headers body seconds")):
    """headers: lower-case names, the last value of each; seconds: from the first byte sent to the last received."""

    def json(self):
        return json.loads(self.body)


class Wire:
    """One TCP connection. Reads replies exactly by their framing and keeps the bytes that follow."""

    def __init__(self, port, timeout=15, tls=None, host="127.0.0.1"):
        """tls: an ssl.SSLContext; the gateway's name is then `localhost`."""
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError(f"closed by the gateway after {self.buffer!r}")
        self.buffer += data

    def head(self):
        """(status, headers) of the next reply or interim reply."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        assert version == "HTTP/1.1", head
        return int(status), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def reply(self, method="POST", begun=None):
        begun = begun or time.monotonic()
        status, headers = self.head()
        while status == 100:
            status, headers = self.head()
        length = 0 if method == "HEAD" or status == 204 else int(headers["content-length"])
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Reply(status, headers, body, time.monotonic() - begun)

    def closed(self):
        """True when the gateway has closed the connection without further data."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def encode(method, target, body=b"", headers=None, length=True):
    """The bytes of one request. headers: a dict, or a list of pairs to repeat some; length: send Content-Length."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in pairs)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def request(port, method="POST", target="/", body=b"", headers=None, length=True, timeout=15, tls=None):
    """Sends one request on a new connection; returns its Reply."""
    with Wire(port, timeout, tls) as wire:
        begun = time.monotonic()
        wire.send(encode(method, target, body, headers, length))
        return wire.reply(method, begun)
