/* SPDX-License-Identifier: MIT
 *
 * The variables of a service manager, a line each: where it is to be told, how often, and
 * who.  Whatever they say, an address is one that connect(2) can be given, and a time one
 * that can be waited for.
 */
#include "must.h"
#include "socket/manager.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_addr(const char *value)
{
	struct hark_addr addr = {0};
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	size_t length = strlen(value);

	if (hark__notify_addr(&addr, value) < 0) {
		MUST(addr.length == 0);
		return;
	}
	MUST(hark_addr_family(&addr) == AF_UNIX);
	MUST(addr.length <= sizeof(addr.u.un));
	MUST(!memcmp(addr.u.un.sun_path + 1, value + 1, length - 1));
	if (value[0] == '@')
		MUST(addr.u.un.sun_path[0] == '\0' && addr.length == before + length);
	else
		MUST(value[0] == '/' && addr.length == before + length + 1);
}

static void check_watchdog(const char *usec, const char *pid)
{
	const char *bad = NULL;
	int every = hark__watchdog_read(usec, pid, 4481, &bad);

	if (every < 0)
		MUST(bad && (!strcmp(bad, "WATCHDOG_USEC") ||
				    (pid && !strcmp(bad, "WATCHDOG_PID"))));
	else
		MUST((every > 0) == (usec && (!pid || atoll(pid) == 4481)));
}

/* Cuts a line off; NULL when there is no more. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = line ? strchr(line, '\n') : NULL;

	if (end)
		*end = '\0';
	*rest = end ? end + 1 : NULL;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *line;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	line = next_line(&rest);
	check_addr(line);
	line = next_line(&rest);
	check_watchdog(line, next_line(&rest));
	free(text);
	return 0;
}
