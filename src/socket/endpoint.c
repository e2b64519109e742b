/* SPDX-License-Identifier: MIT
 *
 * The text of an address and what it may mean: every form of hark_endpoint_parse.
 * Not here: numeric hosts (ip_text.c), names to addresses (resolve.c), and writing an
 * address as text (base/addr_text.c).
 * Floor 2.
 *
 * Invariants: no resolver is asked; nothing allocates; what the caller gets is written
 * on success only.  The first thing that is wrong, read from the left, is the error.
 *
 * Names are checked before a resolver sees them, and ports never reach one: some wrap
 * 70000 round to 4464, take " 80" and "+80", and read "0x50" as a service.
 */
#include "socket/ip_text.h"

#include <errno.h>
#include <string.h>

#define HOST_NAME_MAX_BYTES  253 /* RFC 1035 section 3.1, without the last dot */
#define HOST_LABEL_MAX_BYTES 63
#define DESCRIPTOR_MAX       ((1 << 20) - 1) /* fs.nr_open, unless somebody raised it */
#define ACTIVATION_NAME_MAX  255             /* sd_listen_fds(3) */

#define UNIX_NAME_MAX ((long long)sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static void copy_text(char *to, struct hark__text text)
{
	memcpy(to, text.at, text.length);
	to[text.length] = '\0';
}

/* ------------------------------------------------------------------------- the port */

static bool is_service_name(struct hark__text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!hark__is_letter(text.at[i]) && !hark__is_digit(text.at[i]) &&
			text.at[i] != '-')
			return false;
	return text.length > 0 && hark__is_letter(text.at[0]);
}

static int read_port(struct hark_endpoint *endpoint, struct hark__text text,
	struct hark__refusal *why)
{
	long long port;
	int code;

	if (text.length == 0)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_NO_PORT, 0);
	code = hark__read_number(text, 5, HARK__PORT_MAX, &port);
	if (code == 0) {
		endpoint->port = (int)port;
		return 0;
	}
	if (code == -ERANGE)
		return hark__refuse(why, code, HARK_CAUSE_PORT_RANGE, 0);
	if (!is_service_name(text))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_PORT_NOT_DECIMAL, 0);
	if (text.length >= sizeof(endpoint->service))
		return hark__refuse(why, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG,
			sizeof(endpoint->service) - 1);
	copy_text(endpoint->service, text);
	return 0;
}

/* ------------------------------------------------------------------------- the host */

/* Letters, digits and hyphens (RFC 1123 section 2.1), and underscores of real life. */
static bool is_label(struct hark__text label)
{
	if (label.length == 0 || label.length > HOST_LABEL_MAX_BYTES)
		return false;
	for (size_t i = 0; i < label.length; i++)
		if (!hark__is_letter(label.at[i]) && !hark__is_digit(label.at[i]) &&
			label.at[i] != '-' && label.at[i] != '_')
			return false;
	return label.at[0] != '-' && label.at[label.length - 1] != '-';
}

static int read_host_name(struct hark_endpoint *endpoint, struct hark__text host,
	struct hark__refusal *why)
{
	struct hark__text rest = host;
	const char *dot;

	/* the root's dot stays in the name: to the resolver it means "as it is" */
	if (rest.length > 1 && rest.at[rest.length - 1] == '.')
		rest.length--;
	if (rest.length > HOST_NAME_MAX_BYTES)
		return hark__refuse(
			why, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG, HOST_NAME_MAX_BYTES);
	while ((dot = hark__text_find(rest, '.'))) {
		struct hark__text label = hark__text_before(rest, dot);

		if (!is_label(label))
			goto bad_host;
		rest = hark__text_after(rest, label.length + 1);
	}
	if (!is_label(rest))
		goto bad_host;
	endpoint->kind = HARK_ENDPOINT_NAME;
	copy_text(endpoint->host, host);
	return 0;

bad_host:
	return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_HOST, 0);
}

static int read_host(struct hark_endpoint *endpoint, struct hark__text host,
	struct hark__refusal *why)
{
	struct in_addr ip;
	int code;

	if (host.length == 0 || hark__text_is(host, "*")) {
		endpoint->kind = HARK_ENDPOINT_EVERY;
		return 0;
	}
	if (!hark__is_numeric_host(host))
		return read_host_name(endpoint, host, why);
	code = hark__read_ipv4(host, &ip, why);
	if (code < 0)
		return code;
	endpoint->kind = HARK_ENDPOINT_ADDRESS;
	endpoint->addr = hark__addr_of_ipv4(ip);
	return 0;
}

static int read_host_in_brackets(struct hark_endpoint *endpoint, struct hark__text host,
	struct hark__refusal *why)
{
	endpoint->kind = HARK_ENDPOINT_ADDRESS;
	return hark__read_scoped_ipv6(host, &endpoint->addr, why);
}

/* -------------------------------------------------------------------- host and port */

/* The resolver must be asked for the service, so the host waits for it as text. */
static void wait_for_service(struct hark_endpoint *endpoint, struct hark__text host)
{
	if (endpoint->kind == HARK_ENDPOINT_ADDRESS)
		copy_text(endpoint->host, host);
	endpoint->kind = HARK_ENDPOINT_NAME;
	endpoint->addr = (struct hark_addr){0};
	endpoint->port = -1;
}

static int read_port_after(struct hark_endpoint *endpoint, struct hark__text host,
	struct hark__text port, struct hark__refusal *why)
{
	int code = read_port(endpoint, port, why);

	if (code < 0)
		return code;
	if (endpoint->service[0])
		wait_for_service(endpoint, host);
	else if (endpoint->kind == HARK_ENDPOINT_ADDRESS)
		(void)hark_addr_set_port(/* in range, and of a family that has one */
			&endpoint->addr, endpoint->port);
	return 0;
}

/* "[::1]:80" */
static int read_brackets(struct hark_endpoint *endpoint, struct hark__text text,
	struct hark__refusal *why)
{
	const char *end = hark__text_find(text, ']');
	struct hark__text host, rest;
	int code;

	if (!end)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_IPV6, 0);
	host = hark__text_after(hark__text_before(text, end), 1);
	rest = hark__text_after(text, host.length + 2);
	code = read_host_in_brackets(endpoint, host, why);
	if (code < 0)
		return code;
	if (rest.length == 0 || rest.at[0] != ':')
		return hark__refuse(why, -EINVAL, HARK_CAUSE_NO_PORT, 0);
	return read_port_after(endpoint, host, hark__text_after(rest, 1), why);
}

/* "localhost:80", "127.0.0.1:80", "*:80", ":80" */
static int read_host_and_port(struct hark_endpoint *endpoint, struct hark__text text,
	const char *colon, struct hark__refusal *why)
{
	struct hark__text host = hark__text_before(text, colon);
	int code = read_host(endpoint, host, why);

	if (code < 0)
		return code;
	return read_port_after(
		endpoint, host, hark__text_after(text, host.length + 1), why);
}

/* Without a letter or a dot, or in hex, it was meant to be a port: "+80", "0x50". */
static bool looks_like_port(struct hark__text text)
{
	if (hark__text_find(text, '.'))
		return false;
	if (hark__is_numeric_host(text))
		return true;
	for (size_t i = 0; i < text.length; i++)
		if (hark__is_letter(text.at[i]) || (unsigned char)text.at[i] >= 0x80)
			return false;
	return true;
}

/* "80", and hosts that lack their port */
static int read_alone(struct hark_endpoint *endpoint, struct hark__text text,
	struct hark__refusal *why)
{
	int code;

	if (!hark__text_is(text, "*") && looks_like_port(text)) {
		endpoint->kind = HARK_ENDPOINT_EVERY;
		return read_port(endpoint, text, why);
	}
	code = read_host(endpoint, text, why);
	if (code < 0)
		return code;
	return hark__refuse(why, -EINVAL, HARK_CAUSE_NO_PORT, 0);
}

/* "::1" and "::1:80", where nobody can tell the port from the rest of the address. */
static bool looks_like_ipv6(struct hark__text text, const char *first_colon)
{
	static const char allowed[] = "0123456789abcdefABCDEF:.";
	const char *percent = hark__text_find(text, '%');

	if (percent)
		text = hark__text_before(text, percent);
	if (percent && percent < first_colon)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!strchr(allowed, text.at[i]) ||
			(text.at[i] == '.' && text.at + i < first_colon))
			return false;
	return true;
}

static int read_tcp(struct hark_endpoint *endpoint, struct hark__text text,
	struct hark__refusal *why)
{
	const char *colon = hark__text_find(text, ':');
	struct hark__text rest;

	if (text.at[0] == '[')
		return read_brackets(endpoint, text, why);
	if (!colon)
		return read_alone(endpoint, text, why);
	rest = hark__text_after(text, (size_t)(colon - text.at) + 1);
	if (hark__text_find(rest, ':') && looks_like_ipv6(text, colon))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_NEEDS_BRACKETS, 0);
	return read_host_and_port(endpoint, text, colon, why);
}

/* ---------------------------------------------------------------------- other forms */

/* A path ends with a NUL that counts; an abstract name begins with one (unix(7)). */
static int read_unix(struct hark_endpoint *endpoint, struct hark__text name,
	struct hark__refusal *why)
{
	size_t abstract = name.length > 0 && name.at[0] == '@';
	struct hark_addr *addr = &endpoint->addr;

	name = hark__text_after(name, abstract);
	if (name.length == 0)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_EMPTY, 0);
	if (name.length > UNIX_NAME_MAX)
		return hark__refuse(
			why, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG, UNIX_NAME_MAX);
	endpoint->kind = HARK_ENDPOINT_UNIX;
	addr->u.un.sun_family = AF_UNIX;
	memcpy(addr->u.un.sun_path + abstract, name.at, name.length);
	addr->length =
		(uint32_t)(offsetof(struct sockaddr_un, sun_path) + name.length + 1);
	return 0;
}

static int read_descriptor(struct hark_endpoint *endpoint, struct hark__text digits,
	struct hark__refusal *why)
{
	long long fd;

	if (hark__read_number(digits, 7, DESCRIPTOR_MAX, &fd) < 0 ||
		(digits.length > 1 && digits.at[0] == '0'))
		return hark__refuse(why, -EINVAL, HARK_CAUSE_BAD_DESCRIPTOR, 0);
	endpoint->kind = HARK_ENDPOINT_DESCRIPTOR;
	endpoint->fd = (int)fd;
	return 0;
}

/* systemd passes no name with a colon, which separates names, nor one beyond ASCII. */
static int read_activation(struct hark_endpoint *endpoint, struct hark__text name,
	struct hark__refusal *why)
{
	if (name.length == 0)
		return hark__refuse(why, -EINVAL, HARK_CAUSE_EMPTY, 0);
	if (name.length > ACTIVATION_NAME_MAX)
		return hark__refuse(
			why, -ENAMETOOLONG, HARK_CAUSE_TOO_LONG, ACTIVATION_NAME_MAX);
	for (size_t i = 0; i < name.length; i++)
		if (name.at[i] == ':' || (unsigned char)name.at[i] >= 0x80)
			return hark__refuse(why, -EINVAL, HARK_CAUSE_NO_SUCH_NAME, 0);
	endpoint->kind = HARK_ENDPOINT_ACTIVATION;
	copy_text(endpoint->host, name);
	return 0;
}

/* ------------------------------------------------------------------------ all forms */

static bool skip_prefix(struct hark__text *text, const char *prefix)
{
	size_t length = strlen(prefix);

	if (text->length < length || memcmp(text->at, prefix, length) != 0)
		return false;
	*text = hark__text_after(*text, length);
	return true;
}

static int read_endpoint(struct hark_endpoint *endpoint, struct hark__text text,
	struct hark__refusal *why)
{
	int code = hark__check_text(text, why);

	*endpoint = (struct hark_endpoint){.port = -1, .fd = -1};
	if (code < 0)
		return code;
	if (hark__text_is(text, "activation")) {
		endpoint->kind = HARK_ENDPOINT_ACTIVATION;
		return 0;
	}
	if (skip_prefix(&text, "activation:"))
		return read_activation(endpoint, text, why);
	if (skip_prefix(&text, "unix:"))
		return read_unix(endpoint, text, why);
	if (skip_prefix(&text, "fd:"))
		return read_descriptor(endpoint, text, why);
	return read_tcp(endpoint, text, why);
}

static int parse(
	struct hark_endpoint *endpoint, struct hark__text text, struct hark_error *err)
{
	struct hark_endpoint found;
	struct hark__refusal why;

	if (read_endpoint(&found, text, &why) < 0)
		return hark__refused(err, text, &why);
	*endpoint = found;
	return 0;
}

int hark_endpoint_parse(
	struct hark_endpoint *endpoint, const char *text, struct hark_error *err)
{
	return parse(endpoint, hark__text_of(text), err);
}

int hark_endpoint_parse_n(struct hark_endpoint *endpoint, const char *text,
	size_t length, struct hark_error *err)
{
	return parse(endpoint, (struct hark__text){text, length}, err);
}

int hark_addr_parse(struct hark_addr *addr, const char *text, struct hark_error *err)
{
	struct hark__refusal why = {-EINVAL, HARK_CAUSE_NOT_ONE_ADDRESS, 0};
	struct hark_endpoint endpoint;
	int code = hark_endpoint_parse(&endpoint, text, err);

	if (code < 0)
		return code;
	if (endpoint.addr.length == 0)
		return hark__refused(err, hark__text_of(text), &why);
	*addr = endpoint.addr;
	return 0;
}
