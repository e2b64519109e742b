/* SPDX-License-Identifier: MIT
 *
 * Gates: ways to have a TCP listener take no new clients while those whose handshake is in
 * progress, or who wait in the queue, notice nothing.  A gate acts on the socket, and so on
 * every process that holds it.  Floor 2.
 *
 * Each returns 0 or a negative errno, and then has changed nothing.
 */
#ifndef HARK_SOCKET_GATES_H
#define HARK_SOCKET_GATES_H

#include <stdbool.h>

/*
 * Bound to an interface that does not exist: new clients get ECONNREFUSED at once.  Takes no
 * privilege (Linux 5.7); taking it back needs CAP_NET_RAW.  In a group of SO_REUSEPORT it
 * does not refuse unless all members are ghosts.
 */
int hark__ghost(int fd);
int hark__unghost(int fd);
int hark__may_unghost(void);

/*
 * A filter that drops what begins a handshake: new clients hear nothing, and try again after
 * a second.  Needs CAP_NET_ADMIN (newer kernels).  Connections that came meanwhile inherit
 * it: each is to be unfiltered.
 */
int hark__filter(int fd);
int hark__unfilter(int fd);

/* New clients of the SO_REUSEPORT group go to its nth member, in the order of listen(2). */
int hark__steer(int fd, unsigned member);
int hark__unsteer(int fd);

#endif
