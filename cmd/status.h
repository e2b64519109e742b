/* SPDX-License-Identifier: MIT
 *
 * What a running server says of itself: for people, or as one JSON object.
 */
#ifndef HARK_COMMAND_STATUS_H
#define HARK_COMMAND_STATUS_H

#include "server.h"

#include <stdio.h>

void status_print(FILE *stream, bool json, const struct setup *setup,
	struct hark_server *server, int64_t up_ms);

#endif
