#include <string.h>

#include "agent/dns/walk_state.h"
#include "common/plants.h"
#include "common/rrtype.h"

static bool have_server(const struct nx_walk *w, const uint8_t *address,
                        uint8_t len, uint16_t port) {
    for (size_t i = 0; i < w->servers_n; i++) {
        const struct nx_endpoint *e = &w->servers[i];
        if (e->address_len == len && e->port == port &&
            memcmp(e->address, address, len) == 0) {
            return true;
        }
    }
    return false;
}

static struct nx_endpoint endpoint_of(const struct walk_host *h,
                                      const struct walk_address *a) {
    struct nx_endpoint e = {.address_len = a->len,
                            .port = a->port,
                            .layer = NX_LAYER_AUTHORITY,
                            .server_name = h->name};
    memcpy(e.address, a->bytes, a->len);
    return e;
}

static void add_host(struct nx_walk *w, const struct walk_host *h,
                     uint8_t side) {
    for (unsigned i = 0; i < h->addresses_n; i++) {
        const struct walk_address *a = &h->addresses[i];
        if (have_server(w, a->bytes, a->len, a->port)) {
            continue;
        }
        if (w->servers_n == NX_DELEG_SERVERS_MAX) {
            w->unasked_n++;
            return;
        }
        w->sides[w->servers_n] = side;
        w->servers[w->servers_n++] = endpoint_of(h, a);
    }
}

/* The SOA is asked besides the types, unless it is one of them. */
static bool soa_extra(const struct nx_walk *w) {
    bool at_apex = nx_dname_equal(w->name, w->zones[w->deepest].apex);
    for (size_t i = 0; i < w->types_n; i++) {
        if (at_apex && w->types[i] == NX_TYPE_SOA) {
            return false;
        }
    }
    return true;
}

static void choose_servers(struct nx_walk *w) {
    const struct walk_zone *z = &w->zones[w->deepest];
    /* Not even the root answered: its servers are not the name's. */
    bool reached =
        z->parent != WALK_NONE || (w->problems & NX_DELEG_UNREACHED) == 0;
    w->servers_n = 0;
    w->unasked_n = z->incomplete ? 1 : 0;
    for (unsigned i = 0; i < z->ns_n; i++) {
        const struct walk_host *h = &w->hosts[z->ns[i]];
        w->unasked_n += h->addresses_n == 0 || h->crowded ? 1 : 0;
        if (reached) {
            add_host(w, h, z->child_read ? z->sides[i] : 0);
        }
    }
    w->problems |= w->unasked_n > 0 ? NX_DELEG_NO_GLUE : 0;
    w->glue = nx_walk_judge_glue(w, w->deepest);
}

/* Of a set that is not known they would be no others. */
static void choose_left(struct nx_walk *w) {
    w->left_n = 0;
    for (size_t i = 0; w->servers_n > 0 && i < w->wanted_n; i++) {
        const struct nx_endpoint *e = &w->wanted[i];
        if (!have_server(w, e->address, e->address_len, e->port)) {
            w->left[w->left_n++] = *e;
        }
    }
}

/* --- the audit --- */

static uint64_t hash_servers(const struct nx_walk *w) {
    uint64_t hash = nx_dname_hash(w->zones[w->deepest].apex, w->servers_n);
    for (size_t i = 0; i < w->servers_n; i++) {
        hash = nx_endpoint_hash(&w->servers[i], hash);
    }
    return hash;
}

static bool audit_is_due(const struct nx_walk *w, uint64_t hash,
                         int64_t now_mono_us) {
    return !w->audited || hash != w->audit_hash ||
           now_mono_us - w->audit_mono_us >= (int64_t)NX_WALK_AUDIT_S * 1000000;
}

/* This host may have no way to the others. */
static const struct walk_address *best_address(const struct walk_host *h) {
    const struct walk_address *best = &h->addresses[0];
    for (unsigned i = 1; i < h->addresses_n; i++) {
        best =
            h->addresses[i].failures < best->failures ? &h->addresses[i] : best;
    }
    return best;
}

static void choose_parents(struct nx_walk *w) {
    int parent = w->zones[w->deepest].parent;
    w->parents_n = 0;
    for (unsigned i = 0; parent != WALK_NONE && i < w->zones[parent].ns_n;
         i++) {
        const struct walk_host *h = &w->hosts[w->zones[parent].ns[i]];
        if (h->addresses_n > 0 && w->parents_n < WALK_PARENTS_MAX) {
            w->parents[w->parents_n++] = endpoint_of(h, best_address(h));
        }
    }
}

/* A wildcard answers in the name's place at its parent and, once the names
 * between are gone, higher up (RFC 4592); at the apex, below it. */
static size_t wild_levels(const struct nx_walk *w) {
    unsigned have = nx_dname_labels(w->name);
    unsigned apex = nx_dname_labels(w->zones[w->deepest].apex);
    return have > apex ? have - apex : 1;
}

/* Questions of the audit: the keys and, with DO, the types come first, then
 * the keys with other sizes. */
static size_t keys_n(const struct nx_walk *w) {
    return 1 + w->types_n;
}

static size_t audits_n(const struct nx_walk *w) {
    size_t two_n = 2 * w->types_n;
    size_t most = two_n > WALK_WILDS_MAX ? two_n : WALK_WILDS_MAX;
    size_t wilds_n = wild_levels(w) * w->types_n;
    return WALK_AUDITS_N + w->types_n + (wilds_n < most ? wilds_n : most);
}

/* Whoever mends keys waits for the word that they are mended. */
static bool keys_are_due(const struct nx_walk *w, int64_t now_mono_us) {
    return w->keyed &&
           now_mono_us - w->keys_mono_us >= (int64_t)NX_WALK_RETRY_S * 1000000;
}

static void plan_audit(struct nx_walk *w, int64_t now_mono_us) {
    uint64_t hash = hash_servers(w);
    size_t n = 0;
    w->parents_n = 0;
    if (w->audits && w->servers_n > 0 && audit_is_due(w, hash, now_mono_us)) {
        w->audited = true;
        w->audit_hash = hash;
        w->audit_mono_us = now_mono_us;
        n = audits_n(w);
    } else if (w->audits && keys_are_due(w, now_mono_us)) {
        n = keys_n(w) + (w->sizes_lost ? 2 : 0);
    }
    w->sizes_lost = w->sizes_lost && n < keys_n(w) + 2;
    if (n > 0) {
        w->keys_mono_us = now_mono_us;
        w->kinds_n += n;
    }
    if (n > 0 || (w->audits && w->parent_doubted)) {
        choose_parents(w);
    }
}

static void set_name(struct nx_walk_query *out, const uint8_t *name,
                     uint16_t type, unsigned flags) {
    memcpy(out->name, name, nx_dname_len(name));
    out->type = type;
    out->flags = (uint16_t)flags;
}

/* Wildcard k: all types at the lowest level come first, then at the apex, where
 * one is likeliest, then upwards. With DO its denial says how long the zone's
 * are kept, also while the name is there. The name itself where it would be too
 * long. */
static void set_wildcard(const struct nx_walk *w, size_t k,
                         struct nx_walk_query *out) {
    unsigned have = nx_dname_labels(w->name);
    unsigned apex = nx_dname_labels(w->zones[w->deepest].apex);
    unsigned level = (unsigned)(k / w->types_n);
    level = level == 1  ? (unsigned)wild_levels(w) - 1U
            : level > 1 ? level - 1U
                        : 0;
    unsigned below = level + (have > apex ? 1U : 0);
    const uint8_t *base = nx_walk_suffix(w->name, have - below);
    size_t len = nx_dname_len(base);
    uint16_t type = w->types[k % w->types_n];
    if (len + 2 > NX_DNAME_MAX) {
        set_name(out, w->name, type, 0);
        return;
    }
    out->name[0] = 1;
    out->name[1] = '*';
    memcpy(out->name + 2, base, len);
    out->type = type;
    /* else it would be one of the types with DO */
    out->flags = nx_dname_equal(out->name, w->name) ? 0 : NX_Q_DO;
}

/* Question k of the audit, k < audits_n(). */
static void set_audit(const struct nx_walk *w, size_t k,
                      struct nx_walk_query *out) {
    const uint8_t *apex = w->zones[w->deepest].apex;
    if (k > 0 && k < keys_n(w)) {
        set_name(out, w->name, w->types[k - 1], NX_Q_DO);
        return;
    }
    switch (k == 0 ? 0 : k - w->types_n) {
    case 0:
        set_name(out, apex, NX_TYPE_DNSKEY, NX_Q_DO);
        return;
    case 1: /* what the usual size brings, question 0 says */
    case 2:
        set_name(out, apex, NX_TYPE_DNSKEY, NX_Q_DO);
        out->udp_bytes = k == keys_n(w) ? 512 : 4096;
        return;
    case 3:
        set_name(out, apex, NX_TYPE_SOA, 0);
        out->to.transport = NX_TCP;
        return;
    case 4:
        set_name(out, apex, NX_TYPE_NS, 0);
        return;
    default:
        set_wildcard(w, k - w->types_n - WALK_AUDITS_N, out);
        return;
    }
}

/* --- the round --- */

/* Names above the name, and below the apex. */
static size_t between_n(const struct nx_walk *w) {
    unsigned have = nx_dname_labels(w->name);
    unsigned apex = nx_dname_labels(w->zones[w->deepest].apex);
    unsigned n = have > apex ? have - apex - 1U : 0;
    return n < NX_WALK_BETWEEN_MAX ? n : NX_WALK_BETWEEN_MAX;
}

/* A zone above denied the name when the walk came to its servers last round, or
 * its delegation. */
static void plan_doubt(struct nx_walk *w) {
    bool elsewhere =
        w->between_zone != WALK_NONE && w->between_zone != w->deepest;
    w->parent_doubted = w->parent_denied || (w->no_name && elsewhere);
    w->parent_denied = false;
}

/* Resolvers ask for them first (RFC 9156), and may be told that they do not
 * exist by a server that has the name itself. */
static void plan_between(struct nx_walk *w, int64_t now_mono_us) {
    const int64_t audit_us = (int64_t)NX_WALK_AUDIT_S * 1000000;
    w->between_n = 0;
    if (w->servers_n == 0) {
        return; /* nobody to be asked: it is as it was */
    }
    if (w->no_name) {
        w->denied_mono_us = now_mono_us;
    }
    w->between_doubted =
        w->no_name ||
        (w->between_unsaid && now_mono_us - w->denied_mono_us < audit_us);
    bool due = w->between_doubted || w->between_zone != w->deepest ||
               now_mono_us - w->between_mono_us >= audit_us;
    w->no_name = w->between_unsaid = false;
    w->between_n = due ? between_n(w) : 0;
    if (due) {
        w->between_zone = w->deepest;
        w->between_mono_us = now_mono_us;
    }
}

void nx_walk_begin_round(struct nx_walk *w, int64_t now_mono_us) {
    w->deepest = w->jobs[0].zone;
    choose_servers(w);
    w->plain_n = w->types_n + (soa_extra(w) ? 1 : 0);
    plan_doubt(w);
    plan_between(w, now_mono_us);
    w->kinds_n = w->plain_n + w->between_n;
    plan_audit(w, now_mono_us);
    choose_left(w);
    w->round_n =
        w->servers_n * w->kinds_n + w->parents_n + w->left_n * w->types_n;
    w->round_out = 0;
    w->round_left = w->round_n;
    w->round_id = w->next_id;
    w->next_id += (uint32_t)w->round_n;
    memset(w->round_done, 0, sizeof(w->round_done));
    w->found_mono_us = now_mono_us;
    w->reported_problems = w->problems;
    w->report = true;
    w->stage = w->round_n > 0 ? STAGE_ROUND : STAGE_IDLE;
}

static void set_question(const struct nx_walk *w, size_t kind,
                         struct nx_walk_query *out) {
    const uint8_t *apex = w->zones[w->deepest].apex;
    size_t asked_n = w->plain_n + w->between_n;
    if (kind < w->types_n) {
        set_name(out, w->name, w->types[kind], 0);
    } else if (kind < w->plain_n) {
        set_name(out, apex, NX_TYPE_SOA, 0);
    } else if (kind < asked_n) {
        unsigned below = (unsigned)(kind - w->plain_n) + 1U;
        set_name(out, nx_walk_suffix(w->name, nx_dname_labels(apex) + below),
                 NX_TYPE_NS, 0);
    } else if (kind < w->kinds_n) {
        set_audit(w, kind - asked_n, out);
    } else {
        set_name(out, apex, NX_TYPE_DS, NX_Q_DO);
    }
}

/* Query i of the round: the servers of the set, those of the parent, and those
 * that left the set. */
static const struct nx_endpoint *ask_whom(const struct nx_walk *w, size_t i,
                                          size_t *kind, bool *left) {
    size_t asked_n = w->servers_n * w->kinds_n;
    *left = i >= asked_n + w->parents_n;
    if (i < asked_n) {
        *kind = i / w->servers_n;
        return &w->servers[i % w->servers_n];
    }
    i -= asked_n;
    if (i < w->parents_n) {
        *kind = w->kinds_n;
        return &w->parents[i];
    }
    i -= w->parents_n;
    *kind = i / w->left_n;
    return &w->left[i % w->left_n];
}

bool nx_walk_round_query(struct nx_walk *w, struct nx_walk_query *out) {
    size_t kind = 0;
    if (w->round_out == w->round_n) {
        return false;
    }
    memset(out, 0, sizeof(*out));
    const struct nx_endpoint *e = ask_whom(w, w->round_out, &kind, &out->left);
    out->to = *e;
    out->to.server_name = NULL;
    set_question(w, kind, out);
    out->id = w->round_id + (uint32_t)w->round_out++;
    out->observe = true;
    if (e->server_name != NULL) { /* else the root's: none */
        memcpy(out->server_name, e->server_name, nx_dname_len(e->server_name));
    }
    return true;
}

/* Lame: it answered, but not as one who serves the zone. A referral further
 * down says only that a delegation came back this moment. */
static bool is_lame(const struct nx_walk *w, const struct nx_answer *a) {
    if (a->outcome != NX_ANSWERED) {
        return false;
    }
    bool served =
        (a->flags & NX_ANS_AA) != 0 &&
        (a->rcode == NX_RCODE_NOERROR || a->rcode == NX_RCODE_NXDOMAIN);
    return !served &&
           !nx_walk_is_referral(a, w->zones[w->deepest].apex, w->name);
}

/* A server of the parent denied the zone: all are asked again in the next
 * round, until each said otherwise. */
static void note_parent(struct nx_walk *w, uint32_t i,
                        const struct nx_obs *obs) {
    size_t first = w->servers_n * w->kinds_n;
    if (i < first || i >= first + w->parents_n || obs == NULL) {
        return;
    }
    if (nx_walk_has(w, &obs->question->to)) {
        return;
    }
    bool silent = w->parent_doubted && obs->answer->outcome != NX_ANSWERED;
    w->parent_denied |= silent || nx_answer_is_no_name(obs->answer);
}

/* Is the zone signed, or does its parent say so? And one lost packet is not
 * taken for the way of a server. */
static void note_keys(struct nx_walk *w, const struct nx_obs *obs) {
    uint16_t type = obs->question->qtype;
    w->keyed |= (type == NX_TYPE_DS || type == NX_TYPE_DNSKEY) &&
                (obs->question->flags & NX_Q_DO) != 0 &&
                (obs->answer->flags & NX_ANS_RDATA) != 0;
    w->sizes_lost |=
        obs->question->udp_bytes != 0 && obs->answer->outcome == NX_TIMEOUT;
}

void nx_walk_round_result(struct nx_walk *w, uint32_t id,
                          const struct nx_obs *obs) {
    uint32_t i = id - w->round_id; /* modular, so lower ids are huge */
    if (i >= w->round_out || (w->round_done[i / 8] >> (i % 8) & 1) != 0) {
        return;
    }
    w->round_done[i / 8] |= (uint8_t)(1U << (i % 8));
    w->round_left--;
    bool plain = i < w->servers_n * w->plain_n;
    bool named = i < w->servers_n * (w->plain_n + w->between_n);
    if (plain && obs != NULL && is_lame(w, obs->answer)) {
        w->problems |= NX_DELEG_LAME;
    }
    if (named && obs != NULL) {
        w->no_name = w->no_name || nx_answer_is_no_name(obs->answer);
        w->between_unsaid |=
            !plain && w->between_doubted &&
            !nx_answer_shows_name(obs->answer, obs->question->name,
                                  w->zones[w->deepest].apex);
    }
    note_parent(w, i, obs);
    if (obs != NULL) {
        note_keys(w, obs);
    }
    if (w->round_left == 0) {
        w->stage = STAGE_IDLE;
        w->report = w->report || w->problems != w->reported_problems;
        w->reported_problems = w->problems;
    }
}
