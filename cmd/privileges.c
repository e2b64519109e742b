/* SPDX-License-Identifier: MIT
 *
 * Giving up privileges; see privileges.h.
 *
 * The order matters: the root first, which takes a privilege; then groups, which the user
 * may not change any more; the user last.
 */
#include "privileges.h"

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number as it is, but for the one that means "leave it" to the kernel. */
static bool read_id(const char *text, unsigned *id)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long number;

	if (digits == 0 || digits > 10 || text[digits])
		return false;
	number = strtoull(text, NULL, 10);
	if (number >= 0xffffffffULL)
		return false;
	*id = (unsigned)number;
	return true;
}

static int refuse(const char *what, const char *name, int code)
{
	char advice[128];

	if (code < 0) {
		(void)snprintf(advice, sizeof(advice),
			"the database could not be read (%s)", hark_errno_name(code));
		complain_of(what, name, advice);
		return EXIT_LATER;
	}
	complain_of(what, name, "'getent' lists who there is; a number needs no name");
	return EXIT_USAGE;
}

static int find_group(const char *name, gid_t *gid)
{
	int found = os_group(name, gid);
	unsigned number;

	if (found > 0)
		return 0;
	if (found == 0 && read_id(name, &number)) {
		*gid = number;
		return 0;
	}
	return refuse("unknown group", name, found);
}

/* A number that is nobody's takes its own value as its group, and has no name. */
static int find_user_of(
	struct os_identity *identity, uid_t uid, char *name, size_t size)
{
	char number[16];
	int found = os_user_of(uid, name, size, &identity->gid);

	identity->uid = uid;
	if (found > 0)
		return 0;
	if (found == 0) {
		identity->gid = uid;
		name[0] = '\0';
		return 0;
	}
	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
	return refuse("unknown user", number, found);
}

static int find_user(
	struct os_identity *identity, const char *text, char *name, size_t size)
{
	int found = os_user(text, &identity->uid, &identity->gid);
	unsigned number;

	if (found == 0 && read_id(text, &number))
		return find_user_of(identity, number, name, size);
	if (found <= 0)
		return refuse("unknown user", text, found);
	(void)snprintf(name, size, "%s", text); /* it was found whole */
	return 0;
}

/* Those of the database, and the group that was chosen. */
static int find_groups_of(struct os_identity *identity, const char *name)
{
	int count = os_groups_of(name, identity->gid, identity->groups, OS_GROUPS_MAX);

	if (count == -E2BIG) {
		complain_of("too many groups has user", name,
			"256 are the most; --groups names those that are needed");
		return EXIT_USAGE;
	}
	if (count < 0)
		return refuse("cannot find the groups of user", name, count);
	identity->group_count = count;
	return 0;
}

/* "a,b,c" */
static int find_groups(struct os_identity *identity, const char *list)
{
	char name[64];
	int failed = 0;

	identity->group_count = 0;
	while (*list && !failed) {
		size_t length = strcspn(list, ",");

		if (length >= sizeof(name) || identity->group_count == OS_GROUPS_MAX) {
			complain_of("cannot have the groups", list,
				"a name is at most 63 bytes, and 256 are the most");
			return EXIT_USAGE;
		}
		memcpy(name, list, length);
		name[length] = '\0';
		failed = find_group(name, &identity->groups[identity->group_count++]);
		list += length + (list[length] == ',');
	}
	return failed;
}

int privileges_find(struct privileges *privileges, const struct serve_options *options)
{
	struct os_identity *identity = &privileges->identity;
	char name[256] = "";
	int failed = 0;

	*privileges = (struct privileges){.root = options->chroot,
		.user = options->user,
		.names_groups = options->groups != NULL,
		.changes_group = options->user || options->group || options->groups};
	identity->gid = os_gid();
	if (options->user)
		failed = find_user(identity, options->user, name, sizeof(name));
	if (!failed && options->group)
		failed = find_group(options->group, &identity->gid);
	if (!failed && options->groups)
		failed = find_groups(identity, options->groups);
	else if (!failed && name[0])
		failed = find_groups_of(identity, name);
	return failed;
}

/* ------------------------------------------------------------------------------- drop */

static const char *reason(int code)
{
	return code == -EPERM     ? "only root may, or who has the capability"
	       : code == -ENOENT  ? "it does not exist"
	       : code == -ENOTDIR ? "it is no directory"
	       : code == -EACCES  ? "this user may not go there"
				  : "the system refused";
}

static int refuse_drop(const char *what, const char *word, int code)
{
	char advice[128];

	(void)snprintf(
		advice, sizeof(advice), "%s (%s)", reason(code), hark_errno_name(code));
	complain_of(what, word, advice);
	return EXIT_USAGE;
}

/* Who was asked for is told, whichever of the calls it is that fails. */
static int refuse_identity(const struct privileges *privileges, int code)
{
	char number[16];

	(void)snprintf(
		number, sizeof(number), "%u", (unsigned)privileges->identity.gid);
	if (privileges->user)
		return refuse_drop("cannot become user", privileges->user, code);
	return refuse_drop("cannot become group", number, code);
}

/* With setresuid(2) the saved identity goes too, so this cannot be; but it would be bad. */
static int refuse_root_again(void)
{
	complain("privileges could be had again after they were given up; this system "
		 "is odd, and it is safer to end");
	return EXIT_USAGE;
}

static int change_identity(const struct privileges *privileges)
{
	const struct os_identity *identity = &privileges->identity;
	int done = os_set_groups(identity->groups, (size_t)identity->group_count);

	if (done == 0)
		done = os_set_gid(identity->gid);
	if (done == 0 && privileges->user)
		done = os_set_uid(identity->uid);
	if (done < 0)
		return refuse_identity(privileges, done);
	if (privileges->user && identity->uid != 0 && os_set_uid(0) == 0)
		return refuse_root_again();
	return 0;
}

/* Who asks for what is so already need not be root. */
static bool is_so_already(const struct privileges *privileges)
{
	const struct os_identity *identity = &privileges->identity;

	if (!privileges->user || identity->uid == 0 || identity->uid != os_uid() ||
		identity->gid != os_gid())
		return false;
	return !privileges->names_groups ||
	       os_has_groups(identity->groups, (size_t)identity->group_count);
}

int privileges_drop(const struct privileges *privileges)
{
	int done = privileges->root ? os_chroot(privileges->root) : 0;

	if (done < 0)
		return refuse_drop("cannot change the root to", privileges->root, done);
	if (!privileges->changes_group || is_so_already(privileges))
		return 0;
	return change_identity(privileges);
}
