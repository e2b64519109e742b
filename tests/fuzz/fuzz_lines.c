/* SPDX-License-Identifier: MIT
 *
 * Reading a connection by lines, delimiters, peeks and pieces, in any order: whatever comes
 * and in whatever pieces, every byte is handed out once and in order, but for the end of a
 * line; no line is longer than asked for or holds a NUL, and a call that fails takes nothing.
 *
 * The first byte tells how many calls are made, the next ones which; the rest is the stream.
 */
#include "must.h"

#include "base/clock.h"
#include "server/conn.h"
#include "server/worker.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *stream; /* as it is sent … */
static size_t left;           /* … so much of it yet, … */
static size_t piece;          /* … in pieces of this size */
static const uint8_t *taken;  /* up to here it was handed out */

static ssize_t give(struct hark_conn *conn, void *into, size_t size, bool patient)
{
	size_t given = piece < left ? piece : left;

	(void)conn, (void)patient;
	if (given > size)
		given = size;
	memcpy(into, stream, given);
	stream += given;
	left -= given;
	return (ssize_t)given;
}

static const struct hark__conn_ops ops = {.recv = give};

static void check_taken(const void *got, ssize_t size)
{
	MUST(size >= 0 && (size_t)size <= HARK_CONN_BUFFER_BYTES);
	MUST(memcmp(got, taken, (size_t)size) == 0);
	taken += size;
}

/* What the line was on the wire is longer by its end. */
static void check_line(const char *line, size_t length, ssize_t size, size_t max)
{
	MUST(size > 0 && (max == 0 || (size_t)size <= max));
	MUST(strlen(line) == length && length < (size_t)size);
	MUST(memcmp(line, taken, length) == 0 && taken[size - 1] == '\n');
	MUST((size_t)size - length <= 2);
	taken += size;
}

static void read_line(struct hark_conn *conn, size_t max)
{
	char *line;
	size_t length, before = hark_conn_ahead(conn);
	ssize_t got = hark_conn_read_line(conn, &line, &length, max);

	if (got > 0)
		check_line(line, length, got, max);
	else
		MUST(got == 0 || got == -EMSGSIZE || got == -EILSEQ);
	MUST(got > 0 || hark_conn_ahead(conn) >= before);
}

static void read_until(struct hark_conn *conn, int delimiter, size_t max)
{
	const void *got;
	ssize_t size = hark_conn_read_until(conn, delimiter, &got, max);

	if (size <= 0) {
		MUST(size == 0 || size == -EMSGSIZE);
		return;
	}
	MUST(max == 0 || (size_t)size <= max);
	MUST(memchr(got, delimiter, (size_t)size) == (const char *)got + size - 1);
	check_taken(got, size);
}

static void peek(struct hark_conn *conn, size_t least)
{
	const void *got;
	ssize_t size = hark_conn_peek(conn, &got, least);

	if (size <= 0) {
		MUST(size == 0 || size == -EINVAL);
		return;
	}
	MUST((size_t)size >= least && (size_t)size == hark_conn_ahead(conn));
	MUST(memcmp(got, taken, (size_t)size) == 0);
	hark_conn_skip(conn, least / 2);
	taken += least / 2;
}

static void read_some(struct hark_conn *conn, size_t size)
{
	char mine[256];
	ssize_t got = hark_conn_read(conn, mine, size % sizeof(mine));

	check_taken(mine, got);
}

static void receive(struct hark_conn *conn)
{
	const void *got;
	ssize_t size = hark_conn_receive(conn, &got);

	check_taken(got, size);
}

static void call(struct hark_conn *conn, uint8_t what)
{
	size_t size = (size_t)(what >> 3) * 3;

	piece = 1 + (size_t)(what >> 2) % 13;
	switch (what & 7) {
	case 0:
	case 1:
		read_line(conn, size);
		break;
	case 2:
	case 3:
		read_until(conn, what >> 4, size);
		break;
	case 4:
		peek(conn, size);
		break;
	case 5:
		read_some(conn, size);
		break;
	case 6:
		receive(conn);
		break;
	default:
		piece = HARK_CONN_BUFFER_BYTES;
		read_line(conn, 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hark__board board;
	static struct hark_server server = {.board = &board};
	static struct hark__worker worker = {.server = &server};
	char buffer[HARK_CONN_BUFFER_BYTES + 1];
	struct hark_conn conn = {.fd = -1,
		.worker = &worker,
		.ops = &ops,
		.buffer = buffer,
		.read_timeout_ms = -1,
		.deadline = HARK__NEVER,
		.try_first = true};
	size_t calls;

	if (size == 0 || (calls = data[0]) + 1 > size)
		return 0;
	stream = taken = data + 1 + calls;
	left = size - 1 - calls;
	for (size_t i = 0; i < calls; i++)
		call(&conn, data[1 + i]);
	MUST(taken + hark_conn_ahead(&conn) == stream);
	return 0;
}
