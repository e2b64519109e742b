/* SPDX-License-Identifier: MIT
 *
 * What a set of listeners says of itself, for tests of sets.
 */
#ifndef TESTS_SETS_H
#define TESTS_SETS_H

#include "harness.h"
#include "loopback.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline int add(struct hark_listener_set *set, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	return hark_listener_set_add(set, text, options, err);
}

static inline int add_port(struct hark_listener_set *set, const char *host, int port,
	const struct hark_listen_options *options, struct hark_error *err)
{
	char text[HARK_ADDR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s:%d", host, port);
	return hark_listener_set_add(set, text, options, err);
}

static inline int port_of(const struct hark_listener_set *set, size_t i)
{
	CHECK_INT(i, <, set->count);
	return hark_addr_port(&set->listener[i].addr);
}

static inline bool is_ipv6_only(int fd)
{
	int value = -1;
	socklen_t length = sizeof(value);

	CHECK_SYS(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &length));
	return value;
}

static inline void check_verdict(const struct hark_listener_set *set, size_t i,
	enum hark_outcome outcome, enum hark_step step, int code)
{
	CHECK_INT(i, <, set->verdict_count);
	CHECK_INT(set->verdict[i].outcome, ==, outcome);
	CHECK_INT(set->verdict[i].step, ==, step);
	CHECK_INT(set->verdict[i].code, ==, code);
}

static inline void check_open(const struct hark_listener_set *set, size_t i)
{
	check_verdict(set, i, HARK_OUTCOME_OPEN, HARK_STEP_NONE, 0);
}

/* Each listener takes a client, at the address that it says it has. */
static inline void check_serves(const struct hark_listener_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct ends ends = meet(&set->listener[i]);

		net_close(ends.client);
		net_close(ends.server);
	}
}

static inline void close_set(struct hark_listener_set *set)
{
	CHECK_OK(hark_listener_set_close_now(set, NULL));
	CHECK_INT(set->count, ==, 0);
	CHECK_INT(set->verdict_count, ==, 0);
}

#endif
