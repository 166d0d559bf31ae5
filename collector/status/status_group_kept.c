/* Groups of a closed incident: what was kept of its networks is summed up; what
 * was foretold of all of them says nothing of a group. */
#include <stdlib.h>
#include <string.h>

#include "collector/infer/verdict.h"
#include "collector/status/order.h"
#include "collector/status/status_group.h"
#include "collector/status/status_text.h"

#define HASH_NONFATAL_OOM 1
#include "common/hash.h"
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

struct group {
    char value[NX_ENDPOINT_TEXT_MAX]; /* "": none */
    size_t n, not_clear_n;
    size_t states[NX_STATE_N_];
    double weight;
    double denied, denied_weight; /* of those of which it is known */
    struct part {                 /* of the network that is added */
        bool any;
        unsigned state;
        double denied;
        unsigned denied_n;
    } part;
    UT_hash_handle hh;
};

struct nx_kept_groups {
    struct nx_status_query query;
    struct group *groups; /* in the order of the first of each */
    struct group **list;  /* of them; NULL: more may be added */
    size_t list_n, put_n;
    struct nx_order order;
};

int nx_kept_groups_new(const struct nx_status_query *query,
                       struct nx_kept_groups **out) {
    struct nx_kept_groups *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NX_ENOMEM;
    }
    g->query = *query;
    *out = g;
    return 0;
}

void nx_kept_groups_free(struct nx_kept_groups **groups) {
    struct nx_kept_groups *g = *groups;
    struct group *group = NULL;
    struct group *next = NULL;
    if (g == NULL) {
        return;
    }
    HASH_ITER(hh, g->groups, group, next) {
        HASH_DEL(g->groups, group);
        free(group);
    }
    nx_order_fini(&g->order);
    free(g->list);
    free(g);
    *groups = NULL;
}

static struct group *group_of(struct nx_kept_groups *g, const char *value) {
    struct group *group = NULL;
    size_t len = strnlen(value, sizeof(group->value) - 1);
    HASH_FIND(hh, g->groups, value, len, group);
    if (group != NULL) {
        return group;
    }
    group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return NULL;
    }
    memcpy(group->value, value, len);
    HASH_ADD_KEYPTR(hh, g->groups, group->value, len, group);
    if (group->hh.tbl == NULL) {
        free(group);
        return NULL;
    }
    return group;
}

/* --- a network --- */

/* One that is not known here is no all-clear. */
static unsigned state_of(const json_t *object) {
    unsigned state =
        nx_state_of_text(json_string_value(json_object_get(object, "state")));
    return state < NX_STATE_N_ ? state : NX_STATE_UNKNOWN;
}

/* As nx_rollup_network: the worst state, and the share denied of all. */
static void take(struct group *group, const json_t *object) {
    struct part *part = &group->part;
    const json_t *denied = json_object_get(object, "denied");
    unsigned state = state_of(object);
    if (!part->any || state < part->state) {
        part->state = state;
    }
    part->any = true;
    if (json_is_number(denied)) {
        part->denied += json_number_value(denied);
        part->denied_n++;
    }
}

/* The network counts once, however many of its targets are of the group. */
static void count(struct group *group, double weight) {
    const struct part part = group->part;
    group->part = (struct part){0};
    group->n++;
    group->weight += weight;
    group->not_clear_n += part.state != NX_STATE_CLEAR ? 1 : 0;
    group->states[part.state]++;
    if (part.denied_n > 0) {
        group->denied += weight * part.denied / part.denied_n;
        group->denied_weight += weight;
    }
}

static bool add_by_label(struct nx_kept_groups *g, const json_t *site,
                         double weight) {
    char value[NX_LABEL_VALUE_MAX];
    struct group *group =
        group_of(g, nx_status_kept_label(json_object_get(site, "labels"),
                                         g->query.group, value));
    if (group == NULL) {
        return false;
    }
    take(group, site);
    count(group, weight);
    return true;
}

static const char *resolver_of(const json_t *target) {
    const char *text = json_string_value(json_object_get(target, "resolver"));
    return text != NULL ? text : "";
}

static bool add_by_resolver(struct nx_kept_groups *g, const json_t *site,
                            double weight) {
    const json_t *targets = json_object_get(site, "targets");
    const json_t *target = NULL;
    size_t i = 0;
    json_array_foreach(targets, i, target) {
        struct group *group = group_of(g, resolver_of(target));
        if (group == NULL) {
            return false;
        }
        take(group, target);
    }
    json_array_foreach(targets, i, target) {
        struct group *group = group_of(g, resolver_of(target));
        if (group != NULL && group->part.any) {
            count(group, weight);
        }
    }
    return true;
}

int nx_kept_groups_add(struct nx_kept_groups *g, const json_t *site) {
    const json_t *said = json_object_get(site, "weight");
    double weight = json_is_number(said) ? json_number_value(said) : 1;
    bool added = g->query.by_resolver ? add_by_resolver(g, site, weight)
                                      : add_by_label(g, site, weight);
    return added ? 0 : NX_ENOMEM;
}

/* --- as text --- */

static void put_states(struct nx_text *out, const struct group *group) {
    nx_put_open(out, '{');
    for (unsigned s = 0; s < NX_STATE_N_; s++) {
        if (group->states[s] > 0) {
            nx_put_key(out, nx_state_text(s));
            nx_put_integer(out, (int64_t)group->states[s]);
        }
    }
    nx_put_close(out, '}');
}

static void put_group(struct nx_text *out, const struct group *group) {
    static const char *const forecasts[] = {"affected", "all_clear", "hard"};
    double weights = group->denied_weight;
    nx_put_open(out, '{');
    nx_put_key(out, "value");
    nx_put_value(out, group->value[0] != '\0' ? nx_json_text(group->value)
                                              : json_null());
    nx_put_key(out, "networks");
    nx_put_integer(out, (int64_t)group->n);
    nx_put_key(out, "weight");
    nx_put_real(out, group->weight);
    nx_put_key(out, "states");
    put_states(out, group);
    nx_put_key(out, "denied");
    nx_put_value(out,
                 nx_json_ratio(weights > 0 ? group->denied / weights : -1.0));
    for (size_t i = 0; i < sizeof(forecasts) / sizeof(forecasts[0]); i++) {
        nx_put_key(out, forecasts[i]);
        nx_put_null(out);
    }
    nx_put_close(out, '}');
}

static int worst_first(const void *a, const void *b) {
    const struct group *x = *(struct group *const *)a;
    const struct group *y = *(struct group *const *)b;
    int more =
        (y->not_clear_n > x->not_clear_n) - (y->not_clear_n < x->not_clear_n);
    return more != 0 ? more : strcmp(x->value, y->value);
}

static int as_they_came(const void *a, const void *b) {
    (void)a;
    (void)b;
    return 0;
}

static bool begin(struct nx_kept_groups *g, struct nx_text *out) {
    g->list = calloc(HASH_COUNT(g->groups) + 1, sizeof(struct group *));
    if (g->list == NULL) {
        return false;
    }
    for (struct group *one = g->groups; one != NULL; one = one->hh.next) {
        g->list[g->list_n++] = one;
    }
    nx_put_open(out, '{');
    nx_put_member(out, "label",
                  g->query.by_resolver ? "resolver"
                                       : nx_label_key_text(g->query.group));
    nx_put_key(out, "list");
    nx_put_open(out, '[');
    return nx_order_begin(&g->order, g->list, g->list_n, sizeof(struct group *),
                          g->query.by_resolver ? worst_first : as_they_came) ==
           0;
}

bool nx_kept_groups_put(struct nx_kept_groups *g, size_t budget,
                        struct nx_text *out) {
    if (g->list == NULL && !begin(g, out)) {
        out->failed = true;
        return true;
    }
    if (!nx_order_step(&g->order, &budget)) {
        return false;
    }
    for (; g->put_n < g->list_n && budget > 0; budget--) {
        struct group *const *one = g->order.from[g->put_n++];
        put_group(out, *one);
    }
    if (g->put_n < g->list_n) {
        return false;
    }
    nx_put_close(out, ']');
    nx_put_close(out, '}');
    return true;
}
