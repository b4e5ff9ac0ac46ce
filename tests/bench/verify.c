/* SPDX-License-Identifier: MIT */
/* What verifying costs: for each scheme the CPU time of verify_key for a valid event, signed by
 * ctl/send/sign. BARE_BODY bytes, BARE_EVENTS of each. Prints "verify SCHEME microseconds" per line. */
#include "ctl/send/sign.h"
#include "gateway/verify/schemes.h"
#include "tests/unit/key_pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOW 1614265330
#define VALUES 8
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"
#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* A pair for the scheme; NULL when its secret is shared. */
static const char *const *pair_of(enum verify_scheme scheme)
{
    static const char *const ed25519[] = {ED25519_PRIVATE, ED25519_PUBLIC}, *const p256[] = {P256_PRIVATE,
                                                                                             P256_PUBLIC};

    return scheme == VERIFY_ED25519 ? ed25519 : scheme == VERIFY_ECDSA ? p256 : NULL;
}

/* Writes a private key into a new file; `name` ends in XXXXXX. */
static bool write_key(const char *text, char *name)
{
    int file = mkstemp(name);
    ssize_t written = file < 0 ? -1 : write(file, text, strlen(text));

    return file >= 0 && close(file) == 0 && written == (ssize_t)strlen(text);
}

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
    const char *const *pair = pair_of(scheme);
    char file[] = "/tmp/sluice-bench-XXXXXX";
    const struct sign_options options = {
        .scheme = traits->name,
        .secret_env = pair == NULL ? "BENCH_SECRET" : NULL,
        .secret_file = pair == NULL ? NULL : file,
        .header = (traits->takes & SCHEME_HEADER) != 0 ? "x-proof" : NULL,
        .user = (traits->needs & SCHEME_USER) != 0 ? "user" : NULL,
    };
    struct verify_rule rule = scheme_rule(traits);
    struct buf body = {0}, path = {0};
    cJSON *headers = cJSON_CreateObject();
    struct sign_event event = {
        .id = SPAN_LITERAL("event-1"), .method = "POST", .url = "http://h", .now_s = NOW};
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
    if (pair != NULL && !write_key(pair[0], file)) {
        (void)fprintf(stderr, "verify: %s cannot be written\n", file);
        return false;
    }
    if (verify_rule_add_secret(&rule, span_of(pair == NULL ? SECRET : pair[1]), &error) != ERROR_NONE ||
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
    return pair == NULL || unlink(file) == 0;
}

/* A rule of hmac that signs as many values within the body as Adyen does. */
static struct verify_rule rule_of_values(void)
{
    struct verify_rule rule = scheme_rule(scheme_of(VERIFY_HMAC));
    struct error error;

    rule.header = strdup("x-proof");
    for (int i = 0; i < VALUES; i++) {
        char pointer[32];

        (void)snprintf(pointer, sizeof pointer, "/items/0/item/value%d", i);
        rule.declaration.parts[i] = (struct declaration_part){DECLARATION_POINTER, strdup(pointer)};
    }
    rule.declaration.part_count = VALUES;
    if (verify_rule_add_secret(&rule, SPAN_LITERAL(SECRET), &error) != ERROR_NONE) {
        abort();
    }
    return rule;
}

/* What it costs to find signed values in a JSON body of small members. The signature is wrong, which costs
 * the same. */
static bool measure_values(size_t bytes, long events)
{
    struct verify_rule rule = rule_of_values();
    struct buf body = {0};
    struct request request = {.header_count = 1};
    enum verify_cause cause = VERIFY_FINE;
    double begun;

    request.headers[0] = (struct request_header){SPAN_LITERAL("x-proof"), SPAN_LITERAL(WRONG)};
    buf_append_text(&body, "{\"items\":[{\"item\":{");
    for (int i = 0; i < VALUES; i++) {
        buf_printf(&body, "\"value%d\":\"text\",", i);
    }
    for (int i = 0; body.len < bytes; i++) {
        buf_printf(&body, "\"m%d\":%d,", i, i);
    }
    buf_append_text(&body, "\"last\":0}}]}");
    begun = cpu_us();
    for (long i = 0; i < events && cause != VERIFY_MALFORMED; i++) {
        (void)!verify_key(&rule, &request, buf_span(&body), NOW, &cause);
    }
    printf("verify hmac-of-%d-values %.2f\n", VALUES, (cpu_us() - begun) / (double)events);
    verify_rule_free(&rule);
    buf_free(&body);
    return cause == VERIFY_MISMATCH;
}

int main(void)
{
    bool fine = setenv("BENCH_SECRET", SECRET, 1) == 0;

    for (int scheme = VERIFY_STANDARD; scheme < SCHEME_COUNT && fine; scheme++) {
        fine = measure((enum verify_scheme)scheme, (size_t)number("BARE_BODY"), number("BARE_EVENTS"));
    }
    fine = fine && measure_values((size_t)number("BARE_BODY"), number("BARE_EVENTS"));
    return fine ? 0 : 1;
}
