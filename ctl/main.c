/* SPDX-License-Identifier: MIT */
#include "http.h"
#include "lib/postgres/connection_url.h"
#include "report.h"
#include "secret.h"
#include "settings.h"
#include "subcommand.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void print(struct buf *text)
{
    (void)fwrite(text->data, 1, text->len, stdout);
    buf_free(text);
}

static void print_help(void)
{
    struct buf out = {0};

    buf_append_text(&out, "usage: sluice SUBCOMMAND [OPTION]...\n\n");
    for (const struct subcommand *s = NULL; (s = subcommand_next(s)) != NULL;) {
        buf_printf(&out, "  %-12s %s\n", s->name, s->summary);
    }
    buf_append_text(&out, "\n  sluice SUBCOMMAND --help          what it does, its options and settings\n"
                          "  sluice SUBCOMMAND --print-config  the effective settings, secrets hidden\n"
                          "  sluice --print-settings           all settings as a table\n"
                          "  sluice --version\n\n"
                          "Exit codes: 0 done; 1 the answer is no; 64 usage; 69 a server is unreachable;\n"
                          "70 a bug; 78 settings.\n");
    print(&out);
}

static void print_subcommand_help(const struct subcommand *subcommand)
{
    struct buf out = {0};

    buf_printf(&out, "usage: sluice %s%s%s\n\n%s", subcommand->name,
               subcommand->arguments[0] == '\0' ? "" : " ", subcommand->arguments, subcommand->help);
    if (subcommand->options[0].name != NULL) {
        struct buf options = {0};

        options_append_help(subcommand->options, &options);
        if (options.len > 0) {
            buf_append_char(&out, '\n');
            buf_append_span(&out, buf_span(&options));
        }
        buf_free(&options);
    }
    if (subcommand->notes != NULL) {
        buf_printf(&out, "\n%s", subcommand->notes);
    }
    if (subcommand->settings[0].name != NULL) {
        buf_append_text(
            &out,
            "\nSettings, from the environment; NAME_FILE names a file that holds the value of NAME:\n\n");
        config_help(subcommand->settings, &out);
    }
    print(&out);
}

static bool has_argument(int count, char **arguments, const char *wanted)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void warn_of_insecure_secrets(const struct subcommand *subcommand, const void *settings)
{
    struct buf names = {0};

    if (config_insecure(subcommand->settings, settings, &names)) {
        report_problem(subcommand->name,
                       "insecure-secret: %s: a public development secret; make secrets writes real ones",
                       buf_text(&names));
    }
    buf_free(&names);
}

static enum exit_code run(const struct subcommand *subcommand, int count, char **arguments)
{
    union any_settings settings;
    struct buf complaints = {0};
    enum exit_code code;

    memset(&settings, 0, sizeof settings);
    if (config_load(subcommand->settings, &settings, &complaints) != ERROR_NONE ||
        connection_url_check(subcommand->settings, &settings, &complaints) != ERROR_NONE) {
        (void)fwrite(complaints.data, 1, complaints.len, stderr);
        code = EXIT_SETTINGS;
    } else if (has_argument(count, arguments, "--print-config")) {
        struct buf out = {0};

        config_print(subcommand->settings, &settings, &out);
        print(&out);
        code = EXIT_DONE;
    } else {
        warn_of_insecure_secrets(subcommand, &settings);
        code = subcommand->run(&settings, count, arguments);
    }
    config_free(subcommand->settings, &settings);
    buf_free(&complaints);
    return code;
}

/* The arguments name no subcommand: prints the possible ones. */
static enum exit_code refuse(int count, char **arguments)
{
    struct buf group = {0};

    if (count == 0) {
        (void)fprintf(stderr, "sluice: a subcommand is needed; see sluice --help\n");
    } else if (!subcommand_append_group(&group, arguments[0])) {
        (void)fprintf(stderr, "sluice: no such subcommand: %s; see sluice --help\n", arguments[0]);
    } else if (count > 1 && strcmp(arguments[1], "--help") == 0) {
        print(&group);
        return EXIT_DONE;
    } else {
        (void)fprintf(stderr, "sluice: one of these is needed:\n%s", buf_text(&group));
    }
    buf_free(&group);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    const struct subcommand *subcommand;
    int words = 0;
    enum exit_code code;

    if (strcmp(first, "--help") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(first, "--version") == 0) {
        report_line("sluice " SLUICE_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(first, "--print-settings") == 0) {
        struct buf out = {0};

        settings_print_all(&out);
        print(&out);
        return EXIT_DONE;
    }
    subcommand = subcommand_find(argc - 1, argv + 1, &words);
    if (subcommand == NULL) {
        return refuse(argc - 1, argv + 1);
    }
    argc -= words;
    argv += words;
    if (has_argument(argc, argv, "--help")) {
        print_subcommand_help(subcommand);
        return EXIT_DONE;
    }
    secret_allow_core(false);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!http_start()) {
        (void)fprintf(stderr, "sluice: libcurl can't be initialised\n");
        return EXIT_BUG;
    }
    code = run(subcommand, argc, argv);
    http_stop();
    return code;
}
