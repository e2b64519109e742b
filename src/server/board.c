/* SPDX-License-Identifier: MIT
 *
 * The board of all processes of a server; see board.h.  Floor 4.
 *
 * Invariant: no lock.  A process may be killed between any two instructions, and what is
 * wrong then is in its own row.
 */
#include "server/board.h"

#include "base/error.h"
#include "socket/create.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

static size_t bytes_of(unsigned rows)
{
	return sizeof(struct hark__board) + rows * sizeof(struct hark__row);
}

int hark__board_make(struct hark__board **board, unsigned rows, struct hark_error *err)
{
	struct hark__board *made;
	void *memory;
	int done = sys_map_shared(bytes_of(rows), &memory);

	if (done < 0)
		return HARK__FAIL(err, .step = HARK_STEP_SERVE, .code = done);
	made = memory;
	for (; made->rows < rows; made->rows++) {
		int fd = hark_wake_create(err);

		if (fd < 0) {
			hark__board_unmake(made);
			return fd;
		}
		made->row[made->rows].room_fd = fd;
	}
	*board = made;
	return 0;
}

void hark__board_unmake(struct hark__board *board)
{
	for (unsigned i = 0; i < board->rows; i++)
		(void)sys_close(board->row[i].room_fd); /* an eventfd */
	(void)sys_unmap(board, bytes_of(board->rows));  /* what was mapped */
}

struct hark__row *hark__board_take_row(struct hark__board *board)
{
	for (unsigned i = 0; i < board->rows; i++) {
		struct hark__row *row = &board->row[i];

		if (row->pid == 0) {
			row->pid = -1; /* taken; its process is about to be */
			return row;
		}
	}
	return NULL;
}

bool hark__board_has_free_row(const struct hark__board *board)
{
	for (unsigned i = 0; i < board->rows; i++)
		if (board->row[i].pid == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------- room */

unsigned hark__board_open(const struct hark__board *board, bool with_reserved)
{
	unsigned open = 0;

	for (unsigned i = 0; i < board->rows; i++)
		open += with_reserved ? board->row[i].held & ~HARK__RESERVED
				      : hark__row_open(&board->row[i]);
	return open;
}

static void wake_gate(struct hark__board *board)
{
	if (board->gated)
		(void)hark_wake(board->overload_fd); /* an eventfd */
}

static void wake_waiting(struct hark__board *board)
{
	for (unsigned i = 0; i < board->rows; i++)
		if (board->row[i].waits)
			(void)hark_wake(board->row[i].room_fd); /* an eventfd */
	wake_gate(board);
}

static void give_back(struct hark__board *board, struct hark__row *row, unsigned places)
{
	row->held -= places;
	wake_waiting(board);
}

/* Looks first, so that at the limit nobody disturbs anybody. */
static bool take(struct hark__board *board, struct hark__row *row, unsigned places,
	unsigned most)
{
	if (hark__board_open(board, true) >= most)
		return false;
	row->held += places;
	if (hark__board_open(board, true) <= most)
		return true;
	give_back(board, row, places);
	return false;
}

bool hark__board_enter(struct hark__board *board, struct hark__row *row, unsigned most)
{
	return take(board, row, 1, most);
}

/* First said, then looked at again: a place that is freed in between is not missed. */
bool hark__board_reserve_or_wait(
	struct hark__board *board, struct hark__row *row, unsigned most)
{
	if (!take(board, row, HARK__RESERVED + 1, most)) {
		row->waits = true;
		if (!take(board, row, HARK__RESERVED + 1, most))
			return false;
	}
	if (row->waits)
		row->waits = false;
	return true;
}

/* The last place was taken: a gate may be closed. */
void hark__board_use_reserved(
	struct hark__board *board, struct hark__row *row, unsigned most)
{
	row->held -= HARK__RESERVED;
	if (board->overload_fd >= 0 && hark__board_open(board, false) >= most)
		(void)hark_wake(board->overload_fd); /* an eventfd */
}

void hark__board_leave(struct hark__board *board, struct hark__row *row)
{
	give_back(board, row, 1);
}

void hark__board_unreserve(struct hark__board *board, struct hark__row *row)
{
	give_back(board, row, HARK__RESERVED + 1);
}

void hark__board_wake_all(struct hark__board *board)
{
	for (unsigned i = 0; i < board->rows; i++)
		if (board->row[i].pid != 0)
			(void)hark_wake(board->row[i].room_fd); /* an eventfd */
}

/* ---------------------------------------------------------------------------- counters */

static unsigned bucket_of(uint64_t value)
{
	unsigned bits = value ? 64 - (unsigned)__builtin_clzll(value) : 0;

	return bits < HARK__BUCKETS ? bits : HARK__BUCKETS - 1;
}

void hark__tally_histogram(
	struct hark__row *row, enum hark__histogram which, uint64_t value)
{
	hark__count(&row->tally.histogram[which][bucket_of(value)], 1);
}

static void add_tally(struct hark__tally *sum, const struct hark__tally *more)
{
	hark__count(&sum->accepted, more->accepted);
	hark__count(&sum->bytes_in, more->bytes_in);
	hark__count(&sum->bytes_out, more->bytes_out);
	for (int i = 0; i < HARK_REFUSED_COUNT; i++)
		hark__count(&sum->refused[i], more->refused[i]);
	for (int i = 0; i < HARK_ENDED_COUNT; i++)
		hark__count(&sum->ended[i], more->ended[i]);
	for (int i = 0; i < HARK__HISTOGRAMS; i++)
		for (int j = 0; j < HARK__BUCKETS; j++)
			hark__count(&sum->histogram[i][j], more->histogram[i][j]);
}

/* Of one writer, who may be read meanwhile. */
static void add_word(unsigned long *sum, const unsigned long *more)
{
	unsigned long word = __atomic_load_n(more, __ATOMIC_RELAXED);

	__atomic_store_n(sum, *sum + word, __ATOMIC_RELAXED);
}

static void add_loop(
	struct hark_loop_counters *sum, const struct hark_loop_counters *more)
{
	add_word(&sum->failed, &more->failed);
	add_word(&sum->exhausted, &more->exhausted);
	add_word(&sum->shed, &more->shed);
	add_word(&sum->pauses, &more->pauses);
}

/* Not .open: who is told of may be in both, or in neither, when a process dies over it. */
static unsigned without_end(const struct hark__tally *tally)
{
	uint64_t ended = 0, accepted = tally->accepted;

	for (int i = 0; i < HARK_ENDED_COUNT; i++)
		ended += tally->ended[i];
	return accepted > ended ? (unsigned)(accepted - ended) : 0;
}

unsigned hark__board_take_back(struct hark__board *board, struct hark__row *row)
{
	unsigned open = without_end(&row->tally);
	const size_t before = offsetof(struct hark__row, pid); /* it stays */

	add_tally(&board->gone, &row->tally);
	add_loop(&board->gone_loop, &row->loop);
	/* Others may be about to wake it: they must never find descriptor 0. */
	memset((char *)row + before, 0, sizeof(*row) - before);
	(void)hark_wake_clear(row->room_fd); /* what was meant for the dead */
	hark__board_wake_all(board); /* a client may have been told to it alone */
	wake_gate(board);
	return open;
}

static void tell_tally(const struct hark__tally *tally, struct hark_server_stats *stats)
{
	stats->accepted = tally->accepted;
	stats->bytes_in = tally->bytes_in;
	stats->bytes_out = tally->bytes_out;
	for (int i = 0; i < HARK_REFUSED_COUNT; i++)
		stats->refused[i] = tally->refused[i];
	for (int i = 0; i < HARK_ENDED_COUNT; i++)
		stats->ended[i] = tally->ended[i];
	for (int j = 0; j < HARK__BUCKETS; j++) {
		stats->queue_wait_ms.bucket[j] = tally->histogram[HARK__QUEUE_WAIT][j];
		stats->handler_us.bucket[j] = tally->histogram[HARK__HANDLER_TIME][j];
	}
}

void hark__board_sum(const struct hark__board *board, struct hark_server_stats *stats)
{
	struct hark__tally tally = {0};
	struct hark_loop_counters loop = {0};

	add_tally(&tally, &board->gone);
	add_loop(&loop, &board->gone_loop);
	for (unsigned i = 0; i < board->rows; i++) {
		add_tally(&tally, &board->row[i].tally);
		add_loop(&loop, &board->row[i].loop);
		stats->lingering += board->row[i].lingering;
		stats->stuck += board->row[i].stuck;
	}
	tell_tally(&tally, stats);
	stats->failed = loop.failed;
	stats->exhausted = loop.exhausted;
	stats->shed = loop.shed;
	stats->pauses = loop.pauses;
	stats->lost = board->lost;
	stats->restarts = board->restarts;
	stats->stuck += board->stuck;
	stats->open = hark__board_open(board, false);
}

unsigned hark__board_cut(const struct hark__board *board)
{
	struct hark_server_stats stats = {0};

	hark__board_sum(board, &stats);
	return (unsigned)(stats.ended[HARK_ENDED_CUT] + stats.ended[HARK_ENDED_LEFT]);
}

uint64_t hark__board_refused(const struct hark_server_stats *stats)
{
	uint64_t refused = 0;

	for (int i = 0; i < HARK_REFUSED_COUNT; i++)
		refused += stats->refused[i];
	return refused;
}
