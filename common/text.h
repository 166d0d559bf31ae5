/* A growing text, and the escaping of what strangers wrote.
 *
 * Failure is sticky: after one failed allocation every call does nothing and
 * nx_text_take gives NULL, so that callers check once. */
#ifndef NX_COMMON_TEXT_H
#define NX_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct nx_text {
    char *bytes; /* NUL-terminated; NULL while empty */
    size_t len;
    size_t cap;
    bool failed;
};

void nx_text_init(struct nx_text *text);
void nx_text_fini(struct nx_text *text);

void nx_text_bytes(struct nx_text *text, const char *bytes, size_t len);
void nx_text_add(struct nx_text *text, const char *string);
void nx_text_addf(struct nx_text *text, const char *format, ...)
    NX_PRINTF(2, 3);

/* The number in decimal, with a NUL, into out; returns its length. A tenth of
 * what printf takes, for documents of very many numbers. */
#define NX_DIGITS_MAX 21U
size_t nx_digits(int64_t value, char *out);

/* Adds the string with every octet outside printable ASCII (0x20..0x7e) as
 * `\DDD`: safe for a terminal and a log. */
void nx_text_escaped(struct nx_text *text, const char *string);

/* The text, to be freed by the caller; NULL after a failure. Leaves *text
 * empty. */
char *nx_text_take(struct nx_text *text);

/* Escapes as nx_text_escaped into out (cap bytes with the NUL), cutting at the
 * last whole escape that fits; returns out. */
char *nx_escape(const char *string, char *out, size_t cap);

#endif
