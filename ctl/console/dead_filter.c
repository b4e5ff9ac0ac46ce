/* SPDX-License-Identifier: MIT */
#include "dead_filter.h"

#include "html.h"

#include <string.h>

/* One row for each part of a filter. */
static const struct {
    const char *name, *option, *words;
    size_t offset;
} parts[] = {
    {"source", "--source", "source", offsetof(struct deadfilter, source)},
    {"verdict", "--verdict", "verdict", offsetof(struct deadfilter, verdict)},
    {"sqlstate", "--sqlstate", "SQLSTATE", offsetof(struct deadfilter, sqlstate)},
    {"reason", "--reason", "reason", offsetof(struct deadfilter, reason)},
    {"id", "--id", "id", offsetof(struct deadfilter, id)},
    {"dead-id", "--dead-id", "number", offsetof(struct deadfilter, dead_ids)},
};
#define PARTS (sizeof parts / sizeof parts[0])

static const char *value_of(const struct deadfilter *filter, size_t part)
{
    const char *value;

    memcpy(&value, (const char *)filter + parts[part].offset, sizeof(value));
    return value;
}

void dead_filter_read(const struct query *query, struct deadfilter *filter)
{
    const char *all = query_get(query, "all");

    *filter = (struct deadfilter)DEADFILTER_ANY;
    for (size_t i = 0; i < PARTS; i++) {
        const char *value = query_get(query, parts[i].name);

        memcpy((char *)filter + parts[i].offset, &value, sizeof(value));
    }
    filter->all = all != NULL && strcmp(all, "1") == 0;
}

void dead_filter_append_url(const struct deadfilter *filter, struct buf *url)
{
    for (size_t i = 0; i < PARTS; i++) {
        query_append(url, parts[i].name, value_of(filter, i));
    }
    query_append(url, "all", filter->all ? "1" : NULL);
}

void dead_filter_append_fields(const struct deadfilter *filter, struct buf *out)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (value_of(filter, i) != NULL) {
            html_print(out, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", parts[i].name,
                       value_of(filter, i));
        }
    }
    if (filter->all) {
        buf_append_text(out, "<input type=\"hidden\" name=\"all\" value=\"1\">\n");
    }
}

void dead_filter_append_words(const struct deadfilter *filter, struct buf *out)
{
    bool first = true;

    for (size_t i = 0; i < PARTS; i++) {
        if (value_of(filter, i) != NULL) {
            html_print(out, "%s%s %s", first ? "" : ", ", parts[i].words, value_of(filter, i));
            first = false;
        }
    }
    if (first) {
        buf_append_text(out, "all dead letters");
    }
}

static void add(struct dead_filter_arguments *arguments, const char *text)
{
    memcpy(&arguments->list[arguments->count++], &text, sizeof(text)); /* audit lines only read it */
}

void dead_filter_arguments(const struct deadfilter *filter, const char *command,
                           struct dead_filter_arguments *arguments)
{
    _Static_assert(2 * PARTS + 3 <= DEAD_FILTER_ARGUMENTS_MAX, "all parts fit");
    arguments->count = 0;
    add(arguments, command);
    for (size_t i = 0; i < PARTS; i++) {
        if (value_of(filter, i) != NULL) {
            add(arguments, parts[i].option);
            add(arguments, value_of(filter, i));
        }
    }
    if (filter->all) {
        add(arguments, "--all");
    }
    add(arguments, "(console)");
}
