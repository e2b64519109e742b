/* SPDX-License-Identifier: MIT
 *
 * From what a text means to addresses: the one place that asks the resolver.
 * Not here: reading the text (endpoint.c), which lets no number through that the
 * resolver would read in its own way.
 * Floor 2.
 *
 * Invariants: numeric hosts, "" and localhost never reach the resolver; ports are set
 * by us; the resolver's order stays; at most `max` addresses are written.
 */
#include "base/error.h"
#include "base/line.h"
#include "socket/ip_text.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#ifndef EAI_NODATA /* not in every C library */
#define EAI_NODATA EAI_NONAME
#endif

/* The addresses that were found, and where they go. */
struct found {
	struct hark_addr *addrs;
	size_t count;
	size_t max;
	int port;
	const char *text; /* what they are asked for, for errors */
};

static int ask_failed(
	int resolver_code, int system_code, const char *text, struct hark_error *err)
{
	static const struct {
		int resolver_code;
		int code;
	} known[] = {
		{EAI_NONAME, -ENOENT},
		{EAI_NODATA, -ENOENT},
		{EAI_SERVICE, -ENOENT},
		{EAI_AGAIN, -EAGAIN},
		{EAI_MEMORY, -ENOMEM},
	};
	int code = -EIO;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].resolver_code == resolver_code)
			code = known[i].code;
	if (resolver_code == EAI_SYSTEM && system_code < 0)
		code = system_code;
	return HARK__FAIL(err, .step = HARK_STEP_RESOLVE, .code = code,
		.resolver_code = resolver_code, .subject = text);
}

/* Adds one, but not twice. */
static int add(struct found *found, struct hark_addr addr, struct hark_error *err)
{
	(void)hark_addr_set_port(&addr, found->port); /* was checked; Unix has none */
	for (size_t i = 0; i < found->count; i++)
		if (hark_addr_compare(&found->addrs[i], &addr) == 0)
			return 0;
	if (found->count == found->max)
		return HARK__FAIL(err, .step = HARK_STEP_RESOLVE, .code = -E2BIG,
			.cause = HARK_CAUSE_TOO_MANY, .limit = (long long)found->max,
			.subject = found->text);
	found->addrs[found->count++] = addr;
	return 0;
}

static int add_pair(struct found *found, in_addr_t ip4, const struct in6_addr *ip6,
	struct hark_error *err)
{
	struct in_addr ip = {htonl(ip4)};
	int code = add(found, hark__addr_of_ipv4(ip), err);

	return code < 0 ? code : add(found, hark__addr_of_ipv6(*ip6, 0), err);
}

/* RFC 6761 section 6.3: whatever the name servers say, these are this host. */
static bool is_localhost(const char *name)
{
	static const char localhost[] = "localhost";
	size_t length = strlen(name), wanted = sizeof(localhost) - 1;

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length < wanted ||
		strncasecmp(name + length - wanted, localhost, wanted) != 0)
		return false;
	return length == wanted || name[length - wanted - 1] == '.';
}

static int add_list(
	struct found *found, const struct addrinfo *list, struct hark_error *err)
{
	int code = 0;

	for (; list && code == 0; list = list->ai_next) {
		struct hark_addr addr;

		/* a family that is none of ours, from a module of the resolver's */
		if (hark_addr_from_sockaddr(
			    &addr, list->ai_addr, list->ai_addrlen, NULL) == 0)
			code = add(found, addr, err);
	}
	return code;
}

/*
 * Without AI_ADDRCONFIG, which would leave out ::1 where only lo has IPv6 (and where it
 * would be right, bind(2) says so better).
 */
static int ask_for_host(struct found *found, const char *name, struct hark_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int system_code;
	int failure = sys_getaddrinfo(name, NULL, &hints, &list, &system_code);
	int code;

	if (failure)
		return ask_failed(failure, system_code, found->text, err);
	code = add_list(found, list, err);
	sys_freeaddrinfo(list);
	if (code == 0 && found->count == 0)
		return ask_failed(EAI_NODATA, 0, found->text, err);
	return code;
}

/* Without a host, so that only the table of services is asked. */
static int ask_for_service(const char *name, const char *text, struct hark_error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list;
	struct hark_addr addr;
	int system_code, port = -EAFNOSUPPORT;
	int failure = sys_getaddrinfo(NULL, name, &hints, &list, &system_code);

	if (failure)
		return ask_failed(failure, system_code, text, err);
	if (hark_addr_from_sockaddr(&addr, list->ai_addr, list->ai_addrlen, NULL) == 0)
		port = hark_addr_port(&addr);
	sys_freeaddrinfo(list);
	return port < 0 ? ask_failed(EAI_SERVICE, 0, text, err) : port;
}

/* A host that waited for its port may be a number still. */
static int add_named(struct found *found, const char *host, struct hark_error *err)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	struct hark__text text = hark__text_of(host);
	struct hark_addr addr;
	int code;

	if (text.length == 0)
		return add_pair(found, INADDR_ANY, &in6addr_any, err);
	if (is_localhost(host))
		return add_pair(found, INADDR_LOOPBACK, &loopback, err);
	if (!hark__text_find(text, ':') && !hark__is_numeric_host(text))
		return ask_for_host(found, host, err);
	code = hark_addr_from_ip(&addr, host, found->port, err);
	return code < 0 ? code : add(found, addr, err);
}

static int find_port(
	const struct hark_endpoint *endpoint, const char *text, struct hark_error *err)
{
	struct hark__refusal why = {-ERANGE, HARK_CAUSE_PORT_RANGE, 0};

	if (endpoint->kind == HARK_ENDPOINT_NAME && endpoint->service[0])
		return ask_for_service(endpoint->service, text, err);
	if (endpoint->port < 0 || endpoint->port > HARK__PORT_MAX)
		return hark__refused(err, hark__text_of(endpoint->host), &why);
	return endpoint->port;
}

/* The host and its port: who named several addresses must find the one that is wrong. */
static void write_text(char *text, size_t size, const struct hark_endpoint *endpoint)
{
	struct hark__line line = {.text = text, .size = size};
	bool brackets = strchr(endpoint->host, ':');

	hark__line_add(&line, brackets ? "[" : "");
	hark__line_add(&line, endpoint->host);
	hark__line_add(&line, brackets ? "]:" : ":");
	if (endpoint->service[0])
		hark__line_add(&line, endpoint->service);
	else
		hark__line_number(&line, endpoint->port);
	(void)hark__line_end(&line); /* it fits */
}

int hark_endpoint_resolve(const struct hark_endpoint *endpoint, struct hark_addr *addrs,
	size_t max, struct hark_error *err)
{
	char text[sizeof(endpoint->host) + sizeof(endpoint->service) + sizeof("[]:")];
	struct found found = {.addrs = addrs, .max = max, .text = ""};
	int code;

	switch (endpoint->kind) {
	case HARK_ENDPOINT_EVERY:
	case HARK_ENDPOINT_NAME:
		write_text(text, sizeof(text), endpoint);
		found.text = text;
		code = find_port(endpoint, text, err);
		if (code < 0)
			return code;
		found.port = code;
		code = add_named(&found, endpoint->host, err);
		break;
	case HARK_ENDPOINT_ADDRESS:
	case HARK_ENDPOINT_UNIX:
		found.port = hark_addr_port(&endpoint->addr);
		code = add(&found, endpoint->addr, err);
		break;
	default: /* a socket that exists has no address to be resolved */
		return HARK__FAIL(err, .step = HARK_STEP_RESOLVE, .code = -EINVAL,
			.cause = HARK_CAUSE_NOT_TCP, .subject = endpoint->host);
	}
	return code < 0 ? code : (int)found.count;
}
