# SPDX-License-Identifier: MIT
"""`sluice check` and `sluice route` on routes files; the schema in etc/ agrees with the programs. Needs no servers."""

import json
import re
import pathlib
import subprocess

import jsonschema
import pytest

from programs import run_command

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = CHECKOUT / "etc" / "routes.schema.json"
EXAMPLE = CHECKOUT / "etc" / "routes.example.json"
SECRETS = [{"env": "A_SECRET"}]
NONE = {"scheme": "none"}
GONE = object()


def source(**members):
    """A valid source, changed by these members."""
    one = {"name": "one", "path": "/one", "verify": NONE, **members}
    return {name: value for name, value in one.items() if value is not GONE}


def verify(scheme, **members):
    return {"scheme": scheme, "secrets": SECRETS, **members}


def declared(*parts, **members):
    return verify("hmac", header="X-Sum", signed=list(parts), **members)


BODY = {"id": {"body": True}}
TIME = {"header": "X-Time"}
FINE = {
    "the least": {},
    "name": {"name": "0-" + "x" * 61},
    "root": {"path": "/"},
    "all paths": {"path": "/*"},
    "prefix": {"path": "/a/b.c/~x%2F!$&'()+,;=:@/*"},
    "hidden": {"path": "/.hidden/..x/..."},
    "methods": {"methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]},
    **{name: {"verify": verify(name)} for name in ("standard", "github", "stripe", "slack", "shopify", "twilio", "gitlab",
                                                   "meta", "zoom")},
    "tolerance": {"verify": verify("stripe", tolerance="1h")},
    "url": {"verify": verify("twilio", url="https://hooks.example.com:8443/a/b")},
    "algorithm of Twilio": {"verify": verify("twilio", algorithm="sha256")},
    "verify token": {"verify": verify("meta", verify_token={"file": "/a"})},
    "two secrets": {"verify": {"scheme": "github", "secrets": [{"file": "/a"}, {"env": "B"}]}},
    "hmac": {"verify": verify("hmac", header="X-Sum", algorithm="sha512", encoding="base64", prefix="v1="), **BODY},
    "signed parts": {"verify": declared("time", {"text": ":"}, "method", "url", "host", "path", "query", "body",
                                        {"header": "X-A"}, {"header": "X-B"}, time={"header": "X-Time", "unit": "rfc3339"},
                                        tolerance="10s", url="https://example.com/a", encoding="base64url",
                                        secret_encoding="hex", secret_prefix="key_"), **BODY},
    "signed id": {"verify": declared("id", {"text": "."}, "body"), "id": {"header": "X-Id"}},
    "signed id in a list": {"verify": declared("id", "body"), "id": [{"header": "X-Id"}]},
    "time in a field": {"verify": declared("time", "body", time={"field": "t", "unit": "milliseconds"}, field="v1"), **BODY},
    "field without a time": {"verify": verify("hmac", header="X-Sum", field="v1"), **BODY},
    "url for its host": {"verify": declared("host", "body", url="https://example.com"), **BODY},
    "text twice": {"verify": declared({"text": "."}, "body", {"text": "."}), **BODY},
    "a signature in the body": {"verify": verify("hmac", pointer="/s", signed=["time", {"pointer": "/a/0/~1"}],
                                                 time={"pointer": "/t"}, prefix="v1=", secret_encoding="hex"), **BODY},
    "values of the body": {"verify": declared({"pointer": "/a"}, {"text": ":"}, {"pointer": "/a"}), **BODY},
    "public keys": {"verify": verify("ed25519", header="X-Signature"), **BODY},
    "signed parts for a public key": {"verify": verify("ecdsa", header="X-Sum", signed=["time", "body"], time=TIME,
                                                       tolerance="1h", encoding="base64url", prefix="v1="), **BODY},
    "fields for a public key": {"verify": verify("ed25519", header="X-Sum", field="s"), **BODY},
    "bearer": {"verify": verify("bearer"), **BODY},
    "basic": {"verify": verify("basic", user="me"), **BODY},
    "header": {"verify": verify("header", header="X-Token"), **BODY},
    "challenge in the query": {"verify": {**NONE, "challenge": {"query": "validationToken"}}},
    "challenge in a header": {"verify": verify("github", challenge={"header": "X-A", "answer": {"member": "verification"}})},
    "challenge of a header": {"verify": verify("meta", challenge={"header": "X-A", "answer": {"header": "x-a"}, "log": True})},
    "challenge in the body": {"verify": verify("bearer", challenge={"pointer": "/a~1b", "log": False}), **BODY},
    "marked challenge": {"verify": verify("twilio", challenge={"pointer": "/0/a", "if": {"header": "X-A", "is": "b"}})},
    "challenge of CloudEvents": {"verify": verify("basic", user="me", challenge="cloudevents"), **BODY},
    "challenge by HEAD": {"verify": verify("header", header="X-Token", challenge="head"), **BODY},
    "id in a header": {"id": {"header": "X-Id"}},
    "id by a pointer": {"id": {"pointer": "/a/0/~0~1"}},
    "the whole body": {"id": {"pointer": ""}},
    "a list of ids": {"id": [{"header": "X-Id"}, {"pointer": "/a"}, {"pointer": "/b"}, {"body": True}]},
    "a list of one id": {"id": [{"header": "X-Id"}]},
    "eight ids": {"id": [{"pointer": f"/{n}"} for n in range(8)]},
    "keep": {"keep": "first"},
    "order in a header": {"order": {"header": "X-Sequence"}},
    "order by a pointer": {"verify": verify("stripe"), "order": {"pointer": "/a/0/~0~1"}},
    "order in a signed header": {"verify": declared("body", {"header": "X-Sequence"}), "id": {"pointer": "/id"},
                                 "keep": "newest", "order": {"header": "x-sequence"}},
    "sizes": {"max_body": "64MiB"},
    "no body": {"max_body": "0"},
    "rate": {"rate": {"per_second": 1}},
    "burst": {"rate": {"per_second": 100000, "burst": 100000}},
    "delay": {"delay": "24h"},
    "a day": {"delay": "1d"},
    "no delay": {"delay": "0s"},
    "query": {"drop_query": True},
    "reply": {"reply": {"status": 200, "body": "ok", "type": "text/plain"}},
    "bare reply": {"reply": {"status": 204}},
}
WRONG = {
    "no name": {"name": GONE},
    "name": {"name": "One"},
    "long name": {"name": "x" * 64},
    "no path": {"path": GONE},
    "relative path": {"path": "one"},
    "star": {"path": "/a*"},
    "star within": {"path": "/*/a"},
    "query in path": {"path": "/a?b"},
    "fragment": {"path": "/a#b"},
    "blank": {"path": "/a b"},
    "two slashes": {"path": "/a//b"},
    "dots": {"path": "/a/../b"},
    "dots at the end": {"path": "/a/.."},
    "a dot": {"path": "/./*"},
    "encoded dot": {"path": "/%2Ea"},
    "not ASCII": {"path": "/caf\u00e9"},
    "long path": {"path": "/" + "x" * 1024},
    "unknown member": {"paths": "/a"},
    "no methods": {"methods": []},
    "method": {"methods": ["post"]},
    "method twice": {"methods": ["POST", "POST"]},
    "no verify": {"verify": GONE},
    "verify as text": {"verify": "none"},
    "no scheme": {"verify": {}},
    "unknown scheme": {"verify": verify("sha3")},
    "secrets for none": {"verify": verify("none")},
    "no secrets": {"verify": {"scheme": "github"}},
    "empty secrets": {"verify": {"scheme": "github", "secrets": []}},
    "nine secrets": {"verify": {"scheme": "github", "secrets": SECRETS * 9}},
    "inline secret": {"verify": {"scheme": "github", "secrets": ["hunter2"]}},
    "inline value": {"verify": {"scheme": "github", "secrets": [{"value": "hunter2"}]}},
    "file and env": {"verify": {"scheme": "github", "secrets": [{"file": "/a", "env": "B"}]}},
    "empty file name": {"verify": {"scheme": "github", "secrets": [{"file": ""}]}},
    "url without a host": {"verify": verify("twilio", url="https:///a")},
    "url with a slash at the end": {"verify": verify("twilio", url="https://hooks.example.com/")},
    "url with a query": {"verify": verify("twilio", url="https://hooks.example.com?a=b")},
    "url with a user": {"verify": verify("twilio", url="https://user@hooks.example.com")},
    "url of another kind": {"verify": verify("twilio", url="ftp://hooks.example.com")},
    "url where none is signed": {"verify": verify("github", url="https://hooks.example.com")},
    "tolerance without a time": {"verify": verify("github", tolerance="300s")},
    "negative tolerance": {"verify": verify("stripe", tolerance="-300s")},
    "tolerance as a number": {"verify": verify("stripe", tolerance=300)},
    "hmac without a header": {"verify": verify("hmac"), **BODY},
    "hmac without an id": {"verify": verify("hmac", header="X-Sum")},
    "algorithm": {"verify": verify("hmac", header="X-Sum", algorithm="md5"), **BODY},
    "encoding": {"verify": verify("hmac", header="X-Sum", encoding="base32"), **BODY},
    "signed for another scheme": {"verify": verify("github", signed=["body"])},
    "nothing signed": {"verify": declared(), **BODY},
    "signed as text": {"verify": verify("hmac", header="X-Sum", signed="body"), **BODY},
    "no signed body": {"verify": declared("time", time=TIME), **BODY},
    "unknown part": {"verify": declared("Body", "body"), **BODY},
    "a number as part": {"verify": declared("body", 7), **BODY},
    "empty text": {"verify": declared("body", {"text": ""}), **BODY},
    "text and header": {"verify": declared("body", {"text": ".", "header": "X-A"}), **BODY},
    "no text": {"verify": declared("body", {}), **BODY},
    "a part's header": {"verify": declared("body", {"header": "X A"}), **BODY},
    "seventeen parts": {"verify": declared("body", *[{"text": "."}] * 16), **BODY},
    "a signed time that is nowhere": {"verify": declared("time", "body"), **BODY},
    "a time that is not signed": {"verify": declared("body", time=TIME), **BODY},
    "a time without signed": {"verify": verify("hmac", header="X-Sum", time=TIME), **BODY},
    "tolerance for hmac without a time": {"verify": verify("hmac", header="X-Sum", tolerance="10s"), **BODY},
    "time nowhere": {"verify": declared("time", "body", time={}), **BODY},
    "time in two places": {"verify": declared("time", "body", time={**TIME, "field": "t"}, field="v1"), **BODY},
    "time in a field of no fields": {"verify": declared("time", "body", time={"field": "t"}), **BODY},
    "unit": {"verify": declared("time", "body", time={**TIME, "unit": "ms"}), **BODY},
    "field with =": {"verify": verify("hmac", header="X-Sum", field="v1="), **BODY},
    "field and prefix": {"verify": verify("hmac", header="X-Sum", field="v1", prefix="sha256="), **BODY},
    "url that is not signed": {"verify": declared("body", url="https://example.com"), **BODY},
    "secret encoding": {"verify": verify("hmac", header="X-Sum", secret_encoding="base32"), **BODY},
    "empty secret prefix": {"verify": verify("hmac", header="X-Sum", secret_prefix=""), **BODY},
    "signed id that is the body": {"verify": declared("id", "body"), **BODY},
    "signed id that is a pointer": {"verify": declared("id", "body"), "id": {"pointer": "/id"}},
    "signed id of two rules": {"verify": declared("id", "body"), "id": [{"header": "X-Id"}, {"header": "X-Other"}]},
    "header and pointer": {"verify": declared({"pointer": "/a"}, pointer="/s"), **BODY},
    "pointer and field": {"verify": verify("hmac", pointer="/s", signed=[{"pointer": "/a"}], field="v1"), **BODY},
    "pointer without signed": {"verify": verify("hmac", pointer="/s"), **BODY},
    "a body that signs itself": {"verify": verify("hmac", pointer="/s", signed=["body"]), **BODY},
    "no pointer": {"verify": verify("hmac", pointer="s", signed=[{"pointer": "/a"}]), **BODY},
    "the whole body as signature": {"verify": verify("hmac", pointer="", signed=[{"pointer": "/a"}]), **BODY},
    "a part's pointer": {"verify": declared("body", {"pointer": "a"}), **BODY},
    "pointer and text": {"verify": declared("body", {"pointer": "/a", "text": "."}), **BODY},
    "a time's pointer": {"verify": declared("time", "body", time={"pointer": "/~2"}), **BODY},
    "time in the body and in a header": {"verify": declared("time", "body", time={**TIME, "pointer": "/t"}), **BODY},
    "only the time of a body": {"verify": verify("hmac", pointer="/s", signed=["time"], time={"pointer": "/t"}), **BODY},
    "pointer for a public key": {"verify": verify("ed25519", pointer="/s", signed=[{"pointer": "/a"}]), **BODY},
    "ed25519 without a header": {"verify": verify("ed25519"), **BODY},
    "ecdsa without an id": {"verify": verify("ecdsa", header="X-Sum")},
    "algorithm for a public key": {"verify": verify("ecdsa", header="X-Sum", algorithm="sha256"), **BODY},
    "secret encoding for a public key": {"verify": verify("ed25519", header="X-Sum", secret_encoding="hex"), **BODY},
    "basic without a user": {"verify": verify("basic"), **BODY},
    "bearer without an id": {"verify": verify("bearer")},
    "user for bearer": {"verify": verify("bearer", user="me"), **BODY},
    "header's name": {"verify": verify("header", header="X Token"), **BODY},
    "challenge by another word": {"verify": {**NONE, "challenge": "options"}},
    "challenge as a list": {"verify": {**NONE, "challenge": ["head"]}},
    "challenge nowhere": {"verify": {**NONE, "challenge": {"log": True}}},
    "challenge in two places": {"verify": {**NONE, "challenge": {"query": "a", "pointer": "/a"}}},
    "challenge with an unknown member": {"verify": {**NONE, "challenge": {"query": "a", "method": "GET"}}},
    "challenge without a name": {"verify": {**NONE, "challenge": {"query": ""}}},
    "challenge in a header with a blank": {"verify": {**NONE, "challenge": {"header": "X A"}}},
    "a credential as challenge": {"verify": {**NONE, "challenge": {"header": "Authorization"}}},
    "challenge without a slash": {"verify": {**NONE, "challenge": {"pointer": "a"}}},
    "challenge that is the body": {"verify": {**NONE, "challenge": {"pointer": ""}}},
    "unmarked challenge below": {"verify": {**NONE, "challenge": {"pointer": "/a/b"}}},
    "marked challenge in the query": {"verify": {**NONE, "challenge": {"query": "a", "if": {"header": "X-A", "is": "b"}}}},
    "mark without a value": {"verify": {**NONE, "challenge": {"pointer": "/a", "if": {"header": "X-A"}}}},
    "answer as a word": {"verify": {**NONE, "challenge": {"query": "a", "answer": "text"}}},
    "answer nowhere": {"verify": {**NONE, "challenge": {"query": "a", "answer": {}}}},
    "two answers": {"verify": {**NONE, "challenge": {"query": "a", "answer": {"member": "a", "header": "X-A"}}}},
    "long member of an answer": {"verify": {**NONE, "challenge": {"query": "a", "answer": {"member": "a" * 65}}}},
    "answer in a header of HTTP": {"verify": {**NONE, "challenge": {"query": "a", "answer": {"header": "Content-Length"}}}},
    "answer in a header with a line end": {"verify": {**NONE, "challenge": {"query": "a", "answer": {"header": "X-A\r\nB"}}}},
    "log as text": {"verify": {**NONE, "challenge": {"query": "a", "log": "yes"}}},
    "no id rule": {"id": {}},
    "two id rules": {"id": {"header": "X-Id", "body": True}},
    "id header": {"id": {"header": "X:Id"}},
    "a proof as id": {"id": {"header": "Authorization"}},
    "pointer": {"id": {"pointer": "id"}},
    "tilde": {"id": {"pointer": "/~2"}},
    "deep pointer": {"id": {"pointer": "/a" * 17}},
    "body as text": {"id": {"body": "sha256"}},
    "body false": {"id": {"body": False}},
    "no ids": {"id": []},
    "nine ids": {"id": [{"pointer": f"/{n}"} for n in range(9)]},
    "a list in a list of ids": {"id": [[{"header": "X-Id"}]]},
    "two id rules in a list": {"id": [{"header": "X-Id", "pointer": "/id"}]},
    "keep": {"keep": "last"},
    "order nowhere": {"order": {}},
    "order as text": {"order": "/created"},
    "order in two places": {"order": {"header": "X-Sequence", "pointer": "/created"}},
    "order with an unknown member": {"order": {"body": True}},
    "order header": {"order": {"header": "X:Sequence"}},
    "a credential as order": {"order": {"header": "Cookie"}},
    "order pointer": {"order": {"pointer": "created"}},
    "the whole body as order": {"order": {"pointer": ""}},
    "size": {"max_body": "1MB"},
    "size as a number": {"max_body": 1024},
    "no rate": {"rate": {}},
    "rate of 0": {"rate": {"per_second": 0}},
    "half a rate": {"rate": {"per_second": 0.5}},
    "rate": {"rate": {"per_second": 100001}},
    "burst": {"rate": {"per_second": 1, "burst": 0}},
    "delay": {"delay": "1 day"},
    "query": {"drop_query": "yes"},
    "status": {"reply": {"status": 500}},
    "moved": {"reply": {"status": 301}},
    "no status": {"reply": {"body": "ok"}},
    "bare reply with a body": {"reply": {"status": 204, "body": "x"}},
    "type": {"reply": {"status": 200, "type": "a\r\nb"}},
}
# What a schema can't see: numbers in text, one item against another, what a scheme reads.
WRONG_BEYOND_SCHEMA = {
    "tolerance of 0": {"verify": verify("stripe", tolerance="0s")},
    "long tolerance": {"verify": verify("stripe", tolerance="2h")},
    "half a second": {"verify": verify("stripe", tolerance="1500ms")},
    "a part twice": {"verify": declared("body", "url", "body"), **BODY},
    "one field for time and signature": {"verify": declared("time", "body", time={"field": "t"}, field="t"), **BODY},
    "one header for time and signature": {"verify": declared("time", "body", time={"header": "x-sum"}), **BODY},
    "a signature that signs itself": {"verify": declared("body", {"header": "x-sum"}), **BODY},
    "time as id": {"verify": declared("time", "body", time=TIME), "id": {"header": "x-time"}},
    "size": {"max_body": "65MiB"},
    "long delay": {"delay": "25h"},
    "delay of half a second": {"delay": "500ms"},
    "an id after the body": {"id": [{"body": True}, {"header": "X-Id"}]},
    "signature as challenge": {"verify": verify("github", challenge={"header": "X-Hub-Signature-256"})},
    "challenge as id": {"verify": {**NONE, "challenge": {"header": "X-Id"}}, "id": {"header": "X-Id"}},
    "order of the first": {"verify": verify("github"), "order": {"pointer": "/created"}},
    "order in an unsigned header": {"verify": verify("stripe"), "order": {"header": "X-Sequence"}},
    "order in an unsigned value": {"verify": verify("hmac", pointer="/s", signed=[{"pointer": "/a"}]),
                                   "id": {"pointer": "/a"}, "keep": "newest", "order": {"pointer": "/created"}},
    "signature as order": {"verify": verify("stripe"), "order": {"header": "Stripe-Signature"}},
    "signature as id": {"verify": verify("github"), "id": {"header": "X-Hub-Signature-256"}},
}


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def check(build, tmp_path, content, *options):
    path = tmp_path / "routes.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    done = run_command(build, ["check", str(path), *options], {})
    assert done.returncode in (0, 78), done.stderr
    return done


def verdicts(build, tmp_path, validator, members):
    """(verdict of the programs, verdict of the schema) on one source."""
    content = {"sources": [source(**members)]}
    return check(build, tmp_path, content, "--without-secrets").returncode == 0, validator.is_valid(content)


@pytest.mark.parametrize("case", FINE)
def test_what_is_fine_is_fine_by_the_schema_and_by_the_programs(build, tmp_path, validator, case):
    assert verdicts(build, tmp_path, validator, FINE[case]) == (True, True)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_wrong_by_the_schema_and_by_the_programs(build, tmp_path, validator, case):
    assert verdicts(build, tmp_path, validator, WRONG[case]) == (False, False)


@pytest.mark.parametrize("case", WRONG_BEYOND_SCHEMA)
def test_the_programs_see_what_no_schema_can(build, tmp_path, validator, case):
    assert verdicts(build, tmp_path, validator, WRONG_BEYOND_SCHEMA[case]) == (False, True)


@pytest.mark.parametrize("content", [{}, [], {"sources": []}, {"sources": {}}, {"sources": [source()], "more": 1},
                                     {"sources": [7]}])
def test_the_file_as_a_whole_has_one_form(build, tmp_path, validator, content):
    assert check(build, tmp_path, content).returncode == 78
    assert not validator.is_valid(content)


def test_the_schema_knows_every_scheme_that_the_programs_know(build, tmp_path):
    done = check(build, tmp_path, {"sources": [source(verify=verify("?"))]}, "--without-secrets")
    told = done.stderr.partition("none of: ")[2].strip().split(", ")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    known = []
    for variant in schema["definitions"]["verify"]["oneOf"]:
        scheme = variant["properties"]["scheme"]
        known += scheme.get("enum", [scheme.get("const")])
    assert sorted(known) == sorted(told)


def test_check_tells_every_error_at_once_and_repeats_no_secret(build, tmp_path):
    done = check(build, tmp_path, {"sources": [
        source(name="A", path="a"), source(verify={"scheme": "github", "secrets": ["hunter2", {"env": "NOT_SET"}]}),
        source(verify=verify("stripe", tolerance="-1s"))]})
    lines = done.stderr.splitlines()
    for place in ("sources[0].name", "sources[0].path", "sources[1].verify.secrets[0]", "sources[1].verify.secrets[1].env",
                  "sources[2].verify.tolerance", "sources[2].name", "sources[2].path"):
        assert any(f"routes.json: {place}: " in line for line in lines), (place, lines)
    assert "hunter2" not in done.stderr


def test_check_reads_the_secrets_unless_told_not_to(build, tmp_path):
    (tmp_path / "secret").write_text("a secret\n", encoding="ascii")
    content = {"sources": [source(verify={"scheme": "github", "secrets": [{"file": str(tmp_path / "secret")}]}),
                           source(name="two", path="/two", delay="60s")]}
    done = check(build, tmp_path, content)
    assert (done.returncode, "2 sources" in done.stdout, "delay 60s" in done.stdout) == (0, True, True), done.stderr
    assert "sources[1] two: takes events from anybody" in done.stdout
    (tmp_path / "secret").unlink()
    assert check(build, tmp_path, content).returncode == 78
    assert check(build, tmp_path, content, "--without-secrets").returncode == 0
    for arguments in ([], ["a", "b"], ["--nonsense", "a"]):
        assert run_command(build, ["check", *arguments], {}).returncode == 64


ED25519 = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"  # RFC 8032, 7.1, test 2
P256 = ("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7"  # RFC 6979, A.2.5
        "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==")
PEM = "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n".format(P256[:64], P256[64:])
KEYS = {  # case: (scheme, text of the file, what is said; empty: it is a key)
    "hex": ("ed25519", ED25519 + "\n", ""),
    "DER": ("ecdsa", P256 + "\n", ""),
    "PEM": ("ecdsa", PEM, ""),
    "PEM of Windows": ("ecdsa", PEM.replace("\n", "\r\n"), ""),
    "a digit too few": ("ed25519", ED25519[1:], "must have 32 bytes"),
    "wrong digits": ("ed25519", "02" + "0" * 62, "at least one digit is wrong"),
    "zeros": ("ed25519", "0" * 64, "anyone can sign"),
    "two lines": ("ed25519", ED25519 + "\n" + ED25519, "has a newline"),
    "PEM twice": ("ecdsa", PEM + PEM, "is not one public key in PEM"),
    "half a PEM": ("ecdsa", PEM[:100], "is not one public key in PEM"),
    "a private key": ("ecdsa", PEM.replace("PUBLIC", "PRIVATE"), "is a private key"),
    "of another kind": ("ed25519", PEM, "it is of another kind"),
    "PEM where a secret is wanted": ("hmac", PEM, "has a newline"),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_public_key_is_read_or_refused_with_its_place_and_what_is_wrong(build, tmp_path, case):
    scheme, text, wrong = KEYS[case]
    (tmp_path / "key").write_bytes(text.encode())
    keys = {"scheme": scheme, "header": "X-Sum", "secrets": [{"file": str(tmp_path / "key")}]}
    done = check(build, tmp_path, {"sources": [source(verify=keys, **BODY)]})
    assert (done.returncode == 0) == (wrong == ""), done.stderr
    assert wrong == "" or ("sources[0].verify.secrets[0]" in done.stderr and wrong in done.stderr), done.stderr
    assert text.strip() not in done.stderr


INVISIBLE = {
    "CRLF": (b"a secret\r\n", "has a carriage return (0x0D) at its end, byte 9 of 9"),
    "two newlines": (b"a secret\n\n", "has a newline (0x0A) at its end, byte 9 of 9"),
    "two secrets": (b"a secret\nanother\n", "has a newline (0x0A) at byte 9 of 16"),
    "blank at the end": (b"a secret \n", "has a blank (0x20) at its end, byte 9 of 9"),
    "tab at the end": (b"a secret\t", "has a tab (0x09) at its end, byte 9 of 9"),
    "blank at the beginning": (b" a secret\n", "has a blank (0x20) at its beginning, byte 1 of 9"),
    "byte order mark": (b"\xef\xbb\xbfa secret\n", "begins with a byte order mark (0xEF 0xBB 0xBF, UTF-8)"),
    "UTF-16": ("a secret\n".encode("utf-16"), "begins with a byte order mark (0xFF 0xFE, UTF-16)"),
    "NUL": (b"a\0secret\n", "has a NUL (0x00) at byte 2 of 8"),
    "empty": (b"", "is empty"),
    "empty line": (b"\n", "is empty"),
}


@pytest.mark.parametrize("case", INVISIBLE)
def test_check_refuses_a_secret_that_holds_an_invisible_byte(build, tmp_path, case):
    """Each of several secrets is read so, and Meta's token, for which any scheme would do."""
    (tmp_path / "good").write_bytes(b"a secret\n")
    (tmp_path / "bad").write_bytes(INVISIBLE[case][0])
    good, bad = {"file": str(tmp_path / "good")}, {"file": str(tmp_path / "bad")}
    content = {"sources": [source(verify={"scheme": "github", "secrets": [good, bad]}),
                           source(name="two", path="/two", verify={"scheme": "meta", "secrets": [good], "verify_token": bad})]}
    done = check(build, tmp_path, content)
    assert done.returncode == 78
    assert "a secret" not in done.stderr
    lines = done.stderr.splitlines()
    for line, place in zip(lines, ("sources[0].verify.secrets[1].file", "sources[1].verify.verify_token.file"), strict=True):
        assert f"{place}: {tmp_path / 'bad'} {INVISIBLE[case][1]}" in line
        assert case.startswith("empty") or "printf %s 'TEXT' > FILE" in line


def test_a_secret_in_a_variable_may_end_in_a_blank_but_not_in_a_line_end(build, tmp_path):
    content = {"sources": [source(verify=verify("github"))]}
    (tmp_path / "routes.json").write_text(json.dumps(content), encoding="utf-8")
    command = ["check", tmp_path / "routes.json"]
    assert run_command(build, command, {"A_SECRET": " a secret "}).returncode == 0
    done = run_command(build, command, {"A_SECRET": "a secret\r"})
    assert done.returncode == 78
    assert "secrets[0].env: A_SECRET has a carriage return (0x0D) at its end, byte 9 of 9" in done.stderr


def test_check_says_which_bodies_are_larger_than_brokers_take_by_default(build, tmp_path):
    done = check(build, tmp_path, {"sources": [source(max_body="16MiB"),
                                               source(name="two", path="/two", max_body="25MiB")]})
    assert done.returncode == 0
    told, = [line for line in done.stdout.splitlines() if "max_message_size" in line]
    assert told.startswith("sources[1] two: max_body 26214400 bytes")


def test_the_example_is_fine_with_the_secrets_that_make_secrets_writes(build, tmp_path, validator):
    example = EXAMPLE.read_text(encoding="utf-8")
    validator.validate(json.loads(example))
    secrets = tmp_path / "secrets"
    subprocess.run([CHECKOUT / "deploy" / "secrets", secrets], check=True, capture_output=True, timeout=30)
    done = check(build, tmp_path, json.loads(example.replace("/run/secrets/", f"{secrets}/")))
    assert done.returncode == 0, done.stderr
    assert "14 sources" in done.stdout
    compose = (CHECKOUT / "deploy/compose.routes.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"/run/secrets/([\w-]+)", example))
    assert named == {line.split(":")[0].strip() for line in compose.splitlines() if "{file:" in line}


def route(build, *arguments, **settings):
    return run_command(build, ["route", *arguments], settings)


def test_route_says_which_source_a_request_meets_and_what_it_demands(build):
    done = route(build, "PUT", "/internal/orders/7?a=b", "--routes", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "source     internal-orders",
        "path       /internal/orders/*",
        "methods    POST, PUT",
        'verify     hmac, header x-orders-signature, sha256 in hex after "sha256="',
        "id         /order/id in the JSON body, else 400",
        "keep       newest",
        "order      /order/updated_at in the JSON body",
        "max_body   262144 bytes, else 413",
        "rate       50 a second, 200 at once, else 429",
        "query      dropped",
    ]
    done = route(build, "POST", "/stripe", GATEWAY_ROUTES=EXAMPLE)
    assert "verify     stripe, at most 300 s old" in done.stdout.splitlines()
    assert "id         /event_id in the JSON body, else the body's SHA-256" in route(
        build, "POST", "/slack", GATEWAY_ROUTES=EXAMPLE).stdout.splitlines()


def test_route_says_what_each_rule_of_an_id_is_worth(build, tmp_path):
    path = tmp_path / "routes.json"
    rules = [{"header": "webhook-id"}, {"header": "X-Id"}, {"pointer": "/id"}]
    path.write_text(json.dumps({"sources": [source(verify=verify("standard"), id=rules)]}), encoding="utf-8")
    told = route(build, "POST", "/one", "--routes", str(path)).stdout.splitlines()
    assert "id         header webhook-id, else header x-id, else /id in the JSON body, else 400" in told
    assert "keep       newest by header webhook-id, first by header x-id, newest by /id in the JSON body" in told
    path.write_text(json.dumps({"sources": [source(id=[{"header": "X-Id"}, {"body": True}])]}), encoding="utf-8")
    told = route(build, "POST", "/one", "--routes", str(path)).stdout.splitlines()
    assert "id         header x-id, else the body's SHA-256" in told
    assert "keep       newest" in told
    assert "id         header webhook-id, else header idempotency-key, else a fresh UUID" in route(
        build, "POST", "/any").stdout.splitlines()


CHALLENGES = [
    ({"query": "a"}, ("GET", "POST"), "GET or POST with a in the query"),
    ({"header": "X-A", "log": True}, ("GET", "POST"), "GET or POST with the header x-a, written to the log"),
    ({"pointer": "/a"}, ("POST",), "POST with /a in the JSON body"),
    ({"pointer": "/a/b", "if": {"header": "X-Kind", "is": "check"}}, ("POST",),
     "POST with /a/b in the JSON body and the header x-kind: check"),
    ("cloudevents", ("OPTIONS", "POST"), "OPTIONS with the header webhook-request-origin"),
    ("head", ("HEAD", "POST"), "HEAD"),
]


@pytest.mark.parametrize("challenge, methods, told", CHALLENGES)
def test_route_says_which_challenge_is_answered_besides_events(build, tmp_path, challenge, methods, told):
    path = tmp_path / "routes.json"
    path.write_text(json.dumps({"sources": [source(verify={**NONE, "challenge": challenge})]}), encoding="utf-8")
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT"):
        done = route(build, method, "/one", "--routes", str(path))
        assert (done.returncode == 0) == (method in methods), method
        if done.returncode == 0:
            assert {f"challenge  {told}", "methods    POST"} <= set(done.stdout.splitlines())


def test_route_says_why_no_source_takes_a_request(build):
    for method, path, status in (("POST", "/elsewhere", "404 "), ("POST", "/twilio/../stripe", "400 "),
                                 ("GET", "/stripe", "405 ")):
        done = route(build, method, path, "--routes", str(EXAMPLE))
        assert (done.returncode, done.stdout.startswith(status)) == (1, True), done
    assert "methods    POST" in done.stdout.splitlines()
    done = route(build, "GET", "/any//thing")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "source     default")
    assert route(build, "GET").returncode == 64
    assert route(build, "GET", "no-slash").returncode == 64
    done = route(build, "GET", "/", "--routes", "/nowhere/at/all")
    assert (done.returncode, "sluice check" in done.stderr) == (78, True)
