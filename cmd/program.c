/* SPDX-License-Identifier: MIT
 *
 * Finding a program, as execvp(3) would, and looking whether it can be run; see program.h.
 *
 * What only the exec can tell, such as a damaged file, is told when the first client comes.
 */
#include "program.h"

#include "command.h"
#include "os.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int code;
	const char *advice;
} advices[] = {
	{ENOENT, "there is no such file, or its interpreter is missing"},
	{EACCES, "it may not be executed by this user: 'chmod +x', or look at the "
		 "directories above it and at the mount option noexec"},
	{EISDIR, "it is a directory"},
	{ENOTDIR, "something above it is no directory"},
	{ENOEXEC, "it is neither a binary of this machine nor a script that begins "
		  "with #!"},
	{ELOOP, "symbolic links lead round in a circle"},
	{ENAMETOOLONG, "the path is too long"},
	{ETXTBSY, "somebody is writing to it"},
	{E2BIG, "arguments and environment are too long together"},
	{EAGAIN, "the limit of processes is reached: 'ulimit -u', or pids.max of the "
		 "control group"},
	{ENOMEM, "out of memory"},
	{EMFILE, "out of descriptors: 'ulimit -n'"},
	{ENFILE, "the system is out of descriptors: fs.file-max"},
	{EPERM, "a security policy forbids it"},
};

const char *program_advice(int code)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].code == -code)
			return advices[i].advice;
	return "see execve(2)";
}

static int refuse(const char *path, int code)
{
	char advice[256];

	(void)snprintf(advice, sizeof(advice), "%s (%s)",
		os_file(path) == OS_FILE_OTHER ? "it is no regular file"
					       : program_advice(code),
		hark_errno_name(code));
	complain_of("cannot run the program", path, advice);
	return EXIT_USAGE;
}

/* 0, or why it cannot be run, as far as can be seen. */
static int look(const char *path)
{
	int kind = os_file(path);

	if (kind < 0)
		return kind;
	if (kind != OS_FILE_REGULAR)
		return kind == OS_FILE_DIRECTORY ? -EISDIR : -EACCES;
	return os_may_execute(path);
}

/* A script that somebody forgot to begin with #!: execve(2) would refuse it. */
static bool is_plain_text(const char *start, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)start[i] < ' ' && !strchr("\t\n\r", start[i]))
			return false;
	return size > 0;
}

/*
 * The interpreter that a script names, or "".  To the kernel the carriage return of a DOS
 * line end is a part of its name.
 */
static void interpreter_of(const char *start, char *name, size_t size)
{
	const char *begin = start + 2 + strspn(start + 2, " \t");

	(void)snprintf(name, size, "%.*s", (int)strcspn(begin, " \t\n"), begin);
}

static int refuse_interpreter(const char *path, const char *name)
{
	char advice[512];

	(void)snprintf(advice, sizeof(advice),
		"its first line names the interpreter %s, which cannot be run", name);
	complain_of("cannot run the program", path, advice);
	return EXIT_USAGE;
}

/* One that may be executed and not read is left to the exec. */
int program_check(const char *path)
{
	char start[256], interpreter[256];
	int seen = look(path);
	ssize_t got;

	if (seen < 0)
		return refuse(path, seen);
	got = os_read_start(path, start, sizeof(start) - 1);
	if (got <= 0)
		return EXIT_FINE;
	start[got] = '\0';
	if (strncmp(start, "#!", 2) != 0)
		return is_plain_text(start, (size_t)got) ? refuse(path, -ENOEXEC)
							 : EXIT_FINE;
	interpreter_of(start, interpreter, sizeof(interpreter));
	if (look(interpreter) < 0)
		return refuse_interpreter(path, interpreter);
	return EXIT_FINE;
}

/*
 * One directory of PATH, which an empty word calls the present one: 0, or why it cannot be
 * run from there.
 */
static int look_in(const char *directory, int length, const char *name,
	char path[PROGRAM_PATH_MAX])
{
	int written = snprintf(path, PROGRAM_PATH_MAX, "%.*s%s%s", length, directory,
		length ? "/" : "./", name);

	return written < PROGRAM_PATH_MAX ? look(path) : -ENAMETOOLONG;
}

static int refuse_not_in_path(const char *name, const char *directories)
{
	char advice[512];

	(void)snprintf(advice, sizeof(advice),
		"no directory of PATH has it (%.400s); a path with a slash says where "
		"it is",
		directories);
	complain_of("cannot find the program", name, advice);
	return EXIT_USAGE;
}

/*
 * As execvp(3): one that may not be run is passed over, and remembered; but not a directory
 * that may not be looked into.
 */
static int find_in_path(const char *name, char path[PROGRAM_PATH_MAX])
{
	const char *directories = getenv("PATH"), *next;
	char barred[PROGRAM_PATH_MAX] = "";
	int seen;

	if (!directories)
		directories = "/usr/local/bin:/usr/bin:/bin";
	for (const char *at = directories;; at = next + 1) {
		next = strchrnul(at, ':');
		seen = look_in(at, (int)(next - at), name, path);
		if (seen == 0)
			return program_check(path);
		if (seen == -EACCES && !barred[0] && os_file(path) >= 0)
			memcpy(barred, path, sizeof(barred));
		if (*next == '\0')
			break;
	}
	return barred[0] ? refuse(barred, -EACCES)
			 : refuse_not_in_path(name, directories);
}

int program_find(const char *name, char path[PROGRAM_PATH_MAX])
{
	if (*name == '\0') {
		complain_of("cannot run the program", name, "it has no name");
		return EXIT_USAGE;
	}
	if (strlen(name) >= PROGRAM_PATH_MAX / 2) {
		complain_of("cannot run the program", name, "its name is too long");
		return EXIT_USAGE;
	}
	if (!strchr(name, '/'))
		return find_in_path(name, path);
	(void)snprintf(path, PROGRAM_PATH_MAX, "%s", name);
	return program_check(path);
}
