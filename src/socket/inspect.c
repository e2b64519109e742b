/* SPDX-License-Identifier: MIT
 *
 * What a socket says of itself: its address, its kind, its queue, how long a connection
 * waited.  Asked of the socket, never of /proc: it works in a chroot, and costs 100 ns.
 * The peer is never asked: a client may be gone, and accept has told its address.
 * Floor 2.
 */
#include "socket/inspect.h"

#include "base/error.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55 /* Linux 4.12 */
#endif

/* Of the array that SO_MEMINFO fills: linux/sock_diag.h, which not every libc has. */
enum { MEMINFO_DROPS = 8, MEMINFO_VARS = 9 };

uint32_t hark__addr_length(socklen_t length)
{
	const socklen_t longest = sizeof(struct sockaddr_un);

	return length < longest ? length : longest;
}

int hark__local_addr(int fd, struct hark_addr *addr)
{
	socklen_t length = sizeof(addr->u);
	int named;

	memset(addr, 0, sizeof(*addr));
	named = sys_getsockname(fd, &addr->u.any, &length);
	addr->length = named < 0 ? 0 : hark__addr_length(length);
	return named;
}

int hark_local_addr(int fd, struct hark_addr *addr, struct hark_error *err)
{
	struct hark_addr local;
	int named = hark__local_addr(fd, &local);

	if (named < 0)
		return HARK__FAIL(err, .step = HARK_STEP_INSPECT, .code = named);
	*addr = local;
	return 0;
}

int hark__get_int(int fd, int level, int number, int *value)
{
	socklen_t length = sizeof(*value);

	return sys_getsockopt(fd, level, number, value, &length);
}

/* Some emulators answer with less; zeros would be taken for the truth. */
int hark__tcp_info(int fd, struct tcp_info *info)
{
	const socklen_t needed = offsetof(struct tcp_info, tcpi_last_ack_sent);
	socklen_t length = sizeof(*info);
	int asked;

	memset(info, 0, sizeof(*info));
	asked = sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length);
	return asked == 0 && length < needed ? -EOPNOTSUPP : asked;
}

int hark__is_listening(int fd)
{
	int value = 0;
	int asked = hark__get_int(fd, SOL_SOCKET, SO_ACCEPTCONN, &value);

	return asked < 0 ? asked : value != 0;
}

/* Of a listener, tcpi_unacked is the queue's length and tcpi_sacked its backlog. */
static int read_queue(int fd, struct hark_queue *queue)
{
	uint32_t memory[MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);
	struct tcp_info info;
	int asked = hark__tcp_info(fd, &info);

	if (asked < 0)
		return asked;
	if (info.tcpi_state != TCP_LISTEN)
		return -EINVAL;
	asked = sys_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
	if (asked < 0)
		return asked;
	queue->length = info.tcpi_unacked;
	queue->backlog = info.tcpi_sacked;
	queue->drops = memory[MEMINFO_DROPS];
	return 0;
}

int hark_queue_read(
	int fd, struct hark_queue *queue, size_t size, struct hark_error *err)
{
	struct hark_queue now;
	int asked = read_queue(fd, &now);

	if (asked < 0)
		return HARK__FAIL(err, .step = HARK_STEP_INSPECT, .code = asked,
			.cause = asked == -EINVAL ? HARK_CAUSE_NOT_LISTENING
						  : HARK_CAUSE_NONE);
	memset(queue, 0, size); /* a newer caller's further fields */
	memcpy(queue, &now, size < sizeof(now) ? size : sizeof(now));
	return 0;
}

/*
 * tcpi_last_data_sent counts from the end of the handshake until the first write, and a
 * connection that was never written to has spent all that time in the queue.
 */
int hark_queue_wait_ms(int fd, struct hark_error *err)
{
	struct tcp_info info;
	int asked = hark__tcp_info(fd, &info);

	if (asked < 0)
		return HARK__FAIL(err, .step = HARK_STEP_INSPECT, .code = asked);
	return (int)(info.tcpi_last_data_sent & 0x7fffffff);
}
