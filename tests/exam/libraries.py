# SPDX-License-Identifier: MIT
"""Installs the pinned libraries of the providers under build/exam/, and asks them: to sign a request, or whether they
accept one."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NODE_LEAST = 20


class Missing(Exception):
    """Something must be installed first; the text says what."""


def _run(what, *argv, cwd=None):
    done = subprocess.run([str(part) for part in argv], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Missing(f"{what} failed ({done.returncode}): {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}"[-3000:])
    return done.stdout


def _need_programs():
    for program, package in (("node", "nodejs"), ("npm", "npm")):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed: apt-get install {package} (node {NODE_LEAST} or later)")
    version = _run("node", "node", "--version").strip()
    if int(version.lstrip("v").partition(".")[0]) < NODE_LEAST:
        raise Missing(f"node is {version}: the libraries need node {NODE_LEAST} or later")
    try:
        import ensurepip  # noqa: F401 pylint: disable=unused-import,import-outside-toplevel
        import venv  # noqa: F401 pylint: disable=unused-import,import-outside-toplevel
    except ImportError:
        raise Missing("python3 has no venv: apt-get install python3-venv") from None


def _install(folder):
    """Installs anew when a list has changed since the last time."""
    lists = [HERE / "requirements.txt", HERE / "package.json"]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in lists)).hexdigest()
    mark = folder / "installed"
    if mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"exam: installing the libraries into {folder} (a minute or two)", flush=True)
    _run("venv", sys.executable, "-m", "venv", folder / "venv")
    _run("pip", folder / "venv" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", lists[0])
    shutil.copy(lists[1], folder)
    _run("npm", "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", cwd=folder)
    mark.write_text(wanted, encoding="ascii")


class Language:
    """The libraries of one language: a program that answers questions."""

    def __init__(self, name, argv):
        self.name = name
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([str(part) for part in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.sdks = self.ask(do="list")

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Missing(f"the {self.name} program has ended:\n{self.process.stderr.read()[-3000:]}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)


def languages(folder):
    """The programs of both languages, after installing what is missing."""
    _need_programs()
    folder = pathlib.Path(folder).absolute()
    _install(folder)
    shutil.copy(HERE / "sdk.mjs", folder)
    return [Language("python", [folder / "venv" / "bin" / "python", "-B", HERE / "sdk.py"]),
            Language("node", ["node", folder / "sdk.mjs"])]
