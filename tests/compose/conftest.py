# SPDX-License-Identifier: MIT
"""One project for all tests of a file, which run in their order in the file."""

import contextlib
import json
import os
import pathlib
import random
import sys
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "stack"))

# pylint: disable=wrong-import-position
from project import Project, Watch, run  # noqa: E402

BUDGET = 5  # less than 8 workers with 2 connections need: some must be on standby


def pytest_configure(config):
    config.notes = []


def pytest_terminal_summary(terminalreporter, config):
    for note in config.notes:
        terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def note(request):
    return request.config.notes.append


@pytest.fixture(scope="session")
def seed(note):  # pylint: disable=redefined-outer-name
    """SEED=n repeats the random choices of a run."""
    value = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
    note(f"SEED={value}")
    return value


@contextlib.contextmanager
def running(one):
    """Builds the images; removes everything at the end, also after a failure."""
    try:
        one.compose("build", limit=600)
        yield one
    except Exception:
        print(one.compose("ps", "-a", check=False), one.compose("logs", "--tail", "40", check=False))
        raise
    finally:
        one.destroy()


@pytest.fixture(scope="session")
def project(tmp_path_factory, note):  # pylint: disable=redefined-outer-name
    """A running project with three workers."""
    with running(Project(tmp_path_factory.mktemp("compose"), DATABASE_BUDGET=BUDGET, QUEUE_MAX_BYTES="1GiB")) as one:
        begun = time.monotonic()
        answered = []
        with Watch(lambda: answered or one.post(b"hello") == 200 and answered.append(time.monotonic()), 0.1):
            one.up(3)
        note(f"from `up`, the images there, to the first 200: {answered[0] - begun:.1f} s; "
             f"to the end of `up --wait`: {time.monotonic() - begun:.1f} s")
        for image in sorted(set(one.compose("config", "--images").split())):
            size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", image))
            note(f"image {image}: {size / 1e6:.0f} MB")
        yield one


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if not report.failed or report.when != "call":
        return
    for one in [argument for argument in item.funcargs.values() if isinstance(argument, Project)]:
        report.sections.append(("containers", one.compose("ps", "-a", check=False)))
        report.sections.append(("logs", one.compose("logs", "--tail", "40", check=False)))


@pytest.fixture(scope="session")
def corpus(note):  # pylint: disable=redefined-outer-name
    """[(id, headers, body)]: from CORPUS=file, else the large file beside the checkout, else tests/corpus."""
    beside = TESTS.parents[1] / "shared" / "corpus" / "github.jsonl"
    path = os.environ.get("CORPUS") or (beside if beside.exists() else TESTS / "corpus" / "handful.jsonl")
    with open(path, encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    note(f"corpus: {len(entries)} webhooks of {path}")
    return [(entry["headers"]["X-GitHub-Delivery"], entry["headers"], entry["body"].encode()) for entry in entries]
