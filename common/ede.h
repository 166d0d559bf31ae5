/* Extended DNS errors (RFC 8914). Pure. */
#ifndef NX_COMMON_EDE_H
#define NX_COMMON_EDE_H

#include <stddef.h>

#define NX_EDE_TEXT_MAX 56U /* with the NUL */

/* The name of an INFO-CODE in the registry of section 5.2: "Blocked"; NULL:
 * one that is not known. */
const char *nx_ede_name(unsigned code);

/* "EDE 15 (Blocked)", "EDE 4711"; out has room for NX_EDE_TEXT_MAX. */
const char *nx_ede_write(unsigned code, char *out);

#endif
