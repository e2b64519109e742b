/* SPDX-License-Identifier: MIT
 *
 * The contract of the engine: what hark_server.h promises, one promise after another, each
 * of them kept by every model and by 0 (in process), 1, 2 and 4 workers.
 *
 *	PROMISE(half_close, "a half-close is answered", .models = ALL_MODELS)  // X1 S2
 *	{
 *		struct server *server = serve(&(struct setup){.handler = echo});
 *		int client = dial(server);
 *
 *		net_send(client, "ohai");
 *		...
 *		end(server);
 *	}
 *
 * A program a model runs them all (test_contract_MODEL.c); each case is a test of its own,
 * `half_close_2`: "thread, 2 workers: a half-close is answered". Without HARK_TEST_FULL=1
 * most cases are hidden: each promise runs once a model, in process or with two workers by
 * turns; hidden ones can be named.
 *
 * The server runs in a process of its own, a child of the test, which so stays single and
 * sees crashes from outside. They share memory: what handlers and events tell() is a log
 * that the test can hear() from, in order and with time. The end of a server is judged in
 * every case: run's result, no leaked descriptor or process, counters that add up.
 */
#ifndef TESTS_CONTRACT_H
#define TESTS_CONTRACT_H

#include "harness.h"
#include "net.h"

#include <hark_server.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The model of this program, in test_contract_MODEL.c. */
extern const enum hark_model contract_model;

/* What of the promise a case is, from inside of a promise. */
struct combination {
	enum hark_model model;
	int workers;
};
struct combination combination(void);

/* ------------------------------------------------------------------------- promises */

#define MODEL(name)      (1U << HARK_MODEL_##name)
#define MODELS_OF_MEMORY (MODEL(THREAD) | MODEL(POOL))
#define ALL_HANDLERS     (MODEL(SERIAL) | MODEL(FORK) | MODELS_OF_MEMORY)
#define ALL_MODELS       (ALL_HANDLERS | MODEL(SPAWN))

enum { CASES = 4, POOL_THREADS = 4, PLENTY = 100000 };

struct promise {
	const char *sentence;
	unsigned models; /* 0: all that have a handler */
	int slots;       /* needs so many conversations at once */
	int least_workers;
	bool in_process; /* with no workers, and only so */
	int timeout_s;
	const char *name; /* from here on filled by PROMISE() */
	const char *file;
	int line;
	void (*body)(void);
	struct contract_case {
		struct test test;
		struct combination combination;
		char name[64], sentence[160];
	} cases[CASES];
};

#define PROMISE(id, ...)                                                           \
	static void promise_##id(void);                                            \
	__attribute__((constructor)) static void register_##id(void)               \
	{                                                                          \
		static struct promise promise = {__VA_ARGS__, .name = #id,         \
			.file = __FILE__, .line = __LINE__, .body = promise_##id}; \
		contract_register(&promise);                                       \
	}                                                                          \
	static void promise_##id(void)

void contract_register(struct promise *promise);

/* How many conversations this combination can have at once. */
int slots(void);

/* 1 in process: of what happens once a process that serves, how many there are. */
int serving_processes(void);

/* Milliseconds, more where the tests are slow. */
int scaled_ms(int ms);

/* ----------------------------------------------------------------------- the server */

enum { LISTENERS = 6 };

struct setup {
	hark_handler *handler; /* SPAWN: cat in its place, unless .options.program */
	/* The model, workers and the hook are filled in. */
	struct hark_server_options options;
	const char *listen[LISTENERS]; /* none: 127.0.0.1:0 */
	const struct hark_listen_options *listen_options;
	void (*before_run)(void); /* in the server's process */
	void (*after_run)(void); /* takes the last stats; the server is not destroyed */
	/* Besides being told, each event. */
	void (*on_event)(const struct hark_server_event *event);
	bool own_group; /* of processes: signals to all of it */
};

/* What is told; an event of kind k is EVENT(k). */
enum {
	READY,    /* it listens */
	RETURNED, /* from run: its result */
	ENTERED,  /* a handler: the number of its connection */
	RESULT,   /* of a call */
	LEFT,     /* a handler: its last result */
	TOLD_TO,  /* a command was given, and is about to be carried out */
	IDLE,     /* a handler that obeys is between requests */
	EVENT_0
};
#define EVENT(kind) (EVENT_0 + (kind))

struct record {
	atomic_bool whole;
	int word;
	long long value;
	long long at_ms;
	pid_t by;   /* the process that told it */
	size_t nth; /* in the log */
	struct hark_server_event event;
	struct hark_addr peer, local;
	struct hark_quiesce_report quiesce;
	int error; /* .code of the event's; 0: none */
};

/* A server as its test sees it. */
struct server {
	pid_t pid;
	struct stage *stage;
	struct net_addr at[LISTENERS];
	bool *heard;        /* of each record of the log */
	size_t heard_up_to; /* all before it are */
};

/* Started, and listening; it may not have called run yet. */
struct server *serve(const struct setup *setup);

/*
 * Stops it unless it has ended, waits for the end, and judges it. The second is for another
 * result of run than 0.
 */
void end(struct server *server);
void end_with(struct server *server, int result);
void end_killed(struct server *server); /* it was killed: nothing to judge */

/* The same in steps: to have a look between. */
void wait_run(struct server *server);

/* Until each process that serves does so: a worker may still be on its way. */
void wait_for_all(struct server *server);

/* What run left, and counted, once it has returned. */
const struct hark_server_stats *stats(const struct server *server);
const struct hark_error *run_error(const struct server *server);

/* Given to the server's process by a signal. */
enum command { STOP = 1, PAUSE, RESUME, RELOAD };
void command(struct server *server, enum command command);

/* As kill(2); a signal for one process goes to its first thread, see there. */
void send_signal(pid_t whom, int number);

/* The next of that word, for which it waits; it fails when the server has ended. */
const struct record *hear(struct server *server, int word);
long long hear_value(struct server *server, int word);
/* So many of them. */
void hear_times(struct server *server, int word, int times);
/* How many there are by now, heard or not; the nth of them, from 0, or NULL. */
int told_times(const struct server *server, int word);
const struct record *told_nth(const struct server *server, int word, int nth);

/* How the conversation ended that closed next: enum hark_ending. */
int ending(struct server *server);

/* Lets so many waits at the gate through. */
void open_gate(struct server *server, int times);

/* ------------------------------------------- in the server: handlers, before_run … */

struct hark_server *served(void);

/* In after_run, where the server is destroyed already: nothing is left to do. */
void destroyed_already(void);

void tell(int word, long long value);

/* Blocks in the handler's own code, no call of the engine. */
void wait_at_gate(void);
/* The gate's descriptor, readable when it is open. */
int gate_fd(void);

/* Counts, over all processes: 1 for the first to ask. */
int next_turn(void);

/* Memory that the test and all processes of the server see. */
enum { SHARED_NUMBERS = 64 };
atomic_llong *shared_number(int i); /* the server's side */
atomic_llong *test_number(struct server *server, int i);

/* Snapshot of the moment, for the test to read by stats(). */
void take_stats(void);

/* As in the manual: sends back what comes. */
void echo(struct hark_conn *conn, void *ctx);
/* Says "hi\n" and returns. */
void greet(struct hark_conn *conn, void *ctx);
/*
 * Does what its client asks, a line each, and answers with a line; the words are in
 * contract_handlers.c. Tells ENTERED and LEFT.
 */
void obey(struct hark_conn *conn, void *ctx);

/* ------------------------------------------------------------------------- clients */

int dial(const struct server *server);
int dial_nth(const struct server *server, int listener);
int dial_from(const struct server *server, const char *ip);
/* The same, or a negative errno: a reset may be faster than connect(2). */
int try_dial_from(const struct server *server, const char *ip);
/* With so small a buffer that the server feels a slow reader. */
int dial_narrow(const struct server *server);

/* Exactly that text comes next. */
void expect(int client, const char *text);
/* The end of the stream, or a reset, comes next: and the client is closed. */
void expect_end(int client);
void expect_reset(int client);
/* A client from there is reset, whenever he sees it. */
void expect_refused(const struct server *server, const char *ip);
/* Either of them. */
void expect_gone(int client);

/* Says it and hears it, to a handler that echoes or obeys. */
void ask(int client, const char *question, const char *answer);

/* The same, answered with a number. */
long long ask_number(int client, const char *question);

/* Every byte goes there and back, at once. */
void exchange(int client, size_t size);
/* What exchange sends, at any place. */
unsigned char pattern(size_t at);
/* Reads such bytes to the end; how many they were. */
size_t read_pattern(int client);

/* A whole conversation with a new client, for handlers that obey: the server goes on. */
void check_serves(struct server *server);

#endif
