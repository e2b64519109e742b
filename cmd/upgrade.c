/* SPDX-License-Identifier: MIT
 *
 * Our successor; see upgrade.h.
 */
#include "upgrade.h"

#include "os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **words;

bool upgrade_remember_words(char **argv)
{
	size_t count = 0;

	while (argv[count])
		count++;
	words = calloc(count + 1, sizeof(*words));
	if (!words)
		return false;
	memcpy(words, argv, count * sizeof(*words));
	return true;
}

/*
 * As we were executed: where PATH was searched, what was found there; so that what lies
 * there when it is asked for is run.  A word without a slash is a file of the directory.
 */
static const char *path(void)
{
	static char here[4096];
	const char *executed = os_executed();

	if (!executed)
		return "/proc/self/exe";
	if (strchr(executed, '/'))
		return executed;
	(void)snprintf(here, sizeof(here), "./%s", executed); /* PATH_MAX: it fits */
	return here;
}

/* One that was named has its own words. */
static char *const *words_of(const struct serve_options *options)
{
	if (!options->successor)
		return words;
	words[0] = strdup(options->successor); /* or NULL, which is refused */
	words[1] = NULL;
	return words;
}

struct hark_successor upgrade_successor(const struct serve_options *options)
{
	return (struct hark_successor){
		.path = options->successor ? options->successor : path(),
		.argv = words_of(options),
		.ready_ms = options->upgrade_timeout_s * 1000,
		.max_generations = options->generations};
}
