/* SPDX-License-Identifier: MIT
 *
 * What programs inherit; see variables.h.
 */
#include "variables.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whatever some server of this kind sets; a name that ends with '*' is a beginning. */
static const char *const of_connection[] = {"PROTO", "TCPLOCAL*", "TCPREMOTE*", "TCP6*",
	"TCPCONNNUM", "TCPCONCURRENCY", "TCPINTERFACE", "UNIXLOCAL*", "UNIXREMOTE*",
	"SSLLOCAL*", "SSLREMOTE*"};

static bool is_named(const char *variable, const char *pattern)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return !strncmp(variable, pattern, length - 1);
	return !strncmp(variable, pattern, length) &&
	       (variable[length] == '=' || variable[length] == '\0');
}

bool variables_is_of_connection(const char *name)
{
	for (size_t i = 0; i < sizeof(of_connection) / sizeof(of_connection[0]); i++)
		if (is_named(name, of_connection[i]))
			return true;
	return false;
}

/* In the place of one of that name, where there is one; how many there are then. */
static size_t set_variable(char **envp, size_t count, const char *variable)
{
	size_t length = strcspn(variable, "=") + 1, i = 0;

	while (i < count && strncmp(envp[i], variable, length) != 0)
		i++;
	envp[i] = (char *)(uintptr_t)variable; /* nobody writes to it */
	return i == count ? count + 1 : count;
}

char **variables_make(char *const *own, bool clear, const struct option_list *set)
{
	size_t room = 0, count = 0;
	char **envp;

	while (own[room])
		room++;
	envp = calloc(room + (size_t)set->count + 1, sizeof(*envp));
	if (!envp)
		return NULL;
	for (; *own; own++)
		if (!clear || is_named(*own, "PATH"))
			envp[count++] = *own;
	for (int i = 0; i < set->count; i++)
		count = set_variable(envp, count, set->text[i]);
	return envp;
}
