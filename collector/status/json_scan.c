#include "collector/status/json_scan.h"

#include <string.h>

static bool fail(struct nx_scan *scan) {
    scan->failed = true;
    return false;
}

static bool next_is(const struct nx_scan *scan, char c) {
    return !scan->failed && scan->at < scan->end && *scan->at == c;
}

/* A quote behind an odd number of backslashes is part of the string. */
static bool pass_string(struct nx_scan *scan) {
    const char *p = scan->at + 1;
    while (p < scan->end) {
        const char *quote = memchr(p, '"', (size_t)(scan->end - p));
        const char *first = quote;
        if (quote == NULL) {
            break;
        }
        while (first > scan->at + 1 && first[-1] == '\\') {
            first--;
        }
        if ((quote - first) % 2 == 0) {
            scan->at = quote + 1;
            return true;
        }
        p = quote + 1;
    }
    return fail(scan);
}

static bool is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '+' || c == '.' || c == 'E';
}

static bool pass_word(struct nx_scan *scan) {
    const char *from = scan->at;
    while (scan->at < scan->end && is_plain(*scan->at)) {
        scan->at++;
    }
    return scan->at > from || fail(scan);
}

static bool pass_value(struct nx_scan *scan) {
    size_t depth = 0;
    do {
        char c = scan->at < scan->end ? *scan->at : '\0';
        if (c == '"') {
            (void)pass_string(scan);
        } else if (c == '{' || c == '[') {
            depth++;
            scan->at++;
        } else if (depth > 0 && (c == '}' || c == ']')) {
            depth--;
            scan->at++;
        } else if (depth > 0 && (c == ',' || c == ':')) {
            scan->at++;
        } else {
            (void)pass_word(scan);
        }
    } while (depth > 0 && !scan->failed);
    return !scan->failed;
}

void nx_scan_enter(struct nx_scan *scan, char bracket) {
    if (next_is(scan, bracket)) {
        scan->at++;
    } else {
        (void)fail(scan);
    }
}

/* Behind the bracket or behind a value: to the next one. */
static bool go_on(struct nx_scan *scan, char close) {
    bool first = !scan->failed && scan->at < scan->end &&
                 (scan->at[-1] == '{' || scan->at[-1] == '[');
    if (next_is(scan, close)) {
        scan->at++;
        return false;
    }
    if (first) {
        return true;
    }
    if (!next_is(scan, ',')) {
        return fail(scan);
    }
    scan->at++;
    return true;
}

bool nx_scan_value(struct nx_scan *scan, struct nx_piece *value) {
    const char *from = scan->at;
    if (scan->failed || !pass_value(scan)) {
        return false;
    }
    *value = (struct nx_piece){from, (size_t)(scan->at - from)};
    return true;
}

bool nx_scan_element(struct nx_scan *scan, struct nx_piece *value) {
    return go_on(scan, ']') && nx_scan_value(scan, value);
}

bool nx_scan_key(struct nx_scan *scan, struct nx_piece *key) {
    if (!go_on(scan, '}')) {
        return false;
    }
    const char *from = scan->at;
    if (!next_is(scan, '"') || !pass_string(scan)) {
        return fail(scan);
    }
    *key = (struct nx_piece){from + 1, (size_t)(scan->at - from) - 2};
    if (!next_is(scan, ':')) {
        return fail(scan);
    }
    scan->at++;
    return true;
}

bool nx_scan_member(struct nx_scan *scan, struct nx_piece *key,
                    struct nx_piece *value) {
    return nx_scan_key(scan, key) && nx_scan_value(scan, value);
}

bool nx_piece_is(const struct nx_piece *piece, const char *text) {
    return piece->len == strlen(text) &&
           memcmp(piece->at, text, piece->len) == 0;
}
