/* SPDX-License-Identifier: MIT
 *
 * Echo, discard, daytime and chargen (RFC 862, 863, 867, 864); see services.h.
 */
#include "services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { GRACE_MS = 100 };

/*
 * What a client sends, as hark_conn_receive has it.  When the server drains, one that is
 * silent for a moment has said all.
 */
static ssize_t hear(struct hark_conn *conn, const void **data)
{
	struct pollfd more = {hark_conn_fd(conn), POLLIN, 0};
	ssize_t got;

	hark_conn_idle(conn, true);
	got = hark_conn_receive(conn, data);
	if (got != -ESHUTDOWN)
		return got;
	hark_conn_idle(conn, false);
	if (hark_conn_poll(conn, &more, 1, GRACE_MS) <= 0)
		hark_conn_idle(conn, true); /* it ends as one that was told to */
	return hark_conn_receive(conn, data);
}

static void echo(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t got;

	(void)ctx;
	while ((got = hear(conn, &data)) > 0)
		if (hark_conn_write(conn, data, (size_t)got) < 0)
			return;
}

static void discard(struct hark_conn *conn, void *ctx)
{
	const void *data;

	(void)ctx;
	while (hear(conn, &data) > 0)
		continue;
}

/* The first of the forms that RFC 867 suggests. */
static void daytime(struct hark_conn *conn, void *ctx)
{
	time_t now = time(NULL);
	struct tm local;
	char text[128];
	size_t length;

	(void)ctx;
	if (!localtime_r(&now, &local))
		return;
	length = strftime(text, sizeof(text), "%A, %B %d, %Y %H:%M:%S-%Z\r\n", &local);
	(void)hark_conn_write(conn, text, length); /* or it is gone */
}

/* RFC 864: 72 of the 95 printable characters a line, each line begins one further. */
enum {
	PRINTABLE = 95,
	LINE = 72,
	LINE_BYTES = LINE + 2,
	PATTERN_BYTES = PRINTABLE * LINE_BYTES,
	/* Fits wherever a socket says that it is writable, so that nobody waits for the rest. */
	WRITE_BYTES = 19 * LINE_BYTES
};

static void make_pattern(char pattern[PATTERN_BYTES])
{
	for (int line = 0; line < PRINTABLE; line++) {
		char *at = pattern + (size_t)line * LINE_BYTES;

		for (int i = 0; i < LINE; i++)
			at[i] = (char)(' ' + (line + i) % PRINTABLE);
		at[LINE] = '\r';
		at[LINE + 1] = '\n';
	}
}

/* A client that sends is heard and not minded; false when it has ended or is gone. */
static bool go_on(struct hark_conn *conn, short ready)
{
	const void *data;

	return !(ready & ~POLLOUT) || hark_conn_receive(conn, &data) > 0;
}

/* Idle while it waits: who does not read does not hold up the end. */
static void chargen(struct hark_conn *conn, void *ctx)
{
	struct pollfd fds[1] = {{hark_conn_fd(conn), POLLIN | POLLOUT, 0}};
	char pattern[PATTERN_BYTES];
	size_t at = 0;

	(void)ctx;
	make_pattern(pattern);
	for (;;) {
		hark_conn_idle(conn, true);
		if (hark_conn_draining(conn) || hark_conn_poll(conn, fds, 1, -1) < 0)
			return;
		if (!go_on(conn, fds[0].revents))
			return;
		if (!(fds[0].revents & POLLOUT))
			continue;
		if (hark_conn_write(conn, pattern + at, WRITE_BYTES) < 0)
			return;
		at = (at + WRITE_BYTES) % PATTERN_BYTES;
	}
}

hark_handler *service_of(enum service service)
{
	static hark_handler *const handlers[] = {[SERVICE_ECHO] = echo,
		[SERVICE_DISCARD] = discard,
		[SERVICE_DAYTIME] = daytime,
		[SERVICE_CHARGEN] = chargen};

	return handlers[service];
}
