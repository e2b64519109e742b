/*
 * The fault sweep: Unix listeners, whose path must not stay behind, and must not be taken
 * from somebody else, whatever fails.
 */
#include "sweep_scenarios.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static struct hark_listener listener;
static struct hark_addr address;
static char text[128]; /* "unix:PATH" */
static int live_fd;

static const char *path(void)
{
	return text + strlen("unix:");
}

static void none_unix(void)
{
	(void)snprintf(text, sizeof(text), "unix:%s/s", temp_directory());
	memset(&listener, 0, sizeof(listener));
	live_fd = -1;
	CHECK_OK(hark_addr_parse(&address, text, NULL));
}

static long long open_it(struct hark_error *err)
{
	return CALLED(hark_listener_open)(&listener, &address, NULL, err);
}

static void clean(void)
{
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	(void)unlink(path()); /* the stale one, and what a failed clean-up left */
	if (live_fd >= 0)
		net_close(live_fd);
}

static void check_open(long long result)
{
	CHECK_INT(
		listener.origin, ==, result < 0 ? HARK_ORIGIN_NONE : HARK_ORIGIN_MADE);
	CHECK_INT(listener.unix_inode != 0, ==, result >= 0);
	if (result >= 0)
		CHECK_SYS(access(path(), F_OK));
}

#define OPENS_UNIX                                                                \
	(REACHES(SOCKET) | REACHES(BIND) | REACHES(GETSOCKNAME) |                 \
		REACHES(GETSOCKOPT) | REACHES(GETFL) | REACHES(LISTEN) |          \
		REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE) | REACHES(FLOCK) | \
		REACHES(FSTAT))

/*
 * TCP_INFO means nothing here. The first open is the directory's, for the lock, the second
 * the path's, the third a sysctl's.
 */
#define OPENS_WITHOUT                                                     \
	{HARK__CALL_GETSOCKOPT, ANY, 2, 0}, {HARK__CALL_OPEN, ANY, 3, 0}, \
		{HARK__CALL_READ, ANY, 1, 0},                             \
	{                                                                 \
		HARK__CALL_CLOSE, ANY, 0, 0                               \
	}

/* A directory that cannot be locked: no stale path would be replaced. */
#define OPENS_UNLOCKED                                                   \
	{HARK__CALL_OPEN, EACCES, 1, 0}, {HARK__CALL_OPEN, EPERM, 1, 0}, \
	{                                                                \
		HARK__CALL_FLOCK, ANY, 0, 0                              \
	}

const struct scenario sweep_open_unix = {
	.prepare = none_unix,
	.body = open_it,
	.check = check_open,
	.clean = clean,
	.reaches = OPENS_UNIX,
	.exceptions =
		{
			/* somebody removed the file before we looked at it */
			{HARK__CALL_BIND, EADDRINUSE, 1, 0},
			OPENS_UNLOCKED,
			OPENS_WITHOUT,
		},
};

static void none_abstract(void)
{
	none_unix();
	(void)snprintf(text, sizeof(text), "unix:@%s/abstract", temp_directory());
	CHECK_OK(hark_addr_parse(&address, text, NULL));
}

static void check_open_abstract(long long result)
{
	CHECK_INT(
		listener.origin, ==, result < 0 ? HARK_ORIGIN_NONE : HARK_ORIGIN_MADE);
}

const struct scenario sweep_open_abstract = {
	.prepare = none_abstract,
	.body = open_it,
	.check = check_open_abstract,
	.clean = clean,
	.reaches = REACHES(SOCKET) | REACHES(BIND) | REACHES(GETSOCKNAME) |
		   REACHES(GETSOCKOPT) | REACHES(GETFL) | REACHES(LISTEN) |
		   REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_GETSOCKOPT, ANY, 2, 0},
			{HARK__CALL_OPEN, ANY, 1, 0},
			{HARK__CALL_READ, ANY, 1, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
		},
};

/* --------------------------------------------------------------------- stale and live */

static void stale_path(void)
{
	int fd;

	none_unix();
	fd = net_listen(net_unix(path()), 1);
	net_close(fd);
}

/*
 * B3: replaced only when connecting to it is refused, and under the lock. If it is found
 * gone in between, bind is tried again, and here it is not gone.
 */
const struct scenario sweep_open_stale = {
	.prepare = stale_path,
	.body = open_it,
	.check = check_open,
	.clean = clean,
	.reaches = OPENS_UNIX | REACHES(CONNECT) | REACHES(LSTAT) | REACHES(UNLINK),
	.exceptions =
		{
			{HARK__CALL_OPEN, EACCES, 1, -EADDRINUSE},
			{HARK__CALL_OPEN, EPERM, 1, -EADDRINUSE},
			{HARK__CALL_FLOCK, EWOULDBLOCK, 1, 0},
			{HARK__CALL_FLOCK, EINTR, 1, 0},
			{HARK__CALL_FLOCK, ANY, 1, -EADDRINUSE},
			{HARK__CALL_FLOCK, ANY, 2, 0}, /* given back, by close too */
			{HARK__CALL_CONNECT, ECONNREFUSED, 1, 0},
			{HARK__CALL_CONNECT, ANY, 1, -EADDRINUSE},
			{HARK__CALL_BIND, EADDRINUSE, 1, 0},
			{HARK__CALL_LSTAT, ENOENT, 1, -EADDRINUSE},
			{HARK__CALL_LSTAT, ENOENT, 2, -EADDRINUSE},
			{HARK__CALL_UNLINK, ENOENT, 1, -EADDRINUSE},
			OPENS_WITHOUT,
		},
};

static ino_t live_inode;

static void live_path(void)
{
	struct stat st;

	none_unix();
	live_fd = net_listen(net_unix(path()), 100);
	CHECK_SYS(stat(path(), &st));
	live_inode = st.st_ino;
}

/* Whatever fails: it is there, and the server can be reached. */
static void check_live(long long result)
{
	struct stat st;

	CHECK_INT(result, <, 0);
	CHECK_SYS(stat(path(), &st));
	CHECK_INT(st.st_ino, ==, live_inode);
	net_close(net_connect(net_unix(path())));
}

/* ECONNREFUSED is the one thing that would make it a stale path: not injected here. */
const struct scenario sweep_open_live = {
	.prepare = live_path,
	.body = open_it,
	.check = check_live,
	.clean = clean,
	.reaches = REACHES(SOCKET) | REACHES(BIND) | REACHES(OPEN) | REACHES(FLOCK) |
		   REACHES(LSTAT) | REACHES(CONNECT) | REACHES(CLOSE),
	.given = {HARK__CALL_CONNECT, EAGAIN, 1, 0},
	.expects = -EADDRINUSE,
};

/* --------------------------------------------------------------------- mode and owner */

static mode_t old_umask;

/* So that bind takes bits off the mode, which have to be given back. */
static void none_unix_umask(void)
{
	none_unix();
	old_umask = umask(077);
}

static void clean_umask(void)
{
	(void)umask(old_umask);
	clean();
}

static long long open_owned(struct hark_error *err)
{
	struct hark_listen_options options = {
		.unix_mode = 0660,
		.unix_chown = HARK_ON,
		.unix_uid = getuid(),
		.unix_gid = getgid(),
	};

	return CALLED(hark_listener_open)(&listener, &address, &options, err);
}

static void check_owned(long long result)
{
	struct stat st;

	check_open(result);
	if (result < 0)
		return;
	CHECK_SYS(stat(path(), &st));
	CHECK_INT(st.st_mode & 07777, ==, 0660);
}

const struct scenario sweep_open_owned = {
	.prepare = none_unix_umask,
	.body = open_owned,
	.check = check_owned,
	.clean = clean_umask,
	.reaches = OPENS_UNIX | REACHES(FCHMOD) | REACHES(CHMOD) | REACHES(CHOWN),
	.exceptions =
		{
			{HARK__CALL_BIND, EADDRINUSE, 1, 0},
			OPENS_UNLOCKED,
			OPENS_WITHOUT,
		},
};

/* The lock is somebody else's at first. */
const struct scenario sweep_open_locked = {
	.prepare = none_unix,
	.body = open_it,
	.check = check_open,
	.clean = clean,
	.reaches = OPENS_UNIX | REACHES(POLL),
	.sweeps = REACHES(POLL) | REACHES(FLOCK),
	.exceptions =
		{
			{HARK__CALL_POLL, ANY, 1, 0}, /* a pause that is shorter */
			{HARK__CALL_FLOCK, ANY, 0, 0},
		},
	.given = {HARK__CALL_FLOCK, EWOULDBLOCK, 1, 0},
};

/* Bound, and its path made, when listen fails: both have to go. */
const struct scenario sweep_open_unix_refused = {
	.prepare = none_unix_umask,
	.body = open_owned,
	.check = check_open,
	.clean = clean_umask,
	.reaches = REACHES(SOCKET) | REACHES(BIND) | REACHES(GETSOCKNAME) |
		   REACHES(GETSOCKOPT) | REACHES(GETFL) | REACHES(LISTEN) |
		   REACHES(OPEN) | REACHES(CLOSE) | REACHES(FLOCK) | REACHES(FSTAT) |
		   REACHES(LSTAT) | REACHES(UNLINK) | REACHES(FCHMOD) | REACHES(CHMOD) |
		   REACHES(CHOWN),
	.given = {HARK__CALL_LISTEN, ENOBUFS, 1, 0},
	.expects = -ENOBUFS,
	.may_leave_file = true, /* when it cannot be removed */
};

/* ----------------------------------------------------------------------------- close */

static void own_listener(void)
{
	none_unix();
	CHECK_OK(hark_listener_open(&listener, &address, NULL, NULL));
}

static long long close_it(struct hark_error *err)
{
	return CALLED(hark_listener_close_now)(&listener, err);
}

static void check_closed(long long result)
{
	bool gone = access(path(), F_OK) < 0;

	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	if (result >= 0 && sweep_injected() == 0)
		CHECK(gone);
}

/* A file that somebody else removed is no failure. */
const struct scenario sweep_close_now_unix = {
	.prepare = own_listener,
	.body = close_it,
	.check = check_closed,
	.clean = clean,
	.reaches = REACHES(OPEN) | REACHES(FLOCK) | REACHES(LSTAT) | REACHES(UNLINK) |
		   REACHES(CLOSE),
	.exceptions =
		{
			{HARK__CALL_OPEN, ANY, 1, 0}, /* without the lock then */
			{HARK__CALL_FLOCK, ANY, 0, 0},
			{HARK__CALL_CLOSE, ANY, 1, 0},
			{HARK__CALL_LSTAT, ENOENT, 1, 0},
			{HARK__CALL_UNLINK, ENOENT, 1, 0},
			{HARK__CALL_CLOSE, EINTR, 2, 0},
		},
	.releases = true,
};

/* --------------------------------------------------------------------------- wrapper */

static long long serve(struct hark_error *err)
{
	return CALLED(hark_unix_server)(&listener, text, NULL, err);
}

const struct scenario sweep_unix_server = {
	.prepare = none_unix,
	.body = serve,
	.check = check_open,
	.clean = clean,
	.reaches = OPENS_UNIX,
	.exceptions =
		{
			{HARK__CALL_BIND, EADDRINUSE, 1, 0},
			OPENS_UNLOCKED,
			OPENS_WITHOUT,
		},
};
