/* SPDX-License-Identifier: MIT */
#include "route.h"

#include "gateway/sources/routes_file.h"
#include "read.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(const cJSON *object, const char *member)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));

    return text == NULL ? NULL : strdup(text);
}

/* Reads where the source's first secret is. A table of routes keeps only keys, from which no secret can be
 * read back. The file is valid already. */
static bool find_secret(struct route *route, const char *file, int index, struct buf *complaints)
{
    struct buf text = {0};
    struct error error;
    cJSON *root = NULL;
    const cJSON *sources, *verify, *secret;
    bool fine = read_whole(file, &text, &error) == ERROR_NONE;

    if (!fine) {
        buf_printf(complaints, "%s\n", error.text);
    } else {
        root = cJSON_ParseWithLength(text.data, text.len);
        sources = cJSON_GetObjectItemCaseSensitive(root, "sources");
        verify = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(sources, index), "verify");
        secret = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(verify, "secrets"), 0);
        route->secret_file = text_of(secret, "file");
        route->secret_env = text_of(secret, "env");
    }
    cJSON_Delete(root);
    buf_free(&text);
    return fine;
}

static void choose_method(struct route *route)
{
    struct buf all = {0};

    if ((route->source->methods & request_method(SPAN_LITERAL("POST"))) != 0) {
        buf_append_text(&route->method, "POST");
        return;
    }
    request_append_methods(route->source->methods, &all);
    buf_append(&route->method, buf_text(&all), strcspn(buf_text(&all), ","));
    buf_free(&all);
}

bool route_open(struct route *route, const char *file, const char *name, struct buf *complaints)
{
    const struct routes_options options = {.file = file, .label = file, .max_body = -1};
    struct buf names = {0};
    int index = 0;

    route->routes = routes_read(&options, complaints);
    if (route->routes == NULL) {
        return false;
    }
    for (size_t i = 0; i < route->routes->count; i++) {
        struct source *s = &route->routes->sources[i];

        if (span_equal(s->name, span_of(name))) {
            route->source = s;
            index = (int)i;
        }
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", s->name_text);
    }
    if (route->source == NULL) {
        buf_printf(complaints, "--route %s: %s has no source of this name; it has: %s\n", name, file,
                   buf_text(&names));
    }
    buf_free(&names);
    if (route->source == NULL) {
        return false;
    }
    choose_method(route);
    return find_secret(route, file, index, complaints);
}

void route_close(struct route *route)
{
    source_release(route->routes);
    free(route->secret_file);
    free(route->secret_env);
    buf_free(&route->method);
}

enum error_code route_check_path(const struct route *route, const char *path, struct error *error)
{
    struct span bare = {path, strcspn(path, "?")};
    const struct source *met = source_doubt(bare) == NULL ? source_find(route->routes, bare) : NULL;

    if (met == route->source) {
        return ERROR_NONE;
    }
    return error_set(error, ERROR_SETTING,
                     "--route %s: the path %s belongs to %s: name a path below %s%s with --path",
                     route->source->name_text, path, met == NULL ? "no source" : met->name_text,
                     route->source->path, route->source->prefix ? "*" : "");
}
