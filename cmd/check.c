/* SPDX-License-Identifier: MIT
 *
 * Looking at the command line; see check.h.  What makes no sense together is a mistake, and
 * not ignored.
 */
#include "check.h"

#include "command.h"
#include "server.h"
#include "variables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad_usage(const char *what, const char *word, const char *advice)
{
	complain_of(what, word, advice);
	return EXIT_USAGE;
}

static int bad_value(const char *option, const char *text, const char *advice)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "cannot use the value of --%s,", option);
	return bad_usage(what, text, advice);
}

/* --------------------------------------------------------------------- what is served */

static bool serves_itself(const struct serve_options *options)
{
	return options->service != SERVICE_NONE || options->proxy;
}

/* Most likely the program, and the separator was forgotten. */
static int refuse_without_program(const struct words *words)
{
	struct hark_endpoint endpoint;

	for (int i = 1; i < words->address_count; i++)
		if (hark_endpoint_parse(&endpoint, words->addresses[i], NULL) < 0)
			return bad_usage("this is no address:", words->addresses[i],
				"if it is the program, put '--' before it");
	return bad_usage("nothing to serve at", words->addresses[0],
		"add '-- PROGRAM' or a service such as --echo, or try 'hark serve "
		"--help'");
}

static int check_program_given(
	const struct serve_options *options, const struct words *words)
{
	if (words->program_count == 0 && !serves_itself(options))
		return refuse_without_program(words);
	if (words->program_count > 0 && serves_itself(options))
		return bad_usage("a built-in service needs no program, such as",
			words->program[0], "leave one of them out");
	if (options->service != SERVICE_NONE && options->proxy)
		return bad_usage("cannot add the option", "--proxy",
			"another service was chosen already");
	return 0;
}

static int check_addresses(const struct words *words)
{
	if (words->address_count == 0) {
		complain("no address given; try 'hark serve localhost:4481 --echo'");
		return EXIT_USAGE;
	}
	if (words->address_count > ADDRESSES_MAX)
		return bad_usage("too many addresses, from",
			words->addresses[ADDRESSES_MAX], "32 are the most");
	return 0;
}

/* --------------------------------------------------------------------- words that mean */

static int read_model(struct serve_options *options, bool program)
{
	int model = options->model_name ? hark_model_parse(options->model_name) : 0;

	if (model == HARK_MODEL_FIBER)
		return bad_value("model", options->model_name,
			"this build has no coroutines (EOPNOTSUPP)");
	if (model < 0 || (!program && model == HARK_MODEL_SPAWN))
		return bad_value("model", options->model_name,
			"a built-in service runs as serial, fork, thread or pool");
	if (program && model != 0 && model != HARK_MODEL_SPAWN)
		return bad_value("model", options->model_name,
			"a program always has a process of its own (spawn)");
	options->model = model;
	return 0;
}

static int read_overload(struct serve_options *options)
{
	const char *name = options->overload_name;

	if (!name || !strcmp(name, "wait"))
		return 0;
	options->overload = !strcmp(name, "gate") ? OVERLOAD_GATE : OVERLOAD_REFUSE;
	if (options->overload == OVERLOAD_GATE || !strcmp(name, "refuse"))
		return 0;
	return bad_value("overload", name, "it is 'wait', 'refuse' or 'gate'");
}

/* What a server may choose for itself; hark_quiesce_method_name has blanks. */
static int read_quiesce(struct serve_options *options)
{
	static const struct {
		const char *name;
		enum hark_quiesce_method method;
	} known[] = {{"best", HARK_QUIESCE_BEST}, {"ghost", HARK_QUIESCE_GHOST},
		{"filter", HARK_QUIESCE_FILTER}, {"shared", HARK_QUIESCE_SHARED},
		{"until-empty", HARK_QUIESCE_UNTIL_EMPTY}};
	const char *name = options->quiesce_name;

	if (!name)
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		options->quiesce = (int)known[i].method;
		return 0;
	}
	return bad_value("quiesce", name,
		"it is 'best', 'ghost', 'filter', 'shared' or 'until-empty'");
}

enum { RATE_MOST = 1000000, RATE_SECONDS_MOST = 86400 };

/* Decimal digits up to `end`; 0: none, or more than the most. */
static int read_count(const char *text, const char *end, int most)
{
	size_t digits = strspn(text, "0123456789");
	long long number;

	if (digits == 0 || digits > 9 || text + digits != end)
		return 0;
	number = atoll(text);
	return number <= most ? (int)number : 0;
}

/* "10" is ten a second, "10/60" ten a minute. */
static int read_rate(struct serve_options *options)
{
	const char *text = options->rate, *slash, *end;
	int seconds = 1;

	if (!text)
		return 0;
	end = text + strlen(text);
	slash = strchrnul(text, '/');
	options->rate_count = read_count(text, slash, RATE_MOST);
	if (*slash)
		seconds = read_count(slash + 1, end, RATE_SECONDS_MOST);
	options->rate_ms = seconds * 1000;
	if (options->rate_count && seconds)
		return 0;
	return bad_value("rate", text,
		"it takes a number from 1 to 1000000, and perhaps '/' and seconds from "
		"1 to 86400");
}

static int check_environment(const struct serve_options *options)
{
	for (int i = 0; i < options->set.count; i++) {
		const char *word = options->set.text[i];

		if (strcspn(word, "=") == 0 || !strchr(word, '='))
			return bad_usage("cannot set the variable", word,
				"--env takes NAME=VALUE");
		if (variables_is_of_connection(word))
			return bad_usage("cannot set the variable", word,
				"it tells about the connection, and is set for each");
	}
	return 0;
}

static int check_text(const char *option, const char *text, size_t most)
{
	char advice[64];

	if (!text || strlen(text) <= most)
		return 0;
	(void)snprintf(advice, sizeof(advice), "it may have %zu bytes", most);
	return bad_value(option, text, advice);
}

static int check_rules(const struct serve_options *options)
{
	return options->rules && *options->rules == '\0'
		       ? bad_value("rules", "", "it takes the name of a file")
		       : 0;
}

/* ------------------------------------------------------------------------- in company */

struct given {
	bool is;
	const char *name;
};

static int refuse_any(const struct given *options, size_t count, const char *advice)
{
	for (size_t i = 0; i < count; i++)
		if (options[i].is)
			return bad_usage(
				"no use for the option", options[i].name, advice);
	return 0;
}

#define REFUSE_ANY(options, advice) \
	refuse_any((options), sizeof(options) / sizeof((options)[0]), (advice))

static int check_for_program(const struct serve_options *options)
{
	const struct given of_services[] = {
		{options->threads > 0, "--threads"},
		{options->timeout_s > 0, "--timeout"},
	};

	return REFUSE_ANY(of_services, "it is about built-in services, and a program "
				       "is served");
}

static int check_for_service(const struct serve_options *options)
{
	const struct given of_programs[] = {
		{options->set.count > 0, "--env"},
		{options->clear_environment, "--clear-env"},
		{options->banner != NULL, "--banner"},
		{options->names, "--names"},
		{options->local_name != NULL, "--local-name"},
		{options->ident, "--ident"},
		{options->wait, "--wait"},
	};

	if (options->connections > MOST_CONVERSATIONS)
		return bad_usage("too much for a built-in service is", "--connections",
			"it has a thread or process a client, 30000 at most");
	if (options->threads && options->model != HARK_MODEL_POOL)
		return bad_usage("no use for the option", "--threads",
			"only --model pool has a fixed number of them");
	return REFUSE_ANY(of_programs, "it is about programs, and there is none");
}

static int check_company(const struct serve_options *options, bool program)
{
	if (options->refusal && !options->per_address && !options->per_prefix &&
		options->overload != OVERLOAD_REFUSE)
		return bad_usage("no use for the option", "--refusal",
			"nobody is refused without --per-address, --per-prefix or "
			"'--overload refuse'");
	if (options->recycle && !options->workers)
		return bad_usage("no use for the option", "--recycle",
			"only --workers are replaced");
	if (options->wait && options->drain_s >= 0)
		return bad_usage("cannot add the option", "--drain",
			"--wait waits however long");
	if (options->successor && !strchr(options->successor, '/'))
		return bad_value("successor", options->successor,
			"PATH is not searched: say where it is, with a slash");
	if (options->chroot && (options->upgrade_timeout_s || options->generations ||
				       options->successor))
		return bad_usage("cannot add the option", "--chroot",
			"a successor would be looked for in the new root");
	if (options->quiet && options->verbose)
		return bad_usage("cannot add the option", "--verbose",
			"--quiet is the opposite");
	return program ? check_for_program(options) : check_for_service(options);
}

/* ----------------------------------------------------------------------- all together */

enum { TEXT_MOST = 1000, NAME_MOST = 255 };

static int read_values(struct serve_options *options, bool program)
{
	int failed = read_model(options, program);

	if (!failed)
		failed = read_overload(options);
	if (!failed)
		failed = read_quiesce(options);
	if (!failed)
		failed = read_rate(options);
	if (!failed)
		failed = check_environment(options);
	if (!failed)
		failed = check_text("banner", options->banner, TEXT_MOST);
	if (!failed)
		failed = check_text("refusal", options->refusal, TEXT_MOST);
	if (!failed)
		failed = check_text("local-name", options->local_name, NAME_MOST);
	return failed ? failed : check_rules(options);
}

int check_words(struct serve_options *options, const struct words *words)
{
	bool program = words->program_count > 0;
	int failed = check_addresses(words);

	if (!failed)
		failed = check_program_given(options, words);
	if (!failed)
		failed = read_values(options, program);
	return failed ? failed : check_company(options, program);
}
