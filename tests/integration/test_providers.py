# SPDX-License-Identifier: MIT
"""docs/providers.md does what it says: its blocks are routes, its commands make rows."""

import json
import re
import shlex
import subprocess

import pytest

from programs import run_command
from providers_page import BLOCKS, CHECKOUT, COMMANDS, PAGE, ROWS, SECRETS
from routefile import RouteFile

pytestmark = pytest.mark.gateway


def test_the_page_has_each_scheme_and_a_command_for_each_block(build):
    done = run_command(build, ["check", "--print-schemes"], {})
    known = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert len(known) >= 14 and known[0] == "none", done.stdout + done.stderr
    schemes = [block["verify"]["scheme"] for block in BLOCKS]
    assert sorted({*schemes, *ROWS}) == sorted(known[1:])
    assert len(set(schemes)) == len(schemes)
    assert COMMANDS == [f"sluice send --route {block['name']}" for block in BLOCKS]


def test_the_example_has_every_block_of_the_page_as_it_stands():
    example = json.loads((CHECKOUT / "etc" / "routes.example.json").read_text(encoding="utf-8"))["sources"]
    assert [source for source in example if source["name"] != "internal-orders"] == BLOCKS


def test_each_block_is_a_route_as_it_stands(build, tmp_path):
    file = tmp_path / "routes.json"
    for blocks in ([block] for block in BLOCKS):
        file.write_text(json.dumps({"sources": blocks}), encoding="utf-8")
        done = run_command(build, ["check", file, "--without-secrets"], {})
        assert done.returncode == 0, f"{blocks}\n{done.stdout}{done.stderr}"


def test_each_command_makes_a_row(site, build):
    routes = RouteFile(site.directory / "routes")
    for name in SECRETS:
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if name == "webhook-standard" else f"the secret of {name}"
        routes.secret(name, secret)
    text = json.dumps({"sources": BLOCKS}).replace("/run/secrets/", f"{routes.directory}/")
    routes.path.write_text(text, encoding="utf-8")
    gateway = site.start_gateway(GATEWAY_ROUTES=routes.path)
    site.start_workers(1)
    for block, command in zip(BLOCKS, COMMANDS):
        done = run_command(build, [*shlex.split(command)[1:], "--url", f"http://127.0.0.1:{gateway.port}"],
                           {"GATEWAY_ROUTES": routes.path})
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}{gateway.tail()}"
        status, *told = done.stdout.split()
        assert status == "200"
        assert site.row(told[0], block["name"])
        assert len(site.rows("source = %s", (block["name"],))) == 1


def test_the_index_names_every_provider_of_the_page_its_scheme_and_where_it_is():
    index = {name: (scheme.strip("`"), where) for name, scheme, where in re.findall(
        r"^\| ([^|]+) \| (`\w+`|none yet) \| (.+) \|$", PAGE[PAGE.index("## Find your provider"):PAGE.index("## Retries")], re.M)}
    schemes = {block["verify"]["scheme"] for block in BLOCKS} | {"hmac", "none", "none yet", *ROWS}
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.+)$", PAGE, re.M)}
    assert len(index) >= 60
    assert list(index) == sorted(index, key=str.lower)
    for name, (scheme, where) in index.items():
        assert scheme in schemes, name
        assert scheme == "none yet" or set(re.findall(r"\(#([\w-]+)\)", where)) & anchors, name
    listed = re.findall(r"^\| ([^|`]+) \| `(?:\"(?:scheme|header|pointer)\"|\{\"scheme\")", PAGE, re.M)
    for name in (name for row in listed for name in row.split(", ")):
        assert name.removesuffix(" v3").removesuffix(" alerting") in index, name


def test_make_secrets_writes_every_secret_that_the_page_names(tmp_path):
    subprocess.run([CHECKOUT / "deploy" / "secrets", tmp_path / "secrets"], check=True, stdout=subprocess.DEVNULL)
    assert len(SECRETS) >= 14
    assert set(SECRETS) <= {path.name for path in (tmp_path / "secrets").iterdir() if path.stat().st_size > 0}


def test_the_table_of_retries_names_providers_of_the_index_only():
    begin = PAGE.index("## Retries, and how")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", PAGE[begin:PAGE.index("## GitHub")], re.M)[1:]
    assert len(rows) >= 12 and rows == sorted(rows, key=str.lower)
    for provider in rows:
        assert f"\n| {provider.split(',')[0]} | `" in PAGE, provider
