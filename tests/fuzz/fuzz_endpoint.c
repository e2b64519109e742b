/* SPDX-License-Identifier: MIT
 *
 * The text of an address: whatever is read, either it is refused with an error that can
 * be shown, or it means one thing, within its bounds, that its own text means again.
 * Never asks the resolver.
 */
#include "must.h"

#include <hark.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* A sentence of one line, in full. */
static void check_refused(int result, const struct hark_error *err)
{
	char text[HARK_ERROR_TEXT_MAX];
	size_t length = hark_error_text(err, text, sizeof(text));

	MUST(err->code == result && err->step == HARK_STEP_PARSE);
	MUST(length > 0 && length < sizeof(text) && strlen(text) == length);
	MUST(is_printable(text, length));
	switch (result) {
	case -EINVAL:
	case -ERANGE:
	case -ENAMETOOLONG:
	case -ENODEV:
		MUST(err->cause != HARK_CAUSE_NONE);
		break;
	default: /* the kernel's, about a scope */
		break;
	}
}

/* Escapes are for the eye: text is not unescaped when it is read. */
static void check_text_reads_back(const struct hark_addr *addr)
{
	char text[HARK_ADDR_TEXT_MAX];
	struct hark_addr again;
	size_t length = hark_addr_text(addr, text, sizeof(text));

	MUST(length > 0 && length < sizeof(text) && strlen(text) == length);
	MUST(is_printable(text, length));
	if (strchr(text, '\\'))
		return;
	MUST(hark_addr_parse(&again, text, NULL) == 0);
	MUST(hark_addr_compare(&again, addr) == 0);
}

static void check_port(const struct hark_endpoint *endpoint)
{
	if (endpoint->service[0])
		MUST(endpoint->kind == HARK_ENDPOINT_NAME && endpoint->port == -1);
	else
		MUST(endpoint->port >= 0 && endpoint->port <= 65535);
}

static void check_meaning(const struct hark_endpoint *endpoint)
{
	int family = hark_addr_family(&endpoint->addr);

	switch (endpoint->kind) {
	case HARK_ENDPOINT_EVERY:
		MUST(family == AF_UNSPEC && endpoint->host[0] == '\0');
		check_port(endpoint);
		break;
	case HARK_ENDPOINT_ADDRESS:
		MUST(family == AF_INET || family == AF_INET6);
		MUST(hark_addr_port(&endpoint->addr) == endpoint->port);
		check_port(endpoint);
		check_text_reads_back(&endpoint->addr);
		break;
	case HARK_ENDPOINT_NAME:
		MUST(family == AF_UNSPEC);
		MUST(endpoint->host[0] || endpoint->service[0]);
		check_port(endpoint);
		break;
	case HARK_ENDPOINT_UNIX:
		MUST(family == AF_UNIX);
		MUST(endpoint->addr.length > sizeof(sa_family_t) + 1);
		MUST(endpoint->addr.length <= sizeof(struct sockaddr_un));
		check_text_reads_back(&endpoint->addr);
		break;
	case HARK_ENDPOINT_DESCRIPTOR:
		MUST(endpoint->fd >= 0 && family == AF_UNSPEC);
		break;
	case HARK_ENDPOINT_ACTIVATION:
		MUST(is_printable(endpoint->host, strlen(endpoint->host)));
		MUST(!strchr(endpoint->host, ':') && family == AF_UNSPEC);
		break;
	default:
		abort();
	}
	MUST(endpoint->kind == HARK_ENDPOINT_DESCRIPTOR || endpoint->fd == -1);
}

static void check_same(const struct hark_endpoint *a, const struct hark_endpoint *b)
{
	MUST(a->kind == b->kind && a->port == b->port && a->fd == b->fd);
	MUST(hark_addr_compare(&a->addr, &b->addr) == 0);
	MUST(strcmp(a->host, b->host) == 0 && strcmp(a->service, b->service) == 0);
}

/* The other entry, for a C string. */
static void check_as_string(
	const struct hark_endpoint *endpoint, const uint8_t *data, size_t size)
{
	struct hark_endpoint again;
	char text[513];

	memcpy(text, data, size);
	text[size] = '\0';
	MUST(hark_endpoint_parse(&again, text, NULL) == 0);
	check_same(endpoint, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hark_endpoint endpoint, untouched;
	struct hark_error err;
	int result;

	memset(&endpoint, 0xa5, sizeof(endpoint));
	memset(&untouched, 0xa5, sizeof(untouched));
	result = hark_endpoint_parse_n(&endpoint, (const char *)data, size, &err);
	if (result < 0) {
		MUST(memcmp(&endpoint, &untouched, sizeof(endpoint)) == 0);
		check_refused(result, &err);
		return 0;
	}
	MUST(result == 0 && size > 0 && size <= 512 && !memchr(data, 0, size));
	check_meaning(&endpoint);
	check_as_string(&endpoint, data, size);
	return 0;
}
