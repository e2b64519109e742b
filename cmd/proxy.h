/* SPDX-License-Identifier: MIT
 *
 * The service --proxy: each client is connected to another address, and what either side
 * sends goes to the other, its end and a reset too.
 */
#ifndef HARK_COMMAND_PROXY_H
#define HARK_COMMAND_PROXY_H

#include <hark_server.h>

struct proxy {
	const char *text; /* as it was given */
	struct hark_endpoint target;
	int timeout_ms; /* silence of both sides; -1: for ever */
};

/* Reads the address; 0, or the exit code after a complaint.  No resolver is asked yet. */
int proxy_read(struct proxy *proxy, const char *text);

/* The handler; ctx is a struct proxy. */
void proxy_serve(struct hark_conn *conn, void *ctx);

#endif
