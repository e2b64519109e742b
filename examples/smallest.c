/* The smallest server: says ohai to whoever comes, on every address, until Ctrl-C.
 *
 *	./smallest 4481 &
 *	nc localhost 4481
 */
#include <hark.h>

static void greet(int fd, const struct hark_addr *peer, void *ctx)
{
	(void)peer, (void)ctx;
	(void)hark_write(fd, "ohai\n", 5, 1000, NULL);
	(void)hark_close(fd, NULL);
}

int main(int argc, char **argv)
{
	struct hark_loop_options loop = {.mind_signals = HARK_ON};
	struct hark_error err;

	if (hark_tcp_server_loop(
		    argc > 1 ? argv[1] : "4481", greet, NULL, NULL, &loop, &err) < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
