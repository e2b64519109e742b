/* SPDX-License-Identifier: MIT
 *
 * Asking who a client is; see lookup.h.
 *
 * Whatever comes from a name server or from the client's host is untrusted text.
 */
#include "lookup.h"

#include "os.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1413: the port, and answers of at most 1,000 characters. */
enum { IDENT_PORT = 113, ANSWER_MAX = 1024, IDENT_MS = 5000, ADDRESSES = 16 };

/* Names of hosts are at most 253 bytes (RFC 1035), answers of ident cut to as much. */
enum { NAME_MAX_BYTES = 256 };

/* ------------------------------------------------------------------------------ names */

/* Whoever owns an address can name it as he likes: the name must lead back. */
static bool leads_back(const char *name, const struct hark_addr *addr)
{
	struct hark_addr found[ADDRESSES];
	struct hark_endpoint endpoint;
	char text[NAME_MAX_BYTES + 2];
	int count;

	(void)snprintf(text, sizeof(text), "%s:0", name);
	if (hark_endpoint_parse(&endpoint, text, NULL) < 0 ||
		endpoint.kind != HARK_ENDPOINT_NAME)
		return false;
	count = hark_endpoint_resolve(&endpoint, found, ADDRESSES, NULL);
	for (int i = 0; i < count; i++)
		if (hark_addr_same_host(&found[i], addr))
			return true;
	return false;
}

static void add_name(struct hark_environment *env, const char *variable,
	const struct hark_addr *addr)
{
	char name[NAME_MAX_BYTES];

	if (os_name_of(addr, name, sizeof(name)) == 0 && leads_back(name, addr))
		(void)hark_environment_set(env, variable, name); /* there is room */
}

/* ------------------------------------------------------------------------------ ident */

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* A decimal port and what stands behind it; NULL when it is another. */
static const char *expect_port(const char *at, int port, char behind)
{
	char *end;
	long number;

	at = skip_blanks(at);
	if (!isdigit((unsigned char)*at))
		return NULL;
	number = strtol(at, &end, 10);
	at = skip_blanks(end);
	return number == port && *at == behind ? at + 1 : NULL;
}

/* The field up to the next colon; NULL without one. */
static const char *behind_colon(const char *at)
{
	at = strchr(at, ':');
	return at ? at + 1 : NULL;
}

static void copy_printable(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from[i] && i + 1 < size; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

/* "6193, 23 : USERID : UNIX : stjohns" */
bool lookup_read_ident(const char *answer, size_t length, int remote_port,
	int local_port, char *user, size_t size)
{
	char line[ANSWER_MAX];
	const char *at;
	size_t end = 0;

	while (end < length && end + 1 < sizeof(line) && answer[end] != '\r' &&
		answer[end] != '\n' && answer[end] != '\0') {
		line[end] = answer[end];
		end++;
	}
	line[end] = '\0';
	at = expect_port(line, remote_port, ',');
	at = at ? expect_port(at, local_port, ':') : NULL;
	if (!at || strncmp(skip_blanks(at), "USERID", 6) != 0)
		return false;
	at = behind_colon(at);
	at = at ? behind_colon(at) : NULL;
	if (!at)
		return false;
	copy_printable(user, size, skip_blanks(at));
	return user[0] != '\0';
}

/* Until a line has come, the end, or time is up, however slowly it comes. */
static size_t read_line(int fd, char *line, size_t size)
{
	int64_t deadline_ms = os_now_ms() + IDENT_MS, left_ms;
	size_t used = 0;
	ssize_t got;

	while (used < size && !memchr(line, '\n', used)) {
		left_ms = deadline_ms - os_now_ms();
		got = hark_read(fd, line + used, size - used,
			left_ms > 0 ? (int)left_ms : 0, NULL);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	return used;
}

static void add_ident(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local)
{
	struct hark_addr from = *local, to = *peer;
	int local_port = hark_addr_port(&from), remote_port = hark_addr_port(&to);
	char text[ANSWER_MAX], user[NAME_MAX_BYTES];
	size_t length;
	int fd;

	if (local_port < 0)
		return;                     /* not known: the client is gone */
	(void)hark_addr_set_port(&from, 0); /* both are TCP addresses */
	(void)hark_addr_set_port(&to, IDENT_PORT);
	fd = os_connect_from(&from, &to, IDENT_MS);
	if (fd < 0)
		return;
	length = (size_t)snprintf(
		text, sizeof(text), "%d , %d\r\n", remote_port, local_port);
	if (hark_write(fd, text, length, IDENT_MS, NULL) == 0) {
		length = read_line(fd, text, sizeof(text));
		if (lookup_read_ident(
			    text, length, remote_port, local_port, user, sizeof(user)))
			(void)hark_environment_set(
				env, "TCPREMOTEINFO", user); /* there is room */
	}
	(void)hark_close(fd, NULL); /* released in any case */
}

/* Of TCP connections alone. */
int lookup_names(struct hark_environment *env, const struct hark_addr *peer,
	const struct hark_addr *local, void *ctx)
{
	const struct lookup *lookup = ctx;
	int family = hark_addr_family(peer);

	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (lookup->names) {
		add_name(env, "TCPREMOTEHOST", peer);
		if (lookup->local_name)
			add_name(env, "TCPLOCALHOST", local);
	}
	if (lookup->ident)
		add_ident(env, peer, local);
	return 0;
}
