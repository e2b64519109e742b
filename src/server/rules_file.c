/* SPDX-License-Identifier: MIT
 *
 * The file of rules, as a whole, into memory (rules.h).
 * Not here: what its lines mean (rules.c).
 *
 * Floor 4.  A file that is no file is refused and not waited for: opening a FIFO blocks
 * until somebody writes to it, and a server that reads its rules again would stand still.
 */
#include "server/rules.h"

#include "base/error.h"
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

struct contents {
	char *bytes;
	size_t length;
	size_t room;
};

static int fail(const char *path, int code, enum hark_cause cause, long long limit,
	struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_RULES, .code = code, .cause = cause,
		.limit = limit, .subject = path);
}

static int check_kind(int fd, const char *path, struct hark_error *err)
{
	struct sys_file file;
	int code = sys_fstat(fd, &file);

	if (code < 0)
		return fail(path, code, HARK_CAUSE_NONE, 0, err);
	if (S_ISDIR(file.mode))
		return fail(path, -EISDIR, HARK_CAUSE_NOT_A_FILE, 0, err);
	if (!S_ISREG(file.mode))
		return fail(path, -EINVAL, HARK_CAUSE_NOT_A_FILE, 0, err);
	return 0;
}

/* One byte more than may be there shows that there is too much. */
static int make_room(struct contents *contents)
{
	enum { AT_FIRST = 16 << 10, MOST = HARK__RULES_FILE_BYTES + 1 };
	size_t room = contents->room ? 2 * contents->room : AT_FIRST;
	char *bytes;

	if (contents->length < contents->room)
		return 0;
	if (room > MOST)
		room = MOST;
	bytes = realloc(contents->bytes, room);
	if (!bytes)
		return -ENOMEM;
	contents->bytes = bytes;
	contents->room = room;
	return 0;
}

/* 1: there may be more; 0: the end. */
static int read_more(int fd, struct contents *contents)
{
	int code = make_room(contents);
	ssize_t n;

	if (code < 0)
		return code;
	do
		n = sys_read(fd, contents->bytes + contents->length,
			contents->room - contents->length);
	while (n == -EINTR);
	if (n <= 0)
		return (int)n;
	contents->length += (size_t)n;
	return 1;
}

/* To its end, wherever that is: a size that was asked for may be another by now. */
static int read_all(
	int fd, struct contents *contents, const char *path, struct hark_error *err)
{
	int code;

	do
		code = read_more(fd, contents);
	while (code > 0 && contents->length <= HARK__RULES_FILE_BYTES);
	if (code < 0)
		return fail(path, code, HARK_CAUSE_NONE, 0, err);
	if (contents->length > HARK__RULES_FILE_BYTES)
		return fail(path, -EFBIG, HARK_CAUSE_FILE_TOO_LONG,
			HARK__RULES_FILE_BYTES, err);
	return 0;
}

int hark__rules_read(
	struct hark__rules **rules, const char *path, struct hark_error *err)
{
	struct contents contents = {0};
	int fd, code;

	fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(path, fd, HARK_CAUSE_NONE, 0, err);
	code = check_kind(fd, path, err);
	if (code < 0)
		goto close_file;
	code = read_all(fd, &contents, path, err);
	if (code == 0)
		code = hark__rules_parse(
			rules, path, contents.bytes, contents.length, err);
	free(contents.bytes);

close_file:
	(void)sys_close(fd); /* only read: nothing can be lost */
	return code;
}
