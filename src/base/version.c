/* SPDX-License-Identifier: MIT
 *
 * The version of the library that runs.  Floor 1.
 */
#include <hark.h>

#define STRING_OF(number) #number
#define VERSION(major, minor, patch) \
	STRING_OF(major) "." STRING_OF(minor) "." STRING_OF(patch)

const char *hark_version(void)
{
	return VERSION(HARK_VERSION_MAJOR, HARK_VERSION_MINOR, HARK_VERSION_PATCH);
}
