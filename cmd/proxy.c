/* SPDX-License-Identifier: MIT
 *
 * A proxy; see proxy.h.
 *
 * Two lanes, each with at most one buffer of bytes on the way: what is not taken by the one
 * side is not read from the other, so back-pressure goes from end to end.  Nothing here
 * waits for one side alone, since both may be waiting for each other to be read.
 */
#include "proxy.h"

#include "command.h"
#include "os.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BUFFER_BYTES = 16 * 1024, CONNECT_MS = 10000, ADDRESSES = 16 };

/* ------------------------------------------------------------------------- the address */

static int refuse(const char *text, const char *advice)
{
	complain_of("cannot use the value of --proxy,", text, advice);
	return EXIT_USAGE;
}

int proxy_read(struct proxy *proxy, const char *text)
{
	struct hark_error err;

	proxy->text = text;
	if (hark_endpoint_parse(&proxy->target, text, &err) < 0)
		return complain_error(&err);
	if (proxy->target.kind == HARK_ENDPOINT_DESCRIPTOR ||
		proxy->target.kind == HARK_ENDPOINT_ACTIVATION)
		return refuse(
			text, "it is a listening socket, and no address to go to");
	if (proxy->target.port == 0 && proxy->target.kind != HARK_ENDPOINT_UNIX)
		return refuse(text, "nobody can be reached at port 0");
	return 0;
}

/* -------------------------------------------------------------------------- the way there */

static void tell_failure(const struct proxy *proxy, const struct hark_conn *conn,
	int code, const struct hark_error *err)
{
	static _Atomic int64_t told_ms;
	char client[HARK_ADDR_TEXT_MAX], advice[HARK_ADDR_TEXT_MAX + 128];
	char before[HARK_ADDR_TEXT_MAX + 32];

	if (!report_is_due(&told_ms, os_now_ms()))
		return;
	(void)hark_addr_text(hark_conn_peer_addr(conn), client, sizeof(client));
	if (err->code == code) {
		(void)snprintf(before, sizeof(before), "reset the client %s", client);
		report_error(before, err);
		return;
	}
	(void)snprintf(advice, sizeof(advice),
		"no answer for %d s (%s); reset the client %s", CONNECT_MS / 1000,
		hark_errno_name(code), client);
	complain_of("cannot connect to", proxy->text, advice);
}

/* Each address of a name in turn.  A descriptor, or the last reason. */
static int connect_to(struct hark_conn *conn, const struct hark_addr *to, int count)
{
	struct hark_addr dial;
	int fd = -EADDRNOTAVAIL;

	for (int i = 0; i < count && fd < 0 && fd != -ESHUTDOWN; i++) {
		hark_addr_to_dial(&dial, &to[i]);
		fd = hark_conn_connect(conn, &dial, CONNECT_MS);
	}
	return fd;
}

static int go_there(const struct proxy *proxy, struct hark_conn *conn)
{
	struct hark_addr to[ADDRESSES];
	struct hark_error err = {0};
	int done = hark_endpoint_resolve(&proxy->target, to, ADDRESSES, &err);

	if (done < 0) {
		tell_failure(proxy, conn, done, &err);
		return done;
	}
	done = connect_to(conn, to, done);
	if (done < 0 && done != -ESHUTDOWN)
		tell_failure(proxy, conn, done, hark_conn_error(conn));
	return done;
}

/* ---------------------------------------------------------------------------- two lanes */

enum side { CLIENT, ONWARD, SIDES };

/* From one side to the other. */
struct lane {
	const char *at; /* what is on the way … */
	size_t left;
	bool ended;  /* its source has sent all … */
	bool closed; /* … and its end was passed on */
};

struct relay {
	struct hark_conn *conn;
	int fd[SIDES];
	struct lane from[SIDES];
	bool hung_up[SIDES]; /* poll(2) would say so again and again */
	char buffer[BUFFER_BYTES];
};

static enum side other(enum side side)
{
	return side == CLIENT ? ONWARD : CLIENT;
}

static short events_of(const struct relay *relay, enum side side)
{
	const struct lane *in = &relay->from[side], *out = &relay->from[other(side)];
	bool hears = in->left == 0 && !in->ended;

	return (short)((hears ? POLLIN : 0) | (out->left ? POLLOUT : 0));
}

/* Nothing to do there; the other side is what is waited for. */
static bool is_left_out(const struct relay *relay, enum side side)
{
	bool is_over = relay->from[side].ended && relay->from[other(side)].closed;

	return !events_of(relay, side) && (is_over || relay->hung_up[side]);
}

/* The end of the stream is 0, "nothing now" is -EAGAIN. */
static ssize_t hear(struct relay *relay, enum side side)
{
	struct lane *lane = &relay->from[side];
	const void *data = relay->buffer;
	ssize_t got = side == CLIENT ? hark_conn_receive(relay->conn, &data)
				     : os_receive_now(relay->fd[ONWARD], relay->buffer,
					       sizeof(relay->buffer));

	if (got > 0) {
		lane->at = data;
		lane->left = (size_t)got;
	}
	lane->ended = got == 0;
	return got;
}

static bool is_nothing(ssize_t code)
{
	return code == -EAGAIN || code == -EINTR || code == -ETIMEDOUT;
}

/* What is on the way, as much as fits, and the end behind it.  Negative: it is reset. */
static int pass_on(struct relay *relay, enum side side)
{
	struct lane *lane = &relay->from[side];
	int to = relay->fd[other(side)];
	ssize_t sent = lane->left ? os_send_now(to, lane->at, lane->left) : 0;

	if (sent < 0)
		return is_nothing(sent) ? 0 : (int)sent;
	lane->at += sent;
	lane->left -= (size_t)sent;
	if (lane->left || !lane->ended || lane->closed)
		return 0;
	lane->closed = true;
	return side == CLIENT ? hark_close_write(to, NULL)
			      : hark_conn_close_write(relay->conn);
}

/* One side after poll(2). */
static int mind(struct relay *relay, enum side side, short ready)
{
	short events = events_of(relay, side);
	ssize_t got = 0;

	if (!events && ready & POLLERR)
		return -ECONNRESET;
	if (!events && ready & POLLHUP)
		relay->hung_up[side] = true;
	if (ready & ~POLLOUT && events & POLLIN) /* its end and a reset, too */
		got = hear(relay, side);
	if (got < 0 && !is_nothing(got))
		return (int)got;
	return pass_on(relay, side);
}

static int await(struct relay *relay, int timeout_ms, short ready[SIDES])
{
	struct pollfd fds[SIDES];
	int done;

	for (enum side side = CLIENT; side < SIDES; side++)
		fds[side] =
			(struct pollfd){is_left_out(relay, side) ? -1 : relay->fd[side],
				events_of(relay, side), 0};
	done = hark_conn_poll(relay->conn, fds, SIDES, timeout_ms);
	for (enum side side = CLIENT; side < SIDES; side++)
		ready[side] = fds[side].revents;
	return done;
}

/* 0: both have ended.  Negative: a reset, a timeout, or the end of the server. */
static int run(struct relay *relay, int timeout_ms)
{
	short ready[SIDES];
	int done = 0;

	while (!relay->from[CLIENT].closed || !relay->from[ONWARD].closed) {
		done = await(relay, timeout_ms, ready);
		if (done >= 0)
			done = mind(relay, CLIENT, ready[CLIENT]);
		if (done >= 0)
			done = mind(relay, ONWARD, ready[ONWARD]);
		if (done < 0)
			break;
	}
	return done;
}

void proxy_serve(struct hark_conn *conn, void *ctx)
{
	const struct proxy *proxy = ctx;
	struct relay relay = {.conn = conn, .fd = {hark_conn_fd(conn), -1}};
	int done;

	relay.fd[ONWARD] = done = go_there(proxy, conn);
	hark_conn_set_read_timeout(conn, 0); /* it is read when something is there */
	if (done >= 0) {
		done = run(&relay, proxy->timeout_ms);
		if (done < 0)
			(void)hark_close_reset(relay.fd[ONWARD], NULL); /* released */
		else
			(void)hark_close(relay.fd[ONWARD], NULL); /* likewise */
	}
	if (done < 0)
		hark_conn_close_with(conn, HARK_CLOSE_RESET);
}
