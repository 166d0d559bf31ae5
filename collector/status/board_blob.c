/* Bytes that are ready to be sent. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "collector/status/json_put.h"

struct nx_blob *nx_blob_ref(struct nx_blob *blob) {
    blob->refs++;
    return blob;
}

void nx_blob_unref(struct nx_blob *blob) {
    if (blob != NULL && --blob->refs == 0) {
        free(blob);
    }
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

bool nx_blob_add(struct nx_blob **blob, size_t *cap, const char *bytes,
                 size_t len) {
    size_t used = *blob != NULL ? (*blob)->len : 0;
    if (*blob == NULL || *cap - used < len + 1) { /* and what ends it */
        size_t room = 2 * (used + len + 1);
        struct nx_blob *grown = realloc(*blob, sizeof(*grown) + room);
        if (grown == NULL) {
            return false;
        }
        grown->refs = 1;
        grown->len = used;
        *blob = grown;
        *cap = room;
    }
    memcpy((*blob)->bytes + used, bytes, len);
    (*blob)->len += len;
    (*blob)->bytes[(*blob)->len] = ',';
    return true;
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

int nx_board_copy(const struct nx_board_page *page, struct nx_board_page *out) {
    struct nx_board_site *sites = calloc(page->sites_n + 1, sizeof(*sites));
    if (sites == NULL) {
        return NX_ENOMEM;
    }
    for (size_t i = 0; i < page->sites_n; i++) {
        sites[i] = page->sites[i];
        (void)nx_blob_ref(sites[i].lane);
        (void)nx_blob_ref(sites[i].full);
    }
    *out = *page;
    out->sites = sites;
    out->lanes = out->groups = NULL;
    (void)nx_blob_ref(out->head);
    return 0;
}

json_t *nx_board_head_of(const struct nx_board_page *page) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_open(&text, '{');
    nx_text_bytes(&text, page->head->bytes, page->head->len);
    nx_put_close(&text, '}');
    return nx_put_read(&text);
}

void nx_board_copy_fini(struct nx_board_page *copy) {
    nx_board_sites_free(copy->sites, copy->sites_n);
    nx_blob_unref(copy->head);
    *copy = (struct nx_board_page){0};
}
