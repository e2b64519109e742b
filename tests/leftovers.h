/* What a test may leave behind: open descriptors and child processes. */
#ifndef TESTS_LEFTOVERS_H
#define TESTS_LEFTOVERS_H

#include <stddef.h>

enum { DESCRIPTORS_KEPT = 256 };

struct descriptors {
	int count; /* of all; the first DESCRIPTORS_KEPT of them are in at[] */
	struct descriptor {
		int fd;
		char what[64]; /* as /proc/self/fd has it: socket:[1234] */
	} at[DESCRIPTORS_KEPT];
};

/* How many descriptors this process has open. */
int open_descriptors(void);

/*
 * For the runner. The last two append a line for each thing found to text, of size
 * bytes, and say how many there were.
 */
int descriptors_list(struct descriptors *list);
int descriptors_compare(const struct descriptors *before, char *text, size_t size);
int children_left(char *text, size_t size);

/* Ends all children by SIGKILL and waits for them, however many generations appear. */
void children_kill(void);

#endif
