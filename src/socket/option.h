/* SPDX-License-Identifier: MIT
 *
 * The options of a listening socket: checked once, then set from one table.  Floor 2.
 */
#ifndef HARK_SOCKET_OPTION_H
#define HARK_SOCKET_OPTION_H

#include <hark.h>

/* `options`, or the all-zero defaults for NULL. */
const struct hark_listen_options *hark__options(
	const struct hark_listen_options *options);

/* Every field in its range, nothing reserved: before anything is opened. */
int hark__options_check(
	const struct hark_listen_options *options, struct hark_error *err);

/* All that comes before bind, on a fresh socket of that family. */
int hark__options_set(int fd, int family, const struct hark_listen_options *options,
	struct hark_error *err);

/* Of these, on a listener that is there, what its connections inherit. */
int hark__options_inherited(int fd, int family,
	const struct hark_listen_options *options, struct hark_error *err);

/* What setsockopt(2) says of an option that the kernel, or the protocol, has not. */
bool hark__option_is_lacking(int code);

/*
 * This kernel lacks `option` (or its `value`, unless NULL): an error, or a notice and 0, as
 * the caller chose.
 */
int hark__option_missing(const struct hark_listen_options *options, const char *option,
	const char *value, int code, struct hark_error *err);

/* One option of type int; negative errno. */
int hark__option_int(int fd, int level, int number, int value);

/* An option toggle, with DEFAULT decided. */
static inline enum hark_toggle hark__decided(
	enum hark_toggle said, enum hark_toggle fallback)
{
	return said == HARK_DEFAULT ? fallback : said;
}

#endif
