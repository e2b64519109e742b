/* SPDX-License-Identifier: MIT
 *
 * Hints on hot restarts (hints.h): starting a successor, and waiting for it.
 * Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define UPGRADE .step = HARK_STEP_UPGRADE
#define OPTION  .step = HARK_STEP_OPTION

const struct hark__hint hark__hints_upgrade[] = {
	{UPGRADE, .remedy = "execve(2) names the errors; this server goes on",
		.more = "Nothing has changed: clients are served as before."},
	{UPGRADE, .code = ENOENT,
		.words = "there is no such file, or its interpreter is missing",
		.remedy = "put it there again, and upgrade again",
		.more = "It is executed by its path; after a change of the root "
			"directory it is looked for in there."},
	{UPGRADE, .code = EACCES,
		.remedy = "`chmod +x` it, or look at the directories above it",
		.more = "It is run by the user that the server is now."},
	{UPGRADE, .code = ETXTBSY, .words = "somebody is writing to it",
		.remedy = "replace a program by renaming another to its name",
		.more = "Nothing has changed: clients are served as before."},
	{UPGRADE, .cause = HARK_CAUSE_UPGRADES, .words = "another upgrade goes on",
		.remedy = "wait until the successor is ready, or has failed",
		.more = "HARK_EVENT_UPGRADED or HARK_EVENT_UPGRADE_FAILED tells."},
	{UPGRADE, .cause = HARK_CAUSE_STOPS, .words = "this server stops",
		.remedy = "start it again, or upgrade its successor if it has one",
		.more = "Who was stopped hands nothing over any more."},
	{UPGRADE, .cause = HARK_CAUSE_GENERATIONS,
		.words = "{limit} generations live already",
		.remedy = "wait until the oldest has drained, or shorten the drain",
		.more = "Each upgrade leaves one that serves its conversations to "
			"their end; .max_generations bounds them."},
	{UPGRADE, .cause = HARK_CAUSE_ENDED_EARLY,
		.words = "it ended before it was ready",
		.remedy = "see what it said; this server goes on",
		.more = "A mistake in its configuration, say.  It has to be a server "
			"with .successor."},
	{UPGRADE, .cause = HARK_CAUSE_NOT_READY,
		.words = "it was not ready in {limit} ms, and was killed",
		.remedy = "see what it waits for, or give it more time; this server "
			  "goes on",
		.more = "Ready is who calls hark_server_run with .successor, and has "
			"read its rules."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "successor.path",
		.words = "it has no slash, or is missing",
		.remedy = "say where the program is: PATH is not searched",
		.more = "/proc/self/exe would be the running image, and never newer."},
	{OPTION, .cause = HARK_CAUSE_BAD_VALUE, .option = "successor.argv",
		.words = "it is missing, or empty",
		.remedy = "argv[0] is the program's name, and NULL ends the list",
		.more = "Those of main(), as a rule."},
	{0},
};
