/* SPDX-License-Identifier: MIT */
#include "gateway/sources/routes_file.h"

#include "clock.h"
#include "gateway/verify/scheme_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/sluice-routes-XXXXXX";
static char routes_file[64], secret_file[64], empty_file[64];
static struct buf complaints;

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(routes_file, sizeof routes_file, "%s/routes.json", directory);
    (void)snprintf(secret_file, sizeof secret_file, "%s/secret", directory);
    (void)snprintf(empty_file, sizeof empty_file, "%s/empty", directory);
    write_file(secret_file, "a file's secret\n", 16);
    write_file(empty_file, "\n", 1);
    (void)setenv("TEST_SECRET", "a variable's secret", 1);
    (void)setenv("TEST_WELL_KNOWN", "insecure-dev-secret", 1);
    (void)setenv("TEST_NOTHING", "", 1);
    (void)unsetenv("TEST_ABSENT");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(routes_file);
    (void)unlink(secret_file);
    (void)unlink(empty_file);
    buf_free(&complaints);
    return rmdir(directory);
}

static struct routes *read_bytes(const char *text, size_t len, bool secrets)
{
    const struct routes_options options = {
        .file = routes_file, .label = "routes", .secrets = secrets, .max_body = 1 << 20, .delay_us = 0};

    write_file(routes_file, text, len);
    buf_clear(&complaints);
    return routes_read(&options, &complaints);
}

static struct routes *read_text(const char *text)
{
    return read_bytes(text, strlen(text), true);
}

/* Asserts that the file's complaints are exactly these lines. */
static void assert_complaints(const char *text, const char *lines)
{
    struct routes *routes = read_text(text);

    assert_null(routes);
    assert_string_equal(buf_text(&complaints), lines);
}

/* The same for one source with these members besides name and path. */
static void assert_source(const char *members, const char *lines)
{
    struct buf text = {0};

    buf_printf(&text, "{\"sources\":[{\"name\":\"a\",\"path\":\"/a\",%s}]}", members);
    assert_complaints(buf_text(&text), lines);
    buf_free(&text);
}

static struct routes *source(const char *members)
{
    struct buf text = {0};
    struct routes *routes;

    buf_printf(&text, "{\"sources\":[{\"name\":\"a\",\"path\":\"/a\",%s}]}", members);
    routes = read_text(buf_text(&text));
    buf_free(&text);
    if (routes == NULL) {
        print_message("%s", buf_text(&complaints));
    }
    assert_non_null(routes);
    return routes;
}

#define NONE "\"verify\":{\"scheme\":\"none\"}"
#define SECRETS "\"secrets\":[{\"env\":\"TEST_SECRET\"}]"
#define VERIFY(scheme, more) "\"verify\":{\"scheme\":\"" scheme "\"," SECRETS more "}"

static void members_that_a_source_leaves_out_get_the_schemes_defaults(void **state)
{
    struct routes *r = source(VERIFY("github", ""));
    const struct source *s = &r->sources[0];

    (void)state;
    assert_true(r->listed);
    assert_int_equal(r->count, 1);
    assert_true(span_equal(s->name, SPAN_LITERAL("a")));
    assert_string_equal(s->path, "/a");
    assert_false(s->prefix);
    assert_int_equal(s->methods, request_method(SPAN_LITERAL("POST")));
    assert_int_equal(s->verify.scheme, VERIFY_GITHUB);
    assert_int_equal(s->verify.key_count, 1);
    assert_int_equal(s->id[0].kind, EVENT_ID_HEADER);
    assert_string_equal(s->id[0].text, "x-github-delivery");
    assert_int_equal(s->id[0].keep, ENVELOPE_KEEP_FIRST);
    assert_int_equal(s->max_body, 1 << 20);
    assert_int_equal(s->rate.per_second, 0);
    assert_string_equal(s->exchange, "webhooks");
    assert_false(s->drop_query);
    assert_false(s->answers);
    source_release(r);
    r = source(VERIFY("stripe", ""));
    assert_int_equal(r->sources[0].verify.tolerance_s, 300);
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_NEWEST);
    source_release(r);
    r = source(VERIFY("meta", ""));
    assert_int_equal(r->sources[0].methods,
                     request_method(SPAN_LITERAL("POST")) | request_method(SPAN_LITERAL("GET")));
    source_release(r);
}

static void every_member_can_be_set(void **state)
{
    struct routes *r;
    const struct source *s;
    struct buf text = {0};

    (void)state;
    buf_printf(
        &text,
        "{\"$schema\":\"routes.schema.json\",\"sources\":[{\"name\":\"own-1\",\"path\":\"/own/*\","
        "\"methods\":[\"POST\",\"PUT\"],\"verify\":{\"scheme\":\"hmac\",\"header\":\"X-Own-Sum\","
        "\"algorithm\":\"sha512\",\"encoding\":\"base64\",\"prefix\":\"s=\",\"secrets\":[{\"file\":\"%s\"},"
        "{\"env\":\"TEST_SECRET\"}]},\"id\":{\"pointer\":\"/data/id\"},\"keep\":\"newest\","
        "\"max_body\":\"64KiB\",\"rate\":{\"per_second\":50,\"burst\":100},\"delay\":\"60s\","
        "\"drop_query\":true,\"reply\":{\"status\":202,\"type\":\"text/xml\",\"body\":\"<ok/>\"}}]}",
        secret_file);
    r = read_text(buf_text(&text));
    assert_string_equal(buf_text(&complaints), "");
    assert_non_null(r);
    s = &r->sources[0];
    assert_true(s->prefix);
    assert_string_equal(s->path, "/own/");
    assert_int_equal(s->methods, request_method(SPAN_LITERAL("POST")) | request_method(SPAN_LITERAL("PUT")));
    assert_string_equal(s->verify.header, "x-own-sum");
    assert_int_equal(s->verify.algorithm, SECRET_KEY_SHA512);
    assert_int_equal(s->verify.encoding, ENCODING_BASE64);
    assert_string_equal(s->verify.prefix, "s=");
    assert_int_equal(s->verify.key_count, 2);
    assert_int_equal(s->id[0].kind, EVENT_ID_POINTER);
    assert_string_equal(s->id[0].text, "/data/id");
    assert_int_equal(s->id[0].keep, ENVELOPE_KEEP_NEWEST);
    assert_int_equal(s->max_body, 64 << 10);
    assert_int_equal(s->rate.per_second, 50);
    assert_int_equal(s->rate.burst, 100);
    assert_string_equal(s->exchange, "webhooks.delay.60");
    assert_true(delays_has(&r->delays, 60));
    assert_true(s->drop_query);
    assert_true(s->answers);
    assert_int_equal(s->answer.status, 202);
    assert_string_equal(s->answer.type, "text/xml");
    assert_string_equal(s->answer.body, "<ok/>");
    source_release(r);
    buf_free(&text);
}

static void an_unsigned_id_header_makes_first_the_default_of_keep(void **state)
{
    struct routes *r = source(VERIFY("stripe", "") ",\"id\":{\"header\":\"X-Id\"}");

    (void)state;
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_FIRST);
    source_release(r);
    r = source(VERIFY("stripe", "") ",\"id\":{\"header\":\"X-Id\"},\"keep\":\"newest\"");
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_NEWEST);
    source_release(r);
    r = source(VERIFY("stripe", "") ",\"id\":{\"pointer\":\"/data/id\"}");
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_NEWEST);
    source_release(r);
    r = source(VERIFY("stripe", "") ",\"id\":{\"body\":true}");
    assert_int_equal(r->sources[0].id[0].kind, EVENT_ID_BODY);
    source_release(r);
    r = source(NONE ",\"id\":{\"header\":\"X-Id\"}");
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_NEWEST);
    source_release(r);
}

static void a_list_of_rules_keeps_their_order_and_what_each_is_worth(void **state)
{
    static const struct event_id_rule expected[] = {{EVENT_ID_HEADER, "webhook-id", ENVELOPE_KEEP_NEWEST},
                                                    {EVENT_ID_HEADER, "x-id", ENVELOPE_KEEP_FIRST},
                                                    {EVENT_ID_POINTER, "/data/id", ENVELOPE_KEEP_NEWEST},
                                                    {EVENT_ID_BODY, NULL, ENVELOPE_KEEP_NEWEST}};
    const struct event_id_rule *id;
    struct routes *r;

    (void)state;
    assert_int_equal(setenv("TEST_KEY", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", 1), 0);
    r = source("\"verify\":{\"scheme\":\"standard\",\"secrets\":[{\"env\":\"TEST_KEY\"}]},"
               "\"id\":[{\"header\":\"Webhook-Id\"},{\"header\":\"X-Id\"},{\"pointer\":\"/data/"
               "id\"},{\"body\":true}]");
    id = r->sources[0].id;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(id[i].kind, expected[i].kind);
        assert_int_equal(id[i].keep, expected[i].keep);
        assert_true(span_equal(span_of(id[i].text), span_of(expected[i].text)));
    }
    assert_int_equal(id[4].kind, EVENT_ID_END);
    source_release(r);
    r = source(
        VERIFY("stripe", "") ",\"keep\":\"newest\",\"id\":[{\"pointer\":\"/id\"},{\"header\":\"X-Id\"}]");
    assert_int_equal(r->sources[0].id[0].keep, ENVELOPE_KEEP_NEWEST);
    assert_int_equal(r->sources[0].id[1].keep, ENVELOPE_KEEP_NEWEST);
    source_release(r);
    r = source(VERIFY("slack", ""));
    assert_int_equal(r->sources[0].id[0].kind, EVENT_ID_POINTER);
    assert_int_equal(r->sources[0].id[1].kind, EVENT_ID_BODY);
    assert_int_equal(r->sources[0].id[2].kind, EVENT_ID_END);
    source_release(r);
}

static void invalid_json_is_reported_with_its_line(void **state)
{
    char deep[4096];

    (void)state;
    assert_complaints("", "routes: is not valid JSON, in or after line 1\n");
    assert_complaints("{\n\"sources\":\n]}", "routes: is not valid JSON, in or after line 3\n");
    assert_complaints("{\"sources\":[],}", "routes: is not valid JSON, in or after line 1\n");
    assert_complaints("{} {}", "routes: is not valid JSON, in or after line 1\n");
    assert_complaints("{\n\"a\": \"b\n\"}", "routes: is not valid JSON, in or after line 2\n");
    assert_complaints("{\n\"a\": \"b\\\n\"}", "routes: is not valid JSON, in or after line 2\n");
    assert_complaints("{\n\"a\": \"\\u00\n00\"}", "routes: is not valid JSON, in or after line 2\n");
    assert_complaints("{\n\"a\": \"\\ud800\"}\n\n", "routes: is not valid JSON, in or after line 2\n");
    assert_complaints("{\n\"a\": 1}\n\n}", "routes: is not valid JSON, in or after line 4\n");
    assert_complaints("[]", "routes: is not an object\n");
    assert_complaints("{}", "routes: sources: is missing: write a list\n");
    assert_complaints("{\"sources\":{}}", "routes: sources: is not a list\n");
    assert_complaints("{\"sources\":[]}", "routes: sources: has 0 items; 1 to 256 are allowed\n");
    assert_complaints("{\"sources\":\n[{\"name\":\"a\\u0000b\"}]}\n",
                      "routes: is not valid JSON, in or after line 2\n");
    memset(deep, '[', sizeof deep);
    assert_null(read_bytes(deep, sizeof deep, true));
    assert_null(read_bytes("{\"sources\":[]}\0", 15, true));
    (void)unlink(routes_file);
    buf_clear(&complaints);
    assert_null(routes_read(&(struct routes_options){.file = routes_file, .label = "routes"}, &complaints));
    assert_string_equal(buf_text(&complaints), "routes: cannot be read: No such file or directory\n");
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    char *text = calloc(1, ROUTES_FILE_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', ROUTES_FILE_MAX + 1);
    assert_null(read_bytes(text, ROUTES_FILE_MAX + 1, true));
    assert_string_equal(buf_text(&complaints), "routes: is too long: at most 1MiB is read\n");
    free(text);
}

#define NAME_OF_SCHEME(enumerator, name, ...) ", " name
#define NAMES_OF_SCHEMES SCHEMES_WITH_SECRETS(NAME_OF_SCHEME)

static void all_errors_are_reported_at_once_each_with_its_path(void **state)
{
    (void)state;
    assert_complaints(
        "{\"sources\":["
        "{\"name\":\"A\",\"path\":\"a\",\"verify\":{\"scheme\":\"sha3\"},\"nonsense\":1},"
        "7,"
        "{\"name\":\"b\",\"path\":\"/"
        "b\",\"verify\":{\"scheme\":\"stripe\",\"tolerance\":\"-5s\",\"secrets\":[]}},"
        "{\"name\":\"b\",\"path\":\"/b\",\"verify\":{\"scheme\":\"none\"}}"
        "],\"more\":true}",
        "routes: has no member \"more\"; it may have $schema, sources\n"
        "routes: sources[0]: has no member \"nonsense\"; it may have name, path, methods, verify, id, keep, "
        "order, max_body, "
        "rate, delay, drop_query, reply\n"
        "routes: sources[0].name: is not a valid name: use lower-case letters, digits and -, no - first, at "
        "most 63 bytes\n"
        "routes: sources[0].path: doesn't begin with /\n"
        "routes: sources[0].verify.scheme: \"sha3\" is none of: none" NAMES_OF_SCHEMES "\n"
        "routes: sources[1]: is not an object\n"
        "routes: sources[2].verify.tolerance: \"-5s\" is not a whole number with a unit: 1s to 1h\n"
        "routes: sources[2].verify.secrets: has 0 items; 1 to 8 are allowed\n"
        "routes: sources[3].name: is also the name of sources[2]\n"
        "routes: sources[3].path: is also the path of sources[2]\n");
}

static void verification_has_no_default_that_accepts_everything(void **state)
{
    struct buf line = {0};
    struct buf members = {0};

    (void)state;
    assert_source("\"keep\":\"first\"",
                  "routes: sources[0].verify: is missing: name a scheme, or write {\"scheme\": "
                  "\"none\"} to accept unverified requests\n");
    assert_source("\"verify\":{}", "routes: sources[0].verify.scheme: is missing: write text\n");
    assert_source("\"verify\":\"github\"", "routes: sources[0].verify: is not an object\n");
    assert_source("\"verify\":{\"scheme\":\"github\"}",
                  "routes: sources[0].verify.secrets: is missing: write a list\n");
    assert_source(
        "\"verify\":{\"scheme\":\"none\"," SECRETS "}",
        "routes: sources[0].verify.secrets: is not allowed for the scheme none, which checks nothing\n");
    assert_source("\"verify\":{\"scheme\":\"github\",\"secrets\":[\"hunter2\"]}",
                  "routes: sources[0].verify.secrets[0]: is text, but secrets are not allowed in this file; "
                  "write {\"file\": ...} or "
                  "{\"env\": ...}\n");
    assert_source(
        "\"verify\":{\"scheme\":\"github\",\"secrets\":[{\"env\":\"TEST_ABSENT\"},{\"env\":\"TEST_NOTHING\"},"
        "{\"env\":\"TEST_WELL_KNOWN\"},{},{\"file\":\"a\",\"env\":\"b\"},{\"file\":7},{\"value\":\"x\"}]}",
        "routes: sources[0].verify.secrets[0].env: TEST_ABSENT is not set\n"
        "routes: sources[0].verify.secrets[1].env: TEST_NOTHING is empty\n"
        "routes: sources[0].verify.secrets[2]: is a publicly known development secret; `make secrets` writes "
        "real ones\n"
        "routes: sources[0].verify.secrets[3]: needs either \"file\" or \"env\"\n"
        "routes: sources[0].verify.secrets[4]: needs either \"file\" or \"env\"\n"
        "routes: sources[0].verify.secrets[5].file: is not text\n"
        "routes: sources[0].verify.secrets[6]: has no member \"value\"; it may have file, env\n"
        "routes: sources[0].verify.secrets[6]: needs either \"file\" or \"env\"\n");
    buf_printf(&members,
               "\"verify\":{\"scheme\":\"github\",\"secrets\":[{\"file\":\"%s\"},{\"file\":\"%s/absent\"}]}",
               empty_file, directory);
    buf_printf(
        &line,
        "routes: sources[0].verify.secrets[0].file: %s is empty\n"
        "routes: sources[0].verify.secrets[1].file: %s/absent cannot be read: No such file or directory\n",
        empty_file, directory);
    assert_source(buf_text(&members), buf_text(&line));
    buf_free(&members);
    buf_free(&line);
    assert_source(VERIFY("github", ",\"tolerance\":\"300s\""),
                  "routes: sources[0].verify.tolerance: is not allowed for the scheme github, which has no "
                  "timestamp\n");
    assert_source(VERIFY("stripe", ",\"tolerance\":\"0\""),
                  "routes: sources[0].verify.tolerance: \"0\" is out of range: 1s to 1h\n");
    assert_source(VERIFY("stripe", ",\"tolerance\":300"),
                  "routes: sources[0].verify.tolerance: is not a duration as text, as \"10s\"\n");
    assert_source(VERIFY("stripe", ",\"tolerance\":\"1500ms\""),
                  "routes: sources[0].verify.tolerance: is not a whole number of seconds\n");
    assert_source(
        VERIFY("github", ",\"header\":\"X\",\"user\":\"u\",\"verify_token\":{\"env\":\"TEST_SECRET\"}"),
        "routes: sources[0].verify.header: is not allowed for the scheme github\n"
        "routes: sources[0].verify.user: is not allowed for the scheme github\n"
        "routes: sources[0].verify.verify_token: is not allowed for the scheme github\n");
    assert_source(
        VERIFY("hmac", ",\"algorithm\":\"md5\",\"encoding\":\"rot13\""),
        "routes: sources[0].verify.algorithm: \"md5\" is none of: sha256, sha1, sha512\n"
        "routes: sources[0].verify.encoding: \"rot13\" is none of: hex, base64, base64url\n"
        "routes: sources[0].verify.header: is missing: write the header with the signature, or \"pointer\" "
        "for a signature within the body\n"
        "routes: sources[0].id: is missing: the scheme hmac has no default for it\n");
    assert_source(VERIFY("basic", "") ",\"id\":{\"body\":true}",
                  "routes: sources[0].verify.user: is missing: the scheme basic requires it\n");
    assert_source(
        VERIFY("meta", ",\"verify_token\":\"inline\""),
        "routes: sources[0].verify.verify_token: is text, but secrets are not allowed in this file; write "
        "{\"file\": ...} or "
        "{\"env\": ...}\n");
    assert_source(VERIFY("github", ",\"scheme\":\"none\""),
                  "routes: sources[0].verify: has \"scheme\" twice\n");
    assert_source(
        VERIFY("standard", ""),
        "routes: sources[0].verify.secrets[0]: the secret is not base64 after an optional whsec_ or whpk_\n");
}

static void an_id_has_one_rule_and_is_never_a_credential(void **state)
{
    (void)state;
    assert_source(VERIFY("bearer", ""),
                  "routes: sources[0].id: is missing: the scheme bearer has no default for it\n");
    assert_source(NONE ",\"id\":{}",
                  "routes: sources[0].id: needs one of \"header\", \"pointer\" and \"body\"\n");
    assert_source(NONE ",\"id\":{\"header\":\"a\",\"body\":true}",
                  "routes: sources[0].id: needs one of \"header\", \"pointer\" and \"body\"\n");
    assert_source(NONE ",\"id\":{\"body\":false}",
                  "routes: sources[0].id.body: is false: remove it, or use \"header\" or \"pointer\"\n");
    assert_source(NONE ",\"id\":{\"body\":\"yes\"}", "routes: sources[0].id.body: is not true or false\n");
    assert_source(NONE ",\"id\":{\"header\":\"two words\"}",
                  "routes: sources[0].id.header: is not a header name\n");
    assert_source(NONE ",\"id\":{\"header\":\"\"}",
                  "routes: sources[0].id.header: has 0 bytes; 1 to 255 are allowed\n");
    assert_source(NONE ",\"id\":{\"pointer\":\"id\"}",
                  "routes: sources[0].id.pointer: is not a JSON pointer: it doesn't begin with /\n");
    assert_source(VERIFY("bearer", "") ",\"id\":{\"header\":\"Authorization\"}",
                  "routes: sources[0].id.header: holds a credential, which cannot be the id\n");
    assert_source(VERIFY("github", "") ",\"id\":{\"header\":\"X-Hub-Signature-256\"}",
                  "routes: sources[0].id.header: holds a credential, which cannot be the id\n");
    assert_source(NONE ",\"id\":{\"header\":\"cookie\"}",
                  "routes: sources[0].id.header: holds a credential, which cannot be the id\n");
}

static void every_rule_of_a_list_is_checked(void **state)
{
    (void)state;
    assert_source(NONE ",\"id\":[]", "routes: sources[0].id: has 0 items; 1 to 8 are allowed\n");
    assert_source(
        NONE ",\"id\":[{\"body\":true},{\"header\":\"X-Id\"}]",
        "routes: sources[0].id[0]: always fits, so the rules after it are never used: write it last\n");
    assert_source(
        VERIFY("github", "") ",\"id\":[{\"pointer\":\"id\"},{\"header\":\"X-Hub-Signature-256\"},7]",
        "routes: sources[0].id[0].pointer: is not a JSON pointer: it doesn't begin with /\n"
        "routes: sources[0].id[1].header: holds a credential, which cannot be the id\n"
        "routes: sources[0].id[2]: is not an object\n");
}

static void the_type_and_range_of_every_other_member_are_checked(void **state)
{
    (void)state;
    assert_source(NONE ",\"methods\":[]", "routes: sources[0].methods: has 0 items; 1 to 7 are allowed\n");
    assert_source(
        NONE ",\"methods\":[\"post\",\"GET\",\"GET\",4]",
        "routes: sources[0].methods[0]: \"post\" is none of: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\n"
        "routes: sources[0].methods[2]: \"GET\" is listed twice\n"
        "routes: sources[0].methods[3]: is not text\n");
    assert_source(NONE ",\"keep\":\"last\"", "routes: sources[0].keep: \"last\" is none of: newest, first\n");
    assert_source(NONE ",\"max_body\":\"65MiB\"",
                  "routes: sources[0].max_body: \"65MiB\" is out of range: 0 to 64MiB\n");
    assert_source(NONE ",\"max_body\":1024",
                  "routes: sources[0].max_body: is not a size as text, as \"64KiB\"\n");
    assert_source(NONE ",\"rate\":{\"per_second\":0,\"burst\":1.5}",
                  "routes: sources[0].rate.per_second: is 0; whole numbers from 1 to 100000 are allowed\n"
                  "routes: sources[0].rate.burst: is 1.5; whole numbers from 1 to 100000 are allowed\n");
    assert_source(NONE ",\"rate\":{}", "routes: sources[0].rate.per_second: is missing: write a number\n");
    assert_source(
        NONE ",\"rate\":{\"per_second\":1e300}",
        "routes: sources[0].rate.per_second: is 1e+300; whole numbers from 1 to 100000 are allowed\n");
    assert_source(NONE ",\"delay\":\"1500ms\"",
                  "routes: sources[0].delay: is not a whole number of seconds\n");
    assert_source(NONE ",\"delay\":\"25h\"", "routes: sources[0].delay: \"25h\" is out of range: 0 to 1d\n");
    assert_source(NONE ",\"drop_query\":1", "routes: sources[0].drop_query: is not true or false\n");
    assert_source(NONE ",\"reply\":{\"status\":301}",
                  "routes: sources[0].reply.status: does not tell senders that the event is stored: use 200, "
                  "201, 202 or 204\n");
    assert_source(NONE ",\"reply\":{}", "routes: sources[0].reply.status: is missing: write a number\n");
    assert_source(NONE ",\"reply\":{\"status\":204,\"body\":\"x\"}",
                  "routes: sources[0].reply.body: is not allowed with this status, which has no body\n");
    assert_source(NONE ",\"reply\":{\"status\":200,\"type\":\"a\\r\\nb\"}",
                  "routes: sources[0].reply.type: holds a byte that is not allowed in a header\n");
}

static void ambiguous_paths_are_refused_in_the_file(void **state)
{
    static const char *const wrong[] = {"/a?b", "/a#b",  "/a b",    "/caf\xc3\xa9", "/a*",    "/a/*/b",
                                        "/*/*", "/a//b", "/a/../b", "/%2e",         "/a/./b", "/a/.."};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf text = {0};

        buf_printf(&text, "{\"sources\":[{\"name\":\"a\",\"path\":\"%s\"," NONE "}]}", wrong[i]);
        assert_null(read_text(buf_text(&text)));
        assert_non_null(strstr(buf_text(&complaints), "routes: sources[0].path: "));
        buf_free(&text);
    }
}

static void there_are_at_most_as_many_delays_as_setup_declares(void **state)
{
    struct buf text = {0};

    (void)state;
    buf_append_text(&text, "{\"sources\":[");
    for (int i = 1; i <= TOPOLOGY_DELAYS_MAX + 1; i++) {
        buf_printf(&text, "%s{\"name\":\"s%d\",\"path\":\"/%d\"," NONE ",\"delay\":\"%ds\"}",
                   i > 1 ? "," : "", i, i, i);
    }
    buf_append_text(&text, "]}");
    assert_complaints(
        buf_text(&text),
        "routes: sources[8].delay: is one delay too many: at most 8 different delays are allowed\n");
    buf_free(&text);
}

static void without_reading_secrets_a_file_can_be_checked_anywhere(void **state)
{
    static const char text[] =
        "{\"sources\":[{\"name\":\"a\",\"path\":\"/a\",\"verify\":{\"scheme\":\"github\","
        "\"secrets\":[{\"file\":\"/nowhere/at/all\"},{\"env\":\"TEST_ABSENT\"}]}}]}";
    struct routes *r = read_bytes(text, sizeof text - 1, false);

    (void)state;
    assert_non_null(r);
    assert_int_equal(r->sources[0].verify.key_count, 0);
    source_release(r);
    assert_null(read_bytes(text, sizeof text - 1, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_that_a_source_leaves_out_get_the_schemes_defaults),
        cmocka_unit_test(every_member_can_be_set),
        cmocka_unit_test(an_unsigned_id_header_makes_first_the_default_of_keep),
        cmocka_unit_test(a_list_of_rules_keeps_their_order_and_what_each_is_worth),
        cmocka_unit_test(invalid_json_is_reported_with_its_line),
        cmocka_unit_test(a_file_that_is_too_long_is_refused),
        cmocka_unit_test(all_errors_are_reported_at_once_each_with_its_path),
        cmocka_unit_test(verification_has_no_default_that_accepts_everything),
        cmocka_unit_test(an_id_has_one_rule_and_is_never_a_credential),
        cmocka_unit_test(every_rule_of_a_list_is_checked),
        cmocka_unit_test(the_type_and_range_of_every_other_member_are_checked),
        cmocka_unit_test(ambiguous_paths_are_refused_in_the_file),
        cmocka_unit_test(there_are_at_most_as_many_delays_as_setup_declares),
        cmocka_unit_test(without_reading_secrets_a_file_can_be_checked_anywhere),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
