#include "collector/engine/rdata.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/engine/rdata_priv.h"
#include "common/dname.h"
#include "common/rrtype.h"

#define STRING_MAX 255U /* octets of a character-string */
#define TOKEN_MAX 4096U /* octets of one token, after escapes */

const char *nx_rdata_shape(uint16_t qtype) {
    switch (qtype) {
    case NX_TYPE_A:
        return "4";
    case NX_TYPE_AAAA:
        return "6";
    case NX_TYPE_NS:
    case NX_TYPE_CNAME:
    case NX_TYPE_PTR:
    case NX_TYPE_DNAME:
        return "n";
    case NX_TYPE_MX:
        return "2n";
    case NX_TYPE_SRV:
        return "222n";
    case NX_TYPE_TXT:
        return "t";
    case NX_TYPE_CAA:
        return "1sv";
    case NX_TYPE_DS:
        return "211x";
    case NX_TYPE_SOA:
        return "nnlllll";
    case NX_TYPE_SVCB:
    case NX_TYPE_HTTPS:
        return "2np";
    default:
        return NULL;
    }
}

/* --- tokens: words, or strings in quotes, with escapes --- */

struct scan {
    const char *at;
    uint8_t token[TOKEN_MAX + 1]; /* and a NUL */
    size_t token_len;
    bool quoted;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int nx_rdata_octet(const char **at, uint8_t *out) {
    const char *p = *at;
    if (*p != '\\') {
        *out = (uint8_t)*p;
        *at = p + 1;
        return 0;
    }
    if (p[1] == '\0') {
        return NX_EMALFORMED;
    }
    if (!is_digit(p[1])) {
        *out = (uint8_t)p[1];
        *at = p + 2;
        return 0;
    }
    if (!is_digit(p[2]) || !is_digit(p[3])) {
        return NX_EMALFORMED;
    }
    int value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
    *out = (uint8_t)value;
    *at = p + 4;
    return value <= UINT8_MAX ? 0 : NX_EMALFORMED;
}

static void skip_blanks(struct scan *s) {
    while (is_blank(*s->at)) {
        s->at++;
    }
}

/* NX_ENOTFOUND at the end of the text. */
static int next_token(struct scan *s) {
    skip_blanks(s);
    s->token_len = 0;
    s->quoted = *s->at == '"';
    if (*s->at == '\0') {
        return NX_ENOTFOUND;
    }
    s->at += s->quoted ? 1 : 0;
    while (s->quoted ? *s->at != '"' : *s->at != '\0' && !is_blank(*s->at)) {
        if (*s->at == '\0' || s->token_len == TOKEN_MAX) {
            return NX_EMALFORMED;
        }
        int err = nx_rdata_octet(&s->at, &s->token[s->token_len]);
        if (err != 0) {
            return err;
        }
        s->token_len++;
    }
    s->at += s->quoted ? 1 : 0;
    s->token[s->token_len] = 0;
    return 0;
}

/* --- fields --- */

int nx_rdata_put(struct nx_rdata_sink *k, const void *bytes, size_t len) {
    if (len > k->cap - k->len) {
        return NX_ELIMIT;
    }
    if (len > 0) {
        memcpy(k->out + k->len, bytes, len);
    }
    k->len += len;
    return 0;
}

static int put_number(struct nx_rdata_sink *k, const struct scan *s,
                      unsigned octets) {
    const char *text = (const char *)s->token;
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    unsigned long max = UINT32_MAX >> (8 * (4 - octets));
    if (!is_digit(text[0]) || *end != '\0' || value > max) {
        return NX_EMALFORMED;
    }
    uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 8), (uint8_t)(value & 0xff)};
    return nx_rdata_put(k, wire + (4 - octets), octets);
}

static int put_address(struct nx_rdata_sink *k, const struct scan *s,
                       int family) {
    uint8_t wire[16];
    if (inet_pton(family, (const char *)s->token, wire) != 1) {
        return NX_EMALFORMED;
    }
    return nx_rdata_put(k, wire, family == AF_INET ? 4 : 16);
}

/* Names have escapes of their own: parsed from the text as it stands. */
static int put_name(struct nx_rdata_sink *k, struct scan *s) {
    char text[NX_DNAME_TEXT_MAX];
    uint8_t name[NX_DNAME_MAX];
    uint8_t lower[NX_DNAME_MAX];
    skip_blanks(s);
    size_t len = strcspn(s->at, " \t");
    if (len == 0 || len >= sizeof(text)) {
        return NX_EMALFORMED;
    }
    memcpy(text, s->at, len);
    text[len] = '\0';
    s->at += len;
    if (nx_dname_parse(text, name) != 0) {
        return NX_EMALFORMED;
    }
    return nx_rdata_put(k, lower, nx_dname_lower(name, lower));
}

static int put_string(struct nx_rdata_sink *k, const struct scan *s) {
    uint8_t len = (uint8_t)s->token_len;
    if (s->token_len > STRING_MAX) {
        return NX_EMALFORMED;
    }
    int err = nx_rdata_put(k, &len, 1);
    return err != 0 ? err : nx_rdata_put(k, s->token, s->token_len);
}

static int put_strings(struct nx_rdata_sink *k, struct scan *s) {
    int err = next_token(s);
    if (err != 0) {
        return NX_EMALFORMED;
    }
    while (err == 0) {
        err = put_string(k, s);
        err = err != 0 ? err : next_token(s);
    }
    return err == NX_ENOTFOUND ? 0 : err;
}

/* --- hexadecimal, in blocks or in one --- */

static int hex(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int put_hex(struct nx_rdata_sink *k, struct scan *s) {
    for (; skip_blanks(s), *s->at != '\0'; s->at += 2) {
        int hi = hex(s->at[0]);
        int lo = hi < 0 ? -1 : hex(s->at[1]);
        if (lo < 0) {
            return NX_EMALFORMED;
        }
        uint8_t octet = (uint8_t)(hi << 4 | lo);
        int err = nx_rdata_put(k, &octet, 1);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int put_field(struct nx_rdata_sink *k, struct scan *s, char field) {
    if (field == 'n') {
        return put_name(k, s);
    }
    if (field == 't') {
        return put_strings(k, s);
    }
    if (field == 'p') {
        int err = nx_svcparams_parse(s->at, k);
        s->at += strlen(s->at);
        return err;
    }
    if (field == 'x') {
        size_t before = k->len;
        int err = put_hex(k, s);
        return err == 0 && k->len == before ? NX_EMALFORMED : err;
    }
    if (next_token(s) != 0) {
        return NX_EMALFORMED;
    }
    switch (field) {
    case '1':
        return put_number(k, s, 1);
    case '2':
        return put_number(k, s, 2);
    case 'l':
        return put_number(k, s, 4);
    case '4':
        return put_address(k, s, AF_INET);
    case '6':
        return put_address(k, s, AF_INET6);
    case 's':
        return put_string(k, s);
    default: /* 'v' */
        return nx_rdata_put(k, s->token, s->token_len);
    }
}

/* --- generic form --- */

static int parse_generic(uint16_t qtype, struct scan *s,
                         struct nx_rdata_sink *k) {
    char *end = NULL;
    skip_blanks(s);
    unsigned long want = strtoul(s->at, &end, 10);
    if (!is_digit(*s->at) || (*end != '\0' && !is_blank(*end))) {
        return NX_EMALFORMED;
    }
    s->at = end;
    int err = put_hex(k, s);
    if (err != 0) {
        return err;
    }
    return k->len != want ? NX_EMALFORMED
                          : nx_rdata_canonical(qtype, k->out, k->len);
}

int nx_rdata_parse(uint16_t qtype, const char *text, uint8_t *out, size_t cap,
                   size_t *len) {
    struct scan s = {.at = text};
    struct nx_rdata_sink k = {.out = out, .cap = cap};
    const char *shape = nx_rdata_shape(qtype);
    int err = 0;
    skip_blanks(&s);
    if (s.at[0] == '\\' && s.at[1] == '#' && is_blank(s.at[2])) {
        s.at += 2;
        err = parse_generic(qtype, &s, &k);
    } else if (shape == NULL) {
        return NX_EMALFORMED;
    } else {
        for (; *shape != '\0' && err == 0; shape++) {
            err = put_field(&k, &s, *shape);
        }
        skip_blanks(&s);
        err = err == 0 && *s.at != '\0' ? NX_EMALFORMED : err;
    }
    if (err == 0) {
        *len = k.len;
    }
    return err;
}
