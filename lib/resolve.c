/* SPDX-License-Identifier: MIT */
#include "resolve.h"

#include "clock.h"
#include "errand.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define KEEP_US (60 * CLOCK_US_PER_S)

/* The job of a lookup's thread. */
struct answer {
    char *host;
    int failure; /* EAI_*; 0: none */
    int system;  /* errno of EAI_SYSTEM */
    struct addresses addresses;
};

struct lookup {
    struct answer *answer; /* owned by the errand, if there is one */
    struct errand *errand; /* NULL: the host is a numeric address */
    int64_t begun_us;
    /* Under the mutex: */
    size_t waiters;
    bool listed;
    struct lookup *next;
};

/* Running lookups, and answers that nobody has taken yet. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct lookup *listed;

/* --- asking the resolver ----------------------------------------------------------------- */

static void ask(struct answer *a, int flags)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;

    a->failure = getaddrinfo(a->host, NULL, &wanted, &found);
    a->system = errno;
    for (const struct addrinfo *f = found; f != NULL && a->addresses.count < RESOLVE_ADDRESSES_MAX;
         f = f->ai_next) {
        a->addresses.count += getnameinfo(f->ai_addr, f->ai_addrlen, a->addresses.text[a->addresses.count],
                                          RESOLVE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0;
    }
    if (a->failure == 0 && a->addresses.count == 0) {
        a->failure = EAI_NONAME;
    }
    if (found != NULL) {
        freeaddrinfo(found);
    }
}

static void run(void *job)
{
    ask(job, 0);
}

static void discard(void *job)
{
    struct answer *a = job;

    free(a->host);
    free(a);
}

static const struct errand_kind kind = {run, discard};

/* --- lookups --------------------------------------------------------------------------------- */

static void free_lookup(struct lookup *l)
{
    if (l->errand != NULL) {
        errand_leave(l->errand);
    } else if (l->answer != NULL) {
        discard(l->answer);
    }
    free(l);
}

/* NULL after an error. */
static struct lookup *new_lookup(const char *host, struct error *error)
{
    struct lookup *l = calloc(1, sizeof *l);

    if (l != NULL) {
        l->answer = calloc(1, sizeof *l->answer);
    }
    if (l != NULL && l->answer != NULL) {
        l->answer->host = strdup(host);
    }
    if (l == NULL || l->answer == NULL || l->answer->host == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for the name %s", host);
        goto failed;
    }
    l->begun_us = clock_monotonic_us();
    ask(l->answer, AI_NUMERICHOST);
    if (l->answer->failure != 0 && errand_begin(&l->errand, &kind, l->answer, error) != ERROR_NONE) {
        goto failed;
    }
    return l;

failed:
    if (l != NULL) {
        free_lookup(l);
    }
    return NULL;
}

static void unlist(struct lookup *l)
{
    struct lookup **at = &listed;

    while (*at != NULL && *at != l) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = l->next;
        l->listed = false;
    }
}

/* Finds a lookup to join, or NULL. */
static struct lookup *find(const char *host)
{
    struct lookup *l = listed;

    while (l != NULL && strcmp(l->answer->host, host) != 0) {
        l = l->next;
    }
    if (l != NULL && resolve_is_done(l) && clock_monotonic_us() - l->begun_us > KEEP_US) {
        unlist(l);
        if (l->waiters == 0) {
            free_lookup(l);
        }
        l = NULL;
    }
    return l;
}

static void release(struct lookup *l)
{
    l->waiters--;
    if (l->waiters == 0 && !l->listed) {
        free_lookup(l);
    }
}

enum error_code resolve_begin(struct lookup **lookup, const char *host, struct error *error)
{
    struct lookup *l;

    (void)pthread_mutex_lock(&mutex);
    l = find(host);
    if (l == NULL) {
        l = new_lookup(host, error);
        if (l != NULL && l->errand != NULL) {
            l->next = listed;
            l->listed = true;
            listed = l;
        }
    }
    if (l != NULL) {
        l->waiters++;
    }
    (void)pthread_mutex_unlock(&mutex);
    *lookup = l;
    return l == NULL ? error->code : ERROR_NONE;
}

int resolve_fd(const struct lookup *lookup)
{
    return lookup->errand == NULL ? -1 : errand_fd(lookup->errand);
}

bool resolve_is_done(const struct lookup *lookup)
{
    return lookup->errand == NULL || errand_is_done(lookup->errand);
}

enum error_code resolve_end(struct lookup *lookup, struct addresses *addresses, struct error *error)
{
    const struct answer *a = lookup->answer;
    enum error_code code = ERROR_NONE;

    if (a->failure != 0) {
        code = error_set(error, ERROR_UNREACHABLE, "the name %.200s: %s", a->host,
                         a->failure == EAI_SYSTEM ? strerror(a->system) : gai_strerror(a->failure));
    }
    *addresses = a->addresses;
    (void)pthread_mutex_lock(&mutex);
    unlist(lookup);
    release(lookup);
    (void)pthread_mutex_unlock(&mutex);
    return code;
}

void resolve_leave(struct lookup *lookup)
{
    if (lookup != NULL) {
        (void)pthread_mutex_lock(&mutex);
        release(lookup);
        (void)pthread_mutex_unlock(&mutex);
    }
}

enum error_code resolve(const char *host, int64_t deadline_us, struct addresses *addresses,
                        struct error *error)
{
    int64_t begun_us = clock_monotonic_us(), now_us = begun_us;
    struct lookup *lookup;
    enum error_code code = resolve_begin(&lookup, host, error);

    if (code != ERROR_NONE) {
        return code;
    }
    while (!resolve_is_done(lookup) && now_us < deadline_us) {
        struct pollfd fd = {.fd = resolve_fd(lookup), .events = POLLIN};

        (void)poll(&fd, 1, (int)((deadline_us - now_us) / CLOCK_US_PER_MS) + 1);
        now_us = clock_monotonic_us();
    }
    if (!resolve_is_done(lookup)) {
        resolve_leave(lookup);
        return error_set(error, ERROR_TIMEOUT, "the name %.200s: the resolver did not answer within %d s",
                         host, (int)((now_us - begun_us) / CLOCK_US_PER_S));
    }
    return resolve_end(lookup, addresses, error);
}
