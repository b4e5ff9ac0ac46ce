# SPDX-License-Identifier: MIT
"""A server in a container, used like any other child process."""

import os
import pwd
import secrets
import subprocess

from process import Child, Failure, wait_until

LIMIT = 60  # seconds for a command of the engine's


class Container(Child):
    """Runs an image in the host's network, with one directory of the host under its own path. Signals reach the first
    process in it. user: of the host, None for our own."""

    def __init__(self, name, log, image, user):
        # The engine's client passes SIGTERM on, but can't pass SIGKILL on.
        super().__init__(name, log)
        self.image = image
        account = pwd.getpwuid(os.geteuid()) if user is None else pwd.getpwnam(user)
        self.owner = f"{account.pw_uid}:{account.pw_gid}"
        self.label = f"sluice-{secrets.token_hex(6)}"

    def start(self, argv, env, cwd=None):
        """argv: a program on the image's own PATH. env: for the container. cwd: the directory that it is given."""
        settings = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
        super().start(["docker", "run", "--rm", "--name", self.label, "--network", "host", "--user", self.owner,
                       "--volume", f"{cwd}:{cwd}", "--workdir", cwd, *settings, self.image, *argv],
                      {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")})
        wait_until(lambda: self._runs() or not self.alive(), lambda: f"a container of {self.image}\n{self.tail()}", LIMIT)
        if not self.alive():
            raise Failure(f"no container of {self.image}: is there such an image (make images)?\n{self.tail()}")

    def _runs(self):
        return self._engine("inspect", "--format", "{{.State.Running}}", self.label).stdout.strip() == "true"

    def first_pid(self):
        """Of the first process in it, as the host numbers it."""
        return int(self._engine("inspect", "--format", "{{.State.Pid}}", self.label).stdout)

    @staticmethod
    def _engine(*arguments):
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)

    def send(self, number):
        if self.alive():
            self._engine("kill", "--signal", str(int(number)), self.label)

    def inside(self, *argv):
        """The command line that runs argv in the container, which runs."""
        return ["docker", "exec", self.label, *argv]
