# SPDX-License-Identifier: MIT
"""Each fault of the proxy does what it says; otherwise the other tests in this folder would prove nothing."""

import inspect
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from process import wait_until
from proxy import DOWN, UP, Proxy

SHORT = 0.3  # what hasn't come after this time won't come


class Echo:
    """A server that sends everything back and records the pieces in which it came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pieces = []
        self.ends = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(one,), daemon=True).start()

    def _echo(self, one):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := one.recv(65536):
                self.pieces.append(data)
                one.sendall(data)
            self.ends.append("closed")
        except OSError as error:
            self.ends.append(type(error).__name__)
        one.close()


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture
def proxy(echo):  # pylint: disable=redefined-outer-name
    with Proxy(echo.port) as one:
        yield one


@pytest.fixture
def client(proxy):  # pylint: disable=redefined-outer-name
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as one:
        one.sendall(b"hello")
        assert receive(one, 5) == b"hello"
        yield one


def receive(one, count, limit=5.0):
    """Up to `count` bytes; fewer when no more come."""
    one.settimeout(limit)
    data = b""
    try:
        while len(data) < count and (more := one.recv(count - len(data))):
            data += more
    except TimeoutError:
        pass
    return data


def test_without_a_fault_everything_passes_and_is_counted(proxy, client):
    sent = bytes(range(256)) * 4096
    thread = threading.Thread(target=client.sendall, args=(sent,))
    thread.start()
    assert receive(client, len(sent)) == sent
    thread.join()
    counts = {"connections": 1, "open": 1, "up": len(sent) + 5, "down": len(sent) + 5}
    wait_until(lambda: proxy.counts() == counts, lambda: f"the counts: {proxy.counts()}", 10)  # counted after it is sent


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_heals(proxy, client, echo):
    proxy.cut()
    assert client.recv(1) == b""
    wait_until(lambda: echo.ends == ["closed"], "the server to see the end")
    with pytest.raises(ConnectionError):  # connect() itself may raise it
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as other:
            other.sendall(b"x")
            other.recv(1)
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as other:
        other.sendall(b"again")
        assert receive(other, 5) == b"again"


def test_a_black_hole_keeps_sockets_open_and_lets_all_through_when_it_heals(proxy, client, echo):
    proxy.black_hole()
    client.sendall(b"into the hole")
    new = socket.create_connection(("127.0.0.1", proxy.port), 5)
    new.sendall(b"new")
    assert receive(client, 1, SHORT) == b""
    assert receive(new, 1, SHORT) == b""
    assert echo.pieces == [b"hello"]
    assert echo.ends == []
    assert proxy.connections == 1
    proxy.heal()
    assert receive(client, 13) == b"into the hole"
    assert receive(new, 3) == b"new"
    new.close()


def test_a_vanished_link_answers_nothing_at_all_until_it_heals(proxy, client, echo):
    proxy.vanish()
    client.sendall(b"nobody")
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", proxy.port), SHORT)
    unacked = struct.unpack("I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)[24:28])[0]
    assert unacked == 1, "the packet was not acknowledged"
    assert echo.pieces == [b"hello"]
    proxy.heal()
    assert receive(client, 6) == b"nobody"
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as other:
        other.sendall(b"new")
        assert receive(other, 3) == b"new"


def test_a_reset_is_a_reset_on_both_sides_and_new_connections_are_fine(proxy, client, echo):
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    wait_until(lambda: echo.ends == ["ConnectionResetError"], "the server to be reset")
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as other:
        other.sendall(b"again")
        assert receive(other, 5) == b"again"


def test_a_half_close_ends_one_direction_only(proxy, client, echo):
    proxy.half_close(DOWN)
    assert client.recv(1) == b""
    client.sendall(b"still")
    wait_until(lambda: b"".join(echo.pieces) == b"hellostill", "the other direction to go on")
    assert echo.ends == []


def test_a_delay_delays_each_way(proxy, client):
    proxy.delay(200)
    begun = time.monotonic()
    client.sendall(b"late")
    assert receive(client, 4) == b"late"
    assert 0.4 <= time.monotonic() - begun < 2


def test_slices_have_1_to_7_bytes_and_arrive_in_order(proxy, client):
    before = dict(proxy.packets)
    proxy.slice()
    sent = bytes(range(256)) * 2
    client.sendall(sent)
    assert receive(client, len(sent)) == sent
    for direction in (UP, DOWN):
        packets = proxy.packets[direction] - before[direction]
        assert len(sent) / 7 < packets < len(sent), "1 to 7 bytes each, and of different sizes"


def test_a_dropped_direction_loses_bytes_and_the_connection_is_reset_when_it_heals(proxy, client, echo):
    proxy.drop(UP)
    client.sendall(b"lost")
    assert receive(client, 1, SHORT) == b""
    assert echo.pieces == [b"hello"]
    proxy.heal()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_the_other_direction_of_a_dropped_or_held_one_goes_on(proxy, client, echo):
    proxy.hold(DOWN)
    client.sendall(b"heard")
    wait_until(lambda: b"".join(echo.pieces) == b"helloheard", "the server to hear it")
    assert receive(client, 1, SHORT) == b""
    proxy.heal()
    assert receive(client, 5) == b"heard"


def test_it_stops_after_exactly_so_many_bytes(proxy, client, echo):
    proxy.stop_after(3, UP)
    client.sendall(b"abcdef")
    wait_until(lambda: b"".join(echo.pieces) == b"helloabc", "three bytes")
    assert receive(client, 4, SHORT) == b"abc"
    assert b"".join(echo.pieces) == b"helloabc"
    proxy.heal()
    assert receive(client, 3) == b"def"


def test_a_server_that_is_away_is_a_refused_connection():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        # The reset may come before connect() has returned.
        with Proxy(nobody.getsockname()[1]) as proxy, pytest.raises(ConnectionResetError), \
                socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            client.recv(1)


def test_it_runs_by_itself_and_takes_commands(echo):
    with subprocess.Popen([sys.executable, "-B", inspect.getsourcefile(Proxy), "0", str(echo.port)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline().endswith(f"-> 127.0.0.1:{echo.port}\n")
        for command, answer in (("delay 5", "done"), ("hold sideways", "no: direction"), ("nonsense", "no: "),
                                ("counts", "{'connections': 0"), ("heal", "done")):
            program.stdin.write(command + "\n")
            program.stdin.flush()
            assert program.stdout.readline().startswith(answer)
        program.stdin.close()
        assert program.wait(10) == 0
