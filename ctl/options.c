/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "report.h"
#include "value.h"

#include <getopt.h>
#include <string.h>

/* Values that getopt_long returns. */
#define IS_OPERAND 1
#define IS_OPTION 256
#define LACKS_VALUE ':'
#define QUOTED(number) #number
#define TEXT_OF(number) QUOTED(number)

static void *member_of(void *into, const struct option_rule *rule)
{
    return (char *)into + rule->offset;
}

static bool is_option(const struct option_rule *rule)
{
    return rule->kind != OPTION_OPERAND && rule->kind != OPTION_REMARK;
}

/* Builds getopt_long's table with the same indexes as the rules. Rows that are not options get a name that no
 * argument can have. */
static void fill(struct option options[OPTIONS_MAX + 1], const struct option_rule *rules)
{
    for (size_t i = 0; i < OPTIONS_MAX && rules[i].name != NULL; i++) {
        options[i] = (struct option){
            .name = is_option(&rules[i]) ? rules[i].name + 2 : "=",
            .has_arg = rules[i].kind == OPTION_FLAG ? no_argument : required_argument,
            .val = IS_OPTION,
        };
    }
}

/* Returns NULL, or a phrase that says what is wrong. */
static const char *add_text(struct option_texts *texts, const char *value)
{
    if (texts->count == OPTION_TEXTS_MAX) {
        return "is one too many: at most " TEXT_OF(OPTION_TEXTS_MAX) " are allowed";
    }
    texts->values[texts->count++] = value;
    return NULL;
}

/* Returns NULL, or a phrase that says what is wrong with the value. */
static const char *take_value(const struct option_rule *rule, void *into, const char *value)
{
    const struct config_setting as_setting = {
        .type = rule->kind == OPTION_NUMBER ? CONFIG_INTEGER : CONFIG_DURATION,
        .min = rule->min,
        .max = rule->max,
    };
    const char *wrong = NULL;
    int64_t number;

    switch (rule->kind) {
    case OPTION_FLAG:
        *(bool *)member_of(into, rule) = true;
        break;
    case OPTION_TEXT:
    case OPTION_OPERAND:
        *(const char **)member_of(into, rule) = value;
        break;
    case OPTION_TEXTS:
        wrong = add_text(member_of(into, rule), value);
        break;
    case OPTION_NUMBER:
    case OPTION_DURATION:
        wrong = value_read(&as_setting, value, &number);
        if (wrong == NULL) {
            *(int64_t *)member_of(into, rule) = number;
        }
        break;
    case OPTION_REMARK:
        break;
    }
    return wrong;
}

static bool take_operand(const char *subcommand, const struct option_rule *rules, void *into,
                         const char *operand)
{
    for (; rules->name != NULL; rules++) {
        if (rules->kind == OPTION_OPERAND && *(const char **)member_of(into, rules) == NULL) {
            return take_value(rules, into, operand) == NULL;
        }
    }
    report_problem(subcommand, "unexpected argument: %s; see sluice %s --help", operand, subcommand);
    return false;
}

/* getopt_long accepts abbreviations. We don't: a script that uses one could break when an option is added. */
static bool is_whole(const char *argument, const struct option *option)
{
    return span_equal((struct span){argument + 2, strcspn(argument + 2, "=")}, span_of(option->name));
}

static bool take_option(const char *subcommand, const struct option_rule *rule, void *into)
{
    const char *wrong = take_value(rule, into, optarg);

    if (wrong != NULL) {
        report_problem(subcommand, "%s %s %s; see sluice %s --help", rule->name, optarg, wrong, subcommand);
    }
    return wrong == NULL;
}

bool options_read(const char *subcommand, const struct option_rule *rules, void *into, int count,
                  char **arguments)
{
    struct option options[OPTIONS_MAX + 1] = {{0}};
    int index = 0, at = 1, found;
    bool good = true;

    fill(options, rules);
    optind = 0; /* glibc: restarts getopt */
    while (good && (found = getopt_long(count, arguments, "-:", options, &index)) != -1) {
        const char *argument = arguments[at];

        if (found == IS_OPERAND && argument[0] != '-') {
            good = take_operand(subcommand, rules, into, argument);
        } else if (found == IS_OPTION && is_whole(argument, &options[index])) {
            good = take_option(subcommand, &rules[index], into);
        } else {
            if (found == LACKS_VALUE) {
                report_problem(subcommand, "%s needs a value; see sluice %s --help", argument, subcommand);
            } else if (found == '?' && optopt == IS_OPTION) {
                report_problem(subcommand, "%s takes no value; see sluice %s --help", argument, subcommand);
            } else {
                report_problem(subcommand, "no such option: %s; see sluice %s --help", argument, subcommand);
            }
            good = false;
        }
        at = optind;
    }
    for (int i = optind; good && i < count; i++) {
        good = take_operand(subcommand, rules, into, arguments[i]);
    }
    return good;
}

/* Width of "--name VALUE" in characters. */
static size_t width_of(const struct option_rule *rule)
{
    return strlen(rule->name) + (rule->value == NULL ? 0 : 1 + strlen(rule->value));
}

void options_append_help(const struct option_rule *rules, struct buf *out)
{
    size_t width = 0;

    for (const struct option_rule *r = rules; r->name != NULL; r++) {
        width = is_option(r) && width_of(r) > width ? width_of(r) : width;
    }
    for (const struct option_rule *r = rules; r->name != NULL; r++) {
        if (r->kind == OPTION_REMARK) {
            buf_append_text(out, r->help);
        } else if (r->help != NULL) {
            buf_printf(out, "  %s%s%s%*s", r->name, r->value == NULL ? "" : " ",
                       r->value == NULL ? "" : r->value, (int)(width - width_of(r)), "");
            for (const char *line = r->help; line != NULL;) {
                size_t len = strcspn(line, "\n");

                buf_printf(out, "%*s%.*s\n", line == r->help ? 2 : (int)width + 4, "", (int)len, line);
                line = line[len] == '\0' ? NULL : line + len + 1;
            }
        }
    }
}
