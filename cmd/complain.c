/* SPDX-License-Identifier: MIT
 *
 * Complaints on standard error, one line each; and noticing that output was lost.
 */
#include "command.h"

#include <errno.h>
#include <stdio.h>

void complain(const char *sentence)
{
	fprintf(stderr, "hark: %s\n", sentence);
}

static void print_escaped(FILE *stream, const char *word, int most)
{
	for (int i = 0; word[i] && i < most; i++) {
		unsigned char byte = (unsigned char)word[i];

		if (byte < ' ' || byte > '~' || byte == '\\')
			fprintf(stream, "\\x%02x", byte);
		else
			fputc(byte, stream);
	}
}

void complain_of(const char *what, const char *word, const char *advice)
{
	flockfile(stderr);
	fprintf(stderr, "hark: %s '", what);
	print_escaped(stderr, word, 200);
	fputs("'; ", stderr);
	print_escaped(stderr, advice, 1000);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int complain_error(const struct hark_error *err)
{
	flockfile(stderr);
	fputs("hark: ", stderr);
	hark_error_print(stderr, err);
	funlockfile(stderr);
	return hark_error_exit_code(err);
}

int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_FINE;
	fprintf(stderr, "hark: cannot write to standard output: %s\n",
		hark_errno_name(errno));
	return EXIT_LATER;
}
