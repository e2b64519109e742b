/* SPDX-License-Identifier: MIT
 *
 * What the command line says, looked at before anything is opened: whether each word makes
 * sense, alone and beside the others.
 */
#ifndef HARK_COMMAND_CHECK_H
#define HARK_COMMAND_CHECK_H

#include "serve_options.h"

/* What stands on the command line, in order. */
struct words {
	char **addresses;
	int address_count;
	char **program;    /* and its arguments */
	int program_count; /* of these words; 0: no program was given */
};

/*
 * 0, or the exit code after a complaint.  Options that are words of their own kind are read
 * into those that say what they mean: .model, .rate_count, .overload.
 */
int check_words(struct serve_options *options, const struct words *words);

#endif
