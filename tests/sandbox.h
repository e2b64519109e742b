/*
 * Odd places to test in: a network of one's own, another user. What the system does not
 * permit skips the test, with the reason.
 *
 * All of it ends with the test's process; nothing here touches the host.
 */
#ifndef TESTS_SANDBOX_H
#define TESTS_SANDBOX_H

/*
 * A new network namespace with loopback up, and full rights over it: as root directly,
 * else by a user namespace (in which the test is root). Only for this thread and those
 * that it makes from now on; descriptors opened before stay in the old network.
 */
void enter_network(void);

/* "net.core.somaxconn" in the namespace that enter_network() made, and only there. */
void write_sysctl(const char *name, const char *value);

/* The first number of it, in whatever namespace this is. */
long read_sysctl(const char *name);

/* From root to nobody, without groups and capabilities, for ever. */
void become_nobody(void);

#endif
