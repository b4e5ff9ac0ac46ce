/* SPDX-License-Identifier: MIT */
#include "conditions.h"

#include "ctl/report.h"

static bool read_moment(const char *subcommand, const char *option, const char *text, struct moment *moment)
{
    if (text != NULL && !moment_read(text, moment)) {
        report_problem(subcommand,
                       "%s %s is neither a time (2026-11-23T22:43:01Z) nor an age (90s, 2h, 30d); see sluice "
                       "%s --help",
                       option, text, subcommand);
        return false;
    }
    return true;
}

static bool read_paths(const char *subcommand, struct conditions *c)
{
    if (c->paths.count > SEARCH_PATHS_MAX) {
        report_problem(subcommand, "%zu times --json-path: at most %d are allowed", c->paths.count,
                       SEARCH_PATHS_MAX);
        return false;
    }
    for (size_t i = 0; i < c->paths.count; i++) {
        const char *wrong = json_path_read(c->paths.values[i], &c->search.paths[c->search.path_count++]);

        if (wrong != NULL) {
            report_problem(subcommand, "--json-path %s %s; see sluice %s --help", c->paths.values[i], wrong,
                           subcommand);
            return false;
        }
    }
    return true;
}

bool conditions_read(const char *subcommand, struct conditions *c)
{
    return read_moment(subcommand, "--since", c->since, &c->search.since) &&
           read_moment(subcommand, "--until", c->until, &c->search.until) && read_paths(subcommand, c);
}

void conditions_free(struct conditions *c)
{
    for (size_t i = 0; i < c->search.path_count; i++) {
        json_path_free(&c->search.paths[i]);
    }
    c->search.path_count = 0;
}
