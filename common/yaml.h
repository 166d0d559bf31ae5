/* Configuration text to a C struct through libcyaml's schema, with one clear
 * message per error: `FILE:LINE: policy.zones[2]: text`.
 *
 * libcyaml alone is lenient and vague (1.3.1 takes "3x" as 3 and "maybe" as
 * true, and names the line before an unknown key). So the document is first
 * checked against the same schema here. Accepted: plain YAML without aliases,
 * one document; booleans true|false|yes|no; integers in decimal.
 *
 *     struct raw *raw = NULL;
 *     struct nx_yaml *doc = NULL;
 *     int err = nx_yaml_load("a.yaml", text, len, &schema, (void **)&raw, &doc,
 *                            why, sizeof(why));
 *     if (err == NX_OK && raw->port > 65535) {
 *         err = nx_yaml_error(doc, why, sizeof(why), "port",
 *                             "%u is above 65535", raw->port);
 *     }
 *     nx_yaml_free(&doc); // frees raw, too: copy what is kept
 *
 * The schema's top level is a mapping with CYAML_FLAG_POINTER. Supported in
 * schemas: mapping, sequence, string, bool, int, uint, enum (CYAML_FLAG_STRICT)
 * and ignore. */
#ifndef NX_COMMON_YAML_H
#define NX_COMMON_YAML_H

#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "common/err.h"

#define NX_YAML_TEXT_MAX (1U << 20) /* bytes of configuration */
#define NX_YAML_WHY_MAX 512U        /* a good size for why */

struct nx_yaml;

/* On success *data is what libcyaml loaded (never NULL; owned by *doc) and
 * *doc knows the lines. file is only used in messages and borrowed. On failure
 * why has the message: NX_ECONFIG, NX_ELIMIT (text too long), NX_ENOMEM. */
int nx_yaml_load(const char *file, const uint8_t *text, size_t len,
                 const cyaml_schema_value_t *schema, void **data,
                 struct nx_yaml **doc, char *why, size_t why_cap) NX_MUSTUSE;

void nx_yaml_free(struct nx_yaml **doc);

/* The line (from 1) of the value at `path`, as "policy.zones[2]" with indexes
 * from 0; of the nearest thing around it that exists. */
unsigned nx_yaml_line(const struct nx_yaml *doc, const char *path);

/* Writes "FILE:LINE: PATH: text" to why and returns NX_ECONFIG. */
int nx_yaml_error(const struct nx_yaml *doc, char *why, size_t why_cap,
                  const char *path, const char *fmt, ...) NX_PRINTF(5, 6);

#endif
