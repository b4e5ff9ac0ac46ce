# SPDX-License-Identifier: MIT
"""TLS on each link: a peer that proves its identity is served, any other is refused, and the log says why."""

import collections
import contextlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import warnings

import pytest

from certificates import ELSEWHERE, Authority, der, install, shown
from deployment import SECRETS
from load import Load
from process import wait_until
from programs import run_command
from wire import Wire, encode

# What a server may show that isn't to be trusted, and the words for it: of Sluice (OpenSSL), libpq, curl.
Impostor = collections.namedtuple("Impostor", "pair broker database curl")
KINDS = ("of another name", "expired", "of an unknown CA")


@pytest.fixture(scope="module")
def impostors(authority, tmp_path_factory):
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "somebody-elses-ca")
    made = (
        Impostor(authority.issue("elsewhere", ELSEWHERE), "ostname mismatch", "does not match host name",
                 "no alternative certificate subject name matches"),
        Impostor(authority.issue("expired", expired=True), "certificate has expired", "certificate verify failed",
                 "certificate has expired"),
        Impostor(stranger.issue("stranger"), "unable to get local issuer certificate", "certificate verify failed",
                 "unable to get local issuer certificate"))
    return dict(zip(KINDS, made))


@pytest.fixture(scope="module")
def client_pair(authority):
    return authority.issue("client", ("DNS:client.example",), "clientAuth")


@pytest.fixture
def database(servers, authority):
    """The database, with TLS until the test ends."""
    servers.database.serve_tls(authority.issue("database"))
    yield servers.database
    servers.database.serve_tls(None)


@pytest.fixture
def broker(servers):
    """The broker; its own certificate is restored when the test ends."""
    own = servers.broker.tls[1]
    yield servers.broker
    if servers.broker.tls[1] is not own:
        servers.broker.use_certificate(own)


@pytest.fixture
def demanding_broker(servers):
    servers.broker.demand_certificates(True)
    yield servers.broker
    servers.broker.demand_certificates(False)


class Served:
    """The certificate files of a gateway; `show` replaces them."""

    def __init__(self, directory, pair):
        self.certificate, self.key = directory / "gateway.pem", directory / "gateway.key"
        self.show(pair)

    def show(self, pair):
        self.certificate.write_bytes(pair.certificate.read_bytes())
        self.key.write_bytes(pair.key.read_bytes())

    @property
    def settings(self):
        return {"GATEWAY_CERT": self.certificate, "GATEWAY_KEY": self.key}


@pytest.fixture
def served(authority, tmp_path):
    return Served(tmp_path, authority.issue("gateway"))


@pytest.fixture(scope="module")
def trust(authority):
    """The TLS context of a sender that trusts the CA."""
    return ssl.create_default_context(cafile=authority.certificate)


def broker_tls(site, authority, user, host="localhost", **more):
    return {"BROKER_URL": site.broker.tls_url(user, host), "BROKER_CA": authority.certificate, **more}


def database_tls(site, authority, host="localhost"):
    return {"DATABASE_URL": site.database.tls_url("sluice_worker", authority.certificate, host)}


def reason(program, event, words):
    """Waits for a log line that gives this reason (a pattern)."""
    wait_until(lambda: any(re.search(words, line.get("reason", "")) for line in program.lines(event)),
               lambda: f"'{event}' with '{words}'\n{program.tail()}", 20)


def no_connection_is_left(gateway):
    """Waits until no connection is left and the log shows it."""
    wait_until(lambda: gateway.lines("queued") and gateway.metrics()["sluice_gateway_connections"] == 0,
               lambda: f"no connection left: {gateway.metrics()}")


def no_secret_is_logged(site):
    for program in site.programs:
        for name in SECRETS:
            assert site.servers.secret(name) not in program.output(), (program.name, name)


def shown_by(port):
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        return shown(client)


# --- all links -----------------------------------------------------------------------


@pytest.mark.gateway
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_event_goes_from_https_to_its_row_with_tls_on_every_link(site, authority, database, served, trust, host):
    programs = [site.start_gateway(**broker_tls(site, authority, "sluice-gateway", host), **served.settings),
                *site.start_workers(1, **broker_tls(site, authority, "sluice-worker", host),
                                    **database_tls(site, authority, host))]
    for size in (0, 1, 16_384, 131_064, 131_065, 262_128, 1 << 20):
        body = bytes(number % 253 for number in range(size))
        event_id = f"tls-{host}-{size}"
        reply = site.send("POST", "/tls", body, {"webhook-id": event_id}, tls=trust)
        assert reply.status == 200
        assert reply.seconds < 2
        assert site.row(event_id).body == body

    # The management API lists connections of earlier programs for some seconds; a connection's name ends in its pid.
    def connections():
        return [(each["ssl"], each["ssl_protocol"]) for each in site.broker.management("GET", "connections")
                if "ssl" in each for program in programs
                if each.get("user_provided_name", "").endswith(f"/{program.pid}")]
    wait_until(lambda: len(connections()) == 2, lambda: f"two connections: {connections()}")
    assert set(connections()) == {(True, "tlsv1.3")}
    sessions = database.query("select ssl, version from pg_stat_ssl join pg_stat_activity using (pid) "
                              "where usename = 'sluice_worker'")
    assert sessions
    assert set(sessions) == {(True, "TLSv1.3")}
    no_secret_is_logged(site)


def test_a_load_with_tls_on_every_link_balances(site, authority, database, served, trust):
    assert database
    gateway = site.start_gateway(**broker_tls(site, authority, "sluice-gateway"), **served.settings)
    workers = site.start_workers(2, **broker_tls(site, authority, "sluice-worker"), **database_tls(site, authority))
    ledger = site.ledger()
    with Load(gateway.port, ledger, rate=300, tls=trust) as load:
        load.wait_acked(500)
        workers[0].kill()
        load.wait_acked(500)
    assert set(load.statuses) == {200}
    site.settle(ledger, at_least=800)


def test_setup_and_status_work_by_tls_and_refuse_who_is_not_to_be_trusted(site, authority, database, broker, impostors):
    secure = {"BROKER_URL": broker.tls_url("sluice-setup"), "BROKER_CA": authority.certificate,
              "BROKER_MANAGEMENT_URL": broker.management_tls_url()}
    owner = {"SETUP_DATABASE_URL": database.tls_url("sluice", authority.certificate)}
    reader = {"DATABASE_URL": database.tls_url("sluice_reader", authority.certificate)}
    done = site.servers.setup(**secure, **owner)
    assert done.returncode == 0, done.stdout + done.stderr
    done = site.servers.command("status", **secure, **reader)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "worker connections" in done.stdout
    ledger = site.directory / "empty.tsv"
    ledger.write_text("", encoding="ascii")
    done = site.servers.command("verify", ledger, **{**secure, "BROKER_MANAGEMENT_URL": None}, **reader)
    assert done.returncode == 0, done.stdout + done.stderr
    # The same CA file must have the CA of the management API.
    unknown = {**secure, "BROKER_CA": impostors["of an unknown CA"].pair.certificate}
    done = site.servers.command("status", **unknown, **reader)
    assert done.returncode == 69
    assert done.stderr.count("self-signed certificate in certificate chain") == 2, done.stderr
    done = site.servers.setup(SETUP_WAIT="0s", **unknown, **owner)
    assert done.returncode == 69
    assert "self-signed certificate in certificate chain" in done.stderr, done.stderr


# --- to the broker --------------------------------------------------------------------


@pytest.mark.gateway
@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_with_a_certificate_is_refused_that_is(site, authority, broker, impostors, kind):
    own = broker.tls[1]
    broker.use_certificate(impostors[kind].pair)
    gateway = site.add_gateway(**broker_tls(site, authority, "sluice-gateway")).start(wait=False)
    worker = site.add_worker(**broker_tls(site, authority, "sluice-worker")).start(wait=False)
    reason(gateway, "broker-away", impostors[kind].broker)
    reason(worker, "broker-away", impostors[kind].broker)
    assert not gateway.is_ready()
    assert not worker.is_ready()
    assert site.send(body=b"refused").status == 503
    assert site.count() == 0
    no_secret_is_logged(site)
    broker.use_certificate(own)
    gateway.wait_ready()
    worker.wait_ready()
    event_id = site.send_ok(body=b"taken")
    assert site.row(event_id).body == b"taken"
    assert site.count() == 1


@contextlib.contextmanager
def names_asked_for(pair):
    """A TLS server on a port of its own: (the port, the names in its clients' handshakes; None: no name)."""
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.sni_callback = lambda _, name, __: names.append(name)

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(client, server_side=True):
                    pass
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], names
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(("host", "name"), [("localhost", "localhost"), ("127.0.0.1", None)])
def test_the_brokers_name_is_in_the_handshake_and_an_address_is_not(site, authority, broker, host, name):
    """Brokers behind one address are told apart by it."""
    with names_asked_for(broker.tls[1]) as (port, names):
        site.add_worker(BROKER_URL=f"amqps://sluice-worker@{host}:{port}/sluice",
                        BROKER_CA=authority.certificate).start(wait=False)
        wait_until(lambda: names, "a handshake")
    assert set(names) == {name}


def test_a_broker_that_speaks_no_tls_is_refused_by_who_asks_for_it(site, authority):
    plain = f"amqps://sluice-gateway@localhost:{site.broker.port}/sluice"
    gateway = site.add_gateway(BROKER_URL=plain, BROKER_CA=authority.certificate).start(wait=False)
    reason(gateway, "broker-away", "wrong version number|packet length too long")
    assert not gateway.is_ready()


@pytest.mark.gateway
def test_where_the_broker_demands_a_certificate_only_who_has_one_is_served(site, authority, demanding_broker,
                                                                           client_pair, impostors):
    ours = {"BROKER_CERT": client_pair.certificate, "BROKER_KEY": client_pair.key}
    theirs = impostors["of an unknown CA"].pair
    stranger = {"BROKER_CERT": theirs.certificate, "BROKER_KEY": theirs.key}
    site.start_gateway(**broker_tls(site, authority, "sluice-gateway", **ours))
    site.start_workers(1, **broker_tls(site, authority, "sluice-worker", **ours))
    event_id = site.send_ok(body=b"with a certificate")
    assert site.row(event_id).body == b"with a certificate"
    done = site.servers.command("status", BROKER_URL=demanding_broker.tls_url("sluice-setup"),
                                BROKER_CA=authority.certificate, **ours)
    assert done.returncode == 0, done.stdout + done.stderr
    cut = "BROKER_CERT must be one that it trusts"  # when the broker's TLS alert came too late
    for refused, words in (({}, f"certificate required|{cut}"), (stranger, f"unknown ca|{cut}")):
        gateway = site.add_gateway(**broker_tls(site, authority, "sluice-gateway", **refused)).start(wait=False)
        reason(gateway, "broker-away", words)
        assert not gateway.is_ready()
        worker = site.add_worker(**broker_tls(site, authority, "sluice-worker", **refused)).start(wait=False)
        reason(worker, "broker-away", words)
        assert not worker.is_ready()
    no_secret_is_logged(site)


@pytest.mark.gateway
def test_a_certificate_is_a_login_without_a_password_for_the_user_that_it_names(site, authority, demanding_broker):
    def without_password(user, name=None):
        pair = authority.issue(name or user, (f"DNS:{user}",), "clientAuth")
        return broker_tls(site, authority, user, BROKER_CERT=pair.certificate, BROKER_KEY=pair.key,
                          BROKER_PASSWORD_FILE=None)
    assert demanding_broker.port
    site.start_gateway(**without_password("sluice-gateway"))
    site.start_workers(1, **without_password("sluice-worker"))
    event_id = site.send_ok(body=b"without a password")
    assert site.row(event_id).body == b"without a password"
    stranger = site.add_gateway(**without_password("sluice-gateway", "nobody")).start(wait=False)
    reason(stranger, "broker-away", "ACCESS_REFUSED|refused")
    assert not stranger.is_ready()


@pytest.fixture
def certificates_only(database, authority):
    """The database asks Sluice's roles for certificates, not for passwords."""
    file, place = database.data / "pg_hba.conf", database.data.parent / "clients"
    before = file.read_text(encoding="utf-8")
    install(place, database.user, {"ca.pem": authority.certificate})
    database.query(f"alter system set ssl_ca_file = '{place}/ca.pem'")
    file.write_text("hostssl sluice sluice_worker,sluice_reader 127.0.0.1/32 cert\n"
                    "host sluice sluice_worker,sluice_reader all reject\n" + before, encoding="utf-8")
    database.query("select pg_reload_conf()")
    yield database
    file.write_text(before, encoding="utf-8")
    database.query("alter system reset ssl_ca_file")
    database.query("select pg_reload_conf()")


def test_a_certificate_is_a_login_to_the_database_without_a_password_for_the_role_that_it_names(
        site, authority, certificates_only):
    def without_password(role, name):
        pair = authority.issue(name, (f"DNS:{name}",), "clientAuth")
        url = certificates_only.tls_url(role, authority.certificate)
        return {"DATABASE_URL": f"{url}&sslcert={pair.certificate}&sslkey={pair.key}", "DATABASE_PASSWORD_FILE": None}
    stranger = site.add_worker(**without_password("sluice_worker", "nobody")).start(wait=False)
    reason(stranger, "database-away", "certificate authentication failed")
    stranger.stop()
    site.start_workers(1, **without_password("sluice_worker", "sluice_worker"))
    site.publish("passwordless", b"x", 1_763_900_000_000_000)
    assert site.row("passwordless").body == b"x"
    done = site.servers.command("dead", "list", **without_password("sluice_reader", "sluice_reader"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", ["sluice-gateway", "sluice-worker"])
def test_with_neither_password_nor_certificate_no_program_starts(build, program):
    done = run_command(build, [], {"BROKER_URL": "amqp://somebody@127.0.0.1/sluice",
                                   "DATABASE_URL": "postgresql://somebody@127.0.0.1/sluice"}, program=program)
    assert done.returncode == 78
    assert "neither BROKER_PASSWORD" in done.stderr and "BROKER_CERT" in done.stderr


# --- to the database ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_with_a_certificate_is_refused_that_is(site, authority, database, impostors, kind):
    database.serve_tls(impostors[kind].pair)
    site.start_gateway()
    worker = site.add_worker(**database_tls(site, authority)).start(wait=False)
    event_id = site.send_ok(body=b"waits")
    reason(worker, "database-away", impostors[kind].database)
    assert not worker.is_ready()
    assert site.count() == 0
    assert site.count("webhooks_dead") == 0
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("messages") == 1, "the broker to hold the event")
    no_secret_is_logged(site)
    database.serve_tls(authority.issue("database"))
    worker.wait_ready()
    assert site.row(event_id).body == b"waits"


def test_a_database_without_tls_is_refused_by_who_asks_for_it(site, authority):
    worker = site.add_worker(**database_tls(site, authority)).start(wait=False)
    reason(worker, "database-away", "server does not support SSL")
    assert not worker.is_ready()


# --- at the gateway -------------------------------------------------------------------


@pytest.mark.gateway
@pytest.mark.parametrize("kind", KINDS)
def test_a_sender_can_tell_a_gateway_with_a_certificate_that_is(site, served, trust, impostors, kind):
    served.show(impostors[kind].pair)
    gateway = site.start_gateway(**served.settings)
    with pytest.raises(ssl.SSLCertVerificationError):
        site.send(body=b"never sent", tls=trust)
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    assert site.send(body=b"sent", tls=careless).status == 200
    no_connection_is_left(gateway)
    assert len(gateway.lines("received")) == 1


def at_most(trust_file, version):
    context = ssl.create_default_context(cafile=trust_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    return context


@pytest.mark.gateway
def test_tls_1_1_is_refused_and_1_2_is_not(site, authority, served):
    site.start_gateway(**served.settings)
    for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
            site.send(body=b"old", tls=at_most(authority.certificate, old))
    with Wire(site.gateway.port, tls=at_most(authority.certificate, ssl.TLSVersion.TLSv1_2)) as wire:
        assert wire.socket.version() == "TLSv1.2"
        wire.send(encode("POST", "/", b"new"))
        assert wire.reply().status == 200


@pytest.mark.gateway
def test_what_speaks_no_tls_to_the_https_port_gets_no_event_and_harms_nothing(site, served, trust):
    gateway = site.start_gateway(**served.settings)
    for bytes_sent in (encode("POST", "/plain", b"plain"), b"\x16\x03\x01\xff\xff" + b"\xff" * 2000, b"\x00", b""):
        with Wire(gateway.port) as wire:
            wire.send(bytes_sent)
            with contextlib.suppress(OSError):  # the connection may already be closed
                wire.socket.shutdown(socket.SHUT_WR)
            assert b"200" not in b"".join(iter(lambda: received(wire), b""))
    assert site.send(body=b"tls", tls=trust).status == 200
    no_connection_is_left(gateway)
    assert len(gateway.lines("received")) == 1


def received(wire):
    try:
        return wire.socket.recv(4096)
    except ConnectionResetError:
        return b""


@pytest.mark.gateway
def test_who_never_finishes_a_handshake_is_let_go(site, served, trust):
    gateway = site.start_gateway(GATEWAY_THREADS=8, GATEWAY_IN_FLIGHT=4, **served.settings)
    silent = [socket.create_connection(("127.0.0.1", gateway.port), 30) for _ in range(8)]
    silent[0].sendall(b"\x16\x03\x01\x02\x00")
    try:
        assert site.send(body=b"after them", tls=trust).status == 200
        for one in silent:
            one.settimeout(15)
            assert one.recv(1) == b""
    finally:
        for one in silent:
            one.close()


# --- reload ---------------------------------------------------------------------------


def reloads(gateway, outcome):
    return gateway.metrics()[f'sluice_gateway_reloads_total{{outcome="{outcome}"}}']


@pytest.mark.gateway
def test_a_renewed_certificate_is_served_on_sighup_and_no_request_notices(site, authority, served, trust):
    first, second = authority.issue("first"), authority.issue("second")
    served.show(first)
    gateway = site.start_gateway(**served.settings)
    site.start_workers(1)
    ledger = site.ledger()
    assert shown_by(gateway.port) == der(first)
    with Load(gateway.port, ledger, rate=200, threads=4, tls=trust) as load:
        load.wait_acked(100)
        served.show(second)
        assert shown_by(gateway.port) == der(first)
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: shown_by(gateway.port) == der(second), "the new certificate")
        for _ in range(20):
            gateway.process.send_signal(signal.SIGHUP)
            assert shown_by(gateway.port) == der(second)
        load.wait_acked(100)
    assert set(load.statuses) == {200}
    assert load.connections == 4  # no connection was closed
    assert reloads(gateway, "done") >= 2  # signals that arrive together count as one
    assert reloads(gateway, "refused") == 0
    assert gateway.lines("reloaded")
    site.settle(ledger, at_least=150)


@pytest.mark.gateway
@pytest.mark.parametrize("broken", ["garbage", "of another certificate", "missing"])
def test_a_key_that_cant_be_used_leaves_the_old_in_force_until_it_is_mended(site, authority, served, trust, broken):
    first, second = authority.issue("first"), authority.issue("second")
    served.show(first)
    gateway = site.start_gateway(**served.settings)
    served.show(second)
    if broken == "missing":
        served.key.unlink()
    else:
        served.key.write_bytes(b"no key" if broken == "garbage" else first.key.read_bytes())
    gateway.process.send_signal(signal.SIGHUP)
    reason(gateway, "not-reloaded", f"GATEWAY_KEY={re.escape(str(served.key))}")
    assert shown_by(gateway.port) == der(first)
    assert site.send(body=b"still", tls=trust).status == 200
    assert gateway.is_ready()
    assert (reloads(gateway, "done"), reloads(gateway, "refused")) == (0, 1)
    served.show(second)
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown_by(gateway.port) == der(second), "the new certificate")
    assert site.send(body=b"mended", tls=trust).status == 200
    assert (reloads(gateway, "done"), reloads(gateway, "refused")) == (1, 1)


@pytest.mark.gateway
def test_sighup_without_tls_is_heard_and_changes_nothing(site):
    gateway = site.start_gateway()
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.lines("reloaded"), "the reload")
    site.send_ok(body=b"goes on")


# --- settings -------------------------------------------------------------------------

AMQP, AMQPS = "amqp://user@localhost/sluice", "amqps://user@localhost/sluice"
WRONG = [
    ({"BROKER_URL": AMQPS}, ("BROKER_URL", "BROKER_CA")),
    ({"BROKER_URL": AMQP, "BROKER_CA": "/ca.pem"}, ("BROKER_URL", "BROKER_CA", "amqps")),
    ({"BROKER_URL": AMQP, "BROKER_CERT": "/c.pem", "BROKER_KEY": "/c.key"}, ("BROKER_URL", "BROKER_CERT", "amqps")),
    ({"BROKER_URL": AMQPS, "BROKER_CA": "/ca.pem", "BROKER_CERT": "/c.pem"}, ("BROKER_CERT", "BROKER_KEY")),
    ({"BROKER_URL": AMQPS, "BROKER_CA": "/ca.pem", "BROKER_KEY": "/c.key"}, ("BROKER_CERT", "BROKER_KEY")),
]


@pytest.mark.parametrize("program", ["sluice-gateway", "sluice-worker", "setup", "status", "verify"])
@pytest.mark.parametrize(("settings", "named"), WRONG)
def test_settings_of_tls_that_dont_fit_together_are_named(build, servers, tmp_path, program, settings, named):
    arguments = []
    if program == "sluice-gateway":
        settings = servers.gateway_settings(**settings)
    elif program == "sluice-worker":
        settings = servers.worker_settings(**settings)
    else:
        arguments = [program, tmp_path / "ledger"] if program == "verify" else [program]
        settings = (servers.setup_settings if program == "setup" else servers.reader_settings)(**settings)
        (tmp_path / "ledger").touch()
        program = "sluice"
    done = run_command(build, arguments, settings, program=program)
    assert done.returncode == 78, done.stdout + done.stderr
    assert all(name in done.stderr for name in named), done.stderr


@pytest.mark.parametrize("one", ["GATEWAY_CERT", "GATEWAY_KEY"])
def test_a_gateways_certificate_and_key_go_together(build, servers, served, one):
    done = run_command(build, [], servers.gateway_settings(**{one: served.settings[one]}), program="sluice-gateway")
    assert done.returncode == 78
    assert "GATEWAY_CERT" in done.stderr
    assert "GATEWAY_KEY" in done.stderr


@pytest.mark.parametrize("one", ["GATEWAY_CERT", "GATEWAY_KEY"])
def test_a_gateway_does_not_start_with_a_file_that_cant_be_used(build, servers, served, tmp_path, one):
    settings = servers.gateway_settings(**{**served.settings, one: tmp_path / "absent.pem"})
    done = run_command(build, [], settings, program="sluice-gateway")
    assert done.returncode == 78
    assert f"{one}={tmp_path / 'absent.pem'}" in done.stderr


# --- encrypted keys ---------------------------------------------------------------------


@pytest.fixture(name="encrypted_key", scope="module", params=["PKCS #8", "traditional"])
def make_encrypted_key(request, client_pair, tmp_path_factory):
    key = tmp_path_factory.mktemp("encrypted") / "encrypted.key"
    subprocess.run(["openssl", "pkey", "-in", client_pair.key, "-out", key, "-aes256", "-passout", "pass:of-tests",
                    *(["-traditional"] if request.param == "traditional" else [])], check=True, capture_output=True)
    return key


def test_a_gateway_asks_nobody_for_a_pass_phrase(build, servers, client_pair, encrypted_key):
    settings = servers.gateway_settings(GATEWAY_CERT=client_pair.certificate, GATEWAY_KEY=encrypted_key)
    done = run_command(build, [], settings, program="sluice-gateway", terminal=True, limit=20)
    assert done.returncode == 78, done.stdout
    assert re.search(f"GATEWAY_KEY={re.escape(str(encrypted_key))} .* the key is encrypted", done.stdout)
    assert "pass phrase:" not in done.stdout


@pytest.mark.gateway
def test_a_reload_with_an_encrypted_key_leaves_the_old_in_force(site, served, client_pair, encrypted_key):
    gateway = site.start_gateway(**served.settings)
    served.certificate.write_bytes(client_pair.certificate.read_bytes())
    served.key.write_bytes(encrypted_key.read_bytes())
    gateway.process.send_signal(signal.SIGHUP)
    reason(gateway, "not-reloaded", "the key is encrypted")
    assert gateway.is_ready()


def test_a_worker_asks_nobody_for_a_pass_phrase(site, authority, client_pair, encrypted_key):
    worker = site.add_worker(**broker_tls(site, authority, "sluice-worker", BROKER_CERT=client_pair.certificate,
                                          BROKER_KEY=encrypted_key))
    worker.start(wait=False)
    reason(worker, "broker-away", f"BROKER_KEY={re.escape(str(encrypted_key))} is encrypted")
    worker.terminate()
    assert worker.wait(20) == 0
