/* SPDX-License-Identifier: MIT
 *
 * Several addresses opened together: all bound before any listens, so that what fails at
 * bind undoes sockets that no client has seen; a verdict for each; and with port 0 the search
 * for a port that is free for all of them.
 *
 * The search: the kernel draws a port for the first address, and if another address cannot
 * have it, draws again.  The losers stay open meanwhile, else the same port may be drawn
 * for ever, and their number is bounded.  The conflict may show at bind or only at
 * listen(2) (two sockets with SO_REUSEADDR can both be bound).
 *
 * Addresses of one program that overlap can never listen side by side: such a conflict is
 * told as what it is, and no port is drawn again for it.
 *
 * Not here: what the addresses are (set.c).  Floor 2.
 */
#include "socket/group.h"

#include "base/error.h"
#include "socket/create.h"
#include "socket/inspect.h"
#include "socket/listener.h"
#include "sys/sys.h"

#include <errno.h>

/* A drawn port was refused this often in a row only when nearly all ports are taken. */
enum { DRAWS = 64 };

struct attempt {
	struct hark__group *group;
	struct hark__bound bound[HARK_SET_MAX];
	struct hark_listener *listeners;
	size_t opened;
	size_t place[HARK_SET_MAX]; /* of its listener among those opened, from 1 */
	int port;                   /* what the kernel drew for the first, or 0 */
	bool drawn;                 /* port 0 was asked for */
	bool collision;             /* the drawn port was refused for another address */
	struct hark_error first;    /* the first failure */
};

/* ---------------------------------------------------------------------------- overlap */

/* Whether a socket with that address takes all of the port in IPv4, too. */
static bool is_dual_stack(const struct hark_addr *addr, bool ipv6_only)
{
	return hark_addr_family(addr) == AF_INET6 && hark_addr_is_unspecified(addr) &&
	       !ipv6_only;
}

/* A listener of an earlier call may have had other options, or be inherited. */
static bool is_ipv6_only(int fd)
{
	int value = 1;

	if (hark__get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value) < 0)
		return true; /* IPv4, or it does not tell: nothing is claimed */
	return value;
}

static bool overlaps(const struct hark_addr *a, bool a_is_dual,
	const struct hark_addr *b, bool b_is_dual)
{
	struct hark_addr first = *a, second = *b;

	hark_addr_unmap(&first);
	hark_addr_unmap(&second);
	if (hark_addr_port(&first) <= 0 ||
		hark_addr_port(&first) != hark_addr_port(&second))
		return false;
	if (hark_addr_family(&first) != hark_addr_family(&second))
		return a_is_dual || b_is_dual;
	return hark_addr_is_unspecified(&first) || hark_addr_is_unspecified(&second) ||
	       hark_addr_same_host(&first, &second);
}

/* One that was opened together with it; those whose turn comes yet have no address. */
static const struct hark_addr *overlapping_here(const struct attempt *attempt, size_t i)
{
	bool ipv6_only = attempt->group->options->ipv6_only == HARK_ON;
	const struct hark_addr *addr = &attempt->bound[i].addr;

	for (size_t j = 0; j < attempt->group->count; j++) {
		const struct hark__bound *other = &attempt->bound[j];

		if (j != i && (other->fd >= 0 || attempt->place[j]) &&
			overlaps(addr, is_dual_stack(addr, ipv6_only), &other->addr,
				is_dual_stack(&other->addr, ipv6_only)))
			return &other->addr;
	}
	return NULL;
}

/* One that was open before. */
static const struct hark_addr *overlapping_before(
	const struct attempt *attempt, size_t i)
{
	bool ipv6_only = attempt->group->options->ipv6_only == HARK_ON;
	const struct hark_addr *addr = &attempt->bound[i].addr;

	for (size_t j = 0; j < attempt->group->held_count; j++) {
		const struct hark_listener *held = &attempt->group->held[j];

		if (overlaps(addr, is_dual_stack(addr, ipv6_only), &held->addr,
			    is_dual_stack(&held->addr, is_ipv6_only(held->fd))))
			return &held->addr;
	}
	return NULL;
}

/*
 * Sockets that share a port by SO_REUSEPORT, or that are bound to devices, may overlap, and
 * a hook may have done either: then something else may be in the way.
 */
static bool may_overlap(const struct hark_listen_options *options)
{
	return options->reuse_port == HARK_ON || options->device ||
	       options->before_bind;
}

/* Who is in the way, if it is us.  Where a port was drawn it can be drawn again. */
static void explain_in_use(struct attempt *attempt, size_t i, struct hark_error *why)
{
	bool sure = !may_overlap(attempt->group->options);
	const struct hark_addr *other = sure ? overlapping_here(attempt, i) : NULL;
	char text[HARK_ADDR_TEXT_MAX];

	if (!other && attempt->drawn && attempt->port) {
		attempt->collision = true;
		return;
	}
	if (!other && sure)
		other = overlapping_before(attempt, i);
	if (!other)
		return;
	(void)hark_addr_text(other, text, sizeof(text)); /* fits */
	(void)HARK__FAIL(why, .step = why->step, .code = why->code,
		.cause = HARK_CAUSE_OVERLAP, .addr = &why->addr,
		.subject = text); /* the caller has the code */
}

/* ---------------------------------------------------------------------------- verdicts */

/* "::1" is an address of every host that has IPv6. */
static bool has_ipv6(void)
{
	struct hark_addr loopback = {.length = sizeof(loopback.u.in6)};
	int fd, bound;

	loopback.u.in6.sin6_family = AF_INET6;
	loopback.u.in6.sin6_addr = in6addr_loopback;
	fd = hark__socket_above(AF_INET6, SOCK_STREAM);
	if (fd < 0)
		return fd != -EAFNOSUPPORT;
	bound = sys_bind(fd, &loopback.u.any, loopback.length);
	(void)sys_close(fd); /* held nothing */
	return bound != -EADDRNOTAVAIL;
}

static bool family_is_off(const struct hark_addr *addr, int code)
{
	if (code == -EAFNOSUPPORT)
		return true;
	return code == -EADDRNOTAVAIL && hark_addr_family(addr) == AF_INET6 &&
	       !has_ipv6();
}

static enum hark_outcome outcome_of(
	const struct hark_addr *addr, int code, bool tolerant)
{
	if (code == 0)
		return HARK_OUTCOME_OPEN;
	if (tolerant && family_is_off(addr, code))
		return HARK_OUTCOME_FAMILY_OFF;
	if (code == -EADDRINUSE)
		return HARK_OUTCOME_IN_USE;
	if (code == -EADDRNOTAVAIL)
		return HARK_OUTCOME_NOT_LOCAL;
	return HARK_OUTCOME_FAILED;
}

static bool is_failure(const struct hark_verdict *verdict)
{
	return verdict->outcome == HARK_OUTCOME_IN_USE ||
	       verdict->outcome == HARK_OUTCOME_NOT_LOCAL ||
	       verdict->outcome == HARK_OUTCOME_FAILED;
}

/* A verdict on what was tried; the first failure is kept for the caller. */
static void judge(struct attempt *attempt, size_t i, int code, struct hark_error *why)
{
	struct hark_verdict *verdict = &attempt->group->verdict[i];

	if (code == -EADDRINUSE)
		explain_in_use(attempt, i, why);
	verdict->outcome =
		(int)outcome_of(&verdict->addr, code, attempt->group->tolerant);
	verdict->code = code;
	verdict->step = code ? why->step : HARK_STEP_NONE;
	if (is_failure(verdict) && attempt->first.code == 0)
		attempt->first = *why;
}

/* ------------------------------------------------------------------------ one attempt */

static void bind_one(struct attempt *attempt, size_t i)
{
	struct hark_addr addr = attempt->group->verdict[i].addr;
	struct hark_error why = {0};
	int done;

	if (attempt->drawn && attempt->port)
		(void)hark_addr_set_port(&addr, attempt->port); /* 0 to 65535 */
	done = hark__bound_open(
		&attempt->bound[i], &addr, attempt->group->options, &why);
	judge(attempt, i, done, &why);
	if (done == 0 && attempt->drawn && !attempt->port)
		attempt->port = hark_addr_port(&attempt->bound[i].addr);
}

static bool is_duplicate(const struct hark_verdict *verdict)
{
	return verdict->outcome == HARK_OUTCOME_DUPLICATE;
}

static void bind_all(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->group->count; i++) {
		attempt->bound[i] =
			(struct hark__bound){.fd = -1, .lock = HARK__NO_LOCK};
		if (!is_duplicate(&attempt->group->verdict[i]) && !attempt->collision)
			bind_one(attempt, i);
	}
}

static void listen_one(struct attempt *attempt, size_t i)
{
	struct hark_error why = {0};
	int done = hark__bound_listen(&attempt->bound[i],
		&attempt->listeners[attempt->opened], attempt->group->options, &why);

	if (done == 0) {
		attempt->place[i] = ++attempt->opened;
		return;
	}
	judge(attempt, i, done, &why);
	if (!attempt->collision) /* else keep_loser wants its port */
		hark__bound_drop(&attempt->bound[i]);
}

static void listen_all(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->group->count; i++)
		if (attempt->bound[i].fd >= 0 && !attempt->collision)
			listen_one(attempt, i);
}

static void undo(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->group->count; i++)
		hark__bound_drop(&attempt->bound[i]);
	while (attempt->opened > 0)
		(void)hark_listener_close_now(&attempt->listeners[--attempt->opened],
			NULL); /* a moment old; the failure is what counts */
}

static bool failed(const struct attempt *attempt)
{
	return attempt->first.code &&
	       (attempt->group->options->lenient != HARK_ON || attempt->collision);
}

/* Why nothing is open; 0 when there was nothing to open, all of it being open already. */
static int explain_none(struct attempt *attempt, struct hark_error *err)
{
	const struct hark_verdict *verdict = attempt->group->verdict;
	bool lenient = attempt->group->options->lenient == HARK_ON;

	if (attempt->first.code && lenient && attempt->group->count > 1)
		attempt->first.cause = HARK_CAUSE_ALL_FAILED;
	if (attempt->first.code && err)
		*err = attempt->first;
	if (attempt->first.code)
		return attempt->first.code;
	for (size_t i = 0; i < attempt->group->count; i++)
		if (verdict[i].outcome == HARK_OUTCOME_FAMILY_OFF)
			return HARK__FAIL(err, .step = HARK_STEP_SOCKET,
				.code = verdict[i].code, .addr = &verdict[i].addr,
				.cause = HARK_CAUSE_FAMILY_OFF);
	return 0;
}

/* The verdicts tell the real ports only now: an attempt that collides starts anew. */
static void tell_ports(struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->group->count; i++)
		if (attempt->place[i])
			attempt->group->verdict[i].addr =
				attempt->listeners[attempt->place[i] - 1].addr;
}

static void try_all(struct attempt *attempt)
{
	bind_all(attempt);
	if (!failed(attempt))
		listen_all(attempt);
}

/* ------------------------------------------------------------------- the shared port */

static void close_losers(const int *losers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)sys_close(losers[i]); /* on a port that nobody was told */
}

/* Keeps the first socket, and with it the port that was refused, out of the next draw. */
static int keep_loser(struct attempt *attempt)
{
	if (attempt->opened > 0) { /* the conflict came with listen(2) */
		attempt->listeners[0].origin = HARK_ORIGIN_NONE;
		return attempt->listeners[0].fd;
	}
	for (size_t i = 0; i < attempt->group->count; i++) {
		int fd = attempt->bound[i].fd;

		if (fd < 0)
			continue;
		attempt->bound[i].fd = -1;
		return fd;
	}
	return -1;
}

static void judge_untried(struct hark_verdict *verdict)
{
	verdict->outcome = HARK_OUTCOME_UNTRIED;
	verdict->step = HARK_STEP_NONE;
	verdict->code = 0;
}

static void begin(struct attempt *attempt, struct hark__group *group,
	struct hark_listener *listeners)
{
	*attempt = (struct attempt){.group = group, .listeners = listeners};
	for (size_t i = 0; i < group->count; i++) {
		if (hark_addr_port(&group->verdict[i].addr) == 0)
			attempt->drawn = true;
		if (!is_duplicate(&group->verdict[i]))
			judge_untried(&group->verdict[i]);
	}
}

static int no_common_port(
	const struct attempt *attempt, long long draws, struct hark_error *err)
{
	return HARK__FAIL(err, .step = HARK_STEP_BIND, .code = -EADDRINUSE,
		.cause = HARK_CAUSE_NO_COMMON_PORT, .addr = &attempt->first.addr,
		.limit = draws);
}

static int finish(struct attempt *attempt, size_t draws, struct hark_error *err)
{
	/* The first address found no port at all: the losers hold what was left. */
	if (attempt->collision || (draws > 0 && attempt->first.code == -EADDRINUSE &&
					  attempt->first.cause != HARK_CAUSE_OVERLAP)) {
		undo(attempt);
		return no_common_port(attempt, (long long)draws, err);
	}
	if (failed(attempt) || attempt->opened == 0) {
		undo(attempt);
		return explain_none(attempt, err);
	}
	tell_ports(attempt);
	return (int)attempt->opened;
}

int hark__group_open(struct hark__group *group, struct hark_listener *listeners,
	struct hark_error *err)
{
	struct attempt attempt;
	int losers[DRAWS];
	size_t draws = 0;
	int done;

	begin(&attempt, group, listeners);
	try_all(&attempt);
	while (attempt.collision && draws < DRAWS) {
		losers[draws] = keep_loser(&attempt);
		if (losers[draws] < 0)
			break;
		draws++;
		undo(&attempt);
		begin(&attempt, group, listeners);
		try_all(&attempt);
	}
	done = finish(&attempt, draws, err);
	close_losers(losers, draws);
	return done;
}
