/* A cache of keys and values for redis-cli and its like.
 *
 *	./keyvalue pool localhost:4481 &
 *	redis-cli -p 4481 set greeting ohai
 *	redis-benchmark -p 4481 -q -P 16 -t ping,set,get
 *
 * All commands that have come whole are answered, all answers go out in one write, and only
 * then more is waited for: many at once cost one write, and half a command holds up no
 * answer to those before it.  The handlers share the table, so the models are those with
 * threads, and serial, which has one client at a time (redis-benchmark -c 1).
 */
#include <hark_server.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS      16   /* in a command, */
#define WORD_BYTES 1024 /* and in each of them: so a command fits into .in */
#define SLOTS      16384

struct word {
	const char *data;
	size_t size;
};

static struct slot {
	bool taken;
	size_t key_size, size;
	char key[WORD_BYTES], value[WORD_BYTES];
} table[SLOTS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

struct talk {
	struct hark_conn *conn;
	bool over;
	size_t in_size, out_size;
	char in[32768], out[16384];
};

/* A key has one slot: who was there makes way for it. */
static struct slot *find(const struct word *key, bool take)
{
	uint32_t hash = 2166136261U; /* FNV-1a */
	struct slot *slot;

	for (size_t i = 0; i < key->size; i++)
		hash = (hash ^ (unsigned char)key->data[i]) * 16777619U;
	slot = &table[hash % SLOTS];
	if (take || (slot->taken && slot->key_size == key->size &&
			    memcmp(slot->key, key->data, key->size) == 0))
		return slot;
	return NULL;
}

static const char *set(const struct word *key, const struct word *value)
{
	struct slot *slot = find(key, true);

	slot->taken = true;
	memcpy(slot->key, key->data, slot->key_size = key->size);
	memcpy(slot->value, value->data, slot->size = value->size);
	return "+OK\r\n";
}

static const char *erase(struct slot *slot)
{
	if (slot == NULL)
		return ":0\r\n";
	slot->taken = false;
	return ":1\r\n";
}

static void put(struct talk *talk, const char *data, size_t size)
{
	memcpy(talk->out + talk->out_size, data, size);
	talk->out_size += size;
}

static void put_text(struct talk *talk, const char *text)
{
	put(talk, text, strlen(text));
}

static void put_word(struct talk *talk, const char *data, size_t size)
{
	char head[32];

	put(talk, head, (size_t)snprintf(head, sizeof(head), "$%zu\r\n", size));
	put(talk, data, size);
	put_text(talk, "\r\n");
}

static void flush(struct talk *talk)
{
	if (hark_conn_write(talk->conn, talk->out, talk->out_size) < 0)
		talk->over = true;
	talk->out_size = 0;
}

static void answer(struct talk *talk, const struct word *words, long count)
{
	const struct word *key = &words[1];
	struct slot *slot = count == 2 ? find(key, false) : NULL;
	char command[32]; /* and how many words it is */

	snprintf(command, sizeof(command), "%.*s %ld", (int)words[0].size,
		words[0].data, count);
	if (strcasecmp(command, "PING 1") == 0)
		put_text(talk, "+PONG\r\n");
	else if (strcasecmp(command, "ECHO 2") == 0)
		put_word(talk, key->data, key->size);
	else if (strcasecmp(command, "SET 3") == 0)
		put_text(talk, set(key, &words[2]));
	else if (strcasecmp(command, "GET 2") == 0 && slot == NULL)
		put_text(talk, "$-1\r\n");
	else if (strcasecmp(command, "GET 2") == 0)
		put_word(talk, slot->value, slot->size);
	else if (strcasecmp(command, "DEL 2") == 0)
		put_text(talk, erase(slot));
	else if (strncasecmp(command, "COMMAND", 7) == 0) /* redis-cli: help texts? */
		put_text(talk, "*0\r\n");
	else if (strncasecmp(command, "CONFIG", 6) == 0) /* redis-benchmark */
		put_text(talk, "*2\r\n$0\r\n\r\n$0\r\n\r\n");
	else if (strcasecmp(command, "QUIT 1") == 0)
		talk->over = true, put_text(talk, "+OK\r\n");
	else
		put_text(talk, "-ERR no such command of so many words\r\n");
}

/* What taking from the input says when there is nothing to take. */
enum { NOT_YET = -1, WRONG = -2 };

/* "*3\r\n" or "$11\r\n". */
static long take_number(char **at, char *end, char mark, long most)
{
	char *newline = memchr(*at, '\n', (size_t)(end - *at)), *stop;
	long number;

	if (newline == NULL)
		return NOT_YET;
	number = strtol(*at + 1, &stop, 10);
	if (**at != mark || *stop != '\r' || stop + 1 != newline || number < 0 ||
		number > most)
		return WRONG;
	*at = newline + 1;
	return number;
}

static long take_array(char **at, char *end, struct word *words)
{
	long count = take_number(at, end, '*', WORDS), size;

	for (long i = 0; i < count; i++) {
		size = take_number(at, end, '$', WORD_BYTES);
		if (size < 0)
			return size;
		if (end - *at < size + 2)
			return NOT_YET;
		words[i] = (struct word){*at, (size_t)size};
		*at += size + 2;
	}
	return count;
}

/* The words of a line, as somebody may type them. */
static long take_line(char **at, char *end, struct word *words)
{
	char *newline = memchr(*at, '\n', (size_t)(end - *at)), *save = NULL, *word;
	long count = 0;

	if (newline == NULL)
		return NOT_YET;
	*newline = '\0';
	for (word = *at; (word = strtok_r(word, " \r", &save)) != NULL; word = NULL) {
		if (count == WORDS || strlen(word) > WORD_BYTES)
			return WRONG;
		words[count++] = (struct word){word, strlen(word)};
	}
	*at = newline + 1;
	return count;
}

/* Answers what has come whole, and keeps the rest. */
static void answer_all(struct talk *talk)
{
	char *at = talk->in, *next = at, *end = at + talk->in_size;
	struct word words[WORDS];
	long count = 0;

	while (at < end && !talk->over) {
		count = *at == '*' ? take_array(&next, end, words)
				   : take_line(&next, end, words);
		if (count < 0)
			break;
		if (talk->out_size > sizeof(talk->out) - WORD_BYTES - 64)
			flush(talk);
		pthread_mutex_lock(&table_lock);
		if (count > 0)
			answer(talk, words, count);
		pthread_mutex_unlock(&table_lock);
		at = next;
	}
	talk->in_size = (size_t)(end - at);
	memmove(talk->in, at, talk->in_size);
	if (count == WRONG || talk->in_size == sizeof(talk->in) - 1)
		talk->over = true, put_text(talk, "-ERR Protocol error\r\n");
}

static void serve(struct hark_conn *conn, void *ctx)
{
	struct talk talk;
	ssize_t n;

	(void)ctx;
	talk.conn = conn;
	talk.over = false;
	talk.in_size = talk.out_size = 0;
	while (!talk.over) {
		hark_conn_idle(conn, talk.in_size == 0);
		n = hark_conn_read(conn, talk.in + talk.in_size,
			sizeof(talk.in) - 1 - talk.in_size);
		if (n <= 0)
			return;
		talk.in_size += (size_t)n;
		talk.in[talk.in_size] = '\0'; /* for strtol */
		answer_all(&talk);
		flush(&talk);
	}
}

int main(int argc, char **argv)
{
	int model = hark_model_parse(argc > 2 ? argv[1] : "thread");
	struct hark_server_options options = {
		.model = model,
		/* Its threads keep a client each; redis-benchmark is 50 of them. */
		.threads = model == HARK_MODEL_POOL ? 64 : 0,
		.mind_signals = HARK_ON,
	};
	struct hark_error err;

	if (argc < 2 || model < 0 || model == HARK_MODEL_FORK) {
		fprintf(stderr, "usage: keyvalue [serial | thread | pool] ADDRESS\n");
		return 100;
	}
	if (hark_serve(argv[argc - 1], serve, NULL, &options, &err) < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
