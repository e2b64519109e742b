/* SPDX-License-Identifier: MIT
 *
 * The environment of a program; see environment.h.  Floor 4.
 *
 * Invariants: a variable about the connection has the value of this connection or is not
 * there, never one that we inherited from a server above us; what does not fit is left out
 * whole.
 */
#include "server/environment.h"

#include "sys/spawn.h"
#include "sys/sys.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whatever some server of this kind sets. */
static const char *const ours[] = {"PROTO", "TCPLOCAL*", "TCPREMOTE*", "TCP6*",
	"TCPCONNNUM", "TCPCONCURRENCY", "TCPINTERFACE", "UNIXLOCAL*", "UNIXREMOTE*",
	"SSLLOCAL*", "SSLREMOTE*"};

/* For us alone: a program that finds them takes itself for the service. */
static const char *const private[] = {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS",
	"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_*", "HARK_HANDED*"};

bool hark__is_variable(const char *variable, const char *pattern)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return !strncmp(variable, pattern, length - 1);
	return !strncmp(variable, pattern, length) &&
	       (variable[length] == '=' || variable[length] == '\0');
}

static bool is_one_of(const char *variable, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hark__is_variable(variable, patterns[i]))
			return true;
	return false;
}

#define IS_ONE_OF(variable, list) \
	is_one_of((variable), (list), sizeof(list) / sizeof((list)[0]))

/* ------------------------------------------------------------------------- inheritance */

static char *const *own_environment(const struct hark_program *program)
{
	static char *const none[] = {NULL};

	if (program->envp)
		return program->envp;
	return environ ? environ : none; /* clearenv(3) */
}

size_t hark__inherited_bytes(const struct hark_program *program)
{
	char *const *own = own_environment(program);
	size_t count = 0;

	while (own[count])
		count++;
	return (count + HARK__VARIABLES_MAX + 1) * sizeof(*own);
}

void hark__inherit(struct hark__inherited *inherited,
	const struct hark_program *program, void *memory, size_t bytes)
{
	char *const *own = own_environment(program);
	size_t room = bytes / sizeof(*own) - HARK__VARIABLES_MAX - 1;

	*inherited = (struct hark__inherited){
		.envp = memory, .local_name = program->local_name};
	for (; *own && inherited->count < room; own++)
		if (!IS_ONE_OF(*own, ours) && !IS_ONE_OF(*own, private))
			inherited->envp[inherited->count++] = *own;
	inherited->envp[inherited->count] = NULL;
}

/* ---------------------------------------------------------------------- one connection */

/* Where it stands; .count: nowhere. */
static size_t find(const struct hark_environment *env, const char *name)
{
	size_t length = strlen(name), i = 0;

	while (i < env->count && (strncmp(env->envp[i], name, length) != 0 ||
					 env->envp[i][length] != '='))
		i++;
	return i;
}

/* Without stdio, which a process that was forked by a thread should leave alone. */
static char *write_variable(
	struct hark_environment *env, const char *name, const char *value)
{
	size_t left = sizeof(env->text) - env->used;
	size_t before = strlen(name), length = strlen(value);
	char *at = env->text + env->used;

	if (before >= left || length + 2 > left - before)
		return NULL;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it goes on */
	memcpy(at, name, before);
	at[before] = '=';
	memcpy(at + before + 1, value, length + 1);
	env->used += before + length + 2;
	return at;
}

static int put(
	struct hark_environment *env, size_t place, const char *name, const char *value)
{
	char *at = place < env->most ? write_variable(env, name, value) : NULL;

	if (!at)
		return -ENOMEM;
	env->envp[place] = at;
	if (place == env->count)
		env->envp[++env->count] = NULL;
	return 0;
}

/* One that is not there yet: none of these names is inherited. */
static void add(struct hark_environment *env, const char *name, const char *value)
{
	(void)put(env, env->count, name, value); /* else it is left out */
}

int hark_environment_set(
	struct hark_environment *env, const char *name, const char *value)
{
	size_t place;

	if (!name || *name == '\0' || strchr(name, '='))
		return -EINVAL;
	place = find(env, name);
	if (value)
		return put(env, place, name, value);
	if (place < env->count) {
		env->envp[place] = env->envp[--env->count];
		env->envp[env->count] = NULL;
	}
	return 0;
}

static void add_number(
	struct hark_environment *env, const char *name, unsigned long number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lu", number);
	add(env, name, text);
}

static void add_address(struct hark_environment *env, const char *ip_name,
	const char *port_name, const struct hark_addr *addr)
{
	char text[HARK_ADDR_TEXT_MAX];

	if (hark_addr_port(addr) < 0)
		return; /* not known: the client is gone */
	(void)hark_addr_host_text(addr, text, sizeof(text)); /* it fits */
	add(env, ip_name, text);
	add_number(env, port_name, (unsigned long)hark_addr_port(addr));
}

/* The path as it was bound; "@name" for an abstract one, as everywhere in hark. */
static void add_path(
	struct hark_environment *env, const char *name, const struct hark_addr *addr)
{
	const struct sockaddr_un *un = &addr->u.un;
	size_t length = addr->length - offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(un->sun_path) + 1];

	if (addr->length <= offsetof(struct sockaddr_un, sun_path))
		return; /* a client has no name, as a rule */
	memcpy(path, un->sun_path, length);
	path[length] = '\0';
	if (path[0] == '\0')
		path[0] = '@';
	add(env, name, path);
}

static void add_peer_identity(struct hark_environment *env, int fd)
{
	struct ucred from;
	socklen_t length = sizeof(from);

	if (sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &from, &length) < 0)
		return;
	add_number(env, "UNIXREMOTEEUID", from.uid);
	add_number(env, "UNIXREMOTEEGID", from.gid);
	add_number(env, "UNIXREMOTEPID", (unsigned long)from.pid);
}

static void add_unix(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, int fd)
{
	char room[SYS_PID_TEXT_MAX];

	add(env, "PROTO", "UNIX");
	add_path(env, "UNIXLOCALPATH", local);
	add_number(env, "UNIXLOCALUID", sys_geteuid());
	add_number(env, "UNIXLOCALGID", sys_getegid());
	memset(room, '0', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	add(env, "UNIXLOCALPID", room);
	env->own_pid = env->text + env->used - sizeof(room);
	add_path(env, "UNIXREMOTEPATH", peer);
	add_peer_identity(env, fd);
}

static void add_tcp(struct hark_environment *env,
	const struct hark__inherited *inherited, const struct hark_addr *peer,
	const struct hark_addr *local, unsigned from_address)
{
	add(env, "PROTO", "TCP");
	add_address(env, "TCPLOCALIP", "TCPLOCALPORT", local);
	add_address(env, "TCPREMOTEIP", "TCPREMOTEPORT", peer);
	if (inherited->local_name)
		add(env, "TCPLOCALHOST", inherited->local_name);
	if (from_address)
		add_number(env, "TCPCONNNUM", from_address);
}

void hark__environment_fill(struct hark_environment *env,
	const struct hark__inherited *inherited, const struct hark_addr *peer,
	const struct hark_addr *local, unsigned from_address, int fd)
{
	env->envp = inherited->envp;
	env->count = inherited->count;
	env->most = inherited->count + HARK__VARIABLES_MAX;
	env->envp[env->count] = NULL;
	env->own_pid = NULL;
	env->used = 0;
	if (hark_addr_family(local) == AF_UNIX)
		add_unix(env, peer, local, fd);
	else
		add_tcp(env, inherited, peer, local, from_address);
}
