/* SPDX-License-Identifier: MIT */
#include "proxies.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_BITS 128
#define MAPPED_BITS 96 /* prefix length of ::ffff:0:0/96, which holds the IPv4 addresses */

/* True when text is an address of either family. */
static bool read_address(struct span text, unsigned char address[16], bool *is_v4)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *is_v4 = inet_pton(AF_INET, copy, address + sizeof mapped) == 1;
    if (*is_v4) {
        memcpy(address, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, copy, address) == 1;
}

/* --- the setting -------------------------------------------------------------------- */

static bool read_bits(struct span text, unsigned most, unsigned *bits)
{
    int64_t number;

    if (!text_number(text, 3, &number) || number > most) {
        return false;
    }
    *bits = (unsigned)number;
    return true;
}

static bool bit(const unsigned char *address, unsigned index)
{
    return (address[index / 8] >> (7 - index % 8) & 1) != 0;
}

/* Returns NULL, or what is wrong with text as the end of a sentence. */
static const char *read_network(struct span text, struct proxies_network *network)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);
    size_t len = slash == NULL ? text.len : (size_t)(slash - text.data);
    bool is_v4;

    if (!read_address((struct span){text.data, len}, network->address, &is_v4)) {
        return "is no IP address or network, such as 10.0.0.0/8 or 2001:db8::/32";
    }
    network->bits = ADDRESS_BITS;
    if (slash != NULL) {
        if (!read_bits((struct span){slash + 1, text.len - len - 1}, is_v4 ? 32 : 128, &network->bits)) {
            return is_v4 ? "has no number of bits from 0 to 32 behind the /"
                         : "has no number of bits from 0 to 128 behind the /";
        }
        network->bits += is_v4 ? MAPPED_BITS : 0;
    }
    for (unsigned i = network->bits; i < ADDRESS_BITS; i++) {
        if (bit(network->address, i)) {
            return "is an address in a network: set the bits behind the network's own to 0";
        }
    }
    return NULL;
}

enum error_code proxies_read(const char *text, struct proxies *proxies, struct error *error)
{
    proxies->count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        struct span item = text_trim((struct span){text, len});
        const char *wrong;

        if (proxies->count == PROXIES_NETWORKS_MAX) {
            return error_set(error, ERROR_SETTING, "names more than %d networks", PROXIES_NETWORKS_MAX);
        }
        wrong = read_network(item, &proxies->trusted[proxies->count]);
        if (wrong != NULL) {
            return error_set(error, ERROR_SETTING, "'%.*s' %s", (int)item.len, item.data, wrong);
        }
        proxies->count++;
        if (text[len] == ',' && text[len + 1] == '\0') {
            return error_set(error, ERROR_SETTING, "ends with a comma");
        }
        text += len + (text[len] == ',');
    }
    return ERROR_NONE;
}

/* --- a request ---------------------------------------------------------------------- */

static bool is_in(const struct proxies_network *network, const unsigned char *address)
{
    unsigned whole = network->bits / 8;

    if (memcmp(network->address, address, whole) != 0) {
        return false;
    }
    for (unsigned i = whole * 8; i < network->bits; i++) {
        if (bit(network->address, i) != bit(address, i)) {
            return false;
        }
    }
    return true;
}

/* The address in "1.2.3.4", "1.2.3.4:5", "2001:db8::1" or "[2001:db8::1]:5"; empty when there is none. */
static struct span address_of(struct span text)
{
    const char *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
    const char *bracket = text.len == 0 || text.data[0] != '[' ? NULL : memchr(text.data, ']', text.len);
    unsigned char address[16];
    bool is_v4;

    if (bracket != NULL) {
        text = (struct span){text.data + 1, (size_t)(bracket - text.data) - 1};
    } else if (colon != NULL && memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.data)) == NULL) {
        text.len = (size_t)(colon - text.data);
    }
    return read_address(text, address, &is_v4) ? text : (struct span){"", 0};
}

static bool is_trusted(const struct proxies *proxies, struct span remote)
{
    unsigned char address[16];
    bool is_v4;

    if (!read_address(remote, address, &is_v4)) {
        return false;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (is_in(&proxies->trusted[i], address)) {
            return true;
        }
    }
    return false;
}

/* Removes the last item from a comma list and trims it. False when the list is empty. */
static bool take_last(struct span *list, struct span *item)
{
    size_t begin = list->len;

    if (list->len == 0) {
        return false;
    }
    while (begin > 0 && list->data[begin - 1] != ',') {
        begin--;
    }
    *item = text_trim((struct span){list->data + begin, list->len - begin});
    list->len = begin > 0 ? begin - 1 : 0;
    return true;
}

/* One item of all headers of this name, counted from the right; the left-most one when there are fewer items.
 * Empty when there is none. */
static struct span item_of(const struct request *r, const char *name, size_t from_right)
{
    struct span item = {"", 0};
    size_t passed = 0;

    for (size_t i = r->header_count; i-- > 0;) {
        struct span list = r->headers[i].value;

        if (!request_is(r->headers[i].name, name)) {
            continue;
        }
        while (take_last(&list, &item)) {
            if (passed++ == from_right) {
                return item;
            }
        }
    }
    return item;
}

/* Sets r->remote, and returns the number of trusted proxies between the sender and the peer. */
static size_t find_sender(const struct proxies *proxies, struct request *r)
{
    size_t between = 0;

    for (size_t i = r->header_count; i-- > 0;) {
        struct span list = r->headers[i].value, item;

        if (!request_is(r->headers[i].name, "x-forwarded-for")) {
            continue;
        }
        while (take_last(&list, &item)) {
            item = address_of(item);
            if (item.len == 0) {
                return between;
            }
            r->remote = item;
            if (!is_trusted(proxies, item)) {
                return between;
            }
            between++;
        }
    }
    return between;
}

void proxies_apply(const struct proxies *proxies, struct request *r)
{
    struct span host, proto;
    size_t between;

    if (proxies->count == 0 || !is_trusted(proxies, r->remote)) {
        return;
    }
    between = find_sender(proxies, r);
    host = item_of(r, "x-forwarded-host", between);
    proto = item_of(r, "x-forwarded-proto", between);
    r->host = host.len > 0 ? host : r->host;
    if (request_is(proto, "https") || request_is(proto, "http")) {
        r->https = request_is(proto, "https");
    }
}
