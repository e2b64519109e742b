/* SPDX-License-Identifier: MIT
 *
 * The environment of a program: what all of them inherit, without what would tell them
 * wrong things; and what UCSPI (the Unix client-server program interface) has each know
 * about its connection.  Floor 4.
 */
#ifndef HARK_SERVER_ENVIRONMENT_H
#define HARK_SERVER_ENVIRONMENT_H

#include <hark_server.h>

/* Of one connection: as many, and so much text of names and values. */
enum { HARK__VARIABLES_MAX = 32, HARK__ENVIRONMENT_BYTES = 4096 };

/* NAME=VALUE, and a name; one that ends with '*' is a beginning. */
bool hark__is_variable(const char *variable, const char *name);

/* Made once; its strings are the caller's. */
struct hark__inherited {
	char **envp; /* room for HARK__VARIABLES_MAX more and the NULL behind .count */
	size_t count;
	const char *local_name; /* TCPLOCALHOST, or NULL */
};

/*
 * Everything about a connection is left out, and what was meant for the server alone: socket
 * activation, readiness.  The memory is the caller's, so many bytes, aligned for pointers;
 * what has come into our environment since and does not fit is left out.
 */
size_t hark__inherited_bytes(const struct hark_program *program);
void hark__inherit(struct hark__inherited *inherited,
	const struct hark_program *program, void *memory, size_t bytes);

/*
 * The variables of one connection, behind those that are inherited: in the same array, so
 * there is one such environment at a time in a process.
 */
struct hark_environment {
	char **envp;
	size_t count, most;
	char *own_pid; /* where the program's own process number belongs, or NULL */
	size_t used;
	char text[HARK__ENVIRONMENT_BYTES];
};

/* Both addresses as IPv4 where they are that; what is not known, or 0, is left out. */
void hark__environment_fill(struct hark_environment *env,
	const struct hark__inherited *inherited, const struct hark_addr *peer,
	const struct hark_addr *local, unsigned from_address, int fd);

#endif
