/* JSON as text, written value by value: byte for byte what jansson writes with
 * JSON_COMPACT | JSON_ENSURE_ASCII, without a tree of values in between. A
 * status has millions of them.
 *
 * Commas are written where they belong. Failure is sticky, as in nx_text: a
 * text that failed is no document. Pure. */
#ifndef NX_COLLECTOR_JSON_PUT_H
#define NX_COLLECTOR_JSON_PUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/status/json_scan.h"
#include "common/text.h"

void nx_put_open(struct nx_text *out, char bracket);  /* '{' or '[' */
void nx_put_close(struct nx_text *out, char bracket); /* '}' or ']' */
/* Of the member whose value is written next: letters, digits, '_'. */
void nx_put_key(struct nx_text *out, const char *key);

void nx_put_null(struct nx_text *out);
void nx_put_bool(struct nx_text *out, bool value);
void nx_put_integer(struct nx_text *out, int64_t value);
void nx_put_real(struct nx_text *out, double value); /* fails: not finite */
/* Any text, as nx_json_text takes it. */
void nx_put_string(struct nx_text *out, const char *text);
/* nx_put_key, nx_put_string. */
void nx_put_member(struct nx_text *out, const char *key, const char *text);

/* A member as it stands in another text, and a value of jansson's, which is
 * taken over (NULL: it fails). */
void nx_put_piece(struct nx_text *out, const struct nx_piece *key,
                  const struct nx_piece *value);
void nx_put_value(struct nx_text *out, json_t *value);

/* A text that came from an operator or a stranger: control characters, and
 * every octet if it is not UTF-8, as `\DDD`. New reference; NULL: no memory. */
json_t *nx_json_text(const char *text);

/* The value that was written. Frees the text. New reference; NULL: it failed,
 * or no memory. */
json_t *nx_put_read(struct nx_text *text);

#endif
