/* SPDX-License-Identifier: MIT
 *
 * Who follows this process at a hot restart: the same command in its newer version, with the
 * same words.
 */
#ifndef HARK_COMMAND_UPGRADE_H
#define HARK_COMMAND_UPGRADE_H

#include "serve_options.h"

#include <hark_server.h>
#include <stdbool.h>

/* Before anything reorders them.  False: no memory. */
bool upgrade_remember_words(char **argv);

/* It points to what lasts as long as the process. */
struct hark_successor upgrade_successor(const struct serve_options *options);

#endif
