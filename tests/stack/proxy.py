#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The fault proxy: forwards connections from a program to a server on 127.0.0.1, and breaks them on command.

    tests/stack/proxy.py LISTEN_PORT SERVER_PORT

It reads commands from standard input, one on each line, such as `black_hole`, `delay 200`, `stop_after 1000 up`,
`heal`, `counts`. A direction is `up` (to the server) or `down` (to the client)."""

import collections
import ctypes
import random
import selectors
import socket
import struct
import sys
import threading
import time

UP, DOWN = "up", "down"
DIRECTIONS = (UP, DOWN)
CHUNK = 65536
BUFFER_MAX = 1 << 20  # bytes to buffer for a slow or delayed receiver
SLICE_PAUSE = 0.0002  # between two slices, so that each is a separate packet
PASS, HOLD, DROP = "pass", "hold", "drop"
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
NOTHING_IN = struct.pack("HBBI", 0x06, 0, 0, 0)  # a packet filter with one instruction: accept 0 bytes


class Pipe:
    """One direction of one connection: the bytes read from `source` that `sink` hasn't accepted yet."""

    def __init__(self, direction, source, sink):
        self.direction = direction
        self.source = source
        self.sink = sink
        self.chunks = collections.deque()  # (earliest time to send, bytes)
        self.waiting = 0
        self.ended = False  # the source has reached its end
        self.closed = False  # and the end was passed on to the sink
        self.pause_until = 0.0

    def push(self, due, data):
        self.chunks.append((due, data))
        self.waiting += len(data)

    def take(self, sent):
        due, data = self.chunks.popleft()
        if sent < len(data):
            self.chunks.appendleft((due, data[sent:]))
        self.waiting -= sent


class Pair:
    """A client's connection and the matching connection to the server."""

    def __init__(self, client, server):
        self.sockets = (client, server)
        self.pipes = {UP: Pipe(UP, client, server), DOWN: Pipe(DOWN, server, client)}
        self.torn = False  # bytes were dropped: the connection must be reset


def _abort(one):
    """Ends a connection with a reset."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def _deafen(one):
    """Makes the kernel drop every packet for this socket, so that none is acknowledged."""
    program = ctypes.create_string_buffer(NOTHING_IN)
    one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))


class Proxy:
    """Any thread may call the commands; each has taken effect when it returns. The proxy's own thread moves the bytes.
    `bytes` and `packets` count the forwarded data by direction, `connections` the accepted connections."""

    def __init__(self, server_port, port=0, seed=0):
        self.server_port = server_port
        self.rng = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        self.connections = 0
        self.bytes = dict.fromkeys(DIRECTIONS, 0)
        self.packets = dict.fromkeys(DIRECTIONS, 0)
        self._reset_faults()
        self.commands = collections.deque()
        self.bell, self.bell_rope = socket.socketpair()
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _reset_faults(self):
        self.mode = dict.fromkeys(DIRECTIONS, PASS)
        self.left = dict.fromkeys(DIRECTIONS, None)  # bytes until the direction is stopped; None: no limit
        self.delay_s = 0.0
        self.slicing = False
        self.refusing = False  # new connections are reset
        self.accepting = True  # new connections are accepted
        self.vanished = False

    # --- commands -----------------------------------------------------------------

    def _do(self, command, *arguments):
        done = threading.Event()
        failure = []

        def run():
            try:
                command(*arguments)
            except Exception as error:  # pylint: disable=broad-except
                failure.append(error)
            done.set()
        self.commands.append(run)
        self.bell_rope.send(b"!")
        if not done.wait(10):
            raise TimeoutError("the proxy's thread does not answer")
        if failure:
            raise failure[0]

    def cut(self):
        """Closes every connection; new ones are refused until heal()."""
        self._do(self._cut)

    def _cut(self):
        self.refusing = True
        for pair in list(self.pairs):
            self._close(pair)

    def reset(self):
        """Resets every existing connection; new ones work."""
        self._do(lambda: [self._close(pair, _abort) for pair in list(self.pairs)])

    def black_hole(self):
        """Forwards nothing: connections stay open, new ones get no answer. TCP keeps the data sent meanwhile and
        delivers it after heal()."""
        self._do(self._black_hole)

    def _black_hole(self):
        self.accepting = False
        self.mode = dict.fromkeys(DIRECTIONS, HOLD)

    def vanish(self):
        """Like unplugged cables: a black hole in which TCP gets no acknowledgement, either. After heal() data arrives
        with its next retransmission."""
        self._do(self._vanish)

    def _vanish(self):
        self._black_hole()
        self.vanished = True
        for one in self._all_sockets():
            _deafen(one)

    def _all_sockets(self):
        return [self.listener, *(one for pair in self.pairs for one in pair.sockets)]

    def hold(self, direction):
        """Stops this direction until heal()."""
        self._do(self.mode.__setitem__, self._checked(direction), HOLD)

    def drop(self, direction):
        """Discards all data in this direction. heal() resets the connections that lost bytes."""
        self._do(self.mode.__setitem__, self._checked(direction), DROP)

    def half_close(self, direction):
        """Sends a FIN in this direction on every existing connection; the other direction stays open."""
        self._do(self._half_close, self._checked(direction))

    def _half_close(self, direction):
        for pair in self.pairs:
            pair.pipes[direction].ended = True

    def delay(self, milliseconds):
        """Delays every byte."""
        self._do(setattr, self, "delay_s", float(milliseconds) / 1000)

    def slice(self):
        """Forwards everything in packets of 1 to 7 bytes."""
        self._do(setattr, self, "slicing", True)

    def stop_after(self, count, direction):
        """Stops this direction after `count` more bytes, even in the middle of a frame."""
        self._do(self.left.__setitem__, self._checked(direction), int(count))

    def heal(self):
        """Ends all faults."""
        self._do(self._heal)

    def _heal(self):
        if self.vanished:
            for one in self._all_sockets():
                one.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        self._reset_faults()
        for pair in [pair for pair in self.pairs if pair.torn]:
            self._close(pair, _abort)

    def close(self):
        """Ends the proxy."""
        if self.running:
            self._do(setattr, self, "running", False)
            self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def open(self):
        return len(self.pairs)

    def counts(self):
        return {"connections": self.connections, "open": self.open, **self.bytes}

    @staticmethod
    def _checked(direction):
        if direction not in DIRECTIONS:
            raise ValueError(f"direction {direction!r} is neither up nor down")
        return direction

    # --- the thread -----------------------------------------------------------------

    def _run(self):
        while self.running:
            now = time.monotonic()
            selector = selectors.DefaultSelector()
            try:
                limit = self._register(selector, now)
                for key, _ in selector.select(limit):
                    if key.data:
                        key.data()
            finally:
                selector.close()
            now = time.monotonic()
            for pair in list(self.pairs):
                self._move(pair, now)
        for pair in list(self.pairs):
            self._close(pair)
        for one in (self.listener, self.bell, self.bell_rope):
            one.close()

    def _register(self, selector, now):
        """Registers the sockets that can make progress; returns the longest time to wait."""
        limit = 1.0
        wanted = collections.Counter()
        selector.register(self.bell, selectors.EVENT_READ, self._obey)
        if self.accepting:
            selector.register(self.listener, selectors.EVENT_READ, self._accept)
        for pair in self.pairs:
            for pipe in pair.pipes.values():
                if self._may_read(pipe):
                    wanted[pipe.source] |= selectors.EVENT_READ
                due = self._due(pipe)
                if due is not None and due > now:
                    limit = min(limit, due - now)
                elif due is not None:
                    wanted[pipe.sink] |= selectors.EVENT_WRITE
        for one, events in wanted.items():
            selector.register(one, events)
        return limit

    def _may_read(self, pipe):
        return not pipe.ended and self.mode[pipe.direction] != HOLD and pipe.waiting < BUFFER_MAX

    def _due(self, pipe):
        """When the pipe can next send something; None: not by time alone."""
        if not pipe.chunks or pipe.closed or self.mode[pipe.direction] != PASS:
            return None
        return max(pipe.chunks[0][0], pipe.pause_until)

    def _obey(self):
        self.bell.recv(4096)
        while self.commands:
            self.commands.popleft()()

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        self.connections += 1
        if self.refusing:
            _abort(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port), 5)
        except OSError:
            _abort(client)  # nothing listens there: the client sees what it would see without a proxy
            return
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs.append(Pair(client, server))

    def _close(self, pair, how=socket.socket.close):
        if pair in self.pairs:
            self.pairs.remove(pair)
            for one in pair.sockets:
                how(one)

    def _move(self, pair, now):
        """Moves bytes in both directions of a connection without blocking."""
        try:
            for pipe in pair.pipes.values():
                self._read(pair, pipe, now)
                self._write(pipe, now)
        except OSError:
            self._close(pair, _abort)
            return
        if all(pipe.closed for pipe in pair.pipes.values()):
            self._close(pair)

    def _read(self, pair, pipe, now):
        if not self._may_read(pipe):
            return
        try:
            data = pipe.source.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            pipe.ended = True
        elif self.mode[pipe.direction] == DROP:
            pair.torn = True
        else:
            pipe.push(now + self.delay_s, data)

    def _write(self, pipe, now):
        while (due := self._due(pipe)) is not None and due <= now:
            data = pipe.chunks[0][1]
            left = self.left[pipe.direction]
            size = min(len(data), self.rng.randint(1, 7) if self.slicing else CHUNK, CHUNK if left is None else left)
            try:
                sent = pipe.sink.send(data[:size]) if size > 0 else 0
            except BlockingIOError:
                return
            pipe.take(sent)
            self.bytes[pipe.direction] += sent
            self.packets[pipe.direction] += sent > 0
            if left is not None:
                self.left[pipe.direction] = left - sent
                if left == sent:
                    self.left[pipe.direction] = None
                    self.mode[pipe.direction] = HOLD
            if self.slicing:
                pipe.pause_until = now + SLICE_PAUSE
        if pipe.ended and not pipe.chunks and not pipe.closed and self.mode[pipe.direction] != HOLD:
            pipe.closed = True
            try:
                pipe.sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the other side is already closed


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    with Proxy(int(arguments[1]), int(arguments[0])) as proxy:
        print(f"127.0.0.1:{proxy.port} -> 127.0.0.1:{proxy.server_port}", flush=True)
        for line in sys.stdin:
            name, *rest = line.split() or [""]
            try:
                result = getattr(proxy, name if name.isidentifier() and name[0] != "_" else "?")(*rest)
                print("done" if result is None else result, flush=True)
            except (AttributeError, TypeError, ValueError) as error:
                print(f"no: {error}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
