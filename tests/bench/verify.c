/* SPDX-License-Identifier: MIT */
/* What verifying costs: for each scheme the CPU time of verify_key for a valid event, signed by
 * ctl/send/sign. BARE_BODY bytes, BARE_EVENTS of each. Prints "verify SCHEME microseconds" per line. */
#include "ctl/send/sign.h"
#include "gateway/verify/schemes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1614265330
#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static double cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static long number(const char *name)
{
    const char *text = getenv(name);

    return text == NULL ? 0 : strtol(text, NULL, 10);
}

static struct request view(const cJSON *headers)
{
    struct request r = {.method = SPAN_LITERAL("POST"), .path = SPAN_LITERAL("/"), .host = SPAN_LITERAL("h")};
    const cJSON *header;

    cJSON_ArrayForEach(header, headers)
    {
        r.headers[r.header_count].name = span_of(header->string);
        r.headers[r.header_count++].value = span_of(header->valuestring);
    }
    return r;
}

/* A form for Twilio, which signs its fields; JSON of the same length for all others. */
static void make_body(enum verify_scheme scheme, size_t bytes, struct buf *body)
{
    buf_append_text(body, scheme == VERIFY_TWILIO ? "Body=" : "{\"fill\":\"");
    while (body->len < bytes - 2) {
        buf_append_char(body, 'x');
    }
    buf_append_text(body, scheme == VERIFY_TWILIO ? "xx" : "\"}");
}

static bool measure(enum verify_scheme scheme, size_t bytes, long events)
{
    const struct scheme *traits = scheme_of(scheme);
    const struct sign_options options = {
        .scheme = traits->name,
        .secret_env = "BENCH_SECRET",
        .header = (traits->needs & SCHEME_HEADER) != 0 ? "x-proof" : NULL,
        .user = (traits->needs & SCHEME_USER) != 0 ? "user" : NULL,
    };
    struct verify_rule rule = scheme_rule(traits);
    struct buf body = {0}, path = {0};
    cJSON *headers = cJSON_CreateObject();
    struct sign_event event = {SPAN_LITERAL("event-1"), {0}, "http://h", NOW};
    struct sign *sign = NULL;
    struct request request;
    struct error error;
    enum verify_cause cause = VERIFY_MEMORY;
    double begun;

    make_body(scheme, bytes, &body);
    event.body = buf_span(&body);
    buf_append_text(&path, "/");
    rule.header = options.header == NULL ? NULL : strdup(options.header);
    rule.user = options.user == NULL ? NULL : strdup(options.user);
    if (verify_rule_add_secret(&rule, SPAN_LITERAL(SECRET), &error) != ERROR_NONE ||
        sign_open(&sign, &options, &error) != ERROR_NONE ||
        sign_headers(sign, &event, &path, headers, &error) != ERROR_NONE) {
        (void)fprintf(stderr, "verify: %s: %s\n", traits->name, error.text);
        return false;
    }
    request = view(headers);
    begun = cpu_us();
    for (long i = 0; i < events; i++) {
        if (verify_key(&rule, &request, event.body, NOW, &cause) == NULL) {
            (void)fprintf(stderr, "verify: %s: %s\n", traits->name, verify_cause_label(cause));
            return false;
        }
    }
    printf("verify %s %.2f\n", traits->name, (cpu_us() - begun) / (double)events);
    cJSON_Delete(headers);
    buf_free(&body);
    buf_free(&path);
    verify_rule_free(&rule);
    sign_close(sign);
    return true;
}

int main(void)
{
    bool fine = setenv("BENCH_SECRET", SECRET, 1) == 0;

    for (int scheme = VERIFY_STANDARD; scheme <= VERIFY_HEADER && fine; scheme++) {
        fine = measure((enum verify_scheme)scheme, (size_t)number("BARE_BODY"), number("BARE_EVENTS"));
    }
    return fine ? 0 : 1;
}
