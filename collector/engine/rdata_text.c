#include "collector/engine/rdata.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collector/engine/rdata_priv.h"
#include "common/dname.h"

#define HEX_GROUP 28U /* octets */

/* Octets of the name at p, 0 when there is none within len. */
static size_t name_len(const uint8_t *p, size_t len) {
    size_t at = 0;
    while (at < len && at < NX_DNAME_MAX && p[at] <= NX_LABEL_MAX) {
        if (p[at] == 0) {
            return nx_dname_check(p, at + 1) == 0 ? at + 1 : 0;
        }
        at += (size_t)p[at] + 1;
    }
    return 0;
}

/* Octets that a field takes of the rest, SIZE_MAX when it does not fit. */
static size_t field_len(char field, const uint8_t *p, size_t len) {
    size_t need = SIZE_MAX;
    switch (field) {
    case '1':
        need = 1;
        break;
    case '2':
        need = 2;
        break;
    case '4':
    case 'l':
        need = 4;
        break;
    case '6':
        need = 16;
        break;
    case 'n':
        need = name_len(p, len);
        need = need == 0 ? SIZE_MAX : need;
        break;
    case 's':
    case 't':
        need = len > 0 ? (size_t)p[0] + 1 : SIZE_MAX;
        break;
    case 'x':
        need = len > 0 ? len : SIZE_MAX;
        break;
    case 'p':
        need = nx_svcparams_fit(p, len) ? len : SIZE_MAX;
        break;
    default: /* 'v' */
        need = len;
        break;
    }
    return need <= len ? need : SIZE_MAX;
}

/* One step through RDATA of a shape. False at its end, or when it does not fit
 * (then *fits is false). */
struct walk {
    const char *shape;
    const uint8_t *at;
    size_t left;
    bool fits;
    char field; /* of this step */
    const uint8_t *bytes;
    size_t len;
};

static bool step(struct walk *w) {
    if (*w->shape == '\0') {
        w->fits = w->left == 0;
        return false;
    }
    w->field = *w->shape;
    w->len = field_len(w->field, w->at, w->left);
    if (w->len == SIZE_MAX) {
        w->fits = false;
        return false;
    }
    w->bytes = w->at;
    w->at += w->len;
    w->left -= w->len;
    if (w->field != 't' || w->left == 0) {
        w->shape++;
    }
    return true;
}

static bool shape_fits(const char *shape, const uint8_t *rdata, size_t len) {
    struct walk w = {.shape = shape, .at = rdata, .left = len, .fits = true};
    while (step(&w)) {
    }
    return w.fits;
}

int nx_rdata_canonical(uint16_t qtype, uint8_t *rdata, size_t len) {
    const char *shape = nx_rdata_shape(qtype);
    if (shape == NULL) {
        return 0;
    }
    if (!shape_fits(shape, rdata, len)) {
        return NX_EMALFORMED;
    }
    struct walk w = {.shape = shape, .at = rdata, .left = len, .fits = true};
    while (step(&w)) {
        if (w.field == 'n') {
            uint8_t lower[NX_DNAME_MAX];
            size_t n = nx_dname_lower(w.bytes, lower);
            memcpy(rdata + (w.bytes - rdata), lower, n);
        }
    }
    return 0;
}

/* --- presentation --- */

void nx_rdata_add(struct nx_rdata_page *page, const char *text) {
    size_t len = strlen(text);
    if (page->len + len < page->cap) {
        memcpy(page->out + page->len, text, len + 1);
        page->len += len;
    } else {
        page->cap = page->len; /* no later piece may slip in */
    }
}

void nx_rdata_add_octet(struct nx_rdata_page *page, uint8_t octet) {
    char text[8];
    bool plain = octet >= 0x20 && octet < 0x7f;
    bool marked = octet == '"' || octet == '\\';
    (void)snprintf(text, sizeof(text),
                   plain ? (marked ? "\\%c" : "%c") : "\\%03u", octet);
    nx_rdata_add(page, text);
}

static void add_number(struct nx_rdata_page *page, const uint8_t *p,
                       size_t len) {
    char text[12];
    unsigned value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | p[i];
    }
    (void)snprintf(text, sizeof(text), "%u", value);
    nx_rdata_add(page, text);
}

static void add_quoted(struct nx_rdata_page *page, const uint8_t *p,
                       size_t len) {
    nx_rdata_add(page, "\"");
    for (size_t i = 0; i < len; i++) {
        nx_rdata_add_octet(page, p[i]);
    }
    nx_rdata_add(page, "\"");
}

/* A tag: letters and digits (RFC 8659 section 4.1) need no quotes. */
static void add_tag(struct nx_rdata_page *page, const uint8_t *p, size_t len) {
    char text[UINT8_MAX + 1];
    size_t n = 0;
    while (n < len && isalnum(p[n]) != 0) {
        text[n] = (char)p[n];
        n++;
    }
    text[n] = '\0';
    if (n == len && n > 0) {
        nx_rdata_add(page, text);
    } else {
        add_quoted(page, p, len);
    }
}

static void add_address(struct nx_rdata_page *page, const uint8_t *p,
                        size_t len) {
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(len == 4 ? AF_INET : AF_INET6, p, text, sizeof(text)) !=
        NULL) {
        nx_rdata_add(page, text);
    }
}

/* In groups, as dig writes it. */
static void add_hex(struct nx_rdata_page *page, const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char text[4];
        (void)snprintf(text, sizeof(text), "%s%02X",
                       i > 0 && i % HEX_GROUP == 0 ? " " : "", p[i]);
        nx_rdata_add(page, text);
    }
}

static void add_field(struct nx_rdata_page *page, const struct walk *w) {
    char name[NX_DNAME_TEXT_MAX];
    switch (w->field) {
    case '1':
    case '2':
    case 'l':
        add_number(page, w->bytes, w->len);
        break;
    case 'p':
        nx_svcparams_add(page, w->bytes, w->len);
        break;
    case 'x':
        add_hex(page, w->bytes, w->len);
        break;
    case '4':
    case '6':
        add_address(page, w->bytes, w->len);
        break;
    case 'n':
        nx_rdata_add(page, nx_dname_text(w->bytes, name));
        break;
    case 's':
        add_tag(page, w->bytes + 1, w->len - 1);
        break;
    case 't':
        add_quoted(page, w->bytes + 1, w->len - 1);
        break;
    default: /* 'v' */
        add_quoted(page, w->bytes, w->len);
        break;
    }
}

static void add_generic(struct nx_rdata_page *page, const uint8_t *rdata,
                        size_t len) {
    char text[32];
    (void)snprintf(text, sizeof(text), "\\# %zu%s", len, len > 0 ? " " : "");
    nx_rdata_add(page, text);
    add_hex(page, rdata, len);
}

char *nx_rdata_present(uint16_t qtype, const uint8_t *rdata, size_t len,
                       char *out, size_t cap) {
    struct nx_rdata_page page = {.out = out, .cap = cap};
    const char *shape = nx_rdata_shape(qtype);
    if (cap > 0) {
        out[0] = '\0';
    }
    if (shape == NULL || !shape_fits(shape, rdata, len)) {
        add_generic(&page, rdata, len);
        return out;
    }
    struct walk w = {.shape = shape, .at = rdata, .left = len, .fits = true};
    while (step(&w)) {
        if (page.len > 0 && w.field != 'p') {
            nx_rdata_add(&page, " ");
        }
        add_field(&page, &w);
    }
    return out;
}
