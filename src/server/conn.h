/* SPDX-License-Identifier: MIT
 *
 * A connection as its handler sees it, inside the library.  What may be done with it is in
 * conn_io.c, conn_line.c, conn_file.c, conn_wait.c; how it waits is a table of operations
 * (conn_blocking.c: the thread waits).  Floor 4.
 */
#ifndef HARK_SERVER_CONN_H
#define HARK_SERVER_CONN_H

#include "server/gate.h"

#include <hark_server.h>
#include <stdatomic.h>

struct hark__worker;

/*
 * Descriptors that hark_conn_poll takes at once.  How long recv(2) may wait by itself, and
 * so how late a stop or a timeout may be seen.
 */
enum { HARK__CONN_POLL_MAX = 64, HARK__CONN_PATIENCE_MS = 100 };

/* Of .grace, as a moment: long ago. */
enum { HARK__CONN_GRACE_USED = 1 };

/* How bytes move and how it waits; a layer between (TLS) has a table of its own. */
struct hark__conn_ops {
	/*
	 * As recv(2) and send(2): -EAGAIN where they would have to wait.  With `patient`
	 * recv may wait for a moment first.
	 */
	ssize_t (*recv)(struct hark_conn *conn, void *data, size_t size, bool patient);
	ssize_t (*send)(struct hark_conn *conn, const void *data, size_t size);
	int (*release)(struct hark_conn *conn); /* the descriptor as it was */
	/*
	 * poll(2) until one is ready, `deadline` (-ETIMEDOUT), a drain for an idle
	 * conversation or the cut (-ESHUTDOWN).
	 */
	int (*wait)(struct hark_conn *conn, struct pollfd *fds, size_t count,
		int64_t deadline);
};

extern const struct hark__conn_ops hark__blocking_ops;

/*
 * Who may touch the descriptor: its handler; and at the cut, whoever cuts, which must not
 * hit a number that was closed and is another's by then.
 */
enum hark__conn_life { HARK__CONN_NONE, HARK__CONN_OPEN, HARK__CONN_CUTTING };

struct hark_conn {
	_Atomic int life; /* enum hark__conn_life */
	int fd;
	struct hark__worker *worker;
	const struct hark__conn_ops *ops;
	struct hark__arrival arrival;
	struct hark_addr local; /* .length 0: not asked for yet */

	char *buffer;      /* HARK_CONN_BUFFER_BYTES, and one for a NUL */
	size_t start, end; /* what was read ahead */

	int read_timeout_ms, write_timeout_ms;
	int64_t deadline;
	int64_t grace;  /* until when it waits, idle, in a drain; 0: it did not yet */
	int over;       /* 0, or what every call says from now on */
	bool at_end;    /* the client's end was read */
	bool idle;      /* the handler said so, and nothing was read since */
	bool try_first; /* something may be there: read before waiting */
	bool patient;   /* recv(2) on it waits for a moment */
	enum hark_close_way close_way;
	enum hark_ending ending;
	int queue_wait_ms; /* INT_MIN: not asked for */
	uint64_t bytes_in, bytes_out;
	_Atomic char
		*left; /* this process is its own, and says here what it has given back
			       (enum hark__left); NULL: a thread of the serving one */
	void *user;
	struct hark_error err;
	int next_free;
};

/* Runs the handler on what arrived, and ends it as the handler asked: everything. */
void hark__conn_serve(struct hark_conn *conn, struct hark__worker *worker,
	const struct hark__arrival *arrival);

/* A conversation has ended: it is counted and told; its places are given back after that. */
void hark__conn_ended(struct hark__worker *worker, const struct hark__arrival *arrival,
	const struct hark_server_event *how);

/* At the cut: ends the socket under a handler that may be in it; false: not open. */
bool hark__conn_cut(struct hark_conn *conn);

/* Its socket may have been ended by us, whatever a system call says of it. */
bool hark__conn_was_cut(const struct hark_conn *conn);

/* Remembers a result that is final, or what went wrong, and returns it. */
ssize_t hark__conn_fail(struct hark_conn *conn, enum hark_step step, ssize_t code);

/* 0: go on; else the final result. */
int hark__conn_over(struct hark_conn *conn);

/* recv(2) with the timeout of reading: > 0, 0 the end, or the result. */
ssize_t hark__conn_recv(struct hark_conn *conn, void *data, size_t size);

/* SO_RCVTIMEO or SO_SNDTIMEO: how long a call may wait in the kernel; 0: as long as it takes. */
int hark__set_moment(int fd, int option, int ms);

/* Waits for these events with the timeout of reading or writing; 0 or the result. */
int hark__conn_await(struct hark_conn *conn, short events, int timeout_ms);

#endif
