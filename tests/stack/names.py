# SPDX-License-Identifier: MIT
"""A name server that gives every name the same addresses."""

import contextlib
import socket
import struct
import threading


class Names:
    """`addresses` may be changed at any time."""

    def __init__(self, addresses):
        self.addresses = list(addresses)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.sock.recvfrom(4096)
                self.sock.sendto(self._answer(query), client)

    def _answer(self, query):
        end = query.index(b"\0", 12) + 5
        found = self.addresses if query[end - 4:end - 2] == b"\0\1" else []  # only IPv4
        records = b"".join(b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 1, 4) + socket.inet_aton(one) for one in found)
        return query[:2] + b"\x81\x80\0\1" + struct.pack("!HHH", len(found), 0, 0) + query[12:end] + records

    def close(self):
        self.sock.close()
