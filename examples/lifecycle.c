/* The life of a server socket, one call a step, on plain descriptors; after each it
 * prints what there is to see.  Serves one client and ends.
 *
 *	./lifecycle 127.0.0.1:4481 &
 *	echo ohai | nc -N 127.0.0.1 4481
 */
#include <hark.h>
#include <stdlib.h>

/* Every step ends the program with one line if it fails. */
static int must(int result, const struct hark_error *err)
{
	if (result >= 0)
		return result;
	hark_error_print(stderr, err);
	exit(hark_error_exit_code(err));
}

static void show(const char *what, const struct hark_addr *addr)
{
	char text[HARK_ADDR_TEXT_MAX];

	hark_addr_text(addr, text, sizeof(text));
	printf("  %-16s %s\n", what, text);
}

int main(int argc, char **argv)
{
	struct hark_addr wanted, local, peer;
	struct hark_backlog backlog;
	struct hark_queue queue;
	struct hark_error err;
	char data[512];
	ssize_t got;
	int listener, connection;

	setvbuf(stdout, NULL, _IOLBF, 0);
	must(hark_addr_parse(&wanted, argc > 1 ? argv[1] : "127.0.0.1:4481", &err),
		&err);

	listener = must(hark_socket(hark_addr_family(&wanted), NULL, &err), &err);
	printf("create\n  %-16s %d\n", "descriptor", listener);

	must(hark_bind(listener, &wanted, &err), &err);
	must(hark_local_addr(listener, &local, &err), &err);
	printf("bind\n");
	show("local address", &local);

	must(hark_listen(listener, 100000, &backlog, &err), &err);
	printf("listen\n  %-16s asked %d, the system allows %d, got %d\n", "backlog",
		backlog.requested, backlog.ceiling, backlog.effective);

	connection = must(hark_accept(listener, &peer, &err), &err);
	must(hark_local_addr(connection, &local, &err), &err);
	printf("accept\n  %-16s %d, a new one; the listener stays %d\n", "descriptor",
		connection, listener);
	show("local address", &local);
	show("remote address", &peer);
	printf("  %-16s %d ms in the queue\n", "waited",
		must(hark_queue_wait_ms(connection, &err), &err));
	must(hark_queue_read(listener, &queue, sizeof(queue), &err), &err);
	printf("  %-16s %u more wait, %u may, %u were dropped\n", "queue", queue.length,
		queue.backlog + 1, queue.drops);

	while ((got = hark_read(connection, data, sizeof(data), -1, &err)) > 0)
		must(hark_write(connection, data, (size_t)got, 1000, &err), &err);
	must((int)got, &err);
	must(hark_close(connection, &err), &err);
	must(hark_close(listener, &err), &err);
	printf("close\n  %-16s the connection, then the listener\n", "closed");
	return 0;
}
