/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "report.h"
#include "value.h"

#include <string.h>

static const struct option_rule *find(const struct option_rule *rules, const char *argument)
{
    bool operand = argument[0] != '-';

    for (; rules->name != NULL; rules++) {
        if (rules->kind == OPTION_OPERAND) {
            if (operand && *(const char **)rules->value == NULL) {
                return rules;
            }
        } else if (!operand && strcmp(rules->name, argument) == 0) {
            return rules;
        }
    }
    return NULL;
}

/* NULL, or what is wrong with the value as the middle of a sentence. */
static const char *take_value(const struct option_rule *rule, const char *value)
{
    const struct config_setting as_setting = {
        .type = rule->kind == OPTION_NUMBER ? CONFIG_INTEGER : CONFIG_DURATION,
        .min = rule->min,
        .max = rule->max,
    };
    const char *wrong;
    int64_t number;

    if (rule->kind == OPTION_TEXT) {
        *(const char **)rule->value = value;
        return NULL;
    }
    wrong = value_read(&as_setting, value, &number);
    if (wrong == NULL) {
        *(int64_t *)rule->value = number;
    }
    return wrong;
}

bool options_read(const char *subcommand, const struct option_rule *rules, int count, char **arguments)
{
    for (int i = 0; i < count; i++) {
        const struct option_rule *rule = find(rules, arguments[i]);
        const char *wrong = NULL;

        if (rule == NULL) {
            report_problem(subcommand, "%s: %s; see sluice %s --help",
                           arguments[i][0] == '-' ? "no such option" : "what is this?", arguments[i],
                           subcommand);
            return false;
        }
        if (rule->kind == OPTION_FLAG) {
            *(bool *)rule->value = true;
        } else if (rule->kind == OPTION_OPERAND) {
            *(const char **)rule->value = arguments[i];
        } else if (i + 1 == count) {
            report_problem(subcommand, "%s needs a value; see sluice %s --help", rule->name, subcommand);
            return false;
        } else {
            wrong = take_value(rule, arguments[++i]);
        }
        if (wrong != NULL) {
            report_problem(subcommand, "%s %s %s; see sluice %s --help", rule->name, arguments[i], wrong,
                           subcommand);
            return false;
        }
    }
    return true;
}
