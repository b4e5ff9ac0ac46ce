/* SPDX-License-Identifier: MIT */
#include "buf.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"

#include <curl/curl.h>
#include <string.h>

#define NAME "ready"
#define TOTAL_MS 2000L
#define BODY_MAX 4096

/* Keeps the start of the answer; the rest isn't wanted. */
static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    size_t len = size * count;

    if (body->len < BODY_MAX) {
        buf_append(body, data, len < BODY_MAX - body->len ? len : BODY_MAX - body->len);
    }
    return len;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct buf body = {0};
    enum exit_code code = EXIT_NO;
    long status = 0;
    CURLcode result;
    CURL *curl;

    (void)settings;
    if (count != 1 || arguments[0][0] == '-') {
        report_problem(NAME, "one URL is needed; see sluice ready --help");
        return EXIT_USAGE;
    }
    curl = curl_easy_init();
    if (curl == NULL || curl_easy_setopt(curl, CURLOPT_URL, arguments[0]) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") != CURLE_OK) {
        report_problem(NAME, "libcurl: out of memory");
        curl_easy_cleanup(curl);
        return EXIT_BUG;
    }
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    result = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        report_problem(NAME, "%s: %s", arguments[0], curl_easy_strerror(result));
    } else {
        report_line("%.*s", (int)strcspn(buf_text(&body), "\n"), buf_text(&body));
        code = status >= 200 && status <= 299 ? EXIT_DONE : EXIT_NO;
    }
    curl_easy_cleanup(curl);
    buf_free(&body);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "URL",
    .summary = "ask an admin listener whether its program is ready; for health checks",
    .help = "Gets URL (http only), such as http://127.0.0.1:8081/ready, within 2 s, and prints the\n"
            "first line of the answer. Exit code 0 when the status is 2xx, otherwise 1.\n",
    .settings = settings_none,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
