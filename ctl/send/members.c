/* SPDX-License-Identifier: MIT */
#include "members.h"

#include "gateway/sources/json_settings.h"
#include "gateway/sources/routes_id.h"
#include "gateway/sources/routes_signed.h"
#include "gateway/sources/routes_verify.h"
#include "gateway/verify/schemes.h"

#include <string.h>

#define DEFAULT_ID "{\"header\": \"webhook-id\"}" /* where `sluice send` puts an id without a route */

static bool add_parsed(cJSON *object, const char *name, const char *text)
{
    cJSON *value = cJSON_ParseWithOpts(text, NULL, 1);

    return value != NULL && cJSON_AddItemToObject(object, name, value);
}

/* Adds what every "verify" has. */
static bool add_rest(cJSON *verify, const char *scheme)
{
    return !cJSON_IsObject(verify) || (cJSON_AddStringToObject(verify, "scheme", scheme) != NULL &&
                                       add_parsed(verify, "secrets", "[{\"file\": \"never read\"}]"));
}

/* Returns the source as a routes file would have it. NULL: one of the texts isn't JSON, or no memory. */
static cJSON *parse(const struct members_options *o, const struct scheme *scheme)
{
    bool braces = o->members[strspn(o->members, " \t\n")] == '{';
    const char *id = o->id == NULL && scheme->needs_id_rule ? DEFAULT_ID : o->id;
    cJSON *root = cJSON_CreateObject();
    struct buf text = {0};
    bool fine;

    buf_printf(&text, "%s%s%s", braces ? "" : "{", o->members, braces ? "" : "}");
    fine = !text.failed && add_parsed(root, "verify", buf_text(&text)) &&
           add_rest(cJSON_GetObjectItem(root, "verify"), o->scheme) &&
           (id == NULL || add_parsed(root, "id", id));
    buf_free(&text);
    if (!fine) {
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

static void read_source(const cJSON *json, struct source *source, struct buf *complaints)
{
    const struct complaints out = {complaints, "--members"};
    const struct json_settings root = {NULL, NULL, 0, json, &out};
    const struct json_settings verify = json_settings_member(&root, "verify");
    const struct json_settings id = json_settings_member(&root, "id");
    const struct json_settings keep = json_settings_member(&root, "keep");
    const struct scheme *scheme = routes_verify_read(&verify, false, source);

    if (scheme != NULL) {
        routes_id_read(&id, &keep, scheme, source);
        routes_signed_id(&verify, source);
    }
}

bool members_open(struct route *route, const struct members_options *options, struct buf *complaints)
{
    const struct scheme *scheme = scheme_named(span_of(options->scheme));
    cJSON *json;

    if (scheme == NULL || scheme->key == SCHEME_KEY_NONE) {
        buf_printf(complaints, "--sign %s: is no scheme with secrets\n", options->scheme);
        return false;
    }
    json = parse(options, scheme);
    if (json == NULL) {
        buf_append_text(complaints, "--members or --id-rule: is not the JSON of a routes file, such as "
                                    "'\"header\": \"X-Sum\", \"field\": \"v1\"'\n");
        return false;
    }
    route->routes = source_table(1);
    if (route->routes != NULL) {
        route->source = &route->routes->sources[0];
        read_source(json, route->source, complaints);
    } else {
        buf_append_text(complaints, "--members: no memory\n");
    }
    cJSON_Delete(json);
    return complaints->len == 0;
}
