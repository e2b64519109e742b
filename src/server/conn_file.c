/* SPDX-License-Identifier: MIT
 *
 * A file to a connection, without a copy in this process.  Floor 4.
 */
#include "server/conn.h"
#include "sys/sys.h"

#include <errno.h>

/* So that a cut or a deadline is seen in between. */
enum { AT_ONCE = 1 << 20 };

/* sendfile(2) cannot be told not to wait: then not for long. */
static int wait_a_moment(struct hark_conn *conn)
{
	int set = hark__set_moment(conn->fd, SO_SNDTIMEO, HARK__CONN_PATIENCE_MS);

	return set < 0 ? (int)hark__conn_fail(conn, HARK_STEP_OPTION, set) : 0;
}

static int send_some(struct hark_conn *conn, int fd, int64_t *offset, uint64_t *left)
{
	size_t bytes = *left < AT_ONCE ? (size_t)*left : AT_ONCE;
	int ready = hark__conn_await(conn, POLLOUT, conn->write_timeout_ms);
	ssize_t sent;

	if (ready < 0)
		return ready;
	sent = sys_sendfile(conn->fd, fd, *offset, bytes);
	if (sent == -EAGAIN || sent == -EINTR)
		return 0;
	if (sent < 0)
		return (int)hark__conn_fail(conn, HARK_STEP_WRITE, sent);
	if (sent == 0)
		return -ENODATA;
	*offset += sent;
	*left -= (uint64_t)sent;
	conn->bytes_out += (uint64_t)sent;
	return 0;
}

int hark_conn_send_file(struct hark_conn *conn, int fd, int64_t offset, uint64_t size)
{
	int done = hark__conn_over(conn);

	if (done == 0 && size > 0)
		done = wait_a_moment(conn);
	while (done == 0 && size > 0)
		done = send_some(conn, fd, &offset, &size);
	return done;
}
