/* The documents of an engine that is fed by hand. Include after cmocka.h. */
#ifndef NX_TESTS_STATUS_BENCH_H
#define NX_TESTS_STATUS_BENCH_H

#include "collector/status/json_put.h"
#include "collector/status/status.h"
#include "tests/lib/engine_bench.h"

/* The list of incidents has the outlook of the document. */
static inline void check_listed(struct engine_bench *b, const json_t *document,
                                int64_t now_us) {
    json_t *list = nx_status_incident_list(b->engine, now_us, NULL);
    size_t i = 0;
    const json_t *one = NULL;
    json_array_foreach(json_object_get(list, "incidents"), i, one) {
        if (json_integer_value(json_object_get(one, "id")) == 7 &&
            json_is_null(json_object_get(one, "closed"))) {
            assert_string_equal(
                json_string_value(json_object_get(one, "outlook")),
                json_string_value(json_object_get(document, "outlook")));
        }
    }
    json_decref(list);
}

static inline json_t *status(struct engine_bench *b, int64_t now_us) {
    json_t *document = nx_status_incident(b->engine, 7, now_us);
    assert_non_null(document);
    check_listed(b, document, now_us);
    return document;
}

/* The same by a query. */
static inline json_t *status_where(struct engine_bench *b,
                                   const struct nx_status_query *query,
                                   int64_t now_us) {
    struct nx_text text;
    nx_text_init(&text);
    nx_status_put_incident(&text, b->engine, 7, query, now_us);
    json_t *document = nx_put_read(&text);
    assert_non_null(document);
    return document;
}

/* The text at "authority.state"; NULL when it is none. */
static inline const char *text_at(const json_t *value, const char *path) {
    char key[64];
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        assert_in_range(len, 1, sizeof(key) - 1);
        memcpy(key, path, len);
        key[len] = '\0';
        value = json_is_array(value)
                    ? json_array_get(value, (size_t)(key[0] - '0'))
                    : json_object_get(value, key);
        path += path[len] == '.' ? len + 1 : len;
    }
    return json_string_value(value);
}

/* So often that nobody doubts it. */
static inline void clear(struct engine_bench *b, uint32_t agent, unsigned r,
                         int64_t from) {
    for (unsigned i = 0; i < 64; i++) {
        sees_address(b, agent, r, from + i * S / 10);
    }
}

#endif
