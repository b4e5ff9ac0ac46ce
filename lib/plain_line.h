/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_PLAIN_LINE_H
#define SLUICE_PLAIN_LINE_H

/* Checks that a setting or a secret holds no byte that its author can't see. Editors and shells add such
 * bytes: CRLF line ends, empty lines, blanks, byte order marks. A secret with one of them matches no
 * signature, and the sender gets 401 with no visible cause. Pure; any thread. */

#include "buf.h"
#include "error.h"

/* Checks the content of the file `path` without its one trailing newline. ERROR_SETTING: it begins with a
 * byte order mark, begins or ends with a blank or a tab, or contains a NUL, a carriage return or a newline.
 * The error begins with the path, names the byte and its place (from 1), and tells how to mend the file. It
 * quotes nothing else of the text. */
MUST_CHECK enum error_code plain_line_in_file(struct span text, const char *path, struct error *error);
/* The same for the value of the environment variable `name`, except that blanks and tabs at its ends are
 * allowed: nobody adds those to a variable by accident. */
MUST_CHECK enum error_code plain_line_in_variable(struct span text, const char *name, struct error *error);

#endif
