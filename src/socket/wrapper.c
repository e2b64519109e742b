/* SPDX-License-Identifier: MIT
 *
 * The wrappers that make a server of a few lines: each is a composition of the steps and
 * nothing more.  Floor 2.
 */
#include "base/error.h"
#include "socket/option.h"

#include <errno.h>
#include <string.h>

static int parse_tcp(
	struct hark_endpoint *endpoint, const char *text, struct hark_error *err)
{
	int parsed = hark_endpoint_parse(endpoint, text, err);

	if (parsed < 0)
		return parsed;
	if (endpoint->kind == HARK_ENDPOINT_EVERY ||
		endpoint->kind == HARK_ENDPOINT_ADDRESS ||
		endpoint->kind == HARK_ENDPOINT_NAME)
		return 0;
	return HARK__FAIL(err, .step = HARK_STEP_PARSE, .code = -EINVAL,
		.cause = HARK_CAUSE_NOT_TCP, .subject = text);
}

/* One dual-stack socket, or 0.0.0.0 where there is no IPv6 at all. */
static int open_every(struct hark_listener *listener, const struct hark_addr *v4,
	const struct hark_addr *v6, const struct hark_listen_options *options,
	struct hark_error *err)
{
	struct hark_error why;
	int opened = hark_listener_open(listener, v6, options, &why);

	if (opened == -EAFNOSUPPORT)
		return hark_listener_open(listener, v4, options, err);
	if (opened < 0 && err)
		*err = why;
	return opened;
}

/* The first that can be opened; if none, the reason of the first. */
static int open_first(struct hark_listener *listener, const struct hark_addr *addrs,
	size_t count, const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_error why;
	int opened, first = hark_listener_open(listener, &addrs[0], options, &why);

	opened = first;
	for (size_t i = 1; i < count && opened < 0; i++)
		opened = hark_listener_open(listener, &addrs[i], options, NULL);
	if (opened == 0)
		return 0;
	if (err)
		*err = why;
	return first;
}

int hark_tcp_server(struct hark_listener *listener, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addrs[HARK_SET_MAX];
	struct hark_endpoint endpoint;
	int found = parse_tcp(&endpoint, text, err);

	memset(listener, 0, sizeof(*listener));
	if (found == 0)
		found = hark_endpoint_resolve(&endpoint, addrs, HARK_SET_MAX, err);
	if (found < 0)
		return found;
	if (endpoint.kind == HARK_ENDPOINT_EVERY)
		return open_every(listener, &addrs[0], &addrs[1], options, err);
	return open_first(listener, addrs, (size_t)found, options, err);
}

int hark_tcp_server_sockets(struct hark_listener_set *set, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_endpoint endpoint;
	int parsed = parse_tcp(&endpoint, text, err);

	memset(set, 0, sizeof(*set));
	return parsed < 0 ? parsed : hark_listener_set_add(set, text, options, err);
}

int hark_unix_server(struct hark_listener *listener, const char *text,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_endpoint endpoint;
	int parsed = hark_endpoint_parse(&endpoint, text, err);

	memset(listener, 0, sizeof(*listener));
	if (parsed < 0)
		return parsed;
	if (endpoint.kind != HARK_ENDPOINT_UNIX)
		return HARK__FAIL(err, .step = HARK_STEP_PARSE, .code = -EINVAL,
			.cause = HARK_CAUSE_NOT_UNIX, .subject = text);
	return hark_listener_open(listener, &endpoint.addr, options, err);
}

int hark_tcp_server_loop(const char *text, hark_accept_handler *handler, void *ctx,
	const struct hark_listen_options *listen,
	const struct hark_loop_options *options, struct hark_error *err)
{
	struct hark_loop_options closing =
		options ? *options : (struct hark_loop_options){0};
	struct hark_listener_set set;
	int done, closed;

	if (closing.stop == HARK_STOP_AT_ONCE) /* closing would reset who waits */
		return HARK__FAIL(err, .step = HARK_STEP_OPTION, .code = -EINVAL,
			.cause = HARK_CAUSE_BAD_VALUE, .option = "stop",
			.limit = HARK_STOP_AT_ONCE);
	done = hark_tcp_server_sockets(&set, text, listen, err);
	if (done < 0)
		return done;
	if (closing.stop == HARK_STOP_WHEN_EMPTY)
		closing.stop = HARK_STOP_CLOSING;
	done = hark_accept_loop(set.listener, set.count, handler, ctx, &closing, err);
	closed = hark_listener_set_close_now(&set, done < 0 ? NULL : err);
	return done < 0 ? done : closed;
}
