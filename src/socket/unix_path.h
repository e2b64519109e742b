/* SPDX-License-Identifier: MIT
 *
 * The file of a Unix-domain listener: binding it, taking over a stale one, removing our
 * own.  Floor 2.
 */
#ifndef HARK_SOCKET_UNIX_PATH_H
#define HARK_SOCKET_UNIX_PATH_H

#include <hark.h>

/* A path in the file system: neither abstract nor unnamed, nor another family. */
bool hark__is_unix_path(const struct hark_addr *addr);

/* Which file a path names. */
struct hark__path_identity {
	uint64_t device;
	uint64_t inode;
};

/*
 * Excludes other starters in the path's directory until the descriptor that is returned
 * is closed.  HARK__NO_LOCK: this directory cannot be locked, and nothing stale may be
 * replaced.  Other failures are recorded.
 */
#define HARK__NO_LOCK (-1)
int hark__path_lock(const struct hark_addr *addr, struct hark_error *err);
void hark__path_unlock(int lock);

/*
 * Binds fd to the path with the mode and owner of the options, replacing a stale socket
 * file if `lock` is held.  `identity`, zero before, tells which file was made; after a
 * failure it is the caller's to remove.
 */
int hark__path_bind(int fd, const struct hark_addr *addr, int lock,
	const struct hark_listen_options *options, struct hark__path_identity *identity,
	struct hark_error *err);

/* Removes the path if it is still that file; a lock keeps it from changing meanwhile. */
int hark__path_remove(
	const struct hark_addr *addr, const struct hark__path_identity *identity);

#endif
