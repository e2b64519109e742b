/* SPDX-License-Identifier: MIT
 *
 * What the kernel's sock_diag(7) tells of listeners: handshakes in progress, which no option
 * of the socket does, and who else listens on the port.  Floor 2.
 */
#ifndef HARK_SOCKET_DIAG_H
#define HARK_SOCKET_DIAG_H

#include <hark.h>

/* A netlink socket for the questions below, or a negative errno: a sandbox may refuse it. */
int hark__diag_open(void);

/* One connection or listener: `peer` is its other side (of listeners all zero). */
typedef void hark__diag_entry(uint64_t inode, uint32_t peer, void *ctx);

/*
 * Each takes the descriptor, or the error that was had in its stead, and returns that.
 *
 * Handshakes in progress (SYN_RECV) with a listener at that address, told one by one, each
 * by a number that stands for its client; how many.  IPv4 clients of a dual-stack listener
 * are among them.  It walks the kernel's table of connections: some 100 us.
 */
int hark__diag_half_open(
	int diag_fd, const struct hark_addr *local, hark__diag_entry *entry, void *ctx);

/* Listeners at exactly that address, of whatever process, by their inodes. */
int hark__diag_listeners(
	int diag_fd, const struct hark_addr *local, hark__diag_entry *entry, void *ctx);

#endif
