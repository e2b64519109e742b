/*
 * The fault sweep: passing listeners.
 */
#include "sweep_scenarios.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "net.h"

static int way[2];
static struct hark_listener listener, passed;

static void have_way(void)
{
	struct hark_addr addr;

	CHECK_OK(hark_addr_parse(&addr, "127.0.0.1:0", NULL));
	CHECK_OK(hark_listener_open(&listener, &addr, NULL, NULL));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, way));
	memset(&passed, 0, sizeof(passed));
}

static void close_way(void)
{
	CHECK_OK(hark_listener_close_now(&passed, NULL));
	CHECK_OK(hark_listener_close_now(&listener, NULL));
	net_close(way[0]);
	net_close(way[1]);
}

static long long send_it(struct hark_error *err)
{
	return CALLED(hark_listener_send)(way[0], &listener, "name", 5000, err);
}

#define AGAIN(call)                            \
	{HARK__CALL_##call, EAGAIN, 0, 0},     \
	{                                      \
		HARK__CALL_##call, EINTR, 0, 0 \
	}

const struct scenario sweep_listener_send = {
	.prepare = have_way,
	.body = send_it,
	.clean = close_way,
	.reaches = REACHES(GETSOCKNAME) | REACHES(SENDMSG),
	.exceptions = {AGAIN(SENDMSG)},
};

static void one_is_there(void)
{
	have_way();
	CHECK_OK(hark_listener_send(way[0], &listener, "name", 5000, NULL));
}

static long long receive(struct hark_error *err)
{
	char name[16];

	return CALLED(hark_listener_receive)(
		way[1], &passed, name, sizeof(name), 5000, err);
}

/* On failure nothing stays open: a message is used up. */
static void check_passed(long long result)
{
	CHECK_INT(
		passed.origin, ==, result < 0 ? HARK_ORIGIN_NONE : HARK_ORIGIN_ADOPTED);
}

#define TAKES                                                            \
	(REACHES(GETSOCKNAME) | REACHES(RECVMSG) | REACHES(GETSOCKOPT) | \
		REACHES(SETSOCKOPT) | REACHES(GETFL) | REACHES(SETFD) |  \
		REACHES(OPEN) | REACHES(READ) | REACHES(CLOSE))
/* As in sweep_adopt. */
#define TAKES_WITHOUT                                                             \
	{HARK__CALL_GETSOCKOPT, ANY, 3, 0}, {HARK__CALL_GETSOCKOPT, ANY, 4, 0},   \
		{HARK__CALL_GETSOCKOPT, ANY, 5, 0}, {HARK__CALL_OPEN, ANY, 1, 0}, \
		{HARK__CALL_READ, ANY, 1, 0}, {HARK__CALL_CLOSE, ANY, 0, 0},      \
		{HARK__CALL_SETSOCKOPT, ENOPROTOOPT, 0, 0},                       \
		{HARK__CALL_SETSOCKOPT, EOPNOTSUPP, 0, 0},                        \
		{HARK__CALL_SETSOCKOPT, ENOENT, 0, 0},                            \
	{                                                                         \
		HARK__CALL_SETSOCKOPT, ANY, 7, 0                                  \
	}

const struct scenario sweep_listener_receive = {
	.prepare = one_is_there,
	.body = receive,
	.check = check_passed,
	.clean = close_way,
	.reaches = TAKES,
	.exceptions = {TAKES_WITHOUT, AGAIN(RECVMSG)},
};

const struct scenario sweep_listener_receive_late = {
	.prepare = one_is_there,
	.body = receive,
	.check = check_passed,
	.clean = close_way,
	.reaches = TAKES | REACHES(POLL),
	.sweeps = REACHES(POLL) | REACHES(RECVMSG),
	.exceptions = {AGAIN(RECVMSG), {HARK__CALL_POLL, EINTR, 0, 0}},
	.given = {HARK__CALL_RECVMSG, EAGAIN, 1, 0},
};
