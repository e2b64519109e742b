/* SPDX-License-Identifier: MIT
 *
 * Asking a socket about itself, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_INSPECT_H
#define HARK_SOCKET_INSPECT_H

#include <hark.h>
#include <netinet/tcp.h>

/* Negative errno, or 0 and the address. */
int hark__local_addr(int fd, struct hark_addr *addr);

/* An option of type int: its value in *value; negative errno. */
int hark__get_int(int fd, int level, int number, int *value);

/* TCP_INFO as far as hark reads it; -EOPNOTSUPP where less is told. */
int hark__tcp_info(int fd, struct tcp_info *info);

/* 1, 0 or negative errno: SO_ACCEPTCONN. */
int hark__is_listening(int fd);

/*
 * A length from the kernel: of a Unix path that fills sun_path to its end it tells one byte
 * more than it took, and takes.
 */
uint32_t hark__addr_length(socklen_t length);

#endif
