/* SPDX-License-Identifier: MIT
 *
 * Lines, and whatever else ends with a delimiter, out of the buffer of a connection.
 * Floor 4.
 *
 * Invariant: bytes between .start and .end were read and not taken; a call that fails
 * takes none of them.
 */
#include "server/conn.h"

#include <errno.h>
#include <string.h>

/* Room behind what is there, by moving it to the front. */
static void make_room(struct hark_conn *conn)
{
	size_t ahead = conn->end - conn->start;

	if (conn->start == 0)
		return;
	memmove(conn->buffer, conn->buffer + conn->start, ahead);
	conn->start = 0;
	conn->end = ahead;
}

/* More of it; 0 at the end of the stream. */
static ssize_t read_more(struct hark_conn *conn)
{
	ssize_t got;

	make_room(conn);
	got = hark__conn_recv(
		conn, conn->buffer + conn->end, HARK_CONN_BUFFER_BYTES - conn->end);
	if (got > 0)
		conn->end += (size_t)got;
	return got;
}

/* Bytes up to and with the delimiter among the first `max`; 0: not there (yet). */
static size_t find(const struct hark_conn *conn, int delimiter, size_t from, size_t max)
{
	size_t ahead = conn->end - conn->start;
	const char *begin = conn->buffer + conn->start;
	const char *found;

	if (ahead > max)
		ahead = max;
	found = from < ahead ? memchr(begin + from, delimiter, ahead - from) : NULL;
	return found ? (size_t)(found - begin) + 1 : 0;
}

/* > 0: so many bytes with the delimiter, not taken yet. */
static ssize_t await_delimiter(struct hark_conn *conn, int delimiter, size_t max)
{
	size_t seen = 0, length;
	ssize_t got = hark__conn_over(conn);

	if (got < 0)
		return got;
	if (max == 0 || max > HARK_CONN_BUFFER_BYTES)
		max = HARK_CONN_BUFFER_BYTES;
	while ((length = find(conn, delimiter, seen, max)) == 0) {
		seen = conn->end - conn->start;
		if (seen >= max)
			return -EMSGSIZE;
		got = read_more(conn);
		if (got <= 0)
			return got;
	}
	return (ssize_t)length;
}

static void take(struct hark_conn *conn, size_t length)
{
	conn->start += length;
	conn->idle = false;
}

ssize_t hark_conn_read_until(
	struct hark_conn *conn, int delimiter, const void **data, size_t max)
{
	ssize_t length = await_delimiter(conn, delimiter, max);

	if (length <= 0)
		return length;
	*data = conn->buffer + conn->start;
	take(conn, (size_t)length);
	return length;
}

ssize_t hark_conn_read_line(
	struct hark_conn *conn, char **line, size_t *length, size_t max)
{
	ssize_t taken = await_delimiter(conn, '\n', max);
	size_t text = (size_t)taken - 1;
	char *begin;

	if (taken <= 0)
		return taken;
	begin = conn->buffer + conn->start;
	if (memchr(begin, '\0', text))
		return -EILSEQ;
	if (text > 0 && begin[text - 1] == '\r')
		text--;
	begin[text] = '\0';
	*line = begin;
	if (length)
		*length = text;
	take(conn, (size_t)taken);
	return taken;
}

ssize_t hark_conn_peek(struct hark_conn *conn, const void **data, size_t least)
{
	ssize_t got = hark__conn_over(conn);

	if (got < 0)
		return got;
	if (least < 1 || least > HARK_CONN_BUFFER_BYTES)
		return -EINVAL;
	while (conn->end - conn->start < least) {
		got = read_more(conn);
		if (got <= 0)
			return got;
	}
	*data = conn->buffer + conn->start;
	return (ssize_t)(conn->end - conn->start);
}

void hark_conn_skip(struct hark_conn *conn, size_t size)
{
	size_t ahead = hark_conn_ahead(conn);

	take(conn, size < ahead ? size : ahead);
}

size_t hark_conn_ahead(const struct hark_conn *conn)
{
	return conn->end - conn->start;
}
