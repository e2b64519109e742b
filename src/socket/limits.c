/* SPDX-License-Identifier: MIT
 *
 * Limits: descriptors of this process, the backlog ceiling, the privileged ports.  They
 * change while programs run, so nothing is kept.  Floor 2.
 */
#include "socket/limits.h"

#include "base/error.h"
#include "socket/create.h"
#include "socket/ip_text.h"
#include "sys/sys.h"

#include <fcntl.h>
#include <limits.h>

/* A small non-negative number and a newline, or -1. */
static int to_number(const char *text, ssize_t length)
{
	struct hark__text digits = {text, length > 0 ? (size_t)length : 0};
	long long number;

	if (digits.length > 0 && text[digits.length - 1] == '\n')
		digits.length--;
	if (hark__read_number(digits, 10, INT_MAX, &number) < 0)
		return -1;
	return (int)number;
}

static int read_sysctl(const char *path)
{
	char text[16];
	ssize_t length;
	int fd = hark__open_above(path, O_RDONLY);

	if (fd < 0)
		return -1;
	length = sys_read(fd, text, sizeof(text));
	(void)sys_close(fd); /* read only */
	return to_number(text, length);
}

int hark__backlog_ceiling(void)
{
	return read_sysctl("/proc/sys/net/core/somaxconn");
}

int hark__unprivileged_port_start(void)
{
	int start = read_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start");

	return start < 0 ? 0 : start;
}

bool hark__migrates(void)
{
	return read_sysctl("/proc/sys/net/ipv4/tcp_migrate_req") == 1;
}

static long long count_of(rlim_t limit)
{
	return limit == RLIM_INFINITY ? -1 : (long long)limit;
}

static struct hark_nofile report(const struct rlimit *limit)
{
	return (struct hark_nofile){
		count_of(limit->rlim_cur), count_of(limit->rlim_max)};
}

static int read_limit(struct rlimit *limit, struct hark_error *err)
{
	int read = sys_getrlimit_nofile(limit);

	if (read < 0)
		return HARK__FAIL(err, .step = HARK_STEP_LIMIT, .code = read,
			.option = "RLIMIT_NOFILE");
	return 0;
}

int hark_nofile_read(struct hark_nofile *now, struct hark_error *err)
{
	struct rlimit limit;
	int read = read_limit(&limit, err);

	if (read == 0)
		*now = report(&limit);
	return read;
}

int hark_nofile_raise(
	struct hark_nofile *before, struct hark_nofile *after, struct hark_error *err)
{
	struct rlimit old, new;
	int raised = read_limit(&old, err);

	if (raised < 0)
		return raised;
	new = old;
	new.rlim_cur = old.rlim_max;
	if (new.rlim_cur != old.rlim_cur)
		raised = sys_setrlimit_nofile(&new);
	if (raised < 0)
		return HARK__FAIL(err, .step = HARK_STEP_LIMIT, .code = raised,
			.option = "RLIMIT_NOFILE", .limit = count_of(new.rlim_cur));
	if (before)
		*before = report(&old);
	if (after)
		*after = report(&new);
	return 0;
}
