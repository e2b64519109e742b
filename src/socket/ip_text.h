/* SPDX-License-Identifier: MIT
 *
 * Pieces of text that came from outside, and the numeric hosts in them.
 * Shared by the readers of addresses (endpoint.c) and of address blocks (cidr.c).
 * Floor 2.
 */
#ifndef HARK_SOCKET_IP_TEXT_H
#define HARK_SOCKET_IP_TEXT_H

#include <hark.h>

/* Bytes of somebody else's, without a terminating NUL. */
struct hark__text {
	const char *at;
	size_t length;
};

/* Why a text was refused. */
struct hark__refusal {
	int code; /* negative errno */
	enum hark_cause cause;
	long long limit; /* 0: none */
};

/* The whole of any text: longer ones are refused before they are looked at. */
#define HARK__TEXT_MAX 512

#define HARK__PORT_MAX 65535

/* NULL is empty: getenv(3) of what is not set, say. */
struct hark__text hark__text_of(const char *string);
struct hark__text hark__text_after(struct hark__text text, size_t skip);
struct hark__text hark__text_before(struct hark__text text, const char *end);
bool hark__text_is(struct hark__text text, const char *string);
const char *hark__text_find(struct hark__text text, char wanted);

/* Not the ones of <ctype.h>, which ask the locale. */
bool hark__is_digit(char c);
bool hark__is_letter(char c);

/* Fills *why and returns code. */
int hark__refuse(
	struct hark__refusal *why, int code, enum hark_cause cause, long long limit);
/* Fills err from it, with the text that was given as the subject; returns why->code. */
int hark__refused(struct hark_error *err, struct hark__text given,
	const struct hark__refusal *why);

/* Not empty, not too long, no control bytes. */
int hark__check_text(struct hark__text text, struct hark__refusal *why);

/* Decimal digits alone; -ERANGE above max or with more than `digits` of them. */
int hark__read_number(
	struct hark__text text, size_t digits, long long max, long long *number);

/* The same of a text that ends with a NUL, as variables are; -1 for anything else. */
long long hark__to_number(const char *text, size_t digits, long long max);

/* Would the C library take it for an IPv4 address in one of its many spellings? */
bool hark__is_numeric_host(struct hark__text host);

/* Four decimals (a name is NOT_ONE_ADDRESS); IPv6 without a scope. */
int hark__read_ipv4(
	struct hark__text host, struct in_addr *ip, struct hark__refusal *why);
int hark__read_ipv6(
	struct hark__text host, struct in6_addr *ip, struct hark__refusal *why);
/* With the scope, which must be an interface of this host. */
int hark__read_scoped_ipv6(
	struct hark__text host, struct hark_addr *addr, struct hark__refusal *why);

/* Either of them, without brackets. */
int hark__read_ip(
	struct hark__text host, struct hark_addr *addr, struct hark__refusal *why);

/* Addresses with port 0. */
struct hark_addr hark__addr_of_ipv4(struct in_addr ip);
struct hark_addr hark__addr_of_ipv6(struct in6_addr ip, uint32_t scope);

#endif
