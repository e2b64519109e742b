/* SPDX-License-Identifier: MIT
 *
 * The echo of the hand-written loops, on the engine: what it adds to them shows.
 *
 *	engine_echo [--model MODEL] [--workers N] [--threads N] PORT
 */
#include <getopt.h>
#include <hark_server.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_MS = 30000, /* as the loops have it */
	MOST_CONNECTIONS = 4000,
	ADDRESS_BYTES = 32,
};

static void echo(struct hark_conn *conn, void *ctx)
{
	const void *data;
	ssize_t n;

	(void)ctx;
	while ((n = hark_conn_receive(conn, &data)) > 0)
		if (hark_conn_write(conn, data, (size_t)n) < 0)
			return;
}

_Noreturn static void usage(void)
{
	fputs("usage: engine_echo [--model MODEL] [--workers N] [--threads N] PORT\n",
		stderr);
	exit(100);
}

static int model(const char *name)
{
	int found = hark_model_parse(name);

	if (found < 0)
		usage();
	return found;
}

static const char *parse(int argc, char **argv, struct hark_server_options *options)
{
	static const struct option words[] = {{"model", required_argument, NULL, 'm'},
		{"workers", required_argument, NULL, 'w'},
		{"threads", required_argument, NULL, 't'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (option == 'm')
			options->model = (enum hark_model)model(optarg);
		else if (option == 'w')
			options->workers = atoi(optarg); /* create checks them */
		else if (option == 't')
			options->threads = atoi(optarg);
		else
			usage();
	}
	if (argc - optind != 1)
		usage();
	return argv[optind];
}

int main(int argc, char **argv)
{
	struct hark_server_options options = {.mind_signals = HARK_ON,
		.read_timeout_ms = TIMEOUT_MS,
		.write_timeout_ms = TIMEOUT_MS,
		.drain_ms = 1000};
	const char *port = parse(argc, argv, &options);
	char address[ADDRESS_BYTES];
	struct hark_error err;

	/* The one where the default is less than the benchmark's idle connections. */
	if (options.model == HARK_MODEL_FORK)
		options.max_connections = MOST_CONNECTIONS;
	(void)snprintf(address, sizeof(address), "127.0.0.1:%s", port);
	if (hark_serve(address, echo, NULL, &options, &err) < 0) {
		(void)hark_error_print(stderr, &err); /* nobody else to tell */
		return 1;
	}
	return 0;
}
