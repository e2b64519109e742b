/* SPDX-License-Identifier: MIT
 *
 * One line of text in the caller's buffer (line.h).
 *
 * Floor 1.  Bytes are judged by number, never by isprint(3): a locale must not change what
 * reaches a terminal or a log.
 */
#include "base/line.h"

#include <stdio.h>

void hark__line_byte(struct hark__line *line, char byte)
{
	if (line->length + 1 < line->size)
		line->text[line->length] = byte;
	line->length++;
}

void hark__line_add(struct hark__line *line, const char *text)
{
	while (*text)
		hark__line_byte(line, *text++);
}

void hark__line_number(struct hark__line *line, long long number)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%lld", number); /* fits: 20 at most */
	hark__line_add(line, digits);
}

void hark__line_hex(struct hark__line *line, unsigned number)
{
	char digits[16];

	(void)snprintf(digits, sizeof(digits), "%x", number); /* fits: 8 at most */
	hark__line_add(line, digits);
}

void hark__line_escaped(
	struct hark__line *line, const char *bytes, size_t length, char also)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '\\' && bytes[i] != also) {
			hark__line_byte(line, bytes[i]);
			continue;
		}
		hark__line_add(line, "\\x");
		hark__line_byte(line, digit[byte >> 4]);
		hark__line_byte(line, digit[byte & 15]);
	}
}

size_t hark__line_end(struct hark__line *line)
{
	if (line->size > 0)
		line->text[line->length < line->size ? line->length : line->size - 1] =
			'\0';
	return line->length;
}
