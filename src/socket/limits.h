/* SPDX-License-Identifier: MIT
 *
 * What this system allows, read when it is asked.  Floor 2.
 */
#ifndef HARK_SOCKET_LIMITS_H
#define HARK_SOCKET_LIMITS_H

#include <stdbool.h>

/* net.core.somaxconn of this network namespace, or -1 when it cannot be read. */
int hark__backlog_ceiling(void);

/* net.ipv4.ip_unprivileged_port_start, or 0 when it cannot be read. */
int hark__unprivileged_port_start(void);

/* net.ipv4.tcp_migrate_req of this network namespace: when a member of a SO_REUSEPORT group
 * is closed, its clients go to the others. */
bool hark__migrates(void);

#endif
