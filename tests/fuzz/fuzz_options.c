/* SPDX-License-Identifier: MIT
 *
 * The command line of `hark serve`, a word between any two NULs: it is read to its end, or
 * refused with exit code 100; the values are within their bounds, and every word that is no
 * option is still there.
 */
#include "command.h"
#include "must.h"
#include "serve_options.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 100, BYTES_MAX = 4096 };

/* The words, cut at NULs, as main() gets them. */
static int split(char *text, size_t size, char *argv[WORDS_MAX + 1])
{
	static char name[] = "serve";
	int argc = 0;

	argv[argc++] = name;
	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	argv[argc] = NULL;
	return argc;
}

static void check_values(const struct serve_options *options)
{
	MUST(options->service >= SERVICE_NONE && options->service <= SERVICE_CHARGEN);
	MUST(options->connections >= 0 && options->connections <= 1000000);
	MUST(options->per_address >= 0 && options->per_address <= 1000000);
	MUST(options->backlog >= 0 && options->backlog <= 999999999);
	MUST(options->notify_fd == -1 || options->notify_fd >= 1);
	MUST(options->set.count >= 0 && options->set.count <= OPTION_LIST_MAX);
	for (int i = 0; i < options->set.count; i++)
		MUST(options->set.text[i] != NULL);
}

/* In the place of the command's own: complaints are no output of a fuzzer. */
void complain(const char *sentence)
{
	MUST(strlen(sentence) > 0);
}

void complain_of(const char *what, const char *word, const char *advice)
{
	MUST(strlen(what) > 0 && strlen(advice) > 0);
	MUST(word != NULL);
}

int complain_error(const struct hark_error *err)
{
	return hark_error_exit_code(err);
}

int finish_output(void)
{
	return EXIT_FINE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct serve_options options = {.notify_fd = -1};
	char *argv[WORDS_MAX + 1], *text;
	int argc, operands;

	if (size > BYTES_MAX)
		return 0;
	text = calloc(1, size + 1); /* exact, so that reading on is seen */
	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	argc = split(text, size, argv);
	operands = options_parse(&serve_table, argc, argv, &options);
	check_values(&options);
	if (operands < 0)
		MUST(~operands == 0 || ~operands == 100 || ~operands == 111);
	else
		MUST(operands < argc);
	for (int i = 1; i <= operands; i++)
		MUST(argv[i] >= text && argv[i] <= text + size);
	free(text);
	return 0;
}
