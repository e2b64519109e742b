/* IPv4 and IPv6 on one port: two listeners, one loop, no duplicate, and with port 0 the
 * same port for both.  Tells each client its address and ends after as many as were asked.
 *
 *	./both_families localhost:4481 2 &
 *	nc 127.0.0.1 4481; nc ::1 4481
 */
#include <hark.h>
#include <stdlib.h>

struct work {
	int left;
	int wake_fd;
};

static void tell(int fd, const struct hark_addr *peer, void *ctx)
{
	struct work *work = ctx;
	char text[HARK_ADDR_TEXT_MAX + 1];
	size_t length = hark_addr_text(peer, text, sizeof(text) - 1);

	text[length] = '\n';
	(void)hark_write(fd, text, length + 1, 1000, NULL);
	(void)hark_close(fd, NULL);
	if (--work->left == 0)
		(void)hark_wake(work->wake_fd);
}

int main(int argc, char **argv)
{
	struct work work = {argc > 2 ? atoi(argv[2]) : 2, 0};
	struct hark_loop_options options = {.mind_signals = HARK_ON};
	struct hark_listener_set set;
	struct hark_error err;
	char text[HARK_ADDR_TEXT_MAX];
	int done;

	setvbuf(stdout, NULL, _IOLBF, 0);
	done = hark_tcp_server_sockets(&set, argc > 1 ? argv[1] : "4481", NULL, &err);
	for (size_t i = 0; i < set.count; i++) {
		hark_addr_text(&set.listener[i].addr, text, sizeof(text));
		printf("listening on %s\n", text);
	}
	if (done >= 0)
		done = work.wake_fd = options.wake_fd = hark_wake_create(&err);
	if (done >= 0)
		done = hark_accept_loop(
			set.listener, set.count, tell, &work, &options, &err);
	(void)hark_listener_set_close_now(&set, NULL);
	if (done < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
