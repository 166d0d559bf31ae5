/* Labels in requests: the body that sets them, the query that asks by them. */
#include <stdio.h>
#include <string.h>

#include "collector/api/api_member.h"

/* A value as the text that nx_labels_set takes; NULL: neither text, number nor
 * null. */
static const char *value_text(const json_t *value, char *number) {
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_integer(value)) {
        (void)snprintf(number, NX_LABEL_VALUE_MAX, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
        return number;
    }
    if (json_is_real(value)) {
        (void)snprintf(number, NX_LABEL_VALUE_MAX, "%.6f",
                       json_real_value(value));
        return number;
    }
    return json_is_null(value) ? "" : NULL;
}

static int take_change(const char *key, const json_t *value,
                       struct nx_api_label *out,
                       struct nx_api_problem *problem) {
    char number[NX_LABEL_VALUE_MAX];
    const char *why = "must be a string, a number or null";
    const char *text = value_text(value, number);
    struct nx_label_change *change = &out->changes[out->n];
    struct nx_labels try;
    nx_labels_init(&try);
    change->key = nx_label_key_of(key);
    if (text == NULL || nx_labels_set(&try, change->key, text, &why) != 0) {
        return nx_api_refuse(problem, 422, "labels." NX_SHOWN ": %s", key, why);
    }
    (void)snprintf(change->value, sizeof(change->value), "%s", text);
    out->n++;
    return 0;
}

static int take_changes(json_t *labels, struct nx_api_label *out,
                        struct nx_api_problem *problem) {
    const char *key = NULL;
    json_t *value = NULL;
    int err = 0;
    if (!json_is_object(labels) || json_object_size(labels) == 0 ||
        json_object_size(labels) > NX_LABEL_KEYS_N_) {
        return nx_api_refuse(problem, 422,
                             "labels: must be an object with some of site, "
                             "provider, asn, country, weight");
    }
    json_object_foreach(labels, key, value) {
        err = take_change(key, value, out, problem);
        if (err != 0) {
            break;
        }
    }
    return err;
}

int nx_api_label(const char *body, size_t len, const char *owner,
                 struct nx_api_label *out, struct nx_api_problem *problem) {
    const char *const known[] = {owner, "labels", NULL};
    struct nx_api_label label = {.n = 0};
    const char *name = NULL;
    json_t *root = NULL;
    int err = nx_member_load(body, len, known, &root, problem);
    if (err != 0) {
        return err;
    }
    err = nx_member_text(root, "", owner, false, NX_TEXT_LABEL_MAX - 1, &name,
                         problem);
    if (err == 0) {
        (void)snprintf(label.name, sizeof(label.name), "%s", name);
        err = take_changes(json_object_get(root, "labels"), &label, problem);
    }
    json_decref(root);
    if (err == 0) {
        *out = label;
    }
    return err;
}

/* --- query --- */

static int take_group(const char *value, struct nx_status_query *out,
                      struct nx_api_problem *problem) {
    enum nx_label_key key = nx_label_key_of(value);
    bool by_resolver = strcmp(value, "resolver") == 0;
    if (out->grouped) {
        return nx_api_refuse(problem, 422, "group: given twice");
    }
    if (!by_resolver && (key == NX_LABEL_KEYS_N_ || key == NX_LABEL_WEIGHT)) {
        return nx_api_refuse(problem, 422,
                             "group: must be one of site, provider, asn, "
                             "country, resolver: " NX_SHOWN,
                             value);
    }
    out->grouped = true;
    out->by_resolver = by_resolver;
    out->group = key;
    return 0;
}

static int take_pair(void *user, const char *name, const char *value,
                     struct nx_api_problem *problem) {
    struct nx_status_query *out = user;
    const char *why = "";
    if (strcmp(name, "group") == 0) {
        return take_group(value, out, problem);
    }
    if (strcmp(name, "where") != 0) {
        return nx_api_refuse(problem, 422,
                             "query: only where and group are known: " NX_SHOWN,
                             name);
    }
    return nx_where_add(&out->where, value, &why) == 0
               ? 0
               : nx_api_refuse(problem, 422, "where: %s: " NX_SHOWN, why,
                               value);
}

int nx_api_status_query(const char *query, struct nx_status_query *out,
                        struct nx_api_problem *problem) {
    struct nx_status_query parsed = {.grouped = false};
    int err = nx_query_pairs(query, take_pair, &parsed, problem);
    if (err == 0) {
        *out = parsed;
    }
    return err;
}
