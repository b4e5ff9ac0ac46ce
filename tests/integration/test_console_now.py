# SPDX-License-Identifier: MIT
"""The console's page Now: problems first, in words; numbers and plots; and it never scans a table."""

import re

from process import wait_until
from wire import request


def admins(*programs):
    return ",".join(f"127.0.0.1:{program.admin_port}" for program in programs)


def page(console, path="/"):
    reply = request(console.port, "GET", path)
    assert reply.status == 200, reply
    return reply.body.decode()


def seen(console, *words):
    """The page, once it has all these words."""
    found = []

    def there():
        found[:] = [page(console)]
        return all(word in found[0] for word in words)
    wait_until(there, lambda: f"{words} on\n{found[0]}", 30, 0.5)
    return found[0]


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_healthy_site_is_said_to_be_so_with_its_numbers(site):
    gateway = site.start_gateway()
    workers = site.start_workers(2)
    console = site.start_console(GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS=admins(*workers))
    for number in range(3):
        site.send_ok(headers={"webhook-id": str(number)})
    site.wait_count(3)
    html = seen(console, "No problem is known.", "<th scope=\"row\">default</th><td class=\"number\">3</td>", "/s stored")
    text = text_of(html)
    assert re.search(r"Connections \d+ of a budget of 20 , of max_connections 100", text.replace(",", " ,")), text
    assert "Workers 2, on standby 0" in text
    assert f"worker 127.0.0.1:{workers[1].admin_port} ready" in text
    assert html.count("<svg") == 3 and "<polyline" in html
    assert "aria-live=\"polite\"" in html and "style=" not in html


def test_problems_come_first_in_words_with_what_to_do(site):
    gateway = site.add_gateway(BROKER_URL="amqp://sluice-gateway@127.0.0.1:1/sluice").start(wait=False)
    console = site.start_console(GATEWAY_ADMINS=admins(gateway), WORKER_ADMINS="127.0.0.1:1")
    assert site.send(headers={"webhook-id": "<b>&\u00e9"}.copy()).status == 503
    html = seen(console, "senders get 503: source default (away, the last")
    assert "No problem is known" not in html
    assert html.index("gateways are not ready") < html.index("<h2>Numbers</h2>")
    assert "none of 1 workers is ready: 127.0.0.1:1 doesn&#39;t answer" in html
    assert "href=\"/runbook#gateway-not-ready\"" in html
    assert "href=\"/runbook#503s\"" in html
    runbook = page(console, "/runbook")
    assert "<h2 id=\"503s\">503s</h2>" in runbook and "<h3 id=\"what-the-broker-gave-up\">" in runbook
    gateway.stop()
    seen(console, f"127.0.0.1:{gateway.admin_port} doesn&#39;t answer")


def test_a_console_without_addresses_says_what_it_does_not_ask(site):
    console = site.start_console(CONSOLE_PREFIX="/sluice")
    html = seen(console, "Not asked: gateways and workers (GATEWAY_ADMINS and WORKER_ADMINS aren&#39;t set).")
    assert "Oldest event unknown" in text_of(html).replace("  ", " ")


def test_a_database_that_is_away_leaves_the_rest_of_the_page(site):
    gateway = site.start_gateway()
    console = site.start_console(GATEWAY_ADMINS=admins(gateway),
                                 DATABASE_URL="postgresql://sluice_reader@127.0.0.1:1/sluice")
    html = seen(console, "Connection refused", "<h2>Numbers</h2>", "Not everything could be asked.")
    assert "No problem is known" not in html
    assert "Connections unknown of a budget of unknown" in text_of(html)


def test_no_statement_of_the_page_scans_a_table(site):
    database = site.database
    database.query("insert into webhooks_dead (source, id, body, verdict, reason) "
                   "select 'default', 'd' || n, 'x', 'poison', 'a test' from generate_series(1, 10000) n")
    database.query("insert into webhooks_raw (source, id, method, path, body, received_at, first_received_at) "
                   "select 'default', 'r' || n, 'POST', '/', 'x', now(), now() from generate_series(1, 10000) n")
    database.query("analyze webhooks_dead")
    database.query("analyze webhooks_raw")
    database.query("alter role sluice_reader set log_statement = 'all'")
    try:
        before = len(database.child.output())
        console = site.start_console()
        seen(console, "<h2>Numbers</h2>", "10000 (by Postgres&#39; statistics)".replace("&#39;", "'"))
        log = database.child.output()[before:]
    finally:
        database.query("alter role sluice_reader reset log_statement")
    statements = {match[1] for match in re.finditer(r"(?:statement|execute <unnamed>): (select .*)", log)}
    assert len([text for text in statements if "webhooks" in text]) >= 2, log
    for statement in statements:
        plan = "\n".join(row[0] for row in database.query("explain " + statement.replace("%", "%%"), user="sluice"))
        assert not re.search(r"Scan on webhooks_\w+", plan) or "Index Scan Backward using webhooks_dead_pkey" in plan, plan
        assert "Seq Scan on webhooks" not in plan, plan
