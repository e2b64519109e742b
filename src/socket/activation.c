/* SPDX-License-Identifier: MIT
 *
 * Socket activation: the service manager passes listening sockets from descriptor 3 on,
 * and says so in the environment: LISTEN_PID (for whom), LISTEN_FDS (how many) and
 * LISTEN_FDNAMES (their names, colons between); sd_listen_fds(3) tells the protocol.
 * The environment is outside input: everything is checked, nothing is changed.
 * Not here: readiness and status notification.  Floor 2.
 */
#include "socket/activation.h"

#include "base/error.h"
#include "socket/ip_text.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_FD = 3, MOST_FDS = 1024 };

static int fail(const char *variable, const char *value, int code,
	enum hark_cause cause, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_ENVIRONMENT, .code = code,
		.cause = cause, .option = variable, .subject = value);
}

/* Decimal digits only, up to 2^31 - 1; -1 for anything else. */
static int to_number(const char *text)
{
	return (int)hark__to_number(text, 10, INT_MAX);
}

/* How many descriptors were passed to this process. */
static int passed(struct hark_error *err)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	int count;

	if (!pid || !fds)
		return fail(pid ? "LISTEN_FDS" : "LISTEN_PID", NULL, -ENOENT,
			HARK_CAUSE_NOT_ACTIVATED, err);
	if (to_number(pid) <= 0)
		return fail("LISTEN_PID", pid, -EINVAL, HARK_CAUSE_BAD_VARIABLE, err);
	if (to_number(pid) != sys_getpid()) /* meant for a parent of ours */
		return fail("LISTEN_PID", pid, -ENOENT, HARK_CAUSE_NOT_ACTIVATED, err);
	count = to_number(fds);
	if (count <= 0 || count > MOST_FDS)
		return fail("LISTEN_FDS", fds, -EINVAL, HARK_CAUSE_BAD_VARIABLE, err);
	return count;
}

/* True if the name at *names is `name`; moves on to the next. */
static bool next_is(const char **names, const char *name)
{
	size_t length = *names ? strcspn(*names, ":") : 0;
	bool same = *names && length == strlen(name) && !strncmp(*names, name, length);

	if (*names)
		*names = (*names)[length] == ':' ? *names + length + 1 : NULL;
	return same;
}

int hark__activation_find(
	int *fds, size_t max, const char *name, struct hark_error *err)
{
	const char *names = getenv("LISTEN_FDNAMES");
	size_t found = 0;
	int count = passed(err);

	for (int fd = FIRST_FD; count >= 0 && fd < FIRST_FD + count; fd++) {
		if (!next_is(&names, name) && *name)
			continue;
		if (found == max)
			return HARK__FAIL(err, .step = HARK_STEP_ADOPT, .code = -E2BIG,
				.cause = HARK_CAUSE_TOO_MANY, .limit = (long long)max,
				.subject = "activation");
		fds[found++] = fd;
	}
	if (count >= 0 && found == 0)
		return fail(
			"LISTEN_FDNAMES", name, -ENOENT, HARK_CAUSE_NO_SUCH_NAME, err);
	return count < 0 ? count : (int)found;
}
