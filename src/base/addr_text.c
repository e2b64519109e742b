/* SPDX-License-Identifier: MIT
 *
 * Addresses as text.  Never resolves a name; the one question to the kernel is the name of
 * a scope's interface, and its number stands in where that fails.
 *
 * inet_ntop(3) is not used: C libraries differ (glibc writes ::102:304 as ::1.2.3.4), and
 * RFC 5952 leaves no choice.
 *
 * Floor 1.  Invariant: any struct hark_addr, however broken, gives printable ASCII of less
 * than HARK_ADDR_TEXT_MAX bytes.  A backslash in it always begins \xNN.
 */
#include "base/addr_text.h"

#include "sys/sys.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

static_assert(sizeof("unix:@") + 4 * sizeof(((struct sockaddr_un *)0)->sun_path) <=
		      HARK_ADDR_TEXT_MAX,
	"a Unix name of nothing but escapes fits");

static void add_ipv4(struct hark__line *line, const unsigned char *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			hark__line_byte(line, '.');
		hark__line_number(line, bytes[i]);
	}
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals. */
static int longest_zero_run(const unsigned group[8], int *length)
{
	int best = -1;

	*length = 1;
	for (int i = 0; i < 8; i++) {
		int run = 0;

		while (i + run < 8 && group[i + run] == 0)
			run++;
		if (run > *length) {
			best = i;
			*length = run;
		}
	}
	return best;
}

static void add_groups(struct hark__line *line, const unsigned group[8])
{
	int zeros;
	int gap = longest_zero_run(group, &zeros);

	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			hark__line_add(line, "::");
			i += zeros - 1;
			continue;
		}
		if (i > 0 && i != gap + zeros)
			hark__line_byte(line, ':');
		hark__line_hex(line, group[i]);
	}
}

/*
 * RFC 5952 section 5 wants the dotted form where a well-known prefix says that there is an
 * IPv4 address inside.  That is ::ffff:0:0/96 here and no other, as for inet_ntop(3), so
 * that the text can be searched for in the output of other tools.
 */
static void add_ipv6(struct hark__line *line, const struct in6_addr *host)
{
	const unsigned char *bytes = host->s6_addr;
	unsigned group[8];

	if (IN6_IS_ADDR_V4MAPPED(host)) {
		hark__line_add(line, "::ffff:");
		add_ipv4(line, bytes + 12);
		return;
	}
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
	add_groups(line, group);
}

/* An interface's name may hold any byte but a slash, a colon and white space. */
static void add_scope(struct hark__line *line, uint32_t scope, unsigned how)
{
	char name[16];

	hark__line_byte(line, '%');
	if (how & HARK__ADDR_NUMERIC_SCOPE || sys_if_indextoname(scope, name) < 0)
		hark__line_number(line, scope);
	else
		hark__line_escaped(line, name, strnlen(name, sizeof(name)),
			how & HARK__ADDR_QUOTED ? '\'' : '\\');
}

static void add_in6(
	struct hark__line *line, const struct sockaddr_in6 *in6, unsigned how)
{
	if (!(how & HARK__ADDR_HOST_ONLY))
		hark__line_byte(line, '[');
	add_ipv6(line, &in6->sin6_addr);
	if (in6->sin6_scope_id)
		add_scope(line, in6->sin6_scope_id, how);
	if (!(how & HARK__ADDR_HOST_ONLY))
		hark__line_byte(line, ']');
}

/*
 * unix(7): a path ends at its NUL or at the address's length, whichever comes first (a path
 * of 108 bytes has no NUL, and the kernel then reports a length of 111); an abstract name
 * has every byte that the length covers, NULs too.  A path that begins with '@' gets that
 * escaped, so that it is not read as abstract.
 */
static void add_unix(
	struct hark__line *line, const struct hark_addr *addr, unsigned how)
{
	const char *name = addr->u.un.sun_path;
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t length = addr->length > start ? addr->length - start : 0;
	char also = how & HARK__ADDR_QUOTED ? '\'' : '\\';

	hark__line_add(line, "unix:");
	if (length > sizeof(addr->u.un.sun_path))
		length = sizeof(addr->u.un.sun_path);
	if (length > 1 && name[0] == '\0') {
		hark__line_byte(line, '@');
		hark__line_escaped(line, name + 1, length - 1, also);
		return;
	}
	length = strnlen(name, length);
	if (length > 0 && name[0] == '@') {
		hark__line_escaped(line, name, 1, '@');
		name++;
		length--;
	}
	hark__line_escaped(line, name, length, also);
}

void hark__addr_add(struct hark__line *line, const struct hark_addr *addr, unsigned how)
{
	int family = hark__addr_family(addr);

	switch (family) {
	case AF_INET:
		add_ipv4(line, (const unsigned char *)&addr->u.in.sin_addr);
		break;
	case AF_INET6:
		add_in6(line, &addr->u.in6, how);
		break;
	case AF_UNIX:
		add_unix(line, addr, how);
		return;
	case AF_UNSPEC:
		hark__line_byte(line, '-');
		return;
	default:
		hark__line_add(line, "af:");
		hark__line_number(line, family);
		return;
	}
	if (!(how & HARK__ADDR_HOST_ONLY)) {
		hark__line_byte(line, ':');
		hark__line_number(line, hark__addr_port(addr));
	}
}

size_t hark_addr_text(const struct hark_addr *addr, char *text, size_t size)
{
	struct hark__line line = {.text = text, .size = size};

	hark__addr_add(&line, addr, 0);
	return hark__line_end(&line);
}

size_t hark_addr_host_text(const struct hark_addr *addr, char *text, size_t size)
{
	struct hark__line line = {.text = text, .size = size};

	hark__addr_add(&line, addr, HARK__ADDR_HOST_ONLY);
	return hark__line_end(&line);
}
