#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "collector/engine/rdata_priv.h"

/* IANA, Service Parameter Keys: those of RFC 9460 section 14.3.2. */
enum {
    MANDATORY = 0,
    ALPN = 1,
    NO_DEFAULT_ALPN = 2,
    PORT = 3,
    IPV4HINT = 4,
    ECH = 5,
    IPV6HINT = 6,
    INVALID_KEY = 65535, /* never used */
};

#define NAMED_N 7U
#define HEAD 4U          /* octets of key and length */
#define PARAMS_MAX 64U   /* of one record in presentation format */
#define VALUE_MAX 4096U  /* octets of one value, escapes resolved */
#define ID_MAX UINT8_MAX /* octets of one ALPN identifier */
#define BASE64 sodium_base64_VARIANT_ORIGINAL

static const char *const names[NAMED_N] = {
    "mandatory", "alpn", "no-default-alpn", "port",
    "ipv4hint",  "ech",  "ipv6hint"};

static unsigned number(const uint8_t *p) {
    return (unsigned)p[0] << 8 | p[1];
}

/* --- does a value have its key's format? --- */

/* Ascending, each once, without itself (section 8). */
static bool mandatory_fits(const uint8_t *p, size_t len) {
    unsigned before = MANDATORY;
    for (size_t i = 0; i + 2 <= len; i += 2) {
        if (number(p + i) <= before) {
            return false;
        }
        before = number(p + i);
    }
    return len > 0 && len % 2 == 0;
}

/* Identifiers, none of them empty (section 7.1.1). */
static bool alpn_fits(const uint8_t *p, size_t len) {
    size_t at = 0;
    while (at < len && p[at] > 0) {
        at += (size_t)p[at] + 1;
    }
    return len > 0 && at == len;
}

static bool value_fits(unsigned key, const uint8_t *p, size_t len) {
    switch (key) {
    case MANDATORY:
        return mandatory_fits(p, len);
    case ALPN:
        return alpn_fits(p, len);
    case NO_DEFAULT_ALPN:
        return len == 0;
    case PORT:
        return len == 2;
    case IPV4HINT:
        return len > 0 && len % 4 == 0;
    case ECH:
        return len > 0;
    case IPV6HINT:
        return len > 0 && len % 16 == 0;
    default:
        return key != INVALID_KEY;
    }
}

static bool has_key(const uint8_t *params, size_t len, unsigned key) {
    size_t at = 0;
    while (at < len && number(params + at) != key) {
        at += HEAD + number(params + at + 2);
    }
    return at < len;
}

/* What is mandatory is there (section 8); mandatory itself is the first. */
static bool mandatory_there(const uint8_t *params, size_t len) {
    size_t end =
        len > 0 && number(params) == MANDATORY ? HEAD + number(params + 2) : 0;
    for (size_t at = HEAD; at < end; at += 2) {
        if (!has_key(params, len, number(params + at))) {
            return false;
        }
    }
    return true;
}

bool nx_svcparams_fit(const uint8_t *params, size_t len) {
    int before = -1;
    size_t at = 0;
    while (len - at >= HEAD) {
        unsigned key = number(params + at);
        size_t value_len = number(params + at + 2);
        at += HEAD;
        if ((int)key <= before || value_len > len - at ||
            !value_fits(key, params + at, value_len)) {
            return false;
        }
        before = (int)key;
        at += value_len;
    }
    return at == len && mandatory_there(params, len);
}

/* --- presentation --- */

static void add_number(struct nx_rdata_page *page, unsigned value) {
    char text[12];
    (void)snprintf(text, sizeof(text), "%u", value);
    nx_rdata_add(page, text);
}

static void add_key(struct nx_rdata_page *page, unsigned key) {
    if (key < NAMED_N) {
        nx_rdata_add(page, names[key]);
    } else {
        nx_rdata_add(page, "key");
        add_number(page, key);
    }
}

/* Commas in an identifier are marked, and marks, before the string as a whole
 * is escaped (appendix A.1). */
static void add_alpn(struct nx_rdata_page *page, const uint8_t *p, size_t len) {
    nx_rdata_add(page, "\"");
    for (size_t at = 0; at < len; at += (size_t)p[at] + 1) {
        nx_rdata_add(page, at > 0 ? "," : "");
        for (size_t i = 1; i <= p[at]; i++) {
            uint8_t octet = p[at + i];
            nx_rdata_add(page, octet == ',' || octet == '\\' ? "\\\\" : "");
            nx_rdata_add_octet(page, octet);
        }
    }
    nx_rdata_add(page, "\"");
}

static void add_addresses(struct nx_rdata_page *page, int family,
                          const uint8_t *p, size_t len) {
    size_t size = family == AF_INET ? 4 : 16;
    for (size_t at = 0; at < len; at += size) {
        char text[INET6_ADDRSTRLEN];
        nx_rdata_add(page, at > 0 ? "," : "");
        nx_rdata_add(page, inet_ntop(family, p + at, text, sizeof(text)));
    }
}

/* Three octets at a time: the value may be long. */
static void add_base64(struct nx_rdata_page *page, const uint8_t *p,
                       size_t len) {
    for (size_t at = 0; at < len; at += 3) {
        char text[sodium_base64_ENCODED_LEN(3, BASE64)];
        nx_rdata_add(page,
                     sodium_bin2base64(text, sizeof(text), p + at,
                                       len - at < 3 ? len - at : 3, BASE64));
    }
}

static void add_value(struct nx_rdata_page *page, unsigned key,
                      const uint8_t *p, size_t len) {
    nx_rdata_add(page, len > 0 ? "=" : "");
    switch (key) {
    case MANDATORY:
        for (size_t at = 0; at < len; at += 2) {
            nx_rdata_add(page, at > 0 ? "," : "");
            add_key(page, number(p + at));
        }
        break;
    case ALPN:
        add_alpn(page, p, len);
        break;
    case PORT:
        add_number(page, number(p));
        break;
    case IPV4HINT:
        add_addresses(page, AF_INET, p, len);
        break;
    case IPV6HINT:
        add_addresses(page, AF_INET6, p, len);
        break;
    case ECH:
        add_base64(page, p, len);
        break;
    default:
        nx_rdata_add(page, len > 0 ? "\"" : "");
        for (size_t i = 0; i < len; i++) {
            nx_rdata_add_octet(page, p[i]);
        }
        nx_rdata_add(page, len > 0 ? "\"" : "");
        break;
    }
}

void nx_svcparams_add(struct nx_rdata_page *page, const uint8_t *params,
                      size_t len) {
    for (size_t at = 0; at < len;) {
        unsigned key = number(params + at);
        size_t value_len = number(params + at + 2);
        nx_rdata_add(page, " ");
        add_key(page, key);
        add_value(page, key, params + at + HEAD, value_len);
        at += HEAD + value_len;
    }
}

/* --- parsing --- */

/* A decimal number to the end of the text, without zeros before it; UINT_MAX:
 * it is none, or above 65535. */
static unsigned decimal(const char *text) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
                (text[0] != '0' || text[1] == '\0') && value <= UINT16_MAX;
    return good ? (unsigned)value : UINT32_MAX;
}

/* UINT32_MAX: no key is called so. */
static unsigned key_called(const char *name) {
    for (unsigned key = 0; key < NAMED_N; key++) {
        if (strcmp(name, names[key]) == 0) {
            return key;
        }
    }
    return strncmp(name, "key", 3) == 0 ? decimal(name + 3) : UINT32_MAX;
}

/* One parameter as written: its key's name, and its value with the escapes of
 * a string resolved. */
struct param {
    char name[32];
    uint8_t value[VALUE_MAX + 1]; /* and a NUL */
    size_t len;
};

static bool ends(const char *p, bool quoted) {
    return *p == '\0' || (quoted ? *p == '"' : *p == ' ' || *p == '\t');
}

/* The string at *at, in quotes or not. */
static int take_value(const char **at, struct param *out) {
    bool quoted = **at == '"';
    *at += quoted ? 1 : 0;
    while (!ends(*at, quoted)) {
        int err = out->len == VALUE_MAX
                      ? NX_ELIMIT
                      : nx_rdata_octet(at, &out->value[out->len]);
        if (err != 0) {
            return err;
        }
        out->len++;
    }
    out->value[out->len] = 0;
    if (quoted && *(*at)++ != '"') {
        return NX_EMALFORMED;
    }
    return ends(*at, false) ? 0 : NX_EMALFORMED;
}

static int take_param(const char **at, struct param *out) {
    size_t n = strcspn(*at, "= \t\"");
    out->len = 0;
    out->value[0] = 0;
    if (n == 0 || n >= sizeof(out->name)) {
        return NX_EMALFORMED;
    }
    memcpy(out->name, *at, n);
    out->name[n] = '\0';
    *at += n;
    if (**at != '=') {
        return ends(*at, false) ? 0 : NX_EMALFORMED;
    }
    *at += 1;
    return take_value(at, out);
}

/* The next item of a list with commas, unmarked (appendix A.1), with a NUL.
 * False at its end; *err when it is too long. */
static bool next_item(const struct param *p, size_t *at, char *out, size_t *len,
                      int *err) {
    *len = 0;
    if (*at > p->len) {
        return false;
    }
    for (; *at < p->len && p->value[*at] != ','; (*at)++) {
        if (p->value[*at] == '\\' && ++*at == p->len) {
            *err = NX_EMALFORMED;
            return false;
        }
        if (*len == ID_MAX) {
            *err = NX_EMALFORMED;
            return false;
        }
        out[(*len)++] = (char)p->value[*at];
    }
    out[*len] = '\0';
    *at += 1; /* past the comma, or past the end */
    return true;
}

static int put_number(struct nx_rdata_sink *k, unsigned value) {
    uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)(value & 0xff)};
    return value > UINT16_MAX ? NX_EMALFORMED : nx_rdata_put(k, wire, 2);
}

static int put_item(struct nx_rdata_sink *k, unsigned key, const char *item,
                    size_t len) {
    uint8_t wire[16] = {(uint8_t)len};
    int family = key == IPV4HINT ? AF_INET : AF_INET6;
    if (key == MANDATORY) {
        return put_number(k, key_called(item));
    }
    if (key != ALPN) {
        return inet_pton(family, item, wire) == 1
                   ? nx_rdata_put(k, wire, family == AF_INET ? 4 : 16)
                   : NX_EMALFORMED;
    }
    int err = nx_rdata_put(k, wire, 1);
    return err != 0 ? err : nx_rdata_put(k, item, len);
}

static int compare_keys(const void *a, const void *b) {
    return memcmp(a, b, 2);
}

static int put_list(struct nx_rdata_sink *k, unsigned key,
                    const struct param *p) {
    char item[ID_MAX + 1];
    size_t first = k->len;
    size_t at = 0;
    size_t len = 0;
    int err = 0;
    while (err == 0 && next_item(p, &at, item, &len, &err)) {
        err = put_item(k, key, item, len);
    }
    if (err == 0 && key == MANDATORY) { /* in any order in the text */
        qsort(k->out + first, (k->len - first) / 2, 2, compare_keys);
    }
    return err;
}

static int put_base64(struct nx_rdata_sink *k, const struct param *p) {
    uint8_t wire[VALUE_MAX];
    size_t len = 0;
    if (sodium_base642bin(wire, sizeof(wire), (const char *)p->value, p->len,
                          NULL, &len, NULL, BASE64) != 0) {
        return NX_EMALFORMED;
    }
    return nx_rdata_put(k, wire, len);
}

/* A key that is written as a number has its value as on the wire. */
static int put_value(struct nx_rdata_sink *k, unsigned key,
                     const struct param *p) {
    bool named = key < NAMED_N && strcmp(p->name, names[key]) == 0;
    if (!named) {
        return nx_rdata_put(k, p->value, p->len);
    }
    if (key != ALPN && strlen((const char *)p->value) != p->len) {
        return NX_EMALFORMED; /* an octet of zero would hide the rest */
    }
    switch (key) {
    case MANDATORY:
    case ALPN:
    case IPV4HINT:
    case IPV6HINT:
        return put_list(k, key, p);
    case PORT:
        return put_number(k, decimal((const char *)p->value));
    case ECH:
        return put_base64(k, p);
    default: /* no-default-alpn: what is there does not fit */
        return nx_rdata_put(k, p->value, p->len);
    }
}

static int put_param(struct nx_rdata_sink *k, const struct param *p) {
    size_t first = k->len;
    unsigned key = key_called(p->name);
    int err = put_number(k, key);
    err = err != 0 ? err : put_number(k, 0);
    err = err != 0 ? err : put_value(k, key, p);
    size_t len = k->len - first - HEAD;
    if (err != 0 || len > UINT16_MAX) {
        return err != 0 ? err : NX_ELIMIT;
    }
    k->out[first + 2] = (uint8_t)(len >> 8);
    k->out[first + 3] = (uint8_t)(len & 0xff);
    return 0;
}

/* Moves the parameter that begins at `last` before those with higher keys. */
static void sort_in(struct nx_rdata_sink *k, size_t first, size_t last) {
    size_t at = first;
    while (at < last && number(k->out + at) <= number(k->out + last)) {
        at += HEAD + number(k->out + at + 2);
    }
    for (size_t n = k->len - last; n > 0 && at < last; n--, at++, last++) {
        uint8_t octet = k->out[last];
        memmove(k->out + at + 1, k->out + at, last - at);
        k->out[at] = octet;
    }
}

int nx_svcparams_parse(const char *text, struct nx_rdata_sink *k) {
    struct param param;
    size_t first = k->len;
    unsigned n = 0;
    for (text += strspn(text, " \t"); *text != '\0';
         text += strspn(text, " \t")) {
        size_t last = k->len;
        int err = n++ == PARAMS_MAX ? NX_ELIMIT : take_param(&text, &param);
        err = err != 0 ? err : put_param(k, &param);
        if (err != 0) {
            return err;
        }
        sort_in(k, first, last);
    }
    return nx_svcparams_fit(k->out + first, k->len - first) ? 0 : NX_EMALFORMED;
}
