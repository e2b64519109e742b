/* Half-close: "I have sent everything" is not "I am gone".  The client here ends its side
 * and still reads the answer; the server learns by the end of the stream that the request
 * is complete, counts it, answers, and closes.
 */
#include <hark.h>
#include <stdlib.h>
#include <string.h>

static int must(int result, const struct hark_error *err)
{
	if (result >= 0)
		return result;
	hark_error_print(stderr, err);
	exit(hark_error_exit_code(err));
}

/* A client by hand: hark is the listening half. */
static int dial(const struct hark_listener *listener)
{
	struct hark_addr addr;
	int fd = socket(hark_addr_family(&listener->addr), SOCK_STREAM, 0);

	hark_addr_to_dial(&addr, &listener->addr);
	if (fd < 0 || connect(fd, &addr.u.any, addr.length) < 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static int count_to_end(int fd, struct hark_error *err)
{
	char data[4096];
	ssize_t got;
	int total = 0;

	while ((got = hark_read(fd, data, sizeof(data), 1000, err)) > 0)
		total += (int)got;
	return got < 0 ? (int)got : total;
}

int main(void)
{
	struct hark_listener listener;
	struct hark_error err;
	char answer[64];
	int client, server, total;

	must(hark_tcp_server(&listener, "127.0.0.1:0", NULL, &err), &err);
	client = dial(&listener);
	must(hark_write(client, "how long is this?", 17, 1000, &err), &err);
	must(hark_close_write(client, &err), &err);
	printf("client: sent its request, then its end; it can still read\n");

	server = must(hark_accept(listener.fd, NULL, &err), &err);
	total = must(count_to_end(server, &err), &err);
	printf("server: the end came after %d bytes\n", total);
	snprintf(answer, sizeof(answer), "%d bytes", total);
	must(hark_write(server, answer, strlen(answer), 1000, &err), &err);
	must(hark_close(server, &err), &err);

	memset(answer, 0, sizeof(answer));
	must((int)hark_read(client, answer, sizeof(answer) - 1, 1000, &err), &err);
	printf("client: reads '%s' on the connection that it had half closed\n",
		answer);
	must(hark_close_write(client, &err), &err);
	printf("client: ends its side twice, which is no error\n");
	must(hark_close(client, &err), &err);
	return hark_listener_close_now(&listener, &err);
}
