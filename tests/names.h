/* SPDX-License-Identifier: MIT
 *
 * Names that mean what a test needs: a resolver in place of the C library's.
 */
#ifndef TESTS_NAMES_H
#define TESTS_NAMES_H

#include "harness.h"
#include "net.h"

#include <netdb.h>

enum { NAMES_MAX = 40 };

/* What the next name means; NULL ends it. */
static const char *const *meant;
static struct net_addr answers[NAMES_MAX];
static struct addrinfo list[NAMES_MAX];

/* In place of the C library's, for all that is linked into this program. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **result)
{
	size_t count = 0;

	(void)host, (void)service, (void)hints;
	for (; meant && meant[count]; count++) {
		answers[count] = net_ip(meant[count], 0);
		list[count] = (struct addrinfo){
			.ai_family = answers[count].sa.any.sa_family,
			.ai_socktype = SOCK_STREAM,
			.ai_addrlen = answers[count].length,
			.ai_addr = &answers[count].sa.any,
			.ai_next = meant[count + 1] ? &list[count + 1] : NULL,
		};
	}
	*result = list;
	return count ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *result)
{
	CHECK(result == list);
}

#endif
