#include "common/yaml_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 160U

struct walk {
    yaml_document_t *document;
    struct nx_yaml_problem *problem;
    char path[PATH_MAX_BYTES];
    size_t path_len;
};

static int fail(struct walk *w, const yaml_node_t *node, const char *fmt, ...)
    NX_PRINTF(3, 4);

static int fail(struct walk *w, const yaml_node_t *node, const char *fmt, ...) {
    char *text = w->problem->text;
    size_t cap = sizeof(w->problem->text);
    int n = 0;
    if (w->path_len > 0) {
        n = snprintf(text, cap, "%s: ", w->path);
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text + n, cap - (size_t)n, fmt, args);
    va_end(args);
    w->problem->line = (unsigned)node->start_mark.line + 1;
    return NX_ECONFIG;
}

/* Makes the path longer; the length to give to path_pop. */
static size_t path_push(struct walk *w, const char *key, size_t index) {
    size_t before = w->path_len;
    char *at = w->path + before;
    size_t cap = sizeof(w->path) - before;
    int n = key != NULL ? snprintf(at, cap, "%s%s", before > 0 ? "." : "", key)
                        : snprintf(at, cap, "[%zu]", index);
    w->path_len += (size_t)n < cap ? (size_t)n : cap - 1;
    return before;
}

static void path_pop(struct walk *w, size_t before) {
    w->path_len = before;
    w->path[before] = '\0';
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema,
                       yaml_node_t *node);

static const char *scalar(const yaml_node_t *node) {
    return (const char *)node->data.scalar.value;
}

static const cyaml_schema_field_t *
find_field(const cyaml_schema_field_t *fields, const char *key) {
    for (; fields->key != NULL; fields++) {
        if (strcmp(fields->key, key) == 0) {
            return fields;
        }
    }
    return NULL;
}

static int unknown_key(struct walk *w, const cyaml_schema_field_t *fields,
                       const yaml_node_t *node) {
    char known[200] = "";
    size_t len = 0;
    for (; fields->key != NULL && len < sizeof(known); fields++) {
        int n = snprintf(known + len, sizeof(known) - len, "%s%s",
                         len > 0 ? ", " : "", fields->key);
        len += (size_t)n;
    }
    return fail(w, node, "unknown key \"%.80s\" (known: %s)", scalar(node),
                known);
}

static yaml_node_t *get(struct walk *w, int index) {
    return yaml_document_get_node(w->document, index);
}

static bool key_seen(struct walk *w, const yaml_node_t *node,
                     const yaml_node_pair_t *end, const char *key) {
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < end;
         p++) {
        if (strcmp(scalar(get(w, p->key)), key) == 0) {
            return true;
        }
    }
    return false;
}

static int check_pair(struct walk *w, const cyaml_schema_field_t *fields,
                      const yaml_node_t *node, const yaml_node_pair_t *pair) {
    yaml_node_t *key = get(w, pair->key);
    if (key->type != YAML_SCALAR_NODE ||
        strlen(scalar(key)) != key->data.scalar.length) {
        return fail(w, key, "a key must be a plain word");
    }
    const cyaml_schema_field_t *field = find_field(fields, scalar(key));
    if (field == NULL) {
        return unknown_key(w, fields, key);
    }
    size_t before = path_push(w, field->key, 0);
    int err = key_seen(w, node, pair, field->key)
                  ? fail(w, key, "given twice")
                  : check_value(w, &field->value, get(w, pair->value));
    path_pop(w, before);
    return err;
}

static int check_mapping(struct walk *w, const cyaml_schema_value_t *schema,
                         const yaml_node_t *node) {
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    if (node->type != YAML_MAPPING_NODE) {
        return fail(w, node, "expected keys with values (\"key: value\")");
    }
    const yaml_node_pair_t *top = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < top;
         p++) {
        int err = check_pair(w, fields, node, p);
        if (err != NX_OK) {
            return err;
        }
    }
    for (; fields->key != NULL; fields++) {
        if ((fields->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
            !key_seen(w, node, top, fields->key)) {
            return fail(w, node, "key \"%s\" is missing", fields->key);
        }
    }
    return NX_OK;
}

static int check_sequence(struct walk *w, const cyaml_schema_value_t *schema,
                          const yaml_node_t *node) {
    if (node->type != YAML_SEQUENCE_NODE) {
        return fail(w, node, "expected a list (\"- item\" or [item, item])");
    }
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n = (size_t)(node->data.sequence.items.top - items);
    if (n < schema->sequence.min || n > schema->sequence.max) {
        return fail(w, node, "%zu entries, allowed are %" PRIu32 " to %" PRIu32,
                    n, schema->sequence.min, schema->sequence.max);
    }
    for (size_t i = 0; i < n; i++) {
        size_t before = path_push(w, NULL, i);
        int err = check_value(w, schema->sequence.entry, get(w, items[i]));
        path_pop(w, before);
        if (err != NX_OK) {
            return err;
        }
    }
    return NX_OK;
}

static int check_string(struct walk *w, const cyaml_schema_value_t *schema,
                        const yaml_node_t *node) {
    size_t len = node->data.scalar.length;
    if (len == 0 && schema->string.min > 0) {
        return fail(w, node, "must not be empty");
    }
    if (len < schema->string.min || len > schema->string.max) {
        return fail(w, node,
                    "%zu characters, allowed are %" PRIu32 " to %" PRIu32, len,
                    schema->string.min, schema->string.max);
    }
    return NX_OK;
}

static int check_bool(struct walk *w, const yaml_node_t *node) {
    static const char *const words[] = {"true", "false", "yes", "no"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(scalar(node), words[i]) == 0) {
            return NX_OK;
        }
    }
    return fail(w, node, "\"%.80s\" is not true or false", scalar(node));
}

/* Decimal without signs but "-", and no leading zero: libcyaml would read 010
 * as eight. */
static bool is_decimal(const char *text) {
    const char *digits = text[0] == '-' ? text + 1 : text;
    size_t n = strspn(digits, "0123456789");
    return n > 0 && digits[n] == '\0' && (digits[0] != '0' || n == 1);
}

static int check_number(struct walk *w, const cyaml_schema_value_t *schema,
                        const yaml_node_t *node) {
    const char *text = scalar(node);
    unsigned bits = schema->data_size * 8;
    bool is_signed = schema->type == CYAML_INT;
    if (!is_decimal(text)) {
        return fail(w, node, "\"%.80s\" is not a whole number", text);
    }
    if (!is_signed && text[0] == '-') {
        return fail(w, node, "%.80s is negative", text);
    }
    errno = 0;
    bool fits = false;
    if (is_signed) {
        intmax_t v = strtoimax(text, NULL, 10);
        intmax_t max = (intmax_t)(UINT64_MAX >> (65 - bits));
        fits = v <= max && v >= -max - 1;
    } else {
        fits = strtoumax(text, NULL, 10) <= UINT64_MAX >> (64 - bits);
    }
    return fits && errno == 0 ? NX_OK
                              : fail(w, node, "%.80s is too large", text);
}

static int check_enum(struct walk *w, const cyaml_schema_value_t *schema,
                      const yaml_node_t *node) {
    char known[120] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (strcmp(word, scalar(node)) == 0) {
            return NX_OK;
        }
        int n = len < sizeof(known)
                    ? snprintf(known + len, sizeof(known) - len, "%s%s",
                               len > 0 ? ", " : "", word)
                    : 0;
        len += (size_t)n;
    }
    return fail(w, node, "\"%.80s\" is none of: %s", scalar(node), known);
}

static int check_scalar(struct walk *w, const cyaml_schema_value_t *schema,
                        const yaml_node_t *node) {
    if (node->type != YAML_SCALAR_NODE) {
        return fail(w, node, "expected a single value");
    }
    if (strlen(scalar(node)) != node->data.scalar.length) {
        return fail(w, node, "contains a NUL character");
    }
    switch (schema->type) {
    case CYAML_STRING:
        return check_string(w, schema, node);
    case CYAML_BOOL:
        return check_bool(w, node);
    case CYAML_INT:
    case CYAML_UINT:
        return check_number(w, schema, node);
    case CYAML_ENUM:
        return check_enum(w, schema, node);
    case CYAML_FLAGS:
    case CYAML_FLOAT:
    case CYAML_MAPPING:
    case CYAML_BITFIELD:
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
    case CYAML_IGNORE:
    case CYAML__TYPE_COUNT:
        break;
    }
    return NX_OK; /* left to libcyaml */
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema,
                       yaml_node_t *node) {
    if (schema->type == CYAML_MAPPING) {
        return check_mapping(w, schema, node);
    }
    if (schema->type == CYAML_SEQUENCE) {
        return check_sequence(w, schema, node);
    }
    return schema->type == CYAML_IGNORE ? NX_OK : check_scalar(w, schema, node);
}

int nx_yaml_check(yaml_document_t *document, const cyaml_schema_value_t *schema,
                  struct nx_yaml_problem *problem) {
    struct walk w = {.document = document, .problem = problem};
    return check_value(&w, schema, yaml_document_get_root_node(document));
}
