#include "common/yaml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/text.h"
#include "common/yaml_check.h"

struct nx_yaml {
    const char *file;
    const cyaml_schema_value_t *schema;
    void *data; /* of libcyaml */
    bool have_document;
    yaml_document_t document;
};

/* What libcyaml said first, for errors that the check did not foresee. */
struct cyaml_said {
    char text[200];
    unsigned line;
};

static void on_cyaml_log(cyaml_log_t level, void *ctx, const char *fmt,
                         va_list args) NX_PRINTF(3, 0);

static void on_cyaml_log(cyaml_log_t level, void *ctx, const char *fmt,
                         va_list args) {
    struct cyaml_said *said = ctx;
    char text[sizeof(said->text)];
    (void)level;
    (void)vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    const char *line = strstr(text, "(line: ");
    if (line != NULL && said->line == 0) {
        said->line = (unsigned)strtoul(line + 7, NULL, 10);
    }
    if (said->text[0] == '\0' && line == NULL) {
        memcpy(said->text, text, sizeof(text));
    }
}

static void cyaml_config(struct cyaml_said *said, cyaml_config_t *out) {
    *out = (cyaml_config_t){.log_fn = on_cyaml_log,
                            .log_ctx = said,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_WARNING,
                            .flags = CYAML_CFG_NO_ALIAS};
}

static int fail_at(const char *file, unsigned line, char *why, size_t why_cap,
                   const char *text) {
    char shown[NX_YAML_WHY_MAX];
    nx_escape(text, shown, sizeof(shown));
    (void)snprintf(why, why_cap, "%s:%u: %s", file, line, shown);
    return NX_ECONFIG;
}

static int parser_error(const struct nx_yaml *doc, const yaml_parser_t *parser,
                        char *why, size_t why_cap) {
    if (parser->error == YAML_MEMORY_ERROR) {
        return NX_ENOMEM;
    }
    return fail_at(doc->file, (unsigned)parser->problem_mark.line + 1, why,
                   why_cap,
                   parser->problem != NULL ? parser->problem : "not YAML");
}

/* The document into *doc, and nothing after it. */
static int parse_document(struct nx_yaml *doc, yaml_parser_t *parser, char *why,
                          size_t why_cap) {
    if (yaml_parser_load(parser, &doc->document) == 0) {
        return parser_error(doc, parser, why, why_cap);
    }
    doc->have_document = true;
    if (yaml_document_get_root_node(&doc->document) == NULL) {
        return fail_at(doc->file, 1, why, why_cap, "empty");
    }
    yaml_document_t second;
    if (yaml_parser_load(parser, &second) == 0) {
        return parser_error(doc, parser, why, why_cap);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    int err = NX_OK;
    if (root != NULL) {
        err = fail_at(doc->file, (unsigned)root->start_mark.line + 1, why,
                      why_cap, "more than one document");
    }
    yaml_document_delete(&second);
    return err;
}

static int parse_text(struct nx_yaml *doc, const uint8_t *text, size_t len,
                      char *why, size_t why_cap) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return NX_ENOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text, len);
    int err = parse_document(doc, &parser, why, why_cap);
    yaml_parser_delete(&parser);
    return err;
}

static int load_data(struct nx_yaml *doc, const uint8_t *text, size_t len,
                     char *why, size_t why_cap) {
    struct cyaml_said said = {{0}, 0};
    cyaml_config_t config;
    cyaml_config(&said, &config);
    cyaml_err_t err =
        cyaml_load_data(text, len, &config, doc->schema, &doc->data, NULL);
    if (err == CYAML_ERR_OOM) {
        return NX_ENOMEM;
    }
    if (err != CYAML_OK || doc->data == NULL) {
        return fail_at(doc->file, said.line > 0 ? said.line : 1, why, why_cap,
                       said.text[0] != '\0' && err != CYAML_ERR_ALIAS
                           ? said.text
                           : cyaml_strerror(err));
    }
    return NX_OK;
}

static int load(struct nx_yaml *doc, const uint8_t *text, size_t len, char *why,
                size_t why_cap) {
    int err = parse_text(doc, text, len, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    struct nx_yaml_problem problem;
    err = nx_yaml_check(&doc->document, doc->schema, &problem);
    if (err != NX_OK) {
        return fail_at(doc->file, problem.line, why, why_cap, problem.text);
    }
    return load_data(doc, text, len, why, why_cap);
}

int nx_yaml_load(const char *file, const uint8_t *text, size_t len,
                 const cyaml_schema_value_t *schema, void **data,
                 struct nx_yaml **out, char *why, size_t why_cap) {
    if (len > NX_YAML_TEXT_MAX) {
        (void)snprintf(why, why_cap, "%s: larger than %u bytes", file,
                       NX_YAML_TEXT_MAX);
        return NX_ELIMIT;
    }
    struct nx_yaml *doc = calloc(1, sizeof(*doc));
    int err = NX_ENOMEM;
    if (doc != NULL) {
        doc->file = file;
        doc->schema = schema;
        err = load(doc, text, len, why, why_cap);
    }
    if (err == NX_ENOMEM) {
        (void)snprintf(why, why_cap, "%s: out of memory", file);
    }
    if (err != NX_OK) {
        nx_yaml_free(&doc);
        return err;
    }
    *data = doc->data;
    *out = doc;
    return NX_OK;
}

void nx_yaml_free(struct nx_yaml **out) {
    struct nx_yaml *doc = *out;
    if (doc == NULL) {
        return;
    }
    struct cyaml_said said = {{0}, 0};
    cyaml_config_t config;
    cyaml_config(&said, &config);
    (void)cyaml_free(&config, doc->schema, doc->data, 0);
    if (doc->have_document) {
        yaml_document_delete(&doc->document);
    }
    free(doc);
    *out = NULL;
}

/* yaml_document_get_node() wants a document that may be changed; it does not
 * change it. */
static yaml_node_t *node_at(const struct nx_yaml *doc, int index) {
    return doc->document.nodes.start + index - 1;
}

static yaml_node_t *child_by_key(const struct nx_yaml *doc, yaml_node_t *node,
                                 const char *key, size_t key_len) {
    if (node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    const yaml_node_pair_t *top = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < top;
         p++) {
        const yaml_node_t *k = node_at(doc, p->key);
        if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == key_len &&
            memcmp(k->data.scalar.value, key, key_len) == 0) {
            return node_at(doc, p->value);
        }
    }
    return NULL;
}

static yaml_node_t *child_by_index(const struct nx_yaml *doc, yaml_node_t *node,
                                   unsigned long index) {
    if (node->type != YAML_SEQUENCE_NODE) {
        return NULL;
    }
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n = (size_t)(node->data.sequence.items.top - items);
    return index < n ? node_at(doc, items[index]) : NULL;
}

unsigned nx_yaml_line(const struct nx_yaml *doc, const char *path) {
    yaml_node_t *node = node_at(doc, 1);
    unsigned line = (unsigned)node->start_mark.line + 1;
    while (*path != '\0') {
        if (*path == '[') {
            char *end = NULL;
            node = child_by_index(doc, node, strtoul(path + 1, &end, 10));
            path = *end == ']' ? end + 1 : end;
        } else {
            path += *path == '.' ? 1 : 0;
            size_t len = strcspn(path, ".[");
            node = child_by_key(doc, node, path, len);
            path += len;
        }
        if (node == NULL) {
            break;
        }
        line = (unsigned)node->start_mark.line + 1;
    }
    return line;
}

int nx_yaml_error(const struct nx_yaml *doc, char *why, size_t why_cap,
                  const char *path, const char *fmt, ...) {
    char text[NX_YAML_WHY_MAX];
    int n = snprintf(text, sizeof(text), "%s: ", path);
    if (n >= 0 && (size_t)n < sizeof(text)) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
        va_end(args);
    }
    return fail_at(doc->file, nx_yaml_line(doc, path), why, why_cap, text);
}
