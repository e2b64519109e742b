/* SPDX-License-Identifier: MIT
 *
 * hark_accept_loop with a limit of the caller's: who is over it waits in the queue, and an
 * event of the caller's lets the loop look again.
 */
#include "loopback.h"

#include "sys/sys.h"

enum { MOST = 2 };

/* A loop in this thread that holds what it accepts, MOST at a time. */
struct holder {
	struct hark_listener listener[2];
	struct hark_loop_options options;
	struct hark_loop_counters counters;
	int held[64];
	int count, served, readable, stop_at;
	bool stop_when_held;
};

static bool has_room(void *ctx)
{
	const struct holder *holder = ctx;

	return holder->count < MOST;
}

static void wake_self(struct holder *holder)
{
	CHECK_OK(hark_wake(holder->options.event_fd));
}

static void hold(int fd, const struct hark_addr *peer, void *ctx)
{
	struct holder *holder = ctx;

	(void)peer;
	CHECK_INT(holder->count, <, MOST);
	holder->held[holder->count++] = fd;
	holder->served++;
	if (holder->count == MOST && !holder->stop_when_held)
		wake_self(holder);
	if (holder->served == holder->stop_at)
		CHECK_OK(hark_wake(holder->options.wake_fd));
}

static void release_all(struct holder *holder)
{
	while (holder->count > 0)
		net_close(holder->held[--holder->count]);
}

static void on_event(const struct hark_loop_event *event, void *ctx)
{
	struct holder *holder = ctx;

	if (event->kind != HARK_LOOP_READABLE)
		return;
	CHECK_OK(hark_wake_clear(holder->options.event_fd));
	holder->readable++;
	release_all(holder);
}

static struct holder begin(int stop_at)
{
	struct holder holder = {.listener = {open_tcp(), open_tcp()},
		.stop_at = stop_at,
		.options = {.wake_fd = hark_wake_create(NULL),
			.event_fd = hark_wake_create(NULL),
			.stop_ms = 60000}};

	CHECK_OK(holder.options.wake_fd);
	CHECK_OK(holder.options.event_fd);
	return holder;
}

static int loop(struct holder *holder)
{
	holder->options.may_accept = has_room;
	holder->options.may_accept_ctx = holder;
	holder->options.on_event = on_event;
	holder->options.event_ctx = holder;
	holder->options.counters = &holder->counters;
	holder->options.counters_size = sizeof(holder->counters);
	return hark_accept_loop(
		holder->listener, 2, hold, holder, &holder->options, NULL);
}

static void end(struct holder *holder)
{
	release_all(holder);
	for (int i = 0; i < 2; i++)
		close_listener(&holder->listener[i]);
	net_close(holder->options.wake_fd);
	net_close(holder->options.event_fd);
}

/* W3 S4: the handler checks that it is never called above the limit */
TEST(waits, "clients above the limit wait in the queue, and all are served in the end")
{
	enum { CLIENTS = 20 };
	struct holder holder = begin(CLIENTS);
	int client[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		client[i] = dial(&holder.listener[i % 2]);
	CHECK_ERR(loop(&holder), 0);
	CHECK_INT(holder.served, ==, CLIENTS);
	CHECK_INT(holder.readable, >=, CLIENTS / MOST - 1);
	for (int i = 0; i < CLIENTS; i++)
		net_close(client[i]);
	end(&holder);
}

/* W4: told to stop at the limit, with clients in the queue */
TEST(stop_waits, "a stop at the limit waits for room while somebody is in the queue")
{
	struct holder holder = begin(MOST);
	int client[MOST + 1];

	require_tcp_info();
	for (int i = 0; i <= MOST; i++)
		client[i] = dial(&holder.listener[0]);
	CHECK_ERR(loop(&holder), 0);
	CHECK_INT(holder.served, ==, MOST + 1);
	CHECK_INT(net_queue(holder.listener[0].fd), ==, 0);
	for (int i = 0; i <= MOST; i++)
		net_close(client[i]);
	end(&holder);
}

/* W4: no event ever comes, and the bound is a minute: only the look at the queue ends it */
TEST(stop_empty, "a stop at the limit with empty queues waits for nothing")
{
	struct holder holder = begin(MOST);
	int client[MOST];

	holder.stop_when_held = true;
	for (int i = 0; i < MOST; i++)
		client[i] = dial(&holder.listener[0]);
	CHECK_ERR(loop(&holder), 0);
	CHECK_INT(holder.count, ==, MOST);
	CHECK_INT(holder.readable, ==, 0);
	for (int i = 0; i < MOST; i++)
		net_close(client[i]);
	end(&holder);
}

/* W4: and who waits is left there, for whoever holds the listener next */
TEST(stop_bounded, "a stop at the limit that stays full ends at its bound")
{
	struct holder holder = begin(MOST);
	int client[MOST + 1];
	long long began = now_ms();

	require_tcp_info();
	holder.stop_when_held = true;
	holder.options.stop_ms = 50;
	for (int i = 0; i <= MOST; i++)
		client[i] = dial(&holder.listener[0]);
	CHECK_ERR(loop(&holder), 0);
	CHECK_INT(now_ms() - began, >=, 50);
	CHECK_INT(holder.served, ==, MOST);
	CHECK_INT(net_queue(holder.listener[0].fd), ==, 1);
	for (int i = 0; i <= MOST; i++)
		net_close(client[i]);
	end(&holder);
}

/*
 * What accept(2) says while descriptors are out, until the event tells that one is free.
 * A loop that knows of it looks at its listeners next, one that does not waits first.
 */
static int polls_since;
static bool is_free;

static int out_of_descriptors(enum hark__call call)
{
	if (call == HARK__CALL_POLL && is_free)
		polls_since++;
	return call == HARK__CALL_ACCEPT && !is_free ? -EMFILE : 0;
}

static void hold_and_look(int fd, const struct hark_addr *peer, void *ctx)
{
	CHECK_INT(polls_since, <=, 1); /* 0: the pause was over already */
	hold(fd, peer, ctx);
}

static void free_one(const struct hark_loop_event *event, void *ctx)
{
	struct holder *holder = ctx;

	if (event->kind == HARK_LOOP_PAUSED)
		wake_self(holder);
	if (event->kind == HARK_LOOP_READABLE)
		is_free = true;
	on_event(event, ctx);
}

/* P4: served on our own next close, and not only by timer */
TEST(eases, "the event ends a pause for want of descriptors")
{
	struct holder holder = begin(1);
	int client = dial(&holder.listener[0]);

	hark__fault = out_of_descriptors;
	holder.options.may_accept = NULL;
	holder.options.on_event = free_one;
	holder.options.event_ctx = &holder;
	CHECK_ERR(hark_accept_loop(holder.listener, 2, hold_and_look, &holder,
			  &holder.options, NULL),
		0);
	CHECK_INT(holder.served, ==, 1);
	CHECK_INT(holder.readable, ==, 1);
	net_close(client);
	end(&holder);
}

/* E4: nobody would read it, and the loop would spin */
TEST(refused, "an event descriptor without somebody to tell is refused")
{
	struct holder holder = begin(0);
	struct hark_error err;
	struct hark_loop_options options = {.event_fd = holder.options.event_fd};

	CHECK_ERR(hark_accept_loop(holder.listener, 2, hold, &holder, &options, &err),
		-EINVAL);
	CHECK_STR(err.option, "event_fd");
	options = (struct hark_loop_options){.event_fd = -1, .on_event = on_event};
	CHECK_ERR(hark_accept_loop(holder.listener, 2, hold, &holder, &options, &err),
		-EINVAL);
	CHECK_STR(err.option, "event_fd");
	end(&holder);
}
