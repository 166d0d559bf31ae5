#include <string.h>

#include "agent/dns/walk_state.h"
#include "common/rrtype.h"

#define PORT_DNS 53U

static int intern_host(struct nx_walk *w, const uint8_t *name) {
    for (size_t i = 0; i < w->hosts_n; i++) {
        if (nx_dname_equal(w->hosts[i].name, name)) {
            return (int)i;
        }
    }
    if (w->hosts_n == WALK_HOSTS_MAX) {
        return WALK_NONE;
    }
    struct walk_host *h = &w->hosts[w->hosts_n];
    memset(h, 0, sizeof(*h));
    (void)nx_dname_lower(name, h->name);
    return (int)w->hosts_n++;
}

static void add_address(struct walk_host *h, const uint8_t *bytes, uint8_t len,
                        uint16_t port, uint8_t from) {
    struct walk_address *a = h->addresses;
    struct walk_address *end = a + h->addresses_n;
    while (a < end && (a->len != len || memcmp(a->bytes, bytes, len) != 0)) {
        a++;
    }
    if (a == end) {
        if (h->addresses_n == WALK_ADDRESSES_MAX) {
            h->crowded |= from;
            return;
        }
        h->addresses_n++;
        memset(a, 0, sizeof(*a));
        memcpy(a->bytes, bytes, len);
        a->len = len;
        a->port = port;
    }
    a->seen |= from;
}

static void add_ns(struct nx_walk *w, struct walk_zone *z, const uint8_t *name,
                   uint8_t side) {
    int host = intern_host(w, name);
    for (unsigned i = 0; i < z->ns_n; i++) {
        if (z->ns[i] == host) {
            z->sides[i] |= side;
            return;
        }
    }
    if (host == WALK_NONE || z->ns_n == WALK_NS_MAX) {
        z->incomplete = true;
        return;
    }
    z->sides[z->ns_n] = side;
    z->ns[z->ns_n++] = (uint8_t)host;
}

void nx_walk_reset_zones(struct nx_walk *w) {
    struct walk_zone *z = &w->zones[0];
    w->hosts_n = 0;
    w->zones_n = 1;
    w->deepest = WALK_NONE;
    unsigned turn = z->turn;
    memset(z, 0, sizeof(*z)); /* apex: the root */
    z->parent = WALK_NONE;
    z->turn = turn;
    for (size_t i = 0; i < w->hints->n; i++) {
        const struct nx_endpoint *e = &w->hints->servers[i];
        int host = intern_host(w, e->server_name);
        add_ns(w, z, e->server_name, 0);
        if (host != WALK_NONE) {
            add_address(&w->hosts[host], e->address, e->address_len, e->port,
                        WALK_OWN);
            (void)nx_walk_keep_seen(&w->hosts[host], WALK_OWN, false);
            w->hosts[host].state = HOST_KNOWN;
        }
    }
}

int nx_walk_find_zone(const struct nx_walk *w, const uint8_t *apex) {
    for (size_t i = 0; i < w->zones_n; i++) {
        if (nx_dname_equal(w->zones[i].apex, apex)) {
            return (int)i;
        }
    }
    return WALK_NONE;
}

int nx_walk_enclosing_zone(const struct nx_walk *w, const uint8_t *name) {
    int best = 0;
    for (size_t i = 1; i < w->zones_n; i++) {
        const struct walk_zone *z = &w->zones[i];
        if (nx_dname_under(name, z->apex) &&
            nx_walk_addresses_n(w, (int)i) > 0 &&
            nx_dname_labels(z->apex) > nx_dname_labels(w->zones[best].apex)) {
            best = (int)i;
        }
    }
    return best;
}

static int make_zone(struct nx_walk *w, const uint8_t *apex) {
    int found = nx_walk_find_zone(w, apex);
    if (found != WALK_NONE || w->zones_n == WALK_ZONES_MAX) {
        return found;
    }
    struct walk_zone *z = &w->zones[w->zones_n];
    memset(z, 0, sizeof(*z));
    (void)nx_dname_lower(apex, z->apex);
    return (int)w->zones_n++;
}

/* Adds the NS records of z found in the section: a referral's authority section
 * is the parent's word, an answer the child's. */
static unsigned take_ns(struct nx_walk *w, struct walk_zone *z,
                        enum nx_section section, const uint8_t *msg,
                        size_t msg_len) {
    uint8_t side =
        section == NX_SECTION_ANSWER ? NX_SIDE_CHILD : NX_SIDE_PARENT;
    struct nx_rr_iter iter;
    struct nx_rr rr;
    uint8_t target[NX_DNAME_MAX];
    unsigned n = 0;
    nx_rr_iter_init(&iter, msg, msg_len);
    while (nx_rr_next(&iter, &rr)) {
        if (rr.section == section && rr.type == NX_TYPE_NS &&
            rr.rclass == NX_CLASS_IN && nx_dname_equal(rr.owner, z->apex) &&
            nx_rr_target(&iter, &rr, target) == 0) {
            add_ns(w, z, target, side);
            z->ns_ttl_s = rr.ttl_s;
            n++;
        }
    }
    return n;
}

static struct walk_host *host_of(struct nx_walk *w, const struct walk_zone *z,
                                 const uint8_t *name) {
    for (unsigned i = 0; i < z->ns_n; i++) {
        if (nx_dname_equal(w->hosts[z->ns[i]].name, name)) {
            return &w->hosts[z->ns[i]];
        }
    }
    return NULL;
}

void nx_walk_unsee(struct walk_host *h, uint8_t from) {
    h->crowded &= (uint8_t)~from;
    for (unsigned i = 0; i < h->addresses_n; i++) {
        h->addresses[i].seen &= (uint8_t)~from;
    }
}

bool nx_walk_sees(const struct walk_host *h, uint8_t from) {
    bool any = false;
    for (unsigned i = 0; i < h->addresses_n; i++) {
        any |= (h->addresses[i].seen & from) != 0;
    }
    return any;
}

bool nx_walk_keep_seen(struct walk_host *h, uint8_t from, bool whole) {
    bool any = nx_walk_sees(h, from);
    bool changed = false;
    uint8_t kept = 0;
    for (unsigned i = 0; any && i < h->addresses_n; i++) {
        struct walk_address a = h->addresses[i];
        uint8_t was = a.from;
        a.from = (uint8_t)((whole ? a.from & ~from : a.from) | (a.seen & from));
        a.seen &= (uint8_t)~from;
        changed |= a.from != was;
        if ((a.from | a.seen) != 0) {
            h->addresses[kept++] = a;
        }
    }
    if (any) {
        h->addresses_n = kept;
    }
    return changed;
}

static bool is_glue(const struct nx_rr *rr) {
    return rr->section == NX_SECTION_EXTRA && rr->rclass == NX_CLASS_IN &&
           ((rr->type == NX_TYPE_A && rr->rdata_len == 4) ||
            (rr->type == NX_TYPE_AAAA && rr->rdata_len == 16));
}

/* Its glue changed: did it move? Glue that changes by turns is no reason to
 * look in each round. */
static void look_again(const struct nx_walk *w, struct walk_host *h) {
    int64_t soon_us = h->looked_us + (int64_t)NX_WALK_RETRY_S * 1000000;
    if (h->state == HOST_KNOWN && soon_us < h->until_us) {
        h->until_us = soon_us;
        h->state = w->found_mono_us >= soon_us ? HOST_UNKNOWN : HOST_KNOWN;
    }
}

/* Adds addresses of z's hosts from the additional section, in place of what the
 * last one had. Failures stay with the address. */
static void renew_glue(struct nx_walk *w, struct walk_zone *z,
                       const uint8_t *bailiwick, const uint8_t *msg,
                       size_t msg_len) {
    for (unsigned i = 0; i < z->ns_n; i++) {
        nx_walk_unsee(&w->hosts[z->ns[i]], WALK_GLUE);
    }
    struct nx_rr_iter iter;
    struct nx_rr rr;
    nx_rr_iter_init(&iter, msg, msg_len);
    while (nx_rr_next(&iter, &rr)) {
        struct walk_host *h = is_glue(&rr) ? host_of(w, z, rr.owner) : NULL;
        if (h != NULL && nx_dname_under(rr.owner, bailiwick)) {
            add_address(h, msg + rr.rdata_at, (uint8_t)rr.rdata_len, PORT_DNS,
                        WALK_GLUE);
        }
    }
    for (unsigned i = 0; i < z->ns_n; i++) {
        struct walk_host *h = &w->hosts[z->ns[i]];
        z->glued[i] = nx_walk_sees(h, WALK_GLUE);
        if (nx_walk_keep_seen(h, WALK_GLUE, true)) {
            look_again(w, h);
        }
    }
}

int nx_walk_learn_zone(struct nx_walk *w, int from, const uint8_t *owner,
                       enum nx_section section, const uint8_t *msg,
                       size_t msg_len) {
    int index = make_zone(w, owner);
    if (index == WALK_NONE) {
        return WALK_NONE;
    }
    struct walk_zone *z = &w->zones[index];
    z->parent = from;
    z->ns_n = 0;
    z->incomplete = false;
    (void)take_ns(w, z, section, msg, msg_len);
    /* A cut on the parent's own server: one NS set stands for both. */
    z->child_read = section == NX_SECTION_ANSWER;
    z->referred = !z->child_read;
    for (unsigned i = 0; z->child_read && i < z->ns_n; i++) {
        z->sides[i] = NX_SIDES_ALL;
    }
    renew_glue(w, z, w->zones[from].apex, msg, msg_len);
    return index;
}

void nx_walk_learn_child(struct nx_walk *w, int zone, const uint8_t *msg,
                         size_t msg_len) {
    struct walk_zone *z = &w->zones[zone];
    unsigned before = z->ns_n;
    uint32_t ttl_s = z->ns_ttl_s;
    unsigned n = take_ns(w, z, NX_SECTION_ANSWER, msg, msg_len);
    z->ns_ttl_s = ttl_s;
    z->child_read = z->child_read || n > 0;
    if (n > 0 && (n != before || z->ns_n != before)) {
        w->problems |= NX_DELEG_NS_DIFFERS;
    }
}

void nx_walk_learn_addresses(struct nx_walk *w, int host,
                             const struct nx_answer *answer, uint16_t type) {
    size_t want = type == NX_TYPE_A ? 4 : 16;
    size_t at = 0;
    for (unsigned i = 0; i < answer->rdata_n; i++) {
        size_t len = nx_wire_u16(answer->rdata + at);
        if (len == want) {
            add_address(&w->hosts[host], answer->rdata + at + 2, (uint8_t)len,
                        PORT_DNS, WALK_OWN);
        }
        at += len + 2;
    }
}

/* Its own zone may have more than glue has, where no glue is needed. */
static bool glue_differs(const struct walk_host *h, bool needed) {
    bool differs = h->own == OWN_NONE;
    for (unsigned i = 0; h->own == OWN_WHOLE && i < h->addresses_n; i++) {
        uint8_t from = h->addresses[i].from;
        differs |= from == WALK_GLUE || (from == WALK_OWN && needed);
    }
    return differs;
}

uint32_t nx_walk_judge_glue(const struct nx_walk *w, int zone) {
    const struct walk_zone *z = &w->zones[zone];
    uint32_t found = 0;
    if (!z->referred || z->incomplete ||
        (w->problems & NX_DELEG_UNREACHED) != 0) {
        return 0;
    }
    for (unsigned i = 0; i < z->ns_n; i++) {
        const struct walk_host *h = &w->hosts[z->ns[i]];
        bool needed = nx_dname_under(h->name, z->apex);
        if ((z->sides[i] & NX_SIDE_PARENT) == 0 || h->crowded) {
            continue;
        }
        if (z->glued[i]) {
            found |= glue_differs(h, needed) ? NX_GLUE_DIFFERS : 0;
        } else {
            found |= needed ? NX_GLUE_MISSING : 0;
        }
    }
    return found;
}

bool nx_walk_serves(const struct nx_walk *w, int zone,
                    const struct nx_endpoint *at) {
    const struct walk_zone *z = &w->zones[zone];
    for (unsigned i = 0; i < z->ns_n; i++) {
        const struct walk_host *h = &w->hosts[z->ns[i]];
        for (unsigned k = 0; k < h->addresses_n; k++) {
            const struct walk_address *a = &h->addresses[k];
            if (a->len == at->address_len && a->port == at->port &&
                memcmp(a->bytes, at->address, a->len) == 0) {
                return true;
            }
        }
    }
    return false;
}

unsigned nx_walk_addresses_n(const struct nx_walk *w, int zone) {
    const struct walk_zone *z = &w->zones[zone];
    unsigned n = 0;
    for (unsigned i = 0; i < z->ns_n; i++) {
        n += w->hosts[z->ns[i]].addresses_n;
    }
    return n;
}

struct walk_server nx_walk_pick(const struct nx_walk *w, int zone,
                                unsigned turn) {
    const struct walk_zone *z = &w->zones[zone];
    struct walk_server best = {WALK_NONE, 0};
    unsigned least = UINT8_MAX + 1U;
    for (unsigned i = 0; i < z->ns_n; i++) {
        unsigned host = z->ns[(turn + i) % z->ns_n];
        const struct walk_host *h = &w->hosts[host];
        for (unsigned k = 0; k < h->addresses_n; k++) {
            /* by turns too, whatever the number of hosts; neighbours differ,
               as a host may have but one of the two families */
            unsigned at = (turn + i) % z->ns_n + turn / z->ns_n;
            unsigned a = (at + k) % h->addresses_n;
            if (h->addresses[a].failures < least) {
                least = h->addresses[a].failures;
                best = (struct walk_server){(int)host, (uint8_t)a};
            }
        }
    }
    return best;
}

bool nx_walk_want(struct nx_walk *w, int zone, uint8_t depth, unsigned n,
                  bool bare) {
    const struct walk_zone *z = &w->zones[zone];
    unsigned pending = 0;
    for (unsigned i = 0; i < z->ns_n; i++) {
        uint8_t state = w->hosts[z->ns[i]].state;
        pending += state == HOST_WANTED || state == HOST_BUSY;
    }
    for (unsigned i = 0; i < z->ns_n && pending < n; i++) {
        struct walk_host *h = &w->hosts[z->ns[i]];
        if (h->state != HOST_UNKNOWN || (bare && h->addresses_n > 0)) {
            continue;
        }
        h->state = depth <= WALK_DEPTH_MAX ? HOST_WANTED : HOST_FAILED;
        h->depth = depth;
        pending += h->state == HOST_WANTED;
    }
    return pending > 0;
}

void nx_walk_move_hosts(struct nx_walk *w, enum walk_host_state from,
                        enum walk_host_state to) {
    for (size_t i = 0; i < w->hosts_n; i++) {
        if (w->hosts[i].state == from) {
            w->hosts[i].state = (uint8_t)to;
        }
    }
}

void nx_walk_expire_hosts(struct nx_walk *w, int64_t now_mono_us) {
    for (size_t i = 0; i < w->hosts_n; i++) {
        struct walk_host *h = &w->hosts[i];
        if (h->state == HOST_KNOWN && h->until_us != 0 &&
            now_mono_us >= h->until_us) {
            h->state = HOST_UNKNOWN;
        }
    }
}

void nx_walk_renew_zones(struct nx_walk *w) {
    if (w->zones_n == 0 || w->hosts_n > WALK_HOSTS_MAX / 2 ||
        w->zones_n > WALK_ZONES_MAX / 2) {
        nx_walk_reset_zones(w);
        return;
    }
    nx_walk_move_hosts(w, HOST_KNOWN, HOST_UNKNOWN);
    nx_walk_move_hosts(w, HOST_FAILED, HOST_UNKNOWN);
    for (unsigned i = 0; i < w->zones[0].ns_n; i++) { /* as the hints say */
        struct walk_host *h = &w->hosts[w->zones[0].ns[i]];
        h->state = h->addresses_n > 0 ? HOST_KNOWN : HOST_UNKNOWN;
    }
    for (size_t i = 0; i < w->hosts_n; i++) {
        for (unsigned k = 0; k < w->hosts[i].addresses_n; k++) {
            w->hosts[i].addresses[k].failures = 0;
        }
    }
}

const uint8_t *nx_walk_suffix(const uint8_t *name, unsigned labels) {
    unsigned have = nx_dname_labels(name);
    while (have > labels) {
        name = nx_dname_parent(name);
        have--;
    }
    return name;
}
