/* SPDX-License-Identifier: MIT
 *
 * The list of subcommands; see commands.h.  Data only.
 */
#include "commands.h"

const struct option_table *const command_tables[] = {
	&serve_table, &status_table, &restart_table, &stop_table, NULL};
