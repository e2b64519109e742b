/* SPDX-License-Identifier: MIT
 *
 * What a predecessor has left to this process at a hot restart: listeners, each with the
 * text that it was opened by; the way to the predecessor; and ways by which the ends of
 * those before it are seen.  Descriptors keep their numbers; the environment tells:
 *
 *	HARK_HANDED_PID		for whom all of it is
 *	HARK_HANDED		for each listener FD:KIND:DEVICE:INODE:NAME, spaces between
 *	HARK_HANDED_LINK	a socket; the protocol is in server/link.h
 *	HARK_HANDED_ANCESTORS	sockets that have ended when their generation has
 *
 * KIND is m (made: it becomes ours) or s (somebody else's before: only ever shared); DEVICE
 * and INODE, hexadecimal, are the file of a Unix path, or 0; in NAME spaces, '%' and what
 * does not print is %XX.  Not here: who leaves it (server/heir.c).  Floor 2.
 */
#ifndef HARK_SOCKET_HANDED_H
#define HARK_SOCKET_HANDED_H

#include <hark.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { HARK__ANCESTORS_MAX = 16, HARK__HANDED_MAX = 64, HARK__HANDED_NAME_MAX = 513 };

/* The longest entry: names, where each byte may be three. */
enum { HARK__HANDED_TEXT_MAX = 64 + 3 * HARK__HANDED_NAME_MAX };

struct hark__handed_listener {
	int fd;
	bool made;
	_Atomic bool taken;
	uint64_t device, inode;
	char name[HARK__HANDED_NAME_MAX];
};

struct hark__handed {
	_Atomic bool claimed; /* by a server that says when it is ready */
	int link_fd;
	int ancestor[HARK__ANCESTORS_MAX];
	size_t ancestor_count;
	struct hark__handed_listener listener[HARK__HANDED_MAX];
	size_t count;
};

/*
 * The three variables' values; no ancestors may be NULL.  Numbers are above 2 and none is
 * there twice.  -EINVAL: *bad is the variable that makes no sense.
 */
int hark__handed_parse(struct hark__handed *handed, const char *listeners,
	const char *link, const char *ancestors, const char **bad);

/* One entry of HARK_HANDED; returns its length.  -E2BIG: the name is too long. */
int hark__handed_print(char text[HARK__HANDED_TEXT_MAX],
	const struct hark_listener *listener, const char *name);

/* What was left to this process, read once: 1; nothing: 0. */
int hark__handed(struct hark__handed **handed, struct hark_error *err);

/*
 * Listeners of that name that nobody has taken, at most `max`, each address once: so who
 * opens several at one address (SO_REUSEPORT) takes one each time.  They become listeners
 * of origin HARK_ORIGIN_HANDED_OVER, or INHERITED where they never will be ours.
 */
int hark__handed_take(struct hark__handed *handed, const char *name,
	struct hark_listener *listeners, size_t max, struct hark_error *err);

#endif
