/* SPDX-License-Identifier: MIT
 *
 * What `hark serve` can be told; the table is in serve_options.c.
 */
#ifndef HARK_COMMAND_SERVE_OPTIONS_H
#define HARK_COMMAND_SERVE_OPTIONS_H

#include "options.h"

#include <stdbool.h>

/* Which built-in service, instead of a program. */
enum service {
	SERVICE_NONE,
	SERVICE_ECHO,
	SERVICE_DISCARD,
	SERVICE_DAYTIME,
	SERVICE_CHARGEN
};

/* What becomes of clients above --connections. */
enum { OVERLOAD_WAIT, OVERLOAD_REFUSE, OVERLOAD_GATE };

struct serve_options {
	int service;       /* enum service */
	const char *proxy; /* the address of it, instead of these */

	int backlog;               /* 0: the most */
	int connections;           /* at once; 0: the default of what is served */
	int per_address;           /* of them from one address; 0: all */
	int per_prefix;            /* and from one network */
	const char *rate;          /* of new ones from one address, as given … */
	int rate_count, rate_ms;   /* … and read */
	const char *overload_name; /* likewise */
	int overload;
	int lame_duck_s; /* before the end; 0: none */
	const char *quiesce_name;
	const char *control;
	int quiesce;                        /* enum hark_quiesce_method; 0: the best */
	const char *successor;              /* NULL: as we were executed */
	int upgrade_timeout_s, generations; /* 0: the library's defaults */
	const char *refusal;
	const char *rules; /* a file */

	const char *model_name;
	int model; /* enum hark_model; 0: the default */
	int workers, threads, recycle;
	int timeout_s; /* of a silent client; 0: none */
	int drain_s;   /* -1: the default of what is served */

	struct option_list set; /* NAME=VALUE for programs */
	bool clear_environment;
	const char *banner;
	const char *local_name;
	bool names, ident;
	bool wait;

	const char *user, *group, *groups, *chroot;

	bool print_port;
	int notify_fd; /* -1: none */

	bool quiet, verbose;
};

/* As nothing was said yet. */
#define SERVE_OPTIONS_DEFAULT                  \
	{                                      \
		.drain_s = -1, .notify_fd = -1 \
	}

/* A thread or process each, and a descriptor; so many are reasonable. */
enum { MOST_CONVERSATIONS = 30000 };

extern const struct option_table serve_table;

#endif
