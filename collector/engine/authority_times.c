/* When the outage began and ended, and by whose word. */
#include "collector/engine/authority_priv.h"

#define US_PER_S INT64_C(1000000)

int64_t nx_auth_declared_us(const struct nx_incident *incident,
                            int64_t now_us) {
    if (incident->restored_us != NX_TIME_UNKNOWN) {
        return incident->restored_us <= now_us ? incident->restored_us
                                               : NX_TIME_UNKNOWN;
    }
    return NX_TIME_UNKNOWN;
}

/* A server that denied last and was set aside may have denied until then. */
static void restored_observed(const struct nx_authority *a,
                              const struct nx_left_rules *left,
                              struct nx_auth_facts *f) {
    int64_t hi_us = a->left_hi_us;
    f->restored_lo_us = a->left_lo_us;
    for (size_t i = 0; i < a->entries_n; i++) {
        const struct nx_auth_entry *e = &a->entries[i];
        if (!e->bad_seen) {
            continue;
        }
        f->restored_lo_us = nx_time_later(f->restored_lo_us, e->bad_lo_us);
        if (e->word == NX_AUTH_WORD_GOOD) {
            hi_us = nx_time_later(hi_us, e->good_hi_us);
        } else {
            hi_us = nx_time_later(hi_us, e->vain_us + left->patience_us);
        }
    }
    f->restored_hi_us = f->all_ns_good ? hi_us : NX_TIME_UNKNOWN;
}

/* Nobody saw it bad: it was restored before we looked. */
static void restored_unseen(const struct nx_authority *a,
                            const struct nx_incident *incident, int64_t now_us,
                            struct nx_auth_facts *f) {
    int64_t at_us = nx_auth_declared_us(incident, now_us);
    if (at_us == NX_TIME_UNKNOWN && incident->outage_to_us <= now_us) {
        at_us = incident->outage_to_us;
    }
    f->restored_lo_us = at_us;
    for (size_t i = 0; i < a->entries_n && at_us == NX_TIME_UNKNOWN; i++) {
        f->restored_hi_us =
            nx_time_later(f->restored_hi_us, a->entries[i].good_hi_us);
    }
    f->restored_hi_us = at_us != NX_TIME_UNKNOWN ? at_us : f->restored_hi_us;
}

void nx_auth_facts_restored(const struct nx_authority *a,
                            const struct nx_left_rules *left,
                            const struct nx_incident *incident, int64_t now_us,
                            struct nx_auth_facts *f) {
    int64_t declared = nx_auth_declared_us(incident, now_us);
    f->restored_lo_us = NX_TIME_UNKNOWN;
    f->restored_hi_us = NX_TIME_UNKNOWN;
    if (a->bad_seen) {
        restored_observed(a, left, f);
        if (f->restored_hi_us != NX_TIME_UNKNOWN) {
            f->restored_hi_us = nx_time_later(f->restored_hi_us, declared);
        }
    } else if (f->all_ns_good) {
        restored_unseen(a, incident, now_us, f);
    }
}

enum nx_outage_known nx_auth_outage_known(const struct nx_authority *a,
                                          const struct nx_incident *incident) {
    if (incident->outage_from_us != NX_TIME_UNKNOWN) {
        return NX_OUTAGE_DECLARED;
    }
    if (a->outage_lo_us != NX_TIME_UNKNOWN) {
        return NX_OUTAGE_OBSERVED;
    }
    if (a->bad_seen || incident->outage_to_us != NX_TIME_UNKNOWN ||
        incident->restored_us != NX_TIME_UNKNOWN) {
        return NX_OUTAGE_ASSUMED;
    }
    return a->heard ? NX_OUTAGE_NONE : NX_OUTAGE_UNKNOWN;
}

/* Declared; else the last good answer before the first bad one; else so far
 * back that an older entry had expired before it could matter: entries that
 * are alive at the opening (or at an earlier restoration) are younger than
 * one W. */
void nx_auth_facts_outage(const struct nx_authority *a,
                          const struct nx_incident *incident,
                          struct nx_auth_facts *f) {
    f->outage_lo_us = incident->outage_from_us;
    if (f->outage_lo_us == NX_TIME_UNKNOWN) {
        f->outage_lo_us = a->outage_lo_us;
    }
    if (f->outage_lo_us == NX_TIME_UNKNOWN) {
        int64_t base_us = incident->opened_us;
        if (f->restored_hi_us != NX_TIME_UNKNOWN &&
            f->restored_hi_us < base_us) {
            base_us = f->restored_hi_us;
        }
        uint32_t w_s = nx_longest_w(f) != 0 ? nx_longest_w(f) : NX_W_UNSEEN_S;
        f->outage_lo_us = base_us - (int64_t)w_s * US_PER_S;
    }
    if (f->restored_hi_us != NX_TIME_UNKNOWN &&
        f->restored_lo_us == NX_TIME_UNKNOWN) {
        f->restored_lo_us = f->outage_lo_us; /* never seen bad */
    }
}
