/* What a page is to show of an incident. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/board_parts.h"
#include "common/hash.h"

struct nx_board_choice *
nx_board_choice_new(const struct nx_status_query *query) {
    struct nx_board_choice *c = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->query = *query;
        c->query.sight = &c->sight;
        if (query->sight != NULL) {
            c->sight = *query->sight;
        }
    }
    return c;
}

static bool same_where(const struct nx_where *a, const struct nx_where *b) {
    bool same = a->n == b->n && strcmp(a->resolver, b->resolver) == 0;
    for (size_t i = 0; same && i < a->n; i++) {
        same = a->at[i].key == b->at[i].key &&
               strcmp(a->at[i].value, b->at[i].value) == 0;
    }
    return same;
}

static bool same_sight(const struct nx_sight *a, const struct nx_sight *b) {
    size_t n = b != NULL ? b->networks_n : 0;
    bool same = a->networks_n == n;
    for (size_t i = 0; same && i < n; i++) {
        same = strcmp(a->networks[i], b->networks[i]) == 0;
    }
    return same;
}

static bool same_groups(const struct nx_status_query *a,
                        const struct nx_status_query *b) {
    return a->grouped == b->grouped &&
           (!a->grouped || (a->by_resolver == b->by_resolver &&
                            (a->by_resolver || a->group == b->group)));
}

bool nx_board_choice_is(const struct nx_board_choice *choice,
                        const struct nx_status_query *query) {
    if (choice == NULL || query == NULL) {
        return choice == NULL && query == NULL;
    }
    return same_where(&choice->query.where, &query->where) &&
           same_groups(&choice->query, query) &&
           same_sight(&choice->sight, query->sight);
}

bool nx_board_choice_narrows(const struct nx_board_choice *choice) {
    return choice != NULL &&
           (choice->query.where.n > 0 || choice->sight.networks_n > 0 ||
            choice->query.where.resolver[0] != '\0');
}

static uint64_t hash_blob(const struct nx_blob *blob, uint64_t hash) {
    return blob != NULL ? nx_hash(blob->bytes, blob->len, hash) : hash;
}

/* Of a network its stamp, for its text may be large. */
uint64_t nx_board_choice_tag(const struct nx_board_page *page) {
    uint64_t hash = hash_blob(page->head, 1);
    hash = nx_hash_u64(page->groups_digest, hash);
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_board_site *site = &page->sites[i];
        hash = nx_hash(site->network, strlen(site->network), hash);
        hash = nx_hash_u64(site->stamp, hash);
    }
    return hash;
}
