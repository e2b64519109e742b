/* SPDX-License-Identifier: MIT
 *
 * The options of `hark stop`, `hark restart` and `hark status`.
 */
#ifndef HARK_COMMAND_ASK_OPTIONS_H
#define HARK_COMMAND_ASK_OPTIONS_H

#include "options.h"

#include <stdbool.h>

struct ask_options {
	const char *control;
	bool json;
};

extern const struct option_table stop_table, restart_table, status_table;

#endif
