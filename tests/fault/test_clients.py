# SPDX-License-Identifier: MIT
"""Slow, idle and too many clients: good ones are served or get 503, threads become free again, nothing spins."""

import os
import pathlib
import resource
import socket
import ssl
import subprocess
import threading
import time

import pytest

from process import wait_until
from programs import environment
from site_under_test import slowness
from wire import encode, request

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(program):
    fields = pathlib.Path(f"/proc/{program.pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def descriptors(program):
    """Who isn't root can see them only with CORE_DUMPS=on."""
    return len(os.listdir(f"/proc/{program.pid}/fd"))


@pytest.fixture(autouse=True)
def room_for_many_sockets():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """`count` slow connections: each sends a byte of `data` every `pace` seconds and, with `insists`, reconnects as
    soon as it is closed."""

    def __init__(self, port, count, data, pace=1.0, insists=True):
        self.port = port
        self.count = count
        self.data = data
        self.pace = pace
        self.insists = insists
        self.came = 0
        self.running = True
        self.thrown_out = 0
        self.members = {}  # socket -> bytes sent
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.came >= self.count, "the crowd to be there", 30)
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join(20)
        for one in self.members:
            one.close()

    def _join(self):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", self.port))
        self.members[one] = 0
        self.came += 1

    def _leave(self, one):
        del self.members[one]
        one.close()
        self.thrown_out += 1

    def _run(self):
        while self.running:
            missing = self.count - (len(self.members) if self.insists else self.came)
            for _ in range(min(100, missing)):
                self._join()
            begun = time.monotonic()
            for one in list(self.members):
                self._say_something(one)
            busy = time.monotonic() - begun
            time.sleep(max(0.01, self.pace - busy) if missing <= 100 else 0.01)

    def _say_something(self, one):
        try:
            if self.data:
                sent = self.members[one]
                one.send(self.data[sent:sent + 1] or b" ")
                self.members[one] = sent + 1
            if one.recv(4096) == b"":
                self._leave(one)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != 107:  # not connected yet
                self._leave(one)


def good_clients(gateway, seconds):
    """Sends one request after the other, each on a new connection; returns [(status, seconds)]."""
    answers = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            status = request(gateway.port, body=b"good", timeout=100).status
        except OSError as error:
            status = type(error).__name__
        answers.append((status, time.monotonic() - begun))
        time.sleep(0.1)
    return answers


SLOW = {
    "headers": b"POST /slow HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 1000,
    "bodies": encode("POST", "/slow", b"", {"Content-Length": 1000}, length=False) + b"x" * 1000,
}


@pytest.mark.case(26)
@pytest.mark.parametrize("how", ["headers", "bodies", "readers"])
def test_a_thousand_slow_clients_do_not_keep_good_ones_from_an_answer(site, how):
    gateway = site.start_gateway()
    site.start_workers(1)
    site.send_ok()
    crowd = Readers(gateway.port, 1000) if how == "readers" else Crowd(gateway.port, 1000, SLOW[how])
    with crowd:
        time.sleep(3)
        before, begun = cpu_seconds(gateway), time.monotonic()
        answers = good_clients(gateway, 25)
        used = (cpu_seconds(gateway) - before) / (time.monotonic() - begun)
        assert gateway.admin("/health")[0] == 200
    slowest = max(seconds for _, seconds in answers)
    site.note(f"1000 slow {how}: {len(answers)} good requests, slowest {slowest:.1f} s, CPU {used:.2f} of a core, "
              f"thrown out {crowd.thrown_out}")
    assert {status for status, _ in answers} <= {200, 503}
    assert used < 0.9 or how == "readers", "it spins"
    assert slowest < 3 * slowness(site), "a good client waited too long"
    assert how == "readers" or gateway.metrics()['sluice_gateway_cut_total{reason="crowded"}'] > 1000
    wait_until(lambda: gateway.metrics()["sluice_gateway_connections"] <= 1, "the threads to come back", 40, 0.2)
    assert request(gateway.port).seconds < 2


class Readers(Crowd):
    """Clients that send a few requests, read no reply, and close the connection after 4 s."""

    def __init__(self, port, count):
        super().__init__(port, count, encode("POST", "/unread", b"x" * 10) * 3)

    def _say_something(self, one):
        try:
            if self.members[one] == 0:
                one.send(self.data)
                self.members[one] = time.monotonic() + 4
            elif self.members[one] < time.monotonic():
                self._leave(one)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != 107:
                self._leave(one)


@pytest.mark.case(26)
def test_five_thousand_idle_connections_are_let_go_and_good_clients_served(site):
    gateway = site.start_gateway()
    site.start_workers(1)
    site.send_ok()
    with Crowd(gateway.port, 5000, b"", pace=0.5, insists=False) as crowd:
        time.sleep(3)
        before, begun = cpu_seconds(gateway), time.monotonic()
        answers = good_clients(gateway, 20)
        used = (cpu_seconds(gateway) - before) / (time.monotonic() - begun)
    slowest = max(seconds for _, seconds in answers)
    site.note(f"5000 idle: {len(answers)} good requests, slowest {slowest:.1f} s, CPU {used:.2f} of a core, "
              f"thrown out {crowd.thrown_out}")
    assert {status for status, _ in answers} <= {200, 503}
    assert used < 0.9
    assert slowest < 3 * slowness(site)
    wait_until(lambda: gateway.metrics()["sluice_gateway_connections"] <= 1, "the threads to come back", 60, 0.2)


@pytest.mark.quick
@pytest.mark.case(26)
def test_a_gateway_that_would_run_out_of_file_descriptors_refuses_to_start(site):
    program = site.servers.build / "sluice-gateway"
    done = subprocess.run(["prlimit", "--nofile=100:100", program.absolute()], capture_output=True, text=True, timeout=20,
                          env=environment(site.servers.gateway_settings(GATEWAY_THREADS=32, GATEWAY_IN_FLIGHT=24)),
                          check=False)
    assert done.returncode == 78
    assert "GATEWAY_THREADS=32 needs 288 file descriptors, and the hard limit is 100" in done.stderr


@pytest.mark.quick
@pytest.mark.case(26)
def test_with_the_fewest_file_descriptors_it_starts_with_a_crowd_neither_spins_nor_shuts_out(site):
    gateway = site.start_gateway(GATEWAY_THREADS=32, GATEWAY_IN_FLIGHT=24, CORE_DUMPS="on")
    site.start_workers(1)
    site.send_ok()
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (288, 288))
    with Crowd(gateway.port, 150, b"", insists=False) as crowd:
        time.sleep(2)
        before, begun = cpu_seconds(gateway), time.monotonic()
        answers = good_clients(gateway, 8)
        used = (cpu_seconds(gateway) - before) / (time.monotonic() - begun)
        most = descriptors(gateway)
    site.note(f"288 descriptors, 150 connections: {most} in use, CPU {used:.2f} of a core, {len(answers)} good requests, "
              f"slowest {max(seconds for _, seconds in answers):.1f} s, thrown out {crowd.thrown_out}")
    assert {status for status, _ in answers} <= {200, 503}
    assert used < 0.5, "it spins on accept()"
    wait_until(lambda: gateway.metrics()["sluice_gateway_connections"] <= 1, "the threads to come back", 60, 0.2)
    assert request(gateway.port, body=b"x").status == 200


@pytest.mark.quick
@pytest.mark.case(26)
@pytest.mark.parametrize("what", ["heads", "bodies"])
def test_when_all_threads_are_taken_slow_ones_get_503_and_the_next_one_its_answer(site, what):
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6)
    site.send_ok()
    slow = [socket.create_connection(("127.0.0.1", gateway.port), 30) for _ in range(16)]
    for one in slow:
        one.sendall(SLOW["headers" if what == "heads" else "bodies"][:80])
    reply = request(gateway.port, body=b"good", timeout=40)
    assert reply.status == 200
    site.note(f"behind 16 slow {what} on 8 threads: {reply.seconds:.1f} s")
    assert reply.seconds < 2.5 * slowness(site)
    answers = []
    for one in slow:
        with one:
            answers.append(b"".join(iter(lambda who=one: who.recv(4096), b"")))
    crowded = [answer for answer in answers if b"503 Service Unavailable" in answer]
    assert len(crowded) >= 8
    assert all(b"Retry-After: 1\r\n" in answer and b"others wait" in answer for answer in crowded)
    assert gateway.metrics()['sluice_gateway_replies_total{outcome="crowded"}'] == len(crowded)
    assert int(gateway.lines("crowded")[0]["cut"]) > 0


@pytest.mark.quick
@pytest.mark.case(26)
def test_senders_who_never_finish_a_handshake_make_room_too(site, authority):
    pair = authority.issue("crowded-gateway")
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6, GATEWAY_CERT=pair.certificate, GATEWAY_KEY=pair.key)
    trust = ssl.create_default_context(cafile=authority.certificate)
    silent = [socket.create_connection(("127.0.0.1", gateway.port), 30) for _ in range(24)]
    for one in silent[::2]:
        one.sendall(b"\x16\x03\x01\x02\x00")  # the first bytes of a handshake
    begun = time.monotonic()
    assert request(gateway.port, body=b"good", timeout=40, tls=trust).status == 200
    seconds = time.monotonic() - begun
    site.note(f"behind 24 handshakes that never end on 8 threads: {seconds:.1f} s")
    assert seconds < 3 * slowness(site)
    for one in silent:
        one.close()


@pytest.mark.quick
@pytest.mark.case(26)
def test_when_no_thread_is_missing_a_slow_sender_keeps_its_time(site):
    """As many senders as threads, and no connection waits: one byte every three seconds is allowed."""
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6)
    slow = [socket.create_connection(("127.0.0.1", gateway.port), 30) for _ in range(8)]
    for one in slow:
        one.sendall(encode("POST", "/", b"ab")[:-1])
    time.sleep(3)
    for one in slow:
        with one:
            one.sendall(b"b")
            assert one.recv(4096).startswith(b"HTTP/1.1 200")
    assert gateway.metrics()['sluice_gateway_cut_total{reason="crowded"}'] == 0


@pytest.mark.quick
@pytest.mark.case(26)
def test_whoever_has_sent_all_keeps_its_place_in_a_crowd(site, links):
    """A request that waits for a confirm, or that was sent completely and waits for a thread, is not slow."""
    gateway = links.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=6)
    site.send_ok()
    links.gateway_broker.delay(900)
    begun = time.monotonic()
    good = [socket.create_connection(("127.0.0.1", gateway.port), 30) for _ in range(24)]
    for number, one in enumerate(good):
        one.sendall(encode("POST", "/", b"x" * 20_000, {"webhook-id": f"good-{number}"}))
    answers = []
    for one in good:
        with one:
            answers.append(one.recv(4096)[9:12])
    links.gateway_broker.heal()
    site.note(f"24 at once on 8 threads, confirms after 1.8 s: {time.monotonic() - begun:.1f} s, "
              f"{answers.count(b'200')} times 200, {answers.count(b'503')} times 503")
    assert set(answers) <= {b"200", b"503"}
    assert answers.count(b"200") >= 6
    assert gateway.metrics()['sluice_gateway_cut_total{reason="crowded"}'] == 0
    assert gateway.metrics().get('sluice_gateway_replies_total{outcome="crowded"}', 0) == 0
