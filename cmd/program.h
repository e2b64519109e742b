/* SPDX-License-Identifier: MIT
 *
 * The program that clients get: found once, at the start, so that a mistake is told then
 * and not to the first client.
 */
#ifndef HARK_COMMAND_PROGRAM_H
#define HARK_COMMAND_PROGRAM_H

enum { PROGRAM_PATH_MAX = 4096 };

/*
 * Where `name` is: itself when it has a slash, else the first executable file in PATH.
 * 0, or the exit code after a complaint.
 */
int program_find(const char *name, char path[PROGRAM_PATH_MAX]);

/* Whether the user that we are now may run it.  Likewise. */
int program_check(const char *path);

/* Why an exec of it failed, as a clause. */
const char *program_advice(int code);

#endif
