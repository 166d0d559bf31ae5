/* Bytes that are ready to be sent. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)
#define FIRST_BYTES 4096U

struct nx_blob *nx_blob_ref(struct nx_blob *blob) {
    blob->refs++;
    return blob;
}

void nx_blob_unref(struct nx_blob *blob) {
    if (blob != NULL && --blob->refs == 0) {
        free(blob);
    }
}

/* A blob on its way; NULL: no memory yet. */
struct growing {
    struct nx_blob *blob;
    size_t cap;
};

static int add_bytes(const char *bytes, size_t n, void *user) {
    struct growing *g = user;
    size_t len = g->blob != NULL ? g->blob->len : 0;
    if (n >= g->cap - len) { /* a comma follows */
        size_t cap = 2 * g->cap > len + n ? 2 * g->cap : len + n + FIRST_BYTES;
        struct nx_blob *grown = realloc(g->blob, sizeof(*grown) + cap);
        if (grown == NULL) {
            return -1;
        }
        g->blob = grown;
        g->cap = cap;
    }
    memcpy(g->blob->bytes + len, bytes, n);
    g->blob->len = len + n;
    return 0;
}

/* Written once: to write it in order to learn its size takes as long again. */
struct nx_blob *nx_blob_of(const json_t *value, size_t skip) {
    struct growing g = {.blob = NULL};
    struct nx_blob *blob = NULL;
    if (json_dump_callback(value, add_bytes, &g, JSON_FLAGS) != 0 ||
        g.blob == NULL) {
        free(g.blob);
        return NULL;
    }
    blob = g.blob;
    blob->refs = 1;
    blob->len -= 2 * skip;
    memmove(blob->bytes, blob->bytes + skip, blob->len);
    blob->bytes[blob->len] = ',';
    struct nx_blob *fits = realloc(blob, sizeof(*fits) + blob->len + 1);
    return fits != NULL ? fits : blob;
}

struct nx_blob *nx_blob_of_bytes(const char *bytes, size_t len,
                                 const char *end) {
    size_t end_len = strlen(end);
    struct nx_blob *blob = malloc(sizeof(*blob) + len + end_len + 1);
    if (blob != NULL) {
        blob->refs = 1;
        blob->len = len + end_len;
        memcpy(blob->bytes, bytes, len);
        memcpy(blob->bytes + len, end, end_len);
        blob->bytes[blob->len] = ',';
    }
    return blob;
}

/* A status of 1,000 networks leaves faster in one piece than in as many. */
struct nx_blob *nx_blob_of_lanes(const struct nx_board_page *page) {
    size_t size = 1;
    for (size_t i = 0; i < page->sites_n; i++) {
        size += page->sites[i].lane->len + 1;
    }
    struct nx_blob *all = malloc(sizeof(*all) + size);
    if (all == NULL) {
        return NULL;
    }
    all->refs = 1;
    all->len = 0;
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_blob *lane = page->sites[i].lane;
        memcpy(all->bytes + all->len, lane->bytes, lane->len + 1);
        all->len += lane->len + 1;
    }
    all->len -= all->len > 0 ? 1 : 0; /* none after the last one */
    return all;
}

static bool same(const struct nx_blob *a, const struct nx_blob *b) {
    return a != NULL && a->len == b->len &&
           memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool nx_blob_put(struct nx_blob **at, struct nx_blob *text) {
    if (same(*at, text)) {
        nx_blob_unref(text);
        return false;
    }
    nx_blob_unref(*at);
    *at = text;
    return true;
}
