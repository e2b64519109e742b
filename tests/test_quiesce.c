/* SPDX-License-Identifier: MIT
 *
 * Quiescing listeners: nobody whose handshake has begun is lost, nobody new comes in, and
 * the report says what the clients saw.  Clients that are half-way are played packet by
 * packet (wire.h).
 */
#include "ipv6.h"
#include "loopback.h"
#include "sandbox.h"
#include "wire.h"

#include <hark.h>

#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SOON_MS = 200, LONG_MS = 5000 };

static struct hark_quiesce_options by(enum hark_quiesce_method method)
{
	return (struct hark_quiesce_options){.method = method};
}

static struct hark_quiesce_report close_and_report(struct hark_quiesce *quiesce)
{
	struct hark_quiesce_report report;

	CHECK_OK(hark_quiesce_close(quiesce, &report, sizeof(report), NULL));
	return report;
}

static void check_next_says(struct hark_quiesce *quiesce, const char *text)
{
	char heard[64] = "";
	int fd = hark_quiesce_accept(quiesce, NULL, 0, NULL);

	CHECK_OK(fd);
	if (*text)
		CHECK_OK((int)hark_read(fd, heard, sizeof(heard) - 1, LONG_MS, NULL));
	CHECK_STR(heard, text);
	net_close(fd);
}

static void check_nobody_more(struct hark_quiesce *quiesce)
{
	CHECK_ERR(hark_quiesce_accept(quiesce, NULL, 0, NULL), -ESHUTDOWN);
}

/* ------------------------------------------------------------------------ on the wire */

struct scene {
	const char *text; /* of the listener */
	int family;       /* of its clients */
	enum hark_quiesce_method method;
};

/*
 * One client is in the queue and one half-way when it begins, one calls later.  The first
 * two are served, however late the last packet comes.
 */
static void check_nobody_lost(const struct scene *scene)
{
	int wire = wire_open();
	struct hark_listener listener = open_listener(scene->text);
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct hark_quiesce_options options = by(scene->method);
	struct wire_client queued = wire_connect(wire, scene->family, 2001, port);
	struct wire_client half = wire_half_way(wire, scene->family, 2002, port);
	struct wire_client late;
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;

	net_wait_queue(listener.fd, 1);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, &options, NULL));
	late = wire_call(wire, scene->family, 2003, port);
	CHECK_INT(wire_hear(&late,
			  scene->method == HARK_QUIESCE_FILTER ? SOON_MS : LONG_MS),
		==, scene->method == HARK_QUIESCE_FILTER ? 0 : WIRE_RST | WIRE_ACK);
	wire_complete(&queued, "one");
	check_next_says(&quiesce, "one");
	for (int i = 0; i < 10; i++)
		CHECK_INT(hark_quiesce_check(&quiesce, NULL), ==, 0);
	wire_complete(&half, "two");
	check_next_says(&quiesce, "two");
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, scene->method);
	CHECK_INT(report.queued, ==, 1);
	CHECK_INT(report.half_open, ==, 1);
	CHECK_INT(report.expired, ==, 0);
	CHECK_INT(report.lost, ==, 0);
	CHECK_INT(report.timed_out, ==, 0);
	CHECK_INT(report.held_off, ==, scene->method == HARK_QUIESCE_FILTER);
	CHECK_INT(listener.origin, ==, HARK_ORIGIN_NONE);
	net_close(wire);
}

#define NOBODY_LOST(id, words, ...)                              \
	TEST(id, words)                                          \
	{                                                        \
		check_nobody_lost(&(struct scene){__VA_ARGS__}); \
	}

/* X3 */
NOBODY_LOST(ghost_ipv4, "a ghost serves who was half-way, and refuses who comes",
	"10.81.0.1:0", AF_INET, HARK_QUIESCE_GHOST)
NOBODY_LOST(ghost_ipv4_any, "so it does on every IPv4 address", "0.0.0.0:0", AF_INET,
	HARK_QUIESCE_GHOST)
NOBODY_LOST(
	ghost_ipv6, "so it does over IPv6", "[fd81::1]:0", AF_INET6, HARK_QUIESCE_GHOST)
NOBODY_LOST(ghost_dual_ipv4, "so it does for an IPv4 client of a dual-stack listener",
	"[::]:0", AF_INET, HARK_QUIESCE_GHOST)
NOBODY_LOST(ghost_dual_ipv6, "so it does for an IPv6 client of a dual-stack listener",
	"[::]:0", AF_INET6, HARK_QUIESCE_GHOST)
NOBODY_LOST(filter_ipv4, "a filter serves who was half-way, and holds off who comes",
	"10.81.0.1:0", AF_INET, HARK_QUIESCE_FILTER)
NOBODY_LOST(filter_dual_ipv4, "so it does for an IPv4 client of a dual-stack listener",
	"[::]:0", AF_INET, HARK_QUIESCE_FILTER)
NOBODY_LOST(filter_ipv6, "so it does over IPv6", "[fd81::1]:0", AF_INET6,
	HARK_QUIESCE_FILTER)

/* X3: what the other tests would look like if nothing were done */
TEST(now_loses, "closing now resets who was half-way: the wire shows it")
{
	int wire = wire_open();
	struct hark_listener listener = open_listener("10.81.0.1:0");
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct wire_client half = wire_half_way(wire, AF_INET, 2001, port);

	close_listener(&listener);
	wire_complete(&half, "one");
	CHECK_INT(wire_hear(&half, LONG_MS) & WIRE_RST, ==, WIRE_RST);
	net_close(wire);
}

/* X3: without TCP_SYNCNT it would be a minute */
TEST(vanished, "a client that vanishes half-way holds it up for seconds only")
{
	int wire = wire_open();
	struct hark_listener listener = open_listener("10.81.0.1:0");
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;

	(void)wire_half_way(wire, AF_INET, 2001, port);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_GHOST);
	CHECK_INT(report.timed_out, ==, 0);
	CHECK_INT(report.expired, ==, 1);
	CHECK_INT(report.half_open, ==, 0);
	CHECK_INT(report.duration_ms, >=, 1000);
	net_close(wire);
}

/* X3 N7 */
TEST(deadline, "at the deadline it is over, and the report says who was left")
{
	int wire = wire_open();
	struct hark_listener listener = open_listener("10.81.0.1:0");
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct hark_quiesce_options options = {.deadline_ms = 30};
	struct wire_client queued = wire_connect(wire, AF_INET, 2001, port);
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;

	(void)wire_half_way(wire, AF_INET, 2002, port);
	net_wait_queue(listener.fd, 1);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, &options, NULL));
	WAIT_UNTIL(hark_quiesce_check(&quiesce, NULL) == 1);
	report = close_and_report(&quiesce);
	CHECK_INT(report.timed_out, ==, 1);
	CHECK_INT(report.now_half_open, ==, 1);
	CHECK_INT(report.now_queued, ==, 1);
	CHECK_INT(report.lost, ==, 1);
	CHECK_INT(report.expired, ==, 0);
	CHECK_INT(wire_hear(&queued, LONG_MS) & WIRE_RST, ==, WIRE_RST);
	net_close(wire);
}

/* D4: nobody waits for who calls the successor */
TEST(steered, "steered to a successor, who was half-way is served by the old one")
{
	int wire = wire_open();
	struct hark_listen_options shares = {.reuse_port = HARK_ON};
	struct hark_listener old = open_listener_with("10.81.0.1:0", &shares), next;
	unsigned port = (unsigned)hark_addr_port(&old.addr);
	struct wire_client half = wire_half_way(wire, AF_INET, 2001, port), late;
	struct hark_quiesce_options options = by(HARK_QUIESCE_STEERED);
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	char text[64];
	int fd;

	(void)snprintf(text, sizeof(text), "10.81.0.1:%u", port);
	next = open_listener_with(text, &shares);
	options.successor_fd = next.fd;
	CHECK_OK(hark_quiesce_begin(&quiesce, &old, 1, &options, NULL));
	WAIT_UNTIL(quiesce.peer_count == 1 || hark_quiesce_check(&quiesce, NULL));
	for (unsigned i = 0; i < 20; i++) { /* half of them would be the old one's */
		late = wire_connect(wire, AF_INET, 2100 + i, port);
		fd = hark_accept_wait(next.fd, NULL, LONG_MS, 0, NULL);
		CHECK_OK(fd);
		net_close(fd);
	}
	late = wire_half_way(wire, AF_INET, 2200, port);
	wire_complete(&half, "one");
	check_next_says(&quiesce, "one");
	check_nobody_more(&quiesce); /* though one is half-way to the successor */
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_STEERED);
	CHECK_INT(report.half_open, ==, 1);
	CHECK_INT(report.lost, ==, 0);
	wire_complete(&late, "two");
	fd = hark_accept_wait(next.fd, NULL, LONG_MS, 0, NULL);
	CHECK_OK(fd);
	net_close(fd);
	close_listener(&next);
	net_close(wire);
}

/* ------------------------------------------------------------------------ on loopback */

static void check_refused(const struct hark_listener *listener)
{
	CHECK_INT(net_try_connect(where(listener)), ==, -ECONNREFUSED);
}

static void check_served_and_refused(enum hark_quiesce_method expected)
{
	struct hark_listener listener = open_tcp();
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	int client = dial(&listener);

	require_sock_diag();
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	check_refused(&listener);
	check_next_says(&quiesce, "");
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, expected);
	CHECK_INT(report.queued, ==, 1);
	CHECK_INT(report.lost, ==, 0);
	CHECK_INT(report.fallback_code, ==, 0);
	net_close(client);
}

/* X3 */
TEST(best, "the best way refuses at once who comes, and serves who is there")
{
	check_served_and_refused(HARK_QUIESCE_GHOST);
}

/* X3: they are in no table, and a ghost would reset them */
TEST(cookies, "while SYN cookies are sent the best way is one that lets them in")
{
	enum { BACKLOG = 4, HALF_WAY = BACKLOG + 1, ALL_CLIENTS = HALF_WAY + 3 };
	const struct hark_listen_options few = {.backlog = BACKLOG};
	const struct hark_quiesce_options best = {.method = HARK_QUIESCE_BEST};
	int wire = wire_open();
	struct hark_listener listener = open_listener_with("10.81.0.1:0", &few);
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct wire_client client[ALL_CLIENTS];
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;

	write_sysctl("net.ipv4.tcp_syncookies", "1");
	for (unsigned i = 0; i < ALL_CLIENTS; i++)
		client[i] = wire_half_way(wire, AF_INET, 2001 + i, port);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, &best, NULL));
	for (unsigned i = ALL_CLIENTS; i-- > 0;) { /* who had a cookie first */
		wire_complete(&client[i], "x");
		check_next_says(&quiesce, "x");
	}
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_FILTER);
	CHECK_INT(report.queued + report.half_open, ==, ALL_CLIENTS);
	CHECK_INT(report.half_open, <, ALL_CLIENTS); /* some had a cookie */
	CHECK_INT(report.lost, ==, 0);
	net_close(wire);
}

/* X3: no privilege, and none to be gained */
TEST(unprivileged, "so it does for nobody, without any privilege")
{
	become_nobody();
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check_served_and_refused(HARK_QUIESCE_GHOST);
}

/* X3 E1 */
TEST(unprivileged_filter,
	"a filter without the privilege is refused, and nothing changed")
{
	struct hark_listener listener;
	struct hark_quiesce_options options = by(HARK_QUIESCE_FILTER);
	struct hark_quiesce quiesce;
	struct hark_error err;
	int client, begun;

	become_nobody();
	listener = open_tcp();
	begun = hark_quiesce_begin(&quiesce, &listener, 1, &options, &err);
	if (begun == 0) {
		(void)close_and_report(&quiesce);
		SKIP("this kernel lets anybody attach a filter");
	}
	CHECK_ERR(begun, -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_QUIESCE);
	client = dial(&listener);
	net_close(client);
	close_listener(&listener);
}

/* X3 */
TEST(undo, "until it is closed it can be undone")
{
	const enum hark_quiesce_method methods[] = {
		HARK_QUIESCE_GHOST, HARK_QUIESCE_FILTER, HARK_QUIESCE_UNTIL_EMPTY};
	struct hark_listener listener;
	struct hark_quiesce quiesce;

	require_sock_diag();
	enter_network();
	listener = open_tcp();
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct hark_quiesce_options options = by(methods[i]);
		int retries = 0;
		socklen_t length = sizeof(retries);

		CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, &options, NULL));
		CHECK_OK(hark_quiesce_undo(&quiesce, NULL));
		net_close(dial(&listener));
		CHECK_SYS(getsockopt(
			listener.fd, IPPROTO_TCP, TCP_SYNCNT, &retries, &length));
		CHECK_INT(retries, >, 1);
	}
	close_listener(&listener);
}

/* X3 E2 */
TEST(undo_unprivileged, "a ghost is one for good where the privilege is missing")
{
	struct hark_listener listener;
	struct hark_quiesce quiesce;
	struct hark_error err;

	require_sock_diag();
	become_nobody();
	listener = open_tcp();
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	CHECK_ERR(hark_quiesce_undo(&quiesce, &err), -EPERM);
	CHECK_INT(err.step, ==, HARK_STEP_QUIESCE);
	check_refused(&listener);
	check_nobody_more(&quiesce);
	(void)close_and_report(&quiesce);
}

/* X5 */
TEST(unix_listener, "a Unix listener refuses at once, and its queue is served")
{
	struct hark_listener listener = open_unix();
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	struct hark_error err;
	int client = dial(&listener);

	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	check_refused(&listener);
	CHECK_ERR(hark_quiesce_undo(&quiesce, &err), -EOPNOTSUPP);
	CHECK_INT(err.cause, ==, HARK_CAUSE_FOR_GOOD);
	check_next_says(&quiesce, "");
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_SHUTDOWN);
	CHECK_INT(report.queued, ==, 1);
	net_close(client);
}

/* X3 W2 X5: each by its own way */
TEST(mixed, "several listeners of all kinds end together")
{
	struct hark_listener_set set = {0};
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	int clients[8], count = 0;
	char text[128];

	require_sock_diag();
	CHECK_OK(hark_listener_set_add(&set, "localhost:0", NULL, NULL));
	(void)snprintf(text, sizeof(text), "unix:%s/socket", temp_directory());
	CHECK_OK(hark_listener_set_add(&set, text, NULL, NULL));
	for (size_t i = 0; i < set.count; i++) {
		clients[count++] = dial(&set.listener[i]);
		clients[count++] = dial(&set.listener[i]);
	}
	CHECK_OK(hark_quiesce_begin(&quiesce, set.listener, set.count, NULL, NULL));
	for (size_t i = 0; i < set.count; i++)
		check_refused(&set.listener[i]);
	for (int i = 0; i < count; i++)
		check_next_says(&quiesce, "");
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.queued, ==, count);
	CHECK_INT(report.lost, ==, 0);
	for (int i = 0; i < count; i++)
		net_close(clients[i]);
}

/* D0 */
TEST(adopted, "an adopted listener is left as it is: others go on with it")
{
	int theirs = net_listen(net_ip("127.0.0.1", 0), 8), copy = dup(theirs), client;
	struct hark_listener listener;
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;

	CHECK_SYS(copy);
	CHECK_OK(hark_listener_adopt(&listener, copy, NULL));
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	client = dial(&listener);
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_SHARED);
	CHECK_INT(report.lost, ==, 0);
	net_wait_queue(theirs, 1);
	net_close(client);
	net_close(theirs);
}

/* D0: a child's copy is the parent's listener */
TEST(forked, "a forked process never closes the gate of its parent's listener")
{
	struct hark_listener listener = open_tcp();
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	pid_t child = fork();
	int status;

	CHECK_SYS(child);
	if (child == 0) {
		CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
		check_nobody_more(&quiesce);
		report = close_and_report(&quiesce);
		CHECK_INT(report.method, ==, HARK_QUIESCE_SHARED);
		_exit(0);
	}
	CHECK_SYS(waitpid(child, &status, 0));
	CHECK_INT(status, ==, 0);
	net_close(dial(&listener));
	close_listener(&listener);
}

/* X3: with the reason */
TEST(defers, "a listener that defers accepting is refused, or emptied")
{
	struct hark_listen_options defers = {.defer_accept_s = 5};
	struct hark_listener listener = open_listener_with("127.0.0.1:0", &defers);
	struct hark_quiesce_options options = by(HARK_QUIESCE_GHOST);
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	struct hark_error err;

	CHECK_ERR(hark_quiesce_begin(&quiesce, &listener, 1, &options, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_DEFERS_ACCEPT);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_UNTIL_EMPTY);
	CHECK_INT(report.fallback_code, ==, -EINVAL);
}

/* D4 */
TEST(group, "one of a group is no ghost alone, all of them together are")
{
	struct hark_listen_options shares = {.reuse_port = HARK_ON};
	struct hark_quiesce_options options = by(HARK_QUIESCE_GHOST);
	struct hark_listener members[2];
	struct hark_quiesce quiesce;
	struct hark_error err;
	char text[64];

	require_sock_diag();
	members[0] = open_listener_with("127.0.0.1:0", &shares);
	(void)snprintf(
		text, sizeof(text), "127.0.0.1:%d", hark_addr_port(&members[0].addr));
	members[1] = open_listener_with(text, &shares);
	CHECK_ERR(
		hark_quiesce_begin(&quiesce, members, 1, &options, &err), -EADDRINUSE);
	CHECK_INT(err.cause, ==, HARK_CAUSE_OTHER_MEMBERS);
	for (int i = 0; i < 20; i++)
		net_close(dial(&members[0])); /* none was left without a word */
	CHECK_OK(hark_quiesce_begin(&quiesce, members, 2, &options, NULL));
	for (int i = 0; i < 20; i++)
		check_refused(&members[0]);
	for (int i = 0; i < 20; i++)
		check_next_says(&quiesce, "");
	check_nobody_more(&quiesce);
	CHECK_INT(close_and_report(&quiesce).queued, ==, 20);
}

/* D4: which was it */
TEST(group_best, "the best way for one of a group is to empty its queue, and says so")
{
	struct hark_listen_options shares = {.reuse_port = HARK_ON};
	struct hark_listener member = open_listener_with("127.0.0.1:0", &shares), other;
	struct hark_quiesce quiesce;
	struct hark_quiesce_report report;
	char text[64];

	require_sock_diag();
	(void)snprintf(
		text, sizeof(text), "127.0.0.1:%d", hark_addr_port(&member.addr));
	other = open_listener_with(text, &shares);
	CHECK_OK(hark_quiesce_begin(&quiesce, &member, 1, NULL, NULL));
	check_nobody_more(&quiesce);
	report = close_and_report(&quiesce);
	CHECK_INT(report.method, ==, HARK_QUIESCE_UNTIL_EMPTY);
	CHECK_INT(report.fallback_code, ==, -EADDRINUSE);
	close_listener(&other);
}

/* D4 */
TEST(stranger, "a successor that is not of the group is refused")
{
	struct hark_listener listener = open_tcp(), other = open_tcp();
	struct hark_quiesce_options options = by(HARK_QUIESCE_STEERED);
	struct hark_quiesce quiesce;
	struct hark_error err;

	require_sock_diag();
	options.successor_fd = other.fd;
	CHECK_ERR(hark_quiesce_begin(&quiesce, &listener, 1, &options, &err), -EINVAL);
	CHECK_INT(err.cause, ==, HARK_CAUSE_NOT_IN_GROUP);
	close_listener(&other);
	close_listener(&listener);
}

/* X4 */
TEST(woken, "who waits for the last client can be woken")
{
	int wire = wire_open(), wake = hark_wake_create(NULL);
	struct hark_listener listener = open_listener("10.81.0.1:0");
	unsigned port = (unsigned)hark_addr_port(&listener.addr);
	struct hark_quiesce quiesce;

	(void)wire_half_way(wire, AF_INET, 2001, port);
	CHECK_OK(hark_quiesce_begin(&quiesce, &listener, 1, NULL, NULL));
	CHECK_OK(hark_wake(wake));
	CHECK_ERR(hark_quiesce_accept(&quiesce, NULL, wake, NULL), -ECANCELED);
	(void)close_and_report(&quiesce);
	net_close(wake);
	net_close(wire);
}

/* E4 */
TEST(refused_options, "options that make no sense are refused by name")
{
	static const struct {
		struct hark_quiesce_options options;
		const char *name;
	} refused[] = {
		{{.method = HARK_QUIESCE_COUNT}, "method"},
		{{.method = HARK_QUIESCE_SHUTDOWN}, "method"},
		{{.method = HARK_QUIESCE_STEERED}, "successor_fd"},
		{{.deadline_ms = -2}, "deadline_ms"},
		{{.reserved = {1}}, "reserved"},
	};
	struct hark_listener listener = open_tcp();
	struct hark_quiesce quiesce;
	struct hark_error err;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK_ERR(hark_quiesce_begin(
				  &quiesce, &listener, 1, &refused[i].options, &err),
			-EINVAL);
		CHECK_STR(err.option, refused[i].name);
	}
	CHECK_ERR(hark_quiesce_begin(&quiesce, &listener, HARK_SET_MAX + 1, NULL, &err),
		-E2BIG);
	net_close(dial(&listener));
	close_listener(&listener);
}

TEST(names, "each method has a name")
{
	for (int i = 0; i < HARK_QUIESCE_COUNT; i++)
		CHECK(hark_quiesce_method_name((enum hark_quiesce_method)i) != NULL);
	CHECK_STR(hark_quiesce_method_name(HARK_QUIESCE_GHOST), "ghost");
	CHECK(hark_quiesce_method_name(HARK_QUIESCE_COUNT) == NULL);
}
