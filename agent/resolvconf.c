#include "agent/resolvconf.h"

#include <string.h>

#define LINE_MAX_BYTES 128U

/* Takes "%eth0" out of the text. */
static bool take_scope(char *text, char *scope) {
    char *percent = strchr(text, '%');
    scope[0] = '\0';
    if (percent == NULL) {
        return true;
    }
    size_t len = strcspn(percent + 1, "]@/");
    if (len == 0 || len >= NX_SCOPE_MAX) {
        return false;
    }
    memcpy(scope, percent + 1, len);
    scope[len] = '\0';
    memmove(percent, percent + 1 + len, strlen(percent + 1 + len) + 1);
    return true;
}

int nx_listed_parse(const char *text, struct nx_listed *out) {
    char copy[NX_ENDPOINT_TEXT_MAX];
    struct nx_listed listed = {0};
    size_t len = strlen(text);
    if (len >= sizeof(copy)) {
        return NX_EADDRESS;
    }
    memcpy(copy, text, len + 1);
    if (!take_scope(copy, listed.scope) ||
        nx_endpoint_parse(copy, &listed.at) != NX_OK ||
        (listed.scope[0] != '\0' && listed.at.address_len != 16)) {
        return NX_EADDRESS;
    }
    listed.at.layer = NX_LAYER_NETWORK;
    *out = listed;
    return NX_OK;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The word at *p, which moves behind it. */
static const char *take_word(const char **p, const char *end, size_t *len) {
    while (*p < end && is_blank(**p)) {
        (*p)++;
    }
    const char *word = *p;
    while (*p < end && !is_blank(**p)) {
        (*p)++;
    }
    *len = (size_t)(*p - word);
    return word;
}

/* 1: an address; 0: another line; -1: a nameserver line that is wrong. */
static int parse_line(const char *p, const char *end, struct nx_listed *out) {
    size_t len = 0;
    const char *word = take_word(&p, end, &len);
    if (len != strlen("nameserver") || memcmp(word, "nameserver", len) != 0) {
        return 0; /* comments and blank lines too */
    }
    char address[LINE_MAX_BYTES];
    word = take_word(&p, end, &len);
    if (len == 0 || len >= sizeof(address) || memchr(word, '\0', len) != NULL) {
        return -1;
    }
    memcpy(address, word, len);
    address[len] = '\0';
    /* resolv.conf(5) knows no ports or transports. */
    if (strpbrk(address, "@/[]") != NULL) {
        return -1;
    }
    return nx_listed_parse(address, out) == NX_OK ? 1 : -1;
}

static bool is_known(const struct nx_listed *list, size_t n,
                     const struct nx_listed *one) {
    for (size_t i = 0; i < n; i++) {
        if (nx_endpoint_equal(&list[i].at, &one->at) &&
            strcmp(list[i].scope, one->scope) == 0) {
            return true;
        }
    }
    return false;
}

size_t nx_resolvconf_parse(const char *text, size_t len, struct nx_listed *out,
                           size_t cap, size_t *skipped) {
    const char *end = text + len;
    size_t n = 0;
    *skipped = 0;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline != NULL ? newline : end;
        struct nx_listed one;
        int found = parse_line(text, line_end, &one);
        if (found == 1 && !is_known(out, n, &one)) {
            if (n < cap) {
                out[n++] = one;
            } else {
                (*skipped)++;
            }
        } else if (found < 0) {
            (*skipped)++;
        }
        text = newline != NULL ? newline + 1 : end;
    }
    return n;
}

bool nx_resolvconf_is_stub(const struct nx_endpoint *at) {
    static const uint8_t stub[3] = {127, 0, 0};
    return at->address_len == 4 &&
           memcmp(at->address, stub, sizeof(stub)) == 0 &&
           (at->address[3] == 53 || at->address[3] == 54);
}
