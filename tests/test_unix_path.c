/* SPDX-License-Identifier: MIT
 *
 * The file of a Unix-domain listener: a stale one is replaced; a live one never, nor
 * what is no socket.  Not here: several starters (test_unix_starters.c), modes, owners
 * and permissions (test_unix_owner.c).
 */
#include "faults.h"
#include "paths.h"

#include <sys/wait.h>

/* -------------------------------------------------------------------- a path's life */

/* B3 */
TEST(life, "opening makes the path, clients get through, closing removes it")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct hark_error err, before;

	memset(&err, 0xa5, sizeof(err));
	before = err;
	CHECK_OK(open_at(&listener, path.at, NULL, &err));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_MADE);
	CHECK_INT(listener.owner, ==, getpid());
	CHECK_INT(listener.unix_inode, ==, inode_of(path.at));
	CHECK_INT(hark_addr_compare(&listener.addr, &(struct hark_addr){0}), !=, 0);
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, &err));
	CHECK(!exists(path.at));
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	CHECK_OK(hark_listener_close_now(&listener, &err)); /* twice is fine */
	CHECK_INT(memcmp(&err, &before, sizeof(err)), ==, 0);
}

/* B3 */
TEST(stale, "what a server left that died is replaced, listening or not")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;

	make_stale(path.at);
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	net_close(bound_socket(path.at, SOCK_STREAM));
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK(!exists(path.at));
}

/* B3 */
TEST(stale_after_kill, "so is the file of a hark listener whose process was killed")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	int status;
	pid_t child = fork();

	CHECK_SYS(child);
	if (child == 0)
		_exit(open_at(&listener, path.at, NULL, NULL) == 0 ? 0 : 1);
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK_INT(status, ==, 0);
	CHECK(exists(path.at));
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

static enum hark__call when;

/* A server that ends removes its path, and asks nobody. */
static int remove_it(enum hark__call call)
{
	if (call == when)
		(void)unlink(in_directory("socket").at); /* gone, at the latest */
	return 0;
}

/* B3 */
TEST(gone_meanwhile, "a path that vanishes while it is looked at is no obstacle")
{
	static const enum hark__call moments[] = {
		HARK__CALL_LSTAT, HARK__CALL_CONNECT, HARK__CALL_UNLINK};
	struct text path = in_directory("socket");

	for (size_t i = 0; i < COUNT(moments); i++) {
		struct hark_listener listener;

		make_stale(path.at);
		when = moments[i];
		hark__fault = remove_it;
		CHECK_OK(open_at(&listener, path.at, NULL, NULL));
		check_serves(&listener, path.at);
		hark__fault = NULL;
		CHECK_OK(hark_listener_close_now(&listener, NULL));
		CHECK(!exists(path.at));
	}
}

/* B3 */
TEST(live, "a live server's path is never replaced, and clients still reach it")
{
	struct text path = in_directory("socket");
	int server = net_listen(net_unix(path.at), 8), client, fd;

	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	fd = accept4(server, NULL, NULL, SOCK_CLOEXEC); /* the question, and no more */
	CHECK_SYS(fd);
	net_close(fd);
	client = net_connect(net_unix(path.at));
	fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	CHECK_SYS(fd);
	net_close(fd);
	net_close(client);
	net_close(server);
}

/* B3 */
TEST(live_of_ours, "nor is that of a hark listener, in this process or another")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;

	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3: connecting says EAGAIN then, and hark must not wait for room */
TEST(live_but_full, "a server whose queue is full is alive")
{
	struct text path = in_directory("socket");
	int server = net_listen(net_unix(path.at), 0);
	int client = net_connect(net_unix(path.at));

	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	net_close(client);
	net_close(server);
}

/* B3: connecting a stream to them says EPROTOTYPE */
TEST(live_of_other_type, "so is a socket of datagrams or packets")
{
	struct text path = in_directory("socket");
	int fd = bound_socket(path.at, SOCK_DGRAM);

	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	CHECK_SYS(unlink(path.at));
	net_close(fd);
	fd = bound_socket(path.at, SOCK_SEQPACKET);
	CHECK_SYS(listen(fd, 1));
	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_LIVE_SERVER);
	net_close(fd);
}

/* B3 */
TEST(no_socket,
	"what is no socket stays: a file, a directory, a pipe, any symbolic link")
{
	struct text file = in_directory("file"), directory = in_directory("directory");
	struct text fifo = in_directory("fifo"), link = in_directory("link");
	struct text stale = in_directory("stale"), live = in_directory("live");
	struct text nothing = in_directory("nothing");
	const char *const targets[] = {
		file.at, directory.at, stale.at, live.at, nothing.at};
	int server = net_listen(net_unix(live.at), 1);
	ino_t inode;

	make_file(file.at);
	make_stale(stale.at);
	CHECK_SYS(mkdir(directory.at, 0777));
	CHECK_SYS(mkfifo(fifo.at, 0666));
	check_stays(file.at, -EEXIST, HARK_CAUSE_NOT_A_SOCKET);
	check_stays(directory.at, -EEXIST, HARK_CAUSE_NOT_A_SOCKET);
	check_stays(fifo.at, -EEXIST, HARK_CAUSE_NOT_A_SOCKET);
	inode = inode_of(stale.at);
	for (size_t i = 0; i < COUNT(targets); i++) {
		CHECK_SYS(symlink(targets[i], link.at));
		check_stays(link.at, -EEXIST, HARK_CAUSE_NOT_A_SOCKET);
		CHECK_SYS(unlink(link.at));
	}
	CHECK_INT(inode_of(stale.at), ==, inode);
	CHECK(!exists(nothing.at));
	net_close(server);
}

/* B3 E1 */
TEST(no_directory, "a directory that is not there is told as it is")
{
	struct text path = in_directory("none/socket"), file = in_directory("file");
	struct text below = in_directory("file/socket");
	struct hark_listener listener;
	struct hark_error err;

	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -ENOENT);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	make_file(file.at);
	CHECK_ERR(open_at(&listener, below.at, NULL, &err), -ENOTDIR);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
}

/* B3 */
TEST(relative, "a path may be relative")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;

	CHECK_SYS(chdir(temp_directory()));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(open_at(&listener, i ? "./socket" : "socket", NULL, NULL));
		check_serves(&listener, path.at);
		CHECK_OK(hark_listener_close_now(&listener, NULL));
		CHECK(!exists(path.at));
		make_stale(path.at);
	}
	CHECK_OK(open_at(&listener, "socket", NULL, NULL));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3: the kernel takes a path that fills sun_path, without a NUL behind it */
TEST(longest, "a path may fill all of the room that there is")
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char name[sizeof(un.sun_path) + 1] = "";
	struct hark_listener listener;
	struct hark_addr addr;

	memset(name, 'x', sizeof(name) - 1);
	memcpy(un.sun_path, name, sizeof(un.sun_path));
	CHECK_SYS(chdir(temp_directory()));
	CHECK_OK(hark_addr_from_sockaddr(
		&addr, (const struct sockaddr *)&un, sizeof(un), NULL));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(hark_listener_open(&listener, &addr, NULL, NULL));
		CHECK(exists(name));
		CHECK_ERR(hark_listener_open(
				  &(struct hark_listener){0}, &addr, NULL, NULL),
			-EADDRINUSE);
		if (i == 0)
			net_close(listener.fd); /* left stale */
	}
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK(!exists(name));
}

/* ------------------------------------------------------------------- abstract names */

/* B3 A1 */
TEST(abstract, "an abstract name makes no file, and is free when its socket is closed")
{
	struct hark_listener listener, other;
	struct hark_error err;
	char name[64];

	(void)snprintf(name, sizeof(name), "@hark-path-%d", (int)getpid());
	CHECK_SYS(chdir(temp_directory()));
	for (int i = 0; i < 2; i++) {
		count_calls(HARK__CALL_UNLINK);
		CHECK_OK(open_at(&listener, name, NULL, NULL));
		CHECK_INT(listener.unix_inode, ==, 0);
		check_serves(&listener, name);
		CHECK(!exists(name));
		CHECK(!exists(name + 1));
		CHECK_ERR(open_at(&other, name, NULL, &err), -EADDRINUSE);
		CHECK_INT(err.step, ==, HARK_STEP_BIND);
		check_serves(&listener, name);
		CHECK_OK(hark_listener_close_now(&listener, NULL));
		CHECK_INT(calls_seen(), ==, 0);
	}
}

/* B3 C2: nothing is dropped in silence, and least of all a protection */
TEST(abstract_unprotected, "an abstract name has no mode and no owner, and says so")
{
	static const struct {
		struct hark_listen_options options;
		const char *name;
	} table[] = {{{.unix_mode = 0600}, "unix_mode"},
		{{.unix_chown = HARK_ON}, "unix_chown"}};
	struct hark_listener listener;
	struct hark_error err;
	char name[64];

	(void)snprintf(name, sizeof(name), "@hark-path-%d", (int)getpid());
	for (size_t i = 0; i < COUNT(table); i++) {
		CHECK_ERR(
			open_at(&listener, name, &table[i].options, &err), -EOPNOTSUPP);
		CHECK_INT(err.step, ==, HARK_STEP_OPTION);
		CHECK_STR(err.option, table[i].name);
		CHECK_INT(hark_addr_family(&err.addr), ==, AF_UNIX);
		CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	}
}
