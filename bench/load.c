/* SPDX-License-Identifier: MIT
 *
 * The clients of the benchmark: CLIENTS of them in a closed loop, each with one
 * conversation after the other: connect, send SIZE bytes, end the sending half, read to
 * the end, compare, close.  Or (-B) all of them at once, one conversation each.  Or (-r)
 * one request after the other on a connection that is kept.  Or (-i) one request each, and
 * then all stay connected and idle until the end of standard input, to be measured.
 *
 * It is one thread on epoll, so that the clients cost little beside the server; it is
 * no part of hark and uses nothing of it.  It talks to 127.0.0.1 only, and ends by
 * itself: bounded in conversations, in seconds, and in seconds a conversation.
 *
 * Prints one line of key=value, and exits with 0 whatever the server did:
 *	conversations	that went as they should; requests, with -r and -i
 *	refused reset timeout short wrong other		those that did not, by kind
 *	seconds rate	of the whole, and good conversations a second
 *	p50_ms p99_ms max_ms	from the call of connect(2) to the end that was read; of
 *			requests but the first, from the send(2) to the whole answer
 *	start_ms	how long it took to send all clients of a burst off
 *	overflows drops	ListenOverflows and ListenDrops of the network namespace
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MOST_CLIENTS = 1000,
	MOST_CONVERSATIONS = 1000000,
	MOST_SECONDS = 600,
	MOST_SIZE = 1 << 20,
	SOURCES = 16, /* 127.0.0.2 and on: ephemeral ports are counted per address */
	SWEEP_MS = 100,
};

static const int64_t PATIENCE_NS = 15 * INT64_C(1000000000);

enum outcome { GOING, GOOD, REFUSED, RESET, TIMED_OUT, SHORT, WRONG, OTHER, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {[GOOD] = "conversations",
	[REFUSED] = "refused",
	[RESET] = "reset",
	[TIMED_OUT] = "timeout",
	[SHORT] = "short",
	[WRONG] = "wrong",
	[OTHER] = "other"};

enum mode { CONVERSATIONS, BURST, REQUESTS, IDLE };

struct client {
	int64_t start_ns;
	size_t sent, got;
	int fd;     /* -1: at rest */
	bool ended; /* our sending half */
	bool idle;  /* until the very end */
};

static struct {
	enum mode mode;
	int clients, conversations, port;
	double seconds;
	size_t size;
	bool keep_open;
} want = {.clients = 32, .conversations = 1500, .seconds = 10, .size = 32};

static struct client client[MOST_CLIENTS];
static char payload[MOST_SIZE];
static int64_t *latency_ns;
static int tally[OUTCOMES];
static int begun, under_way, poller;
static int64_t stop_ns;

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(111);
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---------------------------------------------------------------- one conversation */

/*
 * IP_BIND_ADDRESS_NO_PORT leaves the port to connect(2), which needs one that is free
 * for this destination only.  Bound outright, 28000 ports would be all that an address
 * has for a minute of TIME_WAIT.
 */
static int open_socket(int number)
{
	struct sockaddr_in source = {.sin_family = AF_INET,
		.sin_addr.s_addr =
			htonl(INADDR_LOOPBACK + 1 + (uint32_t)number % SOURCES)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
		die("setsockopt");
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0)
		die("bind");
	return fd;
}

static enum outcome kind_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return TIMED_OUT;
	default:
		return OTHER;
	}
}

/* Also where a connection that did not come about shows: as the error of the first send. */
static enum outcome send_some(struct client *c)
{
	while (c->sent < want.size) {
		ssize_t sent = send(
			c->fd, payload + c->sent, want.size - c->sent, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN ? GOING : kind_of(errno);
		c->sent += (size_t)sent;
	}
	if (!c->ended && !want.keep_open && shutdown(c->fd, SHUT_WR) < 0)
		return kind_of(errno);
	c->ended = true;
	return GOING;
}

static enum outcome receive_some(struct client *c)
{
	char data[16384];

	for (;;) {
		ssize_t got = recv(c->fd, data, sizeof(data), 0);

		if (got < 0)
			return errno == EAGAIN ? GOING : kind_of(errno);
		if (got == 0)
			return c->got == want.size ? GOOD : SHORT;
		if ((size_t)got > want.size - c->got ||
			memcmp(data, payload + c->got, (size_t)got) != 0)
			return WRONG;
		c->got += (size_t)got;
		if (want.keep_open && c->got == want.size)
			return GOOD;
	}
}

static void count(const struct client *c, enum outcome outcome, int64_t now)
{
	if (outcome == GOOD)
		latency_ns[tally[GOOD]] = now - c->start_ns;
	tally[outcome]++;
}

static void finish(struct client *c, enum outcome outcome)
{
	count(c, outcome, now_ns());
	(void)close(c->fd); /* a socket that is read to its end has nothing to say */
	c->fd = -1;
	under_way--;
}

static void start(struct client *c, int fd)
{
	struct sockaddr_in server = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)want.port)};
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

	*c = (struct client){.fd = fd, .start_ns = now_ns()};
	begun++;
	under_way++;
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0 &&
		errno != EINPROGRESS) {
		finish(c, kind_of(errno));
		return;
	}
	/* Edge-triggered, and added after connect: what is ready already is an edge. */
	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

/* --------------------------------------------------------- a connection that is kept */

static bool may_begin(int64_t now)
{
	return begun < want.conversations && now < stop_ns;
}

/* The answer to come makes a new edge: there is no need to try to read it here. */
static enum outcome ask_again(struct client *c, int64_t now)
{
	begun++;
	c->start_ns = now;
	c->sent = c->got = 0;
	return send_some(c);
}

/* An answer is complete.  GOOD: it was the last one, and has not been counted. */
static enum outcome answered(struct client *c)
{
	int64_t now = now_ns();

	if (want.mode == REQUESTS && may_begin(now)) {
		count(c, GOOD, now);
		return ask_again(c, now);
	}
	if (want.mode != IDLE)
		return GOOD;
	count(c, GOOD, now);
	c->idle = true;
	under_way--;
	return GOING;
}

/* ------------------------------------------------------------------------- the loop */

/* One that fails at once is counted, and so uses up the loop: this ends. */
static void start_next(struct client *c)
{
	while (c->fd < 0 && may_begin(now_ns()))
		start(c, open_socket(begun));
}

static void advance(struct client *c)
{
	enum outcome outcome = send_some(c);

	if (outcome == GOING && c->sent > 0)
		outcome = receive_some(c);
	if (outcome == GOOD)
		outcome = answered(c);
	if (outcome == GOING)
		return;
	finish(c, outcome);
	start_next(c);
}

static void sweep(void)
{
	int64_t now = now_ns();

	for (int i = 0; i < want.clients; i++) {
		if (client[i].fd < 0 || client[i].idle ||
			now - client[i].start_ns < PATIENCE_NS)
			continue;
		finish(&client[i], TIMED_OUT);
		start_next(&client[i]);
	}
}

static void converse(void)
{
	struct epoll_event event[64];
	int64_t swept = now_ns();

	while (under_way > 0) {
		int ready = epoll_wait(poller, event, 64, SWEEP_MS);

		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < ready; i++)
			advance(event[i].data.ptr);
		if (now_ns() - swept < SWEEP_MS * INT64_C(1000000))
			continue;
		sweep();
		swept = now_ns();
	}
}

/* Sockets first: then nothing is left to do between one connect(2) and the next. */
static void start_burst(void)
{
	static int fd[MOST_CLIENTS];

	for (int i = 0; i < want.clients; i++)
		fd[i] = open_socket(i);
	for (int i = 0; i < want.clients; i++)
		start(&client[i], fd[i]);
}

/* ---------------------------------------------------------------------- the figures */

struct counters {
	long long overflows, drops;
};

static long long counter(const char *names, const char *values, const char *wanted)
{
	int skip_name, skip_value;
	long long value;
	char name[64];

	while (sscanf(names, " %63s%n", name, &skip_name) == 1 &&
		sscanf(values, " %lld%n", &value, &skip_value) == 1) {
		if (strcmp(name, wanted) == 0)
			return value;
		names += skip_name;
		values += skip_value;
	}
	return 0;
}

/* /proc/net/netstat has pairs of lines: the names, then as many values. */
static struct counters read_counters(void)
{
	static char names[16384], values[16384];
	struct counters found = {0, 0};
	FILE *file = fopen("/proc/net/netstat", "r");

	if (!file)
		return found;
	while (fgets(names, sizeof(names), file) &&
		fgets(values, sizeof(values), file)) {
		if (strncmp(names, "TcpExt: ", 8) != 0 ||
			strncmp(values, "TcpExt: ", 8) != 0)
			continue;
		found.overflows = counter(names + 8, values + 8, "ListenOverflows");
		found.drops = counter(names + 8, values + 8, "ListenDrops");
	}
	(void)fclose(file); /* was only read */
	return found;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* The nearest rank: of 64, the 99th percentile is the longest. */
static double percentile_ms(int percent)
{
	int rank = (tally[GOOD] * percent + 99) / 100;

	return rank > 0 ? (double)latency_ns[rank - 1] / 1e6 : 0;
}

static void print_figures(double seconds, double start_ms, struct counters before)
{
	struct counters after = read_counters();

	qsort(latency_ns, (size_t)tally[GOOD], sizeof(*latency_ns), compare);
	for (int i = GOOD; i < OUTCOMES; i++)
		printf("%s=%d ", outcome_names[i], tally[i]);
	printf("seconds=%.3f rate=%.1f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f ", seconds,
		tally[GOOD] / seconds, percentile_ms(50), percentile_ms(99),
		percentile_ms(100));
	printf("start_ms=%.3f overflows=%lld drops=%lld\n", start_ms,
		after.overflows - before.overflows, after.drops - before.drops);
}

/* -------------------------------------------------------------------- command line */

_Noreturn static void usage(void)
{
	fputs("usage: load [-B | -r | -i] [-k] [-c CLIENTS] [-n CONVERSATIONS]"
	      " [-t SECONDS] [-s SIZE] PORT\n"
	      "  -B  a burst: all clients at once, a conversation each\n"
	      "  -r  requests, one after the other on a connection that is kept\n"
	      "  -i  a request each; then idle until the end of standard input\n"
	      "  -k  do not end the sending half; the conversation ends with the "
	      "answer\n"
	      "  -t  begin no conversation after that\n",
		stderr);
	exit(100);
}

static int number(const char *text, int least, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < least || value > most) {
		fprintf(stderr, "load: '%s' is not a number from %d to %d\n", text,
			least, most);
		exit(100);
	}
	return (int)value;
}

static double time_limit(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0 && value <= MOST_SECONDS)) {
		fprintf(stderr, "load: '%s' is not a number of seconds\n", text);
		exit(100);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "Brikc:n:t:s:")) != -1) {
		if (option == 'B')
			want.mode = BURST;
		else if (option == 'r')
			want.mode = REQUESTS;
		else if (option == 'i')
			want.mode = IDLE;
		else if (option == 'k')
			want.keep_open = true;
		else if (option == 'c')
			want.clients = number(optarg, 1, MOST_CLIENTS);
		else if (option == 'n')
			want.conversations = number(optarg, 1, MOST_CONVERSATIONS);
		else if (option == 't')
			want.seconds = time_limit(optarg);
		else if (option == 's')
			want.size = (size_t)number(optarg, 1, MOST_SIZE);
		else
			usage();
	}
	if (argc - optind != 1)
		usage();
	want.port = number(argv[optind], 1, 65535);
	if (want.mode == BURST || want.mode == IDLE)
		want.conversations = want.clients;
	if (want.mode == REQUESTS || want.mode == IDLE)
		want.keep_open = true;
}

/* Not all alike: an answer that lost a piece must not look right. */
static void fill_payload(void)
{
	uint32_t state = 2463534242;

	for (size_t i = 0; i < want.size; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		payload[i] = (char)state;
	}
}

/* Whoever started us measures the server meanwhile; our exit closes the connections. */
static void stay(void)
{
	(void)fflush(stdout); /* whoever reads it would miss it */
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	struct counters before;
	int64_t start_ns, sent_off_ns;

	parse(argc, argv);
	fill_payload();
	latency_ns = calloc((size_t)want.conversations, sizeof(*latency_ns));
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (!latency_ns || poller < 0)
		die("cannot begin");
	for (int i = 0; i < MOST_CLIENTS; i++)
		client[i].fd = -1;
	before = read_counters();
	start_ns = now_ns();
	stop_ns = start_ns + (int64_t)(want.seconds * 1e9);
	if (want.mode == BURST || want.mode == IDLE) {
		start_burst();
		start_ns = client[0].start_ns;
	}
	for (int i = 0; i < want.clients; i++)
		start_next(&client[i]);
	sent_off_ns = now_ns();
	converse();
	print_figures((double)(now_ns() - start_ns) / 1e9,
		(double)(sent_off_ns - start_ns) / 1e6, before);
	if (want.mode == IDLE)
		stay();
	return 0;
}
