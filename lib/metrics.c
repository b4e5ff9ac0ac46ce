/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 48
#define US_PER_S INT64_C(1000000)

/* One registration: exactly one of the three is set. */
static struct entry {
    struct metric *metrics;
    size_t count;
    struct histogram *histogram;
    const struct metric_family *family;
} entries[ENTRIES_MAX];
static size_t entry_count;
static void (*refresh_values)(void);

static void add_entry(struct entry new)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (entries[i].metrics == new.metrics &&
            entries[i].histogram == new.histogram &&entries[i].family == new.family) {
            return;
        }
    }
    assert(entry_count < ENTRIES_MAX);
    entries[entry_count++] = new;
}

void metrics_register(struct metric *metrics, size_t count)
{
    add_entry((struct entry){.metrics = metrics, .count = count});
}

void metrics_register_histogram(struct histogram *histogram)
{
    add_entry((struct entry){.histogram = histogram});
}

void metrics_register_family(const struct metric_family *family)
{
    add_entry((struct entry){.family = family});
}

void metrics_before_render(void (*refresh)(void))
{
    refresh_values = refresh;
}

/* Relaxed ordering is enough: no other data depends on a metric's value. */
void metric_add(struct metric *m, int64_t n)
{
    (void)atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

int64_t metric_get(const struct metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

/* --- the text format ------------------------------------------------------------------ */

static const char *type_of(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
    case METRIC_SECONDS_TOTAL:
        return "counter";
    case METRIC_GAUGE:
    case METRIC_ESTIMATE:
    case METRIC_TIMESTAMP:
        return "gauge";
    }
    return "untyped";
}

/* Backslashes and line ends, and in a label's value quotes, are escaped. Bytes that aren't UTF-8 become '?':
 * a single one would make Prometheus refuse the whole text. */
static void append_escaped(struct buf *out, struct span text, bool quotes)
{
    char *valid = malloc(text.len + 1);
    size_t len = valid == NULL ? 0 : text_copy(valid, text.len + 1, text);

    out->failed |= valid == NULL;
    for (size_t i = 0; i < len; i++) {
        if (valid[i] == '\n') {
            buf_append_text(out, "\\n");
            continue;
        }
        if (valid[i] == '\\' || (quotes && valid[i] == '"')) {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, valid[i]);
    }
    free(valid);
}

static void append_head(struct buf *out, const char *name, const char *help, const char *type)
{
    buf_printf(out, "# HELP %s ", name);
    append_escaped(out, span_of(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

void metric_append_seconds(struct buf *out, int64_t us)
{
    char fraction[8];
    size_t len = 6;

    (void)snprintf(fraction, sizeof fraction, "%06d", (int)(us % US_PER_S));
    while (len > 0 && fraction[len - 1] == '0') {
        len--;
    }
    buf_printf(out, "%" PRId64 "%s%.*s", us / US_PER_S, len == 0 ? "" : ".", (int)len, fraction);
}

static bool is_shown(enum metric_kind kind, int64_t value)
{
    return !(kind == METRIC_ESTIMATE && value < 0) && !(kind == METRIC_TIMESTAMP && value == 0);
}

static void append_value(struct buf *out, enum metric_kind kind, int64_t value)
{
    switch (kind) {
    case METRIC_COUNTER:
    case METRIC_GAUGE:
    case METRIC_ESTIMATE:
        buf_printf(out, " %" PRId64 "\n", value);
        break;
    case METRIC_SECONDS_TOTAL:
    case METRIC_TIMESTAMP:
        buf_append_char(out, ' ');
        metric_append_seconds(out, value);
        buf_append_char(out, '\n');
        break;
    }
}

static void render_array(const struct entry *entry, struct buf *out)
{
    const char *last_name = "";

    for (size_t i = 0; i < entry->count; i++) {
        const struct metric *m = &entry->metrics[i];
        int64_t value = metric_get(m);

        if (strcmp(m->name, last_name) != 0) {
            append_head(out, m->name, m->help, type_of(m->kind));
            last_name = m->name;
        }
        if (!is_shown(m->kind, value)) {
            continue;
        }
        buf_append_text(out, m->name);
        if (m->labels != NULL) {
            buf_printf(out, "{%s}", m->labels);
        }
        append_value(out, m->kind, value);
    }
}

/* One column of a family, while it is rendered. */
struct rendering {
    const struct metric_family *family;
    size_t column;
    struct buf *out;
};

static void show_row(void *context, struct span member, const _Atomic int64_t *values)
{
    const struct rendering *r = context;
    const struct metric_column *column = &r->family->columns[r->column];
    int64_t value = atomic_load_explicit(&values[r->column], memory_order_relaxed);

    if (!is_shown(column->kind, value)) {
        return;
    }
    buf_printf(r->out, "%s{%s=\"", column->name, r->family->label);
    append_escaped(r->out, member, true);
    buf_printf(r->out, "\"%s%s}", column->labels == NULL ? "" : ",",
               column->labels == NULL ? "" : column->labels);
    append_value(r->out, column->kind, value);
}

static void render_family(const struct metric_family *family, struct buf *out)
{
    const char *last_name = "";

    for (size_t i = 0; i < family->count; i++) {
        const struct metric_column *column = &family->columns[i];
        struct rendering rendering = {family, i, out};

        if (column->name == NULL) {
            continue;
        }
        if (strcmp(column->name, last_name) != 0) {
            append_head(out, column->name, column->help, type_of(column->kind));
            last_name = column->name;
        }
        family->each(show_row, &rendering);
    }
}

void metrics_render(struct buf *out)
{
    if (refresh_values != NULL) {
        refresh_values();
    }
    for (size_t i = 0; i < entry_count; i++) {
        if (entries[i].histogram != NULL) {
            append_head(out, entries[i].histogram->name, entries[i].histogram->help, "histogram");
            histogram_render(entries[i].histogram, out);
        } else if (entries[i].family != NULL) {
            render_family(entries[i].family, out);
        } else {
            render_array(&entries[i], out);
        }
    }
}

/* --- the documentation ---------------------------------------------------------------- */

/* Appends `name="value"` as "name=value", or only the value when other rows have told the name. */
static void list_label(struct buf *out, const char *label, bool first)
{
    const char *value = strchr(label, '"');

    if (first) {
        buf_append(out, label, (size_t)(value - label));
    } else {
        buf_append_char(out, ',');
    }
    buf_append(out, value + 1, strlen(value + 1) - 1);
}

/* Appends the labels and the help, of the rows from *at on that have the same name, and moves *at past them.
 */
static void list_rows(struct buf *out, const struct metric_column *rows, size_t count, size_t *at,
                      const char *family_label)
{
    const struct metric_column *first = &rows[*at];
    bool any = false;

    buf_printf(out, "%s\t%s\t%s", first->name, type_of(first->kind), family_label);
    for (; *at < count && (rows[*at].name == NULL || strcmp(rows[*at].name, first->name) == 0); (*at)++) {
        if (rows[*at].name != NULL && rows[*at].labels != NULL) {
            if (!any && family_label[0] != '\0') {
                buf_append_char(out, ' ');
            }
            list_label(out, rows[*at].labels, !any);
            any = true;
        }
    }
    buf_printf(out, "\t%s\n", first->help);
}

static void list_columns(struct buf *out, const struct metric_column *rows, size_t count, const char *label)
{
    size_t at = 0;

    while (at < count) {
        if (rows[at].name == NULL) {
            at++;
        } else {
            list_rows(out, rows, count, &at, label);
        }
    }
}

static void list_array(struct buf *out, const struct entry *entry)
{
    struct metric_column *rows = calloc(entry->count, sizeof *rows);

    if (rows == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < entry->count; i++) {
        const struct metric *m = &entry->metrics[i];

        rows[i] = (struct metric_column){m->name, m->labels, m->help, m->kind};
    }
    list_columns(out, rows, entry->count, "");
    free(rows);
}

void metrics_list(struct buf *out)
{
    for (size_t i = 0; i < entry_count; i++) {
        const struct entry *entry = &entries[i];

        if (entry->histogram != NULL) {
            buf_printf(out, "%s\thistogram\t\t%s\n", entry->histogram->name, entry->histogram->help);
        } else if (entry->family != NULL) {
            list_columns(out, entry->family->columns, entry->family->count, entry->family->label);
        } else {
            list_array(out, entry);
        }
    }
}
