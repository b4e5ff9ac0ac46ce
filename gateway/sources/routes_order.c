/* SPDX-License-Identifier: MIT */
#include "routes_order.h"

#include "gateway/verify/coverage.h"
#include "gateway/verify/schemes.h"

#include <string.h>

/* Who captures a request that is signed could write any order into a part that is not. */
static void complain_of_cover(const struct json_settings *p, const struct verify_rule *rule)
{
    bool declared = (scheme_of(rule->scheme)->takes & SCHEME_SIGNED) != 0;

    json_settings_complain(p,
                           "is not covered by the signature: a captured request could be sent again with a "
                           "greater order, and would then win for good; %s",
                           declared ? "add it to \"signed\", if the provider signs it"
                                    : "use a {\"pointer\": ...} into the body, which is");
}

static bool is_credential(const struct verify_rule *rule, const char *name)
{
    const char *proof = scheme_header(rule, SCHEME_READS_PROOF);

    return strcmp(name, "authorization") == 0 || strcmp(name, "cookie") == 0 ||
           (proof != NULL && request_is(span_of(name), proof));
}

static void take_header(const struct json_settings *p, struct source *source)
{
    source->order = (struct event_order_rule){EVENT_ORDER_HEADER, json_settings_header(p)};
    if (source->order.text == NULL) {
        return;
    }
    if (is_credential(&source->verify, source->order.text)) {
        json_settings_complain(p, "holds a credential, which cannot be the order");
    } else if (!coverage_has_header(&source->verify, source->order.text)) {
        complain_of_cover(p, &source->verify);
    }
}

static void take_pointer(const struct json_settings *p, struct source *source)
{
    source->order = (struct event_order_rule){EVENT_ORDER_POINTER, json_settings_pointer(p, 1)};
    if (source->order.text != NULL && !coverage_has_pointer(&source->verify, source->order.text)) {
        complain_of_cover(p, &source->verify);
    }
}

/* True also when there is no rule, which is a complaint already. */
static bool keeps_newest(const struct event_id_rule *rules)
{
    bool keeps = rules->kind == EVENT_ID_END;

    for (; rules->kind != EVENT_ID_END; rules++) {
        keeps |= rules->keep == ENVELOPE_KEEP_NEWEST;
    }
    return keeps;
}

void routes_order_read(const struct json_settings *order, struct source *source)
{
    static const char *const members[] = {"header", "pointer", NULL};
    struct json_settings header, pointer;

    if (!json_settings_is_object(order, members)) {
        return;
    }
    header = json_settings_member(order, "header");
    pointer = json_settings_member(order, "pointer");
    if ((header.value == NULL) == (pointer.value == NULL)) {
        json_settings_complain(order, "needs either \"header\" or \"pointer\"");
    } else if (header.value != NULL) {
        take_header(&header, source);
    } else {
        take_pointer(&pointer, source);
    }
    if (!keeps_newest(source->id)) {
        json_settings_complain(order,
                               "is not used, because the source keeps the first event of each id; write "
                               "\"keep\": \"newest\" if the signature covers the id");
    }
}
