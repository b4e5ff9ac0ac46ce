# SPDX-License-Identifier: MIT
"""What the programs log of their events: LOG_MESSAGES and LOG_FORMAT."""

import json
import random
import re

import pytest

from load import Connection
from process import wait_until
from programs import fields

T = 1_763_900_000_000_000  # microseconds since 1970
EVENTS = 300
DELAYS = "1s,10s,60s,600s"
STAGES = ("received", "queued", "stored")
pytestmark = pytest.mark.usefixtures("declared")


@pytest.fixture
def strict_table(site):
    """A table with a user's trigger that refuses /refused."""
    site.database.query("""
        create function strict() returns trigger language plpgsql as $$ begin
            if new.path = '/refused' then raise exception 'not "today"'; end if;
            return new;
        end $$;
        create trigger strict before insert or update on webhooks_raw for each row execute function strict()""")
    yield
    site.database.query("drop trigger strict on webhooks_raw; drop function strict")


def send_many(site):
    """Sends EVENTS events over one connection, so that they are many in a second."""
    connection = Connection("127.0.0.1", site.gateway.port, timeout=15)
    for number in range(EVENTS):
        connection.request("POST", "/many", b"{}", {"webhook-id": str(number)})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()


def run_events(site, mode):
    """Many ordinary events, one that no queue takes, one that is retried and dies, and one that is malformed. The
    worker starts late, so that its batches are large. Returns gateway and worker, which have stopped."""
    gateway = site.start_gateway(LOG_MESSAGES=mode)
    send_many(site)
    worker, = site.start_workers(1, LOG_MESSAGES=mode, DELAYS="1s")
    site.wait_count(EVENTS)
    with site.unbound("webhooks.ingest", "webhooks", "#"):
        assert site.send(headers={"webhook-id": "unrouted"}).status == 503
    assert site.send(target="/refused", headers={"webhook-id": "refused"}).status == 200
    site.publish("malformed", b"{}", T, **{"sluice-method": 7})
    site.wait_count(2, table="webhooks_dead")
    site.wait_drained()
    worker.stop()
    gateway.stop()
    return gateway, worker


def ids(program, event):
    """The ids of the ordinary events with this line."""
    return [line["id"] for line in program.lines(event) if line["id"].isdigit()]


def total(program, event, field):
    return sum(int(line[field]) for line in program.lines(event))


def check_trouble(site, gateway):
    """Lines that every mode has."""
    assert [line["reason"] for line in site.lines("not-queued", "unrouted")] == ["unroutable"]
    assert len(site.lines("retried", "refused")) == 1
    assert len(site.lines("dead", "refused")) == 1
    assert [line["verdict"] for line in site.workers[0].lines("dead")].count("poison") == 1
    assert gateway.lines("refusing")


@pytest.mark.usefixtures("strict_table")
def test_with_all_each_event_has_a_line_at_each_stage(site):
    gateway, worker = run_events(site, "all")
    for program, stage in zip((gateway, gateway, worker), STAGES):
        assert sorted(ids(program, stage), key=int) == [str(number) for number in range(EVENTS)]
    assert not gateway.lines("summary") + worker.lines("summary") + worker.lines("batch")
    check_trouble(site, gateway)


@pytest.mark.usefixtures("strict_table")
def test_with_batches_a_few_events_have_lines_and_all_others_are_counted(site):
    gateway, worker = run_events(site, "batches")
    received = ids(gateway, "received")
    assert 10 <= len(received) < EVENTS / 2
    assert set(received) <= set(ids(gateway, "queued"))
    # The event that the trigger refuses is queued, too.
    assert len(gateway.lines("received")) - 1 + total(gateway, "summary", "queued") in (EVENTS, EVENTS + 1)
    assert all(int(line["of_ms"]) >= 900 for line in gateway.lines("summary")[:-1])
    assert len(ids(worker, "stored")) + total(worker, "batch", "unlogged") == EVENTS
    assert worker.lines("batch"), worker.tail()
    for line in worker.lines("batch"):
        assert line["batches"] == "1"
        assert int(line["events"]) == sum(int(line[outcome]) for outcome in ("stored", "replaced", "unchanged"))
        assert int(line["oldest_ms"]) >= int(line["ms"])
    assert not worker.lines("summary")
    check_trouble(site, gateway)


@pytest.mark.usefixtures("strict_table")
def test_with_sampled_the_same_events_have_lines_at_each_stage_and_all_others_are_counted(site):
    gateway, worker = run_events(site, "sampled")
    slow = {line["id"] for line in (*gateway.lines("queued"), *worker.lines("stored")) if "slow_ms" in line}
    for program, stage in zip((gateway, gateway, worker), STAGES):
        assert set(ids(program, stage)) - slow == {"220", "228", "268"} - slow, program.tail()
    assert len(ids(worker, "stored")) + total(worker, "summary", "unlogged") == EVENTS
    assert total(gateway, "summary", "queued") >= EVENTS - 3
    assert total(gateway, "summary", "not_queued") == 1
    assert not worker.lines("batch")
    check_trouble(site, gateway)


@pytest.mark.usefixtures("strict_table")
def test_with_off_only_trouble_has_lines(site):
    gateway, worker = run_events(site, "off")
    assert not gateway.lines("received") + gateway.lines("summary") + worker.lines("summary") + worker.lines("batch")
    assert all("slow_ms" in line for line in gateway.lines("queued") + worker.lines("stored"))
    check_trouble(site, gateway)


def test_by_default_a_newcomer_sees_every_stage_of_an_event(site):
    site.start_gateway(LOG_MESSAGES=None)
    site.start_workers(1, LOG_MESSAGES=None)
    event_id = site.send_ok()
    for stage in STAGES:
        wait_until(lambda stage=stage: len(site.lines(stage, event_id)) == 1, lambda: f"one line\n{site.tails()}")


def anything(rng, most):
    """Text with what could break a line: quotes, controls, line ends, characters beyond the basic plane."""
    alphabet = ['"', "\\", "\n", "\r", "\t", "\x00", "\x1f", "\x7f", "\x85", "é", "\u2028", "\u202e", "\ufeff", "\uffff", "😀", "{", "}", "a"]
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most)))


@pytest.mark.usefixtures("strict_table")
def test_every_line_of_json_is_an_object_whatever_senders_and_strangers_write(site, seed):
    rng = random.Random(seed)
    settings = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug"}
    gateway = site.start_gateway(**settings)
    worker, = site.start_workers(1, DELAYS="1s", **settings)
    stored = site.send_ok(target="/" + "%22%0a\\" * 400, headers={"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"})
    assert site.send("BREW", "/").status == 501
    assert site.send(target="/é".encode().decode("latin-1"), body=b"{}").status in (200, 400)
    site.send_ok(target="/refused")
    channel = site.channel()
    channel.confirm_delivery()
    keys = [anything(rng, 60) for _ in range(40)]
    for key in keys:
        channel.basic_publish("webhooks", key, b"not an envelope")
    channel.connection.close()
    site.publish_all([(f"{n}{anything(rng, 60)}".replace("\x00", ""), {"sluice-method": rng.choice(["POST", 7]),
                                                                      "sluice-remote": "x"}) for n in range(40)], b"{}", T)
    wait_until(lambda: len(worker.lines("stored")) + len(worker.lines("dead")) >= 82, lambda: f"all events\n{site.tails()}")
    worker.stop()
    gateway.stop()
    for program in (gateway, worker):
        for line in program.output().splitlines():
            assert line.isascii() and len(line) < 4096
            entry = json.loads(line)
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
            assert entry["level"] in ("debug", "info", "warning", "error") and entry["event"]
    # The values come back as they were; a NUL in a source becomes none of ours.
    sources = {json.loads(line).get("source") for line in worker.output().splitlines()}
    assert {key for key in keys if len(json.dumps(key)) < 1000} <= sources
    assert [line["trace_id"] for line in site.lines("stored", stored)] == ["1" * 32]


def test_both_formats_have_the_same_fields(site):
    lines = {}
    for form in ("logfmt", "json"):
        gateway = site.start_gateway(LOG_FORMAT=form) if not lines else site.add_gateway(LOG_FORMAT=form).start()
        site.programs.remove(gateway)
        site.programs.insert(0, gateway)
        site.send_ok(target="/same", body=b"{}", headers={"webhook-id": "same"})
        gateway.stop()
        lines[form] = [{**line, "time": ""} for line in map(fields, gateway.output().splitlines())
                       if line["event"] in ("received", "queued", "stopped")]
    assert lines["json"] == lines["logfmt"]
    assert len(lines["json"]) == 3


def test_a_wrong_choice_is_refused_with_what_is_allowed(site):
    for name, allowed in {"LOG_FORMAT": "logfmt, json", "LOG_MESSAGES": "all, sampled, batches, off"}.items():
        for program in (site.add_gateway(**{name: "XML"}), site.add_worker(**{name: "XML"})):
            with pytest.raises(Exception, match="ended instead of listening"):
                program.start(wait=False)
            assert f"{name}=XML" in program.output() and allowed in program.output()
