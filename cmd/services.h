/* SPDX-License-Identifier: MIT
 *
 * The built-in services but the proxy: what each says to one client.
 */
#ifndef HARK_COMMAND_SERVICES_H
#define HARK_COMMAND_SERVICES_H

#include "serve_options.h"

#include <hark_server.h>

/* None of them needs a context. */
hark_handler *service_of(enum service service);

#endif
