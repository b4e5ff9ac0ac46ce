# SPDX-License-Identifier: MIT
"""compose.tls.yml: all connections between containers and to them are encrypted, and others are refused."""

import json
import socket
import ssl
import stat

import psycopg2
import pytest

from conftest import running
from process import wait_until
from project import Project, run


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A running project with two workers and its own certificates."""
    directory = tmp_path_factory.mktemp("tls")
    certificates = directory / "certificates"
    run("deploy/certificates", certificates)
    one = Project(directory, "tls", ("docker-compose.yml", "deploy/compose.tls.yml"), CERTIFICATES_DIR=certificates)
    one.certificates = certificates
    one.ca = certificates / "ca.pem"
    with running(one):
        one.up(2)
        yield one


def served(project):
    """The certificate (PEM) that the gateway presents; checks its chain and name."""
    trusted = ssl.create_default_context(cafile=project.ca)
    with socket.create_connection(("127.0.0.1", project.port), timeout=5) as plain:
        with trusted.wrap_socket(plain, server_hostname="localhost") as wrapped:
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(True)).strip()


def on_disk(project):
    return (project.certificates / "gateway" / "cert.pem").read_text(encoding="ascii").strip()


def test_a_post_by_https_becomes_a_row_and_plain_http_gets_nothing(secure):
    assert secure.post(b'{"hello":"world"}', {"webhook-id": "by-tls"}, "/orders") == 200
    wait_until(lambda: secure.database.query("select path from webhooks_raw where id = 'by-tls'") == [("/orders",)],
               "the row of the event")
    secure.ca, ca = None, secure.ca
    try:
        assert secure.post(b"x", {"webhook-id": "plain"}) != 200
    finally:
        secure.ca = ca
    assert not secure.database.query("select 1 from webhooks_raw where id = 'plain'")


def test_the_broker_listens_for_tls_alone(secure):
    def listens(port):
        script = f"exec 3<>/dev/tcp/rabbitmq/{port} && echo yes"
        return secure.compose("exec", "-T", "rabbitmq", "bash", "-c", script, check=False).strip() == "yes"
    assert listens(5671) and listens(15672)
    assert not listens(5672) and not listens(15673), "a plain port is open to other containers"
    connected = secure.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "list_connections", "--no-table-headers",
                               "user", "ssl", "ssl_protocol").split("\n")
    found = {tuple(line.split()) for line in connected if line}
    assert {user for user, _, _ in found} == {"sluice-gateway", "sluice-worker"}
    assert all(encrypted == "true" and protocol in ("tlsv1.2", "tlsv1.3") for _, encrypted, protocol in found), found


def test_postgres_takes_no_role_without_tls(secure):
    def connect(**options):
        psycopg2.connect(host="localhost", port=secure.database.port, dbname="sluice", user="sluice_worker",
                         password=secure.secret("database-worker"), connect_timeout=5, **options).close()
    connect(sslmode="verify-full", sslrootcert=secure.ca)
    with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry .*no encryption"):
        connect(sslmode="disable")
    workers = secure.database.query("select ssl from pg_stat_activity join pg_stat_ssl using (pid)"
                                    " where usename = 'sluice_worker'")
    assert workers and all(encrypted for (encrypted,) in workers)


def test_every_program_checks_whom_it_talks_to(secure):
    services = json.loads(secure.compose("--profile", "ctl", "--profile", "console", "--profile", "prune", "config", "--format", "json"))["services"]
    for service in ("setup", "gateway", "worker", "ctl", "console", "prune"):
        for name, value in services[service]["environment"].items():
            if name.endswith("_URL") and "postgres" in value:
                assert value.endswith("?sslmode=verify-full&sslrootcert=/run/ca.pem"), (service, name)
            elif name.endswith("_URL"):
                assert value.startswith(("amqps://", "https://")), (service, name)
    assert "webhooks.ingest" in secure.compose("run", "--rm", "-T", "ctl", "status")


def test_each_container_sees_its_own_key_only_and_none_sees_the_cas(secure):
    for service in ("gateway", "rabbitmq", "postgres", "worker", "setup"):
        for container in secure.inspect(service):
            inside = {mount["Source"] for mount in container["Mounts"] if str(secure.certificates) in mount["Source"]}
            wanted = {"gateway": {"gateway", "ca.pem"}, "rabbitmq": {"rabbitmq", "ca.pem"}, "postgres": {"postgres"}}
            assert inside == {str(secure.certificates / name) for name in wanted.get(service, {"ca.pem"})}, service
    assert stat.S_IMODE(secure.certificates.stat().st_mode) == 0o700
    assert stat.S_IMODE((secure.certificates / "ca.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("hang_up", [("exec", "-T", "gateway", "bash", "-c", "kill -HUP 1"),
                                     ("kill", "-s", "HUP", "gateway")], ids=["exec", "kill"])
def test_an_exchanged_certificate_is_served_after_a_hang_up_with_no_restart(secure, hang_up):
    before = on_disk(secure)
    assert served(secure) == before
    run("deploy/certificates", secure.certificates)
    after = on_disk(secure)
    assert after != before and served(secure) == before, "the gateway got no SIGHUP yet"
    secure.compose(*hang_up)
    wait_until(lambda: served(secure) == after, "the new certificate")
    container, = secure.inspect("gateway")
    assert container["RestartCount"] == 0 and secure.post(b"y", {"webhook-id": f"after-{hang_up[0]}"}) == 200
