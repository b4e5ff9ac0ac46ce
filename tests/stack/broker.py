# SPDX-License-Identifier: MIT
"""A private RabbitMQ node with its own directory, ports and port mapper. It doesn't touch the system's RabbitMQ."""

import base64
import http.client
import json
import pathlib
import secrets
import socket
import subprocess
import urllib.parse

from certificates import install
from process import Child, Failure, command_as, own_directory, remove_directory, server_user, wait_until

PROGRAMS = pathlib.Path("/usr/lib/rabbitmq/bin")
PORTS = ("amqp", "management", "distribution", "epmd")
TLS_PORTS = ("amqps", "https")
VHOST = "sluice"
SETUP_USER = "sluice-setup"

CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_vhost = {vhost}
default_user = {user}
default_pass = {password}
default_user_tags.administrator = true
disk_free_limit.absolute = 50MB
frame_max = {frame_max}
max_message_size = {message_max}
log.console = false
log.file.level = warning
log.file.rotation.size = 10485760
log.file.rotation.count = 2
collect_statistics_interval = 1000
"""

# In addition to the ports without TLS, which the tests themselves use.
TLS_CONFIG = """\
listeners.ssl.1 = 127.0.0.1:{amqps}
ssl_options.cacertfile = {place}/ca.pem
ssl_options.certfile = {place}/server.pem
ssl_options.keyfile = {place}/server.key
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
ssl_options.verify = {verify}
ssl_options.fail_if_no_peer_cert = {demand}
management.ssl.ip = 127.0.0.1
management.ssl.port = {https}
management.ssl.cacertfile = {place}/ca.pem
management.ssl.certfile = {place}/server.pem
management.ssl.keyfile = {place}/server.key
management.ssl.versions.1 = tlsv1.3
management.ssl.versions.2 = tlsv1.2
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
ssl_cert_login_from = common_name
"""

# A refused dead-lettering is retried after 5 s instead of 180 s; the management API's numbers are 1 s old instead of 5.
ADVANCED = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 5000}, {quorum_tick_interval, 1000}]}].\n"


def _first_wins(pairs):
    """For some seconds after a change RabbitMQ 4.0 reports a queue's members twice, old and new. The sluice command
    reads the first ones."""
    return dict(reversed(pairs))


class Broker:
    """ports: a dict with a free port for each of PORTS. tls: (PEM file of its clients' CA, certificates.Pair to
    present); it then also listens on TLS_PORTS."""

    def __init__(self, directory, ports, password, tls=None):
        self.directory = pathlib.Path(directory)
        self.ports = ports
        self.password = password
        self.tls = tls
        self.demands_certificate = False  # from AMQP clients, from the next start on
        self.frame_max = 131072
        self.message_max = 64 << 20  # as deploy/rabbitmq/sluice.conf
        self.name = "sluice"  # of the node: sluice@localhost
        self.plugins = ["rabbitmq_management", "rabbitmq_auth_mechanism_ssl", "rabbitmq_consistent_hash_exchange"]
        self.cookie = secrets.token_hex(20)  # unless there is one
        self.more_config = ""  # lines of rabbitmq.conf
        self.user = server_user("rabbitmq")
        self.place = None
        base = self.directory.name
        # A node that is still starting ignores SIGTERM; its data survives a kill.
        self.child = Child("rabbitmq", self.directory.with_name(base + ".log"), self.user, death_signal="KILL")
        self.epmd = Child("epmd", self.directory.with_name(base + "-epmd.log"), self.user)

    @property
    def port(self):
        return self.ports["amqp"]

    @property
    def node(self):
        return f"{self.name}@localhost"

    def url(self, user):
        return f"amqp://{user}@127.0.0.1:{self.port}/{VHOST}"

    def tls_url(self, user, host="localhost"):
        return f"amqps://{user}@{host}:{self.ports['amqps']}/{VHOST}"

    def management_tls_url(self, user=SETUP_USER, host="localhost"):
        return f"https://{user}@{host}:{self.ports['https']}"

    def management_url(self, user=SETUP_USER):
        return f"http://{user}@127.0.0.1:{self.ports['management']}"

    def create(self):
        """Writes the node's configuration; existing data stays."""
        place = self.place = own_directory(self.directory, self.user)
        for name in ("etc", "data", "log", "home", "tls"):
            (place / name).mkdir(exist_ok=True)
        cookie = place / "home" / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self.cookie, encoding="ascii")
            cookie.chmod(0o400)
        config = place / "etc" / "rabbitmq.conf"
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(**self.ports, vhost=VHOST, user=SETUP_USER, password=self.password,
                                        frame_max=self.frame_max, message_max=self.message_max)
                          + self._tls_config() + self.more_config, encoding="ascii")
        (place / "etc" / "advanced.config").write_text(ADVANCED, encoding="ascii")
        (place / "etc" / "enabled_plugins").write_text(f"[{', '.join(self.plugins)}].\n", encoding="ascii")
        (place / "etc" / "env.conf").touch()
        own_directory(self.directory, self.user)

    def _tls_config(self):
        if self.tls is None:
            return ""
        self._install_tls()
        demand = self.demands_certificate
        return TLS_CONFIG.format(**self.ports, place=self.place / "tls", demand=str(demand).lower(),
                                 verify="verify_peer" if demand else "verify_none")

    def _install_tls(self):
        authority, pair = self.tls
        install(self.place / "tls", self.user, {"ca.pem": authority, "server.pem": pair.certificate,
                                                "server.key": pair.key})

    def use_certificate(self, pair):
        """New connections are presented this certificate."""
        self.tls = (self.tls[0], pair)
        self._install_tls()
        self.control("eval", "ssl:clear_pem_cache().")

    def demand_certificates(self, demand):
        """Whether AMQP clients with TLS must present a certificate. Restarts the node."""
        self.demands_certificate = demand
        self._restart()

    def limit_frames(self, frame_max):
        """The largest frame, in bytes, that clients may negotiate. Restarts the node."""
        self.frame_max = frame_max
        self._restart()

    def limit_messages(self, message_max):
        """The largest body, in bytes, that clients may publish. Restarts the node."""
        self.message_max = message_max
        self._restart()

    def _restart(self):
        self.stop()
        self.create()
        self.start()

    def _environment(self):
        place = self.place
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(place / "home"),
            "ERL_EPMD_PORT": str(self.ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_BYTES": "0",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self.ports["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": str(place / "etc" / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(place / "etc" / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "etc" / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "etc" / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(place / "data"),
            "RABBITMQ_LOG_BASE": str(place / "log"),
            "RABBITMQ_PID_FILE": str(place / "pid"),
            # The script then execs the node instead of running it as a child.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def start(self, wait=True):
        if self.place is None:
            self.create()
        self.start_epmd()
        self._start_node()
        if wait:
            self.wait_ready()

    def _start_node(self):
        self.child.start([PROGRAMS / "rabbitmq-server"], self._environment(), cwd=str(self.place))

    def start_epmd(self):
        """Starts the node's port mapper unless it runs. After create()."""
        if not self.epmd.alive():
            self.epmd.start(["epmd", "-port", self.ports["epmd"], "-address", "127.0.0.1"], self._environment(),
                            cwd="/")
            wait_until(lambda: self._connects("epmd"), lambda: f"epmd\n{self.epmd.tail()}")

    def _connects(self, name):
        try:
            socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
        except OSError:
            return False
        return True

    def answers(self):
        return self._greets() and self._manages()

    def wait_ready(self, limit=90):
        """Ready means that it answers an AMQP client and that the management API accepts our login."""
        wait_until(self.answers,
                   lambda: f"RabbitMQ on port {self.port}\n{self.tail()}", limit, every=0.1)

    def _greets(self):
        if not self.child.alive():
            raise Failure(f"RabbitMQ ended at once\n{self.tail()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.settimeout(5)
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"  # a method frame: Connection.Start
        except OSError:
            return False

    def _manages(self):
        try:
            return self.management("GET", f"vhosts/{VHOST}")["name"] == VHOST
        except (OSError, http.client.HTTPException, Failure):
            return False

    def management(self, method, path, content=None, user=SETUP_USER, password=None):
        """One call of the management API; returns its JSON or None. path: below /api/, with its parts quoted."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["management"], timeout=10)
        login = base64.b64encode(f"{user}:{password or self.password}".encode()).decode()
        try:
            connection.request(method, "/api/" + path, None if content is None else json.dumps(content),
                               {"Authorization": "Basic " + login, "Content-Type": "application/json"})
            reply = connection.getresponse()
            body = reply.read()
        finally:
            connection.close()
        if reply.status >= 300:
            raise Failure(f"{method} /api/{path}: {reply.status} {body[:300]!r}")
        return json.loads(body, object_pairs_hook=_first_wins) if body else None

    def queue(self, name):
        """The broker's report about a queue; {} when it doesn't exist."""
        try:
            return self.management("GET", f"queues/{VHOST}/{urllib.parse.quote(name, safe='')}")
        except Failure as failure:
            if ": 404 " in str(failure):
                return {}
            raise

    def control(self, *arguments, tool="rabbitmqctl", limit=180):
        """Runs rabbitmqctl, or another tool of RabbitMQ's, on this node and returns its output."""
        done = subprocess.run(self._tool(tool, "-q", *arguments), env=self._environment(), cwd=str(self.place), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=limit, check=False)
        if done.returncode != 0:
            raise Failure(f"{tool} {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _tool(self, name, *arguments):
        return command_as(self.user, [PROGRAMS / name, *arguments])

    def set_alarm(self):
        """Blocks all publishers from now on."""
        self.control("set_vm_memory_high_watermark", "0")

    def clear_alarm(self):
        self.control("set_vm_memory_high_watermark", "0.4")

    def mend(self):
        """Starts the node unless it runs."""
        if not self.child.alive():
            self.start()

    def stop(self):
        return self.child.terminate(60)

    def stop_epmd(self):
        """Call it after stop(); then no process of the node is left."""
        return self.epmd.terminate(10)

    def kill(self):
        self.child.kill()

    def log(self):
        """The node's own log file."""
        return self.place / "log" / f"{self.node}.log"

    def tail(self, lines=25):
        try:
            text = self.log().read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        except (OSError, AttributeError):
            text = []
        return self.child.tail(lines) + "\n" + "\n".join("    " + line for line in text)

    def remove(self):
        remove_directory(self.directory)
