/* SPDX-License-Identifier: MIT
 *
 * The table of socket options: which field, which kernel option, of what type, for which
 * families, in what range, and what happens when nobody said anything.  A new option is a
 * field in hark.h and a row here.
 *
 * Not here: backlog and Unix path options, which are no socket options (their ranges are
 * checked here all the same, so that a bad struct opens nothing).
 *
 * Floor 2.  Invariant: an option that was asked for is set, or its failure is reported by
 * name.  Options of TCP and IP have no meaning for Unix sockets and are passed over there.
 */
#include "socket/option.h"

#include "base/error.h"
#include "sys/sys.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>

enum family { INET = 1, INET6 = 2, LOCAL = 4, IP = INET | INET6, ANY = IP | LOCAL };

enum type {
	TOGGLE, /* enum hark_toggle, set as 0 or 1 */
	NUMBER, /* int or uint32_t, 0 = leave it */
	TEXT,   /* const char *, NULL = leave it */
	LINGER  /* enum hark_toggle, with linger_s */
};

struct row {
	const char *name;
	size_t offset; /* of the field */
	enum type type;
	int level;
	int number;
	unsigned families;
	enum hark_toggle
		fallback; /* TOGGLE: what DEFAULT means; DEFAULT = the kernel's */
	long long max;    /* NUMBER: largest value; TEXT: longest */
};

#define FIELD(field) #field, offsetof(struct hark_listen_options, field)

/* Numbers that older C libraries' headers do not know; values of the kernel's interface. */
enum { USER_TIMEOUT = 18, FAST_OPEN = 23, MAX_INT = 2147483647 };

static const struct row rows[] = {
	{FIELD(reuse_address), TOGGLE, SOL_SOCKET, SO_REUSEADDR, IP, HARK_ON, 0},
	{FIELD(reuse_port), TOGGLE, SOL_SOCKET, SO_REUSEPORT, IP, HARK_DEFAULT, 0},
	/* Always said: the kernel's default is a sysctl, net.ipv6.bindv6only. */
	{FIELD(ipv6_only), TOGGLE, IPPROTO_IPV6, IPV6_V6ONLY, INET6, HARK_OFF, 0},
	{FIELD(free_bind), TOGGLE, IPPROTO_IP, IP_FREEBIND, IP, HARK_DEFAULT, 0},
	{FIELD(device), TEXT, SOL_SOCKET, SO_BINDTODEVICE, IP, HARK_DEFAULT,
		IFNAMSIZ - 1},
	{FIELD(mark), NUMBER, SOL_SOCKET, SO_MARK, IP, HARK_DEFAULT, UINT32_MAX},
	{FIELD(no_delay), TOGGLE, IPPROTO_TCP, TCP_NODELAY, IP, HARK_ON, 0},
	{FIELD(keep_alive), TOGGLE, SOL_SOCKET, SO_KEEPALIVE, IP, HARK_DEFAULT, 0},
	{FIELD(keep_alive_idle_s), NUMBER, IPPROTO_TCP, TCP_KEEPIDLE, IP, HARK_DEFAULT,
		32767},
	{FIELD(keep_alive_interval_s), NUMBER, IPPROTO_TCP, TCP_KEEPINTVL, IP,
		HARK_DEFAULT, 32767},
	{FIELD(keep_alive_count), NUMBER, IPPROTO_TCP, TCP_KEEPCNT, IP, HARK_DEFAULT,
		127},
	{FIELD(user_timeout_ms), NUMBER, IPPROTO_TCP, USER_TIMEOUT, IP, HARK_DEFAULT,
		MAX_INT},
	{FIELD(linger), LINGER, SOL_SOCKET, SO_LINGER, ANY, HARK_DEFAULT, 0},
	{FIELD(receive_buffer_bytes), NUMBER, SOL_SOCKET, SO_RCVBUF, ANY, HARK_DEFAULT,
		MAX_INT},
	{FIELD(send_buffer_bytes), NUMBER, SOL_SOCKET, SO_SNDBUF, ANY, HARK_DEFAULT,
		MAX_INT},
	{FIELD(congestion), TEXT, IPPROTO_TCP, TCP_CONGESTION, IP, HARK_DEFAULT, 15},
	{FIELD(defer_accept_s), NUMBER, IPPROTO_TCP, TCP_DEFER_ACCEPT, IP, HARK_DEFAULT,
		MAX_INT},
	{FIELD(fast_open_queue), NUMBER, IPPROTO_TCP, FAST_OPEN, IP, HARK_DEFAULT,
		MAX_INT},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The fields that no row sets: where they are checked, and their ranges. */
static const struct row unset_rows[] = {
	{FIELD(mptcp), TOGGLE, 0, 0, IP, HARK_OFF, 0},
	{FIELD(linger_s), NUMBER, 0, 0, ANY, HARK_DEFAULT, 65535},
	{FIELD(unix_chown), TOGGLE, 0, 0, LOCAL, HARK_OFF, 0},
	{FIELD(lenient), TOGGLE, 0, 0, ANY, HARK_OFF, 0},
};

#define UNSET_ROWS (sizeof(unset_rows) / sizeof(unset_rows[0]))

const struct hark_listen_options *hark__options(
	const struct hark_listen_options *options)
{
	static const struct hark_listen_options defaults;

	return options ? options : &defaults;
}

static const void *field(
	const struct hark_listen_options *options, const struct row *row)
{
	return (const char *)options + row->offset;
}

static enum hark_toggle toggle_of(
	const struct hark_listen_options *options, const struct row *row)
{
	const enum hark_toggle *said = field(options, row);

	return *said;
}

/* mark alone is unsigned; the others reject what is negative. */
static long long number_of(
	const struct hark_listen_options *options, const struct row *row)
{
	int value;

	if (row->max == UINT32_MAX)
		return options->mark;
	memcpy(&value, field(options, row), sizeof(value));
	return value;
}

static const char *text_of(
	const struct hark_listen_options *options, const struct row *row)
{
	const char *const *text = field(options, row);

	return *text;
}

static int bad_value(const char *option, enum hark_cause cause, long long value,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
		.cause = cause, .option = option, .limit = value);
}

static bool text_fits(const char *text, size_t longest)
{
	size_t length = strnlen(text, longest + 1);

	return length > 0 && length <= longest;
}

static int check_row(const struct hark_listen_options *options, const struct row *row,
	struct hark_error *err)
{
	long long value = 0;
	bool good = true;

	if (row->type == TOGGLE || row->type == LINGER) {
		value = toggle_of(options, row);
		good = value >= HARK_DEFAULT && value <= HARK_OFF;
	} else if (row->type == NUMBER) {
		value = number_of(options, row);
		good = value >= 0 && value <= row->max;
	} else if (text_of(options, row)) {
		good = text_fits(text_of(options, row), (size_t)row->max);
	}
	return good ? 0 : bad_value(row->name, HARK_CAUSE_BAD_VALUE, value, err);
}

/* What is no row: the backlog, the mode, the choice about missing options, the tail. */
static int check_rest(const struct hark_listen_options *options, struct hark_error *err)
{
	if (options->backlog < 0)
		return bad_value("backlog", HARK_CAUSE_NEGATIVE, options->backlog, err);
	if (options->unix_mode & ~(mode_t)0777)
		return bad_value("unix_mode", HARK_CAUSE_BAD_VALUE,
			(int)options->unix_mode, err);
	if (options->missing != HARK_MISSING_FAILS &&
		options->missing != HARK_MISSING_NOTICE)
		return bad_value(
			"missing", HARK_CAUSE_BAD_VALUE, options->missing, err);
	for (size_t i = 0; i < sizeof(options->reserved) / sizeof(uint64_t); i++)
		if (options->reserved[i])
			return bad_value("reserved", HARK_CAUSE_RESERVED, 0, err);
	return 0;
}

int hark__options_check(
	const struct hark_listen_options *options, struct hark_error *err)
{
	int checked = check_rest(options, err);

	for (size_t i = 0; i < ROWS && checked == 0; i++)
		checked = check_row(options, &rows[i], err);
	for (size_t i = 0; i < UNSET_ROWS && checked == 0; i++)
		checked = check_row(options, &unset_rows[i], err);
	return checked;
}

int hark__option_missing(const struct hark_listen_options *options, const char *option,
	const char *value, int code, struct hark_error *err)
{
	struct hark__facts facts = {.step = HARK_STEP_OPTION,
		.code = code,
		.cause = HARK_CAUSE_UNSUPPORTED,
		.option = option,
		.subject = value};
	struct hark_error notice;

	if (options->missing == HARK_MISSING_FAILS)
		return hark__fail(err, &facts);
	(void)hark__fail(&notice, &facts); /* told, not returned */
	if (options->on_notice)
		options->on_notice(&notice, options->notice_ctx);
	return 0;
}

int hark__option_int(int fd, int level, int number, int value)
{
	return sys_setsockopt(fd, level, number, &value, sizeof(value));
}

/* Any of the three numbers of keep-alive means that it is wanted. */
static enum hark_toggle keep_alive(const struct hark_listen_options *options)
{
	bool numbers = options->keep_alive_idle_s || options->keep_alive_interval_s ||
		       options->keep_alive_count;

	return hark__decided(options->keep_alive, numbers ? HARK_ON : HARK_DEFAULT);
}

static int set_toggle(
	int fd, const struct hark_listen_options *options, const struct row *row)
{
	enum hark_toggle wanted = hark__decided(toggle_of(options, row), row->fallback);

	if (row->number == SO_KEEPALIVE && row->level == SOL_SOCKET)
		wanted = keep_alive(options);
	if (wanted == HARK_DEFAULT)
		return 0;
	return hark__option_int(fd, row->level, row->number, wanted == HARK_ON);
}

static int set_number(
	int fd, const struct hark_listen_options *options, const struct row *row)
{
	long long value = number_of(options, row);

	if (value == 0)
		return 0;
	return hark__option_int(fd, row->level, row->number, (int)(uint32_t)value);
}

static int set_text(
	int fd, const struct hark_listen_options *options, const struct row *row)
{
	const char *text = text_of(options, row);

	if (!text)
		return 0;
	return sys_setsockopt(
		fd, row->level, row->number, text, (socklen_t)strlen(text));
}

static int set_linger(int fd, const struct hark_listen_options *options)
{
	struct linger value = {options->linger == HARK_ON, options->linger_s};

	if (options->linger == HARK_DEFAULT)
		return 0;
	return sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value));
}

static int set_row(
	int fd, const struct hark_listen_options *options, const struct row *row)
{
	switch (row->type) {
	case TOGGLE:
		return set_toggle(fd, options, row);
	case NUMBER:
		return set_number(fd, options, row);
	case TEXT:
		return set_text(fd, options, row);
	case LINGER:
		return set_linger(fd, options);
	}
	return 0;
}

/*
 * What a kernel says of an option that it was built without, or of a congestion control
 * whose module it has not (ENOENT).  A device that does not exist (ENODEV), or a privilege
 * that we have not (EPERM), is no missing option.
 */
bool hark__option_is_lacking(int code)
{
	return code == -ENOPROTOOPT || code == -EOPNOTSUPP || code == -ENOENT;
}

static unsigned family_bit(int family)
{
	return family == AF_INET ? INET : family == AF_INET6 ? INET6 : LOCAL;
}

static int set_failed(const struct hark_listen_options *options, const struct row *row,
	int code, struct hark_error *err)
{
	const char *value = row->type == TEXT ? text_of(options, row) : NULL;

	if (hark__option_is_lacking(code))
		return hark__option_missing(options, row->name, value, code, err);
	return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = code,
		.option = row->name, .subject = value);
}

static int set_one(int fd, int family, const struct hark_listen_options *options,
	const struct row *row, struct hark_error *err)
{
	int set;

	if (!(row->families & family_bit(family)))
		return 0;
	set = set_row(fd, options, row);
	return set < 0 ? set_failed(options, row, set, err) : 0;
}

int hark__options_set(int fd, int family, const struct hark_listen_options *options,
	struct hark_error *err)
{
	int set = 0;

	for (size_t i = 0; i < ROWS && set == 0; i++)
		set = set_one(fd, family, options, &rows[i], err);
	return set;
}

/* Nobody asked for it by name: a protocol that others chose may do without. */
static bool is_by_default(
	const struct hark_listen_options *options, const struct row *row)
{
	return row->type == TOGGLE && toggle_of(options, row) == HARK_DEFAULT;
}

/* In hark.h they stand behind those that only come before bind. */
int hark__options_inherited(int fd, int family,
	const struct hark_listen_options *options, struct hark_error *err)
{
	const size_t first = offsetof(struct hark_listen_options, no_delay);
	int set = 0;

	for (size_t i = 0; i < ROWS && set == 0; i++) {
		if (rows[i].offset < first)
			continue;
		if (is_by_default(options, &rows[i]))
			(void)set_row(fd, options, &rows[i]); /* or it has it not */
		else
			set = set_one(fd, family, options, &rows[i], err);
	}
	return set;
}
