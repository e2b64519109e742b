/* SPDX-License-Identifier: MIT
 *
 * Listen, inside the library.  Floor 2.
 */
#ifndef HARK_SOCKET_LISTEN_H
#define HARK_SOCKET_LISTEN_H

#include <hark.h>

/* Sets O_NONBLOCK if it is not set; negative errno. */
int hark__set_nonblocking(int fd);

/* What became of a request on a listening socket; effective -1 where it is unknown. */
struct hark_backlog hark__backlog(int fd, int requested);

#endif
