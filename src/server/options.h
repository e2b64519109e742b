/* SPDX-License-Identifier: MIT
 *
 * The options of a server: checked once, then every default filled in.  Floor 4.
 */
#ifndef HARK_SERVER_OPTIONS_H
#define HARK_SERVER_OPTIONS_H

#include <hark_server.h>

/* NULL is all defaults.  `has_handler`: a handler was given.  0 or a negative errno. */
int hark__server_options(struct hark_server_options *filled,
	const struct hark_server_options *given, bool has_handler,
	struct hark_error *err);

#endif
