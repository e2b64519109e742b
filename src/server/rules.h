/* SPDX-License-Identifier: MIT
 *
 * Who may come in: rules by blocks of addresses, from a text file, hark_rules(5).
 * Not here: how many may (hosts.h), when the file is read again.
 * Floor 4.
 *
 * Rules that were read never change: whoever has them may ask from any thread, and what is
 * read again is another set.
 */
#ifndef HARK_SERVER_RULES_H
#define HARK_SERVER_RULES_H

#include <hark.h>

#define HARK__RULES_LINE_BYTES 1024 /* without its newline */
#define HARK__RULES_FILE_BYTES (8 << 20)
#define HARK__RULES_MOST       100000

struct hark__rules;

/* 0, or a negative errno and *rules stays as it was.  The file must be a regular one. */
int hark__rules_read(
	struct hark__rules **rules, const char *path, struct hark_error *err);

/* The same from memory; `name` stands for the file in messages. */
int hark__rules_parse(struct hark__rules **rules, const char *name, const char *text,
	size_t length, struct hark_error *err);

/* NULL allows all, and any rules a client without IP address.  No heap. */
bool hark__rules_allow(const struct hark__rules *rules, const struct hark_addr *peer);

/* NULL is fine. */
void hark__rules_free(struct hark__rules *rules);

#endif
