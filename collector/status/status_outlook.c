/* What an exit code says about an incident (nxclear(1)).
 */
#include "collector/status/status_sheet.h"

const char *nx_outlook_text(unsigned outlook) {
    static const char *const text[] = {"clear", "waiting", "stuck", "unknown"};
    return outlook <= NX_OUTLOOK_UNKNOWN ? text[outlook] : "?";
}

bool nx_sheet_observed(const struct nx_sheet *sheet) {
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        if (!sheet->facts[i].observed) {
            return false;
        }
    }
    return true;
}

bool nx_sheet_restored(const struct nx_sheet *sheet) {
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        if (!sheet->facts[i].all_ns_good) {
            return false;
        }
    }
    return true;
}

/* A server denies the zone or a name above: what asks it first is denied anew.
 */
static bool is_denied_above(const struct nx_sheet *sheet) {
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        if (sheet->facts[i].above_denied) {
            return true;
        }
    }
    return false;
}

static bool is_held(const struct nx_sheet *sheet) {
    for (unsigned i = 0; i < sheet->incident->items_n; i++) {
        if (sheet->facts[i].held) {
            return true;
        }
    }
    return false;
}

/* Past its bound, that of a chain of caches, too? */
static bool is_overdue(const struct nx_verdict *v, int64_t now_us) {
    const struct nx_hard *latest = nx_verdict_latest(v);
    return v->state < NX_STATE_REFUSED && latest->reason != NX_HARD_NONE &&
           latest->at_us < now_us;
}

/* Another answer that no TTL ends. */
static bool is_kept_for_good(const struct nx_verdict *v) {
    const uint32_t flags = 1U << NX_FLAG_OWN_ZONE | 1U << NX_FLAG_RENEWED |
                           1U << NX_FLAG_HOSTS_FILE;
    return v->state == NX_STATE_OLD_POSITIVE && (v->flags & flags) != 0;
}

bool nx_verdict_is_stuck(const struct nx_verdict *v, unsigned layer,
                         int64_t now_us) {
    return nx_layer_serves(layer) &&
           (is_overdue(v, now_us) || is_kept_for_good(v));
}

static bool any_stuck(const struct nx_sheet *sheet,
                      const struct nx_sheet_site *site) {
    for (size_t i = site->first; i < site->first + site->n; i++) {
        const struct nx_target_view *view = &sheet->rows[i].view;
        if (nx_verdict_is_stuck(&view->verdict, view->question->to.layer,
                                sheet->now_us)) {
            return true;
        }
    }
    return false;
}

enum nx_outlook nx_sheet_outlook_in(const struct nx_sheet *sheet,
                                    unsigned state, unsigned unknown_reason,
                                    bool stuck) {
    switch ((enum nx_state)state) {
    case NX_STATE_CLEAR:
        return NX_OUTLOOK_CLEAR;
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
        return sheet->audit_silent ? NX_OUTLOOK_UNKNOWN : NX_OUTLOOK_STUCK;
    case NX_STATE_RECACHED:
    case NX_STATE_POLICY_BLOCKED:
        return NX_OUTLOOK_STUCK;
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
    case NX_STATE_OLD_POSITIVE:
        return stuck ? NX_OUTLOOK_STUCK : NX_OUTLOOK_WAITING;
    case NX_STATE_UNKNOWN:
        /* The guard holds the questions back while the servers settle. */
        return unknown_reason == NX_UNKNOWN_GUARDED && nx_sheet_restored(sheet)
                   ? NX_OUTLOOK_WAITING
                   : NX_OUTLOOK_UNKNOWN;
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
    case NX_STATE_N_:
        break;
    }
    return NX_OUTLOOK_UNKNOWN;
}

enum nx_outlook nx_sheet_site_outlook(const struct nx_sheet *sheet,
                                      const struct nx_sheet_site *site) {
    return nx_sheet_outlook_in(sheet, site->rollup.state,
                               site->rollup.unknown_reason,
                               any_stuck(sheet, site));
}

enum nx_outlook nx_sheet_outlook(const struct nx_sheet *sheet) {
    bool seen[NX_OUTLOOK_UNKNOWN + 1] = {false};
    for (size_t i = 0; i < sheet->sites_n; i++) {
        seen[nx_sheet_site_outlook(sheet, &sheet->sites[i])] = true;
    }
    return nx_sheet_outlook_of(sheet, seen);
}

/* Stuck outweighs waiting, waiting outweighs what is not known; clear needs
 * every network, and that no server may plant a denial anew. */
enum nx_outlook nx_sheet_outlook_of(const struct nx_sheet *sheet,
                                    const bool seen[NX_OUTLOOK_UNKNOWN + 1]) {
    bool denied = nx_sheet_observed(sheet) &&
                  (!nx_sheet_restored(sheet) || is_denied_above(sheet));
    if (seen[NX_OUTLOOK_STUCK] || (denied && !sheet->audit_silent)) {
        return NX_OUTLOOK_STUCK;
    }
    if (denied) {
        return NX_OUTLOOK_UNKNOWN; /* maybe restored since */
    }
    if (seen[NX_OUTLOOK_WAITING]) {
        return NX_OUTLOOK_WAITING;
    }
    if (seen[NX_OUTLOOK_UNKNOWN] || !seen[NX_OUTLOOK_CLEAR]) {
        return NX_OUTLOOK_UNKNOWN;
    }
    return is_held(sheet) ? NX_OUTLOOK_WAITING : NX_OUTLOOK_CLEAR;
}
