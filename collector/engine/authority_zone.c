/* What follows from the servers for the zone: its negative TTLs, its serial,
 * its delegation (see authority.h). */
#include "collector/engine/authority_priv.h"

void nx_auth_facts_w(const struct nx_authority *a, struct nx_auth_facts *f) {
    f->w_auth_s = 0;
    f->parent_w_s = 0;
    f->w_nsec_s = a->denial_ttl_s;
    f->positive_ttl_s = a->positive_ttl_s;
    f->soa_minimum_s = a->soa_minimum_s;
    for (size_t i = 0; i < a->zones_n; i++) {
        const struct nx_auth_zone *z = &a->zones[i];
        bool above = a->apex_known && !nx_dname_equal(a->apex, z->owner) &&
                     nx_dname_under(a->apex, z->owner);
        if (above && z->w_s > f->parent_w_s) {
            f->parent_w_s = z->w_s;
        }
        if (z->w_s > f->w_auth_s) {
            f->w_auth_s = z->w_s;
        }
        if (a->apex_known && nx_dname_equal(a->apex, z->owner)) {
            f->w_wire_s = z->ttl_s > z->w_s ? z->ttl_s : 0;
            f->soa_minimum_s = z->minimum_s > f->soa_minimum_s
                                   ? z->minimum_s
                                   : f->soa_minimum_s;
        }
    }
    if (a->zones_n == 0) {
        f->w_auth_s = a->soa_w_s;
    }
}

static void facts_serial(const struct nx_authority *a,
                         struct nx_auth_facts *f) {
    f->serial_known = false;
    f->serial_restored = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        if (e->word != NX_AUTH_WORD_GOOD || !e->good_serial) {
            continue;
        }
        if (!f->serial_known ||
            nx_serial_after(f->serial_restored, e->serial_good)) {
            f->serial_restored = e->serial_good;
            f->serial_known = true;
        }
    }
    /* While the delegation was lost, the serial was the parent's. */
    f->serial_moves = f->serial_known && a->outage_serial_known &&
                      nx_dname_equal(a->outage_serial_of, a->apex) &&
                      nx_serial_after(f->serial_restored, a->outage_serial);
}

/* Servers that left the set feed caches that know the old one (left.h). */
static void facts_delegation(const struct nx_authority *a,
                             const struct nx_left_rules *left,
                             struct nx_auth_facts *f) {
    int64_t fed_us = nx_left_fed(&a->left, left, &f->old_w_s);
    f->ns_ttl_s = a->ns_ttl_s;
    f->ancestor_denied = nx_authority_ancestor(a) != NULL;
    f->old_servers_negative =
        fed_us != NX_TIME_UNKNOWN &&
        (f->restored_hi_us == NX_TIME_UNKNOWN || fed_us > f->restored_hi_us);
    f->deleg_changed_ns = a->set_changed || f->old_servers_negative;
    f->fed_us = f->old_servers_negative && f->restored_hi_us != NX_TIME_UNKNOWN
                    ? fed_us - f->restored_hi_us
                    : 0;
}

/* Sets that were watched since before the restoration, at the parent and in the
 * zone, and are what they were, were not what failed. */
static void facts_keys(const struct nx_authority *a, struct nx_auth_facts *f) {
    bool watched = a->ds_seen_us > 0 && a->dnskey_seen_us > 0 &&
                   a->ds_seen_us <= f->restored_lo_us &&
                   a->dnskey_seen_us <= f->restored_lo_us;
    f->keys_ttl_s = watched ? 0 : a->keys_ttl_s;
    f->keys_until_us = a->keys_until_us;
    f->no_keys = a->ds_seen_us > 0 && !a->keys_seen;
}

static void facts_count(const struct nx_authority *a, struct nx_auth_facts *f) {
    f->ns_total = 0;
    f->ns_negative = 0;
    for (size_t i = 0; i < a->entries_n; i++) {
        if (nx_auth_is_worst(a, i)) {
            f->ns_total++;
            f->ns_negative =
                (uint16_t)(f->ns_negative +
                           (a->entries[i].server.class_ == NX_AUTH_DENIES ? 1
                                                                          : 0));
        }
    }
}

void nx_auth_facts_zone(const struct nx_authority *a,
                        const struct nx_left_rules *left,
                        struct nx_auth_facts *f) {
    facts_serial(a, f);
    facts_delegation(a, left, f);
    facts_keys(a, f);
    facts_count(a, f);
}
