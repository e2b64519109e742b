/* SPDX-License-Identifier: MIT
 *
 * A process that serves: the only one, or one of the supervised workers.  It accepts,
 * admits, lets its model run the handler, and watches what ends.  Floor 4.
 */
#ifndef HARK_SERVER_WORKER_H
#define HARK_SERVER_WORKER_H

#include "server/children.h"
#include "server/conn.h"
#include "server/gate.h"
#include "server/linger.h"
#include "server/server.h"
#include "socket/accepting.h"

#include <pthread.h>

/* Of models serial and pool; see crew.h. */
struct hark__crew {
	pthread_mutex_t lead;  /* held by who waits for the next connection */
	_Atomic bool ended;    /* nobody will any more */
	int ended_fd;          /* an eventfd that says so */
	int code;              /* 0, or a negative errno and … */
	struct hark_error err; /* … why */
};

/* Of the model thread: places of connections, chained by .next_free; -1 is none. */
struct hark__threaded {
	_Atomic int given_back; /* by threads that ended */
	int free;               /* the accepting thread's */
	int touched;
};

/* Of the model spawn. */
struct hark__spawning {
	int64_t tell_held_ms; /* not before: a client waits for its process */
};

struct hark__worker {
	struct hark_server *server;
	struct hark__row *row;
	int number;     /* of the row: who holds a place in the table of hosts */
	int parent_fd;  /* of our supervisor: readable when it is gone; -1: none */
	int retire_fd;  /* an eventfd: readable when this worker retires; -1: never */
	int watch_fd;   /* an epoll instance: all that may happen beside connections */
	int tick_fd;    /* a timer; runs while it has users */
	int tick_users; /* who lingers, children that cannot be watched … */
	pthread_mutex_t tick_lock; /* … and over it */

	struct hark__accepting accepting;
	struct hark_loop_options loop;
	bool reserved;    /* room for the connection that comes next */
	bool told_full;   /* since there was room last */
	bool told_paused; /* of hark_server_pause */
	int64_t paused_ms;
	uint64_t taken; /* connections; after .recycle_after it retires */

	struct hark__linger linger;
	struct hark__children children;

	/* Connections whose handlers run in threads of this process, one place each. */
	struct hark_conn *conn;
	int conn_count;

	_Atomic int threads;       /* of the model, that run */
	_Atomic bool awaited;      /* somebody waits for their ends */
	_Atomic int64_t retire_ms; /* when it began to retire; 0: it does not */
	_Atomic bool cut;          /* what still went on was ended */
	pthread_mutex_t look_lock;

	struct hark__crew crew;
	struct hark__threaded threaded;
	struct hark__spawning spawning;
};

/* 0, or a negative errno, and then nothing is left. */
int hark__worker_make(struct hark__worker **worker, struct hark_server *server,
	struct hark__row *row, int parent_fd, struct hark_error *err);

/* Serves until it is stopped and drained, or cut.  0 or a negative errno. */
int hark__worker_run(struct hark__worker *worker, struct hark_error *err);

/* False: a handler still uses it, and nothing was freed. */
bool hark__worker_unmake(struct hark__worker *worker);

/* 1: a connection that was admitted.  0: no more of them.  Negative: why. */
int hark__worker_next(struct hark__worker *worker, struct hark__arrival *arrival,
	struct hark_error *err);

/* The models of one accepting thread: each arrival is given to `take`. */
int hark__worker_each(struct hark__worker *worker,
	void (*take)(struct hark__worker *worker, const struct hark__arrival *arrival),
	struct hark_error *err);

/* What happened beside connections: ends of children and lingerers, room, reloads. */
void hark__worker_look_around(struct hark__worker *worker);

/* A drain was asked of this process, by a stop or because it retires; and its end. */
bool hark__worker_drains(const struct hark__worker *worker);
int64_t hark__worker_cut_ms(const struct hark__worker *worker);

/* No more connections for this worker: it ends when those it has do. */
void hark__worker_retire(struct hark__worker *worker);

/* Nobody supervises this process: it speaks for the whole server. */
static inline bool hark__worker_is_alone(const struct hark__worker *worker)
{
	return worker->server->options.workers == 0;
}

/* Where it does. */
void hark__worker_changes(struct hark__worker *worker, enum hark_server_state state,
	const struct hark_server_event *event);

/* A thread of the model has come to its end: whoever drains looks again. */
void hark__worker_thread_ended(struct hark__worker *worker);

#endif
