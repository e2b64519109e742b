/* SPDX-License-Identifier: MIT
 *
 * Promises: whatever state the process is in that runs a server, and whatever is asked of a
 * server that runs.
 */
#include "contract.h"

#include <fcntl.h>
#include <signal.h>

static void ignore_children(void)
{
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
}

/* S1: then the kernel tells nobody how a child ended */
PROMISE(sigchld_ignored, "a program that ignores SIGCHLD is served as any other",
	.models = ALL_MODELS)
{
	struct server *server =
		serve(&(struct setup){.handler = echo, .before_run = ignore_children});

	for (int i = 0; i < 3; i++) {
		int client = dial(server);

		exchange(client, 1000);
		net_close(client);
	}
	end(server);
}

static int kept[3]; /* the standard descriptors, meanwhile */

static void close_standard_ones(void)
{
	for (int i = 0; i < 3; i++) {
		CHECK_SYS(kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100));
		CHECK_SYS(close(i));
	}
}

static void open_standard_ones(void)
{
	take_stats();
	for (int i = 0; i < 3; i++) {
		CHECK_SYS(dup2(kept[i], i));
		CHECK_SYS(close(kept[i]));
	}
}

static void tell_descriptor(struct hark_conn *conn, void *ctx)
{
	tell(RESULT, hark_conn_fd(conn));
	greet(conn, ctx);
}

/* C1: or what a handler prints would go to its client */
PROMISE(never_standard, "no connection is a standard descriptor")
{
	struct server *server = serve(&(struct setup){.handler = tell_descriptor,
		.before_run = close_standard_ones,
		.after_run = open_standard_ones});
	int client = dial(server);

	CHECK_INT(hear_value(server, RESULT), >, 2);
	expect(client, "hi\n");
	expect_end(client);
	end(server);
}

static void ask_too_much(struct hark_conn *conn, void *ctx)
{
	struct hark_listener none = {0};

	tell(RESULT, hark_server_listen(served(), "127.0.0.1:0", NULL, NULL));
	tell(RESULT, hark_server_adopt(served(), &none, NULL));
	tell(RESULT, hark_server_run(served(), NULL));
	tell(RESULT, hark_server_destroy(served()));
	greet(conn, ctx);
}

/* E1 S1: of its handlers, which go on */
PROMISE(busy,
	"a server that runs takes no listener, runs not twice, and is not destroyed")
{
	struct server *server = serve(&(struct setup){.handler = ask_too_much});
	int client = dial(server);

	for (int i = 0; i < 4; i++)
		CHECK_ERR(hear_value(server, RESULT), -EBUSY);
	expect(client, "hi\n");
	expect_end(client);
	end(server);
}

/* X4: nobody holds the port, neither workers nor handlers that were */
PROMISE(port_is_free, "a server that has ended leaves its port to others",
	.models = ALL_MODELS)
{
	struct server *server = serve(&(struct setup){.handler = echo});
	struct net_addr at = server->at[0];
	int client = dial(server);

	ask(client, "ohai", "ohai");
	net_close(client);
	end(server);
	net_close(net_listen(at, 1));
}
