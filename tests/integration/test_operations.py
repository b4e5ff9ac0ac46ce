# SPDX-License-Identifier: MIT
"""docs/operations.md, "Where is an event", "Replay what is stored" and "Prune": the commands print what the page shows."""

import pathlib
import re
import shlex

import pytest

from process import Child, wait_until
from programs import environment, run_command

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"make -s ctl ARGS='(.*)'")


def shown_in(heading):
    """Each command of a section with its output: its block is followed by that of its output."""
    section = re.search(rf"^## {heading}\n(.*?)^## ", PAGE, re.M | re.S)[1]
    blocks = [re.sub(r"^    ", "", block, flags=re.M).strip("\n") for block in re.findall(r"(?:^    .*\n)+", section, re.M)]
    return [(COMMAND.fullmatch(block)[1], blocks[number + 1]) for number, block in enumerate(blocks)
            if COMMAND.fullmatch(block)]


SHOWN = shown_in("Where is an event")


def without_times(text):
    """Times, the cursor's number and waits differ from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME", text)
    return re.sub(r"--after \d{16}", "--after NUMBER", re.sub(r"\d+ ms later", "N ms later", text))


@pytest.fixture(name="ctl")
def fixture_ctl(site):
    """Returns a function that runs a command as `make ctl ARGS=...` does, with the settings of all subcommands."""
    settings = {**site.servers.setup_settings(), **site.servers.reader_settings()}
    return lambda arguments: run_command(site.servers.build, shlex.split(arguments), settings)


def test_the_commands_about_one_event_print_what_the_page_shows(site, ctl):
    assert [command.split()[0] for command, _ in SHOWN] == ["trace", "trace", "find", "find", "find"]
    shown = dict(SHOWN)

    def prints(command):
        done = ctl(command)
        return without_times(done.stdout.strip("\n")) == without_times(shown[command])

    def send(number, body):
        site.send_ok("POST", "/orders", body, {"webhook-id": f"order-{number}", "content-type": "application/json"})

    site.start_gateway()
    send(8, b'{"n":0}')
    wait_until(lambda: prints("trace order-8"), lambda: f"what is shown\n{ctl('trace order-8').stdout}", 15)
    site.start_workers(1)
    site.row("order-8")
    for body in (b'{"n":1}', b'{"n":2}'):
        send(7, body)
        wait_until(lambda: site.row("order-7").body == body, "the row")  # pylint: disable=cell-var-from-loop
    for command, _ in SHOWN[0:1] + SHOWN[2:]:
        wait_until(lambda: prints(command),  # pylint: disable=cell-var-from-loop
                   lambda: f"what is shown\n{ctl(command).stdout}", 15)  # pylint: disable=cell-var-from-loop


def test_the_commands_of_a_replay_print_what_the_page_shows(site, ctl):
    shown = shown_in("Replay what is stored")
    assert len(shown) == 3
    site.insert(3, source="'orders'", body="convert_to('{\"n\": ' || n || '}', 'UTF8')", received_at="now()")
    channel = site.channel()
    channel.queue_declare("audit", durable=True)
    try:
        for command, output in shown:
            done = ctl(command.replace("--cursor ", f"--cursor {site.directory}/"))
            assert (done.returncode, without_times(done.stdout.strip("\n"))) == (0, without_times(output)), done.stderr
        assert channel.queue_declare("audit", passive=True).method.message_count == 3
    finally:
        channel.queue_delete("audit")
        channel.connection.close()


def test_listen_prints_what_the_page_shows(site):
    block = re.search(r"ARGS='(listen --count 2)'\n.*?\n\n((?:    [^\n]*\n)+)", PAGE, re.S)
    settings = {**site.servers.setup_settings(), **site.servers.reader_settings()}
    child = Child("listen", site.directory / "listen.log")
    child.start([(site.servers.build / "sluice").absolute(), *block[1].split()], environment(settings))
    wait_until(lambda: "listening for events" in child.output(), child.tail, 30)
    site.start_gateway()
    for number in (9, 10):
        site.send_ok("POST", "/orders", b'{"n":1}', {"webhook-id": f"order-{number}"})
    assert child.wait(30) == 0
    shown = re.sub(r"^    ", "", block[2], flags=re.M).replace(":5672 ", f":{site.broker.port} ")
    assert without_times(child.output()) == without_times(shown)


def test_the_audit_line_is_as_the_page_shows_it(ctl):
    shown = re.search(r"^    (\S+ info audit .*)$", PAGE, re.M)[1]
    done = ctl("prune --older-than 30d")
    who = re.compile(r"user=\S+ host=\S+")
    assert who.sub("WHO", without_times(done.stderr.strip())) == who.sub("WHO", without_times(shown))


def test_the_problems_of_status_are_the_alerts_and_have_runbooks():
    table = (CHECKOUT / "ctl" / "overview" / "problems.c").read_text(encoding="utf-8")
    rules = (CHECKOUT / "deploy" / "prometheus" / "sluice.rules.yml").read_text(encoding="utf-8")
    problems = set(re.findall(r'\{"(Sluice\w+)", "([\w-]+)", \w+\}', table))
    alerts = set(re.findall(r"- alert: (\w+)$.*?runbook_url: docs/operations\.md#([\w-]+)$", rules, re.M | re.S))
    assert problems == alerts and len(alerts) == 14
    headings = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in re.findall(r"^##+ (.*)$", PAGE, re.M)}
    assert {anchor for _, anchor in problems} <= headings
