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
