/* SPDX-License-Identifier: MIT
 *
 * The table of errno and EAI_ constants (errname.h).
 *
 * Constants, not numbers: some processors have numbers of their own, and EDEADLOCK, an
 * alias of EDEADLK on most, is another number there; the first row of a number wins.
 *
 * Floor 1.  Invariant: words are lower case but for proper names, without a full stop.
 */
#include "base/errname.h"

#include <hark.h>

#include <errno.h>
#include <limits.h>
#include <netdb.h>

enum outlook { STAYS, PASSES };

struct errno_row {
	int code;
	enum outlook outlook;
	const char *name;
	const char *words;
};

#define ROW(code, outlook, words)           \
	{                                   \
		code, outlook, #code, words \
	}

static const struct errno_row errno_rows[] = {
	ROW(EPERM, STAYS, "operation not permitted"),
	ROW(ENOENT, STAYS, "no such file or directory"),
	ROW(ESRCH, STAYS, "no such process"),
	ROW(EINTR, PASSES, "interrupted by a signal"),
	ROW(EIO, PASSES, "input or output error"),
	ROW(ENXIO, STAYS, "no such device or address"),
	ROW(E2BIG, STAYS, "argument list too long"),
	ROW(ENOEXEC, STAYS, "not an executable format"),
	ROW(EBADF, STAYS, "not an open descriptor"),
	ROW(ECHILD, STAYS, "no child processes"),
	ROW(EAGAIN, PASSES, "temporarily unavailable"),
	ROW(ENOMEM, PASSES, "out of memory"),
	ROW(EACCES, STAYS, "permission denied"),
	ROW(EFAULT, STAYS, "bad address in memory"),
	ROW(ENOTBLK, STAYS, "not a block device"),
	ROW(EBUSY, PASSES, "busy"),
	ROW(EEXIST, STAYS, "exists already"),
	ROW(EXDEV, STAYS, "on another file system"),
	ROW(ENODEV, STAYS, "no such device"),
	ROW(ENOTDIR, STAYS, "not a directory"),
	ROW(EISDIR, STAYS, "is a directory"),
	ROW(EINVAL, STAYS, "invalid argument"),
	ROW(ENFILE, PASSES, "too many open files in the system"),
	ROW(EMFILE, PASSES, "too many open files in this process"),
	ROW(ENOTTY, STAYS, "not supported by this kind of file"),
	ROW(ETXTBSY, PASSES, "program file busy"),
	ROW(EFBIG, STAYS, "file too large"),
	ROW(ENOSPC, PASSES, "no space left on device"),
	ROW(ESPIPE, STAYS, "cannot seek in it"),
	ROW(EROFS, STAYS, "read-only file system"),
	ROW(EMLINK, STAYS, "too many links"),
	ROW(EPIPE, PASSES, "closed for writing"),
	ROW(EDOM, STAYS, "value out of domain"),
	ROW(ERANGE, STAYS, "value out of range"),
	ROW(EDEADLK, PASSES, "deadlock avoided"),
	ROW(ENAMETOOLONG, STAYS, "name too long"),
	ROW(ENOLCK, PASSES, "no locks available"),
	ROW(ENOSYS, STAYS, "system call not available"),
	ROW(ENOTEMPTY, STAYS, "directory not empty"),
	ROW(ELOOP, STAYS, "too many symbolic links"),
	ROW(ENOMSG, STAYS, "no message of that type"),
	ROW(EIDRM, STAYS, "identifier removed"),
	ROW(ECHRNG, STAYS, "channel number out of range"),
	ROW(EL2NSYNC, STAYS, "level 2 not synchronised"),
	ROW(EL3HLT, STAYS, "level 3 halted"),
	ROW(EL3RST, STAYS, "level 3 reset"),
	ROW(ELNRNG, STAYS, "link number out of range"),
	ROW(EUNATCH, STAYS, "protocol driver not attached"),
	ROW(ENOCSI, STAYS, "no CSI structure available"),
	ROW(EL2HLT, STAYS, "level 2 halted"),
	ROW(EBADE, STAYS, "invalid exchange"),
	ROW(EBADR, STAYS, "invalid request descriptor"),
	ROW(EXFULL, STAYS, "exchange full"),
	ROW(ENOANO, STAYS, "no anode"),
	ROW(EBADRQC, STAYS, "invalid request code"),
	ROW(EBADSLT, STAYS, "invalid slot"),
	ROW(EBFONT, STAYS, "bad font file format"),
	ROW(ENOSTR, STAYS, "not a STREAMS device"),
	ROW(ENODATA, STAYS, "no data available"),
	ROW(ETIME, PASSES, "timer expired"),
	ROW(ENOSR, PASSES, "out of STREAMS resources"),
	ROW(ENONET, PASSES, "machine is not on the network"),
	ROW(ENOPKG, STAYS, "package not installed"),
	ROW(EREMOTE, STAYS, "object is remote"),
	ROW(ENOLINK, STAYS, "link severed"),
	ROW(EADV, STAYS, "advertise error"),
	ROW(ESRMNT, STAYS, "srmount error"),
	ROW(ECOMM, PASSES, "communication error on send"),
	ROW(EPROTO, PASSES, "protocol error"),
	ROW(EMULTIHOP, STAYS, "multihop attempted"),
	ROW(EDOTDOT, STAYS, "RFS specific error"),
	ROW(EBADMSG, STAYS, "bad message"),
	ROW(EOVERFLOW, STAYS, "value too large for its type"),
	ROW(ENOTUNIQ, STAYS, "name not unique on the network"),
	ROW(EBADFD, STAYS, "descriptor in a bad state"),
	ROW(EREMCHG, STAYS, "remote address changed"),
	ROW(ELIBACC, STAYS, "cannot reach a shared library"),
	ROW(ELIBBAD, STAYS, "corrupted shared library"),
	ROW(ELIBSCN, STAYS, "corrupted .lib section"),
	ROW(ELIBMAX, STAYS, "too many shared libraries"),
	ROW(ELIBEXEC, STAYS, "cannot execute a shared library"),
	ROW(EILSEQ, STAYS, "invalid byte sequence"),
	ROW(ERESTART, PASSES, "interrupted, should be restarted"),
	ROW(ESTRPIPE, STAYS, "STREAMS pipe error"),
	ROW(EUSERS, PASSES, "too many users"),
	ROW(ENOTSOCK, STAYS, "not a socket"),
	ROW(EDESTADDRREQ, STAYS, "destination address required"),
	ROW(EMSGSIZE, STAYS, "message too long"),
	ROW(EPROTOTYPE, STAYS, "wrong type of socket for the protocol"),
	ROW(ENOPROTOOPT, STAYS, "no such option for this protocol"),
	ROW(EPROTONOSUPPORT, STAYS, "protocol not supported"),
	ROW(ESOCKTNOSUPPORT, STAYS, "type of socket not supported"),
	ROW(EOPNOTSUPP, STAYS, "operation not supported"),
	ROW(EPFNOSUPPORT, STAYS, "protocol family not supported"),
	ROW(EAFNOSUPPORT, STAYS, "address family not supported"),
	ROW(EADDRINUSE, PASSES, "address already in use"),
	ROW(EADDRNOTAVAIL, PASSES, "address not available"),
	ROW(ENETDOWN, PASSES, "network is down"),
	ROW(ENETUNREACH, PASSES, "network is unreachable"),
	ROW(ENETRESET, PASSES, "connection dropped by a network reset"),
	ROW(ECONNABORTED, PASSES, "connection aborted"),
	ROW(ECONNRESET, PASSES, "connection reset by the peer"),
	ROW(ENOBUFS, PASSES, "no buffer space left"),
	ROW(EISCONN, STAYS, "already connected"),
	ROW(ENOTCONN, STAYS, "not connected"),
	ROW(ESHUTDOWN, STAYS, "shut down for sending"),
	ROW(ETOOMANYREFS, PASSES, "too many references"),
	ROW(ETIMEDOUT, PASSES, "timed out"),
	ROW(ECONNREFUSED, PASSES, "connection refused"),
	ROW(EHOSTDOWN, PASSES, "host is down"),
	ROW(EHOSTUNREACH, PASSES, "no route to host"),
	ROW(EALREADY, PASSES, "already in progress"),
	ROW(EINPROGRESS, PASSES, "now in progress"),
	ROW(ESTALE, PASSES, "stale file handle"),
	ROW(EUCLEAN, STAYS, "structure needs cleaning"),
	ROW(ENOTNAM, STAYS, "not a XENIX named file"),
	ROW(ENAVAIL, STAYS, "no XENIX semaphores available"),
	ROW(EISNAM, STAYS, "is a named file"),
	ROW(EREMOTEIO, PASSES, "remote input or output error"),
	ROW(EDQUOT, PASSES, "disk quota exceeded"),
	ROW(ENOMEDIUM, STAYS, "no medium found"),
	ROW(EMEDIUMTYPE, STAYS, "wrong type of medium"),
	ROW(ECANCELED, PASSES, "cancelled"),
	ROW(ENOKEY, STAYS, "required key not available"),
	ROW(EKEYEXPIRED, STAYS, "key expired"),
	ROW(EKEYREVOKED, STAYS, "key revoked"),
	ROW(EKEYREJECTED, STAYS, "key rejected"),
	ROW(EOWNERDEAD, STAYS, "owner died"),
	ROW(ENOTRECOVERABLE, STAYS, "state not recoverable"),
	ROW(ERFKILL, STAYS, "switched off by RF-kill"),
	ROW(EHWPOISON, STAYS, "memory page has a hardware error"),
	ROW(EDEADLOCK, PASSES, "deadlock avoided"),
};

struct resolver_row {
	int code;
	enum outlook outlook;
	const char *name;
};

#define RESOLVER_ROW(code, outlook)  \
	{                            \
		code, outlook, #code \
	}

/* EAI_SYSTEM is not asked: errno stands beside it. */
static const struct resolver_row resolver_rows[] = {
	RESOLVER_ROW(EAI_BADFLAGS, STAYS),
	RESOLVER_ROW(EAI_NONAME, STAYS),
	RESOLVER_ROW(EAI_AGAIN, PASSES),
	RESOLVER_ROW(EAI_FAIL, STAYS),
	RESOLVER_ROW(EAI_NODATA, STAYS),
	RESOLVER_ROW(EAI_FAMILY, STAYS),
	RESOLVER_ROW(EAI_SOCKTYPE, STAYS),
	RESOLVER_ROW(EAI_SERVICE, STAYS),
	RESOLVER_ROW(EAI_ADDRFAMILY, STAYS),
	RESOLVER_ROW(EAI_MEMORY, PASSES),
	RESOLVER_ROW(EAI_SYSTEM, PASSES),
	RESOLVER_ROW(EAI_OVERFLOW, STAYS),
	RESOLVER_ROW(EAI_INPROGRESS, PASSES),
	RESOLVER_ROW(EAI_CANCELED, PASSES),
	RESOLVER_ROW(EAI_NOTCANCELED, PASSES),
	RESOLVER_ROW(EAI_ALLDONE, STAYS),
	RESOLVER_ROW(EAI_INTR, PASSES),
	RESOLVER_ROW(EAI_IDN_ENCODE, STAYS),
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* INT_MIN has no positive: it is no error of Linux either. */
static const struct errno_row *errno_row(int code)
{
	if (code == INT_MIN)
		return NULL;
	if (code < 0)
		code = -code;
	for (size_t i = 0; i < COUNT(errno_rows); i++)
		if (errno_rows[i].code == code)
			return &errno_rows[i];
	return NULL;
}

static const struct resolver_row *resolver_row(int code)
{
	for (size_t i = 0; i < COUNT(resolver_rows); i++)
		if (resolver_rows[i].code == code)
			return &resolver_rows[i];
	return NULL;
}

const char *hark_errno_name(int code)
{
	const struct errno_row *row = errno_row(code);

	return row ? row->name : "E?";
}

const char *hark__errno_words(int code)
{
	const struct errno_row *row = errno_row(code);

	return row ? row->words : NULL;
}

bool hark__errno_may_pass(int code)
{
	const struct errno_row *row = errno_row(code);

	return row && row->outlook == PASSES;
}

bool hark__resolver_may_pass(int resolver_code)
{
	const struct resolver_row *row = resolver_row(resolver_code);

	return row && row->outlook == PASSES;
}

const char *hark__resolver_name(int resolver_code)
{
	const struct resolver_row *row = resolver_row(resolver_code);

	return row ? row->name : "EAI_?";
}

int hark__errno_at(size_t index)
{
	return index < COUNT(errno_rows) ? errno_rows[index].code : 0;
}
