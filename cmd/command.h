/* SPDX-License-Identifier: MIT
 *
 * What the subcommands share: exit codes, and one way to say what is wrong.
 */
#ifndef HARK_COMMAND_H
#define HARK_COMMAND_H

#include <hark.h>

enum {
	EXIT_FINE = 0,
	EXIT_USAGE = 100, /* do not retry */
	EXIT_LATER = 111  /* may work later */
};

int serve_command(int argc, char **argv);
int stop_command(int argc, char **argv);
int restart_command(int argc, char **argv);
int status_command(int argc, char **argv);

/* One line on standard error each. */
void complain(const char *sentence);
/* "hark: WHAT 'WORD'; ADVICE"; what comes from outside is escaped in both. */
void complain_of(const char *what, const char *word, const char *advice);
/* The library's error, and the exit code that goes with it. */
int complain_error(const struct hark_error *err);

/*
 * The exit code of a command that printed what was asked for: buffered output may fail to
 * be written only now (a full disk, a closed pipe).
 */
int finish_output(void);

#endif
