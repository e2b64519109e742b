/* SPDX-License-Identifier: MIT
 *
 * The mode and the owner of a Unix-domain listener's path, and what happens where this
 * user may not do everything.
 */
#include "faults.h"
#include "paths.h"

/* ------------------------------------------------------------------- mode and owner */

static void check_mode(mode_t mask, mode_t asked, mode_t expected)
{
	struct hark_listen_options options = {.unix_mode = asked};
	struct text path = in_directory("socket");
	struct hark_listener listener;

	(void)umask(mask);
	CHECK_OK(open_at(&listener, path.at, &options, NULL));
	CHECK_INT(mode_of(path.at), ==, expected);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3 */
TEST(mode, "the mode is what was asked for, whatever the umask; by it, if nothing was")
{
	static const mode_t masks[] = {0, 022, 027, 077, 0777};
	static const mode_t modes[] = {0600, 0660, 0666, 0777, 0400};

	for (size_t i = 0; i < COUNT(masks); i++)
		for (size_t j = 0; j < COUNT(modes); j++)
			check_mode(masks[i], modes[j], modes[j]);
	check_mode(022, 0, 0755);
	check_mode(077, 0, 0700);
	check_mode(0, 0, 0777);
}

static struct text watched;
static int looked;

/* Before each call that hark makes, once the path is there. */
static int watch_mode(enum hark__call call)
{
	(void)call;
	if (exists(watched.at)) {
		CHECK_INT(mode_of(watched.at) & ~(mode_t)0600, ==, 0);
		looked++;
	}
	return 0;
}

/* B3: else whoever is quick could connect before the mode was set */
TEST(mode_from_birth, "the path is never more open than that, not for a moment")
{
	struct hark_listen_options options = {.unix_mode = 0600};
	struct hark_listener listener;

	watched = in_directory("socket");
	(void)umask(0);
	hark__fault = watch_mode;
	CHECK_OK(open_at(&listener, watched.at, &options, NULL));
	CHECK_INT(looked, >, 1);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

static void check_owner(uid_t uid, gid_t gid, uid_t expected_uid, gid_t expected_gid)
{
	struct hark_listen_options options = {
		.unix_chown = HARK_ON, .unix_uid = uid, .unix_gid = gid};
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct stat st;

	CHECK_OK(open_at(&listener, path.at, &options, NULL));
	CHECK_SYS(lstat(path.at, &st));
	CHECK_INT(st.st_uid, ==, expected_uid);
	CHECK_INT(st.st_gid, ==, expected_gid);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
}

/* B3 */
TEST(owner, "the owner is whom it was given to, and -1 leaves either half")
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	check_owner((uid_t)-1, (gid_t)-1, uid, gid);
	check_owner(uid, gid, uid, gid);
	REQUIRE(uid == 0, "needs root, to give files away");
	check_owner(NOBODY, (gid_t)-1, NOBODY, gid);
	check_owner((uid_t)-1, NOBODY, uid, NOBODY);
	check_owner(NOBODY, NOBODY, NOBODY, NOBODY);
}

/* B3: zero is root, so that the ids alone cannot mean anything */
TEST(owner_unsaid, "ids without the word for it change nothing")
{
	struct hark_listen_options options = {.unix_uid = 1, .unix_gid = 1};
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		CHECK_OK(open_at(&listener, path.at, &options, NULL));
		CHECK_SYS(lstat(path.at, &st));
		CHECK_INT(st.st_uid, ==, geteuid());
		CHECK_OK(hark_listener_close_now(&listener, NULL));
		options.unix_chown = HARK_OFF;
	}
}

/* B3 E1 */
TEST(owner_not_permitted, "who may not give it away gets an error by name, and no file")
{
	struct hark_listen_options options = {
		.unix_chown = HARK_ON, .unix_uid = 0, .unix_gid = 0};
	struct text path = in_directory("socket");
	struct hark_listener listener = {0};
	struct hark_error err;

	be_nobody();
	CHECK_ERR(open_at(&listener, path.at, &options, &err), -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_OPTION);
	CHECK_STR(err.option, "unix_chown");
	CHECK(!exists(path.at));
}

/* ---------------------------------------------------------------------- permissions */

/* B3 E1 */
TEST(unwritable, "in a directory that is not writable there is an error and no file")
{
	struct text path = in_directory("socket");
	struct hark_listener listener = {0};
	struct hark_error err;

	be_nobody();
	CHECK_SYS(chmod(temp_directory(), 0555));
	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -EACCES);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(err.code, ==, -EACCES);
	CHECK_INT(err.limit, ==, 0); /* no port, so no limit of ports */
	CHECK_SYS(chmod(temp_directory(), 0755));
	CHECK(!exists(path.at));
}

/* B3: "that we may remove" */
TEST(sticky, "another user's stale file in a sticky directory stays")
{
	struct text path = in_directory("socket");
	struct hark_listener listener = {0};
	struct hark_error err;

	REQUIRE(geteuid() == 0, "needs root, for a file of another user");
	CHECK_SYS(chmod(temp_directory(), 01777));
	make_stale(path.at);
	CHECK_SYS(chmod(path.at, 0777)); /* connecting is refused, not forbidden */
	become_nobody();
	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(err.code, ==, -EPERM);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_OURS);
	CHECK(exists(path.at));
}

/* B3: who may not connect cannot know, and must not guess */
TEST(not_for_us, "a path that we may not connect to stays")
{
	struct text path = in_directory("socket");

	be_nobody();
	make_stale(path.at);
	CHECK_SYS(chmod(path.at, 0));
	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_NOT_TO_US);
}

/* B3 E2: connecting takes the right to write, so this is what others find mostly */
TEST(not_for_others,
	"so does another user's in a sticky directory, and the line says why")
{
	struct text path = in_directory("socket");
	struct hark_listener listener = {0};
	char line[HARK_ERROR_TEXT_MAX];
	struct hark_error err;

	REQUIRE(geteuid() == 0, "needs root, for a file of another user");
	CHECK_SYS(chmod(temp_directory(), 01777));
	make_stale(path.at);
	CHECK_SYS(chmod(path.at, 0755));
	become_nobody();
	check_stays(path.at, -EADDRINUSE, HARK_CAUSE_NOT_TO_US);
	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -EADDRINUSE);
	(void)hark_error_text(&err, line, sizeof(line)); /* any length will do */
	CHECK_CONTAINS(line, "this user may not connect to");
	CHECK_CONTAINS(
		line, "(EADDRINUSE); remove it as its owner, or use another path");
}

/* B3: a lock needs the right to read, making a file only those to write and search */
TEST(unreadable, "in a directory that cannot be locked a path is made, never replaced")
{
	struct text path = in_directory("socket");
	struct hark_listener listener;
	struct hark_error err;
	ino_t inode;

	be_nobody();
	make_stale(path.at);
	inode = inode_of(path.at);
	CHECK_SYS(chmod(temp_directory(), 0333));
	CHECK_ERR(open_at(&listener, path.at, NULL, &err), -EADDRINUSE);
	CHECK_INT(err.step, ==, HARK_STEP_BIND);
	CHECK_INT(inode_of(path.at), ==, inode);
	CHECK_SYS(unlink(path.at));
	CHECK_OK(open_at(&listener, path.at, NULL, NULL));
	check_serves(&listener, path.at);
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	CHECK(!exists(path.at));
	CHECK_SYS(chmod(temp_directory(), 0755));
}

/* B3: it is there all the same, and never removed */
TEST(unreadable_no_socket, "what is no socket is told by name there, too")
{
	struct text path = in_directory("file");

	be_nobody();
	make_file(path.at);
	CHECK_SYS(chmod(temp_directory(), 0333));
	check_stays(path.at, -EEXIST, HARK_CAUSE_NOT_A_SOCKET);
	CHECK_SYS(chmod(temp_directory(), 0755));
}
