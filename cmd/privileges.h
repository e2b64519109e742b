/* SPDX-License-Identifier: MIT
 *
 * Giving up privileges: who to become is found out before anything is opened, and become
 * once it is.
 */
#ifndef HARK_COMMAND_PRIVILEGES_H
#define HARK_COMMAND_PRIVILEGES_H

#include "os.h"
#include "serve_options.h"

struct privileges {
	const char *root; /* NULL: stay */
	const char *user; /* as it was asked for; NULL: stay */
	bool changes_group, names_groups;
	struct os_identity identity;
};

/* 0, or the exit code after a complaint; nothing has changed then. */
int privileges_find(struct privileges *privileges, const struct serve_options *options);

/* For ever: what was given up cannot be had again.  0 or the exit code likewise. */
int privileges_drop(const struct privileges *privileges);

#endif
