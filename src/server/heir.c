/* SPDX-License-Identifier: MIT
 *
 * Starting the successor: what it is left, and the environment that tells it; see
 * socket/handed.h for the variables.  Floor 4.
 *
 * Invariant: it finds no variable that was meant for this process alone.
 */
#include "base/error.h"
#include "server/environment.h"
#include "server/handover.h"
#include "server/server.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a service manager, and of our own predecessor. */
static const char *const not_for_it[] = {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS",
	"LISTEN_FDNAMES", "WATCHDOG_PID", "HARK_HANDED*"};

enum { OURS = 4 /* variables */, NUMBER_MAX = 12 };

/* All that is made for one start. */
struct estate {
	char **envp;
	size_t count;
	int kept[HARK__HANDED_MAX + HARK__ANCESTORS_MAX + 1];
	size_t kept_count;
	char pid[32], link[32], ancestors[32 + HARK__ANCESTORS_MAX * NUMBER_MAX];
	char *listeners;
};

static bool is_for_it(const char *variable)
{
	for (size_t i = 0; i < sizeof(not_for_it) / sizeof(not_for_it[0]); i++)
		if (hark__is_variable(variable, not_for_it[i]))
			return false;
	return true;
}

static bool inherit(struct estate *estate, const struct hark_successor *successor)
{
	static char *const none[] = {NULL};
	char *const *own = successor->envp ? successor->envp : environ ? environ : none;
	size_t count = 0;

	while (own[count])
		count++;
	estate->envp = calloc(count + OURS + 1, sizeof(*estate->envp));
	if (!estate->envp)
		return false;
	for (; *own; own++)
		if (is_for_it(*own))
			estate->envp[estate->count++] = *own;
	return true;
}

static void leave(struct estate *estate, int fd)
{
	estate->kept[estate->kept_count++] = fd;
}

/* The number of the process that it will be is written into it. */
static void leave_link(struct estate *estate, int link_fd)
{
	(void)snprintf(estate->pid, sizeof(estate->pid), "HARK_HANDED_PID=%0*d",
		SYS_PID_TEXT_MAX - 1, 0); /* it fits, as all below */
	(void)snprintf(
		estate->link, sizeof(estate->link), "HARK_HANDED_LINK=%d", link_fd);
	estate->envp[estate->count++] = estate->pid;
	estate->envp[estate->count++] = estate->link;
	leave(estate, link_fd);
}

static void leave_ancestors(
	struct estate *estate, const struct hark__handover *handover)
{
	char *at = estate->ancestors;

	at += sprintf(at, "HARK_HANDED_ANCESTORS=");
	for (size_t i = 0; i < handover->ancestor_count; i++) {
		at += sprintf(at, "%s%d", i ? " " : "", handover->ancestor[i]);
		leave(estate, handover->ancestor[i]);
	}
	estate->envp[estate->count++] = estate->ancestors;
}

/* Names were looked at when they were given: none is too long. */
static bool leave_listeners(struct estate *estate, struct hark_server *server)
{
	static const char variable[] = "HARK_HANDED=";
	struct hark_listener *listener;
	const char *name;
	char *at = malloc(sizeof(variable) + HARK__HANDED_MAX * HARK__HANDED_TEXT_MAX);

	if (!at)
		return false;
	estate->listeners = estate->envp[estate->count++] = at;
	memcpy(at, variable, sizeof(variable));
	at += sizeof(variable) - 1;
	for (size_t i = 0; (listener = hark__heirloom(server, i, &name)); i++) {
		if (i > 0)
			*at++ = ' ';
		at += hark__handed_print(at, listener, name);
		leave(estate, listener->fd);
	}
	return true;
}

static bool make(struct estate *estate, struct hark_server *server, int link_fd)
{
	if (!inherit(estate, server->options.successor))
		return false;
	leave_link(estate, link_fd);
	leave_ancestors(estate, &server->handover);
	return leave_listeners(estate, server);
}

pid_t hark__heir_start(struct hark_server *server, int link_fd)
{
	const struct hark_successor *successor = server->options.successor;
	struct estate estate = {.count = 0};
	pid_t pid = -ENOMEM;

	if (make(&estate, server, link_fd))
		pid = sys_spawn(&(struct sys_program){.path = successor->path,
			.argv = successor->argv,
			.envp = estate.envp,
			.fd = -1,
			.kept = estate.kept,
			.kept_count = estate.kept_count,
			.own_pid = strchr(estate.pid, '=') + 1});
	free(estate.listeners);
	free(estate.envp);
	return pid;
}
