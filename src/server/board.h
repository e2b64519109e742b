/* SPDX-License-Identifier: MIT
 *
 * The board: what the processes of a server know of each other.  One shared mapping, made
 * before any process; a row a serving process, which alone writes there, and sums over the
 * rows.  So a process that is killed leaves nothing wrong but its own row, which its
 * supervisor takes back.  Floor 4.
 */
#ifndef HARK_SERVER_BOARD_H
#define HARK_SERVER_BOARD_H

#include <hark_server.h>
#include <stdatomic.h>

/* A worker's, and of so many before it that retire and go on for a while. */
enum { HARK__ROWS_EACH = 4, HARK__BUCKETS = 32 };

/* In .held, beside the number of places: one of them is for who comes next. */
#define HARK__RESERVED (1U << 31)

enum hark__histogram { HARK__QUEUE_WAIT, HARK__HANDLER_TIME, HARK__HISTOGRAMS };

/* Threads of one process add to its row at once. */
struct hark__tally {
	_Atomic uint64_t accepted, bytes_in, bytes_out;
	_Atomic uint64_t refused[HARK_REFUSED_COUNT];
	_Atomic uint64_t ended[HARK_ENDED_COUNT];
	_Atomic uint64_t histogram[HARK__HISTOGRAMS][HARK__BUCKETS];
};

struct hark__row {
	/* an eventfd, the same number in every process: also of a row that is free */
	_Alignas(64) int room_fd;
	_Atomic int pid;       /* 0: free; from here on all is zero then */
	_Atomic unsigned held; /* places: of conversations and, marked, one reserved */
	_Atomic unsigned lingering;
	_Atomic unsigned stuck;
	_Atomic bool waits;   /* for room: wake it by room_fd */
	_Atomic bool retires; /* it accepts no more, and is being replaced */
	_Atomic bool drains;  /* it accepts no more */
	struct hark__tally tally;
	struct hark_loop_counters loop; /* written by whoever accepts */
};

struct hark__board {
	_Atomic int state;           /* enum hark_server_state, but for PAUSED */
	_Atomic unsigned asked;      /* how often a stop was asked for */
	_Atomic bool lame;           /* it comes later: see .lame_duck_ms */
	_Atomic bool stops;          /* it has come … */
	_Atomic int64_t stop_ms;     /* … and when; 0: not yet */
	_Atomic bool closes_at_once; /* who accepts does not look who is left */
	_Atomic bool filters;        /* connections have a filter of their listener's */
	_Atomic unsigned cut_before; /* the stop: where workers retired */
	_Atomic int64_t cut_ms;      /* when all was cut; 0: not yet */
	_Atomic bool paused;         /* by hark_server_pause */
	_Atomic bool gated;          /* HARK_OVERLOAD_GATE: new clients are refused */
	int overload_fd; /* an eventfd in every process; -1: no gate is wanted */
	_Atomic unsigned reloads; /* how often a reload was asked for */
	_Atomic uint64_t number;  /* of the last connection */
	_Atomic uint64_t lost, restarts, stuck;
	_Atomic int workers;     /* alive */
	struct hark__tally gone; /* what the rows of dead workers held */
	struct hark_loop_counters gone_loop;
	unsigned rows;
	struct hark__row row[];
};

/* Conversations of the row, now. */
static inline unsigned hark__row_open(const struct hark__row *row)
{
	unsigned held = row->held;

	return (held & ~HARK__RESERVED) - (held >> 31);
}

/* In shared memory, all zero, each row with its eventfd.  Negative errno. */
int hark__board_make(struct hark__board **board, unsigned rows, struct hark_error *err);
void hark__board_unmake(struct hark__board *board);

/* A free row for a process to come, or NULL; it is that process's until taken back. */
struct hark__row *hark__board_take_row(struct hark__board *board);

/* There is one, for whoever is to follow. */
bool hark__board_has_free_row(const struct hark__board *board);

/*
 * Its process is gone: what it counted is kept, what it held is free again, and whoever
 * waited for it is woken.  Returns how many conversations it had.
 */
unsigned hark__board_take_back(struct hark__board *board, struct hark__row *row);

/* Conversations now; what is only reserved counts where `with_reserved`. */
unsigned hark__board_open(const struct hark__board *board, bool with_reserved);

/*
 * One more conversation for this row if fewer than `most` are open: true.  Over all rows
 * there are never more; two that try for the last place at once may both fail, and are then
 * woken by each other.
 */
bool hark__board_enter(struct hark__board *board, struct hark__row *row, unsigned most);

/* As above, for one that is to come; and where it fails the row is woken by its eventfd when
 * a place is free.  A row has one such place at a time. */
bool hark__board_reserve_or_wait(
	struct hark__board *board, struct hark__row *row, unsigned most);

/* It has come; or it has not been let in, and the place is for the next. */
void hark__board_use_reserved(
	struct hark__board *board, struct hark__row *row, unsigned most);

static inline void hark__board_reserve_again(struct hark__row *row)
{
	row->held += HARK__RESERVED;
}

/* One less, or nobody is to come; wakes who waits. */
void hark__board_leave(struct hark__board *board, struct hark__row *row);
void hark__board_unreserve(struct hark__board *board, struct hark__row *row);

/* Every row's process looks around: something of the board has changed. */
void hark__board_wake_all(struct hark__board *board);

void hark__tally_histogram(
	struct hark__row *row, enum hark__histogram which, uint64_t value);

/* Conversations so far that did not end by themselves: cut, or left alone. */
unsigned hark__board_cut(const struct hark__board *board);

/* Sums over the rows, dead ones included. */
void hark__board_sum(const struct hark__board *board, struct hark_server_stats *stats);

/* For whatever reason. */
uint64_t hark__board_refused(const struct hark_server_stats *stats);

static inline void hark__count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

#endif
