#include "collector/score/document.h"

#include "collector/status/status_text.h"

static json_t *family_json(const struct nx_learning *l, unsigned family) {
    double late_n = l->of[family].late_a + l->of[family].late_b;
    double prior_n = NX_LEARN_LATE_A + NX_LEARN_LATE_B;
    return json_pack(
        "{s:s, s:I, s:f, s:{s:f, s:f, s:[f, f]}, s:{s:f, s:f, s:[f, f]}}",
        "family", nx_family_text(family), "outcomes",
        (json_int_t)l->of[family].n, "weight", l->of[family].weight, "p_late",
        "prior", NX_LEARN_LATE_A / prior_n, "learnt",
        l->of[family].late_a / late_n, "beta", l->of[family].late_a,
        l->of[family].late_b, "early_per_hour", "prior",
        NX_LEARN_EARLY_A / NX_LEARN_EARLY_B_S * 3600, "learnt",
        l->of[family].early_a / l->of[family].early_b_s * 3600, "gamma",
        l->of[family].early_a, l->of[family].early_b_s / 3600);
}

/* Families with an outcome, and the pool of the unknown ones. */
static json_t *learnt_json(const struct nx_learning *l) {
    json_t *list = json_array();
    for (unsigned f = 0; list != NULL && f < NX_FAMILY_N_; f++) {
        if ((f == NX_FAMILY_UNKNOWN || l->of[f].n > 0) &&
            !nx_json_add(list, family_json(l, f))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *nx_score_json(struct nx_score_document *d) {
    json_t *o = json_object();
    if (nx_json_set(o, "now", nx_json_time(d->now_us)) &&
        nx_json_set(o, "from", nx_json_time(d->from_us)) &&
        nx_json_set(o, "to", nx_json_time(d->to_us)) &&
        nx_json_set(o, "incident",
                    d->incident_id == 0 ? json_null()
                                        : json_integer(d->incident_id)) &&
        nx_json_set(o, "targets", nx_tally_json(&d->tally, false)) &&
        nx_json_set(o, "networks", nx_tally_json(&d->tally, true)) &&
        nx_json_set(o, "complete", json_boolean(!d->tally.more)) &&
        nx_json_set(o, "open", json_integer((json_int_t)d->open_n)) &&
        nx_json_set(o, "unresolved",
                    json_integer((json_int_t)d->unresolved_n)) &&
        nx_json_set(o, "learnt", learnt_json(&d->learning))) {
        return o;
    }
    json_decref(o);
    return NULL;
}
