/* SPDX-License-Identifier: MIT
 *
 * What `hark serve` tells on standard error, and how much of it was asked for.
 */
#ifndef HARK_COMMAND_REPORT_H
#define HARK_COMMAND_REPORT_H

#include <hark.h>
#include <stdbool.h>
#include <stdint.h>

enum verbosity { TELL_ERRORS, TELL_EVENTS, TELL_CLIENTS };

/* Once, before anything is told. */
void report_set(enum verbosity verbosity);
bool report_tells(enum verbosity what);

/* "hark: ..." and a newline, one write; when that much was asked for. */
void report(enum verbosity what, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An error of the library with words before it. */
void report_error(const char *before, const struct hark_error *err);

void report_listening(const struct hark_listener *listener);
/* What a tolerant set left out, so that nobody looks for it. */
void report_left_out(const struct hark_listener_set *set);

/* At most one line a second of a kind, whichever thread it is; *last_ms starts as 0. */
bool report_is_due(_Atomic int64_t *last_ms, int64_t now_ms);

/* "exit code 3", "signal SIGKILL": how a process ended, as waitpid(2) says it. */
void report_how_ended(int status, char text[32]);

#endif
