/* SPDX-License-Identifier: MIT
 *
 * A set of listeners: what a text means, opened and added with a verdict for each address,
 * or adopted.  Not here: how several addresses are opened together (group.c).  Floor 2.
 */
#include "base/error.h"
#include "socket/activation.h"
#include "socket/adopt.h"
#include "socket/group.h"
#include "socket/handed.h"
#include "socket/listener.h"
#include "socket/option.h"

#include <errno.h>
#include <string.h>

static size_t room(const struct hark_listener_set *set)
{
	return HARK_SET_MAX - set->count;
}

static int fail_full(const char *text, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_BIND, .code = -E2BIG,
		.cause = HARK_CAUSE_TOO_MANY, .limit = HARK_SET_MAX, .subject = text);
}

/* Port 0 is another port each time. */
static bool is_open_already(
	const struct hark_listener_set *set, const struct hark_addr *addr)
{
	for (size_t i = 0; i < set->count; i++)
		if (hark_addr_port(addr) != 0 &&
			hark_addr_compare(&set->listener[i].addr, addr) == 0)
			return true;
	return false;
}

/* How many of them are to be opened. */
static size_t ask_for(
	struct hark_listener_set *set, const struct hark_addr *addrs, size_t count)
{
	size_t fresh = 0;

	memset(set->verdict, 0, sizeof(set->verdict));
	set->verdict_count = count;
	for (size_t i = 0; i < count; i++) {
		set->verdict[i].addr = addrs[i];
		set->verdict[i].outcome = HARK_OUTCOME_UNTRIED;
		if (is_open_already(set, &addrs[i]))
			set->verdict[i].outcome = HARK_OUTCOME_DUPLICATE;
		else
			fresh++;
	}
	return fresh;
}

/* In a set, [::] and 0.0.0.0 stand side by side. */
static struct hark_listen_options for_set(const struct hark_listen_options *options)
{
	struct hark_listen_options copy = *options;

	copy.ipv6_only = hark__decided(copy.ipv6_only, HARK_ON);
	return copy;
}

static bool is_among(
	const struct hark_addr *addrs, size_t count, const struct hark_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (hark_addr_compare(&addrs[i], addr) == 0)
			return true;
	return false;
}

/*
 * A socket for IPv6 alone takes no IPv4 address in IPv6 form (EINVAL), so [::ffff:127.0.0.1]
 * is opened as the 127.0.0.1 that it is, and once where both were meant.  How many are left.
 */
static size_t unmap_all(struct hark_addr *addrs, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		struct hark_addr addr = addrs[i];

		hark_addr_unmap(&addr);
		if (!is_among(addrs, left, &addr))
			addrs[left++] = addr;
	}
	return left;
}

static int add_addrs(struct hark_listener_set *set,
	const struct hark_endpoint *endpoint, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addrs[HARK_SET_MAX];
	struct hark_listen_options own = for_set(options);
	struct hark__group group = {.verdict = set->verdict,
		.options = &own,
		.held = set->listener,
		.held_count = set->count};
	int found = hark_endpoint_resolve(endpoint, addrs, HARK_SET_MAX, err);

	if (found < 0)
		return found;
	group.count = (size_t)found;
	if (own.ipv6_only == HARK_ON)
		group.count = unmap_all(addrs, group.count);
	if (ask_for(set, addrs, group.count) > room(set))
		return fail_full(text, err);
	group.tolerant = endpoint->kind != HARK_ENDPOINT_ADDRESS;
	return hark__group_open(&group, &set->listener[set->count], err);
}

static bool is_adopted_already(const struct hark_listener_set *set, int fd)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->listener[i].fd == fd)
			return true;
	return false;
}

/* A descriptor that the set has would be closed twice. */
static int adopt_one(struct hark_listener_set *set, size_t place, int fd,
	enum hark_origin origin, const struct hark_listen_options *options,
	struct hark_error *err)
{
	struct hark_verdict *verdict = &set->verdict[set->verdict_count];
	int done;

	if (is_adopted_already(set, fd)) {
		*verdict = (struct hark_verdict){.outcome = HARK_OUTCOME_DUPLICATE};
		(void)hark_local_addr(
			fd, &verdict->addr, NULL); /* was adopted: is one */
		set->verdict_count++;
		return 0;
	}
	done = hark__adopt(&set->listener[place], fd, origin, options, err);
	if (done < 0)
		return done;
	*verdict = (struct hark_verdict){
		.outcome = HARK_OUTCOME_OPEN, .addr = set->listener[place].addr};
	set->verdict_count++;
	return 1;
}

/* All are looked at, and there is room for them, before any is changed. */
static int check_all(const struct hark_listener_set *set, const int *fds, size_t count,
	const char *text, struct hark_error *err)
{
	size_t fresh = 0;
	int checked = 0;

	for (size_t i = 0; i < count && checked == 0; i++) {
		checked = hark__adopt_check(fds[i], err);
		fresh += !is_adopted_already(set, fds[i]);
	}
	if (checked == 0 && fresh > room(set))
		return fail_full(text, err);
	return checked;
}

static int adopt_all(struct hark_listener_set *set, const int *fds, size_t count,
	enum hark_origin origin, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	size_t place = set->count;
	int done = check_all(set, fds, count, text, err);

	for (size_t i = 0; i < count && done >= 0; i++) {
		done = adopt_one(set, place, fds[i], origin, options, err);
		place += done > 0;
	}
	return done < 0 ? done : (int)(place - set->count);
}

static int add_activated(struct hark_listener_set *set, const char *name,
	const char *text, const struct hark_listen_options *options,
	struct hark_error *err)
{
	int fds[HARK_SET_MAX];
	int found = hark__activation_find(fds, HARK_SET_MAX, name, err);

	if (found < 0)
		return found;
	return adopt_all(
		set, fds, (size_t)found, HARK_ORIGIN_INHERITED, text, options, err);
}

/* A predecessor had it under this text, and goes with us: see hark_server_upgrade(3). */
static int add_handed(
	struct hark_listener_set *set, const char *text, struct hark_error *err)
{
	struct hark__handed *handed;
	int taken = hark__handed(&handed, err);

	if (taken <= 0)
		return taken;
	taken = hark__handed_take(
		handed, text, &set->listener[set->count], room(set), err);

	for (int i = 0; i < taken; i++)
		set->verdict[i] = (struct hark_verdict){.outcome = HARK_OUTCOME_OPEN,
			.addr = set->listener[set->count + (size_t)i].addr};
	set->verdict_count = taken < 0 ? 0 : (size_t)taken;
	return taken;
}

static int add_endpoint(struct hark_listener_set *set,
	const struct hark_endpoint *endpoint, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	switch (endpoint->kind) {
	case HARK_ENDPOINT_DESCRIPTOR:
		return adopt_all(
			set, &endpoint->fd, 1, HARK_ORIGIN_ADOPTED, text, options, err);
	case HARK_ENDPOINT_ACTIVATION:
		return add_activated(set, endpoint->host, text, options, err);
	default:
		return add_addrs(set, endpoint, text, options, err);
	}
}

int hark_listener_set_add(struct hark_listener_set *set, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_endpoint endpoint;
	int added;

	set->verdict_count = 0;
	options = hark__options(options);
	added = hark__options_check(options, err);
	if (added == 0)
		added = hark_endpoint_parse(&endpoint, text, err);
	if (added == 0)
		added = add_handed(set, text, err);
	if (added == 0)
		added = add_endpoint(set, &endpoint, text, options, err);
	if (added > 0)
		set->count += (size_t)added;
	return added;
}

int hark_listener_set_close_now(struct hark_listener_set *set, struct hark_error *err)
{
	int first = hark__listeners_close_now(set->listener, set->count, err);

	memset(set, 0, sizeof(*set));
	return first;
}
