/* SPDX-License-Identifier: MIT
 *
 * Who comes in; see gate.h.  Not here: reading the rules (rules.c), counting addresses
 * (hosts.c).  Floor 4.
 *
 * Invariant: what is admitted holds one place on the board and, where addresses are
 * counted, one in the table of hosts; hark__gate_leave gives both back.
 */
#include "server/gate.h"

#include "base/clock.h"
#include "server/rules.h"
#include "server/worker.h"
#include "socket/gates.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

/* ------------------------------------------------------------------------------- room */

static unsigned most(const struct hark__worker *worker)
{
	return (unsigned)worker->server->options.max_connections;
}

static bool waits_in_queue(const struct hark__worker *worker)
{
	enum hark_overload overload = worker->server->options.overload;

	return overload == HARK_OVERLOAD_WAIT || overload == HARK_OVERLOAD_GATE;
}

/*
 * Where clients wait: the last place was taken, and the next will.  What other workers have
 * only reserved is for clients to come.
 */
static void tell_full(struct hark__worker *worker)
{
	unsigned open = hark__board_open(worker->server->board, false);

	if (worker->told_full || open < most(worker))
		return;
	worker->told_full = true;
	HARK__TELL(worker->server, .kind = HARK_EVENT_FULL, .open = open,
		.limit = most(worker));
}

static void tell_paused(struct hark__worker *worker, bool paused)
{
	int64_t now_ms = hark__now_ms();

	if (paused == worker->told_paused)
		return;
	worker->told_paused = paused;
	if (paused)
		HARK__TELL(worker->server, .kind = HARK_EVENT_PAUSED);
	else
		HARK__TELL(worker->server, .kind = HARK_EVENT_RESUMED,
			.duration_ms = hark__clamp_ms(now_ms - worker->paused_ms));
	worker->paused_ms = now_ms;
}

static bool reserve(struct hark__worker *worker)
{
	if (worker->reserved)
		return true;
	if (!hark__board_reserve_or_wait(
		    worker->server->board, worker->row, most(worker))) {
		tell_full(worker);
		return false;
	}
	worker->told_full = false;
	worker->reserved = true;
	return true;
}

void hark__gate_unreserve(struct hark__worker *worker)
{
	if (!worker->reserved)
		return;
	worker->reserved = false;
	hark__board_unreserve(worker->server->board, worker->row);
}

bool hark__gate_has_room(struct hark__worker *worker)
{
	bool paused = worker->server->board->paused && !hark__stops(worker->server);

	tell_paused(worker, paused);
	if (paused)
		hark__gate_unreserve(worker);
	return !paused && (!waits_in_queue(worker) || reserve(worker));
}

/* ---------------------------------------------------------------------------- refusing */

static const char *message_for(
	const struct hark__worker *worker, enum hark_refusal reason)
{
	const struct hark_server_options *options = &worker->server->options;

	if (reason == HARK_REFUSED_FULL && options->overload != HARK_OVERLOAD_MESSAGE)
		return NULL;
	if (reason == HARK_REFUSED_RULE || reason == HARK_REFUSED_RATE)
		return NULL;
	return options->refusal;
}

/*
 * With a word, as far as it goes out at once, or with a reset: who is turned away is not
 * waited for.  What it had sent is read first, or closing would be a reset and might
 * destroy the word.
 */
static void dismiss(int fd, const char *word)
{
	char unread[1024];

	if (!word) {
		(void)hark_close_reset(fd, NULL); /* released in any case */
		return;
	}
	(void)hark_write(fd, word, strlen(word), 0, NULL); /* or it is gone */
	(void)hark_close_write(fd, NULL);
	(void)hark_read(fd, unread, sizeof(unread), 0, NULL);
	(void)hark_close(fd, NULL); /* released in any case */
}

static void refuse(struct hark__worker *worker, const struct hark__arrival *arrival,
	enum hark_refusal reason, const struct hark_error *why)
{
	hark__count(&worker->row->tally.refused[reason], 1);
	dismiss(arrival->fd, message_for(worker, reason));
	HARK__TELL(worker->server, .kind = HARK_EVENT_REFUSED, .reason = (int)reason,
		.peer = &arrival->peer, .from_address = arrival->from_address,
		.limit = most(worker), .error = why);
}

/* --------------------------------------------------------------------------- admitting */

static bool rules_allow(struct hark__worker *worker, const struct hark_addr *peer)
{
	bool allowed;

	if (!worker->server->options.rules_file)
		return true;
	(void)pthread_rwlock_rdlock(&worker->server->rules_lock); /* ours alone */
	allowed = hark__rules_allow(worker->server->rules, peer);
	(void)pthread_rwlock_unlock(&worker->server->rules_lock);
	return allowed;
}

/* The reserved place becomes the connection's; or it takes one that is free. */
static bool take_place(struct hark__worker *worker)
{
	if (!waits_in_queue(worker))
		return hark__board_enter(
			worker->server->board, worker->row, most(worker));
	worker->reserved = false;
	hark__board_use_reserved(worker->server->board, worker->row, most(worker));
	return true;
}

/* It was for one that comes in: for the next, then. */
static void put_place_back(struct hark__worker *worker)
{
	worker->reserved = waits_in_queue(worker);
	if (worker->reserved)
		hark__board_reserve_again(worker->row);
	else
		hark__board_leave(worker->server->board, worker->row);
}

static bool count_address(struct hark__worker *worker, struct hark__arrival *arrival,
	enum hark_refusal *reason)
{
	struct hark__hosts *hosts = worker->server->hosts;

	if (!hosts)
		return true;
	arrival->place = hark__hosts_enter(hosts, worker->number, &arrival->peer,
		hark__now_ms(), &arrival->from_address);
	if (arrival->place >= 0)
		return true;
	*reason = (enum hark_refusal)(-1 - arrival->place);
	return false;
}

static int64_t began_us(const struct hark__worker *worker)
{
	bool wanted = worker->server->options.histograms == HARK_ON ||
		      worker->server->options.on_event;

	return wanted ? sys_monotonic_us() : 0;
}

static void sample_queue_wait(struct hark__worker *worker, int fd)
{
	int waited_ms;

	if (worker->server->options.histograms != HARK_ON)
		return;
	waited_ms = hark_queue_wait_ms(fd, NULL);
	if (waited_ms >= 0)
		hark__tally_histogram(
			worker->row, HARK__QUEUE_WAIT, (uint64_t)waited_ms);
}

/* In the order of hark_server.h: who is refused for one thing uses up nothing of the next. */
static bool admits(struct hark__worker *worker, struct hark__arrival *arrival,
	enum hark_refusal *reason)
{
	*reason = HARK_REFUSED_RULE;
	if (!rules_allow(worker, &arrival->peer))
		return false;
	*reason = HARK_REFUSED_FULL;
	if (!take_place(worker))
		return false;
	if (count_address(worker, arrival, reason))
		return true;
	put_place_back(worker);
	return false;
}

bool hark__gate_admit(struct hark__worker *worker, int fd, const struct hark_addr *peer,
	struct hark__arrival *arrival)
{
	enum hark_refusal reason;

	*arrival = (struct hark__arrival){.fd = fd, .place = -1, .peer = *peer};
	if (worker->server->board->filters)
		(void)hark__unfilter(fd); /* -ENOENT: it came before the filter */
	hark_addr_unmap(&arrival->peer);
	sample_queue_wait(worker, fd);
	if (!admits(worker, arrival, &reason)) {
		refuse(worker, arrival, reason, NULL);
		return false;
	}
	arrival->number = ++worker->server->board->number;
	arrival->began_us = began_us(worker);
	hark__count(&worker->row->tally.accepted, 1);
	return true;
}

void hark__gate_leave(struct hark__worker *worker, const struct hark__arrival *arrival)
{
	if (arrival->place >= 0)
		hark__hosts_leave(worker->server->hosts, arrival->place);
	hark__board_leave(worker->server->board, worker->row);
}

void hark__gate_turn_away(struct hark__worker *worker,
	const struct hark__arrival *arrival, const struct hark_error *why)
{
	hark__gate_leave(worker, arrival);
	atomic_fetch_sub_explicit(
		&worker->row->tally.accepted, 1, memory_order_relaxed);
	refuse(worker, arrival, HARK_REFUSED_RESOURCES, why);
}
