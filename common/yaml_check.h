/* Checks a YAML document against a libcyaml schema, more strictly and with
 * better messages than libcyaml does. Used by yaml.c alone. */
#ifndef NX_COMMON_YAML_CHECK_H
#define NX_COMMON_YAML_CHECK_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "common/err.h"

struct nx_yaml_problem {
    unsigned line;  /* from 1 */
    char text[400]; /* "policy.zones[2]: must not be empty", not escaped */
};

/* NX_ECONFIG with the first problem. */
int nx_yaml_check(yaml_document_t *document, const cyaml_schema_value_t *schema,
                  struct nx_yaml_problem *problem) NX_MUSTUSE;

#endif
