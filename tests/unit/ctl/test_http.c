/* SPDX-License-Identifier: MIT */
#include "ctl/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that reads one request and sends one reply. */
struct server {
    int listener;
    char url[64];
    const char *answer;
    char request[2048];
    pthread_t thread;
};

static void *serve(void *context)
{
    struct server *server = context;
    int connection = accept(server->listener, NULL, NULL);
    size_t len = 0;
    ssize_t got;

    while (strstr(server->request, "\r\n\r\n") == NULL && len + 1 < sizeof server->request &&
           (got = recv(connection, server->request + len, sizeof server->request - 1 - len, 0)) > 0) {
        len += (size_t)got;
    }
    (void)send(connection, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    (void)close(connection);
    return NULL;
}

static void start(struct server *server, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    *server = (struct server){.answer = answer, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
}

static struct http *client(const char *url)
{
    const struct http_options options = {.url = url, .schemes = "http", .total_ms = 10000, .answer_max = 10};
    struct http *http = NULL;
    struct error error;

    assert_int_equal(http_open(&http, &options, &error), ERROR_NONE);
    return http;
}

static void a_request_has_its_path_headers_and_body_as_they_were_given(void **state)
{
    struct server server;
    struct http_reply reply;
    struct http *http;

    (void)state;
    start(&server, "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    http = client(server.url);
    http_header(http, "X-Empty", "");
    http_header(http, "X-Full", "a b");
    http_header(http, "Content-Type", NULL);
    http_send(http, "PUT", "/a/../b?c", SPAN_LITERAL("body"), &reply);
    stop(&server);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.problem, "");
    assert_false(reply.cut);
    assert_string_equal(buf_text(&reply.body), "no");
    assert_non_null(strstr(server.request, "PUT /a/../b?c HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(server.request, "\r\nX-Full: a b\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Length: 4\r\n"));
    assert_null(strstr(server.request, "Content-Type"));
    buf_free(&reply.body);
    http_close(http);
}

static void an_answer_that_is_too_long_is_cut_and_says_so(void **state)
{
    struct server server;
    struct http_reply reply;
    struct http *http;

    (void)state;
    start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
    http = client(server.url);
    http_send(http, "GET", "", SPAN_LITERAL(""), &reply);
    stop(&server);
    assert_int_equal(reply.status, 200);
    assert_true(reply.cut);
    assert_string_equal(buf_text(&reply.body), "0123456789");
    buf_free(&reply.body);
    http_close(http);
}

static void no_reply_has_status_0_and_a_problem(void **state)
{
    struct server server;
    struct http_reply reply;
    struct http *http;

    (void)state;
    start(&server, "");
    http = client(server.url);
    http_send(http, "GET", "", SPAN_LITERAL(""), &reply);
    stop(&server);
    assert_int_equal(reply.status, 0);
    assert_string_not_equal(reply.problem, "");
    assert_false(reply.timed_out);
    buf_free(&reply.body);
    http_close(http);
}

static void a_scheme_that_is_not_allowed_is_not_asked(void **state)
{
    struct http *http = client("https://127.0.0.1:1/");
    struct http_reply reply;

    (void)state;
    http_send(http, "GET", "", SPAN_LITERAL(""), &reply);
    assert_int_equal(reply.status, 0);
    assert_non_null(strstr(reply.problem, "https"));
    buf_free(&reply.body);
    http_close(http);
}

static int set_up(void **state)
{
    (void)state;
    return http_start() ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    http_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_its_path_headers_and_body_as_they_were_given),
        cmocka_unit_test(an_answer_that_is_too_long_is_cut_and_says_so),
        cmocka_unit_test(no_reply_has_status_0_and_a_problem),
        cmocka_unit_test(a_scheme_that_is_not_allowed_is_not_asked),
    };

    return cmocka_run_group_tests_name("http", tests, set_up, tear_down);
}
