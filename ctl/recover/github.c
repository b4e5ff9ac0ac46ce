/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/audit.h"
#include "ctl/look/moment.h"
#include "ctl/look/places.h"
#include "ctl/look/reader.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "deliveries.h"
#include "envelope.h"
#include "github_api.h"
#include "signals.h"

#include <inttypes.h>
#include <string.h>

#define NAME "recover github"
/* GitHub gives up an attempt after 10 s (Enterprise Server: 30 s), and what we took should be a row by then.
 */
#define SETTLED_US (60 * CLOCK_US_PER_S)
#define HOOK_MOST INT64_C(999999999999999)

/* What became of an event of which no attempt has succeeded. */
enum outcome { ASKED, WOULD_ASK, STORED, DEAD, UNDER_WAY, REFUSED, LEFT, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {"asked",     "would_ask", "stored", "dead_letter",
                                                    "under_way", "refused",   "left"};

struct recover {
    const char *repository, *organisation, *since, *source, *url;
    int64_t hook, limit, pages, patience_us;
    bool without_database, dry_run, json;
    int argument_count;
    char **arguments;
    const struct github_settings *settings;
    struct github_api *api;
    PGconn *database;
    struct audit audit;
    bool audited;
    struct deliveries found;
    int64_t failed, counts[OUTCOMES];
    cJSON *events; /* for --json */
};

static const struct option_rule rules[] = {
    {"--repo", OPTION_TEXT, offsetof(struct recover, repository), "OWNER/REPO", "the webhook's repository", 0,
     0},
    {"--org", OPTION_TEXT, offsetof(struct recover, organisation), "ORG", "or its organization", 0, 0},
    {"--hook", OPTION_NUMBER, offsetof(struct recover, hook), "N",
     "its number: the last part of its page's address", 1, HOOK_MOST},
    {"--since", OPTION_TEXT, offsetof(struct recover, since), "TIME",
     "look at attempts since then: an age (3h) or RFC 3339", 0, 0},
    {"--source", OPTION_TEXT, offsetof(struct recover, source), "SOURCE",
     "the webhook's source here (github)", 0, 0},
    {"--limit", OPTION_NUMBER, offsetof(struct recover, limit), "N",
     "ask for at most N redeliveries, the oldest first (100)", 1, 10000},
    {"--pages", OPTION_NUMBER, offsetof(struct recover, pages), "N",
     "read at most N pages of 100 attempts (30)", 1, 100},
    {"--max-wait", OPTION_DURATION, offsetof(struct recover, patience_us), "TIME",
     "wait for GitHub's rate limits, in all (5min)", 0, 24 * 3600 * CLOCK_US_PER_S},
    {"--api", OPTION_TEXT, offsetof(struct recover, url), "URL",
     "GitHub's API (https://api.github.com; Enterprise Server:\n"
     "https://HOST/api/v3)",
     0, 0},
    {"--without-database", OPTION_FLAG, offsetof(struct recover, without_database), NULL,
     "don't ask whether an event is here: ask for all that failed", 0, 0},
    {"--dry-run", OPTION_FLAG, offsetof(struct recover, dry_run), NULL, "only print what it would ask for", 0,
     0},
    {"--json", OPTION_FLAG, offsetof(struct recover, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

/* --- printing ----------------------------------------------------------------- */

static void tell(struct recover *r, const struct delivery_event *e, enum outcome outcome, const char *why)
{
    struct buf time = {0};

    r->counts[outcome]++;
    clock_append(&time, e->newest_us);
    if (r->json) {
        cJSON *event = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(event, "guid", e->guid);
        (void)cJSON_AddStringToObject(event, "outcome", outcome_names[outcome]);
        (void)cJSON_AddStringToObject(event, "event", e->event);
        (void)cJSON_AddRawToObject(event, "delivery_id", e->id);
        (void)cJSON_AddStringToObject(event, "delivered_at", buf_text(&time));
        record_add_count(event, "attempts", e->attempts);
        record_add_count(event, "status_code", e->status_code == 0 ? -1 : e->status_code);
        (void)cJSON_AddStringToObject(event, "status", e->status);
        (void)cJSON_AddItemToArray(r->events, event);
    } else {
        report_line("%-11s  %s  %s  %s  attempts %d, the last: %" PRId64 " %s", outcome_names[outcome],
                    e->guid, e->event, buf_text(&time), e->attempts, e->status_code, e->status);
    }
    if (why != NULL) {
        report_problem(NAME, "%s: %s", e->guid, why);
    }
    buf_free(&time);
}

static void summarise(struct recover *r)
{
    cJSON *object;

    if (!r->json) {
        struct buf text = {0};

        for (int i = 0; i < OUTCOMES; i++) {
            if (r->counts[i] > 0) {
                buf_printf(&text, ", %s %" PRId64, outcome_names[i], r->counts[i]);
            }
        }
        report_line("%" PRId64 " attempts of %zu events; without success: %" PRId64 "%s", r->found.attempts,
                    r->found.count, r->failed, buf_text(&text));
        buf_free(&text);
        return;
    }
    object = cJSON_CreateObject();
    (void)cJSON_AddBoolToObject(object, "dry_run", r->dry_run);
    (void)cJSON_AddBoolToObject(object, "complete", r->found.complete);
    record_add_count(object, "attempts", r->found.attempts);
    record_add_count(object, "events_listed", (int64_t)r->found.count);
    record_add_count(object, "failed", r->failed);
    for (int i = 0; i < OUTCOMES; i++) {
        record_add_count(object, outcome_names[i], r->counts[i]);
    }
    (void)cJSON_AddItemToObject(object, "events", r->events);
    r->events = NULL;
    record_print(NAME, object);
}

/* --- steps ---------------------------------------------------------------------- */

static enum error_code read_deliveries(struct recover *r, int64_t since_us, struct error *error)
{
    struct buf page = {0}, next = {0}, cursor = {0};
    enum error_code code = ERROR_NONE;
    int64_t pages = 0;

    while (code == ERROR_NONE && !r->found.complete && pages < r->pages) {
        size_t listed = 0;

        code = github_api_list(r->api, buf_text(&cursor), &page, &next, error);
        if (code == ERROR_NONE) {
            code = deliveries_add(&r->found, buf_span(&page), since_us, &listed, error);
        }
        r->found.complete = r->found.complete || next.len == 0;
        buf_clear(&cursor);
        buf_append_span(&cursor, buf_span(&next));
        pages++;
    }
    if (code == ERROR_NONE && !r->found.complete) {
        struct buf time = {0};

        clock_append(&time, r->found.oldest_us);
        report_problem(NAME,
                       "stopped after %" PRId64
                       " pages: attempts before %s were not looked at; use more --pages, "
                       "or a later --since more often",
                       pages, buf_text(&time));
        buf_free(&time);
    }
    buf_free(&page);
    buf_free(&next);
    buf_free(&cursor);
    return code;
}

/* *outcome: STORED or DEAD when the event is here; else unchanged. */
static enum error_code look_here(struct recover *r, const char *guid, enum outcome *outcome,
                                 struct error *error)
{
    struct places places = {0};
    enum error_code code;

    if (r->database == NULL) {
        return ERROR_NONE;
    }
    code = places_ask(&places, r->database, guid, r->source, error);
    if (code == ERROR_NONE && PQntuples(places.dead) > 0) {
        *outcome = DEAD;
    }
    if (code == ERROR_NONE && PQntuples(places.stored) > 0) {
        *outcome = STORED;
    }
    places_free(&places);
    return code;
}

static enum error_code ask(struct recover *r, const struct delivery_event *e, struct error *error)
{
    bool accepted = false;
    enum error_code code = ERROR_NONE;

    if (r->database != NULL && !r->audited) {
        code = audit_begin(&r->audit, r->database, NAME, r->argument_count, r->arguments, error);
        r->audited = code == ERROR_NONE;
    }
    if (code == ERROR_NONE) {
        code = github_api_redeliver(r->api, e->id, &accepted, error);
    }
    if (code == ERROR_NONE) {
        tell(r, e, accepted ? ASKED : REFUSED, accepted ? NULL : error->text);
    }
    return code;
}

static enum error_code recover_event(struct recover *r, const struct delivery_event *e, int64_t now_us,
                                     struct error *error)
{
    enum outcome outcome = OUTCOMES;
    enum error_code code;

    r->failed++;
    if (e->under_way || e->newest_us > now_us - SETTLED_US) {
        tell(r, e, UNDER_WAY, NULL);
        return ERROR_NONE;
    }
    code = look_here(r, e->guid, &outcome, error);
    if (code != ERROR_NONE) {
        return code;
    }
    if (outcome == OUTCOMES && r->counts[ASKED] + r->counts[WOULD_ASK] + r->counts[REFUSED] >= r->limit) {
        outcome = LEFT;
    } else if (outcome == OUTCOMES && r->dry_run) {
        outcome = WOULD_ASK;
    }
    if (outcome == OUTCOMES) {
        return ask(r, e, error);
    }
    tell(r, e, outcome, NULL);
    return ERROR_NONE;
}

static enum error_code recover_all(struct recover *r, int64_t since_us, struct error *error)
{
    int64_t now_us = clock_wall_us();
    enum error_code code = ERROR_NONE;

    if (!r->without_database) {
        code = reader_open(&r->database, &r->settings->database, NAME, error);
    }
    if (code == ERROR_NONE) {
        code = read_deliveries(r, since_us, error);
    }
    /* The oldest first: GitHub sends an event again for some days only. */
    for (size_t i = r->found.count; code == ERROR_NONE && i > 0; i--) {
        if (!r->found.events[i - 1].succeeded) {
            code = recover_event(r, &r->found.events[i - 1], now_us, error);
        }
    }
    if (r->audited) {
        audit_end(&r->audit, r->counts[ASKED], code);
    }
    return code;
}

/* --- command -------------------------------------------------------------------- */

/* True for a name, or two with a slash, of the characters that GitHub's names have. */
static bool is_name(const char *text, size_t parts)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    for (size_t i = 0; i < parts; i++) {
        size_t len = strspn(text, allowed);

        if (len == 0 || len > 100 || strspn(text, ".") == len || text[len] != (i + 1 < parts ? '/' : '\0')) {
            return false;
        }
        text += len + 1;
    }
    return true;
}

static const char *wrong_options(const struct recover *r, struct moment *since)
{
    if ((r->repository == NULL) == (r->organisation == NULL)) {
        return "either --repo or --org is needed";
    }
    if (r->repository != NULL ? !is_name(r->repository, 2) : !is_name(r->organisation, 1)) {
        return "--repo must be OWNER/REPO, --org a name";
    }
    if (r->hook == 0) {
        return "--hook is needed: the webhook's number";
    }
    if (r->since == NULL || !moment_read(r->since, since)) {
        return "--since is needed: an age such as 3h, or a time in RFC 3339";
    }
    if (!envelope_source_valid(span_of(r->source))) {
        return "--source must be a-z, 0-9 and -";
    }
    return github_api_url_safe(r->url)
               ? NULL
               : "--api must be https://, so that nobody reads the token (http:// to this machine only)";
}

static enum exit_code conclude(const struct recover *r, enum error_code code, const struct error *error)
{
    if (code == ERROR_LIMIT || (code != ERROR_NONE && signals_drain_requested())) {
        report_problem(NAME, "%s", error->text);
        return EXIT_NO;
    }
    if (code != ERROR_NONE) {
        return report_error(NAME, error);
    }
    return r->found.complete && r->counts[REFUSED] == 0 && r->counts[LEFT] == 0 ? EXIT_DONE : EXIT_NO;
}

static enum exit_code run_recover(struct recover *r, int64_t since_us)
{
    struct buf owner = {0};
    struct github_api_options options = {.subcommand = NAME,
                                         .url = r->url,
                                         .token = r->settings->token,
                                         .hook = r->hook,
                                         .patience_us = r->patience_us};
    struct error error = {0};
    enum error_code code = signals_install_drain(&error);
    enum exit_code done;

    buf_printf(&owner, "%s/%s", r->repository != NULL ? "repos" : "orgs",
               r->repository != NULL ? r->repository : r->organisation);
    options.owner = buf_text(&owner);
    r->events = cJSON_CreateArray();
    if (code == ERROR_NONE) {
        code = github_api_open(&r->api, &options, &error);
    }
    if (code == ERROR_NONE) {
        code = recover_all(r, since_us, &error);
    }
    if (code == ERROR_NONE || r->found.attempts > 0) {
        summarise(r);
    }
    done = conclude(r, code, &error);
    github_api_close(r->api);
    PQfinish(r->database);
    cJSON_Delete(r->events);
    deliveries_free(&r->found);
    buf_free(&owner);
    return done;
}

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    struct recover r = {.settings = any_settings,
                        .source = "github",
                        .url = "https://api.github.com",
                        .limit = 100,
                        .pages = 30,
                        .patience_us = 300 * CLOCK_US_PER_S,
                        .argument_count = count,
                        .arguments = arguments};
    struct moment since = {0};
    const char *wrong;

    if (!options_read(NAME, rules, &r, count, arguments)) {
        return EXIT_USAGE;
    }
    wrong = wrong_options(&r, &since);
    if (wrong != NULL) {
        report_problem(NAME, "%s; see sluice " NAME " --help", wrong);
        return EXIT_USAGE;
    }
    if (r.settings->token[0] == '\0') {
        report_problem(NAME, "GITHUB_TOKEN or GITHUB_TOKEN_FILE must be set");
        return EXIT_SETTINGS;
    }
    return run_recover(&r, moment_us(&since, clock_wall_us()));
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--repo OWNER/REPO|--org ORG --hook N --since TIME [OPTION]...",
    .summary = "ask GitHub to send again what failed: it doesn't retry",
    .help =
        "Reads the list of attempts from GitHub's API and asks for another attempt of each event of\n"
        "which none succeeded, and which is neither stored here nor a dead letter. An event that was\n"
        "tried in the last minute is left for the next run. The token needs write access to webhooks\n"
        "(classic: repo, or admin:org_hook). An event that comes twice makes no second row. GitHub sends\n"
        "only events of the last days again: run this regularly, or after each outage.\n",
    .options = rules,
    .notes = "Exit code 1 when something is left: over --limit, --pages or --max-wait, or refused; 69 when\n"
             "GitHub or the database can't be reached; 78 when the token is refused.\n",
    .settings = settings_github,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
