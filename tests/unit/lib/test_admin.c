/* SPDX-License-Identifier: MIT */
#include "admin.h"

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct metric metrics[] = {{"sluice_test_total", NULL, "A test's.", METRIC_COUNTER, 0}};

#define CROWD 1000

static struct admin *admin; /* one for all tests */
static struct buf answer;

static int set_up(void **state)
{
    struct error error;

    (void)state;
    return (int)admin_start(&admin, "127.0.0.1:0", &error);
}

static int tear_down(void **state)
{
    (void)state;
    admin_stop(admin);
    buf_free(&answer);
    return 0;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends the bytes and reads until the listener closes. */
static const char *ask(const char *request)
{
    int fd = connect_to(admin_port(admin));
    char chunk[4096];
    ssize_t got;

    buf_clear(&answer);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        buf_append(&answer, chunk, (size_t)got);
    }
    assert_int_equal(got, 0); /* end of file, not a timeout */
    (void)close(fd);
    return buf_text(&answer);
}

static const char *get(const char *path)
{
    char request[200];

    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    return ask(request);
}

static void assert_answer(const char *text, const char *status, const char *body)
{
    char line[64];
    char length[64];
    const char *end = strstr(text, "\r\n\r\n");

    (void)snprintf(line, sizeof line, "HTTP/1.1 %s\r\n", status);
    (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    assert_memory_equal(text, line, strlen(line));
    assert_non_null(strstr(text, length));
    assert_non_null(strstr(text, "Connection: close\r\n"));
    assert_non_null(end);
    assert_string_equal(end + 4, body);
}

static void health_is_ok_from_the_start(void **state)
{
    (void)state;
    assert_answer(get("/health"), "200 OK", "ok\n");
}

static void it_is_ready_only_while_told_so(void **state)
{
    (void)state;
    assert_answer(get("/ready"), "503 Service Unavailable", "starting\n");
    admin_set_ready(admin, true, "standby");
    assert_answer(get("/ready"), "200 OK", "standby\n");
    admin_set_ready(admin, false, "broker away");
    assert_answer(get("/ready"), "503 Service Unavailable", "broker away\n");
    assert_answer(get("/health"), "200 OK", "ok\n");
}

static void its_metric_says_whether_it_is_ready(void **state)
{
    (void)state;
    admin_set_ready(admin, true, "standby");
    assert_non_null(strstr(get("/metrics"), "\nsluice_ready 1\n"));
    admin_set_ready(admin, false, "broker away");
    assert_non_null(strstr(get("/metrics"), "\nsluice_ready 0\n"));
}

static void each_name_of_a_probe_is_answered(void **state)
{
    (void)state;
    admin_set_ready(admin, true, "ready");
    assert_answer(get("/livez"), "200 OK", "ok\n");
    assert_answer(get("/healthz"), "200 OK", "ok\n");
    assert_answer(get("/readyz"), "200 OK", "ready\n");
    assert_answer(get("/readyz?verbose"), "200 OK", "ready\n");
    admin_set_ready(admin, false, "broker away");
    assert_answer(get("/readyz"), "503 Service Unavailable", "broker away\n");
    assert_answer(get("/livez"), "200 OK", "ok\n");
}

static void metrics_show_every_registered_one(void **state)
{
    const char *text;

    (void)state;
    metrics_register(metrics, 1);
    metric_set(&metrics[0], 42);
    text = get("/metrics");
    assert_non_null(strstr(text, "text/plain; version=0.0.4"));
    assert_non_null(strstr(text, "# TYPE sluice_test_total counter\nsluice_test_total 42\n"));
}

static void other_paths_are_not_found(void **state)
{
    static const char nothing[] = "not found; try /health (/healthz, /livez), /ready (/readyz) or /metrics\n";

    (void)state;
    assert_answer(get("/"), "404 Not Found", nothing);
    assert_answer(get("/health/"), "404 Not Found", nothing);
    assert_answer(get("/../../etc/passwd"), "404 Not Found", nothing);
    assert_answer(get("/%68ealth"), "404 Not Found", nothing);
    assert_answer(get("/metrics%00.lua"), "404 Not Found", nothing);
}

static void other_methods_are_refused(void **state)
{
    static const char only[] = "only GET and HEAD are allowed\n";

    (void)state;
    assert_answer(ask("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"),
                  "405 Method Not Allowed", only);
    assert_answer(ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "405 Method Not Allowed", only);
    assert_answer(ask("OPTIONS /health HTTP/1.1\r\nHost: x\r\nOrigin: y\r\n"
                      "Access-Control-Request-Method: PUT\r\n\r\n"),
                  "405 Method Not Allowed", only);
    assert_non_null(strstr(buf_text(&answer), "Allow: GET, HEAD\r\n"));
}

static void head_is_answered_without_a_body(void **state)
{
    const char *text = ask("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n");

    (void)state;
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "Content-Length: 3\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void what_is_not_http_is_refused_without_naming_the_library(void **state)
{
    const char *text = ask("NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n");

    (void)state;
    assert_memory_equal(text, "HTTP/1.1 4", 10);
    assert_null(strcasestr(text, "httpd"));
    text = ask("GET /health HTTP/1.1 and more\r\n\r\n");
    assert_memory_equal(text, "HTTP/1.1 4", 10);
    assert_null(strcasestr(text, "httpd"));
}

static void a_head_beyond_its_bound_is_refused(void **state)
{
    char request[16384];
    size_t len = (size_t)snprintf(request, sizeof request, "GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ");

    (void)state;
    memset(request + len, 'x', sizeof request - len);
    (void)snprintf(request + sizeof request - 5, 5, "\r\n\r\n");
    assert_memory_equal(ask(request), "HTTP/1.1 431", 12);
    assert_answer(get("/health"), "200 OK", "ok\n");
}

/* --- many connections ------------------------------------------------------------------ */

static int64_t count_of_evicted(void)
{
    const char *line = strstr(get("/metrics"), "\nsluice_admin_evicted_total ");

    assert_non_null(line);
    return strtoll(strchr(line, ' ') + 1, NULL, 10);
}

/* Opens CROWD connections. A third send nothing, a third send half of a request's headers, and a third
 * request the metrics but never read them. */
static void open_crowd(int crowd[CROWD])
{
    static const char half[] = "GET /health HTTP/1.1\r\nHost: x\r\n",
                      whole[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < CROWD; i++) {
        const char *said = i % 3 == 1 ? half : i % 3 == 2 ? whole : "";

        crowd[i] = connect_to(admin_port(admin));
        (void)send(crowd[i], said, strlen(said), MSG_NOSIGNAL); /* may be closed already */
    }
}

/* The docs promise 100 ms. The limit here is higher, since other tests may keep the machine busy. */
static void a_thousand_idle_and_slow_connections_hold_up_no_answer(void **state)
{
    static int crowd[CROWD];
    int64_t worst_us = 0, evicted = count_of_evicted();

    (void)state;
    open_crowd(crowd);
    for (int i = 0; i < 20; i++) {
        int64_t begun_us = clock_monotonic_us(), took_us;

        assert_answer(get(i % 2 == 0 ? "/health" : "/livez"), "200 OK", "ok\n");
        took_us = clock_monotonic_us() - begun_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
    }
    print_message("the slowest of 20 answers beside %d connections: %lld us\n", CROWD, (long long)worst_us);
    assert_in_range(worst_us, 0, CLOCK_US_PER_S);
    assert_true(count_of_evicted() - evicted >= CROWD / 3 - 100);
    for (size_t i = 0; i < CROWD; i++) {
        (void)close(crowd[i]);
    }
}

static void an_idle_connection_is_closed_after_seconds(void **state)
{
    int fd = connect_to(admin_port(admin));
    char byte;

    (void)state;
    assert_int_equal(recv(fd, &byte, 1, 0), 0); /* end of file, not our timeout of 10 s */
    (void)close(fd);
}

static void an_upgrade_is_an_ordinary_request(void **state)
{
    (void)state;
    assert_answer(ask("GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
                  "200 OK", "ok\n");
}

static void an_address_in_use_is_an_error_that_says_so(void **state)
{
    struct admin *second = NULL;
    struct error error;
    char address[32];

    (void)state;
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", admin_port(admin));
    assert_int_equal(admin_start(&second, address, &error), ERROR_SYSTEM);
    assert_null(second);
    assert_non_null(strstr(error.text, address));
    assert_non_null(strstr(error.text, "Address already in use"));
    assert_answer(get("/health"), "200 OK", "ok\n"); /* the first listener still works */
}

static void an_address_that_is_none_is_an_error(void **state)
{
    struct admin *second = NULL;
    struct error error;

    (void)state;
    assert_int_not_equal(admin_start(&second, "host.invalid:80", &error), ERROR_NONE);
    assert_null(second);
    assert_non_null(strstr(error.text, "host.invalid:80"));
}

static void ipv6_is_listened_on_and_its_any_address_is_both(void **state)
{
    struct admin *second = NULL;
    struct error error;

    (void)state;
    assert_int_equal(admin_start(&second, "[::1]:0", &error), ERROR_NONE);
    assert_int_not_equal(admin_port(second), 0);
    admin_stop(second);
    assert_int_equal(admin_start(&second, "[::]:0", &error), ERROR_NONE);
    (void)close(connect_to(admin_port(second))); /* over IPv4 */
    admin_stop(second);
    admin_stop(NULL);
}

static void two_listeners_have_ports_of_their_own(void **state)
{
    struct admin *second = NULL;
    struct error error;

    (void)state;
    assert_int_equal(admin_start(&second, "localhost:0", &error), ERROR_NONE);
    assert_int_not_equal(admin_port(second), 0);
    assert_int_not_equal(admin_port(second), admin_port(admin));
    admin_stop(second);
    assert_answer(get("/health"), "200 OK", "ok\n");
}

static void *flip_ready(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        admin_set_ready(admin, i % 2 == 0, i % 2 == 0 ? "working" : "waiting");
    }
    return NULL;
}

static void the_status_always_fits_the_state(void **state)
{
    pthread_t flipper;

    (void)state;
    admin_set_ready(admin, false, "waiting");
    assert_int_equal(pthread_create(&flipper, NULL, flip_ready, NULL), 0);
    for (int i = 0; i < 20; i++) {
        const char *text = get("/ready");
        bool ready = strstr(text, " 200 OK") != NULL;

        assert_non_null(strstr(text, ready ? "\r\n\r\nworking\n" : "\r\n\r\nwaiting\n"));
    }
    assert_int_equal(pthread_join(flipper, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_ok_from_the_start),
        cmocka_unit_test(it_is_ready_only_while_told_so),
        cmocka_unit_test(its_metric_says_whether_it_is_ready),
        cmocka_unit_test(each_name_of_a_probe_is_answered),
        cmocka_unit_test(metrics_show_every_registered_one),
        cmocka_unit_test(other_paths_are_not_found),
        cmocka_unit_test(other_methods_are_refused),
        cmocka_unit_test(head_is_answered_without_a_body),
        cmocka_unit_test(what_is_not_http_is_refused_without_naming_the_library),
        cmocka_unit_test(a_head_beyond_its_bound_is_refused),
        cmocka_unit_test(a_thousand_idle_and_slow_connections_hold_up_no_answer),
        cmocka_unit_test(an_idle_connection_is_closed_after_seconds),
        cmocka_unit_test(an_upgrade_is_an_ordinary_request),
        cmocka_unit_test(an_address_in_use_is_an_error_that_says_so),
        cmocka_unit_test(an_address_that_is_none_is_an_error),
        cmocka_unit_test(ipv6_is_listened_on_and_its_any_address_is_both),
        cmocka_unit_test(two_listeners_have_ports_of_their_own),
        cmocka_unit_test(the_status_always_fits_the_state),
    };
    struct error error;
    int failed;

    if (log_start(LOG_ERROR, &error) != ERROR_NONE) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, set_up, tear_down);
    log_stop();
    return failed;
}
