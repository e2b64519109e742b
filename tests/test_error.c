/*
 * Errors as programs see them: the line that is made of the facts, the exit code, the
 * names. The facts are made here; that calls give the right ones is shown where those
 * calls are.
 */
#include "addresses.h"
#include "harness.h"

#include <hark.h>

#include <limits.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct line {
	char at[HARK_ERROR_TEXT_MAX];
};

static struct line line_of(const struct hark_error *error)
{
	struct line line;
	size_t length = hark_error_text(error, line.at, sizeof(line.at));

	CHECK_INT(length, ==, strlen(line.at));
	return line;
}

#define LINE(...) line_of(&(struct hark_error){__VA_ARGS__}).at

/* -------------------------------------------------------------------------- the line */

/* E2 B1: the words of the specification */
TEST(explains_a_low_port, "a low port names the boundary and what would help")
{
	struct hark_addr addr = ipv4("0.0.0.0", 80);

	CHECK_STR(LINE(.step = HARK_STEP_BIND, .code = -EACCES, .addr = addr,
			  .limit = 1024),
		"cannot bind '0.0.0.0:80': permission denied (EACCES); ports below "
		"1024 "
		"need CAP_NET_BIND_SERVICE or a lower "
		"net.ipv4.ip_unprivileged_port_start");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EACCES, .addr = addr),
		"(1024 by default)");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EACCES, .addr = addr,
			       .limit = 80),
		"ports from 80 on need no privilege");
}

/* E2 B1 L3 */
TEST(explains_an_address_in_use, "an address in use names who could tell the holder")
{
	struct hark_addr addr = ipv4("127.0.0.1", 4481);
	struct hark_addr any = ipv6("::", 0);
	struct hark_addr abstract = local("\0x", 2), path = local("/run/x", 6);

	CHECK_STR(LINE(.step = HARK_STEP_BIND, .code = -EADDRINUSE, .addr = addr),
		"cannot bind '127.0.0.1:4481': address already in use (EADDRINUSE); "
		"another socket holds it; `ss -tanp 'sport = :4481'` shows which, to "
		"root also whose");
	CHECK_STR(LINE(.step = HARK_STEP_LISTEN, .code = -EADDRINUSE, .addr = addr),
		"cannot listen on '127.0.0.1:4481': another socket listens on it "
		"already (EADDRINUSE); `ss -tanp 'sport = :4481'` shows which, to root "
		"also whose");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EADDRINUSE, .addr = any),
		"cannot bind '[::]:0': no port is free (EADDRINUSE); widen "
		"net.ipv4.ip_local_port_range");
	CHECK_CONTAINS(
		LINE(.step = HARK_STEP_BIND, .code = -EADDRINUSE, .addr = abstract),
		"cannot bind 'unix:@x': address already in use (EADDRINUSE); another "
		"socket has that name");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EADDRINUSE, .addr = path),
		"the path exists; `ss -lxp` shows whether a server has it: if none "
		"has, remove it");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EADDRINUSE, .addr = path,
			       .cause = HARK_CAUSE_LIVE_SERVER),
		"cannot bind 'unix:/run/x': a server holds that path (EADDRINUSE);");
}

/* E2 B1 */
TEST(explains_a_foreign_address, "an address that this host has not is called that")
{
	struct hark_addr addr = ipv4("1.2.3.4", 80), addr6 = ipv6("2001:db8::1", 80);
	struct hark_addr link = ipv6("fe80::1", 80);
	struct hark_addr mapped = ipv6("::ffff:127.0.0.1", 80);

	CHECK_STR(LINE(.step = HARK_STEP_BIND, .code = -EADDRNOTAVAIL, .addr = addr),
		"cannot bind '1.2.3.4:80': it is not an address of this host "
		"(EADDRNOTAVAIL); `ip address` lists those that are; 0.0.0.0 or [::] "
		"means all");
	CHECK_CONTAINS(
		LINE(.step = HARK_STEP_BIND, .code = -EADDRNOTAVAIL, .addr = addr6),
		"`ip -6 address`");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EINVAL, .addr = link),
		"needs its interface");
	CHECK_STR(LINE(.step = HARK_STEP_BIND, .code = -EINVAL, .addr = mapped),
		"cannot bind '[::ffff:127.0.0.1]:80': the socket is for IPv6 alone, "
		"the address is IPv4 (EINVAL); write it as IPv4, as in "
		"127.0.0.1:4481, or leave out ipv6_only");
}

/* E2: the name of the interface may be another's by now, so it comes with the facts */
TEST(shows_the_interface, "an address has its interface's name if the facts have it")
{
	struct hark_addr addr = ipv6("fe80::1", 80);

	addr.u.in6.sin6_scope_id = 7;
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -ENODEV, .addr = addr,
			       .subject = "[fe80::1%eth0]:80"),
		"cannot bind '[fe80::1%eth0]:80': ");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -ENODEV, .addr = addr),
		"cannot bind '[fe80::1%7]:80': ");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -ENODEV, .addr = addr,
			       .subject = "[fe80::12%eth0]:80"),
		"cannot bind '[fe80::1%7]:80': ");
}

/* E2 W5 P4 */
TEST(explains_full_tables, "too many files names the limit, where it is known")
{
	struct hark_addr addr = ipv4("127.0.0.1", 4481);

	CHECK_STR(LINE(.step = HARK_STEP_ACCEPT, .code = -EMFILE, .addr = addr,
			  .limit = 64),
		"cannot accept on '127.0.0.1:4481': too many open files in this "
		"process "
		"(EMFILE); clients wait in the queue; the soft limit is 64: close "
		"some, "
		"or raise it (ulimit -n, LimitNOFILE=, hark_nofile_raise)");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_SOCKET, .code = -EMFILE, .limit = 64),
		"cannot create a socket: too many open files in this process (EMFILE); "
		"the soft limit is 64;");
	CHECK_CONTAINS(
		LINE(.step = HARK_STEP_SOCKET, .code = -EMFILE), "raise RLIMIT_NOFILE");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_ACCEPT, .code = -ENFILE), "fs.file-max");
}

/* A2 E2 E4 */
TEST(explains_bad_addresses, "a bad address is quoted, with what is wrong in it")
{
	CHECK_STR(LINE(.step = HARK_STEP_PARSE, .code = -ERANGE,
			  .cause = HARK_CAUSE_PORT_RANGE, .subject = "70000"),
		"cannot read address '70000': the port is out of range (ERANGE); ports "
		"are 0 to 65535");
	CHECK_STR(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			  .cause = HARK_CAUSE_EMPTY, .subject = ""),
		"cannot read address '': there is nothing in it (EINVAL); write a "
		"port, "
		"host:port, [ipv6]:port or unix:/path");
	CHECK_STR(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			  .cause = HARK_CAUSE_EMPTY, .subject = "unix:@"),
		"cannot read address 'unix:@': there is neither path nor name in it "
		"(EINVAL); write a path, as in unix:/run/hark.sock, or an abstract "
		"name, as in unix:@hark");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			       .cause = HARK_CAUSE_EMPTY, .subject = "activation:"),
		"cannot read address 'activation:': there is no name in it (EINVAL); "
		"write the name of a socket that was passed, as in activation:web");
	CHECK_CONTAINS(
		LINE(.step = HARK_STEP_PARSE, .code = -ENAMETOOLONG,
			.cause = HARK_CAUSE_TOO_LONG, .subject = "x", .limit = 107),
		"longer than 107 bytes (ENAMETOOLONG)");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			       .cause = HARK_CAUSE_BAD_SCOPE, .subject = "x"),
		"needs its interface");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_PARSE, .code = -ENODEV,
			       .cause = HARK_CAUSE_BAD_SCOPE, .subject = "x"),
		"no interface of this host");
}

/* A3 E2 */
TEST(explains_the_resolver,
	"the resolver's code is shown, and the errno with EAI_SYSTEM")
{
	CHECK_STR(LINE(.step = HARK_STEP_RESOLVE, .code = -ENOENT,
			  .resolver_code = EAI_NONAME, .subject = "nowhere.invalid:80"),
		"cannot resolve 'nowhere.invalid:80': no such host (EAI_NONAME); check "
		"the spelling, /etc/hosts and the name servers in /etc/resolv.conf");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_RESOLVE, .code = -EMFILE,
			       .resolver_code = EAI_SYSTEM, .subject = "x:80"),
		"the resolver met a system error: too many open files in this process "
		"(EAI_SYSTEM, EMFILE);");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_RESOLVE, .code = -EIO,
			       .resolver_code = -9999, .subject = "x:80"),
		"(EAI_?);");
}

/* C2 E2 */
TEST(names_the_option,
	"a failed option is named, with its value and the address if known")
{
	struct hark_addr addr = ipv4("127.0.0.1", 4481);

	CHECK_STR(LINE(.step = HARK_STEP_OPTION, .code = -ENOENT, .addr = addr,
			  .option = "congestion", .subject = "bbrx"),
		"cannot set option 'congestion' to 'bbrx' on '127.0.0.1:4481': no such "
		"congestion control algorithm (ENOENT); "
		"net.ipv4.tcp_available_congestion_control lists those loaded; others "
		"are modules (`modprobe tcp_bbr`)");
	CHECK_STR(LINE(.step = HARK_STEP_OPTION, .code = -EINVAL,
			  .cause = HARK_CAUSE_BAD_VALUE, .option = "keep_alive_count",
			  .limit = 300),
		"cannot set option 'keep_alive_count': its value 300 is not allowed "
		"(EINVAL); 1 to 127 probes, 0 for the kernel's (9)");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_OPTION, .code = -ENODEV,
			       .option = "device", .subject = "eth9"),
		"cannot set option 'device' to 'eth9': no such interface (ENODEV);");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_OPTION, .code = -EPERM, .option = "mark"),
		"CAP_NET_ADMIN");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_OPTION, .code = -EINVAL,
			       .cause = HARK_CAUSE_RESERVED, .option = "reserved"),
		hark_version());
	CHECK_CONTAINS(LINE(.step = HARK_STEP_OPTION, .code = -EBUSY,
			       .cause = HARK_CAUSE_HOOK, .option = "before_bind"),
		"said no: busy (EBUSY)");
}

/* D2 E2 */
TEST(names_the_variable, "a bad environment variable is named, with its value")
{
	CHECK_CONTAINS(LINE(.step = HARK_STEP_ENVIRONMENT, .code = -EINVAL,
			       .cause = HARK_CAUSE_BAD_VARIABLE, .option = "LISTEN_FDS",
			       .subject = "x'y"),
		"cannot use 'LISTEN_FDS': its value 'x\\x27y' makes no sense "
		"(EINVAL);");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_ENVIRONMENT, .code = -ENOENT,
			       .cause = HARK_CAUSE_NOT_ACTIVATED),
		"cannot use what was passed: nobody passed a listening socket");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_ENVIRONMENT, .code = -ENOENT,
			       .cause = HARK_CAUSE_NOT_ACTIVATED,
			       .option = "LISTEN_PID", .subject = "1234"),
		"cannot use 'LISTEN_PID': it is '1234', another process (ENOENT);");
	CHECK_CONTAINS(LINE(.step = HARK_STEP_ENVIRONMENT, .code = -ENOENT,
			       .cause = HARK_CAUSE_NO_SUCH_NAME,
			       .option = "LISTEN_FDNAMES", .subject = "q"),
		"cannot use 'LISTEN_FDNAMES': no socket named 'q' was passed to this "
		"process (ENOENT);");
}

/* A1 A2 E2: refused before anybody looks for it, so no socket is missing */
TEST(explains_a_name_that_cannot_be, "a name that nobody can pass is called that")
{
	CHECK_CONTAINS(
		LINE(.step = HARK_STEP_PARSE, .code = -EINVAL,
			.cause = HARK_CAUSE_NO_SUCH_NAME, .subject = "activation:a:b"),
		"cannot read address 'activation:a:b': no socket can have that name "
		"(EINVAL); leave out the colon, and what is not ASCII");
}

/* E1 */
TEST(has_a_text_for_no_error,
	"no error, and a step or number nobody knows, have a text")
{
	struct hark_error error = {.code = 0};

	CHECK_STR(line_of(NULL).at, "no error");
	CHECK_STR(line_of(&error).at, "no error");
	error = (struct hark_error){.code = -4711, .step = 99, .cause = 4711};
	CHECK_CONTAINS(line_of(&error).at, "cannot go on: error 4711 (E?); ");
	error = (struct hark_error){.code = INT_MIN, .step = -1, .cause = -1};
	CHECK_CONTAINS(line_of(&error).at, "error 2147483648 (E?)");
}

/* A4 E2 N7 */
TEST(escapes_hostile_bytes, "bytes from outside cannot leave the quotes or the line")
{
	struct hark_addr addr = local("/a'\n", 4);
	struct hark_error error = {.step = HARK_STEP_PARSE, .code = -EINVAL};

	for (int i = 0; i < 255; i++)
		error.subject[i] = (char)(i + 1);
	CHECK_CONTAINS(LINE(.step = HARK_STEP_BIND, .code = -EIO, .addr = addr),
		"cannot bind 'unix:/a\\x27\\x0a': ");
	CHECK_CONTAINS(line_of(&error).at, "\\x1f !\"#$%&\\x27()");
	CHECK_CONTAINS(line_of(&error).at, "YZ[\\x5c]^_");
	CHECK_CONTAINS(line_of(&error).at, "{|}~\\x7f\\x80");
	CHECK_CONTAINS(line_of(&error).at, "\\xfe\\xff'");
}

static void check_line(const struct hark_error *error)
{
	struct line line = line_of(error);

	CHECK_CONTAINS(line.at, "cannot ");
	for (const char *byte = line.at; *byte; byte++)
		CHECK(*byte >= ' ' && *byte < 0x7f && *byte != '{');
}

/* E2 N7: the longest there can be, for every step, cause and errno */
TEST(fits_whatever_happened, "every line is printable, filled in, and fits")
{
	struct hark_error error;

	memset(&error, 0x92, sizeof(error)); /* neither option nor subject ends */
	error.limit = LLONG_MIN;
	for (int step = 0; step < HARK_STEP_COUNT; step++)
		for (int cause = 0; cause < HARK_CAUSE_COUNT; cause++)
			for (int code = 1; code < 135; code += cause ? 33 : 1)
				for (int kind = 0; kind < 3; kind++) {
					error.step = step;
					error.cause = cause;
					error.code = -code;
					error.resolver_code = kind ? 0 : EAI_SYSTEM;
					error.addr.length = 112;
					error.addr.u.any.sa_family =
						kind == 2 ? AF_UNIX : AF_INET6;
					check_line(&error);
				}
}

/* E1 */
TEST(cuts_like_snprintf, "in a small buffer the line is cut, and its length still told")
{
	struct hark_addr addr = ipv4("0.0.0.0", 80);
	struct hark_error error = {
		.step = HARK_STEP_BIND, .code = -EACCES, .addr = addr, .limit = 1024};
	struct line whole = line_of(&error);
	size_t length = strlen(whole.at);

	CHECK_INT(hark_error_text(&error, NULL, 0), ==, length);
	for (size_t size = 1; size <= length + 2; size++) {
		size_t kept = size - 1 < length ? size - 1 : length;
		struct line line;

		memset(line.at, '#', sizeof(line.at));
		CHECK_INT(hark_error_text(&error, line.at, size), ==, length);
		CHECK_INT(strlen(line.at), ==, kept);
		CHECK(memcmp(line.at, whole.at, kept) == 0);
		CHECK_INT(line.at[size], ==, '#');
	}
}

/* E1: a socket that keeps records apart shows how many writes there were */
TEST(prints_in_one_write, "printing is the line and a newline in one write")
{
	struct hark_error error = {.code = -EIO, .step = HARK_STEP_READ};
	struct line line, printed;
	ssize_t length;
	FILE *stream;
	int pair[2];

	CHECK_SYS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	stream = fdopen(pair[1], "w");
	CHECK(stream != NULL);
	CHECK_INT(setvbuf(stream, NULL, _IONBF, 0), ==, 0);
	hark_error_print(stream, &error);
	CHECK_INT(fclose(stream), ==, 0);
	length = read(pair[0], printed.at, sizeof(printed.at) - 1);
	CHECK_INT(length, >, 0);
	printed.at[length] = '\0';
	line = line_of(&error);
	CHECK_INT(length, ==, strlen(line.at) + 1);
	CHECK_CONTAINS(printed.at, line.at);
	CHECK_INT(printed.at[length - 1], ==, '\n');
	CHECK_INT(read(pair[0], printed.at, sizeof(printed.at)), ==, 0);
	CHECK_SYS(close(pair[0]));
}

/* -------------------------------------------------------------------- the exit codes */

/* E4 */
TEST(tells_whether_to_retry, "100 for what somebody must change, 111 for what may pass")
{
	static const int change[] = {EINVAL, ENOTSOCK, EACCES, EPERM, EEXIST, ENOENT,
		ENOTDIR, EROFS, ERANGE, ENAMETOOLONG, EBADF, EAFNOSUPPORT, ENOPROTOOPT,
		EPROTONOSUPPORT, EOPNOTSUPP, EPROTOTYPE, ENODEV, E2BIG, ENOSYS, 4711};
	static const int pass[] = {EADDRINUSE, EADDRNOTAVAIL, EMFILE, ENFILE, ENOMEM,
		ENOBUFS, EAGAIN, EBUSY, EIO, EINTR, ENOSPC, ETIMEDOUT, ENETDOWN};
	struct hark_error error = {.code = 0};

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		error.code = -change[i];
		CHECK_INT(hark_error_exit_code(&error), ==, 100);
	}
	for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		error.code = -pass[i];
		CHECK_INT(hark_error_exit_code(&error), ==, 111);
	}
	error.code = 0; /* never 0: the caller is about to fail */
	CHECK_INT(hark_error_exit_code(&error), ==, 111);
	CHECK_INT(hark_error_exit_code(NULL), ==, 111);
	error = (struct hark_error){.code = -EADDRINUSE, .cause = HARK_CAUSE_OVERLAP};
	CHECK_INT(hark_error_exit_code(&error), ==, 100); /* ours, so for ever */
}

/* A3 E4 */
TEST(tells_whether_to_ask_again,
	"the resolver's code decides where it was the resolver")
{
	static const struct {
		int resolver_code, code, exit_code;
	} rows[] = {
		{EAI_NONAME, ENOENT, 100},
		{EAI_SERVICE, ENOENT, 100},
		{EAI_FAIL, EIO, 100},
		{EAI_AGAIN, EAGAIN, 111},
		{EAI_MEMORY, ENOMEM, 111},
		{EAI_SYSTEM, EMFILE, 111},
		{EAI_SYSTEM, EACCES, 100},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hark_error error = {.step = HARK_STEP_RESOLVE,
			.code = -rows[i].code,
			.resolver_code = rows[i].resolver_code};

		CHECK_INT(hark_error_exit_code(&error), ==, rows[i].exit_code);
	}
}

/* ------------------------------------------------------------------------- the names */
/* E2 */
TEST(names_errnos, "an errno has its name, whatever its sign")
{
	CHECK_STR(hark_errno_name(EADDRINUSE), "EADDRINUSE");
	CHECK_STR(hark_errno_name(-EADDRINUSE), "EADDRINUSE");
	CHECK_STR(hark_errno_name(EAGAIN), "EAGAIN");
	CHECK_STR(hark_errno_name(EOPNOTSUPP), "EOPNOTSUPP");
	CHECK_STR(hark_errno_name(EDEADLK), "EDEADLK");
	CHECK_STR(hark_errno_name(0), "E?");
	CHECK_STR(hark_errno_name(4711), "E?");
	CHECK_STR(hark_errno_name(INT_MIN), "E?");
}

TEST(tells_its_version, "the library's version is the header's")
{
	char wanted[32];

	(void)snprintf(wanted, sizeof(wanted), "%d.%d.%d", HARK_VERSION_MAJOR,
		HARK_VERSION_MINOR, HARK_VERSION_PATCH);
	CHECK_STR(hark_version(), wanted);
}
