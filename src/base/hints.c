/* SPDX-License-Identifier: MIT
 *
 * Finding the row that fits a failure best (hints.h).  The rows: hints_address.c (text and
 * names), hints_listener.c (create to adopt), hints_rules.c (who may come in),
 * hints_server.c (the engine),
 * hints_connection.c (accept to the end, and what can happen anywhere).
 *
 * Floor 1.  Invariant: it judges by the facts alone and asks nobody.
 */
#include "base/hints.h"

#include "base/addr_text.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

static bool is_abstract(const struct hark_addr *addr)
{
	return hark__addr_family(addr) == AF_UNIX &&
	       addr->length > offsetof(struct sockaddr_un, sun_path) + 1 &&
	       addr->u.un.sun_path[0] == '\0';
}

static bool lacks_scope(const struct hark_addr *addr)
{
	return hark__addr_family(addr) == AF_INET6 &&
	       IN6_IS_ADDR_LINKLOCAL(&addr->u.in6.sin6_addr) &&
	       addr->u.in6.sin6_scope_id == 0;
}

static bool is_mapped(const struct hark_addr *addr)
{
	return hark__addr_family(addr) == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&addr->u.in6.sin6_addr);
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool holds(int when, const struct hark_error *error)
{
	const struct hark_addr *addr = &error->addr;
	int family = hark__addr_family(addr);
	int port = hark__addr_port(addr);

	switch (when) {
	case HARK__ALWAYS:
		return true;
	case HARK__WHEN_LIMIT:
		return error->limit != 0;
	case HARK__WHEN_IP:
		return family == AF_INET || family == AF_INET6;
	case HARK__WHEN_IPV6:
		return family == AF_INET6;
	case HARK__WHEN_UNIX:
		return family == AF_UNIX;
	case HARK__WHEN_ABSTRACT:
		return is_abstract(addr);
	case HARK__WHEN_PORT_ZERO:
		return port == 0;
	case HARK__WHEN_PORT_LOW:
		return port >= 0 && error->limit > 0 && port < error->limit;
	case HARK__WHEN_PORT_HIGH:
		return port >= 0 && error->limit > 0 && port >= error->limit;
	case HARK__WHEN_NO_SCOPE:
		return lacks_scope(addr);
	case HARK__WHEN_MAPPED:
		return is_mapped(addr);
	case HARK__WHEN_SUBJECT:
		return error->subject[0] != '\0';
	case HARK__WHEN_UNIX_TEXT:
		return begins_with(error->subject, "unix:");
	case HARK__WHEN_ACTIVATION_TEXT:
		return begins_with(error->subject, "activation:");
	default:
		return false;
	}
}

static bool same_code(int positive, int code)
{
	return code != INT_MIN && positive == (code < 0 ? -code : code);
}

static bool same_option(const char *name, const struct hark_error *error)
{
	size_t length = strnlen(error->option, sizeof(error->option));

	return length == strlen(name) && memcmp(name, error->option, length) == 0;
}

enum { FOR_WHEN = 1, FOR_STEP = 2, FOR_CODE = 4, FOR_OPTION = 8 };
enum { FOR_RESOLVER = 16, FOR_CAUSE = 32 };

/* The step and the errno of a row with a cause only prefer: a cause is true anywhere. */
int hark__hint_score(const struct hark__hint *hint, const struct hark_error *error)
{
	bool step = hint->step && hint->step == error->step;
	bool code = hint->code && same_code(hint->code, error->code);

	if (hint->cause && hint->cause != error->cause)
		return -1;
	if (!hint->cause && ((hint->step && !step) || (hint->code && !code)))
		return -1;
	if (hint->resolver_code && hint->resolver_code != error->resolver_code)
		return -1;
	if (hint->option && !same_option(hint->option, error))
		return -1;
	if (!holds(hint->when, error))
		return -1;
	return (hint->resolver_code ? FOR_RESOLVER : 0) +
	       (hint->cause ? FOR_CAUSE : 0) + (hint->option ? FOR_OPTION : 0) +
	       (code ? FOR_CODE : 0) + (step ? FOR_STEP : 0) +
	       (hint->when ? FOR_WHEN : 0);
}

static const struct hark__hint *const tables[] = {
	hark__hints_address,
	hark__hints_listener,
	hark__hints_rules,
	hark__hints_server,
	hark__hints_quiesce,
	hark__hints_upgrade,
	hark__hints_connection,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

const struct hark__hint *hark__hint_at(size_t index)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct hark__hint *row = tables[i]; row->remedy; row++)
			if (index-- == 0)
				return row;
	return NULL;
}

static const struct hark__hint *better(const struct hark__hint *best,
	const struct hark__hint *row, const struct hark_error *error)
{
	int most = best ? hark__hint_score(best, error) : -1;

	return hark__hint_score(row, error) > most ? row : best;
}

const struct hark__hint *hark__hint(const struct hark_error *error)
{
	static const struct hark__hint none = {.remedy = "see hark_errors(7)"};
	const struct hark__hint *best = NULL;

	for (size_t i = 0; i < TABLES; i++)
		for (const struct hark__hint *row = tables[i]; row->remedy; row++)
			best = better(best, row, error);
	return best ? best : &none;
}
