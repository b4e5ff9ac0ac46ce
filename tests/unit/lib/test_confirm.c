/* SPDX-License-Identifier: MIT */
#include "confirm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 64
#define TICKETS 4096

/* The outcome of one ticket, and how often it settled. A ticket is a pointer to one of these. */
struct fate {
    int times;
    enum confirm_outcome outcome;
};

static struct fate fates[TICKETS];

static void on_done(void *context, void *ticket, enum confirm_outcome outcome)
{
    struct fate *f = ticket;

    assert_ptr_equal(context, fates);
    f->times++;
    f->outcome = outcome;
}

static void on_visit(void *ticket)
{
    struct fate *f = ticket;

    f->times += 100;
}

static struct confirm with_published(size_t count)
{
    struct confirm c;

    memset(fates, 0, sizeof fates);
    confirm_init(&c, MOST, on_done, fates);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(confirm_add(&c, &fates[i + 1], (int64_t)(100 + i)), i + 1);
    }
    return c;
}

static void end(struct confirm *c)
{
    confirm_lose(c);
    confirm_free(c);
}

static void each_unsettled_ticket_is_shown_and_stays_unsettled(void **state)
{
    struct confirm c = with_published(4);

    (void)state;
    assert_true(confirm_settle(&c, 1, false, true));
    assert_true(confirm_settle(&c, 3, false, true));
    confirm_each(&c, on_visit);
    assert_int_equal(fates[1].times, 1);
    assert_int_equal(fates[2].times, 100);
    assert_int_equal(fates[3].times, 1);
    assert_int_equal(fates[4].times, 100);
    assert_true(confirm_settle(&c, 4, true, true));
    assert_int_equal(fates[2].times, 101);
    assert_int_equal(fates[4].times, 101);
    end(&c);
}

static void an_ack_settles_its_own_message_only(void **state)
{
    struct confirm c = with_published(3);

    (void)state;
    assert_true(confirm_settle(&c, 2, false, true));
    assert_int_equal(fates[2].outcome, CONFIRM_STORED);
    assert_int_equal(fates[1].times + fates[3].times, 0);
    assert_int_equal(c.outstanding, 2);
    end(&c);
}

static void a_multiple_ack_settles_all_up_to_it_once(void **state)
{
    struct confirm c = with_published(4);

    (void)state;
    assert_true(confirm_settle(&c, 2, false, false));
    assert_true(confirm_settle(&c, 3, true, true));
    assert_int_equal(fates[1].outcome, CONFIRM_STORED);
    assert_int_equal(fates[2].outcome, CONFIRM_REFUSED);
    assert_int_equal(fates[2].times, 1);
    assert_int_equal(fates[4].times, 0);
    assert_true(confirm_settle(&c, 0, true, true));
    assert_int_equal(fates[4].outcome, CONFIRM_STORED);
    end(&c);
}

static void a_returned_message_is_never_stored_although_it_is_acked(void **state)
{
    struct confirm c = with_published(2);

    (void)state;
    assert_true(confirm_returned(&c, 1));
    assert_true(confirm_settle(&c, 2, true, true));
    assert_int_equal(fates[1].outcome, CONFIRM_RETURNED);
    assert_int_equal(fates[2].outcome, CONFIRM_STORED);
    end(&c);
}

static void a_confirm_of_nothing_outstanding_is_refused(void **state)
{
    struct confirm c = with_published(2);

    (void)state;
    assert_false(confirm_settle(&c, 3, false, true));
    assert_false(confirm_settle(&c, 3, true, true));
    assert_true(confirm_settle(&c, 1, false, true));
    assert_false(confirm_settle(&c, 1, false, true));
    assert_false(confirm_settle(&c, 0, false, true));
    assert_false(confirm_returned(&c, 1));
    assert_false(confirm_returned(&c, 3));
    assert_int_equal(fates[1].times, 1);
    end(&c);
}

static void a_lost_connection_settles_everything_and_numbers_from_one(void **state)
{
    struct confirm c = with_published(20);

    (void)state;
    assert_true(confirm_settle(&c, 5, false, true));
    confirm_lose(&c);
    for (size_t i = 1; i <= 20; i++) {
        assert_int_equal(fates[i].times, 1);
        assert_int_equal(fates[i].outcome, i == 5 ? CONFIRM_STORED : CONFIRM_LOST);
    }
    assert_int_equal(c.outstanding, 0);
    assert_int_equal(confirm_add(&c, &fates[21], 1), 1);
    end(&c);
}

static void the_age_of_the_oldest_unsettled_is_known(void **state)
{
    struct confirm c = with_published(3);

    (void)state;
    assert_int_equal(confirm_oldest_us(&c), 100);
    assert_true(confirm_settle(&c, 1, false, true));
    assert_true(confirm_settle(&c, 3, false, true));
    assert_int_equal(confirm_oldest_us(&c), 101);
    assert_true(confirm_settle(&c, 2, false, true));
    assert_int_equal(confirm_oldest_us(&c), INT64_MAX);
    end(&c);
}

static void it_grows_to_its_bound_and_no_further(void **state)
{
    struct confirm c = with_published(MOST);

    (void)state;
    assert_int_equal(confirm_add(&c, &fates[100], 1), 0);
    assert_true(confirm_settle(&c, 2, false, true));
    assert_int_equal(confirm_add(&c, &fates[100], 1), 0); /* the oldest is unsettled: the ring is full */
    assert_true(confirm_settle(&c, 1, false, true));
    assert_int_equal(confirm_add(&c, &fates[100], 1), MOST + 1);
    end(&c);
}

/* The model: a plain list of the outstanding messages. */
struct model {
    struct {
        uint64_t number;
        struct fate *ticket;
        bool returned;
    } list[MOST];
    size_t count;
    uint64_t next;
    struct fate expected[TICKETS];
};

static void model_remove(struct model *m, size_t at, enum confirm_outcome outcome)
{
    struct fate *f = &m->expected[m->list[at].ticket - fates];

    f->times++;
    f->outcome = outcome == CONFIRM_STORED && m->list[at].returned ? CONFIRM_RETURNED : outcome;
    m->count--;
    memmove(&m->list[at], &m->list[at + 1], (m->count - at) * sizeof m->list[0]);
}

static bool model_settle(struct model *m, uint64_t tag, bool multiple, bool stored)
{
    bool found = false;

    if (tag == 0 && multiple) {
        tag = m->next - 1;
    }
    if (tag >= m->next) {
        return false;
    }
    for (size_t at = 0; at < m->count;) {
        if (m->list[at].number == tag || (multiple && m->list[at].number < tag)) {
            model_remove(m, at, stored ? CONFIRM_STORED : CONFIRM_REFUSED);
            found = true;
        } else {
            at++;
        }
    }
    return found || multiple;
}

static bool model_return(struct model *m, uint64_t number)
{
    for (size_t at = 0; at < m->count; at++) {
        if (m->list[at].number == number) {
            return m->list[at].returned = true;
        }
    }
    return false;
}

static uint64_t model_add(struct model *m, struct fate *ticket)
{
    if (m->count > 0 && m->next - m->list[0].number == MOST) {
        return 0;
    }
    m->list[m->count].number = m->next;
    m->list[m->count].ticket = ticket;
    m->list[m->count++].returned = false;
    return m->next++;
}

static void model_lose(struct model *m)
{
    while (m->count > 0) {
        model_remove(m, 0, CONFIRM_LOST);
    }
    m->next = 1;
}

static void any_sequence_of_events_ends_as_in_the_model(void **state)
{
    static struct model m;

    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct confirm c = with_published(0);
        size_t used = 0;

        memset(&m, 0, sizeof m);
        m.next = 1;
        srand(seed);
        for (int step = 0; step < 2000 && used < TICKETS; step++) {
            int what = rand() % 100;
            uint64_t number = m.next > 70 ? m.next - (uint64_t)(rand() % 70) : (uint64_t)(rand() % 75);
            bool multiple = rand() % 4 == 0, stored = rand() % 5 != 0;

            if (what < 60) {
                uint64_t added = model_add(&m, &fates[used]);

                assert_int_equal(confirm_add(&c, &fates[used], step), added);
                used += added != 0;
            } else if (what < 90) {
                assert_int_equal(confirm_settle(&c, number, multiple, stored),
                                 model_settle(&m, number, multiple, stored));
            } else if (what < 99) {
                assert_int_equal(confirm_returned(&c, number), model_return(&m, number));
            } else {
                confirm_lose(&c);
                model_lose(&m);
            }
            assert_int_equal(c.outstanding, m.count);
        }
        confirm_lose(&c);
        model_lose(&m);
        assert_memory_equal(fates, m.expected, sizeof fates);
        confirm_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_unsettled_ticket_is_shown_and_stays_unsettled),
        cmocka_unit_test(an_ack_settles_its_own_message_only),
        cmocka_unit_test(a_multiple_ack_settles_all_up_to_it_once),
        cmocka_unit_test(a_returned_message_is_never_stored_although_it_is_acked),
        cmocka_unit_test(a_confirm_of_nothing_outstanding_is_refused),
        cmocka_unit_test(a_lost_connection_settles_everything_and_numbers_from_one),
        cmocka_unit_test(the_age_of_the_oldest_unsettled_is_known),
        cmocka_unit_test(it_grows_to_its_bound_and_no_further),
        cmocka_unit_test(any_sequence_of_events_ends_as_in_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
