/* SPDX-License-Identifier: MIT
 *
 * A hand-written echo server: a fixed number of threads that accept from one listener,
 * each serving one connection after another.
 *
 *	loop_pool PORT THREADS
 */
#define _GNU_SOURCE
#include "loop_threads.h"

enum { MOST_THREADS = 4096 };

struct worker {
	pthread_t thread;
	atomic_int conversation; /* its descriptor; -1: none */
};

static struct worker worker[MOST_THREADS];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* to accept */

/*
 * One at a time.  If all waited in accept(2), each client would wake the one that has waited
 * longest; so it is often the one that is running already, which saves a switch.
 */
static bool next_in_turn(struct client *client)
{
	bool found;

	(void)pthread_mutex_lock(&turn); /* initialised, and not ours: cannot fail */
	found = next_client(client);
	(void)pthread_mutex_unlock(&turn);
	return found;
}

/* Whether the stop came before or after the store, one of the two sees to it. */
static void *work(void *arg)
{
	struct worker *own = arg;
	struct client client;

	while (next_in_turn(&client)) {
		own->conversation = client.fd;
		if (stopping)
			hurry(client.fd);
		serve(&client);
		own->conversation = -1;
	}
	return NULL;
}

/* A number that was closed, and given to another client just now, is one to hurry too. */
static void end(struct worker *other)
{
	int fd = other->conversation;

	if (fd >= 0)
		hurry(fd);
	(void)pthread_kill(other->thread, SIGUSR1); /* not joined yet */
}

int main(int argc, char **argv)
{
	sigset_t stop_signal;
	int threads;

	if (argc != 3) {
		fputs("usage: loop_pool PORT THREADS\n", stderr);
		return 100;
	}
	threads = number(argv[2], 1, MOST_THREADS);
	open_listener(argv[1]);
	block_stop(&stop_signal);
	for (int i = 0; i < threads; i++) {
		worker[i].conversation = -1;
		errno = start_thread(
			&worker[i].thread, PTHREAD_CREATE_JOINABLE, work, &worker[i]);
		if (errno)
			die("pthread_create");
	}
	wait_for_stop(&stop_signal);
	for (int i = 0; i < threads; i++)
		end(&worker[i]);
	for (int i = 0; i < threads; i++)
		(void)pthread_join(worker[i].thread, NULL); /* joinable, and not us */
	return 0;
}
