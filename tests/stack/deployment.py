# SPDX-License-Identifier: MIT
"""One broker, one database and the secrets of Sluice's programs, all under one directory. `make run` keeps this
directory; the tests have one for each session."""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil

from broker import PORTS, TLS_PORTS, Broker
from cluster import Cluster, port_names
from database import Database
from process import Failure, free_ports
from programs import run_command

SECRETS = ("broker-setup", "broker-gateway", "broker-worker", "broker-listen", "broker-monitor", "database-owner",
           "database-worker", "database-reader", "console-token")

BUNDLE_EVENTS = "SLUICE_BUNDLE_EVENTS"  # of this process: GATEWAY_BUNDLE_EVENTS of all gateways that don't set it (make BUNDLE_EVENTS=64)


class Deployment:
    """The servers and the settings of Sluice's programs, but not the programs."""

    def __init__(self, directory, build, database_settings=None, running=False, broker_tls=None, taken=(), nodes=1):
        """running: another process has started the servers; only connect to them. broker_tls: see Broker. taken:
        ports that are reserved although nothing listens there yet. nodes: of the broker; several are a Cluster."""
        self.directory = pathlib.Path(directory)
        self.build = pathlib.Path(build)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o711)  # the servers' users must be able to reach their directories
        self.state_file = self.directory / "state.json"
        self.state = self._load_state()
        (self.directory / "secrets").mkdir(mode=0o700, exist_ok=True)
        for name in SECRETS:
            if not self._secret_file(name).exists():
                self.write_secret(name, secrets.token_urlsafe(24))
        ports = port_names(nodes) if nodes > 1 else [*PORTS, *(TLS_PORTS if broker_tls else ())]
        if not running:
            free_ports([*ports, "database"], self.state, taken)
            self.save_state()
        broker = self.directory / "broker", {name: self.state[name] for name in ports}, self.secret("broker-setup")
        self.nodes = nodes
        self.broker = Cluster(*broker, nodes) if nodes > 1 else Broker(*broker, broker_tls)
        self.database = Database(self.directory / "database", self.state["database"], self.secret("database-owner"),
                                 database_settings)

    def _load_state(self):
        try:
            return json.loads(self.state_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise Failure(f"{self.state_file} can't be read ({error}); remove it") from None

    def save_state(self):
        self.state_file.write_text(json.dumps(self.state, indent=2) + "\n", encoding="ascii")

    def _secret_file(self, name):
        return self.directory / "secrets" / name

    def secret(self, name):
        return self._secret_file(name).read_text(encoding="ascii").strip()

    def write_secret(self, name, value):
        """Writes a file that only we can read; returns its path, for a setting X_FILE."""
        path = self._secret_file(name)
        path.touch(mode=0o600)
        path.write_text(value + "\n", encoding="ascii")
        return path

    def copy_routes(self, file):
        """Copies a routes file for containers, so that it works here: a secret /run/secrets/NAME is our file NAME, with
        random bytes (in the form that scheme `standard` demands) where there is none yet. Returns the copy's path."""
        def our_file(match):
            path = self._secret_file(match[1])
            if not path.exists():
                self.write_secret(match[1], "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())
            return json.dumps(str(path.absolute()))

        text = re.sub(r'"/run/secrets/([\w.-]+)"', our_file, pathlib.Path(file).read_text(encoding="utf-8"))
        copy = self.directory / "routes.json"
        copy.write_text(text, encoding="utf-8")
        return copy.absolute()

    def start_servers(self):
        """Starts both in parallel and waits until they are ready."""
        self.database.start(wait=False)
        self.broker.start(wait=False)
        self.database.wait_ready()
        self.broker.wait_ready()

    def stop_servers(self):
        """Stops the broker, then the database, even if stopping the broker fails."""
        try:
            self.broker.stop()
        finally:
            try:
                self.broker.stop_epmd()
            finally:
                self.database.stop()

    @contextlib.contextmanager
    def serving(self, keep=False):
        """Both servers run and are set up; at the end as `ending`."""
        with self.ending(keep):
            self.start_servers()
            done = self.setup()
            if done.returncode != 0:
                raise Failure(f"sluice setup failed ({done.returncode}):\n{done.stdout}{done.stderr}")
            yield self

    @contextlib.contextmanager
    def ending(self, keep=False):
        """At the end both servers are killed, and the directory is removed unless `keep`."""
        try:
            yield self
        finally:
            # The data is not needed again, so don't spend time on an orderly shutdown.
            self.broker.kill()
            self.broker.stop_epmd()
            self.database.stop("immediate")
            if keep:
                print(f"kept: {self.directory}")
            else:
                self.broker.remove()
                self.database.remove()
                shutil.rmtree(self.directory, ignore_errors=True)

    def gateway_settings(self, **more):
        return {
            "BROKER_URL": self.broker.url("sluice-gateway"),
            "BROKER_PASSWORD_FILE": self._secret_file("broker-gateway"),
            "GATEWAY_LISTEN": "127.0.0.1:0",
            "GATEWAY_ADMIN": "127.0.0.1:0",
            "GATEWAY_LAME_DUCK": "0s",  # no load balancer in front has to notice
            **({"GATEWAY_BUNDLE_EVENTS": os.environ[BUNDLE_EVENTS]} if os.environ.get(BUNDLE_EVENTS) else {}),
            **more,
        }

    def worker_settings(self, **more):
        return {
            "BROKER_URL": self.broker.url("sluice-worker"),
            "BROKER_PASSWORD_FILE": self._secret_file("broker-worker"),
            "DATABASE_URL": self.database.url("sluice_worker"),
            "DATABASE_PASSWORD_FILE": self._secret_file("database-worker"),
            "WORKER_ADMIN": "127.0.0.1:0",
            **more,
        }

    def setup_settings(self, **more):
        return {
            "BROKER_URL": self.broker.url("sluice-setup"),
            "BROKER_PASSWORD_FILE": self._secret_file("broker-setup"),
            "BROKER_MANAGEMENT_URL": self.broker.management_url(),
            "SETUP_DATABASE_URL": self.database.url("sluice"),
            "SETUP_DATABASE_PASSWORD_FILE": self._secret_file("database-owner"),
            "SETUP_GATEWAY_BROKER_PASSWORD_FILE": self._secret_file("broker-gateway"),
            "SETUP_WORKER_BROKER_PASSWORD_FILE": self._secret_file("broker-worker"),
            "SETUP_LISTEN_BROKER_PASSWORD_FILE": self._secret_file("broker-listen"),
            "SETUP_MONITOR_BROKER_PASSWORD_FILE": self._secret_file("broker-monitor"),
            "SETUP_WORKER_DATABASE_PASSWORD_FILE": self._secret_file("database-worker"),
            "SETUP_READER_DATABASE_PASSWORD_FILE": self._secret_file("database-reader"),
            "SETUP_BROKER_NODES": self.nodes,
            **more,
        }

    def reader_settings(self, **more):
        """For the subcommands that only read: as sluice_reader in the database."""
        return {
            "BROKER_URL": self.broker.url("sluice-setup"),
            "BROKER_PASSWORD_FILE": self._secret_file("broker-setup"),
            "BROKER_MANAGEMENT_URL": self.broker.management_url(),
            "DATABASE_URL": self.database.url("sluice_reader"),
            "DATABASE_PASSWORD_FILE": self._secret_file("database-reader"),
            **more,
        }

    def listen_settings(self, **more):
        """For `sluice listen`, as the user that may only listen."""
        return {
            "BROKER_URL": self.broker.url("sluice-listen"),
            "BROKER_PASSWORD_FILE": self._secret_file("broker-listen"),
            **more,
        }

    def console_settings(self, **more):
        """For a console that may write."""
        return self.reader_settings(**{
            "CONSOLE_LISTEN": "127.0.0.1:0",
            "CONSOLE_TOKEN_FILE": self._secret_file("console-token"),
            "SETUP_DATABASE_URL": self.database.url("sluice"),
            "SETUP_DATABASE_PASSWORD_FILE": self._secret_file("database-owner"),
            **more})

    def setup(self, *arguments, **more):
        """Runs `sluice setup`; returns the CompletedProcess."""
        return run_command(self.build, ["setup", *arguments], self.setup_settings(**more))

    def setup_afresh(self):
        """The same with the values of a first setup; plain setup keeps the budget and limits of earlier tests."""
        return self.setup(DATABASE_BUDGET=20, QUEUE_MAX_BYTES="1GiB")

    def operate(self, *arguments, **more):
        """Runs a subcommand that changes something, as the owner of the database and of the broker's vhost."""
        return run_command(self.build, arguments, self.setup_settings(**more))

    def command(self, *arguments, **more):
        """Runs a subcommand that only reads."""
        return run_command(self.build, arguments, self.reader_settings(**more))
