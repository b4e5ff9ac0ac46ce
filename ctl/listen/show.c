/* SPDX-License-Identifier: MIT */
#include "show.h"

#include "clock.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/tabulate.h"

#include <inttypes.h>

static void append_shown(struct buf *out, struct span text)
{
    struct buf copy = {0};

    buf_append_span(&copy, text);
    (void)tabulate_append(out, buf_text(&copy), 0);
    buf_free(&copy);
}

void show_event(const struct envelope *e, struct span body)
{
    struct buf line = {0};

    clock_append(&line, e->received_us);
    buf_append_text(&line, "  ");
    append_shown(&line, e->source);
    buf_append_text(&line, "  ");
    append_shown(&line, e->id);
    buf_append_text(&line, "  ");
    append_shown(&line, e->method);
    buf_append_char(&line, ' ');
    append_shown(&line, e->path);
    report_line("%s  %zu bytes", buf_text(&line), body.len);
    buf_free(&line);
}

void show_result(const struct forward_result *r)
{
    int64_t ms = r->took_us / CLOCK_US_PER_MS;

    if (r->status == 0) {
        report_line("  no reply after %" PRId64 " ms: %s", ms, r->problem);
    } else {
        report_line("  status %ld after %" PRId64 " ms", r->status, ms);
    }
}

static void add_text(cJSON *object, const char *name, struct span text)
{
    struct buf copy = {0};

    buf_append_span(&copy, text);
    (void)cJSON_AddStringToObject(object, name, buf_text(&copy));
    buf_free(&copy);
}

static void add_result(cJSON *object, const struct forward_result *r)
{
    cJSON *forward = cJSON_AddObjectToObject(object, "forward");

    record_add_count(forward, "status", r->status == 0 ? -1 : r->status);
    record_add_count(forward, "ms", r->took_us / CLOCK_US_PER_MS);
    if (r->problem[0] == '\0') {
        (void)cJSON_AddNullToObject(forward, "problem");
    } else {
        (void)cJSON_AddStringToObject(forward, "problem", r->problem);
    }
}

void show_json(const char *subcommand, const struct envelope *e, struct span body,
               const struct forward_result *result)
{
    cJSON *object = cJSON_CreateObject();
    struct buf time = {0}, headers = {0};

    clock_append(&time, e->received_us);
    envelope_append_headers_json(e, &headers);
    (void)cJSON_AddStringToObject(object, "received_at", buf_text(&time));
    add_text(object, "source", e->source);
    add_text(object, "id", e->id);
    add_text(object, "method", e->method);
    add_text(object, "path", e->path);
    add_text(object, "query", e->query);
    (void)cJSON_AddRawToObject(object, "headers", buf_text(&headers));
    (void)cJSON_AddNumberToObject(object, "bytes", (double)body.len);
    record_add_body(object, "body", body);
    if (result != NULL) {
        add_result(object, result);
    }
    record_print(subcommand, object);
    buf_free(&time);
    buf_free(&headers);
}
