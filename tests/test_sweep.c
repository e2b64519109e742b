/*
 * The fault sweep: every system call that the library makes, failed at every place with
 * every errno on its list (N5 E1). How it works is in sweep.h, the lists are in
 * sweep_faults.c, the scenarios in sweep_*.c; here they become tests, and the last test sees
 * to it that nothing was left out.
 */
#include "sweep_scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* Far below what there is: a sweep that injected less has tested nothing. */
enum { LEAST_INJECTIONS = 10000 };

/* N5 E1 */
#define SWEEP_TEST(name, sentence)                            \
	TEST(name, sentence ", with faults", .timeout_s = 60) \
	{                                                     \
		sweep(&sweep_##name);                         \
	}
SWEEP_SCENARIOS(SWEEP_TEST)

#define COUNT_ONE(name, sentence) +1
enum { SCENARIOS = 0 SWEEP_SCENARIOS(COUNT_ONE) };

static char missing[4096];

static void add_missing(const char *name)
{
	size_t used = strlen(missing);

	(void)snprintf(missing + used, sizeof(missing) - used, " %s", name);
}

/* Made beside other threads and in other processes only: test_server_faults.c. */
static bool is_of_running_servers(int call)
{
	return call == HARK__CALL_THREAD || call == HARK__CALL_TIMER_SET ||
	       call == HARK__CALL_AFFINITY;
}

static void look_for_calls(const struct sweep_total *total)
{
	for (int call = 0; call < HARK__CALL_COUNT; call++)
		if (total->injected_at[call] == 0 && !is_of_running_servers(call))
			add_missing(sweep_lists[call].text);
}

static FILE *open_map(void)
{
	const char *source = getenv("HARK_SOURCE");
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/src/hark.map", source ? source : ".");
	file = fopen(path, "re");
	if (!file)
		harness_fail(__FILE__, __LINE__,
			"cannot read '%s': HARK_SOURCE says where the source is", path);
	return file;
}

/* Each function that the library exports was called in some body. */
static void look_for_functions(void)
{
	FILE *file = open_map();
	char line[256], name[64];
	int functions = 0;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %63[a-z0-9_];", name) != 1 ||
			strncmp(name, "hark_", 5) != 0)
			continue;
		functions++;
		if (!sweep_function_was_called(name))
			add_missing(name);
	}
	(void)fclose(file); /* only read from */
	CHECK_INT(functions, >, 50);
}

/* N5: last, since it adds up what the others did. */
TEST(complete, "the sweep has reached every function and every kind of system call")
{
	struct sweep_total total = sweep_total();

	CHECK_INT(total.begun, ==, SCENARIOS); /* all of them, not by name */
	look_for_calls(&total);
	look_for_functions();
	if (*missing && total.ended < total.begun)
		SKIP("%d scenarios were skipped or failed, and so not reached:%s",
			total.begun - total.ended, missing);
	CHECK_STR(missing, "");
	CHECK_INT(total.injected, >=, LEAST_INJECTIONS);
	NOTE("%ld injections in %d scenarios", total.injected, total.ended);
}
