/* SPDX-License-Identifier: MIT
 *
 * What may be asked of a server while it runs: from any thread or process of it, and but
 * for the snapshot from a signal handler.  Words of shared memory and eventfds, no locks.
 * Floor 4.
 */
#include "base/clock.h"
#include "server/rules.h"
#include "server/server.h"
#include "server/worker.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

int64_t hark__cut_ms(const struct hark_server *server)
{
	const struct hark__board *board = server->board;
	int64_t stop_ms = board->stop_ms, cut_ms = board->cut_ms;

	if (cut_ms)
		return cut_ms;
	if (!stop_ms || server->options.drain_ms < 0)
		return HARK__NEVER;
	return stop_ms + server->options.drain_ms;
}

void hark__cut(struct hark_server *server)
{
	int64_t not_yet = 0;

	(void)atomic_compare_exchange_strong(
		&server->board->cut_ms, &not_yet, hark__now_ms());
	(void)hark_wake(server->cut_fd); /* an eventfd */
}

/* Again is fine: the first moment counts. */
static int begin_stop(struct hark_server *server)
{
	int64_t not_yet = 0;

	/* Before anybody is woken: a worker may cut at once. */
	if (atomic_compare_exchange_strong(
		    &server->board->stop_ms, &not_yet, hark__now_ms()))
		server->board->cut_before = hark__board_cut(server->board);
	server->board->stops = true;
	return hark_wake(server->stop_fd);
}

/* Where somebody is there to wait for it. */
static bool is_lame_first(const struct hark_server *server)
{
	return server->options.lame_duck_ms > 0 &&
	       server->board->state == HARK_SERVER_SERVING && !hark__stops(server);
}

int hark_server_stop(struct hark_server *server)
{
	if (server->board->asked++ > 0)
		hark__cut(server);
	else if (is_lame_first(server))
		return hark_wake(server->lame_fd);
	return begin_stop(server);
}

void hark__stop_once(struct hark_server *server)
{
	if (!hark__stops(server))
		(void)begin_stop(server); /* an eventfd of ours */
}

void hark__orphaned(struct hark_server *server)
{
	hark__stop_once(server);
	(void)hark_wake(server->closing_fd); /* an eventfd */
}

static int set_paused(struct hark_server *server, bool paused)
{
	server->board->paused = paused;
	hark__board_wake_all(server->board);
	return 0;
}

int hark_server_pause(struct hark_server *server)
{
	return set_paused(server, true);
}

int hark_server_resume(struct hark_server *server)
{
	return set_paused(server, false);
}

int hark_server_reload(struct hark_server *server)
{
	if (!server->options.rules_file)
		return -EINVAL;
	server->board->reloads++;
	hark__board_wake_all(server->board);
	return hark_wake(server->notice_fd);
}

enum hark_server_state hark_server_state(const struct hark_server *server)
{
	enum hark_server_state state = (enum hark_server_state)server->board->state;

	if (state != HARK_SERVER_SERVING)
		return state;
	if (hark__stops(server)) /* whoever accepts may be busy, and not see it yet */
		return HARK_SERVER_QUIESCING;
	if (server->board->lame)
		return HARK_SERVER_LAME_DUCK;
	return server->board->paused ? HARK_SERVER_PAUSED : state;
}

int hark__reload(struct hark_server *server, struct hark_error *err)
{
	unsigned asked = server->board->reloads;
	struct hark__rules *fresh = NULL, *stale;
	int done;

	if (asked == server->reloads)
		return 0;
	server->reloads = asked;
	hark__notify_reloading(server);
	done = hark__rules_read(&fresh, server->options.rules_file, err);
	if (done == 0) {
		(void)pthread_rwlock_wrlock(&server->rules_lock); /* ours alone */
		stale = server->rules;
		server->rules = fresh;
		(void)pthread_rwlock_unlock(&server->rules_lock);
		hark__rules_free(stale);
	}
	hark__notify_reloaded(server); /* with the old ones, if need be */
	return done < 0 ? done : 1;
}

int hark_server_snapshot(
	struct hark_server *server, struct hark_server_stats *stats, size_t size)
{
	struct hark_server_stats full = {0};
	struct hark_nofile limit;

	if (size < sizeof(int) || size > sizeof(full))
		return -EINVAL;
	hark__board_sum(server->board, &full);
	full.state = (int)hark_server_state(server);
	full.workers = server->board->workers;
	/* A handler that was stuck may have returned since. */
	if (server->worker && full.state == HARK_SERVER_ENDED)
		full.stuck = (uint64_t)server->worker->threads;
	full.descriptors = sys_count_descriptors();
	full.descriptor_limit = hark_nofile_read(&limit, NULL) == 0 ? limit.soft : -1;
	memcpy(stats, &full, size);
	return 0;
}
