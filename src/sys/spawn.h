/* SPDX-License-Identifier: MIT
 *
 * Starting a program, for a connection or as our successor: the one thing that is made of
 * several system calls, since what happens between fork and exec cannot be taken apart.
 * Floor 0.
 */
#ifndef HARK_SYS_SPAWN_H
#define HARK_SYS_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct sys_program {
	const char *path; /* PATH is not searched */
	char *const *argv;
	char *const *envp;
	/*
	 * Its standard input and output; it is in a process group of its own, no signal is
	 * ignored.  -1: a successor has of all that what we have.
	 */
	int fd;
	const int *kept; /* stay open as well, under their numbers, above 2 */
	size_t kept_count;
	char *own_pid; /* where its process number is to stand in envp, or NULL */
	/*
	 * Work in the new process that may take long, before the exec: negative ends it.
	 * Then it is a fork(2), nobody waits for either, and an exec that failed is told to
	 * `failed` in that process.  Either way it resets the connection then.  With a
	 * connection, and nothing kept.
	 */
	int (*prepare)(void *ctx);
	void (*failed)(int code, void *ctx);
	void *ctx;
};

enum { SYS_PID_TEXT_MAX = 12 };

/*
 * A process with our 2, and nothing open but what is said above, and with no signal blocked
 * or caught.  Without .prepare it runs the program when this returns, and an exec that
 * failed is its negative errno here.
 */
pid_t sys_spawn(const struct sys_program *program);

/* As whom it runs. */
uid_t sys_geteuid(void);
gid_t sys_getegid(void);

#endif
