#include "collector/engine/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static const char *const key_text[] = {
#define NX_LABEL_TEXT_(name, text) text,
    NX_LABEL_MAP(NX_LABEL_TEXT_)
#undef NX_LABEL_TEXT_
};

enum nx_label_key nx_label_key_of(const char *text) {
    unsigned key = 0;
    while (key < NX_LABEL_KEYS_N_ && strcmp(key_text[key], text) != 0) {
        key++;
    }
    return (enum nx_label_key)key;
}

const char *nx_label_key_text(unsigned key) {
    return key < NX_LABEL_KEYS_N_ ? key_text[key] : "?";
}

void nx_labels_init(struct nx_labels *out) {
    *out = (struct nx_labels){.weight = -1};
}

bool nx_labels_empty(const struct nx_labels *l) {
    return l->site[0] == '\0' && l->provider[0] == '\0' &&
           l->country[0] == '\0' && l->asn == 0 && l->weight < 0;
}

/* --- one value --- */

/* Bytes of the character at p (RFC 3629), 0 when it is none. Surrogates and
 * overlong forms of three bytes and more are left to the JSON library. */
static size_t utf8_len(const unsigned char *p) {
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* C0, DEL and C1 controls. */
static bool is_control(const unsigned char *p) {
    return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

static int set_text(char *out, const char *value) {
    size_t len = strlen(value);
    size_t i = 0;
    if (len >= NX_LABEL_VALUE_MAX) {
        return NX_EMALFORMED;
    }
    while (i < len) {
        const unsigned char *p = (const unsigned char *)value + i;
        size_t n = utf8_len(p);
        if (n == 0 || is_control(p)) {
            return NX_EMALFORMED;
        }
        i += n;
    }
    memcpy(out, value, len + 1);
    return 0;
}

static int set_asn(uint32_t *out, const char *value) {
    if (strncmp(value, "AS", 2) == 0 || strncmp(value, "as", 2) == 0) {
        value += 2;
    }
    size_t len = strlen(value);
    unsigned long long asn = strtoull(value, NULL, 10);
    if (len == 0 || len > 10 || strspn(value, "0123456789") != len ||
        asn == 0 || asn > UINT32_MAX) {
        return NX_EMALFORMED;
    }
    *out = (uint32_t)asn;
    return 0;
}

static int set_country(char *out, const char *value) {
    for (size_t i = 0; i < 2; i++) {
        if (!((value[i] >= 'A' && value[i] <= 'Z') ||
              (value[i] >= 'a' && value[i] <= 'z'))) {
            return NX_EMALFORMED;
        }
    }
    if (value[2] != '\0') {
        return NX_EMALFORMED;
    }
    out[0] = (char)(value[0] & ~0x20);
    out[1] = (char)(value[1] & ~0x20);
    out[2] = '\0';
    return 0;
}

static int set_weight(double *out, const char *value) {
    char *end = NULL;
    double weight = strtod(value, &end);
    if (strspn(value, "0123456789.") != strlen(value) || *end != '\0' ||
        end == value || !(weight <= NX_LABEL_WEIGHT_MAX)) {
        return NX_EMALFORMED;
    }
    *out = weight;
    return 0;
}

static void take_away(struct nx_labels *labels, enum nx_label_key key) {
    struct nx_labels none;
    nx_labels_init(&none);
    switch (key) {
    case NX_LABEL_SITE:
        labels->site[0] = '\0';
        break;
    case NX_LABEL_PROVIDER:
        labels->provider[0] = '\0';
        break;
    case NX_LABEL_ASN:
        labels->asn = none.asn;
        break;
    case NX_LABEL_COUNTRY:
        labels->country[0] = '\0';
        break;
    case NX_LABEL_WEIGHT:
        labels->weight = none.weight;
        break;
    case NX_LABEL_KEYS_N_:
        break;
    }
}

int nx_labels_set(struct nx_labels *labels, enum nx_label_key key,
                  const char *value, const char **why) {
    static const char text_rule[] =
        "must be at most 63 bytes of UTF-8 without control characters";
    if (value[0] == '\0') {
        take_away(labels, key);
        return 0;
    }
    switch (key) {
    case NX_LABEL_SITE:
        *why = text_rule;
        return set_text(labels->site, value);
    case NX_LABEL_PROVIDER:
        *why = text_rule;
        return set_text(labels->provider, value);
    case NX_LABEL_ASN:
        *why = "must be the number of an autonomous system, 1 to 4294967295";
        return set_asn(&labels->asn, value);
    case NX_LABEL_COUNTRY:
        *why = "must be two letters (ISO 3166-1)";
        return set_country(labels->country, value);
    case NX_LABEL_WEIGHT:
        *why = "must be a number from 0 to 1000000000, such as 120 or 0.5";
        return set_weight(&labels->weight, value);
    case NX_LABEL_KEYS_N_:
        break;
    }
    *why = "no such label: site, provider, asn, country, weight";
    return NX_EMALFORMED;
}

const char *nx_labels_text(const struct nx_labels *labels,
                           enum nx_label_key key, char *out) {
    switch (key) {
    case NX_LABEL_SITE:
        return labels->site;
    case NX_LABEL_PROVIDER:
        return labels->provider;
    case NX_LABEL_COUNTRY:
        return labels->country;
    case NX_LABEL_ASN:
        (void)snprintf(out, NX_LABEL_VALUE_MAX, "%u", labels->asn);
        return labels->asn != 0 ? out : "";
    case NX_LABEL_WEIGHT:
        (void)snprintf(out, NX_LABEL_VALUE_MAX, "%.15g", labels->weight);
        return labels->weight >= 0 ? out : "";
    case NX_LABEL_KEYS_N_:
        break;
    }
    return "";
}

void nx_labels_lay(const struct nx_labels *over, struct nx_labels *under) {
    if (over->site[0] != '\0') {
        memcpy(under->site, over->site, sizeof(under->site));
    }
    if (over->provider[0] != '\0') {
        memcpy(under->provider, over->provider, sizeof(under->provider));
    }
    if (over->country[0] != '\0') {
        memcpy(under->country, over->country, sizeof(under->country));
    }
    under->asn = over->asn != 0 ? over->asn : under->asn;
    under->weight = over->weight >= 0 ? over->weight : under->weight;
}

/* --- conditions --- */

static int add_resolver(struct nx_where *where, const char *value,
                        const char **why) {
    size_t len = strlen(value);
    if (len == 0 || len >= sizeof(where->resolver)) {
        *why = "must be resolver=ADDRESS@PORT, as the status shows it";
        return NX_EMALFORMED;
    }
    if (where->resolver[0] != '\0') {
        *why = "more than one resolver";
        return NX_ELIMIT;
    }
    memcpy(where->resolver, value, len + 1);
    return 0;
}

int nx_where_add(struct nx_where *where, const char *text, const char **why) {
    const char *equals = strchr(text, '=');
    char key[16] = "";
    char number[NX_LABEL_VALUE_MAX];
    struct nx_labels one;
    nx_labels_init(&one);
    if (strncmp(text, "resolver=", 9) == 0) {
        return add_resolver(where, text + 9, why);
    }
    *why = "must be KEY=VALUE with a key of site, provider, asn, country, "
           "resolver";
    if (equals == NULL || equals[1] == '\0' ||
        (size_t)(equals - text) >= sizeof(key)) {
        return NX_EMALFORMED;
    }
    memcpy(key, text, (size_t)(equals - text));
    enum nx_label_key k = nx_label_key_of(key);
    if (k == NX_LABEL_KEYS_N_ || k == NX_LABEL_WEIGHT) {
        return NX_EMALFORMED;
    }
    int err = nx_labels_set(&one, k, equals + 1, why);
    if (err != 0) {
        return err;
    }
    if (where->n == NX_WHERE_MAX) {
        *why = "more than 8 conditions";
        return NX_ELIMIT;
    }
    where->at[where->n].key = k;
    (void)snprintf(where->at[where->n].value, NX_LABEL_VALUE_MAX, "%s",
                   nx_labels_text(&one, k, number));
    where->n++;
    return 0;
}

bool nx_where_holds(const struct nx_where *where,
                    const struct nx_labels *labels) {
    char number[NX_LABEL_VALUE_MAX];
    for (size_t i = 0; i < where->n; i++) {
        if (strcmp(nx_labels_text(labels, where->at[i].key, number),
                   where->at[i].value) != 0) {
            return false;
        }
    }
    return true;
}
