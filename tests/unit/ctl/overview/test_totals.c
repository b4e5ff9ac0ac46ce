/* SPDX-License-Identifier: MIT */
#include "ctl/overview/totals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ACCEPTED(name, n) "sluice_gateway_source_accepted_total{source=\"" name "\"} " #n "\n"
#define REFUSED(name, cause, n) \
    "sluice_gateway_source_refused_total{source=\"" name "\",cause=\"" cause "\"} " #n "\n"

static const char gateway_1[] =
    "process_start_time_seconds 100\nsluice_gateway_replies_total{outcome=\"queued\"} 5\n"
    "sluice_gateway_replies_total{outcome=\"away\"} 2\nsluice_gateway_replies_total{outcome=\"unverified\"} "
    "1\n"
    "sluice_gateway_replies_total{outcome=\"challenge\"} 9\nsluice_log_dropped_total 3\n"
    "sluice_gateway_certificate_expiry_timestamp_seconds 900\n" ACCEPTED("git", 5)
        REFUSED("git", "unverified", 1) REFUSED(
            "git", "away", 0) "sluice_gateway_source_last_accepted_timestamp_seconds{source=\"git\"} 300\n"
                              "sluice_gateway_source_last_refused_timestamp_seconds{source=\"git\"} 200\n";
static const char gateway_2[] =
    "process_start_time_seconds 90\nsluice_gateway_replies_total{outcome=\"queued\"} 7\n"
    "sluice_gateway_replies_total{outcome=\"busy\"} 1\n"
    "sluice_gateway_certificate_expiry_timestamp_seconds 800\n" ACCEPTED("ace", 3) ACCEPTED("git", 4) REFUSED(
        "git", "unverified", 2) "sluice_gateway_source_last_accepted_timestamp_seconds{source=\"git\"} 250\n";
static const char worker[] =
    "process_start_time_seconds 10\nsluice_worker_events_total{outcome=\"stored\"} 8\n"
    "sluice_worker_events_total{outcome=\"replaced\"} 2\n"
    "sluice_worker_events_total{outcome=\"unchanged\"} 1\n"
    "sluice_worker_events_total{outcome=\"dead\"} 4\nsluice_worker_unacked 6\n"
    "sluice_worker_braked 1\nsluice_worker_paused 1\nsluice_worker_standby 0\n"
    "sluice_worker_oldest_event_timestamp_seconds 50\n";

static void counters_are_summed_up_and_of_times_the_first_or_last_counts(void **state)
{
    struct totals t = {0};

    (void)state;
    totals_add(&t, span_of(gateway_1));
    totals_add(&t, span_of(gateway_2));
    totals_add(&t, span_of(worker));
    assert_true(t.accepted == 12 && t.refused == 4 && t.unavailable == 3);
    assert_true(t.stored == 11 && t.dead == 4 && t.unacked == 6);
    assert_true(t.braked == 1 && t.paused == 1 && t.standby == 0 && t.log_dropped == 3);
    assert_true(t.oldest_event_s == 50 && t.certificate_s == 800);
    assert_true(t.started_s == 90); /* of the gateways only */
    assert_true(t.generation == 200);
    assert_int_equal(t.source_count, 2);
    assert_string_equal(t.sources[0].name, "ace");
    assert_true(t.sources[0].accepted == 3 && t.sources[0].last_accepted_s == 0);
    assert_true(totals_source(&t, "git")->accepted == 9 && totals_source(&t, "git")->refused == 3);
    assert_true(totals_source(&t, "git")->last_accepted_s == 300);
    assert_true(totals_source(&t, "git")->last_refused_s == 200);
    assert_null(totals_source(&t, "other"));
    totals_free(&t);
    assert_int_equal(t.source_count, 0);
}

static void assert_cause(const char *before, const char *between, const char *now, const char *cause)
{
    struct totals looks[3] = {0};
    const char *const texts[] = {before, between, now};

    for (size_t i = 0; i < 3; i++) {
        totals_add(&looks[i], span_of(texts[i]));
        totals_find_causes(&looks[i], i == 0 ? NULL : &looks[i - 1]);
    }
    assert_string_equal(totals_source(&looks[2], "git")->cause, cause);
    for (size_t i = 0; i < 3; i++) {
        totals_free(&looks[i]);
    }
}

static void the_cause_is_the_commonest_since_the_look_before(void **state)
{
    static const char none[] = REFUSED("git", "away", 0);
    static const char mostly_away[] = REFUSED("git", "away", 9) REFUSED("git", "unverified", 2);
    static const char more_unverified[] = REFUSED("git", "away", 9) REFUSED("git", "unverified", 3);

    (void)state;
    assert_cause(none, none, none, "");
    assert_cause(none, none, mostly_away, "away");
    assert_cause(none, mostly_away, mostly_away, "away");
    assert_cause(none, mostly_away, more_unverified, "unverified");
    assert_cause(mostly_away, more_unverified, more_unverified, "unverified");
    assert_cause(more_unverified, none, mostly_away, "away");
}

static void many_sources_and_causes_are_kept_in_order(void **state)
{
    struct totals t = {0};
    char line[128];

    (void)state;
    for (int i = 199; i >= 0; i--) {
        (void)snprintf(line, sizeof line, REFUSED("s%03d", "c%d", 1), i, i);
        totals_add(&t, span_of(line));
        (void)snprintf(line, sizeof line, REFUSED("all", "c%d", 1), i);
        totals_add(&t, span_of(line));
    }
    assert_int_equal(t.source_count, 201);
    assert_string_equal(t.sources[0].name, "all");
    assert_string_equal(t.sources[200].name, "s199");
    assert_int_equal(t.sources[0].cause_count, TOTALS_CAUSES_MAX);
    assert_true(t.sources[0].refused == 200);
    totals_free(&t);
}

static void rows_without_a_source_are_no_source(void **state)
{
    struct totals t = {0};

    (void)state;
    totals_add(&t, SPAN_LITERAL("sluice_gateway_source_accepted_total 5\nsluice_gateway_replies_total 3\n"));
    assert_int_equal(t.source_count, 0);
    assert_true(t.refused == 0 && t.accepted == 0);
    totals_free(&t);
}

static void the_replies_with_503_are_known(void **state)
{
    (void)state;
    assert_true(totals_is_unavailable("away"));
    assert_true(totals_is_unavailable("crowded"));
    assert_false(totals_is_unavailable("draining"));
    assert_false(totals_is_unavailable("unverified"));
    assert_false(totals_is_unavailable("queued"));
    assert_false(totals_is_unavailable("of a later release"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed_up_and_of_times_the_first_or_last_counts),
        cmocka_unit_test(the_cause_is_the_commonest_since_the_look_before),
        cmocka_unit_test(many_sources_and_causes_are_kept_in_order),
        cmocka_unit_test(rows_without_a_source_are_no_source),
        cmocka_unit_test(the_replies_with_503_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
