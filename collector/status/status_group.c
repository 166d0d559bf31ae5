/* Networks summed up, group by group. */
#include "collector/status/status_group.h"

#include <stdlib.h>
#include <string.h>

#include "collector/infer/forecaster.h"
#include "collector/status/order.h"
#include "collector/status/status_text.h"
#include "common/hash.h"

static bool counts(const uint8_t *mark, size_t i) {
    return mark == NULL || mark[i] != 0;
}

json_t *nx_status_states(const struct nx_sheet *sheet, const uint8_t *mark) {
    json_t *states = json_object();
    for (unsigned s = 0; states != NULL && s < NX_STATE_N_; s++) {
        json_int_t n = 0;
        for (size_t i = 0; i < sheet->sites_n; i++) {
            n += counts(mark, i) && sheet->sites[i].rollup.state == s ? 1 : 0;
        }
        if (n > 0 && !nx_json_set(states, nx_state_text(s), json_integer(n))) {
            json_decref(states);
            return NULL;
        }
    }
    return states;
}

double nx_members_denied(const struct nx_sheet *sheet, const uint8_t *mark) {
    double sum = 0;
    double weights = 0;
    for (size_t i = 0; i < sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        if (counts(mark, i) && site->rollup.denied_ratio >= 0) {
            sum += site->labels.weight * site->rollup.denied_ratio;
            weights += site->labels.weight;
        }
    }
    return weights > 0 ? sum / weights : -1.0;
}

json_t *nx_status_group(const struct nx_group *g,
                        const struct nx_incident_forecast *f) {
    json_t *one = json_object();
    if (nx_json_set(one, "value",
                    g->value[0] != '\0' ? nx_json_text(g->value)
                                        : json_null()) &&
        nx_json_set(one, "networks", json_integer((json_int_t)g->n)) &&
        nx_json_set(one, "weight", json_real(g->weight)) &&
        nx_json_set(one, "states", nx_status_states(g->sheet, g->mark)) &&
        nx_json_set(one, "denied",
                    nx_json_ratio(nx_members_denied(g->sheet, g->mark))) &&
        nx_json_set(one, "affected", nx_json_ratio(f->affected)) &&
        nx_json_set(one, "all_clear", nx_json_eta(&f->all_clear)) &&
        nx_json_set(one, "hard",
                    f->hard_all_known ? nx_json_hard(&f->hard) : json_null())) {
        return one;
    }
    json_decref(one);
    return NULL;
}

/* --- one after the other --- */

/* A group whose text is there: that is texts.bytes[at .. at + len). */
struct done {
    size_t at, len;
    size_t not_clear_n;
    char value[NX_ENDPOINT_TEXT_MAX];
};

struct nx_grouper {
    const struct nx_sheet *sheet;
    const char *label;
    struct nx_label_groups *labels; /* one of both */
    struct nx_resolver_groups *resolvers;
    struct nx_group group; /* while there is a forecaster */
    struct nx_forecaster *forecaster;
    struct done *done;
    size_t done_n, done_cap;
    struct nx_text texts;
    uint64_t digest;       /* of the texts, in any order */
    bool grouped;          /* all of them are done */
    struct nx_order order; /* of done */
    size_t put_n;          /* written, in that order */
    bool failed;
};

/* Written while one distribution is evaluated. */
#define BYTES_PER_UNIT 256U

int nx_grouper_new(const struct nx_sheet *sheet,
                   const struct nx_status_query *query,
                   const struct nx_asked *resolvers, struct nx_grouper **out) {
    struct nx_grouper *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NX_ENOMEM;
    }
    g->sheet = sheet;
    g->label =
        query->by_resolver ? "resolver" : nx_label_key_text(query->group);
    nx_text_init(&g->texts);
    int err = query->by_resolver
                  ? nx_resolver_groups_new(sheet, resolvers, &g->resolvers)
                  : nx_label_groups_new(sheet, query->group, &g->labels);
    if (err != 0) {
        nx_grouper_free(&g);
        return err;
    }
    *out = g;
    return 0;
}

void nx_grouper_free(struct nx_grouper **grouper) {
    struct nx_grouper *g = *grouper;
    *grouper = NULL;
    if (g != NULL) {
        nx_forecaster_free(&g->forecaster);
        nx_label_groups_free(&g->labels);
        nx_resolver_groups_free(&g->resolvers);
        nx_text_fini(&g->texts);
        nx_order_fini(&g->order);
        free(g->done);
        free(g);
    }
}

static bool next_group(struct nx_grouper *g, size_t *cost) {
    return g->labels != NULL
               ? nx_label_groups_next(g->labels, &g->group, cost)
               : nx_resolver_groups_next(g->resolvers, &g->group, cost);
}

static size_t not_clear(const struct nx_group *group) {
    size_t n = 0;
    for (size_t i = 0; i < group->sheet->sites_n; i++) {
        n += group->sheet->sites[i].rollup.state != NX_STATE_CLEAR ? 1 : 0;
    }
    return n;
}

static struct done *add_done(struct nx_grouper *g) {
    if (g->done_n == g->done_cap) {
        size_t cap = g->done_cap == 0 ? 64 : 2 * g->done_cap;
        void *grown = realloc(g->done, cap * sizeof(*g->done));
        if (grown == NULL) {
            return NULL;
        }
        g->done = grown;
        g->done_cap = cap;
    }
    return &g->done[g->done_n++];
}

static void finish_group(struct nx_grouper *g) {
    struct done *done = add_done(g);
    json_t *one =
        done != NULL
            ? nx_status_group(&g->group, nx_forecaster_result(g->forecaster))
            : NULL;
    struct nx_text text;
    nx_text_init(&text); /* of its own: no comma is written before it */
    nx_put_value(&text, one);
    g->failed |= text.failed;
    if (!g->failed) {
        *done = (struct done){
            .at = g->texts.len,
            .len = text.len,
            .not_clear_n = g->resolvers != NULL ? not_clear(&g->group) : 0};
        (void)strncat(done->value, g->group.value, sizeof(done->value) - 1);
        nx_text_bytes(&g->texts, text.bytes, text.len);
        g->digest += nx_hash(text.bytes, text.len, 1);
        g->failed |= g->texts.failed;
    }
    nx_text_fini(&text);
    nx_forecaster_free(&g->forecaster);
}

/* True: all of them have their texts. */
static bool group_some(struct nx_grouper *g, size_t *budget) {
    while (!g->failed) {
        size_t cost = 0;
        if (g->forecaster == NULL && *budget == 0) {
            return false;
        }
        if (g->forecaster == NULL) {
            if (!next_group(g, &cost)) {
                return true;
            }
            *budget -= cost < *budget ? cost : *budget;
            g->failed =
                nx_forecaster_new(g->group.members, g->group.n,
                                  g->sheet->now_us, &g->forecaster) != 0;
        }
        if (!g->failed && !nx_forecaster_spend(g->forecaster, budget)) {
            return false;
        }
        if (!g->failed) {
            finish_group(g);
        }
    }
    return true;
}

static int worst_first(const void *a, const void *b) {
    const struct done *x = a;
    const struct done *y = b;
    int more =
        (y->not_clear_n > x->not_clear_n) - (y->not_clear_n < x->not_clear_n);
    return more != 0 ? more : strcmp(x->value, y->value);
}

static int as_made(const void *a, const void *b) {
    (void)a;
    (void)b;
    return 0;
}

static void begin_text(struct nx_grouper *g, struct nx_text *out) {
    g->grouped = true;
    g->failed |=
        nx_order_begin(&g->order, g->done, g->done_n, sizeof(*g->done),
                       g->resolvers != NULL ? worst_first : as_made) != 0;
    nx_put_open(out, '{');
    nx_put_member(out, "label", g->label);
    nx_put_key(out, "list");
    nx_put_open(out, '[');
}

static bool put_some(struct nx_grouper *g, size_t budget, struct nx_text *out) {
    while (g->put_n < g->done_n && budget > 0) {
        const struct done *done = g->order.from[g->put_n];
        size_t cost = done->len / BYTES_PER_UNIT + 1;
        nx_text_bytes(out, ",", g->put_n > 0 ? 1 : 0);
        nx_text_bytes(out, g->texts.bytes + done->at, done->len);
        g->put_n++;
        budget -= cost < budget ? cost : budget;
    }
    return g->put_n == g->done_n;
}

bool nx_grouper_step(struct nx_grouper *g, size_t budget, struct nx_text *out) {
    if (!g->grouped) {
        if (!group_some(g, &budget)) {
            return false;
        }
        begin_text(g, out);
    }
    if (!g->failed &&
        (!nx_order_step(&g->order, &budget) || !put_some(g, budget, out))) {
        return false;
    }
    nx_put_close(out, ']');
    nx_put_close(out, '}');
    out->failed |= g->failed;
    return true;
}

uint64_t nx_grouper_digest(const struct nx_grouper *g) {
    return g->digest;
}

static struct nx_asked *resolvers_of(const struct nx_sheet *sheet) {
    struct nx_asked *texts = calloc(sheet->rows_n + 1, sizeof(*texts));
    for (size_t i = 0; texts != NULL && i < sheet->rows_n; i++) {
        (void)nx_endpoint_text(&sheet->rows[i].view.question->to,
                               texts[i].text);
    }
    return texts;
}

void nx_status_put_groups(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_status_query *query) {
    struct nx_grouper *g = NULL;
    struct nx_asked *resolvers = resolvers_of(sheet);
    if (resolvers == NULL || nx_grouper_new(sheet, query, resolvers, &g) != 0) {
        out->failed = true;
    } else {
        (void)nx_grouper_step(g, SIZE_MAX, out);
    }
    nx_grouper_free(&g);
    free(resolvers);
}
