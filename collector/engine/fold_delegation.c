/* Delegation records of a batch (see fold.h). */
#include "collector/engine/fold.h"

/* What earlier audits saw counts once, after the first walk that arrived. */
static int note_set(struct nx_fold *f, struct nx_item *item,
                    const struct nx_delegation *d, bool came, int64_t at_us) {
    const uint8_t *apex = nx_authority_apex(item->authority);
    if (apex == NULL || !nx_dname_equal(apex, d->apex) || d->servers_n == 0) {
        return 0;
    }
    item->recalled = item->recalled && !came;
    struct nx_ns_book *book = &f->engine->ns_book;
    bool arrived = (d->problems & NX_DELEG_UNREACHED) == 0;
    int err = 0;
    if (arrived && !item->recalled) {
        err = nx_ns_book_recall(book, d, at_us, item->authority);
        item->recalled = err == 0;
    }
    uint32_t ttl_s = nx_authority_ns_ttl(item->authority);
    return arrived && err == 0 ? nx_ns_book_see(book, d, ttl_s, at_us) : err;
}

/* fresh_only: give only to items that know of no zone yet. */
static int delegate_item(struct nx_fold *f, struct nx_item *item,
                         const struct nx_delegation *d, bool fresh_only) {
    if (!nx_dname_equal(item->spec->name, d->name) ||
        !nx_fold_was_open(f, item) ||
        (fresh_only && nx_authority_apex(item->authority) != NULL)) {
        return 0;
    }
    const uint8_t *apex = nx_authority_apex(item->authority);
    bool came = apex == NULL || !nx_dname_equal(apex, d->apex);
    int64_t at_us = d->at_mono_us - f->theta_us;
    at_us = at_us < f->received_us ? at_us : f->received_us;
    int err = nx_authority_delegation(item->authority, f->agent->agent.id, d,
                                      at_us, f->eps_us);
    if (err == 0) {
        err = note_set(f, item, d, came, at_us + f->eps_us);
    } else if (err == NX_ELIMIT) {
        f->engine->counts.refused_n++;
    }
    return err == NX_ENOMEM ? err : 0;
}

static int delegate(struct nx_fold *f, const struct nx_delegation *d,
                    bool fresh_only) {
    if (d->at_mono_us < -NX_FOLD_SANE_US || d->at_mono_us > NX_FOLD_SANE_US) {
        f->engine->counts.untimely_n++;
        return 0;
    }
    for (size_t i = 0; i < f->engine->cases_n; i++) {
        struct nx_case *c = f->engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            int err = delegate_item(f, &c->items[k], d, fresh_only);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

int nx_fold_first_sets(struct nx_fold *f) {
    int err = 0;
    for (size_t i = 0; i < f->batch->delegations_n && err == 0; i++) {
        err = delegate(f, &f->batch->delegations[i], true);
    }
    return err;
}

int nx_fold_delegations(struct nx_fold *f, int64_t mono_us) {
    int err = 0;
    while (f->delegations_done < f->batch->delegations_n && err == 0) {
        const struct nx_delegation *d =
            &f->batch->delegations[f->delegations_done];
        if (d->at_mono_us > mono_us) {
            break;
        }
        err = delegate(f, d, false);
        f->delegations_done++;
    }
    return err;
}
