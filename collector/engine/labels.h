/* What operators say about a network or an agent: site, provider, AS, country,
 * and how many clients it stands for. Values and their rules; pure. */
#ifndef NX_COLLECTOR_LABELS_H
#define NX_COLLECTOR_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define NX_LABEL_VALUE_MAX 64U  /* bytes of site and provider with the NUL */
#define NX_LABEL_WEIGHT_MAX 1e9 /* clients */

#define NX_LABEL_MAP(X)                                                        \
    X(SITE, "site")                                                            \
    X(PROVIDER, "provider")                                                    \
    X(ASN, "asn")                                                              \
    X(COUNTRY, "country")                                                      \
    X(WEIGHT, "weight")

enum nx_label_key {
#define NX_LABEL_ENUM_(name, text) NX_LABEL_##name,
    NX_LABEL_MAP(NX_LABEL_ENUM_)
#undef NX_LABEL_ENUM_
        NX_LABEL_KEYS_N_
};
/* NX_LABEL_KEYS_N_: no such key. */
enum nx_label_key nx_label_key_of(const char *text);
const char *nx_label_key_text(unsigned key);

struct nx_labels {
    char site[NX_LABEL_VALUE_MAX];     /* "": not given */
    char provider[NX_LABEL_VALUE_MAX]; /* "": not given */
    char country[3];                   /* ISO 3166-1 alpha-2; "": not given */
    uint32_t asn;                      /* RFC 6793; 0: not given */
    double weight;                     /* clients, 0..; negative: not given */
};

void nx_labels_init(struct nx_labels *out); /* nothing given */
bool nx_labels_empty(const struct nx_labels *labels);

/* Sets one from text; the empty text takes it away. site and provider: up to
 * 63 bytes of UTF-8 without control characters; asn: "64500" or "AS64500";
 * country: two letters; weight: a decimal number. NX_EMALFORMED, and *why says
 * what it should be (constant). */
int nx_labels_set(struct nx_labels *labels, enum nx_label_key key,
                  const char *value, const char **why) NX_MUSTUSE;

/* The value as text into out (NX_LABEL_VALUE_MAX); "" when it is not given. */
const char *nx_labels_text(const struct nx_labels *labels,
                           enum nx_label_key key, char *out);

/* What is given in `over` replaces what is in `under`. */
void nx_labels_lay(const struct nx_labels *over, struct nx_labels *under);

/* One label of a network or agent, to be set; "": to be taken away. */
struct nx_label_change {
    enum nx_label_key key;
    char value[NX_LABEL_VALUE_MAX];
};

#define NX_WHERE_MAX 8U           /* conditions */
#define NX_WHERE_RESOLVER_MAX 80U /* bytes with the NUL */

/* key=value, all of which must hold; NX_LABEL_WEIGHT does not occur. */
struct nx_where {
    /* Not a label: networks that ask this resolver, in the words of
     * nx_endpoint_text; "": any. */
    char resolver[NX_WHERE_RESOLVER_MAX];
    size_t n;
    struct {
        enum nx_label_key key;
        char value[NX_LABEL_VALUE_MAX]; /* as nx_labels_text writes it */
    } at[NX_WHERE_MAX];
};

/* Adds "site=lyon", or "resolver=192.0.2.53@53", once. NX_EMALFORMED with *why;
 * NX_ELIMIT. */
int nx_where_add(struct nx_where *where, const char *text,
                 const char **why) NX_MUSTUSE;
/* As far as labels go. */
bool nx_where_holds(const struct nx_where *where,
                    const struct nx_labels *labels);

#endif
