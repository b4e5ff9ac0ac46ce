/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "settings.h"
#include "subcommand.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct subcommand *const subcommands[] = {
    &setup_command,     &send_command,         &status_command,    &ready_command,     &verify_command,
    &check_command,     &route_command,        &dead_list_command, &dead_show_command, &dead_replay_command,
    &dead_drop_command, &dead_collect_command, &prune_command};
#define SUBCOMMANDS (sizeof subcommands / sizeof subcommands[0])

/* Room for whichever subcommand's settings. */
union any_settings {
    struct setup_settings setup;
    struct status_settings status;
    struct verify_settings verify;
    struct route_settings route;
    struct reader_settings reader;
    struct owner_settings owner;
    struct mover_settings mover;
};

static void print(struct buf *text)
{
    (void)fwrite(text->data, 1, text->len, stdout);
    buf_free(text);
}

static void print_help(void)
{
    struct buf out = {0};

    buf_append_text(&out, "usage: sluice SUBCOMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        buf_printf(&out, "  %-12s %s\n", subcommands[i]->name, subcommands[i]->summary);
    }
    buf_append_text(&out, "\n  sluice SUBCOMMAND --help          what it does, its options and settings\n"
                          "  sluice SUBCOMMAND --print-config  the settings in force, secrets hidden\n"
                          "  sluice --print-settings           all settings as a table\n"
                          "  sluice --version\n\n"
                          "Exit codes: 0 done; 1 the answer is no; 64 usage; 69 a server wasn't reached;\n"
                          "70 a bug; 78 settings.\n");
    print(&out);
}

static void print_subcommand_help(const struct subcommand *subcommand)
{
    struct buf out = {0};

    buf_printf(&out, "usage: sluice %s%s%s\n\n%s", subcommand->name,
               subcommand->arguments[0] == '\0' ? "" : " ", subcommand->arguments, subcommand->help);
    if (subcommand->settings[0].name != NULL) {
        buf_append_text(
            &out, "\nSettings, from the environment; each also as NAME_FILE, a file that holds it:\n\n");
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
        report_problem(
            subcommand->name,
            "insecure-secret: %s: a development secret that everybody knows; make secrets writes real ones",
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
    if (config_load(subcommand->settings, &settings, &complaints) != ERROR_NONE) {
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

/* How many of the arguments are the subcommand's name, which may be of two words; 0: they aren't. */
static int words_of(const char *name, int count, char **arguments)
{
    size_t first = strcspn(name, " ");

    if (count == 0 || !span_equal((struct span){name, first}, span_of(arguments[0]))) {
        return 0;
    }
    if (name[first] == '\0') {
        return 1;
    }
    return count > 1 && strcmp(arguments[1], name + first + 1) == 0 ? 2 : 0;
}

static bool find(int count, char **arguments, const struct subcommand **found, int *words)
{
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        *words = words_of(subcommands[i]->name, count, arguments);
        if (*words > 0) {
            *found = subcommands[i];
            return true;
        }
    }
    return false;
}

/* The subcommands whose first of two words this is, a line each; false when there is none. */
static bool append_group(struct buf *out, const char *word)
{
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        size_t first = strcspn(subcommands[i]->name, " ");

        if (subcommands[i]->name[first] != '\0' &&
            span_equal((struct span){subcommands[i]->name, first}, span_of(word))) {
            buf_printf(out, "  sluice %-12s %s\n", subcommands[i]->name, subcommands[i]->summary);
        }
    }
    return out->len > 0;
}

/* What was given is no subcommand: says what there is. */
static enum exit_code refuse(int count, char **arguments)
{
    struct buf group = {0};

    if (count == 0) {
        (void)fprintf(stderr, "sluice: which subcommand?; see sluice --help\n");
    } else if (!append_group(&group, arguments[0])) {
        (void)fprintf(stderr, "sluice: no such subcommand: %s; see sluice --help\n", arguments[0]);
    } else if (count > 1 && strcmp(arguments[1], "--help") == 0) {
        print(&group);
        return EXIT_DONE;
    } else {
        (void)fprintf(stderr, "sluice: which of these?\n%s", buf_text(&group));
    }
    buf_free(&group);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    const struct subcommand *subcommand;
    int words;
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
    if (!find(argc - 1, argv + 1, &subcommand, &words)) {
        return refuse(argc - 1, argv + 1);
    }
    argc -= 1 + words;
    argv += 1 + words;
    if (has_argument(argc, argv, "--help")) {
        print_subcommand_help(subcommand);
        return EXIT_DONE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "sluice: libcurl doesn't start\n");
        return EXIT_BUG;
    }
    code = run(subcommand, argc, argv);
    curl_global_cleanup();
    return code;
}
