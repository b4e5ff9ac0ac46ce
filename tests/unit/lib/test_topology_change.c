/* SPDX-License-Identifier: MIT */
/* What a change of QUEUE_SHARDS does to the ways of an event, step by step, in the order of
 * ctl/setup/declaration: setup may die after any of them. */
#include "topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BINDINGS 64

/* The bindings on a model of the broker. */
struct model {
    struct topology_binding bindings[BINDINGS];
    size_t count;
};

static struct topology built(int64_t shards)
{
    struct topology t;

    assert_int_equal(topology_build(&t, NULL, 0, shards, 0, NULL), ERROR_NONE);
    return t;
}

static bool same(const struct topology_binding *a, const struct topology_binding *b)
{
    return strcmp(a->exchange, b->exchange) == 0 && strcmp(a->to, b->to) == 0 &&
           a->to_exchange == b->to_exchange && strcmp(a->key, b->key) == 0;
}

static void unbind(struct model *m, const struct topology_binding *binding)
{
    for (size_t i = 0; i < m->count; i++) {
        if (same(&m->bindings[i], binding)) {
            m->bindings[i--] = m->bindings[--m->count];
        }
    }
}

static void bind(struct model *m, const struct topology_binding *binding)
{
    unbind(m, binding);
    assert_true(m->count < BINDINGS);
    m->bindings[m->count++] = *binding;
}

static void delete_exchange(struct model *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct topology_binding *b = &m->bindings[i];

        if (strcmp(b->exchange, name) == 0 || (b->to_exchange && strcmp(b->to, name) == 0)) {
            m->bindings[i--] = m->bindings[--m->count];
        }
    }
}

/* What the exchange can't place isn't counted on. */
static bool leads_to_a_queue(const struct model *m, const char *exchange)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct topology_binding *b = &m->bindings[i];

        if (strcmp(b->exchange, exchange) == 0 && (!b->to_exchange || leads_to_a_queue(m, b->to))) {
            return true;
        }
    }
    return false;
}

static void check(const struct model *m)
{
    assert_true(leads_to_a_queue(m, TOPOLOGY_EVENTS));
    assert_true(leads_to_a_queue(m, TOPOLOGY_AGAIN));
}

/* Checks after each step, unless there was nothing before. */
static void change(struct model *m, int64_t shards)
{
    const struct topology t = built(shards);
    bool before = m->count > 0;

    for (size_t i = 0; i < t.binding_count; i++) {
        bind(m, &t.bindings[i]);
        if (before) {
            check(m);
        }
    }
    for (size_t i = 0; i < t.retired_count; i++) {
        unbind(m, &t.retired[i]);
        check(m);
    }
    for (size_t i = 0; i < t.retired_exchange_count; i++) {
        delete_exchange(m, t.retired_exchanges[i]);
        check(m);
    }
}

static void check_is(const struct model *m, int64_t shards)
{
    const struct topology t = built(shards);

    assert_int_equal(m->count, t.binding_count);
    for (size_t i = 0; i < t.binding_count; i++) {
        size_t found = 0;

        for (size_t j = 0; j < m->count; j++) {
            found += same(&t.bindings[i], &m->bindings[j]);
        }
        assert_int_equal(found, 1);
    }
}

static void at_each_step_of_any_change_each_event_has_a_way_to_a_queue(void **state)
{
    (void)state;
    for (int64_t from = 1; from <= TOPOLOGY_SHARDS_MAX; from++) {
        for (int64_t to = 1; to <= TOPOLOGY_SHARDS_MAX; to++) {
            struct model m = {.count = 0};

            change(&m, from);
            change(&m, to);
        }
    }
}

static void any_change_ends_as_if_the_number_had_always_been_that(void **state)
{
    (void)state;
    for (int64_t from = 1; from <= TOPOLOGY_SHARDS_MAX; from++) {
        for (int64_t to = 1; to <= TOPOLOGY_SHARDS_MAX; to++) {
            struct model m = {.count = 0};

            change(&m, from);
            change(&m, to);
            check_is(&m, to);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_each_step_of_any_change_each_event_has_a_way_to_a_queue),
        cmocka_unit_test(any_change_ends_as_if_the_number_had_always_been_that),
    };

    return cmocka_run_group_tests_name("topology_change", tests, NULL, NULL);
}
