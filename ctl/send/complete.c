/* SPDX-License-Identifier: MIT */
#include "complete.h"

#include "clock.h"
#include "headers.h"
#include "sample.h"

/* Makes the event of a scheme whole: body, the place of the id, other headers. False when out of memory. */
static bool fill(const struct complete_options *o, struct post_request *request, struct completed *c)
{
    struct span id = span_of(request->id);

    if (o->sample) {
        sample_body(o->scheme, id, &c->body);
    }
    if (o->id != NULL && !sample_place_id(&o->id[0], id, c->headers, o->sample ? &c->body : NULL)) {
        return false;
    }
    request->body = o->sample ? buf_span(&c->body) : request->body;
    return sample_headers(o->scheme, id, c->headers) && !c->body.failed;
}

enum error_code complete_request(const struct complete_options *o, struct post_request *request,
                                 struct completed *c, struct error *error)
{
    enum error_code code = ERROR_NONE;

    c->headers = request->headers == NULL ? cJSON_CreateObject() : cJSON_Duplicate(request->headers, true);
    buf_printf(&c->path, "%s%s", request->path[0] == '/' ? "" : "/", request->path);
    if (c->headers == NULL || !headers_replace(c->headers, o->headers) ||
        (o->scheme != NULL && !fill(o, request, c)) || c->path.failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (o->sign != NULL) {
        struct sign_event event = {span_of(request->id), request->body, request->method, o->url,
                                   clock_wall_us() / CLOCK_US_PER_S};

        code = sign_headers(o->sign, &event, &c->path, c->headers, error);
    }
    if (o->sign != NULL || cJSON_HasObjectItem(c->headers, "webhook-id")) {
        request->id = ""; /* the event has it where its scheme and its route look for it */
    }
    request->headers = c->headers;
    request->path = buf_text(&c->path);
    return code;
}

void complete_free(struct completed *c)
{
    cJSON_Delete(c->headers);
    buf_free(&c->path);
    buf_free(&c->body);
}
