/* SPDX-License-Identifier: MIT
 *
 * The quiesce, for those of the library who let others accept.  Floor 2.
 */
#ifndef HARK_SOCKET_QUIESCE_H
#define HARK_SOCKET_QUIESCE_H

#include <hark.h>

/*
 * Picks the method for one listener and closes its gate: 0, or a negative errno, and then
 * nothing has changed.  .fallback_code tells why BEST is not better.
 */
int hark__gate_close(struct hark_quiesce *quiesce, size_t i,
	const struct hark_quiesce_options *options, struct hark_error *err);
/* Takes it back. */
int hark__gate_open(struct hark_quiesce *quiesce, size_t i, struct hark_error *err);

/* Others have accepted so many since begin. */
void hark__quiesce_accepted(struct hark_quiesce *quiesce, unsigned count);

#endif
