/* SPDX-License-Identifier: MIT
 *
 * A hand-written echo server: a thread a connection.
 *
 *	loop_thread PORT
 *
 * A conversation is a slot, and the slots are a limit: without a free one, clients wait
 * in the queue.  There is no heap: free(3) in a fresh thread would give it an arena.
 */
#define _GNU_SOURCE
#include "loop_threads.h"

enum { MOST_CONVERSATIONS = 4000 };

struct slot {
	struct client client;
	pthread_t thread;
	bool taken;
};

static struct slot slot[MOST_CONVERSATIONS];
static struct slot *free_slot[MOST_CONVERSATIONS];
static int free_slots;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all of these */
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;

/* A normal mutex that is initialised and not held by us: locking cannot fail. */
static struct slot *take(void)
{
	struct slot *own;

	(void)pthread_mutex_lock(&lock);
	while (free_slots == 0)
		(void)pthread_cond_wait(&freed, &lock);
	own = free_slot[--free_slots];
	own->taken = true;
	(void)pthread_mutex_unlock(&lock);
	return own;
}

/* Somebody waits for the first one, or for the last. */
static void give_back(struct slot *own)
{
	bool awaited;

	(void)pthread_mutex_lock(&lock);
	own->taken = false;
	free_slot[free_slots++] = own;
	awaited = free_slots == 1 || free_slots == MOST_CONVERSATIONS;
	(void)pthread_mutex_unlock(&lock);
	if (awaited)
		(void)pthread_cond_broadcast(&freed);
}

static void *converse(void *arg)
{
	struct slot *own = arg;

	serve(&own->client);
	give_back(own);
	return NULL;
}

static void *accept_all(void *arg)
{
	(void)arg;
	for (;;) {
		struct slot *next = take();

		if (!next_client(&next->client)) {
			give_back(next);
			return NULL;
		}
		errno = start_thread(
			&next->thread, PTHREAD_CREATE_DETACHED, converse, next);
		if (errno) {
			perror("pthread_create");
			(void)close(next->client.fd); /* turned away */
			give_back(next);
		}
	}
}

/* The acceptor has ended: a slot that is taken has a thread, which lives. */
static void end_conversations(void)
{
	(void)pthread_mutex_lock(&lock);
	for (int i = 0; i < MOST_CONVERSATIONS; i++) {
		if (!slot[i].taken)
			continue;
		hurry(slot[i].client.fd);
		(void)pthread_kill(slot[i].thread, SIGUSR1);
	}
	while (free_slots < MOST_CONVERSATIONS)
		(void)pthread_cond_wait(&freed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
	sigset_t stop_signal;
	pthread_t acceptor;

	if (argc != 2) {
		fputs("usage: loop_thread PORT\n", stderr);
		return 100;
	}
	while (free_slots < MOST_CONVERSATIONS) {
		free_slot[free_slots] = &slot[free_slots];
		free_slots++;
	}
	open_listener(argv[1]);
	block_stop(&stop_signal);
	errno = start_thread(&acceptor, PTHREAD_CREATE_JOINABLE, accept_all, NULL);
	if (errno)
		die("pthread_create");
	wait_for_stop(&stop_signal);
	(void)pthread_kill(acceptor, SIGUSR1); /* not joined yet */
	(void)pthread_join(acceptor, NULL);    /* joinable, and not us */
	end_conversations();
	return 0;
}
