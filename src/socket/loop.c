/* SPDX-License-Identifier: MIT
 *
 * The accept loop: its options checked, and a handler call a connection, in one thread.
 * Not here: accepting itself (accepting.c).  Floor 2.
 */
#include "base/error.h"
#include "socket/accepting.h"

#include <errno.h>

static int bad(const char *option, enum hark_cause cause, long long limit,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
		.cause = cause, .option = option, .limit = limit);
}

static int check_options(
	const struct hark_loop_options *options, struct hark_error *err)
{
	if ((unsigned)options->pressure > HARK_PRESSURE_SHED)
		return bad("pressure", HARK_CAUSE_BAD_VALUE, options->pressure, err);
	if ((unsigned)options->stop > HARK_STOP_CLOSING)
		return bad("stop", HARK_CAUSE_BAD_VALUE, options->stop, err);
	if (options->stop_ms < 0)
		return bad("stop_ms", HARK_CAUSE_BAD_VALUE, options->stop_ms, err);
	if (options->wake_fd < 0)
		return bad("wake_fd", HARK_CAUSE_BAD_VALUE, options->wake_fd, err);
	if (options->event_fd < 0 || (options->event_fd > 0 && !options->on_event))
		return bad("event_fd", HARK_CAUSE_BAD_VALUE, options->event_fd, err);
	if ((unsigned)options->mind_signals > HARK_OFF)
		return bad("mind_signals", HARK_CAUSE_BAD_VALUE, options->mind_signals,
			err);
	if (options->counters && options->counters_size < sizeof(unsigned long))
		return bad("counters_size", HARK_CAUSE_BAD_VALUE,
			(long long)options->counters_size, err);
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(uint64_t); i++)
		if (options->reserved[i])
			return bad("reserved", HARK_CAUSE_RESERVED, 0, err);
	return 0;
}

static int check_listeners(
	const struct hark_listener *listeners, size_t count, struct hark_error *err)
{
	if (count < 1 || count > HARK_LOOP_MAX)
		return bad("count", HARK_CAUSE_BAD_VALUE, (long long)count, err);
	for (size_t i = 0; i < count; i++)
		if (listeners[i].origin == HARK_ORIGIN_NONE)
			return bad("listeners", HARK_CAUSE_NOT_LISTENING, 0, err);
	return 0;
}

int hark_accept_loop(const struct hark_listener *listeners, size_t count,
	hark_accept_handler *handler, void *ctx,
	const struct hark_loop_options *options, struct hark_error *err)
{
	static const struct hark_loop_options defaults;
	struct hark__accepting accepting = {.listeners = listeners,
		.count = count,
		.options = options ? options : &defaults};
	struct hark_addr peer;
	int connection, done = check_options(accepting.options, err);

	if (done == 0)
		done = check_listeners(listeners, count, err);
	if (done == 0)
		done = hark__accepting_begin(&accepting, err);
	if (done < 0)
		return done;
	while ((done = hark__accepting_next(&accepting, &connection, &peer, err)) > 0)
		handler(connection, &peer, ctx);
	hark__accepting_end(&accepting);
	return done;
}
