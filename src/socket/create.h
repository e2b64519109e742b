/* SPDX-License-Identifier: MIT
 *
 * Creating sockets, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_CREATE_H
#define HARK_SOCKET_CREATE_H

#include <hark.h>

/*
 * Moves a descriptor that fell on 0, 1 or 2 above them, so that no stray printf or perror
 * can write to it.  Returns the descriptor to use; on failure `fd` is closed.
 */
int hark__above_stdio(int fd);

/* socket(2) and open(2), close-on-exec and above standard error. */
int hark__socket_above(int family, int type);
int hark__open_above(const char *path, int flags);

/* The soft limit of open descriptors for an error that is about it, else 0. */
long long hark__descriptor_limit(int code);

/* IPv4, IPv6 or Unix. */
bool hark__known_family(int family);

#endif
