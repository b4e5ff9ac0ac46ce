# SPDX-License-Identifier: MIT
"""Fixtures: one broker and one database for all tests, and a fresh Site for each test."""

import json
import os
import pathlib
import random
import re
import sys
import tempfile

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
CHECKOUT = TESTS.parent
sys.path.insert(0, str(TESTS / "stack"))

# pylint: disable=wrong-import-position
from certificates import Authority  # noqa: E402
from deployment import Deployment  # noqa: E402
from process import Failure, wait_until  # noqa: E402
from prometheus import Prometheus  # noqa: E402
from site_under_test import Site  # noqa: E402

KEEP = "SLUICE_KEEP"  # if set, the servers' directory is kept for inspection


def pytest_configure(config):
    """Sets the seed for the whole run: the processes of pytest-xdist inherit it."""
    config.notes = []
    os.environ.setdefault("SEED", str(random.SystemRandom().randrange(1 << 30)))


def pytest_collection_modifyitems(items):
    for item in items:
        if "build" in item.fixturenames:
            item.add_marker("program")


def pytest_sessionfinish(session):
    """A process of pytest-xdist passes its notes to the one that writes the summary."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["notes"] = session.config.notes


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Such a process has ended; it has no notes when it crashed."""
    notes = getattr(node, "workeroutput", {}).get("notes", [])
    node.config.notes.extend(note for note in notes if note not in node.config.notes)


def pytest_terminal_summary(terminalreporter, config):
    """Prints the notes of the run (seeds, counts, measurements), even when all tests have passed."""
    for note in config.notes:
        terminalreporter.write_line(note)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but with CI set no test may be skipped: {report.longrepr}"
    item.failed = getattr(item, "failed", False) or (report.failed and call.when != "teardown")


@pytest.fixture(scope="session")
def build():
    path = CHECKOUT / os.environ.get("SLUICE_BUILD", "build/gcc")
    missing = [name for name in ("sluice-gateway", "sluice-worker", "sluice") if not (path / name).exists()]
    if missing:
        pytest.exit(f"{path} has no {', '.join(missing)}; run make first", 1)
    return path


@pytest.fixture(scope="session")
def seed(request):
    """SEED=n repeats the random choices of a run."""
    value = int(os.environ["SEED"])
    request.config.notes.append(f"SEED={value}")
    return value


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The CA that Sluice's programs trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def servers(build, authority):  # pylint: disable=redefined-outer-name
    """The Deployment, with its servers running (the broker also with TLS) and set up."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tests-", dir="/var/tmp"))
    deployment = Deployment(directory, build, broker_tls=(authority.certificate, authority.issue("broker")))
    with deployment.serving(keep=bool(os.environ.get(KEEP))):
        yield deployment


def _site(request, servers, seed):  # pylint: disable=redefined-outer-name
    site = Site(servers, request.node.name, seed, request.config.notes)
    try:
        yield site
    finally:
        findings = site.end()
        if findings or getattr(request.node, "failed", False):
            print(site.tails())
        site.clean()
    if findings:
        raise Failure("\n".join(findings))


@pytest.fixture
def site(request, servers, seed):  # pylint: disable=redefined-outer-name
    """Empty tables and queues, and no programs. At the end all programs are stopped and their logs are checked."""
    yield from _site(request, servers, seed)


@pytest.fixture
def prometheus(site):  # pylint: disable=redefined-outer-name
    """A Prometheus that is not started yet; it knows 1 MiB as QUEUE_MAX_BYTES."""
    one = Prometheus(site.directory / "prometheus", **{"sluice:queue_max_bytes": "vector(1048576)"})
    yield one
    one.stop()


@pytest.fixture(scope="module")
def shared_site(request, servers, seed):  # pylint: disable=redefined-outer-name
    """One gateway and one worker, shared by tests of a file that only send to them."""
    for one in _site(request, servers, seed):
        one.start_gateway()
        one.start_workers(1)
        yield one


@pytest.fixture(scope="module")
def declared(request, servers):  # pylint: disable=redefined-outer-name
    """The broker has a queue for each delay of the test file's DELAYS, and keeps those that other files declared."""
    done = servers.setup(DELAYS=request.module.DELAYS)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def small_budget(request, servers):  # pylint: disable=redefined-outer-name
    """All workers together may hold as many connections as the test file's BUDGET says."""
    done = servers.setup(DATABASE_BUDGET=request.module.BUDGET)
    assert done.returncode == 0, done.stderr
    yield
    done = servers.setup_afresh()
    assert done.returncode == 0, done.stderr


@pytest.fixture
def delivery_limit(request, site):  # pylint: disable=redefined-outer-name
    """The broker hands each message of webhooks.ingest out so many times more at most as the test's mark says."""
    limit, = request.node.get_closest_marker("delivery_limit").args
    path = "policies/sluice/a-low-limit"
    ours = site.broker.management("GET", "policies/sluice")
    ingest = next(policy for policy in ours if "delivery-limit" in policy["definition"]
                  and re.search(policy["pattern"], "webhooks.ingest"))
    site.broker.management("PUT", path, {"pattern": "^webhooks\\.ingest$", "apply-to": "queues", "priority": 1000,
                                         "definition": {**ingest["definition"], "delivery-limit": limit}})
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy") == "a-low-limit", "the policy", 15, 0.2)
    yield
    site.broker.management("DELETE", path)
    # A broker of 3.10 may have lost the collector of its figures, and with it this one.
    wait_until(lambda: site.broker.queue("webhooks.ingest").get("policy", ingest["name"]) == ingest["name"], "our own policy", 15,
               0.2)


@pytest.fixture
def plans(site):  # pylint: disable=redefined-outer-name
    """Makes the server log each statement of the tables' owner and of a reader with its plan and the pages that it read,
    in connections that begin now. Returns a function that gives the log."""
    settings = {"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": 0,
                "auto_explain.log_analyze": "on", "auto_explain.log_buffers": "on", "auto_explain.log_timing": "off"}
    for role in ("sluice", "sluice_reader"):
        for name, value in settings.items():
            site.database.query(f"alter role {role} set {name} = '{value}'")
    yield site.database.child.output
    for role in ("sluice", "sluice_reader"):
        for name in settings:
            site.database.query(f"alter role {role} reset {name}")


@pytest.fixture
def odd_table(site):  # pylint: disable=redefined-outer-name
    """The owner of webhooks_raw has a trigger there: for sources whose names begin with `rare` it does what the path says."""
    site.database.query("""
        create function odd() returns trigger language plpgsql as $$
        begin
            if left(new.source, 4) <> 'rare' then
                return new;
            end if;
            case new.path
                when '/missing' then execute 'select * from no_such_table';
                when '/endless' then perform pg_sleep(3600);
                when '/refused' then raise exception 'not today';
                when '/unwelcome' then raise exception 'never' using errcode = '23514';
                when '/words' then raise exception '%', new.query using errcode = '22023';
                when '/suicide' then
                    perform pg_terminate_backend(pg_backend_pid());
                    perform pg_sleep(1);
                else null;
            end case;
            return new;
        end $$;
        create trigger odd before insert or update on webhooks_raw for each row execute function odd()""")
    yield
    site.database.query("drop trigger odd on webhooks_raw; drop function odd")


@pytest.fixture(scope="session")
def corpus(request):
    """[(id, headers, body)]: from CORPUS=file, else the large file beside the checkout, else tests/corpus."""
    beside = CHECKOUT.parent / "shared" / "corpus" / "github.jsonl"
    path = os.environ.get("CORPUS") or (beside if beside.exists() else TESTS / "corpus" / "handful.jsonl")
    with open(path, encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    request.config.notes.append(f"corpus: {len(entries)} webhooks of {path}")
    return [(entry["headers"]["X-GitHub-Delivery"], entry["headers"], entry["body"].encode()) for entry in entries]
