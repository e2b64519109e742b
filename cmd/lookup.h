/* SPDX-License-Identifier: MIT
 *
 * Names of addresses, and ident: only when asked for, in the new process, which nobody
 * waits for.
 */
#ifndef HARK_COMMAND_LOOKUP_H
#define HARK_COMMAND_LOOKUP_H

#include <hark_server.h>
#include <stdbool.h>

struct lookup {
	bool names, ident;
	bool local_name; /* it is not given */
};

/* As struct hark_program wants it, ctx is a struct lookup.  What is not found is left out. */
int lookup_names(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, void *ctx);

/*
 * The user in an answer of RFC 1413, cut, what is unprintable as '?'; false when it has
 * none.  `length` bytes, which may hold anything.
 */
bool lookup_read_ident(const char *answer, size_t length, int remote_port,
	int local_port, char *user, size_t size);

#endif
