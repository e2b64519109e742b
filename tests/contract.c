/* SPDX-License-Identifier: MIT
 *
 * Which promises are tests, with which number of workers, and under which name.
 *
 * Not here: the server under test (contract_server.c), what it does (contract_handlers.c),
 * its clients (contract_clients.c), the promises (contract_SUBJECT.c).
 *
 * A choice must not depend on the order in which constructors run, so the turns are taken
 * by the line on which a promise stands.
 */
#include "contract.h"

#include <stdlib.h>

static const int workers_of[CASES] = {0, 1, 2, 4};

struct combination combination(void)
{
	return ((const struct contract_case *)harness_test())->combination;
}

static int processes(int workers)
{
	return workers ? workers : 1;
}

static int slots_in_one(void)
{
	if (contract_model == HARK_MODEL_SERIAL)
		return 1;
	return contract_model == HARK_MODEL_POOL ? POOL_THREADS : PLENTY;
}

int serving_processes(void)
{
	return processes(combination().workers);
}

int slots(void)
{
	return slots_in_one() * serving_processes();
}

int scaled_ms(int ms)
{
	static int factor; /* the same whoever is first */

	if (!factor)
		factor = (left_ms(deadline_ms(1000)) + 500) / 1000;
	return ms * factor;
}

static bool makes_sense(const struct promise *promise, int workers)
{
	unsigned models = promise->models ? promise->models : ALL_HANDLERS;

	return models & 1U << contract_model && workers >= promise->least_workers &&
	       !(promise->in_process && workers) &&
	       slots_in_one() * processes(workers) >= promise->slots;
}

/* In process or two workers by turns; else the first that makes sense. */
static int quick_case(const struct promise *promise)
{
	bool two = (promise->line + (int)contract_model) % 2;

	for (int i = two ? 2 : 0; i < CASES; i++)
		if (makes_sense(promise, workers_of[i]))
			return i;
	for (int i = 0; i < CASES; i++)
		if (makes_sense(promise, workers_of[i]))
			return i;
	return -1;
}

static void fill(struct contract_case *each, const struct promise *promise, int workers)
{
	char how[24];

	(void)snprintf(
		how, sizeof(how), "%d worker%s", workers, workers > 1 ? "s" : "");
	(void)snprintf(each->name, sizeof(each->name), "%s_%d", promise->name, workers);
	(void)snprintf(each->sentence, sizeof(each->sentence), "%s, %s: %s",
		hark_model_name(contract_model), workers ? how : "in process",
		promise->sentence);
	each->combination =
		(struct combination){.model = contract_model, .workers = workers};
	each->test = (struct test){.sentence = each->sentence,
		.name = each->name,
		.timeout_s = promise->timeout_s,
		.file = promise->file,
		.line = promise->line,
		.body = promise->body};
}

void contract_register(struct promise *promise)
{
	const char *full = getenv("HARK_TEST_FULL");
	int quick = quick_case(promise);

	for (int i = 0; i < CASES; i++) {
		struct contract_case *each = &promise->cases[i];

		if (!makes_sense(promise, workers_of[i]))
			continue;
		fill(each, promise, workers_of[i]);
		each->test.hidden = i != quick && !(full && *full == '1');
		harness_register(&each->test);
	}
}
