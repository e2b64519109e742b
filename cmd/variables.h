/* SPDX-License-Identifier: MIT
 *
 * What programs inherit of our own environment: --env and --clear-env.  What tells about
 * the connection is the library's to add, and it leaves out what would tell wrong things.
 */
#ifndef HARK_COMMAND_VARIABLES_H
#define HARK_COMMAND_VARIABLES_H

#include "options.h"

#include <stdbool.h>

/*
 * Ours, or with `clear` PATH alone, and those of the list, the last of a name counts.  NULL:
 * no memory.  It is made once and stays.
 */
char **variables_make(char *const *own, bool clear, const struct option_list *set);

/* Whether UCSPI speaks of that variable ("TCPREMOTEIP", up to a '=' or the end). */
bool variables_is_of_connection(const char *name);

#endif
