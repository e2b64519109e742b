/* SPDX-License-Identifier: MIT
 *
 * The table of lingering connections; see linger.h.  Floor 4.
 *
 * Invariant: a place in use has a descriptor that is in the worker's epoll set.
 */
#include "server/linger.h"

#include "base/clock.h"
#include "server/watch.h"
#include "server/worker.h"
#include "sys/sys.h"

#include <errno.h>

enum { TIMEOUT_MS = 30000, IDLE_MS = 5000, MAX_BYTES = 1 << 30, DISCARD_BYTES = 16384 };

void hark__linger_make(struct hark__linger *linger)
{
	(void)pthread_mutex_init(&linger->lock, NULL); /* cannot fail on Linux */
	for (int i = 0; i < HARK__LINGER_MAX; i++)
		linger->place[i].fd = -1;
}

static void end(struct hark__worker *worker, struct hark__lingerer *lingerer)
{
	hark__watch_no_more(worker, lingerer->fd);
	(void)hark_close(lingerer->fd, NULL); /* released in any case */
	lingerer->fd = -1;
	worker->linger.count--;
	worker->row->lingering--;
	if (worker->linger.count == 0)
		hark__watch_tick_less(worker);
}

/* A free place, else that of whoever lingers longest, whose time is over now. */
static struct hark__lingerer *take_place(struct hark__worker *worker)
{
	struct hark__linger *linger = &worker->linger;
	struct hark__lingerer *oldest = &linger->place[0];

	for (int i = 0; i < HARK__LINGER_MAX; i++) {
		struct hark__lingerer *place = &linger->place[i];

		if (place->fd < 0) {
			if (i >= linger->touched)
				linger->touched = i + 1;
			return place;
		}
		if (place->deadline < oldest->deadline)
			oldest = place;
	}
	end(worker, oldest);
	return oldest;
}

static int bound(int given, int fallback)
{
	return given ? given : fallback;
}

static void fill(
	const struct hark__worker *worker, struct hark__lingerer *lingerer, int fd)
{
	const struct hark_linger_options *options = &worker->server->options.linger;

	*lingerer = (struct hark__lingerer){.fd = fd,
		.deadline = hark__deadline(bound(options->timeout_ms, TIMEOUT_MS)),
		.idle_deadline = hark__deadline(bound(options->idle_ms, IDLE_MS)),
		.bytes_left = options->max_bytes ? options->max_bytes : MAX_BYTES};
}

static void add(struct hark__worker *worker, int fd)
{
	struct hark__lingerer *lingerer = take_place(worker);

	fill(worker, lingerer, fd);
	if (worker->linger.count++ == 0)
		hark__watch_tick_more(worker);
	worker->row->lingering++;
	if (hark__watch_linger(worker, fd, (int)(lingerer - worker->linger.place)) < 0)
		end(worker, lingerer); /* out of memory: no care can be taken */
}

/* True when there is nothing to wait for any more. */
static bool discard(int fd, size_t *left)
{
	char nowhere[DISCARD_BYTES];
	ssize_t got = sys_recv(fd, nowhere, sizeof(nowhere), MSG_DONTWAIT);

	if (got == -EAGAIN || got == -EINTR)
		return false;
	if (got <= 0 || (size_t)got > *left)
		return true;
	*left -= (size_t)got;
	return false;
}

/* Often the client's end is there already: then nobody lingers. */
void hark__linger_add(struct hark__worker *worker, int fd)
{
	size_t left = MAX_BYTES;

	if (hark_close_write(fd, NULL) < 0 || discard(fd, &left)) {
		(void)hark_close(fd, NULL); /* released in any case */
		return;
	}
	(void)pthread_mutex_lock(&worker->linger.lock);
	add(worker, fd);
	(void)pthread_mutex_unlock(&worker->linger.lock);
}

void hark__linger_read(struct hark__worker *worker, int place)
{
	struct hark__lingerer *lingerer = &worker->linger.place[place];
	const struct hark_linger_options *options = &worker->server->options.linger;

	(void)pthread_mutex_lock(&worker->linger.lock);
	if (lingerer->fd >= 0) {
		lingerer->idle_deadline =
			hark__deadline(bound(options->idle_ms, IDLE_MS));
		if (discard(lingerer->fd, &lingerer->bytes_left))
			end(worker, lingerer);
	}
	(void)pthread_mutex_unlock(&worker->linger.lock);
}

static void end_those(struct hark__worker *worker, int64_t until_ms)
{
	struct hark__linger *linger = &worker->linger;

	(void)pthread_mutex_lock(&linger->lock);
	for (int i = 0; i < linger->touched; i++) {
		struct hark__lingerer *place = &linger->place[i];

		if (place->fd >= 0 && hark__earlier(place->deadline,
					      place->idle_deadline) <= until_ms)
			end(worker, place);
	}
	(void)pthread_mutex_unlock(&linger->lock);
}

void hark__linger_tick(struct hark__worker *worker)
{
	end_those(worker, hark__now_ms());
}

void hark__linger_end(struct hark__worker *worker)
{
	end_those(worker, HARK__NEVER);
}
