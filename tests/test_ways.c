/* SPDX-License-Identifier: MIT
 *
 * Ways to stop listening, side by side: what each does to clients who wait in the queue, to
 * those half-way through the handshake, and to one who comes later.  The table of
 * hark_quiesce(3) is what these tests saw.
 */
#include "loopback.h"
#include "sandbox.h"
#include "wire.h"

#include <hark.h>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { SOON_MS = 200, LONG_MS = 5000, EACH = 100, ALL = 2 * EACH };
enum { FIRST_PORT = 2000, LATER_PORT = 3000 };

struct stage {
	int wire, family;
	struct hark_listener old, next; /* next: of a successor, or none */
	unsigned port;
	struct wire_client client[ALL]; /* in the queue, then half-way */
	int fd[ALL];                    /* of them, accepted and not answered; or -1 */
	bool quiesces;
	struct hark_quiesce quiesce;
};

/* -------------------------------------------------------------------------- the stage */

static struct hark_listener listen_on(int family, unsigned port)
{
	struct hark_listen_options shares = {.reuse_port = HARK_ON};
	const char *host = family == AF_INET ? WIRE_IPV4 : "[" WIRE_IPV6 "]";
	char text[64];

	(void)snprintf(text, sizeof(text), "%s:%u", host, port);
	return open_listener_with(text, &shares);
}

static struct stage set_stage(int family, bool overlaps)
{
	struct stage stage = {.wire = wire_open(), .family = family};

	stage.old = listen_on(family, 0);
	stage.port = (unsigned)hark_addr_port(&stage.old.addr);
	for (unsigned i = 0; i < ALL; i++) {
		stage.fd[i] = -1;
		stage.client[i] = (i < EACH ? wire_connect : wire_half_way)(
			stage.wire, family, FIRST_PORT + i, stage.port);
	}
	net_wait_queue(stage.old.fd, EACH);
	if (overlaps)
		stage.next = listen_on(family, stage.port);
	return stage;
}

static void strike(struct stage *stage)
{
	if (stage->old.origin != HARK_ORIGIN_NONE)
		close_listener(&stage->old);
	if (stage->next.origin != HARK_ORIGIN_NONE)
		close_listener(&stage->next);
	net_close(stage->wire);
}

static void keep(struct stage *stage, int fd, const struct hark_addr *peer)
{
	unsigned number = (unsigned)hark_addr_port(peer) - FIRST_PORT;

	CHECK_OK(fd);
	CHECK_INT(number, <, ALL);
	stage->fd[number] = fd;
}

static bool is_readable(int fd)
{
	struct pollfd fds = {fd, POLLIN, 0};

	return poll(&fds, 1, 0) == 1 && fds.revents == POLLIN;
}

static void accept_all(struct stage *stage, const struct hark_listener *listener)
{
	struct hark_addr peer;

	while (listener->origin != HARK_ORIGIN_NONE && is_readable(listener->fd)) {
		int fd = stage->quiesces && listener == &stage->old
				 ? hark_quiesce_accept(&stage->quiesce, &peer, 0, NULL)
				 : hark_accept_wait(
					   listener->fd, &peer, LONG_MS, 0, NULL);

		keep(stage, fd, &peer);
	}
}

static void answer(struct stage *stage, unsigned i)
{
	char heard;

	if (stage->fd[i] < 0)
		return;
	CHECK_INT(hark_read(stage->fd[i], &heard, 1, LONG_MS, NULL), ==, 1);
	CHECK_OK(hark_write(stage->fd[i], "y", 1, LONG_MS, NULL));
	net_close(stage->fd[i]);
	stage->fd[i] = -1;
}

/* Whether the client, which goes on now, gets its answer. */
static bool is_served(struct stage *stage, unsigned i)
{
	long long deadline = deadline_ms(LONG_MS);

	wire_complete(&stage->client[i], "x");
	while (left_ms(deadline) > 0) {
		int flags;

		accept_all(stage, &stage->old);
		accept_all(stage, &stage->next);
		answer(stage, i);
		flags = wire_hear(&stage->client[i], 1);
		if (flags & (WIRE_RST | WIRE_PSH))
			return flags & WIRE_PSH;
	}
	CHECK(!"neither answered nor reset");
	return false;
}

static unsigned count_served(struct stage *stage, unsigned from)
{
	unsigned count = 0;

	for (unsigned i = from; i < from + EACH; i++)
		count += is_served(stage, i);
	return count;
}

/* What who comes now hears first. */
static int later(const struct stage *stage)
{
	struct wire_client late =
		wire_call(stage->wire, stage->family, LATER_PORT, stage->port);

	return wire_hear(&late, SOON_MS);
}

/* --------------------------------------------------------------------------- the ways */

static void just_close(struct stage *stage)
{
	close_listener(&stage->old);
}

static void shut_down(struct stage *stage)
{
	CHECK_SYS(shutdown(stage->old.fd, SHUT_RDWR));
	close_listener(&stage->old);
}

static void until_empty(struct stage *stage)
{
	accept_all(stage, &stage->old);
	close_listener(&stage->old);
}

static void no_backlog(struct stage *stage)
{
	CHECK_SYS(listen(stage->old.fd, 0));
	until_empty(stage);
}

static void migrate(struct stage *stage)
{
	write_sysctl("net.ipv4.tcp_migrate_req", "1");
	just_close(stage);
}

static void quiesce_by(struct stage *stage, enum hark_quiesce_method method)
{
	struct hark_quiesce_options options = {
		.method = method, .successor_fd = stage->next.fd};

	CHECK_OK(hark_quiesce_begin(&stage->quiesce, &stage->old, 1, &options, NULL));
	stage->quiesces = true;
}

/* One of a group: the queue is served, and the rest passed on by the close. */
static void migrated(struct stage *stage)
{
	struct hark_quiesce_report report;

	write_sysctl("net.ipv4.tcp_migrate_req", "1");
	CHECK_OK(hark_quiesce_begin(&stage->quiesce, &stage->old, 1, NULL, NULL));
	stage->quiesces = true;
	accept_all(stage, &stage->old);
	WAIT_UNTIL(hark_quiesce_check(&stage->quiesce, NULL) == 1);
	CHECK_OK(hark_quiesce_close(&stage->quiesce, &report, sizeof(report), NULL));
	stage->quiesces = false;
	CHECK_INT(report.method, ==, HARK_QUIESCE_MIGRATED);
	CHECK_INT(report.fallback_code, ==, -EADDRINUSE);
	CHECK_INT(report.queued, ==, EACH);
	CHECK_INT(report.lost, ==, 0);
}

static void ghost(struct stage *stage)
{
	quiesce_by(stage, HARK_QUIESCE_GHOST);
}

static void filter(struct stage *stage)
{
	quiesce_by(stage, HARK_QUIESCE_FILTER);
}

static void steer(struct stage *stage)
{
	quiesce_by(stage, HARK_QUIESCE_STEERED);
	WAIT_UNTIL(stage->quiesce.peer_count == EACH ||
		   hark_quiesce_check(&stage->quiesce, NULL));
}

/* The report is what the clients saw. */
static void check_report(struct stage *stage)
{
	struct hark_quiesce_report report;

	WAIT_UNTIL(hark_quiesce_check(&stage->quiesce, NULL) == 1);
	CHECK_OK(hark_quiesce_close(&stage->quiesce, &report, sizeof(report), NULL));
	CHECK_INT(report.queued, ==, EACH);
	CHECK_INT(report.half_open, ==, EACH);
	CHECK_INT(report.lost, ==, 0);
	CHECK_INT(report.expired, ==, 0);
	CHECK_INT(report.timed_out, ==, 0);
}

struct way {
	void (*begin)(struct stage *stage);
	bool overlaps; /* a successor listens beside, in the same SO_REUSEPORT group */
	int queued, half_way; /* of each hundred, served */
	int later;            /* flags of what who comes later hears */
};

static void check_family(const struct way *way, int family)
{
	struct stage stage = set_stage(family, way->overlaps);

	way->begin(&stage);
	CHECK_INT(later(&stage), ==, way->later);
	CHECK_INT(count_served(&stage, 0), ==, way->queued);
	CHECK_INT(count_served(&stage, EACH), ==, way->half_way);
	if (stage.quiesces)
		check_report(&stage);
	strike(&stage);
}

static void check_way(const struct way *way)
{
	check_family(way, AF_INET);
	check_family(way, AF_INET6);
}

#define REFUSED  (WIRE_RST | WIRE_ACK)
#define COMES_IN (WIRE_SYN | WIRE_ACK)
#define HELD_OFF 0

#define WAY(id, words, ...)                                  \
	TEST(id, words)                                      \
	{                                                    \
		check_way(&(const struct way){__VA_ARGS__}); \
	}

/* X3: what others lose */
WAY(close, "close resets all who have not been accepted", just_close, false, 0, 0,
	REFUSED)
WAY(shutdown, "so does shutdown", shut_down, false, 0, 0, REFUSED)
WAY(until_empty, "accept until empty, then close, resets who is half-way", until_empty,
	false, EACH, 0, REFUSED)
WAY(no_backlog, "so does listen with a backlog of 0", no_backlog, false, EACH, 0,
	REFUSED)
WAY(overlap, "so does a successor beside it, in the same SO_REUSEPORT group",
	until_empty, true, EACH, 0, COMES_IN)
WAY(migrate, "with tcp_migrate_req the successor gets all of them", migrate, true, EACH,
	EACH, COMES_IN)

/* X3 D4: what a quiesce does */
WAY(ghost, "a ghost loses nobody", ghost, false, EACH, EACH, REFUSED)
WAY(filter, "a filter loses nobody", filter, false, EACH, EACH, HELD_OFF)
WAY(migrated, "the best way for one of a group that migrates loses nobody", migrated,
	true, EACH, EACH, COMES_IN)
WAY(steered, "steering to a successor loses nobody", steer, true, EACH, EACH, COMES_IN)
