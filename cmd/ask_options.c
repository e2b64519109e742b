/* SPDX-License-Identifier: MIT
 *
 * The options of those commands that ask a running server, once.  Data only.
 */
#include "ask_options.h"

#define AT(field) offsetof(struct ask_options, field)

#define CONTROL                                                                        \
	{                                                                              \
		OPTION_TEXT, 0, "control", "PATH", AT(control), 0, 0,                  \
			"the control socket of the server, as --control told it", NULL \
	}
#define HELP                                                               \
	{                                                                  \
		OPTION_HELP, 'h', "help", NULL, 0, 0, 0, "this text", NULL \
	}
#define END                                  \
	{                                    \
		OPTION_HEADING, .name = NULL \
	}

static const struct option_row rows[] = {CONTROL, HELP, END};
static const struct option_row status_rows[] = {CONTROL,
	{OPTION_FLAG, 0, "json", NULL, AT(json), 0, 0, "one JSON object, on one line",
		NULL},
	HELP, END};

static const char *const stop_usage[] = {"usage: hark stop --control PATH", NULL};
static const char *const stop_after[] = {
	"Returns when the server has ended, with how it went.  A second one ends "
	"at once",
	"what goes on.  Exit codes: 0, 100 (do not retry), 111 (may work later).",
	"Manual: hark-stop(1).", NULL};
static const char *const restart_usage[] = {"usage: hark restart --control PATH", NULL};
static const char *const restart_after[] = {
	"Starts the successor, which takes over without losing a client, or fails "
	"and",
	"changes nothing; returns when that is known.  Exit codes: 0, 100 (do not "
	"retry),",
	"111 (may work later).  Manual: hark-stop(1).", NULL};
static const char *const status_usage[] = {
	"usage: hark status --control PATH [--json]", NULL};
static const char *const status_after[] = {
	"Exit codes: 0, 100 (do not retry), 111 (may work later).",
	"Manual: hark-stop(1).", NULL};

const struct option_table stop_table = {.command = "stop",
	.summary = "end a running server, and wait for that",
	.usage = stop_usage,
	.after = stop_after,
	.rows = rows,
	.values = ""};
const struct option_table restart_table = {.command = "restart",
	.summary = "replace a running server without losing a client",
	.usage = restart_usage,
	.after = restart_after,
	.rows = rows,
	.values = ""};
const struct option_table status_table = {.command = "status",
	.summary = "what a running server does",
	.usage = status_usage,
	.after = status_after,
	.rows = status_rows,
	.values = ""};
