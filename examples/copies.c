/* Copies of a connection, by dup and by fork: close releases one copy and tells the client
 * nothing while another lives; shutdown acts on all of them at once and releases none.
 */
#include <hark.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hark_error err;

static int must(int result)
{
	if (result >= 0)
		return result;
	hark_error_print(stderr, &err);
	exit(hark_error_exit_code(&err));
}

/* A connection of ours with ourselves: *client is the other end. */
static int connect_pair(const struct hark_listener *listener, int *client)
{
	*client = socket(hark_addr_family(&listener->addr), SOCK_STREAM, 0);
	if (*client < 0 ||
		connect(*client, &listener->addr.u.any, listener->addr.length) < 0) {
		perror("connect");
		exit(1);
	}
	return must(hark_accept(listener->fd, NULL, &err));
}

static const char *seen_by(int client)
{
	struct pollfd fd = {client, POLLIN, 0};

	return poll(&fd, 1, 100) == 0 ? "nothing" : "the end of the stream";
}

int main(void)
{
	struct hark_listener listener;
	int client, server, copy;
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0); /* the child must not print it again */
	must(hark_tcp_server(&listener, "127.0.0.1:0", NULL, &err));

	server = connect_pair(&listener, &client);
	copy = must(dup(server));
	must(hark_close(server, &err));
	printf("dup, close of one copy:       the client sees %s\n", seen_by(client));
	must(hark_close(copy, &err));
	printf("close of the last copy:       the client sees %s\n", seen_by(client));
	must(hark_close(client, &err));

	server = connect_pair(&listener, &client);
	child = fork();
	if (child == 0)
		_exit(hark_shutdown(server, &err) < 0);
	must(child);
	waitpid(child, NULL, 0);
	printf("fork, shutdown in the child:  the client sees %s\n", seen_by(client));
	printf("the parent's copy, written:   %s\n",
		hark_errno_name(hark_write(server, "x", 1, 1000, NULL)));
	must(hark_close(server, &err)); /* shutdown released nothing */
	must(hark_close(client, &err));
	return hark_listener_close_now(&listener, &err);
}
