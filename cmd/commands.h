/* SPDX-License-Identifier: MIT
 *
 * The subcommands' tables of options, all of them: for hark --help, the manual and the
 * completions.
 */
#ifndef HARK_COMMAND_COMMANDS_H
#define HARK_COMMAND_COMMANDS_H

#include "ask_options.h"
#include "serve_options.h"

extern const struct option_table *const command_tables[]; /* ends with NULL */

#endif
