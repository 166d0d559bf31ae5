#include "collector/conf_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/agent_record.h"

#define TEXT(member, flags)                                                    \
    CYAML_FIELD_STRING_PTR(#member, flags, struct nx_raw_labels, member, 0, 256)
#define OPTIONAL(member) TEXT(member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t fields[] = {TEXT(name, CYAML_FLAG_POINTER),
                                              OPTIONAL(site),
                                              OPTIONAL(provider),
                                              OPTIONAL(asn),
                                              OPTIONAL(country),
                                              OPTIONAL(weight),
                                              CYAML_FIELD_END};

const cyaml_schema_value_t nx_conf_labels_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct nx_raw_labels, fields)};

static int complain(const struct nx_conf_labels_job *job,
                    enum nx_label_kind kind, size_t i, const char *key,
                    const char *why, const char *value) {
    char path[64];
    (void)snprintf(path, sizeof(path), "%s[%zu].%s",
                   kind == NX_LABELS_OF_AGENT ? "agents" : "networks", i, key);
    return nx_yaml_error(job->doc, job->why, job->why_cap, path, "%s: \"%s\"",
                         why, value);
}

static int take_values(const struct nx_conf_labels_job *job,
                       enum nx_label_kind kind, const struct nx_raw_labels *raw,
                       size_t i, struct nx_labels *out) {
    const char *const values[NX_LABEL_KEYS_N_] = {
        [NX_LABEL_SITE] = raw->site,     [NX_LABEL_PROVIDER] = raw->provider,
        [NX_LABEL_ASN] = raw->asn,       [NX_LABEL_COUNTRY] = raw->country,
        [NX_LABEL_WEIGHT] = raw->weight,
    };
    nx_labels_init(out);
    for (unsigned k = 0; k < NX_LABEL_KEYS_N_; k++) {
        const char *why = "";
        if (values[k] != NULL && nx_labels_set(out, (enum nx_label_key)k,
                                               values[k], &why) != NX_OK) {
            return complain(job, kind, i, nx_label_key_text(k), why, values[k]);
        }
    }
    return NX_OK;
}

static int take_one(const struct nx_conf_labels_job *job,
                    enum nx_label_kind kind, const struct nx_raw_labels *raw,
                    size_t i) {
    struct nx_conf_labels *to = &job->out->labels[job->out->labels_n];
    if (!nx_agent_label_valid(raw->name)) {
        return complain(job, kind, i, "name",
                        "must be 1 to 63 letters, digits, '.', '_', '-', the "
                        "first a letter or digit",
                        raw->name);
    }
    for (size_t k = 0; k < job->out->labels_n; k++) {
        if (job->out->labels[k].kind == kind &&
            strcmp(job->out->labels[k].name, raw->name) == 0) {
            return complain(job, kind, i, "name", "given twice", raw->name);
        }
    }
    to->kind = kind;
    memcpy(to->name, raw->name, strlen(raw->name) + 1);
    int err = take_values(job, kind, raw, i, &to->labels);
    job->out->labels_n += err == NX_OK ? 1 : 0;
    return err;
}

int nx_conf_labels_take(const struct nx_conf_labels_job *job,
                        enum nx_label_kind kind,
                        const struct nx_raw_labels *raw, size_t n) {
    struct nx_conf_labels *labels = NULL;
    if (n == 0) {
        return NX_OK;
    }
    labels =
        realloc(job->out->labels, (job->out->labels_n + n) * sizeof(*labels));
    if (labels == NULL) {
        return NX_ENOMEM;
    }
    job->out->labels = labels;
    int err = NX_OK;
    for (size_t i = 0; i < n && err == NX_OK; i++) {
        err = take_one(job, kind, &raw[i], i);
    }
    return err;
}
