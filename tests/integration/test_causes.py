# SPDX-License-Identifier: MIT
"""Each way in which a connection can fail is told by its own cause: by every program, of every server."""

import collections
import time

import pytest

from process import free_port, wait_until
from programs import run_command

# url: from that of the server that is there. words: what says why; one of them stands in the reason.
# settings: what else is set otherwise, by the end of its name.
Kind = collections.namedtuple("Kind", "url words settings", defaults=({},))
WRONG = {"PASSWORD": "not-the-password", "PASSWORD_FILE": None}


def at(host=None, port=None, path=None, scheme=None, more=""):
    """A change of a URL."""
    def change(url):
        was, rest = url.split("://")
        user, rest = rest.split("@")
        address, name = (*rest.split("/"), "")[:2]
        old_host, old_port = address.rsplit(":", 1)
        place = f"{host or old_host}:{port or old_port}"
        return f"{scheme or was}://{user}@{place}" + (f"/{path or name}" if path or name else "") + more
    return change


def nobody(url):
    """A port of which nobody listens."""
    return at(port=free_port())(url)


def in_directory(directory):
    """By a socket in this directory."""
    def change(url):
        user, name = url.split("@")
        return f"{user}@/{name.split('/')[1]}?host={directory}"
    return change


def at_another(kind):
    """A server of another protocol listens there."""
    def change(url, servers):
        return at(port=servers.database.port if kind == "postgres" else servers.broker.port)(url)
    return change


DATABASE = {
    "an unknown host": Kind(at(host="no-such-host.invalid"), ["no-such-host.invalid"]),
    "a port without a listener": Kind(nobody, ["Connection refused"]),
    "a socket that is missing": Kind(in_directory("/nonexistent"), ["/nonexistent/.s.PGSQL"]),
    "a wrong password": Kind(lambda url: url, ["password authentication failed"], WRONG),
    "an unknown database": Kind(at(path="nosuch"), ['database "nosuch" does not exist']),
    "an unknown role": Kind(lambda url: url.replace("://sluice", "://nobody"), ["password authentication failed"]),
    "TLS of a server that has none": Kind(at(more="?sslmode=require"), ["server does not support SSL"]),
    "a CA file that is missing": Kind(at(more="?sslmode=verify-full&sslrootcert=/nonexistent.pem"),
                                      ["/nonexistent.pem", "server does not support SSL"]),
    "a server that is no Postgres": Kind(at_another("amqp"), ["expected authentication request", "closed the connection",
                                                             "invalid response"]),
}
UNREADABLE = {
    "an unknown parameter": Kind(at(more="?colour=red"), ['invalid URI query parameter: "colour"']),
    "a port that is none": Kind(at(port="99999"), ["99999"]),
    "a port that is no number": Kind(at(port="amqp"), ["amqp"]),
    "an unknown sslmode": Kind(at(more="?sslmode=perhaps"), ['invalid sslmode value: "perhaps"']),
    "ports that don't fit the hosts": Kind(at(host="127.0.0.1:1,127.0.0.1:2,127.0.0.1", more="?port=1,2"), ["could not match"]),
    "a bracket that is not closed": Kind(at(host="[::1"), ["IPv6"]),
    "a code that is none": Kind(at(path="a%zz"), ["percent-encoded"]),
}
BROKER = {
    "an unknown host": Kind(at(host="no-such-host.invalid"), ["no-such-host.invalid"]),
    "a port without a listener": Kind(nobody, ["Connection refused"]),
    "a wrong password": Kind(lambda url: url, ["ACCESS_REFUSED"], WRONG),
    "an unknown vhost": Kind(at(path="nosuch"), ["vhost nosuch not found"]),
    "a server that is no broker": Kind(at_another("postgres"), ["is it AMQP that this port speaks"]),
    "TLS of a server that has none": Kind(at(scheme="amqps"), ["wrong version number", "packet length too long",
                                                              "record layer failure", "cut"], {"CA": "authority"}),
    "a CA file that is missing": Kind(at(scheme="amqps"), ["BROKER_CA=/nonexistent.pem"], {"CA": "/nonexistent.pem"}),
}
MANAGEMENT = {
    "an unknown host": Kind(at(host="no-such-host.invalid"), ["Could not resolve host: no-such-host.invalid"]),
    "a port without a listener": Kind(nobody, ["Failed to connect", "Couldn't connect"]),
    "a wrong password": Kind(lambda url: url, ["status 401"]),
    "a server that speaks no HTTP": Kind(at_another("amqp"), ["Received HTTP/0.9", "Weird server reply", "unsupported"]),
    "TLS of a server that has none": Kind(at(scheme="https"), ["wrong version number", "packet length too long"]),
}
LOOKING = {"status": ("status",), "verify": ("verify", "LEDGER"), "dead list": ("dead", "list"), "dead show": ("dead", "show", "1")}
CHANGING = {"setup": ("setup",), "prune": ("prune", "--older-than", "1d", "--dry-run"),
            "dead drop": ("dead", "drop", "--all", "--dry-run"), "dead replay": ("dead", "replay", "--all"),
            "dead collect": ("dead", "collect")}
PUBLISHING = {"status": LOOKING["status"], "verify": LOOKING["verify"], "setup": ("setup", "--skip-broker-users"),
              "dead replay": CHANGING["dead replay"], "dead collect": CHANGING["dead collect"]}


def apply(kind, servers, authority, prefix, settings):
    """Settings with this server's URL (and what else) as the kind wants it."""
    url = settings[f"{prefix}_URL"]
    change = kind.url(url, servers) if kind.url.__code__.co_argcount == 2 else kind.url(url)
    more = {f"{prefix}_{name}": authority.certificate if value == "authority" else value
            for name, value in kind.settings.items()}
    return {**settings, f"{prefix}_URL": change, **more}


def says(kind, text):
    return any(words in text for words in kind.words)


def reason_of(program, event):
    """The reason of the first line of this event."""
    return wait_until(lambda: program.lines(event), lambda: f"{event}\n{program.tail()}", 25)[0]["reason"].replace('\\"', '"')


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger"
    path.write_text("".join(f"{what}\tdefault\tx\t{'0' * 64}\n" for what in ("sent", "acked")), encoding="ascii")
    return str(path)


def commands(site, ledger, prefix, settings_of, which=None):
    """(name, its CompletedProcess) of each subcommand that uses a server."""
    for name, words in (which or {**LOOKING, **CHANGING}).items():
        known = site.servers.reader_settings() if name in LOOKING else site.servers.setup_settings()
        its = "SETUP_DATABASE" if prefix == "DATABASE" and name in CHANGING else prefix
        settings = settings_of(its, {**known, "SETUP_WAIT": "0"})
        yield name, run_command(site.servers.build, [ledger if word == "LEDGER" else word for word in words], settings)


@pytest.mark.parametrize("name", DATABASE)
def test_each_failure_of_the_database_is_told_by_its_cause(site, authority, ledger, name):
    kind = DATABASE[name]

    def settings_of(prefix, settings):
        return apply(kind, site.servers, authority, prefix, settings)
    begun = time.monotonic()
    worker = site.add_worker(**settings_of("DATABASE", site.servers.worker_settings())).start(wait=False)
    reason = reason_of(worker, "database-away")
    assert says(kind, reason), reason
    assert time.monotonic() - begun < 15
    for command, done in commands(site, ledger, "DATABASE", settings_of):
        assert done.returncode in (69, 78), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert says(kind, done.stderr), f"{command}: {done.stderr}"


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_database_url_that_libpq_cannot_use_ends_each_program_at_its_start_with_the_reason(site, authority, ledger, name):
    kind = UNREADABLE[name]

    def settings_of(prefix, settings):
        return apply(kind, site.servers, authority, prefix, settings)
    settings = settings_of("DATABASE", site.servers.worker_settings())
    secret = site.servers.secret("database-worker")
    done = run_command(site.servers.build, [], settings, program="sluice-worker", limit=10)
    for command, done in [("worker", done), *commands(site, ledger, "DATABASE", settings_of)]:
        assert done.returncode == 78, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert says(kind, done.stderr) and "DATABASE_URL" in done.stderr, f"{command}: {done.stderr}"
        assert secret not in done.stderr


@pytest.mark.parametrize("name", BROKER)
def test_each_failure_of_the_broker_is_told_by_its_cause(site, authority, ledger, name):
    kind = BROKER[name]

    def settings_of(prefix, settings):
        return apply(kind, site.servers, authority, prefix, settings)
    for program in (site.add_gateway(**settings_of("BROKER", site.servers.gateway_settings())),
                    site.add_worker(**settings_of("BROKER", site.servers.worker_settings()))):
        program.start(wait=False)
        reason = reason_of(program, "broker-away")
        assert says(kind, reason), f"{program.name}: {reason}"
    site.database.query("insert into sluice.webhooks_dead (source, body, verdict, reason, received_at) "
                        "values ('default', '', 'later', 'a test', now())")
    for command, done in commands(site, ledger, "BROKER", settings_of, PUBLISHING):
        assert done.returncode in (69, 78), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert says(kind, done.stderr), f"{command}: {done.stderr}"


@pytest.mark.parametrize("name", MANAGEMENT)
def test_each_failure_of_the_management_api_is_told_by_its_cause(site, authority, name):
    kind = MANAGEMENT[name]
    wrong = {"BROKER_PASSWORD": "not-the-password", "BROKER_PASSWORD_FILE": None} if name == "a wrong password" else {}
    if "TLS" in name:
        wrong = {"BROKER_CA": authority.certificate, "BROKER_URL": site.servers.broker.tls_url("sluice-setup")}
    settings = {**apply(kind, site.servers, authority, "BROKER_MANAGEMENT", site.servers.setup_settings()),
                "SETUP_WAIT": "0", **wrong}
    done = run_command(site.servers.build, ["setup"], settings)
    assert done.returncode in (69, 78), f"{done.returncode}\n{done.stdout}{done.stderr}"
    assert says(kind, done.stderr), done.stderr
    looked = {name: settings[name] for name in settings if name.startswith("BROKER_MANAGEMENT") or name in wrong}
    done = run_command(site.servers.build, ["status"], {**site.servers.reader_settings(), **looked})
    assert says(kind, done.stdout + done.stderr), done.stdout + done.stderr
