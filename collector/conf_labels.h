/* The lists `networks` and `agents` of the configuration. Used by conf.c. */
#ifndef NX_COLLECTOR_CONF_LABELS_H
#define NX_COLLECTOR_CONF_LABELS_H

#include "collector/conf.h"
#include "common/yaml.h"

#define NX_CONF_LABELLED_MAX 20000U /* of each list */

/* As libcyaml loads it; NULL: not given. */
struct nx_raw_labels {
    char *name, *site, *provider, *asn, *country, *weight;
};
extern const cyaml_schema_value_t nx_conf_labels_value;

struct nx_conf_labels_job {
    const struct nx_yaml *doc;
    struct nx_collector_conf *out;
    char *why;
    size_t why_cap;
};

/* Appends to job->out->labels. NX_ECONFIG with job->why; NX_ENOMEM. */
int nx_conf_labels_take(const struct nx_conf_labels_job *job,
                        enum nx_label_kind kind,
                        const struct nx_raw_labels *raw, size_t n) NX_MUSTUSE;

#endif
