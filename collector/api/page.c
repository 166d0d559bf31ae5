#include "collector/api/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/json_scan.h"
#include "common/hash.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

static json_int_t id_of(const json_t *entry) {
    return json_integer_value(json_object_get(entry, "id"));
}

static bool find(const json_t *list, const char *cursor, size_t *out) {
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(list, i, entry) {
        char own[NX_API_CURSOR_MAX];
        (void)snprintf(own, sizeof(own), "%" JSON_INTEGER_FORMAT, id_of(entry));
        if (strcmp(own, cursor) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* From the end: removing from the front of a json array moves all of it. */
static void keep(json_t *list, size_t from, size_t n) {
    size_t size = json_array_size(list);
    while (size > from + n) {
        (void)json_array_remove(list, --size);
    }
    for (size_t i = 0; i < n && from > 0; i++) {
        json_t *entry = json_incref(json_array_get(list, from + i));
        (void)json_array_set_new(list, i, entry);
    }
    while (size > n) {
        (void)json_array_remove(list, --size);
    }
}

int nx_api_no_cursor(struct nx_api_problem *problem) {
    return nx_api_refuse(problem, 422,
                         "cursor: not of this list, or no more; begin again");
}

int nx_api_page(json_t *list, const struct nx_api_request *asked, char *next,
                struct nx_api_problem *problem) {
    size_t size = json_array_size(list);
    size_t from = 0;
    next[0] = '\0';
    if (asked->cursor[0] != '\0') {
        if (!find(list, asked->cursor, &from)) {
            return nx_api_no_cursor(problem);
        }
        from++;
    }
    size_t n = size - from;
    if (asked->limit != 0 && n > asked->limit) {
        n = asked->limit;
        (void)snprintf(next, NX_API_CURSOR_MAX, "%" JSON_INTEGER_FORMAT,
                       id_of(json_array_get(list, from + n - 1)));
    }
    if (n < size) {
        keep(list, from, n);
    }
    return 0;
}

static bool unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

char *nx_api_uri_escape(const char *cursor, char *out) {
    char *to = out;
    for (const char *p = cursor;
         *p != '\0' && to + 4 <= out + NX_URI_CURSOR_MAX; p++) {
        unsigned char c = (unsigned char)*p;
        to += snprintf(to, 4, unreserved(c) ? "%c" : "%%%02X", c);
    }
    *to = '\0';
    return out;
}

/* --- entity tags --- */

static uint64_t digest_of(const char *text, size_t len) {
    struct nx_scan scan = {.at = text, .end = text + len};
    struct nx_piece key;
    struct nx_piece value;
    uint64_t hash = 1;
    nx_scan_enter(&scan, '{');
    while (nx_scan_member(&scan, &key, &value)) {
        if (!nx_piece_is(&key, "now") && !nx_piece_is(&key, "as_of")) {
            hash = nx_hash(key.at, key.len, hash);
            hash = nx_hash(value.at, value.len, hash);
        }
    }
    return hash;
}

char *nx_api_etag_of(uint64_t digest, char *out) {
    (void)snprintf(out, NX_ETAG_MAX, "W/\"%016" PRIx64 "\"", digest);
    return out;
}

char *nx_api_etag(const char *text, size_t len, char *out) {
    return nx_api_etag_of(digest_of(text, len), out);
}

static const char *opaque(const char *tag) {
    return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

bool nx_api_etag_known(const char *if_none_match, const char *etag) {
    const char *tag = opaque(etag);
    size_t len = strlen(tag);
    const char *p = if_none_match;
    if (p == NULL) {
        return false;
    }
    if (strcmp(p, "*") == 0) {
        return true;
    }
    while (*p != '\0') {
        p += strspn(p, " \t,");
        p = opaque(p);
        if (strncmp(p, tag, len) == 0) {
            return true;
        }
        p += strcspn(p, ",");
    }
    return false;
}
