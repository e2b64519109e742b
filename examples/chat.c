/* A chat: the first line of each is its name; what it says then, all others read.
 *
 *	./chat localhost:4481 &
 *	nc localhost 4481
 *
 * A connection is its handler's alone, so nobody writes to another's.  What is said goes
 * into one ring of lines, and the others are woken to read on there, each at its own pace.
 * Nobody waits for a slow one: it loses the oldest lines, and is told how many.
 */
#include <ctype.h>
#include <errno.h>
#include <hark_server.h>
#include <pthread.h>

#define SEATS 200
#define LINES 1000

struct member {
	int wake_fd;
	unsigned long heard; /* of room.said */
	char name[24];
};

static struct {
	pthread_mutex_t lock;
	struct member *seat[SEATS];
	unsigned long said; /* lines, of which the last are kept: */
	struct line {
		const struct member *by;
		char text[440];
	} line[LINES];
} room = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void say(const struct member *me, const char *between, const char *what)
{
	struct line *line;

	pthread_mutex_lock(&room.lock);
	line = &room.line[room.said++ % LINES];
	line->by = me;
	snprintf(line->text, sizeof(line->text), "%s%s%s", me->name, between, what);
	for (char *at = line->text; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at)) /* the others' terminals obey these */
			*at = '?';
	for (int i = 0; i < SEATS; i++)
		if (room.seat[i] != NULL)
			(void)hark_wake(room.seat[i]->wake_fd);
	pthread_mutex_unlock(&room.lock);
}

/* From NULL to who comes, and back: there are as many seats as connections. */
static void change_seat(const struct member *from, struct member *to)
{
	int i = 0;

	pthread_mutex_lock(&room.lock);
	while (room.seat[i] != from)
		i++;
	room.seat[i] = to;
	if (to != NULL)
		to->heard = room.said;
	pthread_mutex_unlock(&room.lock);
}

/* Takes the next line that this member has not read; how many there were. */
static unsigned long next_line(struct member *me, struct line *line)
{
	unsigned long behind;

	pthread_mutex_lock(&room.lock);
	behind = room.said - me->heard;
	if (behind > LINES)
		me->heard = room.said - LINES;
	if (behind > 0)
		*line = room.line[me->heard++ % LINES];
	pthread_mutex_unlock(&room.lock);
	return behind;
}

static int tell(struct member *me, struct hark_conn *conn)
{
	struct line line;
	unsigned long behind;
	int sent = 0;

	(void)hark_wake_clear(me->wake_fd);
	while (sent == 0 && (behind = next_line(me, &line)) > 0) {
		if (behind > LINES)
			sent = hark_conn_printf(
				conn, "(%lu lines were lost)\n", behind - LINES);
		if (sent == 0 && line.by != me)
			sent = hark_conn_printf(conn, "%s\n", line.text);
	}
	return sent;
}

static void talk(struct member *me, struct hark_conn *conn)
{
	struct pollfd fds[2] = {
		{hark_conn_fd(conn), POLLIN, 0}, {me->wake_fd, POLLIN, 0}};
	char *text;
	ssize_t n;

	while (hark_conn_poll(conn, fds, 2, -1) > 0) {
		if (fds[1].revents != 0 && tell(me, conn) < 0)
			return;
		if (fds[0].revents == 0)
			continue;
		n = hark_conn_read_line(conn, &text, NULL, 400);
		if (n == -EMSGSIZE)
			(void)hark_conn_printf(conn, "too long a line\n");
		if (n <= 0)
			return;
		say(me, ": ", text);
		hark_conn_idle(conn, true); /* a stop need not wait for this one */
	}
	if (hark_conn_draining(conn))
		(void)hark_conn_printf(conn, "goodbye\n");
}

static void chat(struct hark_conn *conn, void *ctx)
{
	struct member me = {.wake_fd = hark_wake_create(NULL)};
	char *name;

	(void)ctx;
	hark_conn_idle(conn, true);
	if (me.wake_fd >= 0 && hark_conn_printf(conn, "your name?\n") == 0 &&
		hark_conn_read_line(conn, &name, NULL, sizeof(me.name)) > 0) {
		hark_conn_idle(conn, true);
		snprintf(me.name, sizeof(me.name), "%s", name);
		change_seat(NULL, &me);
		say(&me, " is here", "");
		talk(&me, conn);
		change_seat(&me, NULL);
		say(&me, " has gone", "");
	}
	(void)hark_close(me.wake_fd, NULL);
}

int main(int argc, char **argv)
{
	struct hark_server_options options = {
		.max_connections = SEATS,
		.overload = HARK_OVERLOAD_MESSAGE,
		.refusal = "the room is full\n",
		.read_timeout_ms = 30000, /* in the middle of a line */
		.drain_ms = 3000,
		.mind_signals = HARK_ON,
	};
	struct hark_error err;

	if (hark_serve(argc > 1 ? argv[1] : "4481", chat, NULL, &options, &err) < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
