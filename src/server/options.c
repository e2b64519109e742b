/* SPDX-License-Identifier: MIT
 *
 * The options of a server; see options.h.  Floor 4.
 */
#include "server/options.h"

#include "base/error.h"
#include "server/model.h"
#include "socket/handed.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum {
	WORKERS_MAX = 256,
	THREADS_MAX = 4096,
	CONNECTIONS_MAX = 1000000,
	STACK_MIN = 65536,
	RATE_MAX = 1000000,
	RATE_MS_MAX = 86400000
};

static int bad(const char *option, long long value, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
		.cause = HARK_CAUSE_BAD_VALUE, .option = option, .limit = value);
}

#define RANGE(field, from, to)                                                \
	{                                                                     \
#field, offsetof(struct hark_server_options, field), from, to \
	}

static const struct {
	const char *name;
	size_t offset;
	int least, most;
} ranges[] = {
	RANGE(workers, 0, WORKERS_MAX),
	RANGE(threads, 0, THREADS_MAX),
	RANGE(max_connections, 0, CONNECTIONS_MAX),
	RANGE(max_per_address, 0, CONNECTIONS_MAX),
	RANGE(max_per_prefix, 0, CONNECTIONS_MAX),
	RANGE(prefix_v4, 0, 32),
	RANGE(prefix_v6, 0, 128),
	RANGE(rate, 0, RATE_MAX),
	RANGE(rate_ms, 0, RATE_MS_MAX),
	RANGE(rate_burst, 0, RATE_MAX),
	RANGE(read_timeout_ms, -1, INT_MAX),
	RANGE(write_timeout_ms, -1, INT_MAX),
	RANGE(deadline_ms, -1, INT_MAX),
	RANGE(drain_ms, -1, INT_MAX),
	RANGE(lame_duck_ms, 0, INT_MAX),
	RANGE(idle_grace_ms, -1, INT_MAX),
	RANGE(recycle_after, 0, INT_MAX),
	RANGE(notify_fd, 0, INT_MAX),
};

static int check_ranges(
	const struct hark_server_options *options, struct hark_error *err)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int value;

		memcpy(&value, (const char *)options + ranges[i].offset, sizeof(value));
		if (value < ranges[i].least || value > ranges[i].most)
			return bad(ranges[i].name, value, err);
	}
	return 0;
}

static int check_choices(
	const struct hark_server_options *options, struct hark_error *err)
{
	if ((unsigned)options->overload > HARK_OVERLOAD_GATE)
		return bad("overload", options->overload, err);
	if ((unsigned)options->quiesce >= HARK_QUIESCE_COUNT ||
		options->quiesce == HARK_QUIESCE_STEERED ||
		options->quiesce == HARK_QUIESCE_SHUTDOWN ||
		options->quiesce == HARK_QUIESCE_MIGRATED)
		return bad("quiesce", options->quiesce, err);
	if ((unsigned)options->mind_signals > HARK_OFF)
		return bad("mind_signals", options->mind_signals, err);
	if ((unsigned)options->pin_cpus > HARK_OFF)
		return bad("pin_cpus", options->pin_cpus, err);
	if ((unsigned)options->histograms > HARK_OFF)
		return bad("histograms", options->histograms, err);
	if ((unsigned)options->notify > HARK_OFF)
		return bad("notify", options->notify, err);
	if ((unsigned)options->pressure > HARK_PRESSURE_SHED)
		return bad("pressure", options->pressure, err);
	if (options->linger.timeout_ms < 0)
		return bad("linger.timeout_ms", options->linger.timeout_ms, err);
	if (options->linger.idle_ms < 0)
		return bad("linger.idle_ms", options->linger.idle_ms, err);
	if (options->stack_bytes && options->stack_bytes < STACK_MIN)
		return bad("stack_bytes", (long long)options->stack_bytes, err);
	return 0;
}

static bool is_reserved_zero(const struct hark_server_options *options)
{
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(uint64_t); i++)
		if (options->reserved[i])
			return false;
	return !options->reserved_word && !options->linger.reserved[0] &&
	       !options->linger.reserved[1];
}

static int misfit(const char *option, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
		.cause = HARK_CAUSE_MISFIT, .option = option);
}

/* What makes no sense together is a mistake, and not ignored. */
static int check_company(const struct hark_server_options *options, bool has_handler,
	struct hark_error *err)
{
	bool spawns = options->model == HARK_MODEL_SPAWN;

	if (!is_reserved_zero(options))
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
			.cause = HARK_CAUSE_RESERVED, .option = "reserved");
	if (spawns != (options->program != NULL))
		return misfit("program", err);
	if (spawns == has_handler)
		return misfit("handler", err);
	if (options->threads && options->model != HARK_MODEL_POOL)
		return misfit("threads", err);
	if (options->recycle_after && !options->workers)
		return misfit("recycle_after", err);
	if (options->pin_cpus == HARK_ON && !options->workers)
		return misfit("pin_cpus", err);
	if (options->notify_fd && options->notify != HARK_ON)
		return misfit("notify_fd", err);
	if (options->overload == HARK_OVERLOAD_MESSAGE && !options->refusal)
		return misfit("refusal", err);
	return 0;
}

static int check_successor(
	const struct hark_successor *successor, struct hark_error *err)
{
	int most = successor->max_generations;

	if (!successor->path || !strchr(successor->path, '/'))
		return bad("successor.path", 0, err);
	if (!successor->argv || !successor->argv[0])
		return bad("successor.argv", 0, err);
	if (successor->ready_ms < 0)
		return bad("successor.ready_ms", successor->ready_ms, err);
	if (most != 0 && (most < 2 || most > HARK__ANCESTORS_MAX))
		return bad("successor.max_generations", most, err);
	for (size_t i = 0; i < sizeof(successor->reserved) / sizeof(uint64_t); i++)
		if (successor->reserved[i])
			return HARK__FAIL(err, .step = HARK_STEP_OPTION,
				.code = -EINVAL, .cause = HARK_CAUSE_RESERVED,
				.option = "successor.reserved");
	return 0;
}

static int check_model(
	const struct hark_server_options *options, struct hark_error *err)
{
	const struct hark__model *model = hark__model_of(options->model);

	if (options->model == HARK_MODEL_FIBER)
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EOPNOTSUPP,
			.cause = HARK_CAUSE_NO_MODEL, .option = "model",
			.limit = options->model);
	if (!model)
		return bad("model", options->model, err);
	return model->check ? model->check(options, err) : 0;
}

static void fill(int *field, int fallback)
{
	if (*field == 0)
		*field = fallback;
}

/* Never more than run at once: what waits for room would wait for ever. */
static void fill_connections(struct hark_server_options *options)
{
	const struct hark__model *model = hark__model_of(options->model);
	int processes = options->workers ? options->workers : 1;
	int most = model->usual ? model->usual
				: processes * hark__model_most(model, options);

	fill(&options->max_connections, most);
}

static void fill_all(struct hark_server_options *options)
{
	fill(&options->threads, 16);
	fill(&options->prefix_v4, 24);
	fill(&options->prefix_v6, 48);
	fill(&options->rate_ms, 1000);
	fill(&options->rate_burst, options->rate ? options->rate : 1);
	fill(&options->read_timeout_ms, -1);
	fill(&options->write_timeout_ms, 60000);
	fill(&options->drain_ms, 30000);
	fill(&options->idle_grace_ms, 100);
	if (options->stack_bytes == 0)
		options->stack_bytes = (size_t)256 * 1024;
	fill_connections(options);
}

int hark__server_options(struct hark_server_options *filled,
	const struct hark_server_options *given, bool has_handler,
	struct hark_error *err)
{
	struct hark_server_options options = {0};
	int done;

	if (given)
		options = *given;
	if (options.model == HARK_MODEL_DEFAULT)
		options.model = options.program ? HARK_MODEL_SPAWN : HARK_MODEL_THREAD;
	done = check_ranges(&options, err);
	if (done == 0)
		done = check_choices(&options, err);
	if (done == 0)
		done = check_company(&options, has_handler, err);
	if (done == 0)
		done = check_model(&options, err);
	if (done == 0 && options.successor)
		done = check_successor(options.successor, err);
	if (done < 0)
		return done;
	fill_all(&options);
	*filled = options;
	return 0;
}
