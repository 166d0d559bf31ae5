/* A tree of zones and name servers in memory, which answers as authoritative
 * servers do. A test changes it between two rounds of a walk. */
#ifndef NX_TESTS_LIB_FAKE_TREE_H
#define NX_TESTS_LIB_FAKE_TREE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/packet.h"

struct tree_record {
    const char *zone;
    const char *owner;
    const char *type;  /* NS, CNAME, DS, A (also AAAA, by the address) */
    const char *value; /* NULL: taken away */
};

enum tree_mood {
    TREE_FINE,
    TREE_MUTE,
    TREE_REFUSES,
    TREE_NOT_AA,
    TREE_DENIES, /* there is nothing below the apexes of its zones */
    TREE_NO_ENT  /* there are no empty non-terminals */
};

struct tree_server {
    const char *address;
    const char *zones; /* apexes, each followed by a blank */
    enum tree_mood mood;
    unsigned asked; /* queries so far */
};

struct tree {
    struct tree_record *records;
    size_t records_n;
    struct tree_server *servers;
    size_t servers_n;
};

static inline bool tree_under(const char *name, const char *apex) {
    size_t n = strlen(name);
    size_t a = strlen(apex);
    return strcmp(apex, ".") == 0 ||
           (n >= a && strcmp(name + n - a, apex) == 0 &&
            (n == a || name[n - a - 1] == '.'));
}

/* The deepest of the server's zones that holds the name, or NULL. */
static inline const char *tree_zone(const struct tree_server *s,
                                    const char *name, char out[64]) {
    const char *best = NULL;
    for (const char *z = s->zones; *z != '\0'; z += strcspn(z, " ") + 1) {
        char apex[64];
        (void)snprintf(apex, sizeof(apex), "%.*s", (int)strcspn(z, " "), z);
        if (tree_under(name, apex) &&
            (best == NULL || strlen(apex) >= strlen(out))) {
            (void)snprintf(out, 64, "%s", apex);
            best = out;
        }
    }
    return best;
}

static inline uint16_t tree_type(const struct tree_record *r) {
    uint16_t type = 0;
    bool v6 = r->value != NULL && strchr(r->value, ':') != NULL;
    int err = nx_rrtype_parse(v6 ? "AAAA" : r->type, &type);
    assert(err == 0);
    (void)err;
    return type;
}

static inline void tree_put(struct pkt *p, unsigned section,
                            const struct tree_record *r) {
    uint16_t type = tree_type(r);
    if (type == NX_TYPE_A || type == NX_TYPE_AAAA) {
        pkt_address(p, section, r->owner, 300, r->value);
    } else if (type == NX_TYPE_DS) {
        pkt_raw(p, section, r->owner, type, 300, r->value, strlen(r->value));
    } else {
        pkt_target(p, section, r->owner, type, 3600, r->value);
    }
}

/* The zone's addresses of a host, as additional records. */
static inline void tree_glue(const struct tree *t, struct pkt *p,
                             const char *zone, const char *host) {
    for (size_t i = 0; i < t->records_n; i++) {
        const struct tree_record *r = &t->records[i];
        if (r->value != NULL && strcmp(r->zone, zone) == 0 &&
            strcmp(r->owner, host) == 0 && strcmp(r->type, "A") == 0) {
            tree_put(p, PKT_EXTRA, r);
        }
    }
}

static inline bool tree_live(const struct tree_record *r, const char *zone) {
    return r->value != NULL && strcmp(r->zone, zone) == 0;
}

/* A delegation of the zone above or at the name. */
static inline const char *tree_cut(const struct tree *t, const char *zone,
                                   const char *name) {
    for (size_t i = 0; i < t->records_n; i++) {
        const struct tree_record *r = &t->records[i];
        if (tree_live(r, zone) && strcmp(r->type, "NS") == 0 &&
            strcmp(r->owner, zone) != 0 && tree_under(name, r->owner)) {
            return r->owner;
        }
    }
    return NULL;
}

static inline void tree_set(const struct tree *t, struct pkt *p,
                            unsigned section, const char *zone,
                            const char *owner, uint16_t type) {
    for (size_t i = 0; i < t->records_n; i++) {
        const struct tree_record *r = &t->records[i];
        if (tree_live(r, zone) && strcmp(r->owner, owner) == 0 &&
            tree_type(r) == type) {
            tree_put(p, section, r);
        }
    }
    for (size_t i = 0; i < t->records_n && type == NX_TYPE_NS; i++) {
        const struct tree_record *r = &t->records[i];
        if (tree_live(r, zone) && strcmp(r->owner, owner) == 0 &&
            tree_type(r) == type) {
            tree_glue(t, p, zone, r->value);
        }
    }
}

static inline bool tree_has(const struct tree *t, const char *zone,
                            const char *name, bool below) {
    for (size_t i = 0; i < t->records_n; i++) {
        const struct tree_record *r = &t->records[i];
        if (tree_live(r, zone) && (strcmp(r->owner, name) == 0 ||
                                   (below && tree_under(r->owner, name)))) {
            return true;
        }
    }
    return strcmp(zone, name) == 0;
}

static inline void tree_soa(struct pkt *p, unsigned section, const char *zone) {
    pkt_soa(p, section, zone, 900, (uint32_t)strlen(zone), 300);
}

static inline void tree_answer(const struct tree *t, struct pkt *p,
                               const char *zone, const char *name,
                               uint16_t type) {
    p->bytes[2] |= PKT_AA >> 8;
    if (type == NX_TYPE_SOA && strcmp(zone, name) == 0) {
        tree_soa(p, PKT_ANSWER, zone);
        return;
    }
    tree_set(t, p, PKT_ANSWER, zone, name, type);
    if (p->bytes[7] == 0) {
        tree_set(t, p, PKT_ANSWER, zone, name, NX_TYPE_CNAME);
    }
    if (p->bytes[7] == 0) {
        p->bytes[3] |= tree_has(t, zone, name, true) ? 0 : NX_RCODE_NXDOMAIN;
        tree_soa(p, PKT_AUTHORITY, zone);
    }
}

/* What the server says; false: nothing. */
static inline bool tree_ask(const struct tree *t, struct tree_server *s,
                            const char *name, uint16_t type, struct pkt *p) {
    char apex[64];
    s->asked++;
    if (s->mood == TREE_MUTE) {
        return false;
    }
    pkt_begin(p, 1, PKT_QR, name, type);
    const char *zone = tree_zone(s, name, apex);
    if (zone == NULL || s->mood == TREE_REFUSES) {
        p->bytes[3] |= NX_RCODE_REFUSED;
        return true;
    }
    if (type == NX_TYPE_DS && strcmp(zone, name) == 0) {
        /* RFC 4035 section 3.1.4.1: the parent's, where it has that too */
        const char *above = tree_zone(s, strchr(name, '.') + 1, apex);
        zone = above != NULL ? above : strcpy(apex, name);
    }
    const char *cut = tree_cut(t, zone, name);
    if (s->mood == TREE_DENIES && strcmp(zone, name) != 0) {
        p->bytes[2] |= PKT_AA >> 8;
        p->bytes[3] |= NX_RCODE_NXDOMAIN;
        tree_soa(p, PKT_AUTHORITY, zone);
    } else if (cut != NULL && (type != NX_TYPE_DS || strcmp(cut, name) != 0)) {
        tree_set(t, p, PKT_AUTHORITY, zone, cut, NX_TYPE_NS);
    } else {
        tree_answer(t, p, zone, name, type);
        bool none = s->mood == TREE_NO_ENT && !tree_has(t, zone, name, false);
        p->bytes[3] |= none ? NX_RCODE_NXDOMAIN : 0;
    }
    if (s->mood == TREE_NOT_AA) {
        p->bytes[2] &= (uint8_t) ~(PKT_AA >> 8);
    }
    return true;
}

#endif
