/* SPDX-License-Identifier: MIT
 *
 * Files of Unix sockets in a directory of the test's own, and hark's listeners there.
 */
#ifndef TESTS_PATHS_H
#define TESTS_PATHS_H

#include "harness.h"
#include "net.h"
#include "sandbox.h"

#include <hark.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NOBODY = 65534 };

struct text {
	char at[108];
};

static inline struct text in_directory(const char *name)
{
	struct text path;
	int length =
		snprintf(path.at, sizeof(path.at), "%s/%s", temp_directory(), name);

	CHECK_INT(length, <, (int)sizeof(path.at));
	return path;
}

static inline ino_t inode_of(const char *path)
{
	struct stat st;

	CHECK_SYS(lstat(path, &st));
	return st.st_ino;
}

static inline mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK_SYS(lstat(path, &st));
	CHECK(S_ISSOCK(st.st_mode));
	return st.st_mode & 07777;
}

static inline bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline struct hark_addr addr_of(const char *path)
{
	struct hark_addr addr;
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s", path);
	CHECK_OK(hark_addr_parse(&addr, text, NULL));
	return addr;
}

static inline int open_at(struct hark_listener *listener, const char *path,
	const struct hark_listen_options *options, struct hark_error *err)
{
	struct hark_addr addr = addr_of(path);

	return hark_listener_open(listener, &addr, options, err);
}

static inline void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);

	CHECK_SYS(fd);
	net_close(fd);
}

/* A socket of that type, bound there and maybe listening, that is not hark's. */
static inline int bound_socket(const char *path, int type)
{
	struct net_addr addr = net_unix(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	CHECK_SYS(bind(fd, &addr.sa.any, addr.length));
	return fd;
}

/* What a server leaves behind that died. */
static inline void make_stale(const char *path)
{
	net_close(net_listen(net_unix(path), 1));
	CHECK(exists(path));
}

static inline void check_serves(const struct hark_listener *listener, const char *path)
{
	int client = net_connect(net_unix(path));
	int fd = hark_accept_try(listener->fd, NULL, NULL);

	CHECK_OK(fd);
	net_close(fd);
	net_close(client);
}

/* Why it could not be opened there, and that what is there stays. */
static inline void check_stays(const char *path, int code, enum hark_cause cause)
{
	struct hark_listener listener = {0};
	ino_t inode = inode_of(path);
	struct hark_addr addr = addr_of(path);
	struct hark_error err;

	memset(&err, 0xa5, sizeof(err));
	CHECK_ERR(open_at(&listener, path, NULL, &err), code);
	CHECK_INT(err.code, ==, code);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(err.cause, ==, cause);
	CHECK_INT(hark_addr_compare(&err.addr, &addr), ==, 0);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_INT(inode_of(path), ==, inode);
}

/* Gives up root, and the directory with it. */
static inline void be_nobody(void)
{
	if (geteuid() != 0)
		return;
	CHECK_SYS(chown(temp_directory(), NOBODY, NOBODY));
	become_nobody();
}

#endif
