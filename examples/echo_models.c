/* One handler, every model: the echo knows nothing of how it is served.  Tells of each
 * connection which process served it and how it ended.
 *
 *	./echo_models thread localhost:4481 &
 *	echo ohai | nc -N localhost 4481
 *
 * The models: serial, fork, thread, pool; and with a third word in how many workers.
 */
#include <hark_server.h>
#include <stdlib.h>

static void echo(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_receive(conn, &data)) > 0)
		if (hark_conn_write(conn, data, (size_t)n) < 0)
			return;
}

static void tell(const struct hark_server_event *event, void *ctx)
{
	char peer[HARK_ADDR_TEXT_MAX];

	(void)ctx;
	if (event->kind != HARK_EVENT_CLOSED)
		return;
	hark_addr_text(event->peer, peer, sizeof(peer));
	printf("%llu: %s, in process %ld, %s after %d ms\n",
		(unsigned long long)event->number, peer, (long)event->pid,
		event->reason == HARK_ENDED_RETURNED ? "ended" : "ended early",
		event->duration_ms);
}

int main(int argc, char **argv)
{
	int model = hark_model_parse(argc > 1 ? argv[1] : "thread");
	struct hark_server_options options = {
		.model = model,
		.workers = argc > 3 ? atoi(argv[3]) : 0,
		.mind_signals = HARK_ON,
		.on_event = tell,
	};
	struct hark_error err;

	if (model < 0) {
		fprintf(stderr, "usage: echo_models [MODEL [ADDRESS [WORKERS]]]\n");
		return 100;
	}
	setvbuf(stdout, NULL, _IOLBF,
		0); /* a worker's line must not wait for its end */
	if (hark_serve(argc > 2 ? argv[2] : "4481", echo, NULL, &options, &err) < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
