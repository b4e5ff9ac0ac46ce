/* SPDX-License-Identifier: MIT */
#include "subcommand.h"

#include <string.h>

/* Start and end of the section, defined by the linker. */
extern const struct subcommand *const registered_first[] __asm__("__start_subcommands");
extern const struct subcommand *const registered_end[] __asm__("__stop_subcommands");

const struct subcommand *subcommand_next(const struct subcommand *previous)
{
    const struct subcommand *next = NULL;

    for (const struct subcommand *const *s = registered_first; s < registered_end; s++) {
        if ((previous == NULL || strcmp((*s)->name, previous->name) > 0) &&
            (next == NULL || strcmp((*s)->name, next->name) < 0)) {
            next = *s;
        }
    }
    return next;
}

/* Returns how many arguments the name takes up (one or two), or 0 when the arguments don't match it. */
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

const struct subcommand *subcommand_find(int count, char **arguments, int *words)
{
    const struct subcommand *s = NULL;

    while ((s = subcommand_next(s)) != NULL) {
        *words = words_of(s->name, count, arguments);
        if (*words > 0) {
            return s;
        }
    }
    return NULL;
}

bool subcommand_append_group(struct buf *out, const char *word)
{
    for (const struct subcommand *s = NULL; (s = subcommand_next(s)) != NULL;) {
        size_t first = strcspn(s->name, " ");

        if (s->name[first] != '\0' && span_equal((struct span){s->name, first}, span_of(word))) {
            buf_printf(out, "  sluice %-12s %s\n", s->name, s->summary);
        }
    }
    return out->len > 0;
}
