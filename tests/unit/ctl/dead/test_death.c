/* SPDX-License-Identifier: MIT */
#include "ctl/dead/death.h"

#include "field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Appends an entry as RabbitMQ writes it, with other members in between. */
static void put_death(struct buf *out, const char *queue, const char *reason, int64_t at_s)
{
    size_t begin;

    buf_append_char(out, 'F');
    begin = field_begin_table(out);
    field_put_number(out, "count", 1);
    field_put_text(out, SPAN_LITERAL("reason"), span_of(reason));
    field_put_text(out, SPAN_LITERAL("queue"), span_of(queue));
    if (at_s > 0) {
        field_put_short_string(out, SPAN_LITERAL("time"));
        buf_append_char(out, 'T');
        field_put_integer(out, (uint64_t)at_s, 8);
    }
    field_put_text(out, SPAN_LITERAL("exchange"), SPAN_LITERAL(""));
    field_end_table(out, begin);
}

static void check_reason(struct span deaths, const char *expected)
{
    struct buf out = {0};

    death_append_reason(&out, deaths, "work");
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void the_entry_of_the_queue_is_told_wherever_it_stands(void **state)
{
    struct buf deaths = {0};

    (void)state;
    put_death(&deaths, "wait", "expired", 1763900000);
    check_reason(buf_span(&deaths), "the broker gave it up: expired in wait at 2025-11-23 12:13:20 UTC");
    put_death(&deaths, "work", "delivery_limit", 0);
    put_death(&deaths, "other", "expired", 0);
    check_reason(buf_span(&deaths), "the broker gave it up: delivery_limit in work");
    buf_free(&deaths);
}

static void the_entry_of_one_of_the_queues_shards_is_told_as_well(void **state)
{
    struct buf deaths = {0};

    (void)state;
    put_death(&deaths, "workshop", "expired", 0);
    put_death(&deaths, "work.3", "delivery_limit", 0);
    check_reason(buf_span(&deaths), "the broker gave it up: delivery_limit in work.3");
    buf_free(&deaths);
}

static void what_tells_no_reason_is_said_to_tell_none(void **state)
{
    static const char none[] = "the broker gave it up and doesn't say why";
    struct buf deaths = {0};

    (void)state;
    check_reason((struct span){"", 0}, none);
    check_reason((struct span){"t\1", 2}, none);
    put_death(&deaths, "work", "", 1);
    check_reason(buf_span(&deaths), none);
    buf_clear(&deaths);
    put_death(&deaths, "work", "\xff", 1);
    check_reason(buf_span(&deaths), none);
    buf_free(&deaths);
}

static void long_names_are_cut_at_a_character(void **state)
{
    struct buf deaths = {0}, expected = {0};
    char reason[103], queue[301];

    (void)state;
    memset(reason, 'r', 99);
    memcpy(reason + 99, "\xc3\xa9", 3);
    memset(queue, 'q', sizeof queue - 1);
    queue[sizeof queue - 1] = '\0';
    put_death(&deaths, queue, reason, 0);
    buf_printf(&expected, "the broker gave it up: %.99s in %.100s", reason, queue);
    check_reason(buf_span(&deaths), buf_text(&expected));
    buf_free(&expected);
    buf_free(&deaths);
}

static void any_bytes_are_safe(void **state)
{
    struct buf deaths = {0};

    (void)state;
    put_death(&deaths, "work", "delivery_limit", 1763900000);
    for (size_t len = 0; len < deaths.len; len++) {
        struct buf out = {0};
        char *cut = malloc(len == 0 ? 1 : len);

        assert_non_null(cut);
        memcpy(cut, deaths.data, len);
        death_append_reason(&out, (struct span){cut, len}, "work");
        assert_true(out.len > 0);
        buf_free(&out);
        free(cut);
    }
    buf_free(&deaths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_entry_of_the_queue_is_told_wherever_it_stands),
        cmocka_unit_test(the_entry_of_one_of_the_queues_shards_is_told_as_well),
        cmocka_unit_test(what_tells_no_reason_is_said_to_tell_none),
        cmocka_unit_test(long_names_are_cut_at_a_character),
        cmocka_unit_test(any_bytes_are_safe),
    };

    return cmocka_run_group_tests_name("death", tests, NULL, NULL);
}
