/* Bytes that are ready to be sent. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

struct nx_blob *nx_blob_ref(struct nx_blob *blob) {
    blob->refs++;
    return blob;
}

void nx_blob_unref(struct nx_blob *blob) {
    if (blob != NULL && --blob->refs == 0) {
        free(blob);
    }
}

struct nx_blob *nx_blob_of(const json_t *value, size_t skip) {
    size_t size = json_dumpb(value, NULL, 0, JSON_FLAGS);
    struct nx_blob *blob = size == 0 ? NULL : malloc(sizeof(*blob) + size);
    if (blob == NULL) {
        return NULL;
    }
    (void)json_dumpb(value, blob->bytes, size, JSON_FLAGS);
    blob->refs = 1;
    blob->len = size - 2 * skip;
    memmove(blob->bytes, blob->bytes + skip, blob->len);
    return blob;
}

/* A status of 1,000 networks leaves faster in one piece than in as many. */
struct nx_blob *nx_blob_of_lanes(const struct nx_board_page *page) {
    size_t size = page->sites_n;
    for (size_t i = 0; i < page->sites_n; i++) {
        size += page->sites[i].lane->len;
    }
    struct nx_blob *all = malloc(sizeof(*all) + size);
    if (all == NULL) {
        return NULL;
    }
    all->refs = 1;
    all->len = 0;
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_blob *lane = page->sites[i].lane;
        if (i > 0) {
            all->bytes[all->len++] = ',';
        }
        memcpy(all->bytes + all->len, lane->bytes, lane->len);
        all->len += lane->len;
    }
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
