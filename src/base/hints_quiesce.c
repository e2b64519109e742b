/* SPDX-License-Identifier: MIT
 *
 * Hints on quiescing listeners (hints.h).  Floor 1.
 */
#include "base/hints.h"

#include <errno.h>

#define QUIESCE .step = HARK_STEP_QUIESCE

const struct hark__hint hark__hints_quiesce[] = {
	{QUIESCE, .remedy = "HARK_QUIESCE_BEST takes what can be had",
		.more = "Each method has conditions of its own; hark_quiesce(3) lists "
			"them."},
	{QUIESCE, .cause = HARK_CAUSE_TOO_MANY,
		.words = "at most {limit} listeners are quiesced at once",
		.remedy = "quiesce the rest by another call",
		.more = "HARK_SET_MAX is the size of a set."},
	{QUIESCE, .cause = HARK_CAUSE_DEFERS_ACCEPT,
		.words = "it defers accepting, and who has connected and said nothing "
			 "looks like a handshake in progress",
		.remedy = "open it without .defer_accept_s, or take "
			  "HARK_QUIESCE_UNTIL_EMPTY",
		.more = "With TCP_DEFER_ACCEPT nobody can tell when the last client "
			"has "
			"come."},
	{QUIESCE, .cause = HARK_CAUSE_NOT_IN_GROUP,
		.words = "the successor is not in a group with it",
		.remedy = "open both with .reuse_port on, for the same address and as "
			  "the "
			  "same user",
		.more = "Clients are steered within a group of SO_REUSEPORT."},
	{QUIESCE, .cause = HARK_CAUSE_NO_MIGRATION,
		.words = "net.ipv4.tcp_migrate_req is off",
		.remedy = "`sysctl net.ipv4.tcp_migrate_req=1`, or another method",
		.more = "With it the kernel passes clients on within a group of "
			"SO_REUSEPORT when a member is closed (Linux 5.14)."},
	{QUIESCE, .cause = HARK_CAUSE_OTHER_MEMBERS,
		.words =
			"other members of its group go on, and the kernel would hand a "
			"ghost clients that nobody answers",
		.remedy =
			"steer to one of them (.successor_fd), or quiesce all members "
			"at once",
		.more = "The group goes on choosing a member that is bound to another "
			"interface, and then drops what it had chosen."},
	{QUIESCE, .cause = HARK_CAUSE_FOR_GOOD,
		.words = "a Unix listener that was shut down stays so",
		.remedy = "close it and open another",
		.more = "shutdown(2) cannot be taken back."},
	{QUIESCE, .code = EPERM, .words = "this takes a privilege",
		.remedy = "the filter needs CAP_NET_ADMIN; to take a ghost back needs "
			  "CAP_NET_RAW",
		.more = "Becoming a ghost takes none; what cannot be taken back can be "
			"closed."},
	{QUIESCE, .code = ENOPROTOOPT, .words = "this kernel has not what it needs",
		.remedy = "ghosts need Linux 5.7, steering 4.5 and 5.3",
		.more = "HARK_QUIESCE_BEST falls back, and says so in the report."},
	{.remedy = NULL},
};
