/* SPDX-License-Identifier: MIT
 *
 * Numeric hosts, read strictly (hark_addr_from_ip), and the few operations on text that
 * this takes.
 * Not here: ports, names and the forms of an address (endpoint.c), blocks (cidr.c).
 * Floor 2.
 *
 * Invariants: no text is read behind its length, none needs a NUL; nothing allocates;
 * outputs are written on success only.
 *
 * Strict, because inet_aton(3) and with it getaddrinfo(3) read 010.0.0.1 as 8.0.0.1,
 * 127.1 as 127.0.0.1 and 2130706433 as that too: whoever wrote such a thing rarely
 * meant it, and a filter that reads it in another way can be walked round.
 */
#include "socket/ip_text.h"

#include "base/error.h"
#include "sys/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

struct hark__text hark__text_of(const char *string)
{
	/* one byte more than is allowed, so that too long is seen without reading on */
	size_t length = 0;

	while (string && length <= HARK__TEXT_MAX && string[length])
		length++;

	return (struct hark__text){string ? string : "", length};
}

struct hark__text hark__text_after(struct hark__text text, size_t skip)
{
	return (struct hark__text){text.at + skip, text.length - skip};
}

struct hark__text hark__text_before(struct hark__text text, const char *end)
{
	return (struct hark__text){text.at, (size_t)(end - text.at)};
}

bool hark__text_is(struct hark__text text, const char *string)
{
	return text.length == strlen(string) &&
	       memcmp(text.at, string, text.length) == 0;
}

const char *hark__text_find(struct hark__text text, char wanted)
{
	return text.length ? memchr(text.at, wanted, text.length) : NULL;
}

bool hark__is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool hark__is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex_digit(char c)
{
	return hark__is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int hark__refuse(
	struct hark__refusal *why, int code, enum hark_cause cause, long long limit)
{
	*why = (struct hark__refusal){code, cause, limit};
	return code;
}

int hark__refused(struct hark_error *err, struct hark__text given,
	const struct hark__refusal *why)
{
	return HARK__FAIL(err, .step = HARK_STEP_PARSE, .code = why->code,
		.cause = why->cause, .limit = why->limit,
		.subject = given.length ? given.at : "",
		.subject_length = given.length);
}

int hark__check_text(struct hark__text text, struct hark__refusal *why)
{
	if (text.length == 0)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_EMPTY, 0);
	if (text.length > HARK__TEXT_MAX)
		return hark__refuse(
			why, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG, HARK__TEXT_MAX);
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (c < ' ' || c == 0x7f)
			return hark__refuse(why, -EINVAL, HARK_CAUSE_CONTROL_BYTE, 0);
	}
	return 0;
}

int hark__read_number(
	struct hark__text text, size_t digits, long long max, long long *number)
{
	long long value = 0;

	if (text.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++)
		if (!hark__is_digit(text.at[i]))
			return -EINVAL;
	if (text.length > digits)
		return -ERANGE;
	for (size_t i = 0; i < text.length; i++)
		value = value * 10 + (text.at[i] - '0');
	if (value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

long long hark__to_number(const char *text, size_t digits, long long max)
{
	long long number;

	return hark__read_number(hark__text_of(text), digits, max, &number) < 0
		       ? -1
		       : number;
}

/* The label before the root's dot, if there is one: "1." is as numeric as "1". */
static struct hark__text last_label(struct hark__text host)
{
	size_t start;

	if (host.length && host.at[host.length - 1] == '.')
		host.length--;
	for (start = host.length; start > 0 && host.at[start - 1] != '.'; start--)
		;
	return hark__text_after(host, start);
}

bool hark__is_numeric_host(struct hark__text host)
{
	struct hark__text label = last_label(host);
	bool hex = label.length >= 2 && label.at[0] == '0' &&
		   (label.at[1] == 'x' || label.at[1] == 'X');

	if (label.length == 0)
		return false;
	for (size_t i = hex ? 2 : 0; i < label.length; i++)
		if (hex ? !is_hex_digit(label.at[i]) : !hark__is_digit(label.at[i]))
			return false;
	return true;
}

/* 0-255 without leading zeros; returns how many bytes it took, 0 for none. */
static size_t read_octet(struct hark__text text, unsigned char *octet)
{
	unsigned int value = 0;
	size_t used = 0;

	while (used < text.length && used < 3 && hark__is_digit(text.at[used]))
		value = value * 10 + (unsigned int)(text.at[used++] - '0');
	if (value > 255 || (used > 1 && text.at[0] == '0'))
		return 0;
	*octet = (unsigned char)value;
	return used;
}

int hark__read_ipv4(
	struct hark__text host, struct in_addr *ip, struct hark__refusal *why)
{
	struct hark__text rest = host;
	unsigned char octets[4];

	for (int i = 0; i < 4; i++) {
		size_t used = read_octet(rest, &octets[i]);

		if (used == 0)
			goto not_dotted_quad;
		rest = hark__text_after(rest, used);
		if (i == 3)
			break;
		if (rest.length == 0 || rest.at[0] != '.')
			goto not_dotted_quad;
		rest = hark__text_after(rest, 1);
	}
	if (rest.length > 0)
		goto not_dotted_quad;
	memcpy(ip, octets, sizeof(octets));
	return 0;

not_dotted_quad:
	return hark__refuse(why, -EINVAL,
		hark__is_numeric_host(host) ? HARK_CAUSE_NOT_DOTTED_QUAD
					    : HARK_CAUSE_NOT_ONE_ADDRESS,
		0);
}

/* "::ffff:010.0.0.1" is not left to the care of the C library at hand. */
static bool embedded_ipv4_is_strict(struct hark__text host)
{
	struct hark__refusal why;
	struct in_addr ip;
	size_t start;

	if (!hark__text_find(host, '.'))
		return true;
	for (start = host.length; start > 0 && host.at[start - 1] != ':'; start--)
		;
	return hark__read_ipv4(hark__text_after(host, start), &ip, &why) == 0;
}

int hark__read_ipv6(
	struct hark__text host, struct in6_addr *ip, struct hark__refusal *why)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (host.length >= sizeof(text) || !embedded_ipv4_is_strict(host))
		goto bad;
	memcpy(text, host.at, host.length);
	if (strlen(text) != host.length || inet_pton(AF_INET6, text, ip) != 1)
		goto bad;
	return 0;

bad:
	return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_IPV6, 0);
}

/* A name comes first, since an interface may be called "2". */
static int find_interface(struct hark__text scope)
{
	char name[IF_NAMESIZE] = "";
	long long number = 0;
	int code;

	if (scope.length >= sizeof(name))
		return -ENODEV;
	memcpy(name, scope.at, scope.length);
	code = sys_if_nametoindex(name);
	if (code != -ENODEV || hark__read_number(scope, 10, INT_MAX, &number) < 0)
		return code;
	code = sys_if_indextoname((unsigned int)number, name);
	return code < 0 ? code : (int)number;
}

/* Asked now: bind(2) says ENODEV as well, but not that the scope is what it means. */
static int read_scope(
	struct hark__text scope, uint32_t *index, struct hark__refusal *why)
{
	int found;

	if (scope.length == 0)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_SCOPE, 0);
	found = find_interface(scope);
	if (found == -ENODEV || found == -ENXIO) /* by name, by number */
		return hark__refuse(why, -ENODEV, HARK_CAUSE_BAD_SCOPE, 0);
	if (found < 0) /* it could not be asked: out of descriptors, say */
		return hark__refuse(why, found, HARK_CAUSE_NONE, 0);
	*index = (uint32_t)found;
	return 0;
}

/* Addresses that mean something on one link only (RFC 4007). */
static bool may_have_scope(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LINKLOCAL(ip) || IN6_IS_ADDR_MULTICAST(ip);
}

int hark__read_scoped_ipv6(
	struct hark__text host, struct hark_addr *addr, struct hark__refusal *why)
{
	const char *percent = hark__text_find(host, '%');
	struct in6_addr ip;
	uint32_t scope = 0;
	int code;

	code = hark__read_ipv6(
		percent ? hark__text_before(host, percent) : host, &ip, why);
	if (code < 0)
		return code;
	/* bind(2) says EINVAL to a link-local address without an interface */
	if (percent ? !may_have_scope(&ip) : IN6_IS_ADDR_LINKLOCAL(&ip))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_SCOPE, 0);
	if (percent) {
		size_t before = (size_t)(percent - host.at) + 1;

		code = read_scope(hark__text_after(host, before), &scope, why);
		if (code < 0)
			return code;
	}
	*addr = hark__addr_of_ipv6(ip, scope);
	return 0;
}

int hark__read_ip(
	struct hark__text host, struct hark_addr *addr, struct hark__refusal *why)
{
	struct in_addr ip;
	int code;

	if (hark__text_find(host, ':'))
		return hark__read_scoped_ipv6(host, addr, why);
	code = hark__read_ipv4(host, &ip, why);
	if (code == 0)
		*addr = hark__addr_of_ipv4(ip);
	return code;
}

struct hark_addr hark__addr_of_ipv4(struct in_addr ip)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in)};

	addr.u.in.sin_family = AF_INET;
	addr.u.in.sin_addr = ip;
	return addr;
}

struct hark_addr hark__addr_of_ipv6(struct in6_addr ip, uint32_t scope)
{
	struct hark_addr addr = {.length = sizeof(addr.u.in6)};

	addr.u.in6.sin6_family = AF_INET6;
	addr.u.in6.sin6_addr = ip;
	addr.u.in6.sin6_scope_id = scope;
	return addr;
}

static int port_out_of_range(int port, struct hark_error *err)
{
	struct hark__refusal why = {-ERANGE, HARK_CAUSE_PORT_RANGE, 0};
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", port); /* any int fits */
	return hark__refused(err, hark__text_of(text), &why);
}

int hark_addr_from_ip(
	struct hark_addr *addr, const char *host, int port, struct hark_error *err)
{
	struct hark__text text = hark__text_of(host);
	struct hark__refusal why;
	struct hark_addr found;

	if (hark__check_text(text, &why) < 0 || hark__read_ip(text, &found, &why) < 0)
		return hark__refused(err, text, &why);
	if (hark_addr_set_port(&found, port) < 0)
		return port_out_of_range(port, err);
	*addr = found;
	return 0;
}
