# SPDX-License-Identifier: MIT
"""The alert rules: promtool runs test_alerts.yml and the stories of sources below; each alert is documented."""

import pathlib
import random
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "sluice.rules.yml"
UNIT_TESTS = ROOT / "tests" / "integration" / "test_alerts.yml"
GROUPS = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text("utf-8")
PROBLEMS = (ROOT / "ctl" / "overview" / "problems.c").read_text("utf-8")
REPLY = (ROOT / "gateway" / "reply.h").read_text("utf-8")

MINUTE, HOUR, DAY = 60, 3600, 86400  # day 0 is a Monday
STEP = 5 * MINUTE
RARELY = "15m"  # enough for sources with few events, and three times as fast
# promtool needs a quarter less CPU when it collects garbage less often.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "GOGC": "400"}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], cwd=ROOT, text=True, capture_output=True, timeout=600,
                          env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- all alerts -----------------------------------------------------------------


def test_prometheus_accepts_configuration_and_rules():
    promtool("check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")


def test_each_alert_fires_when_it_should_and_not_otherwise():
    promtool("test", "rules", UNIT_TESTS)
    names = [group["name"] for group in yaml.safe_load(UNIT_TESTS.read_text("utf-8"))["tests"]]
    for alert in ALERTS.keys() - {"SluiceSourceSilent"}:
        for outcome in ("fires", "quiet"):
            assert any(name.startswith(f"{alert} {outcome} ") or name == f"{alert} {outcome}" for name in names), \
                f"{alert}: no test in which it is {outcome}"


def anchors(text):
    """The anchors of a document's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_happened_and_where_its_runbook_is(alert):
    notes = ALERTS[alert]["annotations"]
    document, anchor = notes["runbook_url"].split("#")
    assert document == "docs/operations.md" and anchor in anchors(OPERATIONS)
    assert f"| `{alert}` |" in OPERATIONS and f"](#{anchor})" in OPERATIONS, "it is not in the table of alerts"
    assert notes["summary"].endswith(".") and notes["description"].endswith(".")
    assert ALERTS[alert]["labels"]["severity"] in ("critical", "warning")


def test_console_and_status_know_the_same_problems_with_the_same_runbooks():
    assert dict(re.findall(r'{"(Sluice\w+)", "([\w-]+)", \w+}', PROBLEMS)) == {
        name: rule["annotations"]["runbook_url"].split("#")[1] for name, rule in ALERTS.items()}


def test_the_rules_use_only_metrics_that_are_documented():
    used = set(re.findall(r"\b(?:sluice|process)_\w+", RULES.read_text("utf-8")))
    documented = set(re.findall(r"^\| `(\w+)` \|", METRICS, re.M))
    assert used and not used - documented


def test_exactly_the_outcomes_with_status_503_and_not_draining_are_alerted():
    status = dict(re.findall(r'(?:X\(REPLY_|ROW\(with, )\w+, "([\w-]+)", (\d+),', REPLY))
    quiet = set(re.search(r'outcome!~"([^"]*)"', ALERTS["SluiceAnswers503"]["expr"])[1].split("|"))
    assert len(status) > 25
    assert quiet == {outcome for outcome, code in status.items() if code != "503"} | {"draining"}


# --- the story of a source --------------------------------------------------------


def seen(events, end, restarts=(), removed=None):
    """What a gateway shows each five minutes until `end` of a source with events at these times: no time of the last
    event until the first one after a restart, and no row once a reload has removed the source."""
    last, count, samples = None, 0, []
    upcoming, again = sorted(events), sorted(restarts)
    for now in range(0, end + 1, STEP):
        while again and again[0] <= now:
            last, count = None, 0
            again.pop(0)
        while upcoming and upcoming[0] <= now:
            last, count = upcoming.pop(0), count + 1
        gone = removed is not None and now >= removed
        samples.append(("_", "_") if gone else ("_" if last is None else last, count))
    return samples


def tell(directory, gateways, expected, every="5m"):
    """promtool, which evaluates the rules this often, must find the alert firing (True) or not (False) at each of the
    expected times, and at no time before the first at which it must."""
    series = []
    for number, samples in enumerate(gateways):
        labels = f'job="sluice-gateway", instance="g{number}", source="hub"'
        series += [{"series": f"sluice_gateway_source_last_accepted_timestamp_seconds{{{labels}}}",
                    "values": " ".join(str(last) for last, _ in samples)},
                   {"series": f"sluice_gateway_source_accepted_total{{{labels}}}",
                    "values": " ".join(str(count) for _, count in samples)}]
    fires = [time for time, firing in expected.items() if firing]
    checks = [{"expr": 'count(ALERTS{alertname="SluiceSourceSilent", alertstate="firing", source="hub"})',
               "eval_time": f"{time}s", "exp_samples": [{"value": 1}] if firing else []} for time, firing in expected.items()]
    checks.append({"expr": 'count_over_time(ALERTS{alertname="SluiceSourceSilent", alertstate="firing"}[60d])',
                   "eval_time": f"{max(time for time, firing in expected.items() if not firing and (not fires or time < min(fires)))}s"})
    (directory / "rules.yml").write_text(yaml.safe_dump({"groups": GROUPS[1:]}), encoding="utf-8")
    path = directory / "story.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": every, "tests": [
        {"interval": "5m", "input_series": series, "promql_expr_test": checks}]}), encoding="utf-8")
    promtool("test", "rules", path)


def daily(days, seed=1):
    """One event a day, at three o'clock, give or take 20 minutes."""
    chance = random.Random(seed)
    return [day * DAY + 3 * HOUR + chance.randrange(-20 * MINUTE, 20 * MINUTE) for day in range(days)]


def office(days, every=7 * MINUTE):
    """Events on weekdays from eight to six."""
    return [time for day in range(days) if day % 7 < 5 for time in range(day * DAY + 8 * HOUR, day * DAY + 18 * HOUR, every)]


def test_a_source_with_one_event_a_day_raises_no_alarm(tmp_path):
    tell(tmp_path, [seen(daily(25), 25 * DAY)], {25 * DAY: False}, RARELY)


def test_a_source_with_a_few_events_a_week_at_random_times_raises_no_alarm(tmp_path):
    chance = random.Random(7)
    events = [day * DAY + chance.randrange(DAY) for day in range(30) for _ in range(chance.choice((0, 0, 1, 1, 2)))]
    tell(tmp_path, [seen(events, 30 * DAY)], {30 * DAY: False}, RARELY)


def test_one_event_a_day_that_no_longer_comes_raises_an_alarm_after_two_days(tmp_path):
    last = 16 * DAY + 3 * HOUR
    tell(tmp_path, [seen(daily(17), 20 * DAY)], {last + 45 * HOUR: False, last + 51 * HOUR: True}, RARELY)


def test_nights_weekends_and_a_restart_of_the_gateway_each_night_raise_no_alarm(tmp_path):
    restarts = [day * DAY + 22 * HOUR for day in range(28)]
    tell(tmp_path, [seen(office(28), 28 * DAY, restarts)], {28 * DAY: False})


def test_a_busy_source_that_falls_silent_on_a_tuesday_raises_an_alarm_within_hours(tmp_path):
    silent = 15 * DAY + 10 * HOUR
    events = [time for time in office(21) if time < silent]
    tell(tmp_path, [seen(events, 17 * DAY)], {silent + 2 * HOUR: False, silent + 4 * HOUR: True})


def test_restarts_of_the_gateways_during_the_silence_and_before_do_not_hide_it(tmp_path):
    silent = 15 * DAY + 10 * HOUR
    events = [time for time in office(21) if time < silent]
    restarts = [9 * DAY + 9 * HOUR, silent + HOUR, silent + 2 * HOUR]
    halves = [seen(events[half::2], 17 * DAY, restarts) for half in range(2)]
    tell(tmp_path, halves, {silent + 2 * HOUR: False, silent + 4 * HOUR: True})


def test_the_events_of_one_gateway_are_enough(tmp_path):
    tell(tmp_path, [seen(office(22), 22 * DAY), seen(office(8), 22 * DAY)], {22 * DAY: False})


def test_a_source_that_a_reload_removes_raises_no_alarm(tmp_path):
    removed = 15 * DAY + 10 * HOUR
    tell(tmp_path, [seen([time for time in office(21) if time < removed], 20 * DAY, removed=removed)], {20 * DAY: False})


def test_a_new_source_raises_no_alarm_before_its_second_week(tmp_path):
    tell(tmp_path, [seen(office(5), 7 * DAY)], {7 * DAY: False})


def test_a_source_that_was_only_tried_out_raises_no_alarm(tmp_path):
    tell(tmp_path, [seen(range(2 * DAY, 2 * DAY + 2 * HOUR, 10 * MINUTE), 20 * DAY)], {20 * DAY: False})


def test_a_source_that_is_silent_for_good_is_forgotten_within_three_weeks(tmp_path):
    tell(tmp_path, [seen(daily(17), 32 * DAY)], {17 * DAY: False, 20 * DAY: True, 32 * DAY: False}, RARELY)
