/* SPDX-License-Identifier: MIT
 *
 * A server of the engine in a process of its own, one system call of which fails, whichever
 * of its processes and threads makes it; and its own account of how it ended.
 *
 * Not here: which calls, and what is right (test_server_faults.c).
 */
#ifndef TESTS_FAULTED_H
#define TESTS_FAULTED_H

#include <hark_server.h>

#include "sys/sys.h"

enum faulted_way {
	PLAIN,
	PREPARES, /* SPAWN: by fork(2), and not vfork(2) */
	RECYCLES, /* a worker is replaced after each client */
	CUTS,     /* what goes on at the stop is cut, and only then calls fail */
};

struct faulted_kind {
	enum hark_model model;
	int workers;
	enum faulted_way way;
};

/* Shared by the test and all processes of the server. */
struct faulted {
	/* what is to fail; .code 0: nothing */
	enum hark__call call;
	int nth;
	int code; /* a negative errno */

	/* what was met, from .armed on */
	_Atomic bool armed;
	_Atomic int injected;
	_Atomic int seen[HARK__CALL_COUNT];

	/* what the server says */
	unsigned port, onward; /* its own; and where its handler connects to */
	bool ended;            /* what follows was written */
	int run, destroyed;    /* the results */
	int err_code;
	char text[HARK_ERROR_TEXT_MAX];
	struct hark_server_stats stats;
	char left[1024];   /* what was open, ran or had not been waited for */
	_Atomic int crash; /* a signal that ended a worker or a handler's process */
	_Atomic int failed, told; /* workers, by their status; FAILED events */
	_Atomic int mute;         /* events that owe a reason, and had none */
};

/* In memory that is shared; freed by whoever mapped it, at the end of the test. */
struct faulted *faulted_make(void);

/* A process that serves; *held is open in it and in all that it forks. */
pid_t faulted_start(struct faulted *shared, const struct faulted_kind *kind, int *held);

#endif
