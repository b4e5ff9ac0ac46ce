/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include "buf.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

/* Splits a port off, and takes the brackets from an IPv6 address. */
static bool name_of(const char *host, char name[256], bool *brackets)
{
    const char *end = strchr(host, host[0] == '[' ? ']' : ':');
    size_t len = end == NULL ? strlen(host) : (size_t)(end - host);

    *brackets = host[0] == '[';
    if (len == 0 || len > 255 || (*brackets && end == NULL)) {
        return false;
    }
    (void)text_copy(name, 256, *brackets ? (struct span){host + 1, len - 1} : (struct span){host, len});
    return true;
}

static bool is_ours(const char *host, const char *own_host)
{
    struct in6_addr address;
    char name[256];
    bool brackets;

    if (!name_of(host, name, &brackets)) {
        return false;
    }
    if (brackets) {
        return inet_pton(AF_INET6, name, &address) == 1;
    }
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1 ||
           (own_host[0] != '\0' && strcasecmp(name, own_host) == 0);
}

static bool is_own_origin(const char *origin, const char *host)
{
    const char *begin = origin == NULL ? NULL : strstr(origin, "://");

    return begin != NULL && (strncmp(origin, "http://", 7) == 0 || strncmp(origin, "https://", 8) == 0) &&
           strcasecmp(begin + 3, host) == 0;
}

const char *gate_refusal(const struct gate_request *request, const char *own_host)
{
    if (request->host == NULL || !is_ours(request->host, own_host)) {
        return "The console is not answered under this name. Use localhost or an IP address, or set "
               "CONSOLE_HOST "
               "to this name.";
    }
    if (request->post && request->fetch_site != NULL && strcmp(request->fetch_site, "same-origin") != 0) {
        return "The form comes from a page of another site (Sec-Fetch-Site), so nothing was changed.";
    }
    if (request->post && request->fetch_site == NULL && !is_own_origin(request->origin, request->host)) {
        return "The request doesn't tell that it comes from the console's own page (it has neither "
               "Sec-Fetch-Site nor "
               "a matching Origin), so nothing was changed. Use localhost or https, where browsers tell it.";
    }
    return NULL;
}

bool gate_token_fits(const char *token, const char *given)
{
    size_t len = strlen(token);

    return len > 0 && given != NULL && strlen(given) == len && CRYPTO_memcmp(token, given, len) == 0;
}
