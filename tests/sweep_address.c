/*
 * The fault sweep: addresses that need the system, limits; and that the rest does not.
 */
#include "sweep_scenarios.h"

#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"

/* ----------------------------------------------------------------------------- scopes */

static struct hark_addr address;
static struct hark_endpoint endpoint;
static char text[HARK_ADDR_TEXT_MAX];

static void loopback_interface(void)
{
	REQUIRE(if_nametoindex("lo") > 0, "no interface is called 'lo'");
	(void)snprintf(text, sizeof(text), "[fe80::1%%lo]:80");
}

/* The four ways in; any of them may be the one that fails. */
static long long parse(struct hark_error *err)
{
	int done = CALLED(hark_endpoint_parse)(&endpoint, text, err);

	if (done == 0)
		done = CALLED(hark_endpoint_parse_n)(
			&endpoint, text, strlen(text), err);
	if (done == 0)
		done = CALLED(hark_addr_parse)(&address, text, err);
	if (done == 0)
		done = CALLED(hark_addr_from_ip)(&address, "fe80::1%lo", 80, err);
	return done;
}

static void check_scope(long long result)
{
	if (result >= 0)
		CHECK_INT(address.u.in6.sin6_scope_id, ==, if_nametoindex("lo"));
}

/* A1 */
const struct scenario sweep_parse_scope = {
	.prepare = loopback_interface,
	.body = parse,
	.check = check_scope,
	.reaches = REACHES(NAMETOINDEX),
};

static void number_of_interface(void)
{
	(void)snprintf(text, sizeof(text), "[fe80::1%%%u]:80", if_nametoindex("lo"));
}

static long long parse_number(struct hark_error *err)
{
	return CALLED(hark_addr_parse)(&address, text, err);
}

/* No interface has that name, and none that number: the same to whoever asked. */
const struct scenario sweep_parse_scope_number = {
	.prepare = number_of_interface,
	.body = parse_number,
	.check = check_scope,
	.reaches = REACHES(NAMETOINDEX) | REACHES(INDEXTONAME),
	.exceptions =
		{
			{HARK__CALL_NAMETOINDEX, ENODEV, 1, 0},
			{HARK__CALL_INDEXTONAME, ENXIO, 1, -ENODEV},
		},
};

static void scoped(void)
{
	loopback_interface();
	CHECK_OK(hark_addr_parse(&address, text, NULL));
}

static long long write_text(struct hark_error *err)
{
	char host[HARK_ADDR_TEXT_MAX];
	size_t length = CALLED(hark_addr_text)(&address, text, sizeof(text));

	(void)err;
	(void)CALLED(hark_addr_host_text)(&address, host, sizeof(host));
	CHECK_INT(length, ==, strlen(text));
	CHECK_CONTAINS(host, "fe80::1%");
	return (long long)length;
}

/* A4: with the number where the name cannot be had, and that can be parsed again. */
static void check_text(long long result)
{
	struct hark_addr again;

	(void)result;
	CHECK_OK(hark_addr_parse(&again, text, NULL));
	CHECK_INT(hark_addr_compare(&address, &again), ==, 0);
}

const struct scenario sweep_text_of_scope = {
	.prepare = scoped,
	.body = write_text,
	.check = check_text,
	.reaches = REACHES(INDEXTONAME),
	.exceptions = {{HARK__CALL_INDEXTONAME, ANY, 0, 0}},
	.without_error = true,
};

/* -------------------------------------------------------------------------- resolving */

static bool is_of_use(const char *number, const char *name)
{
	return name && strcmp(number, "127.0.0.1") == 0 && !strstr(name, "localhost");
}

/* Of 127.0.0.1, and no localhost, which asks nobody. */
static bool find_in_hosts(char *name, size_t size)
{
	FILE *file = fopen("/etc/hosts", "re");
	char line[512], *rest;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *number = strtok_r(line, " \t\n", &rest);
		const char *alias = strtok_r(NULL, " \t\n", &rest);

		found = number && is_of_use(number, alias);
		if (found)
			(void)snprintf(name, size, "%s", alias);
	}
	if (file)
		(void)fclose(file); /* only read from */
	return found;
}

/* One address of one family, so that the calls can be counted. */
const char *sweep_hosts_name(void)
{
	static char name[200];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	if (*name)
		return name;
	REQUIRE(find_in_hosts(name, sizeof(name)),
		"no name for 127.0.0.1 in /etc/hosts");
	REQUIRE(getaddrinfo(name, NULL, &hints, &list) == 0, "cannot resolve '%s'",
		name);
	for (const struct addrinfo *each = list; each; each = each->ai_next)
		REQUIRE(each->ai_family == AF_INET, "'%s' is not IPv4 alone", name);
	freeaddrinfo(list);
	return name;
}

static void hosts_name(void)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "%s:80", sweep_hosts_name());
	CHECK_OK(hark_endpoint_parse(&endpoint, line, NULL));
}

static long long resolve(struct hark_error *err)
{
	struct hark_addr addrs[8];
	int found = CALLED(hark_endpoint_resolve)(&endpoint, addrs, 8, err);

	if (found > 0)
		address = addrs[0];
	return found;
}

static void check_port(long long result)
{
	if (result >= 0)
		CHECK_INT(hark_addr_port(&address), ==, 80);
}

/* A3 */
const struct scenario sweep_resolve_name = {
	.prepare = hosts_name,
	.body = resolve,
	.check = check_port,
	.reaches = REACHES(GETADDRINFO),
};

static void service_name(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	REQUIRE(getaddrinfo(NULL, "http", &hints, &list) == 0,
		"the service 'http' is not known here");
	freeaddrinfo(list);
	CHECK_OK(hark_endpoint_parse(&endpoint, "localhost:http", NULL));
}

const struct scenario sweep_resolve_service = {
	.prepare = service_name,
	.body = resolve,
	.check = check_port,
	.reaches = REACHES(GETADDRINFO),
};

/* ----------------------------------------------------------------------------- limits */

static struct rlimit limit;
static struct hark_nofile before, after;

static long long read_limit(struct hark_error *err)
{
	return CALLED(hark_nofile_read)(&before, err);
}

const struct scenario sweep_nofile_read = {
	.body = read_limit,
	.reaches = REACHES(GETRLIMIT),
};

/* Lower than the hard one, and still above all that is open here. */
static void lower_limit(void)
{
	struct rlimit low;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	REQUIRE(limit.rlim_max > 256, "the hard limit is too low to show it");
	low = limit;
	low.rlim_cur = 256;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &low));
}

static long long raise_limit(struct hark_error *err)
{
	return CALLED(hark_nofile_raise)(&before, &after, err);
}

static void check_raised(long long result)
{
	struct rlimit current;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &current));
	if (result < 0)
		CHECK_INT(current.rlim_cur, ==, 256);
	else
		CHECK(current.rlim_cur == limit.rlim_max && before.soft == 256);
}

static void restore_limit(void)
{
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

const struct scenario sweep_nofile_raise = {
	.prepare = lower_limit,
	.body = raise_limit,
	.check = check_raised,
	.clean = restore_limit,
	.reaches = REACHES(GETRLIMIT) | REACHES(SETRLIMIT),
};

/* ----------------------------------------------------------- what makes no system call */

static void read_errors(void)
{
	struct hark_error error = {.code = -EMFILE, .step = HARK_STEP_ACCEPT};
	char line[HARK_ERROR_TEXT_MAX];
	FILE *nowhere = fmemopen(line, sizeof(line), "w");

	CHECK(nowhere);
	CALLED(hark_error_print)(nowhere, &error);
	CHECK_INT(fclose(nowhere), ==, 0);
	CHECK_INT(CALLED(hark_error_text)(&error, line, sizeof(line)), >, 0);
	CHECK_INT(CALLED(hark_error_exit_code)(&error), ==, 111);
	CHECK_STR(CALLED(hark_errno_name)(EMFILE), "EMFILE");
	CHECK_STR(CALLED(hark_version)(), "0.1.0");
	CHECK_INT(CALLED(hark_accept_classify)(-EMFILE), ==, HARK_ACCEPT_EXHAUSTED);
}

static void ask_addresses(const struct hark_addr *addr)
{
	struct hark_addr copy = *addr;

	CHECK_INT(CALLED(hark_addr_family)(addr), ==, AF_INET6);
	CHECK_INT(CALLED(hark_addr_port)(addr), ==, 80);
	CHECK_OK(CALLED(hark_addr_set_port)(&copy, 81));
	CHECK_INT(CALLED(hark_addr_compare)(addr, &copy), !=, 0);
	CHECK(CALLED(hark_addr_same_host)(addr, &copy));
	CHECK(CALLED(hark_addr_is_loopback)(addr));
	CHECK(!CALLED(hark_addr_is_private)(addr));
	CHECK(!CALLED(hark_addr_is_link_local)(addr));
	CHECK(!CALLED(hark_addr_is_unspecified)(addr));
	CHECK(!CALLED(hark_addr_is_multicast)(addr));
	CHECK(CALLED(hark_addr_is_v4_mapped)(addr));
	CALLED(hark_addr_unmap)(&copy);
	CALLED(hark_addr_to_dial)(&copy, addr);
}

static long long ask_nobody(struct hark_error *err)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct hark_cidr cidr;
	struct hark_addr addr;
	int done;

	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	in6.sin6_addr.s6_addr[12] = 127;
	read_errors();
	(void)CALLED(hark_quiesce_method_name)(HARK_QUIESCE_GHOST);
	done = CALLED(hark_addr_from_sockaddr)(
		&addr, (const struct sockaddr *)&in6, sizeof(in6), err);
	if (done < 0)
		return done;
	ask_addresses(&addr);
	done = CALLED(hark_cidr_parse)(&cidr, "127.0.0.0/8", err);
	CHECK(CALLED(hark_cidr_match)(&cidr, &addr));
	return done;
}

/* "Asks neither kernel nor resolver". */
const struct scenario sweep_pure = {
	.body = ask_nobody,
	.reaches = 0,
};
