/* SPDX-License-Identifier: MIT
 *
 * The models: how a connection comes to its handler.  One file each, behind this table.
 * Floor 4.
 */
#ifndef HARK_SERVER_MODEL_H
#define HARK_SERVER_MODEL_H

#include "server/worker.h"

struct hark__model {
	const char *name;
	bool has_threads;  /* handlers run in threads of the serving process … */
	bool has_children; /* … or each conversation has a process */
	bool has_crew;     /* … and several threads take turns at accepting */
	bool kills;        /* at the cut these processes are killed */

	/* Connections at once in a process that the options allow: 0 = .max_connections. */
	int (*most)(const struct hark_server_options *options);
	int usual; /* .max_connections where it is not given; 0: as .most says */

	/* NULL: any options do. */
	int (*check)(const struct hark_server_options *options, struct hark_error *err);

	/*
	 * Accepts and serves until accepting has ended, or the cut has come; conversations
	 * may go on.
	 */
	int (*serve)(struct hark__worker *worker, struct hark_error *err);
};

/* NULL: there is none of that number. */
const struct hark__model *hark__model_of(enum hark_model model);

/* How many connections a process of it has at most. */
int hark__model_most(
	const struct hark__model *model, const struct hark_server_options *options);

extern const struct hark__model hark__model_serial;
extern const struct hark__model hark__model_fork;
extern const struct hark__model hark__model_thread;
extern const struct hark__model hark__model_pool;
extern const struct hark__model hark__model_spawn;

#endif
