/* SPDX-License-Identifier: MIT
 *
 * One line of text, built piece by piece in the caller's buffer as snprintf(3) would: what
 * does not fit is counted and lost.  The only place that escapes bytes from outside.
 * Not here: what the line says.
 * Floor 1.
 */
#ifndef HARK_BASE_LINE_H
#define HARK_BASE_LINE_H

#include <stddef.h>

struct hark__line {
	char *text;
	size_t size;   /* of text, room for the NUL included; 0: text may be NULL */
	size_t length; /* of the whole line, however much of it fits */
};

void hark__line_byte(struct hark__line *line, char byte);
void hark__line_add(struct hark__line *line, const char *text);
void hark__line_number(struct hark__line *line, long long number);
void hark__line_hex(struct hark__line *line, unsigned number);

/* Printable ASCII as it is; the rest, the backslash, and the byte `also`, as \xNN. */
void hark__line_escaped(
	struct hark__line *line, const char *bytes, size_t length, char also);

/* Terminates what fits and returns the length of the whole. */
size_t hark__line_end(struct hark__line *line);

#endif
