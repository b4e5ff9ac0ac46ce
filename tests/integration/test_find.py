# SPDX-License-Identifier: MIT
"""`sluice find` searches the stored events by its indexes, a page at a time, and says what it has searched."""

import json
import re
import time

import pytest

from process import wait_until

T = 1_763_900_000_000_000  # microseconds since 1970: where Site.insert begins
DAY = "interval '1 day'"


def find(site, *arguments, **more):
    return site.servers.command("find", *arguments, **more)


def page(site, *arguments, **more):
    done = find(site, "--json", *arguments, **more)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def ids(site, *arguments):
    return [event["id"] for event in page(site, *arguments)["events"]]


def test_the_newest_come_first_and_each_has_its_columns(site):
    site.insert(3, content_type="'text/plain'", body="'abc'")
    events = page(site)["events"]
    assert [event["id"] for event in events] == ["e3", "e2", "e1"]
    assert {name: events[2][name] for name in events[2] if name != "stored_at"} == {
        "received_at": "2025-11-23T12:13:20.000001Z", "first_received_at": "2025-11-23T12:13:20.000001Z",
        "source": "default", "id": "e1", "method": "POST", "path": "/", "body_bytes": 3, "content_type": "text/plain",
        "order_value": None, "body_expired_at": None}
    text = find(site).stdout
    assert text.splitlines()[0].split() == ["received", "source", "id", "method", "path", "bytes"]
    assert text.splitlines()[1].split() == ["2025-11-23T12:13:20.000003Z", "default", "e3", "POST", "/", "3"]
    assert text.splitlines()[4] == "3 found; searched up to 3 events, received from the first to now"
    assert text.splitlines()[5] == "Nothing is left to search."


def test_pages_hold_each_event_once_although_others_come_and_times_are_equal(site):
    """GoodJob's paging lost rows of the same second."""
    site.insert(25, received_at=f"timestamptz 'epoch' + {T + 1} * interval '1 us' + n % 3 * interval '1 us'",
          source="'s' || n % 2", id="'e ./%' || n / 2")
    seen, after = [], ()
    while after is not None:
        found = page(site, "--limit", "4", *after)
        seen += [(event["source"], event["id"]) for event in found["events"]]
        after = ("--after", found["after"]) if found["after"] else None
        assert found["complete"] == (after is None)
        site.insert(1, id=f"'new{len(seen)}'", received_at="now()")
    assert len(seen) == len(set(seen)) == 25
    wanted = site.database.query("""select source, id from webhooks_raw where id like 'e%'
        order by received_at desc, id desc, source desc""")
    assert seen == wanted


def test_each_condition_narrows_the_search(site):
    site.insert(5, source="'s' || n % 2", path="'/p' || n / 3 || '_'", id="n || '%x'")
    assert ids(site, "--source", "s1") == ["5%x", "3%x", "1%x"]
    assert ids(site, "--path-prefix", "/p1") == ["5%x", "4%x", "3%x"]
    assert ids(site, "--path-prefix", "/p1_") == ["5%x", "4%x", "3%x"]
    assert ids(site, "--path-prefix", "/_") == ids(site, "--path-prefix", "%") == []
    assert ids(site, "--id-prefix", "4%") == ["4%x"]
    assert ids(site, "--id-prefix", "4x") == ids(site, "--id-prefix", "_") == []
    assert ids(site, "--source", "s1", "--path-prefix", "/p1", "--id-prefix", "5") == ["5%x"]
    assert ids(site, "--since", "2025-11-23T12:13:20.000004Z") == ["5%x", "4%x"]
    assert ids(site, "--until", "2025-11-23T13:13:20.000002+01:00") == ["1%x"]
    assert ids(site, "--since", "2h") == []
    site.insert(1, id="'recent'", received_at="now() - interval '90 min'")
    assert ids(site, "--since", "2h") == ["recent"]
    assert ids(site, "--since", "2h", "--until", "1h") == ["recent"]
    assert ids(site, "--since", "1h") == []


def test_a_payload_is_compared_at_a_pointer(site):
    bodies = ['{"a":{"b":"x"},"n":1,"list":[1,{"k":"v"}]}', '{"a":{"b":"y=z"},"n":2.5,"t":true}', '{"a/b":"s","~":"t"}',
              "key=a+b&key2=c", "not json", '{"a":{"b":null}}']
    for number, body in enumerate(bodies):
        site.insert(1, id=f"'{number}'", body=f"""convert_to('{body}', 'UTF8')""")
    for condition, wanted in ((["/a/b=x"], ["0"]), (["/a/b=y=z"], ["1"]), (["/n=1"], ["0"]), (["/n=2.5"], ["1"]),
                              (["/t=true"], ["1"]),
                              (["/a~1b=s"], ["2"]), (["/~0=t"], ["2"]), (["/key=a b"], ["3"]), (["/list/1/k=v"], ["0"]),
                              (["/a/b="], []), (['/list@>[{"k":"v"}]'], ["0"]), (['@>{"n":1}'], ["0"]),
                              (["/n@>2.5"], ["1"]),
                              (["/a/b@>null"], ["5"]), (["/a/b=x", "/n=1"], ["0"]), (["/a/b=x", "/n=2"], []),
                              (["@>{}"], ["5", "3", "2", "1", "0"])):
        arguments = [word for one in condition for word in ("--json-path", one)]
        assert sorted(ids(site, *arguments), reverse=True) == wanted, condition


@pytest.mark.parametrize("arguments", [
    ["--since", "yesterday"], ["--until", "2025-02-30T00:00:00Z"], ["--since", "2025-11-23"], ["--json-path", "a=1"],
    ["--json-path", "/a"], ["--json-path", "=1"], ["--json-path", "@>{"], ["--json-path", "/a~2=1"],
    ["--limit", "0"], ["more"],
    [word for _ in range(9) for word in ("--json-path", "/a=1")]])
def test_what_is_not_a_condition_is_refused_before_anything_is_asked(servers, arguments):
    done = servers.command("find", *arguments, DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice")
    assert (done.returncode, done.stdout) == (64, ""), done.stderr


def test_what_is_not_a_cursor_is_refused(servers):
    for word in ("x", "", "1", "1.s", "1.s.%00", "1.s.%ff", "99999999999999999999.s.i"):
        done = servers.command("find", "--after", word)
        assert (done.returncode, done.stdout) == (64, ""), word
        assert "is not a cursor" in done.stderr


def test_a_place_of_the_budget_is_never_taken_and_nothing_can_be_written(site):
    done = find(site, DATABASE_URL=site.database.url("sluice_worker"))
    assert done.returncode == 78
    assert "the workers' budget: use sluice_reader" in done.stderr


def test_what_senders_write_is_one_line_of_text(site):
    site.insert(1, id=r"E'a\nb\x1b[2J'", path=r"E'/\u202e\x07'")
    text = find(site).stdout
    assert "\x1b" not in text and "\x07" not in text and len(text.splitlines()) == 4
    assert "a?b?[2J" in text


def test_a_statement_that_takes_too_long_is_ended(site):
    site.insert(30)
    with site.database.locked(mode="access exclusive"):
        begun = time.monotonic()
        done = find(site)
        assert (done.returncode, done.stdout) == (69, "")
        assert "statement timeout" in done.stderr
        assert 4 < time.monotonic() - begun < 10


def test_a_search_ends_after_as_many_events_as_it_may_look_at_and_goes_on(site):
    site.insert(2500, path="'/' || n")
    found = page(site, "--path-prefix", "/17", "--search", "1200")
    assert found["events"][0]["path"] == "/1799" and len(found["events"]) == 50
    found = page(site, "--path-prefix", "/2499", "--search", "1200")
    assert [event["id"] for event in found["events"]] == ["e2499"]
    assert found["searched"] == {"events": 1200, "from": "2025-11-23T12:13:20.001301Z", "to": None}
    assert not found["complete"]
    found = page(site, "--path-prefix", "/7", "--limit", "1000", "--search", "1200", "--after", found["after"])
    assert found["searched"]["to"] == "2025-11-23T12:13:20.001301Z"
    assert found["events"][0]["path"] == "/799"
    assert "There is more: --after" in find(site, "--path-prefix", "/nothing", "--search", "1200").stdout


@pytest.fixture(name="slow_payloads")
def fixture_slow_payloads(site):
    """Each payload takes 50 ms, as that of a body of some megabytes does."""
    name = "sluice.webhook_json(bytea, text, jsonb)"
    (before,), = site.database.query(f"select pg_get_functiondef('{name}'::regprocedure)")
    site.database.query("""create or replace function sluice.webhook_json(body bytea, content_type text, headers jsonb)
        returns jsonb language plpgsql immutable parallel unsafe as $$
        begin
            perform pg_sleep(0.05);
            return sluice.webhook_document(sluice.webhook_text(body, content_type, headers), content_type);
        end $$""")
    yield
    site.database.query(before)


@pytest.mark.usefixtures("slow_payloads")
def test_payloads_that_take_long_are_looked_at_in_small_steps_and_for_a_bounded_time(site):
    """A step of 1,000 would be ended by the statement timeout and find nothing."""
    site.insert(350, body="""convert_to('{"n":' || n || '}', 'UTF8')""")
    begun = time.monotonic()
    found = page(site, "--json-path", "/n=340")
    assert time.monotonic() - begun < 26
    assert [event["id"] for event in found["events"]] == ["e340"]
    assert not found["complete"] and 200 < found["searched"]["events"] < 350
    # The cursor leads on from the last event that was looked at.
    oldest = 350 - found["searched"]["events"]
    assert ids(site, "--json-path", f"/n={oldest}", "--limit", "1", "--search", "1", "--after", found["after"]) == [
        f"e{oldest}"]


def pages_read(plans):
    """Of 8 kB, from memory or disk, by all statements whose plans these are: the first line of a plan has its sum."""
    return sum(int(number) for plan in plans.split("plan:")[1:] for line in re.findall(r"Buffers: (.*)", plan)[:1]
               for number in re.findall(r"(?:hit|read)=(\d+)", line))


def test_a_million_events_are_searched_by_the_indexes_which_read_few_pages(site, plans):
    # 8 of the source `rare`; prefixes of ids that few, a thousand, all have.
    site.database.query("alter table webhooks_raw set (autovacuum_enabled = off)")
    site.insert(1_000_000, source="case when n % 140000 = 9 then 'rare' else 's' || n % 4 end", path="'/p' || n % 1000",
          received_at="timestamptz '2026-01-01Z' + n * interval '1 s'",
          body="""convert_to('{"n":' || n || ',"m":' || n % 900 || '}', 'UTF8')""")
    site.database.query("vacuum analyze webhooks_raw")
    (size,), = site.database.query("select pg_relation_size('webhooks_raw') / 8192")
    times, pages = {}, {}
    for name, index, arguments, wanted in (
            ("newest", "webhooks_raw_received_at", [], 50),
            ("a source", "webhooks_raw_", ["--source", "s2"], 50),
            ("a rare source", "webhooks_raw_source_received_at", ["--source", "rare"], 8),
            ("a day", "webhooks_raw_received_at", ["--since", "2026-01-05T00:00:00Z", "--until", "2026-01-06T00:00:00Z"],
             50),
            ("deep in the pages", "webhooks_raw_received_at", ["--after", "1767300000000000.s1.e1"], 50),
            ("one id", "webhooks_raw_pkey", ["--id-prefix", "e99999"], 11),
            ("a thousand ids", "webhooks_raw_pkey", ["--id-prefix", "e1234"], 50),
            ("ids that all have", "webhooks_raw_received_at", ["--id-prefix", "e"], 50),
            ("a path", "webhooks_raw_received_at", ["--path-prefix", "/p17"], 50),
            ("a path of nobody", "webhooks_raw_received_at", ["--path-prefix", "/q"], 0),
            ("a payload", "webhooks_raw_received_at", ["--json-path", "/m=17", "--limit", "5"], 5),
            ("20,000 payloads", "webhooks_raw_received_at", ["--json-path", "/m=x", "--search", "20000"], 0)):
        before = len(plans())
        begun = time.monotonic()
        found = page(site, *arguments)
        times[name] = time.monotonic() - begun
        assert len(found["events"]) == wanted, (name, found)
        wait_until(lambda: "from webhooks_raw w" in plans()[before:],  # pylint: disable=cell-var-from-loop
                   f"{name}: the plan in the server's log")
        told = plans()[before:]
        assert re.search(rf"Index (Only )?Scan( Backward)? using {index}", told), f"{name}\n{told}"
        assert "Seq Scan on webhooks_raw w" not in told, f"{name}\n{told}"
        pages[name] = pages_read(told)
    site.note(", ".join(f"{name} {pages[name]} of {size} pages, {seconds * 1000:.0f} ms" for name, seconds in times.items()))
    begun = time.monotonic()
    assert page(site, "--json-path", "/m=x")["searched"]["events"] == 100_000
    site.note(f"100,000 payloads {(time.monotonic() - begun) * 1000:.0f} ms")
    site.database.query("alter table webhooks_raw reset (autovacuum_enabled)")
    assert max(pages.values()) < size / 3, pages  # "a path of nobody" looks at 100,000 rows
