#include "common/dname.h"

#include "common/hash.h"

#include <string.h>

int nx_dname_check(const uint8_t *wire, size_t len) {
    size_t at = 0;
    while (at < len && at < NX_DNAME_MAX) {
        size_t label = wire[at];
        if (label > NX_LABEL_MAX) {
            return NX_ENAME;
        }
        at += label + 1;
        if (label == 0) {
            return at == len ? 0 : NX_ENAME;
        }
    }
    return NX_ENAME;
}

size_t nx_dname_len(const uint8_t *name) {
    size_t at = 0;
    while (name[at] != 0) {
        at += (size_t)name[at] + 1;
    }
    return at + 1;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* One octet of a label; advances *text. False on a bad escape. */
static bool take_octet(const char **text, uint8_t *out) {
    const char *p = *text;
    if (*p != '\\') {
        *out = (uint8_t)*p;
        *text = p + 1;
        return true;
    }
    p++;
    if (!is_digit(*p)) {
        *out = (uint8_t)*p;
        *text = p + 1;
        return *p != '\0';
    }
    if (!is_digit(p[1]) || !is_digit(p[2])) {
        return false;
    }
    int value = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    *out = (uint8_t)value;
    *text = p + 3;
    return value <= UINT8_MAX;
}

/* One label with its final dot, if any, into out[*at..]. */
static bool take_label(const char **text, uint8_t *out, size_t *at) {
    size_t head = *at;
    size_t n = 0;
    while (**text != '\0' && **text != '.') {
        /* The root label still needs an octet after this one. */
        if (n == NX_LABEL_MAX || head + 1 + n + 1 >= NX_DNAME_MAX) {
            return false;
        }
        if (!take_octet(text, &out[head + 1 + n])) {
            return false;
        }
        n++;
    }
    if (n == 0) {
        return false;
    }
    if (**text == '.') {
        (*text)++;
    }
    out[head] = (uint8_t)n;
    *at = head + 1 + n;
    return true;
}

int nx_dname_parse(const char *text, uint8_t *out) {
    uint8_t wire[NX_DNAME_MAX];
    size_t at = 0;
    if (strcmp(text, ".") != 0) {
        if (*text == '\0') {
            return NX_ENAME;
        }
        while (*text != '\0') {
            if (!take_label(&text, wire, &at)) {
                return NX_ENAME;
            }
        }
    }
    wire[at++] = 0;
    memcpy(out, wire, at);
    return 0;
}

static bool is_plain(uint8_t c) {
    return c > 0x20 && c < 0x7f && strchr("\"();@$\\.", c) == NULL;
}

static char *put_octet(char *p, uint8_t c) {
    if (is_plain(c)) {
        *p++ = (char)c;
        return p;
    }
    *p++ = '\\';
    if (c == '.' || c == '\\') {
        *p++ = (char)c;
        return p;
    }
    *p++ = (char)('0' + c / 100);
    *p++ = (char)('0' + c / 10 % 10);
    *p++ = (char)('0' + c % 10);
    return p;
}

char *nx_dname_text(const uint8_t *name, char *out) {
    char *p = out;
    if (name[0] == 0) {
        *p++ = '.';
    }
    while (name[0] != 0) {
        for (size_t i = 1; i <= name[0]; i++) {
            p = put_octet(p, name[i]);
        }
        *p++ = '.';
        name += (size_t)name[0] + 1;
    }
    *p = '\0';
    return out;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Length octets are below 64 and so never look like letters: the names can be
 * compared as plain bytes. */
bool nx_dname_equal(const uint8_t *a, const uint8_t *b) {
    size_t len = nx_dname_len(a);
    if (len != nx_dname_len(b)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

unsigned nx_dname_labels(const uint8_t *name) {
    unsigned n = 0;
    while (name[0] != 0) {
        name += (size_t)name[0] + 1;
        n++;
    }
    return n;
}

const uint8_t *nx_dname_parent(const uint8_t *name) {
    return name[0] == 0 ? NULL : name + name[0] + 1;
}

bool nx_dname_under(const uint8_t *name, const uint8_t *ancestor) {
    unsigned depth = nx_dname_labels(name);
    unsigned above = nx_dname_labels(ancestor);
    if (depth < above) {
        return false;
    }
    for (; depth > above; depth--) {
        name = nx_dname_parent(name);
    }
    return nx_dname_equal(name, ancestor);
}

size_t nx_dname_lower(const uint8_t *name, uint8_t *out) {
    size_t len = nx_dname_len(name);
    for (size_t i = 0; i < len; i++) {
        out[i] = lower(name[i]);
    }
    return len;
}

uint64_t nx_dname_hash(const uint8_t *name, uint64_t seed) {
    uint8_t plain[NX_DNAME_MAX];
    size_t len = nx_dname_lower(name, plain);
    return nx_hash(plain, len, seed);
}
