# SPDX-License-Identifier: MIT
"""docker-compose.yml as a project with its own name, ports and image, so that it doesn't touch another `docker compose
up`. Containers are addressed by their ids."""

import http.client
import json
import os
import pathlib
import ssl
import subprocess
import threading
import time

import psycopg2

from process import Failure, free_ports, wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PORTS = ("GATEWAY_PORT", "POSTGRES_PORT", "RABBITMQ_MANAGEMENT_PORT", "PROMETHEUS_PORT", "CONSOLE_PORT",
         "POSTGRES_STANDBY_PORT")
DEV_SECRETS = CHECKOUT / "deploy" / "dev-secrets"


def run(*argv, limit=120, check=True, env=None):
    """Runs a command and returns its standard output; raises Failure with all output when it fails."""
    done = subprocess.run([str(part) for part in argv], cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=limit, check=False)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, argv))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Database:
    """The project's database, accessed from outside as its owner; the ledger uses it."""

    def __init__(self, port, password):
        self.port = port
        self.password = password

    def connect(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="sluice", user="sluice",
                                      password=self.password, connect_timeout=5, application_name="sluice-tests")
        connection.autocommit = True
        return connection

    def query(self, sql, arguments=None):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, arguments)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


class Project:
    def __init__(self, directory, name="test", files=("docker-compose.yml",), **settings):
        """settings: variables of docker-compose.yml, e.g. DATABASE_BUDGET=5."""
        self.name = f"sluice-{name}-{os.getpid()}"
        self.image = f"sluice/{self.name}"
        self.files = [part for file in files for part in ("-f", file)]
        self.ca = None
        self.settings = {"COMPOSE_PROJECT_NAME": self.name, "SLUICE_IMAGE": self.image, "SECRETS_DIR": DEV_SECRETS,
                         **settings}
        free_ports(PORTS, self.settings)
        # Use the images that .env names, but none of a developer's other settings.
        self.env_file = pathlib.Path(directory) / "env"
        chosen = CHECKOUT / ".env"
        lines = chosen.read_text(encoding="utf-8").splitlines() if chosen.exists() else []
        self.env_file.write_text("\n".join(line for line in lines if "_IMAGE=" in line) + "\n", encoding="utf-8")
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
        self.env.update({name: str(value) for name, value in self.settings.items()})
        self.database = Database(self.settings["POSTGRES_PORT"], self.secret("database-owner"))
        self.port = self.settings["GATEWAY_PORT"]

    @staticmethod
    def secret(name):
        return (DEV_SECRETS / name).read_text(encoding="ascii").strip()

    def compose(self, *arguments, limit=240, check=True):
        return run("docker", "compose", "--env-file", self.env_file, *self.files, "--progress", "quiet", *arguments,
                   limit=limit, check=check, env=self.env)

    def up(self, workers, *more):
        """Starts the project as users do; ready when this returns."""
        self.compose("up", "-d", "--wait", "--scale", f"worker={workers}", *more)

    def ids(self, service, stopped=False):
        return self.compose("ps", "-q", *(["-a"] if stopped else []), service).split()

    def inspect(self, service):
        """The engine's report on the service's containers, including stopped ones."""
        return json.loads(run("docker", "inspect", *self.ids(service, stopped=True)))

    def health(self, service):
        """{healthy}, {unhealthy, starting}, ..."""
        return {container["State"]["Health"]["Status"] for container in self.inspect(service)}

    def wait_health(self, service, wanted, limit=90):
        wait_until(lambda: self.health(service) == {wanted},
                   lambda: f"{service} to be {wanted}: {self.health(service)}", limit, every=1)

    def last_check(self, service):
        """The output of the last health check of each container."""
        return [container["State"]["Health"]["Log"][-1]["Output"] for container in self.inspect(service)]

    def memory_peak(self, service):
        """The peak memory of the service's containers in bytes, from cgroups 1 or 2. For Sluice's programs it is what
        they allocated; for the servers it means little, because it includes cached files."""
        text = run("docker", "exec", self.ids(service)[0], "cat", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes",
                   "/sys/fs/cgroup/memory.peak", check=False)
        if not text:
            raise Failure("this kernel's cgroups don't record peak memory (cgroup 2 before Linux 5.19)")
        return int(text.split()[0])

    def logs(self, *services):
        return self.compose("logs", "--no-color", "--no-log-prefix", *services)

    def post(self, body, headers=None, path="/"):
        """Sends one request to the gateway (HTTPS if there is a `ca`); returns the status; None: there was no reply."""
        if self.ca is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        else:
            trusted = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=20, context=trusted)
        try:
            connection.request("POST", path, body, headers or {})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def labelled(self, kind):
        """Names of this project's `container`s, `network`s or `volume`s."""
        every = ["-a"] if kind == "container" else []
        return run("docker", kind, "ls", "-q", *every, "--filter",
                   f"label=com.docker.compose.project={self.name}").split()

    def destroy(self):
        self.compose("down", "-v", "--timeout", "5", check=False)
        run("docker", "image", "rm", self.image, check=False)


class Watch:
    """Calls look() repeatedly on its own thread until the block ends. Ignores its exceptions, since the project's
    servers may be restarting."""

    def __init__(self, look, every):
        self.look = look
        self.every = every
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stopping.wait(self.every):
            try:
                self.look()
            except (psycopg2.Error, Failure, subprocess.TimeoutExpired):
                time.sleep(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(30)


class Held:
    """Counts the connections of the workers' role, as another role."""

    SQL = "select count(*) from pg_stat_activity where usename = 'sluice_worker' and backend_type = 'client backend'"

    def __init__(self, database):
        self.database = database
        self.connection = None
        self.samples = []

    def look(self):
        try:
            if self.connection is None:
                self.connection = self.database.connect()
            with self.connection.cursor() as cursor:
                cursor.execute(self.SQL)
                self.samples.append(cursor.fetchone()[0])
        except psycopg2.Error:
            self.connection = None
            raise
