/* SPDX-License-Identifier: MIT */
#include "gateway/sources/routes_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char routes_file[] = "/tmp/sluice-order-XXXXXX";
static struct buf complaints;

static int make_file(void **state)
{
    int file = mkstemp(routes_file);

    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    buf_free(&complaints);
    return unlink(routes_file);
}

/* A table with one source of this scheme and these members. */
static struct routes *read_source(const char *scheme, const char *verify, const char *members)
{
    const struct routes_options options = {.file = routes_file, .label = "routes"};
    FILE *file = fopen(routes_file, "w");

    assert_non_null(file);
    assert_true(
        fprintf(file,
                "{\"sources\":[{\"name\":\"a\",\"path\":\"/a\",\"verify\":{\"scheme\":\"%s\"%s%s},%s}]}",
                scheme, strcmp(scheme, "none") == 0 ? "" : ",\"secrets\":[{\"env\":\"S\"}]", verify,
                members) > 0);
    assert_int_equal(fclose(file), 0);
    buf_clear(&complaints);
    return routes_read(&options, &complaints);
}

static void assert_fine(const char *scheme, const char *verify, const char *members,
                        enum event_order_kind kind, const char *text)
{
    struct routes *r = read_source(scheme, verify, members);

    if (r == NULL) {
        fail_msg("%s", buf_text(&complaints));
        return;
    }
    assert_int_equal(r->sources[0].order.kind, kind);
    if (text != NULL) {
        assert_string_equal(r->sources[0].order.text, text);
    }
    source_release(r);
}

static void assert_refused(const char *scheme, const char *verify, const char *members, const char *hint)
{
    assert_null(read_source(scheme, verify, members));
    if (strstr(buf_text(&complaints), hint) == NULL) {
        fail_msg("%s%s: '%s' does not say '%s'", scheme, members, buf_text(&complaints), hint);
    }
}

#define HEADER(name) "\"order\":{\"header\":\"" name "\"}"
#define CREATED "\"order\":{\"pointer\":\"/created\"}"
#define NEWEST ",\"keep\":\"newest\",\"id\":{\"pointer\":\"/id\"}"
#define UNCOVERED \
    "is not covered by the signature: a captured request could be sent again with a greater order"

static void the_order_is_a_header_or_a_value_of_the_body(void **state)
{
    (void)state;
    assert_fine("none", "", "\"keep\":\"newest\"", EVENT_ORDER_NONE, NULL);
    assert_fine("none", "", HEADER("X-Sequence"), EVENT_ORDER_HEADER, "x-sequence");
    assert_fine("none", "", CREATED, EVENT_ORDER_POINTER, "/created");
    assert_refused("none", "", "\"order\":{}", "order: needs either");
    assert_refused("none", "", "\"order\":1", "order: is not an object");
    assert_refused("none", "", "\"order\":{\"header\":\"X-A\",\"pointer\":\"/a\"}", "order: needs either");
    assert_refused("none", "", "\"order\":{\"pointer\":\"a\"}", "order.pointer: is not a JSON pointer");
    assert_refused("none", "", HEADER("X A"), "order.header: is not a header name");
}

static void a_credential_is_no_order(void **state)
{
    (void)state;
    assert_refused("none", "", HEADER("Authorization"), "holds a credential");
    assert_refused("none", "", HEADER("Cookie"), "holds a credential");
    assert_refused("gitlab", "", HEADER("X-Gitlab-Token") NEWEST, "holds a credential");
    assert_refused("stripe", "", HEADER("Stripe-Signature"), "holds a credential");
}

static void a_header_that_the_signature_does_not_cover_is_refused_by_name(void **state)
{
    static const char *const uncovering[] = {"standard", "github", "stripe", "slack",
                                             "shopify",  "twilio", "meta",   "zoom"};

    (void)state;
    for (size_t i = 0; i < sizeof uncovering / sizeof uncovering[0]; i++) {
        assert_refused(uncovering[i], "", HEADER("X-Sequence") NEWEST, "sources[0].order.header: " UNCOVERED);
    }
    assert_refused("hmac", ",\"header\":\"X-Sum\"", HEADER("X-Sequence") NEWEST, UNCOVERED);
    assert_refused("ed25519", ",\"header\":\"X-Sum\"", HEADER("X-Sequence") NEWEST, "add it to \"signed\"");
    assert_refused("shopify", "", HEADER("X-Shopify-Triggered-At") NEWEST, "use a {\"pointer\": ...}");
}

static void a_signed_header_and_one_beside_a_token_may_be_the_order(void **state)
{
    (void)state;
    assert_fine("standard", "", HEADER("Webhook-Timestamp"), EVENT_ORDER_HEADER, "webhook-timestamp");
    assert_fine("standard", "", HEADER("Svix-Timestamp"), EVENT_ORDER_HEADER, "svix-timestamp");
    assert_fine("slack", "", HEADER("X-Slack-Request-Timestamp"), EVENT_ORDER_HEADER, NULL);
    assert_fine("hmac", ",\"header\":\"X-Sum\",\"signed\":[\"body\",{\"header\":\"X-Sequence\"}]",
                HEADER("X-SEQUENCE") NEWEST, EVENT_ORDER_HEADER, "x-sequence");
    assert_fine("hmac",
                ",\"header\":\"X-Sum\",\"signed\":[\"body\",\"time\"],\"time\":{\"header\":\"X-Time\"}",
                HEADER("X-Time") NEWEST, EVENT_ORDER_HEADER, NULL);
    assert_fine("hmac", ",\"header\":\"X-Sum\",\"signed\":[\"id\",\"body\"]",
                HEADER("X-Id") ",\"keep\":\"newest\",\"id\":{\"header\":\"X-Id\"}", EVENT_ORDER_HEADER, NULL);
    assert_refused("hmac", ",\"header\":\"X-Sum\",\"signed\":[\"body\",{\"header\":\"X-Sequence\"}]",
                   HEADER("X-Other") NEWEST, UNCOVERED);
    assert_fine("bearer", "", HEADER("X-Sequence") NEWEST, EVENT_ORDER_HEADER, NULL);
    assert_fine("gitlab", "", HEADER("X-Sequence") NEWEST, EVENT_ORDER_HEADER, NULL);
}

#define WITHIN(more) ",\"pointer\":\"/s\",\"signed\":[{\"pointer\":\"/a\"}" more "]"

static void a_value_of_the_body_that_the_signature_does_not_cover_is_refused(void **state)
{
    (void)state;
    assert_fine("stripe", "", CREATED, EVENT_ORDER_POINTER, NULL);
    assert_fine("hmac", ",\"header\":\"X-Sum\"", CREATED NEWEST, EVENT_ORDER_POINTER, NULL);
    assert_refused("hmac", WITHIN(""), CREATED NEWEST, "sources[0].order.pointer: " UNCOVERED);
    assert_fine("hmac", WITHIN(",{\"pointer\":\"/created\"}"), CREATED NEWEST, EVENT_ORDER_POINTER, NULL);
    assert_fine("hmac", WITHIN(",\"time\"") ",\"time\":{\"pointer\":\"/created\"}", CREATED NEWEST,
                EVENT_ORDER_POINTER, NULL);
    assert_refused("hmac", WITHIN(",\"time\"") ",\"time\":{\"pointer\":\"/t\"}", CREATED NEWEST, UNCOVERED);
}

static void an_order_needs_a_rule_that_keeps_the_newest(void **state)
{
    (void)state;
    assert_refused("github", "", CREATED,
                   "order: is not used, because the source keeps the first event of each id");
    assert_refused("stripe", "", CREATED ",\"keep\":\"first\"", "is not used");
    assert_fine("stripe", "", CREATED ",\"id\":[{\"pointer\":\"/id\"},{\"header\":\"X-Id\"}]",
                EVENT_ORDER_POINTER, NULL);
    assert_refused("bearer", "", CREATED, "id: is missing"); /* and nothing about the order */
    assert_null(strstr(buf_text(&complaints), "is not used"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_a_header_or_a_value_of_the_body),
        cmocka_unit_test(a_credential_is_no_order),
        cmocka_unit_test(a_header_that_the_signature_does_not_cover_is_refused_by_name),
        cmocka_unit_test(a_signed_header_and_one_beside_a_token_may_be_the_order),
        cmocka_unit_test(a_value_of_the_body_that_the_signature_does_not_cover_is_refused),
        cmocka_unit_test(an_order_needs_a_rule_that_keeps_the_newest),
    };

    return cmocka_run_group_tests_name("routes_order", tests, make_file, remove_file);
}
